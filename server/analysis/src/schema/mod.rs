//! Statements to steps, steps to catalogs: the fold over a history.

mod apply;
pub mod canonical;
pub mod catalog;
pub mod change;
mod names;
pub mod objects;
pub(crate) mod resolve;
pub mod session;
pub mod step;
pub mod supabase;
pub mod timeline;
mod transaction;
