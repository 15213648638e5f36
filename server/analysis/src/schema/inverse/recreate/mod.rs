//! Objects as they were: the statements that make them again, with everything that hung on them.

mod attached;
mod constraint;
mod other;
mod relation;
mod routine;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::words::{is_plain_type, other_name, other_noun};
use super::{Fidelity, Piece};
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::facts::builtin_volatility;
use crate::schema::inverse::print::{self, folded, literal, quote_ident};
use crate::schema::objects::{Definition, Dependencies, Id, Meta, Origin, RoutineKind, TypeKind};
use crate::schema::small_set::SmallSet;
use crate::sql::lexeme::{LexemeKind, lexemes};
use crate::sql::statement::ObjectKind;

/// Writes what makes objects of a catalog.
pub(super) struct Recreate<'a> {
    /// The catalog that holds them.
    pub(super) catalog: &'a Catalog,
    /// The role that will run the statements.
    pub(super) role: &'a SmolStr,
    /// Where the texts that have no `search_path` of their own found their names.
    pub(super) search_path: &'a [SmolStr],
    pub(super) postgres: u16,
}

/// Statements in the order in which they can run.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// At their place.
    pub(super) now: Vec<Piece>,
    /// Views with the relations that they read.
    views: Vec<(Id, SmallSet<Id>, Vec<Piece>)>,
    /// What may name anything else that the same statement dropped.
    late: Vec<Piece>,
}

impl Pieces {
    /// All of them.
    pub(crate) fn ordered(mut self) -> Vec<Piece> {
        let mut waiting = std::mem::take(&mut self.views);
        while !waiting.is_empty() {
            let names: BTreeSet<Id> = waiting.iter().map(|(id, ..)| id.clone()).collect();
            let ready = |(id, reads, _): &(Id, SmallSet<Id>, Vec<Piece>)| {
                !reads.iter().any(|read| read != id && names.contains(read))
            };
            let at = waiting.iter().position(ready).unwrap_or(0);
            self.now.extend(waiting.remove(at).2);
        }
        self.now.extend(self.late);
        self.now
    }

    /// Takes the others' pieces in behind these.
    pub(crate) fn absorb(&mut self, other: Pieces) {
        self.now.extend(other.now);
        self.views.extend(other.views);
        self.late.extend(other.late);
    }

    pub(crate) fn say(&mut self, sql: impl Into<String>) {
        self.now.push(Piece::lossless(sql));
    }

    pub(crate) fn push(&mut self, piece: Piece) {
        self.now.push(piece);
    }
}

impl Recreate<'_> {
    /// A statement with a text that was written elsewhere.
    pub(crate) fn carried(&self, sql: impl Into<String>) -> Piece {
        self.with_path(sql, self.search_path)
    }

    pub(crate) fn with_path(&self, sql: impl Into<String>, path: &[SmolStr]) -> Piece {
        let mut piece = Piece::lossless(sql);
        if self.depends_on_path(&piece.sql, path) {
            piece.search_path = Some(path.to_vec());
        }
        piece
    }

    /// Whether a text has a name without a schema that is not PostgreSQL's own.
    pub(crate) fn depends_on_path(&self, text: &str, path: &[SmolStr]) -> bool {
        let all = lexemes(text);
        let known = |name: &SmolStr| {
            path.iter().any(|schema| {
                let id = Id::new(schema, name);
                self.catalog.relations.contains_key(&id)
                    || self.catalog.types.contains_key(&id)
                    || self.catalog.overloads(&id).next().is_some()
            })
        };
        all.iter().enumerate().any(|(at, lexeme)| {
            let Some(name) = folded(text, lexeme.kind, lexeme.span) else {
                return false;
            };
            let is = |at: Option<usize>, kind: LexemeKind| {
                at.and_then(|at| all.get(at)).is_some_and(|other| other.kind == kind)
            };
            if is(at.checked_sub(1), LexemeKind::Period) || is(Some(at + 1), LexemeKind::Period) {
                return false;
            }
            if known(&name) {
                return true;
            }
            // A function or type of an extension is in no migration.
            let called = is(Some(at + 1), LexemeKind::Open) && builtin_volatility(&name, self.postgres).is_none();
            let cast = at
                .checked_sub(1)
                .and_then(|at| all.get(at))
                .is_some_and(|before| before.span.slice(text) == "::");
            lexeme.kind == LexemeKind::Word && (called || (cast && !is_plain_type(&name)))
        })
    }

    /// A statement put together from one that is kept as written.
    pub(crate) fn as_defined(&self, sql: String, definition: &Definition) -> Piece {
        self.with_path(sql, &definition.search_path)
    }

    pub(crate) fn impossible(what: &str) -> Piece {
        Piece::impossible(what)
    }

    /// Makes an object again; `None` where others bring it.
    pub(crate) fn object(&self, key: &Key, out: &mut Pieces) {
        match key {
            Key::Schema(name) => {
                if let Some(schema) = self.catalog.schemas.get(name) {
                    out.say(format!("create schema {};", quote_ident(name)));
                    self.dress(key, &schema.meta, 'n', None, out);
                    for (key, acl) in &self.catalog.default_acls {
                        if key.schema.as_ref() == Some(name) {
                            let pieces =
                                super::privileges::defaults_between(key, None, Some(acl), self.role, self.postgres);
                            out.now.extend(pieces);
                        }
                    }
                }
            }
            Key::Relation(id) => self.relation(id, out),
            Key::Constraint(table, name) => {
                if let Some(constraint) = self.catalog.table(table).and_then(|found| found.constraint(name)) {
                    out.push(self.add_constraint(table, constraint));
                    self.constraint_comment(table, constraint, out);
                    self.index_settings(table, name, out);
                }
            }
            Key::Trigger(table, name) => {
                let relation = self.catalog.relations.get(table);
                let trigger = relation.and_then(|relation| relation.triggers().iter().find(|t| t.name == *name));
                if let Some(trigger) = trigger {
                    let pieces = self.trigger(table, trigger, "create");
                    out.late.extend(pieces);
                }
            }
            Key::Policy(table, name) => {
                let found = self.catalog.table(table);
                if let Some(policy) = found.and_then(|found| found.policies.iter().find(|p| p.name == *name)) {
                    out.late.extend(self.policy(table, policy));
                }
            }
            Key::Rule(table, name) => out.late.extend(self.rule(table, name)),
            Key::Routine(signature) => {
                if let Some(routine) = self.catalog.routines.get(signature) {
                    self.routine(signature, routine, "create", out);
                    self.dress(key, &routine.meta, 'f', Some(&signature.id.schema), out);
                }
            }
            Key::Type(id) => {
                if let Some(ty) = self.catalog.types.get(id) {
                    self.type_object(id, ty, out);
                }
            }
            Key::Extension(name) => {
                if let Some(extension) = self.catalog.extensions.get(name) {
                    let sql = format!(
                        "create extension {} with schema {};",
                        quote_ident(name),
                        quote_ident(&extension.schema)
                    );
                    let mut piece = Piece::lossless(sql);
                    piece.fidelity = Fidelity::NeedsArchive(format!("what extension {name} kept is gone"));
                    out.push(piece);
                    self.comment_of(key, extension.meta.comment.as_ref(), out);
                }
            }
            Key::Role(name) => {
                if let Some(role) = self.catalog.roles.get(name) {
                    self.role(name, role, out);
                }
            }
            Key::Publication(name) => {
                if let Some(publication) = self.catalog.publications.get(name) {
                    out.late.push(self.publication(name, publication));
                    let mut comments = Pieces::default();
                    self.comment_of(key, publication.meta.comment.as_ref(), &mut comments);
                    out.late.extend(comments.now);
                }
            }
            Key::Other(kind, name) => {
                let meta = self.catalog.others.get(&(*kind, name.clone()));
                match meta.and_then(|meta| meta.definition.as_ref()) {
                    Some(definition) => {
                        let statistics = self
                            .catalog
                            .statistics
                            .get(name)
                            .filter(|_| *kind == ObjectKind::Statistics);
                        let text = statistics.and_then(|(table, _)| {
                            let since = meta.map_or(Origin::BASE, |meta| meta.created);
                            routine::statistics_text(&definition.text, name, table, &self.new_names(since, table, None))
                        });
                        let text = text.unwrap_or_else(|| definition.text.to_string());
                        let piece = self.as_defined(format!("{text};"), definition);
                        out.late.push(piece);
                        let comment = meta.and_then(|meta| meta.comment.as_ref());
                        let mut comments = Pieces::default();
                        self.comment_of(key, comment, &mut comments);
                        out.late.extend(comments.now);
                    }
                    None => out.push(Self::impossible(&format!(
                        "create {name} again: nothing says how it was made"
                    ))),
                }
            }
            Key::Column(table, name) => {
                if let Some(column) = self.catalog.table(table).and_then(|found| found.column(name)) {
                    self.add_column(table, column, out);
                }
            }
        }
    }

    /// Owner, privileges and comment of a new object, as far as it does not have them by itself.
    pub(crate) fn dress(&self, key: &Key, meta: &Meta, kind: char, schema: Option<&str>, out: &mut Pieces) {
        if !meta.owner.is_empty() && meta.owner != *self.role {
            out.say(format!(
                "alter {} owner to {};",
                self.named(key),
                quote_ident(&meta.owner)
            ));
        }
        let mut from = self.catalog.default_acl(self.role, kind, schema);
        from.remove(&meta.owner);
        out.now.extend(super::privileges::between(self, key, &from, &meta.acl));
        self.comment_of(key, meta.comment.as_ref(), out);
    }

    pub(crate) fn comment_of(&self, key: &Key, comment: Option<&SmolStr>, out: &mut Pieces) {
        if let Some(text) = comment {
            out.say(self.comment(key, Some(text)));
        }
    }

    pub(crate) fn comment(&self, key: &Key, text: Option<&SmolStr>) -> String {
        let text = text.map_or_else(|| "null".to_owned(), |text| literal(text));
        format!("comment on {} is {text};", self.named(key))
    }

    /// Kind and name, as ALTER, DROP, COMMENT ON and GRANT write them.
    pub(crate) fn named(&self, key: &Key) -> String {
        match key {
            Key::Schema(name) => format!("schema {}", quote_ident(name)),
            Key::Relation(id) => {
                let noun = self
                    .catalog
                    .relations
                    .get(id)
                    .map_or("table", |relation| relation.noun());
                format!("{noun} {}", print::id(id))
            }
            Key::Column(table, name) => format!("column {}.{}", print::id(table), quote_ident(name)),
            Key::Constraint(table, name) if self.catalog.types.contains_key(table) => {
                format!("constraint {} on domain {}", quote_ident(name), print::id(table))
            }
            Key::Constraint(table, name) => format!("constraint {} on {}", quote_ident(name), print::id(table)),
            Key::Trigger(table, name) => format!("trigger {} on {}", quote_ident(name), print::id(table)),
            Key::Policy(table, name) => format!("policy {} on {}", quote_ident(name), print::id(table)),
            Key::Rule(table, name) => format!("rule {} on {}", quote_ident(name), print::id(table)),
            Key::Routine(signature) => {
                let noun = match self.catalog.routines.get(signature).map(|routine| routine.kind) {
                    Some(RoutineKind::Procedure) => "procedure",
                    Some(RoutineKind::Aggregate) => "aggregate",
                    _ => "function",
                };
                format!("{noun} {}", print::signature(signature))
            }
            Key::Type(id) => {
                let domain = self
                    .catalog
                    .types
                    .get(id)
                    .is_some_and(|ty| matches!(ty.kind, TypeKind::Domain(_)));
                format!("{} {}", if domain { "domain" } else { "type" }, print::id(id))
            }
            Key::Extension(name) => format!("extension {}", quote_ident(name)),
            Key::Role(name) => format!("role {}", quote_ident(name)),
            Key::Publication(name) => format!("publication {}", quote_ident(name)),
            Key::Other(kind, name) => format!("{} {}", other_noun(*kind), other_name(*kind, name)),
        }
    }

    /// New names of what a text speaks about, by the names that it still says.
    pub(crate) fn new_names(
        &self,
        since: Origin,
        own: &Id,
        dependencies: Option<&Dependencies>,
    ) -> BTreeMap<SmolStr, SmolStr> {
        let mut new = BTreeMap::new();
        if self.catalog.renames.is_empty() {
            return new;
        }
        let mut about: BTreeSet<Id> = BTreeSet::from([own.clone()]);
        about.extend(
            dependencies
                .into_iter()
                .flat_map(|found| found.relations.iter().cloned()),
        );
        let named = |of: fn(&Dependencies) -> &SmallSet<Id>| -> BTreeSet<Id> {
            dependencies.into_iter().flat_map(of).cloned().collect()
        };
        let mut functions = named(|found| &found.functions);
        let mut types = named(|found| &found.types);
        let later = || {
            let later = self.catalog.renames.iter();
            later.filter(|(origin, ..)| *origin != Origin::BASE && (since == Origin::BASE || *origin > since))
        };
        // The texts know the names of then.
        for (_, from, to) in later().rev() {
            let all = match (from, to) {
                (Key::Relation(from), Key::Relation(to)) => (&mut about, from, to),
                (Key::Type(from), Key::Type(to)) => (&mut types, from, to),
                (Key::Routine(from), Key::Routine(to)) => (&mut functions, &from.id, &to.id),
                _ => continue,
            };
            if all.0.contains(all.2) {
                all.0.insert(all.1.clone());
            }
        }
        for (_, from, to) in later() {
            let pair = match (from, to) {
                (Key::Relation(from), Key::Relation(to)) if about.contains(to) => (&from.name, &to.name),
                (Key::Type(from), Key::Type(to)) if types.contains(to) => (&from.name, &to.name),
                (Key::Routine(from), Key::Routine(to)) if functions.contains(&to.id) => (&from.id.name, &to.id.name),
                (Key::Column(table, from), Key::Column(_, to)) if about.contains(table) => (from, to),
                _ => continue,
            };
            if pair.0 == pair.1 {
                continue;
            }
            for value in new.values_mut().filter(|value| **value == *pair.0) {
                *value = pair.1.clone();
            }
            new.entry(pair.0.clone()).or_insert_with(|| pair.1.clone());
        }
        new
    }
}
