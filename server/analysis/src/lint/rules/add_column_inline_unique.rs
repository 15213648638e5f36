use crate::lint::prelude::*;
use crate::sql::statement::ColumnConstraintKind;

rule! {
    /// A unique column that is added builds its index while reads and writes of the table wait.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … UNIQUE` or `PRIMARY KEY` on a table that other sessions may be using. Where the same
    /// statement rewrites the table anyway, another rule says so, and this one is silent. Silent, too, about a table that
    /// the file has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL reads the whole table and builds the index under an ACCESS EXCLUSIVE lock. An index that is built
    /// `CONCURRENTLY` lets reads and writes go on, and becomes the constraint's index at once.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_email.sql
    /// alter table users add column email text unique;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_email.sql
    /// alter table users add column email text;
    /// create unique index concurrently users_email_key on users (email);
    /// alter table users add constraint users_email_key unique using index users_email_key;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint_using_index](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX)
    "add-column-inline-unique",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (column, busy) in cx.added_columns() {
        if cx.cost().rewrites.contains(busy.id) {
            return;
        }
        for constraint in &column.constraints {
            let what = match constraint.kind {
                ColumnConstraintKind::Unique { .. } => "unique",
                ColumnConstraintKind::PrimaryKey => "the primary key",
                _ => continue,
            };
            let table = busy.shown();
            let message = format!(
                "adding `{table}.{}` as {what} builds an index: reads and writes of `{table}` wait under an ACCESS \
                 EXCLUSIVE lock until it is done",
                column.name
            );
            report.add(constraint.span, message).help(format!(
                "Add the column alone, create a unique index `concurrently`{}, and add the constraint `using index`.",
                cx.apart()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn an_index_is_built() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (name text, there int);
-- 2_second.sql
alter table users add a text unique, add b int;
--                           ^^^^^^ warning: adding `users.a` as unique builds an index: reads and writes of `users` wait under an ACCESS EXCLUSIVE lock until it is done
alter table users add if not exists there int unique;
alter table users add c bigserial primary key;
create table posts (id int);
alter table posts add a int unique;
",
        );
    }

    #[test]
    fn what_fails_on_the_first_row_is_said_once() {
        Case::new(&RULE).silent("alter table users add id int primary key;");
    }
}
