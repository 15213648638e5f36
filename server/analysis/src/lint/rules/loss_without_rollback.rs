use crate::lint::prelude::*;
use crate::lint::work::Work;
use crate::schema::change::{Key, Write};
use crate::sql::statement::{ObjectKind, Statement};

rule! {
    /// Nothing brings back what the migration destroys: it has no rollback, unlike earlier ones.
    ///
    /// ## When
    /// Earlier migrations of the project have a rollback, in a file of its own or in a section of theirs, and this one,
    /// which has none, destroys rows or values: it drops a table or a column, truncates a table, or deletes all its rows.
    /// Silent where the same migration has copied the table before, and about temporary tables and what it made itself.
    /// Where the migration convention is on, `rollback-missing` asks for every rollback, and this rule says nothing.
    ///
    /// ## Why
    /// Most rollbacks can be written afterwards, from the migration. Not this one: what is destroyed is in no file. Whoever
    /// rolls a release back step by step finds the step that cannot be undone in the middle of it.
    ///
    /// ## Bad
    /// ```sql pairs
    /// -- 1_users.sql
    /// create table users (id bigint primary key, nickname text);
    /// -- 2_nickname.sql
    /// alter table users drop column nickname;
    /// -- rollback/1_rollback.sql
    /// drop table users;
    /// ```
    ///
    /// ## Good
    /// ```sql pairs
    /// -- 1_users.sql
    /// create table users (id bigint primary key, nickname text);
    /// -- 2_nickname.sql
    /// create table users_nickname as select id, nickname from users;
    /// alter table users drop column nickname;
    /// -- rollback/2_rollback.sql
    /// alter table users add column nickname text;
    /// update users set nickname = kept.nickname from users_nickname kept where kept.id = users.id;
    /// drop table users_nickname;
    /// -- rollback/1_rollback.sql
    /// drop table users;
    /// ```
    ///
    /// ## Fix
    /// Creates the rollback file where the project has a place for it. `dblsp apply` keeps what the migration destroys, and
    /// `dblsp rollback` puts it back at the lines `-- dblsp: restore`; with other tools, copy the rows first.
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "loss-without-rollback",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let migration = cx.migration();
    // A file without a version is no migration to the tools that go by versions.
    if migration.has_rollback || migration.convention || migration.version.is_empty() {
        return;
    }
    // Replaying the file once more is for those that may have something to say.
    let may_destroy = cx.document().file.statements.iter().any(|one| destroys(&one.node));
    if !may_destroy || !cx.earlier_ones_have_rollbacks() {
        return;
    }
    let Some((statement, what)) = first_loss(cx) else {
        return;
    };
    let finding = report.add(statement, format!("{what}, and no rollback brings it back"));
    finding.help("Write the rollback, and keep a copy of what is destroyed for it.");
    if let Some(path) = &migration.rollback_path {
        let file = cx.new_file(path, || cx.inverse().to_sql(migration.file_name(), cx.text()));
        finding.fix_with_file(FixKind::Review, "Create the rollback file", file);
    }
}

/// Whether a statement destroys rows or values, as far as its words say.
fn destroys(node: &Node) -> bool {
    match node {
        Node::AlterTable(alter) => alter
            .actions
            .iter()
            .any(|action| matches!(action.kind, AlterActionKind::DropColumn { .. })),
        Node::Drop(drop) => drop.objects.iter().any(|object| object.kind == ObjectKind::Table),
        Node::Truncate { .. } => true,
        Node::Delete(delete) => delete.filter.is_none() && delete.using.is_empty(),
        _ => false,
    }
}

/// The first statement that destroys what was there before the migration, and what that is.
fn first_loss(cx: &Cx<'_>) -> Option<(Span, String)> {
    let mut found = None;
    let nothing_done = Work::default();
    cx.steps(&mut |moment| {
        if found.is_none() && destroys(&moment.step.statement.node) {
            let cx = cx.at(moment, &nothing_done);
            found = loss(&cx).map(|what| (moment.step.outer.span, what));
        }
    });
    found
}

fn loss(cx: &Cx<'_>) -> Option<String> {
    let changes = &cx.step().changes;
    changes.iter().find_map(|change| match change {
        Change::DropColumn { table, column } => {
            let busy = cx.busy(table)?;
            let known = busy.table.column(column);
            let is_there = known.map_or(!busy.table.columns_known, |known| !cx.is_unseen(known.created));
            let is_lost = is_there && !is_copied(cx, table);
            is_lost.then(|| format!("dropping `{}.{column}` destroys its values", busy.shown()))
        }
        Change::Drop(Key::Relation(table)) => {
            let busy = cx.busy(table).filter(|_| !is_copied(cx, table))?;
            Some(format!("dropping `{}` destroys its rows", busy.shown()))
        }
        Change::Write {
            table,
            what: what @ (Write::Truncate | Write::Delete),
        } => {
            let busy = cx.busy(table).filter(|_| !is_copied(cx, table))?;
            let verb = if *what == Write::Truncate {
                "truncating"
            } else {
                "emptying"
            };
            Some(format!("{verb} `{}` destroys its rows", busy.shown()))
        }
        _ => None,
    })
}

/// Whether an earlier statement of the file puts rows of the table somewhere else.
fn is_copied(cx: &Cx<'_>, table: &Id) -> bool {
    let earlier = &cx.document().file.statements[..cx.step().number];
    let copies = |statement: &Statement| {
        let keeps = matches!(statement.node, Node::CreateTableAs(_) | Node::Insert(_));
        keeps && names(cx.source(statement.span), &table.name)
    };
    earlier.iter().any(copies)
}

/// Whether a word of the text is the name.
fn names(text: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(|letter| !is_part(letter))
        .any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    /// A history whose first migration has a rollback; `{}` stands for the second.
    fn with_pairs(second: &str) -> String {
        format!(
            "
-- 1_users.sql
create table users (id bigint primary key, nickname text);
create table old (id bigint);
-- rollback/1_rollback.sql
drop table users, old;
-- 2_next.sql
{second}
"
        )
    }

    #[test]
    fn what_others_have_a_rollback_for_is_missed() {
        for (statement, said) in [
            (
                "alter table users drop column nickname;",
                "dropping `users.nickname` destroys its values, and no",
            ),
            ("drop table old;", "dropping `old` destroys its rows, and no rollback"),
            ("truncate users;", "truncating `users` destroys its rows"),
            ("delete from users;", "emptying `users` destroys its rows"),
        ] {
            let carets = "^".repeat(statement.len() - 3);
            Case::new(&RULE).fires(&with_pairs(&format!("  {statement}\n--{carets}^^ warning: {said}")));
        }
    }

    #[test]
    fn a_migration_is_told_of_once() {
        Case::new(&RULE).fires(&with_pairs(
            "  drop table old;\n--^^^^^^^^^^^^^^ warning: dropping `old`\ntruncate users;",
        ));
    }

    #[test]
    fn what_keeps_everything_needs_no_rollback_to_bring_it_back() {
        for second in [
            "alter table users add column age int;",
            "delete from users where id = 1;",
            "create table more (a int, b int);\nalter table more drop column b;\ndrop table more;",
            "create temp table scratch (a int);\ndrop table scratch;",
            "alter table users add column draft text;\nalter table users drop column draft;",
            "create table kept as select id, nickname from users;\nalter table users drop column nickname;",
            "alter table users drop column if exists missing;",
        ] {
            Case::new(&RULE).silent(&with_pairs(second));
        }
    }

    #[test]
    fn a_copy_of_another_table_is_none() {
        Case::new(&RULE).fires(&with_pairs(
            "create table kept as select id from old;\n  truncate users;\n--^^^^^^^^^^^^^^ warning: truncating `users`",
        ));
    }

    #[test]
    fn nobody_is_asked_who_writes_no_rollbacks_and_nobody_who_wrote_this_one() {
        Case::new(&RULE).silent(
            "
-- 1_users.sql
create table users (id bigint primary key, nickname text);
-- 2_next.sql
alter table users drop column nickname;
",
        );
        // Older than the first rollback.
        Case::new(&RULE).silent(
            "
-- 1_users.sql
create table users (id bigint primary key, nickname text);
-- 2_next.sql
alter table users drop column nickname;
-- 3_teams.sql
create table teams (id bigint primary key);
-- rollback/3_rollback.sql
drop table teams;
",
        );
        let own = with_pairs("drop table old;\n-- rollback/2_rollback.sql\ncreate table old (id bigint);");
        Case::new(&RULE).silent(&own);
    }

    #[test]
    fn the_rollback_file_can_be_created() {
        let case = Case::new(&RULE);
        let found = case.findings(&case.history(&with_pairs("drop table old;")));
        let created = &found[0].fixes[0].creates[0];
        assert_eq!(created.path, "rollback/2_rollback.sql");
        let text = created.text.as_deref().expect("the text is asked for");
        assert!(text.contains("create table public.old"), "{text}");
    }
}
