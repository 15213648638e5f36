//! The language server as editors meet it: the real binary, JSON-RPC over pipes.

#[path = "lsp/actions.rs"]
mod actions;
#[path = "lsp/client.rs"]
mod client;
#[path = "lsp/configuration.rs"]
mod configuration;
#[path = "lsp/databases.rs"]
mod databases;
#[path = "lsp/findings.rs"]
mod findings;
#[path = "lsp/lifecycle.rs"]
mod lifecycle;
#[path = "lsp/navigation.rs"]
mod navigation;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "lsp/proofs.rs"]
mod proofs;
#[path = "lsp/pull.rs"]
mod pull;
