use crate::lint::prelude::*;

rule! {
    /// `VACUUM FULL` and `CLUSTER` rewrite the whole table while reads and writes of it wait.
    ///
    /// ## When
    /// `VACUUM FULL` or `CLUSTER` of a table that other sessions may be using, or of the whole database.
    ///
    /// ## Why
    /// PostgreSQL writes the table and all its indexes anew under an ACCESS EXCLUSIVE lock, and needs as much space again
    /// meanwhile. Every read and write waits until it is done. pg_repack and pg_squeeze do the same beside reads and
    /// writes.
    ///
    /// ## Bad
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_tidy.sql
    /// cluster users using users_pkey;
    /// ```
    ///
    /// ## Good
    /// ```sql runner=psql
    /// -- 1_users.sql
    /// create table users (id bigint primary key);
    /// -- 2_tidy.sql
    /// vacuum analyze users;
    /// ```
    ///
    /// ## References
    /// - [VACUUM](https://www.postgresql.org/docs/current/sql-vacuum.html)
    /// - [CLUSTER](https://www.postgresql.org/docs/current/sql-cluster.html)
    "vacuum-full",
    category: Category::Rewrite,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let step = cx.step();
    let (what, everything) = match &step.statement.node {
        Node::Vacuum { full: true, tables, .. } => ("`vacuum full`", tables.is_empty()),
        Node::Cluster { table, .. } => ("`cluster`", table.is_none()),
        _ => return,
    };
    let tables: Vec<String> = cx
        .cost()
        .rewrites
        .iter()
        .filter_map(|id| cx.busy(id))
        .map(|busy| format!("`{}`", busy.shown()))
        .collect();
    let which = match (tables.as_slice(), everything) {
        (_, true) => "every table".to_owned(),
        ([], false) => return,
        (some, false) => some.join(", "),
    };
    report
        .add(
            step.statement.span,
            format!("{what} rewrites {which}: reads and writes wait under an ACCESS EXCLUSIVE lock"),
        )
        .help("Use pg_repack or pg_squeeze outside of migrations, or a plain `vacuum`.");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;
    use crate::settings::Runner;

    #[test]
    fn the_table_is_written_anew() {
        Case::new(&RULE).runner(Runner::Psql).fires(
            "
-- 1_first.sql
create table users (id bigint primary key);
-- 2_second.sql
  vacuum full users;
--^^^^^^^^^^^^^^^^^ warning: `vacuum full` rewrites `users`: reads and writes wait under an ACCESS EXCLUSIVE lock
  vacuum (full, analyze);
--^^^^^^^^^^^^^^^^^^^^^^ warning: `vacuum full` rewrites every table
  cluster users using users_pkey;
--^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: `cluster` rewrites `users`
vacuum users;
vacuum analyze;
",
        );
        Case::new(&RULE)
            .silent("-- 1_a.sql\nselect 1;\n-- 2_b.sql\ncreate table t (id int primary key);\ncluster t using t_pkey;");
    }
}
