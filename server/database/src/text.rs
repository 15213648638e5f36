//! The little that must be known about a statement's text before it is sent. No parser: leading comments and keywords.

/// Cuts white space and comments off the front.
pub(crate) fn skip_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if let Some(line) = rest.strip_prefix("--") {
            rest = line.find('\n').map_or("", |end| &line[end..]);
        } else if rest.starts_with("/*") {
            rest = skip_block_comment(rest);
        } else {
            return rest;
        }
    }
}

/// PostgreSQL's block comments nest.
fn skip_block_comment(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return &text[at..];
                }
            }
            _ => at += 1,
        }
    }
    ""
}

/// The first `N` words in lower case, as far as they are there, comments between them ignored.
pub(crate) fn leading_words<const N: usize>(sql: &str) -> [String; N] {
    let mut rest = sql;
    std::array::from_fn(|_| {
        rest = skip_comments(rest);
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let word = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        word
    })
}

/// The lines of data of a COPY, without the `\.` that ends them in a file.
pub(crate) fn copy_data(data: &str) -> &str {
    let data = data.trim_end_matches(['\r', '\n']);
    data.strip_suffix("\\.").unwrap_or(data)
}

/// Byte offset of the character that the server counts as `position` (1-based, in characters).
pub(crate) fn byte_of_position(sql: &str, position: usize) -> usize {
    sql.char_indices()
        .nth(position.saturating_sub(1))
        .map_or(sql.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_words_ignore_comments() {
        let [first, second] = leading_words::<2>("-- a\n/* b /* c */ */ CREATE -- d\n extension x");
        assert_eq!((first.as_str(), second.as_str()), ("create", "extension"));
    }

    #[test]
    fn an_unclosed_comment_is_the_whole_rest() {
        assert_eq!(skip_comments("/* a"), "");
        assert_eq!(skip_comments("--"), "");
    }

    #[test]
    fn positions_count_characters() {
        assert_eq!(byte_of_position("é x", 3), 3);
        assert_eq!(byte_of_position("é", 9), 2);
    }
}
