//! Where a database is and who we are there. Reads addresses, and never shows a password.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// PostgreSQL's own port.
pub const DEFAULT_PORT: u16 = 5432;
/// Where Supabase's poolers hand a session's connection to somebody else after every transaction.
const TRANSACTION_MODE_PORT: u16 = 6543;

/// A password. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the server and for the environment of PostgreSQL's programs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Which machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name or an IP address, without the brackets of an IPv6 one.
    Name(String),
    /// The folder of a unix socket.
    Socket(PathBuf),
}

/// How much of the connection's protection is asked for; the words are those of libpq's `sslmode`:
/// <https://www.postgresql.org/docs/current/libpq-ssl.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Plain text.
    Disable,
    /// Encrypted where the server can.
    Prefer,
    /// Encrypted, by whomever.
    Require,
    /// Encrypted, and the certificate is signed by the root.
    VerifyCa,
    /// Encrypted, and the certificate is signed by the root and made out to this host.
    VerifyFull,
}

impl Tls {
    /// libpq's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [
            Self::Disable,
            Self::Prefer,
            Self::Require,
            Self::VerifyCa,
            Self::VerifyFull,
        ]
        .into_iter()
        .find(|tls| tls.name() == name)
        // sqlx has no `allow`; libpq's differs from `prefer` only in what is tried first.
        .or_else(|| (name == "allow").then_some(Self::Prefer))
    }
}

/// Who may sign the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCertificate {
    /// The authorities that browsers trust.
    Public,
    /// Supabase's own.
    Supabase,
    /// Those in a file.
    File(PathBuf),
}

impl RootCertificate {
    /// Supabase's root, as PEM.
    pub(crate) const SUPABASE: &'static str = include_str!("certificates/supabase-2021.pem");
}

/// Where a database is, and as whom to go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Machine.
    pub host: Host,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// Role.
    pub user: String,
    /// Database.
    pub database: String,
    /// Password, if one is known.
    pub password: Option<Secret>,
    /// Protection.
    pub tls: Tls,
    /// Signers.
    pub root: RootCertificate,
    /// What was changed of what was written, for people.
    pub note: Option<&'static str>,
}

/// Why a text is no address. Never repeats the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme, or none.
    #[error("an address begins with `postgres://` or `postgresql://`")]
    Scheme,
    /// Nothing that could be a host.
    #[error("the address names no host")]
    NoHost,
    /// Several hosts: which one is written to must not be left to chance.
    #[error("the address names several hosts")]
    SeveralHosts,
    /// The port is no number.
    #[error("the address has a port that is no number from 1 to 65535")]
    Port,
    /// Neither the address nor the environment names a role.
    #[error("the address names no user")]
    NoUser,
    /// `sslmode` is none of libpq's words.
    #[error("`sslmode={0}` is unknown")]
    Tls(String),
    /// A pooler that gives a session away between transactions.
    #[error("port 6543 of `{0}` is that of a pooler in transaction mode")]
    TransactionMode(String),
}

impl AddressError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Scheme | Self::NoHost | Self::NoUser => {
                "write it as `postgres://user:password@host:5432/database`, with special characters of the password as %XX"
            }
            Self::SeveralHosts => "name the one that takes writes",
            Self::Port => "write `:5432` behind the host, and special characters of the password as %XX",
            Self::Tls(_) => "write disable, prefer, require, verify-ca or verify-full",
            Self::TransactionMode(_) => {
                "use the port of the session mode or of the server itself (5432); if 6543 is that, add `?pool_mode=session`"
            }
        }
    }
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`, and libpq's forms without a host:
    /// `postgres:///database?host=/run/postgresql`. A password may hold `@`, `:`, `/` and `#` as they are; `%XX` is
    /// decoded. What the address leaves out is asked of `lookup`: PGUSER, PGPASSWORD, PGDATABASE, PGHOST, PGPORT,
    /// PGSSLMODE, PGSSLROOTCERT.
    pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, AddressError> {
        let text = text.trim();
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(AddressError::Scheme)?;
        // Neither a host nor a database holds an `@`, so the last one ends the password, whatever that holds.
        let (userinfo, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let parameter = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| decoded(value))
        };
        let (written_host, written_port) = host_and_port(authority)?;
        let host = non_empty(written_host)
            .or_else(|| parameter("host"))
            .or_else(|| lookup("PGHOST"))
            .ok_or(AddressError::NoHost)?;
        if host.contains(',') {
            return Err(AddressError::SeveralHosts);
        }
        let port = non_empty(written_port)
            .or_else(|| parameter("port"))
            .or_else(|| lookup("PGPORT"))
            .map_or(Ok(DEFAULT_PORT), |port| port.parse().map_err(|_| AddressError::Port))?;
        let (user, password) = userinfo
            .split_once(':')
            .map_or((userinfo, None), |(user, password)| (user, Some(password)));
        let user = non_empty(decoded(user))
            .or_else(|| parameter("user"))
            .or_else(|| lookup("PGUSER"))
            .ok_or(AddressError::NoUser)?;
        let password = password
            .map(decoded)
            .or_else(|| parameter("password"))
            .or_else(|| lookup("PGPASSWORD"))
            .filter(|password| !password.is_empty());
        let database = non_empty(decoded(database))
            .or_else(|| parameter("dbname"))
            .or_else(|| lookup("PGDATABASE"))
            .unwrap_or_else(|| user.clone());
        let host = if host.starts_with('/') || host.starts_with('@') {
            Host::Socket(host.into())
        } else {
            Host::Name(host)
        };
        let mode = parameter("sslmode").or_else(|| lookup("PGSSLMODE").filter(|mode| !mode.is_empty()));
        let tls = mode.map(|mode| Tls::from_name(&mode).ok_or(AddressError::Tls(mode)));
        let root = parameter("sslrootcert")
            .or_else(|| lookup("PGSSLROOTCERT"))
            .and_then(non_empty);
        let session = parameter("pool_mode").as_deref() == Some("session");
        Self {
            host,
            port,
            user,
            database,
            password: password.map(Secret::new),
            tls: Tls::Disable,
            root: RootCertificate::Public,
            note: None,
        }
        .protected(tls.transpose()?, root)
        .in_session_mode(session)
    }

    /// What a written `sslmode` and `sslrootcert` mean, and what holds without them.
    fn protected(mut self, tls: Option<Tls>, root: Option<String>) -> Self {
        self.tls = match (&self.host, tls) {
            (Host::Socket(_), _) => Tls::Disable,
            // As in libpq: who names a root wants it to be looked at.
            (_, Some(Tls::Require)) if root.is_some() => Tls::VerifyCa,
            (_, Some(tls)) => tls,
            (Host::Name(_), None) if self.is_supabase() => Tls::VerifyFull,
            (Host::Name(name), None) if is_loopback(name) => Tls::Prefer,
            (Host::Name(_), None) => Tls::Require,
        };
        self.root = match root {
            Some(file) if file != "system" => RootCertificate::File(file.into()),
            None if self.is_supabase() => RootCertificate::Supabase,
            _ => RootCertificate::Public,
        };
        self
    }

    fn in_session_mode(mut self, asserted: bool) -> Result<Self, AddressError> {
        let Host::Name(name) = &self.host else { return Ok(self) };
        if self.port != TRANSACTION_MODE_PORT || asserted || is_loopback(name) {
            return Ok(self);
        }
        if !self.is_supabase() {
            return Err(AddressError::TransactionMode(name.clone()));
        }
        self.port = DEFAULT_PORT;
        self.note =
            Some("port 6543 is the pooler's transaction mode, which loses session state; using 5432, its session mode");
        Ok(self)
    }

    /// Whether Supabase hosts it.
    pub fn is_supabase(&self) -> bool {
        matches!(&self.host, Host::Name(name) if is_below(name, "supabase.co") || is_below(name, "pooler.supabase.com"))
    }

    /// Whether the machine is this one.
    pub fn is_here(&self) -> bool {
        match &self.host {
            Host::Socket(_) => true,
            Host::Name(name) => is_loopback(name),
        }
    }

    /// The host as PGHOST takes it.
    pub fn host_name(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::Socket(folder) => folder.display().to_string(),
        }
    }

    /// The text with every spelling of the password taken out. For messages that somebody else wrote.
    pub fn redact(&self, text: &str) -> String {
        let Some(secret) = &self.password else {
            return text.to_owned();
        };
        // A password of one or two letters would take the words apart and hide nothing.
        if secret.expose().len() < 3 {
            return text.to_owned();
        }
        let encoded = utf8_percent_encode(secret.expose(), RESERVED).to_string();
        text.replace(secret.expose(), "***").replace(&encoded, "***")
    }
}

/// Everything that a URL gives a meaning.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl fmt::Display for Address {
    /// `user@host:port/database`: no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host_name();
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        write!(f, "{}@{host}:{}/{}", self.user, self.port, self.database)
    }
}

fn host_and_port(authority: &str) -> Result<(String, String), AddressError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(AddressError::NoHost)?;
        return Ok((host.to_owned(), port.trim_start_matches(':').to_owned()));
    }
    if authority.contains(',') {
        return Err(AddressError::SeveralHosts);
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    Ok((decoded(host), port.to_owned()))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn is_below(name: &str, domain: &str) -> bool {
    name.to_ascii_lowercase()
        .strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse(text, &|_| None)
    }

    fn read(text: &str) -> Address {
        parse(text).expect("an address")
    }

    #[test]
    fn an_address_is_read() {
        let address = read("postgresql://me:p%40ss@db.example.com:5433/app?sslmode=disable");
        assert_eq!(address.to_string(), "me@db.example.com:5433/app");
        assert_eq!(address.password.as_ref().map(Secret::expose), Some("p@ss"));
        assert_eq!(address.tls, Tls::Disable);
        let socket = read("postgres://me@/app?host=/run/postgresql&port=5440");
        assert_eq!(
            (socket.host, socket.port),
            (Host::Socket("/run/postgresql".into()), 5440)
        );
        assert_eq!(read("postgres://me@[::1]:5433/app").to_string(), "me@[::1]:5433/app");
        assert_eq!(read("postgres://me@localhost").database, "me");
    }

    #[test]
    fn special_characters_of_a_password_may_stand_as_they_are() {
        for written in ["p@:/#x", "p%40%3A%2F%23x"] {
            let address = read(&format!("postgres://me:{written}@localhost/app"));
            assert_eq!(
                address.password.as_ref().map(Secret::expose),
                Some("p@:/#x"),
                "{written}"
            );
            assert_eq!(address.to_string(), "me@localhost:5432/app");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let address = read("postgres://me:s3:cr%25t@localhost/app");
        let error = "no s3:cr%t, no s3%3Acr%25t";
        for text in [
            format!("{address}"),
            format!("{address:?}"),
            format!("{address:#?}"),
            address.redact(error),
        ] {
            assert!(!text.contains("s3"), "{text}");
        }
    }

    #[test]
    fn the_environment_completes_an_address() {
        let lookup = |name: &str| match name {
            "PGPASSWORD" => Some("secret".to_owned()),
            "PGUSER" => Some("me".to_owned()),
            _ => None,
        };
        let address = Address::parse("postgres://localhost/app", &lookup).expect("an address");
        assert_eq!(
            (address.user.as_str(), address.password),
            ("me", Some(Secret::new("secret")))
        );
    }

    #[test]
    fn supabase_is_checked_fully_unless_the_address_says_otherwise() {
        let hosted = read("postgres://postgres.ref:x@aws-0-eu-west-1.pooler.supabase.com:6543/postgres");
        assert_eq!(
            (hosted.tls, hosted.root, hosted.port),
            (Tls::VerifyFull, RootCertificate::Supabase, 5432)
        );
        assert!(hosted.note.is_some());
        let direct = read("postgres://postgres:x@db.ref.supabase.co/postgres?sslmode=require");
        assert_eq!(direct.tls, Tls::Require);
        assert_eq!(read("postgres://me@localhost").tls, Tls::Prefer);
        assert_eq!(read("postgres://me@db.example.com").tls, Tls::Require);
        assert_eq!(read("postgres://me@notsupabase.co").root, RootCertificate::Public);
        let own = read("postgres://me@db.example.com?sslmode=require&sslrootcert=/ca.pem");
        assert_eq!(
            (own.tls, own.root),
            (Tls::VerifyCa, RootCertificate::File("/ca.pem".into()))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (text, expected) in [
            ("mysql://me:hidden@x", AddressError::Scheme),
            ("postgres://", AddressError::NoHost),
            ("postgres://localhost", AddressError::NoUser),
            ("postgres://me:hidden@x:port/db", AddressError::Port),
            ("postgres://me:hidden@a,b/db", AddressError::SeveralHosts),
            ("postgres://me:hidden@a/db?sslmode=yes", AddressError::Tls("yes".into())),
            (
                "postgres://me:hidden@a:6543/db",
                AddressError::TransactionMode("a".into()),
            ),
        ] {
            let error = parse(text).expect_err("no address");
            assert_eq!(error, expected);
            assert!(!format!("{error} {}", error.hint()).contains("hidden"));
        }
        assert_eq!(read("postgres://me@a:6543/db?pool_mode=session").port, 6543);
    }
}
