//! The database that a history is applied to, and the copy that rollbacks are tried out on.

use std::process::Command;

use analysis::history::Base;
use database::canonical::Known;
use database::rehearse::{File, Outcome, apply_file};
use database::snapshot::Client;
use database::{Connection, Database, Shadow, Template};

use crate::everything::{Everything, everything};

/// What a server says of a schema, and what `pg_dump` writes of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) rows: Everything,
    pub(crate) dump: String,
}

pub(crate) struct Place<'s> {
    shadow: &'s Shadow,
    base: Database,
    trial: Database,
    /// On a database of its own, because nobody may be connected to one that is copied.
    superuser: Connection,
    elsewhere: Database,
    client: Client,
    known: Known,
    on_supabase: bool,
}

impl<'s> Place<'s> {
    pub(crate) async fn new(shadow: &'s Shadow, base: Base) -> Self {
        let template = match base {
            Base::Empty => Template::Plain,
            Base::Supabase => Template::Supabase,
        };
        let elsewhere = shadow
            .database("undo_elsewhere", Template::Plain)
            .await
            .expect("a database");
        let mut superuser = elsewhere.harness().await.expect("a session");
        Self {
            shadow,
            base: shadow.database("undo_base", template).await.expect("a database"),
            trial: shadow
                .database("undo_trial", Template::Plain)
                .await
                .expect("a database"),
            known: Known::read(&mut superuser).await.expect("roles"),
            superuser,
            elsewhere,
            client: Client::discover(shadow.major(), &[]).expect("pg_dump"),
            on_supabase: base == Base::Supabase,
        }
    }

    /// Applies a file of the history.
    pub(crate) async fn apply(&mut self, file: &File) -> Outcome {
        apply(&self.base, file).await
    }

    pub(crate) async fn state(&self) -> State {
        self.state_of(&self.base).await
    }

    /// Runs a file on a copy of the database as it is now.
    pub(crate) async fn try_out(&mut self, file: &File) -> (Outcome, State) {
        let path = "ALTER DATABASE undo_trial SET search_path TO \"$user\", public, extensions";
        let statements = [
            "DROP DATABASE undo_trial WITH (FORCE)",
            "CREATE DATABASE undo_trial OWNER postgres TEMPLATE undo_base",
            path,
        ];
        let count = if self.on_supabase { 3 } else { 2 };
        for sql in &statements[..count] {
            self.superuser.execute(sql).await.expect("a copy");
        }
        let outcome = apply(&self.trial, file).await;
        (outcome, self.state_of(&self.trial).await)
    }

    async fn state_of(&self, database: &Database) -> State {
        let mut harness = database.harness().await.expect("a session");
        let rows = everything(&mut harness, &self.known).await;
        harness.close().await;
        State {
            rows,
            dump: self.dump(database),
        }
    }

    fn dump(&self, database: &Database) -> String {
        let mut command = Command::new(&self.client.program);
        command.args(["--schema-only", "--host"]).arg(self.shadow.folder());
        command.args(["--username", "supabase_admin", "--dbname", database.name()]);
        let output = command.output().expect("pg_dump runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pg_dump: {words}");
        let text = String::from_utf8_lossy(&output.stdout);
        // A key that is another one every time.
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(crate) async fn leave(self) {
        self.superuser.close().await;
        for database in [self.base, self.trial, self.elsewhere] {
            self.shadow.discard(database).await.expect("the database goes");
        }
    }
}

async fn apply(database: &Database, file: &File) -> Outcome {
    let mut session = database.connect().await.expect("a session");
    let outcome = apply_file(&mut session, file).await.expect("a server");
    session.close().await;
    outcome
}
