//! The pages of rules.

use std::sync::Arc;

use analysis::lint::rule::Rule;
use analysis::lint::{RULES, rule_named};
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, ShowDocumentParams};

use crate::state::Shared;
use crate::to_proto;

/// A rule's page, as Markdown: what `dblsp explain` prints.
pub(crate) fn page(name: &str) -> Result<String> {
    let rule = find(name)?;
    let (category, level, fix) = (rule.category.name(), rule.level, rule.fix.name());
    let facts = format!("{category} · {level} · fix: {fix} · since {}", rule.since);
    Ok(format!("# {}\n\n{facts}\n\n{}\n", rule.name, to_proto::page(rule)))
}

/// Shows a rule's page in the user's browser, or says where it is.
pub(crate) fn open(shared: &Arc<Shared>, name: &str) -> Result<Option<Value>> {
    let url = find(name)?.url();
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let uri = url.parse().expect("a rule's page has an address");
        let show = ShowDocumentParams {
            uri,
            external: Some(true),
            take_focus: Some(true),
            selection: None,
        };
        let can_show = shared.session().show_document;
        let is_shown = can_show && shared.client.show_document(show).await.unwrap_or_default();
        if !is_shown {
            shared.client.show_message(MessageType::INFO, url).await;
        }
    });
    Ok(None)
}

fn find(name: &str) -> Result<&'static Rule> {
    rule_named(name).ok_or_else(|| {
        let near = project::error::nearest(name, RULES.iter().map(|rule| rule.name));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Error::invalid_params(format!("no rule is called `{name}`{hint}"))
    })
}
