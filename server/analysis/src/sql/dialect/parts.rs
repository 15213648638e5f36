//! Pieces that many statements share: roles, `WITH (…)` lists, deferrability, persistence.

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable, body_of};
use super::super::statement::{Parameter, Persistence, RoleName};

/// A role, or one of the words that stand for one. `"public"` means PUBLIC also in quotes.
pub(crate) fn role(c: &mut Cursor<'_>) -> Parsed<RoleName> {
    let span = c.span();
    if c.eat("CURRENT_USER") || c.eat("CURRENT_ROLE") {
        return Ok(RoleName::CurrentUser(span));
    }
    if c.eat("SESSION_USER") {
        return Ok(RoleName::SessionUser(span));
    }
    let name = c.ident()?;
    Ok(if name.value == "public" {
        RoleName::Public(span)
    } else {
        RoleName::Named(name)
    })
}

/// `(name = value, name, toast.name = value)`
pub(crate) fn parameters(c: &mut Cursor<'_>) -> Parsed<Vec<Parameter>> {
    c.paren_list(|c| {
        let start = c.span();
        let name = c.name()?;
        let value = c.eat_token(&SqlToken::Eq).then(|| value(c)).transpose()?;
        Ok(Parameter {
            name: name.to_string().into(),
            value,
            span: c.span_from(start),
        })
    })
}

fn value(c: &mut Cursor<'_>) -> Parsed<SmolStr> {
    let tokens = c.until(&[]);
    match tokens {
        [] => Err(Unreadable),
        [one] => {
            Ok(body_of(one, c.text).map_or_else(|| one.span.slice(c.text).into(), |body| body.code(c.text).into()))
        }
        _ => Ok(c.source(tokens).into()),
    }
}

/// `WITH (…)`, `WITHOUT OIDS` or nothing.
pub(crate) fn with_parameters(c: &mut Cursor<'_>) -> Parsed<Vec<Parameter>> {
    if c.eat("WITH") {
        return parameters(c);
    }
    c.eat_all(&["WITHOUT", "OIDS"]);
    Ok(Vec::new())
}

/// `OPTIONS (name 'value', …)` of foreign objects, if next; dblsp keeps nothing of it.
pub(crate) fn generic_options(c: &mut Cursor<'_>) -> Parsed<bool> {
    if !(c.at_word("OPTIONS") && c.peek_nth(1).is_some_and(|next| next.token == SqlToken::LParen)) {
        return Ok(false);
    }
    c.next();
    c.parens()?;
    Ok(true)
}

/// `[GLOBAL | LOCAL] TEMPORARY`, `UNLOGGED` or nothing.
pub(crate) fn persistence(c: &mut Cursor<'_>) -> Persistence {
    let mut ahead = *c;
    ahead.eat_any(&["GLOBAL", "LOCAL"]);
    if ahead.eat_any(&["TEMP", "TEMPORARY"]).is_some() {
        *c = ahead;
        return Persistence::Temporary;
    }
    if c.eat("UNLOGGED") {
        return Persistence::Unlogged;
    }
    Persistence::Permanent
}

/// The attributes that may follow a constraint, in any order.
#[derive(Clone, Copy, Default)]
pub(crate) struct Attributes {
    pub(crate) deferrable: Option<bool>,
    pub(crate) initially_deferred: Option<bool>,
    pub(crate) enforced: Option<bool>,
    pub(crate) not_valid: bool,
    pub(crate) no_inherit: bool,
}

impl Attributes {
    /// Reads one attribute into `self`; false where none is next.
    pub(crate) fn eat(&mut self, c: &mut Cursor<'_>) -> bool {
        if c.eat("DEFERRABLE") {
            self.deferrable = Some(true);
        } else if c.eat_all(&["NOT", "DEFERRABLE"]) {
            self.deferrable = Some(false);
        } else if c.eat_all(&["INITIALLY", "DEFERRED"]) {
            self.initially_deferred = Some(true);
        } else if c.eat_all(&["INITIALLY", "IMMEDIATE"]) {
            self.initially_deferred = Some(false);
        } else if c.eat("ENFORCED") {
            self.enforced = Some(true);
        } else if c.eat_all(&["NOT", "ENFORCED"]) {
            self.enforced = Some(false);
        } else if c.eat_all(&["NOT", "VALID"]) {
            self.not_valid = true;
        } else if c.eat_all(&["NO", "INHERIT"]) {
            self.no_inherit = true;
        } else {
            return false;
        }
        true
    }

    /// Reads all attributes that are next.
    pub(crate) fn read(c: &mut Cursor<'_>) -> Self {
        let mut attributes = Self::default();
        while attributes.eat(c) {}
        attributes
    }
}
