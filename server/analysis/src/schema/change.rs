//! What a statement does to the catalog, resolved: full names, generated names, everything a CASCADE takes along.
#![allow(missing_docs, reason = "variants are named for the command, fields for its operands")]

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::SmolStr;

use super::objects::{
    Acl, Column, Constraint, DefaultAclKey, Extension, Id, Origin, Policy, Publication, Relation, Role, Routine,
    Schema, Signature, Trigger, TypeObject,
};
use crate::sql::statement::ObjectKind;

/// One change of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new object.
    Create(Object),
    /// An object in its new state: `OR REPLACE`, `ALTER`.
    Alter(Object),
    Drop(Key),
    /// RENAME and SET SCHEMA.
    Rename {
        from: Key,
        to: Key,
    },
    AddColumn {
        table: Id,
        column: Box<Column>,
    },
    DropColumn {
        table: Id,
        column: SmolStr,
    },
    /// A column in its new state.
    AlterColumn {
        table: Id,
        column: Box<Column>,
        what: ColumnChange,
    },
    AddConstraint {
        table: Id,
        constraint: Box<Constraint>,
    },
    /// A constraint in its new state.
    AlterConstraint {
        table: Id,
        constraint: Box<Constraint>,
    },
    /// A new trigger, or one in its new state.
    PutTrigger {
        table: Id,
        trigger: Box<Trigger>,
    },
    /// A new policy, or one in its new state.
    PutPolicy {
        table: Id,
        policy: Box<Policy>,
    },
    PutRule {
        table: Id,
        rule: SmolStr,
    },
    Table {
        table: Id,
        what: TableChange,
    },
    Grant {
        object: Key,
        grantee: SmolStr,
        privileges: Vec<(SmolStr, bool)>,
    },
    /// With `grant_option`, only the right to grant goes.
    Revoke {
        object: Key,
        grantee: SmolStr,
        privileges: Vec<SmolStr>,
        grant_option: bool,
    },
    /// `None`: the entry goes, the built-in defaults hold again.
    DefaultAcl {
        key: DefaultAclKey,
        acl: Option<Acl>,
    },
    Comment {
        object: Key,
        text: Option<SmolStr>,
    },
    Owner {
        object: Key,
        owner: SmolStr,
    },
    /// What extended statistics are about.
    Statistics {
        name: String,
        table: Id,
        columns: BTreeSet<SmolStr>,
    },
    /// Rows are written; the catalog stays.
    Write {
        table: Id,
        what: Write,
    },
    /// Nobody can tell what this changed: it is no longer certain of anything in the scope.
    Taint(Taint),
}

/// What changed in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnChange {
    Type,
    NotNull,
    Default,
    Identity,
    Generated,
    Inheritance,
}

/// What changed in a table as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableChange {
    RowSecurity(bool),
    ForceRowSecurity(bool),
    Attach {
        partition: Id,
        /// `FOR VALUES …` as written; none for the DEFAULT partition and for indexes.
        bound: Option<SmolStr>,
        default: bool,
    },
    Detach {
        partition: Id,
    },
    Inherit(Id),
    NoInherit(Id),
    Logged(bool),
    SetOptions(Vec<(SmolStr, SmolStr)>),
    ResetOptions(Vec<SmolStr>),
    OfType(Option<Id>),
    /// `name` is the words that set it: `alter column a set storage`. `None`: as it is where nothing was set.
    Setting {
        name: SmolStr,
        value: Option<SmolStr>,
    },
    /// Rewrites or reorders the heap and leaves the catalog as it is: CLUSTER, VACUUM FULL, SET TABLESPACE.
    Storage,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// What an unreadable or dynamic statement may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taint {
    /// These objects.
    Objects(Vec<Key>),
    /// Policies and row security of tables.
    Policies,
    /// Privileges.
    Privileges,
    /// Triggers and routines.
    Routines,
    /// Tables that are there, with their columns, constraints and indexes.
    Tables,
    /// Anything.
    Everything,
}

/// An object with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    Schema(SmolStr, Arc<Schema>),
    Relation(Id, Arc<Relation>),
    Routine(Signature, Arc<Routine>),
    Type(Id, Arc<TypeObject>),
    Extension(SmolStr, Arc<Extension>),
    Role(SmolStr, Arc<Role>),
    Publication(SmolStr, Arc<Publication>),
    Other(ObjectKind, String, Origin),
}

/// What names an object in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Schema(SmolStr),
    Relation(Id),
    Column(Id, SmolStr),
    Constraint(Id, SmolStr),
    Trigger(Id, SmolStr),
    Policy(Id, SmolStr),
    Rule(Id, SmolStr),
    Routine(Signature),
    Type(Id),
    Extension(SmolStr),
    Role(SmolStr),
    Publication(SmolStr),
    /// A kind that dblsp does not look into, with its name as text.
    Other(ObjectKind, String),
}

impl Object {
    /// The object's key.
    pub fn key(&self) -> Key {
        match self {
            Object::Schema(name, _) => Key::Schema(name.clone()),
            Object::Relation(id, _) => Key::Relation(id.clone()),
            Object::Routine(signature, _) => Key::Routine(signature.clone()),
            Object::Type(id, _) => Key::Type(id.clone()),
            Object::Extension(name, _) => Key::Extension(name.clone()),
            Object::Role(name, _) => Key::Role(name.clone()),
            Object::Publication(name, _) => Key::Publication(name.clone()),
            Object::Other(kind, name, _) => Key::Other(*kind, name.clone()),
        }
    }
}
