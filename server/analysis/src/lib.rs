//! What a migration history does, computed from text alone.
//!
//! Pure: no I/O, no async, no clock, no environment, and no failure. Odd SQL is a value.

pub mod sql;
pub mod text;
