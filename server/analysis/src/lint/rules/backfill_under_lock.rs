use crate::lint::few::{Few, is_constant};
use crate::lint::prelude::*;
use crate::schema::change::Write;
use crate::sql::statement::{Cte, Expr, ExprNode, Insert, QueryBody};

/// So many rows are written in no time.
const FEW: u64 = 1000;

rule! {
    /// Writing many rows in the transaction that has locked a table makes others wait for long.
    ///
    /// ## When
    /// `UPDATE`, `DELETE`, `MERGE` or `INSERT … SELECT` on a table that other sessions may be using, in a transaction that
    /// holds a lock on such a table against its writes or reads: an `ALTER TABLE` came before, or `CREATE INDEX`, or a
    /// foreign key to it. Exempt are few rows: `INSERT … VALUES`, an `INSERT … SELECT` of at most a thousand (a constant
    /// `LIMIT`, a list of values, or constants that a unique column is compared with), and single ones (`where id = 5`).
    /// So are updates and deletes of a table that the file has emptied, and everything where each statement commits on
    /// its own.
    ///
    /// ## Why
    /// The lock of the `ALTER TABLE` itself is short, but locks are held until the commit. Behind it the rows are written,
    /// which takes minutes on a large table, and all the while reads or writes wait, as does everything queued behind them.
    /// In a migration of its own, an `UPDATE` locks nothing but the rows that it writes.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, first text, last text);
    /// -- 2_name.sql
    /// alter table users add column name text;
    /// update users set name = first || ' ' || last;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, first text, last text);
    /// -- 2_name.sql
    /// alter table users add column name text;
    /// -- 3_name.sql
    /// update users set name = first || ' ' || last where name is null;
    /// ```
    ///
    /// ## References
    /// - [Table-level locks](https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES)
    "backfill-under-lock",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let (what, span) = match &cx.step().statement.node {
        Node::Update(_) | Node::Delete(_) if cx.step().target.as_ref().is_some_and(|id| cx.is_emptied(id)) => return,
        Node::Update(update) if is_narrow(update.filter.as_ref()) => return,
        Node::Delete(delete) if is_narrow(delete.filter.as_ref()) => return,
        Node::Update(update) => ("updating", update.table.name.span()),
        Node::Delete(delete) => ("deleting from", delete.table.name.span()),
        Node::Merge(merge) => ("merging into", merge.table.name.span()),
        Node::Insert(insert) => {
            if !may_insert_many(cx, insert) {
                return;
            }
            ("inserting into", insert.table.span())
        }
        _ => return,
    };
    let written = cx.step().changes.iter().find_map(|change| match change {
        Change::Write { table, what } if *what != Write::Truncate => Some(table),
        _ => None,
    });
    let Some(written) = written.filter(|id| cx.busy(id).is_some()) else {
        return;
    };
    let held = &cx.work().held;
    // The table itself first: its lock is the one that everybody knows.
    let strong = held
        .iter()
        .filter(|(id, (mode, _))| mode.blocks_writes() && cx.relation(id).is_some_and(|found| found.table().is_some()));
    let strong: Vec<_> = strong
        .filter(|(id, _)| {
            let table = cx.relation(id);
            table.is_some_and(|table| !cx.is_unseen(table.meta.created))
                && table
                    .and_then(|table| table.table())
                    .is_some_and(|table| table.persistence != crate::sql::statement::Persistence::Temporary)
        })
        .collect();
    let worst = strong
        .iter()
        .max_by_key(|(id, (mode, _))| (mode.blocks_reads(), *id == written, *mode));
    let Some((table, (mode, origin))) = worst else { return };
    let who = if mode.blocks_reads() {
        "reads and writes"
    } else {
        "writes"
    };
    let message = format!(
        "{what} `{}` while the transaction holds {mode} on `{}`: {who} of `{}` wait until it commits",
        shown(written),
        shown(table),
        shown(table)
    );
    report
        .add(span, message)
        .help("Move it to a migration of its own, and write large tables in batches.")
        .related(*origin, "the lock is taken here");
}

/// Whether it copies rows, and nothing says that they are few.
fn may_insert_many(cx: &Cx<'_>, insert: &Insert) -> bool {
    let Some(source) = &insert.source else { return false };
    let reads = match &source.body {
        // `insert … select 1` and the like read no table.
        QueryBody::Select(select) => !select.from.is_empty(),
        QueryBody::Set(..) | QueryBody::Table(_) => true,
        _ => false,
    };
    let ctes: Vec<&Cte> = insert.ctes.iter().collect();
    reads && Few::new(cx).at_most(source, &ctes).is_none_or(|rows| rows > FEW)
}

/// Whether a condition compares what people name a key with constants: it means single rows.
fn is_narrow(filter: Option<&Expr>) -> bool {
    let Some(filter) = filter else { return false };
    match &filter.node {
        ExprNode::And(left, right) => is_narrow(Some(left)) || is_narrow(Some(right)),
        ExprNode::Operator { name, operands } if name == "=" || name == "IN" => {
            let is_key = |expr: &Expr| {
                let ExprNode::Column(name) = &expr.node else {
                    return false;
                };
                matches!(
                    name.last().as_str(),
                    "id" | "uuid" | "key" | "slug" | "code" | "version"
                )
            };
            operands.iter().any(is_key) && operands.iter().filter(|operand| !is_key(operand)).all(is_constant)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn the_lock_is_held_until_the_commit() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
create table old (id bigint, a int);
-- 2_second.sql
update users set a = 0 where a is null;
alter table users add column b int;
update users set b = a;
--     ^^^^^ warning: updating `users` while the transaction holds ACCESS EXCLUSIVE on `users`: reads and writes of `users` wait
insert into old select id, a from users;
--          ^^^ warning: inserting into `old` while the transaction holds ACCESS EXCLUSIVE on `users`
update users set b = a where id = 5 and a > 0;
delete from users where id in (1, 2);
insert into old values (1, 2);
insert into old select 1, 2;
-- 3_third.sql
create table orders (user_id bigint references users);
insert into orders select id from users;
delete from old where a > 0;
--          ^^^ warning: deleting from `old` while the transaction holds SHARE ROW EXCLUSIVE on `users`: writes of `users` wait
-- 4_fourth.sql
create table fresh (id int);
alter table fresh add column a int;
update old set a = 1;
",
        );
    }

    #[test]
    fn few_rows_are_written_in_no_time() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, email text unique, name text);
create table old (id bigint, name text);
-- 2_second.sql
alter table old add column age int;
insert into old select id, name from users limit 1000;
insert into old select id, name from users limit 1001;
--          ^^^ warning: inserting into `old`
insert into old select id, name from users limit 10 * 10000;
--          ^^^ warning: inserting into `old`
insert into old (select id, name from users order by id limit 5) union all values (1, 'a');
insert into old select id, name from users u where u.email in ('a', 'b') and name <> 'c';
insert into old select id, name from users where name in ('a', 'b');
--          ^^^ warning: inserting into `old`
insert into old select u.id, old.name from users u, old where u.email = 'a';
--          ^^^ warning: inserting into `old`
with one as (select id from users limit 1)
insert into old select one.id, v.name from one cross join (values ('a'), ('b')) v(name);
with one as (select id from users limit 1)
insert into old select one.id, generate_series(1, 100000)::text from one;
--          ^^^ warning: inserting into `old`
with users as (select id, name, id::text as email from old)
insert into old select id, name from users where email = 'a';
--          ^^^ warning: inserting into `old`
with recursive more as (select 1 as id union all select id + 1 from more)
insert into old select id, 'a' from more;
--          ^^^ warning: inserting into `old`
",
        );
    }

    #[test]
    fn an_emptied_table_has_no_row_to_write() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
-- 2_second.sql
delete from users;
alter table users add column b int;
update users set b = a;
insert into users values (1, 2);
update users set b = a;
--     ^^^^^ warning: updating `users`
",
        );
    }

    #[test]
    fn a_table_stays_locked_under_another_name() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
-- 2_second.sql
alter table users rename to people;
update people set a = 1;
--     ^^^^^^ warning: updating `people` while the transaction holds ACCESS EXCLUSIVE on `people`
",
        );
    }

    #[test]
    fn statements_that_commit_alone_hold_nothing() {
        Case::new(&RULE).runner(Runner::Psql).silent(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
-- 2_second.sql
alter table users add column b int;
update users set b = a;
",
        );
    }
}
