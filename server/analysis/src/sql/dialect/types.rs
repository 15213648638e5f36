//! Type names in every spelling that the grammar knows, folded to the names that `format_type` prints.
//! <https://www.postgresql.org/docs/current/datatype.html>

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::name::{Ident, Name};
use super::super::statement::TypeName;
use crate::text::Span;

/// Reads a type: `[SETOF] name[(modifiers)] [array]`, `table.column%TYPE`.
pub(crate) fn type_name(c: &mut Cursor<'_>) -> Parsed<TypeName> {
    let start = c.span();
    let setof = c.at_word("SETOF") && c.peek_nth(1).is_some() && c.eat("SETOF");
    let mut ty = keyword_type(c).unwrap_or_else(|| named_type(c))?;
    ty.setof = setof;
    ty.dimensions = dimensions(c)?;
    ty.span = c.span_from(start);
    Ok(ty)
}

fn plain(name: Name) -> TypeName {
    TypeName {
        name,
        modifiers: Vec::new(),
        dimensions: 0,
        setof: false,
        percent_type: false,
        fields: None,
        span: Span::default(),
    }
}

fn builtin(name: &str, span: Span) -> TypeName {
    plain(Name::bare(Ident {
        value: name.into(),
        span,
    }))
}

/// The types that have grammar of their own; `None` where the next word is an ordinary name.
fn keyword_type(c: &mut Cursor<'_>) -> Option<Parsed<TypeName>> {
    let qualified = c.peek_nth(1).is_some_and(|token| token.token == SqlToken::Period);
    if qualified {
        return None;
    }
    if c.at_word("INTERVAL") {
        return Some(interval(c));
    }
    if c.at_any(&["TIME", "TIMESTAMP"]) {
        return Some(time(c));
    }
    if c.at_any(&["NATIONAL", "CHARACTER", "CHAR", "NCHAR", "BIT"]) {
        return Some(character(c));
    }
    if c.at_word("FLOAT") {
        return Some(float(c));
    }
    let start = c.span();
    if c.eat_all(&["DOUBLE", "PRECISION"]) {
        return Some(Ok(builtin("double precision", c.span_from(start))));
    }
    let word = match () {
        () if c.at_any(&["INT", "INTEGER"]) => "integer",
        () if c.at_any(&["DEC", "DECIMAL", "NUMERIC"]) => "numeric",
        () if c.at_word("VARCHAR") => "character varying",
        () => return None,
    };
    c.next();
    let mut ty = builtin(word, start);
    Some(modifiers(c).map(|modifiers| {
        ty.modifiers = modifiers;
        ty
    }))
}

fn interval(c: &mut Cursor<'_>) -> Parsed<TypeName> {
    const FIELDS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
    let start = c.span();
    c.expect("INTERVAL")?;
    let mut ty = builtin("interval", start);
    ty.modifiers = modifiers(c)?;
    if let Some(first) = c.eat_any(&FIELDS) {
        let mut fields = first.to_ascii_lowercase();
        if c.eat("TO") {
            let last = c.eat_any(&FIELDS).ok_or(Unreadable)?;
            fields = format!("{fields} to {}", last.to_ascii_lowercase());
        }
        ty.modifiers.extend(modifiers(c)?);
        ty.fields = Some(fields.into());
    }
    Ok(ty)
}

fn time(c: &mut Cursor<'_>) -> Parsed<TypeName> {
    let start = c.span();
    let stamp = c.eat("TIMESTAMP");
    if !stamp {
        c.expect("TIME")?;
    }
    let modifiers = modifiers(c)?;
    let zone = c.eat_all(&["WITH", "TIME", "ZONE"]);
    if !zone {
        c.eat_all(&["WITHOUT", "TIME", "ZONE"]);
    }
    let name = match (stamp, zone) {
        (true, true) => "timestamp with time zone",
        (true, false) => "timestamp without time zone",
        (false, true) => "time with time zone",
        (false, false) => "time without time zone",
    };
    let mut ty = builtin(name, c.span_from(start));
    ty.modifiers = modifiers;
    Ok(ty)
}

/// `CHARACTER`, `CHAR`, `NCHAR`, `BIT` and their `VARYING`; without `VARYING` and without a length, the length is 1.
fn character(c: &mut Cursor<'_>) -> Parsed<TypeName> {
    let start = c.span();
    c.eat("NATIONAL");
    let bit = c.eat("BIT");
    if !bit {
        c.eat_any(&["CHARACTER", "CHAR", "NCHAR"]).ok_or(Unreadable)?;
    }
    let varying = c.eat("VARYING");
    let name = match (bit, varying) {
        (true, true) => "bit varying",
        (true, false) => "bit",
        (false, true) => "character varying",
        (false, false) => "character",
    };
    let mut ty = builtin(name, c.span_from(start));
    ty.modifiers = modifiers(c)?;
    if !varying && ty.modifiers.is_empty() {
        ty.modifiers.push("1".into());
    }
    Ok(ty)
}

/// `FLOAT(p)` is `real` up to 24 binary digits.
fn float(c: &mut Cursor<'_>) -> Parsed<TypeName> {
    let start = c.span();
    c.expect("FLOAT")?;
    let precision = modifiers(c)?;
    let digits: Option<u32> = precision.first().and_then(|digits| digits.parse().ok());
    let name = match digits {
        Some(..=24) => "real",
        _ => "double precision",
    };
    Ok(builtin(name, start))
}

fn named_type(c: &mut Cursor<'_>) -> Parsed<TypeName> {
    let name = c.name()?;
    let mut ahead = *c;
    if ahead.eat_token(&SqlToken::Mod) {
        let percent_type = ahead.eat("TYPE");
        if percent_type || ahead.eat("ROWTYPE") {
            *c = ahead;
            let mut ty = plain(name);
            ty.percent_type = percent_type;
            return Ok(ty);
        }
    }
    let modifiers = modifiers(c)?;
    let mut ty = plain(internal(name, !modifiers.is_empty()));
    ty.modifiers = modifiers;
    Ok(ty)
}

/// Names of `pg_type` whose printed name is another one. They mean the same quoted and behind `pg_catalog.`.
fn internal(name: Name, has_modifiers: bool) -> Name {
    let in_catalog = match name.parts.as_slice() {
        [_] => true,
        [schema, _] => schema.value == "pg_catalog",
        _ => false,
    };
    if !in_catalog {
        return name;
    }
    let folded = match name.last().as_str() {
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "bool" => "boolean",
        "float4" => "real",
        "float8" => "double precision",
        "varchar" => "character varying",
        "varbit" => "bit varying",
        "bpchar" if has_modifiers => "character",
        "timestamptz" => "timestamp with time zone",
        "timestamp" => "timestamp without time zone",
        "timetz" => "time with time zone",
        "time" => "time without time zone",
        _ if name.parts.len() == 1 => return name,
        other => other,
    };
    let folded = SmolStr::new(folded);
    Name::bare(Ident {
        value: folded,
        span: name.span(),
    })
}

/// `(a, b)` as written, if a parenthesis is next.
fn modifiers(c: &mut Cursor<'_>) -> Parsed<Vec<SmolStr>> {
    if !c.at_token(&SqlToken::LParen) {
        return Ok(Vec::new());
    }
    c.paren_list(|c| {
        let tokens = c.until(&[]);
        if tokens.is_empty() {
            return Err(Unreadable);
        }
        Ok(c.source(tokens).into())
    })
}

fn dimensions(c: &mut Cursor<'_>) -> Parsed<u8> {
    if c.eat("ARRAY") {
        if c.at_token(&SqlToken::LBracket) {
            bracket(c)?;
        }
        return Ok(1);
    }
    let mut dimensions = 0_u8;
    while c.at_token(&SqlToken::LBracket) {
        bracket(c)?;
        dimensions = dimensions.saturating_add(1);
    }
    Ok(dimensions)
}

fn bracket(c: &mut Cursor<'_>) -> Parsed<()> {
    c.expect_token(&SqlToken::LBracket)?;
    if !c.at_token(&SqlToken::RBracket) {
        c.number()?;
    }
    c.expect_token(&SqlToken::RBracket)
}

#[cfg(test)]
mod tests {
    use super::super::super::tokens::tokenize;
    use super::*;

    /// The type as this module folds it, in one line.
    fn folded(text: &str) -> String {
        let tokens = tokenize(text);
        let mut c = Cursor::new(text, &tokens.tokens);
        let ty = type_name(&mut c).expect("a type");
        assert_eq!(ty.span.slice(text), text);
        c.finish().expect("all of it");
        let setof = if ty.setof { "setof " } else { "" };
        let fields = ty.fields.map(|fields| format!(" {fields}")).unwrap_or_default();
        let modifiers = if ty.modifiers.is_empty() {
            String::new()
        } else {
            format!("({})", ty.modifiers.join(","))
        };
        let array = "[]".repeat(ty.dimensions.into());
        let reference = if ty.percent_type { "%type" } else { "" };
        format!("{setof}{}{fields}{modifiers}{array}{reference}", ty.name)
    }

    #[test]
    fn spellings_fold_to_what_format_type_prints() {
        let cases = [
            ("INT", "integer"),
            ("pg_catalog.int4", "integer"),
            ("\"int8\"", "bigint"),
            ("int2", "smallint"),
            ("bool", "boolean"),
            ("float", "double precision"),
            ("float(24)", "real"),
            ("float(25)", "double precision"),
            ("float4", "real"),
            ("double precision", "double precision"),
            ("dec(10, 2)", "numeric(10,2)"),
            ("numeric(3,-2)", "numeric(3,-2)"),
            ("varchar(50)", "character varying(50)"),
            ("character varying", "character varying"),
            ("national character varying(3)", "character varying(3)"),
            ("char", "character(1)"),
            ("nchar(3)", "character(3)"),
            ("bpchar", "bpchar"),
            ("bpchar(3)", "character(3)"),
            ("\"char\"", "char"),
            ("pg_catalog.\"char\"", "char"),
            ("bit", "bit(1)"),
            ("bit varying(5)", "bit varying(5)"),
            ("varbit", "bit varying"),
            ("timestamptz", "timestamp with time zone"),
            ("timestamptz(3)", "timestamp with time zone(3)"),
            ("timestamp", "timestamp without time zone"),
            ("timestamp(3) with time zone", "timestamp with time zone(3)"),
            ("time without time zone", "time without time zone"),
            ("timetz", "time with time zone"),
            ("bigserial", "bigserial"),
            ("\"uuid\"", "uuid"),
            ("public.citext", "public.citext"),
            ("public.time", "public.time"),
        ];
        for (written, printed) in cases {
            assert_eq!(folded(written), printed, "{written}");
        }
    }

    #[test]
    fn arrays_modifiers_intervals_and_references() {
        let cases = [
            ("int[]", "integer[]"),
            ("text[3][]", "text[][]"),
            ("text ARRAY", "text[]"),
            ("text ARRAY[3]", "text[]"),
            ("setof varchar(3)[]", "setof character varying(3)[]"),
            ("vector(1536)", "vector(1536)"),
            ("extensions.geometry(Point, 4326)", "extensions.geometry(Point,4326)"),
            ("interval", "interval"),
            ("interval(3)", "interval(3)"),
            ("interval day to second(3)", "interval day to second(3)"),
            ("interval year", "interval year"),
            ("s.t.a%TYPE", "s.t.a%type"),
            ("t%rowtype", "t"),
        ];
        for (written, printed) in cases {
            assert_eq!(folded(written), printed, "{written}");
        }
    }
}
