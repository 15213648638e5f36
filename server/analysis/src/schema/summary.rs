//! What a migration does, in the words of a change log: `CREATE: 30 tables, 3 views`.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::Catalog;
use super::change::{Change, Key, TableChange, Taint, Write};
use super::objects::{Id, RelationKind, RoutineKind, TypeKind, quote};
use super::presence::history;
use super::step::Step;
use super::timeline::Timeline;
use crate::Document;
use crate::history::History;
use crate::settings::Settings;

/// How many objects one line names; beyond that it counts them.
const NAMED: usize = 4;

/// What migration `number` does, a line per verb: `CREATE: 2 tables, 1 view`, `ADD: projects.shared_at`,
/// `INSERT: roles`. Objects that it makes and drops again are left out, and so is what a new table brings along.
pub fn of_migration(
    timeline: &Timeline,
    number: usize,
    history: &History,
    documents: &[Document],
    settings: &Settings,
) -> Vec<String> {
    let mut summary = Summary {
        before: timeline.before(number),
        after: timeline.before(number + 1),
        touched: BTreeSet::new(),
        privileges: BTreeSet::new(),
        comments: 0,
        renamed: Vec::new(),
        written: BTreeMap::new(),
        unread: 0,
    };
    timeline.steps(number, history, documents, settings, &mut |moment| {
        summary.take(moment.step);
    });
    summary.lines()
}

struct Summary<'a> {
    before: &'a Catalog,
    after: &'a Catalog,
    touched: BTreeSet<Key>,
    /// Objects on which privileges are granted or revoked.
    privileges: BTreeSet<Key>,
    comments: usize,
    renamed: Vec<(Key, Key)>,
    /// Tables by how their rows are written.
    written: BTreeMap<&'static str, BTreeSet<Id>>,
    /// Statements whose effect nobody can tell from their text.
    unread: usize,
}

impl Summary<'_> {
    fn take(&mut self, step: &Step<'_>) {
        for change in &step.changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change) {
        let key = match change {
            Change::Create(object) | Change::Alter(object) => object.key(),
            Change::Drop(key) | Change::Owner { object: key, .. } => key.clone(),
            Change::Rename { from, to } => {
                self.renamed.push((from.clone(), to.clone()));
                return;
            }
            Change::AddColumn { table, column } | Change::AlterColumn { table, column, .. } => {
                Key::Column(table.clone(), column.name.clone())
            }
            Change::DropColumn { table, column } => Key::Column(table.clone(), column.clone()),
            Change::AddConstraint { table, constraint } | Change::AlterConstraint { table, constraint } => {
                Key::Constraint(table.clone(), constraint.name.clone())
            }
            Change::PutTrigger { table, trigger } => Key::Trigger(table.clone(), trigger.name.clone()),
            Change::PutPolicy { table, policy } => Key::Policy(table.clone(), policy.name.clone()),
            Change::PutRule { table, rule } => Key::Rule(table.clone(), rule.clone()),
            Change::Table {
                what: TableChange::Attach { partition, .. },
                ..
            } => Key::Relation(partition.clone()),
            Change::Table {
                what: TableChange::Detach { partition },
                ..
            } => Key::Relation(partition.clone()),
            Change::Table { table, .. } => Key::Relation(table.clone()),
            Change::Grant { object, .. } | Change::Revoke { object, .. } => {
                self.privileges.insert(object.clone());
                return;
            }
            Change::DefaultAcl { key, .. } => {
                let schema = key.schema.clone().unwrap_or_else(|| "every schema".into());
                self.privileges.insert(Key::Schema(schema));
                return;
            }
            Change::Comment { object, .. } => {
                if !self.is_new(object) {
                    self.comments += 1;
                }
                return;
            }
            Change::Statistics { .. } => return,
            Change::Write { table, what } => {
                let verb = match what {
                    Write::Insert => "INSERT",
                    Write::Update => "UPDATE",
                    Write::Delete => "DELETE",
                    Write::Truncate => "TRUNCATE",
                };
                self.written.entry(verb).or_default().insert(table.clone());
                return;
            }
            Change::Taint(Taint::Objects(keys)) => {
                self.touched.extend(keys.iter().cloned());
                return;
            }
            Change::Taint(_) => {
                self.unread += 1;
                return;
            }
        };
        self.touched.insert(key);
    }

    fn was(&self, key: &Key) -> bool {
        history(self.before, key).is_some()
    }

    fn is(&self, key: &Key) -> bool {
        history(self.after, key).is_some()
    }

    fn is_new(&self, key: &Key) -> bool {
        !self.was(key) && self.is(key)
    }

    fn lines(&self) -> Vec<String> {
        let renamed: Vec<&(Key, Key)> = self
            .renamed
            .iter()
            .filter(|(from, to)| self.was(from) && self.is(to) && !self.is(from))
            .collect();
        let is_renamed = |key: &Key| renamed.iter().any(|(from, to)| from == key || to == key);
        let (mut created, mut added, mut altered, mut dropped) = (vec![], vec![], vec![], vec![]);
        for key in self.touched.iter().filter(|key| !is_renamed(key)) {
            let is_part = table_of(key).is_some();
            match (self.was(key), self.is(key)) {
                (false, true) if !is_part => created.extend(self.noun(key, self.after).map(|noun| (noun, key))),
                (false, true) => {
                    // What a new table brings along goes without saying, but for what guards it and what it runs.
                    let is_told = matches!(key, Key::Trigger(..) | Key::Policy(..) | Key::Rule(..));
                    let is_of_new = table_of(key).is_some_and(|table| self.is_new(&Key::Relation(table.clone())));
                    if is_told {
                        created.extend(self.noun(key, self.after).map(|noun| (noun, key)));
                    } else if !is_of_new {
                        added.push(key);
                    }
                }
                (true, true) => altered.push(key),
                (true, false) => {
                    let is_of_dropped = table_of(key).is_some_and(|table| !self.is(&Key::Relation(table.clone())));
                    if !is_of_dropped {
                        dropped.extend(self.noun(key, self.before).map(|noun| (noun, key)));
                    }
                }
                (false, false) => {}
            }
        }
        let mut lines = Vec::new();
        lines.extend(counted("CREATE", &created));
        lines.extend(listed("ADD", added.iter().map(|key| words(key))));
        lines.extend(listed("ALTER", altered.iter().map(|key| words(key))));
        let renames = renamed
            .iter()
            .map(|(from, to)| format!("{} to {}", words(from), words(to)));
        lines.extend(listed("RENAME", renames));
        lines.extend(counted("DROP", &dropped));
        lines.extend(listed("PRIVILEGES", self.privileges.iter().map(words)));
        if self.comments > 0 {
            lines.push(format!("COMMENT: {}", count(self.comments, "comment")));
        }
        for (verb, tables) in &self.written {
            lines.extend(listed(verb, tables.iter().map(shown)));
        }
        if self.unread > 0 {
            lines.push(format!(
                "ALSO: {} that only a run can tell",
                count(self.unread, "statement")
            ));
        }
        lines
    }

    /// What people call it; `None` for what comes and goes with something else.
    fn noun(&self, key: &Key, catalog: &Catalog) -> Option<&'static str> {
        Some(match key {
            Key::Schema(_) => "schema",
            Key::Relation(id) => {
                let relation = catalog.relations.get(id)?;
                match &relation.kind {
                    RelationKind::Index(index) if index.constraint.is_some() => return None,
                    RelationKind::Sequence(sequence) if sequence.owned_by.is_some() => return None,
                    _ => relation.noun(),
                }
            }
            Key::Routine(signature) => match catalog.routines.get(signature)?.kind {
                RoutineKind::Procedure => "procedure",
                RoutineKind::Aggregate => "aggregate",
                RoutineKind::Function | RoutineKind::Window => "function",
            },
            Key::Type(id) => match &catalog.types.get(id)?.kind {
                TypeKind::Enum(_) => "enum",
                TypeKind::Domain(_) => "domain",
                _ => "type",
            },
            Key::Trigger(..) => "trigger",
            Key::Policy(..) => "RLS policy",
            Key::Rule(..) => "rule",
            Key::Column(..) => "column",
            Key::Constraint(..) => "constraint",
            Key::Extension(_) => "extension",
            Key::Role(_) => "role",
            Key::Publication(_) => "publication",
            Key::Other(..) => "other object",
        })
    }
}

fn table_of(key: &Key) -> Option<&Id> {
    match key {
        Key::Column(table, _)
        | Key::Constraint(table, _)
        | Key::Trigger(table, _)
        | Key::Policy(table, _)
        | Key::Rule(table, _) => Some(table),
        _ => None,
    }
}

/// A table is told before what is on it, and all before what is rare.
const ORDER: [&str; 16] = [
    "schema",
    "extension",
    "role",
    "enum",
    "domain",
    "type",
    "table",
    "foreign table",
    "view",
    "materialized view",
    "RLS policy",
    "function",
    "procedure",
    "trigger",
    "index",
    "sequence",
];

fn counted(verb: &str, objects: &[(&'static str, &Key)]) -> Option<String> {
    if objects.is_empty() {
        return None;
    }
    let place = |noun: &str| ORDER.iter().position(|known| *known == noun).unwrap_or(ORDER.len());
    let mut kinds: BTreeMap<(usize, &str), Vec<String>> = BTreeMap::new();
    for (noun, key) in objects {
        kinds.entry((place(noun), noun)).or_default().push(words(key));
    }
    let are_few = objects.len() <= NAMED;
    let parts: Vec<String> = kinds
        .iter()
        .map(|((_, noun), names)| {
            if !are_few {
                return count(names.len(), noun);
            }
            let named: Vec<String> = names.iter().map(|name| format!("{noun} {name}")).collect();
            named.join(", ")
        })
        .collect();
    Some(format!("{verb}: {}", parts.join(", ")))
}

fn listed(verb: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return None;
    }
    let rest = names.len().saturating_sub(NAMED);
    let mut text = names[..names.len() - rest].join(", ");
    if rest > 0 {
        text.push_str(&format!(" and {rest} more"));
    }
    Some(format!("{verb}: {text}"))
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    let plural = match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with('x') => format!("{noun}es"),
        None => format!("{noun}s"),
    };
    format!("{number} {plural}")
}

/// Bare in `public`, as people say it.
fn shown(id: &Id) -> String {
    if id.schema == "public" {
        quote(&id.name)
    } else {
        format!("{}.{}", quote(&id.schema), quote(&id.name))
    }
}

fn words(key: &Key) -> String {
    match key {
        Key::Relation(id) | Key::Type(id) => shown(id),
        Key::Column(table, name) | Key::Constraint(table, name) => format!("{}.{}", shown(table), quote(name)),
        Key::Trigger(table, name) | Key::Policy(table, name) | Key::Rule(table, name) => {
            format!("{} on {}", quote(name), shown(table))
        }
        Key::Routine(signature) => format!("{}()", shown(&signature.id)),
        Key::Schema(name) | Key::Extension(name) | Key::Role(name) | Key::Publication(name) => quote(name),
        Key::Other(_, name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Migration;

    /// The summary of the last of these migrations.
    #[track_caller]
    fn says(texts: &[&str], wanted: &[&str]) {
        let named = texts.iter().enumerate();
        let history = History {
            migrations: named
                .map(|(number, text)| Migration::new(&format!("{number}.sql"), text))
                .collect(),
            complete: true,
            ..History::default()
        };
        let documents: Vec<Document> = history.migrations.iter().map(crate::read).collect();
        let settings = Settings::default();
        let timeline = Timeline::replay(&history, &documents, &settings);
        assert_eq!(
            of_migration(&timeline, texts.len() - 1, &history, &documents, &settings),
            wanted
        );
    }

    #[test]
    fn few_objects_are_named() {
        says(
            &["create table a (id int primary key, b serial unique); create index i on a (b);"],
            &["CREATE: table a, index i"],
        );
        says(
            &["create schema \"My\"; create table \"My\".t ();"],
            &["CREATE: schema \"My\", table \"My\".t"],
        );
    }

    #[test]
    fn many_objects_are_counted() {
        says(
            &[
                "create table a (id int); create table b (id int); create index on a (id); create index on b (id);
               create view v as select 1 as one;
               alter table a enable row level security;
               create policy p on a using (true); create policy q on a using (true);",
            ],
            &["CREATE: 2 tables, 1 view, 2 RLS policies, 2 indexes"],
        );
    }

    #[test]
    fn what_was_there_is_altered_dropped_or_renamed() {
        says(
            &[
                "create table a (id int, b int, c int); create table d (); create table e (x int);",
                "alter table a add f int, drop column b, alter c type bigint; drop table d; alter table e rename to g;
                 alter table g rename x to y; create table temporary (); drop table temporary;",
            ],
            &["ADD: a.f", "ALTER: a.c", "RENAME: e to g", "DROP: table d, column a.b"],
        );
    }

    #[test]
    fn rows_privileges_and_the_unknown_are_told() {
        says(
            &[
                "create table a (id int); create function f() returns int language sql as 'select 1';",
                "insert into a values (1); update a set id = 2; grant select on a to public; comment on table a is 'x';
                 create or replace function f() returns int language sql as 'select 2';
                 do $$ begin execute (select 'x'); end $$;",
            ],
            &[
                "ALTER: f()",
                "PRIVILEGES: a",
                "COMMENT: 1 comment",
                "INSERT: a",
                "UPDATE: a",
                "ALSO: 1 statement that only a run can tell",
            ],
        );
    }

    #[test]
    fn long_lists_are_cut() {
        says(
            &[
                "create table a (id int);",
                "alter table a add b int, add c int, add d int, add e int, add f int;",
            ],
            &["ADD: a.b, a.c, a.d, a.e and 1 more"],
        );
    }
}
