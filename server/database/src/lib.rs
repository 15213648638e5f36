//! PostgreSQL servers: throw-away and linked. The only crate that talks to one, and the only one that names sqlx.

pub mod canonical;
pub mod capture;
pub mod connection;
pub mod discover;
pub mod extensions;
pub mod history;
pub mod shadow;
pub mod syntax;

mod cluster;
mod prelude;
mod text;

pub use connection::{Connection, ServerError};
pub use shadow::{Database, Options, Shadow, ShadowError, Template};
