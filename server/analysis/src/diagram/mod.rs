//! A schema as a picture: tables with their columns and keys, lines for foreign keys, and what changes in them between
//! two catalogs. Built once, drawn as SVG or written as Mermaid.

mod difference;
mod layout;
pub mod markup;
mod mermaid;
mod route;
mod svg;

use smol_str::SmolStr;

use crate::schema::catalog::Catalog;
use crate::schema::objects::Id;

/// Tables and the keys between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// By name, those that are only referred to among them.
    pub tables: Vec<Table>,
    /// From the table that refers to the one that is referred to.
    pub keys: Vec<Key>,
    /// Whether it shows a difference: what did not change stands back.
    pub is_difference: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name; the new one, where it was renamed.
    pub id: Id,
    /// Its old name, where it was renamed.
    pub was: Option<Id>,
    /// What happened to it.
    pub mark: Mark,
    /// Whether it is none of the project's, and only shown because something refers to it.
    pub is_outside: bool,
    /// Its columns in their order, dropped ones where they stood.
    pub columns: Vec<Column>,
    /// Of indexes, constraints, policies, triggers and settings, what changed.
    pub notes: Vec<Note>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: SmolStr,
    /// Its type, as `format_type` prints it.
    pub ty: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether it is part of the primary key.
    pub primary: bool,
    /// Whether a unique constraint or index is over it alone.
    pub unique: bool,
    /// Whether a foreign key is over it.
    pub foreign: bool,
    /// What happened to it.
    pub mark: Mark,
    /// How it was, in a few words, where it changed.
    pub was: Option<String>,
}

/// Something else of a table that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What happened.
    pub mark: Mark,
    /// To what: `index users_email_idx`.
    pub text: String,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: SmolStr,
    /// The table that refers, by its place in the diagram.
    pub from: usize,
    /// Its columns, by their places in the table.
    pub from_columns: Vec<usize>,
    /// The table that is referred to.
    pub to: usize,
    /// Its columns, as far as they are shown.
    pub to_columns: Vec<usize>,
    /// What happened to it.
    pub mark: Mark,
}

/// What happened to something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Nothing.
    #[default]
    Same,
    /// It is other than before.
    Changed,
    /// It is new.
    Added,
    /// It is gone.
    Dropped,
}

impl Mark {
    /// The sign before it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Added => "+",
            Self::Changed => "~",
            Self::Dropped => "−",
        }
    }

    /// In a word; empty where nothing happened.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Dropped => "dropped",
        }
    }
}

impl Table {
    /// Its name for people: without the schema where that is `public`.
    pub fn label(&self) -> String {
        label(&self.id)
    }
}

/// A name for people: without the schema where that is `public`.
fn label(id: &Id) -> String {
    if id.schema == "public" {
        id.name.to_string()
    } else {
        format!("{}.{}", id.schema, id.name)
    }
}

impl Diagram {
    /// The schema of a catalog. Tables of `base`, which was there before the project, are left out unless a key leads to
    /// them, and so are partitions.
    pub fn of(catalog: &Catalog, base: &Catalog) -> Self {
        Self {
            is_difference: false,
            ..difference::between(catalog, catalog, base)
        }
    }

    /// The schema after a change, with what the change did in it.
    pub fn between(before: &Catalog, after: &Catalog, base: &Catalog) -> Self {
        difference::between(before, after, base)
    }

    /// An SVG that follows the reader's light or dark colours.
    pub fn to_svg(&self) -> String {
        svg::draw(self)
    }

    /// An `erDiagram` for Mermaid.
    pub fn to_mermaid(&self) -> String {
        mermaid::write(self)
    }
}

#[cfg(test)]
mod tests;
