//! A database's objects at one moment of a history. Cloning is cheap: everything is shared until it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use smol_str::SmolStr;

use super::objects::{
    Acl, Certainty, ConstraintKind, DefaultAclKey, Extension, Id, Index, Meta, Origin, Publication, Relation,
    RelationKind, Role, Routine, Schema, Signature, Table, TypeObject,
};
use crate::history::Base;
use crate::sql::statement::ObjectKind;

/// Everything that a history has made so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// By name.
    pub schemas: OrdMap<SmolStr, Arc<Schema>>,
    /// Tables, views, sequences, indexes and the relations of composite types: one namespace per schema.
    pub relations: OrdMap<Id, Arc<Relation>>,
    /// Functions, procedures and aggregates, by name and input types.
    pub routines: OrdMap<Signature, Arc<Routine>>,
    /// Enums, domains, composites, ranges; not the row types of tables.
    pub types: OrdMap<Id, Arc<TypeObject>>,
    /// By name.
    pub extensions: OrdMap<SmolStr, Arc<Extension>>,
    /// By name. Roles that no migration creates may exist all the same: they belong to the cluster.
    pub roles: OrdMap<SmolStr, Arc<Role>>,
    /// By name.
    pub publications: OrdMap<SmolStr, Arc<Publication>>,
    /// `pg_default_acl`, as the difference from the built-in defaults.
    pub default_acls: OrdMap<DefaultAclKey, Acl>,
    /// Objects that dblsp knows by name only: operators, collations, event triggers, statistics, … : (kind, name).
    pub others: OrdMap<(ObjectKind, String), Meta>,
    /// Table and columns of extended statistics, by name.
    pub statistics: OrdMap<String, (Id, BTreeSet<SmolStr>)>,
    /// Comments on what has no [`Meta`] of its own.
    pub comments: OrdMap<String, SmolStr>,
    /// Whether the history builds the database from nothing, so that what is not here does not exist.
    pub complete: bool,
    /// The latest statements that may have changed anything: dynamic SQL, unreadable statements.
    pub taints: Taints,
    /// How many tables of a schema have a constraint of that name: PostgreSQL's own names avoid them all.
    constraint_names: OrdMap<Id, u32>,
    /// The tables directly under a table: partitions and those that inherit.
    children: Having,
    /// The relations that name a relation.
    users: Having,
    /// The tables with a column of a type.
    typed: Having,
    /// The sequences that a table's columns own.
    owned: Having,
}

/// What the secondary indexes hold of a relation.
#[derive(Default, PartialEq)]
struct Kin {
    constraints: Vec<SmolStr>,
    parents: Vec<Id>,
    /// Relations that it names: parents, referenced tables, what its policies or query read.
    names: BTreeSet<Id>,
    /// Types of its columns that are not built in.
    types: BTreeSet<Id>,
    /// The table whose column owns this sequence.
    owner: Option<Id>,
}

impl Kin {
    fn of(relation: &Relation) -> Self {
        let mut kin = Self::default();
        match &relation.kind {
            RelationKind::Table(table) => {
                kin.constraints = table
                    .constraints
                    .iter()
                    .map(|constraint| constraint.name.clone())
                    .collect();
                kin.parents = table.inherits.iter().chain(&table.partition_of).cloned().collect();
                kin.names.extend(kin.parents.iter().cloned());
                for constraint in &table.constraints {
                    if let ConstraintKind::Foreign(key) = &constraint.kind {
                        kin.names.insert(key.table.clone());
                    }
                }
                for policy in &table.policies {
                    kin.names.extend(policy.dependencies.relations.iter().cloned());
                }
                let types = table.columns.iter().map(|column| &column.ty.id);
                kin.types.extend(types.filter(|id| id.schema != "pg_catalog").cloned());
            }
            RelationKind::View(view) => kin.names.extend(view.dependencies.relations.iter().cloned()),
            RelationKind::Index(index) => kin.names.extend(index.partition_of.clone()),
            RelationKind::Sequence(sequence) => kin.owner = sequence.owned_by.as_ref().map(|(table, _)| table.clone()),
            RelationKind::Composite => {}
        }
        kin
    }
}

/// A secondary index: for each key, the relations that have it.
type Having = OrdMap<Id, BTreeSet<Id>>;

fn add(index: &mut Having, key: &Id, relation: &Id) {
    index.entry(key.clone()).or_default().insert(relation.clone());
}

fn remove(index: &mut Having, key: &Id, relation: &Id) {
    if let Some(relations) = index.get_mut(key) {
        relations.remove(relation);
        if relations.is_empty() {
            index.remove(key);
        }
    }
}

/// The latest statement of each kind whose effect nobody can tell; what was changed before it is no longer certain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taints {
    /// May have changed anything.
    pub everything: Option<Origin>,
    /// May have changed policies and row security.
    pub policies: Option<Origin>,
    /// May have changed privileges.
    pub privileges: Option<Origin>,
    /// May have changed triggers and routines.
    pub routines: Option<Origin>,
}

impl Catalog {
    /// A new database: schema `public`, owned by `pg_database_owner`, where everybody may look but (since PostgreSQL
    /// 15) not create. <https://www.postgresql.org/docs/15/release-15.html>
    pub fn empty(postgres: u16) -> Self {
        let mut catalog = Self {
            complete: true,
            ..Self::default()
        };
        let mut meta = Meta::new(Origin::BASE, "pg_database_owner");
        let mut privileges = BTreeMap::from([("USAGE".into(), false)]);
        if postgres < 15 {
            privileges.insert("CREATE".into(), false);
        }
        meta.acl.insert("public".into(), privileges);
        meta.comment = Some("standard public schema".into());
        catalog.schemas.insert("public".into(), Arc::new(Schema { meta }));
        let plpgsql = Extension {
            meta: Meta::new(Origin::BASE, "supabase_admin"),
            schema: "pg_catalog".into(),
        };
        catalog.extensions.insert("plpgsql".into(), Arc::new(plpgsql));
        catalog
    }

    /// What a database holds before the first migration.
    pub fn base(base: Base, postgres: u16) -> Self {
        match base {
            Base::Empty => Self::empty(postgres),
            Base::Supabase => super::supabase::catalog(postgres),
        }
    }

    /// The table of that name.
    pub fn table(&self, id: &Id) -> Option<&Table> {
        self.relations.get(id).and_then(|relation| relation.table())
    }

    /// The index of that name.
    pub fn index(&self, id: &Id) -> Option<&Index> {
        self.relations.get(id).and_then(|relation| relation.index())
    }

    /// The indexes of a table, by name.
    pub fn indexes_of<'a>(&'a self, table: &Id) -> impl Iterator<Item = (Id, &'a Index)> {
        let schema = table.schema.clone();
        let names = self.table(table).map(|table| &table.indexes);
        names.into_iter().flatten().filter_map(move |name| {
            let id = Id {
                schema: schema.clone(),
                name: name.clone(),
            };
            self.index(&id).map(|index| (id, index))
        })
    }

    /// The relations of one schema, by name.
    pub fn relations_in<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = (&'a Id, &'a Arc<Relation>)> {
        self.relations
            .range(Id::new(schema, "")..)
            .take_while(move |(id, _)| id.schema == schema)
    }

    /// All tables, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&Id, &Relation, &Table)> {
        self.relations
            .iter()
            .filter_map(|(id, relation)| relation.table().map(|table| (id, &**relation, table)))
    }

    /// The routines of that name, by signature.
    pub fn overloads<'a>(&'a self, id: &'a Id) -> impl Iterator<Item = (&'a Signature, &'a Arc<Routine>)> {
        let first = Signature {
            id: id.clone(),
            arguments: Vec::new(),
        };
        self.routines
            .range(first..)
            .take_while(move |(signature, _)| signature.id == *id)
    }

    /// Puts a relation under a name, in the place of any other.
    pub(crate) fn insert_relation(&mut self, id: Id, relation: Arc<Relation>) {
        let kin = Kin::of(&relation);
        if let Some(old) = self.relations.insert(id.clone(), relation) {
            self.forget(&id, &Kin::of(&old));
        }
        self.note(&id, &kin);
    }

    /// Takes a relation out.
    pub(crate) fn take_relation(&mut self, id: &Id) -> Option<Arc<Relation>> {
        let relation = self.relations.remove(id)?;
        self.forget(id, &Kin::of(&relation));
        Some(relation)
    }

    /// Changes a relation in place; nothing where there is none.
    pub(crate) fn edit(&mut self, id: &Id, change: impl FnOnce(&mut Relation)) {
        let Some(relation) = self.relations.get_mut(id) else {
            return;
        };
        let before = Kin::of(relation);
        change(Arc::make_mut(relation));
        let after = Kin::of(relation);
        if before != after {
            self.forget(id, &before);
            self.note(id, &after);
        }
    }

    fn note(&mut self, id: &Id, kin: &Kin) {
        for name in &kin.constraints {
            *self.constraint_names.entry(id.sibling(name)).or_default() += 1;
        }
        kin.parents
            .iter()
            .for_each(|parent| add(&mut self.children, parent, id));
        kin.names.iter().for_each(|named| add(&mut self.users, named, id));
        kin.types.iter().for_each(|ty| add(&mut self.typed, ty, id));
        kin.owner.iter().for_each(|table| add(&mut self.owned, table, id));
    }

    fn forget(&mut self, id: &Id, kin: &Kin) {
        for name in &kin.constraints {
            let key = id.sibling(name);
            match self.constraint_names.get(&key) {
                Some(2..) => *self.constraint_names.entry(key).or_default() -= 1,
                _ => {
                    self.constraint_names.remove(&key);
                }
            }
        }
        kin.parents
            .iter()
            .for_each(|parent| remove(&mut self.children, parent, id));
        kin.names.iter().for_each(|named| remove(&mut self.users, named, id));
        kin.types.iter().for_each(|ty| remove(&mut self.typed, ty, id));
        kin.owner.iter().for_each(|table| remove(&mut self.owned, table, id));
    }

    /// Whether a table of the schema has a constraint of that name.
    pub(crate) fn has_constraint(&self, schema: &str, name: &str) -> bool {
        self.constraint_names.contains_key(&Id::new(schema, name))
    }

    /// The relations that name a relation, by name: foreign keys, policies, views, children.
    pub(crate) fn users(&self, named: &Id) -> impl Iterator<Item = (&Id, &Relation)> {
        let users = self.users.get(named).into_iter().flatten();
        users.filter_map(|id| self.relations.get(id).map(|relation| (id, &**relation)))
    }

    /// The tables that have a column of a type, by name.
    pub(crate) fn tables_of_type(&self, ty: &Id) -> impl Iterator<Item = (&Id, &Table)> {
        let tables = self.typed.get(ty).into_iter().flatten();
        tables.filter_map(|id| self.table(id).map(|table| (id, table)))
    }

    /// The sequences that a table's columns own, by name.
    pub fn owned_sequences(&self, table: &Id) -> impl Iterator<Item = Id> {
        self.owned.get(table).into_iter().flatten().cloned()
    }

    /// The tables directly under a table, by name: its partitions, and those that inherit from it.
    pub(crate) fn children(&self, parent: &Id) -> impl Iterator<Item = &Id> {
        self.children.get(parent).into_iter().flatten()
    }

    /// Changes a table in place; nothing where there is none.
    pub(crate) fn edit_table(&mut self, id: &Id, change: impl FnOnce(&mut Table)) {
        self.edit(id, |relation| {
            if let RelationKind::Table(table) = &mut relation.kind {
                change(table);
            }
        });
    }

    /// Whether a relation, routine or type may exist although the catalog does not hold it.
    pub fn may_hold_more(&self) -> bool {
        !self.complete || self.taints.everything.is_some()
    }

    /// How sure it is that something last changed at `changed` is still so.
    pub fn since(&self, own: Certainty, changed: Origin) -> Certainty {
        match self.taints.everything {
            Some(taint) if own.is_certain() && (changed == Origin::BASE || changed < taint) => Certainty::Maybe(taint),
            _ => own,
        }
    }

    /// How sure it is that a relation is as described; `None` where it is not in the catalog.
    pub fn certainty(&self, id: &Id) -> Option<Certainty> {
        self.relations
            .get(id)
            .map(|relation| self.since(relation.meta.certainty, relation.meta.changed))
    }
}
