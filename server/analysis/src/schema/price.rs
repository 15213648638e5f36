//! What a cost comes to on tables of a known size: rows, bytes, and seconds that others wait.
//!
//! An estimate, on the slow side: the rates below are those of a small virtual machine with PostgreSQL 15 and the
//! settings of a new cluster, halved and rounded down. docs/trace.md tells how they were measured.

use std::collections::{BTreeMap, BTreeSet};

use super::cost::Cost;
use super::objects::Id;

/// Bytes of a table that are read in a second.
pub const READ: f64 = 100e6;
/// Rows that are checked in a second: a CHECK, NOT NULL, or a look-up of a foreign key.
pub const CHECK: f64 = 500e3;
/// Bytes of a table that are written anew in a second, WAL included.
pub const WRITE: f64 = 30e6;
/// Rows that are sorted into a new index in a second.
pub const SORT: f64 = 200e3;
/// Bytes of a new index per row, where nobody knows its columns' width.
pub const ENTRY: u64 = 40;
/// Bytes of a row, where nobody counted the rows.
const ROW: u64 = 100;

/// How large tables are, by dotted name: what `dblsp baseline` wrote down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Where and when it was measured, in words: `production, 2026-01-31T09:00:00Z`.
    pub source: String,
    /// By schema and name with a dot between them.
    pub tables: BTreeMap<String, Size>,
}

/// How large a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Rows; unknown where the server never counted.
    pub rows: Option<u64>,
    /// Bytes of the table, TOAST included.
    pub bytes: u64,
    /// Bytes of all its indexes.
    pub index_bytes: u64,
}

impl Size {
    /// Rows, guessed from the bytes where nobody counted them.
    pub fn rows(self) -> u64 {
        self.rows.unwrap_or(self.bytes / ROW)
    }
}

impl Sizes {
    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The environment that was measured: `production`.
    pub fn environment(&self) -> &str {
        self.source.split_once(", ").map_or(&self.source, |(name, _)| name)
    }

    /// The size of a table, if it was there when the sizes were written down.
    pub fn of(&self, id: &Id) -> Option<Size> {
        self.tables.get(&id.to_string()).copied()
    }
}

/// What the work of a statement comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Rows that are read or written.
    pub rows: u64,
    /// Bytes that are read.
    pub read: u64,
    /// Bytes that are written.
    pub written: u64,
    /// Seconds that it takes.
    pub seconds: f64,
    /// Whether it is the most that it can be: UPDATE and DELETE may meet fewer rows than all.
    pub at_most: bool,
}

impl Price {
    /// Both, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            read: self.read + other.read,
            written: self.written + other.written,
            seconds: self.seconds + other.seconds,
            at_most: self.at_most || other.at_most,
        }
    }

    /// How long, in words.
    pub fn time(self) -> String {
        time(self.seconds, self.at_most)
    }

    /// Whether there is nothing to do.
    pub fn is_nothing(self) -> bool {
        self.rows == 0 && self.read == 0 && self.written == 0
    }

    /// Every row is read and checked.
    pub fn scan(size: Size) -> Self {
        Self {
            rows: size.rows(),
            read: size.bytes,
            written: 0,
            seconds: bytes(size.bytes) / READ + bytes(size.rows()) / CHECK,
            at_most: false,
        }
    }

    /// Every row is written anew, and every index built anew.
    pub fn rewrite(size: Size) -> Self {
        let indexes = size.index_bytes / ENTRY;
        Self {
            rows: size.rows(),
            read: size.bytes,
            written: size.bytes + size.index_bytes,
            seconds: bytes(size.bytes) / READ + bytes(size.bytes) / WRITE + bytes(indexes) / SORT,
            at_most: false,
        }
    }

    /// Every row is met by UPDATE or DELETE: at the most as much as a rewrite.
    pub fn write(size: Size) -> Self {
        Self {
            at_most: true,
            ..Self::rewrite(size)
        }
    }

    /// Every row is read, and an index over all of them written.
    pub fn build(size: Size) -> Self {
        Self {
            rows: size.rows(),
            read: size.bytes,
            written: size.rows() * ENTRY,
            seconds: bytes(size.bytes) / READ + bytes(size.rows()) / SORT,
            at_most: false,
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn bytes(number: u64) -> f64 {
    number as f64
}

impl std::fmt::Display for Price {
    /// `reads 12.0 million rows (3.4 GB), writes 4.1 GB: about 3 minutes`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let most = if self.at_most { "up to " } else { "" };
        write!(
            f,
            "reads {most}{} rows ({})",
            rows_in_words(self.rows),
            bytes_in_words(self.read)
        )?;
        if self.written > 0 {
            write!(f, ", writes {most}{}", bytes_in_words(self.written))?;
        }
        write!(f, ": {}", self.time())
    }
}

/// What a cost comes to; `None` where nothing is known of the tables that it works on. What may happen is priced as if
/// it did: a rewrite.
pub fn price(cost: &Cost, sizes: &Sizes) -> Option<Price> {
    let each = |tables: &BTreeSet<Id>, work: fn(Size) -> Price| -> Vec<Price> {
        tables.iter().filter_map(|id| sizes.of(id)).map(work).collect()
    };
    let all = [
        each(&cost.scans, Price::scan),
        each(&cost.builds, Price::build),
        each(&cost.rewrites, Price::rewrite),
        each(&cost.unsure, Price::rewrite),
        each(&cost.writes, Price::write),
    ];
    all.into_iter().flatten().reduce(Price::and)
}

/// `1.2 million`, `34,000`, `7`
pub fn rows_in_words(rows: u64) -> String {
    match rows {
        0..10_000 => rows.to_string(),
        10_000..1_000_000 => format!("{} thousand", rows / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} million", bytes(rows) / 1e6),
        _ => format!("{:.1} billion", bytes(rows) / 1e9),
    }
}

/// `12 kB`, `3.4 GB`: as `pg_size_pretty`, in powers of 1024.
pub fn bytes_in_words(number: u64) -> String {
    let mut rest = bytes(number);
    let mut units = ["bytes", "kB", "MB", "GB", "TB"].iter();
    let mut unit = units.next().copied().unwrap_or_default();
    while rest >= 1024.0 {
        let Some(next) = units.next() else { break };
        rest /= 1024.0;
        unit = next;
    }
    if unit == "bytes" || rest >= 10.0 {
        format!("{rest:.0} {unit}")
    } else {
        format!("{rest:.1} {unit}")
    }
}

/// `under a second`, `about 12 seconds`, `about 3 minutes`
pub fn seconds_in_words(seconds: f64) -> String {
    let about = |number: f64, unit: &str| {
        let number = number.ceil();
        let plural = if number > 1.0 { "s" } else { "" };
        format!("about {number} {unit}{plural}")
    };
    match seconds {
        s if s < 1.0 => "under a second".to_owned(),
        s if s < 90.0 => about(s, "second"),
        s if s < 5400.0 => about(s / 60.0, "minute"),
        s => about(s / 3600.0, "hour"),
    }
}

/// `about 12 seconds`, `at most about 3 minutes`
pub fn time(seconds: f64, at_most: bool) -> String {
    let most = if at_most { "at most " } else { "" };
    format!("{most}{}", seconds_in_words(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Sizes {
        let size = Size {
            rows: Some(10_000_000),
            bytes: 1 << 30,
            index_bytes: 400 << 20,
        };
        Sizes {
            source: "production".into(),
            tables: [("public.big".to_owned(), size)].into(),
        }
    }

    #[test]
    fn a_rewrite_costs_more_than_a_build_and_that_more_than_a_scan() {
        let id = Id::new("public", "big");
        let only = |cost: &Cost| price(cost, &sizes()).expect("the table is known").seconds;
        let set: BTreeSet<Id> = [id].into();
        let scan = Cost {
            scans: set.clone(),
            ..Cost::default()
        };
        let build = Cost {
            builds: set.clone(),
            ..Cost::default()
        };
        let rewrite = Cost {
            rewrites: set.clone(),
            ..Cost::default()
        };
        assert!(only(&scan) > 10.0 && only(&build) > only(&scan) && only(&rewrite) > only(&build));
        let unsure = Cost {
            unsure: set,
            ..Cost::default()
        };
        assert!(
            (only(&unsure) - only(&rewrite)).abs() < 1e-9,
            "what may happen is priced"
        );
    }

    #[test]
    fn what_is_not_known_has_no_price() {
        let mut cost = Cost::default();
        assert_eq!(price(&cost, &sizes()), None);
        cost.scans.insert(Id::new("public", "new"));
        assert_eq!(price(&cost, &sizes()), None);
    }

    #[test]
    fn a_price_is_a_sentence() {
        let size = sizes().tables["public.big"];
        let said = Price::rewrite(size).to_string();
        assert_eq!(said, "reads 10.0 million rows (1.0 GB), writes 1.4 GB: about 2 minutes");
        assert_eq!(
            Price::scan(size).to_string(),
            "reads 10.0 million rows (1.0 GB): about 31 seconds"
        );
        assert_eq!(
            Price::write(size).and(Price::scan(size)).to_string(),
            "reads up to 20.0 million rows (2.0 GB), writes up to 1.4 GB: at most about 3 minutes"
        );
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(rows_in_words(9_999), "9999");
        assert_eq!(rows_in_words(34_567), "34 thousand");
        assert_eq!(rows_in_words(1_250_000), "1.2 million");
        assert_eq!(bytes_in_words(512), "512 bytes");
        assert_eq!(bytes_in_words(3_650_722_201), "3.4 GB");
        assert_eq!(bytes_in_words(12 << 10), "12 kB");
        assert_eq!(seconds_in_words(0.2), "under a second");
        assert_eq!(seconds_in_words(1.0), "about 1 second");
        assert_eq!(seconds_in_words(62.0), "about 62 seconds");
        assert_eq!(seconds_in_words(200.0), "about 4 minutes");
        assert_eq!(seconds_in_words(8000.0), "about 3 hours");
    }
}
