use crate::lint::prelude::*;
use crate::schema::objects::TypeKind;

rule! {
    /// Adding a column of a constrained domain rewrites the whole table, even without a default.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN` of a domain with a CHECK or NOT NULL on a table that other sessions may be using. A
    /// domain without constraints is added like its base type, at once. Silent, too, about a table that the file has
    /// emptied before, with `TRUNCATE` or a `DELETE` without `WHERE`, and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL has to ask the domain about the value of every row, NULL included, and does so by writing the table and
    /// all its indexes anew under an ACCESS EXCLUSIVE lock. Every read and write waits until it is done.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create domain email as text check (value like '%@%');
    /// create table users (id bigint primary key);
    /// -- 2_email.sql
    /// alter table users add column email email;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create domain email as text check (value like '%@%');
    /// create table users (id bigint primary key);
    /// -- 2_email.sql
    /// alter table users add column email text;
    /// alter table users add constraint users_email_check check (email like '%@%') not valid;
    /// -- 3_email.sql
    /// alter table users validate constraint users_email_check;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE, notes on rewrites](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES)
    /// - [CREATE DOMAIN](https://www.postgresql.org/docs/current/sql-createdomain.html)
    "add-column-constrained-domain",
    category: Category::Rewrite,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (column, busy) in cx.columns_added_to_rows() {
        let added = cx
            .after()
            .table(busy.id)
            .and_then(|table| table.column(&column.name.value));
        let Some((added, ty)) = added.zip(column.ty.as_ref()) else {
            continue;
        };
        let Some(object) = cx.after().types.get(&added.ty.id).filter(|_| !added.ty.array) else {
            continue;
        };
        let TypeKind::Domain(domain) = &object.kind else {
            continue;
        };
        if !domain.constrained() {
            continue;
        }
        let table = busy.shown();
        let message = format!(
            "adding `{table}.{}` rewrites `{table}`, since `{}` has constraints: reads and writes of it wait under an \
             ACCESS EXCLUSIVE lock",
            column.name,
            shown(&added.ty.id)
        );
        report
            .add(ty.span, message)
            .help(format!(
                "Add it as `{}` with a CHECK constraint that is `not valid`, and validate that later.",
                domain.base
            ))
            .related(object.meta.created, "the domain was made here");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_constrained_domain_rewrites_and_a_plain_one_does_not() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create domain plain as text;
create domain checked as text check (value <> '');
create domain required as text not null;
create domain later as text;
alter domain later add check (value <> '');
create table users (id bigint primary key);
-- 2_second.sql
alter table users add a plain, add b checked, add c checked[], add f unknown_type;
--                                   ^^^^^^^ warning: adding `users.b` rewrites `users`, since `checked` has constraints: reads
alter table users add d required default 'x';
--                      ^^^^^^^^ warning: adding `users.d` rewrites
alter table users add e later;
--                      ^^^^^ warning: adding `users.e` rewrites
create table posts (id int);
alter table posts add b checked;
",
        );
    }
}
