use crate::lint::prelude::*;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{AlterTable, ColumnDef, Statement, TypeName};

rule! {
    /// A column is dropped and one like it added: where a rename was meant, the values are lost.
    ///
    /// ## When
    /// A file drops exactly one column of a table that other sessions may be using, and adds exactly one of the same type
    /// to it under another name, as tools do that compare two schemas. Silent where a statement in between or in the file
    /// behind writes rows of the table, since then the values may have been moved.
    ///
    /// ## Why
    /// To PostgreSQL these are two columns: the values of the old one are gone at commit, and the new one begins empty.
    /// `RENAME COLUMN` keeps the values, takes no longer, and views, indexes and constraints follow.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, nickname text);
    /// -- 2_handle.sql
    /// alter table users drop column nickname, add column handle text;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, nickname text);
    /// -- 2_handle.sql
    /// alter table users rename column nickname to handle;
    /// ```
    ///
    /// ## Fix
    /// Where one `ALTER TABLE` does both and nothing else, and the new column brings no constraints: renames the column.
    /// Programs that ask for the old name have to follow, as [rename-column](rename-column.md) says.
    ///
    /// ## References
    /// - [ALTER TABLE](https://www.postgresql.org/docs/current/sql-altertable.html)
    "rename-by-drop-and-add",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Some((alter, busy)) = cx.busy_alter() else { return };
    let drops = dropped(alter);
    let [(column, span)] = drops.as_slice() else { return };
    let Some(known) = busy.table.column(&column.value) else {
        return;
    };
    if !cx.is_editable() || cx.is_unseen(known.created) {
        return;
    }
    let statements = &cx.document().file.statements;
    let same: Vec<&AlterTable> = statements
        .iter()
        .filter_map(|other| altering(other, &alter.name))
        .collect();
    let all_dropped = same.iter().map(|other| dropped(other).len()).sum::<usize>();
    let added: Vec<&ColumnDef> = same.iter().flat_map(|other| added(other)).collect();
    let [new] = added.as_slice() else { return };
    let is_same_type = new
        .ty
        .as_ref()
        .is_some_and(|ty| is_type(cx, ty, busy.id, &new.name.value, &known.ty));
    let is_other_name = new.name.value != column.value;
    if all_dropped != 1 || !is_same_type || !is_other_name || statements.iter().any(|other| writes(other, &alter.name))
    {
        return;
    }
    let table = busy.shown();
    let finding = report.add(
        *span,
        format!(
            "the values of `{table}.{column}` are lost and `{table}.{}` begins empty: this looks like a rename",
            new.name
        ),
    );
    finding.help(format!(
        "Use `rename column {column} to {}` if the values are to stay, or copy them first.",
        new.name
    ));
    if alter.actions.len() == 2 && new.constraints.is_empty() {
        let all = alter.actions[0].span.cover(alter.actions[1].span);
        let words = format!(
            "{} {} {} {}",
            cx.cased("rename column"),
            cx.source(column.span),
            cx.cased("to"),
            cx.source(new.name.span)
        );
        finding.fix(FixKind::Review, "Rename the column", vec![replace(all, words)]);
    }
}

fn dropped(alter: &AlterTable) -> Vec<(&Ident, Span)> {
    let columns = alter.actions.iter().filter_map(|action| match &action.kind {
        AlterActionKind::DropColumn { column, .. } => Some((column, action.span)),
        _ => None,
    });
    columns.collect()
}

fn added(alter: &AlterTable) -> impl Iterator<Item = &ColumnDef> {
    alter.actions.iter().filter_map(|action| match &action.kind {
        AlterActionKind::AddColumn { column, .. } => Some(column),
        _ => None,
    })
}

fn altering<'s>(statement: &'s Statement, table: &Name) -> Option<&'s AlterTable> {
    match &statement.node {
        Node::AlterTable(alter) if alter.name.last() == table.last() => Some(alter),
        _ => None,
    }
}

/// Whether the type of the new column is the old one's, as the catalog has it after the file.
fn is_type(cx: &Cx<'_>, written: &TypeName, table: &Id, column: &str, old: &crate::schema::objects::Type) -> bool {
    let after = cx
        .catalog_before(cx.file + 1)
        .table(table)
        .and_then(|table| table.column(column));
    // Serial columns count on, whatever was in the old one.
    let is_serial = crate::schema::resolve::table::serial_type(&written.name).is_some();
    !is_serial && after.is_some_and(|new| new.ty == *old && new.identity.is_none() && new.generated.is_none())
}

/// Whether the statement may move values of the table to where they shall be.
fn writes(statement: &Statement, table: &Name) -> bool {
    match &statement.node {
        Node::Update(update) => update.table.name.last() == table.last(),
        Node::Insert(_) | Node::Merge(_) | Node::Do { .. } | Node::CreateTableAs(_) | Node::Call { .. } => true,
        Node::Query(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn one_goes_and_one_of_its_type_comes() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, nick varchar(20), age int);
create table orders (id bigint primary key, a int);
-- 2_second.sql
alter table users drop column nick;
--                ^^^^^^^^^^^^^^^^ warning: the values of `users.nick` are lost and `users.handle` begins empty: this looks like a rename
alter table users add column handle varchar(20) not null default '';
alter table orders add column b int;
",
        );
    }

    #[test]
    fn other_types_more_columns_moved_values_and_new_columns_are_exempt() {
        let first =
            "-- 1_first.sql\ncreate table users (id bigint primary key, nick text, age int);\n-- 2_second.sql\n";
        for second in [
            "alter table users drop column nick, add column handle varchar(20);",
            "alter table users drop column nick, drop column age, add column handle text;",
            "alter table users drop column nick, add column handle text, add column more text;",
            "alter table users add column handle text;\nupdate users set handle = nick;\nalter table users drop column nick;",
            "alter table users add column fresh text;\nalter table users drop column fresh;",
            "alter table users drop column age, add column number serial;",
            "alter table users drop column nick;",
            "alter table users drop column nick, add column nick text;",
        ] {
            Case::new(&RULE).silent(&format!("{first}{second}\n"));
        }
        Case::new(&RULE).fires(&format!(
            "{first}alter table users drop column nick, add column handle text;\n--                ^^^^^^^^^^^^^^^^ warning: the values of `users.nick`\n"
        ));
    }

    #[test]
    fn the_fix_renames() {
        let before = "
-- 1_first.sql
create table users (id bigint primary key, \"Nick\" text);
-- 2_second.sql
ALTER TABLE users ADD COLUMN handle text, DROP COLUMN \"Nick\";
";
        let after = before.replace(
            "ADD COLUMN handle text, DROP COLUMN \"Nick\"",
            "RENAME COLUMN \"Nick\" TO handle",
        );
        Case::new(&RULE).fixed(before, &after);
    }
}
