//! A snapshot as what it is restored from.

use analysis::text::Span;

use super::error::RestoreError;
use crate::event::Moment;
use crate::plan::{File, Statement, Step};
use crate::rollback::Script;
use crate::snapshot::{BESIDE, Entry, PRINTED, entries_of};

/// How the text of `pg_dump` begins.
const DUMPED: &str = "--\n-- PostgreSQL database dump\n--";

/// A snapshot, read and found fit.
#[derive(Debug)]
pub struct Source {
    /// Path as people shall see it.
    pub path: String,
    /// All of it.
    pub text: String,
    /// The migration that its name tells of, and on which side of it it was taken.
    pub taken: Option<(String, Moment)>,
    file: File,
    beside: usize,
}

impl Source {
    /// Reads a snapshot. `path` is as people shall see it.
    pub fn read(path: &str, text: String) -> Result<Self, RestoreError> {
        let unfit = |why: &'static str| RestoreError::Unfit {
            path: path.to_owned(),
            why,
        };
        if text.starts_with(PRINTED) {
            return Err(unfit(
                "dblsp printed it from the catalog, so things may be missing from it",
            ));
        }
        if !text.starts_with(DUMPED) {
            return Err(unfit("it is no snapshot that `dblsp snapshot` or `dblsp apply` took"));
        }
        let taken = taken(path);
        let script = Script {
            path,
            text: &text,
            part: Span::new(0, text.len()),
        };
        let file = File::of_script(&script, taken.as_ref().map_or("", |(version, _)| version));
        if let Some(refusal) = file.refusals.first() {
            return Err(unfit(refusal.why.message()));
        }
        if !file.is_atomic() {
            return Err(unfit("it holds a statement that cannot be taken back"));
        }
        let beside = text.find(&format!("\n{BESIDE}")).unwrap_or(text.len());
        Ok(Self {
            path: path.to_owned(),
            taken,
            file,
            beside,
            text,
        })
    }

    /// SHA-256 of the text, hexadecimal.
    pub(super) fn checksum(&self) -> &str {
        &self.file.checksum
    }

    /// The part that `pg_dump` wrote.
    pub(super) fn dumped(&self) -> &str {
        &self.text[..self.beside]
    }

    /// The part on what hangs on the platform's tables, and where it begins.
    pub(super) fn beside(&self) -> (&str, usize) {
        (&self.text[self.beside..], self.beside)
    }

    /// What it says is there.
    pub(super) fn entries(&self) -> Vec<Entry<'_>> {
        entries_of(self.dumped())
    }

    pub(super) fn statements(&self) -> &[Statement] {
        self.file.steps.first().map_or(&[], Step::statements)
    }
}

/// `schemas/v0.7.0_20251026211500_after.sql` was taken after `20251026211500`.
fn taken(path: &str) -> Option<(String, Moment)> {
    let name = path.rsplit(['/', '\\']).next()?.strip_suffix(".sql")?;
    let (name, moment) = match name.strip_suffix("_after") {
        Some(name) => (name, Moment::After),
        None => (name, Moment::Before),
    };
    let version = name.rsplit('_').next()?;
    let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    is_version.then(|| (version.to_owned(), moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "--\n-- PostgreSQL database dump\n--\n\nSET row_security = off;\n\n--\n\
        -- Name: f(); Type: FUNCTION; Schema: public; Owner: me\n--\n\nCREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$\n\
        select 1; $$;\n\n--\n-- On the platform's tables and beside them\n--\n\nCREATE POLICY p ON auth.users;\n";

    #[test]
    fn a_name_tells_of_a_migration_and_a_side() {
        let of = |path| taken(path).map(|(version, moment)| format!("{version} {}", moment.name()));
        assert_eq!(
            of("schemas/v0.7.0_20251026211500.sql").as_deref(),
            Some("20251026211500 before")
        );
        assert_eq!(of("20251026211500_after.sql").as_deref(), Some("20251026211500 after"));
        assert_eq!(of("now.sql"), None);
        assert_eq!(of("v0.7.0.sql"), None);
    }

    #[test]
    fn a_snapshot_falls_into_what_was_dumped_and_what_hangs_beside_it() {
        let source = Source::read("now.sql", TEXT.to_owned()).expect("it is fit");
        assert_eq!(source.statements().len(), 3);
        assert_eq!(source.entries().len(), 1);
        assert!(source.dumped().ends_with("$$;\n"));
        let (beside, at) = source.beside();
        assert!(beside.contains("CREATE POLICY") && &source.text[at..] == beside);
    }

    #[test]
    fn what_is_no_whole_snapshot_is_unfit() {
        for text in [
            "select 1;".to_owned(),
            format!("{PRINTED}: no.\n--\n"),
            format!("{TEXT}\n\\connect other\n"),
            format!("{TEXT}\ncommit;\n"),
            format!("{TEXT}\nvacuum;\n"),
        ] {
            let error = Source::read("now.sql", text).expect_err("it is unfit");
            assert!(matches!(error, RestoreError::Unfit { .. }), "{error}");
        }
    }
}
