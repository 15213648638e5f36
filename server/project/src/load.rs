//! From paths to projects: which histories there are, which of their files are judged, and their texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use analysis::history::{Base, Companion, CompanionKind, History, Migration};
use analysis::lint::diagnostic::Level;
use analysis::settings::{Coupling, Known, Naming, Runner, Settings};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::ProjectError;
use crate::config::{self, Config, RuleLevel, RunnerName};
use crate::discover::{Root, SETTINGS, Sign, root_of};
use crate::extends;
use crate::files::{Disk, Text, clean};
use crate::known::{self, BASELINE};
use crate::layout::{self, Folder, Shape, Slot, is_sql, sections};
use crate::name::Release;
use crate::seen;
use crate::sizes;
use crate::squawk::{self, Squawk};
use crate::supabase::{self, Supabase};

/// What to load.
#[derive(Clone, Debug)]
pub struct Request {
    /// The disk, and what lies over it.
    pub disk: Disk,
    /// Folder whose project is meant where no path is named. Absolute.
    pub folder: PathBuf,
    /// Files and folders to judge. Absolute; none: everything around `folder`.
    pub paths: Vec<PathBuf>,
    /// Which of their files to judge.
    pub selection: Selection,
    /// Settings to read instead of the project's own.
    pub settings: Option<PathBuf>,
}

/// Which files to judge, of those that the paths name.
#[derive(Clone, Debug, Default)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// Only these.
    Only(BTreeSet<PathBuf>),
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Projects with something to judge.
    pub projects: Vec<Project>,
    /// What is wrong; the projects hold what could be read all the same.
    pub problems: Vec<ProjectError>,
}

/// A project, read.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder.
    pub root: Root,
    /// What `dblsp.toml` says.
    pub config: Config,
    /// What the analysis needs of the settings.
    pub settings: Settings,
    /// Whether it keeps the migration convention.
    pub convention: bool,
    /// Where its baseline is, or would be.
    pub baseline: PathBuf,
    /// Histories with at least one judged file.
    pub histories: Vec<History>,
}

/// A project whose settings are read and whose migration folders are known.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its folder.
    pub root: Root,
    /// What `dblsp.toml` says.
    pub config: Config,
    /// Whether there is a `dblsp.toml`.
    pub configured: bool,
    /// The Supabase project in the same folder.
    pub supabase: Option<Supabase>,
    /// Folders that are histories.
    pub folders: Vec<PathBuf>,
    /// What squawk's settings say, around the project.
    squawk: Option<Squawk>,
    /// The folder that paths in the settings are relative to.
    base: PathBuf,
    exclude: GlobSet,
}

/// Loads the projects of the paths; never fails, but reports.
pub fn load(request: &Request) -> Loaded {
    let mut loader = Loader {
        request,
        plans: BTreeMap::new(),
        roots: BTreeMap::new(),
        listings: BTreeMap::new(),
        problems: Vec::new(),
    };
    if request.paths.is_empty() {
        loader.add_around(&request.folder);
    }
    for path in &request.paths {
        loader.add(path);
    }
    let plans = std::mem::take(&mut loader.plans);
    let projects = plans
        .into_values()
        .flatten()
        .filter_map(|plan| loader.read(plan))
        .collect();
    Loaded {
        projects,
        problems: loader.problems,
    }
}

/// Reads the settings of the project in `root` and finds its migration folders.
pub fn open(
    disk: &Disk,
    root: Root,
    settings: Option<&Path>,
    problems: &mut Vec<ProjectError>,
) -> Result<Opened, ProjectError> {
    let own = root.folder.join(SETTINGS);
    let file = settings.unwrap_or(&own);
    let configured = settings.is_some() || disk.is_file(&own);
    let config = if configured {
        extends::read(disk, file, problems)?
    } else {
        Config::default()
    };
    let base = file.parent().unwrap_or(&root.folder).to_path_buf();
    let exclude = globs(&config.exclude);
    let supabase = supabase::read(disk, &root.folder);
    let mut opened = Opened {
        configured,
        supabase,
        folders: Vec::new(),
        squawk: None,
        base,
        exclude,
        config,
        root,
    };
    opened.squawk = opened.find_squawk(disk, problems);
    opened.folders = opened.find_folders(disk, &disk.show(file), problems);
    // `migrations = ["packages/db/supabase/migrations"]`
    let elsewhere = opened.folders.iter().find(|folder| layout::is_supabase(folder));
    if let (None, Some(project)) = (&opened.supabase, elsewhere.and_then(|folder| folder.ancestors().nth(2))) {
        opened.supabase = supabase::read(disk, project);
    }
    Ok(opened)
}

fn globs(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // As in `.gitignore`: without a slash it matches at any depth; a folder matches what is in it.
        let pattern = pattern.trim_end_matches('/');
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        let anchored = match pattern.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None if pattern.contains('/') => pattern.to_owned(),
            None => format!("**/{pattern}"),
        };
        for glob in [format!("{anchored}/**"), anchored] {
            if let Ok(glob) = GlobBuilder::new(&glob).literal_separator(true).build() {
                set.add(glob);
            }
        }
    }
    set.build().unwrap_or_default()
}

impl Opened {
    fn find_folders(&self, disk: &Disk, settings: &str, problems: &mut Vec<ProjectError>) -> Vec<PathBuf> {
        if !self.config.migrations.is_empty() {
            let mut folders = Vec::new();
            for written in &self.config.migrations {
                let folder = clean(&self.base.join(written));
                if disk.is_folder(&folder) {
                    folders.push(folder);
                } else {
                    problems.push(ProjectError::NoSuchFolder {
                        at: settings.to_owned(),
                        folder: written.clone(),
                    });
                }
            }
            return folders;
        }
        if let Some(supabase) = &self.supabase {
            return vec![supabase.folder().join("migrations")];
        }
        match self.root.sign {
            Sign::Migrations => vec![self.root.folder.clone()],
            Sign::Settings => layout::find(disk, &self.root.folder, &self.exclude),
            Sign::Supabase | Sign::Git | Sign::Nothing => Vec::new(),
        }
    }

    /// The nearest settings of squawk upwards, as it finds them itself.
    fn find_squawk(&self, disk: &Disk, problems: &mut Vec<ProjectError>) -> Option<Squawk> {
        let mut folders = self.upwards();
        let folder = folders.find(|folder| disk.is_file(&folder.join(squawk::SETTINGS)))?;
        let read = squawk::read(disk, folder);
        read.map_err(|error| problems.push(error)).ok().flatten()
    }

    /// The project's baseline: the file that the settings name, or one of the usual name.
    pub fn baseline(&self) -> PathBuf {
        match &self.config.baseline {
            Some(path) => clean(&self.base.join(path)),
            None => self.root.folder.join(BASELINE),
        }
    }

    fn known(&self, disk: &Disk) -> Result<Known, ProjectError> {
        let file = self.baseline();
        if self.config.baseline.is_none() && !disk.is_file(&file) {
            return Ok(Known::default());
        }
        known::read(disk, &file)
    }

    /// The levels of rules that hold for a file alone.
    fn levels_in(&self, overrides: &[(GlobSet, Levels)], path: &Path) -> Levels {
        let Ok(inside) = path.strip_prefix(&self.base) else {
            return Levels::default();
        };
        let matching = overrides.iter().filter(|(globs, _)| globs.is_match(inside));
        matching.flat_map(|(_, levels)| levels.clone()).collect()
    }

    /// Where the rollbacks, tests and snapshots of a migration folder lie.
    pub fn companion_folder(&self, folder: &Path, kind: CompanionFolder) -> PathBuf {
        let (set, name) = match kind {
            CompanionFolder::Rollback => (&self.config.paths.rollback, "rollback"),
            CompanionFolder::Tests => (&self.config.paths.tests, "tests"),
            CompanionFolder::Schemas => (&self.config.paths.schemas, "schemas"),
        };
        match set {
            Some(path) => clean(&self.base.join(path)),
            None => folder.parent().unwrap_or(folder).join(name),
        }
    }

    /// Whether the project keeps the migration convention: it has settings, rollbacks, or a file of that name.
    pub fn keeps_convention(&self, disk: &Disk) -> bool {
        self.configured
            || self.folders.iter().any(|folder| {
                disk.is_folder(&self.companion_folder(folder, CompanionFolder::Rollback))
                    || disk
                        .list(folder)
                        .files
                        .iter()
                        .any(|name| Release::of_file(name).is_some())
            })
    }

    /// How the project names its files.
    pub fn naming(&self) -> Naming {
        match self.config.naming.pattern.as_deref() {
            None | Some("seed") => Naming::Seed,
            Some("supabase") => Naming::Supabase,
            Some(pattern) => Naming::Pattern(pattern.to_owned()),
        }
    }

    fn is_excluded(&self, path: &Path) -> bool {
        path.strip_prefix(&self.base)
            .is_ok_and(|inside| self.exclude.is_match(inside))
    }

    /// What the analysis needs to know, but for what depends on single files.
    pub fn settings(&self, disk: &Disk) -> Settings {
        let config = &self.config;
        let supabase = self.supabase.as_ref();
        let runner = config
            .runner
            .map_or_else(|| self.default_runner(disk), RunnerName::runner);
        Settings {
            postgres: config
                .postgres
                .or(supabase.map(|supabase| supabase.postgres))
                .or(self.squawk.as_ref().and_then(|squawk| squawk.postgres))
                .unwrap_or(15)
                .clamp(14, 18),
            runner,
            runner_is_assumed: config.runner.is_none() && runner == Runner::PsqlSingle,
            naming: self.naming(),
            levels: self.levels(),
            levels_in: BTreeMap::new(),
            known: Known::default(),
            exposed_schemas: config
                .exposed_schemas
                .clone()
                .or_else(|| supabase.map(|supabase| supabase.exposed_schemas.clone()))
                .unwrap_or_else(supabase::default_exposed_schemas),
            coupling: Coupling {
                packs: config.coupling.packs.clone().unwrap_or_else(|| self.pack_names(disk)),
                forbidden_names: config.coupling.forbidden_names.clone(),
            },
            sizes: sizes::read(disk, &self.root.folder),
        }
    }

    fn levels(&self) -> Levels {
        let mut levels = levels(&self.config.rules);
        if let Some(squawk) = &self.squawk {
            squawk.turn_off(&mut levels);
        }
        levels
    }

    fn default_runner(&self, disk: &Disk) -> Runner {
        if self.supabase.is_some() {
            return Runner::Supabase;
        }
        let manifest = self
            .upwards()
            .map(|folder| folder.join("Cargo.toml"))
            .find(|path| disk.is_file(path));
        let uses_sqlx = manifest
            .and_then(|path| disk.read(&path).ok())
            .and_then(|read| read.text.parse::<toml::Table>().ok())
            .is_some_and(|manifest| {
                let tables = [
                    Some(&manifest),
                    manifest.get("workspace").and_then(toml::Value::as_table),
                ];
                let mut dependencies = tables
                    .into_iter()
                    .flatten()
                    .filter_map(|table| table.get("dependencies"));
                dependencies.any(|dependencies| dependencies.get("sqlx").is_some())
            });
        if uses_sqlx { Runner::Sqlx } else { Runner::PsqlSingle }
    }

    fn pack_names(&self, disk: &Disk) -> Vec<String> {
        let packs = self.upwards().map(|folder| folder.join("expansion-packs"));
        let Some(packs) = packs.into_iter().find(|folder| disk.is_folder(folder)) else {
            return Vec::new();
        };
        disk.list(&packs)
            .folders
            .into_iter()
            .filter(|name| !name.starts_with('.'))
            .collect()
    }

    /// The project's folder and those around it, up to the repository's.
    fn upwards(&self) -> impl Iterator<Item = &Path> {
        let mut done = false;
        self.root.folder.ancestors().take_while(move |folder| {
            let was = done;
            done = folder.join(".git").exists();
            !was
        })
    }
}

/// Level per rule; `None` is off.
type Levels = BTreeMap<String, Option<Level>>;

fn levels(rules: &BTreeMap<String, RuleLevel>) -> Levels {
    rules
        .iter()
        .map(|(rule, level)| (rule.clone(), level.level()))
        .collect()
}

/// The folders beside a folder of migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompanionFolder {
    /// Scripts that undo migrations.
    Rollback,
    /// Smoke and integration tests.
    Tests,
    /// Snapshots.
    Schemas,
}

/// What is to be read of one project.
struct Plan {
    opened: Opened,
    /// Folders outside the project's own histories that a path names.
    extra: BTreeSet<PathBuf>,
    /// Files of no history.
    loose: BTreeSet<PathBuf>,
    /// What the user named: a file is judged if it is, or lies in, one of these.
    scope: BTreeSet<PathBuf>,
}

struct Loader<'r> {
    request: &'r Request,
    /// By root; `None` where the settings cannot be read.
    plans: BTreeMap<Root, Option<Plan>>,
    roots: BTreeMap<PathBuf, Root>,
    listings: BTreeMap<PathBuf, Members>,
    problems: Vec<ProjectError>,
}

/// What belongs to a history, by path.
struct Members {
    folder: Folder,
    slots: BTreeSet<PathBuf>,
    companions: BTreeMap<PathBuf, CompanionKind>,
}

impl Loader<'_> {
    /// Everything around a folder that nobody named.
    fn add_around(&mut self, folder: &Path) {
        let disk = &self.request.disk;
        let root = root_of(disk, folder);
        if matches!(root.sign, Sign::Settings | Sign::Supabase | Sign::Migrations) {
            let scope = root.folder.clone();
            let before = self.problems.len();
            let is_empty = self.plan(root).is_some_and(|plan| {
                plan.scope.insert(scope.clone());
                plan.opened.folders.is_empty()
            });
            if is_empty && self.problems.len() == before {
                self.no_migrations(&scope);
            }
            return;
        }
        let found = layout::find(disk, &root.folder, &GlobSet::empty());
        if found.is_empty() {
            self.no_migrations(&root.folder);
        }
        for folder in found {
            let root = self.root(&folder);
            let scope = root.folder.clone();
            if let Some(plan) = self.plan(root) {
                plan.scope.insert(scope);
            }
        }
    }

    fn no_migrations(&mut self, folder: &Path) {
        // Nothing staged or changed can be a migration where there are none.
        if matches!(self.request.selection, Selection::All) {
            self.problems.push(ProjectError::NoMigrations {
                path: self.request.disk.show(folder),
            });
        }
    }

    fn add(&mut self, path: &Path) {
        let disk = &self.request.disk;
        if disk.is_folder(path) {
            self.add_folder(path);
        } else if !disk.is_file(path) {
            self.problems.push(ProjectError::NoSuchPath { path: disk.show(path) });
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(is_sql) {
            self.add_file(path);
        } else {
            self.problems.push(ProjectError::NotSql { path: disk.show(path) });
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let disk = &self.request.disk;
        if let Err(error) = disk.check_listable(folder) {
            self.problems.push(error);
            return;
        }
        let root = self.root(folder);
        let Some(plan) = self.plan(root.clone()) else { return };
        let exclude = plan.opened.exclude.clone();
        let beside = |member: &PathBuf, kind| folder.starts_with(plan.opened.companion_folder(member, kind));
        let members = plan.opened.folders.clone();
        let is_around = members.iter().any(|member| {
            member.starts_with(folder)
                || beside(member, CompanionFolder::Rollback)
                || beside(member, CompanionFolder::Tests)
        });
        // `migrations/2024_add`, which holds `up.sql`.
        let is_inside = |this: &mut Self, member: &PathBuf| {
            let slots = &this.members(&root, member).slots;
            folder.starts_with(member) && slots.iter().any(|slot| slot.starts_with(folder))
        };
        if is_around || members.iter().any(|member| is_inside(self, member)) {
            if layout::sql_folders(disk, folder, &GlobSet::empty()).is_empty() {
                self.problems.push(ProjectError::NoSql {
                    path: disk.show(folder),
                });
            }
            if let Some(plan) = self.plan(root) {
                plan.scope.insert(folder.to_path_buf());
            }
            return;
        }
        let mut found = layout::find(disk, folder, &exclude);
        if found.is_empty() {
            found = layout::sql_folders(disk, folder, &exclude);
        }
        if found.is_empty() {
            self.problems.push(ProjectError::NoSql {
                path: disk.show(folder),
            });
        }
        for inner in found {
            let root = self.root(&inner);
            let Some(plan) = self.plan(root) else { continue };
            plan.scope.insert(folder.to_path_buf());
            if !plan.opened.folders.contains(&inner) {
                plan.extra.insert(inner);
            }
        }
    }

    fn add_file(&mut self, file: &Path) {
        let parent = file.parent().unwrap_or(file).to_path_buf();
        let root = self.root(&parent);
        let Some(plan) = self.plan(root.clone()) else { return };
        plan.scope.insert(file.to_path_buf());
        if plan.opened.is_excluded(file) {
            return;
        }
        let folders = plan.opened.folders.clone();
        let is_member = folders.iter().any(|folder| {
            let members = self.members(&root, folder);
            members.slots.contains(file) || members.companions.contains_key(file)
        });
        if is_member {
            return;
        }
        let disk = &self.request.disk;
        let around = [Some(parent.as_path()), parent.parent()];
        let history = around
            .into_iter()
            .flatten()
            .find(|folder| {
                layout::is_migration_folder(disk, folder)
                    && !folders.iter().any(|member| member == folder)
                    && layout::list(disk, folder).slots.iter().any(|slot| slot.path == file)
            })
            .map(Path::to_path_buf);
        let Some(plan) = self.plan(root) else { return };
        match history {
            Some(folder) => plan.extra.insert(folder),
            None => plan.loose.insert(file.to_path_buf()),
        };
    }

    fn root(&mut self, folder: &Path) -> Root {
        if let Some(root) = self.roots.get(folder) {
            return root.clone();
        }
        let root = root_of(&self.request.disk, folder);
        self.roots.insert(folder.to_path_buf(), root.clone());
        root
    }

    fn plan(&mut self, root: Root) -> Option<&mut Plan> {
        let request = self.request;
        let problems = &mut self.problems;
        self.plans
            .entry(root.clone())
            .or_insert_with(|| {
                let opened = open(&request.disk, root, request.settings.as_deref(), problems)
                    .map_err(|error| problems.push(error))
                    .ok()?;
                Some(Plan {
                    opened,
                    extra: BTreeSet::new(),
                    loose: BTreeSet::new(),
                    scope: BTreeSet::new(),
                })
            })
            .as_mut()
    }

    fn members(&mut self, root: &Root, folder: &Path) -> &Members {
        let disk = &self.request.disk;
        let plans = &self.plans;
        self.listings.entry(folder.to_path_buf()).or_insert_with(|| {
            let opened = plans.get(root).and_then(Option::as_ref).map(|plan| &plan.opened);
            list_members(disk, folder, opened)
        })
    }

    fn read(&mut self, plan: Plan) -> Option<Project> {
        let disk = &self.request.disk;
        let opened = &plan.opened;
        let convention = opened.keeps_convention(disk);
        let mut histories = Vec::new();
        for folder in &opened.folders {
            self.problems.extend(disk.check_listable(folder).err());
            let members = list_members(disk, folder, Some(opened));
            histories.extend(self.history(&plan, convention, members, Extent::Whole, Some(folder)));
        }
        for folder in &plan.extra {
            let members = list_members(disk, folder, None);
            let extent = if layout::is_migration_folder(disk, folder) {
                Extent::Whole
            } else {
                Extent::Part
            };
            histories.extend(self.history(&plan, false, members, extent, None));
        }
        for file in &plan.loose {
            let name = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let slot = Slot {
                path: file.clone(),
                version: name.chars().take_while(char::is_ascii_digit).collect(),
                name,
                rollback: None,
            };
            let members = Members {
                slots: BTreeSet::from([file.clone()]),
                folder: Folder {
                    slots: vec![slot],
                    ..Folder::default()
                },
                companions: BTreeMap::new(),
            };
            histories.extend(self.history(&plan, false, members, Extent::Part, None));
        }
        if histories.is_empty() {
            return None;
        }
        let mut settings = opened.settings(disk);
        settings.levels_in = levels_by_path(disk, opened, &histories);
        let known = opened.known(disk);
        settings.known = known.map_err(|error| self.problems.push(error)).unwrap_or_default();
        Some(Project {
            settings,
            baseline: opened.baseline(),
            root: plan.opened.root,
            config: plan.opened.config,
            convention,
            histories,
        })
    }

    /// Reads one history; `None` where none of its files is judged.
    fn history(
        &mut self,
        plan: &Plan,
        convention: bool,
        members: Members,
        extent: Extent,
        own: Option<&PathBuf>,
    ) -> Option<History> {
        let disk = &self.request.disk;
        let opened = &plan.opened;
        let is_judged = |path: &Path| {
            let is_selected = match &self.request.selection {
                Selection::All => true,
                Selection::Only(files) => files.contains(path),
            };
            let is_excluded = opened.squawk.as_ref().is_some_and(|squawk| squawk.excludes(path));
            is_selected && !is_excluded && path.ancestors().any(|above| plan.scope.contains(above))
        };
        let slots: Vec<Slot> = members
            .folder
            .slots
            .into_iter()
            .filter(|slot| !opened.is_excluded(&slot.path))
            .collect();
        let companions: Vec<(PathBuf, CompanionKind)> = members
            .companions
            .into_iter()
            .filter(|(path, _)| !opened.is_excluded(path))
            .collect();
        let mut paths: Vec<PathBuf> = slots.iter().map(|slot| slot.path.clone()).collect();
        paths.extend(companions.iter().map(|(path, _)| path.clone()));
        if !paths.iter().any(|path| is_judged(path)) {
            return None;
        }
        let mut texts: Vec<Option<Text>> = Vec::with_capacity(paths.len());
        for (path, read) in paths.iter().zip(disk.read_all(&paths)) {
            match read {
                Ok(text) => {
                    if let Some(offset) = text.invalid.filter(|_| is_judged(path)) {
                        let path = disk.show(path);
                        self.problems.push(ProjectError::NotUtf8 { path, offset });
                    }
                    texts.push(Some(text));
                }
                Err(error) => {
                    self.problems.push(error);
                    texts.push(None);
                }
            }
        }
        let existing: BTreeSet<&Path> = companions.iter().map(|(path, _)| path.as_path()).collect();
        let about = About {
            convention,
            existing: &existing,
            opened,
            own,
            shape: members.folder.shape,
        };
        let companion_texts = texts.split_off(slots.len());
        let migrations: Vec<Migration> = slots
            .iter()
            .zip(texts)
            .filter_map(|(slot, text)| Some(migration(disk, slot, &text?, is_judged(&slot.path), &about)))
            .collect();
        // The first folder is the one that verbs which meet a database work with.
        let is_deployed = own.is_some() && own == opened.folders.first();
        let databases = is_deployed.then(|| seen::databases(&opened.root.folder, &opened.config, &migrations));
        let companions = companions
            .iter()
            .zip(companion_texts)
            .filter_map(|((path, kind), text)| {
                Some(Companion {
                    path: disk.show(path),
                    text: text?.text,
                    kind: *kind,
                    judged: is_judged(path),
                })
            })
            .collect();
        let snapshots_read_by_supabase = own.zip(opened.supabase.as_ref()).and_then(|(folder, supabase)| {
            let schemas = opened.companion_folder(folder, CompanionFolder::Schemas);
            supabase::reads_snapshots(disk, supabase, &schemas).then(|| disk.show(&supabase.config))
        });
        Some(History {
            databases: databases.unwrap_or_default().into(),
            migrations,
            complete: extent == Extent::Whole,
            base: if opened.supabase.is_some() {
                Base::Supabase
            } else {
                Base::Empty
            },
            companions,
            snapshots_read_by_supabase,
            proofs: BTreeMap::new(),
        })
    }
}

/// The overrides of the settings, file by file.
fn levels_by_path(disk: &Disk, opened: &Opened, histories: &[History]) -> BTreeMap<String, Levels> {
    let written = opened.config.overrides.iter();
    let overrides: Vec<(GlobSet, Levels)> = written
        .map(|entry| (globs(&entry.paths), levels(&entry.rules)))
        .collect();
    if overrides.is_empty() {
        return BTreeMap::new();
    }
    let files = histories.iter().flat_map(|history| {
        let migrations = history.migrations.iter().map(|file| &file.path);
        migrations.chain(history.companions.iter().map(|file| &file.path))
    });
    let levels = files.map(|shown| {
        let levels = opened.levels_in(&overrides, &disk.absolute(shown));
        (shown.clone(), levels)
    });
    levels.filter(|(_, levels)| !levels.is_empty()).collect()
}

/// Whether files build a database from nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Part,
}

/// What a migration's surroundings say about it.
struct About<'a> {
    convention: bool,
    existing: &'a BTreeSet<&'a Path>,
    opened: &'a Opened,
    own: Option<&'a PathBuf>,
    shape: Shape,
}

fn migration(disk: &Disk, slot: &Slot, text: &Text, judged: bool, about: &About<'_>) -> Migration {
    let parts = sections(&text.text);
    let rollback = slot.rollback.clone().or_else(|| expected_rollback(slot, about));
    let smoke_test = about.own.filter(|_| about.convention).and_then(|folder| {
        let release = Release::of_file(&slot.name)?;
        let tests = about.opened.companion_folder(folder, CompanionFolder::Tests);
        (about.opened.naming() == Naming::Seed).then(|| tests.join(format!("v{release}_smoke_test.sql")))
    });
    let exists = |path: &Option<PathBuf>| path.as_deref().is_some_and(|path| about.existing.contains(path));
    let undoes_itself = parts.down.is_some() && !exists(&rollback);
    let rollback = if undoes_itself {
        Some(slot.path.clone())
    } else {
        rollback
    };
    let since = about.opened.config.since.as_ref().map(config::Version::digits);
    let is_exempt = since.is_some_and(|since| layout::is_older(&slot.version, &since));
    Migration {
        path: disk.show(&slot.path),
        text: text.text.clone(),
        forward: parts.forward,
        version: slot.version.clone(),
        judged,
        has_rollback: undoes_itself || exists(&rollback),
        rollback_path: rollback.map(|path| disk.show(&path)),
        has_smoke_test: exists(&smoke_test),
        smoke_test_path: smoke_test.map(|path| disk.show(&path)),
        convention: about.convention && !is_exempt,
    }
}

/// `rollback/<version>_rollback.sql`, where the project keeps rollbacks in a folder of their own.
fn expected_rollback(slot: &Slot, about: &About<'_>) -> Option<PathBuf> {
    let folder = about.own?;
    let has_folder = matches!(about.shape, Shape::Supabase | Shape::Plain) && !slot.version.is_empty();
    let rollbacks = about.opened.companion_folder(folder, CompanionFolder::Rollback);
    (has_folder && (about.convention || about.shape == Shape::Supabase))
        .then(|| rollbacks.join(format!("{}_rollback.sql", slot.version)))
}

/// Lists a migration folder and, where it is a project's own, what lies beside it.
fn list_members(disk: &Disk, folder: &Path, opened: Option<&Opened>) -> Members {
    let listed = layout::list(disk, folder);
    let mut companions: BTreeMap<PathBuf, CompanionKind> = BTreeMap::new();
    let mut add = |folder: &Path, kind: CompanionKind, takes: &dyn Fn(&str) -> bool| {
        for name in disk.list(folder).files {
            if is_sql(&name) && takes(&name) {
                companions.insert(folder.join(name), kind);
            }
        }
    };
    if let Some(opened) = opened {
        let rollback = opened.companion_folder(folder, CompanionFolder::Rollback);
        let tests = opened.companion_folder(folder, CompanionFolder::Tests);
        // `tests` beside `migrations` may be a program's; beside Supabase's, or where settings say so, it is ours.
        let all_tests = opened.supabase.is_some() || opened.config.paths.tests.is_some();
        add(&rollback, CompanionKind::Rollback, &|_| true);
        add(&tests, CompanionKind::Test, &|name| {
            all_tests || name.ends_with("_test.sql")
        });
        if layout::is_supabase(folder) {
            let supabase = folder.parent().unwrap_or(folder);
            add(supabase, CompanionKind::Seed, &|name| name == "seed.sql");
            add(&supabase.join("seeds"), CompanionKind::Seed, &|_| true);
        }
    }
    companions.extend(
        listed
            .rollbacks
            .iter()
            .map(|path| (path.clone(), CompanionKind::Rollback)),
    );
    Members {
        slots: listed.slots.iter().map(|slot| slot.path.clone()).collect(),
        folder: listed,
        companions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of files, `path: text`; a folder where the path ends in `/`.
    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join(".git")).expect("created");
        for (path, text) in files {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
            if path.ends_with('/') {
                std::fs::create_dir_all(file).expect("created");
            } else {
                std::fs::write(file, text).expect("written");
            }
        }
        folder
    }

    fn loaded(folder: &tempfile::TempDir, paths: &[&str]) -> Loaded {
        let disk = Disk::new(folder.path());
        load(&Request {
            folder: folder.path().to_path_buf(),
            paths: paths.iter().map(|path| disk.absolute(path)).collect(),
            selection: Selection::All,
            settings: None,
            disk,
        })
    }

    /// One line per file: `!` judged, path, and what is known of a migration.
    fn shown(loaded: &Loaded) -> Vec<String> {
        let mut lines = Vec::new();
        for history in loaded.projects.iter().flat_map(|project| &project.histories) {
            for migration in &history.migrations {
                let judged = if migration.judged { "!" } else { " " };
                let rollback = match (&migration.rollback_path, migration.has_rollback) {
                    (Some(path), true) if *path == migration.path => " undone by itself".into(),
                    (Some(path), true) => format!(" undone by {path}"),
                    (Some(path), false) => format!(" wants {path}"),
                    (None, true) => " undone by itself".into(),
                    (None, false) => String::new(),
                };
                let convention = if migration.convention { " convention" } else { "" };
                lines.push(format!("{judged}{}{rollback}{convention}", migration.path));
            }
            for companion in &history.companions {
                let judged = if companion.judged { "!" } else { " " };
                lines.push(format!("{judged}{} {:?}", companion.path, companion.kind));
            }
        }
        lines.extend(loaded.problems.iter().map(|problem| format!("problem: {problem}")));
        lines
    }

    const BASELINE: &str = "supabase/migrations/20251026211500_v0_7_0_baseline.sql";
    const SEED: &str = "supabase/migrations/20251026213000_v0_7_0_seed.sql";

    #[test]
    fn a_supabase_project_is_read_with_what_lies_beside_it() {
        let folder = project(&[
            (
                "supabase/config.toml",
                "[db]\nmajor_version = 15\n[api]\nschemas = [\"api\"]",
            ),
            (BASELINE, ""),
            (SEED, ""),
            ("supabase/rollback/20251026211500_rollback.sql", ""),
            ("supabase/tests/v0.7.0_smoke_test.sql", ""),
            ("supabase/schemas/v0.7.0_20251026211500.sql", ""),
            ("supabase/seed.sql", ""),
            ("expansion-packs/fragments/", ""),
        ]);
        let loaded = loaded(&folder, &[]);
        assert_eq!(
            shown(&loaded),
            [
                "!supabase/migrations/20251026211500_v0_7_0_baseline.sql undone by \
                 supabase/rollback/20251026211500_rollback.sql convention",
                "!supabase/migrations/20251026213000_v0_7_0_seed.sql wants \
                 supabase/rollback/20251026213000_rollback.sql convention",
                "!supabase/rollback/20251026211500_rollback.sql Rollback",
                "!supabase/seed.sql Seed",
                "!supabase/tests/v0.7.0_smoke_test.sql Test",
            ]
        );
        let project = &loaded.projects[0];
        assert_eq!(project.settings.postgres, 15);
        assert_eq!(project.settings.runner, Runner::Supabase);
        assert_eq!(project.settings.exposed_schemas, ["api"]);
        assert_eq!(project.settings.coupling.packs, ["fragments"]);
        let history = &project.histories[0];
        assert!(history.complete);
        assert_eq!(history.base, Base::Supabase);
        assert_eq!(
            history.snapshots_read_by_supabase.as_deref(),
            Some("supabase/config.toml")
        );
        let baseline = &history.migrations[0];
        assert!(baseline.has_smoke_test);
        assert_eq!(
            baseline.smoke_test_path.as_deref(),
            Some("supabase/tests/v0.7.0_smoke_test.sql")
        );
    }

    #[test]
    fn paths_choose_what_is_judged_and_the_rest_is_context() {
        let rollback = "supabase/rollback/20251026211500_rollback.sql";
        let folder = project(&[(BASELINE, ""), (SEED, ""), (rollback, "")]);
        let judged = |paths: &[&str]| {
            let lines = shown(&loaded(&folder, paths)).into_iter();
            lines.filter(|line| line.starts_with('!')).count()
        };
        assert_eq!(judged(&[SEED]), 1);
        assert_eq!(judged(&[rollback]), 1);
        assert_eq!(judged(&["supabase/migrations"]), 2);
        assert_eq!(judged(&["supabase/rollback"]), 1);
        assert_eq!(judged(&["."]), 3);
        assert_eq!(loaded(&folder, &[SEED]).projects[0].histories[0].migrations.len(), 2);
    }

    #[test]
    fn a_project_without_settings_or_signs_has_no_convention() {
        let folder = project(&[
            ("supabase/config.toml", ""),
            ("supabase/migrations/20240101000000_a.sql", ""),
        ]);
        assert_eq!(
            shown(&loaded(&folder, &[])),
            ["!supabase/migrations/20240101000000_a.sql wants supabase/rollback/20240101000000_rollback.sql"]
        );
    }

    #[test]
    fn since_exempts_older_migrations() {
        let folder = project(&[("dblsp.toml", "since = \"20251026213000\""), (BASELINE, ""), (SEED, "")]);
        let conventions: Vec<bool> = loaded(&folder, &[]).projects[0].histories[0]
            .migrations
            .iter()
            .map(|migration| migration.convention)
            .collect();
        assert_eq!(conventions, [false, true]);
    }

    #[test]
    fn each_folder_belongs_to_the_nearest_project() {
        let folder = project(&[
            ("apps/a/supabase/migrations/1_a.sql", ""),
            ("apps/b/Cargo.toml", "[dependencies]\nsqlx = \"0.8\""),
            ("apps/b/migrations/1_b.sql", ""),
            ("apps/b/queries/all.sql", ""),
            ("apps/c/db/1_c.up.sql", ""),
            ("apps/c/db/1_c.down.sql", ""),
        ]);
        let found = loaded(&folder, &[]);
        assert_eq!(
            shown(&found),
            [
                "!apps/a/supabase/migrations/1_a.sql wants apps/a/supabase/rollback/1_rollback.sql",
                "!apps/b/migrations/1_b.sql",
                "!apps/c/db/1_c.up.sql undone by apps/c/db/1_c.down.sql",
                "!apps/c/db/1_c.down.sql Rollback",
            ]
        );
        let runners: Vec<Runner> = found.projects.iter().map(|project| project.settings.runner).collect();
        assert_eq!(runners, [Runner::Supabase, Runner::Sqlx, Runner::PsqlSingle]);
        let assumed = found.projects.iter().map(|project| project.settings.runner_is_assumed);
        assert_eq!(assumed.collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn a_file_outside_any_history_stands_alone() {
        let folder = project(&[("scripts/fix.sql", ""), ("supabase/migrations/1_a.sql", "")]);
        let found = loaded(&folder, &["scripts/fix.sql"]);
        assert_eq!(shown(&found), ["!scripts/fix.sql"]);
        assert!(!found.projects[0].histories[0].complete);
        assert_eq!(shown(&loaded(&folder, &["scripts"])), ["!scripts/fix.sql"]);
    }

    #[test]
    fn a_file_with_both_directions_undoes_itself() {
        let text = "-- migrate:up\ncreate table a ();\n-- migrate:down\ndrop table a;\n";
        let folder = project(&[("db/migrations/1_a.sql", text)]);
        let found = loaded(&folder, &[]);
        assert_eq!(shown(&found), ["!db/migrations/1_a.sql undone by itself"]);
        let migration = &found.projects[0].histories[0].migrations[0];
        assert_eq!(migration.forward.slice(text), "-- migrate:up\ncreate table a ();\n");
    }

    #[test]
    fn what_is_wrong_does_not_stop_the_rest() {
        let folder = project(&[("supabase/migrations/1_a.sql", ""), ("README.md", ""), ("empty/", "")]);
        std::fs::write(folder.path().join("supabase/migrations/2_b.sql"), b"-- caf\xe9").expect("written");
        assert_eq!(
            shown(&loaded(&folder, &["supabase", "nope.sql", "README.md", "empty"])),
            [
                "!supabase/migrations/1_a.sql wants supabase/rollback/1_rollback.sql",
                "!supabase/migrations/2_b.sql wants supabase/rollback/2_rollback.sql",
                "problem: `nope.sql` does not exist",
                "problem: `README.md` is not an SQL file",
                "problem: `empty` holds no SQL files",
                "problem: `supabase/migrations/2_b.sql` is not UTF-8 (first invalid byte at offset 6)",
            ]
        );
        assert_eq!(
            shown(&loaded(&folder, &["empty"])),
            ["problem: `empty` holds no SQL files"]
        );
    }

    #[test]
    fn folders_inside_a_history_are_part_of_it_where_the_layout_says_so() {
        let folder = project(&[("migrations/1_a/up.sql", ""), ("migrations/2_b/up.sql", "")]);
        assert_eq!(
            shown(&loaded(&folder, &["migrations/1_a"])),
            [
                "!migrations/1_a/up.sql wants migrations/1_a/down.sql",
                " migrations/2_b/up.sql wants migrations/2_b/down.sql"
            ]
        );
        let folder = project(&[
            ("supabase/migrations/1_a.sql", ""),
            ("supabase/migrations/nested/2_b.sql", ""),
            ("supabase/migrations/docs/", ""),
        ]);
        assert_eq!(
            shown(&loaded(&folder, &["supabase/migrations/nested"])),
            ["!supabase/migrations/nested/2_b.sql"]
        );
        assert_eq!(
            shown(&loaded(&folder, &["supabase/migrations/docs"])),
            ["problem: `supabase/migrations/docs` holds no SQL files"]
        );
    }

    #[test]
    fn settings_name_folders_and_leave_files_out() {
        let folder = project(&[
            (
                "dblsp.toml",
                "migrations = [\"sql\", \"gone\"]\nexclude = [\"*.generated.sql\", \"sql/3_c.sql\"]\n[paths]\nrollback = \"undo\"\n",
            ),
            ("sql/1_a.sql", ""),
            ("sql/2_b.generated.sql", ""),
            ("sql/3_c.sql", ""),
            ("undo/1_rollback.sql", ""),
        ]);
        assert_eq!(
            shown(&loaded(&folder, &[])),
            [
                "!sql/1_a.sql undone by undo/1_rollback.sql convention",
                "!undo/1_rollback.sql Rollback",
                "problem: dblsp.toml: the folder `gone` does not exist",
            ]
        );
    }

    #[test]
    fn a_supabase_project_may_lie_deeper_than_the_settings() {
        let folder = project(&[
            ("dblsp.toml", "migrations = [\"packages/db/supabase/migrations\"]"),
            ("packages/db/supabase/config.toml", "[db]\nmajor_version = 15"),
            ("packages/db/supabase/migrations/1_a.sql", ""),
            ("packages/db/supabase/schemas/v0.7.0_20251026211500.sql", ""),
        ]);
        let project = &loaded(&folder, &[]).projects[0];
        assert_eq!(
            (project.settings.runner, project.settings.postgres),
            (Runner::Supabase, 15)
        );
        let history = &project.histories[0];
        assert_eq!(history.base, Base::Supabase);
        assert_eq!(
            history.snapshots_read_by_supabase.as_deref(),
            Some("packages/db/supabase/config.toml")
        );
    }

    const CONFIG: &str = "project_id = \"x\"\n[db]\nport = 1\nmajor_version = 15\n";

    #[test]
    fn a_repository_may_be_the_folder_of_supabase_itself() {
        let folder = project(&[
            (".git/", ""),
            ("config.toml", CONFIG),
            ("migrations/20250101000000_a.sql", ""),
            ("rollback/20250101000000_rollback.sql", ""),
        ]);
        let loaded = loaded(&folder, &[]);
        let project = &loaded.projects[0];
        assert_eq!(project.root.sign, Sign::Supabase);
        assert_eq!(
            (project.settings.runner, project.settings.postgres),
            (Runner::Supabase, 15)
        );
        assert_eq!(project.histories[0].base, Base::Supabase);
        assert!(shown(&loaded)[0].contains("undone by rollback/20250101000000_rollback.sql"));
    }

    #[test]
    fn inside_of_a_repository_the_folder_of_supabase_belongs_to_the_one_above() {
        let folder = project(&[
            (".git/", ""),
            ("supabase/config.toml", CONFIG),
            ("supabase/migrations/20250101000000_a.sql", ""),
        ]);
        let disk = Disk::new(&folder.path().join("supabase/migrations"));
        let root = crate::discover::root_of(&disk, &disk.base);
        assert!(!root.folder.ends_with("supabase"), "{root:?}");
    }

    #[test]
    fn an_empty_folder_of_that_name_makes_no_supabase_project() {
        for config in [
            ("supabase/", ""),
            ("config.toml", "project_id = \"of another program\"\n"),
        ] {
            let folder = project(&[(".git/", ""), config, ("migrations/20250101000000_a.sql", "")]);
            let project = &loaded(&folder, &[]).projects[0];
            assert_eq!(project.histories[0].base, Base::Empty, "{config:?}");
            assert_ne!(project.settings.runner, Runner::Supabase, "{config:?}");
        }
    }

    #[test]
    fn ignored_folders_are_not_searched() {
        let folder = project(&[
            (".gitignore", "vendor/\n"),
            ("vendor/migrations/1_a.sql", ""),
            ("node_modules/x/migrations/1_a.sql", ""),
        ]);
        assert_eq!(shown(&loaded(&folder, &[])), ["problem: no migrations found in `.`"]);
    }

    #[test]
    fn a_thousand_named_files_are_listed_once() {
        let files: Vec<String> = (1..=1000)
            .map(|n| format!("supabase/migrations/{n:04}_x.sql"))
            .collect();
        let entries: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), "select 1;")).collect();
        let folder = project(&entries);
        let paths: Vec<&str> = files.iter().map(String::as_str).collect();
        assert_eq!(shown(&loaded(&folder, &paths)).len(), 1000);
    }
}
