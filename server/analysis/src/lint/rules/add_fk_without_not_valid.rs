use crate::lint::prelude::*;
use crate::schema::objects::{ConstraintKind, TableKind};
use crate::sql::statement::{AlterTable, TableConstraint, TableConstraintKind};

rule! {
    /// Adding a foreign key checks every row of the table while writes to both tables wait.
    ///
    /// ## When
    /// `ALTER TABLE … ADD [CONSTRAINT …] FOREIGN KEY … REFERENCES …` without `NOT VALID` on a table that other sessions may
    /// be using. `NOT ENFORCED` (PostgreSQL 18) is exempt: nothing is read. So is a constraint whose name is taken:
    /// PostgreSQL refuses it before it reads. In a table of the same transaction, or one that the file has truncated, there
    /// is nothing to check, but the referenced table, if others may be using it, is locked all the same: an info.
    ///
    /// ## Why
    /// PostgreSQL looks up every row that is there in the referenced table, and holds a SHARE ROW EXCLUSIVE lock on both
    /// tables all the while: reads go on, writes to either wait until it is done. Where the transaction has altered the
    /// table before, it holds an ACCESS EXCLUSIVE lock on it already, and then reads wait for the check, too. With `NOT
    /// VALID` only new and changed rows are checked, and the locks are gone at once; `VALIDATE CONSTRAINT` then checks the
    /// old ones under a SHARE UPDATE EXCLUSIVE lock on the table and a ROW SHARE lock on the referenced one, beside which
    /// writes go on.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint);
    /// -- 2_user.sql
    /// alter table orders add constraint orders_user_id_fkey foreign key (user_id) references users (id);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint);
    /// -- 2_user.sql
    /// alter table orders add constraint orders_user_id_fkey foreign key (user_id) references users (id) not valid;
    /// -- 3_user.sql
    /// alter table orders validate constraint orders_user_id_fkey;
    /// ```
    ///
    /// ## Fix
    /// Appends `NOT VALID`. What remains is to validate the constraint in a later migration; where every statement
    /// commits on its own, the fix writes that too. Before PostgreSQL 18 a partitioned table cannot have a foreign key
    /// that is not valid: add it to each partition first.
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint NOT VALID](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT)
    /// - [Table-level locks](https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES)
    "add-fk-without-not-valid",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some(busy) = cx.filled_target() else {
        return parents_of_empty(cx, report, alter);
    };
    let unsupported = busy.table.kind == TableKind::Partitioned && cx.settings.postgres < 18;
    for action in &alter.actions {
        let AlterActionKind::AddConstraint(constraint) = &action.kind else {
            continue;
        };
        let is_foreign = matches!(constraint.kind, TableConstraintKind::ForeignKey { .. });
        if !is_foreign
            || constraint.not_valid
            || constraint.not_enforced
            || cx.had_constraint(busy.id, constraint, alter)
        {
            continue;
        }
        let table = busy.shown();
        let what = match &constraint.name {
            Some(name) => format!("`{name}`"),
            None => "a foreign key".to_owned(),
        };
        let other = referenced(cx, busy.id, constraint)
            .filter(|other| *other != busy.id && cx.busy(other).is_some())
            .map(|other| format!(" and `{}`", shown(other)))
            .unwrap_or_default();
        let held = cx.work().held.get(busy.id).filter(|(mode, _)| mode.blocks_reads());
        let message = match held {
            Some((mode, _)) => {
                let others = other.replacen(" and", ", and writes to", 1);
                format!(
                    "adding {what} checks every row of `{table}` while the transaction holds {mode} on it: reads and writes \
                     of `{table}`{others} wait"
                )
            }
            None => format!(
                "adding {what} checks every row of `{table}`: writes to `{table}`{other} wait under a SHARE ROW EXCLUSIVE \
                 lock"
            ),
        };
        let finding = report.add(constraint.span, message);
        if let Some((_, origin)) = held {
            finding.related(*origin, "the lock is taken here");
        }
        if unsupported {
            finding.help("Add it to each partition as `not valid` and validate it there, then add it to the table.");
            continue;
        }
        finding.help("Add it `not valid`, and validate it in a later migration.");
        if cx.is_editable() {
            finding.fix(FixKind::Review, "Add it `not valid`", not_valid(cx, alter, constraint));
        }
    }
}

/// There is nothing to check in a table of the same transaction, nor in one that it has truncated; whoever writes to the
/// table that the foreign key references waits all the same.
fn parents_of_empty(cx: &Cx<'_>, report: &mut Report, alter: &AlterTable) {
    let Some(table) = cx.step().target.as_ref() else { return };
    let is_truncated = cx.is_truncated(table);
    // By itself the statement is done at once.
    if is_truncated && cx.commits_alone() {
        return;
    }
    let which = if is_truncated {
        String::new()
    } else {
        format!(" that makes `{}`", shown(table))
    };
    for action in &alter.actions {
        let AlterActionKind::AddConstraint(constraint) = &action.kind else {
            continue;
        };
        let parent = referenced(cx, table, constraint).filter(|parent| *parent != table && cx.busy(parent).is_some());
        let Some(parent) = parent else { continue };
        let parent = shown(parent);
        let message =
            format!("writes to `{parent}` wait under a SHARE ROW EXCLUSIVE lock until the transaction{which} commits");
        report
            .add(constraint.span, message)
            .level(Level::Info)
            .help("Keep what follows in the transaction short, or add the foreign key last.");
    }
}

/// The referenced table, as the resolved constraint names it.
fn referenced<'a>(cx: &Cx<'a>, table: &Id, written: &TableConstraint) -> Option<&'a Id> {
    let TableConstraintKind::ForeignKey { columns, references } = &written.kind else {
        return None;
    };
    cx.step().changes.iter().find_map(|change| match change {
        Change::AddConstraint { table: of, constraint } if of == table => match &constraint.kind {
            ConstraintKind::Foreign(key) => {
                let same_columns = constraint.columns.iter().eq(columns.iter().map(|column| &column.value));
                (same_columns && key.table.name == references.table.last().value).then_some(&key.table)
            }
            _ => None,
        },
        _ => None,
    })
}

fn not_valid(cx: &Cx<'_>, alter: &AlterTable, constraint: &TableConstraint) -> Vec<crate::lint::diagnostic::Edit> {
    let mut edits = vec![insert(constraint.span.end, format!(" {}", cx.cased("not valid")))];
    if let Some(name) = constraint.name.as_ref().filter(|_| cx.commits_alone()) {
        let validate = format!(
            "{} {} {} {}",
            cx.cased(";\nalter table"),
            cx.source(alter.name.span()),
            cx.cased("validate constraint"),
            cx.source(name.span)
        );
        edits.push(insert(cx.step().statement.span.end, validate));
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn both_tables_are_locked_unless_it_says_not_valid() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint, parent bigint);
-- 2_second.sql
alter table orders add constraint owner foreign key (user_id) references users;
--                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `owner` checks every row of `orders`: writes to `orders` and `users` wait under a SHARE ROW EXCLUSIVE lock
alter table orders add foreign key (parent) references orders (id);
--                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding a foreign key checks every row of `orders`: writes to `orders` wait under
alter table orders add foreign key (parent) references orders (id) not valid;
create table fresh (id bigint primary key);
alter table orders add foreign key (user_id) references fresh;
--                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding a foreign key checks every row of `orders`: writes to `orders` wait
",
        );
    }

    #[test]
    fn a_lock_that_is_held_already_keeps_readers_out_too() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
create table orders (id bigint primary key, parent bigint);
-- 2_second.sql
alter table orders add column user_id bigint;
alter table orders add foreign key (user_id) references users;
--                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding a foreign key checks every row of `orders` while the transaction holds ACCESS EXCLUSIVE on it: reads and writes of `orders`, and writes to `users` wait
alter table orders add foreign key (parent) references orders;
--                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding a foreign key checks every row of `orders` while the transaction holds ACCESS EXCLUSIVE on it: reads and writes of `orders` wait
",
        );
    }

    #[test]
    fn a_foreign_key_of_a_new_table_finds_no_rows_but_locks_the_old_one() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
create table orders (id bigint primary key, user_id bigint, parent_id bigint);
alter table orders add foreign key (parent_id) references orders;
alter table orders add foreign key (user_id) references users;
--                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: writes to `users` wait under a SHARE ROW EXCLUSIVE lock
",
        );
    }

    #[test]
    fn a_foreign_key_that_nobody_enforces_reads_nothing() {
        let sql = "alter table orders add foreign key (user_id) references users not enforced;";
        Case::new(&RULE).postgres(18).silent(sql);
    }

    #[test]
    fn a_constraint_that_is_there_is_not_added() {
        let sql = "
-- 1_first.sql
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint constraint owner references users);
-- 2_second.sql
do $$ begin
  alter table orders add constraint owner foreign key (user_id) references users;
exception when duplicate_object then null; end $$;
";
        Case::new(&RULE).silent(sql);
        let replaced = "
-- 3_third.sql
alter table orders drop constraint owner, add constraint owner foreign key (user_id) references users;
--                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `owner` checks every row
";
        Case::new(&RULE).fires(&format!("{sql}{replaced}"));
    }

    #[test]
    fn the_fix_appends_not_valid() {
        Case::new(&RULE).fixed(
            "alter table orders add foreign key (a) references users on delete cascade;",
            "alter table orders add foreign key (a) references users on delete cascade not valid;",
        );
        Case::new(&RULE).runner(Runner::Psql).fixed(
            "alter table orders add constraint k foreign key (a) references users;",
            "alter table orders add constraint k foreign key (a) references users not valid;\nalter table orders validate constraint k;",
        );
    }
}
