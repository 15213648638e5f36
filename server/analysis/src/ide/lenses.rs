//! What stands over a migration: its companions, and what it comes to.

use super::View;
use crate::schema::change::Change;
use crate::text::Span;

/// What is known of a migration as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lenses {
    /// The first line of the file.
    pub span: Span,
    /// The file that undoes it.
    pub rollback: Companion,
    /// The smoke test of its version.
    pub smoke_test: Companion,
    /// How many objects it creates; columns, constraints, policies and triggers count.
    pub created: usize,
    /// How many times it changes one that is there.
    pub changed: usize,
    /// How many it drops.
    pub dropped: usize,
}

/// Whether a file that belongs to a migration is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Companion {
    /// At this path; `None` where it is a part of the migration itself.
    Present(Option<String>),
    /// It would be at this path.
    Missing(String),
    /// The layout has none, or there would be nothing in it.
    NotNeeded,
}

/// What stands over a file; `None` for a number past the end.
pub fn lenses(view: View<'_>, file: usize) -> Option<Lenses> {
    let migration = view.migration(file)?;
    let (mut created, mut changed, mut dropped) = (0, 0, 0);
    let mut does_nothing = true;
    view.steps(file, &mut |moment| {
        for change in &moment.step.changes {
            does_nothing = false;
            match change {
                Change::Create(_) | Change::AddColumn { .. } | Change::AddConstraint { .. } => created += 1,
                Change::PutTrigger { table, trigger } => {
                    let relation = moment.before.relations.get(table);
                    let old =
                        relation.is_some_and(|relation| relation.triggers().iter().any(|old| old.name == trigger.name));
                    *(if old { &mut changed } else { &mut created }) += 1;
                }
                Change::PutPolicy { table, policy } => {
                    let old = moment
                        .before
                        .table(table)
                        .is_some_and(|table| table.policies.iter().any(|old| old.name == policy.name));
                    *(if old { &mut changed } else { &mut created }) += 1;
                }
                Change::Drop(_) | Change::DropColumn { .. } => dropped += 1,
                Change::Write { .. } | Change::Taint(_) => {}
                _ => changed += 1,
            }
        }
    });
    let companion = |path: &Option<String>, is_there: bool| match path {
        Some(path) if is_there && *path == migration.path => Companion::Present(None),
        path if is_there => Companion::Present(path.clone()),
        Some(path) if !does_nothing => Companion::Missing(path.clone()),
        _ => Companion::NotNeeded,
    };
    let text = view.text(file);
    Some(Lenses {
        span: super::place::first_line(text, Span::new(0, text.len())),
        rollback: companion(&migration.rollback_path, migration.has_rollback),
        smoke_test: companion(&migration.smoke_test_path, migration.has_smoke_test),
        created,
        changed,
        dropped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Base, Migration};
    use crate::ide::testing::Case;

    #[test]
    fn a_migration_is_counted_and_its_companions_are_looked_for() {
        let mut first = Migration::new(
            "1_a.sql",
            "create table t (a int);\nalter table t add column b int, alter column a set not null;\ndrop table t;\n",
        );
        first.rollback_path = Some("rollback/1.sql".to_owned());
        first.smoke_test_path = Some("tests/1.sql".to_owned());
        first.has_smoke_test = true;
        let mut second = Migration::new("2_b.sql", "-- nothing yet\n");
        second.rollback_path = Some("rollback/2.sql".to_owned());
        let case = Case::of(vec![first, second], Base::Empty, None);
        let found = lenses(case.view(), 0).expect("there is a file");
        assert_eq!(found.span.slice(case.text(0)), "create table t (a int);");
        assert_eq!((found.created, found.changed, found.dropped), (2, 1, 1));
        assert_eq!(found.rollback, Companion::Missing("rollback/1.sql".to_owned()));
        assert_eq!(found.smoke_test, Companion::Present(Some("tests/1.sql".to_owned())));
        let found = lenses(case.view(), 1).expect("there is a file");
        assert_eq!(found.rollback, Companion::NotNeeded);
        assert_eq!(found.smoke_test, Companion::NotNeeded);
        assert_eq!(lenses(case.view(), 2), None);
    }
}
