//! A database's objects at one moment of a history. Cloning is cheap: everything is shared until it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet, Vector};
use smol_str::SmolStr;

use super::change::Key;
use super::objects::{
    Acl, Certainty, Column, Constraint, ConstraintKind, DefaultAclKey, Definition, Dependencies, Extension, Id, Index,
    Meta, Origin, Publication, Relation, RelationKind, Role, Routine, Schema, Shared, Signature, Table, TypeKind,
    TypeObject,
};
use crate::history::Base;
use crate::sql::statement::ObjectKind;

/// Everything that a history has made so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// By name.
    pub schemas: OrdMap<SmolStr, Arc<Schema>>,
    /// Tables, views, sequences, indexes and the relations of composite types: one namespace per schema.
    pub relations: OrdMap<Shared<Id>, Arc<Relation>>,
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
    /// The CREATE RULE statements, by table and rule.
    pub rule_definitions: OrdMap<(Id, SmolStr), Arc<Definition>>,
    /// What was renamed so far, in order: texts that are kept as written still say the old names.
    pub renames: Vector<(Origin, Key, Key)>,
    /// Whether the history builds the database from nothing, so that what is not here does not exist.
    pub complete: bool,
    /// The latest statements that may have changed anything: dynamic SQL, unreadable statements.
    pub taints: Taints,
    kinship: Kinship,
    /// The types that the transaction of that number changed.
    changed_types: (u32, OrdSet<Id>),
}

/// Secondary indexes: who was ever in which relation to whom, so that lookups need not walk the catalog.
///
/// Pairs are never taken out. What is found is asked whether it is still so; in return all catalogs of a history share
/// one of these, and catalogs that differ in this alone are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinship {
    /// A constraint's schema and name with its table: PostgreSQL's own names avoid them all.
    constraints: Pairs,
    /// A table with one directly under it: a partition, or one that inherits.
    children: Pairs,
    /// A relation with one that names it.
    users: Pairs,
    /// A type with a table that has a column of it.
    typed: Pairs,
    /// A table with a sequence that a column of it owns.
    owned: Pairs,
    /// A type with a domain over it, or a composite type that has an attribute of it.
    parts: Pairs,
    /// A type with a routine that takes or returns it.
    routines: OrdSet<(Id, Signature)>,
    /// A word of a column's default, in lower case, with the table; the empty word where there is no text.
    defaults: OrdSet<(SmolStr, Id)>,
    /// Privileges that an object has or had: most have the same, and hold them once.
    acls: OrdSet<Acl>,
}

impl PartialEq for Kinship {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Kinship {}

type Pairs = OrdSet<(Id, Id)>;

/// Adds a pair, and leaves a set that has it shared.
fn pair(pairs: &mut Pairs, key: &Id, relation: &Id) {
    let pair = (key.clone(), relation.clone());
    if !pairs.contains(&pair) {
        pairs.insert(pair);
    }
}

/// What is paired with a key, by name.
fn paired<'a>(pairs: &'a Pairs, key: &Id) -> impl Iterator<Item = &'a Id> + use<'a> {
    let key = key.clone();
    pairs
        .range((key.clone(), Id::default())..)
        .take_while(move |(known, _)| *known == key)
        .map(|(_, relation)| relation)
}

impl Kinship {
    /// Whether everything about a relation is noted.
    fn holds(&self, id: &Id, relation: &Relation) -> bool {
        let count = |kinship: &Self| {
            [
                &kinship.constraints,
                &kinship.children,
                &kinship.users,
                &kinship.typed,
                &kinship.owned,
            ]
            .map(OrdSet::len)
            .into_iter()
            .sum::<usize>()
                + kinship.defaults.len()
        };
        let mut noted = self.clone();
        noted.note(id, relation);
        count(&noted) == count(self)
    }

    /// Changes an object in place; privileges that it got are held as another object holds them.
    fn changed<'o, O: Clone>(
        &mut self,
        object: &'o mut Arc<O>,
        meta: fn(&mut O) -> &mut Meta,
        change: impl FnOnce(&mut O),
    ) -> &'o O {
        let own = Arc::make_mut(object);
        let before = meta(own).acl.clone();
        change(own);
        let acl = &mut meta(own).acl;
        if *acl != before
            && let Some(known) = self.shared(acl)
        {
            *acl = known;
        }
        own
    }

    /// The privileges as another object holds them; `None` where these are to be held.
    fn shared(&mut self, acl: &Acl) -> Option<Acl> {
        if acl.is_empty() {
            return None;
        }
        let known = self.acls.get(acl).cloned();
        if known.is_none() {
            self.acls.insert(acl.clone());
        }
        known
    }

    fn note(&mut self, id: &Id, relation: &Relation) {
        match &relation.kind {
            RelationKind::Table(table) => {
                for parent in table.inherits.iter().chain(&table.partition_of) {
                    pair(&mut self.children, parent, id);
                    pair(&mut self.users, parent, id);
                }
                table.columns.iter().for_each(|column| self.note_column(id, column));
                table
                    .constraints
                    .iter()
                    .for_each(|constraint| self.note_constraint(id, constraint));
                table
                    .policies
                    .iter()
                    .for_each(|policy| self.note_dependencies(id, &policy.dependencies));
            }
            RelationKind::View(view) => self.note_dependencies(id, &view.dependencies),
            RelationKind::Index(index) => {
                if let Some(parent) = &index.partition_of {
                    pair(&mut self.users, parent, id);
                }
            }
            RelationKind::Sequence(sequence) => {
                if let Some((table, _)) = &sequence.owned_by {
                    pair(&mut self.owned, table, id);
                }
            }
            RelationKind::Composite => {}
        }
    }

    fn note_column(&mut self, id: &Id, column: &Column) {
        if column.ty.id.schema != "pg_catalog" {
            pair(&mut self.typed, &column.ty.id, id);
        }
        let mut note = |word: SmolStr| {
            let pair = (word, id.clone());
            if !self.defaults.contains(&pair) {
                self.defaults.insert(pair);
            }
        };
        match &column.default_text {
            Some(text) if column.default.is_some() => words_of_calls(text).for_each(note),
            None if column.default.is_some() => note(SmolStr::default()),
            _ => {}
        }
    }

    fn note_constraint(&mut self, id: &Id, constraint: &Constraint) {
        pair(&mut self.constraints, &id.sibling(&constraint.name), id);
        if let ConstraintKind::Foreign(key) = &constraint.kind {
            pair(&mut self.users, &key.table, id);
        }
    }

    fn note_dependencies(&mut self, id: &Id, dependencies: &Dependencies) {
        for named in &dependencies.relations {
            pair(&mut self.users, named, id);
        }
    }
}

/// Whether a relation names another: as parent, in a foreign key, a policy or a query.
fn is_user(relation: &Relation, named: &Id) -> bool {
    match &relation.kind {
        RelationKind::Table(table) => {
            let refers = |constraint: &Shared<Constraint>| matches!(&constraint.kind, ConstraintKind::Foreign(key) if key.table == *named);
            has_parent(table, named)
                || table.constraints.iter().any(refers)
                || table
                    .policies
                    .iter()
                    .any(|policy| policy.dependencies.relations.contains(named))
        }
        RelationKind::View(view) => view.dependencies.relations.contains(named),
        RelationKind::Index(index) => index.partition_of.as_ref() == Some(named),
        RelationKind::Sequence(_) | RelationKind::Composite => false,
    }
}

fn has_parent(table: &Table, parent: &Id) -> bool {
    table
        .inherits
        .iter()
        .chain(&table.partition_of)
        .any(|known| known == parent)
}

/// The words of a default that may call a function or name a sequence, in lower case; a constant has none.
fn words_of_calls(text: &str) -> impl Iterator<Item = SmolStr> {
    let calls = text.contains('(');
    let words = text
        .split(|c: char| !is_word_character(c))
        .filter(move |word| calls && !word.is_empty());
    words.map(|word| SmolStr::new(word.to_lowercase()))
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The latest statement of each kind whose effect nobody can tell; what was changed before it is no longer certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taints {
    /// May have changed anything, tables in any case.
    pub everything: Option<Origin>,
    /// May have changed more than tables with their columns, constraints and indexes.
    pub beyond_tables: Option<Origin>,
    /// May have changed policies and row security.
    pub policies: Option<Origin>,
    /// May have changed privileges.
    pub privileges: Option<Origin>,
    /// May have changed triggers and routines.
    pub routines: Option<Origin>,
}

/// What a later map of the same history has that an earlier one has not, or not like this; by key. Cheap where little
/// has changed: what the two share is passed over.
pub(crate) fn new<'a, K: Ord, V: PartialEq>(
    earlier: &'a OrdMap<K, V>,
    later: &'a OrdMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    earlier.diff(later).filter_map(|item| match item {
        DiffItem::Add(key, value) => Some((key, value)),
        DiffItem::Update { new, .. } => Some(new),
        DiffItem::Remove(..) => None,
    })
}

/// Makes a map the other one with the few differences between them, so that both hold the rest once; unless it is what
/// it was `before`.
fn share<K: Ord + Clone, V: Clone + PartialEq>(
    objects: &mut OrdMap<K, V>,
    before: &OrdMap<K, V>,
    other: &OrdMap<K, V>,
) {
    if objects.ptr_eq(before) {
        return;
    }
    let mut shared = other.clone();
    for (number, difference) in other.diff(objects).enumerate() {
        // Maps that have little in common would be built anew for nothing.
        if number == SHARED_BUT_FOR {
            return;
        }
        match difference {
            DiffItem::Add(key, object) | DiffItem::Update { new: (key, object), .. } => {
                shared.insert(key.clone(), object.clone());
            }
            DiffItem::Remove(key, _) => {
                shared.remove(key);
            }
        }
    }
    *objects = shared;
}

/// Differences up to which [`share`] goes; an edit of one file makes a few.
const SHARED_BUT_FOR: usize = 64;

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
            .map(|(id, relation)| (&**id, relation))
            .take_while(move |(id, _)| id.schema == schema)
    }

    /// All relations, by name.
    pub fn relations(&self) -> impl Iterator<Item = (&Id, &Arc<Relation>)> {
        self.relations.iter().map(|(id, relation)| (&**id, relation))
    }

    /// All tables, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&Id, &Relation, &Table)> {
        self.relations()
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
    pub(crate) fn insert_relation(&mut self, id: Id, mut relation: Arc<Relation>) {
        self.kinship.note(&id, &relation);
        if let Some(acl) = self.kinship.shared(&relation.meta.acl) {
            Arc::make_mut(&mut relation).meta.acl = acl;
        }
        self.relations.insert(id.into(), relation);
    }

    /// Takes a relation out.
    pub(crate) fn take_relation(&mut self, id: &Id) -> Option<Arc<Relation>> {
        self.relations.remove(id)
    }

    /// Puts a routine under a signature, in the place of any other.
    pub(crate) fn insert_routine(&mut self, signature: Signature, mut routine: Arc<Routine>) {
        if let Some(acl) = self.kinship.shared(&routine.meta.acl) {
            Arc::make_mut(&mut routine).meta.acl = acl;
        }
        for ty in signature.arguments.iter().chain(&routine.return_type) {
            let pair = (ty.id.clone(), signature.clone());
            if ty.id.schema != "pg_catalog" && !self.kinship.routines.contains(&pair) {
                self.kinship.routines.insert(pair);
            }
        }
        self.routines.insert(signature, routine);
    }

    /// Puts a type under a name, in the place of any other.
    pub(crate) fn insert_type(&mut self, id: Id, ty: Arc<TypeObject>) {
        match &ty.kind {
            TypeKind::Domain(domain) => pair(&mut self.kinship.parts, &domain.base.id, &id),
            TypeKind::Composite(attributes) => {
                for (_, attribute) in attributes {
                    pair(&mut self.kinship.parts, &attribute.id, &id);
                }
            }
            _ => {}
        }
        self.note_type(&id, ty.meta.changed);
        self.types.insert(id, ty);
    }

    /// Changes a relation in place; nothing where there is none.
    pub(crate) fn edit(&mut self, id: &Id, change: impl FnOnce(&mut Relation)) {
        if let Some(relation) = self.relations.get_mut(id) {
            let own = self.kinship.changed(relation, |relation| &mut relation.meta, change);
            self.kinship.note(id, own);
        }
    }

    /// Changes a table in place; nothing where there is none.
    pub(crate) fn edit_table(&mut self, id: &Id, change: impl FnOnce(&mut Table)) {
        self.edit(id, |relation| {
            if let RelationKind::Table(table) = &mut relation.kind {
                change(table);
            }
        });
    }

    /// Changes what no secondary index holds of a relation; nothing where there is none.
    pub(crate) fn touch(&mut self, id: &Id, change: impl FnOnce(&mut Relation)) {
        if let Some(relation) = self.relations.get_mut(id) {
            let own = self.kinship.changed(relation, |relation| &mut relation.meta, change);
            debug_assert!(self.kinship.holds(id, own), "{id} has new kin");
        }
    }

    /// Changes what no secondary index holds of a routine; nothing where there is none.
    pub(crate) fn touch_routine(&mut self, signature: &Signature, change: impl FnOnce(&mut Routine)) {
        if let Some(routine) = self.routines.get_mut(signature) {
            self.kinship.changed(routine, |routine| &mut routine.meta, change);
        }
    }

    /// Changes a table like [`Catalog::touch`].
    pub(crate) fn touch_table(&mut self, id: &Id, change: impl FnOnce(&mut Table)) {
        self.touch(id, |relation| {
            if let RelationKind::Table(table) = &mut relation.kind {
                change(table);
            }
        });
    }

    /// Adds a column behind a table's others.
    pub(crate) fn push_column(&mut self, id: &Id, column: Column, origin: Origin) {
        self.kinship.note_column(id, &column);
        self.touch(id, |relation| {
            relation.meta.changed = origin;
            if let RelationKind::Table(table) = &mut relation.kind {
                table.columns.push(column.into());
            }
        });
    }

    /// Adds a constraint behind a table's others.
    pub(crate) fn push_constraint(&mut self, id: &Id, constraint: Constraint, origin: Origin) {
        self.kinship.note_constraint(id, &constraint);
        self.touch(id, |relation| {
            relation.meta.changed = origin;
            if let RelationKind::Table(table) = &mut relation.kind {
                table.constraints.push(constraint.into());
            }
        });
    }

    /// A copy without the secondary indexes, so that those can go on changing in place.
    pub(crate) fn snapshot(&mut self) -> Self {
        let kinship = std::mem::take(&mut self.kinship);
        let copy = self.clone();
        self.kinship = kinship;
        copy
    }

    /// Makes this a copy of `other`, with secondary indexes that also hold what was meanwhile.
    pub(crate) fn restore(&mut self, other: &Self) {
        let kinship = std::mem::take(&mut self.kinship);
        *self = other.clone();
        self.kinship = kinship;
    }

    /// Takes over the secondary indexes of a later catalog of the same history.
    pub(crate) fn share_kinship(&mut self, later: &Self) {
        self.kinship = later.kinship.clone();
    }

    /// Takes over what another catalog holds alike: then both hold it once. `before`: a catalog of the same history that
    /// shares already.
    pub(crate) fn share_objects(&mut self, before: &Self, other: &Self) {
        share(&mut self.relations, &before.relations, &other.relations);
        share(&mut self.routines, &before.routines, &other.routines);
        share(&mut self.types, &before.types, &other.types);
        share(&mut self.others, &before.others, &other.others);
        share(&mut self.comments, &before.comments, &other.comments);
        share(
            &mut self.rule_definitions,
            &before.rule_definitions,
            &other.rule_definitions,
        );
        if self.renames == other.renames {
            self.renames = other.renames.clone();
        }
        if self.changed_types == other.changed_types {
            self.changed_types = other.changed_types.clone();
        }
    }

    /// Whether a table of the schema has a constraint of that name.
    pub(crate) fn has_constraint(&self, schema: &str, name: &str) -> bool {
        paired(&self.kinship.constraints, &Id::new(schema, name))
            .filter_map(|id| self.table(id))
            .any(|table| table.constraints.iter().any(|constraint| constraint.name == name))
    }

    /// The relations that name a relation, by name: foreign keys, policies, views, children.
    pub(crate) fn users(&self, named: &Id) -> impl Iterator<Item = (&Id, &Relation)> {
        let named = named.clone();
        paired(&self.kinship.users, &named)
            .filter_map(|id| self.relations.get(id).map(|relation| (id, &**relation)))
            .filter(move |(_, relation)| is_user(relation, &named))
    }

    /// The tables that have a column of a type, by name.
    pub(crate) fn tables_of_type(&self, ty: &Id) -> impl Iterator<Item = (&Id, &Table)> {
        let ty = ty.clone();
        paired(&self.kinship.typed, &ty)
            .filter_map(|id| self.table(id).map(|table| (id, table)))
            .filter(move |(_, table)| table.columns.iter().any(|column| column.ty.id == ty))
    }

    /// The routines that may take or return a type that is not built in, by signature.
    pub(crate) fn routines_with_type(&self, ty: &Id) -> impl Iterator<Item = (&Signature, &Arc<Routine>)> {
        let ty = ty.clone();
        let first = Signature {
            id: Id::default(),
            arguments: Vec::new(),
        };
        let pairs = self.kinship.routines.range((ty.clone(), first)..);
        pairs
            .take_while(move |(known, _)| *known == ty)
            .filter_map(|(_, signature)| self.routines.get(signature).map(|routine| (signature, routine)))
    }

    /// The domains and composite types that may be made of a type, by name.
    pub(crate) fn types_with_type(&self, ty: &Id) -> impl Iterator<Item = (&Id, &Arc<TypeObject>)> {
        paired(&self.kinship.parts, ty).filter_map(|id| self.types.get(id).map(|ty| (id, ty)))
    }

    /// The sequences that a table's columns own, by name.
    pub fn owned_sequences(&self, table: &Id) -> impl Iterator<Item = Id> {
        let table = table.clone();
        let sequences = paired(&self.kinship.owned, &table).cloned();
        sequences.filter(move |id| {
            let sequence = self.relations.get(id).and_then(|relation| relation.sequence());
            let owner = sequence.and_then(|sequence| sequence.owned_by.as_ref());
            owner.is_some_and(|(owner, _)| *owner == table)
        })
    }

    /// The tables directly under a table, by name: its partitions, and those that inherit from it.
    pub(crate) fn children(&self, parent: &Id) -> impl Iterator<Item = &Id> {
        let parent = parent.clone();
        paired(&self.kinship.children, &parent)
            .filter(move |id| self.table(id).is_some_and(|table| has_parent(table, &parent)))
    }

    /// The tables whose defaults may use a function or sequence of that name, by name.
    pub(crate) fn tables_with_default(&self, name: &str) -> BTreeSet<&Id> {
        let defaults = &self.kinship.defaults;
        let with = |word: SmolStr| {
            let range = defaults.range((word.clone(), Id::default())..);
            range.take_while(move |(known, _)| *known == word).map(|(_, id)| id)
        };
        if name.chars().all(is_word_character) {
            with(SmolStr::default())
                .chain(with(name.to_lowercase().into()))
                .collect()
        } else {
            defaults.iter().map(|(_, id)| id).collect()
        }
    }

    /// Remembers that a type changed, unless a later transaction has changed another.
    pub(crate) fn note_type(&mut self, id: &Id, origin: Origin) {
        let (transaction, types) = &mut self.changed_types;
        if origin == Origin::BASE || origin.transaction < *transaction {
            return;
        }
        if *transaction != origin.transaction {
            *transaction = origin.transaction;
            types.clear();
        }
        types.insert(id.clone());
    }

    /// The types that a transaction changed, as long as no later one changed any.
    pub(crate) fn types_changed_in(&self, transaction: u32) -> impl Iterator<Item = (&Id, &Arc<TypeObject>)> {
        let (latest, types) = &self.changed_types;
        let changed = types.iter().filter(move |_| *latest == transaction);
        changed.filter_map(|id| self.types.get(id).map(|ty| (id, ty)))
    }

    /// Whether a relation, routine or type may exist although the catalog does not hold it.
    pub fn may_hold_more(&self) -> bool {
        !self.complete || self.taints.everything.is_some()
    }

    /// The same of what is neither a table nor an index.
    pub(crate) fn may_hold_more_beyond_tables(&self) -> bool {
        !self.complete || self.taints.beyond_tables.is_some()
    }

    /// The privileges that an object gets when a role creates it: `pg_default_acl` on top of the built-in defaults,
    /// EXECUTE on routines and USAGE on types for PUBLIC. Kinds are those of [`DefaultAclKey`].
    pub(crate) fn default_acl(&self, role: &SmolStr, kind: char, schema: Option<&str>) -> Acl {
        let global = DefaultAclKey {
            role: role.clone(),
            schema: None,
            kind,
        };
        let stored = self.default_acls.get(&global).cloned();
        let mut acl = stored.unwrap_or_else(|| super::resolve::built_in_acl(kind));
        if let Some(schema) = schema {
            let local = DefaultAclKey {
                role: role.clone(),
                schema: Some(schema.into()),
                kind,
            };
            for (grantee, privileges) in self.default_acls.get(&local).into_iter().flat_map(|acl| &**acl) {
                acl.entry(grantee.clone()).or_default().extend(privileges.clone());
            }
        }
        acl.remove(role);
        acl
    }

    /// How sure it is that something last changed at `changed` is still so.
    pub fn since(&self, own: Certainty, changed: Origin) -> Certainty {
        match self.taints.everything {
            Some(taint) if own.is_certain() && (changed == Origin::BASE || changed < taint) => Certainty::Maybe(taint),
            _ => own,
        }
    }

    /// The same of what is neither a table nor an index.
    pub(crate) fn since_beyond_tables(&self, own: Certainty, changed: Origin) -> Certainty {
        match self.taints.beyond_tables {
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
