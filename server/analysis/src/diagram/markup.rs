//! What pictures and pages are written with: text that is nothing but text to whoever reads HTML or XML.

use std::fmt::{Display, Write};

/// Text for between tags and in quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            // No page may hold them and XML has no way to say them; a terminal of somebody who reads the source may not
            // hold them either.
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

/// Adds to a text.
pub fn put(out: &mut String, text: impl Display) {
    write!(out, "{text}").expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_tag() {
        assert_eq!(
            escaped("<a b='\"&\u{1b}\u{ffff}"),
            "&lt;a b=&#39;&quot;&amp;\u{fffd}\u{fffd}"
        );
    }
}
