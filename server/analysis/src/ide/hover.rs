//! What stands at the cursor: the object as of this statement.

use std::fmt::Write;

use super::definition::catalogs;
use super::describe::describe;
use super::mention::{self, Found, Local, Symbol};
use super::place::{history, statement_at};
use super::{Place, View, hints, touches};
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::cost::Cost;
use crate::schema::objects::{Certainty, Origin};
use crate::schema::price::{bytes_in_words, rows_in_words};
use crate::sql::lexeme::{LexemeKind, lexemes_in};
use crate::sql::statement::{Expr, Node, Statement};
use crate::text::{LineIndex, Span};

/// A text about what is at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// What the text is about.
    pub span: Span,
    /// Markdown.
    pub markdown: String,
}

/// What the name at the cursor stands for, as of its statement; on the first word of a statement, what that does.
pub fn hover(view: View<'_>, place: Place) -> Option<Hover> {
    match mention::at(view, place.file, place.offset) {
        Some(found) => name(view, &found).or_else(|| statement(view, place)),
        None => statement(view, place),
    }
}

fn name(view: View<'_>, found: &Found) -> Option<Hover> {
    let span = found.mention.span;
    let markdown = match &found.mention.symbol {
        Symbol::Object(key) => object(view, found, key)?,
        Symbol::Local(kind, declared) => {
            let kind = match kind {
                Local::Table => "alias or common table expression",
                Local::Column => "column of this query",
                Local::Parameter => "parameter or variable",
            };
            let line = line_of(view, found.file, *declared);
            format!("{kind}, declared on line {line}\n")
        }
        Symbol::BuiltIn(_) | Symbol::Unknown(_) => return None,
    };
    Some(Hover { span, markdown })
}

fn object(view: View<'_>, found: &Found, key: &Key) -> Option<String> {
    let source = |expr: &Expr, origins: [Origin; 2]| text_of(view, expr, origins);
    let catalogs = catalogs(view, found);
    let (catalog, mut markdown) = catalogs
        .iter()
        .find_map(|catalog| Some((*catalog, describe(catalog, key, &source)?)))?;
    if found.mention.late && std::ptr::eq(catalog, view.timeline.last()) {
        markdown.push_str("\nAs of the last file: the function looks it up when it runs.\n");
    }
    markdown.push_str(&size(view, catalog, key));
    markdown.push_str(&origins(view, catalog, key));
    Some(markdown)
}

/// How large a table was where somebody measured it.
fn size(view: View<'_>, catalog: &Catalog, key: &Key) -> String {
    let Key::Relation(id) = key else { return String::new() };
    let sizes = &view.settings.sizes;
    let Some(size) = catalog.table(id).and_then(|_| sizes.of(id)) else {
        return String::new();
    };
    let rows = size.rows.map(|rows| format!("{} rows, ", rows_in_words(rows)));
    let (bytes, indexes) = (bytes_in_words(size.bytes), bytes_in_words(size.index_bytes));
    format!(
        "\n{}{bytes} and {indexes} of indexes ({})\n",
        rows.unwrap_or_default(),
        sizes.source
    )
}

/// The text of an expression in the statement that wrote it, which is one of these.
fn text_of(view: View<'_>, expr: &Expr, origins: [Origin; 2]) -> Option<String> {
    let file = origins.into_iter().find_map(|origin| {
        let file = origin.file as usize;
        let statement = statement_at(view, file, origin.span)?;
        writes(&statement.node, expr).then_some(file)
    })?;
    let line = expr
        .span
        .slice(view.text(file))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    (!line.is_empty()).then_some(line)
}

/// Whether a policy or index has this expression.
fn writes(node: &Node, expr: &Expr) -> bool {
    match node {
        Node::CreatePolicy(create) => create.using.iter().chain(&create.check).any(|own| **own == *expr),
        Node::AlterPolicy(alter) => alter.using.iter().chain(&alter.check).any(|own| **own == *expr),
        Node::CreateIndex(create) => {
            create.keys.iter().any(|key| *key.expr == *expr) || create.predicate.as_deref() == Some(expr)
        }
        _ => false,
    }
}

/// Where an object was made and last changed, and how sure that is.
fn origins(view: View<'_>, catalog: &Catalog, key: &Key) -> String {
    let Some(history) = history(catalog, key) else {
        return String::new();
    };
    let mut out = String::new();
    match place(view, history.created) {
        Some(place) => {
            let _ = write!(out, "\nCreated in {place}");
            if let Some(changed) = place_of_change(view, history.created, history.changed) {
                let _ = write!(out, ", last changed in {changed}");
            }
            out.push_str(".\n");
        }
        None if history.certainty != Certainty::Assumed => {
            out.push_str("\nThere before the first migration");
            if let Some(changed) = place_of_change(view, history.created, history.changed) {
                let _ = write!(out, ", last changed in {changed}");
            }
            out.push_str(".\n");
        }
        None => {}
    }
    match catalog.since(history.certainty, history.changed) {
        Certainty::Certain => {}
        Certainty::Assumed => out.push_str("\nNo migration creates it: it is assumed to exist.\n"),
        Certainty::Maybe(origin) => {
            let by = place(view, origin).map(|place| format!(" in {place}"));
            let _ = write!(
                out,
                "\nMay not exist, or look otherwise: a statement{} runs under a condition, or cannot be read.\n",
                by.unwrap_or_default()
            );
        }
    }
    out
}

fn place_of_change(view: View<'_>, created: Origin, changed: Origin) -> Option<String> {
    (changed != created).then(|| place(view, changed)).flatten()
}

fn place(view: View<'_>, origin: Origin) -> Option<String> {
    let file = origin.file as usize;
    let migration = view.migration(file)?;
    Some(format!(
        "`{}:{}`",
        migration.file_name(),
        line_of(view, file, origin.span)
    ))
}

/// The 1-based line of a span's first byte.
fn line_of(view: View<'_>, file: usize, span: Span) -> u32 {
    let text = view.text(file);
    LineIndex::new(text).line_column(text, span.start).line
}

/// The words that a statement begins with, up to its first name.
pub(super) fn head(text: &str, statement: &Statement) -> Span {
    let words = lexemes_in(text, statement.span);
    let mut end = statement.span.start;
    for word in words.iter().take(6) {
        if word.kind != LexemeKind::Keyword {
            break;
        }
        end = word.span.end;
    }
    Span {
        start: statement.span.start,
        end,
    }
}

/// More effects of one statement than this are counted and not told.
const MOST_EFFECTS: usize = 20;

/// What the statement does, where the cursor is on its first words; then what it locks, reads and writes meanwhile.
fn statement(view: View<'_>, place: Place) -> Option<Hover> {
    let statement = view.statement(place)?;
    let span = head(view.text(place.file), statement);
    if span.is_empty() || !touches(span, place.offset) {
        return None;
    }
    let mut lines: Vec<String> = Vec::new();
    let mut cost = Cost::default();
    view.steps(place.file, &mut |moment| {
        if moment.step.outer.span == statement.span {
            cost.merge(hints::noticed(moment, view.settings.postgres));
            for change in &moment.step.changes {
                let line = super::effect::effect(change);
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    });
    if lines.is_empty() && cost.is_nothing() {
        return None;
    }
    let more = lines.len().saturating_sub(MOST_EFFECTS);
    lines.truncate(MOST_EFFECTS);
    let mut markdown = String::new();
    for line in &lines {
        let _ = writeln!(markdown, "- {line}");
    }
    if more > 0 {
        let _ = writeln!(markdown, "- and {more} more");
    }
    if !cost.is_nothing() {
        let separator = if lines.is_empty() { "" } else { "\n" };
        let _ = writeln!(markdown, "{separator}While it runs, it");
        for line in hints::lines(&cost, &view.settings.sizes) {
            let _ = writeln!(markdown, "- {line}");
        }
    }
    Some(Hover { span, markdown })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;
    use crate::schema::price::{Size, Sizes};

    fn at(case: &Case) -> String {
        let hover = hover(case.view(), case.cursor()).expect("there is something to say");
        format!(
            "[{}]\n{}",
            hover.span.slice(case.text(case.cursor().file)),
            hover.markdown
        )
    }

    #[test]
    fn a_table_as_of_the_statement() {
        let case = Case::new(
            "-- 1_a.sql
create role app_user;
create schema app;
create function app.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create table app.users (
  id bigint generated always as identity primary key,
  email text not null default '' check (email <> ''),
  \"Größe\" numeric(10,2),
  twice numeric generated always as (1 * 2) stored
);
-- 2_b.sql
alter table app.users enable row level security;
create policy own on app.users for select to app_user using (email = current_user);
create unique index users_email on app.users (lower(email)) where email <> '';
create trigger touch before update on app.users for each row execute function app.touch();
grant select, insert on app.users to app_user;
comment on table app.users is 'People';
alter table app.users drop column twice;
-- 3_c.sql
/* é😀 */ alter table app.us$0ers add column later int;",
        );
        let expected = "[users]
```sql
create table app.users (
  id bigint not null generated always as identity,
  email text not null default '',
  \"Größe\" numeric(10,2),
  constraint users_email_check check (email <> ''),
  constraint users_pkey primary key (id)
)
```

row level security: on

**Policies**
- `own` for select to app_user

**Indexes**
- `unique index users_email on app.users using btree (lower(email)) where email <> ''`

**Triggers**
- `touch` before update runs `app.touch`

**Grants**
- `app_user`: insert, select

> People

Created in `1_a.sql:4`, last changed in `2_b.sql:7`.
";
        assert_eq!(at(&case), expected);
    }

    #[track_caller]
    fn says(sql: &str, words: &[&str]) {
        let said = at(&Case::new(sql));
        for word in words {
            assert!(said.contains(word), "{said}\nlacks {word}");
        }
    }

    #[test]
    fn columns_constraints_and_indexes() {
        let tables = "create table t (a int primary key);\ncreate table u (x int references t);\n";
        says(
            &format!("{tables}select $0a from t;"),
            &[
                "public.t.a integer not null",
                "`u_x_fkey` of `public.u`",
                "Created in `1.sql:1`",
            ],
        );
        says(
            &format!("{tables}alter table u drop constraint u_x_$0fkey;"),
            &["alter table public.u add constraint u_x_fkey foreign key (x) references t"],
        );
        says(
            "create table t (a int constraint a_known check (a > 0), constraint t_known\n  check (a < 9));\nselect 1 from t$0;",
            &[
                "\n  constraint a_known check (a > 0),\n",
                "\n  constraint t_known check (a < 9)\n",
            ],
        );
        says(
            &format!("{tables}create index i on u (x desc) include (x);\ndrop index $0i;"),
            &[
                "create index i on public.u using btree (x desc) include (x)",
                "`1.sql:3`",
            ],
        );
    }

    #[test]
    fn a_policy_says_when_it_has_no_effect() {
        says(
            "create table t (a int);\ncreate policy $0p on t as restrictive to public using (a > 1);",
            &["using (a > 1)", "as restrictive", "is off"],
        );
        says(
            "create table t (a int);
alter table t enable row level security;
create policy p on t using (a > 1);
alter policy p on t using (a > 2);
alter policy $0p on t rename to q;",
            &["using (a > 2)"],
        );
    }

    #[test]
    fn types_functions_sequences_roles_schemas_and_extensions() {
        says(
            "create type mood as enum ('a''b', 'c');\nalter type mo$0od add value 'd';",
            &["create type public.mood as enum ('a''b', 'c')"],
        );
        says(
            "create domain d as int not null check (value > 0);\ncreate table t (a $0d);",
            &["create domain public.d as integer not null"],
        );
        says(
            "create function f(a int, b text default 'x') returns setof text language sql stable as $$ select 'x' $$;
create function f() returns int language sql as $$ select 1 $$;
select $0f(1);",
            &[
                "create function public.f(a integer, b text default …)",
                "returns SETOF text",
                "language sql stable",
                "`public.f()`",
            ],
        );
        says(
            "create sequence s as int increment 2;\nalter sequence $0s restart;",
            &["as integer increment by 2"],
        );
        says("create role r nologin;\nalter role $0r bypassrls;", &["create role r"]);
        says(
            "create schema s;\ncreate table $0s.t (a int);",
            &["create schema s", "Created in `1.sql:1`"],
        );
        says(
            "create schema s;\ncreate extension pgcrypto schema s;\ndrop extension $0pgcrypto;",
            &["create extension pgcrypto with schema s"],
        );
        says(
            "create table t (a int);\ncreate view v as select a as b from t;\ndrop view $0v;",
            &["create view public.v (b)", "reads `public.t`"],
        );
    }

    #[test]
    fn says_when_something_is_assumed_or_may_not_exist() {
        says(
            "alter table gone add column x int;\nselect * from go$0ne;",
            &["columns that no file of this history writes", "assumed to exist"],
        );
        says(
            "do $$ begin if random() > 0.5 then create table t (a int); end if; end $$;\nselect * from $0t;",
            &["May not exist, or look otherwise", "`1.sql:1`"],
        );
    }

    #[test]
    fn the_first_words_of_a_statement_say_what_it_does() {
        says(
            "create table t (a int);
al$0ter table t add column b int default 0, add constraint c check (b > 0) not valid;",
            &[
                "[alter table]",
                "- adds column `b` integer to `public.t`",
                "- adds constraint `c` to `public.t`, without checking the rows that are there",
            ],
        );
        says(
            "create table t (a int);\n$0drop table t;",
            &["[drop table]", "- drops `public.t`"],
        );
    }

    #[test]
    fn a_table_has_the_size_that_was_measured() {
        let mut case = Case::new("create table t (a int);\nselect * from $0t;");
        assert!(!at(&case).contains("rows"));
        let size = Size {
            rows: Some(1_204_331),
            bytes: 367_001_600,
            index_bytes: 125_829_120,
        };
        let sizes = Sizes {
            source: "production, 2025-10-27T09:00:00Z".into(),
            tables: [("public.t".to_owned(), size)].into(),
        };
        case.settings.sizes = sizes;
        let expected = "1.2 million rows, 350 MB and 120 MB of indexes (production, 2025-10-27T09:00:00Z)";
        assert!(at(&case).contains(expected), "{}", at(&case));
    }

    #[test]
    fn what_a_later_file_does_is_not_there_yet() {
        let case = Case::new(
            "-- 1_a.sql\ncreate table t (a int);\n-- 2_b.sql\nselect * from $0t;\n-- 3_c.sql\nalter table t add b int;",
        );
        assert!(!at(&case).contains("b integer"));
    }
}
