//! One file per command.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod lsp;
pub(crate) mod new;
pub(crate) mod rules;
pub(crate) mod schema;
