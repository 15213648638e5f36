//! The catalog's objects and the language's words as items.

use smol_str::SmolStr;

use super::code::Code;
use super::context::{Context, Want};
use super::scope::{self, Field, Source, columns_of};
use super::{Item, ItemKind, MOST_ITEMS, keywords, names, snippets};
use crate::ide::describe::call_line;
use crate::schema::catalog::Catalog;
use crate::schema::facts::builtin_functions;
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Id, Relation, RelationKind, TypeKind};
use crate::sql::keyword::quote_ident;
use crate::sql::name::{Ident, Name};

/// How an object is written at the cursor.
struct Written {
    rank: u8,
    label: String,
    insert: String,
}

impl Written {
    fn of(rank: u8, id: &Id) -> Self {
        let (mut label, mut insert) = (id.name.to_string(), quote_ident(&id.name));
        if rank > 2 {
            label = format!("{}.{label}", id.schema);
            insert = format!("{}.{insert}", quote_ident(&id.schema));
        }
        Self { rank, label, insert }
    }
}

/// Collects what is offered.
pub(super) struct Offer<'o, 't> {
    pub(super) code: &'o Code<'t>,
    pub(super) lookup: &'o Lookup<'t>,
    /// The schemas that it searches and that hold something.
    pub(super) path: Vec<SmolStr>,
    /// What the function around the cursor declares.
    pub(super) routine: &'o scope::Routine,
    pub(super) postgres: u16,
    pub(super) lower: bool,
    pub(super) items: Vec<Item>,
}

impl Offer<'_, '_> {
    pub(super) fn all(&mut self, context: &Context) {
        for want in &context.wants {
            self.want(*want, context);
        }
        if self.code.qualifier.is_empty() {
            for keyword in &context.keywords {
                self.keyword(keyword);
            }
        }
    }

    fn want(&mut self, want: Want, context: &Context) {
        use Want as W;
        let qualified = !self.code.qualifier.is_empty();
        match want {
            W::Statement if !qualified => {
                keywords::STATEMENTS.iter().for_each(|word| self.keyword(word));
                if self.code.body.is_none() {
                    self.snippets();
                }
            }
            W::BodyStatement => {
                if qualified {
                    self.rows();
                } else {
                    keywords::BODY.iter().for_each(|word| self.keyword(word));
                    self.variables();
                }
            }
            W::Statement => {}
            W::Relation => {
                self.relations(&|relation| matches!(relation.kind, RelationKind::Table(_) | RelationKind::View(_)));
            }
            W::Table => {
                self.relations(&|relation| relation.table().is_some());
                self.columns_of_named();
            }
            W::View => self.relations(&|relation| relation.view().is_some()),
            W::Sequence => self.relations(&|relation| relation.sequence().is_some()),
            W::Index => self.relations(&|relation| relation.index().is_some()),
            W::Column => self.columns(context),
            W::Expression => self.expression(context),
            W::Type => self.types(),
            W::Function => self.functions(&|_| true),
            W::TriggerFunction => self.functions(&|returns| returns == "trigger"),
            W::Role => self.names(ItemKind::Role),
            W::Schema => self.schemas(),
            W::Policy | W::Constraint | W::Trigger => self.parts(want, context.table.as_ref()),
            W::Extension | W::Publication | W::NewExtension => self.names(match want {
                W::Extension => ItemKind::Extension,
                W::Publication => ItemKind::Publication,
                _ => return self.new_extensions(),
            }),
        }
    }

    // ---- one item ------------------------------------------------------------------------------------------------

    /// Whether the word at the cursor may become this name: it holds its letters in their order.
    fn fits(&self, name: &str) -> bool {
        let mut rest = name.chars().flat_map(char::to_lowercase);
        self.code
            .prefix
            .chars()
            .flat_map(char::to_lowercase)
            .all(|letter| rest.any(|other| other == letter))
    }

    fn push(&mut self, rank: u8, kind: ItemKind, label: &str, insert: String, detail: &str, comment: Option<&str>) {
        if self.fits(label) {
            self.items.push(Item {
                label: label.to_owned(),
                kind,
                detail: detail.to_owned(),
                documentation: comment.map(str::to_owned),
                insert,
                snippet: false,
                replace: self.code.word,
                sort: format!("{rank}{label}"),
            });
        }
    }

    fn name(&mut self, rank: u8, kind: ItemKind, name: &str, detail: &str, comment: Option<&str>) {
        self.push(rank, kind, name, quote_ident(name), detail, comment);
    }

    fn keyword(&mut self, keyword: &str) {
        let word = if self.lower {
            keyword.to_lowercase()
        } else {
            keyword.to_owned()
        };
        let at = self.items.len();
        self.push(6, ItemKind::Keyword, &word, word.clone(), "", None);
        if let Some(item) = self.items.get_mut(at) {
            // Keywords keep the order in which they are listed.
            item.sort = format!("6{at:04}");
        }
    }

    fn snippets(&mut self) {
        for snippet in snippets::SNIPPETS {
            if self.fits(snippet.label) {
                self.items.push(Item {
                    label: snippet.label.to_owned(),
                    kind: ItemKind::Snippet,
                    detail: snippet.detail.to_owned(),
                    documentation: None,
                    insert: snippet.body.to_owned(),
                    snippet: true,
                    replace: self.code.word,
                    sort: format!("8{}", snippet.label),
                });
            }
        }
    }

    // ---- objects of schemas ----------------------------------------------------------------------------------------

    /// The schema that the word is qualified with, if it is with one name.
    fn schema(&self) -> Option<&Ident> {
        match self.code.qualifier.as_slice() {
            [schema] => Some(schema),
            _ => None,
        }
    }

    /// How near an object is, if it can be written here: 2 by its bare name, 3 with its schema.
    fn rank(&self, id: &Id, is_there: impl Fn(&Catalog, &Id) -> bool) -> Option<u8> {
        match self.code.qualifier.as_slice() {
            [] if self.is_visible(id, is_there) => self.fits(&id.name).then_some(2),
            [] if is_system(&id.schema) => None,
            [] => (self.fits(&id.name) || self.fits(&id.schema)).then_some(3),
            [schema] => (schema.value == id.schema && self.fits(&id.name)).then_some(2),
            _ => None,
        }
    }

    /// Whether the bare name of an object means just this one: no schema that is searched before has one like it.
    fn is_visible(&self, id: &Id, is_there: impl Fn(&Catalog, &Id) -> bool) -> bool {
        for schema in &self.path {
            if *schema == id.schema {
                return true;
            }
            let other = Id {
                schema: schema.clone(),
                name: id.name.clone(),
            };
            if is_there(self.lookup.catalog(), &other) {
                return false;
            }
        }
        false
    }

    /// Of many objects, those that are shown: their texts cost more than finding them.
    fn closest<T>(mut found: Vec<(u8, &Id, T)>) -> impl Iterator<Item = (Written, T)> + use<'_, T> {
        if found.len() > MOST_ITEMS {
            found.select_nth_unstable_by(MOST_ITEMS, |a, b| (a.0, a.1).cmp(&(b.0, b.1)));
            found.truncate(MOST_ITEMS);
        }
        found.into_iter().map(|(rank, id, what)| (Written::of(rank, id), what))
    }

    fn relations(&mut self, wanted: &dyn Fn(&Relation) -> bool) {
        let lookup = self.lookup;
        let mut found = Vec::new();
        for (id, relation) in lookup.catalog().relations() {
            if wanted(relation)
                && let Some(rank) = self.rank(id, |catalog, id| catalog.relations.contains_key(id))
            {
                found.push((rank, id, relation));
            }
        }
        for (written, relation) in Self::closest(found) {
            let kind = match &relation.kind {
                RelationKind::Table(_) | RelationKind::Composite => ItemKind::Table,
                RelationKind::View(_) => ItemKind::View,
                RelationKind::Sequence(_) => ItemKind::Sequence,
                RelationKind::Index(_) => ItemKind::Index,
            };
            let comment = relation.meta.comment.as_deref();
            self.push(
                written.rank,
                kind,
                &written.label,
                written.insert,
                relation.noun(),
                comment,
            );
        }
        if self.code.qualifier.is_empty() {
            let (_, ctes) = scope::sources(self.code, lookup);
            for cte in ctes {
                self.name(1, ItemKind::Variable, &cte.name, "common table expression", None);
            }
            self.schemas();
        }
    }

    /// `COMMENT ON COLUMN t.` wants a column behind the table.
    fn columns_of_named(&mut self) {
        let words = self.code.words();
        if words.get(2).is_some_and(|word| word.is("COLUMN")) && !self.code.qualifier.is_empty() {
            self.columns_of_qualifier();
        }
    }

    fn columns_of_qualifier(&mut self) {
        let name = Name {
            parts: self.code.qualifier.clone(),
        };
        if let Some(id) = self.lookup.relation(&name) {
            let fields = columns_of(self.lookup, &id);
            self.fields(&fields);
        }
    }

    fn types(&mut self) {
        let lookup = self.lookup;
        let mut found = Vec::new();
        for (id, ty) in &lookup.catalog().types {
            if let Some(rank) = self.rank(id, |catalog, id| catalog.types.contains_key(id)) {
                found.push((rank, id, ty));
            }
        }
        for (written, ty) in Self::closest(found) {
            let (kind, detail) = match &ty.kind {
                TypeKind::Enum(labels) => {
                    let labels: Vec<&str> = labels.iter().take(8).map(|label| label.value.as_str()).collect();
                    (ItemKind::Enum, labels.join(", "))
                }
                TypeKind::Domain(domain) => (ItemKind::Type, domain.base.to_string()),
                _ => (ItemKind::Type, String::new()),
            };
            let comment = ty.meta.comment.as_deref();
            self.push(0, kind, &written.label, written.insert, &detail, comment);
        }
        if self.code.qualifier.is_empty() {
            for ty in names::TYPES {
                self.push(1, ItemKind::Type, ty, (*ty).to_owned(), "", None);
            }
            self.schemas();
        }
    }

    fn functions(&mut self, wanted: &dyn Fn(&str) -> bool) {
        let lookup = self.lookup;
        let is_there = |catalog: &Catalog, id: &Id| catalog.overloads(id).next().is_some();
        let mut found = Vec::new();
        for (signature, routine) in &lookup.catalog().routines {
            let returns = routine.returns.as_deref().unwrap_or_default();
            if wanted(returns)
                && let Some(rank) = self.rank(&signature.id, is_there)
            {
                found.push((rank, &signature.id, (signature, routine)));
            }
        }
        for (written, (signature, routine)) in Self::closest(found) {
            let returns = routine.returns.as_deref().unwrap_or_default();
            let detail = format!("{} → {returns}", call_line(signature, routine));
            let comment = routine.meta.comment.as_deref();
            self.push(3, ItemKind::Function, &written.label, written.insert, &detail, comment);
        }
    }

    fn schemas(&mut self) {
        if !self.code.qualifier.is_empty() {
            return;
        }
        let names: Vec<_> = self.lookup.catalog().schemas.iter().collect();
        for (name, schema) in names {
            self.name(4, ItemKind::Schema, name, "schema", schema.meta.comment.as_deref());
        }
    }

    // ---- objects without a schema ----------------------------------------------------------------------------------

    fn names(&mut self, kind: ItemKind) {
        if !self.code.qualifier.is_empty() {
            return;
        }
        let catalog = self.lookup.catalog();
        let names: Vec<(String, Option<String>)> = match kind {
            ItemKind::Role => catalog
                .roles
                .iter()
                .map(|(name, role)| (name.to_string(), role.meta.comment.as_deref().map(str::to_owned)))
                .collect(),
            ItemKind::Extension => catalog.extensions.keys().map(|name| (name.to_string(), None)).collect(),
            _ => catalog
                .publications
                .keys()
                .map(|name| (name.to_string(), None))
                .collect(),
        };
        for (name, comment) in names {
            self.name(0, kind, &name, "", comment.as_deref());
        }
    }

    fn new_extensions(&mut self) {
        for name in names::EXTENSIONS {
            if !self.lookup.catalog().extensions.contains_key(*name) {
                self.name(0, ItemKind::Extension, name, "", None);
            }
        }
    }

    /// Policies, constraints and triggers: of the statement's table, else of all, with the table as detail.
    fn parts(&mut self, want: Want, table: Option<&Name>) {
        let lookup = self.lookup;
        let id = table.and_then(|table| lookup.relation(table));
        let mut found = Vec::new();
        for (other, relation) in lookup.catalog().relations() {
            if id.as_ref().is_some_and(|id| id != other) {
                continue;
            }
            let detail = format!("on {other}");
            let table = relation.table();
            match want {
                Want::Trigger => found.extend(
                    relation
                        .triggers()
                        .iter()
                        .map(|trigger| (ItemKind::Trigger, trigger.name.clone(), detail.clone())),
                ),
                Want::Policy => found.extend(table.into_iter().flat_map(|table| {
                    let policies = table.policies.iter();
                    policies.map(|policy| (ItemKind::Policy, policy.name.clone(), detail.clone()))
                })),
                _ => found.extend(table.into_iter().flat_map(|table| {
                    let constraints = table.constraints.iter();
                    constraints.map(|constraint| {
                        let detail = constraint.text.to_string();
                        (ItemKind::Constraint, constraint.name.clone(), detail)
                    })
                })),
            }
        }
        for (kind, name, detail) in found {
            self.name(0, kind, &name, &detail, None);
        }
    }

    // ---- columns and expressions -----------------------------------------------------------------------------------

    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            self.name(
                0,
                ItemKind::Column,
                &field.name,
                &field.detail,
                field.comment.as_deref(),
            );
        }
    }

    /// The columns of the statement's table; those written so far where it is being created.
    fn table_columns(&self, context: &Context) -> Vec<Field> {
        let known = context.table.as_ref().and_then(|table| self.lookup.relation(table));
        match known {
            Some(id) => columns_of(self.lookup, &id),
            None => scope::written_columns(self.code),
        }
    }

    fn columns(&mut self, context: &Context) {
        if self.code.qualifier.is_empty() {
            let fields = self.table_columns(context);
            self.fields(&fields);
        }
    }

    fn sources(&self, context: &Context) -> Vec<Source> {
        let (mut sources, _) = scope::sources(self.code, self.lookup);
        if sources.is_empty() && context.table.is_some() {
            let name = context.table.as_ref().map(|table| table.last().value.clone());
            sources.push(Source {
                name: name.unwrap_or_default(),
                columns: self.table_columns(context),
                bare: true,
                local: false,
            });
        }
        let excluded = self.code.words().iter().any(|word| word.is("CONFLICT"));
        if excluded && let Some(target) = sources.first().cloned() {
            sources.push(Source {
                name: "excluded".into(),
                bare: false,
                local: true,
                ..target
            });
        }
        sources.extend(self.routine.rows.iter().cloned());
        if self.code.words().iter().any(|word| word.is("TRIGGER"))
            && let Some(target) = sources.first().cloned()
        {
            for row in ["new", "old"] {
                sources.push(Source {
                    name: row.into(),
                    bare: false,
                    local: true,
                    ..target.clone()
                });
            }
        }
        sources
    }

    /// `new.` at the start of a statement of a trigger's function.
    fn rows(&mut self) {
        let Some(row) = self.schema().cloned() else { return };
        let routine = self.routine;
        for source in routine.rows.iter().filter(|source| source.name == row.value) {
            self.fields(&source.columns);
        }
    }

    fn variables(&mut self) {
        for field in &self.routine.variables {
            self.name(1, ItemKind::Variable, &field.name, &field.detail, None);
        }
    }

    fn expression(&mut self, context: &Context) {
        let sources = self.sources(context);
        if let Some(qualifier) = self.schema().cloned() {
            let mut named = sources.iter().filter(|source| source.name == qualifier.value);
            if let Some(source) = named.next() {
                self.fields(&source.columns.clone());
            } else {
                self.functions(&|returns| returns != "trigger");
            }
            return;
        }
        if !self.code.qualifier.is_empty() {
            return self.columns_of_qualifier();
        }
        for source in sources.iter().filter(|source| source.bare) {
            self.fields(&source.columns);
        }
        for source in &sources {
            let detail = if source.local { "alias" } else { "table" };
            if !source.name.is_empty() {
                self.name(1, ItemKind::Variable, &source.name, detail, None);
            }
        }
        self.variables();
        self.functions(&|returns| returns != "trigger");
        self.builtin_functions();
        self.schemas();
    }

    /// PostgreSQL has thousands of functions: they are offered once somebody begins to write one.
    fn builtin_functions(&mut self) {
        let prefix = self.code.prefix.to_lowercase();
        if prefix.is_empty() {
            return;
        }
        for name in builtin_functions(&prefix, self.postgres) {
            self.push(5, ItemKind::Function, name, (*name).to_owned(), "pg_catalog", None);
        }
    }
}

fn is_system(schema: &str) -> bool {
    schema.starts_with("pg_") || schema == "information_schema"
}
