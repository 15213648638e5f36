//! File names of the migration convention: `YYYYMMDDHHmmss_v<major>_<minor>_<patch>_<description>.sql`.

use std::time::{SystemTime, UNIX_EPOCH};

pub use analysis::history::Release;

/// A description as the convention writes it: lower case, words joined by `_`; empty if nothing is left.
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.trim_end_matches('_').to_owned()
}

/// Now, in UTC, as `YYYYMMDDHHmmss`.
pub fn timestamp_now() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    timestamp(seconds)
}

/// Seconds since 1970 as `YYYYMMDDHHmmss`.
pub fn timestamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-compatible low-level date algorithms": days to a civil date, years starting in March.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// The timestamp one second after `stamp`; `None` where that is no `YYYYMMDDHHmmss`.
pub fn second_after(stamp: &str) -> Option<String> {
    if stamp.len() != 14 {
        return None;
    }
    let part = |from: usize, to: usize| stamp.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if year < 1970 {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year / 400;
    let year_of_era = shifted_year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.saturating_sub(1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    Some(timestamp(days * 86_400 + hour * 3600 + minute * 60 + second + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_from_file_names() {
        let release = |name| Release::of_file(name).map(|release| release.to_string());
        assert_eq!(release("20251026211500_v0_7_0_baseline.sql").as_deref(), Some("0.7.0"));
        assert_eq!(release("20251026211500_v10_0_12_a_b.sql").as_deref(), Some("10.0.12"));
        assert_eq!(release("20251026211500_baseline.sql"), None);
        assert_eq!(release("20251026211500_v0_7_baseline.sql"), None);
        assert_eq!(release("2025_v0_7_0_baseline.sql"), None);
    }

    #[test]
    fn descriptions_become_slugs() {
        assert_eq!(slug("Add  user's e-mail!"), "add_user_s_e_mail");
        assert_eq!(slug("ação"), "a_o");
        assert_eq!(slug("…"), "");
    }

    #[test]
    fn timestamps_are_calendar_times() {
        assert_eq!(timestamp(0), "19700101000000");
        assert_eq!(timestamp(951_782_400), "20000229000000");
        assert_eq!(timestamp(1_761_513_300), "20251026211500");
        assert_eq!(second_after("20251026211500").as_deref(), Some("20251026211501"));
        assert_eq!(second_after("20241231235959").as_deref(), Some("20250101000000"));
        assert_eq!(second_after("20240228235959").as_deref(), Some("20240229000000"));
        assert_eq!(second_after("0001"), None);
    }
}
