//! Odd text is a value: nothing that can be typed makes the front end panic, hang or overflow a small stack.
#![allow(clippy::disallowed_methods, reason = "tests may look at the clock")]

use std::time::{Duration, Instant};

use analysis::sql::body;
use analysis::sql::parse;
use analysis::sql::statement::Node;
use analysis::sql::verdict::{Grammar, Verdict};
use proptest::prelude::*;

/// Everything that an editor does with the text of a file.
fn read(text: &str) {
    let file = parse(text);
    for statement in &file.statements {
        let inner = statement.span.slice(text);
        assert!(!inner.is_empty() || text.is_empty(), "{text:?} has an empty statement");
        let _ = Grammar.syntax_error(inner);
        if let Node::Do { language, body } = &statement.node {
            let _ = body::statements(text, language.as_str(), body);
        }
    }
}

const WORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    "'a'",
    "$$",
    "a",
    "\"B\"",
    ".",
    "*",
    "::",
    "int",
    "cast",
    "as",
    "and",
    "not",
    "in",
    "between",
    "case",
    "when",
    "then",
    "end",
    "else",
    "insert",
    "into",
    "values",
    "update",
    "set",
    "=",
    "delete",
    "using",
    "merge",
    "on",
    "join",
    "left",
    "with",
    "recursive",
    "union",
    "all",
    "order",
    "by",
    "limit",
    "1",
    "-",
    "create",
    "table",
    "alter",
    "drop",
    "function",
    "returns",
    "language",
    "plpgsql",
    "begin",
    "if",
    "loop",
    "execute",
    "format",
    "exception",
    "declare",
    ":=",
    "return",
    "query",
    "do",
    "trim",
    "both",
    "extract",
    "interval",
    "array",
    "exists",
    "collate",
    "over",
    "filter",
    "U&",
    "E'\\'",
    "{{",
    "}}",
    "é",
    "\\d",
    "--",
    "/*",
    "returning",
    "conflict",
    "grouping",
    "sets",
    "row",
    "only",
    "lateral",
    "||",
    "$1",
    "is",
    "null",
    "any",
    "<<",
    ">>",
];

const REAL: &str = r#"
with a (x) as materialized (insert into s.t as u (a, b[1]) values (1, 'é'), (default, $q$ 'x' $q$)
  on conflict (a) where b do update set (a, b) = (excluded.a, 2) returning *)
select distinct on (a) count(*) filter (where x) over w as n, (r).*, array[[1], [2]]::int[], cast(a as numeric(10, 2))
  from only a x left join lateral f(1) with ordinality o(i) on x.i = o.i, rows from (g(), h() as (i int)) q
 where exists (select 1 from "B" where b in ((select 2), 3) and c between symmetric 1 and 2) or d is not distinct from e
 group by grouping sets ((a), rollup (b)) window w as (partition by a order by b desc nulls last) order by 1 limit all;
create policy p on t for update to authenticated using ((select auth.uid()) = user_id) with check (true);
do $body$ declare r record; begin
  if not exists (select 1 from pg_type) then execute 'create type t as enum (''a'')'; else perform f(); end if;
  for r in execute format('select %I', 'x') loop raise notice '%', r; end loop;
exception when others then null; end $body$;
update t set a[1] = 1, (b, c) = (select 1, 2) from u where current of c returning a as x;
merge into t using (select 1) s on t.i = s.i when matched and a then delete when not matched then insert values (1);
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_in_any_order_are_read(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        read(&words.join(" "));
    }

    #[test]
    fn any_characters_are_read(text in "\\PC{0,80}") {
        read(&text);
    }

    #[test]
    fn real_statements_with_a_piece_cut_out_are_read(from in 0..REAL.len(), length in 0..REAL.len()) {
        let piece: String = REAL.char_indices()
            .filter(|(at, _)| !(from..from.saturating_add(length)).contains(at))
            .map(|(_, c)| c)
            .collect();
        read(&piece);
    }

    #[test]
    fn bodies_of_any_words_are_walked(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let code = words.join(" ").replace("$$", "");
        read(&format!("do $x$ begin {code} end $x$"));
        read(&format!("do 'begin {} end'", code.replace('\'', "''")));
    }
}

#[test]
fn megabytes_are_read_in_time() {
    let bytes = if cfg!(debug_assertions) { 50_000 } else { 10_000_000 };
    for piece in [
        "select 1;\n",
        "select a and b or ",
        "(",
        "(select ",
        ", (1, 'a')",
        " union select 1",
        "a + ",
        "a ",
        "'",
        "$$ begin ",
        " if x then ",
        " execute 'a';",
        "insert into t values (1);",
        " case when ",
        " join t on a",
    ] {
        for before in ["", "select ", "insert into t values (1)", "do $x$ begin "] {
            let text = format!("{before}{}", piece.repeat(bytes / piece.len()));
            let started = Instant::now();
            let file = parse(&text);

            for statement in &file.statements {
                if let Node::Do { language, body } = &statement.node {
                    let _ = body::statements(&text, language.as_str(), body);
                }
            }
            let text = format!("do $x$ begin {} end $x$", piece.repeat(bytes / piece.len()));
            for statement in &parse(&text).statements {
                if let Node::Do { language, body } = &statement.node {
                    let _ = body::statements(&text, language.as_str(), body);
                }
            }
            let all = started.elapsed();
            assert!(all < Duration::from_secs(20), "{before}{piece}…: {all:?}");
        }
    }
}
