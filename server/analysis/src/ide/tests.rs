//! Nothing that an editor asks at any byte of any text makes the analysis panic.

use super::testing::Case;
use super::{
    Place, completion, completion::signature, definition, folding, hover, lenses, references, rename, selection,
    symbols, tokens,
};
use crate::history::{Base, Migration};
use crate::text::Span;

/// Texts that are odd in one way each.
const ODD: &[&str] = &[
    "",
    "é😀",
    "\u{feff}create table t (a int);\r\nselect a from t",
    "create table \"a\"\"b\" (\"ü ü\" int, c int references \"a\"\"b\" (\"ü ü\"));\ninsert into \"a\"\"b\" (\"ü ü\") values (1) on conflict (\"ü ü\") do update set c = excluded.c returning *;",
    "create view v as with recursive c (n) as (select 1 union all select n + 1 from c) select c.*, x.a as é from c join lateral (select n as a) x on true order by é;",
    "do $x$ declare r record; begin for r in select 1 as a loop execute format('alter table %I add column x int', r.a); end loop; exception when others then null; end $x$;\ndo 'begin create table ''q'' (a int); end';",
    "create function f(a int, out b int) returns int language plpgsql set search_path = '' as $$ declare v t%rowtype; w t.a%type := 1; begin new.x := old.y; if a > 1 then return (select b from t); end if; perform f(1); end $$;",
    "alter table t add column",
    "create policy p on t using (",
    "select 'unterminated",
    "grant select (a, b) on t to public; revoke all on all tables in schema s from r; comment on column t.a is 'é'; select 't'::regclass, nextval('s.q');",
    "create table if not exists s.t (like u including all) partition by range (a); alter table s.t attach partition p for values from (1) to (2), rename to u;",
    "{{ placeholder }} create table t (a int);\n\\set x 1\nselect :x;\ncopy t from stdin;\n1\n\\.\nselect 2;",
    "merge into t using u on t.a = u.a when matched then update set a = 1;with x as (delete from t returning a) insert into u select a from x;",
];

fn ask(case: &Case, file: usize, step: usize) {
    let view = case.view();
    let text = case.text(file);
    for fold in folding::folding(view, file) {
        fits(text, fold.span);
    }
    symbols::symbols(view, file);
    for token in tokens::tokens(view, file) {
        fits(text, token.span);
    }
    lenses::lenses(view, file);
    for offset in (0..=text.len() + 1).step_by(step) {
        let place = Place {
            file,
            offset: u32::try_from(offset).expect("tests are short"),
        };
        if let Some(hover) = hover::hover(view, place) {
            fits(text, hover.span);
        }
        for span in selection::selection(view, place) {
            fits(text, span);
        }
        for item in completion::completion(view, place) {
            fits(text, item.replace);
        }
        signature::signature(view, place);
        definition::definition(view, place);
        definition::type_definition(view, place);
        for highlight in references::highlights(view, place) {
            fits(text, highlight.span);
        }
        references::references(view, place);
        if let Ok(edits) = rename::rename(view, place, "Neu é", &|_| false) {
            for edit in edits {
                fits(case.text(edit.location.file), edit.location.span);
            }
        }
    }
}

fn fits(text: &str, span: Span) {
    assert!(
        text.get(std::ops::Range::<usize>::from(span)).is_some(),
        "{span:?} is no part of {text:?}"
    );
}

#[test]
fn every_offset_of_odd_texts() {
    let migrations: Vec<Migration> = ODD
        .iter()
        .enumerate()
        .map(|(number, text)| Migration::new(&format!("{number}_odd.sql"), text))
        .collect();
    let case = Case::of(migrations, Base::Empty, None);
    for file in 0..ODD.len() {
        ask(&case, file, 1);
    }
}

/// What is being written ends at the cursor, in the middle of anything.
#[test]
fn texts_that_break_off_anywhere() {
    for text in ODD {
        for (end, _) in text.char_indices() {
            let migrations = vec![Migration::new("1.sql", ODD[3]), Migration::new("2.sql", &text[..end])];
            let case = Case::of(migrations, Base::Empty, None);
            let place = Place {
                file: 1,
                offset: u32::try_from(end).expect("tests are short"),
            };
            for item in completion::completion(case.view(), place) {
                fits(&text[..end], item.replace);
            }
            signature::signature(case.view(), place);
            selection::selection(case.view(), place);
            hover::hover(case.view(), place);
        }
    }
}

#[test]
fn offsets_of_the_reference_project() {
    let texts = [
        include_str!("../../../../supabase/migrations/20251026211500_v0_7_0_baseline.sql"),
        include_str!("../../../../supabase/migrations/20251026213000_v0_7_0_seed.sql"),
        include_str!("../../../../supabase/migrations/20251027140000_v0_8_0_collaboration.sql"),
    ];
    let migrations = texts
        .iter()
        .enumerate()
        .map(|(number, text)| Migration::new(&format!("{number}.sql"), text))
        .collect();
    let case = Case::of(migrations, Base::Supabase, None);
    ask(&case, 0, 2003);
    ask(&case, 1, 499);
    ask(&case, 2, 701);
}
