//! Whether code looks a name up along the `search_path` when it runs.
//!
//! Tables, functions, types and operators without a schema are; columns and variables are not. Whatever is not surely
//! free of lookups is taken to have one.

use sqlparser::tokenizer::Token as SqlToken;

use super::cursor::is_word;
use super::tokens::{Token, tokenize};

/// Words that call nothing where a parenthesis follows them.
const NO_CALLS: [&str; 9] = [
    "AND", "COALESCE", "EXISTS", "IF", "NOT", "OR", "RETURN", "SELECT", "VALUES",
];

/// Words behind which a table must have its schema.
const BEFORE_TABLES: [&str; 5] = ["FROM", "INTO", "JOIN", "TRUNCATE", "UPDATE"];

/// Words that stand for operators, come before types, or before anything.
const LOOK_UP: [&str; 25] = [
    "ALL", "ALTER", "ANY", "BETWEEN", "CASE", "CAST", "COLLATE", "CREATE", "DECLARE", "DISTINCT", "DROP", "EXECUTE",
    "ILIKE", "IN", "LATERAL", "LIKE", "LOCK", "NATURAL", "NULLIF", "ONLY", "OPERATOR", "SIMILAR", "SOME", "TABLE",
    "USING",
];

/// Words that a string may follow without being read as a value of a type.
const BEFORE_STRINGS: [&str; 6] = ["EXCEPTION", "NOTICE", "RETURN", "SELECT", "THEN", "WARNING"];

/// Whether the code of a function in SQL or PL/pgSQL may look a name up.
pub(crate) fn looks_names_up(code: &str) -> bool {
    let read = tokenize(code);
    let tokens = read.tokens.as_slice();
    let is_whole = read.errors.is_empty() && read.placeholders.is_empty();
    !is_whole || (0..tokens.len()).any(|at| looks_up_at(tokens, at))
}

fn looks_up_at(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let is_any = |token: &Token, words: &[&str]| words.iter().any(|word| is_word(token, word));
    match &tokens[at].token {
        SqlToken::Word(_) if before.is_some_and(|before| before.token == SqlToken::Period) => {
            is_open(tokens.get(at + 1)) && passes_text(&tokens[at + 2..])
        }
        SqlToken::Word(_) => {
            let is_call = is_open(tokens.get(at + 1)) && !is_any(&tokens[at], &NO_CALLS);
            let is_bare_table = is_any(&tokens[at], &BEFORE_TABLES) && !names_one_table(&tokens[at + 1..]);
            is_call || is_bare_table || is_any(&tokens[at], &LOOK_UP)
        }
        SqlToken::SingleQuotedString(_) => !before.is_some_and(|before| {
            let is_listed = matches!(before.token, SqlToken::Comma | SqlToken::LParen);
            is_listed || is_any(before, &BEFORE_STRINGS)
        }),
        SqlToken::Number(..)
        | SqlToken::Comma
        | SqlToken::Period
        | SqlToken::LParen
        | SqlToken::RParen
        | SqlToken::SemiColon => false,
        _ => true,
    }
}

fn is_open(token: Option<&Token>) -> bool {
    token.is_some_and(|token| token.token == SqlToken::LParen)
}

/// Whether a string stands between the parentheses of a call: it may be read as the name of a table.
fn passes_text(arguments: &[Token]) -> bool {
    let mut depth = 1_usize;
    for token in arguments {
        match token.token {
            SqlToken::LParen => depth += 1,
            SqlToken::RParen => depth -= 1,
            SqlToken::SingleQuotedString(_) => return true,
            _ => {}
        }
        if depth == 0 {
            return false;
        }
    }
    true
}

/// Whether the tokens begin with a table and its schema, and name no second one behind a comma.
fn names_one_table(tokens: &[Token]) -> bool {
    let [schema, period, name, rest @ ..] = tokens else {
        return false;
    };
    let is_qualified = matches!(schema.token, SqlToken::Word(_))
        && period.token == SqlToken::Period
        && matches!(name.token, SqlToken::Word(_));
    let ends = |token: &&Token| matches!(token.token, SqlToken::SemiColon | SqlToken::LParen | SqlToken::RParen);
    let mut clause = rest.iter().take_while(|token| !ends(token));
    is_qualified && !clause.any(|token| token.token == SqlToken::Comma)
}

#[cfg(test)]
mod tests {
    use super::looks_names_up;

    #[test]
    fn what_names_its_schemas_looks_nothing_up() {
        for code in [
            "begin insert into app.members(organization_id, role) values (new.id, auth.uid(), 'maintainer'); return new; end",
            "select auth.uid()",
            "select a, b from app.users u join app.posts p on u.is_author where not u.gone order by a limit 5",
            "begin if new.ok and app.may(new.id) then raise exception 'no'; end if; return null; end",
            "delete from app.users where gone; select 1",
        ] {
            assert!(!looks_names_up(code), "{code}");
        }
    }

    #[test]
    fn tables_functions_types_and_operators_are_looked_up() {
        for code in [
            "select 1 from users",
            "select 1 from app.users, posts",
            "select 1 from app.users where a = 1",
            "select a::text from app.users",
            "select now()",
            "select count(*) from app.users",
            "select date '2026-01-01'",
            "select pg_catalog.nextval('ids')",
            "insert into users(a) values (1)",
            "begin v := 1; end",
            "declare v app.users; begin return v; end",
            "select a from app.users where a in (1)",
            "select a from app.users join app.posts using (id)",
            "select a from app.users where a like 'x'",
            "begin execute new.text; end",
            "select 'unfinished",
        ] {
            assert!(looks_names_up(code), "{code}");
        }
    }
}
