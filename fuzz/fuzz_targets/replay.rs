//! Judging a history: the bytes, cut at form feeds, are its files. Never a panic, same answer twice, and every finding
//! and fix fits its file.
#![no_main]

use analysis::history::{Base, History, Migration};
use analysis::settings::Settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let migrations: Vec<Migration> = text
        .split('\u{c}')
        .enumerate()
        .map(|(number, text)| Migration::new(&format!("{number:04}_a.sql"), text))
        .collect();
    let history = History {
        migrations,
        complete: true,
        base: if bytes.len() % 2 == 0 {
            Base::Supabase
        } else {
            Base::Empty
        },
        ..History::default()
    };
    let documents: Vec<_> = history.migrations.iter().map(analysis::read).collect();
    let settings = Settings::default();
    let findings = analysis::check(&history, &documents, &settings);
    for finding in &findings {
        let Some(file) = history.migrations.iter().find(|file| file.path == finding.path) else {
            continue;
        };
        let fits = |span: analysis::text::Span| file.text.get(std::ops::Range::from(span)).is_some();
        assert!(fits(finding.span), "{} fits its file", finding.rule);
        for edit in finding.fixes.iter().flat_map(|fix| &fix.edits) {
            assert!(fits(edit.span), "a fix of {} fits its file", finding.rule);
        }
    }
    assert_eq!(
        findings,
        analysis::check(&history, &documents, &settings),
        "same input, same output"
    );
});
