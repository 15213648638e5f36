//! `dblsp new`: the next migration and its rollback, named as the project names them. Plans only; see [`crate::write`].

use std::path::{Path, PathBuf};

use analysis::settings::Naming;
use globset::GlobSet;

use crate::ProjectError;
use crate::discover::{Sign, root_of};
use crate::files::Disk;
use crate::layout::{self, Folder, Shape, Slot, direction_lines};
use crate::load::{CompanionFolder, Opened, open};
use crate::name::{Release, second_after, slug};
use crate::write::Write;

/// Plans the migration that comes after all others of the project around `folder`; `now` is `YYYYMMDDHHmmss` in UTC.
pub fn plan(
    disk: &Disk,
    folder: &Path,
    description: &str,
    release: Option<&str>,
    now: &str,
) -> Result<Vec<Write>, ProjectError> {
    let slug = slug(description);
    if slug.is_empty() {
        return Err(ProjectError::BadName {
            message: format!("`{description}` leaves no name for a file"),
            hint: "describe the change in a few plain letters and digits: `dblsp new add_invoices`".into(),
        });
    }
    let (opened, history) = history_around(disk, folder)?;
    let listed = layout::list(disk, &history);
    let next = Next {
        disk,
        opened: &opened,
        history: &history,
        listed: &listed,
        slug,
        description: description.trim(),
    };
    next.writes(release, now)
}

/// The one migration folder that is meant.
fn history_around(disk: &Disk, folder: &Path) -> Result<(Opened, PathBuf), ProjectError> {
    let mut root = root_of(disk, folder);
    if matches!(root.sign, Sign::Git | Sign::Nothing) {
        let found = layout::find(disk, &root.folder, &GlobSet::empty());
        if let [only] = found.as_slice() {
            root = root_of(disk, only);
        } else if !found.is_empty() {
            return Err(which(disk, &found));
        }
    }
    // What else is wrong with the settings is told by `dblsp check`.
    let opened = open(disk, root, None, &mut Vec::new())?;
    let history = match opened.folders.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => match several.iter().find(|history| folder.starts_with(history)) {
            Some(around) => Some(around.clone()),
            None => return Err(which(disk, several)),
        },
    };
    match history {
        Some(history) => Ok((opened, history)),
        None => Err(ProjectError::NoMigrations {
            path: disk.show(&opened.root.folder),
        }),
    }
}

fn which(disk: &Disk, folders: &[PathBuf]) -> ProjectError {
    let names: Vec<String> = folders
        .iter()
        .map(|folder| format!("`{}`", disk.show(folder)))
        .collect();
    ProjectError::BadName {
        message: format!("there are several folders of migrations: {}", names.join(", ")),
        hint: "run `dblsp new` inside the one that you mean".into(),
    }
}

/// A migration folder, and what its next migration is about.
struct Next<'a> {
    disk: &'a Disk,
    opened: &'a Opened,
    history: &'a Path,
    listed: &'a Folder,
    slug: String,
    description: &'a str,
}

impl Next<'_> {
    fn writes(&self, release: Option<&str>, now: &str) -> Result<Vec<Write>, ProjectError> {
        let convention = self.opened.keeps_convention(self.disk);
        let is_plain = matches!(self.listed.shape, Shape::Supabase | Shape::Plain);
        let version = self.version(now);
        let named_by_seed = is_plain && convention && self.opened.naming() == Naming::Seed && version.len() == 14;
        if !named_by_seed && release.is_some() {
            return Err(ProjectError::BadName {
                message: "the names of this project's migrations carry no version".into(),
                hint: "leave out `--version`, or set `[naming] pattern = \"seed\"` in dblsp.toml".into(),
            });
        }
        let slug = &self.slug;
        let at = |name: String| self.history.join(name);
        let title = self.description;
        let plain = if named_by_seed {
            let Release { major, minor, patch } = self.release(release)?;
            format!("{version}_v{major}_{minor}_{patch}_{slug}.sql")
        } else {
            format!("{version}_{slug}.sql")
        };
        let (path, rollback) = match self.listed.shape {
            Shape::Supabase | Shape::Plain => {
                self.check_pattern(&plain)?;
                let rollbacks = self.opened.companion_folder(self.history, CompanionFolder::Rollback);
                (
                    at(plain),
                    convention.then(|| rollbacks.join(format!("{version}_rollback.sql"))),
                )
            }
            Shape::Flyway => {
                let undoes = self.listed.rollbacks.iter().any(|path| path.starts_with(self.history));
                (
                    at(format!("V{version}__{slug}.sql")),
                    undoes.then(|| at(format!("U{version}__{slug}.sql"))),
                )
            }
            Shape::Pairs => (
                at(format!("{version}_{slug}.up.sql")),
                Some(at(format!("{version}_{slug}.down.sql"))),
            ),
            Shape::Folders => {
                let folder = at(format!("{}_{slug}", self.dashed(&version)));
                (folder.join("up.sql"), Some(folder.join("down.sql")))
            }
            Shape::Prisma => (at(format!("{version}_{slug}")).join("migration.sql"), None),
        };
        let mut text = format!("-- {title}\n");
        let directions = self.directions();
        for line in &directions {
            text.extend(["\n", line, "\n"]);
        }
        let name = self.disk.show(&path);
        let name = name.rsplit_once("migrations/").map_or(name.as_str(), |(_, name)| name);
        let rollback = rollback
            .filter(|_| directions.is_empty())
            .map(|path| Write::create(path, skeleton(name)));
        Ok([Some(Write::create(path, text)), rollback]
            .into_iter()
            .flatten()
            .collect())
    }

    /// Newer than every version in the folder, and of the same kind.
    fn version(&self, now: &str) -> String {
        let versions = self.listed.slots.iter().map(|slot| slot.version.as_str());
        let newest = versions
            .filter(|version| !version.is_empty())
            .max_by_key(|version| layout::key(version));
        let Some(newest) = newest else {
            let is_counted = self.listed.shape == Shape::Flyway;
            return if is_counted { "1".to_owned() } else { now.to_owned() };
        };
        if newest.len() == 14 || self.listed.shape == Shape::Supabase {
            let after = second_after(newest).unwrap_or_default();
            return now.to_owned().max(after);
        }
        let first = newest.split('.').next().unwrap_or_default();
        let number = first.parse::<u64>().map_or(u64::MAX, |number| number.saturating_add(1));
        format!("{number:0width$}", width = first.len())
    }

    /// The release that was asked for, else the newest one; never older than that. What is on hold does not count.
    fn release(&self, asked: Option<&str>) -> Result<Release, ProjectError> {
        let paths: Vec<PathBuf> = self.listed.slots.iter().map(|slot| slot.path.clone()).collect();
        let texts = self.disk.read_all(&paths);
        let is_held = |slot: &usize| {
            let text = texts[*slot].as_ref().map(|read| read.text.as_ref()).unwrap_or_default();
            text.trim_start_matches('\u{feff}').starts_with("-- dblsp: hold")
        };
        let newest = (0..paths.len())
            .filter(|slot| !is_held(slot))
            .filter_map(|slot| Release::of_file(&self.listed.slots[slot].name))
            .max();
        let Some(asked) = asked else {
            return Ok(newest.unwrap_or(Release {
                minor: 1,
                ..Release::default()
            }));
        };
        let bad = |message: String, hint: String| ProjectError::BadName { message, hint };
        let release = Release::parse(asked).ok_or_else(|| {
            bad(
                format!("`{asked}` is no version"),
                "write it as three numbers: `--version 0.8.0`".into(),
            )
        })?;
        match newest {
            Some(newest) if release < newest => Err(bad(
                format!("version {release} is older than {newest}, which the newest migration belongs to"),
                format!("name {newest} or a later one; versions never decrease"),
            )),
            _ => Ok(release),
        }
    }

    fn check_pattern(&self, name: &str) -> Result<(), ProjectError> {
        let Naming::Pattern(pattern) = self.opened.naming() else {
            return Ok(());
        };
        if regex::Regex::new(&pattern).is_ok_and(|regex| !regex.is_match(name)) {
            return Err(ProjectError::BadName {
                message: format!("`{name}` does not match `[naming] pattern`, `{pattern}`"),
                hint: "write the file by hand, or change the pattern in dblsp.toml".into(),
            });
        }
        Ok(())
    }

    /// diesel writes `2023-01-31-120000`.
    fn dashed(&self, version: &str) -> String {
        let is_dashed = |slot: &Slot| slot.name.as_bytes().get(4) == Some(&b'-');
        if self.listed.slots.last().is_some_and(is_dashed) && version.len() == 14 {
            let (date, time) = version.split_at(8);
            return format!("{}-{}-{}-{time}", &date[..4], &date[4..6], &date[6..]);
        }
        version.to_owned()
    }

    /// The lines that part both directions, where the newest migration holds them in one file.
    fn directions(&self) -> Vec<String> {
        let newest = self
            .listed
            .slots
            .last()
            .and_then(|slot| self.disk.read(&slot.path).ok());
        newest.map(|read| direction_lines(&read.text)).unwrap_or_default()
    }
}

/// A rollback that refuses to run until someone has written it.
fn skeleton(migration: &str) -> String {
    format!(
        "-- Undoes {migration}\n\
         --\n\
         -- TODO: write the statements that undo it, in reverse order, and remove the block below.\n\
         \n\
         do $$\n\
         begin\n\
         \x20 raise exception 'the rollback of {} is not written yet';\n\
         end\n\
         $$;\n",
        migration.replace('\'', "''")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "20251101120000";

    /// What `dblsp new` would write in a project of `files`: paths, or the error and its hint.
    fn planned(files: &[(&str, &str)], description: &str, release: Option<&str>) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join(".git")).expect("created");
        for (path, text) in files {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().expect("inside the folder")).expect("created");
            std::fs::write(file, text).expect("written");
        }
        let disk = Disk::new(folder.path());
        match plan(&disk, folder.path(), description, release, NOW) {
            Ok(writes) => {
                let paths: Vec<String> = writes.iter().map(|write| disk.show(&write.path)).collect();
                paths.join(" ")
            }
            Err(error) => format!("{error} ({})", error.hint()),
        }
    }

    #[test]
    fn the_convention_names_the_migration_and_its_rollback() {
        let files = [
            ("dblsp.toml", ""),
            ("supabase/migrations/20251026211500_v0_7_0_baseline.sql", ""),
        ];
        assert_eq!(
            planned(&files, "Add invoices!", None),
            "supabase/migrations/20251101120000_v0_7_0_add_invoices.sql supabase/rollback/20251101120000_rollback.sql"
        );
        assert_eq!(
            planned(&files, "x", Some("v0.8.0")),
            "supabase/migrations/20251101120000_v0_8_0_x.sql supabase/rollback/20251101120000_rollback.sql"
        );
        assert!(planned(&files, "x", Some("0.6.9")).starts_with("version 0.6.9 is older than 0.7.0"));
        assert!(planned(&files, "x", Some("8")).starts_with("`8` is no version"));
        assert!(planned(&files, "…", None).contains("leaves no name"));
    }

    #[test]
    fn the_timestamp_is_never_older_than_an_existing_one_and_a_hold_does_not_raise_the_version() {
        let files = [
            ("dblsp.toml", ""),
            ("supabase/migrations/20251026211500_v0_7_0_baseline.sql", ""),
            (
                "supabase/migrations/20301231235959_v0_8_0_later.sql",
                "-- dblsp: hold (later)\n",
            ),
        ];
        assert_eq!(
            planned(&files, "x", None).split(' ').next(),
            Some("supabase/migrations/20310101000000_v0_7_0_x.sql")
        );
    }

    #[test]
    fn without_the_convention_names_follow_the_folder() {
        let new = |file: &str| planned(&[(file, "")], "add x", None);
        assert_eq!(
            new("supabase/migrations/20240101000000_a.sql"),
            "supabase/migrations/20251101120000_add_x.sql"
        );
        assert_eq!(new("db/migrations/0009_a.sql"), "db/migrations/0010_add_x.sql");
        assert_eq!(
            new("db/migrations/3_a.up.sql"),
            "db/migrations/4_add_x.up.sql db/migrations/4_add_x.down.sql"
        );
        assert_eq!(new("db/migration/V9__a.sql"), "db/migration/V10__add_x.sql");
        assert_eq!(
            new("migrations/2023-01-31-120000_a/up.sql"),
            "migrations/2025-11-01-120000_add_x/up.sql migrations/2025-11-01-120000_add_x/down.sql"
        );
        assert_eq!(
            new("prisma/migrations/20240101000000_a/migration.sql"),
            "prisma/migrations/20251101120000_add_x/migration.sql"
        );
        assert!(planned(&[("migrations/1_a.sql", "")], "x", Some("1.0.0")).contains("carry no version"));
    }

    #[test]
    fn a_pattern_that_the_name_would_break_is_told() {
        let files = [
            ("dblsp.toml", "[naming]\npattern = '^[a-z]+\\.sql$'\n"),
            ("migrations/1_a.sql", ""),
        ];
        assert!(planned(&files, "x", None).contains("does not match `[naming] pattern`"));
    }

    #[test]
    fn several_folders_need_a_choice_and_none_is_an_error() {
        let files = [("a/migrations/1_a.sql", ""), ("b/migrations/1_a.sql", "")];
        assert!(planned(&files, "x", None).starts_with("there are several folders of migrations: `a/migrations`"));
        assert!(planned(&[], "x", None).starts_with("no migrations found"));
    }

    #[test]
    fn files_with_both_directions_keep_them() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let migrations = folder.path().join("db/migrations");
        std::fs::create_dir_all(&migrations).expect("created");
        let text = "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n";
        std::fs::write(migrations.join("1_a.sql"), text).expect("written");
        let writes = plan(&Disk::new(folder.path()), &migrations, "add x", None, NOW).expect("planned");
        assert_eq!(writes.len(), 1);
        assert_eq!(writes[0].text, "-- add x\n\n-- migrate:up\n\n-- migrate:down\n");
    }
}
