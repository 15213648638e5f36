//! INSERT, UPDATE, DELETE and MERGE.

use super::query::{Names, Output, Scope, Source};
use super::{Access, Walker};
use crate::schema::change::Key;
use crate::schema::objects::Id;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Delete, Insert, Merge, Update};
use crate::text::Span;

impl Walker<'_> {
    pub(super) fn insert(&mut self, insert: &Insert, scope: &Scope, names: Names) -> Vec<Output> {
        let mut scope = scope.clone();
        self.ctes(&insert.ctes, &mut scope);
        let table = self.relation(&insert.table, Access::Write);
        self.columns(table.as_ref(), &insert.columns, Access::Write);
        if let Some(source) = &insert.source {
            self.query(source, &scope, Names::Unused);
        }
        self.target(&insert.table, insert.alias.as_ref(), table.as_ref(), &mut scope);
        if let Some(conflict) = &insert.on_conflict {
            self.columns(table.as_ref(), &conflict.columns, Access::Read);
            if let (Some(ident), Some(id)) = (&conflict.constraint, &table) {
                self.object(
                    ident.span,
                    Key::Constraint(id.clone(), ident.value.clone()),
                    Access::Read,
                );
            }
            let mut inside = scope.clone();
            inside.sources.insert(
                0,
                Source {
                    name: "excluded".into(),
                    declared: Span::default(),
                    relation: table.clone(),
                    columns: Vec::new(),
                },
            );
            for assignment in &conflict.update {
                self.column(table.as_ref(), &assignment.column, Access::Write);
                self.expr(&assignment.value, &inside);
            }
            self.exprs(conflict.filter.iter(), &inside);
        }
        let first = scope.sources.len().saturating_sub(1);
        self.items(&insert.returning, &scope, first, names)
    }

    fn target(&mut self, name: &Name, alias: Option<&Ident>, table: Option<&Id>, scope: &mut Scope) {
        if let Some(alias) = alias {
            self.alias(alias);
            scope.add(&alias.value, table, alias.span);
        } else {
            scope.add(&name.last().value, table, Span::default());
        }
    }

    pub(super) fn update(&mut self, update: &Update, scope: &Scope, names: Names) -> Vec<Output> {
        let mut scope = scope.clone();
        self.ctes(&update.ctes, &mut scope);
        let first = scope.sources.len();
        let table = self.relation(&update.table.name, Access::Write);
        self.target(
            &update.table.name,
            update.table.alias.as_ref(),
            table.as_ref(),
            &mut scope,
        );
        for item in &update.from {
            self.from(item, &mut scope);
        }
        for assignment in &update.assignments {
            self.column(table.as_ref(), &assignment.column, Access::Write);
            self.expr(&assignment.value, &scope);
        }
        self.exprs(update.filter.iter(), &scope);
        self.items(&update.returning, &scope, first, names)
    }

    pub(super) fn delete(&mut self, delete: &Delete, scope: &Scope, names: Names) -> Vec<Output> {
        let mut scope = scope.clone();
        self.ctes(&delete.ctes, &mut scope);
        let first = scope.sources.len();
        let table = self.relation(&delete.table.name, Access::Write);
        self.target(
            &delete.table.name,
            delete.table.alias.as_ref(),
            table.as_ref(),
            &mut scope,
        );
        for item in &delete.using {
            self.from(item, &mut scope);
        }
        self.exprs(delete.filter.iter(), &scope);
        self.items(&delete.returning, &scope, first, names)
    }

    pub(super) fn merge(&mut self, merge: &Merge, scope: &Scope) {
        let mut scope = scope.clone();
        self.ctes(&merge.ctes, &mut scope);
        let table = self.relation(&merge.table.name, Access::Write);
        self.target(
            &merge.table.name,
            merge.table.alias.as_ref(),
            table.as_ref(),
            &mut scope,
        );
        if let Some(source) = &merge.source {
            self.from(source, &mut scope);
        }
        self.exprs(&merge.exprs, &scope);
    }
}
