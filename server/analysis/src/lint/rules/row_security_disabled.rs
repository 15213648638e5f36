use crate::lint::prelude::*;
use crate::schema::objects::Table;

rule! {
    /// Disabling row level security opens the table to everybody who holds a privilege on it.
    ///
    /// ## When
    /// `ALTER TABLE … DISABLE ROW LEVEL SECURITY` on a table that has it on; and, as an info, `NO FORCE ROW LEVEL SECURITY`
    /// on one that forces it on its owner. Silent where a later statement turns it on again, or drops the table.
    ///
    /// ## Why
    /// The policies stay, but nobody asks them any more: each role sees and changes all rows that its privileges reach.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key);
    /// alter table notes enable row level security;
    /// -- 2_open.sql
    /// alter table notes disable row level security;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_notes.sql
    /// create table notes (id bigint primary key);
    /// alter table notes enable row level security;
    /// -- 2_open.sql
    /// create policy everybody_reads on notes for select using (true);
    /// ```
    ///
    /// ## References
    /// - [Row security policies](https://www.postgresql.org/docs/current/ddl-rowsecurity.html)
    "row-security-disabled",
    category: Category::Security,
    level: Level::Warning,
    fix: FixKind::None,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::AlterTable(alter) = &cx.step().statement.node else {
        return;
    };
    let Some(id) = cx.step().target.as_ref() else { return };
    let Some(table) = cx.before().table(id) else { return };
    let is_final = |is_on: &dyn Fn(&Table) -> bool| cx.last().table(id).is_some_and(|last| !is_on(last));
    for action in &alter.actions {
        let name = shown(id);
        match action.kind {
            AlterActionKind::RowSecurity(false) if table.row_security && is_final(&|table| table.row_security) => {
                let message = format!("everybody with a privilege on `{name}` sees all its rows: its policies are off");
                report
                    .add(action.span, message)
                    .help("Keep row level security on, and write a policy for what is to be allowed.");
            }
            AlterActionKind::ForceRowSecurity(false)
                if table.force_row_security && is_final(&|table| table.force_row_security) =>
            {
                let message = format!("the owner of `{name}` sees all its rows: its policies no longer hold for it");
                report.add(action.span, message).level(Level::Info);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_table_that_was_closed_is_opened() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table a (id int);
alter table a enable row level security, force row level security;
create table b (id int);
create table c (id int);
alter table c enable row level security;
create table d (id int);
alter table d enable row level security;
-- 2_second.sql
alter table a no force row level security;
--            ^^^^^^^^^^^^^^^^^^^^^^^^^^^ info: the owner of `a` sees all its rows
alter table a disable row level security;
--            ^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: everybody with a privilege on `a` sees all its rows: its policies are off
alter table b disable row level security;
alter table c disable row level security;
alter table d disable row level security;
-- 3_third.sql
alter table c enable row level security;
drop table d;
",
        );
    }
}
