//! Identifiers with Unicode escapes: `U&"d\0061t\+000061"`, with another escape character behind UESCAPE.
//! <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>

use sqlparser::tokenizer::Token as SqlToken;

use super::tokens::Token;

/// Makes one token of the three or five that the tokenizer reads.
pub(super) fn join(tokens: &mut Vec<Token>) {
    let is_begin =
        |token: &Token| matches!(&token.token, SqlToken::Word(word) if is_u(&word.value) && word.quote_style.is_none());
    let mut from = 0;
    while let Some(at) = tokens[from..].iter().position(is_begin).map(|at| from + at) {
        from = at + 1;
        if let Some((token, count)) = identifier(&tokens[at..]) {
            tokens.splice(at..at + count, [token]);
        }
    }
}

fn is_u(word: &str) -> bool {
    word.eq_ignore_ascii_case("u")
}

/// The identifier that these begin with, and how many tokens it is made of.
fn identifier(tokens: &[Token]) -> Option<(Token, usize)> {
    let [u, and, name, rest @ ..] = tokens else { return None };
    let is_adjacent = u.span.end == and.span.start && and.span.end == name.span.start;
    let SqlToken::Word(word) = &name.token else { return None };
    if and.token != SqlToken::Ampersand || !is_adjacent || word.quote_style != Some('"') {
        return None;
    }
    let (escape, more) = match rest {
        [
            Token {
                token: SqlToken::Word(uescape),
                ..
            },
            Token {
                token: SqlToken::SingleQuotedString(escape),
                ..
            },
            ..,
        ] if uescape.value.eq_ignore_ascii_case("uescape") => (escape.chars().next().unwrap_or('\\'), 2),
        _ => ('\\', 0),
    };
    let mut word = word.clone();
    word.value = decoded(&word.value, escape)?;
    let count = 3 + more;
    let token = Token {
        token: SqlToken::Word(word),
        span: u.span.cover(tokens[count - 1].span),
    };
    Some((token, count))
}

/// The text between the quotes with its escapes resolved; a quote is doubled, as elsewhere between quotes. `None` where
/// PostgreSQL refuses it.
fn decoded(inner: &str, escape: char) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut letters = inner.chars().peekable();
    let mut high = None;
    while let Some(letter) = letters.next() {
        if letter != escape {
            out.push(letter);
            continue;
        }
        if letters.next_if_eq(&escape).is_some() {
            out.push(escape);
            continue;
        }
        let digits = if letters.next_if_eq(&'+').is_some() { 6 } else { 4 };
        let mut code = 0;
        for _ in 0..digits {
            code = code * 16 + letters.next()?.to_digit(16)?;
        }
        // Two halves of one character.
        match (high.take(), code) {
            (None, 0xd800..=0xdbff) => high = Some(code),
            (Some(high), 0xdc00..=0xdfff) => push(&mut out, 0x10000 + ((high & 0x3ff) << 10) + (code & 0x3ff))?,
            (None, code) => push(&mut out, code)?,
            _ => return None,
        }
    }
    high.is_none().then_some(out)
}

fn push(out: &mut String, code: u32) -> Option<()> {
    let letter = char::from_u32(code).filter(|letter| *letter != '\0')?;
    out.push(letter);
    if letter == '"' {
        out.push('"');
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::cursor::ident_of;
    use super::super::tokens::tokenize;

    fn idents(text: &str) -> Vec<String> {
        let tokens = tokenize(text).tokens;
        tokens
            .iter()
            .filter_map(ident_of)
            .map(|ident| ident.value.to_string())
            .collect()
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(idents(r#"U&"d\0061t\+000061" . u&"T b""l""#), ["data", "T b\"l"]);
        assert_eq!(idents(r#"u&"a!0062\" uescape '!' c"#), ["ab\\", "c"]);
        assert_eq!(idents(r#"U&"\\ \0022 \D83D\DE00""#), ["\\ \" 😀"]);
    }

    #[test]
    fn what_is_no_such_identifier_stays_as_it_is() {
        assert_eq!(idents(r#"u & "a""#), ["u", "a"]);
        assert_eq!(idents("u&a"), ["u", "a"]);
        assert_eq!(idents(r#"U&"\zzzz""#), ["U", "\\zzzz"].map(str::to_lowercase));
    }

    #[test]
    fn the_span_is_the_whole_identifier() {
        let text = r#"select U&"a!0062" UESCAPE '!', 1"#;
        let tokens = tokenize(text).tokens;
        assert_eq!(tokens[1].span.slice(text), r#"U&"a!0062" UESCAPE '!'"#);
        assert_eq!(tokens.len(), 4);
    }
}
