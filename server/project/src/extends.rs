//! `extends` of `dblsp.toml`: settings that several projects share, in a file of their own.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::ProjectError;
use crate::config::{self, Config};
use crate::files::{Disk, clean};

/// Reads a settings file and those that it extends. `problems`: what does not stop the rest.
pub fn read(disk: &Disk, file: &Path, problems: &mut Vec<ProjectError>) -> Result<Config, ProjectError> {
    let table = read_below(disk, file, &mut Vec::new(), problems)?;
    config_of(disk, file, table)
}

/// `above`: the files that led here, each extending the next.
fn read_below(
    disk: &Disk,
    file: &Path,
    above: &mut Vec<PathBuf>,
    problems: &mut Vec<ProjectError>,
) -> Result<Table, ProjectError> {
    let shown = disk.show(file);
    let text = disk.read(file)?.text;
    // What is no TOML is told below, with its place.
    let own: Table = text.parse().unwrap_or_default();
    above.push(file.to_path_buf());
    let mut whole = match own.get("extends").and_then(Value::as_str) {
        None => Table::new(),
        Some(written) => {
            let base = clean(&file.parent().unwrap_or(file).join(written));
            check(disk, &shown, written, &base, above)?;
            read_below(disk, &base, above, problems)?
        }
    };
    let base = config_of(disk, file, whole.clone())?;
    problems.extend(config::parse_above(&shown, &text, &base)?.1);
    lay_over(&mut whole, own);
    Ok(whole)
}

/// Own keys go before those of the base, tables are joined, and overrides come after those of the base.
fn lay_over(base: &mut Table, own: Table) {
    for (key, value) in own {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(own)) => lay_over(base, own),
            (Some(Value::Array(base)), Value::Array(own)) if key == "overrides" => base.extend(own),
            (_, value) => _ = base.insert(key, value),
        }
    }
}

fn config_of(disk: &Disk, file: &Path, table: Table) -> Result<Config, ProjectError> {
    let read = table.try_into();
    read.map_err(|error: toml::de::Error| ProjectError::BadSettings {
        at: disk.show(file),
        message: error.message().trim().replace('\n', ", "),
    })
}

fn check(disk: &Disk, shown: &str, written: &str, base: &Path, above: &[PathBuf]) -> Result<(), ProjectError> {
    let bad = |message: String, hint: &str| ProjectError::BadValue {
        at: shown.to_owned(),
        message,
        hint: hint.to_owned(),
    };
    if above.iter().any(|file| file == base) {
        let message = format!("`extends = \"{written}\"` leads back to itself");
        return Err(bad(message, "let one of the files extend nothing"));
    }
    if !disk.is_file(base) {
        let message = format!("`extends` names `{written}`, and there is no such file");
        return Err(bad(message, "name a file on this disk, relative to this one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(files: &[(&str, &str)]) -> Result<(Config, String), ProjectError> {
        let folder = Path::new("/project");
        let mut disk = Disk::new(folder);
        for (path, text) in files {
            disk.overlay.insert(clean(&folder.join(path)), Some((*text).into()));
        }
        let mut problems = Vec::new();
        let config = read(&disk, &folder.join("dblsp.toml"), &mut problems)?;
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Ok((config, problems.join("\n")))
    }

    #[test]
    fn own_keys_go_before_those_of_the_base() {
        let (config, problems) = read_from(&[
            (
                "dblsp.toml",
                "extends = \"../shared/dblsp.toml\"\nrules = { drop-table = \"off\" }\n\
                 [environments.production]\nshadow = true\nrequires = [\"staging\"]\n\
                 [[overrides]]\npaths = [\"b\"]\n",
            ),
            (
                "../shared/dblsp.toml",
                "postgres = 16\nexclude = [\"x\"]\nrules = { drop-table = \"error\", drop-column = \"hint\" }\n\
                 [environments.staging]\nshadow = true\n[[overrides]]\npaths = [\"a\"]\n",
            ),
        ])
        .expect("both can be read");
        assert_eq!(problems, "");
        assert_eq!((config.postgres, config.exclude), (Some(16), vec!["x".to_owned()]));
        let rules: Vec<_> = config.rules.iter().map(|(name, level)| (&**name, *level)).collect();
        let wanted = [
            ("drop-column", config::RuleLevel::Hint),
            ("drop-table", config::RuleLevel::Off),
        ];
        assert_eq!(rules, wanted);
        let paths: Vec<_> = config.overrides.iter().flat_map(|entry| &entry.paths).collect();
        assert_eq!(paths, ["a", "b"]);
        assert_eq!(config.environments.len(), 2);
    }

    #[test]
    fn what_is_wrong_with_a_base_is_told_where_it_stands() {
        let own = ("dblsp.toml", "extends = \"base.toml\"\n");
        let told = |base: &str| match read_from(&[own, ("base.toml", base)]) {
            Ok((_, problems)) => problems,
            Err(error) => error.to_string(),
        };
        assert_eq!(told("postgers = 16\n"), "base.toml:1:1: unknown key `postgers`");
        assert!(told("postgres = \"x\"\n").starts_with("base.toml:1:12: "));
        let circle = "base.toml: `extends = \"dblsp.toml\"` leads back to itself";
        assert_eq!(told("extends = \"dblsp.toml\"\n"), circle);
        let missing = read_from(&[own]).expect_err("there is no base");
        assert_eq!(
            missing.to_string(),
            "dblsp.toml: `extends` names `base.toml`, and there is no such file"
        );
    }
}
