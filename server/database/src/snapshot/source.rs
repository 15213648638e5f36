//! A snapshot read again: object by object, as the comments above them say.

use analysis::text::Span;

use super::clean::{Heading, entries};

/// One object of a snapshot, or what belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'t> {
    /// Its name, as `pg_dump` writes it in the comment.
    pub(crate) name: &'t str,
    /// `TABLE`, `POLICY`, `DEFAULT ACL`, …
    pub(crate) kind: &'t str,
    /// Its schema; `-` where it is in none.
    pub(crate) schema: &'t str,
    /// Its owner; of default privileges the role that they are of.
    pub(crate) owner: &'t str,
    /// All of it, the comment included.
    pub(crate) text: &'t str,
    /// Where that stands.
    pub(crate) span: Span,
}

/// The objects of a dump's text. What stands before the first belongs to none.
pub(crate) fn entries_of(text: &str) -> Vec<Entry<'_>> {
    let mut at = 0;
    let placed = entries(text).into_iter().map(|part| {
        let span = Span::new(at, at + part.len());
        at += part.len();
        (part, span)
    });
    placed
        .filter_map(|(part, span)| {
            let Heading {
                name,
                kind,
                schema,
                owner,
            } = Heading::of(part)?;
            Some(Entry {
                name,
                kind,
                schema,
                owner,
                text: part.trim_end(),
                span,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_has_its_name_its_kind_and_its_place() {
        let text = "SET a = 1;\n\n--\n-- Name: t; Type: TABLE; Schema: app; Owner: me\n--\n\nCREATE TABLE app.t ();\n\n--\n\
                    -- Name: t odd; Type: x; Type: POLICY; Schema: app; Owner: me\n--\n\nCREATE POLICY;\n";
        let found = entries_of(text);
        let shown: Vec<_> = found.iter().map(|it| (it.name, it.kind, it.schema)).collect();
        assert_eq!(shown, [("t", "TABLE", "app"), ("t odd; Type: x", "POLICY", "app")]);
        assert!(found[0].span.slice(text).starts_with("--\n-- Name: t;"));
        assert!(found[1].text.ends_with("CREATE POLICY;"));
    }
}
