//! What each word of a file is, for colouring: also inside of bodies.

use std::collections::{BTreeMap, BTreeSet};

use super::View;
use super::folding::code_of;
use super::lineage::Lineage;
use super::mention::{self, Access, BuiltIn, Local, Mention, Symbol, Unknown};
use super::place::history;
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::objects::{Certainty, Origin, TypeKind};
use crate::sql::lexeme::{Lexeme, LexemeKind, lexemes, lexemes_in};
use crate::text::Span;

/// A word of a file and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SemanticToken {
    /// Where it stands; strings and comments may span lines.
    pub span: Span,
    /// What it is.
    pub kind: TokenKind,
    /// What is special about it.
    pub modifiers: Modifiers,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenKind {
    /// A word of the language.
    Keyword,
    /// A string constant.
    String,
    /// A number.
    Number,
    /// An operator.
    Operator,
    /// A comment.
    Comment,
    /// A schema.
    Schema,
    /// A table, view, sequence or index; an alias or common table expression.
    Table,
    /// A column.
    Column,
    /// A type that is no enum.
    Type,
    /// An enum.
    Enum,
    /// A function, procedure or aggregate.
    Function,
    /// A parameter or variable of a function, or a placeholder.
    Parameter,
    /// A role.
    Role,
    /// A policy.
    Policy,
    /// A trigger or rule.
    Trigger,
    /// A constraint.
    Constraint,
    /// Any other name.
    Name,
}

/// What is special about a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Modifiers {
    /// The object gets its name here.
    pub declaration: bool,
    /// The object, or its rows, are changed here.
    pub modification: bool,
    /// A later statement drops it.
    pub dropped: bool,
    /// It was there before the first migration.
    pub base: bool,
}

/// Whether objects that are not at the end of the history under their name were dropped.
type Dropped = BTreeMap<(Key, Origin), bool>;

/// The tokens of a file in text order; none overlap.
pub fn tokens(view: View<'_>, file: usize) -> Vec<SemanticToken> {
    let text = view.text(file);
    let mut names: BTreeMap<Span, Mention> = BTreeMap::new();
    for mention in mention::of_file(view, file) {
        if mention.dynamic {
            continue;
        }
        let better = names
            .get(&mention.span)
            .is_none_or(|known| matches!(known.symbol, Symbol::Unknown(_)));
        if better {
            names.insert(mention.span, mention);
        }
    }
    let mut dropped = Dropped::new();
    let mut out = Vec::new();
    for lexeme in with_bodies(view, file, text) {
        let inside = names.range(lexeme.span..).next();
        if let Some((span, mention)) = inside.filter(|(span, _)| lexeme.span == **span) {
            out.push(SemanticToken {
                span: *span,
                kind: kind_of(mention, view.timeline.last()),
                modifiers: modifiers(view, file, mention, &mut dropped),
            });
            continue;
        }
        // `double precision` is one name and two words; the name of a relation stands inside of a string.
        let around = names
            .range(..=lexeme.span)
            .next_back()
            .filter(|(span, _)| span.contains(lexeme.span));
        let kind = match around {
            Some((_, mention)) if lexeme.is_name() => Some(kind_of(mention, view.timeline.last())),
            _ => plain(lexeme.kind),
        };
        out.extend(kind.map(|kind| SemanticToken {
            span: lexeme.span,
            kind,
            modifiers: Modifiers::default(),
        }));
    }
    out.retain(|token| !token.span.is_empty());
    out
}

fn plain(kind: LexemeKind) -> Option<TokenKind> {
    Some(match kind {
        LexemeKind::Keyword => TokenKind::Keyword,
        LexemeKind::String | LexemeKind::DollarString => TokenKind::String,
        LexemeKind::Number => TokenKind::Number,
        LexemeKind::Operator => TokenKind::Operator,
        LexemeKind::Comment => TokenKind::Comment,
        LexemeKind::Parameter => TokenKind::Parameter,
        LexemeKind::Word | LexemeKind::Quoted => TokenKind::Name,
        _ => return None,
    })
}

/// The lexemes of a file, those of bodies in the place of the constants that hold them.
fn with_bodies(view: View<'_>, file: usize, text: &str) -> Vec<Lexeme> {
    let mut out = lexemes(text);
    let bodies: Vec<(Span, Span)> = view
        .statements(file)
        .iter()
        .filter_map(code_of)
        .filter(|(_, body)| body.unescaped.is_none())
        .map(|(_, body)| (body.span, body.inner))
        .collect();
    if bodies.is_empty() {
        return out;
    }
    let whole: BTreeSet<Span> = bodies.iter().map(|(span, _)| *span).collect();
    out.retain(|lexeme| !whole.contains(&lexeme.span));
    for (span, inner) in bodies {
        let delimiter = |start, end| Lexeme {
            kind: LexemeKind::String,
            span: Span { start, end },
        };
        out.push(delimiter(span.start, inner.start));
        out.push(delimiter(inner.end, span.end));
        out.extend(lexemes_in(text, inner));
    }
    out.sort_by_key(|lexeme| lexeme.span);
    out
}

fn kind_of(mention: &Mention, last: &Catalog) -> TokenKind {
    match &mention.symbol {
        Symbol::Object(key) => match key {
            Key::Schema(_) => TokenKind::Schema,
            Key::Relation(_) => TokenKind::Table,
            Key::Column(..) => TokenKind::Column,
            Key::Constraint(..) => TokenKind::Constraint,
            Key::Trigger(..) | Key::Rule(..) => TokenKind::Trigger,
            Key::Policy(..) => TokenKind::Policy,
            Key::Routine(_) => TokenKind::Function,
            Key::Type(id) => match last.types.get(id).map(|ty| &ty.kind) {
                Some(TypeKind::Enum(_)) => TokenKind::Enum,
                _ => TokenKind::Type,
            },
            Key::Role(_) => TokenKind::Role,
            Key::Extension(_) | Key::Publication(_) | Key::Other(..) => TokenKind::Name,
        },
        Symbol::Local(Local::Table, _) | Symbol::Unknown(Unknown::Relation) => TokenKind::Table,
        Symbol::Local(Local::Column, _) | Symbol::Unknown(Unknown::Column) => TokenKind::Column,
        Symbol::Local(Local::Parameter, _) => TokenKind::Parameter,
        Symbol::BuiltIn(BuiltIn::Type) => TokenKind::Type,
        Symbol::BuiltIn(BuiltIn::Function) => TokenKind::Function,
        Symbol::Unknown(Unknown::Role) => TokenKind::Role,
    }
}

fn modifiers(view: View<'_>, file: usize, mention: &Mention, dropped: &mut Dropped) -> Modifiers {
    let mut modifiers = Modifiers {
        declaration: mention.access == Access::Declare,
        modification: mention.access == Access::Write,
        ..Modifiers::default()
    };
    match &mention.symbol {
        Symbol::Object(key) => {
            let last = history(view.timeline.last(), key);
            modifiers.base =
                last.is_some_and(|history| history.created == Origin::BASE && history.certainty != Certainty::Assumed);
            let is_there = last.is_some_and(|history| history.created == mention.created);
            if !mention.late && !is_there && mention.created != Origin::BASE {
                // Dropped, or renamed.
                let known = dropped.entry((key.clone(), mention.created));
                modifiers.dropped = *known.or_insert_with(|| Lineage::of(view, file, mention, key).last.is_none());
            }
        }
        Symbol::BuiltIn(_) => modifiers.base = true,
        Symbol::Local(..) | Symbol::Unknown(_) => {}
    }
    modifiers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;

    /// The tokens of the file with the cursor: kind and text, and what is special about them.
    fn shown(sql: &str) -> Vec<String> {
        let case = Case::new(sql);
        let file = case.cursor().file;
        let text = case.text(file);
        let found = tokens(case.view(), file);
        for pair in found.windows(2) {
            assert!(pair[0].span.end <= pair[1].span.start, "{pair:?}");
        }
        found
            .iter()
            .map(|token| {
                let mut words = format!("{:?} {}", token.kind, token.span.slice(text));
                let special = [
                    (token.modifiers.declaration, "declaration"),
                    (token.modifiers.modification, "modification"),
                    (token.modifiers.dropped, "dropped"),
                    (token.modifiers.base, "base"),
                ];
                for (_, word) in special.iter().filter(|(is, _)| *is) {
                    words.push(' ');
                    words.push_str(word);
                }
                words
            })
            .collect()
    }

    #[test]
    fn names_are_what_the_history_says_they_are() {
        let found = shown(
            "-- 1_a.sql
create type mood as enum ('ok');
create table users (id int, m mood, old text, gone int);
-- 2_b.sql
select u.old, lower(m::text) as é from users u where gone = $1$0; -- end
-- 3_c.sql
alter table users rename old to new;
alter table users drop column gone;",
        );
        assert_eq!(
            found,
            [
                "Keyword select",
                "Table u",
                "Column old",
                "Function lower base",
                "Column m",
                "Operator ::",
                "Type text base",
                "Keyword as",
                "Column é declaration",
                "Keyword from",
                "Table users",
                "Table u declaration",
                "Keyword where",
                "Column gone dropped",
                "Operator =",
                "Parameter $1",
                "Comment -- end",
            ]
        );
    }

    #[test]
    fn bodies_are_read_too() {
        let found = shown(
            "create table t (a int);
create function f(x int) returns int language plpgsql as $b$
begin
  update t set a = x;
end $b$;$0",
        );
        let body: Vec<&str> = found
            .iter()
            .skip_while(|word| *word != "String $b$")
            .map(String::as_str)
            .collect();
        assert_eq!(
            body,
            [
                "String $b$",
                "Keyword begin",
                "Keyword update",
                "Table t modification",
                "Keyword set",
                "Column a modification",
                "Operator =",
                "Parameter x",
                "Keyword end",
                "String $b$",
            ]
        );
    }
}
