use crate::lint::prelude::*;
use crate::sql::statement::TableConstraintKind;

rule! {
    /// A primary key over nullable columns reads the whole table, although its index is there.
    ///
    /// ## When
    /// `ALTER TABLE … ADD PRIMARY KEY USING INDEX` on a table that other sessions may be using, where a column of the index
    /// is nullable. A validated CHECK that says `column is not null` spares the scan, and the rule is silent. Silent, too,
    /// about a table that the file has truncated before and nothing has filled since.
    ///
    /// ## Why
    /// PostgreSQL makes the columns not null first, and looks for NULLs in every row under an ACCESS EXCLUSIVE lock. The
    /// index that was built with care does not help.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint);
    /// -- 2_index.sql
    /// create unique index concurrently users_pkey on users (id);
    /// -- 3_key.sql
    /// alter table users add primary key using index users_pkey;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint);
    /// -- 2_index.sql
    /// create unique index concurrently users_pkey on users (id);
    /// alter table users add constraint users_id_not_null check (id is not null) not valid;
    /// alter table users validate constraint users_id_not_null;
    /// -- 3_key.sql
    /// alter table users add primary key using index users_pkey;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint_using_index](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX)
    "pk-using-index-nullable",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.filled_alter() else { return };
    for action in &alter.actions {
        let AlterActionKind::AddConstraint(constraint) = &action.kind else {
            continue;
        };
        let TableConstraintKind::UsingIndex { index, primary: true } = &constraint.kind else {
            continue;
        };
        let Some(found) = cx.before().index(&busy.id.sibling(&index.value)) else {
            continue;
        };
        let nullable = found.keys.iter().filter_map(|key| key.column.as_ref()).find(|name| {
            let column = busy.table.column(name);
            let proof = crate::schema::proof::not_null_proof(busy.table, name, alter);
            column.is_some_and(|column| !column.not_null) && !proof.is_some_and(|proof| proof.validated)
        });
        let Some(nullable) = nullable else { continue };
        let table = busy.shown();
        let message = format!(
            "making `{index}` the primary key reads every row of `{table}`, since `{nullable}` is nullable: reads and \
             writes wait under an ACCESS EXCLUSIVE lock"
        );
        report.add(constraint.span, message).help(format!(
            "Add `check ({} is not null) not valid` and validate it in earlier migrations.",
            crate::schema::objects::quote(nullable)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn nulls_are_looked_for_unless_it_is_known_that_there_are_none() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (id bigint);
create unique index ai on a (id);
create table b (id bigint not null);
create unique index bi on b (id);
create table c (id bigint check (id is not null));
create unique index ci on c (id);
create table d (id bigint);
alter table d add constraint n check (id is not null) not valid;
create unique index di on d (id);
-- 2_second.sql
alter table a add constraint k primary key using index ai;
--                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: making `ai` the primary key reads every row of `a`, since `id` is nullable
alter table b add primary key using index bi;
alter table c add primary key using index ci;
alter table d add primary key using index di;
--                ^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: making `di` the primary key reads
",
        );
    }
}
