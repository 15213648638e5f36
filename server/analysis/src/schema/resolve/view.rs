//! CREATE VIEW and CREATE MATERIALIZED VIEW.

use std::sync::Arc;

use super::Resolver;
use crate::schema::change::{Change, Object};
use crate::schema::objects::{Certainty, Relation, RelationKind, View};
use crate::sql::name::Name;
use crate::sql::statement::{CreateView, ObjectKind};

impl Resolver<'_> {
    pub(crate) fn create_view(&mut self, create: &CreateView) {
        let id = if create.temporary {
            Self::temporary_id(&create.name)
        } else {
            self.new_id(&create.name)
        };
        self.target = Some(id.clone());
        let written = !create.columns.is_empty();
        let outputs = self.outputs(&create.query);
        let (mut columns, types) = match outputs {
            Some(outputs) => {
                let (names, types): (Vec<_>, Vec<_>) = outputs.into_iter().unzip();
                (Some(names), types)
            }
            None => (None, Vec::new()),
        };
        if written {
            let names = create.columns.iter().map(|column| column.value.clone());
            match &mut columns {
                Some(columns) => columns.iter_mut().zip(names).for_each(|(column, name)| *column = name),
                None => columns = Some(names.collect()),
            }
        }
        let mut view = View {
            materialized: create.materialized,
            columns,
            types,
            column_acls: std::collections::BTreeMap::new(),
            options: create
                .options
                .iter()
                .map(|o| (o.name.clone(), o.value.clone().unwrap_or_default()))
                .collect(),
            query: Arc::clone(&create.query),
            dependencies: self.query_dependencies(&create.query),
            populated: create.with_data,
            triggers: Vec::new(),
            rules: Vec::new(),
        };
        let Some(old) = self.catalog.relations.get(&id).cloned() else {
            let mut meta = self.meta('r', Some(&id.schema));
            meta.definition = Some(self.statement_as_written());
            let relation = Relation {
                meta,
                kind: RelationKind::View(view),
            };
            return self.emit(Change::Create(Object::Relation(id, Arc::new(relation))));
        };
        let created = old.meta.created;
        match &old.kind {
            // Replacing keeps privileges, comment, owner and triggers; options are those of the new statement
            // (measured on 15 to 18: reloptions are replaced as a whole).
            RelationKind::View(previous) if create.or_replace && !previous.materialized => {
                view.triggers.clone_from(&previous.triggers);
                view.rules.clone_from(&previous.rules);
                view.column_acls.clone_from(&previous.column_acls);
                let mut relation = (*old).clone();
                relation.meta.certainty = self.certainty;
                relation.meta.definition = Some(self.statement_as_written());
                relation.kind = RelationKind::View(view);
                self.emit(Change::Alter(Object::Relation(id, Arc::new(relation))));
            }
            _ if old.meta.certainty == Certainty::Assumed => {
                let mut meta = self.meta('r', Some(&id.schema));
                meta.definition = Some(self.statement_as_written());
                let relation = Relation {
                    meta,
                    kind: RelationKind::View(view),
                };
                self.emit(Change::Create(Object::Relation(id, Arc::new(relation))));
            }
            _ if create.if_not_exists => {}
            _ => self.exists(ObjectKind::View, &create.name, created),
        }
    }

    /// REFRESH fills a materialized view, or empties it: until it is filled again, nobody can read it.
    pub(crate) fn refresh(&mut self, name: &Name, with_data: bool) {
        let Some(id) = self.find_relation(name) else { return };
        let Some(relation) = self.catalog.relations.get(&id) else {
            return;
        };
        let RelationKind::View(view) = &relation.kind else {
            return;
        };
        if !view.materialized || view.populated == with_data {
            return;
        }
        let mut relation = (**relation).clone();
        if let RelationKind::View(view) = &mut relation.kind {
            view.populated = with_data;
        }
        self.emit(Change::Alter(Object::Relation(id, Arc::new(relation))));
    }
}
