use smol_str::SmolStr;

use crate::lint::prelude::*;
use crate::schema::objects::{Constraint, ConstraintKind, Origin, Relation, Table, quote};
use crate::sql::statement::{ColumnConstraintKind, ColumnDef, Persistence, TableConstraint, TableConstraintKind};

rule! {
    /// A foreign key without an index makes deletes on the other table read all of this one.
    ///
    /// ## When
    /// A foreign key is there after the last migration, and no valid index of its table begins with its columns, in any
    /// order; an index with a `WHERE` does not count. Primary keys and unique constraints count. Reported where the foreign
    /// key was written; an index that a later migration adds clears it.
    ///
    /// ## Why
    /// PostgreSQL indexes the referenced columns, not the referencing ones. Whenever a row of the referenced table is
    /// deleted or its key changes, PostgreSQL looks for the rows that point to it, and without an index it reads the
    /// whole table, once per deleted row, while that row stays locked.
    ///
    /// ## Bad
    /// ```sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint references users);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// create table users (id bigint primary key);
    /// create table orders (id bigint primary key, user_id bigint references users);
    /// create index on orders (user_id);
    /// ```
    ///
    /// ## Fix
    /// Creates an index right after the foreign key, where the table is as new as the foreign key. For an older table,
    /// create it concurrently in a migration of its own.
    ///
    /// ## References
    /// - [Foreign keys](https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK)
    "fk-without-index",
    category: Category::Lock,
    level: Level::Info,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Relation(check),
}

fn check(cx: &Cx<'_>, id: &Id, relation: &Relation, report: &mut Report) {
    let Some(table) = relation.table().filter(|it| it.persistence != Persistence::Temporary) else {
        return;
    };
    let last = cx.last();
    for constraint in table.constraints.iter().filter(|constraint| !constraint.inherited) {
        let ConstraintKind::Foreign(key) = &constraint.kind else {
            continue;
        };
        let Some(file) = cx.judged_file(constraint.created) else {
            continue;
        };
        let mut indexes = last.indexes_of(id);
        if indexes.any(|(_, index)| index.leads_with(&constraint.columns)) {
            continue;
        }
        let columns = constraint.columns.join("`, `");
        let message = format!(
            "deleting from `{}` reads all of `{}`: no index leads with `{columns}`",
            shown(&key.table),
            shown(id)
        );
        let finding = report.add(place(cx, file, constraint), message);
        finding
            .in_migration(file)
            .help(format!("Create an index on `{}` (`{columns}`).", shown(id)));
        if !last.since(relation.meta.certainty, relation.meta.changed).is_certain() {
            finding.level(Level::Hint);
        }
        if let Some(edit) = index_after(cx, file, constraint, relation, table, id) {
            finding.fix(FixKind::Review, "Create an index right after", vec![edit]);
        }
    }
}

/// Where the foreign key is written: its clause, or the whole statement where that cannot be found.
fn place(cx: &Cx<'_>, file: usize, constraint: &Constraint) -> Span {
    let statement = constraint.created.span;
    let written = cx.statement_at(file, constraint.created);
    let clause = written.and_then(|written| match &written.node {
        Node::CreateTable(create) => {
            let inline = create.columns.iter().find_map(|column| inline(column, constraint));
            inline.or_else(|| {
                create
                    .constraints
                    .iter()
                    .find_map(|clause| of_table(clause, constraint))
            })
        }
        Node::AlterTable(alter) => alter.actions.iter().find_map(|action| match &action.kind {
            AlterActionKind::AddColumn { column, .. } => inline(column, constraint),
            AlterActionKind::AddConstraint(clause) => of_table(clause, constraint),
            _ => None,
        }),
        _ => None,
    });
    clause.unwrap_or(statement)
}

fn inline(column: &ColumnDef, constraint: &Constraint) -> Option<Span> {
    let same = constraint.columns.iter().eq([&column.name.value]);
    let reference =
        |clause: &&crate::sql::statement::ColumnConstraint| matches!(clause.kind, ColumnConstraintKind::References(_));
    let found = column.constraints.iter().find(reference).filter(|_| same)?;
    Some(found.span)
}

fn of_table(clause: &TableConstraint, constraint: &Constraint) -> Option<Span> {
    let TableConstraintKind::ForeignKey { columns, .. } = &clause.kind else {
        return None;
    };
    let same = columns.iter().map(|column| &column.value).eq(&constraint.columns);
    same.then_some(clause.span)
}

/// An edit that creates the index, where the table was made in the same transaction under the name that it still has.
fn index_after(
    cx: &Cx<'_>,
    file: usize,
    constraint: &Constraint,
    relation: &Relation,
    table: &Table,
    id: &Id,
) -> Option<crate::lint::diagnostic::Edit> {
    let Origin { span, transaction, .. } = constraint.created;
    let editable = cx.statement_at(file, constraint.created).is_some();
    let there = constraint.columns.iter().all(|name| table.column(name).is_some());
    if !editable || !there || relation.meta.created.transaction != transaction {
        return None;
    }
    let upper = span
        .slice(cx.text_of(file))
        .starts_with(|first: char| first.is_ascii_uppercase());
    let (create, on) = if upper {
        ("CREATE INDEX", "ON")
    } else {
        ("create index", "on")
    };
    let columns: Vec<String> = constraint.columns.iter().map(SmolStr::as_str).map(quote).collect();
    let name = if id.schema == "public" {
        quote(&id.name)
    } else {
        format!("{}.{}", quote(&id.schema), quote(&id.name))
    };
    Some(insert(
        span.end,
        format!(";\n{create} {on} {name} ({})", columns.join(", ")),
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_leading_index_clears_it_wherever_it_is_created() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, unique (a, b));
create table orders (
    id bigint primary key references users,
    one bigint references users,
    two bigint references users,
--             ^^^^^^^^^^^^^^^^ info: deleting from `users` reads all of `orders`: no index leads with `two`
    three bigint references users,
--               ^^^^^^^^^^^^^^^^ info: deleting from `users` reads all of `orders`: no index leads with `three`
    b int, a int,
    foreign key (a, b) references users (a, b),
    unique (one, two)
);
create index on orders (b, a, id);
create index on orders (one);
create index partial on orders (three) where three is not null;
-- 2_second.sql
alter table orders add column four bigint, add constraint f foreign key (four) references users;
--                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: deleting from `users` reads all of `orders`: no index leads with `four`
alter table orders add column five bigint references users;
-- 3_third.sql
create index concurrently on orders (five);
",
        );
    }

    #[test]
    fn a_foreign_key_that_is_gone_and_temporary_tables_are_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint references users, other bigint references users);
create temp table scratch (a bigint, foreign key (a) references scratch (a));
-- 2_second.sql
alter table orders drop constraint orders_user_id_fkey, drop column other;
",
        );
    }

    #[test]
    fn the_fix_creates_the_index_of_a_new_table() {
        Case::new(&RULE).fixed(
            "create table users (id bigint primary key);\ncreate table orders (id bigint, user_id bigint references users);",
            "create table users (id bigint primary key);\ncreate table orders (id bigint, user_id bigint references users);\ncreate index on orders (user_id);",
        );
    }
}
