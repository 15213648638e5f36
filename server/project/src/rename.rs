//! The name that the project's naming gives to a migration that is called otherwise. Plans only.

use std::path::{Path, PathBuf};

use analysis::settings::Naming;

use crate::discover::root_of;
use crate::files::Disk;
use crate::layout::{self, Shape};
use crate::load::{CompanionFolder, open};
use crate::name::{Release, second_after, slug};

/// A file that gets another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// As it is called now.
    pub from: PathBuf,
    /// As it is to be called.
    pub to: PathBuf,
}

/// Plans the names of the migration at `path`, and of its rollback if there is one, as the project's naming wants them;
/// nothing where the name is right already, where nobody can tell it, or where the order of the migrations would
/// change. `now` is `YYYYMMDDHHmmss` in UTC.
pub fn plan(disk: &Disk, path: &Path, now: &str) -> Vec<Rename> {
    planned(disk, path, now).unwrap_or_default()
}

fn planned(disk: &Disk, path: &Path, now: &str) -> Option<Vec<Rename>> {
    let folder = path.parent()?;
    let opened = open(disk, root_of(disk, path), None, &mut Vec::new()).ok()?;
    if !opened.folders.iter().any(|known| known == folder) || !opened.keeps_convention(disk) {
        return None;
    }
    let listed = layout::list(disk, folder);
    if !matches!(listed.shape, Shape::Supabase | Shape::Plain) {
        return None;
    }
    let at = listed.slots.iter().position(|slot| slot.path == path)?;
    let slot = &listed.slots[at];
    let stem = slot.name.get(..slot.name.len() - ".sql".len())?;
    let rest = &stem[stem.find(|c: char| !c.is_ascii_digit()).unwrap_or(stem.len())..];
    let (written, description) = split_release(rest);
    let description = Some(slug(description)).filter(|slug| !slug.is_empty())?;
    let stamp = |slot: &layout::Slot| Some(slot.version.clone()).filter(|version| is_stamp(version));
    let before = listed.slots[..at].iter().rev().find_map(stamp);
    let is_last = listed.slots[at + 1..].iter().all(|slot| stamp(slot).is_none());
    let version = match stamp(slot) {
        Some(version) => version,
        None if is_last => {
            let after = before.as_deref().and_then(second_after).unwrap_or_default();
            now.to_owned().max(after)
        }
        None => second_after(before.as_deref()?)?,
    };
    let name = match opened.naming() {
        Naming::Seed => {
            let releases = listed.slots[..at].iter();
            let before = releases.filter_map(|slot| Release::of_file(&slot.name)).max();
            let first = Release {
                minor: 1,
                ..Release::default()
            };
            let Release { major, minor, patch } = written.or(before).unwrap_or(first);
            format!("{version}_v{major}_{minor}_{patch}_{description}.sql")
        }
        Naming::Supabase => format!("{version}_{description}.sql"),
        Naming::Pattern(_) => return None,
    };
    let to = folder.join(&name);
    if to == path || disk.is_file(&to) {
        return None;
    }
    let mut renamed = disk.clone();
    renamed.overlay.insert(path.to_path_buf(), None);
    renamed.overlay.insert(to.clone(), Some("".into()));
    if layout::list(&renamed, folder).slots.get(at)?.path != to {
        return None;
    }
    let rollbacks = opened.companion_folder(folder, CompanionFolder::Rollback);
    let rollback = |version: &str| rollbacks.join(format!("{version}_rollback.sql"));
    let (old, new) = (rollback(&slot.version), rollback(&version));
    let mut renames = vec![Rename {
        from: path.to_path_buf(),
        to,
    }];
    if old != new && disk.is_file(&old) && !disk.is_file(&new) {
        renames.push(Rename { from: old, to: new });
    }
    Some(renames)
}

fn is_stamp(version: &str) -> bool {
    version.len() == 14 && second_after(version).is_some()
}

/// The release that a name begins with, in whatever way it is written, and the rest: `_v0.7.0-add-x`.
fn split_release(name: &str) -> (Option<Release>, &str) {
    let pattern = regex::Regex::new(r"^[_\-. ]*[vV](\d{1,9})[._](\d{1,9})[._](\d{1,9})(?:[_\-. ]|$)");
    let found = pattern.expect("the pattern is a regular expression").captures(name);
    let Some(found) = found else { return (None, name) };
    let number = |at: usize| found[at].parse().unwrap_or_default();
    let release = Release {
        major: number(1),
        minor: number(2),
        patch: number(3),
    };
    (Some(release), &name[found[0].len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that `file` and its rollback get among `files`.
    fn named(settings: &str, files: &[&str], file: &str) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let migrations = root.join("supabase/migrations");
        std::fs::create_dir_all(&migrations).expect("created");
        std::fs::create_dir_all(root.join("supabase/rollback")).expect("created");
        std::fs::write(root.join("dblsp.toml"), settings).expect("written");
        for name in files {
            std::fs::write(migrations.join(name), "").expect("written");
        }
        let disk = Disk::new(&root.join("supabase"));
        let renames = plan(&disk, &migrations.join(file), "20251101120000");
        let names: Vec<String> = renames.iter().map(|rename| disk.show(&rename.to)).collect();
        names.join(" ")
    }

    const SEED: &str = "";
    const BASELINE: &str = "20250101000000_v0_2_0_baseline.sql";

    #[test]
    fn the_last_file_gets_a_timestamp_and_the_release_of_the_one_before() {
        let new = named(SEED, &[BASELINE, "Add Größe.sql"], "Add Größe.sql");
        assert_eq!(new, "migrations/20251101120000_v0_2_0_add_gr_e.sql");
    }

    #[test]
    fn what_is_right_in_a_name_stays() {
        let new = |name: &str| named(SEED, &[BASELINE, name], name);
        assert_eq!(
            new("20250202000000_add_x.sql"),
            "migrations/20250202000000_v0_2_0_add_x.sql"
        );
        assert_eq!(
            new("20250202000000_V0.3.1-Add-X.sql"),
            "migrations/20250202000000_v0_3_1_add_x.sql"
        );
        assert_eq!(new(BASELINE), "", "it is right already");
    }

    #[test]
    fn a_rollback_keeps_its_migration() {
        let files = [BASELINE, "20250202_x.sql", "../rollback/20250202_rollback.sql"];
        assert_eq!(
            named(SEED, &files, "20250202_x.sql"),
            "migrations/20251101120000_v0_2_0_x.sql rollback/20251101120000_rollback.sql"
        );
    }

    #[test]
    fn nothing_is_offered_where_the_order_would_change_or_the_name_is_taken() {
        let later = "20250103000000_v0_2_0_c.sql";
        assert_eq!(
            named(SEED, &["0001_a.sql", later], "0001_a.sql"),
            "",
            "nothing is before it"
        );
        assert_eq!(
            named(SEED, &[BASELINE, "202501020_b.sql", later], "202501020_b.sql"),
            "migrations/20250101000001_v0_2_0_b.sql"
        );
        let taken = "20250202000000_v0_2_0_x.sql";
        assert_eq!(
            named(SEED, &[BASELINE, "20250202000000_x.sql", taken], "20250202000000_x.sql"),
            ""
        );
    }

    #[test]
    fn other_namings_are_followed() {
        let settings = "[naming]\npattern = \"supabase\"\n";
        assert_eq!(
            named(settings, &["Bad Name.sql"], "Bad Name.sql"),
            "migrations/20251101120000_bad_name.sql"
        );
        let settings = "[naming]\npattern = '^\\d+_[a-z]+\\.sql$'\n";
        assert_eq!(named(settings, &["Bad Name.sql"], "Bad Name.sql"), "");
    }
}
