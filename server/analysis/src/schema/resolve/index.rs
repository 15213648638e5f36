//! CREATE INDEX, and the indexes that constraints make.

use std::sync::Arc;

use smol_str::SmolStr;

use super::Resolver;
use crate::schema::apply::is_like;
use crate::schema::change::{Change, Key, Object, TableChange};
use crate::schema::names::{Unique, choose, figure_column_name, index_column_names, join_columns};
use crate::schema::objects::{Id, Index, IndexColumn, Meta, Relation, RelationKind, TableKind};
use crate::sql::statement::{CreateIndex, Expr, ExprNode, IndexKey, ObjectKind};
use crate::text::Span;

impl Resolver<'_> {
    pub(crate) fn create_index(&mut self, create: &CreateIndex) {
        let Some(table) = self.relation(&create.table) else {
            return;
        };
        self.target = Some(table.clone());
        let keys: Vec<IndexColumn> = create.keys.iter().map(index_column).collect();
        let include: Vec<SmolStr> = create.include.iter().map(|column| column.value.clone()).collect();
        let id = if let Some(name) = &create.name {
            table.sibling(&name.last().value)
        } else {
            let names = index_names(&create.keys, &include);
            let parts = (table.name.as_str(), Some(names.as_str()), "idx");
            table.sibling(&choose(&self.catalog, &table.schema, parts, Unique::Relation, &[]))
        };
        if let Some(old) = self.catalog.relations.get(&id) {
            let created = old.meta.created;
            if let Some(name) = create.name.as_ref().filter(|_| !create.if_not_exists) {
                self.exists(ObjectKind::Index, name, created);
            }
            return;
        }
        for key in &create.keys {
            self.check_columns(&table, &key.expr);
        }
        let partitioned = self
            .catalog
            .table(&table)
            .is_some_and(|table| table.kind == TableKind::Partitioned);
        let index = Index {
            table: table.clone(),
            unique: create.unique,
            primary: false,
            method: create
                .method
                .as_ref()
                .map_or_else(|| "btree".into(), |method| method.value.clone()),
            keys,
            include,
            predicate: create.predicate.clone(),
            nulls_not_distinct: create.nulls_not_distinct,
            valid: !(create.only && partitioned),
            constraint: None,
            partition_of: None,
        };
        self.put_index(id.clone(), index.clone());
        if partitioned && !create.only {
            self.index_partitions(&table, &id, &index);
        }
    }

    fn put_index(&mut self, id: Id, index: Index) {
        let mut meta = Meta::new(self.origin, &self.session.role);
        meta.certainty = self.certainty;
        if index.constraint.is_none() {
            meta.definition = Some(self.statement_as_written());
        }
        let relation = Relation {
            meta,
            kind: RelationKind::Index(index),
        };
        self.emit(Change::Create(Object::Relation(id, Arc::new(relation))));
    }

    /// Every partition gets an index of its own, with a generated name.
    fn index_partitions(&mut self, parent: &Id, parent_index: &Id, index: &Index) {
        for partition in self.partitions(parent) {
            // One like it that is there already is taken: `DefineIndex`, measured.
            let own = self.catalog.indexes_of(&partition);
            let own = own.filter(|(_, own)| index.constraint.is_none() && is_like(own, index));
            let own = own.map(|(id, _)| id).next();
            if let Some(own) = own {
                self.emit(Change::Table {
                    table: parent_index.clone(),
                    what: TableChange::Attach {
                        partition: own,
                        bound: None,
                        default: false,
                    },
                });
                continue;
            }
            self.index_partition(&partition, parent_index, index);
        }
    }

    /// The index of one partition that goes with the parent's.
    pub(crate) fn index_partition(&mut self, partition: &Id, parent_index: &Id, index: &Index) {
        let names = names_in(index);
        let (parts, unique) = match (&index.constraint, index.primary) {
            (Some(_), true) => ((partition.name.as_str(), None, "pkey"), Unique::IndexConstraint),
            (Some(_), false) => (
                (partition.name.as_str(), Some(names.as_str()), "key"),
                Unique::IndexConstraint,
            ),
            (None, _) => ((partition.name.as_str(), Some(names.as_str()), "idx"), Unique::Relation),
        };
        let name = choose(&self.catalog, &partition.schema, parts, unique, &[]);
        let id = partition.sibling(&name);
        let mut own = index.clone();
        own.table = partition.clone();
        own.partition_of = Some(parent_index.clone());
        own.valid = true;
        own.constraint = index.constraint.as_ref().map(|_| name.clone());
        self.put_index(id.clone(), own.clone());
        if let Some(parent_constraint) = &index.constraint {
            self.inherit_index_constraint(partition, index, parent_constraint, &name);
        }
        if self
            .catalog
            .table(partition)
            .is_some_and(|table| table.kind == TableKind::Partitioned)
        {
            self.index_partitions(partition, &id, &own);
        }
    }

    fn inherit_index_constraint(&mut self, partition: &Id, index: &Index, parent_constraint: &str, name: &SmolStr) {
        let Some(found) = self
            .catalog
            .table(&index.table)
            .and_then(|table| table.constraint(parent_constraint))
        else {
            return;
        };
        let mut constraint = found.clone();
        constraint.name.clone_from(name);
        constraint.generated_name = true;
        constraint.inherited = true;
        constraint.created = self.origin;
        constraint.comment = None;
        self.emit(Change::AddConstraint {
            table: partition.clone(),
            constraint: Box::new(constraint),
        });
    }

    /// An index like another table's, for `LIKE … INCLUDING INDEXES`.
    pub(crate) fn copy_index(&mut self, table: &Id, index: &Index, comment: Option<SmolStr>) {
        let names = names_in(index);
        let parts = (table.name.as_str(), Some(names.as_str()), "idx");
        let name = choose(&self.catalog, &table.schema, parts, Unique::Relation, &[]);
        let own = Index {
            table: table.clone(),
            partition_of: None,
            valid: true,
            ..index.clone()
        };
        let id = table.sibling(&name);
        self.put_index(id.clone(), own);
        if comment.is_some() {
            self.emit(Change::Comment {
                object: Key::Relation(id),
                text: comment,
            });
        }
    }

    /// The partitions directly under a table, by name.
    pub(crate) fn partitions(&self, parent: &Id) -> Vec<Id> {
        self.children(parent, true)
    }

    /// The index behind a UNIQUE, PRIMARY KEY or EXCLUDE constraint: same name, same schema as its table.
    pub(crate) fn constraint_index(&mut self, table: &Id, name: &SmolStr, mut index: Index) {
        index.constraint = Some(name.clone());
        let id = table.sibling(name);
        self.put_index(id.clone(), index.clone());
        if self
            .catalog
            .table(table)
            .is_some_and(|table| table.kind == TableKind::Partitioned)
        {
            self.index_partitions(table, &id, &index);
        }
    }
}

/// A plain b-tree over columns, as constraints make it.
pub(crate) fn plain_index(table: &Id, columns: &[SmolStr], include: &[SmolStr], primary: bool) -> Index {
    let key = |column: &SmolStr| IndexColumn {
        column: Some(column.clone()),
        expr: Arc::new(Expr {
            span: Span::default(),
            node: ExprNode::Column(crate::sql::name::Name::bare(crate::sql::name::Ident::generated(column))),
        }),
        descending: false,
    };
    Index {
        table: table.clone(),
        unique: true,
        primary,
        method: "btree".into(),
        keys: columns.iter().map(key).collect(),
        include: include.to_vec(),
        predicate: None,
        nulls_not_distinct: false,
        valid: true,
        constraint: None,
        partition_of: None,
    }
}

/// The column that an expression is, if it is one.
pub(crate) fn plain_column(expr: &Expr) -> Option<SmolStr> {
    match &expr.node {
        ExprNode::Column(name) if name.parts.len() == 1 => Some(name.last().value.clone()),
        _ => None,
    }
}

pub(crate) fn index_column(key: &IndexKey) -> IndexColumn {
    let column = match &key.expr.node {
        ExprNode::Column(name) if name.parts.len() == 1 => Some(name.last().value.clone()),
        _ => None,
    };
    IndexColumn {
        column,
        expr: Arc::clone(&key.expr),
        descending: key.descending,
    }
}

/// The same of an index that is copied.
fn names_in(index: &Index) -> String {
    let names: Vec<Option<SmolStr>> = index
        .keys
        .iter()
        .map(|key| key.column.clone().or_else(|| figure_column_name(&key.expr)))
        .chain(index.include.iter().cloned().map(Some))
        .collect();
    let names = index_column_names(&names);
    join_columns(names.iter().map(SmolStr::as_str))
}

/// The part of a generated index name that lists its columns.
pub(crate) fn index_names(keys: &[IndexKey], include: &[SmolStr]) -> String {
    let names: Vec<Option<SmolStr>> = keys
        .iter()
        .map(|key| index_column(key).column.or_else(|| figure_column_name(&key.expr)))
        .chain(include.iter().cloned().map(Some))
        .collect();
    let names = index_column_names(&names);
    join_columns(names.iter().map(SmolStr::as_str))
}
