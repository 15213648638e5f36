//! The order in which a plain folder's migrations are applied: by number, then by name, numbers inside names as numbers.

/// Sorts names as migration tools apply them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    class: Class,
    version: Vec<Number>,
    rest: Vec<Piece>,
    /// Last resort, so that two names never compare equal.
    name: String,
}

impl Key {
    /// Whether the name starts with a version.
    pub fn is_numbered(&self) -> bool {
        self.class == Class::Numbered
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Numbered,
    Named,
    /// Flyway's `R__`: after everything that has a version.
    Repeatable,
}

/// Digits without leading zeros; longer is greater, so that no number is too large.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number(usize, String);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Number(Number),
    Text(String),
}

/// The key of a migration's name.
pub fn key(name: &str) -> Key {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let repeatable = stem.starts_with("R__");
    // `V1__x`, `v1.2.sql`
    let after_letter = stem.strip_prefix(['V', 'v']);
    let start = after_letter
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(stem);
    let is_flyway = start.len() < stem.len() && start.contains("__");
    let (version, rest) = version_prefix(start, is_flyway);
    Key {
        class: if repeatable {
            Class::Repeatable
        } else if version.is_empty() {
            Class::Named
        } else {
            Class::Numbered
        },
        version,
        rest: pieces(rest),
        name: name.to_owned(),
    }
}

/// `1.10_x` is version 1, 10; Flyway also writes it `1_10__x`, diesel `2023-01-31-120000_x`.
fn version_prefix(text: &str, is_flyway: bool) -> (Vec<Number>, &str) {
    let mut version = Vec::new();
    let mut rest = text;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return (version, rest);
        }
        version.push(number(&rest[..digits]));
        let after = &rest[digits..];
        let joins = |c: char| matches!(c, '.' | '-') || (is_flyway && c == '_');
        let next = after.strip_prefix(joins);
        match next.filter(|next| next.starts_with(|c: char| c.is_ascii_digit())) {
            Some(next) => rest = next,
            None => return (version, after),
        }
    }
}

fn number(digits: &str) -> Number {
    let digits = digits.trim_start_matches('0');
    Number(digits.len(), digits.to_owned())
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest
            .find(|c: char| c.is_ascii_digit() != is_digit)
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        out.push(if is_digit {
            Piece::Number(number(piece))
        } else {
            Piece::Text(piece.to_owned())
        });
        rest = after;
    }
    out
}
