//! PostgreSQL servers: throw-away and linked. The only crate that talks to one, and the only one that names sqlx.

pub mod address;
pub mod apply;
pub mod archive;
pub mod baseline;
pub mod canonical;
pub mod capture;
pub mod connection;
pub mod discover;
pub mod drift;
pub mod environment;
pub mod event;
pub mod extensions;
pub mod failpoint;
pub mod history;
pub mod journal;
pub mod link;
pub mod lock;
pub mod mark;
pub mod notice;
pub mod person;
pub mod plan;
pub mod preflight;
pub mod prove;
pub mod rehearse;
pub mod replayed;
pub mod rollback;
pub mod shadow;
pub mod smoke;
pub mod snapshot;
pub mod syntax;
pub mod tools;
pub mod trace;
pub mod warm;

mod cluster;
mod prelude;
mod text;
mod written_up;

pub use address::Address;
pub use connection::{ConnectError, Connection, ServerError};
pub use environment::Target;
pub use event::{Event, Tell};
pub use shadow::{Database, Options, Shadow, ShadowError, Template};
