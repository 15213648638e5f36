use crate::lint::prelude::*;
use crate::lint::twins::index_behind::{self, Behind};

rule! {
    /// Adding an exclusion constraint stops reads and writes until its index is built.
    ///
    /// ## When
    /// `ALTER TABLE … ADD [CONSTRAINT …] EXCLUDE …` on a table that other sessions may be using. A constraint whose name is
    /// taken is exempt: it fails before anything is built. Silent, too, about a table that the file has truncated before
    /// and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL reads the whole table, builds the index and compares every row with it, all under an ACCESS EXCLUSIVE
    /// lock. There is no way around: it can neither be `NOT VALID` nor use an index that is there. Add it while the table
    /// is small, in a quiet hour, or to a new table that the rows are moved to.
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
    index_behind::check(cx, report, Behind::Exclusion);
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
