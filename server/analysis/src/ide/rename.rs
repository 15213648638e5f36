//! Another name for an object, in every place that names it.
//!
//! Nothing is renamed on trust: the edited history is replayed, and must come to the same catalog but for the name.

use std::collections::BTreeMap;

use regex::RegexBuilder;
use serde_json::Value;

use super::lineage::Lineage;
use super::mention::object::renamed;
use super::mention::{self, Access, Mention, Symbol};
use super::place::{history, own_name};
use super::references::{highlights, mentions_of_files};
use super::{Edit, Location, Place, View};
use crate::Document;
use crate::history::{History, Migration};
use crate::schema::canonical;
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::objects::{Certainty, Origin};
use crate::schema::timeline::Timeline;
use crate::sql::keyword::quote_ident;
use crate::sql::name::{Ident, MAX_IDENTIFIER_BYTES};
use crate::text::{LineIndex, Span};

/// Why something is not renamed, for people: lower case, no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// What would be renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamable {
    /// The name at the cursor, quotes included.
    pub span: Span,
    /// The name without quotes.
    pub name: String,
}

type Renaming<T> = Result<T, Refusal>;

fn refuse<T>(why: impl Into<String>) -> Renaming<T> {
    Err(Refusal(why.into()))
}

/// Whether what is at the cursor can be renamed. `applied`: whether the migration of that number has run somewhere
/// that matters.
pub fn prepare(view: View<'_>, place: Place, applied: &dyn Fn(usize) -> bool) -> Renaming<Renamable> {
    let Some(found) = mention::at(view, place.file, place.offset) else {
        return refuse("there is no name at the cursor");
    };
    let text = found.mention.span.slice(view.text(place.file));
    match &found.mention.symbol {
        Symbol::Object(key) => {
            Plan::of(view, place, &found.mention, key).check(view, applied)?;
        }
        Symbol::Local(..) if applied(place.file) => return refuse(applied_words(view, place.file)),
        Symbol::Local(..) => {}
        Symbol::BuiltIn(_) => return refuse(format!("`{text}` belongs to PostgreSQL")),
        Symbol::Unknown(_) => return refuse(format!("nothing in this history makes `{text}`")),
    }
    Ok(Renamable {
        span: found.mention.span,
        name: written(text),
    })
}

/// The edits that give what is at the cursor another name. `new_name`: as it shall be stored, without quotes.
pub fn rename(view: View<'_>, place: Place, new_name: &str, applied: &dyn Fn(usize) -> bool) -> Renaming<Vec<Edit>> {
    if new_name.is_empty() {
        return refuse("a name cannot be empty");
    }
    if new_name.len() > MAX_IDENTIFIER_BYTES {
        return refuse(format!("PostgreSQL cuts names at {MAX_IDENTIFIER_BYTES} bytes"));
    }
    if new_name.contains('\0') {
        return refuse("a name cannot hold a NUL byte");
    }
    let Some(found) = mention::at(view, place.file, place.offset) else {
        return refuse("there is no name at the cursor");
    };
    let Symbol::Object(key) = &found.mention.symbol else {
        prepare(view, place, applied)?;
        return Ok(local(view, place, new_name));
    };
    let plan = Plan::of(view, place, &found.mention, key);
    plan.check(view, applied)?;
    if plan.name == new_name {
        return Ok(Vec::new());
    }
    plan.is_free(view, new_name)?;
    let edits = plan.edits(view, new_name)?;
    for edit in &edits {
        if applied(edit.location.file) {
            return refuse(applied_words(view, edit.location.file));
        }
    }
    plan.verify(view, new_name, &edits)?;
    Ok(edits)
}

/// A script beside the history: a rollback, a test.
#[derive(Clone, Copy, Debug)]
pub struct Companion<'t> {
    /// Number of the migration after which it runs.
    pub after: usize,
    /// The file's text.
    pub text: &'t str,
    /// The part of it that is meant.
    pub part: Span,
}

/// The places of a script that name what is at the cursor, with the new name. Unlike the history's, they are not
/// proven: what dynamic SQL puts together there is not found.
pub fn rename_in_companion(
    view: View<'_>,
    place: Place,
    new_name: &str,
    companion: Companion<'_>,
) -> Vec<(Span, String)> {
    let Some(found) = mention::at(view, place.file, place.offset) else {
        return Vec::new();
    };
    let Symbol::Object(key) = &found.mention.symbol else {
        return Vec::new();
    };
    let name = own_name(key);
    let lineage = Lineage::of(view, place.file, &found.mention, key);
    let (file, migrations) = (companion.after + 1, &view.history.migrations);
    let Some(key) = lineage.key_before(file).filter(|_| file <= migrations.len()) else {
        return Vec::new();
    };
    let mut history = view.history.clone();
    history.migrations.truncate(file);
    history.migrations.push(Migration {
        forward: companion.part,
        ..Migration::new("companion.sql", companion.text)
    });
    let mut documents = view.documents[..file.min(view.documents.len())].to_vec();
    documents.push(crate::read(&history.migrations[file]));
    let timeline = view
        .timeline
        .update(file..file + 1, &history, &documents, view.settings);
    let beside = View {
        history: &history,
        documents: &documents,
        settings: view.settings,
        timeline: &timeline,
    };
    let lineage = Lineage::around(beside, file, 0, key);
    let mut edits: Vec<(Span, String)> = mention::of_file(beside, file)
        .into_iter()
        .filter(|mention| !mention.dynamic && written(mention.span.slice(companion.text)) == name)
        .filter(|mention| lineage.is_named_by(file, mention, beside))
        .map(|mention| (mention.span, quote_ident(new_name)))
        .collect();
    edits.sort();
    edits.dedup();
    edits
}

fn applied_words(view: View<'_>, file: usize) -> String {
    let name = view.migration(file).map_or("", Migration::file_name);
    format!("`{name}` is applied already: rename it with a new migration")
}

/// An identifier as the server stores it.
fn written(text: &str) -> String {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => Ident::quoted(inner, Span::default()).value.to_string(),
        None => Ident::unquoted(text, Span::default()).value.to_string(),
    }
}

/// An alias, common table expression, parameter or variable: only its own statement knows it.
fn local(view: View<'_>, place: Place, new_name: &str) -> Vec<Edit> {
    highlights(view, place)
        .into_iter()
        .map(|highlight| Edit {
            location: Location {
                file: place.file,
                span: highlight.span,
            },
            text: quote_ident(new_name),
        })
        .collect()
}

/// What is renamed, and where it is named.
struct Plan {
    /// The name that goes.
    name: String,
    lineage: Lineage,
    /// The mentions of the object while it has this name, by file.
    places: Vec<(usize, Mention)>,
    /// All mentions of the files that hold the name.
    around: Vec<(usize, Mention)>,
}

impl Plan {
    fn of(view: View<'_>, place: Place, mention: &Mention, key: &Key) -> Self {
        let name = own_name(key).to_owned();
        let lineage = Lineage::of(view, place.file, mention, key).while_named(place.file, mention, &name);
        let around = mentions_of_files(view, &lineage);
        let named = around
            .iter()
            .filter(|(file, mention)| lineage.is_named_by(*file, mention, view));
        let places: Vec<(usize, Mention)> = named.cloned().collect();
        Self {
            name,
            lineage,
            places,
            around,
        }
    }

    fn check(&self, view: View<'_>, applied: &dyn Fn(usize) -> bool) -> Renaming<()> {
        let name = &self.name;
        if self.lineage.keys().any(|key| matches!(key, Key::Extension(_))) {
            return refuse("an extension's name is not ours to choose");
        }
        let mut made = self
            .places
            .iter()
            .filter(|(_, mention)| mention.access == Access::Declare && !mention.dynamic);
        let Some((first, _)) = made.next() else {
            let is_made = self.places.iter().any(|(_, mention)| mention.created != Origin::BASE);
            return refuse(if is_made {
                format!(
                    "no statement writes the name `{name}` where it is made: PostgreSQL chose it, or dynamic SQL did"
                )
            } else {
                format!("`{name}` was there before the first migration")
            });
        };
        for file in std::iter::once(first).chain(self.places.iter().map(|(file, _)| file)) {
            if applied(*file) {
                return refuse(applied_words(view, *file));
            }
        }
        for (file, mention) in &self.places {
            let text = mention.span.slice(view.text(*file));
            if mention.dynamic || written(text) != *name {
                let place = line(view, *file, mention.span);
                return refuse(format!(
                    "`{name}` is put together by dynamic SQL in {place}: change that first"
                ));
            }
            let shared = self
                .around
                .iter()
                .find(|(other, found)| other == file && found.span == mention.span && found.symbol != mention.symbol);
            if let Some((_, other)) = shared {
                let Symbol::Object(other) = &other.symbol else { continue };
                let place = line(view, *file, mention.span);
                return refuse(format!(
                    "the same word stands for {} in {place}",
                    super::effect::words(other)
                ));
            }
        }
        Ok(())
    }

    fn is_free(&self, view: View<'_>, new_name: &str) -> Renaming<()> {
        for key in self.lineage.keys() {
            let Some(other) = renamed(key, new_name) else { continue };
            let files = 0..=view.documents.len();
            for file in files.filter(|file| self.lineage.is_alive_at(*file)) {
                let taken = history(view.timeline.before(file), &other);
                // Anything may be a column of a table that no file creates.
                if taken.is_some_and(|other| other.certainty != Certainty::Assumed) {
                    return refuse(format!("{} is there already", super::effect::words(&other)));
                }
            }
        }
        Ok(())
    }

    fn edits(&self, view: View<'_>, new_name: &str) -> Renaming<Vec<Edit>> {
        let mut edits: BTreeMap<Location, String> = BTreeMap::new();
        for (file, mention) in &self.places {
            let location = |span| Location { file: *file, span };
            edits.insert(location(mention.span), quote_ident(new_name));
            if let Some(end) = mention.names_output {
                // The column of the query keeps the name that others know it by.
                let behind = Span { start: end, end };
                let alias = format!(" as {}", quote_ident(&self.name));
                if end == mention.span.end {
                    edits.insert(location(mention.span), quote_ident(new_name) + &alias);
                } else {
                    edits.insert(location(behind), alias);
                }
            }
        }
        for (file, mention, name) in self.generated(new_name) {
            if written(mention.span.slice(view.text(file))) != own_name_of(&mention) {
                let place = line(view, file, mention.span);
                return refuse(format!(
                    "a name made of `{}` stands in dynamic SQL in {place}",
                    self.name
                ));
            }
            let location = Location {
                file,
                span: mention.span,
            };
            edits.insert(location, quote_ident(&name));
        }
        Ok(edits
            .into_iter()
            .map(|(location, text)| Edit { location, text })
            .collect())
    }

    /// Mentions of constraints, indexes and sequences that PostgreSQL named after the table or column, with the names
    /// that it will choose.
    fn generated(&self, new_name: &str) -> Vec<(usize, Mention, String)> {
        let declared = |key: &Key| {
            let is = |other: &Key| {
                self.around.iter().any(|(_, mention)| {
                    mention.access == Access::Declare && mention.symbol == Symbol::Object(other.clone())
                })
            };
            match key {
                // The index of a constraint has the constraint's name.
                Key::Relation(id) => is(key) || self.tables().any(|table| is(&Key::Constraint(table, id.name.clone()))),
                key => is(key),
            }
        };
        let mut out = Vec::new();
        for (file, mention) in &self.around {
            let Symbol::Object(key) = &mention.symbol else { continue };
            let fits = match key {
                Key::Constraint(table, _) => self.tables().any(|own| own == *table),
                Key::Relation(id) => self.tables().any(|own| own.schema == id.schema && own != *id),
                _ => false,
            };
            if !fits || declared(key) || mention.dynamic {
                continue;
            }
            out.extend(
                self.regenerated(own_name(key), new_name)
                    .map(|name| (*file, mention.clone(), name)),
            );
        }
        out
    }

    /// The tables that are renamed, or whose column is.
    fn tables(&self) -> impl Iterator<Item = crate::schema::objects::Id> {
        self.lineage.keys().filter_map(|key| match key {
            Key::Relation(id) | Key::Column(id, _) => Some(id.clone()),
            _ => None,
        })
    }

    /// `{table}_{columns}_{label}` with the new name in the place of the old one.
    fn regenerated(&self, name: &str, new_name: &str) -> Option<String> {
        let keys = self.lineage.keys();
        let mut parts = keys.filter_map(|key| match key {
            Key::Relation(_) => {
                let rest = name.strip_prefix(self.name.as_str())?.strip_prefix('_')?;
                Some(format!("{new_name}_{rest}"))
            }
            Key::Column(table, _) => {
                let rest = name.strip_prefix(table.name.as_str())?;
                let old = format!("_{}_", self.name);
                let at = rest.find(&old)?;
                Some(format!(
                    "{}{}_{new_name}_{}",
                    table.name,
                    &rest[..at],
                    &rest[at + old.len()..]
                ))
            }
            _ => None,
        });
        parts.next()
    }

    /// Replays the edited history and compares.
    fn verify(&self, view: View<'_>, new_name: &str, edits: &[Edit]) -> Renaming<()> {
        let edited = edited(view, edits);
        let documents: Vec<Document> = edited
            .migrations
            .iter()
            .zip(&view.history.migrations)
            .zip(view.documents)
            .map(|((new, old), document)| {
                if new.text == old.text {
                    document.clone()
                } else {
                    crate::read(new)
                }
            })
            .collect();
        let timeline = Timeline::replay(&edited, &documents, view.settings);
        let new = View {
            history: &edited,
            documents: &documents,
            settings: view.settings,
            timeline: &timeline,
        };
        // Nothing else can fail that did not before: it would have to write one of the two names.
        let names = [&self.name, new_name].map(|name| regex::escape(&name.replace('"', "\"\"")));
        let pattern = RegexBuilder::new(&names.join("|")).case_insensitive(true).build();
        let holds = |file: usize| {
            let text = &edited.migrations[file].text;
            pattern.as_ref().map_or(true, |pattern| pattern.is_match(text))
        };
        for file in (0..documents.len()).filter(|file| holds(*file)) {
            let (before, after) = (problems(view, file), problems(new, file));
            if after.len() > before.len() {
                let place = after.first().map(|span| line(new, file, *span)).unwrap_or_default();
                return refuse(format!(
                    "{place} would fail: something there names `{}` unseen",
                    self.name
                ));
            }
        }
        let like = |catalog: &Catalog, base: &Catalog| rows(catalog, base, &self.name, new_name);
        let (old, new_rows) = (
            like(view.timeline.last(), view.timeline.before(0)),
            like(timeline.last(), timeline.before(0)),
        );
        if let Some(other) = differing(&old, &new_rows) {
            let row: String = other.replace('\0', &self.name).chars().take(80).collect();
            return refuse(format!("the history would no longer come to the same: {row}"));
        }
        self.passed_on(view, new, new_name)
    }

    /// A column that a view takes along with `*` changes its name there, too.
    fn passed_on(&self, view: View<'_>, new: View<'_>, new_name: &str) -> Renaming<()> {
        if !self.lineage.keys().any(|key| matches!(key, Key::Column(..))) {
            return Ok(());
        }
        for (id, relation) in view.timeline.last().relations() {
            let names = |view: View<'_>| {
                let relation = view.timeline.last().relations.get(id)?;
                relation.view()?.columns.clone()
            };
            let had =
                relation.view().is_some() && names(view).is_some_and(|names| names.iter().any(|n| *n == self.name));
            let has = names(new).is_some_and(|names| names.iter().any(|name| name == new_name));
            if !had || !has {
                continue;
            }
            let key = Symbol::Object(Key::Column(id.clone(), self.name.as_str().into()));
            let reads = self
                .around
                .iter()
                .find(|(_, mention)| mention.symbol == key && mention.access != Access::Declare);
            if let Some((file, mention)) = reads {
                let place = line(view, *file, mention.span);
                return refuse(format!(
                    "view `{id}` takes it along with `*`, and {place} reads it there"
                ));
            }
        }
        Ok(())
    }
}

fn own_name_of(mention: &Mention) -> &str {
    match &mention.symbol {
        Symbol::Object(key) => own_name(key),
        _ => "",
    }
}

/// `file:line`
fn line(view: View<'_>, file: usize, span: Span) -> String {
    let text = view.text(file);
    let line = LineIndex::new(text).line_column(text, span.start).line;
    let name = view.migration(file).map_or("", Migration::file_name);
    format!("`{name}:{line}`")
}

/// The history with the edits made.
fn edited(view: View<'_>, edits: &[Edit]) -> History {
    let mut history = view.history.clone();
    for (file, migration) in history.migrations.iter_mut().enumerate() {
        let own: Vec<&Edit> = edits.iter().filter(|edit| edit.location.file == file).collect();
        if own.is_empty() {
            continue;
        }
        let whole = migration.forward == Span::new(0, migration.text.len());
        let mut text = migration.text.to_string();
        let mut grown = 0_i64;
        for edit in own.iter().rev() {
            let range = std::ops::Range::<usize>::from(edit.location.span);
            if text.get(range.clone()).is_none() {
                continue;
            }
            let length = |n: usize| i64::try_from(n).unwrap_or_default();
            grown += length(edit.text.len()) - length(edit.location.span.len());
            text.replace_range(range, &edit.text);
        }
        migration.forward = if whole {
            Span::new(0, text.len())
        } else {
            let end = i64::from(migration.forward.end) + grown;
            Span {
                end: u32::try_from(end).unwrap_or(migration.forward.end),
                ..migration.forward
            }
        };
        migration.text = text.into();
    }
    history
}

fn problems(view: View<'_>, file: usize) -> Vec<Span> {
    let mut found = Vec::new();
    view.steps(file, &mut |moment| {
        found.extend(moment.step.problems.iter().map(|problem| problem.span));
    });
    found
}

/// The first line that only one side has; both are sorted.
fn differing<'r>(old: &'r [String], new: &'r [String]) -> Option<&'r String> {
    let at = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    match (old.get(at), new.get(at)) {
        (Some(old), Some(new)) => Some(old.min(new)),
        (old, new) => old.or(new),
    }
}

/// What a catalog holds, as lines in which the old and the new name are one.
fn rows(catalog: &Catalog, base: &Catalog, old: &str, new: &str) -> Vec<String> {
    // The longer name first: it may hold the other.
    let (first, second) = if new.len() > old.len() { (new, old) } else { (old, new) };
    let one = |text: &str| text.replace(first, "\0").replace(second, "\0");
    let mut lines: Vec<String> = canonical::rows(catalog, base)
        .into_iter()
        .map(|replayed| {
            let row = replayed.row;
            let facets: Vec<String> = row
                .facets
                .into_iter()
                .map(|(name, value)| format!("{name}: {}", neutral(value, &one)))
                .collect();
            format!("{} {} {}", row.class, one(&row.identity), facets.join(", "))
        })
        .collect();
    lines.sort();
    lines
}

/// Lists of names are in an order that the name may decide.
fn neutral(value: Value, one: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(one(&text)),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| neutral(item, one)).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(name, value)| (one(&name), neutral(value, one)))
                .collect(),
        ),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    fn never(_: usize) -> bool {
        false
    }

    /// The files after a rename.
    #[track_caller]
    fn becomes(before: &str, new_name: &str, after: &str) {
        let case = Case::new(before);
        let place = case.cursor();
        let edits = rename(case.view(), place, new_name, &never).unwrap_or_else(|refusal| panic!("{}", refusal.0));
        let history = edited(case.view(), &edits);
        let mut text = String::new();
        for migration in &history.migrations {
            text.push_str(&format!("-- {}\n{}", migration.path, migration.text));
        }
        assert_eq!(text.trim_end(), after.trim_end());
    }

    #[track_caller]
    fn refused(sql: &str, new_name: &str, why: &str) {
        let case = Case::new(sql);
        let refusal = rename(case.view(), case.cursor(), new_name, &never).expect_err("it is refused");
        assert!(refusal.0.contains(why), "{}", refusal.0);
    }

    #[track_caller]
    fn companion_becomes(history: &str, new_name: &str, after: usize, before: &str, wanted: &str) {
        let case = Case::new(history);
        let part = Span::new(0, before.len());
        let companion = Companion {
            after,
            text: before,
            part,
        };
        let mut text = before.to_owned();
        let edits = rename_in_companion(case.view(), case.cursor(), new_name, companion);
        for (span, new) in edits.iter().rev() {
            text.replace_range(std::ops::Range::<usize>::from(*span), new);
        }
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_rollback_and_a_test_go_along() {
        let history = "-- 1_a.sql
create table users (id int primary key, email text);
-- 2_b.sql
alter table users add nick$0name text;
create index users_nickname_idx on users (nickname);
-- 3_c.sql
alter table users rename column nickname to handle;
";
        companion_becomes(
            history,
            "alias",
            1,
            "drop index users_nickname_idx; -- nickname
alter table users drop column if exists nickname;",
            "drop index users_nickname_idx; -- nickname
alter table users drop column if exists alias;",
        );
        // Here it has another name already; what gives the old one back gives the new one.
        companion_becomes(
            history,
            "alias",
            2,
            "alter table users rename column handle to nickname; select nickname from users;",
            "alter table users rename column handle to alias; select alias from users;",
        );
        companion_becomes(
            history,
            "alias",
            0,
            "select nickname from users;",
            "select nickname from users;",
        );
    }

    #[test]
    fn a_table_in_policies_views_functions_and_constants() {
        becomes(
            "-- 1_a.sql
create schema app;
create table app.users (id int primary key, email text unique);
create table posts (author int references app.users (id));
alter table app.us$0ers drop constraint users_email_key;
-- 2_b.sql
set search_path = app, public;
create view emails as select users.email from users;
create policy p on users using (exists (select 1 from users u where u.id = users.id));
create function count_users() returns bigint language plpgsql as $$
begin
  return (select count(*) from app.users); -- users
end $$;
comment on table users is 'users';
select 'app.users'::regclass;
do $$ begin execute 'alter table app.users add x int'; end $$;
",
            "Leute",
            "-- 1_a.sql
create schema app;
create table app.\"Leute\" (id int primary key, email text unique);
create table posts (author int references app.\"Leute\" (id));
alter table app.\"Leute\" drop constraint \"Leute_email_key\";
-- 2_b.sql
set search_path = app, public;
create view emails as select \"Leute\".email from \"Leute\";
create policy p on \"Leute\" using (exists (select 1 from \"Leute\" u where u.id = \"Leute\".id));
create function count_users() returns bigint language plpgsql as $$
begin
  return (select count(*) from app.\"Leute\"); -- users
end $$;
comment on table \"Leute\" is 'users';
select 'app.\"Leute\"'::regclass;
do $$ begin execute 'alter table app.\"Leute\" add x int'; end $$;
",
        );
    }

    #[test]
    fn a_column_keeps_the_names_of_the_columns_made_of_it() {
        becomes(
            "-- 1_a.sql
create table t (id int, na$0me text, check (name <> ''));
create table u (name text);
-- 2_b.sql
create view v as select id, name, name::text as n, u.name as other from t join u using (id);
create index on t (lower(name));
insert into t (name) values ('name');
with c as (select name from t) select c.name from c;
",
            "title",
            "-- 1_a.sql
create table t (id int, title text, check (title <> ''));
create table u (name text);
-- 2_b.sql
create view v as select id, name, name::text as n, u.name as other from t join u using (id);
create index on t (lower(title));
insert into t (title) values ('name');
with c as (select title as name from t) select c.name from c;
",
        );
    }

    #[test]
    fn only_the_places_of_one_name_of_two() {
        let history = "-- 1_a.sql
create table a (id int);
insert into a values (1);
-- 2_b.sql
alter table a rename to b;
insert into b values (1);
create table a (id int);
";
        becomes(
            &history.replacen("into a", "into $0a", 1),
            "first",
            &history
                .replacen("table a (", "table first (", 1)
                .replace("into a", "into first")
                .replace("table a rename", "table first rename"),
        );
        becomes(
            &history.replacen("into b", "into $0b", 1),
            "second",
            &history.replace("to b;", "to second;").replace("into b", "into second"),
        );
    }

    #[test]
    fn policies_functions_types_triggers_and_schemas() {
        becomes(
            "create table t (a int);
create policy \"old p\" on t using (true);
alter policy \"old $0p\" on t using (false);
",
            "p2",
            "-- 1.sql
create table t (a int);
create policy p2 on t using (true);
alter policy p2 on t using (false);
",
        );
        becomes(
            "create function f(a int) returns int language sql as $$ select a $$;
create function f(a text) returns int language sql as $$ select 1 $$;
create view v as select $0f(1);
drop function f(text);
",
            "g",
            "-- 1.sql
create function f(a int) returns int language sql as $$ select a $$;
create function f(a text) returns int language sql as $$ select 1 $$;
create view v as select f(1);
drop function f(text);
"
            .replacen("function f(a int)", "function g(a int)", 1)
            .replace("select f(1)", "select g(1) as f")
            .as_str(),
        );
        becomes(
            "create type mood as enum ('ok');
create table t (m mo$0od default 'ok'::mood);
",
            "order",
            "-- 1.sql
create type \"order\" as enum ('ok');
create table t (m \"order\" default 'ok'::\"order\");
",
        );
        becomes(
            "create schema app;
set search_path = app, public;
create table t (a int);
select * from ap$0p.t;
",
            "core",
            "-- 1.sql
create schema core;
set search_path = core, public;
create table t (a int);
select * from core.t;
",
        );
    }

    #[test]
    fn aliases_and_variables() {
        becomes(
            "create table t (a int);\nselect x.a from t x where $0x.a > 0;\n",
            "y",
            "-- 1.sql\ncreate table t (a int);\nselect y.a from t y where y.a > 0;\n",
        );
    }

    #[test]
    fn variables_where_they_are_assigned_filled_and_shown() {
        let code = "create function g(total int) returns int language sql as $$ select total $$;
create function f(total int) returns int language plpgsql as $$
declare sum int := total;
begin
  $0sum := g(total => 1);
  select 1 into sum;
  if sum > 1 then raise notice '% sum', sum; end if;
  return sum;
end $$;
";
        becomes(
            code,
            "all",
            &format!(
                "-- 1.sql\n{}",
                code.replace("$0", "")
                    .replace("sum", "\"all\"")
                    .replace("% \"all\"", "% sum")
            ),
        );
    }

    #[test]
    fn a_function_that_qualifies_its_parameters() {
        becomes(
            "create table t (a int);
create function f(a int) returns bigint language sql as $$ select count(*) from t where t.a = f.a $$;
create function g() returns bigint language plpgsql as $$ begin return $0f(1); end $$;
",
            "h",
            "-- 1.sql
create table t (a int);
create function h(a int) returns bigint language sql as $$ select count(*) from t where t.a = h.a $$;
create function g() returns bigint language plpgsql as $$ begin return h(1); end $$;
",
        );
    }

    #[test]
    fn the_renamed_history_replays_to_the_same_catalog() {
        let case = Case::new(
            "-- 1_a.sql
create table t (id serial primary key, name text unique, note text);
create view v as select name from $0t;
-- 2_b.sql
alter table t enable row level security;
create policy p on t using (name = current_user);
comment on table t is 'things';
grant select on t to public;
",
        );
        let edits = rename(case.view(), case.cursor(), "things_of_ours", &never).expect("it can be renamed");
        let history = edited(case.view(), &edits);
        let after = Case::of(history.migrations, crate::history::Base::Empty, None);
        let rows = |case: &Case| {
            let view = case.view();
            let rows = canonical::rows(view.timeline.last(), view.timeline.before(0));
            rows.into_iter()
                .map(|replayed| format!("{:?}", replayed.row))
                .collect::<Vec<_>>()
        };
        let mut expected: Vec<String> = rows(&case)
            .iter()
            .map(|row| {
                row.replace("public.t\"", "public.things_of_ours\"")
                    .replace("public.t.", "public.things_of_ours.")
                    .replace("public.t:", "public.things_of_ours:")
                    .replace("public.t_", "public.things_of_ours_")
                    .replace(".t_", ".things_of_ours_")
            })
            .collect();
        let mut found = rows(&after);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_may_not_be_renamed_says_why() {
        refused(
            "create table t (a int);\ncreate table u (b int);\nselect * from $0t;",
            "u",
            "is there already",
        );
        refused("select lo$0wer('A');", "x", "belongs to PostgreSQL");
        refused(
            "create table t (a int);\nselect $0b from t;",
            "x",
            "nothing in this history makes `b`",
        );
        refused(
            "comment on schema $0public is 'x';",
            "x",
            "was there before the first migration",
        );
        refused(
            "alter table go$0ne add a int;",
            "x",
            "was there before the first migration",
        );
        refused(
            "create table t (a int unique);\nalter table t drop constraint t_a_$0key;",
            "x",
            "PostgreSQL chose it",
        );
        refused(
            "create table t (a int);\ndo $$ begin execute 'drop table ' || 't'; end $$;\nselect 1 from t;\ncreate table t ($0a int);\n",
            &"x".repeat(64),
            "63 bytes",
        );
        refused(
            "create table $0t (a int);\ndo $$ begin execute 'alter table ' || 't' || ' add b int'; end $$;",
            "x",
            "dynamic SQL in `1.sql:2`",
        );
        refused(
            "create table t ($0id int);\ncreate table u (id int);\nselect * from t join u using (id);",
            "key",
            "stands for column `public.u.id`",
        );
        refused(
            "create table t ($0a int);\ncreate view v as select * from t;\ncreate view w as select v.a from v;",
            "b",
            "view `public.v` takes it along with `*`",
        );
    }

    #[test]
    fn an_applied_migration_is_left_alone() {
        let case = Case::new("-- 1_a.sql\ncreate table t (a int);\n-- 2_b.sql\nselect * from $0t;");
        let applied = |file: usize| file == 0;
        let refusal = rename(case.view(), case.cursor(), "u", &applied).expect_err("it is applied");
        assert_eq!(
            refusal.0,
            "`1_a.sql` is applied already: rename it with a new migration"
        );
        assert!(prepare(case.view(), case.cursor(), &applied).is_err());
        let renamable = prepare(case.view(), case.cursor(), &never).expect("nothing is applied");
        assert_eq!(renamable.name, "t");
        assert_eq!(renamable.span.slice(case.text(1)), "t");
    }
}
