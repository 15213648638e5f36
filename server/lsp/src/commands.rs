//! The commands that an editor may run: their names, and which function carries each out.

use std::sync::Arc;

use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{ExecuteCommandParams, Uri};

use crate::handlers::{check, create, explain, graph, prove, trace, workflow};
use crate::state::Shared;

pub(crate) const CANCEL: &str = "dblsp.cancel";
pub(crate) const CHECK: &str = "dblsp.check";
pub(crate) const CREATE_ROLLBACK: &str = "dblsp.createRollback";
pub(crate) const CREATE_SMOKE_TEST: &str = "dblsp.createSmokeTest";
pub(crate) const EXPLAIN: &str = "dblsp.explain";
pub(crate) const GRAPH: &str = "dblsp.graph";
pub(crate) const NEW_MIGRATION: &str = "dblsp.newMigration";
pub(crate) const OPEN: &str = "dblsp.open";
pub(crate) const OPEN_DOCUMENTATION: &str = "dblsp.openDocumentation";
pub(crate) const PROVE: &str = "dblsp.prove";
pub(crate) const TRACE: &str = "dblsp.trace";

/// What works on a database, with its title.
pub(crate) const WORKFLOW: [(&str, &str); 8] = [
    ("dblsp.snapshot", "Take a snapshot of the database"),
    ("dblsp.apply", "Apply this migration"),
    ("dblsp.applyAll", "Apply all pending migrations"),
    ("dblsp.test", "Run the tests of this version"),
    ("dblsp.rollback", "Roll this migration back"),
    ("dblsp.restore", "Restore the snapshot from before this migration"),
    ("dblsp.status", "Show what is applied"),
    ("dblsp.drift", "Compare the database with the migrations"),
];

/// Every command, for the editor.
pub(crate) fn names() -> Vec<String> {
    let own = [
        CANCEL,
        CHECK,
        CREATE_ROLLBACK,
        CREATE_SMOKE_TEST,
        EXPLAIN,
        GRAPH,
        NEW_MIGRATION,
        OPEN,
        OPEN_DOCUMENTATION,
        PROVE,
        TRACE,
    ];
    let workflow = WORKFLOW.iter().map(|(name, _)| *name);
    own.into_iter().chain(workflow).map(str::to_owned).collect()
}

pub(crate) async fn execute(shared: &Arc<Shared>, params: ExecuteCommandParams) -> Result<Option<Value>> {
    let mut arguments = params.arguments.into_iter();
    let (first, second) = (arguments.next(), arguments.next());
    Ok(match params.command.as_str() {
        CANCEL => Some(Value::from(shared.jobs.cancel_all())),
        CHECK => check::all(shared).await.map(Value::from),
        CREATE_ROLLBACK => create::rollback(shared, uri(first)?).await,
        CREATE_SMOKE_TEST => create::smoke_test(shared, uri(first)?).await,
        EXPLAIN => Some(Value::from(explain::page(&text(first)?)?)),
        GRAPH => graph::run(shared, uri(first)?),
        NEW_MIGRATION => create::migration(shared, options(first)?).await,
        OPEN => create::open(shared, uri(first)?),
        OPEN_DOCUMENTATION => explain::open(shared, &text(first)?)?,
        PROVE => prove::run(shared, uri(first)?),
        TRACE => trace::run(shared, uri(first)?),
        name => {
            let known = WORKFLOW.iter().map(|(known, _)| *known).find(|known| *known == name);
            let Some(command) = known else {
                return Err(Error::invalid_params(format!("there is no command `{name}`")));
            };
            let given = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_null());
            let uri = given(&first).then(|| uri(first)).transpose()?;
            let environment = given(&second).then(|| text(second)).transpose()?;
            workflow::run(shared, command, uri, environment);
            None
        }
    })
}

fn text(argument: Option<Value>) -> Result<String> {
    match argument {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Error::invalid_params("the argument must be a text")),
    }
}

fn uri(argument: Option<Value>) -> Result<Uri> {
    let text = text(argument)?;
    text.parse()
        .map_err(|_| Error::invalid_params(format!("`{text}` is no address of a file")))
}

fn options(argument: Option<Value>) -> Result<create::NewMigration> {
    serde_json::from_value(argument.unwrap_or(Value::Object(serde_json::Map::new())))
        .map_err(|error| Error::invalid_params(format!("the argument cannot be read: {error}")))
}
