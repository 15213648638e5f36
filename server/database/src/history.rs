//! Applies a history.
