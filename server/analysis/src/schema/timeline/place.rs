//! The catalog in the middle of a file: what a statement finds that is still being written.

use std::sync::Arc;

use super::{Timeline, replay_file};
use crate::Document;
use crate::history::History;
use crate::schema::catalog::Catalog;
use crate::schema::session::Session;
use crate::settings::Settings;
use crate::sql::File;
use crate::sql::statement::{Node, PassedOver, Statement};
use crate::text::Span;

impl Timeline {
    /// What a statement that begins at `offset` of file `number` finds: the statements that begin before it have run.
    /// `None` for a number past the end.
    pub fn at(
        &self,
        number: usize,
        offset: u32,
        history: &History,
        documents: &[Document],
        settings: &Settings,
    ) -> Option<(Catalog, Session)> {
        let boundary = self.boundaries.get(number)?;
        let migration = history.migrations.get(number)?;
        let document = documents.get(number)?;
        let earlier = document.file.statements.iter();
        let mut statements: Vec<Statement> = earlier
            .take_while(|statement| statement.span.start < offset)
            .cloned()
            .collect();
        let here = statements.len();
        // A statement that touches nothing stands where the cursor is.
        statements.push(Statement {
            span: Span {
                start: offset,
                end: offset,
            },
            node: Node::Passed(PassedOver::Show),
        });
        let short = Document {
            file: Arc::new(File {
                statements,
                ..File::default()
            }),
            ..Document::default()
        };
        let mut found = None;
        replay_file(
            boundary.clone(),
            number,
            migration,
            &short,
            history,
            settings,
            &mut |moment| {
                if moment.step.number == here {
                    found = Some((moment.before.clone(), moment.session.clone()));
                }
            },
        );
        found
    }
}
