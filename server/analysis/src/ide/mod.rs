//! What an editor asks at a cursor, answered from the replayed history. Byte offsets and plain data: it knows no
//! protocol and no rule.

pub mod completion;
pub mod definition;
mod describe;
mod effect;
pub mod folding;
pub mod hints;
pub mod hover;
pub mod lenses;
mod lineage;
mod mention;
mod place;
pub mod references;
pub mod rename;
pub mod selection;
pub mod symbols;
pub mod tokens;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::Document;
use crate::history::{History, Migration};
use crate::schema::timeline::{Moment, Timeline};
use crate::settings::Settings;
use crate::sql::statement::Statement;
use crate::text::Span;

/// A replayed history, to be asked about.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The whole history, unsaved texts included.
    pub history: &'a History,
    /// One per migration, in the same order.
    pub documents: &'a [Document],
    /// The settings in force.
    pub settings: &'a Settings,
    /// The history, replayed.
    pub timeline: &'a Timeline,
}

/// Where the cursor is: before the byte at `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the migration in the history.
    pub file: usize,
    /// Byte offset in its text.
    pub offset: u32,
}

/// A range in a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Number of the migration in the history.
    pub file: usize,
    /// Byte range in its text.
    pub span: Span,
}

/// A text to be put in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// What is replaced; nothing where the span is empty.
    pub location: Location,
    /// What stands there then.
    pub text: String,
}

impl<'a> View<'a> {
    /// The migration of that number.
    pub fn migration(&self, file: usize) -> Option<&'a Migration> {
        self.history.migrations.get(file)
    }

    /// The text of a migration; empty for a number past the end.
    pub fn text(&self, file: usize) -> &'a str {
        self.migration(file).map_or("", |migration| &*migration.text)
    }

    /// The statements of a migration.
    pub fn statements(&self, file: usize) -> &'a [Statement] {
        self.documents
            .get(file)
            .map_or(&[][..], |document| &document.file.statements)
    }

    /// The statement of the file that the place is in, or at the end of.
    pub fn statement(&self, place: Place) -> Option<&'a Statement> {
        let statements = self.statements(place.file);
        let at = statements.partition_point(|statement| statement.span.end < place.offset);
        let around = |statement: &&Statement| touches(statement.span, place.offset);
        statements.get(at).filter(around).or_else(|| {
            // Behind the last byte of one statement may be the first of the next: `select 1;select 2`.
            statements.get(at + 1).filter(around)
        })
    }

    fn steps(&self, file: usize, visit: &mut dyn FnMut(&Moment<'_>)) {
        self.timeline
            .steps(file, self.history, self.documents, self.settings, visit);
    }
}

/// Whether a cursor at `offset` is in the span or at one of its ends.
fn touches(span: Span, offset: u32) -> bool {
    span.start <= offset && offset <= span.end
}
