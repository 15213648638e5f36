//! Keeps what was seen of a database for when there is no connection: see [`project::seen`].

use std::collections::BTreeMap;
use std::path::Path;

use analysis::history::{History, Migration};
use analysis::sql::lexeme::{text_digest, token_digest};
use project::seen::{self, Environment, Ran};

use crate::capture::{Difference, What};
use crate::connection::{Connection, ServerError};
use crate::drift::Drift;
use crate::history::{self, Match, Row};
use crate::person;

/// Notes which migrations a database has. `root`: the project's folder. What cannot be written is not remembered, and
/// that is all.
pub async fn note(
    connection: &mut Connection,
    root: &Path,
    environment: &str,
    files: &History,
) -> Result<(), ServerError> {
    let mut seen = seen::read(root);
    let before = seen.environments.remove(environment).unwrap_or_default();
    let applied = applied(connection, files, &before.applied).await?;
    let is_as_before = applied.keys().eq(before.applied.keys());
    let now = Environment {
        seen: person::now(),
        drift: before.drift.filter(|_| is_as_before),
        applied,
    };
    seen.environments.insert(environment.to_owned(), now);
    drop(seen::write(root, &seen));
    Ok(())
}

/// Notes how a database differs from what its migrations make; after [`note`].
pub fn note_drift(root: &Path, environment: &str, files: &History, found: &Drift) {
    let mut seen = seen::read(root);
    let Some(known) = seen.environments.get_mut(environment) else {
        return;
    };
    let is_applied = |version: &str| found.versions.iter().any(|own| own == version);
    known.drift = Some(seen::Drift {
        seen: known.seen.clone(),
        of: seen::made_of(&files.migrations, is_applied),
        differences: found.differences.iter().map(difference).collect(),
    });
    drop(seen::write(root, &seen));
}

async fn applied(
    connection: &mut Connection,
    files: &History,
    before: &BTreeMap<String, Ran>,
) -> Result<BTreeMap<String, Ran>, ServerError> {
    let recorded = history::digests(connection).await?;
    let is_new = |(version, digest): &(&String, &Option<String>)| {
        digest.is_some() && before.get(*version).is_none_or(|known| known.recorded != **digest)
    };
    let new: Vec<&str> = recorded
        .iter()
        .filter(is_new)
        .map(|(version, _)| version.as_str())
        .collect();
    let rows = history::read_some(connection, &new).await?;
    let rows: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.version.as_str(), row)).collect();
    let file = |version: &str| files.migrations.iter().find(|migration| migration.version == version);
    let ran = project::on_deep_stacks(|| {
        recorded
            .iter()
            .map(|(version, digest)| {
                let ran = match (rows.get(version.as_str()), before.get(version)) {
                    (Some(row), _) => ran(row, file(version)),
                    (None, Some(known)) if digest.is_some() => again(known, file(version)),
                    (None, _) => Ran::default(),
                };
                let recorded = ran.tokens.is_some().then(|| digest.clone()).flatten();
                (version.clone(), Ran { recorded, ..ran })
            })
            .collect()
    });
    Ok(ran)
}

/// What a row says that was run.
fn ran(row: &Row, file: Option<&Migration>) -> Ran {
    let Some(statements) = &row.statements else {
        return Ran::default();
    };
    let text = file.map(|file| file.forward.slice(&file.text));
    let same = text.filter(|text| history::compare(text, Some(statements)) == Match::Same);
    Ran {
        recorded: None,
        tokens: Some(token_digest(&history::joined(statements))),
        text: same.map(text_digest),
    }
}

/// What was run is known already; the file may be another.
fn again(known: &Ran, file: Option<&Migration>) -> Ran {
    let text = file.map(|file| file.forward.slice(&file.text)).unwrap_or_default();
    let digest = text_digest(text);
    let is_same = known.text.as_ref() == Some(&digest) || known.tokens.as_ref() == Some(&token_digest(text));
    Ran {
        text: if is_same { Some(digest) } else { known.text.clone() },
        ..known.clone()
    }
}

/// Without values, which may be what nobody else shall see.
fn difference(difference: &Difference) -> seen::Difference {
    let Difference { class, identity, what } = difference;
    let name = format!("{} {identity}", class.replace('_', " "));
    let words = match what {
        What::Missing => format!("{name} is missing"),
        What::Added => format!("{name} is there, and no migration makes it"),
        What::Changed(facets) => {
            let names: Vec<String> = facets.iter().map(|facet| facet.name.replace('_', " ")).collect();
            format!("{name} has another {}", names.join(", another "))
        }
        What::Reordered { .. } => format!("{name} has its columns in another order"),
    };
    seen::Difference {
        identity: identity.clone(),
        words,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::capture::Facet;

    #[test]
    fn what_is_kept_of_a_difference_holds_no_value() {
        let facet = |name: &str| Facet {
            name: name.into(),
            before: json!("'secret'"),
            after: json!("'another secret'"),
        };
        let changed = Difference {
            class: "column".into(),
            identity: "public.users.token".into(),
            what: What::Changed(vec![facet("default"), facet("not_null")]),
        };
        assert_eq!(
            difference(&changed).words,
            "column public.users.token has another default, another not null"
        );
    }
}
