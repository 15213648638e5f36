//! Measures how many real migrations a generated rollback undoes.
//!
//! `undo [--manifest FILE] [--only TEXT] [--limit N] [--verbose]`
//!
//! Every history is applied to a throw-away server file by file. After each file its generated rollback is run, what the
//! server then says of the database is compared with what it said before, and the file is applied again.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

#[path = "../tests/inverse/everything.rs"]
mod everything;
#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use analysis::history::{Base, History, Migration};
use analysis::schema::inverse::inverse;
use analysis::schema::timeline::Timeline;
use analysis::sql;
use database::canonical::Known;
use database::rehearse::{File, Outcome, apply_file};
use database::{Connection, Database, Options, Shadow, Template};
use everything::{difference, everything};
use project::files::Disk;
use project::{Request, Selection, load};

#[derive(Default)]
struct Arguments {
    manifest: Option<PathBuf>,
    only: Option<String>,
    limit: Option<usize>,
    verbose: bool,
}

/// What came of the migrations of a history.
#[derive(Default, Clone, Copy)]
struct Tally {
    /// The schema is as before.
    restored: usize,
    /// The rollback says that a person must finish it.
    todo: usize,
    /// It ran, and something is different.
    different: usize,
    /// The server refused it.
    refused: usize,
    /// The migration changes no schema.
    rows_only: usize,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.restored += other.restored;
        self.todo += other.todo;
        self.different += other.different;
        self.refused += other.refused;
        self.rows_only += other.rows_only;
    }

    fn line(self) -> String {
        let all = self.restored + self.todo + self.different + self.refused;
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let percent = self.restored as f64 * 100.0 / all.max(1) as f64;
        format!(
            "{percent:.1} % of {all} restored; {} with a TODO, {} different, {} refused; {} change no schema",
            self.todo, self.different, self.refused, self.rows_only
        )
    }
}

fn main() -> ExitCode {
    let Some(arguments) = arguments(std::env::args().skip(1)) else {
        eprintln!("undo --manifest FILE [--only TEXT] [--limit N] [--verbose]");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(&arguments))
}

fn arguments(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut out = Arguments::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--manifest" => out.manifest = Some(words.next()?.into()),
            "--only" => out.only = Some(words.next()?),
            "--limit" => out.limit = Some(words.next()?.parse().ok()?),
            "--verbose" => out.verbose = true,
            _ => return None,
        }
    }
    out.manifest.is_some().then_some(out)
}

async fn run(arguments: &Arguments) -> ExitCode {
    let manifest = arguments.manifest.as_ref().expect("the arguments have one");
    let list = std::fs::read_to_string(manifest).expect("the manifest can be read");
    let shadow = Shadow::start(Options::default()).await.expect("a server");
    let mut all = Tally::default();
    for line in list.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, _, class, folder] = columns.as_slice() else {
            continue;
        };
        if *class == "regress"
            || arguments
                .only
                .as_ref()
                .is_some_and(|part| !name.contains(part.as_str()))
        {
            continue;
        }
        let Some(history) = history(Path::new(folder)) else {
            eprintln!("{name}: no history");
            continue;
        };
        let tally = measure(&shadow, history, name, arguments).await;
        println!("{name}: {}", tally.line());
        all.add(tally);
    }
    println!("together: {}", all.line());
    ExitCode::SUCCESS
}

fn history(folder: &Path) -> Option<History> {
    let folder = std::fs::canonicalize(folder).ok()?;
    let request = Request {
        disk: Disk::new(&folder),
        paths: vec![folder.clone()],
        folder,
        selection: Selection::All,
        settings: None,
    };
    let found = load(&request);
    let histories = found.projects.into_iter().flat_map(|project| project.histories);
    histories.max_by_key(|history| history.migrations.len())
}

/// Extensions that the project's documentation says to create before the first migration.
const REQUIRED: &[(&str, &str)] = &[
    ("chirpstack/chirpstack", "CREATE EXTENSION pg_trgm;"),
    (
        "brocaar/chirpstack-application-server",
        "CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore;",
    ),
];

struct Place {
    database: Database,
    session: Connection,
    harness: Connection,
}

async fn place(shadow: &Shadow, base: Base, files: &[File]) -> Place {
    let template = match base {
        Base::Empty => Template::Plain,
        Base::Supabase => Template::Supabase,
    };
    let database = shadow.database("undo", template).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    let harness = database.harness().await.expect("a session");
    for file in files {
        apply_file(&mut session, file).await.expect("a server");
    }
    Place {
        database,
        session,
        harness,
    }
}

async fn leave(shadow: &Shadow, place: Place) {
    place.session.close().await;
    place.harness.close().await;
    shadow.discard(place.database).await.expect("the database goes");
}

async fn measure(shadow: &Shadow, mut history: History, name: &str, arguments: &Arguments) -> Tally {
    if let Some((_, sql)) = REQUIRED.iter().find(|(of, _)| *of == name) {
        history.migrations.insert(0, Migration::new("extensions.sql", sql));
    }
    if let Some(limit) = arguments.limit {
        history.migrations.truncate(limit);
    }
    let documents = project::documents(&history);
    let applied = oracle::apply(shadow, "undo", &history, &documents).await;
    let history = applied.history;
    let documents = project::documents(&history);
    let postgres = u16::try_from(shadow.major()).unwrap_or(15);
    let settings = oracle::settings(postgres);
    let timeline = project::on_deep_stacks(|| Timeline::replay(&history, &documents, &settings));
    let files: Vec<File> = history
        .migrations
        .iter()
        .zip(&documents)
        .map(|(migration, document)| oracle::file(migration, document))
        .collect();
    let mut here = place(shadow, history.base, &[]).await;
    let known = Known::read(&mut here.harness).await.expect("roles");
    let mut before = everything(&mut here.harness, &known).await;
    let mut tally = Tally::default();
    for (number, file) in files.iter().enumerate() {
        let again = apply_file(&mut here.session, file).await.expect("a server");
        if again != Outcome::Applied {
            // What it needs was in a file that came to nothing the second time.
            eprintln!("{name}: {} does not apply again", file.path);
        }
        let after = everything(&mut here.harness, &known).await;
        if after == before {
            tally.rows_only += 1;
            continue;
        }
        let rollback = project::on_deep_stacks(|| inverse(&timeline, number, &history, &documents, &settings));
        let text = rollback.to_sql(&file.path, &history.migrations[number].text);
        let outcome = apply_file(&mut here.session, &script(&text)).await.expect("a server");
        let now = everything(&mut here.harness, &known).await;
        let unlike = difference(&before, &now);
        let what = match (&outcome, &unlike, rollback.has_todo()) {
            (Outcome::Applied, None, _) => {
                tally.restored += 1;
                None
            }
            (_, _, true) => {
                tally.todo += 1;
                Some("TODO".to_owned())
            }
            (Outcome::Applied, Some(unlike), _) => {
                tally.different += 1;
                Some(format!("different\n{unlike}"))
            }
            (Outcome::Failed(failure), ..) => {
                tally.refused += 1;
                Some(format!("refused: {:?}", failure.error))
            }
            (other, ..) => {
                tally.refused += 1;
                Some(format!("{other:?}"))
            }
        };
        if let Some(what) = what.filter(|_| arguments.verbose) {
            println!("==== {name} {}: {what}\n{text}", file.path);
        }
        if unlike.is_some() || outcome != Outcome::Applied {
            leave(shadow, here).await;
            here = place(shadow, history.base, &files[..=number]).await;
            before = everything(&mut here.harness, &known).await;
        } else {
            apply_file(&mut here.session, file).await.expect("a server");
            before = after;
        }
    }
    leave(shadow, here).await;
    tally
}

fn script(text: &str) -> File {
    let document: sql::File = project::on_deep_stacks(|| sql::parse(text));
    File {
        path: "rollback".into(),
        statements: document
            .statements
            .iter()
            .map(|s| s.span.slice(text).to_owned())
            .collect(),
        transactional: true,
    }
}
