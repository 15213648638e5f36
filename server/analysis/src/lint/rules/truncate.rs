use crate::lint::prelude::*;

rule! {
    /// `TRUNCATE` destroys all rows, and those of the tables that refer to them with `CASCADE`.
    ///
    /// ## When
    /// `TRUNCATE` of a table that other sessions may be using. A table that was made in the same transaction is exempt, as
    /// are temporary tables, and one that the file drops later, which [drop-table](drop-table.md) speaks of.
    ///
    /// ## Why
    /// All rows are gone, and no trigger for deleted rows ran. Reads and writes wait under an ACCESS EXCLUSIVE lock until
    /// the commit. `CASCADE` follows the foreign keys to every table that refers to these, and empties it too, whatever
    /// their `ON DELETE` says.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint references users);
    /// -- 2_empty.sql
    /// truncate users cascade;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint references users);
    /// -- 2_empty.sql
    /// delete from orders where user_id is null;
    /// ```
    ///
    /// ## References
    /// - [TRUNCATE](https://www.postgresql.org/docs/current/sql-truncate.html)
    "truncate",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Truncate { tables, cascade, .. } = &cx.step().statement.node else {
        return;
    };
    let emptied = &cx.cost().rewrites;
    let is_named = |id: &Id| tables.iter().any(|table| table.name.last().value == id.name);
    let others: Vec<String> = emptied
        .iter()
        .filter(|id| *cascade && !is_named(id) && cx.busy(id).is_some())
        .map(|id| format!("`{}`", shown(id)))
        .collect();
    let along = match others.as_slice() {
        [] => String::new(),
        [one] => format!(", and those of {one}, which refers to it"),
        [one, more @ ..] => format!(", and those of {one} and {} more tables that refer to it", more.len()),
    };
    for table in tables {
        let written = cx.step().changes.iter().find_map(|change| match change {
            Change::Write { table: id, .. } if id.name == table.name.last().value => Some(id),
            _ => None,
        });
        let busy = written.and_then(|id| cx.busy(id));
        let Some(busy) = busy.filter(|busy| !others.is_empty() || !cx.is_dropped_later(busy.id)) else {
            continue;
        };
        report
            .add(
                table.name.span(),
                format!("truncating `{}` destroys all its rows{along}", busy.shown()),
            )
            .help(if others.is_empty() {
                "Keep a copy of the rows, or delete those that are meant."
            } else {
                "Keep a copy of the rows, and name each table that is meant instead of `cascade`."
            });
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn rows_are_lost_here_and_in_tables_that_refer() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint references users);
create table items (order_id bigint references orders);
create table alone (id int);
-- 2_second.sql
truncate table only alone restart identity;
--                  ^^^^^ warning: truncating `alone` destroys all its rows
truncate users cascade;
--       ^^^^^ warning: truncating `users` destroys all its rows, and those of `items` and 1 more tables that refer to it
truncate orders, items cascade;
--       ^^^^^^ warning: truncating `orders` destroys all its rows
--               ^^^^^ warning: truncating `items` destroys
create table posts (id int);
truncate posts;
create temp table scratch (id int);
truncate scratch;
-- 3_third.sql
truncate alone;
drop table alone;
truncate users cascade;
--       ^^^^^ warning: truncating `users`
drop table users cascade;
",
        );
    }
}
