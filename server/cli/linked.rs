//! What the commands share that meet a database: the project, the environment, a runtime, and who we are.

use std::io::{self, BufRead, IsTerminal};

use anyhow::Context;
use database::environment::EnvironmentError;
use database::link::Linked;
use database::{Address, ConnectError, Connection, ServerError, Target};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::terminal;

/// The project around the current folder.
pub(crate) fn open() -> anyhow::Result<Linked> {
    let folder = std::env::current_dir().context("the current folder cannot be read")?;
    Ok(Linked::open(&folder)?)
}

/// An environment variable.
pub(crate) fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The environment of that name, or the one that is meant where there is none.
pub(crate) fn target(linked: &Linked, name: Option<&str>) -> Result<Target, Failure> {
    linked.target(name, &lookup).map_err(unknown)
}

/// Tells why there is no environment.
pub(crate) fn unknown(error: EnvironmentError) -> Failure {
    Failure::usage(&error, error.hint())
}

/// The address of an environment that has a server of its own.
pub(crate) fn server(target: &Target) -> Result<&Address, Failure> {
    target.address().ok_or_else(|| {
        Failure::usage(
            format!("environment {target} keeps nothing"),
            "name one with a server: `--environment NAME`",
        )
    })
}

/// A session.
pub(crate) async fn connect(address: &Address, verb: &str) -> Result<Connection, Failure> {
    let connected = Connection::connect(address, &format!("dblsp {verb}")).await;
    connected.map_err(|error| not_connected(&error))
}

/// Tells why there is no session.
pub(crate) fn not_connected(error: &ConnectError) -> Failure {
    Failure::database(error, error.hint())
}

/// Tells that the server refused a question of our own.
pub(crate) fn refused(error: &ServerError) -> Failure {
    let hint = error
        .hint
        .as_deref()
        .unwrap_or("see that the role may read what dblsp asks for");
    Failure::database(error, hint)
}

/// Runs what waits for a server. Ctrl-C ends it in good order; a second one at once.
pub(crate) fn wait<T>(work: impl AsyncFnOnce(CancellationToken) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads can be started")?;
    let cancel = CancellationToken::new();
    let interrupted = cancel.clone();
    runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        terminal::say("stopping; what is not committed is rolled back (again: at once)");
        interrupted.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
    let done = runtime.block_on(work(cancel));
    runtime.shutdown_background();
    done
}

/// Makes sure that somebody wants a destructive thing: `--yes`, or an answer at the terminal. Anything but yes is no.
pub(crate) fn agreed(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::usage("not confirmed, so nothing was done", "add `--yes`"));
    }
    terminal::say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::usage("not confirmed", "nothing was done"))
}

/// A result for programs, with the format's version.
pub(crate) fn print_json(mut value: Value) -> anyhow::Result<()> {
    if let Some(object) = value.as_object_mut() {
        object.shift_insert(0, "version".into(), 1.into());
    }
    terminal::print(&format!("{value:#}\n"))
}
