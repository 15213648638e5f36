//! Cancelling jobs.

use tower_lsp::ls_types::WorkDoneProgressCancelParams;

use crate::state::Shared;

/// The editor's cancel button.
pub(crate) fn progress(shared: &Shared, params: &WorkDoneProgressCancelParams) {
    shared.jobs.cancel(&params.token);
}
