//! One file per rule, and nothing else that knows a rule.

use super::rule::Rule;

mod drop_column;
mod unknown_allow;
mod unused_allow;

/// Every rule, in the order of `dblsp rules`: by name.
pub static RULES: &[&Rule] = &[&drop_column::RULE, &unknown_allow::RULE, &unused_allow::RULE];

#[cfg(test)]
mod tests;
