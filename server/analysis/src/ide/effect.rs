//! Changes in words: what a statement does to the catalog.

use super::describe::full;
use super::place::noun;
use crate::schema::change::{Change, ColumnChange, Key, Object, TableChange, Taint, Write};
use crate::schema::objects::{TypeKind, quote};

/// One change as a sentence without a full stop.
pub(super) fn effect(change: &Change) -> String {
    match change {
        Change::Create(object) => format!("creates {}", object_words(object)),
        Change::Alter(object) => format!("changes {}", object_words(object)),
        Change::Drop(key) => format!("drops {}", words(key)),
        Change::Rename { from, to } => format!("renames {} to {}", words(from), name(to)),
        Change::AddColumn { table, column } => {
            format!("adds column `{}` {} to `{}`", column.name, column.ty, full(table))
        }
        Change::DropColumn { table, column } => format!("drops column `{column}` of `{}`", full(table)),
        Change::AlterColumn { table, column, what } => {
            let place = format!("`{}.{}`", full(table), quote(&column.name));
            match what {
                ColumnChange::Type => format!("changes the type of {place} to {}", column.ty),
                ColumnChange::NotNull if column.not_null => format!("forbids null in {place}"),
                ColumnChange::NotNull => format!("allows null in {place}"),
                ColumnChange::Default => match &column.default_text {
                    Some(text) => format!("sets the default of {place} to `{text}`"),
                    None => format!("drops the default of {place}"),
                },
                ColumnChange::Identity => format!("changes the identity of {place}"),
                ColumnChange::Generated => format!("changes how {place} is generated"),
                ColumnChange::Inheritance => format!("changes whether {place} is inherited"),
            }
        }
        Change::AddConstraint { table, constraint } => {
            let late = if constraint.validated {
                ""
            } else {
                ", without checking the rows that are there"
            };
            format!("adds constraint `{}` to `{}`{late}", constraint.name, full(table))
        }
        Change::AlterConstraint { table, constraint } => {
            format!("changes constraint `{}` of `{}`", constraint.name, full(table))
        }
        Change::PutTrigger { table, trigger } => format!("sets trigger `{}` on `{}`", trigger.name, full(table)),
        Change::PutPolicy { table, policy } => format!("sets policy `{}` on `{}`", policy.name, full(table)),
        Change::PutRule { table, rule } => format!("sets rule `{rule}` on `{}`", full(table)),
        Change::Table { table, what } => table_change(&full(table), what),
        Change::Grant {
            object,
            grantee,
            privileges,
        } => {
            let names: Vec<String> = privileges.iter().map(|(name, _)| name.to_lowercase()).collect();
            format!("grants {} on {} to `{grantee}`", names.join(", "), words(object))
        }
        Change::Revoke {
            object,
            grantee,
            privileges,
            ..
        } => {
            let names: Vec<String> = privileges.iter().map(|name| name.to_lowercase()).collect();
            format!("revokes {} on {} from `{grantee}`", names.join(", "), words(object))
        }
        Change::DefaultAcl { key, .. } => format!("changes what `{}` grants by default", key.role),
        Change::Comment { object, text: Some(_) } => format!("comments on {}", words(object)),
        Change::Comment { object, text: None } => format!("removes the comment on {}", words(object)),
        Change::Owner { object, owner } => format!("gives {} to `{owner}`", words(object)),
        Change::Statistics { name, table, .. } => format!("collects statistics `{name}` of `{}`", full(table)),
        Change::Write { table, what } => {
            let verb = match what {
                Write::Insert => "inserts rows into",
                Write::Update => "updates rows of",
                Write::Delete => "deletes rows of",
                Write::Truncate => "removes all rows of",
            };
            format!("{verb} `{}`", full(table))
        }
        Change::Taint(taint) => match taint {
            Taint::Objects(keys) => {
                let names: Vec<String> = keys.iter().map(words).collect();
                format!("cannot be read: may change {}", names.join(", "))
            }
            Taint::Policies => "cannot be followed: may change policies".to_owned(),
            Taint::Privileges => "cannot be followed: may change privileges".to_owned(),
            Taint::Routines => "cannot be followed: may change functions and triggers".to_owned(),
            Taint::Tables => "cannot be followed: may change tables and their indexes".to_owned(),
            Taint::Everything => "cannot be followed: may change anything".to_owned(),
        },
    }
}

fn table_change(table: &str, what: &TableChange) -> String {
    match what {
        TableChange::RowSecurity(true) => format!("turns on row level security of `{table}`"),
        TableChange::RowSecurity(false) => format!("turns off row level security of `{table}`"),
        TableChange::ForceRowSecurity(true) => format!("makes row level security of `{table}` hold for its owner too"),
        TableChange::ForceRowSecurity(false) => format!("exempts the owner from row level security of `{table}`"),
        TableChange::Attach { partition, .. } => format!("makes `{}` a partition of `{table}`", full(partition)),
        TableChange::Detach { partition } => format!("takes partition `{}` out of `{table}`", full(partition)),
        TableChange::Inherit(parent) => format!("lets `{table}` inherit from `{}`", full(parent)),
        TableChange::NoInherit(parent) => format!("ends that `{table}` inherits from `{}`", full(parent)),
        TableChange::Logged(true) => format!("makes `{table}` logged"),
        TableChange::Logged(false) => format!("makes `{table}` unlogged"),
        TableChange::SetOptions(_) | TableChange::ResetOptions(_) | TableChange::Setting { .. } => {
            format!("changes options of `{table}`")
        }
        TableChange::OfType(Some(ty)) => format!("ties `{table}` to type `{}`", full(ty)),
        TableChange::OfType(None) => format!("unties `{table}` from its type"),
        TableChange::Storage => format!("reorders how `{table}` is stored"),
    }
}

fn object_words(object: &Object) -> String {
    match object {
        Object::Relation(id, relation) => format!("{} `{}`", relation.noun(), full(id)),
        Object::Type(id, ty) => {
            let noun = match ty.kind {
                TypeKind::Enum(_) => "enum",
                TypeKind::Domain(_) => "domain",
                _ => "type",
            };
            format!("{noun} `{}`", full(id))
        }
        object => words(&object.key()),
    }
}

/// An object with its kind, as a message says it.
pub(super) fn words(key: &Key) -> String {
    match key {
        Key::Schema(name) => format!("schema `{name}`"),
        Key::Relation(id) => format!("`{}`", full(id)),
        Key::Column(id, column) => format!("column `{}.{}`", full(id), quote(column)),
        Key::Constraint(id, constraint) => format!("constraint `{constraint}` of `{}`", full(id)),
        Key::Trigger(id, trigger) => format!("trigger `{trigger}` on `{}`", full(id)),
        Key::Policy(id, policy) => format!("policy `{policy}` on `{}`", full(id)),
        Key::Rule(id, rule) => format!("rule `{rule}` on `{}`", full(id)),
        Key::Routine(signature) => format!("function `{signature}`"),
        Key::Type(id) => format!("type `{}`", full(id)),
        Key::Extension(name) => format!("extension `{name}`"),
        Key::Role(name) => format!("role `{name}`"),
        Key::Publication(name) => format!("publication `{name}`"),
        Key::Other(kind, name) => format!("{} `{name}`", noun(*kind)),
    }
}

fn name(key: &Key) -> String {
    match key {
        Key::Relation(id) | Key::Type(id) => format!("`{}`", full(id)),
        key => format!("`{}`", super::place::own_name(key)),
    }
}
