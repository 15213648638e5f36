//! What a name means at one moment of a history: the resolver's own search, without carrying anything out.

use smol_str::SmolStr;

use super::catalog::Catalog;
use super::change::Key;
use super::objects::{Certainty, Dependencies, Id, Origin, Routine, Signature, Type};
use super::resolve::Resolver;
use super::session::Session;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{ObjectRef, Query, Statement, TypeName};

/// Looks names up in a catalog as a session sees it.
pub(crate) struct Lookup<'a> {
    resolver: Resolver<'a>,
}

impl<'a> Lookup<'a> {
    /// `text`: the file.
    pub(crate) fn new(catalog: &Catalog, session: &Session, postgres: u16, text: &'a str) -> Self {
        let resolver = Resolver {
            catalog: catalog.clone(),
            session: session.clone(),
            text,
            written: crate::text::Span::default(),
            origin: Origin::BASE,
            certainty: Certainty::Certain,
            guarded: true,
            failed: false,
            postgres,
            quiet: true,
            changes: Vec::new(),
            problems: Vec::new(),
            target: None,
        };
        Self { resolver }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.resolver.catalog
    }

    /// Searches other schemas from now on, as `SET search_path` writes them; those before it.
    pub(crate) fn set_search_path(&mut self, values: &[SmolStr]) -> Vec<SmolStr> {
        let path = super::resolve::search_path(values);
        std::mem::replace(&mut self.resolver.session.search_path, path)
    }

    /// Searches these schemas again.
    pub(crate) fn restore_search_path(&mut self, path: Vec<SmolStr>) {
        self.resolver.session.search_path = path;
    }

    /// The ids that a name may stand for, in search order.
    pub(crate) fn ids(&self, name: &Name) -> Vec<Id> {
        self.resolver.candidates(name)
    }

    /// The schemas that an unqualified name is searched in, in order, without those that hold nothing.
    pub(crate) fn path(&self) -> Vec<SmolStr> {
        let anything = Name::bare(Ident::generated("x"));
        let catalog = self.catalog();
        let holds =
            |schema: &SmolStr| catalog.schemas.contains_key(schema) || catalog.relations_in(schema).next().is_some();
        let schemas = self.ids(&anything).into_iter().map(|id| id.schema);
        schemas.filter(holds).collect()
    }

    /// The columns that a query gives, with their types where those can be told.
    pub(crate) fn outputs(&self, query: &Query) -> Option<Vec<(SmolStr, Option<Type>)>> {
        self.resolver.outputs(query)
    }

    pub(crate) fn relation(&self, name: &Name) -> Option<Id> {
        self.resolver.find_relation(name)
    }

    /// The columns of a table or view, where all are known.
    pub(crate) fn columns(&self, id: &Id) -> Option<Vec<SmolStr>> {
        self.resolver.relation_columns(id)
    }

    /// What needs a column and forbids dropping it, or changing its type.
    pub(crate) fn column_dependents(&self, table: &Id, column: &SmolStr) -> Vec<Key> {
        self.resolver.column_dependents(table, column)
    }

    /// What a statement reads and calls.
    pub(crate) fn dependencies(&self, statement: &Statement) -> Dependencies {
        self.resolver.statement_dependencies(statement)
    }

    pub(crate) fn ty(&self, ty: &TypeName) -> Option<Type> {
        self.resolver.known_type(ty)
    }

    /// What DROP, COMMENT, ALTER or GRANT name.
    pub(crate) fn object(&mut self, object: &ObjectRef) -> Option<Key> {
        self.resolver.drop_key(object)
    }

    /// The routines of that name that take so many arguments, those of the first schema that has any.
    pub(crate) fn overloads(&self, name: &Name) -> Vec<(&Signature, &Routine)> {
        let found = self.resolver.candidates(name).into_iter().find_map(|id| {
            let all: Vec<_> = self.catalog().overloads_of(&id);
            (!all.is_empty()).then_some(all)
        });
        found.unwrap_or_default()
    }

    /// The one of them that a call with so many arguments runs, if it is one of a history.
    pub(crate) fn called(&self, name: &Name, arguments: usize) -> Option<Signature> {
        let overloads = self.overloads(name);
        let fits = |(signature, routine): &&(&Signature, &Routine)| {
            let most = signature.arguments.len();
            (most.saturating_sub(routine.defaults)..=most).contains(&arguments)
        };
        let found = overloads.iter().find(fits).or(overloads.first());
        found.map(|(signature, _)| (*signature).clone())
    }
}

impl Catalog {
    /// The routines of that very name.
    pub(crate) fn overloads_of(&self, id: &Id) -> Vec<(&Signature, &Routine)> {
        let first = Signature {
            id: id.clone(),
            arguments: Vec::new(),
        };
        self.routines
            .range(first..)
            .take_while(|(signature, _)| signature.id == *id)
            .map(|(signature, routine)| (signature, &**routine))
            .collect()
    }
}
