//! How large the tables are that a finding is about, where the project keeps sizes: what is a nuisance on a thousand rows
//! is an outage on a hundred million.

use super::context::{Cx, Report, shown};
use super::rule::{Category, Rule};
use crate::schema::price::{bytes_in_words, rows_in_words};

/// Says at the end of each finding how many rows its table had.
pub(super) fn add(cx: &Cx<'_>, rule: &Rule, report: &mut Report) {
    let grows = matches!(
        rule.category,
        Category::Lock | Category::Rewrite | Category::ConstraintValidation
    );
    if !grows || report.findings.is_empty() {
        return;
    }
    let sizes = &cx.settings.sizes;
    let Some((id, relation)) = cx.target() else { return };
    let size = relation.table().and_then(|_| sizes.of(id));
    if let Some((rows, size)) = size.and_then(|size| Some((size.rows?, size))) {
        let (rows, bytes) = (rows_in_words(rows), bytes_in_words(size.bytes));
        let told = format!("; `{}` has {rows} rows ({bytes}) on {}", shown(id), sizes.environment());
        for finding in &mut report.findings {
            finding.message.push_str(&told);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::rule_named;
    use crate::lint::testing::Case;
    use crate::schema::price::{Size, Sizes};

    #[track_caller]
    fn messages(rule: &str, sql: &str) -> Vec<String> {
        let size = |rows| Size {
            rows,
            bytes: 367_001_600,
            index_bytes: 0,
        };
        let tables = [("public.users", Some(1_204_331)), ("public.uncounted", None)];
        let sizes = Sizes {
            source: "production, 2025-10-27T09:00:00Z".into(),
            tables: tables.map(|(name, rows)| (name.to_owned(), size(rows))).into(),
        };
        let case = Case::new(rule_named(rule).expect("a rule")).with(|settings| settings.sizes = sizes);
        let found = case.findings(&case.history(sql));
        found.into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn a_lock_says_on_how_many_rows() {
        let told = messages(
            "create-index-non-concurrent",
            "create index on users (name);\ncreate index on uncounted (name);\ncreate index on unheard_of (name);",
        );
        assert_eq!(told.len(), 3, "{told:?}");
        let end = "; `users` has 1.2 million rows (350 MB) on production";
        assert!(told[0].ends_with(end), "{}", told[0]);
        assert!(!told[1].contains(';') && !told[2].contains(';'), "{told:?}");
    }

    #[test]
    fn so_do_a_rewrite_and_a_scan() {
        let end = "; `users` has 1.2 million rows (350 MB) on production";
        let rewrite = "alter table users add column token uuid default gen_random_uuid();";
        let scan = "alter table users add constraint named check (name <> '');";
        for (rule, sql) in [
            ("add-column-volatile-default", rewrite),
            ("add-check-without-not-valid", scan),
        ] {
            let told = messages(rule, sql);
            assert!(told.len() == 1 && told[0].ends_with(end), "{rule}: {told:?}");
        }
    }

    #[test]
    fn what_has_nothing_to_do_with_rows_says_nothing_of_them() {
        let told = messages("drop-column", "alter table users drop column name;");
        assert!(told.len() == 1 && !told[0].contains("rows"), "{told:?}");
    }
}
