//! Checks that several rules share: one function each, and a parameter that says which of the rules asks.

pub(crate) mod index_behind;
pub(crate) mod inline;
pub(crate) mod needed;
pub(crate) mod policy;
pub(crate) mod rename;
pub(crate) mod routine;
