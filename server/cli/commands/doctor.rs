//! `dblsp doctor`: what would keep the other commands from working.

use database::history;
use database::journal::{self, State};
use database::link::Linked;
use database::snapshot::Client;
use database::{Connection, ServerError, discover};
use serde_json::json;

use crate::args::{EnvironmentOptions, Format};
use crate::failure::Exit;
use crate::linked;
use crate::terminal;

/// Options of `dblsp doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
}

/// One thing that was looked at.
struct Finding {
    about: String,
    ok: bool,
    text: String,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let project = linked::open()?;
    let names = match &options.environment.environment {
        Some(name) => {
            linked::target(&project, Some(name))?;
            vec![name.clone()]
        }
        None => project.environments(),
    };
    let mut found = vec![throw_away()];
    found.extend(project.broken_dotenv().into_iter().map(|file| Finding {
        about: file,
        ok: false,
        text: "has lines that are not `NAME=value`; they are left out".into(),
    }));
    let seen = linked::wait(async |_| {
        let mut seen = Vec::new();
        for name in names {
            environment(&project, &name, &mut seen).await;
        }
        Ok(seen)
    })?;
    found.extend(seen);
    let is_well = found.iter().all(|finding| finding.ok);
    match options.environment.format {
        Format::Json => {
            let finding = |finding: &Finding| json!({ "about": finding.about, "ok": finding.ok, "text": finding.text });
            let findings: Vec<_> = found.iter().map(finding).collect();
            linked::print_json(json!({ "ok": is_well, "findings": findings }))?;
        }
        Format::Text => {
            let line = |finding: &Finding| {
                let mark = if finding.ok { "ok" } else { "!!" };
                format!("{mark} {}: {}\n", finding.about, finding.text)
            };
            terminal::print(&found.iter().map(line).collect::<String>())?;
        }
    }
    Ok(if is_well { Exit::Clean } else { Exit::Findings })
}

fn throw_away() -> Finding {
    let about = "throw-away PostgreSQL".to_owned();
    match discover::discover(None) {
        Some(binaries) => Finding {
            about,
            ok: true,
            text: format!("{} in {}", binaries.version, binaries.folder.display()),
        },
        None => Finding {
            about,
            ok: false,
            text: "no server programs were found; install PostgreSQL's server package or set DBLSP_PG_BIN".into(),
        },
    }
}

async fn environment(project: &Linked, name: &str, found: &mut Vec<Finding>) {
    let mut say = |ok: bool, text: String| {
        found.push(Finding {
            about: name.to_owned(),
            ok,
            text,
        });
    };
    let target = match project.target(Some(name), &linked::lookup) {
        Ok(target) => target,
        Err(error) => return say(false, format!("{error}; {}", error.hint())),
    };
    let Some(address) = target.address() else {
        return say(true, "a throw-away PostgreSQL, empty at every use".into());
    };
    if let Some(note) = address.note {
        say(true, note.to_owned());
    }
    let mut connection = match Connection::connect(address, "dblsp doctor").await {
        Ok(connection) => connection,
        Err(error) => return say(false, format!("{error}; {}", error.hint())),
    };
    let version = connection.server_version();
    say(
        true,
        format!(
            "{address}, PostgreSQL {}.{}, TLS {}",
            version / 10_000,
            version % 10_000,
            address.tls.name()
        ),
    );
    match Client::discover(connection.server_major(), &[]) {
        Ok(client) => say(true, format!("snapshots by {}", client.version)),
        Err(error) => say(false, format!("{error}; {}", error.hint())),
    }
    match questions(&mut connection).await {
        Ok(answers) => answers.into_iter().for_each(|(ok, text)| say(ok, text)),
        Err(error) => say(false, format!("the catalogs cannot be read: {error}")),
    }
    connection.close().await;
}

async fn questions(connection: &mut Connection) -> Result<Vec<(bool, String)>, ServerError> {
    let mut out = Vec::new();
    let first = connection.value("SELECT pg_catalog.pg_backend_pid()").await?;
    let second = connection.value("SELECT pg_catalog.pg_backend_pid()").await?;
    if first != second {
        out.push((
            false,
            "a pooler in transaction mode stands before the server, and loses locks and settings; use the session port"
                .into(),
        ));
    }
    let creates = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')";
    let may = connection.value(creates).await?.as_deref() == Some("t");
    out.push(if may {
        (true, "the role may create schemas".into())
    } else {
        (
            false,
            "the role may not create schemas, so it cannot apply migrations; grant it CREATE on the database".into(),
        )
    });
    let foreign = "SELECT pg_catalog.string_agg(nspname, ', ') FROM pg_catalog.pg_namespace
         WHERE nspname IN ('dblsp', 'supabase_migrations')
           AND NOT pg_catalog.pg_has_role(nspowner, 'USAGE')";
    if let Some(schemas) = connection.value(foreign).await? {
        out.push((false, format!("{schemas} belongs to another role; apply as that one")));
    }
    let rows = history::read(connection).await?;
    let runs = journal::runs(connection).await?;
    out.push((true, format!("{} migrations in the history", rows.len())));
    if !runs.is_empty() {
        out.push((
            true,
            "`supabase db reset` drops the schema `dblsp`; export what is archived before it".into(),
        ));
    }
    for run in runs
        .iter()
        .filter(|run| matches!(run.state, State::Started | State::Applied))
    {
        out.push((
            false,
            format!("the apply of {} did not end; `dblsp apply` goes on with it", run.file),
        ));
    }
    Ok(out)
}
