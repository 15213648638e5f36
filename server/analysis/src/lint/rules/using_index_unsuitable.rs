use crate::lint::prelude::*;
use crate::schema::objects::{Index, TableKind};
use crate::sql::statement::TableConstraintKind;

rule! {
    /// PostgreSQL refuses to make this index the index of a constraint.
    ///
    /// ## When
    /// `ALTER TABLE … ADD { UNIQUE | PRIMARY KEY } USING INDEX` with an index that is not unique, is partial, has an
    /// expression, sorts a column in descending order, is no b-tree, or belongs to another table; and on a partitioned
    /// table. Silent about indexes that the history does not know for certain.
    ///
    /// ## Why
    /// A constraint's index must be one that the constraint itself would build. The statement fails with 42809, or 0A000
    /// on a partitioned table.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text, deleted boolean);
    /// create unique index users_email_key on users (email) where not deleted;
    /// -- 2_email.sql
    /// alter table users add unique using index users_email_key;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text, deleted boolean);
    /// create unique index users_email_key on users (email);
    /// -- 2_email.sql
    /// alter table users add unique using index users_email_key;
    /// ```
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint_using_index](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX)
    "using-index-unsuitable",
    category: Category::ConstraintValidation,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some((id, relation)) = cx.target() else { return };
    for action in &alter.actions {
        let AlterActionKind::AddConstraint(constraint) = &action.kind else {
            continue;
        };
        let TableConstraintKind::UsingIndex { index, .. } = &constraint.kind else {
            continue;
        };
        let index_id = id.sibling(&index.value);
        let Some(found) = cx.before().index(&index_id) else {
            continue;
        };
        let is_partitioned = relation
            .table()
            .is_some_and(|table| table.kind == TableKind::Partitioned);
        let why = if is_partitioned {
            Some(format!("`{}` is partitioned", shown(id)))
        } else {
            unsuitable(found, id).map(|why| format!("it {why}"))
        };
        let Some(why) = why else { continue };
        let certain = cx
            .before()
            .certainty(&index_id)
            .is_some_and(crate::schema::objects::Certainty::is_certain);
        report
            .add(
                index.span,
                format!("`{index}` cannot become the index of a constraint: {why}"),
            )
            .help(if is_partitioned {
                "Add the constraint without an index: it takes those of the partitions that fit."
            } else {
                "Create a plain unique index over the columns."
            })
            .unless_certain(certain);
    }
}

fn unsuitable(index: &Index, table: &Id) -> Option<&'static str> {
    if index.table != *table {
        Some("belongs to another table")
    } else if !index.unique {
        Some("is not unique")
    } else if index.predicate.is_some() {
        Some("is partial")
    } else if index.keys.iter().any(|key| key.column.is_none()) {
        Some("has an expression")
    } else if index.keys.iter().any(|key| key.descending) {
        Some("sorts in descending order")
    } else if index.method != "btree" {
        Some("is no b-tree")
    } else if index.constraint.is_some() {
        Some("belongs to a constraint already")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn only_a_plain_unique_index_will_do() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table other (a int);
create table users (a int, b text not null);
create unique index fits on users (a, b);
create unique index fits_too on users (b) include (a);
create unique index elsewhere on other (a);
create index common on users (a);
create unique index part on users (a) where a > 0;
create unique index expr on users (lower(b));
create unique index down on users (a desc);
create table parts (a int) partition by range (a);
create unique index of_parts on parts (a);
-- 2_second.sql
alter table users add unique using index fits;
alter table users add primary key using index fits_too;
alter table users add unique using index elsewhere;
--                                       ^^^^^^^^^ error: `elsewhere` cannot become the index of a constraint: it belongs to another table
alter table users add unique using index common;
--                                       ^^^^^^ error: `common` cannot become the index of a constraint: it is not unique
alter table users add unique using index part;
--                                       ^^^^ error: `part` cannot become the index of a constraint: it is partial
alter table users add constraint e unique using index expr;
--                                                    ^^^^ error: `expr` cannot become the index of a constraint: it has an expression
alter table users add unique using index down;
--                                       ^^^^ error: `down` cannot become the index of a constraint: it sorts
alter table parts add unique using index of_parts;
--                                       ^^^^^^^^ error: `of_parts` cannot become the index of a constraint: `parts` is partitioned
alter table users add unique using index nobody_knows_it;
",
        );
    }
}
