//! What stands beside each statement: the locks that somebody will notice, and what is read or written from end to end.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::View;
use super::describe::full;
use crate::schema::cost::{Cost, LockMode, cost};
use crate::schema::objects::Id;
use crate::schema::price::{Sizes, price};
use crate::schema::timeline::Moment;
use crate::text::Span;

/// What stands behind a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Byte offset behind the statement, and behind its semicolon where that follows at once.
    pub offset: u32,
    /// `ACCESS EXCLUSIVE on orders, rewrites it`: a few words.
    pub label: String,
    /// All of it, as Markdown.
    pub tooltip: String,
}

/// The hints of the statements that end within `range`, in text order. Statements that hinder nobody have none.
pub fn hints(view: View<'_>, file: usize, range: Span) -> Vec<Hint> {
    let mut costs: BTreeMap<usize, (Span, Cost)> = BTreeMap::new();
    view.steps(file, &mut |moment| {
        let span = moment.step.outer.span;
        if span.end < range.start || span.end > range.end {
            return;
        }
        let (_, known) = costs
            .entry(moment.step.number)
            .or_insert_with(|| (span, Cost::default()));
        known.merge(noticed(moment, view.settings.postgres));
    });
    let hint = |(span, cost): (Span, Cost)| {
        let sizes = &view.settings.sizes;
        let label = label(&cost, sizes)?;
        let sentences: Vec<String> = lines(&cost, sizes).map(|line| format!("- {line}\n")).collect();
        let rest = view.text(file).get(span.end as usize..);
        let is_ended = rest.is_some_and(|rest| rest.starts_with(';'));
        Some(Hint {
            offset: span.end + u32::from(is_ended),
            label,
            tooltip: sentences.concat(),
        })
    };
    costs.into_values().filter_map(hint).collect()
}

/// The cost of a step, without what its own transaction has made: nobody else sees that yet.
pub(super) fn noticed(moment: &Moment<'_>, postgres: u16) -> Cost {
    let mut cost = cost(moment, postgres);
    let is_old = |id: &Id| {
        let relation = moment.before.relations.get(id);
        relation.is_none_or(|relation| relation.meta.created.transaction != moment.step.transaction.id)
    };
    cost.retain(is_old);
    cost
}

/// The cost in sentences without full stops, the worst first, and what it comes to where sizes are known.
pub(super) fn lines(cost: &Cost, sizes: &Sizes) -> impl Iterator<Item = String> {
    let mut locks: Vec<(&Id, LockMode)> = cost.locks.iter().map(|(id, mode)| (id, *mode)).collect();
    locks.sort_by_key(|(_, mode)| std::cmp::Reverse(*mode));
    let lock = |(id, mode): (&Id, LockMode)| {
        let effect = if mode.blocks_reads() {
            "reads and writes of it wait"
        } else if mode.blocks_writes() {
            "writes of it wait"
        } else if mode == LockMode::ShareUpdateExclusive {
            "reads and writes go on"
        } else {
            "other changes of it wait"
        };
        format!("locks `{}` in {mode} mode: {effect}", full(id))
    };
    let each = |words: &'static str, ids: &std::collections::BTreeSet<Id>| {
        let line = |id: &Id| words.replace('%', &full(id));
        ids.iter().map(line).collect::<Vec<_>>()
    };
    let mut lines: Vec<String> = locks.into_iter().map(lock).collect();
    lines.extend(each("writes all rows of `%` anew, with its indexes", &cost.rewrites));
    lines.extend(each("reads all rows of `%`", &cost.scans));
    lines.extend(each("builds an index over all rows of `%`", &cost.builds));
    lines.extend(each(
        "may read or write all rows of `%`: that cannot be told from here",
        &cost.unsure,
    ));
    let price = price(cost, sizes).filter(|price| !price.is_nothing());
    lines.extend(price.map(|price| format!("{price} (an estimate; sizes of {})", sizes.source)));
    lines.into_iter()
}

/// The few words: the strongest lock that hinders reads or writes, what takes long, and how long.
fn label(cost: &Cost, sizes: &Sizes) -> Option<String> {
    let strongest = cost.locks.values().max().copied().filter(|mode| mode.blocks_writes());
    let long = [
        ("rewrites", &cost.rewrites),
        ("scans", &cost.scans),
        ("builds an index on", &cost.builds),
        ("may rewrite or scan", &cost.unsure),
    ];
    let mut label = String::new();
    if let Some(mode) = strongest {
        let tables = cost.locks.iter().filter(|(_, held)| **held == mode).map(|(id, _)| id);
        let _ = write!(label, "{mode} on {}", listed(tables));
    }
    for (verb, tables) in long.into_iter().filter(|(_, tables)| !tables.is_empty()) {
        let separator = if label.is_empty() { "" } else { ", " };
        let _ = write!(label, "{separator}{verb} {}", listed(tables.iter()));
    }
    if let Some(price) = price(cost, sizes).filter(|price| price.seconds >= 1.0) {
        let separator = if label.is_empty() { "" } else { ", " };
        let _ = write!(label, "{separator}{}", price.time());
    }
    (!label.is_empty()).then_some(label)
}

/// The first two names, and how many more there are.
fn listed<'a>(ids: impl Iterator<Item = &'a Id>) -> String {
    let mut names: Vec<String> = ids.map(|id| id.name.to_string()).collect();
    let more = names.len().saturating_sub(2);
    names.truncate(2);
    let mut text = names.join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::testing::Case;
    use crate::schema::price::Size;

    fn labels(text: &str) -> Vec<String> {
        let case = Case::new(text);
        let file = case.cursor().file;
        let whole = Span::new(0, case.text(file).len());
        hints(case.view(), file, whole)
            .into_iter()
            .map(|hint| hint.label)
            .collect()
    }

    const TABLES: &str = "-- 1_a.sql\ncreate table ä (id bigint primary key, n int);\n\
                          create table b (id bigint, a bigint);\n-- 2_b.sql\n";

    #[test]
    fn locks_of_older_tables_are_told_and_of_new_ones_not() {
        let text = format!(
            "{TABLES}alter table ä add column x timestamptz default clock_timestamp();$0
create table c (id bigint references ä (id));
alter table c add column y int;
comment on table b is 'x';
create index on b (id);"
        );
        assert_eq!(
            labels(&text),
            [
                "ACCESS EXCLUSIVE on ä, rewrites ä",
                "SHARE ROW EXCLUSIVE on ä",
                "SHARE on b, builds an index on b",
            ]
        );
    }

    #[test]
    fn sizes_tell_how_long_it_takes() {
        let mut case = Case::new(&format!(
            "{TABLES}alter table b alter a type int;$0\nalter table b add y int;"
        ));
        let size = Size {
            rows: Some(4_000_000),
            bytes: 400 << 20,
            index_bytes: 0,
        };
        case.settings.sizes = Sizes {
            source: "production, 2026-01-31T09:00:00Z".into(),
            tables: [("public.b".to_owned(), size)].into(),
        };
        let file = case.cursor().file;
        let found = hints(case.view(), file, Span::new(0, case.text(file).len()));
        assert_eq!(found[0].label, "ACCESS EXCLUSIVE on b, rewrites b, about 19 seconds");
        assert_eq!(
            found[0].tooltip.lines().last(),
            Some(
                "- reads 4.0 million rows (400 MB), writes 400 MB: about 19 seconds \
                 (an estimate; sizes of production, 2026-01-31T09:00:00Z)"
            )
        );
        assert_eq!(found[1].label, "ACCESS EXCLUSIVE on b");
    }

    #[test]
    fn a_do_block_has_one_hint() {
        let text =
            format!("{TABLES}do $$ begin alter table b add y int; alter table ä alter n set not null; end $$;$0");
        assert_eq!(labels(&text), ["ACCESS EXCLUSIVE on b, ä, scans ä"]);
    }

    #[test]
    fn only_what_ends_in_the_range_is_told() {
        let case = Case::new(&format!("{TABLES}alter table b add x int;\nalter table b add y int;$0"));
        let file = case.cursor().file;
        let found = hints(case.view(), file, Span::new(0, 24));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].offset, 24);
        assert_eq!(
            found[0].tooltip,
            "- locks `public.b` in ACCESS EXCLUSIVE mode: reads and writes of it wait\n"
        );
    }
}
