//! SQL inside DO blocks and function bodies.
use super::statement::{Body, Statement};
use crate::text::Span;
/// The control structure around a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// x
    If(Span),
    /// x
    Loop(Span),
    /// x
    Case(Span),
    /// x
    Exception(Span),
    /// x
    Dynamic(Span),
}
/// A statement in a body.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyStatement {
    /// x
    pub statement: Statement,
    /// x
    pub conditions: Vec<Condition>,
}
/// x
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BodySql {
    /// x
    pub statements: Vec<BodyStatement>,
    /// x
    pub dynamic: Vec<Span>,
    /// x
    pub readable: bool,
}
/// x
pub fn statements(_text: &str, _language: &str, _body: &Body) -> BodySql {
    BodySql::default()
}
