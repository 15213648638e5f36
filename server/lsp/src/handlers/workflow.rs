//! Commands that work on a database. None can be linked yet: they say so, and what does the work meanwhile.

use std::sync::Arc;

use analysis::settings::Runner;
use serde_json::Value;
use tower_lsp::ls_types::{MessageType, Uri};

use crate::state::Shared;

pub(crate) async fn run(shared: &Arc<Shared>, command: &str, uri: Option<Uri>) -> Option<Value> {
    let runner = match uri {
        None => None,
        Some(uri) => {
            shared
                .ask(&uri, "looking for the runner", |question| {
                    let (view, _) = question.snapshot.find(question.path)?;
                    Some(view.settings.runner)
                })
                .await
        }
    };
    let advice = advice(command.trim_start_matches("dblsp."), runner);
    shared.say(
        MessageType::WARNING,
        format!("There is no linked database: this version of dblsp cannot link one yet. {advice}"),
    );
    None
}

/// What to do instead.
fn advice(command: &str, runner: Option<Runner>) -> &'static str {
    match (command, runner) {
        ("apply" | "applyAll", Some(Runner::Supabase)) => "Apply migrations with `supabase db push`.",
        ("apply" | "applyAll", Some(Runner::Sqlx)) => "Apply migrations with `sqlx migrate run`.",
        ("apply" | "applyAll", _) => {
            "Apply migrations with the tool that applies them today, for example `psql -1 -f FILE`."
        }
        ("status", Some(Runner::Supabase)) => "See what is applied with `supabase migration list`.",
        ("status", Some(Runner::Sqlx)) => "See what is applied with `sqlx migrate info`.",
        ("drift", Some(Runner::Supabase)) => "Compare with `supabase db diff`.",
        ("test", _) => "Run the files of the tests folder with `psql -f FILE`.",
        ("rollback", _) => "Run the migration's rollback file with `psql -1 -f FILE`.",
        ("snapshot", _) => "Take one with `pg_dump`.",
        ("restore", _) => "Restore a dump with `pg_restore` or `psql -f FILE`.",
        _ => "Ask the database with `psql`.",
    }
}
