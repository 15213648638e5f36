//! What each name of a file means: found by walking the statements beside the replay, so that every lookup sees the
//! catalog and the session of its moment.

pub(super) mod object;
mod query;
mod routine;
mod rows;
mod statement;
mod table;

use std::collections::BTreeSet;

use smol_str::SmolStr;

use self::query::Scope;
use super::place::history;
use super::{View, touches};
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Id, Origin, Type};
use crate::schema::session::Session;
use crate::schema::timeline::Moment;
use crate::sql::body::Condition;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Node, RoleName, Statement, TypeName};
use crate::text::Span;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symbol {
    /// An object of the catalog, under its name of that moment.
    Object(Key),
    /// Something that only the statement or the function around it knows; the span is where it is declared.
    Local(Local, Span),
    /// A type or function of PostgreSQL itself.
    BuiltIn(BuiltIn),
    /// Nothing that the catalog holds; what kind of thing the grammar wants there.
    Unknown(Unknown),
}

/// What kind of local name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Local {
    /// `FROM t AS a`, or a CTE.
    Table,
    /// An output column of a subquery or CTE.
    Column,
    /// A parameter or variable of a function.
    Parameter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BuiltIn {
    Type,
    Function,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unknown {
    Relation,
    Column,
    Role,
}

/// What a statement does to what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Leaves it as it is.
    Read,
    /// Changes it, or its rows.
    Write,
    /// Gives it its name: creates it, or renames it to this.
    Declare,
}

/// A name in a file and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// The name, quotes included; in a string constant that names a relation, without the string's quotes.
    pub(super) span: Span,
    pub(super) symbol: Symbol,
    pub(super) access: Access,
    /// The number of the step that it belongs to, counted over all moments of the file.
    pub(super) moment: u32,
    /// The first step that finds the object under this name: this one, or the next where this one gives the name.
    pub(super) seen_from: u32,
    /// Where the object was made; [`Origin::BASE`] also for what is no object.
    pub(super) created: Origin,
    /// Whether it is looked up when a function runs and not when it is made, so that the symbol is one of the end of
    /// the history.
    pub(super) late: bool,
    /// Whether it stands in SQL that is put together when it runs, so that the span covers more than the name.
    pub(super) dynamic: bool,
    /// Where the name of an output column comes from this name alone, the place behind its expression.
    pub(super) names_output: Option<u32>,
}

/// The catalogs around the statement that a mention stands in.
#[derive(Clone, Copy)]
pub(super) struct Scene<'s> {
    pub(super) before: &'s Catalog,
    pub(super) after: &'s Catalog,
    pub(super) session: &'s Session,
}

/// All mentions of a file, in text order.
pub(super) fn of_file(view: View<'_>, file: usize) -> Vec<Mention> {
    let mut all = Vec::new();
    collect(view, file, &|_| true, &mut |found, _| all.extend(found));
    all.sort_by(|a, b| (a.span, &a.symbol, a.access).cmp(&(b.span, &b.symbol, b.access)));
    all.dedup_by(|a, b| a.span == b.span && a.symbol == b.symbol);
    // Constant text that EXECUTE runs is read where it stands, too.
    let precise: BTreeSet<(Span, Symbol)> = all
        .iter()
        .filter(|mention| !mention.dynamic)
        .map(|mention| (mention.span, mention.symbol.clone()))
        .collect();
    all.retain(|mention| {
        let same = |(span, symbol): &(Span, Symbol)| mention.span.contains(*span) && *symbol == mention.symbol;
        !mention.dynamic || !precise.iter().any(same)
    });
    all
}

/// Replays a file and shows the mentions of every statement that `wanted` lets through by its span in the file, with
/// the catalogs around it.
pub(super) fn collect(
    view: View<'_>,
    file: usize,
    wanted: &dyn Fn(Span) -> bool,
    sink: &mut dyn FnMut(Vec<Mention>, Scene<'_>),
) {
    let text = view.text(file);
    let postgres = view.settings.postgres;
    let last = view.timeline.last();
    let mut seen: BTreeSet<Span> = BTreeSet::new();
    let mut number = 0;
    let mut open: Option<Open> = None;
    view.steps(file, &mut |moment| {
        let this = number;
        number += 1;
        let step = moment.step;
        if !wanted(step.outer.span) {
            return;
        }
        if open.as_ref().is_some_and(|open| open.outer != step.outer.span) {
            finish(view, file, open.take(), &seen, last, sink);
        }
        if let Node::Do { .. } = step.outer.node {
            match &mut open {
                Some(open) => open.after = moment.after.clone(),
                None => open = Some(Open::new(step.outer, this, moment)),
            }
        }
        let placed = step
            .conditions
            .iter()
            .any(|condition| matches!(condition, Condition::Dynamic(place) if *place == step.statement.span));
        if !placed && !seen.insert(step.statement.span) {
            return;
        }
        let scene = Scene {
            before: moment.before,
            after: moment.after,
            session: moment.session,
        };
        let mut walker = Walker::new(scene, last, postgres, text, this);
        walker.dynamic = placed;
        walker.statement(step.statement, &Scope::default());
        sink(walker.out, scene);
    });
    finish(view, file, open.take(), &seen, last, sink);
}

/// A DO block whose statements are being replayed.
struct Open {
    outer: Span,
    statement: Statement,
    moment: u32,
    before: Catalog,
    after: Catalog,
    session: Session,
}

impl Open {
    fn new(outer: &Statement, number: u32, moment: &Moment<'_>) -> Self {
        Self {
            outer: outer.span,
            statement: outer.clone(),
            moment: number,
            before: moment.before.clone(),
            after: moment.after.clone(),
            session: moment.session.clone(),
        }
    }
}

/// What a DO block holds besides the statements that ran: branches not taken, constant EXECUTE, expressions.
fn finish(
    view: View<'_>,
    file: usize,
    open: Option<Open>,
    seen: &BTreeSet<Span>,
    last: &Catalog,
    sink: &mut dyn FnMut(Vec<Mention>, Scene<'_>),
) {
    let Some(open) = open else { return };
    let Node::Do { language, body } = &open.statement.node else {
        return;
    };
    let scene = Scene {
        before: &open.before,
        after: &open.after,
        session: &open.session,
    };
    let text = view.text(file);
    let mut walker = Walker::new(scene, last, view.settings.postgres, text, open.moment);
    walker.body(&language.value, body, &Scope::default(), seen);
    sink(walker.out, scene);
}

/// The mention at an offset and the catalogs around it; the one that says most where several meet.
pub(super) struct Found {
    pub(super) file: usize,
    pub(super) mention: Mention,
    pub(super) before: Catalog,
    pub(super) after: Catalog,
}

/// What the name at a place means.
pub(super) fn at(view: View<'_>, file: usize, offset: u32) -> Option<Found> {
    let mut best: Option<Found> = None;
    let wanted = |span: Span| touches(span, offset);
    collect(view, file, &wanted, &mut |mentions, scene| {
        for mention in mentions {
            if touches(mention.span, offset)
                && best
                    .as_ref()
                    .is_none_or(|best| rank(&mention, offset) < rank(&best.mention, offset))
            {
                best = Some(Found {
                    file,
                    mention,
                    before: scene.before.clone(),
                    after: scene.after.clone(),
                });
            }
        }
    });
    best
}

/// Smaller is better: the name that begins at the cursor before the one that ends there, a precise place before a
/// dynamic one, what is known before what is not.
fn rank(mention: &Mention, offset: u32) -> (bool, bool, bool, u32) {
    let known = !matches!(mention.symbol, Symbol::Unknown(_));
    let ends_here = mention.span.end == offset;
    (
        mention.dynamic,
        ends_here,
        !known,
        mention.span.end - mention.span.start,
    )
}

/// Walks one statement.
struct Walker<'a> {
    text: &'a str,
    before: Lookup<'a>,
    after: Lookup<'a>,
    /// What a function body's names are looked up in where the moment does not know them.
    last: Lookup<'a>,
    moment: u32,
    late: bool,
    dynamic: bool,
    out: Vec<Mention>,
}

impl<'a> Walker<'a> {
    fn new(scene: Scene<'_>, last: &Catalog, postgres: u16, text: &'a str, moment: u32) -> Self {
        let lookup = |catalog: &Catalog| Lookup::new(catalog, scene.session, postgres, text);
        Self {
            text,
            before: lookup(scene.before),
            after: lookup(scene.after),
            last: lookup(last),
            moment,
            late: false,
            dynamic: false,
            out: Vec::new(),
        }
    }

    fn push(&mut self, span: Span, symbol: Symbol, access: Access) {
        if span.is_empty() {
            return;
        }
        let (mut seen_from, mut created) = (self.moment, Origin::BASE);
        if let Symbol::Object(key) = &symbol {
            let before = history(self.before.catalog(), key);
            if before.is_none() || access == Access::Declare {
                seen_from += 1;
            }
            let known = before.filter(|_| access != Access::Declare);
            let known = known.or_else(|| history(self.after.catalog(), key));
            created = known.map_or(Origin::BASE, |history| history.created);
        }
        self.out.push(Mention {
            span,
            symbol,
            access,
            moment: self.moment,
            seen_from,
            created,
            late: self.late,
            dynamic: self.dynamic,
            names_output: None,
        });
    }

    fn object(&mut self, span: Span, key: Key, access: Access) {
        self.push(span, Symbol::Object(key), access);
    }

    /// Asks the catalogs that the names of this place may mean, the likelier one first.
    fn find<T>(&self, find: impl Fn(&Lookup<'a>) -> Option<T>) -> Option<T> {
        if self.late {
            find(&self.last).or_else(|| find(&self.after))
        } else {
            find(&self.before).or_else(|| find(&self.after))
        }
    }

    fn schema(&mut self, ident: &Ident, access: Access) {
        self.object(ident.span, Key::Schema(ident.value.clone()), access);
    }

    /// The schema that a name is written with.
    fn qualifier(&mut self, name: &Name) {
        if let Some(schema) = name.qualifier() {
            self.schema(schema, Access::Read);
        }
    }

    fn relation(&mut self, name: &Name, access: Access) -> Option<Id> {
        let found = if access == Access::Declare {
            self.after.relation(name).or_else(|| self.before.relation(name))
        } else {
            self.find(|lookup| lookup.relation(name))
        };
        self.qualifier(name);
        match &found {
            Some(id) => self.object(name.last().span, Key::Relation(id.clone()), access),
            None => self.push(name.last().span, Symbol::Unknown(Unknown::Relation), access),
        }
        found
    }

    fn has_column(lookup: &Lookup<'_>, id: &Id, column: &str) -> bool {
        let table = lookup.catalog().table(id);
        if let Some(table) = table {
            return table.column(column).is_some() || !table.columns_known;
        }
        lookup
            .columns(id)
            .is_some_and(|columns| columns.iter().any(|known| known == column))
    }

    fn column(&mut self, relation: Option<&Id>, ident: &Ident, access: Access) {
        let known = relation.filter(|id| {
            self.find(|lookup| Self::has_column(lookup, id, &ident.value).then_some(()))
                .is_some()
        });
        match known {
            Some(id) => self.object(ident.span, Key::Column(id.clone(), ident.value.clone()), access),
            None => self.push(ident.span, Symbol::Unknown(Unknown::Column), access),
        }
    }

    fn columns(&mut self, relation: Option<&Id>, idents: &[Ident], access: Access) {
        for ident in idents {
            self.column(relation, ident, access);
        }
    }

    /// A type where one is used.
    fn ty(&mut self, ty: &TypeName) {
        let name = &ty.name;
        if ty.percent_type {
            if let Some((table, column)) = name.split_last() {
                let id = self.relation(&table, Access::Read);
                self.column(id.as_ref(), &column, Access::Read);
            }
            return;
        }
        let found = self.find(|lookup| lookup.ty(ty));
        match found {
            Some(Type { id, .. }) if id.schema == "pg_catalog" => {
                self.push(name.span(), Symbol::BuiltIn(BuiltIn::Type), Access::Read);
            }
            Some(Type { id, .. }) => {
                self.qualifier(name);
                let is_type = self.find(|lookup| lookup.catalog().types.contains_key(&id).then_some(()));
                let key = if is_type.is_some() {
                    Key::Type(id)
                } else {
                    Key::Relation(id)
                };
                self.object(name.last().span, key, Access::Read);
            }
            None => {
                self.qualifier(name);
                self.push(name.last().span, Symbol::BuiltIn(BuiltIn::Type), Access::Read);
            }
        }
    }

    fn role(&mut self, role: &RoleName) {
        if let RoleName::Named(ident) = role {
            self.role_named(ident, Access::Read);
        }
    }

    fn roles(&mut self, roles: &[RoleName]) {
        for role in roles {
            self.role(role);
        }
    }

    fn role_named(&mut self, ident: &Ident, access: Access) {
        let name: SmolStr = ident.value.clone();
        if self
            .find(|lookup| lookup.catalog().roles.contains_key(&name).then_some(()))
            .is_some()
        {
            self.object(ident.span, Key::Role(name), access);
        } else {
            self.push(ident.span, Symbol::Unknown(Unknown::Role), access);
        }
    }

    /// A function where it is called or named without its argument types.
    fn called(&mut self, name: &Name, arguments: usize, access: Access) {
        let found = self.find(|lookup| lookup.called(name, arguments));
        if let Some(signature) = found {
            self.qualifier(name);
            self.object(name.last().span, Key::Routine(signature), access);
        } else {
            if let Some(schema) = name.qualifier().filter(|schema| schema.value != "pg_catalog") {
                self.schema(schema, Access::Read);
            }
            self.push(name.last().span, Symbol::BuiltIn(BuiltIn::Function), access);
        }
    }
}
