//! `supabase/docs/MIGRATIONS.md`, the history that people read: an entry per migration, in the design document's form.
//!
//! Text in, text out. Only the fields that dblsp knows are written, and only in the entry that is meant: whatever a
//! person wrote around them, and a list of changes that is already there, stays as it is.

use std::fmt::Write as _;
use std::ops::Range;

/// What is known of a migration once it has been applied or rolled back somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `20251026211500_v0_7_0_baseline.sql`
    pub file: String,
    /// `0.7.0`; `None` where file names carry no version.
    pub release: Option<String>,
    /// What the migration is about, in words: `Baseline`.
    pub title: String,
    /// The environment that it happened in.
    pub environment: String,
    /// What happened.
    pub event: Event,
    /// When, in UTC: `2025-10-26 21:15:00`.
    pub date: String,
    /// The snapshot from before, relative to the folder above `docs`.
    pub snapshot: Option<String>,
    /// The rollback script, likewise.
    pub rollback: Option<String>,
    /// What it changes, a line each. Written where nobody has written a list.
    pub changes: Vec<String>,
    /// `smoke_test passed`; `None` where no test ran.
    pub tested: Option<Tested>,
    /// Alerts of the run.
    pub issues: Vec<String>,
    /// Who ran it.
    pub deployed_by: String,
    /// How long the migration took, in milliseconds.
    pub milliseconds: Option<u64>,
}

/// What happened to a migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Event {
    /// It was applied.
    #[default]
    Applied,
    /// It was rolled back.
    RolledBack,
}

/// How the tests ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Whether all passed.
    pub passed: bool,
    /// Which, in words.
    pub words: String,
}

/// The page of a project that has none.
pub const EMPTY: &str = "# Migration History\n\nEach entry is completed when its migration is applied.\n";

/// The page with what is known of one migration.
#[must_use]
pub fn update(page: &str, entry: &Entry) -> String {
    let line_end = if page.contains("\r\n") { "\r\n" } else { "\n" };
    let text = page.replace("\r\n", "\n");
    let mut page = if text.trim().is_empty() { EMPTY.to_owned() } else { text };
    let place = match section(&page, &entry.file) {
        Some(place) => place,
        None => add_section(&mut page, entry),
    };
    let changed = fill(&page[place.clone()], entry);
    page.replace_range(place, &changed);
    if line_end == "\r\n" {
        page = page.replace('\n', "\r\n");
    }
    page
}

/// The lines of a page with their byte ranges, without what stands in fenced code.
fn lines(page: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = 0;
    let mut is_code = false;
    page.split_inclusive('\n').filter_map(move |line| {
        let range = at..at + line.len();
        at = range.end;
        let text = line.trim_end();
        if text.trim_start().starts_with("```") {
            is_code = !is_code;
            return None;
        }
        (!is_code).then_some((range, text))
    })
}

/// From a migration's heading to the next heading.
fn section(page: &str, file: &str) -> Option<Range<usize>> {
    let mut begin = None;
    for (range, line) in lines(page) {
        match begin {
            None if line.strip_prefix("### ").is_some_and(|name| name.trim() == file) => begin = Some(range.start),
            Some(begin) if line.starts_with("## ") || line.starts_with("### ") => return Some(begin..range.start),
            _ => {}
        }
    }
    begin.map(|begin| begin..page.len())
}

/// Puts an empty entry where it belongs: in its version's group, before the first later migration.
fn add_section(page: &mut String, entry: &Entry) -> Range<usize> {
    let group = match &entry.release {
        Some(release) => format!("## v{release}"),
        None => "## Migrations".to_owned(),
    };
    let is_group = |line: &str| {
        line.strip_prefix(&group)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let found = lines(page)
        .find(|(_, line)| is_group(line))
        .map(|(range, _)| range.start);
    let begin = found.unwrap_or_else(|| add_group(page, &group, entry));
    let within = |(range, _): &(Range<usize>, &str)| range.start > begin;
    let end = lines(page)
        .filter(within)
        .find(|(_, line)| line.starts_with("## "))
        .map_or(page.len(), |(range, _)| range.start);
    let later = lines(page).filter(within).find(|(range, line)| {
        range.start < end
            && line
                .strip_prefix("### ")
                .is_some_and(|name| name.trim() > entry.file.as_str())
    });
    let at = later.map_or(end, |(range, _)| range.start);
    let before = page[..at].trim_end().len();
    let mut text = String::new();
    // A rule between two migrations, none below the group's heading.
    let has_neighbour = lines(page)
        .filter(within)
        .any(|(range, line)| range.start < at && line.starts_with("### "));
    let has_rule = page[..before].ends_with("---");
    text.push_str(if has_neighbour && !has_rule {
        "\n\n---\n\n"
    } else {
        "\n\n"
    });
    let start = before + text.len();
    _ = writeln!(text, "### {}", entry.file);
    let length = text.len() - (start - before);
    text.push_str(if at == page.len() { "" } else { "\n---\n\n" });
    page.replace_range(before..at, &text);
    start..start + length
}

/// Puts a group's heading before the first group of a later migration, or at the end; its offset.
fn add_group(page: &mut String, heading: &str, entry: &Entry) -> usize {
    let mut groups: Vec<(usize, Option<String>)> = Vec::new();
    for (range, line) in lines(page) {
        if line.starts_with("## ") {
            groups.push((range.start, None));
        } else if let Some(name) = line.strip_prefix("### ")
            && let Some((_, first)) = groups.last_mut()
        {
            first.get_or_insert_with(|| name.trim().to_owned());
        }
    }
    let is_later = |(_, first): &&(usize, Option<String>)| first.as_ref().is_some_and(|first| *first > entry.file);
    let at = groups.iter().find(is_later).map_or(page.len(), |(at, _)| *at);
    let before = page[..at].trim_end().len();
    let day = entry.date.split(' ').next().unwrap_or_default();
    let mut text = String::from(if before == 0 { "" } else { "\n\n" });
    let start = before + text.len();
    match &entry.release {
        Some(_) => _ = write!(text, "{heading} - {} ({day})", entry.title),
        None => text.push_str(heading),
    }
    text.push_str(if at == page.len() { "\n" } else { "\n\n" });
    page.replace_range(before..at, &text);
    start
}

/// Writes the fields of one entry: in place where they are, at the end of the fields where they are not.
fn fill(section: &str, entry: &Entry) -> String {
    let mut fields = Fields::read(section);
    let known = environments(&fields);
    let now = match entry.event {
        Event::Applied => {
            let mut now: Vec<(String, String)> = known
                .into_iter()
                .filter(|(name, _)| *name != entry.environment)
                .collect();
            now.push((entry.environment.clone(), entry.date.clone()));
            now
        }
        Event::RolledBack => known
            .into_iter()
            .filter(|(name, _)| *name != entry.environment)
            .collect(),
    };
    let status = match (entry.event, now.as_slice()) {
        (_, [_, ..]) => "✅ Applied".to_owned(),
        (_, []) => format!("⏪ Rolled back ({}, {})", entry.environment, entry.date),
    };
    let date = match now.as_slice() {
        [] => "not applied".to_owned(),
        [(_, date)] => date.clone(),
        several => several
            .iter()
            .map(|(name, date)| format!("{date} ({name})"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let names: Vec<&str> = now.iter().map(|(name, _)| name.as_str()).collect();
    fields.set("Status", &status);
    fields.set("Date", &date);
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    fields.set("Environment", &names);
    if let Some(snapshot) = &entry.snapshot {
        fields.set("Snapshot", snapshot);
    }
    if let Some(rollback) = &entry.rollback {
        fields.set("Rollback", rollback);
    }
    fields.list_if_empty("Changes", &entry.changes);
    if let Some(tested) = &entry.tested {
        let mark = if tested.passed { "✅" } else { "❌" };
        fields.set("Tested", &format!("{mark} {}", tested.words));
    }
    if entry.issues.is_empty() {
        fields.set_if_missing("Issues", "None");
    } else {
        fields.set("Issues", &entry.issues.join("; "));
    }
    if entry.event == Event::Applied {
        fields.set("Deployed by", &entry.deployed_by);
    }
    if let Some(milliseconds) = entry.milliseconds {
        fields.set("Migration time", &seconds(milliseconds));
    }
    fields.text()
}

/// `2.3 seconds`
fn seconds(milliseconds: u64) -> String {
    format!("{}.{} seconds", milliseconds / 1000, milliseconds % 1000 / 100)
}

/// Where it is applied, and since when, as the entry says.
fn environments(fields: &Fields) -> Vec<(String, String)> {
    let names = fields.get("Environment").unwrap_or_default();
    let dates = fields.get("Date").unwrap_or_default();
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "none");
    let names: Vec<&str> = names.collect();
    let date_of = |name: &str| {
        let suffix = format!("({name})");
        let mut parts = dates.split(", ").map(str::trim);
        let own = parts.find_map(|part| part.strip_suffix(&suffix));
        own.unwrap_or(if names.len() == 1 { dates } else { "" })
            .trim()
            .to_owned()
    };
    names.iter().map(|name| ((*name).to_owned(), date_of(name))).collect()
}

/// The fields of the design document's form, in its order, in groups that a blank line parts.
const ORDER: [&[&str]; 4] = [
    &["Status", "Date", "Environment", "Snapshot", "Rollback"],
    &["Changes"],
    &["Tested", "Issues"],
    &["Deployed by", "Migration time"],
];

/// The lines of an entry.
struct Fields {
    lines: Vec<String>,
    /// Blank lines and a rule at the end, which stay there.
    tail: String,
}

impl Fields {
    fn read(section: &str) -> Self {
        let body = section.trim_end();
        let body = body.strip_suffix("---").map_or(body, str::trim_end);
        Self {
            lines: body.lines().map(str::to_owned).collect(),
            tail: section[body.len()..].to_owned(),
        }
    }

    fn text(&self) -> String {
        let tail = if self.tail.is_empty() { "\n" } else { &self.tail };
        self.lines.join("\n") + tail
    }

    fn find(&self, name: &str) -> Option<usize> {
        let field = format!("**{name}:**");
        self.lines.iter().position(|line| line.starts_with(&field))
    }

    /// The value of a field; a value that goes on below its line is not followed.
    fn get(&self, name: &str) -> Option<&str> {
        let line = &self.lines[self.find(name)?];
        Some(line[name.len() + "**:**".len()..].trim())
    }

    fn set(&mut self, name: &str, value: &str) {
        // A value never becomes a second line, and so never a heading.
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = format!("**{name}:** {value}");
        match self.find(name) {
            Some(at) => self.lines[at] = line,
            None => self.insert(name, vec![line]),
        }
    }

    fn set_if_missing(&mut self, name: &str, value: &str) {
        if self.find(name).is_none() {
            self.set(name, value);
        }
    }

    fn list_if_empty(&mut self, name: &str, items: &[String]) {
        let items = items
            .iter()
            .map(|item| format!("- {}", item.split_whitespace().collect::<Vec<_>>().join(" ")));
        match self.find(name) {
            None => {
                let lines = [format!("**{name}:**")].into_iter().chain(items);
                self.insert(name, lines.collect());
            }
            Some(at) => {
                let has_value = self.get(name).is_some_and(|value| !value.is_empty());
                let has_list = self.lines.get(at + 1).is_some_and(|line| !line.trim().is_empty());
                if !has_value && !has_list {
                    let rest = self.lines.split_off(at + 1);
                    self.lines.extend(items.chain(rest));
                }
            }
        }
    }

    /// Puts a new field behind those that come before it in the form.
    fn insert(&mut self, name: &str, new: Vec<String>) {
        let group = ORDER.iter().position(|group| group.contains(&name)).unwrap_or(0);
        let earlier = ORDER[..=group].iter().enumerate().rev().flat_map(|(number, fields)| {
            let fields = fields.iter().rev().copied();
            fields
                .skip_while(move |other| number == group && *other != name)
                .map(move |other| (number, other))
        });
        let before = earlier
            .filter(|(_, other)| *other != name)
            .find_map(|(number, other)| self.find(other).map(|at| (number, at)));
        let (at, is_new_group) = match before {
            // Behind the field, and behind what is listed below it.
            Some((number, at)) => {
                let below = self.lines[at + 1..]
                    .iter()
                    .take_while(|line| !line.is_empty() && !line.starts_with("**"));
                (at + 1 + below.count(), number != group)
            }
            None => (1.min(self.lines.len()), false),
        };
        let mut new = new;
        if is_new_group {
            new.insert(0, String::new());
        }
        self.lines.splice(at..at, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(environment: &str) -> Entry {
        Entry {
            file: "20251026211500_v0_7_0_baseline.sql".into(),
            release: Some("0.7.0".into()),
            title: "Baseline".into(),
            environment: environment.into(),
            date: "2025-10-26 21:15:00".into(),
            snapshot: Some("schemas/v0.7.0_20251026211500.sql".into()),
            rollback: Some("rollback/20251026211500_rollback.sql".into()),
            changes: vec!["CREATE: 30 tables, 3 views".into()],
            tested: Some(Tested {
                passed: true,
                words: "smoke_test passed".into(),
            }),
            deployed_by: "ana".into(),
            milliseconds: Some(2345),
            ..Entry::default()
        }
    }

    const BASELINE: &str = "\
# Migration History

Each entry is completed when its migration is applied.

## v0.7.0 - Baseline (2025-10-26)

### 20251026211500_v0_7_0_baseline.sql
**Status:** ✅ Applied
**Date:** 2025-10-26 21:15:00
**Environment:** staging
**Snapshot:** schemas/v0.7.0_20251026211500.sql
**Rollback:** rollback/20251026211500_rollback.sql

**Changes:**
- CREATE: 30 tables, 3 views

**Tested:** ✅ smoke_test passed
**Issues:** None

**Deployed by:** ana
**Migration time:** 2.3 seconds
";

    #[test]
    fn the_first_entry_is_the_document_s_form() {
        let page = update("", &baseline("staging"));
        assert_eq!(page, BASELINE);
        assert_eq!(update(&page, &baseline("staging")), page, "again changes nothing");
    }

    #[test]
    fn entries_and_groups_stand_in_order() {
        let seed = Entry {
            file: "20251026213000_v0_7_0_seed.sql".into(),
            title: "Seed".into(),
            ..baseline("staging")
        };
        let next = Entry {
            file: "20251027140000_v0_8_0_collaboration.sql".into(),
            release: Some("0.8.0".into()),
            title: "Collaboration".into(),
            ..baseline("staging")
        };
        let in_order = [&baseline("staging"), &seed, &next];
        let page = in_order.iter().fold(String::new(), |page, entry| update(&page, entry));
        let headings: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with('#') || *line == "---")
            .collect();
        let wanted = [
            "# Migration History",
            "## v0.7.0 - Baseline (2025-10-26)",
            "### 20251026211500_v0_7_0_baseline.sql",
            "---",
            "### 20251026213000_v0_7_0_seed.sql",
            "## v0.8.0 - Collaboration (2025-10-26)",
            "### 20251027140000_v0_8_0_collaboration.sql",
        ];
        assert_eq!(headings, wanted);
        let shuffled = [&next, &seed, &baseline("staging")];
        let page = shuffled.iter().fold(String::new(), |page, entry| update(&page, entry));
        let files: Vec<&str> = page.lines().filter(|line| line.starts_with("### ")).collect();
        assert_eq!(files, [wanted[2], wanted[4], wanted[6]]);
        assert_eq!(page.matches("## v0.7.0").count(), 1);
    }

    #[test]
    fn environments_are_added_and_taken_away() {
        let page = update("", &baseline("staging"));
        let production = Entry {
            date: "2025-10-27 02:00:00".into(),
            ..baseline("production")
        };
        let both = update(&page, &production);
        assert!(both.contains("**Environment:** staging, production\n"), "{both}");
        assert!(both.contains("**Date:** 2025-10-26 21:15:00 (staging), 2025-10-27 02:00:00 (production)\n"));
        let back = Entry {
            event: Event::RolledBack,
            ..production.clone()
        };
        assert_eq!(update(&both, &back), page);
        let nowhere = update(
            &page,
            &Entry {
                event: Event::RolledBack,
                date: "2025-10-28 03:00:00".into(),
                ..baseline("staging")
            },
        );
        assert!(nowhere.contains("**Status:** ⏪ Rolled back (staging, 2025-10-28 03:00:00)\n**Date:** not applied\n"));
    }

    #[test]
    fn what_people_wrote_stays() {
        let page = "# Migration History

Our notes. ```not a fence```

```
### 20251026211500_v0_7_0_baseline.sql in a fence
```

## v0.7.0 - The first one (2025-10-26)

Words about it.

### 20251026211500_v0_7_0_baseline.sql
**Status:** ⏳ Pending
**Environment:** none
**Reviewed by:** joe

**Changes:**
- FIX P0: slug collision
  in two lines

Lessons: none.
";
        let page = update(page, &baseline("staging"));
        for kept in [
            "Our notes.",
            "in a fence",
            "## v0.7.0 - The first one (2025-10-26)",
            "Words about it.",
            "**Reviewed by:** joe",
            "- FIX P0: slug collision\n  in two lines\n",
            "Lessons: none.",
        ] {
            assert!(page.contains(kept), "{kept}\n{page}");
        }
        assert!(!page.contains("30 tables"));
        assert!(
            page.contains("**Status:** ✅ Applied\n**Date:** 2025-10-26 21:15:00\n**Environment:** staging\n"),
            "{page}"
        );
        assert_eq!(update(&page, &baseline("staging")), page);
    }

    #[test]
    fn line_ends_and_hostile_values_do_no_harm() {
        let entry = Entry {
            deployed_by: "eve\n### 20990101000000_v9_9_9_x.sql".into(),
            ..baseline("staging")
        };
        let page = update("# History\r\n", &entry);
        assert_eq!(page.matches("\r\n").count(), page.matches('\n').count());
        assert!(!page.lines().any(|line| line.starts_with("### 2099")));
    }

    #[test]
    fn projects_without_versions_have_one_group() {
        let entry = Entry {
            file: "20250101000000_users.sql".into(),
            release: None,
            ..baseline("local")
        };
        let page = update("", &entry);
        assert!(
            page.contains("\n## Migrations\n\n### 20250101000000_users.sql\n"),
            "{page}"
        );
    }
}
