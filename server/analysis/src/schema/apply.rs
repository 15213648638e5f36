//! A catalog and a change make the next catalog.

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::catalog::Catalog;
use super::change::{Change, Key, Object, TableChange, Taint};
use super::facts;
use super::objects::{
    Acl, Certainty, ConstraintKind, Extension, Id, Index, IndexColumn, Meta, Origin, Relation, RelationKind, Signature,
    Table, TypeKind, TypeObject,
};
use crate::sql::keyword::quote_ident;
use crate::sql::name::Name;
use crate::sql::statement::{Expr, ExprNode, ObjectKind, Persistence};

impl Catalog {
    /// Carries out one change; `origin` is where the statement stands.
    pub fn apply(&mut self, change: &Change, origin: Origin) {
        self.carry_out(change.clone(), origin);
    }

    /// Carries out a change that nobody looks at later.
    pub(crate) fn carry_out(&mut self, change: Change, origin: Origin) {
        match change {
            Change::Create(object) | Change::Alter(object) => self.put(object, origin),
            Change::Drop(key) => self.remove(&key),
            Change::Rename { from, to } => self.rename(&from, &to, origin),
            Change::AddColumn { table, column } => self.push_column(&table, *column, origin),
            Change::DropColumn { table, column } => self.drop_column(&table, &column, origin),
            Change::AlterColumn { table, column, .. } => self.table_changed(&table, origin, |table| {
                if let Some(old) = table.columns.iter_mut().find(|old| old.name == column.name) {
                    *old = (*column).into();
                }
            }),
            Change::AddConstraint { table, constraint } => {
                self.push_constraint(&table, *constraint, origin);
            }
            Change::AlterConstraint { table, constraint } => self.table_changed(&table, origin, |table| {
                if let Some(old) = table.constraints.iter_mut().find(|old| old.name == constraint.name) {
                    *old = (*constraint).into();
                }
            }),
            Change::PutTrigger { table, trigger } => self.touch(&table, |relation| {
                relation.meta.changed = origin;
                let triggers = match &mut relation.kind {
                    RelationKind::Table(table) => &mut table.triggers,
                    RelationKind::View(view) => &mut view.triggers,
                    _ => return,
                };
                triggers.retain(|old| old.name != trigger.name);
                triggers.push((*trigger).into());
            }),
            Change::PutPolicy { table, policy } => self.table_changed(&table, origin, |table| {
                table.policies.retain(|old| old.name != policy.name);
                table.policies.push((*policy).into());
            }),
            Change::PutRule { table, rule } => self.touch(&table, |relation| {
                edit_rules(relation, |rules| {
                    rules.retain(|old| *old != rule);
                    rules.push(rule);
                });
            }),
            Change::Table { table, what } => self.alter_table(&table, &what, origin),
            Change::Grant {
                object,
                grantee,
                privileges,
            } => self.acl(&object, |acl| {
                let held = acl.entry(grantee).or_default();
                for (privilege, grantable) in privileges {
                    *held.entry(privilege).or_default() |= grantable;
                }
            }),
            Change::Revoke {
                object,
                grantee,
                privileges,
                grant_option,
            } => {
                let take = |acl: &mut Acl| take_privileges(acl, &grantee, &privileges, grant_option);
                self.acl(&object, take);
                // A privilege on the table goes with those on its columns.
                if let Key::Relation(table) = &object
                    && self
                        .table(table)
                        .is_some_and(|table| table.columns.iter().any(|c| !c.acl.is_empty()))
                {
                    self.touch_table(table, |table| {
                        table.columns.iter_mut().for_each(|column| take(&mut column.acl));
                    });
                }
                if let Key::Relation(id) = &object
                    && let Some(RelationKind::View(view)) = self.relations.get(id).map(|relation| &relation.kind)
                    && !view.column_acls.is_empty()
                {
                    self.touch(id, |relation| {
                        if let RelationKind::View(view) = &mut relation.kind {
                            view.column_acls.values_mut().for_each(take);
                        }
                    });
                }
            }
            Change::DefaultAcl { key, acl } => {
                match acl {
                    Some(acl) => self.default_acls.insert(key, acl),
                    None => self.default_acls.remove(&key),
                };
            }
            Change::Comment { object, text } => self.comment(&object, text.as_ref()),
            Change::Owner { object, owner } => self.meta(&object, |meta| {
                // The old owner's rights become the new one's, and the new owner needs no grants.
                meta.acl.remove(&owner);
                meta.owner = owner;
            }),
            Change::Statistics { name, table, columns } => {
                self.statistics.insert(name, (table, columns));
            }
            Change::Write { .. } => {}
            Change::Taint(taint) => self.taint(&taint, origin),
        }
    }

    fn put(&mut self, object: Object, origin: Origin) {
        match object {
            Object::Schema(name, schema) => {
                self.schemas.insert(name, schema);
            }
            Object::Relation(id, mut relation) => {
                if relation.meta.changed != origin {
                    Arc::make_mut(&mut relation).meta.changed = origin;
                }
                if let RelationKind::Index(index) = &relation.kind {
                    let name = id.name.clone();
                    self.touch_table(&index.table.clone(), |table| {
                        table.indexes.insert(name);
                    });
                }
                self.insert_relation(id, relation);
            }
            Object::Routine(signature, routine) => {
                self.insert_routine(signature, routine);
            }
            Object::Type(id, ty) => {
                if let TypeKind::Range(_) = &ty.kind {
                    let kind = TypeKind::Base;
                    let meta = ty.meta.clone();
                    self.types.insert(multirange(&id), Arc::new(TypeObject { meta, kind }));
                }
                self.note_type(&id, origin);
                self.insert_type(id, ty);
            }
            Object::Extension(name, extension) => {
                self.forget_members(&name);
                self.add_members(&name, &extension);
                self.extensions.insert(name, extension);
            }
            Object::Role(name, role) => {
                self.roles.insert(name, role);
            }
            Object::Publication(name, publication) => {
                self.publications.insert(name, publication);
            }
            Object::Other(kind, name, origin) => {
                self.others.insert((kind, name), Meta::new(origin, ""));
            }
        }
    }

    fn remove(&mut self, key: &Key) {
        match key {
            Key::Schema(name) => {
                self.schemas.remove(name);
                let of_schema = self.default_acls.keys().filter(|key| key.schema.as_ref() == Some(name));
                for key in of_schema.cloned().collect::<Vec<_>>() {
                    self.default_acls.remove(&key);
                }
            }
            Key::Relation(id) => self.remove_relation(id),
            Key::Column(..) => {}
            Key::Constraint(table, name) => {
                self.edit_table(table, |table| {
                    table.constraints.retain(|constraint| constraint.name != *name);
                });
            }
            Key::Trigger(table, name) => self.touch(table, |relation| match &mut relation.kind {
                RelationKind::Table(table) => table.triggers.retain(|trigger| trigger.name != *name),
                RelationKind::View(view) => view.triggers.retain(|trigger| trigger.name != *name),
                _ => {}
            }),
            Key::Policy(table, name) => {
                self.edit_table(table, |table| table.policies.retain(|policy| policy.name != *name));
            }
            Key::Rule(table, name) => self.touch(table, |relation| {
                edit_rules(relation, |rules| rules.retain(|rule| rule != name));
            }),
            Key::Routine(signature) => {
                self.routines.remove(signature);
            }
            Key::Type(id) => {
                self.drop_comments(id);
                let old = self.types.remove(id);
                if old.is_some_and(|ty| matches!(ty.kind, TypeKind::Range(_))) {
                    self.types.remove(&multirange(id));
                }
            }
            Key::Extension(name) => {
                self.forget_members(name);
                self.extensions.remove(name);
            }
            Key::Role(name) => {
                self.roles.remove(name);
                self.edit_members(name, None);
            }
            Key::Publication(name) => {
                self.publications.remove(name);
            }
            Key::Other(kind, name) => {
                self.others.remove(&(*kind, name.clone()));
                if *kind == ObjectKind::Statistics {
                    self.statistics.remove(name);
                }
            }
        }
    }

    /// Comments kept by name, of what has no place of its own for them: parts of views, composite types and domains.
    fn drop_comments(&mut self, id: &Id) {
        let of = format!(":{id}.");
        if self.comments.keys().any(|key| key.contains(&of)) {
            self.comments = self
                .comments
                .clone()
                .into_iter()
                .filter(|(key, _)| !key.contains(&of))
                .collect();
        }
    }

    /// Changes the statistics about a table.
    fn edit_statistics(&mut self, table: &Id, change: impl Fn(&mut Id, &mut BTreeSet<SmolStr>)) {
        let about = self.statistics.iter().filter(|(_, (on, _))| on == table);
        let names: Vec<String> = about.map(|(name, _)| name.clone()).collect();
        for name in names {
            if let Some((on, columns)) = self.statistics.get_mut(&name) {
                change(on, columns);
            }
        }
    }

    fn rename_comments(&mut self, from: &str, to: &str) {
        let moved: Vec<(String, SmolStr)> = self
            .comments
            .iter()
            .filter(|(key, _)| key.contains(from))
            .map(|(key, text)| (key.clone(), text.clone()))
            .collect();
        for (key, text) in moved {
            self.comments.remove(&key);
            self.comments.insert(key.replacen(from, to, 1), text);
        }
    }

    /// The types that an extension is known to bring.
    fn add_members(&mut self, name: &SmolStr, extension: &Extension) {
        for ty in facts::extension_types(name) {
            let mut meta = Meta::new(Origin::BASE, &extension.meta.owner);
            meta.extension = Some(name.clone());
            let object = TypeObject {
                meta,
                kind: TypeKind::Base,
            };
            self.types.insert(Id::new(&extension.schema, ty), Arc::new(object));
        }
    }

    fn forget_members(&mut self, name: &SmolStr) {
        if self.extensions.contains_key(name) {
            let types = std::mem::take(&mut self.types).into_iter();
            self.types = types
                .filter(|(_, ty)| ty.meta.extension.as_ref() != Some(name))
                .collect();
        }
    }

    /// Members of role `from` become members of `to`, or of none.
    fn edit_members(&mut self, from: &SmolStr, to: Option<&SmolStr>) {
        let members: Vec<SmolStr> = self
            .roles
            .iter()
            .filter(|(_, role)| role.member_of.contains(from))
            .map(|(name, _)| name.clone())
            .collect();
        for name in members {
            if let Some(role) = self.roles.get_mut(&name) {
                let role = Arc::make_mut(role);
                role.member_of.remove(from);
                role.member_of.extend(to.cloned());
            }
        }
    }

    fn remove_relation(&mut self, id: &Id) {
        self.drop_comments(id);
        let Some(relation) = self.take_relation(id) else {
            return;
        };
        match &relation.kind {
            RelationKind::Index(index) => {
                self.touch_table(&index.table, |table| {
                    table.indexes.remove(&id.name);
                });
            }
            RelationKind::Table(table) => {
                for index in &table.indexes {
                    self.take_relation(&id.sibling(index));
                }
                let members: Vec<SmolStr> = self
                    .publications
                    .iter()
                    .filter(|(_, p)| p.tables.contains(id))
                    .map(|(name, _)| name.clone())
                    .collect();
                for name in members {
                    if let Some(publication) = self.publications.get_mut(&name) {
                        Arc::make_mut(publication).tables.remove(id);
                    }
                }
            }
            RelationKind::View(view) if view.materialized => {
                for index in self.indexes_on(id) {
                    self.take_relation(&index);
                }
            }
            _ => {}
        }
    }

    /// The indexes of a materialized view, which keeps no list of them.
    fn indexes_on(&self, id: &Id) -> Vec<Id> {
        let on = self
            .relations_in(&id.schema)
            .filter(|(_, relation)| relation.index().is_some_and(|index| index.table == *id));
        on.map(|(index, _)| index.clone()).collect()
    }

    fn drop_column(&mut self, id: &Id, column: &SmolStr, origin: Origin) {
        self.table_changed(id, origin, |table| table.columns.retain(|old| old.name != *column));
    }

    fn rename(&mut self, from: &Key, to: &Key, origin: Origin) {
        self.renames.push_back((origin, from.clone(), to.clone()));
        match (from, to) {
            (Key::Schema(from), Key::Schema(to)) => self.rename_schema(from, to),
            (Key::Relation(from), Key::Relation(to)) => self.rename_relation(from, to, origin),
            (Key::Column(table, from), Key::Column(_, to)) => self.rename_column(table, from, to, origin),
            (Key::Constraint(table, from), Key::Constraint(_, to)) => self.table_changed(table, origin, |table| {
                if let Some(constraint) = table.constraints.iter_mut().find(|old| old.name == *from) {
                    constraint.name = to.clone();
                    constraint.generated_name = false;
                }
            }),
            (Key::Trigger(table, from), Key::Trigger(_, to)) => self.table_changed(table, origin, |table| {
                if let Some(trigger) = table.triggers.iter_mut().find(|old| old.name == *from) {
                    trigger.name = to.clone();
                }
            }),
            (Key::Policy(table, from), Key::Policy(_, to)) => self.table_changed(table, origin, |table| {
                if let Some(policy) = table.policies.iter_mut().find(|old| old.name == *from) {
                    policy.name = to.clone();
                }
            }),
            (Key::Rule(table, from), Key::Rule(_, to)) => self.touch(table, |relation| {
                edit_rules(relation, |rules| {
                    rules
                        .iter_mut()
                        .filter(|rule| *rule == from)
                        .for_each(|rule| *rule = to.clone());
                });
            }),
            (Key::Routine(from), Key::Routine(to)) => self.rename_routine(from, to),
            (Key::Type(from), Key::Type(to)) => {
                if let Some(ty) = self.types.remove(from) {
                    self.insert_type(to.clone(), ty);
                    self.retype(from, to);
                    self.rename_comments(&format!(":{from}."), &format!(":{to}."));
                }
            }
            (Key::Extension(_), _) | (_, Key::Extension(_)) => {}
            (Key::Role(from), Key::Role(to)) => {
                if let Some(role) = self.roles.remove(from) {
                    self.roles.insert(to.clone(), role);
                    self.edit_members(from, Some(to));
                }
            }
            (Key::Publication(from), Key::Publication(to)) => {
                if let Some(publication) = self.publications.remove(from) {
                    self.publications.insert(to.clone(), publication);
                }
            }
            (Key::Other(kind, from), Key::Other(_, to)) => {
                if let Some(meta) = self.others.remove(&(*kind, from.clone())) {
                    self.others.insert((*kind, to.clone()), meta);
                }
                if let Some(on) = self.statistics.remove(from).filter(|_| *kind == ObjectKind::Statistics) {
                    self.statistics.insert(to.clone(), on);
                }
            }
            _ => {}
        }
    }

    fn rename_schema(&mut self, from: &SmolStr, to: &SmolStr) {
        if let Some(schema) = self.schemas.remove(from) {
            self.schemas.insert(to.clone(), schema);
        }
        // Tables take their indexes and sequences along.
        let mut moved: Vec<(bool, Id)> = self
            .relations_in(from)
            .map(|(id, relation)| {
                (
                    !matches!(relation.kind, RelationKind::Table(_) | RelationKind::View(_)),
                    id.clone(),
                )
            })
            .collect();
        moved.sort();
        for (_, id) in &moved {
            self.rename_relation(id, &Id::new(to, &id.name), Origin::BASE);
        }
        let types: Vec<Id> = self.types.keys().filter(|id| id.schema == *from).cloned().collect();
        for id in types {
            if let Some(ty) = self.types.remove(&id) {
                let renamed = Id::new(to, &id.name);
                self.insert_type(renamed.clone(), ty);
                self.retype(&id, &renamed);
            }
        }
        let routines: Vec<Signature> = self
            .routines
            .keys()
            .filter(|key| key.id.schema == *from)
            .cloned()
            .collect();
        for signature in routines {
            let renamed = Signature {
                id: Id::new(to, &signature.id.name),
                arguments: signature.arguments.clone(),
            };
            self.rename_routine(&signature, &renamed);
        }
    }

    fn rename_routine(&mut self, from: &Signature, to: &Signature) {
        let Some(routine) = self.routines.remove(from) else {
            return;
        };
        self.insert_routine(to.clone(), routine);
        let users: Vec<Id> = self
            .relations()
            .filter(|(_, relation)| relation.triggers().iter().any(|trigger| trigger.function == from.id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in users {
            self.edit(&id, |relation| {
                let triggers = match &mut relation.kind {
                    RelationKind::Table(table) => &mut table.triggers,
                    RelationKind::View(view) => &mut view.triggers,
                    _ => return,
                };
                for trigger in triggers.iter_mut().filter(|trigger| trigger.function == from.id) {
                    trigger.function = to.id.clone();
                }
            });
        }
    }

    /// Everything that names the relation follows: PostgreSQL stores OIDs, not names.
    fn rename_relation(&mut self, from: &Id, to: &Id, origin: Origin) {
        let Some(mut relation) = self.take_relation(from) else {
            return;
        };
        if origin != Origin::BASE {
            Arc::make_mut(&mut relation).meta.changed = origin;
        }
        let kind = relation.kind.clone();
        self.insert_relation(to.clone(), relation);
        match &kind {
            RelationKind::Index(index) => {
                let constraint = index.constraint.clone();
                self.edit_table(&index.table, |table| {
                    table.indexes.remove(&from.name);
                    table.indexes.insert(to.name.clone());
                    // Renaming the index of a constraint renames the constraint, and the other way round.
                    for old in table
                        .constraints
                        .iter_mut()
                        .filter(|old| Some(&old.name) == constraint.as_ref())
                    {
                        old.name = to.name.clone();
                    }
                });
                if constraint.is_some() {
                    self.edit(to, |relation| {
                        if let RelationKind::Index(index) = &mut relation.kind {
                            index.constraint = Some(to.name.clone());
                        }
                    });
                }
            }
            RelationKind::Table(table) => self.table_renamed(table, from, to),
            RelationKind::View(view) if view.materialized => {
                for old in self.indexes_on(from) {
                    let Some(mut index) = self.take_relation(&old) else {
                        continue;
                    };
                    if let RelationKind::Index(index) = &mut Arc::make_mut(&mut index).kind {
                        index.table = to.clone();
                    }
                    self.insert_relation(Id::new(&to.schema, &old.name), index);
                }
            }
            _ => {}
        }
        self.redirect(from, to);
        self.retype(from, to);
        self.rename_comments(&format!(":{from}."), &format!(":{to}."));
        self.edit_statistics(from, |table, _| table.clone_from(to));
    }

    fn table_renamed(&mut self, table: &Table, from: &Id, to: &Id) {
        for name in &table.indexes {
            let old = Id {
                schema: from.schema.clone(),
                name: name.clone(),
            };
            let Some(mut index) = self.take_relation(&old) else {
                continue;
            };
            if let RelationKind::Index(index) = &mut Arc::make_mut(&mut index).kind {
                index.table = to.clone();
            }
            self.insert_relation(
                Id {
                    schema: to.schema.clone(),
                    name: name.clone(),
                },
                index,
            );
        }
        self.edit_table(to, |own| {
            for policy in &mut own.policies {
                redirect_dependencies(&mut policy.dependencies, from, to);
            }
            for trigger in &mut own.triggers {
                redirect_dependencies(&mut trigger.dependencies, from, to);
            }
        });
        let owned: Vec<Id> = self.owned_sequences(from).collect();
        for id in owned {
            self.edit(&id, |relation| {
                if let RelationKind::Sequence(sequence) = &mut relation.kind
                    && let Some((table, _)) = &mut sequence.owned_by
                {
                    *table = to.clone();
                }
            });
            if from.schema != to.schema
                && let Some(sequence) = self.take_relation(&id)
            {
                self.insert_relation(Id::new(&to.schema, &id.name), sequence);
            }
        }
        let publications: Vec<SmolStr> = self
            .publications
            .iter()
            .filter(|(_, p)| p.tables.contains(from))
            .map(|(name, _)| name.clone())
            .collect();
        for name in publications {
            if let Some(publication) = self.publications.get_mut(&name) {
                let publication = Arc::make_mut(publication);
                publication.tables.remove(from);
                publication.tables.insert(to.clone());
                if let Some(part) = publication.parts.remove(from) {
                    publication.parts.insert(to.clone(), part);
                }
            }
        }
    }

    /// Foreign keys, partitions and dependencies that name relation `from` now name `to`.
    fn redirect(&mut self, from: &Id, to: &Id) {
        let users: Vec<Id> = self.users(from).map(|(id, _)| id.clone()).collect();
        for id in users {
            self.edit(&id, |relation| redirect_relation(relation, from, to));
        }
    }

    /// Columns and signatures of type `from` are now of type `to`.
    fn retype(&mut self, from: &Id, to: &Id) {
        let users: Vec<Id> = self.tables_of_type(from).map(|(id, _)| id.clone()).collect();
        for id in users {
            self.edit_table(&id, |table| {
                for column in table.columns.iter_mut().filter(|column| column.ty.id == *from) {
                    column.ty.id = to.clone();
                }
            });
        }
        let routines: Vec<Signature> = self
            .routines
            .iter()
            .filter(|(key, routine)| {
                key.arguments.iter().any(|ty| ty.id == *from)
                    || routine.return_type.as_ref().is_some_and(|ty| ty.id == *from)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for old in routines {
            let Some(mut routine) = self.routines.remove(&old) else {
                continue;
            };
            let mut renamed = old;
            for ty in renamed.arguments.iter_mut().filter(|ty| ty.id == *from) {
                ty.id = to.clone();
            }
            let edited = Arc::make_mut(&mut routine);
            if let Some(ty) = edited.return_type.as_mut().filter(|ty| ty.id == *from) {
                ty.id = to.clone();
                let setof = edited.returns.as_ref().is_some_and(|text| text.starts_with("SETOF "));
                edited.returns = Some(format!("{}{ty}", if setof { "SETOF " } else { "" }).into());
            }
            self.insert_routine(renamed, routine);
        }
    }

    fn rename_column(&mut self, id: &Id, from: &SmolStr, to: &SmolStr, origin: Origin) {
        let swap = |name: &mut SmolStr| {
            if name == from {
                *name = to.clone();
            }
        };
        self.edit(id, |relation| {
            relation.meta.changed = origin;
            match &mut relation.kind {
                RelationKind::Table(table) => {
                    rename_in_table(table, from, to);
                    for policy in &mut table.policies {
                        let policy = &mut **policy;
                        rename_dependency(&mut policy.dependencies, id, from, to);
                        for expr in policy.using.iter_mut().chain(&mut policy.check) {
                            rename_in_expr(expr, from, to);
                        }
                    }
                }
                RelationKind::View(view) => {
                    if let Some(acl) = view.column_acls.remove(from) {
                        view.column_acls.insert(to.clone(), acl);
                    }
                    view.columns.iter_mut().flatten().for_each(swap);
                }
                _ => {}
            }
        });
        let (old, new) = (format!("column:{id}.{from}"), format!("column:{id}.{to}"));
        if let Some(text) = self.comments.remove(&old) {
            self.comments.insert(new, text);
        }
        self.edit_statistics(id, |_, columns| {
            if columns.remove(from) {
                columns.insert(to.clone());
            }
        });
        let names: Vec<SmolStr> = self
            .table(id)
            .map(|table| table.indexes.iter().cloned().collect())
            .unwrap_or_default();
        for name in names {
            self.edit(&id.sibling(&name), |relation| {
                if let RelationKind::Index(index) = &mut relation.kind {
                    index
                        .keys
                        .iter_mut()
                        .filter_map(|key| key.column.as_mut())
                        .for_each(swap);
                    index.include.iter_mut().for_each(swap);
                    let exprs = index.keys.iter_mut().map(|key| &mut key.expr);
                    for expr in exprs.chain(&mut index.predicate) {
                        rename_in_expr(expr, from, to);
                    }
                }
            });
        }
        let sequences: Vec<Id> = self.owned_sequences(id).collect();
        for sequence in sequences {
            self.edit(&sequence, |relation| {
                if let RelationKind::Sequence(sequence) = &mut relation.kind {
                    sequence.owned_by.iter_mut().for_each(|(_, column)| swap(column));
                }
            });
        }
        let users: Vec<Id> = self.users(id).map(|(user, _)| user.clone()).collect();
        for user in users {
            self.edit(&user, |relation| rename_referenced(relation, id, from, to));
        }
    }

    fn alter_table(&mut self, id: &Id, what: &TableChange, origin: Origin) {
        match what {
            TableChange::Attach { partition, .. } if self.index(id).is_some() => {
                self.attach_index(id, partition, origin);
            }
            TableChange::Attach {
                partition,
                bound,
                default,
            } => {
                self.table_changed(partition, origin, |table| {
                    table.bound.clone_from(bound);
                    table.partition_of = Some(id.clone());
                    table.default_partition = *default;
                });
                self.adopt_indexes(id, partition);
            }
            TableChange::Detach { partition } => self.detach(partition, origin),
            _ => {}
        }
        let change = |relation: &mut Relation| {
            relation.meta.changed = origin;
            let options = match &mut relation.kind {
                RelationKind::View(view) => &mut view.options,
                RelationKind::Table(table) => {
                    change_table(table, what);
                    &mut table.options
                }
                _ => return,
            };
            match what {
                TableChange::SetOptions(set) => options.extend(set.iter().cloned()),
                TableChange::ResetOptions(names) => names.iter().for_each(|name| {
                    options.remove(name);
                }),
                _ => {}
            }
        };
        if matches!(what, TableChange::Inherit(_) | TableChange::NoInherit(_)) {
            self.edit(id, change);
        } else {
            self.touch(id, change);
        }
    }

    /// Indexes of a partition that are like its parent's belong to those from now on.
    fn adopt_indexes(&mut self, parent: &Id, partition: &Id) {
        let parents: Vec<(Id, Index)> = self.indexes_of(parent).map(|(id, index)| (id, index.clone())).collect();
        for (id, index) in parents {
            let own = self
                .indexes_of(partition)
                .find(|(_, own)| is_like(own, &index))
                .map(|(id, _)| id);
            if let Some(own) = own {
                self.edit(&own, |relation| {
                    if let RelationKind::Index(own) = &mut relation.kind {
                        own.partition_of = Some(id.clone());
                    }
                });
            }
        }
    }

    /// ALTER INDEX … ATTACH PARTITION: the parent's index is valid when every partition has its own.
    fn attach_index(&mut self, id: &Id, partition: &Id, origin: Origin) {
        self.edit(partition, |relation| {
            relation.meta.changed = origin;
            if let RelationKind::Index(index) = &mut relation.kind {
                index.partition_of = Some(id.clone());
            }
        });
        let Some(table) = self.index(id).map(|index| index.table.clone()) else {
            return;
        };
        let complete = self.children(&table).all(|partition| {
            self.indexes_of(partition)
                .any(|(_, index)| index.valid && index.partition_of.as_ref() == Some(id))
        });
        if complete {
            self.edit(id, |relation| {
                if let RelationKind::Index(index) = &mut relation.kind {
                    index.valid = true;
                }
            });
        }
    }

    fn detach(&mut self, partition: &Id, origin: Origin) {
        let indexes: Vec<Id> = self.indexes_of(partition).map(|(id, _)| id).collect();
        for index in indexes {
            self.edit(&index, |relation| {
                if let RelationKind::Index(index) = &mut relation.kind {
                    index.partition_of = None;
                }
            });
        }
        let parent = self.table(partition).and_then(|table| table.partition_of.clone());
        let cloned: Vec<SmolStr> = parent
            .and_then(|parent| self.table(&parent))
            .into_iter()
            .flat_map(|parent| &parent.triggers)
            .filter(|trigger| trigger.row)
            .map(|trigger| trigger.name.clone())
            .collect();
        self.table_changed(partition, origin, |table| {
            table.partition_of = None;
            table.bound = None;
            table.default_partition = false;
            table.triggers.retain(|trigger| !cloned.contains(&trigger.name));
            table.columns.iter_mut().for_each(|column| column.inherited = false);
            table
                .constraints
                .iter_mut()
                .for_each(|constraint| constraint.inherited = false);
        });
    }

    /// Changes the privileges of anything that has some.
    fn acl(&mut self, object: &Key, change: impl FnOnce(&mut Acl)) {
        if let Key::Column(relation, column) = object {
            self.touch(relation, |relation| match &mut relation.kind {
                RelationKind::Table(table) => {
                    if let Some(column) = table.columns.iter_mut().find(|old| old.name == *column) {
                        change(&mut column.acl);
                    }
                }
                RelationKind::View(view) => change(view.column_acls.entry(column.clone()).or_default()),
                _ => {}
            });
        } else {
            self.meta(object, |meta| change(&mut meta.acl));
        }
    }

    fn comment(&mut self, object: &Key, text: Option<&SmolStr>) {
        let text = text.filter(|text| !text.is_empty()).cloned();
        match object {
            Key::Column(id, name) if self.table(id).is_none() => {
                self.comment_by_name(format!("column:{id}.{name}"), text);
            }
            Key::Constraint(id, name) if self.table(id).is_none() => {
                self.comment_by_name(format!("constraint:{id}.{name}"), text);
            }
            Key::Column(table, name) => self.touch_table(table, |table| {
                for column in table.columns.iter_mut().filter(|old| old.name == *name) {
                    column.comment.clone_from(&text);
                }
            }),
            Key::Constraint(table, name) => self.touch_table(table, |table| {
                for constraint in table.constraints.iter_mut().filter(|old| old.name == *name) {
                    constraint.comment.clone_from(&text);
                }
            }),
            Key::Trigger(table, name) => self.touch_table(table, |table| {
                for trigger in table.triggers.iter_mut().filter(|old| old.name == *name) {
                    trigger.comment.clone_from(&text);
                }
            }),
            Key::Policy(table, name) => self.touch_table(table, |table| {
                for policy in table.policies.iter_mut().filter(|old| old.name == *name) {
                    policy.comment.clone_from(&text);
                }
            }),
            Key::Rule(table, name) => {
                self.comment_by_name(format!("rule:{table}.{name}"), text);
            }
            _ => self.meta(object, |meta| meta.comment = text),
        }
    }

    fn comment_by_name(&mut self, key: String, text: Option<SmolStr>) {
        match text {
            Some(text) => self.comments.insert(key, text),
            None => self.comments.remove(&key),
        };
    }

    /// Changes what every object has.
    fn meta(&mut self, object: &Key, change: impl FnOnce(&mut Meta)) {
        match object {
            Key::Relation(id) => {
                self.touch(id, |relation| change(&mut relation.meta));
                None
            }
            Key::Routine(signature) => {
                self.touch_routine(signature, |routine| change(&mut routine.meta));
                None
            }
            Key::Schema(name) => self.schemas.get_mut(name).map(|s| change(&mut Arc::make_mut(s).meta)),
            Key::Type(id) => self.types.get_mut(id).map(|t| change(&mut Arc::make_mut(t).meta)),
            Key::Extension(name) => self
                .extensions
                .get_mut(name)
                .map(|e| change(&mut Arc::make_mut(e).meta)),
            Key::Role(name) => self.roles.get_mut(name).map(|r| change(&mut Arc::make_mut(r).meta)),
            Key::Publication(name) => self
                .publications
                .get_mut(name)
                .map(|p| change(&mut Arc::make_mut(p).meta)),
            Key::Other(kind, name) => self.others.get_mut(&(*kind, name.clone())).map(change),
            Key::Column(..) | Key::Constraint(..) | Key::Trigger(..) | Key::Policy(..) | Key::Rule(..) => None,
        };
    }

    fn table_changed(&mut self, id: &Id, origin: Origin, change: impl FnOnce(&mut Table)) {
        self.edit(id, |relation| {
            relation.meta.changed = origin;
            if let RelationKind::Table(table) = &mut relation.kind {
                change(table);
            }
        });
    }

    fn taint(&mut self, taint: &Taint, origin: Origin) {
        let latest = Some(origin);
        match taint {
            Taint::Objects(keys) => {
                for key in keys {
                    self.meta(key, |meta| meta.certainty = Certainty::Maybe(origin));
                }
            }
            Taint::Policies => self.taints.policies = latest,
            Taint::Privileges => self.taints.privileges = latest,
            Taint::Routines => self.taints.routines = latest,
            Taint::Tables => self.taints.everything = latest,
            Taint::Everything => {
                self.taints.everything = latest;
                self.taints.beyond_tables = latest;
            }
        }
    }
}

/// The type that comes with a range type: `makeMultirangeTypeName`.
pub(crate) fn multirange(range: &Id) -> Id {
    let name = match range.name.find("range") {
        Some(at) => format!("{}multi{}", &range.name[..at], &range.name[at..]),
        None => format!("{}_multirange", range.name),
    };
    range.sibling(&name)
}

fn take_privileges(acl: &mut Acl, grantee: &SmolStr, privileges: &[SmolStr], grant_option: bool) {
    let Some(held) = acl.get_mut(grantee) else { return };
    for privilege in privileges {
        if grant_option {
            held.entry(privilege.clone()).and_modify(|grantable| *grantable = false);
        } else {
            held.remove(privilege);
        }
    }
    if held.is_empty() {
        acl.remove(grantee);
    }
}

fn change_table(table: &mut Table, what: &TableChange) {
    match what {
        TableChange::RowSecurity(on) => table.row_security = *on,
        TableChange::ForceRowSecurity(on) => table.force_row_security = *on,
        TableChange::Inherit(parent) => table.inherits.push(parent.clone()),
        TableChange::NoInherit(parent) => table.inherits.retain(|old| old != parent),
        TableChange::Logged(true) => table.persistence = Persistence::Permanent,
        TableChange::Logged(false) => table.persistence = Persistence::Unlogged,
        TableChange::OfType(ty) => table.of_type.clone_from(ty),
        TableChange::Setting { name, value } => {
            match value {
                Some(value) => table.settings.insert(name.clone(), value.clone()),
                None => table.settings.remove(name),
            };
        }
        _ => {}
    }
}

/// The rules of a table or view; other relations have none, and a change of theirs goes nowhere.
fn edit_rules(relation: &mut Relation, change: impl FnOnce(&mut Vec<SmolStr>)) {
    match &mut relation.kind {
        RelationKind::View(view) => change(&mut view.rules),
        RelationKind::Table(table) => change(&mut table.rules),
        _ => {}
    }
}

/// Whether an index of a partition can stand for one of its parent.
pub(crate) fn is_like(own: &Index, parent: &Index) -> bool {
    let same_keys = |a: &IndexColumn, b: &IndexColumn| a.column.is_some() && a.column == b.column;
    own.partition_of.is_none()
        && own.valid
        && own.unique == parent.unique
        && own.method == parent.method
        && own.constraint.is_some() == parent.constraint.is_some()
        && own.predicate.is_some() == parent.predicate.is_some()
        && own.keys.len() == parent.keys.len()
        && own.keys.iter().zip(&parent.keys).all(|(a, b)| same_keys(a, b))
}

fn redirect_relation(relation: &mut Relation, from: &Id, to: &Id) {
    let swap = |id: &mut Id| {
        if id == from {
            *id = to.clone();
        }
    };
    match &mut relation.kind {
        RelationKind::Table(table) => {
            table.inherits.iter_mut().for_each(swap);
            table.partition_of.iter_mut().for_each(swap);
            for constraint in &mut table.constraints {
                if let ConstraintKind::Foreign(key) = &mut constraint.kind {
                    swap(&mut key.table);
                }
            }
            for policy in &mut table.policies {
                redirect_dependencies(&mut policy.dependencies, from, to);
            }
        }
        RelationKind::View(view) => redirect_dependencies(&mut view.dependencies, from, to),
        RelationKind::Index(index) => index.partition_of.iter_mut().for_each(swap),
        _ => {}
    }
}

fn redirect_dependencies(dependencies: &mut super::objects::Dependencies, from: &Id, to: &Id) {
    if dependencies.relations.remove(from) {
        dependencies.relations.insert(to.clone());
    }
    let columns = std::mem::take(&mut dependencies.columns);
    dependencies.columns = columns
        .into_iter()
        .map(|(id, column)| (if id == *from { to.clone() } else { id }, column))
        .collect();
}

fn rename_in_table(table: &mut Table, from: &SmolStr, to: &SmolStr) {
    let swap = |name: &mut SmolStr| {
        if name == from {
            *name = to.clone();
        }
    };
    for column in &mut table.columns {
        swap(&mut column.name);
        if let Some(generated) = &mut column.generated {
            rename_in_expr(&mut generated.expr, from, to);
        }
    }
    let (old, new) = (quote_ident(from), quote_ident(to));
    let settings = std::mem::take(&mut table.settings).into_iter();
    table.settings = settings
        .map(|(name, value)| {
            let rest = name
                .strip_prefix("alter column ")
                .and_then(|name| name.strip_prefix(old.as_str()));
            match rest.filter(|rest| rest.starts_with(' ')) {
                Some(rest) => (format_smolstr!("alter column {new}{rest}"), value),
                None => (name, value),
            }
        })
        .collect();
    for constraint in &mut table.constraints {
        constraint.columns.iter_mut().for_each(swap);
        constraint.include.iter_mut().for_each(swap);
        if let ConstraintKind::Check(expr) = &mut constraint.kind {
            rename_in_expr(expr, from, to);
        }
    }
    for trigger in &mut table.triggers {
        trigger.update_of.iter_mut().for_each(swap);
    }
    if let Some(key) = &mut table.partition_key {
        key.columns.iter_mut().flatten().for_each(swap);
    }
}

fn rename_dependency(dependencies: &mut super::objects::Dependencies, id: &Id, from: &SmolStr, to: &SmolStr) {
    if dependencies.columns.remove(&(id.clone(), from.clone())) {
        dependencies.columns.insert((id.clone(), to.clone()));
    }
}

/// PostgreSQL keeps numbers of columns, not names: an expression over a table follows when a column is renamed.
fn rename_in_expr(expr: &mut Arc<Expr>, from: &SmolStr, to: &SmolStr) {
    if super::resolve::columns_of(expr).contains(from) {
        rename_columns(Arc::make_mut(expr), from, to);
    }
}

fn rename_columns(expr: &mut Expr, from: &SmolStr, to: &SmolStr) {
    let swap = |name: &mut Name| {
        if let Some(last) = name.parts.last_mut()
            && last.value == *from
        {
            last.value = to.clone();
        }
    };
    match &mut expr.node {
        ExprNode::Column(name) => swap(name),
        ExprNode::Opaque { columns, .. } => columns.iter_mut().for_each(swap),
        ExprNode::Call { arguments, .. } => arguments.iter_mut().for_each(|one| rename_columns(one, from, to)),
        ExprNode::Cast { expr, .. } | ExprNode::Not(expr) | ExprNode::IsNull { expr, .. } => {
            rename_columns(expr, from, to);
        }
        ExprNode::And(left, right) | ExprNode::Or(left, right) => {
            rename_columns(left, from, to);
            rename_columns(right, from, to);
        }
        ExprNode::Operator { operands, .. } => operands.iter_mut().for_each(|one| rename_columns(one, from, to)),
        ExprNode::Case(all) | ExprNode::Array(all) | ExprNode::Row(all) | ExprNode::Other(all) => {
            all.iter_mut().for_each(|one| rename_columns(one, from, to));
        }
        ExprNode::InSubquery { expr, .. } => rename_columns(expr, from, to),
        ExprNode::Access { expr, arguments, .. } => {
            rename_columns(expr, from, to);
            arguments.iter_mut().for_each(|one| rename_columns(one, from, to));
        }
        _ => {}
    }
}

fn rename_referenced(relation: &mut Relation, id: &Id, from: &SmolStr, to: &SmolStr) {
    let renamed = |dependencies: &mut super::objects::Dependencies| {
        if dependencies.columns.remove(&(id.clone(), from.clone())) {
            dependencies.columns.insert((id.clone(), to.clone()));
        }
    };
    match &mut relation.kind {
        RelationKind::Table(table) => {
            for constraint in &mut table.constraints {
                if let ConstraintKind::Foreign(key) = &mut constraint.kind
                    && key.table == *id
                {
                    key.columns
                        .iter_mut()
                        .filter(|column| *column == from)
                        .for_each(|column| *column = to.clone());
                }
            }
            table
                .policies
                .iter_mut()
                .for_each(|policy| renamed(&mut policy.dependencies));
        }
        RelationKind::View(view) => renamed(&mut view.dependencies),
        _ => {}
    }
}
