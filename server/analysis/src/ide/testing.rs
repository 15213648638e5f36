//! One helper for the tests of this module: a history as text, the cursor as `$0`, places as carets.
//!
//! A line `-- 1_name.sql` begins each file; a text without one is one file. The history is whole. A comment line that
//! holds carets points at the line above it, as that is without its `$0`:
//!
//! ```text
//! select id from us$0ers;
//! --             ^^^^^
//! ```

use super::{Location, Place, View};
use crate::Document;
use crate::history::{Base, History, Migration};
use crate::schema::timeline::Timeline;
use crate::settings::Settings;
use crate::text::{LineIndex, Span};

/// A replayed history with a cursor.
pub(super) struct Case {
    pub(super) history: History,
    documents: Vec<Document>,
    pub(super) settings: Settings,
    timeline: Timeline,
    cursor: Option<Place>,
}

impl Case {
    pub(super) fn new(sql: &str) -> Self {
        Self::on(sql, Base::Empty)
    }

    fn on(sql: &str, base: Base) -> Self {
        let mut files: Vec<(String, String)> = Vec::new();
        for line in sql.lines() {
            let header = line
                .trim()
                .strip_prefix("-- ")
                .filter(|name| name.strip_suffix(".sql").is_some_and(|stem| !stem.contains(' ')));
            match (header, files.last_mut()) {
                (Some(name), _) => files.push((name.to_owned(), String::new())),
                (None, Some((_, text))) => {
                    text.push_str(line);
                    text.push('\n');
                }
                (None, None) => files.push(("1.sql".to_owned(), format!("{line}\n"))),
            }
        }
        let mut cursor = None;
        for (file, (_, text)) in files.iter_mut().enumerate() {
            if let Some(at) = text.find("$0") {
                text.replace_range(at..at + 2, "");
                let offset = u32::try_from(at).expect("tests are short");
                cursor = Some(Place { file, offset });
            }
        }
        let migrations = files.iter().map(|(path, text)| Migration::new(path, text)).collect();
        Self::of(migrations, base, cursor)
    }

    pub(super) fn of(migrations: Vec<Migration>, base: Base, cursor: Option<Place>) -> Self {
        let history = History {
            migrations,
            complete: true,
            base,
            ..History::default()
        };
        let documents: Vec<Document> = history.migrations.iter().map(crate::read).collect();
        let settings = Settings::default();
        let timeline = Timeline::replay(&history, &documents, &settings);
        Self {
            history,
            documents,
            settings,
            timeline,
            cursor,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            history: &self.history,
            documents: &self.documents,
            settings: &self.settings,
            timeline: &self.timeline,
        }
    }

    /// Where `$0` stood.
    pub(super) fn cursor(&self) -> Place {
        self.cursor.expect("the text has a $0")
    }

    /// The places that carets point at, in order.
    pub(super) fn carets(&self) -> Vec<Location> {
        let mut found = Vec::new();
        for (file, migration) in self.history.migrations.iter().enumerate() {
            let text = &*migration.text;
            let index = LineIndex::new(text);
            for (number, line) in text.lines().enumerate() {
                if !line.trim_start().starts_with("--") || !line.contains('^') {
                    continue;
                }
                let above = index.line_text(text, number - 1);
                let start = index.start(number - 1) as usize;
                let byte = |column: usize| above.char_indices().nth(column).map_or(above.len(), |(at, _)| at);
                let columns: Vec<char> = line.chars().collect();
                let mut at = 0;
                while at < columns.len() {
                    if columns[at] == '^' {
                        let length = columns[at..].iter().take_while(|c| **c == '^').count();
                        found.push(Location {
                            file,
                            span: Span::new(start + byte(at), start + byte(at + length)),
                        });
                        at += length;
                    } else {
                        at += 1;
                    }
                }
            }
        }
        found
    }

    /// A place as people read it, with its text.
    pub(super) fn shown(&self, location: Location) -> String {
        let migration = &self.history.migrations[location.file];
        let place = LineIndex::new(&migration.text).line_column(&migration.text, location.span.start);
        let text = location.span.slice(&migration.text);
        format!("{}:{}:{} {text}", migration.path, place.line, place.column)
    }

    /// Asserts that the places are those that the carets point at.
    #[track_caller]
    pub(super) fn points(&self, found: impl IntoIterator<Item = Location>) {
        let mut found: Vec<Location> = found.into_iter().collect();
        found.sort();
        let show = |places: Vec<Location>| places.into_iter().map(|place| self.shown(place)).collect::<Vec<_>>();
        assert_eq!(show(found), show(self.carets()));
    }

    pub(super) fn text(&self, file: usize) -> &str {
        &self.history.migrations[file].text
    }
}
