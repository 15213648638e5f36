use crate::lint::context::noun;
use crate::lint::prelude::*;
use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::lookup::Lookup;
use crate::schema::presence;
use crate::sql::statement::ObjectKind;

rule! {
    /// Programs that use what is dropped fail from the commit on.
    ///
    /// ## When
    /// `DROP` of a view, materialized view, function, procedure, sequence, type, domain, extension, trigger or policy that
    /// an earlier migration made, where nothing takes its place by the end of the file: no object of its name, for a
    /// trigger or policy no other one on the table, and no other function of the name. Functions of triggers, which no
    /// program calls, are exempt. Tables and columns are the business of [drop-table](drop-table.md) and
    /// [drop-column](drop-column.md).
    ///
    /// ## Why
    /// PostgreSQL knows who needs the object inside the database, and refuses. It knows nothing of programs: queries of a
    /// view fail with 42P01, calls of a function with 42883. Without a trigger, what it did no longer happens, in silence;
    /// without a policy, rows are hidden that it let through.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text);
    /// create view names as select name from users;
    /// -- 2_drop.sql
    /// drop view names;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, name text);
    /// create view names as select name from users;
    /// -- 2_replace.sql
    /// drop view names;
    /// create view names as select id, name from users;
    /// ```
    ///
    /// ## References
    /// - [Dependency tracking](https://www.postgresql.org/docs/current/ddl-depend.html)
    "drop-object",
    category: Category::BreakingClient,
    level: Level::Info,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::Drop(drop) = &cx.step().statement.node else {
        return;
    };
    let mut lookup = Lookup::new(cx.before(), cx.session(), cx.settings.postgres, cx.text());
    for object in &drop.objects {
        let Some(key) = lookup.object(object) else { continue };
        let Some(known) = presence::history(cx.before(), &key) else {
            continue;
        };
        let is_certain = cx.before().since(known.certainty, known.changed).is_certain();
        if !is_certain || cx.is_unseen(known.created) || is_replaced(cx.catalog_before(cx.file + 1), &key) {
            continue;
        }
        // A name that this file gave it, as in a swap, is no program's.
        let is_old_name = cx.file == 0 || presence::history(cx.catalog_before(cx.file), &key).is_some();
        let Some(loss) = loss(cx, object.kind, &key).filter(|_| is_old_name) else {
            continue;
        };
        report
            .add(object.name.span(), loss)
            .help("Drop it when nothing uses it any more.")
            .related(known.created, "it was made here");
    }
}

/// What no longer works; `None` for kinds that are other rules' business.
fn loss(cx: &Cx<'_>, kind: ObjectKind, key: &Key) -> Option<String> {
    let noun = noun(kind);
    Some(match (kind, key) {
        (ObjectKind::View | ObjectKind::MaterializedView, Key::Relation(id)) => {
            format!("programs that read {noun} `{}` fail from now on", shown(id))
        }
        (ObjectKind::Sequence, Key::Relation(id)) => {
            format!(
                "programs that take numbers from sequence `{}` fail from now on",
                shown(id)
            )
        }
        (_, Key::Routine(signature)) => {
            let routine = cx.before().routines.get(signature)?;
            let is_of_triggers = matches!(routine.returns.as_deref(), Some("trigger" | "event_trigger"));
            (!is_of_triggers)
                .then(|| format!("programs that call {noun} `{}` fail from now on", shown(&signature.id)))?
        }
        (_, Key::Type(id)) => format!("programs that name {noun} `{}` fail from now on", shown(id)),
        (_, Key::Extension(name)) => format!("the functions, types and operators of extension `{name}` go with it"),
        (_, Key::Trigger(table, name)) => {
            format!("what trigger `{name}` did for `{}` no longer happens", shown(table))
        }
        (_, Key::Policy(table, name)) => format!(
            "rows of `{}` that policy `{name}` let through are hidden from now on",
            shown(table)
        ),
        _ => return None,
    })
}

/// Whether something takes its place, or what it belonged to is gone as well.
fn is_replaced(after: &Catalog, key: &Key) -> bool {
    match key {
        Key::Routine(signature) => !after.overloads_of(&signature.id).is_empty(),
        Key::Trigger(table, _) => after.table(table).is_none_or(|table| !table.triggers.is_empty()),
        // A restrictive policy lets nothing through by itself.
        Key::Policy(table, _) => after
            .table(table)
            .is_none_or(|table| !table.row_security || !table.policies.is_empty()),
        _ => presence::history(after, key).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    const FIRST: &str = "
-- 1_first.sql
create table users (id bigint primary key, name text);
create table notes (id bigint primary key);
alter table users enable row level security;
alter table notes enable row level security;
create view v as select id from users;
create function f() returns int language sql as 'select 1';
create function t() returns trigger language plpgsql as 'begin return new; end';
create trigger t before insert on users for each row execute function t();
create policy p on users using (true);
create policy p on notes using (true);
create type mood as enum ('ok');
create sequence s;
";

    #[test]
    fn programs_lose_what_they_use() {
        Case::new(&RULE).fires(&format!(
            "{FIRST}-- 2_second.sql
drop view v;
--        ^ info: programs that read view `v` fail from now on
drop function if exists f();
--                      ^ info: programs that call function `f` fail from now on
drop trigger t on users;
--           ^ info: what trigger `t` did for `users` no longer happens
drop policy p on users;
--          ^ info: rows of `users` that policy `p` let through are hidden from now on
drop type mood;
--        ^^^^ info: programs that name type `mood` fail from now on
drop sequence s;
--            ^ info: programs that take numbers from sequence `s` fail from now on
drop function t();
"
        ));
    }

    #[test]
    fn what_is_replaced_or_new_or_goes_with_its_table_is_exempt() {
        Case::new(&RULE).silent(&format!(
            "{FIRST}-- 2_second.sql
drop view v;
create view v as select id, name from users;
drop function f();
create function f(a int) returns int language sql as 'select a';
drop policy p on users;
create policy q on users for select using (true);
drop trigger t on users;
create trigger t2 before insert on users for each row execute function t();
drop policy p on notes;
drop table notes;
create view fresh as select 1 as one;
drop view fresh;
drop view if exists gone;
alter type mood rename to old_mood;
create type mood as enum ('ok', 'sad');
drop type old_mood;
"
        ));
    }
}
