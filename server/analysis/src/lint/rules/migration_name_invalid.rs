use crate::lint::prelude::*;
use crate::settings::Naming;

rule! {
    /// The file's name breaks the naming pattern, so tools skip it or put it in the wrong place.
    ///
    /// ## When
    /// The name does not fit `[naming] pattern`:
    /// - `seed` (unless set): `YYYYMMDDHHmmss_v<major>_<minor>_<patch>_<description>.sql`, a time of the calendar in UTC,
    ///   the description in `a-z`, `0-9` and `_`;
    /// - `supabase`: `<timestamp>_<name>.sql`; a timestamp that is no time of the calendar is a warning;
    /// - any other text: a regular expression over the whole name.
    ///
    /// Files in a folder of their own (`…/up.sql`) are left out.
    ///
    /// ## Why
    /// The Supabase CLI passes over files that do not begin with digits and `_`, with a warning that is easily missed, and
    /// compares versions as text: `9_a` comes after `10_b`, and a name with too few digits lands among the wrong neighbours.
    ///
    /// ## Bad
    /// ```sql
    /// -- 20250230120000_v0_7_0_add_users.sql
    /// create table users (id bigint primary key);
    /// ```
    /// ```sql naming=supabase
    /// -- add-users.sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 20250228120000_v0_7_0_add_users.sql
    /// create table users (id bigint primary key);
    /// ```
    /// ```sql naming=supabase
    /// -- 20250228120000_add-users.sql
    /// create table users (id bigint primary key);
    /// ```
    ///
    /// ## References
    /// - [Supabase: database migrations](https://supabase.com/docs/guides/deployment/database-migrations)
    "migration-name-invalid",
    category: Category::Convention,
    level: Level::Error,
    fix: FixKind::None,
    since: "0.1.0",
    convention: true,
    check: Check::Migration(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    let name = cx.migration().file_name();
    if matches!(name, "up.sql" | "migration.sql") {
        return;
    }
    let (found, wanted) = match &cx.settings.naming {
        Naming::Seed => (
            seed(name),
            "Name it `YYYYMMDDHHmmss_v<major>_<minor>_<patch>_<description>.sql`, with the time in UTC.".to_owned(),
        ),
        Naming::Supabase => (
            supabase(name),
            "Name it `YYYYMMDDHHmmss_<description>.sql`, with the time in UTC.".to_owned(),
        ),
        Naming::Pattern(pattern) => (custom(name, pattern), format!("Name it so that `{pattern}` matches.")),
    };
    if let Some(fault) = found {
        let finding = report.add(cx.first_line(), fault.message);
        finding.help(wanted).level(fault.level);
    }
}

struct Fault {
    message: String,
    level: Level,
}

fn error(message: String) -> Fault {
    let level = Level::Error;
    Fault { message, level }
}

/// What is wrong with a name of the seed convention, the leftmost part first.
fn seed(name: &str) -> Option<Fault> {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let (stamp, rest) = stem.split_once('_').unwrap_or((stem, ""));
    if let Some(message) = stamp_fault(stamp) {
        return Some(error(message));
    }
    let mut parts = rest.splitn(4, '_');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let major = parts.next().and_then(|part| part.strip_prefix('v'));
    let numbers = [major, parts.next(), parts.next()];
    if !numbers.into_iter().all(|part| part.is_some_and(is_number)) {
        return Some(error(format!(
            "no version `v<major>_<minor>_<patch>` follows the timestamp of `{name}`"
        )));
    }
    let description = parts.next().unwrap_or_default();
    if description.is_empty() {
        return Some(error(format!("no description follows the version of `{name}`")));
    }
    let odd = description
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_'))?;
    Some(error(format!(
        "the description `{description}` holds `{odd}`: only `a-z`, `0-9` and `_` may stand in it"
    )))
}

/// What the Supabase CLI would not take, or would put in the wrong place.
fn supabase(name: &str) -> Option<Fault> {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    let (stamp, rest) = stem.split_at(digits);
    if stamp.is_empty() {
        return Some(error(format!(
            "`{name}` does not begin with a timestamp, so the Supabase CLI skips it"
        )));
    }
    if !rest.starts_with('_') {
        return Some(error(format!(
            "no `_` follows the timestamp of `{name}`, so the Supabase CLI skips it"
        )));
    }
    let message = stamp_fault(stamp)?;
    let level = Level::Warning;
    Some(Fault { message, level })
}

fn custom(name: &str, pattern: &str) -> Option<Fault> {
    // A pattern that is no regular expression is an error of the settings, and reported there.
    let pattern = regex::Regex::new(pattern).ok()?;
    let whole = pattern.find(name).is_some_and(|found| found.as_str() == name);
    if whole {
        return None;
    }
    Some(error(format!("`{name}` does not fit the naming pattern")))
}

/// Why a text is no `YYYYMMDDHHmmss` of the calendar.
fn stamp_fault(stamp: &str) -> Option<String> {
    let digits = stamp.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits < stamp.len() {
        return Some(format!(
            "`{stamp}` is no timestamp: 14 digits, `YYYYMMDDHHmmss`, begin the name"
        ));
    }
    if digits != 14 {
        return Some(format!("the timestamp `{stamp}` has {digits} digits, not 14"));
    }
    let number = |from: usize, to: usize| stamp[from..to].parse::<u32>().unwrap_or_default();
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let (hour, minute, second) = (number(8, 10), number(10, 12), number(12, 14));
    let wrong = if !(1..=12).contains(&month) {
        format!("month {month:02}")
    } else if !(1..=days(year, month)).contains(&day) {
        format!("day {day:02} in month {month:02} of {year:04}")
    } else if hour > 23 {
        format!("hour {hour}")
    } else if minute > 59 {
        format!("minute {minute}")
    } else if second > 59 {
        format!("second {second}")
    } else {
        return None;
    };
    Some(format!(
        "the timestamp `{stamp}` is no time of the calendar: there is no {wrong}"
    ))
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{RULE, seed, stamp_fault, supabase};
    use crate::lint::testing::Case;
    use crate::settings::Naming;

    #[test]
    fn the_part_that_is_wrong_is_named() {
        let says = |name: &str, part: &str| {
            let message = seed(name).map(|fault| fault.message).unwrap_or_default();
            assert!(message.contains(part), "{name}: {message}");
        };
        says("add_users.sql", "`add` is no timestamp");
        says("2025_v0_7_0_x.sql", "has 4 digits, not 14");
        says("20251301000000_v0_7_0_x.sql", "no month 13");
        says("20250229000000_v0_7_0_x.sql", "no day 29 in month 02 of 2025");
        says("20250228240000_v0_7_0_x.sql", "no hour 24");
        says("20250228236000_v0_7_0_x.sql", "no minute 60");
        says("20250228235960_v0_7_0_x.sql", "no second 60");
        says("20250228000000_add_users.sql", "no version");
        says("20250228000000_v0_7_add_users.sql", "no version");
        says("20250228000000_v0_7_0.sql", "no description");
        says("20250228000000_v0_7_0_Add.sql", "holds `A`");
        says("20250228000000_v0_7_0_add-users.sql", "holds `-`");
    }

    #[test]
    fn leap_days_and_long_versions_are_fine() {
        assert_eq!(stamp_fault("20240229235959"), None);
        assert_eq!(stamp_fault("20000229000000"), None);
        assert!(stamp_fault("21000229000000").is_some());
        assert!(seed("20251026211500_v10_0_12_a_2.sql").is_none());
    }

    #[test]
    fn the_supabase_cli_takes_any_name_after_the_timestamp() {
        assert!(supabase("20251026211500_.sql").is_none());
        assert!(supabase("20251026211500-x.sql").is_some_and(|fault| fault.message.contains("no `_`")));
    }

    #[test]
    fn short_timestamps_are_taken_but_sort_wrong() {
        Case::new(&RULE)
            .with(|settings| settings.naming = Naming::Supabase)
            .fires(
                "
-- 0001_users.sql
create table users (id bigint primary key);
-- @ warning: the timestamp `0001` has 4 digits, not 14
",
            );
    }

    #[test]
    fn a_pattern_of_ones_own_covers_the_whole_name() {
        let naming =
            || Case::new(&RULE).with(|settings| settings.naming = Naming::Pattern("V[0-9]+__[a-z]+\\.sql".into()));
        naming().silent("-- V1__users.sql\nselect 1;");
        naming().fires("-- xV1__users.sql\nselect 1;\n-- @ error: `xV1__users.sql` does not fit\n");
    }

    #[test]
    fn without_the_convention_any_name_will_do() {
        let mut case = Case::new(&RULE);
        case.convention = false;
        case.silent("-- users.sql\nselect 1;");
    }
}
