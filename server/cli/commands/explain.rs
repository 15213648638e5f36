//! `dblsp explain RULE`: the rule's page.

use analysis::lint::{RULES, rule_named};
use project::ProjectError;
use project::error::nearest;

use crate::failure::Exit;
use crate::render::markdown;
use crate::terminal::{self, Paint};

pub(crate) fn run(name: &str) -> anyhow::Result<Exit> {
    let Some(rule) = rule_named(name) else {
        let suggestion = nearest(name, RULES.iter().map(|rule| rule.name)).map(str::to_owned);
        return Err(ProjectError::UnknownRule {
            at: String::new(),
            rule: name.to_owned(),
            suggestion,
        }
        .into());
    };
    let paint = Paint::stdout();
    let facts = format!(
        "# {}\n\n{} · {} · fix: {} · since {}\n\n",
        rule.name,
        rule.category.name(),
        rule.level,
        rule.fix.name(),
        rule.since
    );
    terminal::print(&markdown::render(&format!("{facts}{}", rule.text()), paint))?;
    Ok(Exit::Clean)
}
