use crate::lint::prelude::*;
use crate::schema::objects::RelationKind;
use crate::sql::statement::ObjectKind;

rule! {
    /// Dropping a schema destroys the rows of all its tables.
    ///
    /// ## When
    /// `DROP SCHEMA … CASCADE`, where the history knows tables in the schema, or cannot know that there are none. An empty
    /// schema is exempt, as is one whose tables were all made in the same transaction. Without `CASCADE` PostgreSQL refuses
    /// to drop a schema that holds anything.
    ///
    /// ## Why
    /// Every table goes with its rows, and with it whatever in other schemas depends on them; there is no way back but a
    /// backup.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_shop.sql
    /// create schema shop;
    /// create table shop.orders (id bigint primary key);
    /// -- 2_drop.sql
    /// drop schema shop cascade;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_shop.sql
    /// create schema shop;
    /// -- 2_drop.sql
    /// drop schema shop;
    /// ```
    ///
    /// ## References
    /// - [DROP SCHEMA](https://www.postgresql.org/docs/current/sql-dropschema.html)
    "drop-schema",
    category: Category::DataLoss,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Drop(drop) = &cx.step().statement.node else {
        return;
    };
    let schemas = drop.objects.iter().filter(|object| object.kind == ObjectKind::Schema);
    for object in schemas.filter(|_| drop.cascade) {
        let name = object.name.last();
        let before = cx.before();
        let tables: Vec<String> = before
            .relations_in(&name.value)
            .filter(|(_, relation)| {
                matches!(relation.kind, RelationKind::Table(_)) && !cx.is_unseen(relation.meta.created)
            })
            .map(|(id, _)| format!("`{}`", id.name))
            .collect();
        let is_unknown = !cx.is_complete() && !before.schemas.contains_key(&name.value);
        let what = match tables.as_slice() {
            [] if is_unknown => "all its tables".to_owned(),
            [] => continue,
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [one, two, more @ ..] => format!("{one}, {two} and {} more", more.len()),
        };
        report
            .add(
                name.span,
                format!("dropping schema `{name}` destroys the rows of {what}"),
            )
            .help("Drop the tables one by one when nobody uses them any more; keep a copy of the rows.");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_tables_go_along() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create schema a;
create table a.one (id int);
create table a.two (id int);
create table a.three (id int);
create schema b;
create function b.f() returns int language sql as 'select 1';
-- 2_second.sql
drop schema if exists a cascade;
--                    ^ warning: dropping schema `a` destroys the rows of `one`, `three` and 1 more
drop schema b cascade;
drop schema if exists missing cascade;
create schema c;
create table c.one (id int);
drop schema c cascade;
",
        );
        Case::new(&RULE).fires(
            "
drop schema shop cascade;
--          ^^^^ warning: dropping schema `shop` destroys the rows of all its tables
",
        );
    }
}
