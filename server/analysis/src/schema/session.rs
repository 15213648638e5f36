//! The settings of a session that change what names mean.

use smol_str::SmolStr;

use crate::history::Base;

/// A session's settings, as far as they change what names mean or who owns what is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Schemas searched for unqualified names, in order, without the implicit `pg_catalog`.
    pub search_path: Vec<SmolStr>,
    /// Current role.
    pub role: SmolStr,
    /// `lock_timeout` in force, as written; `None`: none set.
    pub lock_timeout: Option<SmolStr>,
    /// `statement_timeout` in force, as written; `None`: none set.
    pub statement_timeout: Option<SmolStr>,
    /// The time zone if it is known to be fixed at UTC.
    pub utc: bool,
}

impl Session {
    /// What a fresh connection has.
    pub fn new(base: Base) -> Self {
        let path: &[&str] = match base {
            Base::Empty => &["$user", "public"],
            // Measured: `alter database … set search_path` of the Supabase image.
            Base::Supabase => &["$user", "public", "extensions"],
        };
        Self {
            search_path: path.iter().map(SmolStr::new).collect(),
            role: "postgres".into(),
            lock_timeout: None,
            statement_timeout: None,
            utc: base == Base::Supabase,
        }
    }
}
