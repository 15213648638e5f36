//! CREATE and ALTER of functions and procedures.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::alter::common_action;
use super::command::language_name;
use super::object;
use super::parts::word;
use super::session;
use super::signature::params;
use crate::sql::cursor::{Cursor, Parsed, Unreadable};
use crate::sql::dialect::types::type_name;
use crate::sql::statement::{
    AlterFunction, AlterFunctionAction, CreateFunction, FunctionBody, FunctionOptions, Node, Returns, Volatility,
};
use crate::sql::statements_in;

/// `CREATE [OR REPLACE] FUNCTION|PROCEDURE …`, after `CREATE`
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let or_replace = cursor.eat_all(&["OR", "REPLACE"]);
    let procedure = cursor.eat_any(&["FUNCTION", "PROCEDURE"]).ok_or(Unreadable)? == "PROCEDURE";
    let name = cursor.name()?;
    let start = cursor.span();
    let params = params(cursor)?;
    let params_span = cursor.span_from(start);
    let returns = returns(cursor)?;
    let mut options = FunctionOptions::default();
    let mut body = None;
    while !cursor.at_end() {
        let start = cursor.span();
        if let Some(found) = function_body(cursor)? {
            if body.replace(found).is_some() {
                return Err(Unreadable);
            }
        } else {
            option(cursor, &mut options)?;
            options.spans.push(cursor.span_from(start));
        }
    }
    Ok(Node::CreateFunction(Box::new(CreateFunction {
        name,
        procedure,
        or_replace,
        params,
        params_span,
        returns,
        options,
        body,
    })))
}

/// `RETURNS type`, `RETURNS TABLE (name type, …)`
fn returns(cursor: &mut Cursor<'_>) -> Parsed<Option<Returns>> {
    if cursor.at_words(&["RETURNS", "NULL", "ON"]) || !cursor.eat("RETURNS") {
        return Ok(None);
    }
    let is_list = cursor.peek_nth(1).is_some_and(|token| token.token == SqlToken::LParen);
    if is_list && cursor.eat("TABLE") {
        let columns = cursor.paren_list(|cursor| Ok((cursor.ident()?, type_name(cursor)?)))?;
        return Ok(Some(Returns::Table(columns)));
    }
    Ok(Some(Returns::Type(type_name(cursor)?)))
}

/// The body, in one of its four forms; `None` where an option is next.
fn function_body(cursor: &mut Cursor<'_>) -> Parsed<Option<FunctionBody>> {
    if cursor.eat("AS") {
        let source = cursor.code()?;
        if cursor.comma() {
            cursor.string()?;
            return Ok(Some(FunctionBody::Object));
        }
        return Ok(Some(FunctionBody::Source(source)));
    }
    if cursor.eat("RETURN") {
        return Ok(Some(FunctionBody::Return(cursor.expr(&[])?)));
    }
    if cursor.eat_all(&["BEGIN", "ATOMIC"]) {
        let (end, body) = cursor.rest().split_last().ok_or(Unreadable)?;
        if !crate::sql::cursor::is_word(end, "END") {
            return Err(Unreadable);
        }
        cursor.skip_rest();
        return Ok(Some(FunctionBody::Atomic(statements_in(cursor.nested(body)))));
    }
    Ok(None)
}

/// One attribute, of CREATE or ALTER.
fn option(cursor: &mut Cursor<'_>, options: &mut FunctionOptions) -> Parsed<()> {
    let start = cursor.span();
    match word(cursor)?.as_str() {
        "LANGUAGE" => options.language = Some(language_name(cursor)?),
        "IMMUTABLE" => options.volatility = Some(Volatility::Immutable),
        "STABLE" => options.volatility = Some(Volatility::Stable),
        "VOLATILE" => options.volatility = Some(Volatility::Volatile),
        "STRICT" => options.strict = Some(true),
        "CALLED" => {
            cursor.expect_all(&["ON", "NULL", "INPUT"])?;
            options.strict = Some(false);
        }
        "RETURNS" => {
            cursor.expect_all(&["NULL", "ON", "NULL", "INPUT"])?;
            options.strict = Some(true);
        }
        "EXTERNAL" => {
            cursor.expect("SECURITY")?;
            options.security_definer = Some(security(cursor)?);
        }
        "SECURITY" => options.security_definer = Some(security(cursor)?),
        "LEAKPROOF" => options.leakproof = Some(true),
        "NOT" => {
            cursor.expect("LEAKPROOF")?;
            options.leakproof = Some(false);
        }
        "PARALLEL" => options.parallel = Some(cursor.ident()?.value),
        "COST" => options.cost = Some(cursor.number()?),
        "ROWS" => options.rows = Some(cursor.number()?),
        "WINDOW" => options.window = true,
        "SUPPORT" => options.support = Some(cursor.name()?),
        "TRANSFORM" => drop(cursor.list(transform)?),
        "SET" => options.set.push(session::variable(cursor, start)?),
        "RESET" => options.reset.push(session::reset(cursor)?),
        _ => return Err(Unreadable),
    }
    Ok(())
}

fn security(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    Ok(cursor.eat_any(&["DEFINER", "INVOKER"]).ok_or(Unreadable)? == "DEFINER")
}

/// `FOR TYPE type`
fn transform(cursor: &mut Cursor<'_>) -> Parsed<SmolStr> {
    cursor.expect_all(&["FOR", "TYPE"])?;
    Ok(type_name(cursor)?.name.to_string().into())
}

/// `ALTER FUNCTION|PROCEDURE|ROUTINE|AGGREGATE …`, after `ALTER`
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let kind = object::kind(cursor)?;
    let object = object::named(cursor, kind)?;
    let mut ahead = *cursor;
    let action = if let Ok(action) = common_action(&mut ahead) {
        *cursor = ahead;
        AlterFunctionAction::Object(action)
    } else {
        let mut options = FunctionOptions::default();
        while !(cursor.at_end() || cursor.at_word("RESTRICT") && cursor.peek_nth(1).is_none()) {
            let start = cursor.span();
            option(cursor, &mut options)?;
            options.spans.push(cursor.span_from(start));
        }
        if options.spans.is_empty() {
            return Err(Unreadable);
        }
        cursor.eat("RESTRICT");
        AlterFunctionAction::Options(options)
    };
    Ok(Node::AlterFunction(Box::new(AlterFunction { object, action })))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, unreadable};
    use super::*;
    use crate::sql::name::Ident;

    fn function(sql: &str) -> CreateFunction {
        match node(sql) {
            Node::CreateFunction(function) => *function,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn options_come_in_any_order_around_the_body() {
        let sql = "CREATE OR REPLACE FUNCTION s.f(a int) RETURNS SETOF t LANGUAGE 'SQL' STABLE STRICT PARALLEL SAFE COST 10 \
                   ROWS 100 NOT LEAKPROOF AS 'select ''x''' WINDOW EXTERNAL SECURITY DEFINER SUPPORT s.g \
                   TRANSFORM FOR TYPE hstore, FOR TYPE int SET search_path TO public, pg_temp SET x FROM CURRENT";
        let function = function(sql);
        assert!(function.or_replace && !function.procedure);
        let options = function.options;
        assert_eq!(options.language.as_ref().map(Ident::as_str), Some("sql"));
        assert_eq!(options.volatility, Some(Volatility::Stable));
        assert_eq!(
            (
                options.strict,
                options.leakproof,
                options.security_definer,
                options.window
            ),
            (Some(true), Some(false), Some(true), true)
        );
        assert_eq!(options.parallel.as_deref(), Some("safe"));
        assert_eq!(options.set.len(), 2);
        assert_eq!(options.spans.len(), 13);
        assert_eq!(options.spans[2].slice(sql), "STRICT");
        let Some(FunctionBody::Source(body)) = function.body else {
            panic!("no body");
        };
        assert_eq!(body.code(sql), "select 'x'");
    }

    #[test]
    fn every_kind_of_body_is_read() {
        assert!(matches!(
            function("create function f(int) returns int as 'obj', 'sym' language c").body,
            Some(FunctionBody::Object)
        ));
        assert!(matches!(
            function("create function f(a int) returns int language sql immutable return a + 1").body,
            Some(FunctionBody::Return(_))
        ));
        let atomic = "create procedure f(inout a int) begin atomic truncate t; truncate u; end";
        assert!(matches!(function(atomic).body, Some(FunctionBody::Atomic(body)) if body.len() == 2));
        assert!(function(atomic).procedure);
        assert!(matches!(
            function("create function f() returns table (a int, \"b\" text[]) as $$ $$ language sql").returns,
            Some(Returns::Table(columns)) if columns.len() == 2
        ));
        unreadable("create function f() returns int as 'a' language sql create table t ()");
    }

    #[test]
    fn alter_changes_options_or_the_object() {
        let action = |sql: &str| match node(sql) {
            Node::AlterFunction(alter) => alter.action,
            other => panic!("{sql}: {other:?}"),
        };
        for sql in [
            "ALTER FUNCTION f(int) SET search_path = ''",
            "alter function f security definer set a.b to 1 reset all restrict",
            "alter routine f(text) called on null input immutable",
        ] {
            assert!(matches!(action(sql), AlterFunctionAction::Options(_)), "{sql}");
        }
        for sql in [
            "ALTER FUNCTION public.f() SET SCHEMA s",
            "alter procedure p(int) owner to bob",
            "alter aggregate a(*) rename to b",
            "alter function f(int) no depends on extension e",
        ] {
            assert!(matches!(action(sql), AlterFunctionAction::Object(_)), "{sql}");
        }
        unreadable("alter function f(int)");
    }
}
