//! Rules over a replayed history. Knows the timeline and the settings; knows no disk and no editor.

mod allow;
pub mod change;
pub mod context;
pub mod diagnostic;
pub mod emptied;
mod few;
pub mod fingerprint;
pub mod fixing;
pub mod known;
mod merge;
pub mod peers;
mod polish;
pub mod rule;
mod rules;
mod sizes;
#[cfg(test)]
pub(crate) mod testing;
mod twins;
pub mod work;

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

use std::collections::BTreeMap;
use std::sync::Arc;

use context::{Cx, Far, Finding, Overview, Place, Report};
use diagnostic::{Diagnostic, Level, NewFiles, Related};
use rule::{Check, Rule};
use work::Held;

use crate::Document;
use crate::history::History;
use crate::schema::catalog::new;
use crate::schema::objects::{Id, Relation, Routine, Signature};
use crate::schema::timeline::Timeline;
use crate::settings::Settings;

/// The rule of that name.
pub fn rule_named(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}

/// What the rules about one file found, before `allow` comments are heeded, and how far they looked.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What they found; shared by the looks before and after an edit that did not change it.
    pub findings: Arc<Vec<Diagnostic>>,
    /// Whether they looked at catalogs after the file.
    later: bool,
    /// Whether they looked at the first lines of other files.
    heads: bool,
    /// Whether they looked at the texts of other files.
    texts: bool,
}

/// A replayed history, ready to be judged file by file.
pub struct Linter<'a> {
    history: &'a History,
    documents: &'a [Document],
    settings: &'a Settings,
    timeline: Arc<Timeline>,
    /// Those that are on for some file.
    rules: Vec<&'static Rule>,
    overview: Overview,
    files: NewFiles,
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
        let is_on = |rule: &&Rule| {
            let mut files = settings.levels_in.values();
            level_of(settings, rule, "").is_some()
                || files.any(|levels| levels.get(rule.name).is_some_and(Option::is_some))
        };
        let rules = RULES.iter().copied().filter(is_on).collect();
        Self {
            history,
            documents,
            settings,
            timeline,
            rules,
            overview: Overview::default(),
            files: NewFiles::Named,
        }
    }

    /// The same, with or without the text of the files that fixes create.
    #[must_use]
    pub fn with_files(self, files: NewFiles) -> Self {
        Self { files, ..self }
    }

    /// The replayed history.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The findings of the step and migration rules about one file, before `allow` comments are heeded. Independent of
    /// every other file, so callers may judge files in parallel.
    pub fn file(&self, number: usize) -> Vec<Diagnostic> {
        Arc::unwrap_or_clone(self.look(number).findings)
    }

    /// The same, with what it takes to tell later whether they still hold.
    pub fn look(&self, number: usize) -> Look {
        let far = Far::default();
        let findings = self.file_looking(number, &far);
        Look {
            findings: findings.into(),
            later: far.later.get(),
            heads: far.heads.get(),
            texts: far.texts.get(),
        }
    }

    fn file_looking(&self, number: usize, far: &Far) -> Vec<Diagnostic> {
        let Some(migration) = self.history.migrations.get(number) else {
            return Vec::new();
        };
        if !migration.judged {
            return Vec::new();
        }
        let mut out = Vec::new();
        let cx = self.cx(number, far);
        let step_rules: Vec<_> = self
            .rules
            .iter()
            .filter(|rule| matches!(rule.check, Check::Step(_)))
            .collect();
        let mut held = Held::default();
        self.timeline
            .steps(number, self.history, self.documents, self.settings, &mut |moment| {
                let work = held.step(moment, self.settings.postgres);
                for rule in &step_rules {
                    if let Check::Step(check) = rule.check {
                        let mut report = Report::default();
                        let cx = cx.at(moment, &work);
                        check(&cx, &mut report);
                        // Most find nothing.
                        if !report.findings.is_empty() {
                            sizes::add(&cx, rule, &mut report);
                            self.take(report, rule, number, &mut out);
                        }
                    }
                }
            });
        for rule in &self.rules {
            if let Check::Migration(check) = rule.check
                && (!rule.convention || migration.convention)
            {
                let mut report = Report::default();
                check(&cx, &mut report);
                self.take(report, rule, number, &mut out);
            }
        }
        out
    }

    fn cx<'c>(&'c self, number: usize, far: &'c Far) -> Cx<'c> {
        Cx::new(
            self.history,
            self.documents,
            self.settings,
            &self.timeline,
            number,
            far,
            &self.overview,
        )
        .with_files(self.files)
    }

    /// The findings of the rules about what there is in the end, before `allow` comments are heeded.
    pub fn project(&self) -> Vec<Diagnostic> {
        self.project_unless(&|| false).unwrap_or_default()
    }

    /// The same; `None` where `is_stale` says meanwhile that nobody wants them any more.
    pub fn project_unless(&self, is_stale: &dyn Fn() -> bool) -> Option<Vec<Diagnostic>> {
        let last = self.timeline.last();
        let (relations, routines) = (last.relations(), last.routines.iter());
        self.project_about(None, relations, routines, is_stale)
    }

    /// Those of them that are in one migration; cheap where few come after it.
    pub fn project_in(&self, number: usize) -> Vec<Diagnostic> {
        let (before, last) = (self.timeline.before(number), self.timeline.last());
        // What is found in a file, the file made or changed.
        let relations = new(&before.relations, &last.relations).map(|(id, relation)| (&**id, relation));
        let routines = new(&before.routines, &last.routines);
        let found = self.project_about(Some(number), relations, routines, &|| false);
        let mut found = found.unwrap_or_default();
        let path = self.history.migrations.get(number).map(|migration| &*migration.path);
        found.retain(|found| Some(&*found.path) == path);
        found
    }

    fn project_about<'r>(
        &self,
        only: Option<usize>,
        relations: impl Iterator<Item = (&'r Id, &'r Arc<Relation>)>,
        routines: impl Iterator<Item = (&'r Signature, &'r Arc<Routine>)>,
        is_stale: &dyn Fn() -> bool,
    ) -> Option<Vec<Diagnostic>> {
        let mut out = Vec::new();
        let far = Far::default();
        let cx = self.cx(usize::MAX, &far).only(only);
        let mut run = |check: &mut dyn FnMut(&Rule, &mut Report)| {
            for rule in &self.rules {
                let mut report = Report::default();
                check(rule, &mut report);
                self.take(report, rule, usize::MAX, &mut out);
            }
        };
        for (id, relation) in relations {
            if is_stale() {
                return None;
            }
            run(&mut |rule, report| {
                if let Check::Relation(check) = rule.check {
                    check(&cx, id, relation, report);
                }
            });
        }
        for (signature, routine) in routines {
            run(&mut |rule, report| {
                if let Check::Routine(check) = rule.check {
                    check(&cx, signature, routine, report);
                }
            });
        }
        run(&mut |rule, report| {
            if let Check::Project(check) = rule.check {
                check(&cx, report);
            }
        });
        Some(out)
    }

    /// Leaves out what two rules say alike, heeds `allow` comments, reports the idle ones, sorts by file, position and rule.
    pub fn finish(&self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut by_path = BTreeMap::<String, Vec<Diagnostic>>::new();
        for finding in findings {
            by_path.entry(finding.path.clone()).or_default().push(finding);
        }
        let mut finished = Vec::new();
        for (number, migration) in self.history.migrations.iter().enumerate() {
            let own = by_path.remove(&migration.path).unwrap_or_default();
            finished.extend(self.finish_file(Some(number), own));
        }
        let others = by_path.into_values();
        finished.extend(others.flat_map(|own| self.finish_file(None, own)));
        finished
    }

    /// The same for one file and all findings in it: the migration of that number, or a file that is none.
    pub fn finish_file(&self, number: Option<usize>, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let findings = merge::merge(findings);
        let migration = number.and_then(|number| self.history.migrations.get(number).zip(self.documents.get(number)));
        let mut kept = match migration {
            Some((migration, document)) if migration.judged => {
                let level = |name: &str| level_of(self.settings, rule_named(name)?, &migration.path);
                allow::heed(migration, document, findings, &level)
            }
            _ => findings,
        };
        let order = |one: &Diagnostic, other: &Diagnostic| {
            let key = |finding: &Diagnostic| (finding.span, finding.rule);
            key(one).cmp(&key(other)).then_with(|| one.message.cmp(&other.message))
        };
        kept.sort_by(order);
        kept.dedup();
        known::leave_out(self.history, &self.settings.known, kept)
    }

    fn take(&self, report: Report, rule: &'static Rule, here: usize, out: &mut Vec<Diagnostic>) {
        for finding in report.findings {
            out.extend(self.diagnostic(finding, rule, here));
        }
    }

    fn diagnostic(&self, finding: Finding, rule: &'static Rule, here: usize) -> Option<Diagnostic> {
        let path = |number: usize| {
            self.history
                .migrations
                .get(number)
                .map(|migration| migration.path.clone())
        };
        let (number, place) = match finding.place {
            Place::Here => (Some(here), path(here)?),
            Place::Migration(number) => (Some(number), path(number)?),
            Place::Path(path) => (None, path),
        };
        let file = number.and_then(|number| self.history.migrations.get(number).zip(self.documents.get(number)));
        let fixes = finding.fixes.into_iter().filter_map(|fix| match file {
            Some((migration, document)) => polish::polish(fix, &migration.text, &document.file),
            None => Some(fix),
        });
        let fixes = fixes.collect();
        let related = finding.related.into_iter().filter_map(|(number, span, message)| {
            Some(Related {
                path: path(number)?,
                span,
                message,
            })
        });
        let level = level_of(self.settings, rule, &place)?;
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
            fixes,
        })
    }
}

/// The level of a rule's findings in a file; `None` is off.
fn level_of(settings: &Settings, rule: &Rule, path: &str) -> Option<Level> {
    let own = settings.levels_in.get(path).and_then(|levels| levels.get(rule.name));
    match own.or_else(|| settings.levels.get(rule.name)) {
        Some(level) => *level,
        None => Some(rule.level),
    }
}
