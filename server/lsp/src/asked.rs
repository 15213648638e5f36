//! Questions about a place in a migration, between the protocol and `analysis::ide`.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::ide;
use analysis::text::Span;
use tower_lsp::ls_types as proto;

use crate::from_proto;
use crate::position::Positions;
use crate::snapshot::{Snapshot, View};
use crate::state::{Question, Shared};
use crate::to_proto;

/// What an answer about a migration may look at.
pub(crate) struct Asked<'a> {
    /// The server and its newest state.
    pub(crate) question: &'a Question<'a>,
    /// The history of the migration.
    pub(crate) ide: ide::View<'a>,
    /// Number of the migration.
    pub(crate) file: usize,
    /// Its text, to count in.
    pub(crate) positions: Positions<'a>,
}

impl Shared {
    /// Answers a question about a migration from its newest text; `None` where the file is none.
    pub(crate) async fn about<R: Send + 'static>(
        self: &Arc<Self>,
        uri: &proto::Uri,
        doing: &'static str,
        answer: impl FnOnce(&Asked<'_>) -> Option<R> + Send + 'static,
    ) -> Option<R> {
        let ask = move |question: &Question<'_>| {
            let (view, member) = question.snapshot.find(question.path)?;
            let file = member.migration?;
            let text = &*view.history.migrations[file].text;
            answer(&Asked {
                question,
                ide: of(view)?,
                file,
                positions: Positions::new(text, question.shared.session().encoding),
            })
        };
        self.ask(uri, doing, ask).await
    }
}

/// A history as `analysis::ide` sees it; `None` where replaying it panicked.
pub(crate) fn of(view: &View) -> Option<ide::View<'_>> {
    Some(ide::View {
        history: &view.history,
        documents: &view.documents,
        settings: &view.settings,
        timeline: view.timeline()?,
    })
}

impl Asked<'_> {
    /// The place of a position.
    pub(crate) fn place(&self, position: proto::Position) -> ide::Place {
        ide::Place {
            file: self.file,
            offset: self.positions.offset(from_proto::position(position)),
        }
    }

    /// The range of a span of the file.
    pub(crate) fn range(&self, span: Span) -> proto::Range {
        to_proto::range(&self.positions, span)
    }

    /// Places in files of the history, for one answer.
    pub(crate) fn locations(&self) -> Locations<'_> {
        Locations {
            snapshot: self.question.snapshot,
            ide: self.ide,
            encoding: self.question.shared.session().encoding,
            known: BTreeMap::new(),
        }
    }
}

/// Turns places in files of a history into the protocol's; each file's lines are read once.
pub(crate) struct Locations<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) ide: ide::View<'a>,
    pub(crate) encoding: crate::position::Encoding,
    pub(crate) known: BTreeMap<usize, Positions<'a>>,
}

impl<'a> Locations<'a> {
    /// One place; `None` where its file has no address.
    pub(crate) fn get(&mut self, location: ide::Location) -> Option<proto::Location> {
        let migration = self.ide.history.migrations.get(location.file)?;
        let (text, encoding): (&'a str, _) = (&migration.text, self.encoding);
        let positions = self
            .known
            .entry(location.file)
            .or_insert_with(|| Positions::new(text, encoding));
        Some(proto::Location {
            uri: self.snapshot.uri(&self.snapshot.path(&migration.path))?,
            range: to_proto::range(positions, location.span),
        })
    }
}
