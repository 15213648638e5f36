//! Draws the schema that a migration leaves, with what it changes marked. No database is asked and nothing is run.

use std::path::PathBuf;
use std::sync::Arc;

use analysis::diagram::Diagram;
use serde_json::Value;
use tower_lsp::ls_types::Uri;

use crate::jobs;
use crate::pages::{Page, present};
use crate::state::Shared;

/// Starts to draw; what comes of it is a picture and a message.
pub(crate) fn run(shared: &Arc<Shared>, uri: Uri) -> Option<Value> {
    jobs::begin(shared, |shared| async move {
        match draw(&shared, &uri).await {
            Some((root, page)) => present(&shared, &root, page).await,
            None => jobs::no_migration(),
        }
    })
}

/// The folder of the project, and the picture.
async fn draw(shared: &Arc<Shared>, uri: &Uri) -> Option<(PathBuf, Page)> {
    shared
        .ask(uri, "drawing the schema", |question| {
            let (view, member) = question.snapshot.find(question.path)?;
            let (number, timeline) = (member.migration?, view.timeline()?);
            let diagram = Diagram::between(timeline.before(number), timeline.before(number + 1), timeline.before(0));
            let page = Page::about(&member.path, "Graph", "svg", diagram.to_svg());
            Some((view.root.clone(), page))
        })
        .await
}
