//! Names that programs ask for and that go.

use crate::lint::prelude::*;

/// Reports that a name is gone for everybody who still asks for it.
pub(crate) fn report(report: &mut Report, place: Span, from: &str, to: &str, help: &str) {
    let message = format!("renaming `{from}` to `{to}` breaks programs and functions that ask for the old name");
    report.add(place, message).help(help);
}
