//! Everywhere that an object is named, over the whole history.

use regex::RegexBuilder;

use super::lineage::Lineage;
pub use super::mention::Access;
use super::mention::{self, Mention, Symbol};
use super::{Location, Place, View};
use crate::text::Span;

/// A place that names an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The name; the whole constant where SQL is put together when it runs.
    pub location: Location,
    /// What is done to the object there.
    pub access: Access,
}

/// A place of the same file that names what is at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Highlight {
    /// The name.
    pub span: Span,
    /// What is done to the object there.
    pub access: Access,
}

/// Every place of the history that names the object at the cursor, under whichever name it had there, in order.
pub fn references(view: View<'_>, place: Place) -> Vec<Reference> {
    let Some(found) = mention::at(view, place.file, place.offset) else {
        return Vec::new();
    };
    let Symbol::Object(key) = &found.mention.symbol else {
        let here = highlights(view, place).into_iter();
        return here
            .map(|highlight| Reference {
                location: Location {
                    file: place.file,
                    span: highlight.span,
                },
                access: highlight.access,
            })
            .collect();
    };
    let lineage = Lineage::of(view, place.file, &found.mention, key);
    let mut out: Vec<Reference> = mentions(view, &lineage)
        .into_iter()
        .map(|(file, mention)| Reference {
            location: Location {
                file,
                span: mention.span,
            },
            access: mention.access,
        })
        .collect();
    out.sort();
    out.dedup_by_key(|reference| reference.location);
    out
}

/// The mentions of an object, by file.
fn mentions(view: View<'_>, lineage: &Lineage) -> Vec<(usize, Mention)> {
    let mut found = mentions_of_files(view, lineage);
    found.retain(|(file, mention)| lineage.is_named_by(*file, mention, view));
    found
}

/// All mentions of the files that hold one of an object's names; no other file is replayed.
pub(super) fn mentions_of_files(view: View<'_>, lineage: &Lineage) -> Vec<(usize, Mention)> {
    let names: Vec<String> = lineage
        .names()
        .iter()
        .map(|name| regex::escape(&name.replace('"', "\"\"")))
        .collect();
    // Names of 63 bytes may have been cut from longer ones; what they begin with is there all the same.
    let pattern = RegexBuilder::new(&names.join("|")).case_insensitive(true).build();
    let mut out = Vec::new();
    for (file, migration) in view.history.migrations.iter().enumerate() {
        if pattern.as_ref().is_ok_and(|pattern| !pattern.is_match(&migration.text)) {
            continue;
        }
        out.extend(mention::of_file(view, file).into_iter().map(|mention| (file, mention)));
    }
    out
}

/// Every place of this file that names what is at the cursor, in order.
pub fn highlights(view: View<'_>, place: Place) -> Vec<Highlight> {
    let Some(found) = mention::at(view, place.file, place.offset) else {
        return Vec::new();
    };
    let same: Box<dyn Fn(&Mention) -> bool> = match &found.mention.symbol {
        Symbol::Object(key) => {
            let lineage = Lineage::of(view, place.file, &found.mention, key);
            Box::new(move |mention| lineage.is_named_by(place.file, mention, view))
        }
        Symbol::Local(..) => Box::new(|mention| mention.symbol == found.mention.symbol),
        Symbol::BuiltIn(_) | Symbol::Unknown(_) => return Vec::new(),
    };
    let all = mention::of_file(view, place.file).into_iter();
    let mut out: Vec<Highlight> = all
        .filter(|mention| same(mention))
        .map(|mention| Highlight {
            span: mention.span,
            access: mention.access,
        })
        .collect();
    out.dedup_by_key(|highlight| highlight.span);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    #[track_caller]
    fn found(sql: &str) {
        let case = Case::new(sql);
        let found = references(case.view(), case.cursor());
        case.points(found.into_iter().map(|reference| reference.location));
    }

    #[test]
    fn a_table_through_every_kind_of_statement() {
        found(
            "-- 1_a.sql
create table users (id int primary key, email text);
--           ^^^^^
create table posts (user_id int references users (id));
--                                         ^^^^^
-- 2_b.sql
create view emails as select u.email from public.users as u;
--                                               ^^^^^
alter table users enable row level security;
--          ^^^^^
create policy p on users using (exists (select 1 from users x where x.id = 1));
--                 ^^^^^                              ^^^^^
create index on users (lower(email));
--              ^^^^^
grant select on users to public;
--              ^^^^^
comment on table users is 'users';
--               ^^^^^
insert into USERS (id) values (1);
--          ^^^^^
-- 3_c.sql
create function f() returns bigint language plpgsql as $$
begin
  return (select count(*) from users$0);
--                             ^^^^^
end $$;
select 'public.users'::regclass;
--             ^^^^^
do $$ begin update users set id = 2; end $$;
--                 ^^^^^",
        );
    }

    #[test]
    fn a_table_keeps_its_identity_through_renames() {
        let history = "-- 1_a.sql
create table a (id int);
--           ^
select id from a;
--             ^
-- 2_b.sql
alter table a rename to b;
--          ^           ^
create table a (other int);
select other from a;
-- 3_c.sql
select id from b;
--             ^
select other from a;";
        found(&history.replacen("create table a (id", "create table $0a (id", 1));
        found(&history.replacen("select id from b", "select id from $0b", 1));
    }

    #[test]
    fn columns_of_two_schemas_are_told_apart() {
        found(
            "-- 1_a.sql
create schema s;
create table t (é int, n int);
--              ^
create table s.t (é int);
-- 2_b.sql
/* 😀 */ select t.$0é, n from t;
--               ^
select t.é from s.t;
set search_path = s;
update t set é = 1;
update public.t set é = 2 where é = 1;
--                  ^           ^",
        );
    }

    #[test]
    fn a_column_keeps_its_identity_when_its_table_is_renamed_and_moved() {
        found(
            "-- 1_a.sql
create schema s;
create table t (a int);
--              ^
-- 2_b.sql
alter table t rename to u;
alter table u set schema s;
alter table s.u rename column a to b;
--                            ^    ^
-- 3_c.sql
select $0b from s.u;
--     ^",
        );
    }

    #[test]
    fn what_was_dropped_and_made_anew_is_another_table() {
        found(
            "-- 1_a.sql
create table t (a int);
--           ^
drop table $0t;
--         ^
-- 2_b.sql
create table t (a int);
select a from t;",
        );
    }

    #[test]
    fn sql_that_is_put_together_is_found_too() {
        found(
            "-- 1_a.sql
create table t (a int);
--           ^
-- 2_b.sql
do $$ begin execute 'alter table t add column b int'; end $$;
--                               ^
select a from $0t;
--            ^",
        );
    }

    #[test]
    fn aliases_and_variables_are_highlighted_where_they_are_seen() {
        let case = Case::new(
            "create table t (a int);
select x.a from t as x join t y on x$0.a = y.a;
--     ^             ^             ^",
        );
        let spans = highlights(case.view(), case.cursor());
        case.points(spans.into_iter().map(|found| Location {
            file: 0,
            span: found.span,
        }));
        let case = Case::new(
            "create function f(amount int) returns int language plpgsql as $$
--                ^^^^^^
begin
  if amount > 1 then
--   ^^^^^^
    return (select $0amount);
--                 ^^^^^^
  end if;
end $$;",
        );
        let spans = highlights(case.view(), case.cursor());
        case.points(spans.into_iter().map(|found| Location {
            file: 0,
            span: found.span,
        }));
    }
}
