use crate::lint::prelude::*;
use crate::schema::canonical::describe;
use crate::schema::change::Key;
use crate::schema::presence::history;
use crate::schema::timeline::Moment;
use crate::settings::Runner;
use crate::sql::statement::{ExprNode, QueryBody, SelectItem, Transaction};

rule! {
    /// `COMMIT` in the file makes what came before permanent, even if the rest fails.
    ///
    /// ## When
    /// `COMMIT` or `ROLLBACK` in a file that the runner applies as one transaction (`psql -1`, sqlx, the Supabase CLI).
    /// A single `BEGIN … COMMIT` around everything is exempt, but for queries that look at the result and comments on what
    /// the file has made, which cannot fail. So is `psql -f`, which commits every statement anyway.
    ///
    /// ## Why
    /// The file is no longer all or nothing. If a statement after the `COMMIT` fails, the ones before it stay and the
    /// migration is not recorded, so the next attempt fails at the first of them. Measured with the Supabase CLI: one
    /// `COMMIT` anywhere makes it send the whole file statement by statement, each committed on its own.
    /// After a `ROLLBACK` the migration is recorded as applied although its work is undone.
    ///
    /// ## Bad
    /// ```sql supabase
    /// create table users (id bigint primary key);
    /// commit;
    /// create table posts (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 20251026211500_users.sql
    /// create table users (id bigint primary key);
    /// -- 20251026211501_posts.sql
    /// create table posts (id bigint primary key);
    /// ```
    ///
    /// ## References
    /// - [COMMIT](https://www.postgresql.org/docs/current/sql-commit.html)
    "stray-commit",
    category: Category::Transaction,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Migration(check),
}

/// A statement of the file.
struct Part {
    span: Span,
    control: Option<Transaction>,
    /// Whether it does something that could be committed.
    works: bool,
    /// What it creates, in words.
    creates: Vec<String>,
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let runner = cx.settings.runner;
    let statements = &cx.document().file.statements;
    let ends = |node: &Node| matches!(node, Node::Transaction(Transaction::Commit | Transaction::Rollback));
    let is_sent_whole = runner == Runner::Sqlx && cx.text().starts_with("-- no-transaction");
    if runner == Runner::Psql || is_sent_whole || !statements.iter().any(|statement| ends(&statement.node)) {
        return;
    }
    let parts = parts(cx);
    // Where a transaction block of the file begins that is open; under Supabase none is open at the start.
    let mut open: Option<usize> = (runner != Runner::Supabase).then_some(0);
    let mut committed = 0;
    for (at, part) in parts.iter().enumerate() {
        match part.control {
            Some(Transaction::Begin) => open = open.or(Some(at)),
            Some(Transaction::Commit) => {
                let begin = open.take();
                let works = |parts: &[Part]| parts.iter().any(|part| part.works);
                let before = &parts[committed..begin.unwrap_or(at)];
                // What stands before the file's own BEGIN has a transaction only from runners that open one.
                let alone = runner == Runner::Supabase && works(before);
                if begin.is_some() && works(&parts[at..]) {
                    report_commit(runner, true, part.span, &what(&parts[committed..at]), report);
                } else if begin.is_none() || alone {
                    report_commit(runner, false, part.span, &what(before), report);
                }
                committed = at;
            }
            Some(Transaction::Rollback) => {
                let begin = open.take();
                let undone = begin.map_or(&[][..], |begin| &parts[begin.max(committed)..at]);
                if undone.iter().any(|part| part.works) {
                    report
                        .add(
                            part.span,
                            "`ROLLBACK` undoes what the file did, and yet it is recorded as applied",
                        )
                        .help("Remove it.");
                }
                committed = at;
            }
            _ => {}
        }
    }
}

fn report_commit(runner: Runner, closes: bool, span: Span, what: &str, report: &mut Report) {
    let message = match runner {
        Runner::Supabase if !closes => {
            format!(
                "`COMMIT` makes the Supabase CLI apply the file statement by statement: {what} when a later one fails"
            )
        }
        _ => format!("`COMMIT` makes the first part of the file permanent: {what} when a later statement fails"),
    };
    report
        .add(span, message)
        .help("Put what follows into a migration of its own.");
}

/// What stays, in words that go on with “when … fails”.
fn what(parts: &[Part]) -> String {
    let mut created = parts.iter().flat_map(|part| &part.creates);
    let count = created.clone().count();
    match (created.next(), count) {
        (Some(first), 1) => format!("`{first}` stays"),
        (Some(first), _) => format!("`{first}` and {} more stay", count - 1),
        (None, _) => "what came before stays".to_owned(),
    }
}

/// Whether a statement does something that could be committed; queries that only look at the result do not.
fn works(node: &Node) -> bool {
    match node {
        Node::Transaction(_)
        | Node::Set(_)
        | Node::Reset { .. }
        | Node::SetTransaction { .. }
        | Node::Explain { analyze: false, .. }
        | Node::Meta { .. }
        | Node::Passed(_) => false,
        Node::Query(query) => match &query.body {
            // `select setval(…)`, `select cron.schedule(…)`
            QueryBody::Select(select) => {
                let calls = |item: &SelectItem| matches!(item, SelectItem::Expr { expr, .. } if matches!(expr.node, ExprNode::Call { .. }));
                select.into.is_some() || (select.from.is_empty() && select.items.iter().any(calls))
            }
            _ => false,
        },
        _ => true,
    }
}

fn parts(cx: &Cx<'_>) -> Vec<Part> {
    let statements = cx.document().file.statements.iter();
    let mut parts: Vec<Part> = statements
        .map(|statement| Part {
            span: statement.span,
            control: match &statement.node {
                Node::Transaction(control) => Some(*control),
                _ => None,
            },
            works: works(&statement.node),
            creates: Vec::new(),
        })
        .collect();
    cx.steps(&mut |moment| {
        if let Some(part) = parts.get_mut(moment.step.number) {
            part.works &= !is_sure_comment(cx, moment);
            let created = moment.step.changes.iter().filter_map(|change| match change {
                Change::Create(object) => Some(describe(&object.key())),
                Change::AddColumn { table, column } => Some(format!("{}.{}", shown(table), column.name)),
                _ => None,
            });
            // Indexes and sequences come with what they belong to.
            part.creates.extend(created.take(1));
        }
    });
    parts
}

/// Whether a statement comments on what the file itself has made, which cannot fail, and matters little if it is missing.
fn is_sure_comment(cx: &Cx<'_>, moment: &Moment<'_>) -> bool {
    let is_own = |object: &Key| {
        let known = history(moment.before, object);
        known.is_some_and(|known| known.certainty.is_certain() && known.created.file as usize == cx.file)
    };
    match moment.step.changes.as_slice() {
        [Change::Comment { object, .. }] => moment.step.problems.is_empty() && is_own(object),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn what_came_before_stays() {
        for runner in [Runner::PsqlSingle, Runner::Sqlx] {
            Case::new(&RULE).runner(runner).fires(
                "
create table users (id bigint primary key);
alter table users add column name text;
  commit;
--^^^^^^ warning: `COMMIT` makes the first part of the file permanent: `public.users` and 1 more stay when a later
create table posts (id bigint primary key);
",
            );
        }
    }

    #[test]
    fn the_supabase_cli_applies_statement_by_statement() {
        Case::new(&RULE).supabase().fires(
            "
update users set name = '';
  commit;
--^^^^^^ warning: `COMMIT` makes the Supabase CLI apply the file statement by statement: what came before stays when
begin;
create table posts (id bigint primary key);
  commit;
",
        );
        Case::new(&RULE).supabase().fires(
            "
create table users (id bigint primary key);
begin;
create table posts (id bigint primary key);
  commit;
--^^^^^^ warning: `COMMIT` makes the Supabase CLI apply the file statement by statement: `public.users` stays when a
",
        );
    }

    #[test]
    fn one_transaction_around_the_file_is_exempt() {
        let sql = "set lock_timeout = '2s';\nbegin;\ncreate table users (id int);\ncommit;\nreset lock_timeout;\nselect count(*) from users;";
        Case::new(&RULE).silent(sql);
        Case::new(&RULE).supabase().silent(sql);
    }

    #[test]
    fn comments_on_what_the_file_made_cannot_fail() {
        let sql = "
begin;
create table users (id bigint primary key);
commit;
comment on table users is 'people';
";
        Case::new(&RULE).supabase().silent(sql);
        Case::new(&RULE).runner(Runner::Sqlx).silent(sql);
        for other in [
            "comment on table posts is 'texts';",
            "comment on column users.name is 'a';",
            "grant select on users to anon;",
        ] {
            Case::new(&RULE).supabase().fires(&format!(
                "
begin;
create table users (id bigint primary key);
  commit;
--^^^^^^ warning: `COMMIT` makes the first part of the file permanent
{other}
"
            ));
        }
    }

    #[test]
    fn psql_commits_anyway() {
        Case::new(&RULE)
            .runner(Runner::Psql)
            .silent("select f();\ncommit;\nselect f();");
        Case::new(&RULE)
            .runner(Runner::Sqlx)
            .silent("-- no-transaction\nselect 1;\ncommit;\nselect 1;");
    }

    #[test]
    fn a_rollback_leaves_nothing_of_a_recorded_migration() {
        Case::new(&RULE).supabase().fires(
            "
begin;
create table users (id int);
  rollback;
--^^^^^^^^ warning: `ROLLBACK` undoes what the file did
",
        );
    }

    #[test]
    fn commit_in_a_body_is_another_matter() {
        Case::new(&RULE).silent("create procedure p() language plpgsql as $$ begin commit; end $$;\nselect 1;");
    }
}
