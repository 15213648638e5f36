//! REFRESH, REINDEX, CLUSTER, VACUUM, ANALYZE.

use sqlparser::tokenizer::Token as SqlToken;

use super::parts::{is_on, options, relation};
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::name::Name;
use crate::sql::statement::{Node, ObjectKind, Parameter};

/// `REFRESH MATERIALIZED VIEW [CONCURRENTLY] name [WITH [NO] DATA]`
pub(super) fn refresh(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect_all(&["MATERIALIZED", "VIEW"])?;
    let concurrently = cursor.eat("CONCURRENTLY");
    let name = cursor.name()?;
    let with_data = !cursor.eat_all(&["WITH", "NO", "DATA"]);
    cursor.eat_all(&["WITH", "DATA"]);
    Ok(Node::RefreshMaterializedView {
        concurrently,
        name,
        with_data,
    })
}

/// `REINDEX [(option, …)] kind [CONCURRENTLY] [name]`
pub(super) fn reindex(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let options = option_list(cursor)?;
    let kind = match super::parts::word(cursor)?.as_str() {
        "INDEX" => ObjectKind::Index,
        "TABLE" => ObjectKind::Table,
        "SCHEMA" => ObjectKind::Schema,
        "DATABASE" => ObjectKind::Database,
        "SYSTEM" => ObjectKind::System,
        _ => return Err(Unreadable),
    };
    let concurrently = cursor.eat("CONCURRENTLY") || is_on(&options, "concurrently");
    let name = if cursor.at_end() { None } else { Some(cursor.name()?) };
    Ok(Node::Reindex {
        kind,
        name,
        concurrently,
    })
}

/// `CLUSTER [VERBOSE] [(option, …)] [table [USING index]]`, and `CLUSTER index ON table` of old
pub(super) fn cluster(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.eat("VERBOSE");
    option_list(cursor)?;
    let (mut table, mut index) = (None, None);
    if !cursor.at_end() {
        let name = cursor.name()?;
        if cursor.eat("ON") {
            index = Some(name.last().clone());
            table = Some(cursor.name()?);
        } else {
            table = Some(name);
        }
        if cursor.eat("USING") {
            index = Some(cursor.ident()?);
        }
    }
    Ok(Node::Cluster { table, index })
}

/// `VACUUM [FULL] [FREEZE] [VERBOSE] [ANALYZE] [table, …]`, `VACUUM (option, …) [table, …]`
pub(super) fn vacuum(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let options = option_list(cursor)?;
    let mut full = is_on(&options, "full");
    let mut analyze = is_on(&options, "analyze") || is_on(&options, "analyse");
    while let Some(word) = cursor.eat_any(&["FULL", "FREEZE", "VERBOSE", "ANALYZE", "ANALYSE"]) {
        full |= word == "FULL";
        analyze |= word.starts_with("ANALY");
    }
    Ok(Node::Vacuum {
        full,
        analyze,
        tables: tables(cursor)?,
    })
}

/// `ANALYZE [VERBOSE] [(option, …)] [table, …]`
pub(super) fn analyze(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    option_list(cursor)?;
    cursor.eat("VERBOSE");
    Ok(Node::Analyze {
        tables: tables(cursor)?,
    })
}

fn option_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<Parameter>> {
    if cursor.at_token(&SqlToken::LParen) {
        options(cursor)
    } else {
        Ok(Vec::new())
    }
}

/// `[ONLY] table [(column, …)], …`
fn tables(cursor: &mut Cursor<'_>) -> Parsed<Vec<Name>> {
    if cursor.at_end() {
        return Ok(Vec::new());
    }
    cursor.list(|cursor| {
        let table = relation(cursor)?;
        cursor.optional_columns()?;
        Ok(table.name)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    #[test]
    fn vacuum_and_analyze_know_both_syntaxes() {
        for (sql, full, analyze, tables) in [
            ("vacuum", false, false, 0),
            ("VACUUM FULL FREEZE VERBOSE ANALYZE t (a, b), u", true, true, 2),
            ("VACUUM (FULL, ANALYZE false, PARALLEL 2) s.t", true, false, 1),
            ("vacuum (analyze) only t", false, true, 1),
        ] {
            let Node::Vacuum {
                full: is_full,
                analyze: analyzes,
                tables: names,
            } = node(sql)
            else {
                panic!("{sql}");
            };
            assert_eq!((is_full, analyzes, names.len()), (full, analyze, tables), "{sql}");
        }
        assert!(matches!(node("ANALYZE t (a, b)"), Node::Analyze { tables } if tables.len() == 1));
        assert!(matches!(node("analyze (verbose, skip_locked) a, b"), Node::Analyze { tables } if tables.len() == 2));
        unreadable("vacuum t create table u ()");
    }

    #[test]
    fn reindex_and_cluster_and_refresh_say_what_and_how() {
        for (sql, kind, concurrently) in [
            ("REINDEX TABLE CONCURRENTLY t", ObjectKind::Table, true),
            ("REINDEX (VERBOSE) INDEX idx", ObjectKind::Index, false),
            (
                "REINDEX (concurrently, tablespace x) INDEX idx",
                ObjectKind::Index,
                true,
            ),
            ("REINDEX DATABASE db", ObjectKind::Database, false),
            ("reindex system", ObjectKind::System, false),
        ] {
            assert!(
                matches!(node(sql), Node::Reindex { kind: k, concurrently: c, .. } if k == kind && c == concurrently),
                "{sql}"
            );
        }
        for sql in ["cluster t using i", "cluster verbose s.t using i", "cluster i on t"] {
            assert!(
                matches!(node(sql), Node::Cluster { table: Some(table), index: Some(index) }
                    if table.last().value == "t" && index.value == "i"),
                "{sql}"
            );
        }
        assert!(matches!(
            node("REFRESH MATERIALIZED VIEW CONCURRENTLY mv"),
            Node::RefreshMaterializedView {
                concurrently: true,
                with_data: true,
                ..
            }
        ));
        assert!(matches!(
            node("REFRESH MATERIALIZED VIEW s.mv WITH NO DATA"),
            Node::RefreshMaterializedView { with_data: false, .. }
        ));
    }
}
