//! What PostgreSQL refuses because something else depends on what the statement is about.

use crate::lint::prelude::*;
use crate::schema::canonical::describe;
use crate::schema::change::Key;
use crate::schema::objects::Origin;
use crate::schema::presence;

/// Those of the objects that are certainly there, with the statements that made them.
pub(crate) fn certain<'k>(cx: &Cx<'_>, needs: &'k [Key]) -> Vec<(&'k Key, Origin)> {
    let known = needs.iter().filter_map(|key| {
        let found = presence::history(cx.before(), key)?;
        let is_certain = cx.before().since(found.certainty, found.changed).is_certain();
        is_certain.then_some((key, found.created))
    });
    known.collect()
}

/// Reports that the objects keep PostgreSQL from doing it. `what`: what they do to what, to follow their names, like
/// `depends on column a.b, so PostgreSQL refuses to drop it`. `help`: what to do about them, given their names.
pub(crate) fn report(
    cx: &Cx<'_>,
    report: &mut Report,
    place: Span,
    needs: &[Key],
    what: &str,
    help: impl Fn(&str) -> String,
) {
    let known = certain(cx, needs);
    let Some((first, created)) = known.first() else {
        return;
    };
    let more = match known.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let names = known.iter().take(5).map(|(key, _)| format!("`{}`", describe(key)));
    let names: Vec<String> = names.collect();
    report
        .add(place, format!("`{}`{more} {what}", describe(first)))
        .help(help(&names.join(", ")))
        .related(*created, "made here");
}
