use crate::lint::prelude::*;
use crate::schema::canonical::describe;
use crate::schema::change::Key;

rule! {
    /// Dropping a column destroys its values, and breaks every program that still names it.
    ///
    /// ## When
    /// `ALTER TABLE … DROP COLUMN` on a table that other sessions may be using. A column that was added in the same
    /// transaction is exempt, as are temporary tables, the first migration of a whole history, and a table that the file
    /// drops later, which [drop-table](drop-table.md) speaks of.
    ///
    /// ## Why
    /// The values are gone at commit, and no script brings them back that has no copy of them: `dblsp apply` keeps one
    /// first, other tools do not. PostgreSQL also drops, without a word, every index and every constraint of several
    /// columns that the column is part of. Programs that still read or write the column fail with 42703 from that moment
    /// on, those, too, that list all columns of the table as they were when the program was built. So first deploy what no
    /// longer names the column, and drop it in a later migration.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, nickname text);
    /// -- 2_drop.sql
    /// alter table users drop column nickname;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, nickname text);
    /// -- 2_keep.sql
    /// comment on column users.nickname is 'unused since release 12; to be dropped';
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "drop-column",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some(busy) = cx.busy_target().filter(|busy| !cx.is_dropped_later(busy.id)) else {
        return;
    };
    for action in &alter.actions {
        let AlterActionKind::DropColumn { column, .. } = &action.kind else {
            continue;
        };
        let known = busy.table.column(&column.value);
        if known.is_none() && busy.table.columns_known {
            continue;
        }
        if known.is_some_and(|known| cx.is_unseen(known.created)) {
            continue;
        }
        let message = format!("dropping `{}.{column}` destroys its values", busy.shown());
        let finding = report.add(action.span, message);
        let lost = silently_lost(cx, busy.id, &column.value);
        finding.help(if lost.is_empty() {
            "Stop using the column, deploy, and only then drop it; keep a copy of the values.".to_owned()
        } else {
            format!(
                "Stop using the column, deploy, and only then drop it; {} will go with it.",
                lost.join(", ")
            )
        });
        if let Some(known) = known {
            finding.related(known.created, "the column was made here");
        }
    }
}

/// Indexes and constraints over several columns that PostgreSQL drops along without saying so.
fn silently_lost(cx: &Cx<'_>, table: &Id, column: &str) -> Vec<String> {
    let dropped = cx.step().changes.iter().filter_map(|change| match change {
        Change::Drop(key @ (Key::Relation(_) | Key::Constraint(..))) => Some(key),
        _ => None,
    });
    let before = cx.before();
    let over_column = dropped.filter(|key| match key {
        Key::Relation(id) => before
            .index(id)
            .is_some_and(|index| index.table == *table && index.constraint.is_none()),
        Key::Constraint(of, name) => {
            let found = before.table(of).and_then(|table| table.constraint(name));
            of == table && found.is_some_and(|found| found.columns.iter().any(|own| own == column))
        }
        _ => false,
    });
    over_column.map(|key| format!("`{}`", describe(key))).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_column_of_an_older_table_is_lost() {
        Case::new(&RULE).fires(
            "
-- 1_users.sql
create table users (id bigint primary key, a int, b int, unique (a, b));
-- 2_drop.sql
alter table users add column c text, drop column if exists a;
--                                   ^^^^^^^^^^^^^^^^^^^^^^^ warning: dropping `users.a` destroys its values
",
        );
    }

    #[test]
    fn an_unknown_table_is_taken_to_be_old() {
        Case::new(&RULE).fires(
            "
alter table auth.users drop column name;
--                     ^^^^^^^^^^^^^^^^ warning: dropping `auth.users.name`
",
        );
    }

    #[test]
    fn a_table_or_column_from_the_same_transaction_is_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
create table posts (id bigint primary key, title text);
alter table posts drop column title;
alter table users add column draft text;
alter table users drop column draft;
create temp table scratch (a int, b int);
",
        );
    }

    #[test]
    fn a_table_that_goes_as_a_whole_is_told_of_once() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, name text);
create table posts (id bigint primary key, title text);
create table teams (id bigint primary key, title text);
-- 2_second.sql
alter table users drop column name;
drop table users;
alter table posts drop column title;
--                ^^^^^^^^^^^^^^^^^ warning: dropping `posts.title` destroys its values
drop table posts;
create table posts (id bigint primary key);
-- 3_third.sql
alter table teams drop column title;
--                ^^^^^^^^^^^^^^^^^ warning: dropping `teams.title` destroys its values
alter table teams rename to groups;
-- 4_fourth.sql
drop table groups;
",
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_not_lost() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
alter table users drop column if exists name;
",
        );
    }
}
