//! Parameters of routines, and the lists of argument types that name one.

use sqlparser::tokenizer::Token as SqlToken;

use crate::sql::cursor::{Cursor, Parsed};
use crate::sql::dialect::types::type_name;
use crate::sql::statement::{Param, ParamMode, TypeName};

/// `(param, …)`
pub(super) fn params(cursor: &mut Cursor<'_>) -> Parsed<Vec<Param>> {
    cursor.paren_list(param)
}

/// `(param, …)` if a parenthesis is next: how GRANT, DROP, COMMENT and ALTER name a routine.
pub(super) fn optional_params(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<Param>>> {
    if cursor.at_token(&SqlToken::LParen) {
        params(cursor).map(Some)
    } else {
        Ok(None)
    }
}

/// `(*)`, `(param, …)`, `(param, … ORDER BY param, …)`
pub(super) fn aggregate_params(cursor: &mut Cursor<'_>) -> Parsed<Vec<Param>> {
    let mut inside = cursor.parens()?;
    let mut all = Vec::new();
    if inside.eat_token(&SqlToken::Mul) || inside.at_end() {
        inside.finish()?;
        return Ok(all);
    }
    if !inside.at_words(&["ORDER", "BY"]) {
        all = inside.list(param)?;
    }
    if inside.eat_all(&["ORDER", "BY"]) {
        all.extend(inside.list(param)?);
    }
    inside.finish()?;
    Ok(all)
}

/// `[mode] [name] [mode] type [DEFAULT expression | = expression]`
fn param(cursor: &mut Cursor<'_>) -> Parsed<Param> {
    let mut mode = mode(cursor);
    let (mut name, mut ty) = (None, None);
    if let Some((found, after)) = lone_type(*cursor) {
        ty = Some(found);
        *cursor = after;
    } else {
        name = Some(cursor.ident()?);
        mode = mode.or_else(|| self::mode(cursor));
    }
    let ty = match ty {
        Some(ty) => ty,
        None => type_name(cursor)?,
    };
    let default = if cursor.eat("DEFAULT") || cursor.eat_token(&SqlToken::Eq) {
        Some(cursor.expr(&["ORDER"])?)
    } else {
        None
    };
    Ok(Param {
        mode: mode.unwrap_or(ParamMode::In),
        name,
        ty,
        default: default.map(Into::into),
    })
}

/// A type that is the whole parameter: nothing but a default may follow it.
fn lone_type(mut cursor: Cursor<'_>) -> Option<(TypeName, Cursor<'_>)> {
    let ty = type_name(&mut cursor).ok()?;
    let ends = cursor.at_end()
        || cursor.at_token(&SqlToken::Comma)
        || cursor.at_token(&SqlToken::Eq)
        || cursor.at_words(&["ORDER", "BY"])
        || cursor.at_word("DEFAULT");
    ends.then_some((ty, cursor))
}

fn mode(cursor: &mut Cursor<'_>) -> Option<ParamMode> {
    if cursor.eat("IN") {
        let both = cursor.eat("OUT");
        return Some(if both { ParamMode::InOut } else { ParamMode::In });
    }
    match cursor.eat_any(&["OUT", "INOUT", "VARIADIC"])? {
        "OUT" => Some(ParamMode::Out),
        "INOUT" => Some(ParamMode::InOut),
        _ => Some(ParamMode::Variadic),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::node;
    use super::*;
    use crate::sql::statement::Node;

    fn params(list: &str) -> Vec<(ParamMode, Option<String>, String, bool)> {
        let sql = format!("create function f{list} returns void as '' language sql");
        let Node::CreateFunction(function) = node(&sql) else {
            panic!("{sql}");
        };
        let words = |param: Param| {
            (
                param.mode,
                param.name.map(|name| name.value.to_string()),
                param.ty.span.slice(&sql).to_owned(),
                param.default.is_some(),
            )
        };
        function.params.into_iter().map(words).collect()
    }

    #[test]
    fn modes_stand_before_or_after_names_and_names_may_be_missing() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(
            params("(a int default 1, OUT b text, c inout int[], int, double precision, variadic arr text[])"),
            [
                (ParamMode::In, named("a"), "int".into(), true),
                (ParamMode::Out, named("b"), "text".into(), false),
                (ParamMode::InOut, named("c"), "int[]".into(), false),
                (ParamMode::In, None, "int".into(), false),
                (ParamMode::In, None, "double precision".into(), false),
                (ParamMode::Variadic, named("arr"), "text[]".into(), false),
            ]
        );
        assert_eq!(
            params(
                "(in out x int, \"in\" numeric(10,2) = 2, t.a%type, date date, \"a\" \"uuid\", ts timestamp with time zone default now())"
            ),
            [
                (ParamMode::InOut, named("x"), "int".into(), false),
                (ParamMode::In, named("in"), "numeric(10,2)".into(), true),
                (ParamMode::In, None, "t.a%type".into(), false),
                (ParamMode::In, named("date"), "date".into(), false),
                (ParamMode::In, named("a"), "\"uuid\"".into(), false),
                (ParamMode::In, named("ts"), "timestamp with time zone".into(), true),
            ]
        );
        assert_eq!(params("()"), []);
    }
}
