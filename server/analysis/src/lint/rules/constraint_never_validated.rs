use crate::lint::prelude::*;
use crate::schema::objects::{ConstraintKind, Relation};

rule! {
    /// A constraint that was added `NOT VALID` is never validated.
    ///
    /// ## When
    /// After the last migration, a CHECK, foreign key or NOT NULL constraint that an earlier migration added `NOT VALID` has
    /// not been validated. The newest migration is exempt: what validates comes behind it. `NOT ENFORCED` constraints
    /// (PostgreSQL 18) cannot be validated and are exempt.
    ///
    /// ## Why
    /// Old rows may break the constraint, and nobody knows. PostgreSQL's planner may not rely on it, and a dump that holds
    /// such rows is restored all the same.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, age int);
    /// -- 2_age.sql
    /// alter table users add constraint users_age check (age >= 0) not valid;
    /// -- 3_posts.sql
    /// create table posts (id bigint primary key);
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
    "constraint-never-validated",
    category: Category::ConstraintValidation,
    level: Level::Info,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    let newest = cx.names().count().saturating_sub(1);
    let last = cx.last();
    let Some(table) = relation.table() else {
        return;
    };
    for constraint in &table.constraints {
        let kinds = matches!(
            constraint.kind,
            ConstraintKind::Check(_) | ConstraintKind::Foreign(_) | ConstraintKind::NotNull
        );
        let certain = last.since(constraint.certainty, constraint.created).is_certain();
        if constraint.validated || !kinds || !certain || constraint.inherited {
            continue;
        }
        let Some(number) = cx.judged_file(constraint.created).filter(|number| *number != newest) else {
            continue;
        };
        let added = match cx.statement_at(number, constraint.created).map(|made| &made.node) {
            Some(Node::AlterTable(alter)) => alter.actions.iter().find_map(|action| match &action.kind {
                AlterActionKind::AddConstraint(added) => {
                    let name = added.name.as_ref().map(|name| &name.value);
                    let same = name.is_none_or(|name| *name == constraint.name);
                    (same && added.not_valid && !added.not_enforced).then_some(added.span)
                }
                _ => None,
            }),
            _ => None,
        };
        let Some(span) = added else { continue };
        report
            .add(
                span,
                format!(
                    "`{}` is never validated: old rows of `{}` may break it",
                    constraint.name,
                    shown(id)
                ),
            )
            .in_migration(number)
            .help(format!(
                "Add a migration with `alter table {} validate constraint {}`.",
                shown(id),
                crate::schema::objects::quote(&constraint.name)
            ));
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn somebody_has_to_validate_it() {
        Case::new(&RULE).postgres(18).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
alter table users add constraint k check (a > 0) not valid;
--                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: `k` is never validated: old rows of `users` may break it
alter table users add constraint l check (a > 1) not valid;
alter table users add constraint m check (a > 2) not enforced;
alter table users add constraint n check (a > 3) not valid;
-- 2_second.sql
alter table users validate constraint l, drop constraint n;
-- 3_third.sql
alter table users add constraint o check (a > 4) not valid;
",
        );
    }
}
