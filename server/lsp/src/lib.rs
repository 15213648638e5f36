//! The language server: editors' messages in, what `analysis` knows about the project around a file out.
//!
//! The only crate that names an editor's protocol. [`serve`] is all that others see.
//!
//! A message goes `server` (one line per method) → `handlers` (one file per verb) → `state` (what is open, under one
//! mutex) and `workspace` (the projects in memory, as immutable snapshots). `checker` publishes findings.
//! `from_proto` and `to_proto` are the only places where the protocol's positions and addresses meet byte offsets and
//! paths.

mod allow;
mod asked;
mod capabilities;
mod checker;
mod commands;
mod databases;
mod document;
mod frames;
mod from_proto;
mod handlers;
mod jobs;
mod judge;
mod members;
mod pages;
mod panics;
pub mod position;
mod proofs;
mod recompute;
mod server;
mod snapshot;
mod stamps;
mod state;
mod to_proto;
mod workspace;

pub use server::serve;

#[cfg(test)]
mod tests;
