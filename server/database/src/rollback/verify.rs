//! What a rollback must leave, and where to look.

use std::collections::BTreeSet;

use crate::capture::{Capture, Difference, Name};

/// What there is, with the objects in `touched` as they were in `before`.
pub(super) fn expected(live: &Capture, touched: &BTreeSet<Name>, before: &Capture) -> Capture {
    let mut wanted = live.clone();
    for name in touched {
        match before.objects.get(name) {
            Some(facets) => wanted.objects.insert(name.clone(), facets.clone()),
            None => wanted.objects.remove(name),
        };
    }
    wanted
}

/// The differences that are about these objects.
pub(super) fn among(found: Vec<Difference>, names: &BTreeSet<Name>) -> Vec<Difference> {
    let mut found = found;
    found.retain(|difference| !difference.is_only_order() && names.contains(&difference.name()));
    found
}
