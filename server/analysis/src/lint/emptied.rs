//! Which tables a file has emptied by the time a statement runs: there are no rows then that could be checked, converted
//! or written anew, so that what is dangerous elsewhere is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Cx;
use crate::schema::catalog::Catalog;
use crate::schema::change::{Change, Key, TableChange, Write};
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Id, Table, TableKind};
use crate::schema::resolve::walk;
use crate::schema::timeline::Moment;
use crate::sql::statement::{ExprNode, Node, PassedOver, QueryBody, Transaction};

/// How a table was emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptied {
    /// By DELETE without WHERE: the dead rows stay in place, are read and even indexed (an index takes as long as before),
    /// but neither converted nor written anew.
    Deleted,
    /// By TRUNCATE: there is nothing left to read either.
    Truncated,
}

/// The tables that a file has emptied and that nothing can have filled since.
pub(crate) type EmptyTables = BTreeMap<Id, Emptied>;

impl Cx<'_> {
    /// Whether the file has emptied the table before the step, so that no row can be converted, refused or written anew.
    pub fn is_emptied(&self, table: &Id) -> bool {
        self.work().emptied.contains_key(table)
    }

    /// Whether the file has truncated the table before the step, so that there is nothing to read and to index either.
    pub fn is_truncated(&self, table: &Id) -> bool {
        self.work().emptied.get(table) == Some(&Emptied::Truncated)
    }
}

/// Carries the set over a step.
pub(crate) fn follow(empty: &mut Arc<EmptyTables>, moment: &Moment<'_>, postgres: u16) {
    if !empty.is_empty() {
        leave_out_filled(Arc::make_mut(empty), moment, postgres);
    }
    let emptied = emptied_by(moment);
    if !emptied.is_empty() {
        Arc::make_mut(empty).extend(emptied);
    }
}

/// The tables that the step empties, for certain.
fn emptied_by(moment: &Moment<'_>) -> Vec<(Id, Emptied)> {
    let step = moment.step;
    let how = match &step.statement.node {
        Node::Truncate { tables, .. } if tables.iter().all(|table| !table.only) => Emptied::Truncated,
        Node::Delete(delete)
            if delete.filter.is_none() && delete.using.is_empty() && delete.ctes.is_empty() && !delete.table.only =>
        {
            Emptied::Deleted
        }
        _ => return Vec::new(),
    };
    let is_sure = step.certainty.is_certain() && step.conditions.is_empty() && step.problems.is_empty();
    let written = step.changes.iter().filter_map(|change| match change {
        Change::Write { table, .. } if is_sure => Some(table),
        _ => None,
    });
    let keeps_none = |id: &&Id| {
        let table = moment.before.table(id);
        table.is_some_and(|table| keeps_none(table, how))
    };
    written.filter(keeps_none).map(|id| (id.clone(), how)).collect()
}

/// Whether nothing about the table can spare a row, or put one back.
fn keeps_none(table: &Table, how: Emptied) -> bool {
    match how {
        Emptied::Truncated => !has_trigger(table, &["TRUNCATE"]),
        Emptied::Deleted => {
            let is_plain = table.kind == TableKind::Ordinary && table.columns_known && table.rules.is_empty();
            is_plain && !table.force_row_security && !has_trigger(table, &["DELETE"])
        }
    }
}

/// Forgets the tables that the step puts rows into, or may, and follows renames.
fn leave_out_filled(empty: &mut EmptyTables, moment: &Moment<'_>, postgres: u16) {
    if may_fill_any(moment, postgres) {
        empty.clear();
        return;
    }
    for change in &moment.step.changes {
        match change {
            Change::Write {
                table,
                what: Write::Insert | Write::Update,
            }
            | Change::Table {
                table,
                what: TableChange::Attach { .. },
            }
            | Change::Drop(Key::Relation(table)) => {
                empty.remove(table);
            }
            Change::Table {
                what: TableChange::Inherit(parent),
                ..
            } => {
                empty.remove(parent);
            }
            Change::Rename {
                from: Key::Relation(from),
                to: Key::Relation(to),
            } => {
                if let Some(how) = empty.remove(from) {
                    empty.insert(to.clone(), how);
                }
            }
            _ => {}
        }
    }
}

/// Whether the step may run code that writes to tables which it does not name, or undo what emptied them.
fn may_fill_any(moment: &Moment<'_>, postgres: u16) -> bool {
    let step = moment.step;
    let runs_unseen = match &step.statement.node {
        Node::Transaction(control) => matches!(
            control,
            Transaction::Rollback | Transaction::RollbackToSavepoint | Transaction::RollbackPrepared
        ),
        Node::Call { .. }
        | Node::Meta { .. }
        | Node::Passed(PassedOver::Execute)
        | Node::Explain { analyze: true, .. } => true,
        Node::Query(_)
        | Node::Insert(_)
        | Node::Update(_)
        | Node::Delete(_)
        | Node::Merge(_)
        | Node::CreateTableAs(_) => {
            let lookup = Lookup::new(moment.before, moment.session, postgres, "");
            let needed = lookup.dependencies(step.statement);
            let is_all_known = moment.before.complete || is_of_constants(&step.statement.node);
            needed.incomplete || !needed.functions.is_empty() || !is_all_known
        }
        _ => false,
    };
    let reaches_others = |change: &Change| match change {
        Change::Taint(_)
        | Change::Rename {
            from: Key::Schema(_), ..
        } => true,
        Change::Write { table, what } => !is_alone(moment.before, table, *what),
        _ => false,
    };
    runs_unseen || step.changes.iter().any(reaches_others)
}

/// Whether a statement deletes all rows, or inserts values that no function computes: where a history lacks its beginning,
/// nobody knows what others do.
fn is_of_constants(node: &Node) -> bool {
    if let Node::Delete(delete) = node {
        return delete.filter.is_none() && delete.using.is_empty() && delete.ctes.is_empty();
    }
    let Node::Insert(insert) = node else { return false };
    let Some(QueryBody::Values(rows)) = insert.source.as_ref().map(|source| &source.body) else {
        return false;
    };
    let mut is_plain = insert.ctes.is_empty();
    for value in rows.iter().flatten() {
        walk(value, &mut |part| {
            let computes = matches!(
                part.node,
                ExprNode::Call { .. }
                    | ExprNode::Subquery { .. }
                    | ExprNode::InSubquery { .. }
                    | ExprNode::Opaque { .. }
            );
            is_plain &= !computes;
        });
    }
    is_plain
}

/// Whether writing to the table changes no other one: no trigger, rule, partition or parent.
fn is_alone(catalog: &Catalog, id: &Id, what: Write) -> bool {
    // INSERT may do what ON CONFLICT says, MERGE everything.
    let events: &[&str] = match what {
        Write::Insert => &["INSERT", "UPDATE"],
        Write::Update => &["INSERT", "UPDATE", "DELETE"],
        Write::Delete => &["DELETE"],
        Write::Truncate => &["TRUNCATE"],
    };
    catalog.table(id).is_some_and(|table| {
        let has_relatives =
            table.kind == TableKind::Partitioned || table.partition_of.is_some() || !table.inherits.is_empty();
        !has_trigger(table, events) && table.rules.is_empty() && !has_relatives
    })
}

fn has_trigger(table: &Table, events: &[&str]) -> bool {
    let mut own = table.triggers.iter().flat_map(|trigger| &trigger.events);
    own.any(|own| events.iter().any(|event| own.eq_ignore_ascii_case(event)))
}

#[cfg(test)]
mod tests {
    use crate::lint::rule_named;
    use crate::lint::testing::Case;

    const BEFORE: &str = "
-- 1_first.sql
create function f() returns trigger language plpgsql as $$ begin insert into users values (1); return new; end $$;
create function fill() returns int language sql as $$ insert into users values (1) returning 1 $$;
create domain email as text check (value <> '');
create table teams (id bigint primary key);
create table users (id int not null, a int, b text, team bigint);
create table posts (id int not null, a int);
create table noisy (id int, a int);
create trigger t after insert or delete on noisy for each row execute function f();
alter table users add constraint a check (a > 0) not valid;
-- 2_second.sql
";

    fn case(rule: &str) -> Case {
        Case::new(rule_named(rule).expect("the rule is there"))
    }

    /// What rewrites every row, converts it, or fails on it.
    const ABOUT_VALUES: [(&str, &str); 9] = [
        ("add-column-constrained-domain", "alter table users add column c email;"),
        (
            "add-column-identity",
            "alter table users add column c int generated always as identity;",
        ),
        ("add-column-serial", "alter table users add column c serial;"),
        (
            "add-column-stored-generated",
            "alter table users add column c int generated always as (a) stored;",
        ),
        (
            "add-column-unique-constant-default",
            "alter table users add column c int default 1 unique;",
        ),
        (
            "add-column-volatile-default",
            "alter table users add column c uuid default gen_random_uuid();",
        ),
        ("add-required-column", "alter table users add column c int not null;"),
        (
            "change-column-type-rewrite",
            "alter table users alter column a type bigint;",
        ),
        (
            "narrowing-type-change",
            "alter table users alter column b type varchar(10);",
        ),
    ];

    /// What reads every row, or builds an index.
    const ABOUT_READING: [(&str, &str); 11] = [
        ("add-check-without-not-valid", "alter table users add check (id > 0);"),
        (
            "add-column-inline-check",
            "alter table users add column c int check (c > 0);",
        ),
        (
            "add-column-inline-fk",
            "alter table users add column c bigint default 1 references teams;",
        ),
        ("add-column-inline-unique", "alter table users add column c int unique;"),
        (
            "add-exclusion-constraint",
            "alter table users add exclude using btree (a with =);",
        ),
        ("add-primary-key", "alter table users add primary key (id);"),
        ("add-unique-constraint", "alter table users add unique (a);"),
        ("create-index-non-concurrent", "create index on users (a);"),
        ("reindex-non-concurrent", "reindex table users;"),
        ("set-not-null", "alter table users alter column b set not null;"),
        (
            "validate-in-same-transaction",
            "alter table users add column d int; alter table users validate constraint a;",
        ),
    ];

    #[track_caller]
    fn says(rule: &str, sql: &str) -> usize {
        let case = case(rule);
        case.findings(&case.history(&format!("{BEFORE}{sql}"))).len()
    }

    #[test]
    fn a_truncated_table_has_nothing_to_read_and_nothing_to_write_anew() {
        for (rule, sql) in ABOUT_VALUES.iter().chain(&ABOUT_READING) {
            assert_eq!(says(rule, sql), 1, "{rule}: {sql}");
            assert_eq!(
                says(rule, &format!("truncate users, posts;\n{sql}")),
                0,
                "{rule}: {sql}"
            );
            assert_eq!(says(rule, &format!("truncate posts;\n{sql}")), 1, "{rule}: {sql}");
        }
    }

    #[test]
    fn deleted_rows_are_read_and_indexed_but_not_written_anew() {
        for (rule, sql) in ABOUT_VALUES {
            assert_eq!(says(rule, &format!("delete from users;\n{sql}")), 0, "{rule}: {sql}");
        }
        for (rule, sql) in ABOUT_READING {
            assert_eq!(says(rule, &format!("delete from users;\n{sql}")), 1, "{rule}: {sql}");
        }
    }

    #[test]
    fn a_table_that_may_hold_rows_again_is_not_empty() {
        let (reads, writes) = (
            "create index on users (a);",
            "alter table users alter column a type bigint;",
        );
        for filled in [
            "insert into users values (1);",
            "insert into users select * from users;",
            "copy users from stdin;\n1\n\\.\n",
            "merge into users using posts on users.id = posts.id when not matched then insert values (1);",
            "with new as (insert into users values (1) returning id) select 1 from new;",
            "insert into noisy values (1);",
            "delete from noisy;",
            "select fill();",
            "call some_procedure();",
            "do $$ begin execute 'insert into users values (' || 1 || ')'; end $$;",
            "do $$ begin if true then insert into users values (1); end if; end $$;",
            "alter table users rename to others; alter table posts rename to users;",
            "create table child () inherits (posts); alter table child inherit users;",
        ] {
            for emptied in ["truncate users;", "delete from users;"] {
                assert_eq!(
                    says("change-column-type-rewrite", &format!("{emptied}\n{filled}\n{writes}")),
                    1,
                    "{filled}"
                );
            }
            assert_eq!(
                says(
                    "create-index-non-concurrent",
                    &format!("truncate users;\n{filled}\n{reads}")
                ),
                1,
                "{filled}"
            );
        }
        for undone in [
            "begin; truncate users; rollback;",
            "begin; savepoint a; truncate users; rollback to a;",
            "do $$ begin if random() > 0 then truncate users; end if; end $$;",
            "truncate only users;",
            "delete from users where id > 0;",
            "delete from users using posts;",
        ] {
            assert_eq!(
                says("change-column-type-rewrite", &format!("{undone}\n{writes}")),
                1,
                "{undone}"
            );
        }
    }

    #[test]
    fn a_table_that_nothing_filled_since_is_empty() {
        let writes = "alter table users alter column a type bigint;";
        for between in [
            "insert into posts values (1, 2);",
            "select setval('ids', 1);",
            "alter table users drop column b; create type mood as enum ('sad');",
            "delete from posts;",
        ] {
            assert_eq!(
                says(
                    "change-column-type-rewrite",
                    &format!("delete from users;\n{between}\n{writes}")
                ),
                0,
                "{between}"
            );
        }
        let renamed =
            "truncate users; alter table users rename to people; alter table people alter column a type bigint;";
        assert_eq!(says("change-column-type-rewrite", renamed), 0);
        // What the table itself does may spare rows, or bring them back.
        assert_eq!(
            says(
                "change-column-type-rewrite",
                "delete from noisy; alter table noisy alter a type bigint;"
            ),
            1
        );
        assert_eq!(
            says(
                "change-column-type-rewrite",
                "truncate noisy; alter table noisy alter a type bigint;"
            ),
            0
        );
    }

    #[test]
    fn a_history_without_its_beginning_may_know_no_function_that_fills() {
        let case = case("change-column-type-rewrite");
        let says = |between: &str| {
            let sql = format!("truncate users; {between} alter table users alter column a type bigint;");
            let mut history = case.history(&format!("{BEFORE}{sql}"));
            history.complete = false;
            case.findings(&history).len()
        };
        assert_eq!(says("insert into posts values (1, '2'::int), (3, null);"), 0);
        assert_eq!(says("delete from posts;"), 0);
        assert_eq!(says("delete from posts where unknown(id);"), 1);
        assert_eq!(says("insert into posts values (unknown(), 2);"), 1);
        assert_eq!(says("insert into posts values ((select unknown()), 2);"), 1);
        assert_eq!(says("select unknown();"), 1);
    }

    #[test]
    fn the_other_table_of_a_foreign_key_is_locked_all_the_same() {
        let adds = "alter table users add foreign key (team) references teams;";
        case("add-fk-without-not-valid").fires(&format!(
            "{BEFORE}truncate users;
{adds}
--                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: writes to `teams` wait under a SHARE ROW EXCLUSIVE lock until the transaction commits
"
        ));
        assert_eq!(
            says("add-fk-without-not-valid", &format!("delete from users;\n{adds}")),
            1
        );
    }

    #[test]
    fn work_on_an_empty_table_keeps_nobody_waiting() {
        let sql =
            |emptied: &str| format!("alter table teams add column a int;\n{emptied}\ncreate index on users (a);\n");
        assert_eq!(says("work-under-lock", &sql("")), 1);
        assert_eq!(says("work-under-lock", &sql("truncate users;")), 0);
        // The work behind it is still told of.
        let more = sql("truncate users;") + "create index on posts (a);";
        assert_eq!(says("work-under-lock", &more), 1);
    }
}
