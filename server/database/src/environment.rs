//! The databases that a project's settings name, and which of them is meant.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use project::config::{Environment, variable};
use serde::Serialize;

use crate::address::{Address, AddressError, Secret};

/// A database that migrations are applied to, under the name that the settings give it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The environment's name.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Whether every write wants all confirmations, and what is unproven is refused.
    pub protected: bool,
    /// Whether a snapshot may be restored although it is protected.
    pub restore: bool,
    /// When it may be written to.
    pub window: Option<Window>,
    /// Environments that a migration must have been applied to first.
    pub requires: Vec<String>,
    /// What a person has to confirm before a migration is applied.
    pub confirm: Vec<String>,
}

/// Where an environment's database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// On a server.
    Server(Address),
    /// On a throw-away PostgreSQL, empty at every use.
    Shadow,
}

impl Target {
    /// The server's address, unless the environment is a throw-away.
    pub fn address(&self) -> Option<&Address> {
        match &self.place {
            Place::Server(address) => Some(address),
            Place::Shadow => None,
        }
    }
}

impl fmt::Display for Target {
    /// `staging (postgres@host:5432/db)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Server(address) => write!(f, "{} ({address})", self.name),
            Place::Shadow => write!(f, "{} (a throw-away PostgreSQL)", self.name),
        }
    }
}

/// What is known of a project's databases. All of it comes from files and the environment; nothing is connected to.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// `[environments]` of the settings.
    pub environments: &'a BTreeMap<String, Environment>,
    /// The folder `supabase`, in a Supabase project.
    pub supabase: Option<&'a Path>,
    /// Port of the local Supabase database: `[db] port`.
    pub local_port: u16,
    /// The environment that `dblsp link` chose.
    pub linked: Option<&'a str>,
    /// What the project's own variables are: those of the environment, then those of its `.env` files.
    pub own: &'a dyn Fn(&str) -> Option<String>,
    /// Environment variables alone: what libpq reads.
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
}

/// Why no database is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// No environment of that name.
    #[error("there is no environment `{name}`; there are: {}", listed(.known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Several, and none is the obvious one.
    #[error("which environment? there are: {}", listed(.0))]
    Ambiguous(Vec<String>),
    /// None at all.
    #[error("no environment is configured")]
    None,
    /// The variable that holds the address is not set.
    #[error(
        "the address of environment `{name}` is in ${variable}, which is set neither in the environment nor in `.env`"
    )]
    Unset {
        /// Environment.
        name: String,
        /// Its variable.
        variable: String,
    },
    /// The variable holds no address.
    #[error("the address of environment `{name}`: {error}")]
    Address {
        /// Environment.
        name: String,
        /// What is wrong.
        error: AddressError,
    },
    /// The settings say nothing usable about it.
    #[error("environment `{0}` says neither `url = \"env(NAME)\"` nor `supabase = true` nor `shadow = true`")]
    Nowhere(String),
    /// The Supabase CLI is linked to nothing.
    #[error("environment `{0}` is the Supabase project that is linked here, and none is")]
    NotLinked(String),
    /// The files that the Supabase CLI left do not fit together.
    #[error("`supabase/.temp/pooler-url` is not a pooler of the linked project")]
    ForeignPooler,
    /// No password for the linked project.
    #[error("there is no password for the linked Supabase project")]
    NoPassword,
}

impl EnvironmentError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } | Self::Ambiguous(_) => {
                "name one with `--environment NAME`, or choose one with `dblsp link NAME`".into()
            }
            Self::None => {
                "write `[environments.staging]` with `url = \"env(STAGING_DATABASE_URL)\"` into dblsp.toml".into()
            }
            Self::Unset { variable, .. } => {
                format!(
                    "set {variable} to `postgres://user:password@host:5432/database`, there or in a `.env` that git ignores"
                )
            }
            Self::Address { error, .. } => error.hint().into(),
            Self::Nowhere(_) => "write one of the three into dblsp.toml".into(),
            Self::NotLinked(_) => "run `supabase link --project-ref <ref>`".into(),
            Self::ForeignPooler => "run `supabase link` again".into(),
            Self::NoPassword => "set SUPABASE_DB_PASSWORD, in the environment or in a `.env` that git ignores".into(),
        }
    }
}

fn listed(names: &[String]) -> String {
    names.join(", ")
}

impl Known<'_> {
    /// The environment of that name; without a name the linked one, the only one, or `local`.
    pub fn target(&self, name: Option<&str>) -> Result<Target, EnvironmentError> {
        let chosen = name.map_or_else(|| self.default_name(), |name| Ok(name.to_owned()))?;
        match self.environments.get(&chosen) {
            Some(environment) => self.configured(chosen, environment),
            None if chosen == LOCAL && self.has_implied_local() => Ok(self.local_supabase()),
            None => Err(EnvironmentError::Unknown {
                name: chosen,
                known: self.names(),
            }),
        }
    }

    /// Every environment there is, sorted.
    pub fn names(&self) -> Vec<String> {
        if self.has_implied_local() {
            return vec![LOCAL.to_owned()];
        }
        self.environments.keys().cloned().collect()
    }

    fn has_implied_local(&self) -> bool {
        self.environments.is_empty() && self.supabase.is_some()
    }

    fn default_name(&self) -> Result<String, EnvironmentError> {
        let names = self.names();
        if let Some(linked) = self.linked.filter(|linked| names.iter().any(|name| name == linked)) {
            return Ok(linked.to_owned());
        }
        match names.as_slice() {
            [] => Err(EnvironmentError::None),
            [only] => Ok(only.clone()),
            _ if names.iter().any(|name| name == LOCAL) => Ok(LOCAL.to_owned()),
            _ => Err(EnvironmentError::Ambiguous(names)),
        }
    }

    fn configured(&self, name: String, environment: &Environment) -> Result<Target, EnvironmentError> {
        let place = if environment.shadow {
            Place::Shadow
        } else if environment.supabase {
            Place::Server(self.linked_project(&name)?)
        } else {
            let variable = environment.url.as_deref().and_then(variable);
            let variable = variable.ok_or_else(|| EnvironmentError::Nowhere(name.clone()))?;
            let url = (self.own)(variable).filter(|url| !url.trim().is_empty());
            let url = url.ok_or_else(|| EnvironmentError::Unset {
                name: name.clone(),
                variable: variable.to_owned(),
            })?;
            Place::Server(self.parse(&name, &url)?)
        };
        Ok(Target {
            place,
            protected: environment.protected,
            restore: environment.restore,
            window: environment.window.as_deref().and_then(Window::parse),
            requires: environment.requires.clone(),
            confirm: environment.confirm.clone(),
            name,
        })
    }

    fn parse(&self, name: &str, url: &str) -> Result<Address, EnvironmentError> {
        Address::parse(url, self.lookup).map_err(|error| EnvironmentError::Address {
            name: name.to_owned(),
            error,
        })
    }

    /// Where `supabase start` puts the database, with the password that it always has.
    fn local_supabase(&self) -> Target {
        let url = format!("postgres://postgres:postgres@127.0.0.1:{}/postgres", self.local_port);
        let address = Address::parse(&url, &|_| None).expect("the address is well formed");
        Target {
            name: LOCAL.to_owned(),
            place: Place::Server(address),
            protected: false,
            restore: false,
            window: None,
            requires: Vec::new(),
            confirm: Vec::new(),
        }
    }

    /// The project that the Supabase CLI is linked to: its pooler in session mode if that is known, else the server.
    fn linked_project(&self, name: &str) -> Result<Address, EnvironmentError> {
        let file = |name: &str| {
            let path = self.supabase?.join(".temp").join(name);
            let text = std::fs::read_to_string(path).ok()?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let reference = file("project-ref").or_else(|| (self.own)("SUPABASE_PROJECT_ID"));
        let reference = reference.ok_or_else(|| EnvironmentError::NotLinked(name.to_owned()))?;
        let password = (self.own)("SUPABASE_DB_PASSWORD").filter(|password| !password.is_empty());
        let password = Secret::new(password.ok_or(EnvironmentError::NoPassword)?);
        // Nothing but the password that belongs to this address may go there.
        let alone = |_: &str| None;
        let address = if let Some(pooler) = file("pooler-url") {
            let address = Address::parse(&pooler, &alone).map_err(|_| EnvironmentError::ForeignPooler)?;
            // A file that somebody else wrote must not make us send the password to his server.
            let is_ours = address.is_supabase() && address.user.ends_with(&format!(".{reference}"));
            if !is_ours {
                return Err(EnvironmentError::ForeignPooler);
            }
            address
        } else {
            let is_reference = !reference.is_empty() && reference.bytes().all(|byte| byte.is_ascii_lowercase());
            if !is_reference {
                return Err(EnvironmentError::NotLinked(name.to_owned()));
            }
            let url = format!("postgres://postgres@db.{reference}.supabase.co/postgres");
            Address::parse(&url, &alone).map_err(|error| EnvironmentError::Address {
                name: name.to_owned(),
                error,
            })?
        };
        Ok(Address {
            password: Some(password),
            ..address
        })
    }
}

/// The environment that is meant where nobody says which.
const LOCAL: &str = "local";

/// A time of day in UTC, from one minute to another, over midnight if the end is before the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Minutes after midnight, UTC.
    pub from: u32,
    /// Minutes after midnight, UTC; the first one outside.
    pub until: u32,
}

impl Window {
    /// Reads `02:00-04:00 UTC`.
    pub fn parse(text: &str) -> Option<Self> {
        let times = text.trim().strip_suffix("UTC")?.trim();
        let (from, until) = times.split_once('-')?;
        let minutes = |time: &str| {
            let (hours, minutes) = time.trim().split_once(':')?;
            let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 25 && minutes < 60).then_some(hours * 60 + minutes)
        };
        Some(Self {
            from: minutes(from)?,
            until: minutes(until)?,
        })
    }

    /// Whether a time of day lies inside.
    pub fn contains(self, minute_of_day: u32) -> bool {
        if self.from <= self.until {
            (self.from..self.until).contains(&minute_of_day)
        } else {
            minute_of_day >= self.from || minute_of_day < self.until
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        write!(f, "{}-{} UTC", time(self.from), time(self.until))
    }
}

/// Minutes since midnight, UTC.
pub fn minute_of_day(now: SystemTime) -> u32 {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    u32::try_from(seconds / 60 % (24 * 60)).expect("a day has 1,440 minutes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environments(text: &str) -> BTreeMap<String, Environment> {
        project::config::parse("dblsp.toml", text)
            .expect("settings")
            .0
            .environments
    }

    fn known<'a>(
        environments: &'a BTreeMap<String, Environment>,
        supabase: Option<&'a Path>,
        lookup: &'a dyn Fn(&str) -> Option<String>,
    ) -> Known<'a> {
        Known {
            environments,
            supabase,
            local_port: 54322,
            linked: None,
            own: lookup,
            lookup,
        }
    }

    const TWO: &str = "[environments.staging]\nurl = \"env(STAGING)\"\n[environments.production]\nurl = \"env(P)\"\nprotected = true\nwindow = \"23:00-01:30 UTC\"";

    fn staging(name: &str) -> Option<String> {
        (name == "STAGING").then(|| "postgres://me:hidden@db.example.com/app".to_owned())
    }

    #[test]
    fn an_environment_shows_its_name_and_its_database() {
        let two = environments(TWO);
        let target = known(&two, None, &staging).target(Some("staging")).expect("a target");
        assert_eq!(target.to_string(), "staging (me@db.example.com:5432/app)");
        assert!(!format!("{target:?}").contains("hidden"));
    }

    #[test]
    fn without_a_name_there_must_be_an_obvious_one() {
        let two = environments(TWO);
        let mut asked = known(&two, None, &staging);
        assert!(matches!(asked.target(None), Err(EnvironmentError::Ambiguous(_))));
        asked.linked = Some("staging");
        assert_eq!(asked.target(None).expect("a target").name, "staging");
        asked.linked = Some("gone");
        assert!(matches!(asked.target(None), Err(EnvironmentError::Ambiguous(_))));
        let local = environments("[environments.a]\nshadow = true\n[environments.local]\nshadow = true");
        assert_eq!(
            known(&local, None, &staging).target(None).expect("a target").name,
            "local"
        );
        let none = BTreeMap::new();
        assert_eq!(
            known(&none, None, &staging).target(None).expect_err("no target"),
            EnvironmentError::None
        );
        let implied = known(&none, Some(Path::new("supabase")), &staging)
            .target(None)
            .expect("a target");
        assert_eq!(implied.to_string(), "local (postgres@127.0.0.1:54322/postgres)");
    }

    #[test]
    fn an_unset_variable_is_named() {
        let two = environments(TWO);
        let error = known(&two, None, &staging)
            .target(Some("production"))
            .expect_err("no target");
        assert_eq!(
            error.to_string(),
            "the address of environment `production` is in $P, which is set neither in the environment nor in `.env`"
        );
    }

    #[test]
    fn the_supabase_link_is_followed_to_supabase_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let temp = folder.path().join(".temp");
        std::fs::create_dir(&temp).expect("created");
        let linked = environments("[environments.s]\nsupabase = true");
        let lookup = |name: &str| (name == "SUPABASE_DB_PASSWORD").then(|| "x@:/%#".to_owned());
        let address = || {
            known(&linked, Some(folder.path()), &lookup)
                .target(Some("s"))
                .map(|target| target.to_string())
        };
        assert_eq!(
            address().expect_err("no target"),
            EnvironmentError::NotLinked("s".into())
        );
        std::fs::write(temp.join("project-ref"), "abcdefghijklmnopqrst\n").expect("written");
        assert_eq!(
            address().expect("a target"),
            "s (postgres@db.abcdefghijklmnopqrst.supabase.co:5432/postgres)"
        );
        let pooler = |host: &str, user: &str| {
            std::fs::write(
                temp.join("pooler-url"),
                format!("postgresql://{user}:[YOUR-PASSWORD]@{host}:6543/postgres"),
            )
            .expect("written");
        };
        let user = "postgres.abcdefghijklmnopqrst";
        pooler("aws-0-eu.pooler.supabase.com", user);
        assert_eq!(
            address().expect("a target"),
            format!("s ({user}@aws-0-eu.pooler.supabase.com:5432/postgres)")
        );
        pooler("pooler.supabase.com.evil.example", user);
        assert_eq!(address().expect_err("no target"), EnvironmentError::ForeignPooler);
        pooler("aws-0-eu.pooler.supabase.com", "postgres.other");
        assert_eq!(address().expect_err("no target"), EnvironmentError::ForeignPooler);
    }

    #[test]
    fn a_window_may_cross_midnight() {
        let night = Window::parse("23:00-01:30 UTC").expect("a window");
        assert!(night.contains(23 * 60) && night.contains(89) && !night.contains(90) && !night.contains(720));
        let early = Window::parse("02:00-04:00 UTC").expect("a window");
        assert!(early.contains(120) && !early.contains(240) && !early.contains(119));
        assert_eq!(early.to_string(), "02:00-04:00 UTC");
        assert_eq!(
            minute_of_day(UNIX_EPOCH + std::time::Duration::from_secs(86_400 + 3661)),
            61
        );
    }
}
