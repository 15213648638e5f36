//! `dblsp.toml`: its keys, their JSON schema, and what can be wrong with them.
//!
//! A key that nobody knows is reported and skipped; a file that is no TOML, or a value of the wrong type, is an error.

use std::collections::BTreeMap;
use std::ops::Range;

use analysis::lint::RULES;
use analysis::lint::diagnostic::Level;
use analysis::settings::Runner;
use analysis::text::LineIndex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ProjectError;
use crate::error::nearest;

/// Version of the settings' format that this dblsp reads.
pub const VERSION: u32 = 1;

/// Settings of a project that keeps migrations.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(title = "dblsp.toml", deny_unknown_fields))]
pub struct Config {
    /// Version of this file's format: 1.
    pub version: Option<u32>,
    /// Major version of the PostgreSQL that the migrations run on: 14 to 18. Default: what `supabase/config.toml`
    /// says; 17 in a Supabase project, else 15.
    pub postgres: Option<u16>,
    /// Who applies the migrations, and so in which transactions. Default: `supabase` in a Supabase project, `sqlx`
    /// where the project depends on it, else `psql-single`.
    pub runner: Option<RunnerName>,
    /// Folders of migrations, each a history of its own. Default: `supabase/migrations`, else every folder that looks
    /// like one.
    pub migrations: Vec<String>,
    /// How migration files are named.
    pub naming: Naming,
    /// First version that the convention's rules speak about; older migrations are exempt.
    pub since: Option<Version>,
    /// Another file of settings, read first: what stands here goes before it, key by key. Paths in it count from the file
    /// that extends it.
    pub extends: Option<String>,
    /// Level per rule; `off` turns it off.
    pub rules: BTreeMap<String, RuleLevel>,
    /// Other levels for some files; of several that match, the last one counts.
    pub overrides: Vec<Override>,
    /// Findings that are not told again, as `dblsp check --write-baseline` wrote them down. Default:
    /// `dblsp.findings.json`, where that is there.
    pub baseline: Option<String>,
    /// What migrations must not depend on.
    pub coupling: Coupling,
    /// Schemas that an API exposes to untrusted roles. Default: `[api] schemas` of `supabase/config.toml`, else
    /// `public` and `graphql_public`.
    pub exposed_schemas: Option<Vec<String>>,
    /// Where the files beside the migrations lie.
    pub paths: Paths,
    /// What is proven without being asked for.
    pub proofs: Proofs,
    /// Files to leave alone: globs, relative to this file.
    pub exclude: Vec<String>,
    /// Databases that migrations are applied to, by name.
    pub environments: BTreeMap<String, Environment>,
}

/// Levels of rules for some files.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub struct Override {
    /// The files: globs, relative to this file.
    pub paths: Vec<String>,
    /// Level per rule; `off` turns it off.
    pub rules: BTreeMap<String, RuleLevel>,
}

/// How migration files are named.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub struct Naming {
    /// `seed` (`YYYYMMDDHHmmss_v<major>_<minor>_<patch>_<description>.sql`, the default), `supabase`
    /// (`<digits>_<name>.sql`), or a regular expression over the file name.
    pub pattern: Option<String>,
}

/// What migrations must not depend on.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub struct Coupling {
    /// Expansion packs by name. Default: the folders under `expansion-packs/`.
    pub packs: Option<Vec<String>>,
    /// Words that may stand in seeds and tests only.
    pub forbidden_names: Vec<String>,
}

/// Where the files beside the migrations lie, relative to this file.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub struct Paths {
    /// Rollback scripts. Default: `rollback` beside the migrations.
    pub rollback: Option<String>,
    /// Smoke and integration tests. Default: `tests` beside the migrations.
    pub tests: Option<String>,
    /// Snapshots. Default: `schemas` beside the migrations.
    pub schemas: Option<String>,
}

/// What is proven without being asked for. Proofs are made on a throw-away PostgreSQL of this machine.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub struct Proofs {
    /// `dblsp check` proves the rollbacks of what it judges, as with `--prove`.
    pub check: bool,
    /// Proofs that nobody asked for by name are made with made-up rows in every table, as with `--with-data`.
    pub rows: bool,
}

/// A database that migrations are applied to: exactly one of `url`, `supabase` and `shadow`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(deny_unknown_fields))]
pub struct Environment {
    /// `env(NAME)`: the variable that holds the address, of the environment or else of the project's `.env` files, which
    /// are those that the Supabase CLI reads. Never the address itself.
    pub url: Option<String>,
    /// The project that the Supabase CLI is linked to.
    pub supabase: bool,
    /// A throw-away PostgreSQL.
    pub shadow: bool,
    /// Ask before every write, and refuse what cannot be proven.
    pub protected: bool,
    /// Allow `dblsp restore` although it is protected.
    pub restore: bool,
    /// When it may be written to: `02:00-04:00 UTC`.
    pub window: Option<String>,
    /// Environments that a migration must have been applied to first.
    pub requires: Vec<String>,
    /// What to ask, and to record, before a migration is applied.
    pub confirm: Vec<String>,
}

/// Who applies the migrations.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunnerName {
    /// The Supabase CLI.
    Supabase,
    /// `psql -f`: every statement commits on its own.
    Psql,
    /// `psql -1 -f`, and tools that wrap each file in a transaction.
    PsqlSingle,
    /// `sqlx migrate`.
    Sqlx,
}

/// Level of a rule.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RuleLevel {
    /// The rule does not run.
    Off,
    /// Style that a reviewer may like to know.
    Hint,
    /// Worth knowing; nothing breaks.
    Info,
    /// Blocks, rewrites, breaks clients, or opens access.
    Warning,
    /// Refused, lost, or forbidden.
    Error,
}

/// A migration's version, written as text or as a number.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(untagged)]
pub enum Version {
    /// `"20251026211500"`
    Text(String),
    /// `20251026211500`
    Number(u64),
}

impl Version {
    /// Its digits.
    pub fn digits(&self) -> String {
        match self {
            Version::Text(text) => text.clone(),
            Version::Number(number) => number.to_string(),
        }
    }
}

impl RunnerName {
    /// What the analysis calls it.
    pub fn runner(self) -> Runner {
        match self {
            RunnerName::Supabase => Runner::Supabase,
            RunnerName::Psql => Runner::Psql,
            RunnerName::PsqlSingle => Runner::PsqlSingle,
            RunnerName::Sqlx => Runner::Sqlx,
        }
    }
}

impl RuleLevel {
    /// The analysis' level; `None` is off.
    pub fn level(self) -> Option<Level> {
        match self {
            RuleLevel::Off => None,
            RuleLevel::Hint => Some(Level::Hint),
            RuleLevel::Info => Some(Level::Info),
            RuleLevel::Warning => Some(Level::Warning),
            RuleLevel::Error => Some(Level::Error),
        }
    }
}

/// The JSON schema of `dblsp.toml`. A test makes it of the types here and compares, so that no build needs to.
pub const SCHEMA: &str = include_str!("../../../dblsp.schema.json");

/// Reads the text of a settings file; `path` is how people know it. The second part is what does not stop the rest.
pub fn parse(path: &str, text: &str) -> Result<(Config, Vec<ProjectError>), ProjectError> {
    parse_above(path, text, &Config::default())
}

/// The same for a file that `extends` another, which says `base`. What is read is what the file says itself.
pub(crate) fn parse_above(path: &str, text: &str, base: &Config) -> Result<(Config, Vec<ProjectError>), ProjectError> {
    let place = Place {
        path,
        text,
        lines: LineIndex::new(text),
    };
    let table = DeTable::parse(text).map_err(|error| place.broken(&error))?;
    let table = table.get_ref();
    // Checked first: a later format may spell the same keys differently.
    if let Some((_, version)) = table.iter().find(|(key, _)| key.get_ref() == "version") {
        check_version(&place, version)?;
    }
    let config: Config = toml::from_str(text).map_err(|error| place.broken(&error))?;
    let mut problems = Vec::new();
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    unknown_keys(&place, table, &schema, &schema, "", &mut problems);
    let elsewhere: Vec<&str> = base.environments.keys().map(String::as_str).collect();
    check_values(&place, table, &config, &elsewhere, &mut problems);
    Ok((config, problems))
}

/// A settings file, and where a byte of it is.
struct Place<'t> {
    path: &'t str,
    text: &'t str,
    lines: LineIndex,
}

impl Place<'_> {
    fn at(&self, span: Range<usize>) -> String {
        let offset = u32::try_from(span.start).unwrap_or(u32::MAX);
        let position = self.lines.line_column(self.text, offset);
        format!("{}:{}:{}", self.path, position.line, position.column)
    }

    fn broken(&self, error: &toml::de::Error) -> ProjectError {
        let mut message = error.message().trim().replace('\n', ", ");
        if message.is_empty() {
            "cannot be read".clone_into(&mut message);
        }
        ProjectError::BadSettings {
            at: error.span().map_or_else(|| self.path.to_owned(), |span| self.at(span)),
            message,
        }
    }

    fn bad(&self, span: Range<usize>, message: String, hint: &str) -> ProjectError {
        ProjectError::BadValue {
            at: self.at(span),
            message,
            hint: hint.to_owned(),
        }
    }
}

fn check_version(place: &Place<'_>, version: &Spanned<DeValue<'_>>) -> Result<(), ProjectError> {
    let written = version.get_ref();
    let is_ours = written
        .as_integer()
        .is_some_and(|integer| integer.as_str() == VERSION.to_string());
    if is_ours {
        return Ok(());
    }
    let shown = &place.text[version.span()];
    let hint =
        format!("this dblsp reads `version = {VERSION}`; use the dblsp that the file was written for, or change it");
    Err(place.bad(
        version.span(),
        format!("version {shown} of the settings is unknown"),
        &hint,
    ))
}

/// Reports what the schema does not know. The schema is made from the types above, so there is no second list of keys.
fn unknown_keys(
    place: &Place<'_>,
    table: &DeTable<'_>,
    schema: &Value,
    root: &Value,
    above: &str,
    problems: &mut Vec<ProjectError>,
) {
    let Some(schema) = resolve(schema, root) else { return };
    let empty = serde_json::Map::new();
    let known = schema["properties"].as_object().unwrap_or(&empty);
    for (key, value) in table {
        let name: &str = key.get_ref();
        let full = format!("{above}{name}");
        let inner = match known.get(name) {
            Some(inner) => inner,
            None if schema["additionalProperties"].is_object() => &schema["additionalProperties"],
            None => {
                let near = nearest(name, known.keys().map(String::as_str));
                problems.push(ProjectError::UnknownKey {
                    at: place.at(key.span()),
                    key: full,
                    suggestion: near.map(|near| format!("{above}{near}")),
                });
                continue;
            }
        };
        match value.get_ref() {
            DeValue::Table(table) => unknown_keys(place, table, inner, root, &format!("{full}."), problems),
            DeValue::Array(items) => {
                for item in items.iter().filter_map(|item| item.get_ref().as_table()) {
                    unknown_keys(place, item, &inner["items"], root, &format!("{full}."), problems);
                }
            }
            _ => {}
        }
    }
}

fn resolve<'s>(schema: &'s Value, root: &'s Value) -> Option<&'s Value> {
    match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.strip_prefix('#')?),
        None => Some(schema),
    }
}

/// Reports values that are of the right type and still cannot be meant.
fn check_values(
    place: &Place<'_>,
    table: &DeTable<'_>,
    config: &Config,
    elsewhere: &[&str],
    problems: &mut Vec<ProjectError>,
) {
    let span = |path: &[&str]| span_of(table, path);
    if let Some(postgres) = config.postgres
        && !(14..=18).contains(&postgres)
    {
        let message = format!("PostgreSQL {postgres} is not supported");
        problems.push(place.bad(span(&["postgres"]), message, "name a major version from 14 to 18"));
    }
    if let Some(pattern) = &config.naming.pattern
        && !matches!(pattern.as_str(), "seed" | "supabase")
        && let Err(error) = regex::Regex::new(pattern)
    {
        let reason = error.to_string();
        let reason = reason
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        let message = format!("`{pattern}` is no regular expression: {reason}");
        problems.push(place.bad(
            span(&["naming", "pattern"]),
            message,
            "write `seed`, `supabase` or a regular expression",
        ));
    }
    if let Some(since) = &config.since
        && (since.digits().is_empty() || !since.digits().bytes().all(|byte| byte.is_ascii_digit()))
    {
        let message = format!("`{}` is no version", since.digits());
        problems.push(place.bad(
            span(&["since"]),
            message,
            "write the digits that a migration's name starts with",
        ));
    }
    for (at, rules) in rule_tables(table, config) {
        for rule in rules
            .keys()
            .filter(|rule| RULES.iter().all(|known| known.name != *rule))
        {
            problems.push(ProjectError::UnknownRule {
                at: format!("{}: ", place.at(span_of(at, &["rules", rule]))),
                rule: rule.clone(),
                suggestion: nearest(rule, RULES.iter().map(|known| known.name)).map(str::to_owned),
            });
        }
    }
    let excluded = config.exclude.iter().map(|glob| ("exclude", glob));
    let overridden = config.overrides.iter().flat_map(|entry| &entry.paths);
    for (key, glob) in excluded.chain(overridden.map(|glob| ("overrides", glob))) {
        if let Err(error) = globset::Glob::new(glob) {
            let message = format!("`{glob}` is no glob: {}", error.kind());
            problems.push(place.bad(span(&[key]), message, "see `.gitignore` for the syntax of globs"));
        }
    }
    if config.overrides.iter().any(|entry| entry.paths.is_empty()) {
        let message = "an override names no `paths`".to_owned();
        problems.push(place.bad(
            span(&["overrides"]),
            message,
            "write for example `paths = [\"migrations/2024*\"]`",
        ));
    }
    for (name, environment) in &config.environments {
        let known = config.environments.keys().map(String::as_str);
        let others: Vec<&str> = known
            .chain(elsewhere.iter().copied())
            .filter(|other| other != name)
            .collect();
        check_environment(place, table, &others, (name, environment), problems);
    }
}

/// Every table with a key `rules`, and what it says.
fn rule_tables<'t>(
    table: &'t DeTable<'t>,
    config: &'t Config,
) -> impl Iterator<Item = (&'t DeTable<'t>, &'t BTreeMap<String, RuleLevel>)> {
    let entries = table.iter().find(|(key, _)| key.get_ref() == "overrides");
    let entries = entries.and_then(|(_, value)| value.get_ref().as_array());
    let entries = entries.into_iter().flatten().map(|entry| entry.get_ref().as_table());
    let own = std::iter::once((table, &config.rules));
    own.chain(
        entries
            .zip(&config.overrides)
            .filter_map(|(entry, read)| Some((entry?, &read.rules))),
    )
}

fn check_environment(
    place: &Place<'_>,
    table: &DeTable<'_>,
    others: &[&str],
    (name, environment): (&str, &Environment),
    problems: &mut Vec<ProjectError>,
) {
    let span = |key: &str| span_of(table, &["environments", name, key]);
    let ways = [environment.url.is_some(), environment.supabase, environment.shadow];
    if ways.into_iter().filter(|way| *way).count() != 1 {
        let message = format!("environment `{name}` needs exactly one of `url`, `supabase` and `shadow`");
        problems.push(place.bad(span(""), message, "write for example `url = \"env(DATABASE_URL)\"`"));
    }
    // The value itself is not repeated: it may hold a password.
    if environment.url.as_deref().is_some_and(|url| variable(url).is_none()) {
        let message = format!("the `url` of environment `{name}` is no `env(NAME)`");
        problems.push(place.bad(
            span("url"),
            message,
            "keep the address in an environment variable, and name that",
        ));
    }
    if let Some(window) = &environment.window
        && !is_window(window)
    {
        let message = format!("`{window}` is no window of time");
        problems.push(place.bad(span("window"), message, "write it as `02:00-04:00 UTC`"));
    }
    for required in &environment.requires {
        if !others.contains(&required.as_str()) {
            let hint = match nearest(required, others.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name another table under `[environments]`".to_owned(),
            };
            let message = format!("environment `{name}` requires `{required}`, which is no other environment");
            problems.push(place.bad(span("requires"), message, &hint));
        }
    }
}

/// The variable that `env(NAME)` names.
pub fn variable(url: &str) -> Option<&str> {
    let name = url.strip_prefix("env(")?.strip_suffix(')')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(name)
}

fn is_window(text: &str) -> bool {
    let is_time = |time: &str| {
        time.split_once(':').is_some_and(|(hour, minute)| {
            let below = |part: &str, limit: u8| part.len() == 2 && part.parse::<u8>().is_ok_and(|n| n < limit);
            below(hour, 24) && below(minute, 60)
        })
    };
    text.strip_suffix(" UTC")
        .and_then(|range| range.split_once('-'))
        .is_some_and(|(from, to)| is_time(from) && is_time(to))
}

/// Where the value at `path` stands, or the nearest table around it.
fn span_of(table: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let mut table = table;
    let mut span = 0..0;
    for name in path {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else {
            break;
        };
        span = key.span();
        let DeValue::Table(inner) = value.get_ref() else {
            span = value.span();
            break;
        };
        table = inner;
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every problem and its hint, one a line.
    fn problems(text: &str) -> String {
        let problems = match parse("dblsp.toml", text) {
            Ok((_, problems)) => problems,
            Err(error) => vec![error],
        };
        let lines: Vec<String> = problems.iter().map(|one| format!("{one} ({})", one.hint())).collect();
        lines.join("\n")
    }

    #[test]
    fn the_published_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dblsp.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Config)).expect("a schema is JSON");
        let current = schema + "\n";
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &current).expect("written");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == current,
            "run `UPDATE=1 cargo test -p dblsp-project` to write dblsp.schema.json anew"
        );
    }

    #[test]
    fn every_key_is_accepted() {
        let text = r#"
version = 1
postgres = 16
runner = "psql-single"
migrations = ["db"]
since = 20251026211500
exposed_schemas = ["api"]
exclude = ["*.generated.sql"]
[naming]
pattern = "supabase"
[coupling]
packs = ["fragments"]
forbidden_names = ["naval"]
[paths]
rollback = "db/undo"
tests = "db/tests"
schemas = "db/snapshots"
[environments.local]
shadow = true
[environments.production]
url = "env(DATABASE_URL)"
protected = true
window = "02:00-04:00 UTC"
requires = ["local"]
confirm = ["team notified"]
"#;
        assert_eq!(problems(text), "");
    }

    #[test]
    fn an_unknown_key_does_not_stop_the_rest() {
        let text =
            "postgers = 16\nrunner = \"psql\"\n[naming]\npatern = \"x\"\n[environments.a]\nshadow = true\nzzz = 1\n";
        let (config, _) = parse("dblsp.toml", text).expect("readable");
        assert_eq!(config.runner, Some(RunnerName::Psql));
        assert_eq!(
            problems(text),
            "dblsp.toml:7:1: unknown key `environments.a.zzz` (remove it; `dblsp schema` prints every key)\n\
             dblsp.toml:4:1: unknown key `naming.patern` (did you mean `naming.pattern`?)\n\
             dblsp.toml:1:1: unknown key `postgers` (did you mean `postgres`?)"
        );
    }

    #[test]
    fn broken_settings_are_one_line_with_a_position() {
        let broken = problems("version = 1\n[naming\n");
        assert!(broken.starts_with("dblsp.toml:2:"), "{broken}");
        assert_eq!(broken.lines().count(), 1);
        let wrong = problems("runner = \"flyway\"");
        assert!(
            wrong.starts_with("dblsp.toml:1:10: unknown variant `flyway`, expected one of"),
            "{wrong}"
        );
    }

    #[test]
    fn a_later_format_is_refused_before_its_keys_are() {
        assert_eq!(
            problems("version = 2\nrunner = 5"),
            "dblsp.toml:1:11: version 2 of the settings is unknown (this dblsp reads `version = 1`; use the dblsp that \
             the file was written for, or change it)"
        );
    }

    #[test]
    fn values_that_cannot_be_meant_are_reported() {
        let text = "postgres = 9\nsince = \"v1\"\nexclude = [\"[\"]\n[naming]\npattern = \"(\"\n[rules]\nno-such-rule = \"off\"\n";
        let found = problems(text);
        let starts = [
            "dblsp.toml:1:12: PostgreSQL 9 is not supported",
            "dblsp.toml:5:11: `(` is no regular expression: unclosed group",
            "dblsp.toml:2:9: `v1` is no version",
            "dblsp.toml:7:16: no rule is called `no-such-rule`",
            "dblsp.toml:3:11: `[` is no glob",
        ];
        for (line, start) in found.lines().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
        assert_eq!(found.lines().count(), starts.len());
    }

    #[test]
    fn an_address_in_the_settings_is_refused_and_not_repeated() {
        let found = problems("[environments.live]\nurl = \"postgres://me:secret@host/db\"\n");
        assert!(found.contains("is no `env(NAME)`"), "{found}");
        assert!(!found.contains("secret"), "{found}");
    }

    #[test]
    fn environments_name_each_other() {
        let text =
            "[environments.staging]\nshadow = true\n[environments.live]\nsupabase = true\nrequires = [\"stagin\"]\n";
        assert!(problems(text).ends_with("(did you mean `staging`?)"));
        assert!(problems("[environments.a]\n").contains("exactly one of"));
        assert!(problems("[environments.a]\nshadow = true\nwindow = \"2-4\"\n").contains("no window"));
    }
}
