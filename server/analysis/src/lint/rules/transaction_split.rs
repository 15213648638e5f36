use crate::lint::prelude::*;
use crate::schema::transaction::runs_alone;
use crate::settings::Runner;

rule! {
    /// The Supabase CLI commits the first part of the file before it runs this statement.
    ///
    /// ## When
    /// A statement that cannot run in a transaction (`CREATE INDEX CONCURRENTLY`, `VACUUM`, …) in a file of the Supabase
    /// CLI with other statements that change something. A file that holds nothing else is exempt, and so is one that
    /// controls transactions itself.
    ///
    /// ## Why
    /// The CLI takes the statement out of the file's transaction: what came before is committed, and what follows begins
    /// anew. When it fails, or a later statement does, the first part of the file stays, while the migration is not
    /// recorded: the next `db push` runs the whole file again, over what is there already.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_members.sql
    /// create table members (id bigint primary key, email text);
    /// -- 2_email.sql
    /// alter table members add column name text;
    /// create index concurrently members_email_idx on members (email);
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_members.sql
    /// create table members (id bigint primary key, email text);
    /// -- 2_name.sql
    /// alter table members add column name text;
    /// -- 3_email.sql
    /// create index concurrently members_email_idx on members (email);
    /// ```
    ///
    /// ## References
    /// - [Supabase database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    /// - [Building indexes concurrently](https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY)
    "transaction-split",
    category: Category::Transaction,
    level: Level::Info,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let step = cx.step();
    if cx.settings.runner != Runner::Supabase || step.transaction.explicit || !cx.is_editable() {
        return;
    }
    let statements = &cx.document().file.statements;
    let controls = |node: &Node| matches!(node, Node::Transaction(_));
    if !runs_alone(&step.statement.node) || statements.iter().any(|other| controls(&other.node)) {
        return;
    }
    let works = |node: &Node| {
        !matches!(
            node,
            Node::Set(_) | Node::Reset { .. } | Node::Passed(_) | Node::Meta { .. } | Node::Query(_)
        ) && !runs_alone(node)
    };
    let before = statements[..step.number].iter().any(|other| works(&other.node));
    let after = statements[step.number + 1..].iter().any(|other| works(&other.node));
    // Several of them in one file each stand for themselves; the first one tells.
    let is_first = !statements[..step.number].iter().any(|other| runs_alone(&other.node));
    if !is_first || !(before || after) {
        return;
    }
    let message = if before {
        "the Supabase CLI commits what stands before, and runs this outside of the file's transaction: when it fails, the \
         first part of the file stays"
    } else {
        "the Supabase CLI runs this outside of the file's transaction: when what follows fails, it stays"
    };
    report
        .add(super::transaction_forbidden::head(cx), message)
        .help("Put it into a migration of its own.");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn the_file_is_committed_in_parts() {
        Case::new(&RULE).supabase().fires(
            "
alter table users add column a int;
  create index concurrently i on users (a);
--^^^^^^^^^^^^^^^^^^^^^^^^^ info: the Supabase CLI commits what stands before
create index concurrently j on users (b);
",
        );
        Case::new(&RULE).supabase().fires(
            "
  create index concurrently i on users (a);
--^^^^^^^^^^^^^^^^^^^^^^^^^ info: the Supabase CLI runs this outside of the file's transaction: when what follows fails
alter table users add column a int;
",
        );
    }

    #[test]
    fn a_file_of_nothing_else_is_exempt() {
        Case::new(&RULE).supabase().silent(
            "
set statement_timeout = 0;
create index concurrently i on users (a);
drop index concurrently j;
",
        );
        Case::new(&RULE)
            .runner(Runner::Psql)
            .silent("alter table users add a int; create index concurrently i on users (a);");
    }
}
