//! Statement to changes: names looked up, defaults filled in, names generated, cascades followed.
//!
//! Works on a copy of the catalog that follows every change, since the parts of one statement see each other.

mod alter;
mod cascade;
mod depend;
mod effects;
mod grants;
mod index;
mod objects;
mod outputs;
mod routine;
pub(crate) mod table;
pub(crate) mod types;
mod view;

pub(crate) use depend::{columns_in_order, columns_of, walk};
pub(crate) use grants::{all_privileges, built_in as built_in_acl};

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::catalog::Catalog;
use super::change::{Change, Key, Object, TableChange, Taint, Write};
use super::objects::{Certainty, Definition, Id, Meta, Origin, Relation, RelationKind, Schema, Table, TableKind};
use super::session::Session;
use super::step::{Problem, ProblemKind};
use crate::sql::lexeme::{LexemeKind, lexemes};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Cte, Node, ObjectKind, Persistence, RelationRef, RoleName, SetVariable, Statement};
use crate::text::Span;

/// Reads statements against a catalog.
pub(crate) struct Resolver<'a> {
    pub(crate) catalog: Catalog,
    pub(crate) session: Session,
    /// The file, for texts that are kept as written.
    pub(crate) text: &'a str,
    /// The statement in `text` that is carried out.
    pub(crate) written: Span,
    pub(crate) origin: Origin,
    /// What holds of everything made now: less than certain under a condition.
    pub(crate) certainty: Certainty,
    /// Whether a failure is caught or guarded against: what cannot be made is skipped in silence.
    pub(crate) guarded: bool,
    /// Whether the catalog says that PostgreSQL refuses the statement.
    pub(crate) failed: bool,
    pub(crate) postgres: u16,
    /// Whether nobody looks at the changes.
    pub(crate) quiet: bool,
    pub(crate) changes: Vec<Change>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) target: Option<Id>,
}

/// Schemas that Supabase or an extension fills: dblsp's base catalog does not hold all of them.
const MANAGED_SCHEMAS: &[&str] = &[
    "auth",
    "storage",
    "realtime",
    "vault",
    "extensions",
    "graphql",
    "graphql_public",
    "supabase_functions",
    "supabase_migrations",
    "pgsodium",
    "pgsodium_masks",
    "cron",
    "net",
    "pgmq",
    "_realtime",
    "_analytics",
    "pgbouncer",
    "pgtle",
    "tiger",
    "topology",
    "pg_catalog",
    "information_schema",
    "pg_temp",
    "pg_toast",
    "_supavisor",
    "etl",
    "dbdev",
];

impl Resolver<'_> {
    /// Carries out a change at once, so that the rest of the statement sees it.
    pub(crate) fn emit(&mut self, change: Change) {
        if self.quiet {
            self.catalog.carry_out(change, self.origin);
        } else {
            self.catalog.apply(&change, self.origin);
            self.changes.push(change);
        }
    }

    pub(crate) fn problem(&mut self, span: Span, kind: ProblemKind) {
        self.failed = true;
        if !self.guarded {
            self.problems.push(Problem { span, kind });
        }
    }

    /// `Err` with the problem reported, for `?` in functions that return `Option`.
    pub(crate) fn exists(&mut self, kind: ObjectKind, name: &Name, created: Origin) {
        let (span, name) = (name.span(), format_smolstr!("{name}"));
        self.problem(span, ProblemKind::Exists { kind, name, created });
    }

    pub(crate) fn missing(&mut self, kind: ObjectKind, span: Span, name: &str) {
        if self.catalog.complete && self.catalog.taints.everything.is_none() {
            self.problem(
                span,
                ProblemKind::Missing {
                    kind,
                    name: name.into(),
                },
            );
        }
    }

    /// A new object's bookkeeping: owner, certainty, and the privileges that defaults give.
    pub(crate) fn meta(&self, kind: char, schema: Option<&str>) -> Meta {
        let mut meta = Meta::new(self.origin, &self.session.role);
        meta.certainty = self.certainty;
        meta.acl = self.catalog.default_acl(&self.session.role, kind, schema);
        meta
    }

    // ---- names ---------------------------------------------------------------------------------------------------

    /// The schemas searched for an unqualified name, those that exist.
    fn path(&self) -> impl Iterator<Item = &SmolStr> {
        self.session
            .search_path
            .iter()
            .map(|schema| if schema == "$user" { &self.session.role } else { schema })
    }

    /// The schema in which an unqualified CREATE makes its object.
    pub(crate) fn creation_schema(&self) -> SmolStr {
        self.path()
            .find(|schema| self.catalog.schemas.contains_key(*schema))
            .or_else(|| self.session.search_path.iter().find(|schema| *schema != "$user"))
            .cloned()
            .unwrap_or_else(|| "public".into())
    }

    /// Where a CREATE of this name makes its object.
    pub(crate) fn new_id(&mut self, name: &Name) -> Id {
        match name.qualifier() {
            Some(schema) => {
                self.assume_schema(schema);
                Id {
                    schema: schema.value.clone(),
                    name: name.last().value.clone(),
                }
            }
            None => Id {
                schema: self.creation_schema(),
                name: name.last().value.clone(),
            },
        }
    }

    /// Temporary tables live in a schema of their own.
    pub(crate) fn temporary_id(name: &Name) -> Id {
        Id::new("pg_temp", &name.last().value)
    }

    /// Reports a schema that does not exist, or assumes it.
    pub(crate) fn assume_schema(&mut self, schema: &Ident) {
        let name = schema.value.as_str();
        if self.catalog.schemas.contains_key(name) || name.starts_with("pg_") || MANAGED_SCHEMAS.contains(&name) {
            return;
        }
        self.missing(ObjectKind::Schema, schema.span, name);
        let mut meta = Meta::new(Origin::BASE, "");
        meta.certainty = Certainty::Assumed;
        self.catalog
            .schemas
            .insert(schema.value.clone(), Arc::new(Schema { meta }));
    }

    /// The candidates for a name, in search order.
    pub(crate) fn candidates(&self, name: &Name) -> Vec<Id> {
        let last = &name.last().value;
        match name.qualifier() {
            Some(schema) => vec![Id {
                schema: schema.value.clone(),
                name: last.clone(),
            }],
            None => std::iter::once("pg_temp")
                .chain(self.path().map(SmolStr::as_str))
                .map(|schema| Id::new(schema, last))
                .collect(),
        }
    }

    /// The relation of that name, if the catalog holds it.
    pub(crate) fn find_relation(&self, name: &Name) -> Option<Id> {
        self.candidates(name)
            .into_iter()
            .find(|id| self.catalog.relations.contains_key(id))
    }

    /// The relation of that name; where it is not known it is reported or assumed to be an old table.
    pub(crate) fn relation(&mut self, name: &Name) -> Option<Id> {
        self.relation_of_kind(name, ObjectKind::Table)
    }

    pub(crate) fn relation_of_kind(&mut self, name: &Name, kind: ObjectKind) -> Option<Id> {
        if let Some(found) = self.find_relation(name) {
            return Some(found);
        }
        if self.guarded {
            self.missing(kind, name.span(), &format_smolstr!("{name}"));
            return None;
        }
        let id = self.new_id(name);
        let is_system = name.qualifier().is_none() && id.name.starts_with("pg_");
        if is_system || id.schema == "pg_catalog" || id.schema == "information_schema" {
            return None;
        }
        if !MANAGED_SCHEMAS.contains(&id.schema.as_str()) {
            self.missing(kind, name.span(), &format_smolstr!("{name}"));
        }
        if kind == ObjectKind::Table || kind == ObjectKind::ForeignTable {
            self.assume_table(&id);
        }
        Some(id)
    }

    /// Adds a table of which nothing is known but that it is there.
    fn assume_table(&mut self, id: &Id) {
        let mut meta = Meta::new(Origin::BASE, "");
        meta.certainty = Certainty::Assumed;
        let mut table = Table::new(TableKind::Ordinary, Persistence::Permanent);
        table.columns_known = false;
        let relation = Relation {
            meta,
            kind: RelationKind::Table(Box::new(table)),
        };
        self.catalog.insert_relation(id.clone(), Arc::new(relation));
    }

    /// The name of a role in a TO or OWNER list.
    pub(crate) fn role(&self, role: &RoleName) -> SmolStr {
        match role {
            RoleName::Public(_) => "public".into(),
            RoleName::CurrentUser(_) | RoleName::SessionUser(_) => self.session.role.clone(),
            RoleName::Named(ident) => ident.value.clone(),
        }
    }

    /// The text of a span, on one line and without comments.
    pub(crate) fn source(&self, span: Span) -> SmolStr {
        one_line(span.slice(self.text))
    }

    /// The statement that is carried out, for what is kept as written.
    pub(crate) fn statement_as_written(&self) -> Arc<Definition> {
        let text = self.written.slice(self.text).into();
        let search_path = self.session.search_path.clone();
        Arc::new(Definition { text, search_path })
    }

    /// The text of a constraint after its name, on one line.
    pub(crate) fn definition(&self, name: Option<&Ident>, span: Span) -> SmolStr {
        let start = name.map_or(span.start, |name| name.span.end);
        self.source(Span { start, ..span }).trim_start().into()
    }

    // ---- statements ----------------------------------------------------------------------------------------------

    /// Adds the changes of one statement. Control structures and function bodies are the timeline's business.
    pub(crate) fn statement(&mut self, statement: &Statement) {
        self.written = statement.span;
        match &statement.node {
            Node::CreateTable(create) => self.create_table(create),
            Node::CreateTableAs(create) => self.create_table_as(create),
            Node::AlterTable(alter) => self.alter_table(alter),
            Node::CreateIndex(create) => self.create_index(create),
            Node::CreateView(create) => self.create_view(create),
            Node::RefreshMaterializedView { name, with_data, .. } => self.refresh(name, *with_data),
            Node::CreateFunction(create) => self.create_function(create),
            Node::AlterFunction(alter) => self.alter_function(alter),
            Node::CreateAggregate {
                name,
                arguments,
                or_replace,
                state,
                final_function,
            } => {
                let result = (state.as_ref(), final_function.as_ref());
                self.create_aggregate(name, arguments, *or_replace, result);
            }
            Node::CreateTrigger(create) => self.create_trigger(create),
            Node::CreatePolicy(create) => self.create_policy(create),
            Node::AlterPolicy(alter) => self.alter_policy(alter),
            Node::CreateRule { name, table, .. } => self.create_rule(name, table),
            Node::CreateType(create) => self.create_type(create),
            Node::AlterType(alter) => self.alter_type(alter),
            Node::CreateDomain(create) => self.create_domain(create),
            Node::AlterDomain(alter) => self.alter_domain(alter),
            Node::CreateSequence(create) => self.create_sequence(create),
            Node::AlterSequence(alter) => self.alter_sequence(alter),
            Node::CreateSchema(create) => self.create_schema(create),
            Node::CreateExtension {
                if_not_exists,
                name,
                schema,
                ..
            } => {
                self.create_extension(name, schema.as_ref(), *if_not_exists);
            }
            Node::AlterExtension { name, action } => self.alter_extension(name, action),
            Node::CreateRole { name, options } => self.create_role(name, options),
            Node::AlterRole { name, action } => self.alter_role(name, action),
            Node::CreatePublication(create) => self.create_publication(create),
            Node::AlterPublication { name, action } => self.alter_publication(name, action),
            Node::CreateEventTrigger { name, .. } => {
                self.create_other(ObjectKind::EventTrigger, &name.value, name.span);
            }
            Node::CreateStatistics {
                if_not_exists,
                name,
                keys,
                table: Some(table),
                ..
            } => {
                self.create_statistics(name.as_ref(), keys, table, *if_not_exists);
            }
            Node::CreateCast { source, target, .. } => {
                let name = format!("{} AS {}", self.resolve_type(source), self.resolve_type(target));
                self.create_other(ObjectKind::Cast, &name, statement.span);
            }
            Node::CreateOther {
                kind, name: Some(name), ..
            } => {
                let id = self.new_id(name);
                self.create_other(*kind, &id.to_string(), name.span());
            }
            Node::AlterObject {
                object,
                action,
                if_exists,
            } => self.alter_object(object, action, *if_exists),
            Node::AlterEventTrigger { name, action } => {
                self.alter_named(Key::Other(ObjectKind::EventTrigger, name.value.to_string()), action);
            }
            Node::Drop(drop) => self.drop_objects(drop),
            Node::DropOwned { .. } => self.emit(Change::Taint(Taint::Everything)),
            Node::Truncate { tables, .. } => self.write_all(tables, Write::Truncate),
            Node::Comment { object, text } => self.comment_on(object, text.as_ref()),
            Node::Grant(grant) => self.grant(grant),
            Node::GrantRole(grant) => self.grant_role(grant),
            Node::AlterDefaultPrivileges(alter) => self.alter_default_privileges(alter),
            Node::Query(query) => {
                self.write_first(&query.ctes);
                self.query(query);
            }
            Node::Insert(_) | Node::Update(_) | Node::Delete(_) | Node::Merge(_) => self.write_rows(&statement.node),
            Node::Copy(copy) if copy.from => {
                if let Some(table) = &copy.table {
                    self.write(table, Write::Insert);
                }
            }
            Node::Set(set) => self.set(set),
            Node::Reset { name } => self.reset(name),
            Node::Cluster { table: Some(table), .. } => self.storage(table),
            Node::Vacuum { full: true, tables, .. } => tables.iter().for_each(|table| self.storage(table)),
            Node::Prepare { .. } | Node::Explain { .. } => {}
            Node::Templated { .. } => self.emit(Change::Taint(Taint::Everything)),
            Node::Unknown { names, .. } => self.taint_names(names),
            _ => {}
        }
    }

    /// A statement that nothing could read: what it names is no longer certain.
    fn taint_names(&mut self, names: &[Name]) {
        let known: Vec<Key> = names
            .iter()
            .filter_map(|name| self.find_relation(name))
            .map(Key::Relation)
            .collect();
        let taint = if known.is_empty() {
            Taint::Everything
        } else {
            Taint::Objects(known)
        };
        self.emit(Change::Taint(taint));
    }

    fn write_all(&mut self, tables: &[RelationRef], what: Write) {
        for table in tables {
            self.write(&table.name, what);
        }
    }

    /// INSERT, UPDATE, DELETE and MERGE, with those in their WITH.
    fn write_rows(&mut self, node: &Node) {
        let (ctes, table, what) = match node {
            Node::Insert(insert) => (&insert.ctes, &insert.table, Write::Insert),
            Node::Update(update) => (&update.ctes, &update.table.name, Write::Update),
            Node::Delete(delete) => (&delete.ctes, &delete.table.name, Write::Delete),
            Node::Merge(merge) => (&merge.ctes, &merge.table.name, Write::Update),
            Node::Query(query) => return self.write_first(&query.ctes),
            _ => return,
        };
        self.write_first(ctes);
        self.write(table, what);
    }

    fn write_first(&mut self, ctes: &[Cte]) {
        ctes.iter().for_each(|cte| self.write_rows(&cte.statement.node));
    }

    fn write(&mut self, table: &Name, what: Write) {
        if let Some(table) = self.relation(table) {
            self.target = Some(table.clone());
            self.emit(Change::Write { table, what });
        }
    }

    fn storage(&mut self, table: &Name) {
        if let Some(table) = self.relation(table) {
            self.target = Some(table.clone());
            self.emit(Change::Table {
                table,
                what: TableChange::Storage,
            });
        }
    }

    // ---- settings ------------------------------------------------------------------------------------------------

    pub(crate) fn set(&mut self, set: &SetVariable) {
        let Some(values) = &set.values else { return };
        let first = values.first().cloned();
        match set.name.as_str() {
            "search_path" if values.is_empty() => self.session.search_path = vec!["$user".into(), "public".into()],
            "search_path" => self.session.search_path = search_path(values),
            "role" | "session_authorization" | "session authorization" => match first.as_deref() {
                None | Some("none" | "default") => self.session.role = "postgres".into(),
                Some(role) => self.session.role = role.into(),
            },
            "lock_timeout" => self.session.lock_timeout = first,
            "statement_timeout" => self.session.statement_timeout = first,
            "timezone" | "time zone" => {
                self.session.utc = first
                    .is_some_and(|zone| matches!(zone.to_ascii_lowercase().as_str(), "utc" | "etc/utc" | "gmt" | "0"));
            }
            _ => {}
        }
    }

    fn reset(&mut self, name: &str) {
        let fresh = Session::new(crate::history::Base::Empty);
        match name {
            "all" | "ALL" => self.session = fresh,
            "search_path" => self.session.search_path = fresh.search_path,
            "role" | "session_authorization" => self.session.role = fresh.role,
            "lock_timeout" => self.session.lock_timeout = None,
            "statement_timeout" => self.session.statement_timeout = None,
            _ => {}
        }
    }

    /// `SELECT set_config('search_path', …)`, and calls whose effect nobody can see.
    fn query(&mut self, query: &crate::sql::statement::Query) {
        if let crate::sql::statement::QueryBody::Select(select) = &query.body
            && let Some(into) = &select.into
        {
            self.select_into(into, query);
        }
        effects::query(self, query);
    }

    /// An object of a kind that dblsp knows by name only.
    pub(crate) fn create_other(&mut self, kind: ObjectKind, name: &str, span: Span) {
        if let Some(meta) = self.catalog.others.get(&(kind, name.to_owned())) {
            let created = meta.created;
            self.problem(
                span,
                ProblemKind::Exists {
                    kind,
                    name: name.into(),
                    created,
                },
            );
            return;
        }
        self.emit(Change::Create(Object::Other(kind, name.to_owned(), self.origin)));
        let definition = Some(self.statement_as_written());
        if let Some(meta) = self.catalog.others.get_mut(&(kind, name.to_owned())) {
            meta.definition = definition;
        }
    }
}

/// `search_path` values: each may itself be a comma-separated list in one string.
pub(crate) fn search_path(values: &[SmolStr]) -> Vec<SmolStr> {
    let split = values.iter().flat_map(|value| value.split(','));
    split
        .map(|part| part.trim().trim_matches('"'))
        .filter(|part| !part.is_empty())
        .map(SmolStr::new)
        .collect()
}

/// SQL on one line: comments go, and every other run of blanks outside of constants is one space.
pub(crate) fn one_line(text: &str) -> SmolStr {
    if !text.contains('\n') && !text.contains("/*") {
        return text.into();
    }
    if !text.contains(['\'', '"', '$', '-', '/']) {
        return text.split_whitespace().collect::<Vec<_>>().join(" ").into();
    }
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for lexeme in lexemes(text) {
        let (start, next) = (lexeme.span.start as usize, lexeme.span.end as usize);
        let gap = text[end.min(start)..start].is_empty();
        if lexeme.kind == LexemeKind::Comment {
            // Where a comment stood, two words must not grow together.
            end = start;
            continue;
        }
        if !out.is_empty() && !gap {
            out.push(' ');
        }
        out.push_str(&text[start..next]);
        end = next;
    }
    out.into()
}
