use crate::lint::prelude::*;
use crate::schema::cost::LockMode;

rule! {
    /// Long work in the transaction that has locked a table keeps its readers waiting.
    ///
    /// ## When
    /// A statement that reads, rewrites or indexes a whole table that other sessions may be using, in a transaction that
    /// holds a lock on another such table against its reads, or, for the sake of a foreign key to it that was added or that
    /// a new table came with, against its writes. Writing rows is [backfill-under-lock](backfill-under-lock.md)'s business,
    /// validating a constraint [validate-in-same-transaction](validate-in-same-transaction.md)'s. `TRUNCATE` takes no time
    /// and is not meant. Only the first such statement of a transaction is named.
    ///
    /// ## Why
    /// Locks are held until the commit. The table that was locked first, maybe only to add a column, can be neither read
    /// nor written until the long statement is done. `CREATE TABLE … REFERENCES users` takes a SHARE ROW EXCLUSIVE lock on
    /// `users`, which is short by itself; behind it nobody writes to `users` until the commit.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key, email text);
    /// create table orders (id bigint primary key, number int);
    /// -- 2_more.sql
    /// alter table users add column name text;
    /// create index orders_number_idx on orders (number);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_shop.sql
    /// create table users (id bigint primary key, email text);
    /// create table orders (id bigint primary key, number int);
    /// -- 2_name.sql
    /// alter table users add column name text;
    /// -- 3_number.sql
    /// create index orders_number_idx on orders (number);
    /// ```
    ///
    /// ## References
    /// - [Table-level locks](https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES)
    "work-under-lock",
    category: Category::Lock,
    level: Level::Info,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let statement = cx.step().statement;
    if let Node::AlterTable(alter) = &statement.node
        && alter
            .actions
            .iter()
            .any(|action| matches!(action.kind, AlterActionKind::ValidateConstraint { .. }))
    {
        return;
    }
    // TRUNCATE gives the table new files, which takes no time.
    if cx.work().has_worked || matches!(statement.node, Node::Truncate { .. }) {
        return;
    }
    let cost = cx.cost();
    let rewrites = cost.rewrites.iter().filter(|id| !cx.is_emptied(id));
    let reads = cost.scans.iter().chain(&cost.builds).filter(|id| !cx.is_truncated(id));
    let long = rewrites.chain(reads);
    let Some(worked) = long.into_iter().find(|id| cx.busy(id).is_some()) else {
        return;
    };
    let held = cx.work().held.iter().find(|(id, (mode, _))| {
        let own = cost.locks.get(*id);
        let is_strong = *mode >= LockMode::ShareRowExclusive;
        is_strong && *id != worked && own.is_none_or(|own| own < mode) && cx.busy(id).is_some()
    });
    let Some((table, (mode, origin))) = held else { return };
    let who = if mode.blocks_reads() {
        "reads and writes"
    } else {
        "writes"
    };
    let what = if cost.rewrites.contains(worked) {
        "rewritten"
    } else if cost.scans.contains(worked) {
        "read as a whole"
    } else {
        "indexed"
    };
    let message = format!(
        "{who} of `{}` wait while `{}` is {what}: the transaction has locked it before",
        shown(table),
        shown(worked)
    );
    report
        .add(head(cx, statement.span), message)
        .help("Move the statement to a migration of its own.")
        .related(*origin, "the lock is taken here");
}

/// The first line of the statement.
fn head(cx: &Cx<'_>, statement: Span) -> Span {
    let first = cx.source(statement).lines().next().unwrap_or_default().trim_end();
    Span::new(statement.start as usize, statement.start as usize + first.len())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    const SQL: &str = "
-- 1_first.sql
create table users (id bigint primary key, a int);
create table orders (id bigint primary key, a int);
-- 2_second.sql
alter table users add column b int;
  create index on orders (a);
--^^^^^^^^^^^^^^^^^^^^^^^^^^ info: reads and writes of `users` wait while `orders` is indexed: the transaction has locked it before
create index on users (a);
alter table users alter a set not null;
create table posts (a int);
create index on posts (a);
-- 2b_parent.sql
create table lines (order_id bigint references orders);
  create index on users (a);
--^^^^^^^^^^^^^^^^^^^^^^^^^ info: writes of `orders` wait while `users` is indexed: the transaction has locked it before
-- 3_third.sql
create table more (id int);
alter table users add column d int;
create index on users (a);
alter table more add column a int;
";

    #[test]
    fn the_lock_is_held_until_the_commit() {
        Case::new(&RULE).fires(SQL);
        let without: Vec<&str> = SQL.lines().filter(|line| !line.starts_with("--^")).collect();
        Case::new(&RULE).runner(Runner::Psql).silent(&without.join("\n"));
    }
}
