//! What the whole pipeline promises, with every rule on: history is known, what nobody sees is not blamed, and a mistake
//! that a later file corrects is not reported.

use analysis::history::{Base, History, Migration};
use analysis::lint::diagnostic::Level;
use analysis::settings::{Runner, Settings};
use analysis::{check, read};

/// The rules that find something in a whole history of these files, with the file's number (from 1). Hints are advice
/// that holds for right migrations, too.
fn found(files: &[&str]) -> Vec<(usize, &'static str)> {
    judged(files, &Settings::default(), Base::Empty)
}

fn judged(files: &[&str], settings: &Settings, base: Base) -> Vec<(usize, &'static str)> {
    let migration = |(at, text): (usize, &&str)| Migration::new(&format!("{:04}_file.sql", at + 1), text);
    let migrations: Vec<Migration> = files.iter().enumerate().map(migration).collect();
    let history = History {
        migrations,
        complete: true,
        base,
        ..History::default()
    };
    let documents: Vec<_> = history.migrations.iter().map(read).collect();
    let number = |path: &str| {
        history
            .migrations
            .iter()
            .position(|m| m.path == path)
            .map_or(0, |at| at + 1)
    };
    check(&history, &documents, settings)
        .iter()
        .filter(|finding| finding.level > Level::Hint)
        .map(|finding| (number(&finding.path), finding.rule))
        .collect()
}

#[test]
fn a_table_made_in_the_first_file_is_known_in_the_ninth() {
    let mut files = vec!["create table users (id bigint primary key, name text);"];
    files.extend(std::iter::repeat_n("select 1;", 7));
    files.push("alter table users add column name text; alter table users drop column nickname;");
    assert_eq!(found(&files), [(9, "already-exists"), (9, "unknown-object")]);
}

#[test]
fn a_table_of_the_same_transaction_locks_nobody_out_but_its_parents_do() {
    let first = "create table accounts (id bigint primary key);";
    let own = "
create table orders (id bigint primary key, account bigint, note varchar(10));
alter table orders alter column note set not null;
alter table orders alter column note type bigint using note::bigint;
alter table orders add constraint positive check (account > 0);
create index on orders (account);
alter table orders drop column note;";
    assert_eq!(found(&[first, own]), []);
    let with_parent = format!("{own}\nalter table orders add foreign key (account) references accounts;");
    assert_eq!(found(&[first, &with_parent]), [(2, "add-fk-without-not-valid")]);
}

#[test]
fn set_not_null_after_a_check_that_was_validated_earlier_scans_nothing() {
    let table = "create table users (id bigint primary key, name text);";
    let check = "alter table users add constraint named check (name is not null) not valid;";
    let validate = "alter table users validate constraint named;";
    let set = "alter table users alter column name set not null;";
    assert_eq!(found(&[table, check, validate, set]), []);
    assert_eq!(found(&[table, set]), [(2, "set-not-null")]);
    assert_eq!(
        found(&[table, check, set]),
        [(2, "constraint-never-validated"), (3, "not-null-check-unvalidated")]
    );
}

#[test]
fn a_type_that_only_grows_is_free_and_one_that_is_stored_otherwise_is_not() {
    let table = "create table users (id int primary key, name varchar(50));";
    assert_eq!(
        found(&[table, "alter table users alter column name type varchar(100);"]),
        []
    );
    let wider = found(&[table, "alter table users alter column id type bigint;"]);
    assert_eq!(wider, [(2, "change-column-type-rewrite")]);
}

#[test]
fn a_mistake_that_a_later_file_corrects_is_silent() {
    let settings = Settings {
        runner: Runner::Supabase,
        ..Settings::default()
    };
    let mistakes = "
create table public.users (id bigint primary key);
create table public.orders (id bigint primary key, buyer bigint references public.users);
create view public.buyers as select buyer from public.orders;
create function public.total() returns bigint language sql security definer as $$ select count(*) from orders $$;";
    let corrections = "
alter table public.users enable row level security;
alter table public.orders enable row level security;
alter view public.buyers set (security_invoker = true);
alter function public.total() set search_path = '';";
    let index = "create index concurrently orders_buyer on public.orders (buyer);";
    let before = judged(&[mistakes], &settings, Base::Supabase);
    let rules: Vec<&str> = before.iter().map(|(_, rule)| *rule).collect();
    assert_eq!(
        rules,
        [
            "rls-disabled-in-exposed-schema",
            "rls-disabled-in-exposed-schema",
            "fk-without-index",
            "security-definer-view",
            "function-search-path",
        ]
    );
    assert_eq!(judged(&[mistakes, corrections, index], &settings, Base::Supabase), []);
}
