//! Runs a `DO` block against the catalog: branches are taken as the catalog says, loops over constants and catalogs are
//! unrolled, and a block that fails is undone before its handler runs.
//!
//! What a branch or loop does whose condition nobody can tell is done all the same, but is no longer certain.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::{Frame, Replayer, dynamic_taint};
use crate::schema::change::Change;
use crate::schema::evaluate::{Evaluator, Value};
use crate::schema::objects::{Certainty, Origin, Routine, Signature};
use crate::schema::resolve::search_path;
use crate::schema::timeline::Moment;
use crate::sql::block::{self, Block, Branch, Leave, Piece, Source};
use crate::sql::body::Condition;
use crate::sql::name::Name;
use crate::sql::statement::{Body, Expr, ExprNode, FromItem, Node, QueryBody, SelectItem, Statement};
use crate::text::Span;

/// How a piece of a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// What follows runs.
    Next,
    /// RETURN, EXIT, CONTINUE.
    Leave(Leave),
    /// It raised an error.
    Failed,
}

/// More statements than these are not run one by one.
const MAX_STEPS: usize = 20_000;
const MAX_DEPTH: usize = 8;

/// The values of a body's variables.
pub(super) type Variables = BTreeMap<SmolStr, Value>;

/// Words that a body must hold to change the catalog.
const CHANGING: &[&str] = &["create ", "alter ", "drop ", "grant ", "revoke ", "comment on"];

/// A body that is running.
struct Run<'a> {
    frame: Frame<'a>,
    origin: Origin,
    /// The function's code, where the body is not in the file.
    code: Option<&'a str>,
    variables: Variables,
    /// Blocks with handlers around what runs.
    protected: usize,
    steps: usize,
}

impl Replayer<'_> {
    /// Runs a body; `false` where it cannot be walked.
    pub(super) fn run(
        &mut self,
        body: &Body,
        frame: &Frame<'_>,
        origin: Origin,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) -> bool {
        if frame.depth > MAX_DEPTH {
            return false;
        }
        let Some(block) = block::read(self.text, body) else {
            return false;
        };
        let mut run = Run {
            frame: frame.clone(),
            origin,
            code: None,
            variables: BTreeMap::new(),
            protected: 0,
            steps: 0,
        };
        self.block(&block, &mut run, visit);
        true
    }

    /// What the history's own functions do that a query calls. A body that changes no object is not looked at.
    pub(super) fn calls(
        &mut self,
        statement: &Statement,
        frame: &Frame<'_>,
        variables: &Variables,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) {
        let Node::Query(query) = &statement.node else { return };
        let QueryBody::Select(select) = &query.body else { return };
        let items = select.items.iter().filter_map(|item| match item {
            SelectItem::Expr { expr, .. } => Some(expr),
            SelectItem::Star(_) => None,
        });
        let sources = select.from.iter().flat_map(|item| match item {
            FromItem::Function { calls, .. } => calls.as_slice(),
            _ => &[],
        });
        for call in items.chain(sources) {
            if let ExprNode::Call { name, arguments, .. } = &call.node {
                self.call(statement, (name, arguments), frame, variables, visit);
            }
        }
    }

    fn call(
        &mut self,
        statement: &Statement,
        (name, arguments): (&Name, &[Expr]),
        frame: &Frame<'_>,
        variables: &Variables,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) {
        if frame.depth > MAX_DEPTH {
            return;
        }
        let evaluator = Evaluator {
            catalog: &self.catalog,
            session: &self.session,
            variables,
        };
        let Some(id) = evaluator.called(name) else { return };
        let fits = |(signature, routine): &(&Signature, &Arc<Routine>)| {
            let inputs = signature.arguments.len();
            inputs >= arguments.len() && inputs <= arguments.len() + routine.defaults
        };
        let found = self.catalog.overloads(&id).find(fits);
        let Some(routine) = found.map(|(_, routine)| Arc::clone(routine)) else {
            return;
        };
        let changes = |code: &Arc<str>| {
            let lower = code.to_ascii_lowercase();
            CHANGING.iter().any(|words| lower.contains(words))
        };
        let Some(code) = routine.body.clone().filter(changes) else {
            return;
        };
        let mut given = Variables::new();
        for (at, name) in routine.argument_names.iter().enumerate() {
            let value = arguments
                .get(at)
                .map_or(Value::Unknown, |argument| evaluator.value(argument));
            given.insert(format_smolstr!("${}", at + 1), value.clone());
            given.extend(name.clone().map(|name| (name, value)));
        }
        let path = routine.settings.get("search_path").cloned();
        let language = routine.language.clone();
        let outside = self.session.clone();
        if let Some(path) = path {
            self.session.search_path = search_path(&[path]);
        }
        let call = frame.call.unwrap_or(statement);
        let inner = Frame {
            call: Some(call),
            depth: frame.depth + 1,
            guarded: true,
            ..frame.clone()
        };
        if language.eq_ignore_ascii_case("plpgsql") {
            self.call_block(&code, call, &inner, given, visit);
        } else if language.eq_ignore_ascii_case("sql") {
            for statement in block::dynamic(&code).into_iter().flatten() {
                self.step(call, Some((&statement, &code)), &inner, visit);
            }
        }
        self.session = outside;
    }

    fn call_block(
        &mut self,
        code: &str,
        call: &Statement,
        frame: &Frame<'_>,
        variables: Variables,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) {
        let whole = Span::new(0, code.len());
        let body = Body {
            span: whole,
            inner: whole,
            unescaped: None,
        };
        let Some(block) = block::read(code, &body) else { return };
        let mut run = Run {
            frame: frame.clone(),
            origin: self.origin(call.span, frame.transaction),
            code: Some(code),
            variables,
            protected: 0,
            steps: 0,
        };
        self.block(&block, &mut run, visit);
    }

    fn evaluate<T>(&self, run: &Run<'_>, with: impl FnOnce(&Evaluator<'_>) -> T) -> T {
        with(&Evaluator {
            catalog: &self.catalog,
            session: &self.session,
            variables: &run.variables,
        })
    }

    fn block(&mut self, block: &Block, run: &mut Run<'_>, visit: &mut dyn FnMut(&Moment<'_>)) -> Flow {
        for (name, value) in &block.variables {
            let value = value
                .as_ref()
                .map_or(Value::Null, |value| self.evaluate(run, |e| e.value(value)));
            run.variables.insert(name.clone(), value);
        }
        let Some(handler) = block.handler else {
            return self.pieces(&block.body, run, visit);
        };
        let before = (self.catalog.clone(), self.session.clone());
        run.protected += 1;
        let flow = self.pieces(&block.body, run, visit);
        run.protected -= 1;
        if flow != Flow::Failed {
            return flow;
        }
        (self.catalog, self.session) = before;
        let Some(pieces) = block.handlers.first() else {
            return Flow::Next;
        };
        self.under(Condition::Exception(handler), run, |this, run| {
            this.pieces(pieces, run, visit)
        })
    }

    /// Runs something inside of a control structure.
    fn under(
        &mut self,
        condition: Condition,
        run: &mut Run<'_>,
        inside: impl FnOnce(&mut Self, &mut Run<'_>) -> Flow,
    ) -> Flow {
        let guarded = std::mem::replace(&mut run.frame.guarded, true);
        run.frame.conditions.push(condition);
        let flow = inside(self, run);
        run.frame.conditions.pop();
        run.frame.guarded = guarded;
        flow
    }

    /// The same where nobody knows whether it runs: what it makes is not certain, and how it ends decides nothing.
    fn perhaps(
        &mut self,
        condition: Condition,
        run: &mut Run<'_>,
        inside: impl FnOnce(&mut Self, &mut Run<'_>) -> Flow,
    ) {
        let certainty = std::mem::replace(&mut run.frame.certainty, Certainty::Maybe(run.origin));
        let before = run.variables.clone();
        let flow = self.under(condition, run, inside);
        for (name, value) in &mut run.variables {
            if before.get(name) != Some(value) {
                *value = Value::Unknown;
            }
        }
        // After `IF … THEN RETURN`, the rest may not run either.
        if !matches!(flow, Flow::Leave(_)) {
            run.frame.certainty = certainty;
        }
    }

    fn pieces(&mut self, pieces: &[Piece], run: &mut Run<'_>, visit: &mut dyn FnMut(&Moment<'_>)) -> Flow {
        for piece in pieces {
            let flow = self.piece(piece, run, visit);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn piece(&mut self, piece: &Piece, run: &mut Run<'_>, visit: &mut dyn FnMut(&Moment<'_>)) -> Flow {
        run.steps += 1;
        if run.steps > MAX_STEPS {
            return Flow::Leave(Leave::Body);
        }
        match piece {
            Piece::Block(block) => self.block(block, run, visit),
            Piece::If(branches) => self.branches(branches, run, visit),
            Piece::Loop {
                condition,
                targets,
                source,
                body,
            } => self.repeat(*condition, targets, source, body, run, visit),
            Piece::Sql { statement, targets } => {
                self.set_targets(statement, targets, run);
                self.one(statement, run, visit)
            }
            Piece::Execute { text, targets } => {
                for target in targets {
                    run.variables.insert(target.clone(), Value::Unknown);
                }
                self.execute(text, run, visit)
            }
            Piece::Assign { target, value } => {
                let value = self.evaluate(run, |e| e.value(value));
                run.variables.insert(target.clone(), value);
                Flow::Next
            }
            Piece::Fail => Flow::Failed,
            Piece::Leave { what, when } => {
                let leaves = when
                    .as_ref()
                    .map_or(Some(true), |when| self.evaluate(run, |e| e.holds(when)));
                match leaves {
                    Some(true) => Flow::Leave(*what),
                    Some(false) => Flow::Next,
                    None => {
                        run.frame.certainty = Certainty::Maybe(run.origin);
                        Flow::Next
                    }
                }
            }
        }
    }

    fn branches(&mut self, branches: &[Branch], run: &mut Run<'_>, visit: &mut dyn FnMut(&Moment<'_>)) -> Flow {
        let mut sure = true;
        for branch in branches {
            let holds = branch
                .test
                .as_ref()
                .map_or(Some(true), |test| self.evaluate(run, |e| e.holds(test)));
            match holds {
                Some(false) => {}
                Some(true) if sure => {
                    // An answer from a catalog that may lack something is no certain answer.
                    let taint = self.catalog.taints.everything.filter(|_| branch.test.is_some());
                    let certainty = run.frame.certainty;
                    if let Some(taint) = taint {
                        run.frame.certainty = certainty.and(Certainty::Maybe(taint));
                    }
                    let flow = self.under(branch.condition, run, |this, run| this.pieces(&branch.body, run, visit));
                    run.frame.certainty = certainty;
                    return flow;
                }
                Some(true) | None => {
                    sure = false;
                    self.perhaps(branch.condition, run, |this, run| this.pieces(&branch.body, run, visit));
                    if holds == Some(true) {
                        break;
                    }
                }
            }
        }
        Flow::Next
    }

    fn repeat(
        &mut self,
        condition: Condition,
        targets: &[SmolStr],
        source: &Source,
        body: &[Piece],
        run: &mut Run<'_>,
        visit: &mut dyn FnMut(&Moment<'_>),
    ) -> Flow {
        let Some(rounds) = self.rounds(targets, source, run) else {
            for target in targets {
                run.variables.insert(target.clone(), Value::Unknown);
            }
            self.perhaps(condition, run, |this, run| this.pieces(body, run, visit));
            return Flow::Next;
        };
        for round in rounds {
            run.variables.extend(round);
            let flow = self.under(condition, run, |this, run| this.pieces(body, run, visit));
            match flow {
                Flow::Next | Flow::Leave(Leave::Round) => {}
                Flow::Leave(Leave::Loop) => break,
                Flow::Leave(Leave::Body) | Flow::Failed => return flow,
            }
        }
        Flow::Next
    }

    /// What a loop's variables are in every round; `None` where nobody can tell.
    fn rounds(&self, targets: &[SmolStr], source: &Source, run: &Run<'_>) -> Option<Vec<Vec<(SmolStr, Value)>>> {
        let first = targets.first()?;
        match source {
            Source::Array(array) => {
                let Value::List(items) = self.evaluate(run, |e| e.value(array)) else {
                    return None;
                };
                let slices = targets.get(1).is_some_and(|word| word == "slice");
                let items = if slices { items } else { flat(items) };
                Some(items.into_iter().map(|item| vec![(first.clone(), item)]).collect())
            }
            Source::Query(query) => {
                let rows = self.evaluate(run, |e| e.rows(query, &Vec::new()))?;
                let round = |row: Vec<(SmolStr, Value)>| match targets {
                    [one] => vec![(one.clone(), Value::Record(row))],
                    several => {
                        let values = row.into_iter().map(|(_, value)| value);
                        several.iter().cloned().zip(values).collect()
                    }
                };
                Some(rows.into_iter().map(round).collect())
            }
            Source::Other => None,
        }
    }

    fn set_targets(&mut self, statement: &Statement, targets: &[SmolStr], run: &mut Run<'_>) {
        let rows = match &statement.node {
            Node::Query(query) => self.evaluate(run, |e| e.rows(query, &Vec::new())),
            _ => None,
        };
        let found = rows
            .as_ref()
            .map_or(Value::Unknown, |rows| Value::Bool(!rows.is_empty()));
        run.variables.insert("found".into(), found);
        let row = rows.map(|rows| rows.into_iter().next());
        match (targets, row) {
            ([], _) => {}
            ([one], Some(Some(row))) => {
                run.variables.insert(one.clone(), Value::Record(row));
            }
            (targets, Some(Some(row))) => {
                let values = row.into_iter().map(|(_, value)| value);
                run.variables.extend(targets.iter().cloned().zip(values));
            }
            (targets, Some(None)) => run
                .variables
                .extend(targets.iter().map(|target| (target.clone(), Value::Null))),
            (targets, None) => run
                .variables
                .extend(targets.iter().map(|target| (target.clone(), Value::Unknown))),
        }
    }

    /// One SQL statement of the body.
    fn one(&mut self, statement: &Statement, run: &mut Run<'_>, visit: &mut dyn FnMut(&Moment<'_>)) -> Flow {
        let frame = Frame {
            guarded: run.frame.guarded || run.protected > 0,
            ..run.frame.clone()
        };
        let before = (run.protected > 0).then(|| (self.catalog.clone(), self.session.clone()));
        let failed = match (run.code, frame.call) {
            (Some(code), Some(call)) => self.step(call, Some((statement, code)), &frame, visit),
            _ => self.step(statement, None, &frame, visit),
        };
        self.calls(statement, &frame, &run.variables, visit);
        match before {
            Some((catalog, session)) if failed && frame.certainty.is_certain() => {
                (self.catalog, self.session) = (catalog, session);
                Flow::Failed
            }
            _ => Flow::Next,
        }
    }

    /// EXECUTE: the statements of the text, where it can be told.
    fn execute(&mut self, text: &Expr, run: &mut Run<'_>, visit: &mut dyn FnMut(&Moment<'_>)) -> Flow {
        let code = self.evaluate(run, |e| {
            let value = e.value(text);
            if value == Value::Null { None } else { e.print(&value) }
        });
        let Some(code) = code else {
            self.opaque(text.span, run);
            return Flow::Next;
        };
        let Some(statements) = block::dynamic(&code) else {
            self.opaque(text.span, run);
            return Flow::Next;
        };
        let shown = match run.frame.call {
            Some(call) => vec![call.clone(); statements.len()],
            None => block::shown(self.text, &code, text.span),
        };
        run.frame.conditions.push(Condition::Dynamic(text.span));
        let mut flow = Flow::Next;
        for (statement, shown) in statements.iter().zip(&shown) {
            let frame = Frame {
                guarded: true,
                ..run.frame.clone()
            };
            let failed = self.step(shown, Some((statement, &code)), &frame, visit);
            if failed && run.protected > 0 && frame.certainty.is_certain() {
                flow = Flow::Failed;
                break;
            }
        }
        run.frame.conditions.pop();
        flow
    }

    fn opaque(&mut self, span: Span, run: &Run<'_>) {
        let text = run.code.unwrap_or(self.text);
        if let Some(taint) = dynamic_taint(span.slice(text)) {
            self.catalog.carry_out(Change::Taint(taint), run.origin);
        }
    }
}

fn flat(items: Vec<Value>) -> Vec<Value> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::List(inner) => out.extend(flat(inner)),
            other => out.push(other),
        }
    }
    out
}
