//! Reading one judged migration, with the verdict on its syntax: never a panic, and errors inside the text.
#![no_main]

use analysis::history::Migration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let migration = Migration::new("1_a.sql", &text);
    let document = analysis::read(&migration);
    for error in document.syntax_errors(&migration) {
        assert!(
            text.get(std::ops::Range::from(error.span)).is_some(),
            "an error fits the text"
        );
    }
});
