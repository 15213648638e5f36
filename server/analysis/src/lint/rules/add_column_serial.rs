use crate::lint::prelude::*;
use crate::schema::resolve::table::serial_type;

rule! {
    /// Adding a `serial` column rewrites the whole table while reads and writes of it wait.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN` with `smallserial`, `serial` or `bigserial` (or `serial2`, `serial4`, `serial8`) on a
    /// table that other sessions may be using. A column that is there already, with `IF NOT EXISTS`, is not added. Silent,
    /// too, about a table that the file has emptied before, with `TRUNCATE` or a `DELETE` without `WHERE`, and nothing has
    /// filled since.
    ///
    /// ## Why
    /// `serial` is a default of `nextval(…)`, which is volatile: PostgreSQL numbers every row that is there, and so
    /// writes the table and all its indexes anew under an ACCESS EXCLUSIVE lock. Every read and write waits until it is
    /// done.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id uuid primary key);
    /// -- 2_number.sql
    /// alter table users add column number bigserial;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id uuid primary key);
    /// -- 2_number.sql
    /// alter table users add column number bigint;
    /// create sequence users_number_seq owned by users.number;
    /// alter table users alter column number set default nextval('users_number_seq');
    /// ```
    ///
    /// ## Fix
    /// Adds the column without a default, then its sequence, and sets the default for new rows. What remains is to number
    /// the old rows in batches, and to set NOT NULL then.
    ///
    /// ## References
    /// - [Serial types](https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-SERIAL)
    /// - [ALTER TABLE, notes on rewrites](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES)
    "add-column-serial",
    category: Category::Rewrite,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (column, busy) in cx.columns_added_to_rows() {
        let Some((ty, base)) = column
            .ty
            .as_ref()
            .and_then(|ty| serial_type(&ty.name).map(|base| (ty, base)))
        else {
            continue;
        };
        let table = busy.shown();
        let message = format!(
            "adding `{table}.{}` rewrites `{table}` to number its rows: reads and writes of it wait under an ACCESS \
             EXCLUSIVE lock",
            column.name
        );
        let finding = report.add(ty.span, message);
        finding.help(format!(
            "Add it as `{base}`, set a sequence as its default, and number old rows in batches."
        ));
        // NOT NULL and PRIMARY KEY cannot hold before the rows are numbered.
        if !cx.is_editable() || !column.constraints.is_empty() {
            continue;
        }
        let Node::AlterTable(alter) = &cx.step().statement.node else {
            continue;
        };
        let (name, of) = (cx.source(column.name.span), cx.source(alter.name.span()));
        let quoted = crate::schema::objects::quote(&format!("{}_{}_seq", busy.id.name, column.name));
        let quoted = match alter.name.qualifier() {
            Some(schema) => format!("{}.{quoted}", cx.source(schema.span)),
            None => quoted,
        };
        let rest = format!(
            "{} {quoted} {} {of}.{name}{} {of} {} {name} {} nextval('{quoted}')",
            cx.cased(";\ncreate sequence"),
            cx.cased("owned by"),
            cx.cased(";\nalter table"),
            cx.cased("alter column"),
            cx.cased("set default"),
        );
        let edits = vec![
            replace(ty.span, cx.cased(base)),
            insert(cx.step().statement.span.end, rest),
        ];
        finding.fix(
            FixKind::Review,
            "Set the sequence as default after the column was added",
            edits,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn every_kind_of_serial_numbers_the_rows() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id uuid primary key, there int);
-- 2_second.sql
alter table users add a serial, add column b bigint, add c bigserial not null;
--                      ^^^^^^ warning: adding `users.a` rewrites `users` to number its rows: reads and writes of it wait
--                                                         ^^^^^^^^^ warning: adding `users.c` rewrites
alter table users add d smallserial, add e serial4;
--                      ^^^^^^^^^^^ warning: adding `users.d` rewrites
--                                         ^^^^^^^ warning: adding `users.e` rewrites
alter table users add if not exists there serial;
",
        );
    }

    #[test]
    fn new_and_temporary_tables_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id uuid primary key);
alter table users add a serial;
-- 2_second.sql
create table posts (id uuid primary key);
alter table posts add a serial;
create temp table scratch (id int);
alter table scratch add a serial;
",
        );
    }

    #[test]
    fn the_fix_sets_the_default_afterwards() {
        Case::new(&RULE).fixed(
            "ALTER TABLE app.users ADD COLUMN number serial8;",
            "ALTER TABLE app.users ADD COLUMN number BIGINT;\nCREATE SEQUENCE app.users_number_seq OWNED BY app.users.number;\nALTER TABLE app.users ALTER COLUMN number SET DEFAULT nextval('app.users_number_seq');",
        );
    }
}
