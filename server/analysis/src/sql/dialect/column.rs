//! Column definitions, column constraints and table constraints.
//! <https://www.postgresql.org/docs/current/sql-createtable.html>

use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Stops, Unreadable};
use super::super::name::{Ident, Name};
use super::super::statement::{
    ColumnConstraint, ColumnConstraintKind, ColumnDef, References, ReferentialAction, TableConstraint,
    TableConstraintKind, TypeName,
};
use super::index::{index_key, optional_predicate};
use super::parts::{Attributes, generic_options, with_parameters};
use super::sequence::paren_options;
use super::types::type_name;
use crate::text::Span;

/// What ends a DEFAULT expression: the words that start the next column constraint.
const CONSTRAINT_STARTS: Stops = &[
    "CONSTRAINT",
    "NOT",
    "NULL",
    "CHECK",
    "UNIQUE",
    "PRIMARY",
    "REFERENCES",
    "GENERATED",
    "DEFAULT",
    "COLLATE",
    "DEFERRABLE",
    "INITIALLY",
    "STORAGE",
    "COMPRESSION",
    "OPTIONS",
    "ENFORCED",
];

/// `name type constraints`
pub(crate) fn column_def(c: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let start = c.span();
    let name = c.ident()?;
    let ty = Some(type_name(c)?);
    finish_column(c, name, ty, start)
}

/// `name [WITH OPTIONS] constraints`, in CREATE TABLE … OF and PARTITION OF.
pub(crate) fn untyped_column_def(c: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let start = c.span();
    let name = c.ident()?;
    c.eat_all(&["WITH", "OPTIONS"]);
    finish_column(c, name, None, start)
}

fn finish_column(c: &mut Cursor<'_>, name: Ident, ty: Option<TypeName>, start: Span) -> Parsed<ColumnDef> {
    let (collation, constraints) = constraints(c)?;
    Ok(ColumnDef {
        name,
        ty,
        collation,
        constraints,
        span: c.span_from(start),
    })
}

/// The constraints behind a column's (or domain's) type, up to the first word that starts none; and its collation.
pub(crate) fn constraints(c: &mut Cursor<'_>) -> Parsed<(Option<Name>, Vec<ColumnConstraint>)> {
    let mut collation = None;
    let mut constraints = Vec::new();
    loop {
        if c.eat("COLLATE") {
            collation = Some(c.name()?);
        } else if c.eat("STORAGE") || c.eat("COMPRESSION") {
            c.ident()?;
        } else if !generic_options(c)? {
            let Some(constraint) = column_constraint(c)? else {
                constraints.shrink_to_fit();
                return Ok((collation, constraints));
            };
            constraints.push(constraint);
        }
    }
}

fn column_constraint(c: &mut Cursor<'_>) -> Parsed<Option<ColumnConstraint>> {
    let start = c.span();
    let name = c.eat("CONSTRAINT").then(|| c.ident()).transpose()?;
    let Some(mut kind) = column_constraint_kind(c)? else {
        return if name.is_some() { Err(Unreadable) } else { Ok(None) };
    };
    let attributes = Attributes::read(c);
    if let ColumnConstraintKind::Check { no_inherit, .. } = &mut kind {
        *no_inherit = attributes.no_inherit;
    }
    Ok(Some(ColumnConstraint {
        name,
        kind,
        deferrable: attributes.deferrable,
        initially_deferred: attributes.initially_deferred,
        span: c.span_from(start),
    }))
}

fn column_constraint_kind(c: &mut Cursor<'_>) -> Parsed<Option<ColumnConstraintKind>> {
    let kind = if c.eat_all(&["NOT", "NULL"]) {
        ColumnConstraintKind::NotNull
    } else if c.eat("NULL") {
        ColumnConstraintKind::Null
    } else if c.eat("DEFAULT") {
        ColumnConstraintKind::Default(c.expr(CONSTRAINT_STARTS)?.into())
    } else if c.eat("CHECK") {
        ColumnConstraintKind::Check {
            expr: c.paren_expr()?.into(),
            no_inherit: false,
        }
    } else if c.eat("UNIQUE") {
        let nulls_not_distinct = nulls_not_distinct(c);
        index_parameters(c)?;
        ColumnConstraintKind::Unique { nulls_not_distinct }
    } else if c.eat_all(&["PRIMARY", "KEY"]) {
        index_parameters(c)?;
        ColumnConstraintKind::PrimaryKey
    } else if c.at_word("REFERENCES") {
        ColumnConstraintKind::References(Box::new(references(c)?))
    } else if c.eat("GENERATED") {
        generated(c)?
    } else {
        return Ok(None);
    };
    Ok(Some(kind))
}

/// Behind `GENERATED`.
fn generated(c: &mut Cursor<'_>) -> Parsed<ColumnConstraintKind> {
    let always = always_or_by_default(c)?;
    c.expect("AS")?;
    if c.eat("IDENTITY") {
        return Ok(ColumnConstraintKind::Identity {
            always,
            options: paren_options(c)?,
        });
    }
    let expr = c.paren_expr()?.into();
    let stored = c.eat("STORED");
    if !stored {
        c.eat("VIRTUAL");
    }
    Ok(ColumnConstraintKind::Generated { expr, stored })
}

/// `ALWAYS` (true) or `BY DEFAULT`.
pub(crate) fn always_or_by_default(c: &mut Cursor<'_>) -> Parsed<bool> {
    let always = c.eat("ALWAYS");
    if !always {
        c.expect_all(&["BY", "DEFAULT"])?;
    }
    Ok(always)
}

/// `NULLS [NOT] DISTINCT`
pub(crate) fn nulls_not_distinct(c: &mut Cursor<'_>) -> bool {
    let not = c.eat_all(&["NULLS", "NOT", "DISTINCT"]);
    if !not {
        c.eat_all(&["NULLS", "DISTINCT"]);
    }
    not
}

/// `WITH (…)` and `USING INDEX TABLESPACE t` of unique, primary key and exclusion constraints.
fn index_parameters(c: &mut Cursor<'_>) -> Parsed<()> {
    with_parameters(c)?;
    if c.eat_all(&["USING", "INDEX", "TABLESPACE"]) {
        c.ident()?;
    }
    Ok(())
}

fn references(c: &mut Cursor<'_>) -> Parsed<References> {
    let start = c.span();
    c.expect("REFERENCES")?;
    let mut references = References {
        table: c.name()?,
        columns: key_columns(c)?,
        match_type: None,
        on_delete: ReferentialAction::Unspecified,
        on_update: ReferentialAction::Unspecified,
        span: start,
    };
    loop {
        if c.eat("MATCH") {
            references.match_type = Some(c.ident()?.value);
        } else if c.eat_all(&["ON", "DELETE"]) {
            references.on_delete = referential_action(c)?;
        } else if c.eat_all(&["ON", "UPDATE"]) {
            references.on_update = referential_action(c)?;
        } else {
            break;
        }
    }
    references.span = c.span_from(start);
    Ok(references)
}

fn referential_action(c: &mut Cursor<'_>) -> Parsed<ReferentialAction> {
    if c.eat_all(&["NO", "ACTION"]) {
        Ok(ReferentialAction::NoAction)
    } else if c.eat("RESTRICT") {
        Ok(ReferentialAction::Restrict)
    } else if c.eat("CASCADE") {
        Ok(ReferentialAction::Cascade)
    } else if c.eat_all(&["SET", "NULL"]) {
        c.optional_columns()?;
        Ok(ReferentialAction::SetNull)
    } else if c.eat_all(&["SET", "DEFAULT"]) {
        c.optional_columns()?;
        Ok(ReferentialAction::SetDefault)
    } else {
        Err(Unreadable)
    }
}

/// `(a, b, PERIOD c)` or `(a, b WITHOUT OVERLAPS)`, if a parenthesis is next.
fn key_columns(c: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    if !c.at_token(&SqlToken::LParen) {
        return Ok(Vec::new());
    }
    c.paren_list(|c| {
        let mut column = c.ident()?;
        if column.value == "period" && matches!(c.peek().map(|next| &next.token), Some(SqlToken::Word(_))) {
            column = c.ident()?;
        }
        c.eat_all(&["WITHOUT", "OVERLAPS"]);
        Ok(column)
    })
}

fn required_key_columns(c: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    let columns = key_columns(c)?;
    if columns.is_empty() {
        Err(Unreadable)
    } else {
        Ok(columns)
    }
}

/// Whether a table constraint is next, and not a column.
pub(crate) fn at_table_constraint(c: &Cursor<'_>) -> bool {
    c.at_any(&["CONSTRAINT", "CHECK", "UNIQUE"])
        || c.at_words(&["PRIMARY", "KEY"])
        || c.at_words(&["FOREIGN", "KEY"])
        || c.at_words(&["NOT", "NULL"])
        || c.at_words(&["EXCLUDE", "USING"])
        || (c.at_word("EXCLUDE") && c.peek_nth(1).is_some_and(|next| next.token == SqlToken::LParen))
}

/// `[CONSTRAINT name] constraint attributes`
pub(crate) fn table_constraint(c: &mut Cursor<'_>) -> Parsed<TableConstraint> {
    let start = c.span();
    let name = c.eat("CONSTRAINT").then(|| c.ident()).transpose()?;
    let kind = table_constraint_kind(c)?;
    let attributes = Attributes::read(c);
    Ok(TableConstraint {
        name,
        kind,
        deferrable: attributes.deferrable,
        initially_deferred: attributes.initially_deferred,
        not_valid: attributes.not_valid,
        not_enforced: attributes.enforced == Some(false),
        no_inherit: attributes.no_inherit,
        span: c.span_from(start),
    })
}

fn table_constraint_kind(c: &mut Cursor<'_>) -> Parsed<TableConstraintKind> {
    if c.eat("CHECK") {
        Ok(TableConstraintKind::Check(c.paren_expr()?.into()))
    } else if c.eat("UNIQUE") {
        if c.eat_all(&["USING", "INDEX"]) {
            return Ok(TableConstraintKind::UsingIndex {
                index: c.ident()?,
                primary: false,
            });
        }
        let nulls_not_distinct = nulls_not_distinct(c);
        let columns = required_key_columns(c)?;
        let include = include(c)?;
        index_parameters(c)?;
        Ok(TableConstraintKind::Unique {
            columns,
            include,
            nulls_not_distinct,
        })
    } else if c.eat_all(&["PRIMARY", "KEY"]) {
        if c.eat_all(&["USING", "INDEX"]) {
            return Ok(TableConstraintKind::UsingIndex {
                index: c.ident()?,
                primary: true,
            });
        }
        let columns = required_key_columns(c)?;
        let include = include(c)?;
        index_parameters(c)?;
        Ok(TableConstraintKind::PrimaryKey { columns, include })
    } else if c.eat("EXCLUDE") {
        exclude(c)
    } else if c.eat_all(&["FOREIGN", "KEY"]) {
        Ok(TableConstraintKind::ForeignKey {
            columns: required_key_columns(c)?,
            references: Box::new(references(c)?),
        })
    } else if c.eat_all(&["NOT", "NULL"]) {
        Ok(TableConstraintKind::NotNull(c.ident()?))
    } else {
        Err(Unreadable)
    }
}

/// `INCLUDE (columns)`
pub(crate) fn include(c: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    if c.eat("INCLUDE") {
        c.paren_list(Cursor::ident)
    } else {
        Ok(Vec::new())
    }
}

fn exclude(c: &mut Cursor<'_>) -> Parsed<TableConstraintKind> {
    let method = c.eat("USING").then(|| c.ident()).transpose()?;
    let elements = c.paren_list(index_key)?;
    include(c)?;
    index_parameters(c)?;
    let predicate = optional_predicate(c)?;
    Ok(TableConstraintKind::Exclude {
        method,
        elements,
        predicate: predicate.map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::statement::{CreateTable, Node};
    use super::super::testing::node;
    use super::*;

    fn table(sql: &str) -> CreateTable {
        match node(sql) {
            Node::CreateTable(table) => *table,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn constraint_texts(sql: &str) -> Vec<&str> {
        let table = table(sql);
        let columns = table.columns.iter().flat_map(|column| &column.constraints);
        let spans = columns.map(|constraint| constraint.span);
        spans
            .chain(table.constraints.iter().map(|constraint| constraint.span))
            .map(|span| span.slice(sql))
            .collect()
    }

    #[test]
    fn a_default_ends_where_the_next_constraint_starts() {
        assert_eq!(
            constraint_texts("create table t (a text default 'x' not null, b int default public.default(null) null)"),
            ["default 'x'", "not null", "default public.default(null)", "null"]
        );
        assert_eq!(
            constraint_texts("create table t (a text default case when true then null end collate \"C\" unique)"),
            ["default case when true then null end", "unique"]
        );
    }

    #[test]
    fn attributes_belong_to_the_constraint_before_them() {
        let sql = "create table t (a int constraint fk references u (id) match full on delete set null (a) not deferrable \
                   constraint ck check (a > 0) no inherit not enforced)";
        assert_eq!(
            constraint_texts(sql),
            [
                "constraint fk references u (id) match full on delete set null (a) not deferrable",
                "constraint ck check (a > 0) no inherit not enforced"
            ]
        );
        let table = table(sql);
        assert_eq!(table.columns[0].constraints[0].deferrable, Some(false));
        let ColumnConstraintKind::References(references) = &table.columns[0].constraints[0].kind else {
            panic!()
        };
        assert_eq!(
            references.span.slice(sql),
            "references u (id) match full on delete set null (a)"
        );
        assert_eq!(references.on_delete, ReferentialAction::SetNull);
    }

    #[test]
    fn every_kind_of_column_constraint() {
        let sql = "create table t (
            a bigint generated by default as identity (sequence name public.s start with 1 increment by 2 no minvalue) primary key with (fillfactor = 70) using index tablespace x,
            b int generated always as (a + 1) stored,
            c int generated always as (a * 2),
            d text storage external compression lz4 collate \"C\" unique nulls not distinct null)";
        let table = table(sql);
        let kinds: Vec<_> = table
            .columns
            .iter()
            .map(|column| column.constraints[0].kind.clone())
            .collect();
        assert!(matches!(&kinds[0], ColumnConstraintKind::Identity { always: false, options } if options.len() == 4));
        assert!(matches!(kinds[1], ColumnConstraintKind::Generated { stored: true, .. }));
        assert!(matches!(
            kinds[2],
            ColumnConstraintKind::Generated { stored: false, .. }
        ));
        assert!(matches!(
            kinds[3],
            ColumnConstraintKind::Unique {
                nulls_not_distinct: true
            }
        ));
        assert_eq!(
            table.columns[3].collation.as_ref().map(ToString::to_string).as_deref(),
            Some("C")
        );
    }

    #[test]
    fn every_kind_of_table_constraint() {
        let sql = "create table t (a int,
            constraint ck check (a > 0) not valid,
            unique nulls not distinct (a, b) include (c) with (fillfactor = 70),
            primary key (a, during without overlaps) deferrable initially deferred,
            exclude using gist (room with =, during with &&) where (a > 0),
            exclude (c with operator(pg_catalog.=)),
            foreign key (a, period during) references u (a, period during) on update cascade,
            constraint nn not null a no inherit)";
        let table = table(sql);
        assert_eq!(table.constraints.len(), 7);
        assert!(table.constraints[0].not_valid);
        assert!(
            matches!(&table.constraints[2].kind, TableConstraintKind::PrimaryKey { columns, .. } if columns.len() == 2)
        );
        let TableConstraintKind::Exclude {
            elements, predicate, ..
        } = &table.constraints[3].kind
        else {
            panic!()
        };
        assert_eq!(elements[1].operator.as_deref(), Some("&&"));
        assert!(predicate.is_some());
        assert!(table.constraints[6].no_inherit);
    }
}
