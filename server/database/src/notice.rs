//! What a server says beside its answers: NOTICE, WARNING and the like.
//!
//! sqlx throws them away, except that it emits an event of `tracing` for each. A subscriber around every statement
//! catches those of its own session; none is set for the whole process.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Where sqlx says that it emits them.
const TARGET: &str = "sqlx::postgres::notice";

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// How loud.
    pub severity: Severity,
    /// The primary message; sqlx hands out nothing more.
    pub message: String,
}

/// How loud, of PostgreSQL's severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// WARNING
    Warning,
    /// NOTICE
    Notice,
    /// INFO, LOG or DEBUG
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
        })
    }
}

/// The notices of one session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notices {
    kept: Arc<Mutex<Vec<Notice>>>,
}

/// A function in a loop may raise millions.
const MOST: usize = 1000;

impl Notices {
    pub(crate) fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Notices {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            // Other threads' sessions have other subscribers.
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let severity = match *event.metadata().level() {
            // sqlx's mapping, see `PgStream::recv`.
            Level::ERROR | Level::WARN => Severity::Warning,
            Level::INFO => Severity::Notice,
            _ => Severity::Info,
        };
        let mut message = Message::default();
        event.record(&mut message);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.push(Notice {
                severity,
                message: message.text,
            });
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Message {
    text: String,
}

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.text);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.text = format!("{value:?}");
        }
    }
}
