//! Objects as DROP, COMMENT ON, ALTER and GRANT name them.

use super::{Access, Walker};
use crate::schema::change::Key;
use crate::schema::objects::Id;
use crate::sql::lexeme::{LexemeKind, lexemes_in};
use crate::sql::name::Ident;
use crate::sql::statement::{AlterObject, GrantTarget, ObjectKind, ObjectRef, Param};
use crate::text::Span;

impl Walker<'_> {
    /// The object; its relation where it is one, or stands on one.
    pub(super) fn object_ref(&mut self, object: &ObjectRef, access: Access) -> Option<Id> {
        match object.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index => return self.relation(&object.name, access),
            ObjectKind::Column => {
                let (relation, column) = object.name.split_last()?;
                let id = self.relation(&relation, Access::Read);
                self.column(id.as_ref(), &column, access);
                return id;
            }
            ObjectKind::Policy | ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Constraint => {
                let id = object
                    .table
                    .as_ref()
                    .and_then(|table| self.relation(table, Access::Read));
                if let Some(id) = &id {
                    self.on_table(object.kind, id, object.name.last(), access);
                }
                return id;
            }
            ObjectKind::DomainConstraint => {
                let domain = object.table.as_ref()?;
                let id = self.type_named(domain, Access::Read)?;
                let key = Key::Constraint(id, object.name.last().value.clone());
                self.object(object.name.last().span, key, access);
                return None;
            }
            ObjectKind::Schema => {
                self.schema(object.name.last(), access);
                return None;
            }
            ObjectKind::Role => {
                self.role_named(object.name.last(), access);
                return None;
            }
            _ => {}
        }
        let found = self
            .before
            .object(object)
            .or_else(|| self.after.object(object))
            .or_else(|| if self.late { self.last.object(object) } else { None });
        if let Some(key) = found {
            if !matches!(key, Key::Extension(_) | Key::Publication(_)) {
                self.qualifier(&object.name);
            }
            self.object(object.name.last().span, key, access);
        }
        for param in object.arguments.iter().flatten() {
            self.ty(&param.ty);
        }
        None
    }

    /// A policy, trigger, rule or constraint of a table.
    pub(super) fn on_table(&mut self, kind: ObjectKind, table: &Id, name: &Ident, access: Access) {
        let (table, value) = (table.clone(), name.value.clone());
        let key = match kind {
            ObjectKind::Policy => Key::Policy(table, value),
            ObjectKind::Trigger => Key::Trigger(table, value),
            ObjectKind::Rule => Key::Rule(table, value),
            _ => Key::Constraint(table, value),
        };
        self.object(name.span, key, access);
    }

    /// What `ALTER object action` names; `this`: the object.
    pub(super) fn alter_object(&mut self, this: Option<&Key>, action: &AlterObject) {
        match action {
            AlterObject::Rename(to) => {
                if let Some(key) = this.and_then(|key| renamed(key, &to.value)) {
                    self.object(to.span, key, Access::Declare);
                }
            }
            AlterObject::RenameColumn { from, to } => {
                if let Some(Key::Relation(id)) = this {
                    self.column(Some(id), from, Access::Write);
                    self.column(Some(id), to, Access::Declare);
                }
            }
            AlterObject::Owner(role) => self.role(role),
            AlterObject::SetSchema(schema) => self.schema(schema, Access::Read),
            AlterObject::ColumnDefault { column, default } => {
                if let Some(Key::Relation(id)) = this {
                    self.column(Some(id), column, Access::Write);
                }
                self.exprs(default.iter(), &super::Scope::default());
            }
            AlterObject::AttachPartition(name) => {
                self.relation(name, Access::Write);
            }
            AlterObject::DependsOnExtension { extension, .. } => {
                self.object(extension.span, Key::Extension(extension.value.clone()), Access::Read);
            }
            AlterObject::SetOptions(_)
            | AlterObject::ResetOptions(_)
            | AlterObject::Enable(_)
            | AlterObject::Tablespace(_)
            | AlterObject::Other => {}
        }
    }

    pub(super) fn grant_target(&mut self, target: &GrantTarget) -> Option<Id> {
        match target {
            GrantTarget::Objects(objects) => {
                let mut only = None;
                for object in objects {
                    only = self.object_ref(object, Access::Write);
                }
                only
            }
            GrantTarget::AllInSchema { schemas, .. } => {
                for schema in schemas {
                    self.schema(schema, Access::Read);
                }
                None
            }
        }
    }

    /// The schemas that a setting of `search_path` names.
    pub(super) fn search_path(&mut self, name: &str, setting: Span) {
        if name != "search_path" {
            return;
        }
        let lexemes = lexemes_in(self.text, setting);
        let values = lexemes
            .iter()
            .position(|lexeme| lexeme.is(self.text, "TO") || lexeme.span.slice(self.text) == "=");
        for lexeme in values.map_or(&[][..], |at| &lexemes[at + 1..]) {
            let inner = Span {
                start: lexeme.span.start + 1,
                end: lexeme.span.end.saturating_sub(1),
            };
            let names = match lexeme.kind {
                LexemeKind::String => lexemes_in(self.text, inner),
                _ => vec![*lexeme],
            };
            for name in names.iter().filter(|name| name.is_name()) {
                let ident = super::routine::ident(self.text, name.span, 0);
                let known = self.find(|lookup| lookup.catalog().schemas.contains_key(&ident.value).then_some(()));
                if known.is_some() {
                    self.schema(&ident, Access::Read);
                }
            }
        }
    }

    /// The types of a parameter list, and its names.
    pub(super) fn params(&mut self, params: &[Param], scope: &mut super::Scope) {
        use super::{Local, Symbol};
        for param in params {
            self.ty(&param.ty);
            if let Some(name) = &param.name {
                self.push(name.span, Symbol::Local(Local::Parameter, name.span), Access::Declare);
                scope.parameters.push((name.value.clone(), name.span));
            }
            self.exprs(param.default.as_deref(), &super::Scope::default());
        }
    }
}

/// The same object under another name.
pub(in crate::ide) fn renamed(key: &Key, to: &str) -> Option<Key> {
    Some(match key {
        Key::Schema(_) => Key::Schema(to.into()),
        Key::Relation(id) => Key::Relation(id.sibling(to)),
        Key::Column(table, _) => Key::Column(table.clone(), to.into()),
        Key::Constraint(table, _) => Key::Constraint(table.clone(), to.into()),
        Key::Trigger(table, _) => Key::Trigger(table.clone(), to.into()),
        Key::Policy(table, _) => Key::Policy(table.clone(), to.into()),
        Key::Rule(table, _) => Key::Rule(table.clone(), to.into()),
        Key::Routine(signature) => {
            let mut signature = signature.clone();
            signature.id = signature.id.sibling(to);
            Key::Routine(signature)
        }
        Key::Type(id) => Key::Type(id.sibling(to)),
        Key::Role(_) => Key::Role(to.into()),
        Key::Publication(_) => Key::Publication(to.into()),
        Key::Extension(_) => return None,
        Key::Other(kind, name) => match name.rsplit_once('.') {
            Some((schema, _)) => Key::Other(*kind, format!("{schema}.{to}")),
            None => Key::Other(*kind, to.to_owned()),
        },
    })
}
