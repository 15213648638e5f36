use crate::lint::prelude::*;
use crate::schema::change::Write;
use crate::sql::statement::{Expr, ExprNode, QueryBody};

rule! {
    /// Writing many rows in the transaction that has locked a table makes others wait for long.
    ///
    /// ## When
    /// `UPDATE`, `DELETE`, `MERGE` or `INSERT … SELECT` on a table that other sessions may be using, in a transaction that
    /// holds a lock on such a table against its writes or reads: an `ALTER TABLE` came before, or `CREATE INDEX`, or a
    /// foreign key to it. `INSERT … VALUES` is exempt, as are single rows
    /// (`where id = 5`), and so is everything where each statement commits on its own.
    ///
    /// ## Why
    /// The lock of the `ALTER TABLE` itself is short, but locks are held until the commit. Behind it the rows are written,
    /// which takes minutes on a large table, and all the while reads or writes wait, as does everything queued behind them.
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
        Node::Update(update) if is_narrow(update.filter.as_ref()) => return,
        Node::Delete(delete) if is_narrow(delete.filter.as_ref()) => return,
        Node::Update(update) => ("updating", update.table.name.span()),
        Node::Delete(delete) => ("deleting from", delete.table.name.span()),
        Node::Merge(merge) => ("merging into", merge.table.name.span()),
        Node::Insert(insert) => {
            let body = insert.source.as_ref().map(|source| &source.body);
            // `insert … select 1` and the like read no table.
            let many = match body {
                Some(QueryBody::Select(select)) => !select.from.is_empty(),
                Some(QueryBody::Set(..) | QueryBody::Table(_)) => true,
                _ => false,
            };
            if !many {
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

fn is_constant(expr: &Expr) -> bool {
    match &expr.node {
        ExprNode::Number(_) | ExprNode::String(_) => true,
        ExprNode::Cast { expr, .. } => is_constant(expr),
        ExprNode::Row(all) | ExprNode::Array(all) | ExprNode::Other(all) => all.iter().all(is_constant),
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
