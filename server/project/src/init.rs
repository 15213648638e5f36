//! `dblsp init`: the layout of the migration convention, beside what is already there. Plans only; see [`crate::write`].

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use globset::GlobSet;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::ProjectError;
use crate::discover::{Root, SETTINGS, Sign, root_of};
use crate::files::Disk;
use crate::hooks::{self, Hook};
use crate::known::{self, BASELINE};
use crate::layout::{self, Shape};
use crate::load::{Request, Selection, load};
use crate::name::{Release, second_after};
use crate::supabase;
use crate::write::{Write, WriteKind};

/// What `dblsp init` would do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Files to write.
    pub writes: Vec<Write>,
    /// Files that are there already, and stay as they are.
    pub kept: Vec<PathBuf>,
    /// Files that are somebody's own, and what to add to them by hand.
    pub by_hand: Vec<(PathBuf, String)>,
    /// The baseline, where there is something to write down.
    pub baseline: Option<known::Written>,
    /// What is wrong with the project already.
    pub problems: Vec<ProjectError>,
}

/// Plans the layout of the project around `folder`.
pub fn plan(disk: &Disk, folder: &Path) -> Result<Plan, ProjectError> {
    let root = project_folder(disk, folder);
    let known = supabase::read(disk, &root);
    let histories = match &known {
        Some(supabase) => vec![supabase.folder().join("migrations")],
        None => layout::find(disk, &root, &GlobSet::empty()),
    };
    // A repository that is the folder `supabase` itself has it laid out already.
    let is_supabase = match &known {
        Some(supabase) => supabase.folder() != root,
        None => histories.is_empty() && disk.is_folder(&root.join("supabase")),
    };
    let mut plan = Plan::default();
    plan.add(disk, root.join(SETTINGS), settings(disk, &root, &histories));
    // Another tool's folders stay as that tool wants them.
    if is_supabase || histories.is_empty() {
        for (path, text) in LAYOUT {
            plan.add(disk, root.join(path), (*text).to_owned());
        }
        plan.point_supabase_elsewhere(disk, &root)?;
    }
    let is_new = plan.writes.iter().any(|write| write.path.ends_with(SETTINGS));
    if is_new && !histories.is_empty() {
        plan.write_down(disk, &root);
    }
    if is_in_repository(&root) {
        plan.ignore(disk, &root, is_supabase);
        plan.hook(disk, &root);
    }
    Ok(plan)
}

fn is_in_repository(folder: &Path) -> bool {
    folder.ancestors().any(|above| above.join(".git").exists())
}

/// The project's own folder where there is one, else the current one; never inside a folder of migrations.
fn project_folder(disk: &Disk, folder: &Path) -> PathBuf {
    let Root { folder: root, sign } = root_of(disk, folder);
    match sign {
        Sign::Settings | Sign::Supabase => root,
        Sign::Migrations => root.parent().unwrap_or(&root).to_path_buf(),
        Sign::Git | Sign::Nothing => folder.to_path_buf(),
    }
}

impl Plan {
    fn add(&mut self, disk: &Disk, path: PathBuf, text: String) {
        if disk.is_file(&path) {
            self.kept.push(path);
        } else {
            self.writes.push(Write::create(path, text));
        }
    }

    /// Writes down what there is to find today, with everything else of the plan in place.
    fn write_down(&mut self, disk: &Disk, root: &Path) {
        let file = root.join(BASELINE);
        if disk.is_file(&file) {
            self.kept.push(file);
            return;
        }
        let mut planned = disk.clone();
        for write in &self.writes {
            planned
                .overlay
                .insert(write.path.clone(), Some(write.text.as_str().into()));
        }
        let loaded = load(&Request {
            disk: planned.clone(),
            folder: root.to_path_buf(),
            paths: Vec::new(),
            selection: Selection::All,
            settings: None,
        });
        self.problems = loaded.problems;
        let written = known::write(&planned, &file, &loaded.projects);
        if written.findings > 0 {
            self.writes.push(Write::create(file, written.text.clone()));
            self.baseline = Some(written);
        }
    }

    /// Keeps what belongs to this machine alone out of git.
    fn ignore(&mut self, disk: &Disk, root: &Path, is_supabase: bool) {
        let path = root.join(".gitignore");
        let from = disk.is_file(&path).then(|| disk.read(&path).ok()).flatten();
        let text = from.as_ref().map(|read| read.text.to_string()).unwrap_or_default();
        let mut wanted = vec![".dblsp/"];
        // The Supabase CLI writes a file of its own.
        if is_supabase && !disk.is_file(&root.join("supabase/.gitignore")) {
            wanted.extend(["supabase/.branches/", "supabase/.temp/"]);
        }
        let bare = |line: &str| line.trim().trim_matches('/').to_owned();
        wanted.retain(|line| !text.lines().any(|known| bare(known) == bare(line)));
        if wanted.is_empty() {
            self.kept.push(path);
            return;
        }
        let gap = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let new = format!("{text}{gap}{}\n", wanted.join("\n"));
        let kind = match from {
            None => WriteKind::Create,
            Some(_) => WriteKind::Change {
                from: text,
                what: format!("ignores {}", wanted.join(", ")),
            },
        };
        self.writes.push(Write { path, text: new, kind });
    }

    fn hook(&mut self, disk: &Disk, root: &Path) {
        match hooks::plan(disk, root) {
            Hook::Write(write) => self.writes.push(write),
            Hook::Kept(path) => self.kept.push(path),
            Hook::ByHand { path, what } => self.by_hand.push((path, what)),
            Hook::Nothing => {}
        }
    }

    fn point_supabase_elsewhere(&mut self, disk: &Disk, root: &Path) -> Result<(), ProjectError> {
        let path = root.join("supabase/config.toml");
        if !disk.is_file(&path) {
            let name = root.file_name().and_then(|name| name.to_str()).unwrap_or("project");
            let id = name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_', "-");
            let text = point_elsewhere(&format!("project_id = \"{id}\"\n\n[db]\nmajor_version = 17\n"))
                .expect("the text above is TOML");
            self.writes.push(Write::create(path, text));
            return Ok(());
        }
        let from = disk.read(&path)?.text.to_string();
        let text = point_elsewhere(&from).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let line = from[..offset.min(from.len())].matches('\n').count() + 1;
            ProjectError::BadSettings {
                at: format!("{}:{line}", disk.show(&path)),
                message: error.message().trim().replace('\n', ", "),
            }
        })?;
        if text == from {
            self.kept.push(path);
            return Ok(());
        }
        let what = "points the Supabase CLI's declarative schemas away from the snapshots in supabase/schemas";
        self.writes.push(Write {
            path,
            text,
            kind: WriteKind::Change {
                from,
                what: what.to_owned(),
            },
        });
        Ok(())
    }
}

/// Sets the two keys that keep the Supabase CLI from reading snapshots as declarative schemas, where they are not set.
fn point_elsewhere(text: &str) -> Result<String, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let comment = "# Snapshots live in supabase/schemas, where the Supabase CLI would look for declarative schemas.\n";
    let paths = table_at(&mut document, &["db", "migrations"]);
    let is_unset = |item: Option<&Item>| match item {
        None => true,
        Some(item) => item.as_array().is_some_and(Array::is_empty),
    };
    if let Some(table) = paths.filter(|table| is_unset(table.get("schema_paths"))) {
        set(
            table,
            "schema_paths",
            value(Array::from_iter(["./declarative/*.sql"])),
            comment,
        );
    }
    let delta = table_at(&mut document, &["experimental", "pgdelta"]);
    if let Some(table) = delta.filter(|table| !table.contains_key("declarative_schema_path")) {
        set(table, "declarative_schema_path", value("./declarative"), comment);
    }
    Ok(document.to_string())
}

/// The table at `path`, made where it is not there; `None` where something else is.
fn table_at<'d>(document: &'d mut DocumentMut, path: &[&str]) -> Option<&'d mut Table> {
    let mut table = document.as_table_mut();
    for (at, name) in path.iter().enumerate() {
        let is_last = at + 1 == path.len();
        let item = table.entry(name).or_insert_with(|| {
            let mut new = Table::new();
            // `[experimental.pgdelta]` needs no line `[experimental]`.
            new.set_implicit(!is_last);
            Item::Table(new)
        });
        table = item.as_table_mut()?;
    }
    Some(table)
}

/// Sets a key; a comment that stands above it stays, a new key gets `comment`.
fn set(table: &mut Table, key: &str, mut to: Item, comment: &str) {
    if let Some(item) = table.get_mut(key) {
        if let (Some(old), Some(new)) = (item.as_value(), to.as_value_mut()) {
            *new.decor_mut() = old.decor().clone();
        }
        *item = to;
        return;
    }
    table.insert(key, to);
    if let Some(mut key) = table.key_mut(key) {
        key.leaf_decor_mut().set_prefix(comment);
    }
}

/// The text of `dblsp.toml`.
fn settings(disk: &Disk, root: &Path, histories: &[PathBuf]) -> String {
    let mut text =
        String::from("#:schema https://raw.githubusercontent.com/dblsp/dblsp/main/dblsp.schema.json\nversion = 1\n");
    let listed: Vec<layout::Folder> = histories.iter().map(|folder| layout::list(disk, folder)).collect();
    let is_supabase = histories.iter().any(|folder| layout::is_supabase(folder));
    if !is_supabase && !histories.is_empty() {
        let folders: Vec<String> = histories
            .iter()
            .map(|folder| format!("{:?}", crate::files::relative(root, folder)))
            .collect();
        _ = writeln!(text, "migrations = [{}]", folders.join(", "));
    }
    let versions = listed
        .iter()
        .flat_map(|folder| &folder.slots)
        .map(|slot| slot.version.as_str());
    if let Some(newest) = versions
        .filter(|version| !version.is_empty())
        .max_by_key(|version| layout::key(version))
    {
        text.push_str(
            "\n# The convention's rules speak about migrations from this version on; older ones are exempt.\n",
        );
        _ = writeln!(text, "since = \"{}\"", next(newest));
    }
    let pattern = listed.first().map_or("seed", |folder| pattern(folder));
    _ = write!(text, "\n[naming]\npattern = '{pattern}'\n");
    text
}

/// The smallest version that is newer than `version`.
fn next(version: &str) -> String {
    second_after(version).unwrap_or_else(|| {
        let next = version
            .parse::<u64>()
            .map_or(u64::MAX, |number| number.saturating_add(1));
        format!("{next:0width$}", width = version.len())
    })
}

/// How a folder's files are named, as a setting.
fn pattern(folder: &layout::Folder) -> &'static str {
    let follows_convention = folder.slots.iter().any(|slot| Release::of_file(&slot.name).is_some());
    match folder.shape {
        Shape::Supabase => "seed",
        Shape::Plain if follows_convention || folder.slots.is_empty() => "seed",
        Shape::Plain => r"^[0-9][0-9.]*[-_].+\.sql$",
        Shape::Flyway => r"^([VU][0-9][0-9._]*|R)__.+\.sql$",
        Shape::Pairs => r"^[0-9]+_.+\.(up|down)\.sql$",
        Shape::Folders => r"^(up|down)\.sql$",
        Shape::Prisma => r"^migration\.sql$",
    }
}

/// Files of the layout, with what they say.
const LAYOUT: &[(&str, &str)] = &[
    ("supabase/migrations/README.md", include_str!("init/migrations.md")),
    ("supabase/rollback/README.md", include_str!("init/rollback.md")),
    ("supabase/schemas/README.md", include_str!("init/schemas.md")),
    ("supabase/tests/README.md", include_str!("init/tests.md")),
    ("supabase/docs/MIGRATIONS.md", "# Migration history\n"),
    ("docs/database/README.md", include_str!("init/database.md")),
    ("docs/database/evolution/README.md", include_str!("init/evolution.md")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::write_all;

    fn initialised(files: &[(&str, &str)]) -> (tempfile::TempDir, Plan) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
            std::fs::write(file, text).expect("written");
        }
        let disk = Disk::new(folder.path());
        let plan = plan(&disk, folder.path()).expect("planned");
        write_all(&disk, &plan.writes).expect("written");
        (folder, plan)
    }

    fn read(folder: &tempfile::TempDir, path: &str) -> String {
        std::fs::read_to_string(folder.path().join(path)).expect("there")
    }

    #[test]
    fn a_new_project_gets_the_whole_layout_and_a_second_run_does_nothing() {
        let (folder, first) = initialised(&[]);
        assert_eq!(first.writes.len(), LAYOUT.len() + 2);
        let settings = read(&folder, "dblsp.toml");
        assert!(!settings.contains("since"));
        assert_eq!(crate::config::parse("dblsp.toml", &settings).expect("readable").1, []);
        let disk = Disk::new(folder.path());
        let second = plan(&disk, folder.path()).expect("planned");
        assert_eq!(second.writes, []);
        assert_eq!(second.kept.len(), first.writes.len());
        let supabase = crate::supabase::read(&disk, folder.path()).expect("a Supabase project");
        assert!(supabase.schemas_point_elsewhere);
    }

    #[test]
    fn an_existing_project_is_exempt_up_to_its_newest_migration() {
        let (folder, _) = initialised(&[("supabase/migrations/20240101000000_a.sql", "")]);
        assert!(read(&folder, "dblsp.toml").contains("since = \"20240101000001\""));
    }

    #[test]
    fn comments_of_the_supabase_configuration_stay() {
        let config = "# mine\nproject_id = \"x\"\n\n[db.migrations]\n# a list of globs\nschema_paths = [] # none\n";
        assert_eq!(
            point_elsewhere(config).expect("TOML"),
            "# mine\nproject_id = \"x\"\n\n[db.migrations]\n# a list of globs\nschema_paths = [\"./declarative/*.sql\"] # none\n\
             \n[experimental.pgdelta]\n\
             # Snapshots live in supabase/schemas, where the Supabase CLI would look for declarative schemas.\n\
             declarative_schema_path = \"./declarative\"\n"
        );
    }

    #[test]
    fn another_tools_folder_gets_settings_only() {
        let (folder, plan) = initialised(&[
            ("db/migrations/0001_a.up.sql", ""),
            ("db/migrations/0001_a.down.sql", ""),
        ]);
        assert_eq!(plan.writes.len(), 1);
        assert_eq!(
            read(&folder, "dblsp.toml")
                .lines()
                .skip(2)
                .collect::<Vec<_>>()
                .join("\n"),
            "migrations = [\"db/migrations\"]\n\n\
             # The convention's rules speak about migrations from this version on; older ones are exempt.\n\
             since = \"0002\"\n\n[naming]\npattern = '^[0-9]+_.+\\.(up|down)\\.sql$'"
        );
    }
}
