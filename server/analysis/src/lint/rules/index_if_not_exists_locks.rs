use crate::lint::prelude::*;
use crate::schema::objects::Certainty;

rule! {
    /// `CREATE INDEX IF NOT EXISTS` stops writes for a moment, even where the index is there.
    ///
    /// ## When
    /// `CREATE INDEX IF NOT EXISTS` without `CONCURRENTLY`, of an index that the history has made already, on a table that
    /// other sessions may be using.
    ///
    /// ## Why
    /// PostgreSQL takes the SHARE lock on the table before it looks for the name: the statement waits for every
    /// transaction that has written to the table, and all later writes queue behind it, for nothing. Where the old index
    /// is another one of that name, nothing is made either, without a word.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// create index users_email_idx on users (email);
    /// -- 2_again.sql
    /// create index if not exists users_email_idx on users (email);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id bigint primary key, email text);
    /// create index users_email_idx on users (email);
    /// ```
    ///
    /// ## References
    /// - [CREATE INDEX](https://www.postgresql.org/docs/current/sql-createindex.html)
    "index-if-not-exists-locks",
    category: Category::Lock,
    level: Level::Info,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::CreateIndex(create) = &cx.step().statement.node else {
        return;
    };
    if !create.if_not_exists || create.concurrently {
        return;
    }
    let (Some(busy), Some(name)) = (cx.busy_target(), &create.name) else {
        return;
    };
    let id = busy.id.sibling(&name.last().value);
    let certain = cx.before().certainty(&id).is_some_and(Certainty::is_certain);
    let Some(relation) = cx.before().relations.get(&id).filter(|_| certain) else {
        return;
    };
    let message = format!(
        "`{name}` is there already, and yet writes to `{}` wait under a SHARE lock",
        busy.shown()
    );
    report
        .add(name.span(), message)
        .help("Leave the statement out, or create it `concurrently`.")
        .related(relation.meta.created, "the index was made here");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn the_lock_comes_before_the_look() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id bigint primary key, a int);
create index there on users (a);
-- 2_second.sql
create index if not exists there on users (a);
--                         ^^^^^ info: `there` is there already, and yet writes to `users` wait under a SHARE lock
create index if not exists fresh on users (a);
create index concurrently if not exists there on users (a);
create table posts (a int);
create index pa on posts (a);
create index if not exists pa on posts (a);
",
        );
    }
}
