//! A migration of many megabytes, applied and rolled back: in bounded memory, with every row.

#[path = "apply/support.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of this module")]
mod support;

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Project, shadow, value};

/// Runs the binary to its end: seconds, and the most memory that it held, in megabytes.
fn measured(project: &Project, arguments: &[&str]) -> (f64, u64) {
    let begin = Instant::now();
    let said = project.folder.path().join("said");
    let errors = fs::File::create(&said).expect("created");
    let mut command = project.command(arguments);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .expect("the binary starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kilobytes.unwrap_or_default() / 1024);
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let said = fs::read_to_string(said).expect("it was written");
    assert!(ended.success(), "{arguments:?}: {said}");
    (begin.elapsed().as_secs_f64(), most)
}

#[allow(clippy::print_stderr, reason = "figures are what somebody runs this for")]
fn tell(megabytes: usize, what: &str, (seconds, most): (f64, u64)) {
    eprintln!("{what} of {megabytes} MB: {seconds:.1} s, at most {most} MB of memory");
}

#[tokio::test]
async fn megabytes_of_inserts_are_applied_and_rolled_back_in_bounded_memory() {
    let Some(shadow) = shadow().await else { return };
    // The time grows with the size as it should; MEGABYTES=50 for a thorough look.
    let megabytes = std::env::var("MEGABYTES")
        .ok()
        .and_then(|size| size.parse().ok())
        .unwrap_or(6_usize);
    let row = "x".repeat(1000);
    let mut text = String::new();
    let rows = megabytes * 1_000_000 / 1040;
    for id in 0..rows {
        writeln!(text, "insert into public.large values ({id}, '{row}');").expect("a string takes all text");
    }
    let name = |number: usize| format!("2026010{number}000000_v0_1_0_m{number}.sql");
    let table = "create table public.large (id int primary key, a text);\nalter table public.large enable row level security;\n";
    let project = Project::new(&shadow, "large", &[(&name(1), table), (&name(2), &text)]).await;
    project.write(
        "supabase/rollback/20260101000000_rollback.sql",
        "drop table public.large;\n",
    );
    project.write(
        "supabase/rollback/20260102000000_rollback.sql",
        "truncate public.large;\n",
    );
    let mut session = project.session().await;

    let applied = measured(&project, &["apply", "--yes", "--accept-unproven"]);
    assert_eq!(
        value(&mut session, "select count(*) from public.large").await,
        rows.to_string()
    );
    tell(megabytes, "apply", applied);
    let undone = measured(&project, &["rollback", "20260102000000", "--yes"]);
    assert_eq!(value(&mut session, "select count(*) from public.large").await, "0");
    tell(megabytes, "rollback", undone);
    let kept = "select sum(row_count) from dblsp.archive";
    assert_eq!(
        value(&mut session, kept).await,
        rows.to_string(),
        "what the script destroyed is kept"
    );

    // Texts, tokens and statements of one file, and what the history records of it; never all rows of the table.
    let bound = u64::try_from(60 + 30 * megabytes).expect("it is a small number");
    for (_, most) in [applied, undone] {
        assert!(most < bound, "{most} MB for {megabytes} MB");
    }
}
