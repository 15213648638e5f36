use crate::lint::prelude::*;
use crate::schema::cost::LockMode;
use crate::sql::statement::AlterTable;

rule! {
    /// Validating a constraint together with other actions reads the table under their lock.
    ///
    /// ## When
    /// `ALTER TABLE` with `VALIDATE CONSTRAINT` of a constraint that is not valid yet, and another action that takes a
    /// stronger lock, on a table that other sessions may be using. Actions that need no more than validating (`SET
    /// STATISTICS`, another `VALIDATE CONSTRAINT`) are exempt. Silent, too, about a table that the file has truncated
    /// before and nothing has filled since.
    ///
    /// ## Why
    /// A statement takes the strongest lock that any of its actions needs, before it does anything. Alone, `VALIDATE
    /// CONSTRAINT` reads the table beside reads and writes; with `ADD COLUMN` in the same statement all of them wait.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, age int);
    /// alter table users add constraint users_age check (age >= 0) not valid;
    /// -- 2_age.sql
    /// alter table users validate constraint users_age, add column name text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, age int);
    /// alter table users add constraint users_age check (age >= 0) not valid;
    /// -- 2_age.sql
    /// alter table users validate constraint users_age;
    /// alter table users add column name text;
    /// ```
    ///
    /// ## Fix
    /// Validates the constraint in a statement of its own before the other actions, in the same transaction: what comes of
    /// it is the same, and the strong lock is taken when the long check is done. Not offered where every statement commits
    /// on its own, or where the other actions may change what is checked.
    ///
    /// ## References
    /// - [ALTER TABLE, VALIDATE CONSTRAINT](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-VALIDATE-CONSTRAINT)
    "validate-with-other-actions",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Safe,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.filled_alter() else { return };
    let lock = cx.cost().locks.get(busy.id).copied();
    let Some(lock) = lock.filter(|lock| *lock > LockMode::ShareUpdateExclusive && alter.actions.len() > 1) else {
        return;
    };
    // A lock that is held already is another rule's business.
    if cx
        .work()
        .held
        .get(busy.id)
        .is_some_and(|(held, _)| held.blocks_writes())
    {
        return;
    }
    for (at, action) in alter.actions.iter().enumerate() {
        let AlterActionKind::ValidateConstraint { name } = &action.kind else {
            continue;
        };
        // One that the statement itself adds is not there before, and cannot be validated before either.
        let is_invalid = busy.table.constraint(&name.value).is_some_and(|known| !known.validated);
        if !is_invalid {
            continue;
        }
        let who = if lock.blocks_reads() {
            "reads and writes"
        } else {
            "writes"
        };
        let message = format!(
            "validating `{name}` together with other actions reads every row of `{}` under {lock}: {who} wait",
            busy.shown()
        );
        let finding = report.add(action.span, message);
        finding.help("Validate it in a statement of its own, before the others.");
        if cx.is_editable() && !cx.commits_alone() && alter.actions.iter().all(|other| leaves_rows(&other.kind)) {
            finding.fix(
                FixKind::Safe,
                "Validate it in a statement of its own",
                apart(cx, alter, at),
            );
        }
    }
}

/// Whether the action changes nothing that a check of the old rows could see.
fn leaves_rows(kind: &AlterActionKind) -> bool {
    matches!(
        kind,
        AlterActionKind::ValidateConstraint { .. }
            | AlterActionKind::AddColumn { .. }
            | AlterActionKind::SetDefault { .. }
            | AlterActionKind::DropDefault { .. }
            | AlterActionKind::SetNotNull { .. }
            | AlterActionKind::DropNotNull { .. }
            | AlterActionKind::SetStatistics { .. }
            | AlterActionKind::RowSecurity(_)
    )
}

/// Takes the action out, with one comma, and puts a statement of its own before.
fn apart(cx: &Cx<'_>, alter: &AlterTable, at: usize) -> Vec<crate::lint::diagnostic::Edit> {
    let action = &alter.actions[at];
    let gone = match alter.actions.get(at + 1) {
        Some(next) => Span {
            start: action.span.start,
            end: next.span.start,
        },
        None => Span {
            start: alter.actions[at - 1].span.end,
            end: action.span.end,
        },
    };
    let own = format!(
        "{} {}{} {};\n",
        cx.cased("alter table"),
        if alter.only { cx.cased("only ") } else { String::new() },
        cx.source(alter.name.span()),
        cx.source(action.span)
    );
    vec![insert(cx.step().statement.span.start, own), replace(gone, "")]
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    const FIRST: &str = "
-- 1_first.sql
create table users (id bigint primary key, a int);
alter table users add constraint k check (a > 0) not valid;
alter table users add constraint l check (a > 1) not valid;
alter table users add constraint v check (a > 2);
";

    #[test]
    fn the_strongest_lock_holds_for_all() {
        Case::new(&RULE).fires(&format!(
            "{FIRST}
-- 2_second.sql
alter table users validate constraint k, add column b int;
--                ^^^^^^^^^^^^^^^^^^^^^ warning: validating `k` together with other actions reads every row of `users` under ACCESS EXCLUSIVE: reads and writes wait
-- 3_third.sql
alter table users validate constraint k, validate constraint l, alter a set statistics 5;
-- 4_fourth.sql
alter table users validate constraint v, add column c int;
create table posts (a int);
alter table posts add constraint k check (a > 0) not valid;
alter table posts validate constraint k, add column b int;
"
        ));
    }

    #[test]
    fn the_fix_validates_it_before() {
        Case::new(&RULE).fixed(
            &format!("{FIRST}-- 2_second.sql\nALTER TABLE users ADD COLUMN b int, VALIDATE CONSTRAINT k;\n"),
            &format!(
                "{FIRST}-- 2_second.sql\nALTER TABLE users VALIDATE CONSTRAINT k;\nALTER TABLE users ADD COLUMN b int;\n"
            ),
        );
    }

    #[test]
    fn no_fix_where_each_statement_commits_alone() {
        let case = Case::new(&RULE).runner(Runner::Psql);
        let history = case.history(&format!(
            "{FIRST}-- 2_second.sql\nalter table users validate constraint k, add column b int;\n"
        ));
        assert!(case.findings(&history).iter().all(|finding| finding.fixes.is_empty()));
    }
}
