//! Rules over a replayed history. Knows the timeline and the settings; knows no disk and no editor.

mod allow;
pub mod context;
pub mod diagnostic;
pub mod fingerprint;
pub mod rule;
mod rules;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) mod prelude {
    //! What a rule file imports.
    pub(crate) use super::context::{Cx, Report, insert, replace, shown};
    pub(crate) use super::diagnostic::{FixKind, Level};
    pub(crate) use super::rule::{Category, Check, rule};
    pub(crate) use crate::schema::change::Change;
    pub(crate) use crate::schema::objects::Id;
    pub(crate) use crate::sql::statement::{AlterActionKind, Node};
    pub(crate) use crate::text::Span;
}

pub use rules::RULES;

use std::sync::Arc;

use context::{Cx, Finding, Place, Report};
use diagnostic::{Diagnostic, Level, Related};
use rule::{Check, Rule};

use crate::Document;
use crate::history::History;
use crate::schema::timeline::Timeline;
use crate::settings::Settings;

/// The rule of that name.
pub fn rule_named(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}

/// A replayed history, ready to be judged file by file.
pub struct Linter<'a> {
    history: &'a History,
    documents: &'a [Document],
    settings: &'a Settings,
    timeline: Arc<Timeline>,
    rules: Vec<(&'static Rule, Level)>,
}

impl<'a> Linter<'a> {
    /// Replays the history. `documents`: one per migration, in the same order.
    pub fn new(history: &'a History, documents: &'a [Document], settings: &'a Settings) -> Self {
        let timeline = Timeline::replay(history, documents, settings);
        Self::replayed(history, documents, settings, Arc::new(timeline))
    }

    /// Over a history that is replayed already: `timeline` is of these very documents and settings.
    pub fn replayed(
        history: &'a History,
        documents: &'a [Document],
        settings: &'a Settings,
        timeline: Arc<Timeline>,
    ) -> Self {
        let level = |rule: &Rule| match settings.levels.get(rule.name) {
            Some(level) => *level,
            None => Some(rule.level),
        };
        let rules = RULES
            .iter()
            .filter_map(|rule| level(rule).map(|level| (*rule, level)))
            .collect();
        Self {
            history,
            documents,
            settings,
            timeline,
            rules,
        }
    }

    /// The replayed history.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The findings of the step and migration rules about one file, before `allow` comments are heeded. Independent of
    /// every other file, so callers may judge files in parallel.
    pub fn file(&self, number: usize) -> Vec<Diagnostic> {
        let Some(migration) = self.history.migrations.get(number) else {
            return Vec::new();
        };
        if !migration.judged {
            return Vec::new();
        }
        let mut out = Vec::new();
        let cx = Cx {
            history: self.history,
            documents: self.documents,
            settings: self.settings,
            timeline: &self.timeline,
            file: number,
            moment: None,
        };
        let step_rules: Vec<_> = self
            .rules
            .iter()
            .filter(|(rule, _)| matches!(rule.check, Check::Step(_)))
            .collect();
        self.timeline
            .steps(number, self.history, self.documents, self.settings, &mut |moment| {
                for (rule, level) in &step_rules {
                    if let Check::Step(check) = rule.check {
                        let mut report = Report::default();
                        check(
                            &Cx {
                                moment: Some(moment),
                                ..cx
                            },
                            &mut report,
                        );
                        self.take(report, rule, *level, number, &mut out);
                    }
                }
            });
        for (rule, level) in &self.rules {
            if let Check::Migration(check) = rule.check
                && (!rule.convention || migration.convention)
            {
                let mut report = Report::default();
                check(&cx, &mut report);
                self.take(report, rule, *level, number, &mut out);
            }
        }
        out
    }

    /// The findings of the project rules, before `allow` comments are heeded.
    pub fn project(&self) -> Vec<Diagnostic> {
        let mut out = Vec::new();
        let cx = Cx {
            history: self.history,
            documents: self.documents,
            settings: self.settings,
            timeline: &self.timeline,
            file: 0,
            moment: None,
        };
        for (rule, level) in &self.rules {
            if let Check::Project(check) = rule.check {
                let mut report = Report::default();
                check(&cx, &mut report);
                self.take(report, rule, *level, usize::MAX, &mut out);
            }
        }
        out
    }

    /// Heeds `allow` comments, reports the idle ones, sorts by file, position and rule.
    pub fn finish(&self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let on = |name: &str| {
            self.rules
                .iter()
                .find(|(rule, _)| rule.name == name)
                .map(|(_, level)| *level)
        };
        let mut kept = allow::heed(self.history, self.documents, findings, &on);
        let order = |path: &str| {
            self.history
                .migrations
                .iter()
                .position(|migration| migration.path == path)
                .unwrap_or(usize::MAX)
        };
        kept.sort_by_cached_key(|finding| {
            (
                order(&finding.path),
                finding.path.clone(),
                finding.span,
                finding.rule,
                finding.message.clone(),
            )
        });
        kept.dedup();
        kept
    }

    fn take(&self, report: Report, rule: &'static Rule, level: Level, here: usize, out: &mut Vec<Diagnostic>) {
        for finding in report.findings {
            out.extend(self.diagnostic(finding, rule, level, here));
        }
    }

    fn diagnostic(&self, finding: Finding, rule: &'static Rule, level: Level, here: usize) -> Option<Diagnostic> {
        let path = |number: usize| {
            self.history
                .migrations
                .get(number)
                .map(|migration| migration.path.clone())
        };
        let place = match finding.place {
            Place::Here => path(here)?,
            Place::Migration(number) => path(number)?,
            Place::Path(path) => path,
        };
        let related = finding.related.into_iter().filter_map(|(number, span, message)| {
            Some(Related {
                path: path(number)?,
                span,
                message,
            })
        });
        // Settings choose the level; a rule may only say that this finding is milder than the rule.
        let level = finding.level.map_or(level, |own| own.min(level));
        Some(Diagnostic {
            rule: rule.name,
            level,
            message: finding.message,
            help: finding.help,
            path: place,
            span: finding.span,
            related: related.collect(),
            fixes: finding.fixes,
        })
    }
}
