//! Settings as plain data. `project` reads them from `dblsp.toml`; tests write them by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::lint::diagnostic::Level;
use crate::schema::price::Sizes;

/// Everything that changes what the analysis says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Major version of the PostgreSQL that the migrations run on: 14 to 18.
    pub postgres: u16,
    /// Who applies the files, and so in which transactions.
    pub runner: Runner,
    /// Whether that is a guess: nobody said it, and nothing in the project shows it.
    pub runner_is_assumed: bool,
    /// How migration files are named.
    pub naming: Naming,
    /// Level per rule where it is not the rule's own; `None` turns the rule off.
    pub levels: BTreeMap<String, Option<Level>>,
    /// The same for single files, by path as in the history; they go before `levels`.
    pub levels_in: BTreeMap<String, BTreeMap<String, Option<Level>>>,
    /// Findings that nobody wants to hear of again.
    pub known: Known,
    /// Schemas that an API exposes to untrusted roles: `[api] schemas` of the Supabase configuration.
    pub exposed_schemas: Vec<String>,
    /// What migrations must not depend on.
    pub coupling: Coupling,
    /// How large tables are where the migrations go.
    pub sizes: Sizes,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            postgres: 15,
            runner: Runner::default(),
            runner_is_assumed: false,
            naming: Naming::default(),
            levels: BTreeMap::new(),
            levels_in: BTreeMap::new(),
            known: Known::default(),
            exposed_schemas: vec!["public".into(), "graphql_public".into()],
            coupling: Coupling::default(),
            sizes: Sizes::default(),
        }
    }
}

/// What a baseline holds: by path as in the history, what findings are recognised by in that file.
pub type Known = Arc<BTreeMap<String, BTreeSet<String>>>;

/// Who applies a migration file, and so in which transactions its statements run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runner {
    /// The Supabase CLI: the whole file is one implicit transaction; statements that cannot run in one are split out
    /// and commit what came before; transaction control in the file turns the implicit transaction off.
    Supabase,
    /// `psql -f`: every statement commits on its own.
    Psql,
    /// `psql -1 -f`, Flyway, diesel, dbmate: an explicit transaction around the file.
    #[default]
    PsqlSingle,
    /// `sqlx migrate`: an explicit transaction, unless the first line is `-- no-transaction`.
    Sqlx,
}

/// How migration files are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// `YYYYMMDDHHmmss_v<major>_<minor>_<patch>_<description>.sql`
    #[default]
    Seed,
    /// `<digits>_<name>.sql`, what the Supabase CLI accepts.
    Supabase,
    /// A regular expression over the file name.
    Pattern(String),
}

/// What migrations must not depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coupling {
    /// Expansion packs by name; the folders under `expansion-packs/` unless set.
    pub packs: Vec<String>,
    /// Words that may stand in seeds and tests only.
    pub forbidden_names: Vec<String>,
}
