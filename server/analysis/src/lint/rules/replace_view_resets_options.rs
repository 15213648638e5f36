use crate::lint::prelude::*;
use crate::schema::change::Object;
use crate::schema::objects::truth;

rule! {
    /// Replacing a view takes away `security_invoker` and other options not said again.
    ///
    /// ## When
    /// `CREATE OR REPLACE VIEW` of a view that is there with `security_invoker` (PostgreSQL 15) or `security_barrier`,
    /// where the new definition has no such option. `WITH (security_invoker = false)` is taken as meant. Silent where a
    /// later statement sets it again or drops the view.
    ///
    /// ## Why
    /// PostgreSQL replaces the options as a whole, without a word. Without `security_invoker` the view reads its tables
    /// with its owner's rights again, past their row level security: everybody who may read the view sees all rows.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, body text);
    /// create view my_notes with (security_invoker = true) as select id from notes;
    /// -- 2_body.sql
    /// create or replace view my_notes as select id, body from notes;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key, body text);
    /// create view my_notes with (security_invoker = true) as select id from notes;
    /// -- 2_body.sql
    /// create or replace view my_notes with (security_invoker = true) as select id, body from notes;
    /// ```
    ///
    /// ## Fix
    /// Says the options again.
    ///
    /// ## References
    /// - [CREATE VIEW](https://www.postgresql.org/docs/current/sql-createview.html)
    "replace-view-resets-options",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

const OPTIONS: &[&str] = &["security_invoker", "security_barrier"];

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::CreateView(create) = &cx.step().statement.node else {
        return;
    };
    let replaced = cx.step().changes.iter().find_map(|change| match change {
        Change::Alter(Object::Relation(id, new)) => new.view().map(|new| (id, new)),
        _ => None,
    });
    let Some((id, new)) = replaced else { return };
    let Some(old) = cx.before().relations.get(id) else {
        return;
    };
    let last = cx.last().relations.get(id).and_then(|last| last.view());
    let Some((view, last)) = old.view().zip(last) else {
        return;
    };
    let is_lost = |name: &&&str| {
        let was_on = view.options.get(**name).is_some_and(|value| truth(value));
        was_on && !new.options.contains_key(**name) && !last.options.contains_key(**name)
    };
    let lost: Vec<&str> = OPTIONS.iter().filter(is_lost).copied().collect();
    if lost.is_empty() || !cx.before().since(old.meta.certainty, old.meta.changed).is_certain() {
        return;
    }
    let names: Vec<String> = lost.iter().map(|name| format!("`{name}`")).collect();
    let what = if lost.contains(&"security_invoker") {
        ": it reads with its owner's rights, past the row level security of its tables"
    } else {
        ": functions in a query may see rows that the view hides"
    };
    let message = format!("replacing `{}` takes away {}{what}", shown(id), names.join(" and "));
    let finding = report.add(create.name.span(), message);
    finding
        .help("Say the option again in the new definition.")
        .related(old.meta.changed, "the old definition");
    if cx.is_editable() && create.options.is_empty() {
        let options: Vec<String> = lost.iter().map(|name| format!("{name} = true")).collect();
        let text = format!("{} ({}) ", cx.cased("with"), options.join(", "));
        finding.fix(
            FixKind::Review,
            "Say the options again",
            vec![insert(create.options_span.start, text)],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn options_that_are_not_said_again_are_lost() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table notes (id bigint primary key, body text);
create view a with (security_invoker) as select id from notes;
create view b with (security_barrier = true) as select id from notes;
create view c with (security_invoker = on) as select id from notes;
create view d with (security_invoker = true) as select id from notes;
create view e as select id from notes;
create view f with (security_invoker = false) as select id from notes;
-- 2_second.sql
create or replace view a as select id, body from notes;
--                     ^ warning: replacing `a` takes away `security_invoker`: it reads with its owner's rights
create or replace view b as select id, body from notes;
--                     ^ warning: replacing `b` takes away `security_barrier`: functions
create or replace view c with (security_invoker = false) as select id from notes;
create or replace view d as select id, body from notes;
alter view d set (security_invoker = true);
create or replace view e as select id, body from notes;
create or replace view f as select id, body from notes;
",
        );
    }

    #[test]
    fn the_fix_says_them_again() {
        let before = "
-- 1_first.sql
create table notes (id bigint primary key);
create view a with (security_invoker) as select id from notes;
-- 2_second.sql
CREATE OR REPLACE VIEW a AS SELECT id FROM notes;
";
        Case::new(&RULE).fixed(
            before,
            &before.replace("VIEW a AS", "VIEW a WITH (security_invoker = true) AS"),
        );
    }
}
