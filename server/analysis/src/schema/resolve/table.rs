//! CREATE TABLE: columns, `serial` and identity sequences, constraints and their indexes, LIKE, inheritance, partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use super::depend::columns_in_order;
use super::index::{index_column, index_names, plain_index};
use crate::schema::change::{Change, Object};
use crate::schema::names::{Unique, choose, join_columns};
use crate::schema::objects::{
    Acl, Certainty, Column, Constraint, ConstraintKind, ForeignKey, Generated, Id, Index, PartitionKey, Relation,
    RelationKind, Sequence, Shared, Table, TableKind, Trigger, Type, TypeKind,
};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{
    ColumnConstraint, ColumnConstraintKind, ColumnDef, CreateTable, CreateTableAs, Expr, ExprNode, LikeClause,
    ObjectKind, PartitionBound, Persistence, Query, References, SequenceOption, TableConstraint, TableConstraintKind,
};
use crate::text::Span;

/// A constraint of CREATE TABLE or ADD COLUMN before it has a name.
pub(crate) struct Draft {
    pub(crate) name: Option<Ident>,
    pub(crate) kind: DraftKind,
    pub(crate) deferrable: bool,
    pub(crate) deferred: bool,
    pub(crate) validated: bool,
    pub(crate) no_inherit: bool,
    pub(crate) span: Span,
}

pub(crate) enum DraftKind {
    Check(Arc<Expr>),
    Index {
        columns: Vec<SmolStr>,
        include: Vec<SmolStr>,
        primary: bool,
        nulls_not_distinct: bool,
    },
    Exclude {
        index: Index,
        names: String,
    },
    Foreign {
        columns: Vec<SmolStr>,
        references: References,
    },
}

impl Resolver<'_> {
    pub(crate) fn create_table(&mut self, create: &CreateTable) {
        let temporary = create.persistence == Persistence::Temporary;
        let id = if temporary {
            Self::temporary_id(&create.name)
        } else {
            self.new_id(&create.name)
        };
        self.target = Some(id.clone());
        if !self.may_create(&id, &create.name, create.if_not_exists) {
            return;
        }
        let kind = match (&create.partition_by, create.foreign) {
            (Some(_), _) => TableKind::Partitioned,
            (_, true) => TableKind::Foreign,
            _ => TableKind::Ordinary,
        };
        let mut table = Table::new(kind, create.persistence);
        table.options = create
            .options
            .iter()
            .map(|o| (o.name.clone(), o.value.clone().unwrap_or_default()))
            .collect();
        table.partition_key = create.partition_by.as_ref().map(|by| PartitionKey {
            strategy: by.strategy.clone(),
            columns: by.keys.iter().map(|key| column_of(key)).collect(),
            text: self.source(by.span),
        });
        let mut drafts = Vec::new();
        self.inherited_columns(create, &mut table);
        let mut copies = Vec::new();
        self.like_columns(create, 0, &mut table, &id, (&mut drafts, &mut copies));
        for (at, column) in create.columns.iter().enumerate() {
            self.table_column(&id, &mut table, column, &mut drafts);
            self.like_columns(create, at + 1, &mut table, &id, (&mut drafts, &mut copies));
        }
        drafts.extend(
            create
                .constraints
                .iter()
                .filter_map(|constraint| self.draft(&id, constraint)),
        );
        for draft in &drafts {
            if let DraftKind::Index {
                columns, primary: true, ..
            } = &draft.kind
            {
                set_not_null(&mut table, columns);
            }
        }
        let schema = id.schema.clone();
        let meta = self.meta('r', Some(&schema));
        let relation = Relation {
            meta,
            kind: RelationKind::Table(Box::new(table)),
        };
        self.emit(Change::Create(Object::Relation(id.clone(), Arc::new(relation))));
        for (index, comment) in copies {
            self.copy_index(&id, &index, comment);
        }
        self.add_drafts(&id, drafts, true);
        if let Some((parent, bound)) = &create.partition_of {
            self.becomes_partition(&id, parent, bound);
        }
    }

    /// Whether nothing of that name is in the way; reports it otherwise.
    pub(crate) fn may_create(&mut self, id: &Id, name: &Name, if_not_exists: bool) -> bool {
        match self.catalog.relations.get(id) {
            Some(old) if old.meta.certainty == Certainty::Assumed => true,
            Some(old) => {
                let created = old.meta.created;
                if !if_not_exists {
                    self.exists(ObjectKind::Table, name, created);
                }
                false
            }
            None => true,
        }
    }

    fn inherited_columns(&mut self, create: &CreateTable, table: &mut Table) {
        let parents = create
            .inherits
            .iter()
            .chain(create.partition_of.as_ref().map(|(parent, _)| parent));
        let parents: Vec<Id> = parents.filter_map(|parent| self.relation(parent)).collect();
        for parent in &parents {
            let Some(found) = self.catalog.table(parent).cloned() else {
                continue;
            };
            table.columns_known &= found.columns_known;
            for column in &found.columns {
                if let Some(own) = table.columns.iter_mut().find(|own| own.name == column.name) {
                    own.not_null |= column.not_null;
                    continue;
                }
                let mut column = self.copied(column);
                column.inherited = true;
                column.identity = None;
                table.columns.push(column.into());
            }
            for constraint in found.constraints.iter().filter(|constraint| !constraint.no_inherit) {
                if matches!(constraint.kind, ConstraintKind::Check(_)) && table.constraint(&constraint.name).is_none() {
                    let mut constraint = constraint.clone();
                    constraint.inherited = true;
                    constraint.created = self.origin;
                    constraint.comment = None;
                    table.constraints.push(constraint);
                }
            }
        }
        if create.partition_of.is_none() {
            table.inherits = parents;
        }
        if let Some(of_type) = &create.of_type {
            self.typed_columns(of_type, table);
        }
    }

    fn typed_columns(&mut self, name: &Name, table: &mut Table) {
        let Some(id) = self.type_named(name, ObjectKind::Type) else {
            return;
        };
        if let Some(TypeKind::Composite(attributes)) = self.catalog.types.get(&id).map(|ty| &ty.kind) {
            let attributes = attributes.clone();
            table.columns.extend(
                attributes
                    .iter()
                    .map(|(name, ty)| self.bare_column(name, ty.clone()).into()),
            );
        }
        table.of_type = Some(id);
    }

    /// A column of another table, as it is copied into a new one.
    fn copied(&self, column: &Column) -> Column {
        Column {
            created: self.origin,
            certainty: self.certainty,
            comment: None,
            acl: Acl::default(),
            ..column.clone()
        }
    }

    fn bare_column(&self, name: &SmolStr, ty: Type) -> Column {
        Column {
            name: name.clone(),
            ty,
            not_null: false,
            default: None,
            default_text: None,
            collation: None,
            identity: None,
            generated: None,
            inherited: false,
            certainty: self.certainty,
            created: self.origin,
            comment: None,
            acl: Acl::default(),
        }
    }

    fn like_columns(
        &mut self,
        create: &CreateTable,
        at: usize,
        table: &mut Table,
        id: &Id,
        (drafts, copies): (&mut Vec<Draft>, &mut Vec<(Index, Option<SmolStr>)>),
    ) {
        let clauses: Vec<&LikeClause> = create.likes.iter().filter(|like| like.position == at).collect();
        for like in clauses {
            let Some(source) = self.relation(&like.table) else {
                continue;
            };
            let Some(found) = self.catalog.table(&source).cloned() else {
                if self.catalog.relations.contains_key(&source) {
                    table.columns_known = false;
                }
                continue;
            };
            table.columns_known &= found.columns_known;
            let including = |what: &str| {
                like.options
                    .iter()
                    .rfind(|(_, option)| option == what || option == "all")
                    .is_some_and(|(on, _)| *on)
            };
            for column in &found.columns {
                let comment = column.comment.clone().filter(|_| including("comments"));
                let mut column = self.copied(column);
                column.inherited = false;
                column.comment = comment;
                if !including("defaults") {
                    column.default = None;
                    column.default_text = None;
                }
                if !including("generated") {
                    column.generated = None;
                }
                if including("identity") {
                    if column.identity.is_some() {
                        self.sequence_for(id, &column.name, "bigint", true, &[]);
                    }
                } else {
                    column.identity = None;
                }
                table.columns.push(column.into());
            }
            if including("constraints") {
                let checks = found
                    .constraints
                    .iter()
                    .filter(|c| matches!(c.kind, ConstraintKind::Check(_)));
                let copies = checks.map(|check| {
                    let mut copy = check.clone();
                    copy.created = self.origin;
                    copy.comment = check.comment.clone().filter(|_| including("comments"));
                    copy
                });
                table.constraints.extend(copies);
            }
            if including("indexes") {
                for (name, index) in self.catalog.indexes_of(&source) {
                    if index.constraint.is_none() {
                        let comment = self
                            .catalog
                            .relations
                            .get(&name)
                            .and_then(|old| old.meta.comment.clone());
                        copies.push((index.clone(), comment.filter(|_| including("comments"))));
                    }
                    let columns: Vec<SmolStr> = index.keys.iter().filter_map(|key| key.column.clone()).collect();
                    if index.constraint.is_some() && columns.len() == index.keys.len() {
                        drafts.push(Draft {
                            name: None,
                            kind: DraftKind::Index {
                                columns,
                                include: index.include.clone(),
                                primary: index.primary,
                                nulls_not_distinct: index.nulls_not_distinct,
                            },
                            deferrable: false,
                            deferred: false,
                            validated: true,
                            no_inherit: false,
                            span: like.table.span(),
                        });
                    }
                }
            }
        }
    }

    fn table_column(&mut self, id: &Id, table: &mut Table, def: &ColumnDef, drafts: &mut Vec<Draft>) {
        if def.ty.is_none() {
            // `OF type` and `PARTITION OF` lists only add to what is there.
            if let Some(mut column) = table.column(&def.name.value).cloned() {
                self.column_constraints(id, &mut column, &def.constraints, drafts);
                table
                    .columns
                    .iter_mut()
                    .filter(|old| old.name == column.name)
                    .for_each(|old| *old = column.clone().into());
            }
            return;
        }
        let column = self.column(id, def, drafts);
        match table.columns.iter_mut().find(|old| old.name == column.name) {
            // A column that a parent has too is merged with it.
            Some(old) if old.inherited => {
                *old = Column {
                    inherited: true,
                    not_null: old.not_null || column.not_null,
                    ..column
                }
                .into();
            }
            _ => table.columns.push(column.into()),
        }
    }

    /// A column definition: its constraints become drafts, its sequence is made at once.
    pub(crate) fn column(&mut self, table: &Id, def: &ColumnDef, drafts: &mut Vec<Draft>) -> Column {
        let written = def.ty.as_ref();
        let serial = written.and_then(|ty| serial_type(&ty.name));
        let ty = match (serial, written) {
            (Some(ty), _) => Type::builtin(ty),
            (None, Some(ty)) => self.resolve_type(ty),
            (None, None) => Type::builtin("text"),
        };
        let mut column = self.bare_column(&def.name.value, ty);
        column.collation = def.collation.as_ref().map(|name| self.source(name.span()));
        if let Some(ty) = serial {
            let sequence = self.sequence_for(table, &column.name, ty, false, &[]);
            column.not_null = true;
            column.default_text = Some(format_smolstr!("nextval('{sequence}'::regclass)"));
            column.default = Some(Arc::new(nextval(&sequence)));
        }
        self.column_constraints(table, &mut column, &def.constraints, drafts);
        column
    }

    fn column_constraints(
        &mut self,
        table: &Id,
        column: &mut Column,
        constraints: &[ColumnConstraint],
        drafts: &mut Vec<Draft>,
    ) {
        for constraint in constraints {
            let kind = match &constraint.kind {
                ColumnConstraintKind::NotNull => {
                    column.not_null = true;
                    continue;
                }
                ColumnConstraintKind::Null => continue,
                ColumnConstraintKind::Default(expr) => {
                    self.set_default(column, expr);
                    continue;
                }
                ColumnConstraintKind::Generated { expr, stored } => {
                    column.generated = Some(Generated {
                        stored: *stored,
                        text: self.source(expr.span),
                        expr: Arc::clone(expr),
                    });
                    continue;
                }
                ColumnConstraintKind::Identity { always, options } => {
                    let ty = column.ty.id.name.clone();
                    self.sequence_for(table, &column.name, &ty, true, options);
                    column.identity = Some(*always);
                    column.not_null = true;
                    continue;
                }
                ColumnConstraintKind::PrimaryKey => {
                    column.not_null = true;
                    self.index_draft(column, true, false)
                }
                ColumnConstraintKind::Unique { nulls_not_distinct } => {
                    self.index_draft(column, false, *nulls_not_distinct)
                }
                ColumnConstraintKind::Check { expr, .. } => DraftKind::Check(Arc::clone(expr)),
                ColumnConstraintKind::References(references) => DraftKind::Foreign {
                    columns: vec![column.name.clone()],
                    references: (**references).clone(),
                },
            };
            drafts.push(Draft {
                name: constraint.name.clone(),
                kind,
                deferrable: constraint.deferrable == Some(true) || constraint.initially_deferred == Some(true),
                deferred: constraint.initially_deferred == Some(true),
                validated: true,
                no_inherit: matches!(constraint.kind, ColumnConstraintKind::Check { no_inherit: true, .. }),
                span: constraint.span,
            });
        }
    }

    pub(crate) fn set_default(&self, column: &mut Column, expr: &Arc<Expr>) {
        let null = match &expr.node {
            ExprNode::Null => true,
            ExprNode::Cast { expr, .. } => matches!(expr.node, ExprNode::Null),
            _ => false,
        };
        // DEFAULT NULL is no default at all, unless the type has a length or checks to apply to it (measured).
        let coerced = || {
            !column.ty.modifiers.is_empty()
                || column.ty.fields.is_some()
                || matches!(
                    self.catalog.types.get(&column.ty.id).map(|ty| &ty.kind),
                    Some(TypeKind::Domain(_))
                )
        };
        let kept = !null || coerced();
        column.default = kept.then(|| Arc::clone(expr));
        column.default_text = kept.then(|| self.source(expr.span));
    }

    fn index_draft(&self, column: &Column, primary: bool, nulls_not_distinct: bool) -> DraftKind {
        DraftKind::Index {
            columns: vec![column.name.clone()],
            include: Vec::new(),
            primary,
            nulls_not_distinct,
        }
    }

    /// A table constraint as written; `None` for what needs no draft (USING INDEX, NOT NULL).
    pub(crate) fn draft(&mut self, table: &Id, constraint: &TableConstraint) -> Option<Draft> {
        let names = |columns: &[Ident]| columns.iter().map(|column| column.value.clone()).collect::<Vec<_>>();
        let kind = match &constraint.kind {
            TableConstraintKind::Check(expr) => DraftKind::Check(Arc::clone(expr)),
            TableConstraintKind::Unique {
                columns,
                include,
                nulls_not_distinct,
            } => DraftKind::Index {
                columns: names(columns),
                include: names(include),
                primary: false,
                nulls_not_distinct: *nulls_not_distinct,
            },
            TableConstraintKind::PrimaryKey { columns, include } => DraftKind::Index {
                columns: names(columns),
                include: names(include),
                primary: true,
                nulls_not_distinct: false,
            },
            TableConstraintKind::Exclude {
                method,
                elements,
                predicate,
            } => {
                let mut index = plain_index(table, &[], &[], false);
                index.unique = false;
                index.method = method
                    .as_ref()
                    .map_or_else(|| "btree".into(), |method| method.value.clone());
                index.keys = elements.iter().map(index_column).collect();
                index.predicate.clone_from(predicate);
                DraftKind::Exclude {
                    index,
                    names: index_names(elements, &[]),
                }
            }
            TableConstraintKind::ForeignKey { columns, references } => DraftKind::Foreign {
                columns: names(columns),
                references: (**references).clone(),
            },
            TableConstraintKind::UsingIndex { .. } | TableConstraintKind::NotNull(_) => return None,
        };
        Some(Draft {
            name: constraint.name.clone(),
            kind,
            deferrable: constraint.deferrable == Some(true) || constraint.initially_deferred == Some(true),
            deferred: constraint.initially_deferred == Some(true),
            // In CREATE TABLE, NOT VALID is accepted and the constraint is valid all the same (measured, row 59).
            validated: !constraint.not_valid && !constraint.not_enforced,
            no_inherit: constraint.no_inherit,
            span: constraint.span,
        })
    }

    /// Names and adds constraints in PostgreSQL's order: checks, then the primary key, other indexes, foreign keys.
    pub(crate) fn add_drafts(&mut self, table: &Id, drafts: Vec<Draft>, new_table: bool) {
        let rank = |draft: &Draft| match &draft.kind {
            DraftKind::Check(_) => 0,
            DraftKind::Index { primary: true, .. } => 1,
            DraftKind::Index { .. } | DraftKind::Exclude { .. } => 2,
            DraftKind::Foreign { .. } => 3,
        };
        let mut drafts = if new_table { without_twins(drafts) } else { drafts };
        drafts.sort_by_key(rank);
        for draft in drafts {
            let validated = draft.validated || (new_table && !matches!(draft.kind, DraftKind::Foreign { .. }));
            self.add_draft(table, draft, validated || new_table);
        }
    }

    fn add_draft(&mut self, table: &Id, draft: Draft, validated: bool) {
        let text = self.definition(draft.name.as_ref(), draft.span);
        let given = draft.name.as_ref().map(|name| name.value.clone());
        let choose_name = |this: &Self, second: Option<&str>, label: &str, unique: Unique| {
            given
                .clone()
                .unwrap_or_else(|| choose(&this.catalog, &table.schema, (&table.name, second, label), unique, &[]))
        };
        let mut constraint = Constraint {
            name: SmolStr::default(),
            generated_name: given.is_none(),
            kind: ConstraintKind::Unique,
            columns: Vec::new(),
            include: Vec::new(),
            deferrable: draft.deferrable,
            deferred: draft.deferred,
            validated,
            no_inherit: draft.no_inherit,
            inherited: false,
            certainty: self.certainty,
            created: self.origin,
            comment: None,
            text,
        };
        let mut index = None;
        match draft.kind {
            DraftKind::Check(expr) => {
                let own = self.table_columns(table);
                let columns: Vec<SmolStr> = columns_in_order(&expr)
                    .into_iter()
                    .filter(|c| own.is_empty() || own.contains(c))
                    .collect();
                let single = if let [column] = columns.as_slice() {
                    Some(column.as_str())
                } else {
                    None
                };
                constraint.name = choose_name(self, single, "check", Unique::Constraint);
                self.check_columns(table, &expr);
                constraint.columns = columns;
                constraint.kind = ConstraintKind::Check(expr);
            }
            DraftKind::Index {
                columns,
                include,
                primary,
                nulls_not_distinct,
            } => {
                let all = columns.iter().chain(&include).map(SmolStr::as_str);
                let joined = join_columns(all);
                let (second, label) = if primary {
                    (None, "pkey")
                } else {
                    (Some(joined.as_str()), "key")
                };
                constraint.name = choose_name(self, second, label, Unique::IndexConstraint);
                constraint.kind = if primary {
                    ConstraintKind::Primary
                } else {
                    ConstraintKind::Unique
                };
                constraint.columns.clone_from(&columns);
                constraint.include.clone_from(&include);
                let mut made = plain_index(table, &columns, &include, primary);
                made.nulls_not_distinct = nulls_not_distinct;
                index = Some(made);
            }
            DraftKind::Exclude { index: made, names } => {
                constraint.name = choose_name(self, Some(&names), "excl", Unique::IndexConstraint);
                constraint.kind = ConstraintKind::Exclude;
                constraint.columns = made.keys.iter().filter_map(|key| key.column.clone()).collect();
                index = Some(made);
            }
            DraftKind::Foreign { columns, references } => {
                let Some(kind) = self.foreign_key(table, &references) else {
                    return;
                };
                constraint.name = choose_name(
                    self,
                    Some(&join_columns(columns.iter().map(SmolStr::as_str))),
                    "fkey",
                    Unique::Constraint,
                );
                constraint.columns = columns;
                constraint.kind = ConstraintKind::Foreign(kind);
            }
        }
        if let Some(old) = self.catalog.table(table).and_then(|t| t.constraint(&constraint.name)) {
            let created = old.created;
            if let Some(name) = &draft.name {
                self.exists(ObjectKind::Constraint, &Name::bare(name.clone()), created);
            }
            return;
        }
        let name = constraint.name.clone();
        let recurse = matches!(constraint.kind, ConstraintKind::Check(_)) && !constraint.no_inherit;
        let foreign = matches!(constraint.kind, ConstraintKind::Foreign(_));
        let copy = constraint.clone();
        self.emit(Change::AddConstraint {
            table: table.clone(),
            constraint: Box::new(constraint),
        });
        if let Some(index) = index {
            self.constraint_index(table, &name, index);
        }
        if recurse || foreign {
            self.constraint_recurses(table, &copy, foreign);
        }
    }

    /// Checks reach children and partitions, foreign keys reach partitions.
    fn constraint_recurses(&mut self, table: &Id, constraint: &Constraint, partitions_only: bool) {
        for child in self.children(table, partitions_only) {
            if self
                .catalog
                .table(&child)
                .is_some_and(|t| t.constraint(&constraint.name).is_none())
            {
                let mut own = Constraint::clone(constraint);
                own.inherited = true;
                own.comment = None;
                self.emit(Change::AddConstraint {
                    table: child.clone(),
                    constraint: Box::new(own),
                });
            }
            self.constraint_recurses(&child, constraint, partitions_only);
        }
    }

    /// The tables directly under a table.
    pub(crate) fn children(&self, parent: &Id, partitions_only: bool) -> Vec<Id> {
        let wanted = |id: &&Id| {
            let partition = |table: &Table| table.partition_of.as_ref() == Some(parent);
            !partitions_only || self.catalog.table(id).is_some_and(partition)
        };
        self.catalog.children(parent).filter(wanted).cloned().collect()
    }

    pub(crate) fn table_columns(&self, table: &Id) -> Vec<SmolStr> {
        self.catalog
            .table(table)
            .map(|t| t.columns.iter().map(|c| c.name.clone()).collect())
            .unwrap_or_default()
    }

    fn foreign_key(&mut self, table: &Id, references: &References) -> Option<ForeignKey> {
        let own = references.table.parts.len() == 1 && references.table.last().value == table.name;
        let target = if own && self.find_relation(&references.table).is_none() {
            table.clone()
        } else {
            self.relation(&references.table)?
        };
        let written: Vec<SmolStr> = references.columns.iter().map(|column| column.value.clone()).collect();
        let primary = || {
            let key = self.catalog.table(&target).and_then(Table::primary_key);
            key.map(|key| key.columns.clone()).unwrap_or_default()
        };
        let columns = if written.is_empty() { primary() } else { written };
        Some(ForeignKey {
            table: target,
            columns,
            on_delete: references.on_delete,
            on_update: references.on_update,
        })
    }

    /// A sequence for a `serial` or identity column.
    pub(crate) fn sequence_for(
        &mut self,
        table: &Id,
        column: &SmolStr,
        ty: &str,
        identity: bool,
        options: &[SequenceOption],
    ) -> Id {
        let named = options.iter().find_map(|option| match option {
            SequenceOption::Name(name) => Some(name),
            _ => None,
        });
        let name = match named {
            Some(name) => name.last().value.clone(),
            None => choose(
                &self.catalog,
                &table.schema,
                (&table.name, Some(column), "seq"),
                Unique::Relation,
                &[],
            ),
        };
        let id = table.sibling(&name);
        let increment = options.iter().find_map(|option| match option {
            SequenceOption::Increment(by) => Some(by.clone()),
            _ => None,
        });
        let mut kept = BTreeMap::new();
        options
            .iter()
            .for_each(|option| super::objects::sequence_option(&mut kept, option));
        let sequence = Sequence {
            ty: ty.into(),
            increment: increment.unwrap_or_else(|| "1".into()),
            options: kept,
            cycle: options
                .iter()
                .any(|option| matches!(option, SequenceOption::Cycle(true))),
            owned_by: Some((table.clone(), column.clone())),
            identity,
        };
        let meta = self.meta('S', Some(&table.schema));
        let relation = Relation {
            meta,
            kind: RelationKind::Sequence(sequence),
        };
        self.emit(Change::Create(Object::Relation(id.clone(), Arc::new(relation))));
        id
    }

    fn becomes_partition(&mut self, id: &Id, parent: &Name, bound: &PartitionBound) {
        let Some(parent) = self.relation(parent) else { return };
        self.attach(&parent, id, bound);
    }

    /// Makes `partition` a partition of `parent`: indexes and foreign keys of the parent are made where it has none.
    pub(crate) fn attach(&mut self, parent: &Id, partition: &Id, bound: &PartitionBound) {
        use crate::schema::change::TableChange;
        let what = TableChange::Attach {
            partition: partition.clone(),
            bound: match bound {
                PartitionBound::Default => None,
                PartitionBound::Values(span) => Some(self.source(*span)),
            },
            default: *bound == PartitionBound::Default,
        };
        self.emit(Change::Table {
            table: parent.clone(),
            what,
        });
        let indexes: Vec<(Id, Index)> = self
            .catalog
            .indexes_of(parent)
            .map(|(id, index)| (id, index.clone()))
            .collect();
        for (id, index) in indexes {
            let adopted = self
                .catalog
                .indexes_of(partition)
                .any(|(_, own)| own.partition_of.as_ref() == Some(&id));
            if !adopted {
                self.index_partition(partition, &id, &index);
            }
        }
        let triggers: Vec<Shared<Trigger>> = self
            .catalog
            .table(parent)
            .into_iter()
            .flat_map(|t| t.triggers.clone())
            .collect();
        for trigger in triggers.into_iter().filter(|trigger| trigger.row) {
            let trigger = Trigger {
                comment: None,
                created: self.origin,
                ..Trigger::clone(&trigger)
            };
            self.emit(Change::PutTrigger {
                table: partition.clone(),
                trigger: Box::new(trigger.clone()),
            });
            self.trigger_partitions(partition, &trigger);
        }
        let keys: Vec<Shared<Constraint>> = self
            .catalog
            .table(parent)
            .into_iter()
            .flat_map(|t| t.constraints.clone())
            .collect();
        for constraint in keys.iter().filter(|c| matches!(c.kind, ConstraintKind::Foreign(_))) {
            let twin = |own: &Shared<Constraint>| own.columns == constraint.columns && same_target(own, constraint);
            let known = self
                .catalog
                .table(partition)
                .is_some_and(|t| t.constraints.iter().any(twin));
            if !known {
                let mut own = Constraint::clone(constraint);
                own.inherited = true;
                own.comment = None;
                own.created = self.origin;
                self.emit(Change::AddConstraint {
                    table: partition.clone(),
                    constraint: Box::new(own),
                });
            }
        }
    }

    pub(crate) fn create_table_as(&mut self, create: &CreateTableAs) {
        let names: Vec<SmolStr> = create.columns.iter().map(|column| column.value.clone()).collect();
        let temporary = create.persistence == Persistence::Temporary;
        let id = if temporary {
            Self::temporary_id(&create.name)
        } else {
            self.new_id(&create.name)
        };
        if self.may_create(&id, &create.name, create.if_not_exists) {
            self.table_from_query(id, create.persistence, &names, &create.query);
        }
    }

    pub(crate) fn select_into(&mut self, name: &Name, query: &Query) {
        let id = self.new_id(name);
        if self.may_create(&id, name, false) {
            self.table_from_query(id, Persistence::Permanent, &[], query);
        }
    }

    fn table_from_query(&mut self, id: Id, persistence: Persistence, names: &[SmolStr], query: &Query) {
        let mut table = Table::new(TableKind::Ordinary, persistence);
        match self.outputs(query) {
            Some(columns) => {
                for (at, (column, ty)) in columns.into_iter().enumerate() {
                    let name = names.get(at).unwrap_or(&column);
                    let known = ty.is_some();
                    let mut column = self.bare_column(name, ty.unwrap_or_else(|| Type::builtin("unknown")));
                    // The results of functions and operators are not modelled.
                    if !known {
                        column.certainty = Certainty::Maybe(self.origin);
                    }
                    table.columns.push(column.into());
                }
            }
            None => table.columns_known = false,
        }
        self.target = Some(id.clone());
        let meta = self.meta('r', Some(&id.schema));
        let relation = Relation {
            meta,
            kind: RelationKind::Table(Box::new(table)),
        };
        self.emit(Change::Create(Object::Relation(id, Arc::new(relation))));
    }
}

fn same_target(a: &Constraint, b: &Constraint) -> bool {
    match (&a.kind, &b.kind) {
        (ConstraintKind::Foreign(a), ConstraintKind::Foreign(b)) => a.table == b.table && a.columns == b.columns,
        _ => false,
    }
}

/// UNIQUE and PRIMARY KEY over the same columns make one index: `transformIndexConstraints`.
fn without_twins(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut kept: Vec<Draft> = Vec::with_capacity(drafts.len());
    let (primary, others): (Vec<Draft>, Vec<Draft>) = drafts
        .into_iter()
        .partition(|draft| matches!(draft.kind, DraftKind::Index { primary: true, .. }));
    for draft in primary.into_iter().chain(others) {
        let twin = kept.iter_mut().find(|old| is_twin(old, &draft));
        match twin {
            Some(old) if old.name.is_none() => old.name = draft.name,
            Some(_) => {}
            None => kept.push(draft),
        }
    }
    kept
}

fn is_twin(old: &Draft, new: &Draft) -> bool {
    match (&old.kind, &new.kind) {
        (
            DraftKind::Index {
                columns: a,
                include: c,
                nulls_not_distinct: e,
                ..
            },
            DraftKind::Index {
                columns: b,
                include: d,
                nulls_not_distinct: f,
                primary: false,
            },
        ) => a == b && c == d && e == f && old.deferrable == new.deferrable && old.deferred == new.deferred,
        _ => false,
    }
}

fn set_not_null(table: &mut Table, columns: &[SmolStr]) {
    for column in table.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
        column.not_null = true;
    }
}

/// The integer type under `serial` and its like. <https://www.postgresql.org/docs/current/datatype-numeric.html>
pub(crate) fn serial_type(name: &Name) -> Option<&'static str> {
    if name.parts.len() > 1 {
        return None;
    }
    match name.last().value.as_str() {
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        "smallserial" | "serial2" => Some("smallint"),
        _ => None,
    }
}

fn nextval(sequence: &Id) -> Expr {
    let argument = Expr {
        span: Span::default(),
        node: ExprNode::String(format_smolstr!("{sequence}")),
    };
    let name = Name::bare(Ident::generated("nextval"));
    Expr {
        span: Span::default(),
        node: ExprNode::Call {
            name,
            arguments: vec![argument],
            window: false,
        },
    }
}

fn column_of(expr: &Expr) -> Option<SmolStr> {
    match &expr.node {
        ExprNode::Column(name) if name.parts.len() == 1 => Some(name.last().value.clone()),
        _ => None,
    }
}
