//! What is predicted of a statement and what `trace` measures, on every server there is: they must agree.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;

use analysis::history::{Base, History, Migration};
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use analysis::text::Span;
use database::plan::{self, File};
use database::trace::{Limits, Prediction, Trace, disagreements, predict, trace};
use database::{Database, Shadow, Template};
use tokio_util::sync::CancellationToken;

#[path = "trace/generated.rs"]
mod generated;

/// One of everything that a statement below changes, with rows.
const FIXTURE: &str = include_str!("trace/fixture.sql");
const MATRIX: &str = include_str!("trace/matrix.sql");
const ALONE: &str = include_str!("trace/alone.sql");

/// Ends a file's transaction, so that the next finds the database as it was.
const UNDO: &str = "SELECT 1 / 0";

/// A database with a fixture, and the history that made it.
struct Bench {
    shadow: Shadow,
    database: Database,
    history: History,
    timeline: Timeline,
    settings: Settings,
}

/// A file that was traced, and what was predicted of its statements.
struct Done {
    file: File,
    trace: Trace,
    predictions: Vec<(Span, Prediction)>,
}

impl Bench {
    async fn new(shadow: Shadow, fixture: &str) -> Self {
        let database = shadow.database("bench", Template::Plain).await.expect("a database");
        let mut session = database.connect().await.expect("a session");
        session.execute(fixture).await.expect("the fixture is valid");
        session.close().await;
        let history = History {
            migrations: vec![
                Migration::new("1_fixture.sql", fixture),
                Migration::new("2_case.sql", ""),
            ],
            complete: true,
            base: Base::Empty,
            ..History::default()
        };
        let settings = Settings {
            postgres: u16::try_from(shadow.major()).expect("a small number"),
            ..Settings::default()
        };
        let timeline = Timeline::replay(&history, &project::documents(&history), &settings);
        Self {
            shadow,
            database,
            history,
            timeline,
            settings,
        }
    }

    async fn run(&mut self, text: &str) -> Done {
        let history = &mut self.history;
        history.migrations[1] = Migration::new("2_case.sql", text);
        let only = History {
            migrations: vec![history.migrations[1].clone()],
            ..History::default()
        };
        let options = plan::Options {
            segments: true,
            ..plan::Options::default()
        };
        let mut file = plan::plan(&only, &[], &[], &options).expect("a plan").files.remove(0);
        file.number = 1;
        let documents = project::documents(history);
        self.timeline = self.timeline.update(1..2, history, &documents, &self.settings);
        let predictions = predict(history, &documents, &self.timeline, &self.settings, &file);
        let cancel = CancellationToken::new();
        let trace = trace(&self.database, &file, &predictions, Limits::default(), &cancel).await;
        Done {
            trace: trace.unwrap_or_else(|error| panic!("{text}: {error}")),
            file,
            predictions: predictions.into_iter().collect(),
        }
    }
}

impl Done {
    /// How statement `number` differs from what was predicted; the error where the server refused it or one before it.
    fn differences(&self, number: usize) -> Result<Vec<String>, String> {
        let statement = &self.trace.statements[number];
        if let Some((failed, failure)) = self.trace.failure()
            && failed.span.start <= statement.span.start
        {
            return Err(format!("{} ({})", failure.error, failed.span.slice(&self.file.text)));
        }
        let prediction = self.predictions.iter().find(|(span, _)| *span == statement.span);
        let (_, prediction) = prediction.expect("every statement is predicted");
        let found = disagreements(prediction, &statement.measured);
        Ok(found.iter().map(ToString::to_string).collect())
    }
}

async fn the_matrix(shadow: Shadow) {
    let major = shadow.major();
    let mut bench = Bench::new(shadow, FIXTURE).await;
    let (mut count, mut wrong) = (0, Vec::new());
    let lines = MATRIX.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("--")) {
        let (mark, case) = match line.strip_prefix('@') {
            Some(marked) => marked.split_once(' ').expect("a mark and a statement"),
            None => ("", line),
        };
        let is_known = mark != "refused" && mark.parse().is_ok_and(|since: u32| since <= major) || mark.is_empty();
        let statements = case.split(";;").count();
        let done = bench.run(&format!("{};\n{UNDO};", case.replace(";;", ";"))).await;
        count += 1;
        match done.differences(statements - 1) {
            Ok(found) if is_known && found.is_empty() => {}
            Ok(found) if is_known => wrong.push(format!("{case}\n    {}", found.join("\n    "))),
            Ok(_) => wrong.push(format!("{case}\n    this server was said to refuse it")),
            Err(_) if !is_known => {}
            Err(error) => wrong.push(format!("{case}\n    the server refuses it: {error}")),
        }
    }
    report(major, count, 330, &wrong);
}

/// They commit, so each has a database of its own.
async fn alone(mut shadow: Shadow) {
    let major = shadow.major();
    let (mut count, mut wrong) = (0, Vec::new());
    for case in ALONE.lines().filter(|line| !line.starts_with("--")) {
        let mut bench = Bench::new(shadow, FIXTURE).await;
        let done = bench.run(&format!("{case};")).await;
        assert!(done.trace.statements[0].is_alone, "{case}");
        count += 1;
        match done.differences(0) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => wrong.push(format!("{case}\n    {}", found.join("\n    "))),
            Err(error) => wrong.push(format!("{case}\n    the server refuses it: {error}")),
        }
        bench.shadow.discard(bench.database).await.expect("the database goes");
        shadow = bench.shadow;
    }
    report(major, count, 10, &wrong);
}

async fn every_combination(shadow: Shadow) {
    generated(shadow, true).await;
}

/// On servers other than the default one a fifth, and all of them where somebody asks for it.
async fn some_combinations(shadow: Shadow) {
    generated(shadow, std::env::var_os("DBLSP_ALL_CASES").is_some()).await;
}

async fn generated(shadow: Shadow, all: bool) {
    let major = shadow.major();
    let mut bench = Bench::new(shadow, &generated::fixture()).await;
    let (mut count, mut wrong, mut seen) = (0, Vec::new(), BTreeSet::new());
    let (step, least) = if all { (1, 500) } else { (5, 100) };
    for case in generated::cases()
        .filter(|case| seen.insert(case.clone()))
        .step_by(step)
    {
        let done = bench.run(&format!("{case};\n{UNDO};")).await;
        let last = done.trace.statements.len() - 2;
        // What this server refuses is no case.
        let Ok(found) = done.differences(last) else { continue };
        count += 1;
        if !found.is_empty() {
            wrong.push(format!("{case}\n    {}", found.join("\n    ")));
        }
    }
    report(major, count, least, &wrong);
}

#[track_caller]
#[allow(clippy::print_stderr, reason = "the figure for the page on accuracy")]
fn report(major: u32, count: usize, least: usize, wrong: &[String]) {
    eprintln!(
        "PostgreSQL {major}: {} of {count} predicted as traced",
        count - wrong.len()
    );
    assert!(count >= least, "only {count} statements");
    let mut text = String::new();
    for line in wrong {
        writeln!(text, "{line}").expect("a string takes all text");
    }
    assert!(
        wrong.is_empty(),
        "PostgreSQL {major}: {} of {count} differ:\n{text}",
        wrong.len()
    );
}

macro_rules! on_every_server {
    ($($test:ident $judge:ident $variable:expr;)*) => {
        $(#[tokio::test]
        async fn $test() {
            if let Some(shadow) = support::traced_shadow($variable).await {
                $judge(shadow).await;
            }
        })*
    };
}

on_every_server! {
    what_stands_alone_is_predicted alone None;
    what_stands_alone_is_predicted_on_14 alone Some("DBLSP_PG_14");
    what_stands_alone_is_predicted_on_16 alone Some("DBLSP_PG_16");
    what_stands_alone_is_predicted_on_17 alone Some("DBLSP_PG_17");
    what_stands_alone_is_predicted_on_18 alone Some("DBLSP_PG_18");
    the_matrix_is_predicted the_matrix None;
    the_matrix_is_predicted_on_14 the_matrix Some("DBLSP_PG_14");
    the_matrix_is_predicted_on_16 the_matrix Some("DBLSP_PG_16");
    the_matrix_is_predicted_on_17 the_matrix Some("DBLSP_PG_17");
    the_matrix_is_predicted_on_18 the_matrix Some("DBLSP_PG_18");
    combinations_are_predicted every_combination None;
    combinations_are_predicted_on_14 some_combinations Some("DBLSP_PG_14");
    combinations_are_predicted_on_16 some_combinations Some("DBLSP_PG_16");
    combinations_are_predicted_on_17 some_combinations Some("DBLSP_PG_17");
    combinations_are_predicted_on_18 some_combinations Some("DBLSP_PG_18");
}
