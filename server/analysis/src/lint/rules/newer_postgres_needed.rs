use crate::lint::prelude::*;
use crate::schema::facts::builtin_volatility;
use crate::schema::objects::TableKind;
use crate::sql::lexeme::lexemes_in;
use crate::sql::name::Ident;
use crate::sql::statement::{
    AlterObject, AlterPublication, ColumnConstraint, ColumnConstraintKind, Expr, ExprNode, ObjectKind, Parameter,
    PublicationTable, TableConstraint, TableConstraintKind,
};

rule! {
    /// The statement needs a newer PostgreSQL than the one that the project runs on.
    ///
    /// ## When
    /// Before PostgreSQL 15: `MERGE`, `security_invoker`, `NULLS NOT DISTINCT`, `SET ACCESS METHOD`, publications of
    /// schemas, columns or filtered rows. Before 17: `MERGE … RETURNING` and `BY SOURCE`, `SET EXPRESSION`, exclusion
    /// constraints on partitioned tables. Before 18: virtual generated columns, `NOT ENFORCED`, named `NOT NULL`
    /// constraints, `WITHOUT OVERLAPS`, foreign keys that are `NOT VALID` on partitioned tables, and functions such as
    /// `uuidv7()` in a default. The version is `postgres` of `dblsp.toml`, or `[db] major_version` of
    /// `supabase/config.toml`, or 15.
    ///
    /// ## Why
    /// The older server does not know it: 42601, a syntax error, or 22023 or 42883 for options and functions, or 0A000
    /// for what was not possible yet.
    ///
    /// ## Bad
    /// ```sql postgres=16
    /// create table users (id uuid primary key default uuidv7(), name text);
    /// ```
    ///
    /// ## Good
    /// ```sql postgres=16
    /// create table users (id uuid primary key default gen_random_uuid(), name text);
    /// ```
    ///
    /// ## References
    /// - [Release notes](https://www.postgresql.org/docs/release/)
    "newer-postgres-needed",
    category: Category::Syntax,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let mut needs = Vec::new();
    gather(cx, &mut needs);
    for (span, what, major) in needs {
        if cx.settings.postgres >= major {
            continue;
        }
        report
            .add(
                span,
                format!(
                    "{what} needs PostgreSQL {major}, and the project runs on {}",
                    cx.settings.postgres
                ),
            )
            .help("Write it in another way, or set the version that the project runs on.");
    }
}

type Need = (Span, String, u16);

fn gather(cx: &Cx<'_>, needs: &mut Vec<Need>) {
    let statement = cx.step().statement;
    let head = |text: &str| {
        let first = cx.source(statement.span).get(..text.len());
        let is_head = first.is_some_and(|first| first.eq_ignore_ascii_case(text));
        let length = if is_head { text.len() } else { statement.span.len() };
        Span::new(statement.span.start as usize, statement.span.start as usize + length)
    };
    match &statement.node {
        Node::Merge(_) => {
            needs.push((head("merge"), "`merge`".to_owned(), 15));
            needs.extend(
                words(cx, statement.span, &["returning"]).map(|span| (span, "`merge … returning`".to_owned(), 17)),
            );
            needs.extend(words(cx, statement.span, &["by", "source"]).map(|span| (span, "`by source`".to_owned(), 17)));
        }
        Node::AlterObject {
            object,
            action: AlterObject::SetOptions(options),
            ..
        } if object.kind == ObjectKind::View => {
            needs.extend(invoker(options));
        }
        Node::AlterPublication {
            name,
            action: AlterPublication::Add { tables, schemas } | AlterPublication::SetObjects { tables, schemas },
        } if is_partial(tables, schemas) => {
            needs.push((name.span, "publishing schemas, columns or filtered rows".to_owned(), 15));
        }
        Node::CreateView(create) => {
            needs.extend(invoker(&create.options));
        }
        Node::CreateIndex(create) if create.nulls_not_distinct => {
            needs.push((create.table.span(), "`nulls not distinct`".to_owned(), 15));
        }
        Node::CreatePublication(create) if is_partial(&create.tables, &create.schemas) => {
            let what = "publishing schemas, columns or filtered rows".to_owned();
            needs.push((create.name.span, what, 15));
        }
        Node::CreateTable(create) => {
            for column in &create.columns {
                column
                    .constraints
                    .iter()
                    .for_each(|constraint| of_column(cx, constraint, needs));
            }
            let is_partitioned = create.partition_by.is_some();
            create
                .constraints
                .iter()
                .for_each(|constraint| of_table(cx, constraint, is_partitioned, needs));
        }
        Node::AlterTable(alter) => {
            let target = cx.target().and_then(|(_, relation)| relation.table());
            let is_partitioned = target.is_some_and(|table| table.kind == TableKind::Partitioned);
            for action in &alter.actions {
                match &action.kind {
                    AlterActionKind::AddColumn { column, .. } => {
                        column
                            .constraints
                            .iter()
                            .for_each(|constraint| of_column(cx, constraint, needs));
                    }
                    AlterActionKind::SetDefault { default, .. } => calls(cx, default, needs),
                    AlterActionKind::AddConstraint(constraint) => of_table(cx, constraint, is_partitioned, needs),
                    AlterActionKind::SetOptions(options) => needs.extend(invoker(options)),
                    AlterActionKind::SetExpression { .. } => {
                        needs.push((action.span, "`set expression`".to_owned(), 17));
                    }
                    AlterActionKind::SetAccessMethod(_) => {
                        needs.push((action.span, "`set access method`".to_owned(), 15));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn of_column(cx: &Cx<'_>, constraint: &ColumnConstraint, needs: &mut Vec<Need>) {
    match &constraint.kind {
        ColumnConstraintKind::Generated { stored: false, .. } => {
            needs.push((constraint.span, "a virtual generated column".to_owned(), 18));
        }
        ColumnConstraintKind::Unique {
            nulls_not_distinct: true,
        } => {
            needs.push((constraint.span, "`nulls not distinct`".to_owned(), 15));
        }
        ColumnConstraintKind::Default(expr) => calls(cx, expr, needs),
        _ => {}
    }
}

fn invoker(options: &[Parameter]) -> Option<Need> {
    let option = options.iter().find(|option| option.name == "security_invoker")?;
    Some((option.span, "`security_invoker`".to_owned(), 15))
}

fn is_partial(tables: &[PublicationTable], schemas: &[Ident]) -> bool {
    let is_partial = |table: &PublicationTable| !table.columns.is_empty() || table.filter.is_some();
    !schemas.is_empty() || tables.iter().any(is_partial)
}

/// Where these words follow each other, outside of quotes and comments.
fn words(cx: &Cx<'_>, part: Span, words: &[&str]) -> Option<Span> {
    // Most have no such word, and need not be read again.
    let last = words.last()?.as_bytes();
    let mut parts = cx.source(part).as_bytes().windows(last.len());
    if !parts.any(|part| part.eq_ignore_ascii_case(last)) {
        return None;
    }
    let found = lexemes_in(cx.text(), part);
    let mut all = found.windows(words.len());
    let first = all.find(|some| some.iter().zip(words).all(|(lexeme, word)| lexeme.is(cx.text(), word)))?;
    Some(first.first()?.span.cover(first.last()?.span))
}

fn of_table(cx: &Cx<'_>, constraint: &TableConstraint, is_partitioned: bool, needs: &mut Vec<Need>) {
    let overlaps = words(cx, constraint.span, &["without", "overlaps"]);
    needs.extend(overlaps.map(|span| (span, "`without overlaps`".to_owned(), 18)));
    if constraint.not_enforced {
        needs.push((constraint.span, "`not enforced`".to_owned(), 18));
    }
    match &constraint.kind {
        TableConstraintKind::Unique {
            nulls_not_distinct: true,
            ..
        } => needs.push((constraint.span, "`nulls not distinct`".to_owned(), 15)),
        TableConstraintKind::Exclude { .. } if is_partitioned => {
            let what = "an exclusion constraint on a partitioned table".to_owned();
            needs.push((constraint.span, what, 17));
        }
        TableConstraintKind::ForeignKey { .. } if is_partitioned && constraint.not_valid => {
            let what = "a foreign key that is not valid on a partitioned table".to_owned();
            needs.push((constraint.span, what, 18));
        }
        TableConstraintKind::NotNull(_) => needs.push((constraint.span, "a NOT NULL table constraint".to_owned(), 18)),
        _ => {}
    }
}

/// Built-in functions that this version does not have, unless the history or the search path may have one.
fn calls(cx: &Cx<'_>, expr: &Expr, needs: &mut Vec<Need>) {
    if let ExprNode::Call { name, .. } = &expr.node {
        let function = name.last().as_str();
        let is_builtin = name.qualifier().is_none_or(|schema| schema.value == "pg_catalog");
        let is_there = |major| builtin_volatility(function, major).is_some();
        let own = cx
            .before()
            .routines
            .keys()
            .any(|signature| signature.id.name == function);
        let first = (cx.settings.postgres + 1..=18).find(|major| is_there(*major));
        if let Some(first) = first.filter(|_| is_builtin && !is_there(cx.settings.postgres) && !own) {
            needs.push((expr.span, format!("`{function}()`"), first));
        }
    }
    expr.children().into_iter().for_each(|child| calls(cx, child, needs));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    const SQL: &str = "
-- 1_first.sql
create table a (id uuid default uuidv7(), b int, c int generated always as (b + 1) virtual);
--                              ^^^^^^^^ warning: `uuidv7()` needs PostgreSQL 18, and the project runs on 14
--                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: a virtual generated column needs PostgreSQL 18
create view v with (security_invoker = true) as select id from a;
--                  ^^^^^^^^^^^^^^^^^^^^^^^ warning: `security_invoker` needs PostgreSQL 15
alter table a add constraint u unique nulls not distinct (b);
--                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: `nulls not distinct` needs PostgreSQL 15
  merge into a using a as s on a.id = s.id when matched then delete;
--^^^^^ warning: `merge` needs PostgreSQL 15
alter table a add constraint k check (b > 0) not enforced;
--                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: `not enforced` needs PostgreSQL 18
create table d (id uuid default gen_random_uuid());
alter view v set (security_invoker = true);
--                ^^^^^^^^^^^^^^^^^^^^^^^ warning: `security_invoker` needs PostgreSQL 15
create table rooms (id int, during tstzrange, primary key (id, during without overlaps));
--                                                                    ^^^^^^^^^^^^^^^^ warning: `without overlaps` needs PostgreSQL 18
create table parts (id int, r int4range, exclude using gist (r with =)) partition by range (id);
--                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: an exclusion constraint on a partitioned table needs PostgreSQL 17
alter table parts add foreign key (id) references d (b) not valid;
--                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: a foreign key that is not valid on a partitioned table needs PostgreSQL 18
create publication p for table a;
alter publication p add table a (b);
--                ^ warning: publishing schemas, columns or filtered rows needs PostgreSQL 15
";

    #[test]
    fn parts_of_a_statement_may_be_newer() {
        Case::new(&RULE).postgres(16).fires(
            "
merge into a using s on a.id = s.id when not matched by source then delete returning a.id;
--                                                   ^^^^^^^^^ warning: `by source` needs PostgreSQL 17
--                                                                         ^^^^^^^^^ warning: `merge … returning` needs PostgreSQL 17
",
        );
    }

    #[test]
    fn the_server_does_not_know_it() {
        Case::new(&RULE).postgres(14).fires(SQL);
        let plain: Vec<&str> = SQL.lines().filter(|line| !line.contains('^')).collect();
        Case::new(&RULE).postgres(18).silent(&plain.join("\n"));
    }

    #[test]
    fn a_function_of_ones_own_is_no_newer_one() {
        Case::new(&RULE).silent(
            "
create function uuidv7() returns uuid language sql as 'select gen_random_uuid()';
create table a (id uuid default uuidv7());
",
        );
    }
}
