//! Makes the text of `pg_dump` depend on the schema alone, and leaves out what the platform manages.

use super::PLATFORM;

/// The line that a dump is known by, inside the comment that opens it.
const ENTRY: &str = "-- Name: ";

/// Owners of what Supabase sets up itself.
pub(crate) const PLATFORM_OWNERS: [&str; 5] = [
    "supabase_admin",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "supabase_realtime_admin",
    "supabase_functions_admin",
];

/// The text of a dump without what changes from run to run and from client to client.
pub(super) fn clean(dump: &str, on_supabase: bool) -> String {
    let entries = entries(dump);
    let kept = entries.iter().enumerate().filter_map(|(at, entry)| {
        if at == 0 {
            return Some(header(entry));
        }
        let entry = if at + 1 == entries.len() {
            footer(entry)
        } else {
            (*entry).to_owned()
        };
        (!on_supabase || !is_platform_s(&entry)).then(|| owner_line(entry.trim_end()))
    });
    let mut text = kept.collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

/// The part before the first object, then a part per object.
pub(super) fn entries(dump: &str) -> Vec<&str> {
    let start = format!("--\n{ENTRY}");
    let mut cuts = vec![0];
    cuts.extend(
        dump.match_indices(&start)
            .map(|(at, _)| at)
            .filter(|at| *at == 0 || dump[..*at].ends_with("\n\n")),
    );
    cuts.push(dump.len());
    cuts.windows(2).map(|cut| &dump[cut[0]..cut[1]]).collect()
}

fn header(text: &str) -> String {
    let says_who = [
        "-- Dumped ",
        "-- Started on ",
        "\\restrict ",
        "SET transaction_timeout ",
    ];
    let lines = text
        .lines()
        .filter(|line| !says_who.iter().any(|start| line.starts_with(start)));
    let mut out: Vec<&str> = Vec::new();
    for line in lines {
        if !(line.is_empty() && out.last().is_some_and(|last| last.is_empty())) {
            out.push(line);
        }
    }
    out.join("\n").trim_end().to_owned()
}

fn footer(text: &str) -> String {
    let (kept, _) = text
        .rsplit_once("\n--\n-- PostgreSQL database dump complete\n--")
        .unwrap_or((text, ""));
    kept.to_owned()
}

/// `… ALTER … OWNER TO …;` follows its object after one blank line, whatever the client.
fn owner_line(entry: &str) -> String {
    match entry.rsplit_once("\n\n\nALTER ") {
        Some((object, owner)) if owner.contains(" OWNER TO ") && !owner.contains('\n') => {
            format!("{object}\n\nALTER {owner}")
        }
        _ => entry.to_owned(),
    }
}

/// What the comment above an object says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heading<'t> {
    /// The object's name.
    pub(super) name: &'t str,
    /// `TABLE`, `POLICY`, `DEFAULT ACL`, …
    pub(super) kind: &'t str,
    /// The schema; `-` where there is none.
    pub(super) schema: &'t str,
    pub(super) owner: &'t str,
}

impl<'t> Heading<'t> {
    /// `None` above the first object.
    pub(super) fn of(entry: &'t str) -> Option<Self> {
        let comment = entry.lines().find_map(|line| line.strip_prefix(ENTRY))?;
        // Names may hold anything, so that the parts are taken off from the end.
        let (rest, owner) = comment.rsplit_once("; Owner: ").unwrap_or((comment, ""));
        let owner = owner.split("; Tablespace: ").next().unwrap_or_default();
        let (rest, schema) = rest.rsplit_once("; Schema: ").unwrap_or((rest, ""));
        let (name, kind) = rest.rsplit_once("; Type: ").unwrap_or((rest, ""));
        Some(Self {
            name,
            kind,
            schema,
            owner: owner.trim_end(),
        })
    }
}

fn is_platform_s(entry: &str) -> bool {
    let Some(Heading {
        name,
        kind,
        schema,
        owner,
    }) = Heading::of(entry)
    else {
        return false;
    };
    // Privileges on what an extension made are dumped also where its schema is left out.
    if PLATFORM.contains(&schema) {
        return true;
    }
    match kind {
        "EVENT TRIGGER" | "DEFAULT ACL" | "FOREIGN DATA WRAPPER" | "SERVER" => PLATFORM_OWNERS.contains(&owner),
        // The publication itself is there in every project; which tables are in it is the project's.
        "PUBLICATION" => name.starts_with("supabase_realtime"),
        "COMMENT" => name.starts_with("EXTENSION "),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "--
-- PostgreSQL database dump
--

\\restrict abc

-- Dumped from database version 15.18
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET transaction_timeout = 0;

--
-- Name: app; Type: SCHEMA; Schema: -; Owner: me
--

CREATE SCHEMA app;


ALTER SCHEMA app OWNER TO me;

--
-- Name: watch; Type: EVENT TRIGGER; Schema: -; Owner: supabase_admin
--

CREATE EVENT TRIGGER watch;


--
-- Name: f(); Type: FUNCTION; Schema: app; Owner: me
--

CREATE FUNCTION app.f() RETURNS text
    AS $$
\\restrict x


-- Dumped in a body
$$;


ALTER FUNCTION app.f() OWNER TO me;

--
-- PostgreSQL database dump complete
--

\\unrestrict abc

";

    const CLEAN: &str = "--
-- PostgreSQL database dump
--

SET statement_timeout = 0;

--
-- Name: app; Type: SCHEMA; Schema: -; Owner: me
--

CREATE SCHEMA app;

ALTER SCHEMA app OWNER TO me;

--
-- Name: f(); Type: FUNCTION; Schema: app; Owner: me
--

CREATE FUNCTION app.f() RETURNS text
    AS $$
\\restrict x


-- Dumped in a body
$$;

ALTER FUNCTION app.f() OWNER TO me;
";

    #[test]
    fn what_changes_from_run_to_run_goes_and_bodies_stay_as_they_are() {
        assert_eq!(clean(DUMP, true), CLEAN);
    }

    #[test]
    fn off_supabase_nothing_is_the_platform_s() {
        assert!(clean(DUMP, false).contains("CREATE EVENT TRIGGER watch"));
    }
}
