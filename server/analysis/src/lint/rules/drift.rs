use std::collections::BTreeMap;

use crate::databases::{Drift, Environment, day};
use crate::lint::prelude::*;
use crate::schema::catalog::Catalog;
use crate::schema::objects::Origin;

rule! {
    /// A database is not what its migrations make: somebody changed it without one.
    ///
    /// ## When
    /// `dblsp drift` compared an environment with the migrations that its history says it has, and found an object that
    /// differs. It is told where the object was last changed by a migration, or at the newest migration that the database
    /// has where none made it. Once anything is applied or undone there, or an applied file is edited, the comparison is
    /// out of date and nothing is said until the next one.
    ///
    /// ## Why
    /// What a migration does is worked out, tested and proven on what the files make. On a database that differs it may
    /// fail, lock more, or destroy what nobody knows of; and what was changed by hand is in no other environment and in no
    /// new database.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- databases/production.sql
    /// -- applied: 20251026211500
    /// -- drift: public.users.email: column public.users.email is missing
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key, email text);
    /// -- 20251027090000_v0_7_1_without_email.sql
    /// alter table users drop column if exists email;
    /// -- databases/production.sql
    /// -- applied: 20251026211500
    /// -- applied: 20251027090000
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "drift",
    category: Category::Deployment,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Project(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for environment in &cx.databases().environments {
        if let Some(drift) = &environment.drift {
            tell(cx, environment, drift, report);
        }
    }
}

fn tell(cx: &Cx<'_>, environment: &Environment, drift: &Drift, report: &mut Report) {
    let newest = cx
        .names()
        .filter(|file| environment.applied.contains_key(file.version()));
    let newest = newest.last().map(|file| cx.head_of(file.number));
    let mut by_place = BTreeMap::<(usize, Span), Vec<&str>>::new();
    for difference in &drift.differences {
        let made = maker(cx.last(), &difference.identity).filter(|origin| *origin != Origin::BASE);
        let Some(place) = made.or(newest) else { continue };
        if let Some(number) = cx.judged_file(place) {
            let told = by_place.entry((number, place.span)).or_default();
            told.push(&difference.words);
        }
    }
    for ((number, span), told) in by_place {
        let more = match told.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let (name, seen, first) = (&environment.name, day(&drift.seen), told[0]);
        report
            .add(
                head(cx.text_of(number), span),
                format!("`{name}` is not what the migrations make (seen {seen}): {first}{more}"),
            )
            .help(format!(
                "Run `dblsp drift --environment {name}`, and make the same change with a migration or undo it there."
            ))
            .in_migration(number);
    }
}

/// What last changed the relation or function that a dotted name is of, or is a part of.
fn maker(catalog: &Catalog, identity: &str) -> Option<Origin> {
    // `grant` and `comment` have the class before the name: `table:public.users:anon`.
    let path = identity.split_once(':').map_or(identity, |(_, path)| path);
    let parted = |name: &str| {
        let rest = path.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with(['.', '(', ':'])).then_some(name.len())
    };
    let relations = catalog.relations().filter_map(|(id, relation)| {
        let length = parted(&format!("{}.{}", id.schema, id.name))?;
        Some((length, relation.meta.changed))
    });
    let routines = catalog.routines.iter().filter_map(|(signature, routine)| {
        let length = parted(&format!("{}.{}", signature.id.schema, signature.id.name))?;
        Some((length, routine.meta.changed))
    });
    let longest = relations.chain(routines).max_by_key(|(length, _)| *length);
    longest.map(|(_, changed)| changed)
}

/// The first line of a span.
fn head(text: &str, span: Span) -> Span {
    let line = span.slice(text).lines().next().unwrap_or_default();
    Span::new(span.start as usize, span.start as usize + line.trim_end().len())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_difference_is_told_where_the_object_was_last_changed() {
        Case::new(&RULE).fires(
            "
-- 1_a.sql
create table users (id bigint primary key);
create table posts (id bigint primary key);
-- @ warning: `staging` is not what the migrations make (seen 2025-10-27): policy public.posts.own is missing
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
-- @ warning: `staging` is not what the migrations make (seen 2025-10-27): function public.touch() has another body
-- 2_b.sql
alter table users add column email text;
-- @ warning: `staging` is not what the migrations make (seen 2025-10-27): column public.users.email is missing (and 1 more)
-- databases/staging.sql
-- applied: 1
-- applied: 2
-- drift: public.users.email: column public.users.email is missing
-- drift: table:public.users:anon: grant public.users to anon is there
-- drift: public.posts.own: policy public.posts.own is missing
-- drift: public.touch(): function public.touch() has another body
",
        );
    }

    #[test]
    fn what_no_migration_made_is_told_at_the_newest_that_is_applied() {
        Case::new(&RULE).fires(
            "
-- 1_a.sql
select 1;
-- 2_b.sql
select 2;
-- @ warning: `staging` is not what the migrations make (seen 2025-10-27): table public.scratch is there
-- 3_c.sql
select 3;
-- databases/staging.sql
-- applied: 1
-- applied: 2
-- drift: public.scratch: table public.scratch is there
",
        );
    }

    #[test]
    fn a_name_that_only_begins_alike_is_another() {
        Case::new(&RULE).fires(
            "
-- 1_a.sql
create table users (id bigint primary key);
-- 2_b.sql
select 2;
-- @ warning: `staging` is not what the migrations make (seen 2025-10-27): table public.users_old is there
-- databases/staging.sql
-- applied: 1
-- applied: 2
-- drift: public.users_old: table public.users_old is there
",
        );
    }
}
