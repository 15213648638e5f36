use crate::lint::prelude::*;
use crate::sql::statement::TableConstraintKind;

rule! {
    /// Adding an exclusion constraint stops reads and writes until its index is built.
    ///
    /// ## When
    /// `ALTER TABLE … ADD [CONSTRAINT …] EXCLUDE …` on a table that other sessions may be using. A constraint whose name
    /// is taken is exempt: it fails before anything is built.
    ///
    /// ## Why
    /// PostgreSQL reads the whole table, builds the index and compares every row with it, all under an ACCESS EXCLUSIVE
    /// lock. There is no way around: it can neither be `NOT VALID` nor use an index that is there.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_bookings.sql
    /// create table bookings (id bigint primary key, during tstzrange);
    /// -- 2_overlap.sql
    /// alter table bookings add constraint bookings_overlap exclude using gist (during with &&);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_bookings.sql
    /// create table bookings (id bigint primary key, during tstzrange, exclude using gist (during with &&));
    /// ```
    ///
    /// ## References
    /// - [Exclusion constraints](https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-EXCLUSION)
    "add-exclusion-constraint",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    for action in &alter.actions {
        let AlterActionKind::AddConstraint(constraint) = &action.kind else {
            continue;
        };
        let excludes = matches!(constraint.kind, TableConstraintKind::Exclude { .. });
        if !excludes || cx.had_constraint(busy.id, constraint, alter) {
            continue;
        }
        let what = match &constraint.name {
            Some(name) => format!("`{name}`"),
            None => "an exclusion constraint".to_owned(),
        };
        let message = format!(
            "adding {what} builds an index: reads and writes of `{}` wait under an ACCESS EXCLUSIVE lock until it is done",
            busy.shown()
        );
        report
            .add(constraint.span, message)
            .help("Add it while the table is small or nobody uses it, or move the rows to a new table that has it.");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn there_is_no_way_around_the_lock() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table bookings (id bigint primary key, during tstzrange, constraint taken exclude using gist (during with &&));
-- 2_second.sql
alter table bookings add constraint o exclude using gist (during with &&);
--                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `o` builds an index: reads and writes of `bookings` wait
create table rooms (during tstzrange);
alter table rooms add exclude using gist (during with &&);
-- 3_third.sql
do $$ begin
  alter table bookings add constraint taken exclude using gist (during with &&);
exception when duplicate_table then null; end $$;
",
        );
    }
}
