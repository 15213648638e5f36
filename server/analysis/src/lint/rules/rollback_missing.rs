use std::collections::BTreeSet;

use crate::lint::prelude::*;
use crate::schema::change::{Key, Object, Taint};
use crate::schema::objects::{ConstraintKind, RelationKind, RoutineKind, Signature, TableKind, TypeKind, quote};
use crate::schema::timeline::Moment;
use crate::sql::statement::{ExprNode, Query, QueryBody, SelectItem};

rule! {
    /// The migration has no rollback script.
    ///
    /// ## When
    /// The convention is on and the file that would undo the migration, `<rollbacks>/<timestamp>_rollback.sql` unless the
    /// layout has its own place for it, does not exist. Migrations on hold need theirs, too.
    ///
    /// ## Why
    /// A rollback that is written during an outage is written wrong. Written with the migration, it can be proven on a
    /// throw-away server before anything is applied.
    ///
    /// ## Bad
    /// ```sql alone
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20251026211500_v0_7_0_users.sql
    /// create table users (id bigint primary key);
    /// -- rollback/20251026211500_rollback.sql
    /// drop table users;
    /// ```
    ///
    /// ## Fix
    /// Creates the rollback file. What was created is dropped, last step first; what has no certain inverse becomes a
    /// `-- TODO`, which is reported until somebody has answered it.
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "rollback-missing",
    category: Category::Convention,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    convention: true,
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let migration = cx.migration();
    let Some(path) = migration.rollback_path.as_ref().filter(|_| !migration.has_rollback) else {
        return;
    };
    report
        .add(
            cx.first_line(),
            format!("nothing undoes this migration: `{path}` does not exist"),
        )
        .help("Write the rollback now, and prove that it restores the schema.")
        .fix_with_file(FixKind::Review, "Create the rollback file", path, skeleton(cx));
}

/// A rollback file: what it undoes, then the inverse of each step, last step first.
fn skeleton(cx: &Cx<'_>) -> String {
    let mut blocks = Vec::new();
    let dropped = dropped_again(cx);
    cx.steps(&mut |moment| {
        let Some(lines) = inverse(cx, moment, &dropped) else {
            return;
        };
        let undone = one_line(cx.source(moment.step.statement.span));
        blocks.push((undone, lines));
    });
    let mut out = format!(
        "-- Rollback of {}\n-- Undoes, last step first:\n",
        cx.migration().file_name()
    );
    for (undone, _) in blocks.iter().rev() {
        out.extend(["--   ", undone, "\n"]);
    }
    out.push_str("-- TODO: read every line below; it was written from the migration's text and has never run.\n");
    for (undone, lines) in blocks.iter().rev() {
        out.extend(["\n-- Undoes: ", undone, "\n"]);
        for line in lines {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The first words of a statement, on one line.
fn one_line(statement: &str) -> String {
    let words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= 100 {
        return words;
    }
    words.chars().take(99).chain(['…']).collect()
}

/// What the migration creates and drops again: nothing is left of it to undo.
fn dropped_again(cx: &Cx<'_>) -> BTreeSet<Key> {
    let mut created = BTreeSet::new();
    let mut dropped = BTreeSet::new();
    cx.steps(&mut |moment| {
        for change in &moment.step.changes {
            match change {
                Change::Create(object) => {
                    dropped.remove(&object.key());
                    created.insert(object.key());
                }
                Change::Drop(key) if created.contains(key) => {
                    dropped.insert(key.clone());
                }
                _ => {}
            }
        }
    });
    dropped
}

/// The lines that undo a step; `None` where there is nothing to undo.
fn inverse(cx: &Cx<'_>, moment: &Moment<'_>, dropped: &BTreeSet<Key>) -> Option<Vec<String>> {
    let step = moment.step;
    if step.statement.span != step.outer.span || changes_nothing(&step.statement.node) {
        return None;
    }
    let text = cx.source(step.statement.span);
    if matches!(step.statement.node, Node::Do { .. }) {
        return Some(vec![todo("undo what this block did")]);
    }
    if step.changes.is_empty() {
        let guarded = text.to_ascii_lowercase();
        let found_as_wanted = guarded.contains("if not exists") || guarded.contains("if exists");
        return (!found_as_wanted).then(|| vec![todo("undo this by hand")]);
    }
    let mut undo = Undo {
        cx,
        moment,
        dropped,
        lines: Vec::new(),
    };
    for change in step.changes.iter().rev() {
        undo.change(change);
    }
    undo.lines.dedup();
    (!undo.lines.is_empty()).then_some(undo.lines)
}

fn changes_nothing(node: &Node) -> bool {
    match node {
        Node::Set(_)
        | Node::Reset { .. }
        | Node::SetConstraints { .. }
        | Node::SetTransaction { .. }
        | Node::Transaction(_)
        | Node::Analyze { .. }
        | Node::Vacuum { .. }
        | Node::Lock { .. }
        | Node::Reindex { .. }
        | Node::Cluster { .. }
        | Node::RefreshMaterializedView { .. }
        | Node::Explain { .. }
        | Node::Prepare { .. }
        | Node::Passed(_)
        | Node::Meta { .. } => true,
        Node::Query(query) => sets_only(query),
        _ => false,
    }
}

/// `SELECT set_config(…)`: `pg_dump` writes it for SET.
fn sets_only(query: &Query) -> bool {
    let QueryBody::Select(select) = &query.body else {
        return false;
    };
    select.from.is_empty()
        && select.items.iter().all(|item| match item {
            SelectItem::Expr { expr, .. } => {
                matches!(&expr.node, ExprNode::Call { name, .. } if name.last().value == "set_config")
            }
            SelectItem::Star(_) => false,
        })
}

fn todo(what: &str) -> String {
    format!("-- TODO: {what}")
}

struct Undo<'a, 'm> {
    cx: &'a Cx<'a>,
    moment: &'a Moment<'m>,
    dropped: &'a BTreeSet<Key>,
    lines: Vec<String>,
}

impl Undo<'_, '_> {
    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    fn todo(&mut self, what: &str) {
        self.say(todo(what));
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Create(object) => self.create(object),
            Change::AddColumn { table, column } if !self.is_new(table) => {
                self.say(format!(
                    "alter table {} drop column {};",
                    sql(table),
                    quote(&column.name)
                ));
            }
            Change::AddConstraint { table, constraint } if !self.is_new(table) => {
                let with_column = self.added_columns(table);
                let goes_along = constraint
                    .columns
                    .iter()
                    .any(|column| with_column.contains(&column.as_str()));
                if !goes_along && !matches!(constraint.kind, ConstraintKind::NotNull) {
                    let name = quote(&constraint.name);
                    self.say(format!("alter table {} drop constraint {name};", sql(table)));
                }
            }
            Change::PutTrigger { table, trigger } if !self.is_new(table) => {
                let before = self.moment.before.table(table);
                if before.is_some_and(|before| before.triggers.iter().any(|old| old.name == trigger.name)) {
                    return self.todo("bring back the trigger as it was");
                }
                self.say(format!("drop trigger {} on {};", quote(&trigger.name), sql(table)));
            }
            Change::PutPolicy { table, policy } if !self.is_new(table) => {
                let before = self.moment.before.table(table);
                if before.is_some_and(|before| before.policies.iter().any(|old| old.name == policy.name)) {
                    return self.todo("bring back the policy as it was");
                }
                self.say(format!("drop policy {} on {};", quote(&policy.name), sql(table)));
            }
            Change::Rename { from, to } => self.rename(from, to),
            Change::Drop(key) if self.is_made_here(key) => {}
            Change::Drop(_) => self.todo("create again what this drops, with its rows and privileges"),
            Change::Statistics { .. } => {}
            Change::Write { table, .. } if self.is_new(table) => {}
            Change::Write { .. } => self.todo("bring the rows back as they were"),
            Change::Table { table, .. }
            | Change::AlterColumn { table, .. }
            | Change::AlterConstraint { table, .. }
            | Change::PutRule { table, .. }
            | Change::DropColumn { table, .. }
            | Change::AddColumn { table, .. }
            | Change::AddConstraint { table, .. }
            | Change::PutTrigger { table, .. }
            | Change::PutPolicy { table, .. } => {
                if !self.is_new(table) {
                    self.todo("bring back what was there before");
                }
            }
            Change::Grant { object, .. } | Change::Revoke { object, .. } => {
                if !self.is_made_here(object) {
                    self.todo("give back the privileges of before");
                }
            }
            Change::Comment { object, .. } | Change::Owner { object, .. } => {
                if !self.is_made_here(object) {
                    self.todo("bring back what was there before");
                }
            }
            Change::Taint(Taint::Objects(_) | Taint::Everything) | Change::Alter(_) | Change::DefaultAcl { .. } => {
                self.todo("bring back what was there before");
            }
            Change::Taint(_) => self.todo("undo this by hand"),
        }
    }

    fn create(&mut self, object: &Object) {
        if self.dropped.contains(&object.key()) {
            return;
        }
        let node = &self.moment.step.statement.node;
        let if_absent = self.cx.source(self.moment.step.statement.span).to_ascii_lowercase();
        if if_absent.contains("if not exists") && self.moment.before.may_hold_more() {
            return self.todo("drop it, if it was not there before the migration");
        }
        match object {
            Object::Relation(id, relation) => match &relation.kind {
                RelationKind::Table(table) if table.kind == TableKind::Foreign => {
                    self.say(format!("drop foreign table {};", sql(id)));
                }
                RelationKind::Table(_) => self.say(format!("drop table {};", sql(id))),
                RelationKind::View(_) => self.say(format!("drop {} {};", relation.noun(), sql(id))),
                RelationKind::Sequence(_) if matches!(node, Node::CreateSequence(_)) => {
                    self.say(format!("drop sequence {};", sql(id)));
                }
                RelationKind::Index(index) => {
                    if let Node::CreateIndex(create) = node
                        && !self.is_new(&index.table)
                    {
                        let how = if create.concurrently { "concurrently " } else { "" };
                        self.say(format!("drop index {how}{};", sql(id)));
                    }
                }
                RelationKind::Sequence(_) | RelationKind::Composite => {}
            },
            Object::Routine(signature, routine) => {
                let kind = match routine.kind {
                    RoutineKind::Procedure => "procedure",
                    RoutineKind::Aggregate => "aggregate",
                    RoutineKind::Function | RoutineKind::Window => "function",
                };
                self.say(format!("drop {kind} {};", signature_sql(signature)));
            }
            Object::Type(id, ty) => {
                let kind = if matches!(ty.kind, TypeKind::Domain(_)) {
                    "domain"
                } else {
                    "type"
                };
                self.say(format!("drop {kind} {};", sql(id)));
            }
            Object::Schema(name, _) => self.say(format!("drop schema {};", quote(name))),
            Object::Role(name, _) => self.say(format!("drop role {};", quote(name))),
            Object::Publication(name, _) => self.say(format!("drop publication {};", quote(name))),
            Object::Extension(name, _) => {
                self.todo(&format!(
                    "drop extension {}, if nothing had it before the migration",
                    quote(name)
                ));
            }
            Object::Other(_, name, _) => self.todo(&format!("drop {name}")),
        }
    }

    fn rename(&mut self, from: &Key, to: &Key) {
        match (from, to) {
            (Key::Relation(from), Key::Relation(to)) if from.schema == to.schema => {
                let noun = self
                    .moment
                    .before
                    .relations
                    .get(from)
                    .map_or("table", |relation| relation.noun());
                self.say(format!("alter {noun} {} rename to {};", sql(to), quote(&from.name)));
            }
            (Key::Column(table, from), Key::Column(_, to)) => {
                self.say(format!(
                    "alter table {} rename column {} to {};",
                    sql(table),
                    quote(to),
                    quote(from)
                ));
            }
            _ => self.todo("rename it back"),
        }
    }

    /// Whether the migration itself made that table, so that dropping it undoes what was done to it.
    fn is_new(&self, table: &Id) -> bool {
        let after = self.moment.after.relations.get(table);
        let relation = after.or_else(|| self.moment.before.relations.get(table));
        relation.is_some_and(|relation| relation.meta.created.file as usize == self.cx.file)
    }

    fn is_made_here(&self, key: &Key) -> bool {
        let before = self.moment.before;
        let created = match key {
            Key::Relation(table)
            | Key::Column(table, _)
            | Key::Constraint(table, _)
            | Key::Trigger(table, _)
            | Key::Policy(table, _)
            | Key::Rule(table, _) => return self.is_new(table) || self.dropped.contains(key),
            Key::Schema(name) => before.schemas.get(name).map(|schema| schema.meta.created),
            Key::Routine(signature) => before.routines.get(signature).map(|routine| routine.meta.created),
            Key::Type(id) => before.types.get(id).map(|ty| ty.meta.created),
            _ => None,
        };
        created.is_some_and(|created| created.file as usize == self.cx.file)
    }

    fn added_columns(&self, of: &Id) -> Vec<&str> {
        let added = self.moment.step.changes.iter().filter_map(|change| match change {
            Change::AddColumn { table, column } if table == of => Some(column.name.as_str()),
            _ => None,
        });
        added.collect()
    }
}

fn sql(id: &Id) -> String {
    format!("{}.{}", quote(&id.schema), quote(&id.name))
}

fn signature_sql(signature: &Signature) -> String {
    let arguments: Vec<String> = signature.arguments.iter().map(ToString::to_string).collect();
    format!("{}({})", sql(&signature.id), arguments.join(", "))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    /// The statements and TODOs of the rollback that the fix creates for the last migration.
    #[track_caller]
    fn undone(sql: &str, wanted: &[&str]) {
        let case = Case::new(&RULE);
        let history = case.history(sql);
        let found = case.findings(&history);
        let created = &found.last().expect("a finding").fixes[0].creates[0];
        assert_eq!(created.path, "rollback/2_rollback.sql");
        let lines: Vec<&str> = created
            .text
            .lines()
            .skip_while(|line| !line.starts_with("-- TODO"))
            .skip(1)
            .collect();
        let kept = lines
            .into_iter()
            .filter(|line| !line.is_empty() && !line.starts_with("-- Undoes"));
        assert_eq!(kept.collect::<Vec<_>>(), wanted, "{}", created.text);
        assert!(crate::sql::parse(&created.text).errors.is_empty());
    }

    #[test]
    fn what_was_created_is_dropped_in_reverse_order() {
        undone(
            "
-- 1_users.sql
create table users (id bigint primary key);
-- 2_more.sql
create type mood as enum ('glad');
create table posts (id bigint generated always as identity primary key, mood mood unique);
create index posts_mood on posts (mood);
alter table users add column name text unique, add constraint id_positive check (id > 0);
create index users_name on users (name);
create view names as select name from users;
create function f(a int, variadic b text[]) returns trigger language plpgsql as $$ begin return new; end $$;
create trigger t before insert on users for each row execute function f();
create policy \"own rows\" on users using (true);
alter table posts enable row level security;
insert into posts (mood) values ('glad');
set lock_timeout = '2s';
",
            &[
                "drop policy \"own rows\" on public.users;",
                "drop trigger t on public.users;",
                "drop function public.f(integer, text[]);",
                "drop view public.names;",
                "drop index public.users_name;",
                "alter table public.users drop constraint id_positive;",
                "alter table public.users drop column name;",
                "drop table public.posts;",
                "drop type public.mood;",
            ],
        );
    }

    #[test]
    fn what_has_no_certain_inverse_is_a_todo() {
        undone(
            "
-- 1_users.sql
create table users (id bigint primary key, name text);
create function f() returns int language sql as $$ select 1 $$;
-- 2_more.sql
alter table users drop column name;
create or replace function f() returns int language sql as $$ select 2 $$;
update users set id = 1;
do $$ begin perform 1; end $$;
alter table users rename to people;
",
            &[
                "alter table public.people rename to users;",
                "-- TODO: undo what this block did",
                "-- TODO: bring the rows back as they were",
                "-- TODO: bring back what was there before",
                "-- TODO: bring back what was there before",
            ],
        );
    }

    #[test]
    fn what_is_dropped_again_needs_no_undoing() {
        undone(
            "
-- 1_users.sql
create table users (id bigint primary key);
-- 2_more.sql
create table draft (id bigint);
drop table draft;
create table if not exists users (id bigint);
",
            &[],
        );
    }

    #[test]
    fn a_rollback_file_answers_it() {
        Case::new(&RULE).silent("-- 1_a.sql\nselect 1;\n-- rollback/1_rollback.sql\nselect 1;");
    }

    #[test]
    fn every_migration_needs_one_also_on_hold() {
        Case::new(&RULE).fires(
            "
-- 1_a.sql
-- dblsp: hold (later)
-- @ warning: nothing undoes this migration: `rollback/1_rollback.sql` does not exist
select 1;
",
        );
    }
}
