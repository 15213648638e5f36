//! One file per rule, and nothing else that knows a rule. The order is that of the manual's chapters.

use super::rule::Rule;

/// Every rule, in the order of `dblsp rules`.
pub static RULES: &[&Rule] = &[];
