//! One file per command.

pub(crate) mod apply;
pub(crate) mod archive;
pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod fix;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod link;
pub(crate) mod lsp;
pub(crate) mod mark;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod prove;
pub(crate) mod rollback;
pub(crate) mod rules;
pub(crate) mod scaffold;
pub(crate) mod schema;
pub(crate) mod shadow;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod tools;
