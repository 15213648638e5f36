//! Constraints and indexes.

use super::{Pieces, Recreate};
use crate::schema::change::Key;
use crate::schema::inverse::Piece;
use crate::schema::inverse::print::{self, names, quote_ident};
use crate::schema::inverse::words::in_parentheses;
use crate::schema::objects::{Constraint, ConstraintKind, Definition, Id, Index, Relation};
use crate::schema::resolve::columns_in_order;
use crate::sql;
use crate::sql::lexeme::lexemes;
use crate::sql::statement::{Node, ReferentialAction};

impl Recreate<'_> {
    pub(crate) fn add_constraint(&self, table: &Id, constraint: &Constraint) -> Piece {
        let name = quote_ident(&constraint.name);
        let text = self.constraint(table, constraint);
        self.carried(format!(
            "alter table {} add constraint {name} {text};",
            print::id(table)
        ))
    }

    pub(crate) fn constraint_comment(&self, table: &Id, constraint: &Constraint, out: &mut Pieces) {
        let key = Key::Constraint(table.clone(), constraint.name.clone());
        self.comment_of(&key, constraint.comment.as_ref(), out);
        let index = self.catalog.relations.get(&table.sibling(&constraint.name));
        let comment = index
            .filter(|found| found.index().is_some())
            .and_then(|found| found.meta.comment.as_ref());
        self.comment_of(&Key::Relation(table.sibling(&constraint.name)), comment, out);
    }

    /// The definition of a constraint after its name.
    pub(crate) fn constraint(&self, table: &Id, constraint: &Constraint) -> String {
        let columns = names(&constraint.columns);
        let include = match constraint.include.as_slice() {
            [] => String::new(),
            include => format!(" include ({})", names(include)),
        };
        let mut sql = match &constraint.kind {
            ConstraintKind::Primary => format!("primary key ({columns}){include}"),
            ConstraintKind::Unique => {
                let index = self.catalog.index(&table.sibling(&constraint.name));
                let distinct = index.is_some_and(|index| index.nulls_not_distinct);
                format!(
                    "unique{} ({columns}){include}",
                    if distinct { " nulls not distinct" } else { "" }
                )
            }
            ConstraintKind::Foreign(key) => {
                let mut sql = format!("foreign key ({columns}) references {}", print::id(&key.table));
                if !key.columns.is_empty() {
                    sql.push_str(&format!(" ({})", names(&key.columns)));
                }
                let text = constraint.text.to_ascii_lowercase();
                if text.contains("match full") {
                    sql.push_str(" match full");
                }
                for (event, action) in [("delete", key.on_delete), ("update", key.on_update)] {
                    if let Some(action) = action_words(action) {
                        sql.push_str(&format!(" on {event} {action}"));
                        sql.push_str(&set_columns(&constraint.text, event));
                    }
                }
                sql
            }
            ConstraintKind::Check(expr) => {
                // The columns are kept under the names that they have now, in the order of the text.
                let old = columns_in_order(expr);
                let mut new = self.new_names(constraint.created, table, None);
                if old.len() == constraint.columns.len() {
                    let pairs = old.into_iter().zip(constraint.columns.iter().cloned());
                    new.extend(pairs.filter(|(old, new)| old != new));
                }
                let text = without_not_valid(&constraint.text);
                let text = text.trim_start();
                let bare = if text.to_ascii_lowercase().starts_with("check") {
                    text.to_owned()
                } else {
                    format!("check {}", in_parentheses(text))
                };
                print::renamed(&bare, &new)
            }
            ConstraintKind::Exclude | ConstraintKind::NotNull => {
                let new = self.new_names(constraint.created, table, None);
                return print::renamed(&constraint.text, &new);
            }
        };
        if constraint.deferrable {
            sql.push_str(" deferrable");
        }
        if constraint.deferred {
            sql.push_str(" initially deferred");
        }
        if !constraint.validated {
            sql.push_str(" not valid");
        }
        sql
    }

    pub(crate) fn index(&self, id: &Id, relation: &Relation, out: &mut Pieces) {
        let Some(index) = relation.index() else { return };
        let definition = relation.meta.definition.as_ref();
        let written = definition.and_then(|definition| self.index_as_written(id, index, relation, definition));
        let piece = written.or_else(|| plain_index(id, index));
        out.push(piece.unwrap_or_else(|| Self::impossible(&format!("create index {id} again"))));
        self.comment_of(&Key::Relation(id.clone()), relation.meta.comment.as_ref(), out);
    }

    pub(crate) fn index_as_written(
        &self,
        id: &Id,
        index: &Index,
        relation: &Relation,
        definition: &Definition,
    ) -> Option<Piece> {
        let file = sql::parse(&definition.text);
        let Node::CreateIndex(create) = &file.statements.first()?.node else {
            return None;
        };
        let tail = definition.text.get(create.table.span().end as usize..)?;
        let tail = print::renamed(tail, &self.new_names(relation.meta.created, &index.table, None));
        let sql = format!(
            "create {}index {} on {}{}{};",
            if index.unique { "unique " } else { "" },
            quote_ident(&id.name),
            if create.only { "only " } else { "" },
            print::id(&index.table),
            tail.trim_end()
        );
        Some(self.as_defined(sql, definition))
    }
}

/// An index that its columns describe in full.
pub(crate) fn plain_index(id: &Id, index: &Index) -> Option<Piece> {
    if index.predicate.is_some() {
        return None;
    }
    let keys: Option<Vec<String>> = index
        .keys
        .iter()
        .map(|key| {
            let name = quote_ident(key.column.as_ref()?);
            Some(if key.descending { format!("{name} desc") } else { name })
        })
        .collect();
    let include = match index.include.as_slice() {
        [] => String::new(),
        include => format!(" include ({})", names(include)),
    };
    Some(Piece::lossless(format!(
        "create {}index {} on {} using {} ({}){include};",
        if index.unique { "unique " } else { "" },
        quote_ident(&id.name),
        print::id(&index.table),
        index.method,
        keys?.join(", ")
    )))
}

pub(crate) fn action_words(action: ReferentialAction) -> Option<&'static str> {
    match action {
        ReferentialAction::Unspecified | ReferentialAction::NoAction => None,
        ReferentialAction::Restrict => Some("restrict"),
        ReferentialAction::Cascade => Some("cascade"),
        ReferentialAction::SetNull => Some("set null"),
        ReferentialAction::SetDefault => Some("set default"),
    }
}

/// The column list of `ON DELETE SET NULL (a, b)`.
pub(crate) fn set_columns(text: &str, event: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = lower.split_whitespace().collect::<Vec<_>>().join(" ");
    for action in ["set null", "set default"] {
        let start = format!("on {event} {action}");
        if let Some(at) = words.find(&start) {
            let rest = words[at + start.len()..].trim_start();
            if rest.starts_with('(')
                && let Some(end) = rest.find(')')
            {
                return format!(" {}", &rest[..=end]);
            }
        }
    }
    String::new()
}

pub(crate) fn without_not_valid(text: &str) -> String {
    let all = lexemes(text);
    let end = all.iter().position(|lexeme| lexeme.is(text, "deferrable"));
    let cut = all
        .windows(2)
        .rposition(|pair| pair[0].is(text, "not") && pair[1].is(text, "valid"));
    // `NOT DEFERRABLE` and its like say nothing that the fields do not.
    let end = [cut, end].into_iter().flatten().min();
    match end.and_then(|at| all.get(at)) {
        Some(lexeme) => text[..lexeme.span.start as usize].trim_end().to_owned(),
        None => text.trim_end().to_owned(),
    }
}
