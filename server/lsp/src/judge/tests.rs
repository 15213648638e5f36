//! Findings after edits are those of a history that was never edited.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use analysis::history::{Base, Companion, CompanionKind, History, Migration};
use analysis::settings::{Naming, Runner, Settings};
use project::files::Disk;
use proptest::prelude::*;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::members::Members;

/// What files are put together of: statements that undo, need or silence one another, and comments that rules read.
const PIECES: &[&str] = &[
    "-- dblsp: hold (later)",
    "create table a (id int primary key, b_id int);",
    "create table b (id int primary key);",
    "create table b (id bigint primary key, constraint c check (id > 0));",
    "alter table a add constraint f foreign key (b_id) references b (id);",
    "alter table a add column b_id int references b;",
    "create index on a (b_id);",
    "drop table a;",
    "drop table if exists b cascade;",
    "alter table a rename to d;",
    "alter table b add v text default random()::text;",
    "alter table b enable row level security;",
    "create view v as select * from b;",
    "create function g() returns int language sql as 'select 1';",
    "drop function g();",
    "-- dblsp: allow fk-without-index (a few rows)",
    "/* dblsp: allow-file drop-table (nobody uses it) */",
    "select ((;",
    "create type t as enum ('x');",
    "alter type t add value 'y';",
    "create table e (t t default 'y');",
    "begin;",
    "commit;",
    "rollback;",
    "set search_path = tours, public;",
    "do $$ begin execute 'create table a ()'; end $$;",
    "do $$ begin create table if not exists a (id int); end $$;",
    "select 'a', 'tours';",
    "select * from tours.a;",
    "grant all on all tables in schema public to anon;",
    "",
];

/// Files by the numbers of their pieces.
type Files = Vec<Vec<usize>>;

/// `convention`: names of the convention, each two files of one version.
fn history(files: &Files, convention: bool) -> History {
    let migrations = files.iter().enumerate().map(|(number, pieces)| {
        let pieces: Vec<&str> = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let path = format!("migrations/2025010100000{number}_v0_{}_0_x.sql", number / 2);
        let mut migration = Migration::new(&path, &pieces.join("\n"));
        migration.convention = convention;
        migration.rollback_path = Some(format!("rollbacks/{number}.sql"));
        migration.smoke_test_path = convention.then(|| format!("tests/{}.sql", number / 2));
        migration
    });
    History {
        migrations: migrations.collect(),
        complete: true,
        base: Base::Supabase,
        companions: vec![Companion {
            path: "rollbacks/0.sql".into(),
            text: "-- TODO: undo\n".into(),
            kind: CompanionKind::Rollback,
            judged: true,
        }],
        ..History::default()
    }
}

fn settings() -> Settings {
    let mut settings = Settings {
        runner: Runner::Supabase,
        naming: Naming::Seed,
        ..Settings::default()
    };
    settings.coupling.packs = vec!["a".into(), "tours".into()];
    settings
}

fn snapshot(history: History, before: Option<&Snapshot>) -> Snapshot {
    let history = Arc::new(history);
    let known = before.map(|before| &before.views[0]);
    let read = |migration: &Migration| {
        let same = known.and_then(|known| {
            let mut pairs = known.history.migrations.iter().zip(&*known.documents);
            let same = pairs.find(|(old, _)| old.path == migration.path && old.text == migration.text);
            Some(same?.1.clone())
        });
        same.unwrap_or_else(|| analysis::parse(migration))
    };
    let documents = history.migrations.iter().map(read).collect();
    let mut view = View::new("/".into(), history, Arc::new(documents), Arc::new(settings()));
    if let Some(known) = known {
        view = view.after(known);
    }
    let disk = Disk::new(Path::new("/"));
    Snapshot {
        members: Arc::new(Members::of(&disk, [&*view.history])),
        disk,
        problems: Arc::default(),
        open: Arc::default(),
        judged: Mutex::default(),
        alone: Mutex::default(),
        judging: Mutex::default(),
        kept: before.map(|before| Arc::clone(&before.kept)).unwrap_or_default(),
        views: vec![view],
    }
}

fn guard() -> Guard {
    Guard::new(unbounded_channel().0)
}

/// What `dblsp check` finds, by path. The text of a file that a fix would make is written when somebody asks for it.
fn fresh(history: &History) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
    let documents: Vec<_> = history.migrations.iter().map(analysis::read).collect();
    let mut by_file = BTreeMap::<PathBuf, Vec<Diagnostic>>::new();
    for mut found in analysis::check(history, &documents, &settings()) {
        let path = Path::new("/").join(&found.path);
        let files = found.fixes.iter_mut().flat_map(|fix| &mut fix.creates);
        files.for_each(|file| file.text = None);
        by_file.entry(path).or_default().push(found);
    }
    by_file
}

/// Where something is put in or taken out, whether somebody looks at the findings then, and after how many looks
/// around somebody else gave it up before.
#[derive(Clone, Debug)]
struct Edit {
    file: usize,
    at: usize,
    piece: Option<usize>,
    is_looked_at: bool,
    gives_up_after: Option<usize>,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let piece = prop::option::weighted(0.7, 0..PIECES.len());
    let gives_up_after = prop::option::of(0..12_usize);
    let edit = (0..6_usize, 0..6_usize, piece, any::<bool>(), gives_up_after);
    let edit = edit.prop_map(|(file, at, piece, is_looked_at, gives_up_after)| Edit {
        file,
        at,
        piece,
        is_looked_at,
        gives_up_after,
    });
    prop::collection::vec(edit, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn findings_after_edits_are_those_of_the_texts(
        mut files in prop::collection::vec(prop::collection::vec(0..PIECES.len(), 0..6), 6),
        edits in edits(),
        convention in any::<bool>(),
    ) {
        let guard = guard();
        let mut now = snapshot(history(&files, convention), None);
        all(&now, &guard, &|| false).expect("somebody wants them");
        let last = edits.len() - 1;
        for (number, edit) in edits.into_iter().enumerate() {
            let pieces = &mut files[edit.file];
            let at = edit.at.min(pieces.len());
            match edit.piece {
                Some(piece) => pieces.insert(at, piece),
                None if at < pieces.len() => _ = pieces.remove(at),
                None => {}
            }
            now = snapshot(history(&files, convention), Some(&now));
            if let Some(enough) = edit.gives_up_after {
                let asked = AtomicUsize::new(0);
                now.views[0].replay(&guard);
                all(&now, &guard, &|| asked.fetch_add(1, Ordering::Relaxed) >= enough);
            }
            if edit.is_looked_at || number == last {
                let wanted = fresh(&now.views[0].history);
                for migration in &now.views[0].history.migrations {
                    let path = now.path(&migration.path);
                    let found = one(&now, &path, &guard).expect("it is part of the history");
                    prop_assert_eq!(wanted.get(&path).map(Vec::as_slice).unwrap_or_default(), &**found);
                }
                let judged = all(&now, &guard, &|| false).expect("somebody wants them");
                let found: BTreeMap<PathBuf, Vec<Diagnostic>> =
                    judged.by_file.iter().map(|(path, found)| (path.clone(), found.to_vec())).collect();
                prop_assert_eq!(wanted, found);
            }
        }
    }
}

/// A file of many, edited: what is said before the others are replayed, and after.
fn early_and_late(before: &[&str], after: &str) -> (Option<Found>, Found) {
    let mut history = History {
        migrations: before
            .iter()
            .copied()
            .chain(std::iter::repeat_n("select 1;", FEW + 1))
            .enumerate()
            .map(|(number, text)| Migration::new(&format!("migrations/{number:02}.sql"), text))
            .collect(),
        complete: true,
        base: Base::Supabase,
        ..History::default()
    };
    let known = snapshot(history.clone(), None);
    let guard = guard();
    all(&known, &guard, &|| false).expect("somebody wants them");
    history.migrations[0].text = after.into();
    history.migrations[0].forward = Span::new(0, after.len());
    let now = snapshot(history, Some(&known));
    let path = now.path("migrations/00.sql");
    let early = at_once(&now, &path, &guard);
    (early, one(&now, &path, &guard).expect("it is part of the history"))
}

const TABLE: &str = "create table a (id int primary key, b int references a);";

#[test]
fn an_edit_far_back_is_judged_before_what_follows_is_replayed() {
    let (early, late) = early_and_late(&[TABLE], &format!("-- A comment.\nselec 1;\n{TABLE}"));
    let rules: Vec<&str> = late.iter().map(|found| found.rule).collect();
    assert_eq!(
        rules,
        ["syntax-error", "rls-disabled-in-exposed-schema", "fk-without-index"]
    );
    assert_eq!(early.as_deref(), Some(&*late));
}

#[test]
fn what_a_later_file_mends_is_not_reported_for_a_moment() {
    let enable = "alter table a enable row level security; create policy p on a using (true); create index on a (b);";
    let (early, late) = early_and_late(&[TABLE, enable], &format!("\n{TABLE}"));
    assert_eq!(early.as_deref(), Some(&Vec::new()));
    assert_eq!(*late, Vec::new());
}

#[test]
fn the_newest_files_wait_for_what_follows() {
    let mut history = history(&vec![vec![1]; 3], false);
    let known = snapshot(history.clone(), None);
    let guard = guard();
    all(&known, &guard, &|| false).expect("somebody wants them");
    history.migrations[0].text = "select 1;".into();
    let now = snapshot(history, Some(&known));
    let path = now.path(&now.views[0].history.migrations[0].path);
    assert_eq!(at_once(&now, &path, &guard), None);
}

#[test]
fn findings_that_an_edit_leaves_alone_are_shared() {
    let mut files: Files = vec![vec![2], vec![1, 4], vec![13]];
    let guard = guard();
    let known = snapshot(history(&files, false), None);
    let before = all(&known, &guard, &|| false).expect("somebody wants them");
    files[2].push(7);
    let now = snapshot(history(&files, false), Some(&known));
    let after = all(&now, &guard, &|| false).expect("somebody wants them");
    let is_shared = |number: usize| {
        let path = now.path(&now.views[0].history.migrations[number].path);
        let pair = before.by_file.get(&path).zip(after.by_file.get(&path));
        pair.is_some_and(|(before, after)| Arc::ptr_eq(before, after))
    };
    assert!(is_shared(0));
    assert!(!is_shared(1), "its table is gone");
    assert!(!is_shared(2), "it was edited");
}
