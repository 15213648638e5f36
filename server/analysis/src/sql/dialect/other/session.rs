//! SET, RESET, SHOW and the commands that concern one session only.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::parts::value;
use super::transaction;
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::statement::{Node, PassedOver, SetVariable};
use crate::text::Span;

/// `SET …`; `start` is the keyword.
pub(super) fn set(cursor: &mut Cursor<'_>, start: Span) -> Parsed<Node> {
    if cursor.eat("CONSTRAINTS") {
        return set_constraints(cursor);
    }
    if cursor.eat_all(&["SESSION", "CHARACTERISTICS", "AS", "TRANSACTION"]) {
        transaction::modes(cursor)?;
        return Ok(Node::SetTransaction { session: true });
    }
    let is_local = cursor.at_word("LOCAL") && !assigns(cursor);
    let scoped =
        is_local || (cursor.at_word("SESSION") && !cursor.at_words(&["SESSION", "AUTHORIZATION"]) && !assigns(cursor));
    if scoped {
        cursor.next();
    }
    if cursor.eat("TRANSACTION") {
        return set_transaction(cursor);
    }
    let mut variable = variable(cursor, start)?;
    variable.local = is_local;
    Ok(Node::Set(variable))
}

/// Whether the next word is itself the variable's name.
fn assigns(cursor: &Cursor<'_>) -> bool {
    cursor.peek_nth(1).is_some_and(|token| token.token == SqlToken::Eq)
}

fn set_transaction(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    if cursor.eat("SNAPSHOT") {
        cursor.string()?;
    } else {
        transaction::modes(cursor)?;
    }
    Ok(Node::SetTransaction { session: false })
}

fn set_constraints(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let constraints = if cursor.eat("ALL") { Vec::new() } else { cursor.names()? };
    let deferred = cursor.eat_any(&["DEFERRED", "IMMEDIATE"]).ok_or(Unreadable)? == "DEFERRED";
    Ok(Node::SetConstraints { constraints, deferred })
}

/// What follows `SET` also in ALTER ROLE, ALTER DATABASE and CREATE FUNCTION: `name = value, …` and the special forms.
pub(super) fn variable(cursor: &mut Cursor<'_>, start: Span) -> Parsed<SetVariable> {
    let (name, values) = special(cursor).unwrap_or_else(|| plain(cursor))?;
    Ok(SetVariable {
        name,
        local: false,
        values,
        span: cursor.span_from(start),
    })
}

type Setting = (SmolStr, Option<Vec<SmolStr>>);

/// `TIME ZONE x`, `ROLE x`, … : the forms without `=`. `None` where this is none of them.
fn special(cursor: &mut Cursor<'_>) -> Option<Parsed<Setting>> {
    let forms: [(&[&str], &str); 6] = [
        (&["TIME", "ZONE"], "timezone"),
        (&["SESSION", "AUTHORIZATION"], "session authorization"),
        (&["XML", "OPTION"], "xmloption"),
        (&["ROLE"], "role"),
        (&["SCHEMA"], "search_path"),
        (&["NAMES"], "client_encoding"),
    ];
    let (words, name) = forms.iter().find(|(words, _)| cursor.at_words(words))?;
    let after = cursor.peek_nth(words.len());
    let is_plain = after.is_some_and(|token| token.token == SqlToken::Eq || crate::sql::cursor::is_word(token, "TO"));
    if is_plain {
        return None;
    }
    cursor.eat_all(words);
    Some(special_value(cursor).map(|values| ((*name).into(), values)))
}

fn special_value(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<SmolStr>>> {
    if cursor.eat_all(&["FROM", "CURRENT"]) {
        return Ok(None);
    }
    if cursor.eat_any(&["DEFAULT", "LOCAL"]).is_some() || cursor.at_end() {
        return Ok(Some(Vec::new()));
    }
    if cursor.eat("INTERVAL") {
        return interval(cursor).map(Some);
    }
    Ok(Some(vec![value(cursor)?]))
}

/// `SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE`
fn interval(cursor: &mut Cursor<'_>) -> Parsed<Vec<SmolStr>> {
    if cursor.at_token(&SqlToken::LParen) {
        cursor.parens()?;
    }
    let (offset, _) = cursor.string()?;
    if cursor.eat("HOUR") {
        cursor.eat_all(&["TO", "MINUTE"]);
    }
    Ok(vec![offset])
}

fn plain(cursor: &mut Cursor<'_>) -> Parsed<Setting> {
    let name = variable_name(cursor)?;
    if cursor.eat_all(&["FROM", "CURRENT"]) {
        return Ok((name, None));
    }
    if !cursor.eat_token(&SqlToken::Eq) {
        cursor.expect("TO")?;
    }
    if cursor.eat("DEFAULT") {
        return Ok((name, Some(Vec::new())));
    }
    Ok((name, Some(cursor.list(value)?)))
}

/// `a.b.c`, in lower case: the server compares names of variables without case, also quoted ones.
fn variable_name(cursor: &mut Cursor<'_>) -> Parsed<SmolStr> {
    Ok(cursor.name()?.to_string().to_ascii_lowercase().into())
}

/// `RESET …`, here and in ALTER ROLE, ALTER DATABASE and ALTER FUNCTION: the variable's name, or `all`.
pub(super) fn reset(cursor: &mut Cursor<'_>) -> Parsed<SmolStr> {
    let forms: [(&[&str], &str); 3] = [
        (&["TIME", "ZONE"], "timezone"),
        (&["SESSION", "AUTHORIZATION"], "session authorization"),
        (&["TRANSACTION", "ISOLATION", "LEVEL"], "transaction_isolation"),
    ];
    for (words, name) in forms {
        if cursor.eat_all(words) {
            return Ok(name.into());
        }
    }
    variable_name(cursor)
}

/// `SHOW name`
pub(super) fn show(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    reset(cursor)?;
    Ok(Node::Passed(PassedOver::Show))
}

/// `DECLARE name … CURSOR … FOR query`
pub(super) fn declare(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.ident()?;
    while cursor
        .eat_any(&["BINARY", "ASENSITIVE", "INSENSITIVE", "NO", "SCROLL"])
        .is_some()
    {}
    cursor.expect("CURSOR")?;
    if cursor.eat_any(&["WITH", "WITHOUT"]).is_some() {
        cursor.expect("HOLD")?;
    }
    cursor.expect("FOR")?;
    cursor.skip_rest();
    Ok(Node::Passed(PassedOver::Declare))
}

/// `FETCH` and `MOVE`: `[direction] [FROM|IN] cursor`
pub(super) fn fetch(cursor: &mut Cursor<'_>, passed: PassedOver) -> Parsed<Node> {
    while !cursor.at_end() {
        value(cursor)?;
    }
    Ok(Node::Passed(passed))
}

/// `EXECUTE name [(…)]`
pub(super) fn execute(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.ident()?;
    if !cursor.at_end() {
        cursor.parens()?;
    }
    Ok(Node::Passed(PassedOver::Execute))
}

/// `DEALLOCATE [PREPARE] name|ALL`, `CLOSE name|ALL`, `LISTEN name`, `DISCARD what`
pub(super) fn one_word(cursor: &mut Cursor<'_>, passed: PassedOver) -> Parsed<Node> {
    if cursor.at_word("PREPARE") && cursor.peek_nth(1).is_some() {
        cursor.next();
    }
    cursor.ident()?;
    Ok(Node::Passed(passed))
}

/// `NOTIFY channel [, 'payload']`
pub(super) fn notify(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.ident()?;
    if cursor.comma() {
        cursor.string()?;
    }
    Ok(Node::Passed(PassedOver::Notify))
}

/// `UNLISTEN channel|*`
pub(super) fn unlisten(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    if !cursor.eat_token(&SqlToken::Mul) {
        cursor.ident()?;
    }
    Ok(Node::Passed(PassedOver::Unlisten))
}

/// `LOAD 'library'`
pub(super) fn load(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.string()?;
    Ok(Node::Passed(PassedOver::Load))
}

/// `CHECKPOINT`
pub(super) fn checkpoint(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    if cursor.at_token(&SqlToken::LParen) {
        cursor.parens()?;
    }
    Ok(Node::Passed(PassedOver::Checkpoint))
}

/// `ALTER SYSTEM SET|RESET …`, after `SYSTEM`
pub(super) fn alter_system(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let start = cursor.span();
    if cursor.eat("RESET") {
        reset(cursor)?;
    } else {
        cursor.expect("SET")?;
        variable(cursor, start)?;
    }
    Ok(Node::AlterSystem)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;

    fn set_to(sql: &str) -> (String, bool, Option<Vec<String>>) {
        let Node::Set(set) = node(sql) else {
            panic!("{sql}");
        };
        let values = set
            .values
            .map(|values| values.iter().map(ToString::to_string).collect());
        (set.name.to_string(), set.local, values)
    }

    #[test]
    fn set_keeps_the_values_without_quotes() {
        let values = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (sql, name, local, expected) in [
            ("SET LOCAL lock_timeout = '5s'", "lock_timeout", true, values(&["5s"])),
            ("set session x to on", "x", false, values(&["on"])),
            (
                "SET Search_Path TO \"$user\", Public, 'a b'",
                "search_path",
                false,
                values(&["$user", "public", "a b"]),
            ),
            ("set search_path = ''", "search_path", false, values(&[""])),
            ("set a.b = -1", "a.b", false, values(&["-1"])),
            ("set a to default", "a", false, values(&[])),
            ("set a from current", "a", false, None),
            ("SET TIME ZONE 'UTC'", "timezone", false, values(&["UTC"])),
            ("SET TIME ZONE LOCAL", "timezone", false, values(&[])),
            (
                "SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE",
                "timezone",
                false,
                values(&["-08:00"]),
            ),
            ("SET ROLE anon", "role", false, values(&["anon"])),
            ("SET LOCAL ROLE 'anon'", "role", true, values(&["anon"])),
            ("set role to x", "role", false, values(&["x"])),
            (
                "SET SESSION AUTHORIZATION bob",
                "session authorization",
                false,
                values(&["bob"]),
            ),
            (
                "set session session authorization default",
                "session authorization",
                false,
                values(&[]),
            ),
            ("set schema 's'", "search_path", false, values(&["s"])),
        ] {
            assert_eq!(set_to(sql), (name.to_owned(), local, expected), "{sql}");
        }
    }

    #[test]
    fn the_other_forms_of_set_are_told_apart() {
        assert_eq!(
            node("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
            Node::SetTransaction { session: false }
        );
        assert_eq!(
            node("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
            Node::SetTransaction { session: true }
        );
        assert_eq!(
            node("SET CONSTRAINTS ALL DEFERRED"),
            Node::SetConstraints {
                constraints: vec![],
                deferred: true
            }
        );
        assert!(
            matches!(node("set constraints a, s.b immediate"), Node::SetConstraints { constraints, deferred: false } if constraints.len() == 2)
        );
    }

    #[test]
    fn reset_and_session_commands_are_read() {
        assert_eq!(node("RESET ALL"), Node::Reset { name: "all".into() });
        assert_eq!(node("reset a.B"), Node::Reset { name: "a.b".into() });
        for (sql, passed) in [
            ("show all", PassedOver::Show),
            ("show transaction isolation level", PassedOver::Show),
            ("checkpoint", PassedOver::Checkpoint),
            ("close c", PassedOver::Close),
            ("deallocate prepare all", PassedOver::Deallocate),
            ("DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT 1", PassedOver::Declare),
            ("discard all", PassedOver::Discard),
            ("execute p (1)", PassedOver::Execute),
            ("FETCH ALL FROM c", PassedOver::Fetch),
            ("move backward -3 in c", PassedOver::Move),
            ("listen ch", PassedOver::Listen),
            ("notify ch, 'x'", PassedOver::Notify),
            ("unlisten *", PassedOver::Unlisten),
            ("load 'x'", PassedOver::Load),
        ] {
            assert_eq!(node(sql), Node::Passed(passed), "{sql}");
        }
        unreadable("set x");
        unreadable("set x = 1 create table t ()");
        unreadable("declare x int");
    }
}
