//! Whether a query does more than read: the functions that it calls, and what stands in their bodies.

use crate::schema::catalog::Catalog;
use crate::schema::facts::builtin_volatility;
use crate::schema::objects::{Id, Routine};
use crate::schema::resolve::walk;
use crate::schema::session::Session;
use crate::sql::lexeme::{Lexeme, LexemeKind, lexemes};
use crate::sql::name::Name;
use crate::sql::statement::{Expr, ExprNode, FromItem, Node, Query, QueryBody, SelectItem};

/// Words with which a body changes rows, or runs what nobody reads here.
const CHANGING: &[&str] = &[
    "call", "copy", "delete", "do", "execute", "import", "insert", "merge", "reassign", "refresh", "security",
    "truncate", "update",
];

/// Words for whose sake replay goes through the body.
const FOLLOWED: &[&str] = &["alter", "comment", "create", "drop", "grant", "revoke"];

/// Words before a parenthesis that call nothing.
const GRAMMAR: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "between",
    "by",
    "case",
    "char",
    "character",
    "decimal",
    "else",
    "elsif",
    "except",
    "exists",
    "filter",
    "from",
    "having",
    "if",
    "ilike",
    "in",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lateral",
    "like",
    "limit",
    "not",
    "numeric",
    "offset",
    "on",
    "or",
    "over",
    "perform",
    "return",
    "row",
    "select",
    "some",
    "then",
    "time",
    "timestamp",
    "union",
    "using",
    "values",
    "varchar",
    "when",
    "where",
    "while",
    "with",
    "within",
];

/// Functions in each other, beyond which nobody looks.
const MAX_DEPTH: usize = 5;

/// What a statement's functions can be looked up in.
#[derive(Clone, Copy)]
pub(super) struct Calls<'c> {
    pub(super) catalog: &'c Catalog,
    pub(super) session: &'c Session,
    pub(super) postgres: u16,
}

/// What calling a function comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// It reads.
    Nothing,
    /// It moves a sequence.
    Position,
    /// It changes the schema, in steps of their own as far as replay can follow them.
    Followed,
    /// It may do anything that its body does.
    Anything,
}

impl<'c> Calls<'c> {
    /// The worst of what a query calls.
    pub(super) fn of_query(self, query: &Query) -> Effect {
        let mut worst = Effect::Nothing;
        each_call(query, &mut |name| worst = worst.max(self.of_name(name, 0)));
        worst
    }

    fn of_name(self, name: &Name, depth: usize) -> Effect {
        let schema = name.qualifier().map(|schema| schema.value.as_str());
        self.of_call(schema, name.last().value.as_str(), depth)
    }

    fn of_call(self, schema: Option<&str>, name: &str, depth: usize) -> Effect {
        if let Some(routines) = self.routines(schema, name) {
            let does = routines.into_iter().map(|routine| self.of_routine(routine, depth));
            return does.max().unwrap_or(Effect::Nothing);
        }
        let is_built_in = name == "set_config" || builtin_volatility(name, self.postgres).is_some();
        if matches!(name, "setval" | "nextval") {
            Effect::Position
        } else if is_built_in && !is_changing(name) {
            Effect::Nothing
        } else {
            Effect::Anything
        }
    }

    /// The history's own functions of that name, all that a call may mean; `None` where there are none.
    fn routines(self, schema: Option<&str>, name: &str) -> Option<Vec<&'c Routine>> {
        let of = |schema: &str| {
            let id = Id::new(schema, name);
            let found = self.catalog.overloads_of(&id).into_iter();
            let found: Vec<&'c Routine> = found.map(|(_, routine)| routine).collect();
            (!found.is_empty()).then_some(found)
        };
        match schema {
            Some(schema) => of(schema),
            None => self.session.search_path.iter().find_map(|schema| of(schema)),
        }
    }

    fn of_routine(self, routine: &Routine, depth: usize) -> Effect {
        let is_sql = ["sql", "plpgsql"]
            .iter()
            .any(|own| routine.language.eq_ignore_ascii_case(own));
        match &routine.body {
            Some(body) if is_sql && depth < MAX_DEPTH => self.of_body(body, depth + 1),
            _ => Effect::Anything,
        }
    }

    /// A body's words say all that it may do: no word can be left out, and a call is a name before a parenthesis.
    fn of_body(self, body: &str, depth: usize) -> Effect {
        let all: Vec<Lexeme> = lexemes(body)
            .into_iter()
            .filter(|lexeme| lexeme.kind != LexemeKind::Comment)
            .collect();
        let (mut worst, mut is_followed, mut is_changing) = (Effect::Nothing, false, false);
        for (at, lexeme) in all.iter().enumerate() {
            let Some(word) = word(body, *lexeme) else { continue };
            let is_bare = lexeme.kind != LexemeKind::Quoted;
            let before = at.checked_sub(1).and_then(|at| all.get(at));
            let is_part = before.is_some_and(|before| before.kind == LexemeKind::Period);
            if is_bare && !is_part {
                is_changing |= CHANGING.contains(&word.as_str());
                is_followed |= FOLLOWED.contains(&word.as_str());
            }
            let opens = all.get(at + 1).is_some_and(|next| next.kind == LexemeKind::Open);
            let names_columns = before.is_some_and(|before| before.is(body, "as"));
            if !opens || names_columns || (is_bare && !is_part && GRAMMAR.contains(&word.as_str())) {
                continue;
            }
            let schema = at
                .checked_sub(2)
                .filter(|_| is_part)
                .and_then(|at| self::word(body, all[at]));
            worst = worst.max(self.of_call(schema.as_deref(), &word, depth));
        }
        let own = match (is_followed, is_changing) {
            (true, _) => Effect::Followed,
            (false, true) => Effect::Anything,
            (false, false) => Effect::Nothing,
        };
        worst.max(own)
    }
}

/// Built-in functions that write: large objects, and whatever the query that they are given does.
fn is_changing(name: &str) -> bool {
    name.starts_with("lo_") || name == "lowrite" || name.starts_with("query_to_xml")
}

/// A name or a word of the language, as PostgreSQL folds it.
fn word(text: &str, lexeme: Lexeme) -> Option<String> {
    let written = lexeme.span.slice(text);
    match lexeme.kind {
        LexemeKind::Keyword | LexemeKind::Word => Some(written.to_lowercase()),
        LexemeKind::Quoted => Some(written.trim_matches('"').replace("\"\"", "\"")),
        _ => None,
    }
}

/// Every function that a query names, wherever it stands.
fn each_call(query: &Query, visit: &mut dyn FnMut(&Name)) {
    for cte in &query.ctes {
        if let Node::Query(inner) = &cte.statement.node {
            each_call(inner, visit);
        }
    }
    match &query.body {
        QueryBody::Select(select) => {
            for item in &select.items {
                if let SelectItem::Expr { expr, .. } = item {
                    in_expression(expr, visit);
                }
            }
            select.from.iter().for_each(|item| in_source(item, visit));
            let rest = select.filter.iter().chain(&select.rest);
            rest.for_each(|expr| in_expression(expr, visit));
        }
        QueryBody::Set(left, right) => {
            each_call(left, visit);
            each_call(right, visit);
        }
        QueryBody::Values(rows) => rows.iter().flatten().for_each(|expr| in_expression(expr, visit)),
        QueryBody::Nested(inner) => each_call(inner, visit),
        QueryBody::Opaque { calls, .. } => calls.iter().for_each(visit),
        QueryBody::Table(_) => {}
    }
}

fn in_source(item: &FromItem, visit: &mut dyn FnMut(&Name)) {
    match item {
        FromItem::Relation { .. } => {}
        FromItem::Function { calls, .. } => calls.iter().for_each(|call| in_expression(call, visit)),
        FromItem::Subquery { query, .. } => each_call(query, visit),
        FromItem::Join { left, right, on, .. } => {
            in_source(left, visit);
            in_source(right, visit);
            on.iter().for_each(|expr| in_expression(expr, visit));
        }
    }
}

fn in_expression(expr: &Expr, visit: &mut dyn FnMut(&Name)) {
    walk(expr, &mut |part| {
        match &part.node {
            ExprNode::Call { name, .. } => visit(name),
            ExprNode::Opaque { calls, .. } => calls.iter().for_each(&mut *visit),
            _ => {}
        }
        if let Some(query) = part.query() {
            each_call(query, visit);
        }
    });
}
