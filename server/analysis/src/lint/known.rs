//! Findings that were there before: what a baseline holds, and what it keeps from being told again.

use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::fingerprint;
use crate::history::History;
use crate::settings::Known;

/// Findings and what each is recognised by in its file. `findings`: those of whole files, in the order of
/// [`crate::check`].
pub fn fingerprinted(history: &History, findings: Vec<Diagnostic>) -> Vec<(Diagnostic, String)> {
    let by_file = findings.chunk_by(|one, next| one.path == next.path);
    let names: Vec<String> = by_file
        .flat_map(|found| fingerprint::within(found, &text_of(history, &found[0].path)))
        .collect();
    findings.into_iter().zip(names).collect()
}

/// The findings of one file that are not known. All of the file's must be given: the second that is like a known one is
/// another than the first.
pub(crate) fn leave_out(history: &History, known: &Known, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let Some(names) = findings.first().and_then(|found| known.get(&found.path)) else {
        return findings;
    };
    let named = fingerprinted(history, findings).into_iter();
    let new = named.filter(|(_, name)| !names.contains(name));
    new.map(|(found, _)| found).collect()
}

/// Empty where the history does not hold the file: such findings are recognised by their rule alone.
fn text_of(history: &History, path: &str) -> Arc<str> {
    let migrations = history.migrations.iter().map(|file| (&file.path, &file.text));
    let companions = history.companions.iter().map(|file| (&file.path, &file.text));
    let mut files = migrations.chain(companions);
    let found = files.find(|(known, _)| *known == path);
    found.map(|(_, text)| Arc::clone(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::history::Migration;
    use crate::lint::diagnostic::Level;
    use crate::settings::Settings;
    use crate::{check, read};

    const BEFORE: &str = "create table a (id int primary key); drop table b; drop table b;";

    fn judged(text: &str, settings: &Settings) -> (History, Vec<Diagnostic>) {
        let history = History {
            migrations: vec![Migration::new("1_a.sql", text)],
            ..History::default()
        };
        let documents: Vec<_> = history.migrations.iter().map(read).collect();
        let found = check(&history, &documents, settings);
        (history, found)
    }

    fn knowing(text: &str) -> Settings {
        let (history, found) = judged(text, &Settings::default());
        assert!(!found.is_empty());
        let names = fingerprinted(&history, found).into_iter().map(|(_, name)| name);
        let names = BTreeMap::from([("1_a.sql".to_owned(), names.collect::<BTreeSet<_>>())]);
        Settings {
            known: Arc::new(names),
            ..Settings::default()
        }
    }

    fn rules(text: &str, settings: &Settings) -> Vec<&'static str> {
        judged(text, settings).1.iter().map(|found| found.rule).collect()
    }

    #[test]
    fn what_is_known_is_not_told_again_wherever_it_moved_to() {
        let settings = knowing(BEFORE);
        assert_eq!(rules(BEFORE, &settings), [""; 0]);
        let moved = BEFORE.replace("; ", ";\n-- and then\n  ");
        assert_eq!(rules(&moved, &settings), [""; 0]);
    }

    #[test]
    fn one_more_of_the_same_is_new() {
        let settings = knowing(BEFORE);
        let more = format!("{BEFORE} drop table b;");
        let new = rules(&more, &settings);
        assert!(!new.is_empty());
        let (all, known) = (rules(&more, &Settings::default()), rules(BEFORE, &Settings::default()));
        assert_eq!(new.len(), all.len() - known.len());
    }

    #[test]
    fn levels_of_a_file_go_before_those_of_the_project() {
        let levels = |level| BTreeMap::from([("drop-table".to_owned(), level)]);
        let in_file = |path: &str, level| Settings {
            levels: levels(None),
            levels_in: BTreeMap::from([(path.to_owned(), levels(level))]),
            ..Settings::default()
        };
        let told = |settings: &Settings| {
            let found = judged("drop table b;", settings).1;
            let found = found.iter().find(|found| found.rule == "drop-table");
            found.map(|found| found.level)
        };
        assert_eq!(told(&in_file("1_a.sql", Some(Level::Info))), Some(Level::Info));
        assert_eq!(told(&in_file("2_b.sql", Some(Level::Info))), None);
        let off = Settings {
            levels: BTreeMap::new(),
            ..in_file("1_a.sql", None)
        };
        assert_eq!(told(&off), None);
        assert_eq!(told(&Settings::default()), Some(Level::Warning));
    }
}
