//! The baseline: a file with the findings that a project had when it began, which are not told again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use analysis::lint::diagnostic::NewFiles;
use analysis::lint::known::fingerprinted;
use analysis::settings::{Known, Settings};
use serde::{Deserialize, Serialize};

use crate::files::{Disk, clean, relative};
use crate::{Project, ProjectError};

/// The file's name, where settings name no other.
pub const BASELINE: &str = "dblsp.findings.json";
/// Version of the file's format.
const VERSION: u32 = 1;

/// What the file holds.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Baseline {
    version: u32,
    /// By path, relative to the file's own folder, and rule: what the findings are recognised by.
    findings: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// Reads a baseline; paths are as `disk` shows them.
pub fn read(disk: &Disk, file: &Path) -> Result<Known, ProjectError> {
    let text = disk.read(file)?.text;
    let bad = |message: String| ProjectError::BadBaseline {
        path: disk.show(file),
        message,
    };
    let baseline: Baseline = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    if baseline.version != VERSION {
        return Err(bad(format!("version {} is unknown", baseline.version)));
    }
    let folder = file.parent().unwrap_or(file);
    let of_file = |(path, rules): (String, BTreeMap<String, Vec<String>>)| {
        let names = rules.into_values().flatten().collect::<BTreeSet<_>>();
        (disk.show(&clean(&folder.join(path))), names)
    };
    Ok(Arc::new(baseline.findings.into_iter().map(of_file).collect()))
}

/// The baseline of all that projects have today, and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The file's text.
    pub text: String,
    /// How many findings it holds.
    pub findings: usize,
    /// How many files they are in.
    pub files: usize,
}

/// Judges projects anew, as if nothing were known, and writes all of it down. `file`: where the text shall be.
pub fn write(disk: &Disk, file: &Path, projects: &[Project]) -> Written {
    let folder = file.parent().unwrap_or(file);
    let mut baseline = Baseline {
        version: VERSION,
        ..Baseline::default()
    };
    let mut written = Written::default();
    for project in projects {
        let settings = Settings {
            known: Known::default(),
            ..project.settings.clone()
        };
        for history in &project.histories {
            let (documents, timeline) = crate::replay(history, &settings);
            let found = crate::check(history, &documents, &settings, &Arc::new(timeline), NewFiles::Named);
            for (found, name) in fingerprinted(history, found) {
                let path = relative(folder, &disk.absolute(&found.path));
                let rules = baseline.findings.entry(path).or_default();
                rules.entry(found.rule.to_owned()).or_default().push(name);
                written.findings += 1;
            }
        }
    }
    written.files = baseline.findings.len();
    written.text = serde_json::to_string_pretty(&baseline).expect("names are JSON") + "\n";
    written
}
