//! An open document: its text as the editor last sent it.

use ropey::{Rope, RopeSlice};
use tower_lsp::ls_types::{Position, TextDocumentContentChangeEvent, Uri};

use crate::position::Encoding;

/// A file that an editor holds open.
#[derive(Clone, Debug)]
pub(crate) struct Buffer {
    /// As the editor writes it; answers use the same.
    pub(crate) uri: Uri,
    /// The editor's number of this text.
    pub(crate) version: i32,
    /// Cheap to clone.
    pub(crate) text: Rope,
    /// Revision of the workspace at which the text last changed.
    pub(crate) changed: u64,
}

/// Changes came that do not follow on what is held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfOrder;

impl Buffer {
    /// Applies changes in order.
    pub(crate) fn apply(
        &mut self,
        version: i32,
        changes: &[TextDocumentContentChangeEvent],
        encoding: Encoding,
    ) -> Result<(), OutOfOrder> {
        if version <= self.version {
            return Err(OutOfOrder);
        }
        self.version = version;
        for change in changes {
            match change.range {
                None => self.text = Rope::from_str(&change.text),
                Some(range) => {
                    let start = index(&self.text, range.start, encoding);
                    let end = index(&self.text, range.end, encoding).max(start);
                    self.text.remove(start..end);
                    self.text.insert(start, &change.text);
                }
            }
        }
        Ok(())
    }
}

/// The character at a position. As the protocol says, a character past the end of its line is that end, and a line past
/// the last one is the end of the text.
fn index(text: &Rope, position: Position, encoding: Encoding) -> usize {
    let line = position.line as usize;
    if line >= text.len_lines() {
        return text.len_chars();
    }
    let content = without_end(text.line(line));
    let wanted = position.character as usize;
    // Inside of a character ropey gives its start, as the protocol wants.
    let inside = match encoding {
        Encoding::Utf8 => content.byte_to_char(wanted.min(content.len_bytes())),
        Encoding::Utf16 => content.utf16_cu_to_char(wanted.min(content.len_utf16_cu())),
        Encoding::Utf32 => wanted.min(content.len_chars()),
    };
    text.line_to_char(line) + inside
}

fn without_end(line: RopeSlice<'_>) -> RopeSlice<'_> {
    let mut end = line.len_chars();
    while end > 0 && matches!(line.char(end - 1), '\n' | '\r') {
        end -= 1;
    }
    line.slice(..end)
}

#[cfg(test)]
mod tests {
    use tower_lsp::ls_types::Range;

    use super::*;
    use crate::position::{self, Positions};

    const TEXT: &str = "é😀x\r\nselect 'ß';\n\u{2028}\u{b}終\ry";
    const ALL: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    fn buffer(text: &str) -> Buffer {
        Buffer {
            uri: "file:///1.sql".parse().expect("an address"),
            version: 1,
            text: Rope::from_str(text),
            changed: 0,
        }
    }

    fn change(start: (u32, u32), end: (u32, u32), text: &str) -> TextDocumentContentChangeEvent {
        TextDocumentContentChangeEvent {
            range: Some(Range::new(Position::new(start.0, start.1), Position::new(end.0, end.1))),
            range_length: None,
            text: text.to_owned(),
        }
    }

    /// The rope and the table of lines must agree on where a line ends and what a character counts.
    #[test]
    fn positions_mean_the_same_to_edits_and_to_answers() {
        let rope = Rope::from_str(TEXT);
        for encoding in ALL {
            let positions = Positions::new(TEXT, encoding);
            for line in 0..7 {
                for character in 0..20 {
                    let offset = positions.offset(position::Position { line, character });
                    let at = index(&rope, Position::new(line, character), encoding);
                    assert_eq!(
                        rope.char_to_byte(at),
                        offset as usize,
                        "{encoding:?} {line}:{character}"
                    );
                }
            }
        }
    }

    #[test]
    fn changes_of_one_message_build_on_each_other() {
        let mut buffer = buffer("select 1;\nselect 2;\n");
        let changes = [
            change((0, 7), (0, 8), "'ä😀'"),
            change((0, 12), (0, 12), " as x"),
            change((1, 0), (9, 0), ""),
        ];
        buffer.apply(2, &changes, Encoding::Utf16).expect("in order");
        assert_eq!(buffer.text.to_string(), "select 'ä😀' as x;\n");
        assert_eq!(buffer.version, 2);
    }

    #[test]
    fn a_change_that_is_not_newer_is_refused() {
        let mut buffer = buffer("a");
        assert_eq!(
            buffer.apply(1, &[change((0, 0), (0, 0), "b")], Encoding::Utf8),
            Err(OutOfOrder)
        );
        assert_eq!(buffer.text.to_string(), "a");
    }
}
