//! Which rows a file's statements destroy, as far as replay can tell. Pure.

use std::collections::{BTreeMap, BTreeSet};

use analysis::Document;
use analysis::history::History;
use analysis::schema::catalog::Catalog;
use analysis::schema::change::{Change, ColumnChange, Key, Write};
use analysis::schema::objects::{ConstraintKind, Id, Relation, TableKind, Type};
use analysis::schema::timeline::{Moment, Timeline};
use analysis::settings::Settings;
use analysis::sql::lexeme::{LexemeKind, lexemes};
use analysis::sql::statement::{Node, ReferentialAction, TriggerMode};
use analysis::text::Span;
use serde::Serialize;

/// What a file destroys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// What can be kept, in the order of the statements.
    pub kept: Vec<Loss>,
    /// What cannot, each with the reason.
    pub not_archivable: Vec<NotArchivable>,
}

/// Rows or values that a statement destroys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// First byte of the statement.
    pub at: u32,
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// What of it.
    #[serde(flatten)]
    pub what: Lost,
}

/// What of a table is lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "lost", content = "columns", rename_all = "lowercase")]
pub enum Lost {
    /// All of it.
    Table,
    /// Rows, or values in them.
    Rows,
    /// The values of these columns.
    Columns(Vec<String>),
}

/// A statement that destroys what nobody can name beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotArchivable {
    /// First byte of the statement.
    pub at: u32,
    /// Why.
    pub reason: String,
}

/// What file `number` of a replayed history destroys of what was there before it.
pub fn losses(
    timeline: &Timeline,
    number: usize,
    history: &History,
    documents: &[Document],
    settings: &Settings,
) -> Losses {
    let begin = timeline.before(number);
    let mut found = Found {
        begin,
        kept: BTreeMap::new(),
        refused: BTreeMap::new(),
    };
    timeline.steps(number, history, documents, settings, &mut |moment| found.step(moment));
    let kept = found.kept.into_iter().map(|((at, id, kind), columns)| Loss {
        at,
        schema: id.schema.to_string(),
        table: id.name.to_string(),
        what: match kind {
            Kind::Table => Lost::Table,
            Kind::Rows => Lost::Rows,
            Kind::Columns => Lost::Columns(columns.into_iter().collect()),
        },
    });
    let refused = found.refused.into_iter();
    Losses {
        kept: kept.collect(),
        not_archivable: refused.map(|(at, reason)| NotArchivable { at, reason }).collect(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Table,
    Rows,
    Columns,
}

struct Found<'a> {
    begin: &'a Catalog,
    kept: BTreeMap<(u32, Id, Kind), BTreeSet<String>>,
    refused: BTreeMap<u32, String>,
}

impl Found<'_> {
    fn step(&mut self, moment: &Moment<'_>) {
        let at = moment.step.outer.span.start;
        let is_hidden = moment.step.outer.span != moment.step.statement.span || !moment.step.conditions.is_empty();
        for change in &moment.step.changes {
            if is_hidden && self.destroys(change) {
                self.refuse(at, "a DO block destroys rows".into());
                continue;
            }
            self.change(at, change, moment.before);
        }
        let calls = matches!(moment.step.statement.node, Node::Do { .. } | Node::Call { .. });
        if calls
            && moment
                .step
                .changes
                .iter()
                .any(|change| matches!(change, Change::Taint(_)))
        {
            self.refuse(at, "what it does cannot be told beforehand".into());
        }
    }

    fn destroys(&self, change: &Change) -> bool {
        match change {
            Change::Drop(Key::Relation(id)) => self.is_old_table(id),
            Change::DropColumn { table, .. } => self.is_old_table(table),
            Change::AlterColumn { table, what, .. } => *what == ColumnChange::Type && self.is_old_table(table),
            Change::Write { table, what } => *what != Write::Insert && self.is_old_table(table),
            _ => false,
        }
    }

    fn change(&mut self, at: u32, change: &Change, before: &Catalog) {
        if !self.destroys(change) {
            return;
        }
        match change {
            Change::Drop(Key::Relation(id)) => self.keep(at, id, Kind::Table, None),
            Change::DropColumn { table, column } => self.keep(at, table, Kind::Columns, Some(column)),
            Change::AlterColumn { table, column, .. } => {
                let old = before
                    .table(table)
                    .and_then(|table| table.columns.iter().find(|old| old.name == column.name));
                if !old.is_some_and(|old| is_widening(&old.ty, &column.ty)) {
                    self.keep(at, table, Kind::Columns, Some(&column.name));
                }
            }
            Change::Write { table, what } => self.write(at, table, *what, before),
            _ => {}
        }
    }

    /// A write, with what its ON DELETE actions do to other tables.
    fn write(&mut self, at: u32, table: &Id, what: Write, before: &Catalog) {
        let mut open = vec![(table.clone(), what)];
        let mut seen = BTreeSet::new();
        while let Some((id, what)) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            self.keep(at, &id, Kind::Rows, None);
            self.look_for_hidden_writes(at, &id, what, before);
            for (other, _, table) in before.tables() {
                for constraint in &table.constraints {
                    let ConstraintKind::Foreign(key) = &constraint.kind else {
                        continue;
                    };
                    if key.table != id {
                        continue;
                    }
                    match (what, key.on_delete, key.on_update) {
                        (Write::Delete, ReferentialAction::Cascade, _) => open.push((other.clone(), Write::Delete)),
                        (Write::Delete, ReferentialAction::SetNull | ReferentialAction::SetDefault, _)
                        | (
                            Write::Update,
                            _,
                            ReferentialAction::Cascade | ReferentialAction::SetNull | ReferentialAction::SetDefault,
                        ) => open.push((other.clone(), Write::Update)),
                        _ => {}
                    }
                }
            }
        }
    }

    fn look_for_hidden_writes(&mut self, at: u32, id: &Id, what: Write, before: &Catalog) {
        let Some(table) = before.table(id) else { return };
        let event = match what {
            Write::Insert => "INSERT",
            Write::Update => "UPDATE",
            Write::Delete => "DELETE",
            Write::Truncate => "TRUNCATE",
        };
        if !table.rules.is_empty() {
            self.refuse(at, format!("a rule on `{id}` may write elsewhere"));
        }
        for trigger in &table.triggers {
            let fires = trigger.mode != TriggerMode::Disable && trigger.events.iter().any(|on| on == event);
            if !fires {
                continue;
            }
            let mut bodies = before
                .routines
                .iter()
                .filter(|(signature, _)| signature.id == trigger.function);
            let is_harmless = bodies
                .next()
                .and_then(|(_, routine)| routine.body.clone())
                .is_some_and(|body| !writes(&body));
            if !is_harmless {
                self.refuse(at, format!("trigger `{}` on `{id}` may write elsewhere", trigger.name));
            }
        }
    }

    fn keep(&mut self, at: u32, id: &Id, kind: Kind, column: Option<&str>) {
        let columns = self.kept.entry((at, id.clone(), kind)).or_default();
        columns.extend(column.map(str::to_owned));
    }

    fn refuse(&mut self, at: u32, reason: String) {
        self.refused.entry(at).or_insert(reason);
    }

    /// Whether the table held rows before the file: what the file itself makes is nobody's loss.
    fn is_old_table(&self, id: &Id) -> bool {
        let is_table = |relation: &Relation| relation.table().is_some_and(|table| table.kind != TableKind::Foreign);
        id.schema != "pg_temp" && self.begin.relations.get(id).is_some_and(|relation| is_table(relation))
    }
}

/// Whether a function's code may write to a table: it has one of the words for it, or runs what it puts together.
fn writes(body: &str) -> bool {
    const WORDS: [&str; 9] = [
        "insert", "update", "delete", "truncate", "merge", "execute", "perform", "call", "copy",
    ];
    lexemes(body).iter().any(|lexeme| {
        let is_word = matches!(lexeme.kind, LexemeKind::Keyword | LexemeKind::Word);
        is_word
            && WORDS
                .iter()
                .any(|word| lexeme.span.slice(body).eq_ignore_ascii_case(word))
    })
}

/// Whether every value of a type can be had back from the other one.
fn is_widening(from: &Type, to: &Type) -> bool {
    let size = |ty: &Type| match (ty.id.schema.as_str(), ty.id.name.as_str()) {
        ("pg_catalog", "smallint") => Some(1),
        ("pg_catalog", "integer") => Some(2),
        ("pg_catalog", "bigint") => Some(3),
        _ => None,
    };
    if from == to {
        return true;
    }
    if from.array || to.array {
        return false;
    }
    match (size(from), size(to)) {
        (Some(from), Some(to)) => from <= to,
        _ => from.id.name == "character varying" && to.id.name == "text",
    }
}

/// The losses of one statement.
pub fn of_statement(losses: &Losses, span: Span) -> impl Iterator<Item = &Loss> {
    losses.kept.iter().filter(move |loss| loss.at == span.start)
}

#[cfg(test)]
mod tests {
    use analysis::history::Migration;

    use super::*;

    /// What the last file destroys: `table: what`, and the reasons for what cannot be kept.
    fn found(files: &[&str]) -> (Vec<String>, Vec<String>) {
        let history = History {
            migrations: files
                .iter()
                .enumerate()
                .map(|(number, text)| Migration::new(&format!("{number}.sql"), text))
                .collect(),
            complete: true,
            ..History::default()
        };
        let documents: Vec<Document> = history.migrations.iter().map(analysis::read).collect();
        let settings = Settings::default();
        let timeline = Timeline::replay(&history, &documents, &settings);
        let losses = losses(&timeline, files.len() - 1, &history, &documents, &settings);
        let kept = losses.kept.iter();
        (
            kept.map(|loss| format!("{}.{}: {:?}", loss.schema, loss.table, loss.what))
                .collect(),
            losses.not_archivable.into_iter().map(|not| not.reason).collect(),
        )
    }

    const BEFORE: &str = "create table a (id int primary key, b text, c varchar(9), d bigint);
        create table child (id int primary key, a_id int references a on delete cascade);
        create table grandchild (id int primary key, child_id int references child on delete set null);
        create table apart (id int references a);";

    #[track_caller]
    fn keeps(sql: &str, expected: &[&str]) {
        let (kept, refused) = found(&[BEFORE, sql]);
        assert_eq!(kept, expected, "{sql}");
        assert!(refused.is_empty(), "{sql}: {refused:?}");
    }

    #[test]
    fn what_is_dropped_is_lost() {
        keeps("drop table apart;", &["public.apart: Table"]);
        keeps("alter table a drop b, drop c;", &["public.a: Columns([\"b\", \"c\"])"]);
        keeps(
            "drop table grandchild, apart;",
            &["public.apart: Table", "public.grandchild: Table"],
        );
    }

    #[test]
    fn a_narrower_type_loses_values_and_a_wider_one_none() {
        keeps("alter table a alter d type int;", &["public.a: Columns([\"d\"])"]);
        keeps("alter table a alter id type bigint, alter c type text;", &[]);
    }

    #[test]
    fn a_delete_takes_along_what_its_foreign_keys_say() {
        keeps(
            "delete from a;",
            &["public.a: Rows", "public.child: Rows", "public.grandchild: Rows"],
        );
        keeps("update a set b = 'x';", &["public.a: Rows"]);
        keeps("truncate grandchild;", &["public.grandchild: Rows"]);
    }

    #[test]
    fn what_only_adds_loses_nothing() {
        keeps(
            "insert into a values (1); create table e (); alter table a add f int; create index on a (b);",
            &[],
        );
        keeps(
            "create table e (id int); insert into e values (1); delete from e; drop table e;",
            &[],
        );
    }

    #[test]
    fn what_writes_out_of_sight_cannot_be_kept() {
        let (_, refused) = found(&[BEFORE, "do $$ begin delete from a; end $$;"]);
        assert_eq!(refused, ["a DO block destroys rows"]);
        let trigger = |body: &str| {
            let text = format!(
                "create function f() returns trigger language plpgsql as $$ begin {body} return new; end $$;
                 create trigger t before update on apart for each row execute function f();"
            );
            found(&[BEFORE, &text, "update apart set id = 2;"]).1
        };
        assert_eq!(trigger("new.id := 1;"), Vec::<String>::new());
        assert_eq!(
            trigger("insert into child values (1);"),
            ["trigger `t` on `public.apart` may write elsewhere"]
        );
    }
}
