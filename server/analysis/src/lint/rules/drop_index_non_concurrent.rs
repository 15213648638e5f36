use crate::lint::context::shown;
use crate::lint::prelude::*;
use crate::schema::change::Key;
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Index, TableKind};
use crate::sql::name::Name;
use crate::sql::statement::{DropObjects, ObjectKind, ObjectRef};

rule! {
    /// Dropping an index makes reads and writes of its table queue behind running queries.
    ///
    /// ## When
    /// `DROP INDEX` without `CONCURRENTLY`, of an index on a table that other sessions may be using. Indexes of
    /// materialized views are exempt, as are indexes that were made in the same transaction, and tables that an earlier
    /// statement of the transaction has locked against reads and writes: the drop adds nothing to that. So is an index
    /// whose column or table the same transaction drops right behind, under the same lock.
    ///
    /// ## Why
    /// PostgreSQL takes an ACCESS EXCLUSIVE lock on the table. The drop itself is quick, but it waits for every query on
    /// the table that runs, and all later ones queue behind it. `CONCURRENTLY` waits without keeping anybody out; it
    /// cannot run inside a transaction.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// create index users_email_idx on users (email);
    /// -- 2_drop.sql
    /// drop index users_email_idx;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// create index users_email_idx on users (email);
    /// -- 2_drop.sql
    /// drop index concurrently users_email_idx;
    /// ```
    ///
    /// ## Fix
    /// Inserts `CONCURRENTLY` where that can run: where statements commit on their own, under the Supabase CLI, which takes
    /// it out of the file's transaction, and in a file of sqlx that holds nothing else, which gets the line `--
    /// no-transaction`. Elsewhere the statement belongs into a migration of its own that runs in no transaction.
    ///
    /// ## References
    /// - [DROP INDEX](https://www.postgresql.org/docs/current/sql-dropindex.html)
    "drop-index-non-concurrent",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Drop(drop) = &cx.step().statement.node else {
        return;
    };
    if drop.concurrently {
        return;
    }
    for object in drop.objects.iter().filter(|object| object.kind == ObjectKind::Index) {
        let dropped = cx.step().changes.iter().find_map(|change| match change {
            Change::Drop(Key::Relation(id)) if id.name == object.name.last().value => {
                cx.before().index(id).map(|index| (id, index))
            }
            _ => None,
        });
        let Some((id, index)) = dropped else { continue };
        let is_new = cx
            .before()
            .relations
            .get(id)
            .is_some_and(|relation| cx.is_unseen(relation.meta.created));
        let Some(busy) = cx.busy(&index.table).filter(|_| !is_new) else {
            continue;
        };
        // Everybody waits already, and dropping the index takes no time.
        let held = cx.work().held.get(&index.table);
        if held.is_some_and(|(mode, _)| mode.blocks_reads()) || goes_anyway(cx, index) {
            continue;
        }
        let message = format!(
            "dropping `{}` makes reads and writes of `{}` wait under an ACCESS EXCLUSIVE lock",
            shown(id),
            busy.shown()
        );
        let finding = report.add(object.name.span(), message);
        if busy.table.kind == TableKind::Partitioned {
            finding.help("Set a lock_timeout: a partitioned index cannot be dropped concurrently.");
            continue;
        }
        finding.help(format!("Drop it `concurrently`{}.", cx.apart()));
        let edit = keyword_end(cx, drop, object).map(|at| insert(at, format!(" {}", cx.cased("concurrently"))));
        if let Some(edits) = edit.and_then(|edit| cx.concurrently(edit)) {
            finding.fix(FixKind::Review, "Drop it concurrently", edits);
        }
    }
}

/// Whether the transaction goes straight on to drop a column of the index, or its table: that takes the same lock, and the
/// index with it.
fn goes_anyway(cx: &Cx<'_>, index: &Index) -> bool {
    if cx.commits_alone() {
        return false;
    }
    let lookup = Lookup::new(cx.before(), cx.session(), cx.settings.postgres, cx.text());
    let is_table = |name: &Name| lookup.relation(name).as_ref() == Some(&index.table);
    let rest = &cx.document().file.statements[cx.step().number + 1..];
    for statement in rest {
        match &statement.node {
            Node::AlterTable(alter) if alter.actions.iter().all(|action| is_quick(&action.kind)) => {
                if is_table(&alter.name) && alter.actions.iter().any(|action| drops_column_of(&action.kind, index)) {
                    return true;
                }
            }
            Node::Drop(drop) if !drop.concurrently => {
                let mut tables = drop.objects.iter().filter(|object| object.kind == ObjectKind::Table);
                if tables.any(|table| is_table(&table.name)) {
                    return true;
                }
            }
            Node::Comment { .. } => {}
            _ => return false,
        }
    }
    false
}

/// Whether an action changes the catalog alone.
fn is_quick(action: &AlterActionKind) -> bool {
    matches!(
        action,
        AlterActionKind::DropColumn { .. }
            | AlterActionKind::DropConstraint { .. }
            | AlterActionKind::DropNotNull { .. }
    )
}

fn drops_column_of(action: &AlterActionKind, index: &Index) -> bool {
    let AlterActionKind::DropColumn { column, .. } = action else {
        return false;
    };
    let keys = index.keys.iter().filter_map(|key| key.column.as_ref());
    keys.chain(&index.include).any(|own| *own == column.value)
}

/// Where `CONCURRENTLY` goes: behind `DROP INDEX`. It takes one name and no CASCADE.
fn keyword_end(cx: &Cx<'_>, drop: &DropObjects, object: &ObjectRef) -> Option<u32> {
    if !cx.is_editable() || drop.cascade || drop.objects.len() != 1 {
        return None;
    }
    let start = cx.step().statement.span.start;
    let head = Span {
        start,
        end: object.name.span().start,
    };
    let head = cx.source(head);
    let rest = head.get(4..)?;
    let index = rest.trim_start();
    let word = index.get(..5)?;
    let end = head.len() - index.len() + 5;
    word.eq_ignore_ascii_case("index")
        .then(|| start + u32::try_from(end).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn everybody_waits_unless_it_is_concurrent() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int);
create index ua on users (a);
create index ub on users (b);
create index uc on users (b, a);
create materialized view v as select a from users;
create index va on v (a);
-- 2_second.sql
drop index if exists ua, missing;
--                   ^^ warning: dropping `ua` makes reads and writes of `users` wait under an ACCESS EXCLUSIVE lock
drop index concurrently uc;
drop index va;
create index uc on users (a);
drop index uc;
create table posts (a int);
create index pa on posts (a);
drop index pa;
-- 3_third.sql
drop index public.ub cascade;
--         ^^^^^^^^^ warning: dropping `ub` makes
",
        );
    }

    #[test]
    fn a_table_that_is_locked_already_is_kept_no_longer() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int);
create table posts (id bigint primary key, a int);
create index ua on users (a);
create index ub on users (b);
create index pa on posts (a);
-- 2_second.sql
alter table users drop column b;
drop index ua;
create trigger t before insert on posts for each row execute function f();
drop index pa;
--         ^^ warning: dropping `pa` makes reads and writes of `posts` wait
",
        );
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int, b int);
create index ua on users (a);
-- 2_second.sql
alter table users drop column b;
drop index ua;
--         ^^ warning: dropping `ua` makes
",
        );
    }

    #[test]
    fn an_index_that_goes_with_its_column_adds_nothing() {
        let sql = "
-- 1_first.sql
create table users (id bigint primary key, a int, b int, c int);
create table posts (id bigint primary key, a int);
create index ua on users (a);
create index uab on users (a, b);
create index uc on users (c);
create index pa on posts (a);
create index pid on posts (id);
-- 2_second.sql
drop index ua;
drop index if exists public.uab;
alter table users drop column if exists a;
-- 3_third.sql
drop index uc;
alter table users drop column b;
alter table users drop column c;
-- 4_fourth.sql
drop index pa;
drop table posts;
";
        Case::new(&RULE).silent(sql);
        let head = sql.split("-- 2_second").next().expect("there is one");
        Case::new(&RULE).fires(&format!(
            "{head}
-- 2_second.sql
drop index ua;
--         ^^ warning: dropping `ua` makes
alter table users drop column b;
-- 3_third.sql
drop index uc;
--         ^^ warning: dropping `uc` makes
update users set a = 1;
alter table users drop column c;
-- 4_fourth.sql
drop index pa;
--         ^^ warning: dropping `pa` makes
alter table posts add column b int, drop column a;
-- 5_fifth.sql
drop index pid;
--         ^^^ warning: dropping `pid` makes
"
        ));
        Case::new(&RULE).runner(Runner::Psql).fires(&format!(
            "{head}
-- 2_second.sql
drop index ua;
--         ^^ warning: dropping `ua` makes
alter table users drop column a;
"
        ));
    }

    #[test]
    fn the_fix_inserts_concurrently() {
        let before = "
-- 1_first.sql
create table users (id bigint primary key, a int);
create index ua on users (a);
-- 2_second.sql
DROP  INDEX IF EXISTS ua;
";
        Case::new(&RULE)
            .runner(Runner::Psql)
            .fixed(before, &before.replace("INDEX IF", "INDEX CONCURRENTLY IF"));
    }
}
