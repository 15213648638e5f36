//! What `supabase/config.toml` says that matters to migrations. Unreadable or absent keys have the CLI's defaults.

use std::path::{Path, PathBuf};

use crate::files::Disk;
use crate::layout::snapshot_name;

/// Facts of a Supabase project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supabase {
    /// `supabase/config.toml`, which may not exist.
    pub config: PathBuf,
    /// Whether it exists.
    pub configured: bool,
    /// `[db] major_version`; the CLI's default is 17.
    pub postgres: u16,
    /// `[db] port`, where the local database listens; the CLI's default is 54322.
    pub port: u16,
    /// `[api] schemas`
    pub exposed_schemas: Vec<String>,
    /// Whether both keys that name the declarative schemas point away from `supabase/schemas`.
    pub schemas_point_elsewhere: bool,
}

impl Supabase {
    /// The folder of the Supabase CLI, which is `supabase` but where a repository is that folder itself.
    pub fn folder(&self) -> &Path {
        self.config.parent().unwrap_or(&self.config)
    }
}

/// Whether `folder` is what the Supabase CLI calls `supabase`, under whatever name: a repository of its own.
pub fn is_it(disk: &Disk, folder: &Path) -> bool {
    let config = folder.join("config.toml");
    if !disk.is_file(&config) || !disk.is_folder(&folder.join("migrations")) {
        return false;
    }
    let text = disk.read(&config).map(|read| read.text).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let in_db = |key: &str| table.get("db").and_then(|db| db.get(key)).is_some();
    // What every `config.toml` of the CLI has, and that of another program hardly.
    table.get("project_id").is_some_and(toml::Value::is_str) && (in_db("port") || in_db("major_version"))
}

/// The Supabase project in `root`, if there is one.
pub fn read(disk: &Disk, root: &Path) -> Option<Supabase> {
    let inside = root.join("supabase");
    let is_inside = disk.is_file(&inside.join("config.toml")) || disk.is_folder(&inside.join("migrations"));
    let folder = if is_inside {
        inside
    } else if is_it(disk, root) {
        root.to_path_buf()
    } else {
        return None;
    };
    let config = folder.join("config.toml");
    let configured = disk.is_file(&config);
    let text = disk.read(&config).map(|read| read.text).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let key = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
    };
    let strings = |path: &[&str]| -> Option<Vec<String>> {
        let list = key(path)?.as_array()?;
        Some(
            list.iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
        )
    };
    let schema_paths = strings(&["db", "migrations", "schema_paths"]).unwrap_or_default();
    let declarative = key(&["experimental", "pgdelta", "declarative_schema_path"]).and_then(toml::Value::as_str);
    Some(Supabase {
        configured,
        postgres: key(&["db", "major_version"])
            .and_then(toml::Value::as_integer)
            .and_then(|major| u16::try_from(major).ok())
            .unwrap_or(17),
        port: key(&["db", "port"])
            .and_then(toml::Value::as_integer)
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(54322),
        exposed_schemas: strings(&["api", "schemas"]).unwrap_or_else(default_exposed_schemas),
        schemas_point_elsewhere: !schema_paths.is_empty()
            && schema_paths.iter().all(|path| is_elsewhere(path))
            && declarative.is_some_and(is_elsewhere),
        config,
    })
}

/// What the API exposes unless a project says otherwise.
pub fn default_exposed_schemas() -> Vec<String> {
    vec!["public".into(), "graphql_public".into()]
}

/// Whether the Supabase CLI would read the snapshots in `schemas` as declarative schemas.
pub fn reads_snapshots(disk: &Disk, supabase: &Supabase, schemas: &Path) -> bool {
    schemas == supabase.config.with_file_name("schemas")
        && !supabase.schemas_point_elsewhere
        && disk.list(schemas).files.iter().any(|name| snapshot_name(name))
}

/// Whether a path of the configuration, relative to `supabase/`, lies outside `supabase/schemas`.
fn is_elsewhere(path: &str) -> bool {
    let path = path.trim_start_matches("./");
    let path = path.strip_prefix("supabase/").unwrap_or(path);
    !(path == "schemas" || path.starts_with("schemas/") || path.starts_with('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(config: &str) -> (tempfile::TempDir, Disk) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(folder.path().join("supabase/schemas")).expect("created");
        std::fs::write(folder.path().join("supabase/config.toml"), config).expect("written");
        std::fs::write(folder.path().join("supabase/schemas/v0.7.0_20251026211500.sql"), "").expect("written");
        let disk = Disk::new(folder.path());
        (folder, disk)
    }

    fn reads(config: &str) -> bool {
        let (folder, disk) = project(config);
        let supabase = read(&disk, folder.path()).expect("a Supabase project");
        reads_snapshots(&disk, &supabase, &folder.path().join("supabase/schemas"))
    }

    #[test]
    fn defaults_are_those_of_the_cli() {
        let (folder, disk) = project("project_id = \"x\"");
        let supabase = read(&disk, folder.path()).expect("a Supabase project");
        assert_eq!((supabase.postgres, supabase.port), (17, 54322));
        assert_eq!(supabase.exposed_schemas, ["public", "graphql_public"]);
    }

    #[test]
    fn keys_are_read() {
        let (folder, disk) = project("[api]\nschemas = [\"api\"]\n[db]\nmajor_version = 15\nport = 5001");
        let supabase = read(&disk, folder.path()).expect("a Supabase project");
        assert_eq!(
            (supabase.postgres, supabase.exposed_schemas),
            (15, vec!["api".to_owned()])
        );
        assert_eq!(supabase.port, 5001);
    }

    #[test]
    fn snapshots_are_read_unless_both_keys_point_elsewhere() {
        let paths = "[db.migrations]\nschema_paths = [\"./declarative/*.sql\"]\n";
        let delta = "[experimental.pgdelta]\ndeclarative_schema_path = \"./declarative\"\n";
        assert!(reads(""));
        assert!(reads(paths));
        assert!(reads(delta));
        assert!(!reads(&format!("{paths}{delta}")));
        assert!(reads(&format!("[db.migrations]\nschema_paths = []\n{delta}")));
    }
}
