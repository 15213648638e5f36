use crate::lint::prelude::*;

rule! {
    /// Refreshing a materialized view keeps its readers waiting until it is computed.
    ///
    /// ## When
    /// `REFRESH MATERIALIZED VIEW` without `CONCURRENTLY`, of a view that other sessions may be using. `WITH NO DATA` is
    /// exempt, as is a view that was made in the same transaction, and one that was made `WITH NO DATA`: nobody can read
    /// it yet.
    ///
    /// ## Why
    /// PostgreSQL runs the view's query under an ACCESS EXCLUSIVE lock on the view. `CONCURRENTLY` computes the new rows
    /// beside the old ones and then writes what differs, while reads go on. It needs a unique index over plain columns,
    /// without a condition, and unlike other commands of that name it may run in a transaction.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_totals.sql
    /// create table orders (user_id bigint, amount int);
    /// create materialized view totals as select user_id, sum(amount) from orders group by user_id;
    /// create unique index on totals (user_id);
    /// -- 2_refresh.sql
    /// refresh materialized view totals;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_totals.sql
    /// create table orders (user_id bigint, amount int);
    /// create materialized view totals as select user_id, sum(amount) from orders group by user_id;
    /// create unique index on totals (user_id);
    /// -- 2_refresh.sql
    /// refresh materialized view concurrently totals;
    /// ```
    ///
    /// ## Fix
    /// Inserts `CONCURRENTLY` where the view has the unique index that it needs: the rows are the same afterwards.
    ///
    /// ## References
    /// - [REFRESH MATERIALIZED VIEW](https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html)
    "refresh-blocking",
    category: Category::Lock,
    level: Level::Warning,
    fix: FixKind::Safe,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::RefreshMaterializedView {
        concurrently: false,
        name,
        with_data: true,
    } = &cx.step().statement.node
    else {
        return;
    };
    let lookup = crate::schema::lookup::Lookup::new(cx.before(), cx.session(), cx.settings.postgres, cx.text());
    let Some(id) = lookup.relation(name) else { return };
    let Some(relation) = cx.before().relations.get(&id) else {
        return;
    };
    let Some(view) = relation.view().filter(|view| view.materialized) else {
        return;
    };
    if cx.is_unseen(relation.meta.created) || !view.populated {
        return;
    }
    let message = format!(
        "refreshing `{}` makes its reads wait under an ACCESS EXCLUSIVE lock until it is computed",
        shown(&id)
    );
    let finding = report.add(name.span(), message);
    let unique = cx.before().relations_in(&id.schema).any(|(_, other)| {
        other.index().is_some_and(|index| {
            let plain = index.keys.iter().all(|key| key.column.is_some());
            index.table == id && index.unique && index.valid && index.predicate.is_none() && plain
        }) && other.meta.certainty.is_certain()
    });
    if !unique {
        finding.help("Give it a unique index over plain columns, and refresh it `concurrently`.");
        return;
    }
    finding.help("Refresh it `concurrently`.");
    if cx.is_editable() {
        let edits = vec![insert(name.span().start, format!("{} ", cx.cased("concurrently")))];
        finding.fix(FixKind::Safe, "Refresh it concurrently", edits);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    const FIRST: &str = "
-- 1_first.sql
create materialized view a as select 1 as x;
create unique index on a (x);
create materialized view b as select 1 as x;
create unique index on b (x) where x > 0;
create materialized view c as select 1 as x with no data;
";

    #[test]
    fn readers_wait_unless_it_is_concurrent() {
        Case::new(&RULE).fires(&format!(
            "{FIRST}
-- 2_second.sql
refresh materialized view a;
--                        ^ warning: refreshing `a` makes its reads wait under an ACCESS EXCLUSIVE lock until it is computed
refresh materialized view public.b;
--                        ^^^^^^^^ warning: refreshing `b`
refresh materialized view c;
refresh materialized view concurrently a;
refresh materialized view a with no data;
create materialized view d as select 1 as x;
refresh materialized view d;
"
        ));
    }

    #[test]
    fn the_fix_inserts_concurrently() {
        Case::new(&RULE).fixed(
            &format!("{FIRST}-- 2_second.sql\nREFRESH MATERIALIZED VIEW a;\n"),
            &format!("{FIRST}-- 2_second.sql\nREFRESH MATERIALIZED VIEW CONCURRENTLY a;\n"),
        );
        let case = Case::new(&RULE);
        let history = case.history(&format!("{FIRST}-- 2_second.sql\nrefresh materialized view b;\n"));
        assert!(case.findings(&history).iter().all(|finding| finding.fixes.is_empty()));
    }
}
