//! Splitting: whatever the bytes, statements and comments fit the text, are in order and do not overlap.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let file = analysis::sql::parse(&text);
    let mut end = 0;
    for statement in &file.statements {
        assert!(statement.span.start >= end, "statements are in order");
        assert!(
            text.get(std::ops::Range::from(statement.span)).is_some(),
            "a statement fits the text"
        );
        end = statement.span.end;
    }
    let mut end = 0;
    for comment in &file.comments {
        assert!(comment.span.start >= end, "comments are in order");
        assert!(
            text.get(std::ops::Range::from(comment.span)).is_some(),
            "a comment fits the text"
        );
        end = comment.span.end;
    }
});
