use crate::lint::prelude::*;
use crate::sql::tokens::{Token, tokenize};

rule! {
    /// The schema depends on an expansion pack, which not every installation has.
    ///
    /// ## When
    /// A migration holds a path into `expansion-packs/`, or a pack's name (`[coupling] packs`, else the folders in
    /// `expansion-packs/`) as a schema's or role's name, as a part of a path, or as a whole string literal. Found in code,
    /// in literals, in comments and in function bodies. A table or column that is called like a pack is fine, and so is a
    /// literal with its name.
    ///
    /// ## Why
    /// The schema supports every pack and depends on none. A migration that names a pack fails, or means nothing, where
    /// the pack is not installed, and has to be written again when the pack is renamed.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20251026211500_v0_7_0_agents.sql
    /// create schema "creator-os";
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_agents.sql
    /// create table fragments (id bigint primary key, pack text);
    /// ```
    ///
    /// ## References
    /// - [Schemas](https://www.postgresql.org/docs/current/ddl-schemas.html)
    "expansion-pack-coupling",
    category: Category::Coupling,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    convention: true,
    check: Check::Migration(check),
}

/// The folder that holds the packs.
const FOLDER: &str = "expansion-packs";

fn check(cx: &Cx<'_>, report: &mut Report) {
    let text = cx.text();
    let packs = &cx.settings.coupling.packs;
    let lower = text.to_lowercase();
    if !lower.contains(FOLDER) && !packs.iter().any(|pack| lower.contains(&pack.to_lowercase())) {
        return;
    }
    let mut search = Search {
        cx,
        packs,
        found: Vec::new(),
    };
    search.code(text, 0);
    search.found.sort();
    search.found.dedup_by_key(|(span, _)| *span);
    for (span, what) in search.found {
        report
            .add(span, format!("{what}, which not every installation has"))
            .help("Keep the schema free of packs: a pack registers itself in rows.");
    }
}

struct Search<'a> {
    cx: &'a Cx<'a>,
    packs: &'a [String],
    found: Vec<(Span, String)>,
}

impl Search<'_> {
    fn pack(&self, word: &str) -> Option<String> {
        let pack = self.packs.iter().find(|pack| pack.eq_ignore_ascii_case(word));
        pack.cloned()
    }

    /// Reads code that begins at byte `offset` of the file.
    fn code(&mut self, code: &str, offset: usize) {
        let read = tokenize(code);
        for comment in &read.comments {
            let words = comment.span.slice(code);
            if !words.contains("dblsp:") {
                self.paths(words, offset + comment.span.start as usize, Prose::Yes);
            }
        }
        let tokens = &read.tokens;
        for (at, token) in tokens.iter().enumerate() {
            let source = token.span.slice(code);
            let start = offset + token.span.start as usize;
            match source.as_bytes() {
                [b'$', ..] => {
                    let Some((open, inner)) = dollar_quoted(source) else {
                        continue;
                    };
                    self.code(inner, start + open);
                }
                [b'\'', ..] | [b'E' | b'e' | b'N' | b'n', b'\'', ..] => self.literal(source, start),
                [b'"' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.., ..] => self.name(code, tokens, at, offset),
                _ => {}
            }
        }
    }

    /// A string: as a whole the name of a pack, or a path.
    fn literal(&mut self, source: &str, start: usize) {
        let open = source.find('\'').map_or(0, |at| at + 1);
        let inner = source[open..].trim_end_matches('\'');
        if let Some(pack) = self.pack(inner.trim()) {
            if !self.is_an_object(inner.trim()) {
                let span = Span::new(start, start + source.len());
                self.found.push((span, format!("the literal names the pack `{pack}`")));
            }
            return;
        }
        self.paths(inner, start + open, Prose::No);
    }

    /// Whether the history has a relation or column of that name, which the literal may mean.
    fn is_an_object(&self, name: &str) -> bool {
        let catalogs = [self.cx.catalog_before(self.cx.file + 1), self.cx.last()];
        catalogs.iter().any(|catalog| {
            catalog.relations().any(|(id, relation)| {
                id.name == name || relation.table().is_some_and(|table| table.column(name).is_some())
            })
        })
    }

    /// Paths with a pack, or the packs' folder, as one of their parts.
    fn paths(&mut self, text: &str, start: usize, prose: Prose) {
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | '~');
        for path in text.split(|c: char| !is_path(c)).filter(|path| path.contains('/')) {
            let path = path.trim_end_matches('.');
            let at = start + (path.as_ptr() as usize - text.as_ptr() as usize);
            let span = Span::new(at, at + path.len());
            let parts: Vec<&str> = path.split('/').collect();
            if parts.contains(&FOLDER) {
                self.found
                    .push((span, format!("the path `{path}` leads into an expansion pack")));
                continue;
            }
            // “fragments/notes” in a sentence is no path.
            let last = parts.last().copied().unwrap_or_default();
            let is_sure = path.starts_with(['.', '/', '~']) || parts.len() > 2 || last.contains('.') || last.is_empty();
            let pack = parts.iter().find_map(|part| self.pack(part));
            if let Some(pack) = pack.filter(|_| is_sure || prose == Prose::No) {
                self.found
                    .push((span, format!("the path `{path}` leads into the pack `{pack}`")));
            }
        }
    }

    /// An identifier that is a pack's name, where it stands for a schema or a role.
    fn name(&mut self, code: &str, tokens: &[Token], at: usize, offset: usize) {
        let source = tokens[at].span.slice(code);
        let Some(pack) = self.pack(source.trim_matches('"')) else {
            return;
        };
        let words: Vec<String> = tokens
            .iter()
            .map(|token| token.span.slice(code).to_lowercase())
            .collect();
        let what = if is_schema(&words, at) {
            "schema"
        } else if is_role(&words, at) {
            "role"
        } else {
            return;
        };
        let span = tokens[at].span;
        let start = offset + span.start as usize;
        self.found.push((
            Span::new(start, start + span.len()),
            format!("the {what} `{pack}` belongs to an expansion pack"),
        ));
    }
}

/// Whether a slash may be one of a sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prose {
    Yes,
    No,
}

fn dollar_quoted(source: &str) -> Option<(usize, &str)> {
    let open = source[1..].find('$')? + 2;
    let inner = source.get(open..source.len().checked_sub(open)?)?;
    Some((open, inner))
}

/// Words after which a qualified name is one of a relation, routine or type.
const BEFORE_OBJECTS: &[&str] = &[
    "from",
    "join",
    "into",
    "update",
    "table",
    "only",
    "references",
    "view",
    "function",
    "procedure",
    "routine",
    "aggregate",
    "type",
    "domain",
    "sequence",
    "index",
    "exists",
    "trigger",
    "::",
    "as",
    "call",
    "truncate",
    "copy",
    "partition",
    "of",
    "concurrently",
    "column",
    "using",
    "returns",
    "setof",
];

/// Whether the word at `at` names a schema: in a statement about schemas, or in front of an object's name.
fn is_schema(words: &[String], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map_or("", |at| words[at].as_str());
    let after = |on: usize| words.get(at + on).map_or("", String::as_str);
    if before(1) == "." {
        return false;
    }
    let names_schemas = |word: &str| word == "schema" || word == "search_path";
    let in_list = match before(1) {
        "schema" => true,
        "exists" => before(3) == "schema" || before(4) == "schema",
        "," | "to" | "=" => {
            let start = words[..at]
                .iter()
                .rposition(|word| word == ";")
                .map_or(0, |semicolon| semicolon + 1);
            let listed = words[start..at]
                .iter()
                .rposition(|word| names_schemas(word))
                .map(|found| start + found);
            let is_list = |word: &String| {
                matches!(word.as_str(), "," | "to" | "=" | "if" | "not" | "exists")
                    || word.starts_with(|c: char| c.is_alphabetic() || c == '"' || c == '\'' || c == '_')
            };
            after(1) != "."
                && listed.is_some_and(|listed| {
                    !words[listed..at]
                        .iter()
                        .any(|word| matches!(word.as_str(), "for" | "grant" | "revoke"))
                        && words[listed + 1..at].iter().all(is_list)
                        && (before(1) != "to" || names_schemas(before(2)))
                })
        }
        _ => false,
    };
    if in_list {
        return true;
    }
    if after(1) != "." {
        return false;
    }
    let object_and_column = after(3) == "." && after(4) != "*";
    let is_call = after(3) == "(";
    let compared = matches!(
        after(3),
        "=" | "<" | ">" | "<>" | "!=" | "is" | "in" | "like" | "and" | "or"
    );
    let on_object = before(1) == "on" && !compared;
    object_and_column || is_call || on_object || BEFORE_OBJECTS.contains(&before(1))
}

/// Whether the word at `at` names a role.
fn is_role(words: &[String], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map_or("", |at| words[at].as_str());
    if words.get(at + 1).is_some_and(|next| next == ".") || before(1) == "." {
        return false;
    }
    if matches!(before(1), "role" | "user" | "authorization") || (before(1) == "to" && before(2) == "owner") {
        return true;
    }
    let start = words[..at]
        .iter()
        .rposition(|word| word == ";")
        .map_or(0, |semicolon| semicolon + 1);
    let Some(list) = words[start..at].iter().rposition(|word| word == "to" || word == "from") else {
        return false;
    };
    let list = start + list;
    let only_names = words[list + 1..at]
        .iter()
        .all(|word| word == "," || word.starts_with(|c: char| c.is_alphabetic() || c == '"' || c == '_'));
    let grants = words[start..list].iter().any(|word| match words[list].as_str() {
        "to" => matches!(word.as_str(), "grant" | "policy"),
        _ => word == "revoke",
    });
    let renames = before(1) == "to" && before(2) == "rename";
    only_names && grants && !renames && matches!(before(1), "to" | "from" | ",")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    fn case() -> Case {
        Case::new(&RULE).with(|settings| settings.coupling.packs = vec!["fragments".into(), "creator-os".into()])
    }

    #[test]
    fn schemas_and_roles_of_a_pack_are_found() {
        case().fires(
            "
create schema if not exists fragments;
--                          ^^^^^^^^^ error: the schema `fragments` belongs to an expansion pack
create table fragments.notes (id int);
--           ^^^^^^^^^ error: the schema `fragments`
select \"creator-os\".f(1), n.id from \"creator-os\".notes n;
--     ^^^^^^^^^^^^ error: the schema `creator-os`
--                                  ^^^^^^^^^^^^ error: the schema `creator-os`
set search_path to public, fragments;
--                         ^^^^^^^^^ error: the schema
grant select on users to authenticated, fragments;
--                                      ^^^^^^^^^ error: the role `fragments`
create policy p on users to fragments using (true);
--                          ^^^^^^^^^ error: the role
create role \"creator-os\";
--          ^^^^^^^^^^^^ error: the role
create index on fragments.notes (id);
--              ^^^^^^^^^ error: the schema
",
        );
    }

    #[test]
    fn paths_and_literals_are_found() {
        case().fires(
            "
select 'see expansion-packs/any/readme.md';
--          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error: the path `…
select 'creator-os', 'agents/creator-os';
--     ^^^^^^^^^^^^ error: the literal names the pack `creator-os`
--                    ^^^^^^^^^^^^^^^^^ error: the path
select 1; -- from ../creator-os/agents.md.
--                ^^^^^^^^^^^^^^^^^^^^^^^ error: the path
create function f() returns text language plpgsql as $$
begin
  return (select x from fragments.notes); -- see expansion-packs/x
--                      ^^^^^^^^^ error: the schema
--                                               ^^^^^^^^^^^^^^^^^ error: the path
end $$;
",
        );
    }

    #[test]
    fn a_table_or_column_called_like_a_pack_is_fine() {
        case().silent(
            "
-- 1_fragments.sql
create table fragments (id int, fragments text);
create index on fragments (id);
select fragments.id, f.fragments from fragments join notes f on fragments.id = f.id where fragments.id = 1;
select to_regclass('public.fragments'), 'fragments';
grant select on fragments to authenticated;
revoke all on fragments from authenticated;
alter table old_fragments rename to fragments;
create policy fragments on fragments using (true);
insert into fragments (id) select 1 from fragments;
-- about fragments/notes and fragments
delete from public.fragments;
",
        );
    }

    #[test]
    fn the_comment_that_allows_it_is_no_finding() {
        case().silent("-- dblsp: allow-file drop-column (see expansion-packs/x)\nalter table a drop column b;");
    }
}
