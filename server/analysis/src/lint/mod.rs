//! Rules over a replayed history. Knows the timeline and the settings; knows no disk and no editor.

pub mod context;
pub mod diagnostic;
pub mod rule;
mod rules;

pub use rules::RULES;

/// The rule of that name.
pub fn rule_named(name: &str) -> Option<&'static rule::Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}
