//! CREATE AGGREGATE, in its syntax of today and of before 8.2.

use super::signature::aggregate_params;
use crate::sql::cursor::{Cursor, Parsed};
use crate::sql::dialect::types::type_name;
use crate::sql::statement::{Node, TypeName};
use sqlparser::tokenizer::Token as SqlToken;

/// `CREATE [OR REPLACE] AGGREGATE …`, after `CREATE`
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let or_replace = cursor.eat_all(&["OR", "REPLACE"]);
    cursor.expect("AGGREGATE")?;
    let name = cursor.name()?;
    let mut ahead = *cursor;
    let is_old = ahead.parens().is_ok() && !ahead.at_token(&SqlToken::LParen);
    let (arguments, definition) = if is_old {
        let definition = cursor.parens()?;
        (base_type(&mut definition.clone())?, definition)
    } else {
        let params = aggregate_params(cursor)?;
        let definition = cursor.parens()?;
        (params.into_iter().map(|param| param.ty).collect(), definition)
    };
    let state = setting(definition, "stype").and_then(|mut value| type_name(&mut value).ok());
    let final_function = setting(definition, "finalfunc").and_then(|mut value| value.name().ok());
    Ok(Node::CreateAggregate {
        name,
        arguments,
        or_replace,
        state,
        final_function,
    })
}

/// The value of one `NAME = value`.
fn setting<'a>(mut definition: Cursor<'a>, wanted: &str) -> Option<Cursor<'a>> {
    let settings = definition.list(|cursor| {
        let name = cursor.ident()?;
        let is_set = cursor.eat_token(&SqlToken::Eq);
        let value = cursor.until(&[]);
        Ok((is_set && name.value == wanted).then_some(value))
    });
    let value = settings.ok()?.into_iter().flatten().next()?;
    Some(definition.nested(value))
}

/// `BASETYPE = type` of the old syntax, where `'ANY'` means no argument.
fn base_type(definition: &mut Cursor<'_>) -> Parsed<Vec<TypeName>> {
    let settings = definition.list(|cursor| {
        let name = cursor.ident()?;
        if !cursor.eat_token(&SqlToken::Eq) {
            return Ok(None);
        }
        let value = cursor.until(&[]);
        let is_base = name.value == "basetype";
        Ok(is_base
            .then(|| type_name(&mut Cursor::new(cursor.text, value)).ok())
            .flatten())
    })?;
    definition.finish()?;
    let is_any = |ty: &TypeName| ty.name.last().value.eq_ignore_ascii_case("any");
    Ok(settings.into_iter().flatten().filter(|ty| !is_any(ty)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::node;
    use super::*;

    #[test]
    fn both_syntaxes_name_the_arguments() {
        for (sql, expected) in [
            ("CREATE AGGREGATE a (int) (sfunc = f, stype = int)", 1),
            (
                "create or replace aggregate s.a (x int, variadic y text[]) (sfunc = f, stype = int, initcond = '0')",
                2,
            ),
            (
                "create aggregate a (float8 order by anyelement) (sfunc = f, stype = internal, hypothetical)",
                2,
            ),
            ("create aggregate a (*) (sfunc = f, stype = int)", 0),
            (
                "create aggregate a (basetype = text, sfunc = f, stype = int, sortop = <)",
                1,
            ),
            ("create aggregate a (basetype = 'ANY', sfunc = f, stype = int)", 0),
        ] {
            assert!(
                matches!(node(sql), Node::CreateAggregate { arguments, .. } if arguments.len() == expected),
                "{sql}"
            );
        }
    }
}
