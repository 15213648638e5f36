use crate::lint::prelude::*;

rule! {
    /// Without a `lock_timeout`, a migration that waits for a lock makes others wait behind it.
    ///
    /// ## When
    /// The first statement of a file that locks a table which other sessions may be using against writes, or more, while
    /// no `lock_timeout` is set in the session. Only in projects that set `lock_timeout` in an earlier migration, and have
    /// forgotten it in this one, or that turn the rule on:
    ///
    /// ```toml
    /// [rules]
    /// lock-timeout-missing = "hint"
    /// ```
    ///
    /// Nearly every migration of nearly every project would be named otherwise, so that nobody would read what else is
    /// said. Said once per file, and not where another rule has something to say about the statement. A timeout of the
    /// role or the database (`ALTER ROLE … SET lock_timeout`) counts where a migration sets it; `NOWAIT` is one of its own.
    ///
    /// ## Why
    /// Even a change that takes a millisecond has to wait until the longest query on the table is over. It waits in a
    /// queue, and every later query waits behind it, also those that only read: minutes of outage for a millisecond of
    /// work. With a timeout the migration gives up instead, and can be tried again.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// set local lock_timeout = '2s';
    /// create table teams (id bigint primary key);
    /// -- 2_name.sql
    /// alter table users add column name text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_name.sql
    /// set local lock_timeout = '2s';
    /// alter table users add column name text;
    /// ```
    ///
    /// ## Fix
    /// Sets `lock_timeout` to two seconds before the statement: for the transaction, or, where every statement commits on
    /// its own, for the session.
    ///
    /// ## References
    /// - [lock_timeout](https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT)
    /// - [Explicit locking](https://www.postgresql.org/docs/current/explicit-locking.html)
    "lock-timeout-missing",
    category: Category::Lock,
    level: Level::Hint,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let is_set = |value: &str| value.trim_matches('\'') != "0";
    if cx.session().lock_timeout.as_deref().is_some_and(is_set) || !cx.is_editable() || !is_wanted(cx) {
        return;
    }
    let strong = cx.cost().locks.iter().filter(|(_, mode)| mode.blocks_writes());
    let mut busy = strong.filter_map(|(id, mode)| cx.busy(id).map(|busy| (busy, *mode)));
    let Some((first, mode)) = busy.next() else { return };
    // An explicit LOCK says what it wants, and NOWAIT is a timeout of its own.
    if matches!(cx.step().statement.node, Node::Lock { nowait: true, .. }) {
        return;
    }
    if cx.work().locked.iter().any(|id| cx.busy(id).is_some()) {
        return;
    }
    let what = if mode.blocks_reads() {
        "reads and writes"
    } else {
        "writes"
    };
    let table = first.shown();
    let message = format!(
        "while this waits for its lock on `{table}`, all later {what} of `{table}` wait too: no lock_timeout is set"
    );
    let statement = cx.step().statement.span;
    let head = cx.source(statement).lines().next().unwrap_or_default().trim_end();
    let span = Span::new(statement.start as usize, statement.start as usize + head.len());
    // Measured: as the first statement of the Supabase CLI's pipeline SET LOCAL warns, and works.
    let set = cx.cased(if cx.commits_alone() { "set" } else { "set local" });
    report
        .add(span, message)
        .help("Set a lock_timeout of a few seconds first, and try again when it runs out.")
        .fix(
            FixKind::Review,
            "Set a lock_timeout of two seconds",
            vec![insert(statement.start, format!("{set} lock_timeout = '2s';\n"))],
        );
}

/// Whether the project uses timeouts by now, or asks for the rule.
fn is_wanted(cx: &Cx<'_>) -> bool {
    let is_asked_for = cx.settings.levels.get(RULE.name).is_some_and(Option::is_some);
    // A file without a version is no migration to the tools that go by versions, and stands in no order.
    is_asked_for || (!cx.migration().version.is_empty() && cx.uses_lock_timeouts())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::diagnostic::Level;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn it_is_said_once_per_file() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
create table orders (id bigint primary key);
set local lock_timeout = '1s';
-- 2_second.sql
create table posts (id bigint primary key);
alter table posts add column a int;
analyze users;
  alter table users add column b int;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ hint: while this waits for its lock on `users`, all later reads and writes of `users` wait too
alter table orders add column b int;
-- 3_third.sql
set local lock_timeout = '1s';
alter table users add column c int;
-- 4_fourth.sql
  lock table orders in share mode;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ hint: while this waits for its lock on `orders`, all later writes
",
        );
    }

    #[test]
    fn a_project_that_uses_none_is_left_alone_unless_it_asks() {
        let sql = "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
alter table users add column b int;
";
        Case::new(&RULE).silent(sql);
        let asked = Case::new(&RULE).with(|settings| {
            settings.levels.insert("lock-timeout-missing".into(), Some(Level::Hint));
        });
        asked.fires(&format!("{sql}-- @ hint: while this waits\n"));
        Case::new(&RULE).silent(&format!(
            "{sql}-- 3_third.sql\nalter role app set lock_timeout = '2s';\n"
        ));
        // What is older than the first timeout was not forgotten.
        Case::new(&RULE).silent(&format!("{sql}-- 3_third.sql\nset local lock_timeout = '2s';\n"));
        Case::new(&RULE).fires(&format!(
            "-- 0_zero.sql\nset local lock_timeout = '2s';\n{}-- @ hint: while this waits\n",
            sql.trim_start()
        ));
    }

    #[test]
    fn the_fix_sets_it() {
        let before = "
-- 1_first.sql
create table users (id bigint primary key);
SET LOCAL lock_timeout = '1s';
-- 2_second.sql
ALTER TABLE users ADD a int;
";
        Case::new(&RULE).fixed(
            before,
            &before.replace("ALTER", "SET LOCAL lock_timeout = '2s';\nALTER"),
        );
        let psql = Case::new(&RULE).runner(Runner::Psql);
        psql.fixed(before, &before.replace("ALTER", "SET lock_timeout = '2s';\nALTER"));
    }
}
