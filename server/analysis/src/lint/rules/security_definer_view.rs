use crate::lint::context::UNTRUSTED_ROLES;
use crate::lint::prelude::*;
use crate::schema::objects::Relation;

rule! {
    /// A view reads with its owner's rights, past the row security of the tables under it.
    ///
    /// ## When
    /// After the last migration, a view in an exposed schema is not `security_invoker`, an untrusted role may select from
    /// it, and it reads at least one table. Only on PostgreSQL 15 and newer, where the option exists, and only in Supabase
    /// projects, where there is an API. Materialized views have no such option and are not meant.
    ///
    /// ## Why
    /// Without `security_invoker`, PostgreSQL checks the tables' row security as the view's owner, who is exempt from it.
    /// Whoever may read the view reads every row. `CREATE OR REPLACE VIEW` without the option takes it away again.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid, body text);
    /// alter table notes enable row level security;
    /// create view recent_notes as select id, body from notes;
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, owner uuid, body text);
    /// alter table notes enable row level security;
    /// create view recent_notes with (security_invoker = true) as select id, body from notes;
    /// ```
    ///
    /// ## Fix
    /// Adds `security_invoker = true` to the view's options. Roles that only had rights on the view then need rights on the
    /// tables, too.
    ///
    /// ## References
    /// - [CREATE VIEW](https://www.postgresql.org/docs/current/sql-createview.html)
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    "security-definer-view",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    if cx.settings.postgres < 15 || cx.base() != crate::history::Base::Supabase {
        return;
    }
    let last = cx.last();
    let Some(view) = relation.view().filter(|view| !view.materialized) else {
        return;
    };
    let Some(number) = cx.judged_file(relation.meta.changed) else {
        return;
    };
    let reached = UNTRUSTED_ROLES.iter().any(|role| {
        relation
            .meta
            .acl
            .get(*role)
            .is_some_and(|privileges| privileges.contains_key("SELECT"))
    });
    let reads = view.dependencies.relations.iter().any(|id| last.table(id).is_some());
    let certain = last.since(relation.meta.certainty, relation.meta.changed).is_certain();
    if !cx.is_exposed(id) || !reached || !reads || view.security_invoker() || !certain {
        return;
    }
    let statement = cx.statement_at(number, relation.meta.changed);
    let name = shown(id);
    let message = format!("`{name}` reads with its owner's rights, past the row level security of its tables");
    let Some(Node::CreateView(create)) = statement.map(|statement| &statement.node) else {
        report
            .add(relation.meta.changed.span, message)
            .in_migration(number)
            .help(format!("Run `alter view {name} set (security_invoker = true)`."));
        return;
    };
    let written = create.options.iter().find(|option| option.name == "security_invoker");
    let edit = match (written, create.options.last()) {
        (Some(option), _) => replace(option.span, "security_invoker = true"),
        (None, Some(last)) => insert(last.span.end, ", security_invoker = true"),
        (None, None) => insert(create.options_span.start, " with (security_invoker = true)"),
    };
    report
        .add(create.name.span(), message)
        .in_migration(number)
        .help(format!("Create `{name}` with (security_invoker = true)."))
        .fix(
            FixKind::Review,
            format!("Read `{name}` with the caller's rights"),
            vec![edit],
        );
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    const TABLE: &str = "-- 1_a.sql\ncreate table notes (id bigint primary key, body text);\n";

    #[test]
    fn a_view_over_a_table_reads_everything() {
        Case::new(&RULE).supabase().fires(&format!(
            "{TABLE}create view public.recent as select * from notes;
--          ^^^^^^^^^^^^^ warning: `recent` reads with its owner's rights
create view invoked with (security_invoker = on) as select * from notes;
create view constants as select 1 as one;
create materialized view counted as select count(*) from notes;
"
        ));
    }

    #[test]
    fn replacing_a_view_takes_the_option_away() {
        Case::new(&RULE).supabase().fires(&format!(
            "{TABLE}create view recent with (security_invoker = true) as select id from notes;
-- 2_b.sql
create or replace view recent as select id, body from notes;
--                     ^^^^^^ warning: `recent` reads
"
        ));
    }

    #[test]
    fn setting_the_option_later_clears_it() {
        let later = "-- 2_b.sql\nalter view recent set (security_invoker = true);\n";
        Case::new(&RULE)
            .supabase()
            .silent(&format!("{TABLE}create view recent as select id from notes;\n{later}"));
    }

    #[test]
    fn before_postgres_15_there_is_no_such_option() {
        let sql = format!("{TABLE}create view recent as select id from notes;\n");
        Case::new(&RULE).supabase().postgres(14).silent(&sql);
    }

    #[test]
    fn options_that_are_there_are_kept() {
        Case::new(&RULE).supabase().fixed(
            &format!("{TABLE}create view recent with (security_barrier) as select id from notes;\n"),
            &format!(
                "{TABLE}create view recent with (security_barrier, security_invoker = true) as select id from notes;\n"
            ),
        );
    }
}
