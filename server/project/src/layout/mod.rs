//! The shapes that migration folders have, and what their file names say: order, version, rollback.

mod order;
mod sections;

pub use order::{Key, key};
pub use sections::{Sections, direction_lines, sections};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use globset::GlobSet;
use ignore::WalkBuilder;

use crate::files::{Disk, Listing};

/// One forward migration of a folder, not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The file.
    pub path: PathBuf,
    /// The name that carries version and description: the file's, or its folder's for `up.sql`.
    pub name: String,
    /// Digits of that name.
    pub version: String,
    /// The file that undoes it, by this layout: where it is or would be.
    pub rollback: Option<PathBuf>,
}

/// A migration folder, listed.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// In the order of application.
    pub slots: Vec<Slot>,
    /// Files in it that undo migrations.
    pub rollbacks: Vec<PathBuf>,
    /// Which kinds of names it has.
    pub shape: Shape,
}

/// How a folder names its migrations; where it mixes, the one that `dblsp new` follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// `<digits>_<name>.sql` in `supabase/migrations`.
    Supabase,
    /// `<prefix>_<name>.sql`
    #[default]
    Plain,
    /// `V<version>__<name>.sql`
    Flyway,
    /// `<name>.up.sql` and `<name>.down.sql`
    Pairs,
    /// `<name>/up.sql` and `<name>/down.sql`
    Folders,
    /// `<name>/migration.sql`
    Prisma,
}

/// Lists the migrations of `folder`.
pub fn list(disk: &Disk, folder: &Path) -> Folder {
    let listing = disk.list(folder);
    if is_supabase(folder) {
        return list_supabase(folder, &listing);
    }
    let mut found = Folder::default();
    let dialects = dialects_of(&listing);
    for name in listing.files.iter().filter(|name| is_sql(name)) {
        let path = folder.join(name);
        match role(name) {
            Role::Rollback { stem } if dialects.takes(&stem) => found.rollbacks.push(path),
            Role::Rollback { .. } => {}
            Role::Forward { stem, shape } => {
                if !dialects.takes(&stem) {
                    continue;
                }
                if shape != Shape::Plain {
                    found.shape = shape;
                }
                found.slots.push(Slot {
                    rollback: rollback_beside(folder, name, &listing),
                    version: version(name),
                    name: name.clone(),
                    path,
                });
            }
        }
    }
    for name in &listing.folders {
        let inner = folder.join(name);
        for (file, shape) in [("up.sql", Shape::Folders), ("migration.sql", Shape::Prisma)] {
            if !disk.is_file(&inner.join(file)) {
                continue;
            }
            let down = inner.join("down.sql");
            if disk.is_file(&down) {
                found.rollbacks.push(down.clone());
            }
            found.shape = shape;
            found.slots.push(Slot {
                path: inner.join(file),
                name: name.clone(),
                version: version(name),
                rollback: (shape == Shape::Folders).then_some(down),
            });
            break;
        }
    }
    let is_folder = |slot: &Slot| slot.path.parent() != Some(folder);
    // diesel and Prisma compare names as text, also where some are longer than others.
    found.slots.sort_by_cached_key(|slot| match slot.version.len() {
        8.. if is_folder(slot) => (1, None, slot.name.clone()),
        _ => (0, Some(key(&slot.name)), String::new()),
    });
    found
}

/// The CLI reads regular files that match `^([0-9]+)_(.*)\.sql$`, in the order of their names; rules speak about the others.
fn list_supabase(folder: &Path, listing: &Listing) -> Folder {
    let is_read = |name: &str| {
        let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < name.len() && rest.starts_with('_')
    };
    let mut names: Vec<&String> = listing.files.iter().filter(|name| is_sql(name)).collect();
    names.sort_by_key(|name| !is_read(name));
    let slot = |name: &String| Slot {
        path: folder.join(name),
        version: name.chars().take_while(char::is_ascii_digit).collect(),
        name: name.clone(),
        rollback: None,
    };
    Folder {
        slots: names.into_iter().map(slot).collect(),
        rollbacks: Vec::new(),
        shape: Shape::Supabase,
    }
}

/// Whether a version comes before another: timestamps as text, also where one is more exact, numbers as numbers.
pub fn is_older(version: &str, than: &str) -> bool {
    if version.len() >= 14 && than.len() >= 14 {
        version < than
    } else {
        key(version) < key(than)
    }
}

/// Whether `folder` is the Supabase CLI's.
pub fn is_supabase(folder: &Path) -> bool {
    folder.ends_with("supabase/migrations")
}

/// Whether `folder` itself looks like a history of migrations, and not like a folder that happens to hold SQL.
pub fn is_migration_folder(disk: &Disk, folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if COMPANION_FOLDERS.contains(&name) {
        return false;
    }
    let listing = disk.list(folder);
    let sql: Vec<&String> = listing.files.iter().filter(|name| is_sql(name)).collect();
    let numbered = sql.iter().filter(|name| key(name).is_numbered()).count();
    let of_folders = || {
        let numbered = |name: &&String| name.starts_with(|c: char| c.is_ascii_digit());
        listing.folders.iter().filter(numbered).any(|inner| {
            ["up.sql", "migration.sql"]
                .iter()
                .any(|file| disk.is_file(&folder.join(inner).join(file)))
        })
    };
    MIGRATION_FOLDERS.contains(&name) && !sql.is_empty()
        || sql.iter().any(|name| name.ends_with(".up.sql"))
        || numbered >= 2 && numbered * 2 > sql.len()
        || of_folders()
}

const MIGRATION_FOLDERS: [&str; 3] = ["migrations", "migration", "migrate"];

/// Folders of numbered SQL that undo, test, fill or record, and are no history of their own.
const COMPANION_FOLDERS: [&str; 10] = [
    "rollback",
    "rollbacks",
    "down",
    "tests",
    "test",
    "schemas",
    "snapshots",
    "seeds",
    "seed",
    "fixtures",
];

/// Every folder in `root` that looks like a history, outermost only; what git ignores is not looked at.
pub fn find(disk: &Disk, root: &Path, exclude: &GlobSet) -> Vec<PathBuf> {
    let mut folders = BTreeSet::new();
    for folder in sql_folders(disk, root, exclude) {
        let is_inner = ["up.sql", "migration.sql"]
            .iter()
            .any(|file| disk.is_file(&folder.join(file)));
        if is_inner && folder != root {
            folders.extend(folder.parent().map(Path::to_path_buf));
        }
        folders.insert(folder);
    }
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let is_inside = found.last().is_some_and(|outer| folder.starts_with(outer));
        if !is_inside && is_migration_folder(disk, &folder) {
            found.push(folder);
        }
    }
    found
}

/// Every folder in `root` that directly holds SQL; what git ignores is not looked at.
pub fn sql_folders(disk: &Disk, root: &Path, exclude: &GlobSet) -> Vec<PathBuf> {
    let walk = WalkBuilder::new(root)
        .require_git(false)
        .filter_entry(|entry| {
            let name = entry.file_name().to_str().unwrap_or_default();
            entry.depth() == 0 || !["node_modules", "target"].contains(&name)
        })
        .build();
    let on_disk = walk
        .flatten()
        .filter(|entry| entry.file_type().is_some_and(|kind| !kind.is_dir()))
        .map(ignore::DirEntry::into_path);
    let laid_over = disk
        .overlay
        .iter()
        .filter(|(path, text)| text.is_some() && path.starts_with(root))
        .map(|(path, _)| path.clone());
    let mut folders = BTreeSet::new();
    for path in on_disk.chain(laid_over) {
        let is_hidden = matches!(disk.overlay.get(&path), Some(None));
        let is_sql = path.file_name().and_then(|name| name.to_str()).is_some_and(is_sql);
        if is_sql && !is_hidden && !exclude.is_match(path.strip_prefix(root).unwrap_or(&path)) {
            folders.extend(path.parent().map(Path::to_path_buf));
        }
    }
    folders.into_iter().collect()
}

/// Whether a file name ends in `.sql`; hidden files are editors' own (`.#1_a.sql` is a lock of Emacs).
pub fn is_sql(name: &str) -> bool {
    let is_sql = |extension: &std::ffi::OsStr| extension.eq_ignore_ascii_case("sql");
    !name.starts_with('.') && Path::new(name).extension().is_some_and(is_sql)
}

/// Whether it is a snapshot's name: `v0.7.0_20251026211500.sql` or `…_after.sql`.
pub fn snapshot_name(name: &str) -> bool {
    let parts = || {
        let (release, stamp) = name.strip_suffix(".sql")?.strip_prefix('v')?.split_once('_')?;
        crate::name::Release::parse(release)?;
        Some(stamp.strip_suffix("_after").unwrap_or(stamp))
    };
    parts().is_some_and(|stamp| stamp.len() == 14 && stamp.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a file is for, by its name.
enum Role {
    Forward {
        /// Name without the direction and `.sql`; may end in a dialect.
        stem: String,
        shape: Shape,
    },
    Rollback {
        /// As above.
        stem: String,
    },
}

fn role(name: &str) -> Role {
    let stem = &name[..name.len() - ".sql".len()];
    let lower = stem.to_ascii_lowercase();
    let undone = [".down", ".undo", ".rollback"]
        .iter()
        .find_map(|ending| lower.strip_suffix(ending));
    if let Some(undone) = undone {
        return Role::Rollback {
            stem: stem[..undone.len()].to_owned(),
        };
    }
    if is_flyway(stem, 'U') {
        return Role::Rollback { stem: stem.to_owned() };
    }
    let (stem, shape) = if let Some(up) = lower.strip_suffix(".up") {
        (&stem[..up.len()], Shape::Pairs)
    } else if is_flyway(stem, 'V') || stem.starts_with("R__") {
        (stem, Shape::Flyway)
    } else {
        (stem, Shape::Plain)
    };
    Role::Forward {
        stem: stem.to_owned(),
        shape,
    }
}

fn is_flyway(stem: &str, letter: char) -> bool {
    stem.strip_prefix(letter)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains("__"))
}

fn rollback_beside(folder: &Path, name: &str, listing: &Listing) -> Option<PathBuf> {
    let stem = &name[..name.len() - ".sql".len()];
    if let Some(stem) = stem.strip_suffix(".up") {
        return Some(folder.join(format!("{stem}.down.sql")));
    }
    if is_flyway(stem, 'V') {
        return Some(folder.join(format!("U{}.sql", &stem[1..])));
    }
    let candidates = [".down", ".undo", ".rollback"].map(|ending| format!("{stem}{ending}.sql"));
    candidates
        .into_iter()
        .find(|name| listing.files.contains(name))
        .map(|name| folder.join(name))
}

/// The version in a name: leading digits, with the dashes of diesel's dates taken out and the dots of Flyway's kept.
fn version(name: &str) -> String {
    if is_flyway(name, 'V') {
        let version: &str = name[1..].split("__").next().unwrap_or_default();
        return version.replace('_', ".");
    }
    let is_digit = |c: char| c.is_ascii_digit();
    let name = name
        .strip_prefix(['V', 'v'])
        .filter(|rest| rest.starts_with(is_digit))
        .unwrap_or(name);
    let digits = name.chars().take_while(char::is_ascii_digit).count();
    // diesel: `2023-01-31-120000_add_users`
    let dashed: String = name.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    if digits == 4 && dashed.len() >= 10 {
        return dashed.replace('-', "");
    }
    name[..digits].to_owned()
}

/// Which dialects each migration is written in, where a folder keeps one file per database.
struct Dialects(BTreeMap<String, BTreeSet<String>>);

const POSTGRES: [&str; 4] = ["postgres", "postgresql", "pg", "psql"];
const OTHERS: [&str; 11] = [
    "mysql",
    "mariadb",
    "sqlite",
    "sqlite3",
    "cockroach",
    "cockroachdb",
    "crdb",
    "mssql",
    "sqlserver",
    "oracle",
    "spanner",
];

fn dialects_of(listing: &Listing) -> Dialects {
    let mut dialects: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in listing.files.iter().filter(|name| is_sql(name)) {
        let Role::Forward { stem, .. } = role(name) else {
            continue;
        };
        let (base, dialect) = split_dialect(&stem);
        dialects.entry(base.to_owned()).or_default().insert(dialect.to_owned());
    }
    Dialects(dialects)
}

/// `1_users.mysql` is `1_users` in the dialect `mysql`; the dialect is empty where none is named.
fn split_dialect(stem: &str) -> (&str, &str) {
    // ory writes `1_users.mysql.autocommit.up.sql` for a file without a transaction.
    match stem.trim_end_matches(".autocommit").rsplit_once('.') {
        Some((base, dialect)) if POSTGRES.contains(&dialect) || OTHERS.contains(&dialect) => (base, dialect),
        _ => (stem, ""),
    }
}

impl Dialects {
    /// Whether the file of that stem is the one for PostgreSQL.
    fn takes(&self, stem: &str) -> bool {
        let (base, dialect) = split_dialect(stem);
        if OTHERS.contains(&dialect) {
            return false;
        }
        let for_postgres = |variants: &BTreeSet<String>| POSTGRES.iter().any(|name| variants.contains(*name));
        !dialect.is_empty() || !self.0.get(base).is_some_and(for_postgres)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists a folder that holds `files`, empty.
    fn listed(folder: &str, files: &[&str]) -> (Folder, Vec<String>) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = temporary.path().join(folder);
        for file in files {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().expect("inside a folder")).expect("created");
            std::fs::write(path, "").expect("written");
        }
        let found = list(&Disk::new(temporary.path()), &folder);
        let show = |path: &Path| crate::files::relative(&folder, path);
        let lines = found
            .slots
            .iter()
            .map(|slot| {
                let rollback = slot.rollback.as_deref().map(show).unwrap_or_default();
                format!("{} {} {rollback}", slot.version, show(&slot.path))
                    .trim_end()
                    .to_owned()
            })
            .collect();
        (found, lines)
    }

    #[test]
    fn supabase_orders_by_name_and_puts_what_the_cli_skips_last() {
        let files = [
            "README.md",
            "2_b.sql",
            "10_a.sql",
            "draft.sql",
            "20251026211500_v0_7_0_x.down.sql",
            "nested/1_x.sql",
        ];
        let (found, lines) = listed("supabase/migrations", &files);
        assert_eq!(found.shape, Shape::Supabase);
        assert_eq!(
            lines,
            [
                "10 10_a.sql",
                "20251026211500 20251026211500_v0_7_0_x.down.sql",
                "2 2_b.sql",
                " draft.sql"
            ]
        );
    }

    #[test]
    fn plain_prefixes_compare_as_numbers() {
        let (_, lines) = listed(
            "db",
            &["10_c.sql", "9_b.sql", "1_a.sql", "1.10_e.sql", "1.9_d.sql", "init.sql"],
        );
        assert_eq!(
            lines,
            [
                "1 1_a.sql",
                "1 1.9_d.sql",
                "1 1.10_e.sql",
                "9 9_b.sql",
                "10 10_c.sql",
                " init.sql"
            ]
        );
    }

    #[test]
    fn flyway_puts_repeatable_migrations_last_and_pairs_undo() {
        let files = ["V2__b.sql", "V10__c.sql", "V1_1__a.sql", "R__views.sql", "U2__b.sql"];
        let (found, lines) = listed("db", &files);
        assert_eq!(
            lines,
            [
                "1.1 V1_1__a.sql U1_1__a.sql",
                "2 V2__b.sql U2__b.sql",
                "10 V10__c.sql U10__c.sql",
                " R__views.sql"
            ]
        );
        assert_eq!(found.rollbacks.len(), 1);
        assert_eq!(found.shape, Shape::Flyway);
    }

    #[test]
    fn pairs_take_the_dialect_of_postgres() {
        let files = [
            "1_a.up.sql",
            "1_a.down.sql",
            "2_b.up.sql",
            "2_b.mysql.up.sql",
            "2_b.postgres.up.sql",
            "2_b.postgres.down.sql",
            "3_c.sqlite3.up.sql",
            "3_c.sqlite3.down.sql",
            "5_e.mysql.autocommit.up.sql",
            "4_d.cockroach.up.sql",
            "4_d.up.sql",
        ];
        let (_, lines) = listed("db", &files);
        assert_eq!(
            lines,
            [
                "1 1_a.up.sql 1_a.down.sql",
                "2 2_b.postgres.up.sql 2_b.postgres.down.sql",
                "4 4_d.up.sql 4_d.down.sql"
            ]
        );
    }

    #[test]
    fn folders_carry_the_version() {
        let files = [
            "2023-01-31-120000_users/up.sql",
            "2023-01-31-120000_users/down.sql",
            "2024-02-01-000000_x/up.sql",
        ];
        let (found, lines) = listed("migrations", &files);
        assert_eq!(
            lines,
            [
                "20230131120000 2023-01-31-120000_users/up.sql 2023-01-31-120000_users/down.sql",
                "20240201000000 2024-02-01-000000_x/up.sql 2024-02-01-000000_x/down.sql"
            ]
        );
        assert_eq!(found.shape, Shape::Folders);
        let (found, lines) = listed(
            "prisma/migrations",
            &["20240101000000_init/migration.sql", "migration_lock.toml"],
        );
        assert_eq!(lines, ["20240101000000 20240101000000_init/migration.sql"]);
        assert_eq!(found.shape, Shape::Prisma);
    }

    #[test]
    fn prisma_compares_names_as_text() {
        let files = [
            "20250625_b/migration.sql",
            "20250624120000_a/migration.sql",
            "20250626120000_c/migration.sql",
        ];
        let (_, lines) = listed("migrations", &files);
        let versions: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(versions, ["20250624120000", "20250625", "20250626120000"]);
    }

    #[test]
    fn versions_compare_as_numbers_or_as_times() {
        assert!(is_older("9", "10"));
        assert!(is_older("202512181049560000", "20260109164812"));
        assert!(!is_older("20260109164812", "20260109164812"));
    }

    #[test]
    fn a_folder_of_scripts_is_no_history() {
        let is = |name: &str, files: &[&str]| {
            let temporary = tempfile::tempdir().expect("a temporary folder");
            let folder = temporary.path().join(name);
            std::fs::create_dir_all(&folder).expect("created");
            for file in files {
                std::fs::write(folder.join(file), "").expect("written");
            }
            is_migration_folder(&Disk::new(temporary.path()), &folder)
        };
        assert!(is("migrations", &["a.sql"]));
        assert!(is("sql", &["001_a.sql", "002_b.sql"]));
        assert!(is("sql", &["a.up.sql"]));
        assert!(!is("sql", &["001_a.sql"]));
        assert!(!is("queries", &["users.sql", "orders.sql"]));
        assert!(!is("rollback", &["001_rollback.sql", "002_rollback.sql"]));
    }

    #[test]
    fn snapshots_have_names_of_their_own() {
        assert!(snapshot_name("v0.7.0_20251026211500.sql"));
        assert!(snapshot_name("v0.7.0_20251026211500_after.sql"));
        assert!(!snapshot_name("tables.sql"));
    }
}
