//! What a catalog holds: PostgreSQL's objects with the attributes that rules, replay and rollbacks read.
//!
//! Fields follow the columns of `pg_catalog`; see <https://www.postgresql.org/docs/current/catalogs.html>.
#![allow(
    missing_docs,
    reason = "fields carry the meaning of the pg_catalog column or CREATE clause of the same name"
)]

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use smol_str::SmolStr;

use super::small_set::SmallSet;
use crate::sql::statement::{Expr, Persistence, PolicyCommand, Query, ReferentialAction, TriggerMode, Volatility};
use crate::text::Span;

/// A part of an object that its other versions share: catalogs before and after a change hold it once. Changing it copies
/// it where somebody else holds it, too.
#[derive(Clone, Debug, Default, Eq)]
pub struct Shared<T>(Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl<T: Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            Ordering::Equal
        } else {
            self.0.cmp(&other.0)
        }
    }
}

impl<T: Ord> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Borrow<T> for Shared<T> {
    fn borrow(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Shared<T> {
    fn from(whole: T) -> Self {
        Self(Arc::new(whole))
    }
}

/// A schema-qualified name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub schema: SmolStr,
    pub name: SmolStr,
}

impl Id {
    pub fn new(schema: &str, name: &str) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// The same schema, another name.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        Self {
            schema: self.schema.clone(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// Where in the history something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Index of the migration; [`Origin::BASE`] for what was there before the first.
    pub file: u32,
    /// Byte range in that migration.
    pub span: Span,
    /// The transaction it was made in, unique over the history.
    pub transaction: u32,
}

impl Origin {
    /// The base catalog, or an object that replay never saw created.
    pub const BASE: Origin = Origin {
        file: u32::MAX,
        span: Span { start: 0, end: 0 },
        transaction: u32::MAX,
    };
}

/// How sure replay is that an object is as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certainty {
    /// Replay read everything that made it.
    #[default]
    Certain,
    /// Something that replay could not read, or that runs under a condition, may have made it otherwise.
    Maybe(Origin),
    /// Never seen created, only used: assumed to exist, to be old and to hold data.
    Assumed,
}

impl Certainty {
    pub fn is_certain(self) -> bool {
        self == Certainty::Certain
    }

    /// The less certain of the two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self.is_certain() { other } else { self }
    }
}

/// Privileges by grantee, without the owner's own; `true`: with grant option. PUBLIC is `public`.
pub type Acl = Shared<BTreeMap<SmolStr, BTreeMap<SmolStr, bool>>>;

/// A statement that made an object, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub text: Arc<str>,
    /// The `search_path` that its names were looked up in.
    pub search_path: Vec<SmolStr>,
}

/// What every object has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub certainty: Certainty,
    pub created: Origin,
    /// The last statement that changed it, its creation included.
    pub changed: Origin,
    pub owner: SmolStr,
    pub comment: Option<SmolStr>,
    pub acl: Acl,
    /// Whether an extension made it: `pg_depend.deptype = 'e'`.
    pub extension: Option<SmolStr>,
    /// The CREATE statement of everything that the fields do not say in full: views, routines, indexes, types, …
    pub definition: Option<Arc<Definition>>,
}

impl Meta {
    pub fn new(created: Origin, owner: &str) -> Self {
        Self {
            certainty: Certainty::Certain,
            created,
            changed: created,
            owner: owner.into(),
            comment: None,
            acl: Acl::default(),
            extension: None,
            definition: None,
        }
    }
}

/// A type with its modifiers, as `format_type` would print it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Type {
    /// `pg_catalog` for the built-in ones.
    pub id: Id,
    pub modifiers: Vec<SmolStr>,
    /// Whether it is an array; the number of dimensions is not kept by PostgreSQL either.
    pub array: bool,
    /// `interval` fields.
    pub fields: Option<SmolStr>,
}

impl Type {
    pub fn builtin(name: &str) -> Self {
        Self {
            id: Id::new("pg_catalog", name),
            modifiers: Vec::new(),
            array: false,
            fields: None,
        }
    }

    pub fn is_builtin(&self, name: &str) -> bool {
        self.id.schema == "pg_catalog" && self.id.name == name && !self.array
    }

    /// Without modifiers: how a function's signature sees it.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self {
            modifiers: Vec::new(),
            fields: None,
            ..self.clone()
        }
    }
}

impl fmt::Display for Type {
    /// As `format_type` with an empty `search_path`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modifiers = if self.modifiers.is_empty() {
            String::new()
        } else {
            format!("({})", self.modifiers.join(","))
        };
        let name = self.id.name.as_str();
        if self.id.schema != "pg_catalog" {
            write!(f, "{}.{}{modifiers}", quote(&self.id.schema), quote(name))?;
        } else if let Some((first, rest)) = name.split_once(" with") {
            write!(f, "{first}{modifiers} with{rest}")?;
        } else if let Some(fields) = &self.fields {
            write!(f, "{name} {fields}{modifiers}")?;
        } else {
            write!(f, "{name}{modifiers}")?;
        }
        if self.array { f.write_str("[]") } else { Ok(()) }
    }
}

/// `quote_ident` without the keyword list: quotes what folding would change.
pub fn quote(name: &str) -> String {
    let plain = name
        .bytes()
        .enumerate()
        .all(|(at, b)| b.is_ascii_lowercase() || b == b'_' || (at > 0 && (b.is_ascii_digit() || b == b'$')));
    if plain && !name.is_empty() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A relation: what `pg_class` holds, so that one namespace has one map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub meta: Meta,
    pub kind: RelationKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelationKind {
    Table(Box<Table>),
    View(View),
    Sequence(Sequence),
    Index(Index),
    /// Of a composite type; the type itself is in the types map.
    Composite,
}

impl Relation {
    pub fn table(&self) -> Option<&Table> {
        if let RelationKind::Table(table) = &self.kind {
            Some(table)
        } else {
            None
        }
    }

    pub fn view(&self) -> Option<&View> {
        if let RelationKind::View(view) = &self.kind {
            Some(view)
        } else {
            None
        }
    }

    /// The triggers of a table or view.
    pub fn triggers(&self) -> &[Shared<Trigger>] {
        match &self.kind {
            RelationKind::Table(table) => &table.triggers,
            RelationKind::View(view) => &view.triggers,
            _ => &[],
        }
    }

    pub fn index(&self) -> Option<&Index> {
        if let RelationKind::Index(index) = &self.kind {
            Some(index)
        } else {
            None
        }
    }

    pub fn sequence(&self) -> Option<&Sequence> {
        if let RelationKind::Sequence(sequence) = &self.kind {
            Some(sequence)
        } else {
            None
        }
    }

    /// What PostgreSQL calls it in messages.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            RelationKind::Table(table) if table.kind == TableKind::Foreign => "foreign table",
            RelationKind::Table(_) => "table",
            RelationKind::View(view) if view.materialized => "materialized view",
            RelationKind::View(_) => "view",
            RelationKind::Sequence(_) => "sequence",
            RelationKind::Index(_) => "index",
            RelationKind::Composite => "composite type",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Ordinary,
    Partitioned,
    Foreign,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub kind: TableKind,
    pub persistence: Persistence,
    pub columns: Vec<Shared<Column>>,
    /// Whether `columns` is all of them; false for a table never seen created.
    pub columns_known: bool,
    pub constraints: Vec<Shared<Constraint>>,
    pub triggers: Vec<Shared<Trigger>>,
    pub policies: Vec<Shared<Policy>>,
    pub rules: Vec<SmolStr>,
    pub row_security: bool,
    pub force_row_security: bool,
    pub partition_key: Option<PartitionKey>,
    pub partition_of: Option<Id>,
    /// `FOR VALUES …` of a partition, as written.
    pub bound: Option<SmolStr>,
    /// Whether it is its parent's DEFAULT partition.
    pub default_partition: bool,
    pub inherits: Vec<Id>,
    pub of_type: Option<Id>,
    pub options: BTreeMap<SmolStr, SmolStr>,
    /// Names of its indexes, which live in the same schema.
    pub indexes: BTreeSet<SmolStr>,
    /// What ALTER TABLE set and no rule asks for, by the words that set it: `alter column a set storage`.
    pub settings: BTreeMap<SmolStr, SmolStr>,
}

impl Table {
    pub fn new(kind: TableKind, persistence: Persistence) -> Self {
        Self {
            kind,
            persistence,
            columns: Vec::new(),
            columns_known: true,
            constraints: Vec::new(),
            triggers: Vec::new(),
            policies: Vec::new(),
            rules: Vec::new(),
            row_security: false,
            force_row_security: false,
            partition_key: None,
            partition_of: None,
            bound: None,
            default_partition: false,
            inherits: Vec::new(),
            of_type: None,
            options: BTreeMap::new(),
            indexes: BTreeSet::new(),
            settings: BTreeMap::new(),
        }
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .map(|column| &**column)
            .find(|column| column.name == name)
    }

    pub fn constraint(&self, name: &str) -> Option<&Constraint> {
        self.constraints
            .iter()
            .map(|constraint| &**constraint)
            .find(|constraint| constraint.name == name)
    }

    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints
            .iter()
            .map(|constraint| &**constraint)
            .find(|constraint| matches!(constraint.kind, ConstraintKind::Primary))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionKey {
    /// `range`, `list`, `hash`
    pub strategy: SmolStr,
    /// `None` for an expression.
    pub columns: Vec<Option<SmolStr>>,
    /// `RANGE (a, b)`, as written.
    pub text: SmolStr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: SmolStr,
    pub ty: Type,
    pub not_null: bool,
    pub default: Option<Arc<Expr>>,
    /// The default as written, for messages.
    pub default_text: Option<SmolStr>,
    /// As written.
    pub collation: Option<SmolStr>,
    /// `Some(true)`: ALWAYS
    pub identity: Option<bool>,
    pub generated: Option<Generated>,
    /// Whether a parent has it too.
    pub inherited: bool,
    pub certainty: Certainty,
    pub created: Origin,
    pub comment: Option<SmolStr>,
    pub acl: Acl,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    pub stored: bool,
    pub expr: Arc<Expr>,
    pub text: SmolStr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    pub name: SmolStr,
    /// Whether PostgreSQL chose the name.
    pub generated_name: bool,
    pub kind: ConstraintKind,
    pub columns: Vec<SmolStr>,
    pub include: Vec<SmolStr>,
    pub deferrable: bool,
    pub deferred: bool,
    pub validated: bool,
    pub no_inherit: bool,
    pub inherited: bool,
    pub certainty: Certainty,
    pub created: Origin,
    pub comment: Option<SmolStr>,
    /// The definition as written, without its name.
    pub text: SmolStr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    Primary,
    Unique,
    Check(Arc<Expr>),
    Exclude,
    Foreign(ForeignKey),
    /// PostgreSQL 18's named NOT NULL constraint.
    NotNull,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    pub table: Id,
    pub columns: Vec<SmolStr>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub name: SmolStr,
    pub function: Id,
    /// `BEFORE`, `AFTER`, `INSTEAD OF`
    pub timing: SmolStr,
    pub events: Vec<SmolStr>,
    pub update_of: Vec<SmolStr>,
    pub row: bool,
    pub constraint: bool,
    pub mode: TriggerMode,
    pub certainty: Certainty,
    pub created: Origin,
    pub comment: Option<SmolStr>,
    pub dependencies: Dependencies,
    pub definition: Option<Arc<Definition>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub name: SmolStr,
    pub permissive: bool,
    pub command: PolicyCommand,
    /// Sorted; `public` where none is written.
    pub roles: Vec<SmolStr>,
    pub using: Option<Arc<Expr>>,
    pub check: Option<Arc<Expr>>,
    /// `using` as written.
    pub using_text: Option<SmolStr>,
    /// `check` as written.
    pub check_text: Option<SmolStr>,
    pub certainty: Certainty,
    pub created: Origin,
    pub comment: Option<SmolStr>,
    pub dependencies: Dependencies,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub materialized: bool,
    /// `None` where a `*` could not be expanded or the query not be read.
    pub columns: Option<Vec<SmolStr>>,
    /// Their types when it was made, where those could be told; PostgreSQL lets none of them change.
    pub types: Vec<Option<Type>>,
    /// Privileges on single columns, by name.
    pub column_acls: BTreeMap<SmolStr, Acl>,
    pub options: BTreeMap<SmolStr, SmolStr>,
    pub query: Arc<Query>,
    pub dependencies: Dependencies,
    pub populated: bool,
    pub triggers: Vec<Shared<Trigger>>,
    pub rules: Vec<SmolStr>,
}

impl View {
    /// Whether it reads with the rights of whoever reads it: `security_invoker` (PostgreSQL 15).
    pub fn security_invoker(&self) -> bool {
        self.options.get("security_invoker").is_some_and(|value| truth(value))
    }
}

/// How `reloptions` reads a boolean.
pub fn truth(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "" | "true" | "on" | "yes" | "1" | "t" | "y"
    )
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub table: Id,
    pub unique: bool,
    pub primary: bool,
    pub method: SmolStr,
    pub keys: Vec<IndexColumn>,
    pub include: Vec<SmolStr>,
    pub predicate: Option<Arc<Expr>>,
    pub nulls_not_distinct: bool,
    /// False for `ON ONLY` a partitioned table until every partition's index is attached.
    pub valid: bool,
    /// The constraint that it implements.
    pub constraint: Option<SmolStr>,
    /// The partitioned index that it belongs to.
    pub partition_of: Option<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexColumn {
    /// `None` for an expression.
    pub column: Option<SmolStr>,
    pub expr: Arc<Expr>,
    pub descending: bool,
}

impl Index {
    /// Whether a lookup by exactly these columns can use it: they are its first keys, in any order, it is a valid
    /// b-tree or hash index and covers every row.
    pub fn leads_with(&self, columns: &[SmolStr]) -> bool {
        let ordered = matches!(self.method.as_str(), "btree" | "hash" | "gist" | "spgist" | "brin");
        let first: BTreeSet<_> = self
            .keys
            .iter()
            .take(columns.len())
            .filter_map(|key| key.column.as_ref())
            .collect();
        ordered
            && self.valid
            && self.predicate.is_none()
            && first.len() == columns.len()
            && columns.iter().all(|column| first.contains(column))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    pub ty: SmolStr,
    pub increment: SmolStr,
    /// START WITH, MINVALUE, MAXVALUE and CACHE, in lower case, where one was written.
    pub options: BTreeMap<SmolStr, SmolStr>,
    pub cycle: bool,
    /// Table and column.
    pub owned_by: Option<(Id, SmolStr)>,
    /// Whether it belongs to an identity column.
    pub identity: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutineKind {
    Function,
    Procedure,
    Aggregate,
    Window,
}

/// Name and input argument types: what makes a routine unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    pub id: Id,
    pub arguments: Vec<Type>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(Type::to_string).collect();
        write!(f, "{}({})", self.id, arguments.join(", "))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine {
    pub meta: Meta,
    pub kind: RoutineKind,
    /// As `format_type`, `SETOF ` in front where it returns a set; `SETOF record` for RETURNS TABLE.
    pub returns: Option<SmolStr>,
    pub return_type: Option<Type>,
    pub argument_names: Vec<Option<SmolStr>>,
    /// How many trailing arguments have defaults.
    pub defaults: usize,
    pub language: SmolStr,
    pub volatility: Volatility,
    pub strict: bool,
    pub security_definer: bool,
    /// `SET name = value` of the definition, by name.
    pub settings: BTreeMap<SmolStr, SmolStr>,
    /// The code of a function in SQL or PL/pgSQL.
    pub body: Option<Arc<str>>,
    /// Of `BEGIN ATOMIC` bodies and argument types; string bodies are not tracked by PostgreSQL either.
    pub dependencies: Dependencies,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeObject {
    pub meta: Meta,
    pub kind: TypeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    Enum(Vec<EnumLabel>),
    Composite(Vec<(SmolStr, Type)>),
    Domain(Domain),
    Range(Option<Type>),
    /// Of an extension, `CREATE TYPE (INPUT = …)`, or a shell.
    Base,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumLabel {
    pub value: SmolStr,
    pub created: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    pub base: Type,
    pub not_null: bool,
    pub default: Option<Arc<Expr>>,
    /// The default as written.
    pub default_text: Option<SmolStr>,
    /// As written.
    pub collation: Option<SmolStr>,
    pub checks: Vec<DomainCheck>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainCheck {
    pub name: SmolStr,
    pub expr: Arc<Expr>,
    /// The expression as written.
    pub text: SmolStr,
    pub validated: bool,
}

impl Domain {
    /// Whether a new column of this type must be checked row by row.
    pub fn constrained(&self) -> bool {
        self.not_null || !self.checks.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    pub meta: Meta,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub meta: Meta,
    pub schema: SmolStr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub meta: Meta,
    /// Attributes that are on, in capitals: `LOGIN`, `BYPASSRLS`, …
    pub attributes: BTreeSet<SmolStr>,
    /// Roles that it is a member of.
    pub member_of: BTreeSet<SmolStr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    pub meta: Meta,
    pub all_tables: bool,
    pub schemas: BTreeSet<SmolStr>,
    pub tables: BTreeSet<Id>,
    /// Column list and WHERE of a table, as written.
    pub parts: BTreeMap<Id, SmolStr>,
    /// `delete`, `insert`, `truncate`, `update`
    pub operations: BTreeSet<SmolStr>,
}

/// Key of `pg_default_acl`: role, schema (none: all), kind of object (`r`, `S`, `f`, `T`, `n`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DefaultAclKey {
    pub role: SmolStr,
    pub schema: Option<SmolStr>,
    pub kind: char,
}

/// What an expression or query needs: what `pg_depend` would record for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    pub relations: SmallSet<Id>,
    /// Columns by relation, where they could be resolved.
    pub columns: SmallSet<(Id, SmolStr)>,
    /// By name: overloads are not told apart.
    pub functions: SmallSet<Id>,
    pub types: SmallSet<Id>,
    /// Whether something in it could not be read, so that there may be more.
    pub incomplete: bool,
}

impl Dependencies {
    pub fn extend(&mut self, other: Dependencies) {
        self.relations.extend(other.relations);
        self.columns.extend(other.columns);
        self.functions.extend(other.functions);
        self.types.extend(other.types);
        self.incomplete |= other.incomplete;
    }
}
