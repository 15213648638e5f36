//! What is in a fresh database before the first migration.

use std::hash::{Hash, Hasher};

use analysis::schema::supabase::PRELUDE as SUPABASE;

use crate::connection::{Connection, ServerError, literal};
use crate::extensions::STUBS;
use crate::shadow::Template;

/// Roles, once per cluster.
pub(crate) use analysis::schema::supabase::ROLES;
const HARNESS: &str = include_str!("prelude/harness.sql");

/// Fills an empty template as the superuser.
pub(crate) async fn install(connection: &mut Connection, template: Template) -> Result<(), ServerError> {
    connection.execute(HARNESS).await?;
    for stub in STUBS {
        let requires: Vec<String> = stub.requires.iter().map(|name| literal(name)).collect();
        let values = format!(
            "INSERT INTO _dblsp.stub VALUES ({}, {}, ARRAY[{}]::text[], {})",
            literal(stub.name),
            literal(stub.version),
            requires.join(", "),
            literal(stub.script)
        );
        connection.execute(&values).await?;
    }
    match template {
        Template::Plain => Ok(()),
        Template::Supabase => connection.execute(SUPABASE).await,
    }
}

/// Everything that a template is made of, for its key.
pub(crate) fn hash(hasher: &mut impl Hasher) {
    (ROLES, HARNESS, SUPABASE).hash(hasher);
    for stub in STUBS {
        (stub.name, stub.version, stub.script).hash(hasher);
    }
}
