use crate::lint::prelude::*;

rule! {
    /// Validating a constraint in the transaction that added it makes others wait meanwhile.
    ///
    /// ## When
    /// `VALIDATE CONSTRAINT` of a table that other sessions may be using, in a transaction that holds a stronger lock on
    /// it: because it added the constraint `NOT VALID`, or altered the table otherwise. Where every statement commits on
    /// its own, nothing is held, and the rule is silent. Silent, too, about a table that the file has truncated before and
    /// nothing has filled since.
    ///
    /// ## Why
    /// `NOT VALID` is there so that the long check can run under a weak lock, beside reads and writes. But the lock of `ADD
    /// CONSTRAINT` is held until the commit: in one transaction the two are as bad as one statement without `NOT VALID`.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, age int);
    /// -- 2_age.sql
    /// alter table users add constraint users_age check (age >= 0) not valid;
    /// alter table users validate constraint users_age;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, age int);
    /// -- 2_age.sql
    /// alter table users add constraint users_age check (age >= 0) not valid;
    /// -- 3_age.sql
    /// alter table users validate constraint users_age;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE, VALIDATE CONSTRAINT](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-VALIDATE-CONSTRAINT)
    "validate-in-same-transaction",
    category: Category::Transaction,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.filled_alter() else { return };
    let Some((mode, origin)) = cx.work().held.get(busy.id).filter(|(mode, _)| mode.blocks_writes()) else {
        return;
    };
    for action in &alter.actions {
        let AlterActionKind::ValidateConstraint { name } = &action.kind else {
            continue;
        };
        // Nothing is read where it is valid already.
        let is_valid = busy.table.constraint(&name.value).is_some_and(|known| known.validated);
        if is_valid {
            continue;
        }
        let table = busy.shown();
        let who = if mode.blocks_reads() {
            "reads and writes"
        } else {
            "writes"
        };
        let message = format!(
            "validating `{name}` reads every row of `{table}` while the transaction holds {mode} on it: {who} wait"
        );
        report
            .add(action.span, message)
            .help("Validate it in a later migration.")
            .related(*origin, "the lock is taken here");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    const SQL: &str = "
-- 1_first.sql
create table users (id bigint primary key, a int, b int);
create table orders (user_id bigint);
alter table users add constraint later check (b > 0) not valid;
-- 2_second.sql
alter table users add constraint k check (a > 0) not valid;
alter table users validate constraint k;
--                ^^^^^^^^^^^^^^^^^^^^^ warning: validating `k` reads every row of `users` while the transaction holds ACCESS EXCLUSIVE on it: reads and writes wait
alter table orders add constraint f foreign key (user_id) references users not valid;
alter table orders validate constraint f;
--                 ^^^^^^^^^^^^^^^^^^^^^ warning: validating `f` reads every row of `orders` while the transaction holds SHARE ROW EXCLUSIVE on it: writes wait
-- 3_third.sql
alter table users validate constraint later;
alter table users add column c int;
alter table users validate constraint later;
create table posts (a int);
alter table posts add constraint k check (a > 0) not valid;
alter table posts validate constraint k;
";

    #[test]
    fn the_lock_is_held_until_the_commit() {
        Case::new(&RULE).fires(SQL);
        let without: Vec<&str> = SQL
            .lines()
            .filter(|line| !line.trim_start_matches("-- ").trim_start().starts_with('^'))
            .collect();
        Case::new(&RULE).runner(Runner::Psql).silent(&without.join("\n"));
    }
}
