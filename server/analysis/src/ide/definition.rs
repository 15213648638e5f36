//! Where the thing at the cursor was made, and where its type was.

use super::mention::{self, Found, Symbol};
use super::place::{declaration, history};
use super::{Location, Place, View};
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::objects::{Type, TypeKind};

/// Where the object at the cursor was created, or the name there declared. Empty for what no file made.
pub fn definition(view: View<'_>, place: Place) -> Option<Location> {
    let found = mention::at(view, place.file, place.offset)?;
    match &found.mention.symbol {
        Symbol::Object(key) => object(view, &found, key),
        Symbol::Local(_, declared) => Some(Location {
            file: place.file,
            span: *declared,
        }),
        Symbol::BuiltIn(_) | Symbol::Unknown(_) => None,
    }
}

fn object(view: View<'_>, found: &Found, key: &Key) -> Option<Location> {
    let history = catalogs(view, found)
        .into_iter()
        .find_map(|catalog| history(catalog, key))?;
    declaration(view, key, history.created)
}

/// The catalogs in which the mention's object is, the likeliest first.
pub(super) fn catalogs<'c>(view: View<'c>, found: &'c Found) -> Vec<&'c Catalog> {
    use mention::Access;
    let last = view.timeline.last();
    if found.mention.late {
        vec![last, &found.after]
    } else if found.mention.access == Access::Declare {
        vec![&found.after, &found.before, last]
    } else {
        vec![&found.before, &found.after, last]
    }
}

/// Where the type of the thing at the cursor was made: of a column, domain or function; of anything else the same as
/// [`definition`].
pub fn type_definition(view: View<'_>, place: Place) -> Option<Location> {
    let found = mention::at(view, place.file, place.offset)?;
    let Symbol::Object(key) = &found.mention.symbol else {
        return definition(view, place);
    };
    let catalogs = catalogs(view, &found);
    let ty = catalogs.iter().find_map(|catalog| type_of(catalog, key));
    let Some(ty) = ty else {
        return object(view, &found, key);
    };
    let named = |catalog: &&Catalog| {
        let key = if catalog.types.contains_key(&ty.id) {
            Key::Type(ty.id.clone())
        } else {
            Key::Relation(ty.id.clone())
        };
        let history = history(catalog, &key)?;
        declaration(view, &key, history.created)
    };
    catalogs.iter().find_map(named)
}

fn type_of(catalog: &Catalog, key: &Key) -> Option<Type> {
    match key {
        Key::Column(table, column) => Some(catalog.table(table)?.column(column)?.ty.clone()),
        Key::Routine(signature) => catalog.routines.get(signature)?.return_type.clone(),
        Key::Type(id) => match &catalog.types.get(id)?.kind {
            TypeKind::Domain(domain) => Some(domain.base.clone()).filter(|base| base.id.schema != "pg_catalog"),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    #[track_caller]
    fn defined(sql: &str) {
        let case = Case::new(sql);
        case.points(definition(case.view(), case.cursor()));
    }

    #[test]
    fn a_table_of_another_file() {
        defined(
            "-- 1_a.sql
create table users (id int);
--           ^^^^^
-- 2_b.sql
/* é😀 */ alter table us$0ers add column name text;",
        );
    }

    #[test]
    fn names_are_folded_and_quoted() {
        defined(
            "-- 1_a.sql
create table \"Users\" (id int);
--           ^^^^^^^
create table users (id int);
-- 2_b.sql
select * from \"Users\"$0;",
        );
        defined(
            "-- 1_a.sql
create table \"Users\" (id int);
create table Users (id int);
--           ^^^^^
-- 2_b.sql
select * from $0USERS;",
        );
    }

    #[test]
    fn the_search_path_decides() {
        let history = "-- 1_a.sql
create schema app;
create table app.t (a int);
--               ^
create table public.t (a int);
-- 2_b.sql
set search_path = app, public;
select * from $0t;";
        defined(history);
        let other = "-- 1_a.sql
create schema app;
create table app.t (a int);
create table public.t (a int);
--                  ^
-- 2_b.sql
select * from $0t;";
        defined(other);
    }

    #[test]
    fn columns_through_aliases_joins_and_subqueries() {
        let tables = "-- 1_a.sql
create table a (id int, x text);
create table b (id int, a_id int);
--              ^^
-- 2_b.sql
";
        defined(&format!("{tables}select b.i$0d from a join b on b.a_id = a.id;"));
        defined(&format!("{tables}select q.$0id from a p join b q on true;"));
        defined(&format!(
            "{tables}select 1 from a where exists (select 1 from b q where q.$0id = x);"
        ));
        defined(&format!(
            "{tables}create view v as with c as (select $0id from b) select * from c;"
        ));
    }

    #[test]
    fn the_column_of_a_common_table_expression_is_where_that_names_it() {
        defined(
            "-- 1_a.sql
create table a (id int);
-- 2_b.sql
with c as (select id as key from a)
--                      ^^^
select c.$0key from c;",
        );
    }

    #[test]
    fn policies_triggers_functions_and_types() {
        defined(
            "-- 1_a.sql
create table t (id int);
create policy \"read all\" on t using (true);
--            ^^^^^^^^^^
-- 2_b.sql
drop policy \"read $0all\" on t;",
        );
        defined(
            "-- 1_a.sql
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
--              ^^^^^
create table t (id int);
-- 2_b.sql
create trigger touch before update on t for each row execute function $0touch();",
        );
        defined(
            "-- 1_a.sql
create type mood as enum ('sad', 'ok');
--          ^^^^
-- 2_b.sql
create table t (m mo$0od);",
        );
    }

    #[test]
    fn a_function_s_body_is_looked_up_at_the_end_of_the_history() {
        defined(
            "-- 1_a.sql
create function f() returns int language plpgsql as $$
begin
  return (select count(*) from la$0ter);
end $$;
-- 2_b.sql
create table later (id int);
--           ^^^^^",
        );
    }

    #[test]
    fn new_is_a_row_of_the_trigger_s_table() {
        defined(
            "-- 1_a.sql
create table t (id int, changed_at timestamptz);
--                      ^^^^^^^^^^
create function touch() returns trigger language plpgsql as $$
begin
  new.chan$0ged_at := now();
  return new;
end $$;
create trigger touch before update on t for each row execute function touch();",
        );
    }

    #[test]
    fn the_type_of_a_column() {
        let case = Case::new(
            "-- 1_a.sql
create type mood as enum ('sad', 'ok');
--          ^^^^
create table t (m mood);
-- 2_b.sql
update t set $0m = 'ok';",
        );
        case.points(type_definition(case.view(), case.cursor()));
    }

    #[test]
    fn what_a_do_block_creates_is_in_the_block() {
        defined(
            "-- 1_a.sql
do $$ begin
  create table inside (id int);
--             ^^^^^^
end $$;
-- 2_b.sql
select * from ins$0ide;",
        );
    }
}
