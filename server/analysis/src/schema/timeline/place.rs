//! The catalog in the middle of a file: what a statement finds that is still being written.

use super::replayer::Replayer;
use super::{Boundary, Timeline};
use crate::Document;
use crate::history::History;
use crate::schema::catalog::Catalog;
use crate::schema::session::Session;
use crate::settings::Settings;

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
        let mut replayer = Replayer::new(
            Boundary::clone(boundary),
            number,
            migration,
            document,
            history,
            settings,
        );
        replayer.quiet = true;
        let statements = document.file.statements.iter().enumerate();
        for (at, statement) in statements.take_while(|(_, statement)| statement.span.start < offset) {
            replayer.statement(at, statement, &mut |_| {});
        }
        Some((replayer.catalog, replayer.session))
    }
}
