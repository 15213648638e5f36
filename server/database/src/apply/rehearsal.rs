//! Applies on a throw-away server: what the target has first, then what is pending. Nothing of it stays.

use analysis::history::Base;

use super::{Applied, ApplyError, Report, Request, look};
use crate::archive::Losses;
use crate::connection::Connection;
use crate::environment::Place;
use crate::event::{Event, Tell};
use crate::journal::{self, NewRun, Verb};
use crate::plan::{self, File, Standing};
use crate::preflight::Checklist;
use crate::shadow::{Options, Shadow, Template};

use super::session::Session;

pub(super) async fn run(request: &Request<'_>, place: &Place, tell: &dyn Tell) -> Result<Report, ApplyError> {
    let (rows, major) = match place {
        Place::Shadow => (Vec::new(), None),
        Place::Server(address) => {
            let mut connection = Connection::connect(address, "dblsp apply --dry-run").await?;
            let (rows, _) = look(&mut connection).await?;
            let major = connection.server_major();
            connection.close().await;
            (rows, Some(major))
        }
    };
    let mut plan = plan::plan(request.history, &rows, &[], &request.options)?;
    if matches!(place, Place::Shadow) {
        // It is empty at every use, so what comes before is applied here and now.
        plan.before.clear();
    }
    let wanted: Vec<usize> = plan.files.iter().map(|file| file.number).collect();
    let until = wanted.iter().max().copied();
    let is_before = |known: &&plan::Known| {
        let is_there = known.standing.is_applied() || matches!(place, Place::Shadow);
        is_there && known.standing != Standing::Held && !wanted.contains(&known.number) && Some(known.number) < until
    };
    let before: Vec<usize> = plan.known.iter().filter(is_before).map(|known| known.number).collect();
    let template = match request.history.base {
        Base::Supabase => Template::Supabase,
        Base::Empty => Template::Plain,
    };
    let shadow = Shadow::start(Options {
        major,
        ..Options::default()
    })
    .await?;
    let database = shadow.database("rehearsal", template).await?;
    let address = database.address();
    let cancel = request.cancel.clone();
    let mut session = Session::open(&address, &request.who, request.limits, cancel, tell, true).await?;
    journal::install(&mut session.work).await?;
    let everything = plan::Options {
        only: None,
        release: true,
        segments: true,
    };
    let all = plan::plan(request.history, &[], &[], &everything)?;
    let silent: &dyn Tell = &();
    session.tell = silent;
    for number in before {
        if let Some(file) = all.files.iter().find(|file| file.number == number) {
            rehearse(&mut session, file, request).await?;
        }
    }
    session.tell = tell;
    let mut report = Report {
        target: request.target.to_string(),
        rehearsed: true,
        preflight: Checklist::default(),
        migrations: Vec::new(),
    };
    for file in &plan.files {
        tell.tell(Event::Migration {
            file: file.file.clone(),
        });
        tell.tell(Event::Applying {
            file: file.file.clone(),
        });
        let milliseconds = rehearse(&mut session, file, request).await?;
        tell.tell(Event::Applied { milliseconds });
        tell.tell(Event::Complete);
        report.migrations.push(Applied {
            version: file.version.clone(),
            file: file.file.clone(),
            statements: file.statements(),
            milliseconds,
            ..Applied::default()
        });
    }
    session.close().await;
    Ok(report)
}

async fn rehearse(session: &mut Session<'_>, file: &File, request: &Request<'_>) -> Result<u64, ApplyError> {
    if let Some(refusal) = file.refusals.first() {
        let mut checklist = Checklist::default();
        checklist.refuse(file, refusal);
        return Err(ApplyError::Preflight(checklist));
    }
    session.reset().await?;
    let new = NewRun {
        version: &file.version,
        file: &file.file,
        verb: Verb::Apply,
        environment: &request.target.name,
        who: &request.who,
        checksum: &file.checksum,
        confirmations: &[],
    };
    let run = journal::start(&mut session.work, &new).await?;
    let elapsed = session.carry_out(file, &Losses::default(), run, 0).await?;
    session.reset().await?;
    Ok(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
