//! Privileges: the GRANT and REVOKE that make one access list of another.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::Piece;
use super::print::{self, quote_ident};
use super::recreate::Recreate;
use crate::schema::change::Key;
use crate::schema::objects::{Acl, DefaultAclKey, RelationKind, RoutineKind};
use crate::schema::resolve::{all_privileges, built_in_acl};
use crate::sql::statement::ObjectKind;

/// What turns the access list `from` of an object into `to`.
pub(super) fn between(recreate: &Recreate<'_>, object: &Key, from: &Acl, to: &Acl) -> Vec<Piece> {
    if from == to {
        return Vec::new();
    }
    let (kind, words) = target(recreate, object);
    let all = all_privileges(kind, recreate.postgres);
    let column = match object {
        Key::Column(_, name) => Some(name),
        _ => None,
    };
    let mut pieces = Vec::new();
    each(from, to, &mut |verb, privileges, grantee| {
        let list = list(privileges, all, column);
        let (option, way, with) = verb.words();
        let grantee = print::role(grantee);
        pieces.push(Piece::lossless(format!(
            "{option}{list} on {words} {way} {grantee}{with};"
        )));
    });
    pieces
}

/// What turns the default privileges `from` into `to`.
pub(super) fn defaults_between(
    key: &DefaultAclKey,
    from: Option<&Acl>,
    to: Option<&Acl>,
    role: &str,
    postgres: u16,
) -> Vec<Piece> {
    let built_in = if key.schema.is_none() {
        built_in_acl(key.kind)
    } else {
        Acl::default()
    };
    let (kind, plural) = match key.kind {
        'S' => (ObjectKind::Sequence, "sequences"),
        'f' => (ObjectKind::Function, "functions"),
        'T' => (ObjectKind::Type, "types"),
        'n' => (ObjectKind::Schema, "schemas"),
        _ => (ObjectKind::Table, "tables"),
    };
    let all = all_privileges(kind, postgres);
    let mut head = "alter default privileges".to_owned();
    if key.role != role {
        head.push_str(&format!(" for role {}", quote_ident(&key.role)));
    }
    if let Some(schema) = &key.schema {
        head.push_str(&format!(" in schema {}", quote_ident(schema)));
    }
    let mut pieces = Vec::new();
    each(
        from.unwrap_or(&built_in),
        to.unwrap_or(&built_in),
        &mut |verb, privileges, grantee| {
            let list = list(privileges, all, None);
            let (option, way, with) = verb.words();
            let grantee = print::role(grantee);
            pieces.push(Piece::lossless(format!(
                "{head} {option}{list} on {plural} {way} {grantee}{with};"
            )));
        },
    );
    pieces
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verb {
    Revoke,
    RevokeOption,
    Grant,
    GrantWithOption,
}

impl Verb {
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Verb::Revoke => ("revoke ", "from", ""),
            Verb::RevokeOption => ("revoke grant option for ", "from", ""),
            Verb::Grant => ("grant ", "to", ""),
            Verb::GrantWithOption => ("grant ", "to", " with grant option"),
        }
    }
}

fn each(from: &Acl, to: &Acl, visit: &mut dyn FnMut(Verb, &BTreeSet<SmolStr>, &str)) {
    let none = BTreeMap::new();
    let grantees: BTreeSet<&SmolStr> = from.keys().chain(to.keys()).collect();
    for grantee in grantees {
        let (held, wanted) = (from.get(grantee).unwrap_or(&none), to.get(grantee).unwrap_or(&none));
        let mut verbs: BTreeMap<Verb, BTreeSet<SmolStr>> = BTreeMap::new();
        for name in held.keys().filter(|name| !wanted.contains_key(*name)) {
            verbs.entry(Verb::Revoke).or_default().insert(name.clone());
        }
        for (name, grantable) in wanted {
            let verb = match (held.get(name), grantable) {
                (Some(true), false) => Verb::RevokeOption,
                (Some(true), true) | (Some(false), false) => continue,
                (_, true) => Verb::GrantWithOption,
                (None, false) => Verb::Grant,
            };
            verbs.entry(verb).or_default().insert(name.clone());
        }
        for (verb, names) in verbs {
            visit(verb, &names, grantee);
        }
    }
}

fn list(privileges: &BTreeSet<SmolStr>, all: &[&str], column: Option<&SmolStr>) -> String {
    if privileges.len() > 1 && privileges.len() == all.len() {
        return match column {
            Some(column) => format!("all ({})", quote_ident(column)),
            None => "all".into(),
        };
    }
    let each = privileges.iter().map(|name| {
        let name = name.to_ascii_lowercase();
        match column {
            Some(column) => format!("{name} ({})", quote_ident(column)),
            None => name,
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The kind of an object, and how GRANT names it.
fn target(recreate: &Recreate<'_>, object: &Key) -> (ObjectKind, String) {
    let catalog = recreate.catalog;
    match object {
        Key::Relation(id) => {
            let sequence = catalog
                .relations
                .get(id)
                .is_some_and(|relation| matches!(relation.kind, RelationKind::Sequence(_)));
            if sequence {
                (ObjectKind::Sequence, format!("sequence {}", print::id(id)))
            } else {
                (ObjectKind::Table, print::id(id))
            }
        }
        Key::Column(table, _) => (ObjectKind::Column, print::id(table)),
        Key::Routine(signature) => {
            let procedure = catalog
                .routines
                .get(signature)
                .is_some_and(|routine| routine.kind == RoutineKind::Procedure);
            let noun = if procedure { "procedure" } else { "function" };
            (ObjectKind::Function, format!("{noun} {}", print::signature(signature)))
        }
        Key::Schema(_) => (ObjectKind::Schema, recreate.named(object)),
        Key::Type(_) => (ObjectKind::Type, recreate.named(object)),
        _ => (ObjectKind::Table, recreate.named(object)),
    }
}
