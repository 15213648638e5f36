//! Positions as the Language Server Protocol counts them: 0-based lines, and characters in the agreed encoding's units.
//!
//! <https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#position>

use analysis::text::{LineIndex, Span};

/// Which units a client counts characters in; UTF-16 unless both sides agree on another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Code units: two for a character beyond the basic plane.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

/// A place between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// 0-based.
    pub line: u32,
    /// 0-based, in units of the encoding.
    pub character: u32,
}

/// A text with its lines, for many conversions.
#[derive(Clone, Debug)]
pub struct Positions<'t> {
    text: &'t str,
    lines: LineIndex,
    encoding: Encoding,
}

impl Encoding {
    /// The first of the client's encodings that is known; they stand in the order of its preference.
    pub fn choose<'n>(offered: impl IntoIterator<Item = &'n str>) -> Self {
        let known = offered.into_iter().find_map(|name| match name {
            "utf-8" => Some(Self::Utf8),
            "utf-16" => Some(Self::Utf16),
            "utf-32" => Some(Self::Utf32),
            _ => None,
        });
        known.unwrap_or_default()
    }

    /// As the protocol names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Utf32 => "utf-32",
        }
    }

    fn units(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
            Self::Utf32 => 1,
        }
    }
}

impl<'t> Positions<'t> {
    /// Reads the lines of `text`.
    pub fn new(text: &'t str, encoding: Encoding) -> Self {
        let lines = LineIndex::new(text);
        Self { text, lines, encoding }
    }

    /// Where byte `offset` is. An offset inside a character is at its start, one past the text at its end.
    pub fn position(&self, offset: u32) -> Position {
        let offset = self.text.floor_char_boundary(offset as usize);
        let line = self.lines.line(u32::try_from(offset).unwrap_or(u32::MAX));
        let before = Span::new(self.lines.start(line) as usize, offset).slice(self.text);
        let character: usize = before.chars().map(|character| self.encoding.units(character)).sum();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            line: count(line),
            character: count(character),
        }
    }

    /// The byte at a position. As the protocol says, a character past the end of its line is that end; one inside a
    /// surrogate pair is the pair's start, and a line past the last is the end of the text.
    pub fn offset(&self, position: Position) -> u32 {
        let line = position.line as usize;
        if line >= self.lines.len() {
            return u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        }
        let start = self.lines.start(line);
        let wanted = position.character as usize;
        let (mut units, mut bytes) = (0, 0);
        for character in self.lines.line_text(self.text, line).chars() {
            units += self.encoding.units(character);
            if units > wanted {
                break;
            }
            bytes += character.len_utf8();
        }
        start + u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// The ends of a span.
    pub fn range(&self, span: Span) -> (Position, Position) {
        (self.position(span.start), self.position(span.end))
    }

    /// The span between two positions; empty where they are in the wrong order.
    pub fn span(&self, start: Position, end: Position) -> Span {
        let start = self.offset(start);
        Span {
            start,
            end: self.offset(end).max(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "é😀x\r\nselect 'ß';\n\n終";
    const ALL: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn the_same_byte_is_counted_in_each_encoding_s_units() {
        // Before the `x`: two bytes and four, one unit and two, two characters.
        for (encoding, character) in ALL.into_iter().zip([6, 3, 2]) {
            let positions = Positions::new(TEXT, encoding);
            assert_eq!(positions.position(6), at(0, character));
            assert_eq!(positions.offset(at(0, character)), 6);
        }
    }

    #[test]
    fn every_character_s_start_comes_back() {
        for encoding in ALL {
            let positions = Positions::new(TEXT, encoding);
            for (offset, character) in TEXT.char_indices() {
                let offset = u32::try_from(offset).expect("a short text");
                // `\n` of `\r\n` has no position of its own: a line's end is before both.
                if character != '\n' {
                    assert_eq!(
                        positions.offset(positions.position(offset)),
                        offset,
                        "{encoding:?} {offset}"
                    );
                }
            }
            let end = u32::try_from(TEXT.len()).expect("a short text");
            assert_eq!(positions.offset(positions.position(end)), end);
        }
    }

    #[test]
    fn positions_that_no_text_has_are_moved_to_the_nearest_before() {
        let positions = Positions::new(TEXT, Encoding::Utf16);
        assert_eq!(positions.offset(at(0, 2)), 2, "inside of a surrogate pair");
        assert_eq!(
            positions.offset(at(0, 99)),
            7,
            "past the end of a line, before its line end"
        );
        assert_eq!(positions.offset(at(99, 0)), 26, "past the last line");
        assert_eq!(positions.position(3), at(0, 1), "inside of a character");
        assert_eq!(positions.position(u32::MAX), at(3, 1), "past the end");
        assert!(positions.span(at(1, 3), at(1, 0)).is_empty());
    }

    #[test]
    fn an_empty_text_has_one_position() {
        let positions = Positions::new("", Encoding::Utf8);
        assert_eq!(positions.range(Span::new(0, 5)), (at(0, 0), at(0, 0)));
        assert_eq!(positions.offset(at(0, 3)), 0);
    }

    #[test]
    fn the_client_s_first_known_encoding_is_taken() {
        assert_eq!(Encoding::choose(["utf-7", "utf-8", "utf-16"]), Encoding::Utf8);
        assert_eq!(Encoding::choose([]), Encoding::Utf16);
        assert_eq!(Encoding::Utf32.name(), "utf-32");
    }
}
