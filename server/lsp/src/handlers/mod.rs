//! One file per verb. A handler changes the state before its first `.await`, or asks a snapshot.

pub(crate) mod actions;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod create;
pub(crate) mod definition;
pub(crate) mod diagnostics;
pub(crate) mod documents;
pub(crate) mod explain;
pub(crate) mod files;
pub(crate) mod folders;
pub(crate) mod folding;
pub(crate) mod graph;
pub(crate) mod hints;
pub(crate) mod hover;
pub(crate) mod lenses;
pub(crate) mod lifecycle;
pub(crate) mod migrations;
pub(crate) mod prove;
pub(crate) mod references;
pub(crate) mod rename;
pub(crate) mod symbols;
pub(crate) mod tokens;
pub(crate) mod trace;
pub(crate) mod workflow;
