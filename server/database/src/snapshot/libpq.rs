//! An address as PostgreSQL's own programs take it.

use std::ffi::OsString;
use std::io::{self, Write};

use tempfile::NamedTempFile;

use crate::address::{Address, RootCertificate, Tls};

/// Environment variables that lead libpq to a database. In the environment and not among the arguments, which
/// everybody on the machine can read.
#[derive(Debug)]
pub struct Libpq {
    variables: Vec<(OsString, OsString)>,
    // A file that the program reads; gone with this.
    _root: Option<NamedTempFile>,
}

impl Libpq {
    /// Leads to `address`.
    pub fn new(address: &Address) -> io::Result<Self> {
        let mut variables: Vec<(OsString, OsString)> = vec![
            ("PGHOST".into(), address.host_name().into()),
            ("PGPORT".into(), address.port.to_string().into()),
            ("PGUSER".into(), address.user.clone().into()),
            ("PGDATABASE".into(), address.database.clone().into()),
            ("PGSSLMODE".into(), address.tls.name().into()),
            ("PGCONNECT_TIMEOUT".into(), "15".into()),
            ("PGAPPNAME".into(), "dblsp".into()),
        ];
        if let Some(password) = &address.password {
            variables.push(("PGPASSWORD".into(), password.expose().into()));
        }
        let checks = matches!(address.tls, Tls::VerifyCa | Tls::VerifyFull);
        let mut file = None;
        match &address.root {
            _ if !checks => {}
            // libpq knows the system's authorities by this name since 16.
            RootCertificate::Public => variables.push(("PGSSLROOTCERT".into(), "system".into())),
            RootCertificate::File(path) => variables.push(("PGSSLROOTCERT".into(), path.into())),
            RootCertificate::Supabase => {
                let mut root = NamedTempFile::new()?;
                root.write_all(RootCertificate::SUPABASE.as_bytes())?;
                variables.push(("PGSSLROOTCERT".into(), root.path().into()));
                file = Some(root);
            }
        }
        Ok(Self { variables, _root: file })
    }

    pub(crate) fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(url: &str) -> (Libpq, Vec<String>) {
        let address = Address::parse(url, &|_| None).expect("an address");
        let libpq = Libpq::new(&address).expect("variables");
        let shown = libpq.variables().iter();
        let shown = shown
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        (libpq, shown)
    }

    #[test]
    fn a_linked_project_s_root_is_a_file_that_lives_as_long_as_the_variables() {
        let (libpq, shown) = variables("postgres://postgres:p@db.abcdefghijklmnopqrst.supabase.co/postgres");
        let root = shown
            .iter()
            .find_map(|line| line.strip_prefix("PGSSLROOTCERT="))
            .expect("a root")
            .to_owned();
        assert!(shown.contains(&"PGSSLMODE=verify-full".to_owned()), "{shown:?}");
        assert!(
            std::fs::read_to_string(&root)
                .expect("the file")
                .contains("BEGIN CERTIFICATE")
        );
        drop(libpq);
        assert!(!std::path::Path::new(&root).exists());
    }

    #[test]
    fn a_database_s_name_is_a_name_and_nothing_else() {
        let (_, shown) = variables("postgres://me@127.0.0.1/host%3Dother%20dbname%3Dx");
        assert!(
            shown.contains(&"PGDATABASE=host=other dbname=x".to_owned()),
            "{shown:?}"
        );
    }
}
