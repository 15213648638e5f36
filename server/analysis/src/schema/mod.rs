//! Statements to steps, steps to catalogs: the fold over a history.

mod apply;
pub mod canonical;
pub mod catalog;
pub mod change;
pub mod cost;
mod evaluate;
pub mod facts;
pub mod inverse;
pub(crate) mod lookup;
pub(crate) mod names;
pub mod objects;
pub(crate) mod presence;
pub mod price;
pub mod proof;
pub(crate) mod resolve;
pub mod rewrite;
pub mod session;
pub mod small_set;
pub mod step;
pub mod summary;
pub mod supabase;
mod system;
pub mod timeline;
pub(crate) mod transaction;
