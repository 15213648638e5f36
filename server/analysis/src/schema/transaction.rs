//! Which statements of a file commit together, per runner.
//!
//! Measured on the real tools: the Supabase CLI 2.122 and 3.1 send a file as one pipeline (an implicit transaction),
//! split statements out that cannot run in one, and send every statement on its own as soon as the file holds any
//! transaction control; `psql -1` opens a transaction that a COMMIT in the file ends.

use super::step::Transaction;
use crate::settings::Runner;
use crate::sql::File;
use crate::sql::statement::{Node, Transaction as Control};

/// What happened to the transaction at a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Nothing.
    None,
    /// A new one began: what the catalog is now, a ROLLBACK brings back.
    Begin,
    /// It was committed.
    Commit,
    /// It was rolled back.
    Rollback,
    /// A savepoint was set.
    Savepoint,
    /// The work since a savepoint is undone.
    RollbackToSavepoint,
    /// A savepoint and those after it are forgotten.
    ReleaseSavepoint,
}

/// Assigns transactions to the statements of one file, in order.
pub(crate) struct Transactions {
    /// Whether a transaction is open that holds the next statement too.
    open: bool,
    /// Whether the file opened it itself.
    explicit: bool,
    /// Whether statements outside an explicit transaction share one.
    implicit: bool,
    /// Whether BEGIN inside the runner's own transaction is only a warning.
    wrapped: bool,
    splits: bool,
    /// Whether the runner sends a COMMIT after the file, whatever the file did.
    runner_commits: bool,
    current: Transaction,
    next_id: u32,
}

impl Transactions {
    /// `first_id` is the first transaction number that the file may use.
    pub(crate) fn new(file: &File, first_line: &str, runner: Runner, first_id: u32) -> Self {
        let controls = file.statements.iter().any(|statement| {
            matches!(
                statement.node,
                Node::Transaction(Control::Begin | Control::Commit | Control::Rollback | Control::PrepareTransaction)
            )
        });
        let no_transaction = match runner {
            Runner::Supabase => first_line.trim_end() == "-- pg-delta: transaction=false",
            _ => false,
        };
        let (implicit, wrapped) = match runner {
            Runner::Supabase => (!controls && !no_transaction, false),
            Runner::Psql => (false, false),
            Runner::PsqlSingle => (false, true),
            // A file marked `-- no-transaction` is still one simple query: an implicit transaction.
            Runner::Sqlx => (true, !first_line.starts_with("-- no-transaction")),
        };
        let current = Transaction {
            id: first_id,
            position: 0,
            shared: implicit || wrapped,
            explicit: false,
        };
        Self {
            open: wrapped || implicit,
            explicit: false,
            implicit,
            wrapped,
            splits: runner == Runner::Supabase,
            runner_commits: matches!(runner, Runner::PsqlSingle | Runner::Sqlx),
            current,
            next_id: first_id + 1,
        }
    }

    /// The transaction of the next statement, and what it does to transactions.
    pub(crate) fn statement(&mut self, node: &Node, text: &str) -> (Transaction, Event) {
        if let Node::Transaction(control) = node {
            let done = self.control(*control);
            if chains(text) && matches!(done.1, Event::Commit | Event::Rollback) {
                self.control(Control::Begin);
            }
            return done;
        }
        if self.open && !(self.splits && self.implicit && runs_alone(node)) {
            let mut mine = self.current;
            mine.explicit = self.explicit;
            self.current.position += 1;
            return (mine, Event::None);
        }
        let alone = self.fresh(false);
        if self.open {
            // The Supabase CLI commits what came before, runs this alone, and begins anew.
            self.current = self.fresh(true);
        }
        (alone, Event::Commit)
    }

    fn fresh(&mut self, shared: bool) -> Transaction {
        let id = self.next_id;
        self.next_id += 1;
        Transaction {
            id,
            position: 0,
            shared,
            explicit: false,
        }
    }

    fn control(&mut self, control: Control) -> (Transaction, Event) {
        let mine = self.current;
        let event = match control {
            Control::Begin if self.open => Event::None,
            Control::Begin => {
                self.current = self.fresh(true);
                self.open = true;
                self.explicit = true;
                return (
                    Transaction {
                        explicit: true,
                        ..self.current
                    },
                    Event::Begin,
                );
            }
            Control::Commit | Control::Rollback | Control::PrepareTransaction => {
                let was_open = self.open;
                self.open = self.implicit;
                self.explicit = false;
                self.wrapped = false;
                self.current = self.fresh(self.implicit);
                match (control, was_open) {
                    (_, false) => Event::None,
                    (Control::Rollback, true) => Event::Rollback,
                    _ => Event::Commit,
                }
            }
            Control::Savepoint => Event::Savepoint,
            Control::RollbackToSavepoint => Event::RollbackToSavepoint,
            Control::ReleaseSavepoint => Event::ReleaseSavepoint,
            Control::CommitPrepared | Control::RollbackPrepared => Event::None,
        };
        (mine, event)
    }

    /// The first transaction number that the next file may use.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// Whether the next statement runs in a transaction with others.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the file ends inside a transaction that it opened and nobody commits.
    pub(crate) fn left_open(&self) -> bool {
        self.open && self.explicit && !self.wrapped && !self.runner_commits
    }
}

/// Whether `COMMIT AND CHAIN` begins the next transaction at once.
fn chains(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    words.windows(2).any(|pair| pair == ["and", "chain"])
}

/// Statements that the Supabase CLI splits out of its pipeline because PostgreSQL refuses them in a transaction.
/// Measured by running them through CLI 2.122 and 3.1.
pub(crate) fn runs_alone(node: &Node) -> bool {
    match node {
        Node::CreateIndex(create) => create.concurrently,
        Node::Drop(drop) => drop.concurrently,
        Node::Reindex { concurrently, .. } => *concurrently,
        Node::Vacuum { .. } | Node::AlterSystem | Node::Cluster { table: None, .. } => true,
        _ => false,
    }
}
