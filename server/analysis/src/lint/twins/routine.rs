//! Functions whose bodies are strings: PostgreSQL does not know what they name, so that it goes away under them.

use smol_str::SmolStr;

use crate::lint::prelude::*;
use crate::schema::lookup::Lookup;
use crate::schema::objects::{Dependencies, Routine, Signature};
use crate::sql::body;
use crate::sql::statement::{Body, Statement};

/// The first function, of those that stay as they are, whose body holds all of these words and needs what `needs` asks
/// for.
pub(crate) fn user<'a>(
    cx: &Cx<'a>,
    words: &[&str],
    needs: &dyn Fn(&Dependencies) -> bool,
) -> Option<(&'a Signature, &'a Routine)> {
    let routines = cx.before().routines.iter();
    let mut routines = routines.map(|(signature, routine)| (signature, &**routine));
    routines.find(|(signature, routine)| {
        // Most bodies hold not all of the words, and need not be read.
        let mentions = |text: &str| words.iter().all(|word| text.contains(word));
        routine.body.as_deref().is_some_and(mentions) && stays(cx, signature, routine) && needs(&named(cx, routine))
    })
}

/// Whether nothing drops or replaces the function later.
pub(crate) fn stays(cx: &Cx<'_>, signature: &Signature, routine: &Routine) -> bool {
    let last = cx.last().routines.get(signature);
    last.is_some_and(|last| last.body == routine.body)
}

/// What the statements of the body name.
fn named(cx: &Cx<'_>, routine: &Routine) -> Dependencies {
    let text = routine.body.as_deref().unwrap_or_default();
    let whole = Span::new(0, text.len());
    let code = Body {
        span: whole,
        inner: whole,
        unescaped: None,
    };
    let mut lookup = Lookup::new(cx.before(), cx.session(), cx.settings.postgres, text);
    if let Some(path) = routine.settings.get("search_path") {
        let schemas = path.split(',').map(|part| part.trim().trim_matches('"').into());
        lookup.set_search_path(&schemas.collect::<Vec<SmolStr>>());
    }
    let mut found = Dependencies::default();
    for inner in body::statements(text, &routine.language, &code).statements {
        found.extend(lookup.dependencies(&inner.statement));
        written(&lookup, &inner.statement, &mut found);
    }
    found
}

/// The columns that a statement writes to by name.
fn written(lookup: &Lookup<'_>, statement: &Statement, found: &mut Dependencies) {
    let (table, columns): (_, Vec<&SmolStr>) = match &statement.node {
        Node::Insert(insert) => (
            &insert.table,
            insert.columns.iter().map(|column| &column.value).collect(),
        ),
        Node::Update(update) => {
            let columns = update.assignments.iter().map(|set| &set.column);
            (&update.table.name, columns.map(|column| &column.value).collect())
        }
        _ => return,
    };
    if let Some(id) = lookup.relation(table) {
        found
            .columns
            .extend(columns.into_iter().map(|column| (id.clone(), column.clone())));
    }
}
