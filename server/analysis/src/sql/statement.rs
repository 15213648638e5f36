//! Our own statements: what was written, typed, with a byte span on every part that a message may point at.
//!
//! Fields carry the words of the manual's synopsis of the statement; see
//! <https://www.postgresql.org/docs/current/sql-commands.html>. All spans are byte offsets into the file.
#![allow(
    missing_docs,
    reason = "fields and variants are the manual's own words, one struct per manual page"
)]

use std::sync::Arc;

use smol_str::SmolStr;

use super::name::{Ident, Name};
use crate::text::Span;

/// One statement of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// First token to last token, without the semicolon.
    pub span: Span,
    pub node: Node,
}

/// What kind of statement it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    CreateTable(Box<CreateTable>),
    CreateTableAs(Box<CreateTableAs>),
    AlterTable(Box<AlterTable>),
    CreateIndex(Box<CreateIndex>),
    CreateView(Box<CreateView>),
    CreateFunction(Box<CreateFunction>),
    AlterFunction(Box<AlterFunction>),
    CreateAggregate {
        name: Name,
        arguments: Vec<TypeName>,
        or_replace: bool,
        /// STYPE
        state: Option<TypeName>,
        /// FINALFUNC, whose result is the aggregate's.
        final_function: Option<Name>,
    },
    CreateTrigger(Box<CreateTrigger>),
    CreateEventTrigger {
        name: Ident,
        event: Ident,
        function: Name,
    },
    AlterEventTrigger {
        name: Ident,
        action: AlterObject,
    },
    CreatePolicy(Box<CreatePolicy>),
    AlterPolicy(Box<AlterPolicy>),
    CreateRule {
        or_replace: bool,
        name: Ident,
        table: Name,
        event: SmolStr,
        instead: bool,
        actions: Vec<Statement>,
    },
    CreateType(Box<CreateType>),
    AlterType(Box<AlterType>),
    CreateDomain(Box<CreateDomain>),
    AlterDomain(Box<AlterDomain>),
    CreateSequence(Box<CreateSequence>),
    AlterSequence(Box<AlterSequence>),
    CreateSchema(Box<CreateSchema>),
    CreateExtension {
        if_not_exists: bool,
        name: Ident,
        schema: Option<Ident>,
        version: Option<SmolStr>,
        cascade: bool,
    },
    AlterExtension {
        name: Ident,
        action: AlterExtension,
    },
    CreateRole {
        name: Ident,
        options: Vec<RoleOption>,
    },
    AlterRole {
        name: RoleName,
        action: AlterRole,
    },
    CreatePublication(Box<CreatePublication>),
    AlterPublication {
        name: Ident,
        action: AlterPublication,
    },
    CreateStatistics {
        if_not_exists: bool,
        name: Option<Name>,
        kinds: Vec<Ident>,
        keys: Vec<Expr>,
        table: Option<Name>,
    },
    CreateCast {
        source: TypeName,
        target: TypeName,
        function: Option<(Name, Vec<TypeName>)>,
    },
    /// RENAME, OWNER TO, SET SCHEMA, … of any object that has no richer statement above.
    AlterObject {
        object: ObjectRef,
        if_exists: bool,
        action: AlterObject,
    },
    /// `CREATE` of a kind whose inside dblsp does not model (operators, collations, text search, servers …).
    CreateOther {
        kind: ObjectKind,
        or_replace: bool,
        if_not_exists: bool,
        name: Option<Name>,
    },
    Drop(Box<DropObjects>),
    DropOwned {
        roles: Vec<RoleName>,
        cascade: bool,
    },
    ReassignOwned {
        from: Vec<RoleName>,
        to: RoleName,
    },
    Truncate {
        tables: Vec<RelationRef>,
        restart_identity: bool,
        cascade: bool,
    },
    Comment {
        object: ObjectRef,
        text: Option<SmolStr>,
    },
    SecurityLabel {
        object: ObjectRef,
    },
    Grant(Box<Grant>),
    GrantRole(Box<GrantRole>),
    AlterDefaultPrivileges(Box<AlterDefaultPrivileges>),
    Do {
        language: Ident,
        body: Body,
    },
    Call {
        function: Box<Expr>,
    },
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Copy(Box<CopyData>),
    Lock {
        tables: Vec<RelationRef>,
        mode: SmolStr,
        nowait: bool,
    },
    Set(SetVariable),
    Reset {
        name: SmolStr,
    },
    SetConstraints {
        constraints: Vec<Name>,
        deferred: bool,
    },
    SetTransaction {
        session: bool,
    },
    Transaction(Transaction),
    RefreshMaterializedView {
        concurrently: bool,
        name: Name,
        with_data: bool,
    },
    Reindex {
        kind: ObjectKind,
        name: Option<Name>,
        concurrently: bool,
    },
    Cluster {
        table: Option<Name>,
        index: Option<Ident>,
    },
    Vacuum {
        full: bool,
        analyze: bool,
        tables: Vec<Name>,
    },
    Analyze {
        tables: Vec<Name>,
    },
    /// `EXPLAIN`: the explained statement, and whether `ANALYZE` really runs it.
    Explain {
        analyze: bool,
        statement: Box<Statement>,
    },
    Prepare {
        name: Ident,
        statement: Box<Statement>,
    },
    AlterSystem,
    CreateDatabase {
        name: Ident,
    },
    DropDatabase {
        if_exists: bool,
        name: Ident,
    },
    AlterDatabase {
        name: Ident,
        action: AlterRole,
    },
    CreateTablespace {
        name: Ident,
    },
    CreateSubscription {
        name: Ident,
        connects: bool,
    },
    /// Read completely and passed over on purpose: it changes no catalog. The list is closed, see [`PassedOver`].
    Passed(PassedOver),
    /// `\connect`, `\i file`, … : a psql meta-command, with its name and the rest of its line.
    Meta {
        command: SmolStr,
        argument: SmolStr,
    },
    /// Holds a placeholder of a template engine or of psql, so its real text is unknown.
    Templated {
        placeholder: Span,
    },
    /// A statement that dblsp cannot read. `keywords` are its first words, in capitals.
    Unknown {
        keywords: SmolStr,
        names: Vec<Name>,
    },
}

/// Statements that dblsp reads and has nothing to say about. No DDL may ever stand here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedOver {
    Checkpoint,
    Close,
    Deallocate,
    Declare,
    Discard,
    Execute,
    Fetch,
    Listen,
    Load,
    Move,
    Notify,
    Show,
    Unlisten,
}

/// The kinds of object that DROP, COMMENT ON, ALTER … OWNER TO and GRANT name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    AccessMethod,
    Aggregate,
    Cast,
    Collation,
    Column,
    Constraint,
    Conversion,
    Database,
    Domain,
    DomainConstraint,
    EventTrigger,
    Extension,
    ForeignDataWrapper,
    ForeignServer,
    ForeignTable,
    Function,
    Index,
    Language,
    LargeObject,
    MaterializedView,
    Operator,
    OperatorClass,
    OperatorFamily,
    Parameter,
    Policy,
    Procedure,
    Publication,
    Role,
    Routine,
    Rule,
    Schema,
    Sequence,
    Statistics,
    Subscription,
    System,
    Table,
    Tablespace,
    TextSearchConfiguration,
    TextSearchDictionary,
    TextSearchParser,
    TextSearchTemplate,
    Transform,
    Trigger,
    Type,
    UserMapping,
    View,
}

/// One object, as DROP, COMMENT ON, ALTER … and GRANT write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    pub kind: ObjectKind,
    /// The object's name; for policies, triggers, rules and constraints the bare name.
    pub name: Name,
    /// Argument types of a routine or aggregate; `None` where none are written (`DROP FUNCTION f`).
    pub arguments: Option<Vec<Param>>,
    /// `ON table` of policies, triggers, rules and constraints (the domain of a domain constraint).
    pub table: Option<Name>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterObject {
    Rename(Ident),
    /// `RENAME ATTRIBUTE/COLUMN old TO new` on views, types and foreign tables.
    RenameColumn {
        from: Ident,
        to: Ident,
    },
    Owner(RoleName),
    SetSchema(Ident),
    /// `SET (name = value, …)`
    SetOptions(Vec<Parameter>),
    ResetOptions(Vec<Ident>),
    /// `ALTER COLUMN c SET DEFAULT e` / `DROP DEFAULT` of a view.
    ColumnDefault {
        column: Ident,
        default: Option<Expr>,
    },
    /// `ALTER INDEX i ATTACH PARTITION p`
    AttachPartition(Name),
    DependsOnExtension {
        extension: Ident,
        no: bool,
    },
    Enable(TriggerMode),
    Tablespace(Ident),
    /// A form that changes nothing dblsp models (statistics targets, refresh of collation version …).
    Other,
}

/// `name = value` in `WITH (…)` and `SET (…)` lists. The value is source text, without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: SmolStr,
    pub value: Option<SmolStr>,
    pub span: Span,
}

/// A relation where a statement names one, with `ONLY` and alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationRef {
    pub name: Name,
    pub only: bool,
    pub alias: Option<Ident>,
}

/// A type as written: `schema.name(typmods)[]`, `SETOF`, `%TYPE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    /// Name as `format_type` knows it where the grammar has its own spelling: `int` → `integer`, `varchar` →
    /// `character varying`, `timestamptz` → `timestamp with time zone`. `serial` and its like stay.
    pub name: Name,
    /// Type modifiers as written: `50` of `varchar(50)`, `10`,`2` of `numeric(10,2)`.
    pub modifiers: Vec<SmolStr>,
    /// Number of array dimensions written.
    pub dimensions: u8,
    pub setof: bool,
    /// `table.column%TYPE`
    pub percent_type: bool,
    /// `interval day to second`: the fields, in lower case.
    pub fields: Option<SmolStr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTable {
    pub name: Name,
    pub if_not_exists: bool,
    pub persistence: Persistence,
    pub foreign: bool,
    pub columns: Vec<ColumnDef>,
    pub constraints: Vec<TableConstraint>,
    pub likes: Vec<LikeClause>,
    pub inherits: Vec<Name>,
    /// `OF type`
    pub of_type: Option<Name>,
    pub partition_of: Option<(Name, PartitionBound)>,
    pub partition_by: Option<PartitionBy>,
    pub options: Vec<Parameter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Permanent,
    Unlogged,
    Temporary,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LikeClause {
    pub table: Name,
    /// `INCLUDING`/`EXCLUDING` options in order: (including, option in lower case).
    pub options: Vec<(bool, SmolStr)>,
    /// How many column definitions stand before it.
    pub position: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionBound {
    Default,
    /// The bound's text, `FOR VALUES …`
    Values(Span),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionBy {
    /// `range`, `list` or `hash`
    pub strategy: SmolStr,
    pub keys: Vec<Arc<Expr>>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTableAs {
    pub name: Name,
    pub if_not_exists: bool,
    pub persistence: Persistence,
    pub columns: Vec<Ident>,
    pub query: Query,
    pub with_data: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    pub name: Ident,
    /// `None` in `CREATE TABLE … OF` and `PARTITION OF` lists.
    pub ty: Option<TypeName>,
    pub collation: Option<Name>,
    pub constraints: Vec<ColumnConstraint>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnConstraint {
    pub name: Option<Ident>,
    pub kind: ColumnConstraintKind,
    pub deferrable: Option<bool>,
    pub initially_deferred: Option<bool>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnConstraintKind {
    NotNull,
    Null,
    Check {
        expr: Arc<Expr>,
        no_inherit: bool,
    },
    Default(Arc<Expr>),
    /// `GENERATED ALWAYS AS (e) STORED`; `stored` is false for `VIRTUAL` (PostgreSQL 18, where it is the default).
    Generated {
        expr: Arc<Expr>,
        stored: bool,
    },
    Identity {
        always: bool,
        options: Vec<SequenceOption>,
    },
    Unique {
        nulls_not_distinct: bool,
    },
    PrimaryKey,
    References(Box<References>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct References {
    pub table: Name,
    pub columns: Vec<Ident>,
    /// `full`, `partial`, `simple`
    pub match_type: Option<SmolStr>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferentialAction {
    /// Nothing written, which means `NO ACTION`.
    Unspecified,
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableConstraint {
    pub name: Option<Ident>,
    pub kind: TableConstraintKind,
    pub deferrable: Option<bool>,
    pub initially_deferred: Option<bool>,
    pub not_valid: bool,
    /// `NOT ENFORCED` (PostgreSQL 18).
    pub not_enforced: bool,
    pub no_inherit: bool,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableConstraintKind {
    Check(Arc<Expr>),
    Unique {
        columns: Vec<Ident>,
        include: Vec<Ident>,
        nulls_not_distinct: bool,
    },
    PrimaryKey {
        columns: Vec<Ident>,
        include: Vec<Ident>,
    },
    /// `UNIQUE USING INDEX i` / `PRIMARY KEY USING INDEX i`
    UsingIndex {
        index: Ident,
        primary: bool,
    },
    Exclude {
        method: Option<Ident>,
        elements: Vec<IndexKey>,
        predicate: Option<Arc<Expr>>,
    },
    ForeignKey {
        columns: Vec<Ident>,
        references: Box<References>,
    },
    /// `NOT NULL column` (PostgreSQL 18).
    NotNull(Ident),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterTable {
    /// Table, `ForeignTable`, View, `MaterializedView`, Index or Sequence: `ALTER VIEW v ALTER COLUMN …` shares the actions.
    pub kind: ObjectKind,
    pub name: Name,
    pub if_exists: bool,
    pub only: bool,
    pub actions: Vec<AlterAction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterAction {
    pub span: Span,
    pub kind: AlterActionKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterActionKind {
    AddColumn {
        if_not_exists: bool,
        column: ColumnDef,
    },
    DropColumn {
        if_exists: bool,
        column: Ident,
        cascade: bool,
    },
    AlterType {
        column: Ident,
        ty: TypeName,
        collation: Option<Name>,
        using: Option<Expr>,
    },
    SetDefault {
        column: Ident,
        default: Arc<Expr>,
    },
    DropDefault {
        column: Ident,
    },
    SetNotNull {
        column: Ident,
    },
    DropNotNull {
        column: Ident,
    },
    SetExpression {
        column: Ident,
        expr: Arc<Expr>,
    },
    DropExpression {
        column: Ident,
        if_exists: bool,
    },
    AddIdentity {
        column: Ident,
        always: bool,
        options: Vec<SequenceOption>,
    },
    /// `SET GENERATED {ALWAYS|BY DEFAULT}` and `SET sequence_option` / `RESTART`; `always` is `None` where not written.
    SetIdentity {
        column: Ident,
        always: Option<bool>,
        options: Vec<SequenceOption>,
    },
    DropIdentity {
        column: Ident,
        if_exists: bool,
    },
    SetStatistics {
        column: SmolStr,
    },
    SetColumnOptions {
        column: Ident,
    },
    SetStorage {
        column: Ident,
        storage: SmolStr,
    },
    SetCompression {
        column: Ident,
        method: SmolStr,
    },
    AddConstraint(TableConstraint),
    AlterConstraint {
        name: Ident,
        deferrable: Option<bool>,
        initially_deferred: Option<bool>,
        enforced: Option<bool>,
    },
    ValidateConstraint {
        name: Ident,
    },
    DropConstraint {
        if_exists: bool,
        name: Ident,
        cascade: bool,
    },
    RenameTo(Ident),
    RenameColumn {
        from: Ident,
        to: Ident,
    },
    RenameConstraint {
        from: Ident,
        to: Ident,
    },
    SetSchema(Ident),
    OwnerTo(RoleName),
    /// ENABLE / DISABLE ROW LEVEL SECURITY
    RowSecurity(bool),
    /// FORCE / NO FORCE ROW LEVEL SECURITY
    ForceRowSecurity(bool),
    /// ENABLE / DISABLE TRIGGER; the name is `ALL` or `USER` in lower case, or the trigger's.
    Trigger {
        mode: TriggerMode,
        name: TriggerTarget,
    },
    Rule {
        mode: TriggerMode,
        name: Ident,
    },
    ClusterOn(Ident),
    SetWithoutCluster,
    SetWithoutOids,
    SetLogged(bool),
    SetTablespace(Ident),
    SetAccessMethod(Option<Ident>),
    SetOptions(Vec<Parameter>),
    ResetOptions(Vec<Ident>),
    Inherit(Name),
    NoInherit(Name),
    Of(Name),
    NotOf,
    ReplicaIdentity {
        index: Option<Ident>,
        mode: SmolStr,
    },
    AttachPartition {
        partition: Name,
        bound: PartitionBound,
    },
    DetachPartition {
        partition: Name,
        concurrently: bool,
        finalize: bool,
    },
    /// `OPTIONS (…)` of foreign tables.
    ForeignOptions,
    /// An action that dblsp cannot read; the others of the statement are.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerMode {
    Disable,
    Enable,
    EnableReplica,
    EnableAlways,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriggerTarget {
    All,
    User,
    Named(Ident),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateIndex {
    pub name: Option<Name>,
    pub unique: bool,
    pub concurrently: bool,
    pub if_not_exists: bool,
    pub only: bool,
    pub table: Name,
    pub method: Option<Ident>,
    pub keys: Vec<IndexKey>,
    pub include: Vec<Ident>,
    pub nulls_not_distinct: bool,
    pub options: Vec<Parameter>,
    pub predicate: Option<Arc<Expr>>,
    /// The `CONCURRENTLY` keyword, or an empty span after `INDEX` where it would go.
    pub concurrently_span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexKey {
    pub expr: Arc<Expr>,
    pub collation: Option<Name>,
    pub opclass: Option<Name>,
    pub descending: bool,
    pub nulls_first: Option<bool>,
    /// `WITH operator` of an exclusion constraint.
    pub operator: Option<SmolStr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateView {
    pub name: Name,
    pub materialized: bool,
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub recursive: bool,
    pub columns: Vec<Ident>,
    pub options: Vec<Parameter>,
    /// From `WITH` to the closing parenthesis; an empty span before `AS` where no options are written.
    pub options_span: Span,
    pub query: Arc<Query>,
    /// `local` or `cascaded`
    pub check_option: Option<SmolStr>,
    pub with_data: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateFunction {
    pub name: Name,
    pub procedure: bool,
    pub or_replace: bool,
    pub params: Vec<Param>,
    /// The parameter list, parentheses included.
    pub params_span: Span,
    pub returns: Option<Returns>,
    pub options: FunctionOptions,
    pub body: Option<FunctionBody>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    pub mode: ParamMode,
    pub name: Option<Ident>,
    pub ty: TypeName,
    pub default: Option<Arc<Expr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamMode {
    In,
    Out,
    InOut,
    Variadic,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returns {
    Type(TypeName),
    Table(Vec<(Ident, TypeName)>),
}

/// The attributes that CREATE and ALTER FUNCTION share; `None` where not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionOptions {
    pub language: Option<Ident>,
    pub volatility: Option<Volatility>,
    pub strict: Option<bool>,
    pub security_definer: Option<bool>,
    pub leakproof: Option<bool>,
    /// `safe`, `restricted`, `unsafe`
    pub parallel: Option<SmolStr>,
    pub cost: Option<SmolStr>,
    pub rows: Option<SmolStr>,
    pub window: bool,
    pub support: Option<Name>,
    pub set: Vec<SetVariable>,
    /// `RESET name` / `RESET ALL` of ALTER FUNCTION.
    pub reset: Vec<SmolStr>,
    /// Each option as written, for fixes.
    pub spans: Vec<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionBody {
    /// `AS $$…$$` or `AS '…'`
    Source(Body),
    /// `AS 'object file', 'symbol'`
    Object,
    /// `RETURN expression`
    Return(Expr),
    /// `BEGIN ATOMIC … END`
    Atomic(Vec<Statement>),
}

/// A string constant that holds code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The constant, delimiters included.
    pub span: Span,
    /// The code between the delimiters; only in dollar quotes do its bytes stand in the file one to one.
    pub inner: Span,
    /// The code with escapes resolved, where that differs from the file's bytes (`'…''…'`, `E'…'`).
    pub unescaped: Option<String>,
}

impl Body {
    /// The code.
    pub fn code<'a>(&'a self, text: &'a str) -> &'a str {
        self.unescaped.as_deref().unwrap_or_else(|| self.inner.slice(text))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterFunction {
    /// Function, Procedure, Routine or Aggregate.
    pub object: ObjectRef,
    pub action: AlterFunctionAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterFunctionAction {
    Options(FunctionOptions),
    Object(AlterObject),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTrigger {
    pub name: Ident,
    pub or_replace: bool,
    pub constraint: bool,
    /// `BEFORE`, `AFTER` or `INSTEAD OF`
    pub timing: SmolStr,
    /// `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE`, in text order.
    pub events: Vec<SmolStr>,
    /// `UPDATE OF columns`
    pub update_of: Vec<Ident>,
    pub table: Name,
    pub from: Option<Name>,
    pub deferrable: Option<bool>,
    pub initially_deferred: Option<bool>,
    pub transition_tables: Vec<Ident>,
    pub row: bool,
    pub when: Option<Expr>,
    pub function: Name,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePolicy {
    pub name: Ident,
    pub table: Name,
    pub permissive: bool,
    pub command: PolicyCommand,
    /// Empty where no `TO` is written, which means PUBLIC.
    pub roles: Vec<RoleName>,
    pub using: Option<Arc<Expr>>,
    pub check: Option<Arc<Expr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyCommand {
    All,
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPolicy {
    pub name: Ident,
    pub table: Name,
    pub rename: Option<Ident>,
    pub roles: Option<Vec<RoleName>>,
    pub using: Option<Arc<Expr>>,
    pub check: Option<Arc<Expr>>,
}

/// A role as GRANT and TO lists write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleName {
    Public(Span),
    CurrentUser(Span),
    SessionUser(Span),
    Named(Ident),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateType {
    pub name: Name,
    pub kind: CreateTypeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateTypeKind {
    Enum(Vec<Label>),
    Composite(Vec<(Ident, TypeName)>),
    Range {
        subtype: Option<TypeName>,
        multirange: Option<Name>,
    },
    /// `CREATE TYPE t (INPUT = …)`
    Base,
    Shell,
}

/// An enum label: a string constant with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub value: SmolStr,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterType {
    pub name: Name,
    pub actions: Vec<AlterTypeAction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterTypeAction {
    AddValue {
        if_not_exists: bool,
        value: Label,
        before: Option<Label>,
        after: Option<Label>,
    },
    RenameValue {
        from: Label,
        to: Label,
    },
    AddAttribute {
        name: Ident,
        ty: TypeName,
        cascade: bool,
    },
    DropAttribute {
        name: Ident,
        if_exists: bool,
        cascade: bool,
    },
    AlterAttribute {
        name: Ident,
        ty: TypeName,
        cascade: bool,
    },
    Object(AlterObject),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateDomain {
    pub name: Name,
    pub base: TypeName,
    pub collation: Option<Name>,
    pub constraints: Vec<ColumnConstraint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterDomain {
    pub name: Name,
    pub action: AlterDomainAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterDomainAction {
    SetDefault(Option<Arc<Expr>>),
    SetNotNull(bool),
    AddConstraint {
        name: Option<Ident>,
        check: Option<Arc<Expr>>,
        not_valid: bool,
    },
    DropConstraint {
        name: Ident,
        if_exists: bool,
        cascade: bool,
    },
    RenameConstraint {
        from: Ident,
        to: Ident,
    },
    ValidateConstraint(Ident),
    Object(AlterObject),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSequence {
    pub name: Name,
    pub if_not_exists: bool,
    pub persistence: Persistence,
    pub options: Vec<SequenceOption>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterSequence {
    pub name: Name,
    pub if_exists: bool,
    pub options: Vec<SequenceOption>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceOption {
    As(TypeName),
    Increment(SmolStr),
    /// `None`: NO MINVALUE
    MinValue(Option<SmolStr>),
    MaxValue(Option<SmolStr>),
    Start(SmolStr),
    Restart(Option<SmolStr>),
    Cache(SmolStr),
    Cycle(bool),
    /// `None`: OWNED BY NONE. Else `table.column` with the column as last part.
    OwnedBy(Option<Name>),
    /// `SEQUENCE NAME name` of identity columns (`pg_dump` writes it).
    Name(Name),
    Logged(bool),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSchema {
    /// `None`: named after the role of AUTHORIZATION.
    pub name: Option<Ident>,
    pub if_not_exists: bool,
    pub authorization: Option<RoleName>,
    pub elements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterExtension {
    Update(Option<SmolStr>),
    SetSchema(Ident),
    Add(Option<ObjectRef>),
    Drop(Option<ObjectRef>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleOption {
    /// `LOGIN`, `NOLOGIN`, `BYPASSRLS`, `PASSWORD`, `IN ROLE`, … in capitals. Passwords are never kept.
    pub name: SmolStr,
    pub roles: Vec<RoleName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterRole {
    Options(Vec<RoleOption>),
    Set(SetVariable),
    Reset(SmolStr),
    Rename(Ident),
    Owner(RoleName),
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePublication {
    pub name: Ident,
    pub all_tables: bool,
    pub tables: Vec<PublicationTable>,
    pub schemas: Vec<Ident>,
    pub options: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationTable {
    pub name: Name,
    pub columns: Vec<Ident>,
    pub filter: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterPublication {
    Add {
        tables: Vec<PublicationTable>,
        schemas: Vec<Ident>,
    },
    SetObjects {
        tables: Vec<PublicationTable>,
        schemas: Vec<Ident>,
    },
    DropObjects {
        tables: Vec<Name>,
        schemas: Vec<Ident>,
    },
    SetOptions(Vec<Parameter>),
    Object(AlterObject),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropObjects {
    pub if_exists: bool,
    pub concurrently: bool,
    pub objects: Vec<ObjectRef>,
    pub cascade: bool,
    /// The `CASCADE` keyword, else empty.
    pub cascade_span: Span,
}

/// GRANT and REVOKE on objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub revoke: bool,
    /// `GRANT OPTION FOR` (REVOKE) or `WITH GRANT OPTION` (GRANT).
    pub grant_option: bool,
    /// Empty: ALL [PRIVILEGES]. In capitals.
    pub privileges: Vec<Privilege>,
    pub target: GrantTarget,
    pub grantees: Vec<RoleName>,
    pub cascade: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privilege {
    pub name: SmolStr,
    pub columns: Vec<Ident>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantTarget {
    Objects(Vec<ObjectRef>),
    /// `ALL TABLES IN SCHEMA a, b`: the kind is Table, Sequence, Function, Procedure or Routine.
    AllInSchema {
        kind: ObjectKind,
        schemas: Vec<Ident>,
    },
}

/// GRANT role TO role and REVOKE role FROM role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRole {
    pub revoke: bool,
    pub roles: Vec<Ident>,
    pub grantees: Vec<RoleName>,
    pub admin_option: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterDefaultPrivileges {
    /// `FOR ROLE`; empty: the current role.
    pub roles: Vec<RoleName>,
    pub schemas: Vec<Ident>,
    pub revoke: bool,
    pub grant_option: bool,
    pub privileges: Vec<Privilege>,
    /// Table, Sequence, Function, Type, Schema or `LargeObject`.
    pub kind: ObjectKind,
    pub grantees: Vec<RoleName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetVariable {
    /// In lower case: `search_path`, `role`, `time zone` becomes `timezone`, `session authorization`.
    pub name: SmolStr,
    /// `SET LOCAL`
    pub local: bool,
    /// The values without quotes; empty: `TO DEFAULT`. `None`: `FROM CURRENT`.
    pub values: Option<Vec<SmolStr>>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    Begin,
    Commit,
    Rollback,
    Savepoint,
    ReleaseSavepoint,
    RollbackToSavepoint,
    PrepareTransaction,
    CommitPrepared,
    RollbackPrepared,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyData {
    /// `None` for `COPY (query)`.
    pub table: Option<Name>,
    pub columns: Vec<Ident>,
    pub query: Option<Query>,
    pub from: bool,
    /// `STDIN`, `STDOUT`, `PROGRAM` or `FILE`
    pub endpoint: SmolStr,
    /// The data lines after a `COPY … FROM stdin`, up to and including `\.`
    pub data: Option<Span>,
}

// ---- queries and expressions -------------------------------------------------------------------------------------

/// A SELECT, VALUES, TABLE or set operation, with its CTEs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub span: Span,
    pub ctes: Vec<Cte>,
    pub body: QueryBody,
    /// ORDER BY, LIMIT, … expressions.
    pub tail: Vec<Expr>,
    /// What stands behind LIMIT, where it is a constant.
    pub limit: Option<u64>,
    /// FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE or FOR KEY SHARE: of which tables, by their aliases; of all where none is
    /// named.
    pub row_locks: Option<Vec<Ident>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cte {
    pub name: Ident,
    pub columns: Vec<Ident>,
    /// A query, or INSERT/UPDATE/DELETE/MERGE … RETURNING.
    pub statement: Box<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryBody {
    Select(Box<Select>),
    /// UNION, INTERSECT, EXCEPT
    Set(Box<Query>, Box<Query>),
    Values(Vec<Vec<Expr>>),
    Table(Name),
    Nested(Box<Query>),
    /// Too odd or too deep for the parser; the names it mentions after FROM, JOIN, … and what it calls.
    Opaque {
        relations: Vec<Name>,
        calls: Vec<Name>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    pub distinct: bool,
    pub items: Vec<SelectItem>,
    pub into: Option<Name>,
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    /// GROUP BY, HAVING, WINDOW, DISTINCT ON expressions.
    pub rest: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectItem {
    /// `*` or `t.*`
    Star(Option<Name>),
    Expr {
        expr: Expr,
        alias: Option<Ident>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromItem {
    Relation {
        name: Name,
        only: bool,
        alias: Option<Ident>,
        columns: Vec<Ident>,
    },
    Function {
        calls: Vec<Expr>,
        alias: Option<Ident>,
        columns: Vec<Ident>,
        ordinality: bool,
    },
    Subquery {
        query: Box<Query>,
        alias: Option<Ident>,
        columns: Vec<Ident>,
        lateral: bool,
    },
    Join {
        left: Box<FromItem>,
        right: Box<FromItem>,
        using: Vec<Ident>,
        natural: bool,
        on: Option<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    pub ctes: Vec<Cte>,
    pub table: Name,
    pub alias: Option<Ident>,
    pub columns: Vec<Ident>,
    /// `None`: DEFAULT VALUES
    pub source: Option<Query>,
    pub on_conflict: Option<OnConflict>,
    pub returning: Vec<SelectItem>,
    pub overriding: Option<SmolStr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnConflict {
    pub columns: Vec<Ident>,
    pub constraint: Option<Ident>,
    /// Empty: DO NOTHING
    pub update: Vec<Assignment>,
    pub filter: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub column: Ident,
    pub value: Expr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub ctes: Vec<Cte>,
    pub table: RelationRef,
    pub assignments: Vec<Assignment>,
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<SelectItem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    pub ctes: Vec<Cte>,
    pub table: RelationRef,
    pub using: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<SelectItem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    pub ctes: Vec<Cte>,
    pub table: RelationRef,
    pub source: Option<FromItem>,
    pub exprs: Vec<Expr>,
}

/// An expression, lowered to what names, constants and calls it holds and how they are combined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    pub span: Span,
    pub node: ExprNode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprNode {
    Null,
    Bool(bool),
    Number(SmolStr),
    String(SmolStr),
    /// `a`, `t.a`, `s.t.a`
    Column(Name),
    /// `$1`
    Parameter,
    /// `*` as an argument of count(*), `t.*` as a whole-row reference.
    Star(Option<Name>),
    /// A function call, and the keyword forms `current_user`, `coalesce(…)`, `greatest(…)`, … under their own names.
    Call {
        name: Name,
        arguments: Vec<Expr>,
        window: bool,
    },
    Cast {
        expr: Box<Expr>,
        ty: Box<TypeName>,
    },
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    IsNull {
        expr: Box<Expr>,
        not: bool,
    },
    /// Any other operator, also LIKE, IN (list), BETWEEN: its text in capitals where it is a word.
    Operator {
        name: SmolStr,
        operands: Vec<Expr>,
    },
    Case(Vec<Expr>),
    Array(Vec<Expr>),
    Row(Vec<Expr>),
    /// A scalar subquery, or EXISTS.
    Subquery {
        query: Box<Query>,
        exists: bool,
    },
    /// `expr IN (subquery)`, `expr = ANY (subquery)`
    InSubquery {
        expr: Box<Expr>,
        query: Box<Query>,
    },
    /// `expr[…]`, `(expr).field`
    Access {
        expr: Box<Expr>,
        field: Option<Ident>,
        arguments: Vec<Expr>,
    },
    /// `expr COLLATE c`, `expr AT TIME ZONE z`, `INTERVAL '…'`, … : something around other expressions.
    Other(Vec<Expr>),
    /// Too odd or too deep for the parser; what its tokens name.
    Opaque {
        columns: Vec<Name>,
        calls: Vec<Name>,
    },
}

impl Expr {
    /// The expressions directly inside, queries' not included.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.node {
            ExprNode::Call { arguments, .. } => arguments.iter().collect(),
            ExprNode::Cast { expr, .. } | ExprNode::Not(expr) | ExprNode::IsNull { expr, .. } => vec![expr],
            ExprNode::And(left, right) | ExprNode::Or(left, right) => vec![left, right],
            ExprNode::Operator { operands, .. } => operands.iter().collect(),
            ExprNode::Case(all) | ExprNode::Array(all) | ExprNode::Row(all) | ExprNode::Other(all) => {
                all.iter().collect()
            }
            ExprNode::InSubquery { expr, .. } => vec![expr],
            ExprNode::Access { expr, arguments, .. } => std::iter::once(&**expr).chain(arguments).collect(),
            _ => Vec::new(),
        }
    }

    /// The query directly inside, if this is a subquery form.
    pub fn query(&self) -> Option<&Query> {
        match &self.node {
            ExprNode::Subquery { query, .. } | ExprNode::InSubquery { query, .. } => Some(query),
            _ => None,
        }
    }
}
