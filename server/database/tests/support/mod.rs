//! What the tests of this folder share.
#![allow(dead_code, reason = "each test binary uses its own part of this module")]

use database::{Options, Shadow, ShadowError};

/// A server, or `None` where this machine has no PostgreSQL. In CI that is a failure.
pub(crate) async fn shadow() -> Option<Shadow> {
    match Shadow::start(options()).await {
        Ok(shadow) => Some(shadow),
        Err(ShadowError::NotInstalled) if std::env::var("CI").as_deref() != Ok("true") => {
            skip();
            None
        }
        Err(error) => panic!("{error}\nhint: {}", error.hint()),
    }
}

fn options() -> Options {
    Options {
        folder: std::env::var_os("DBLSP_TEST_ROOT").map(Into::into),
        ..Options::default()
    }
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip() {
    eprintln!("SKIPPED: no PostgreSQL on this machine; set DBLSP_PG_BIN");
}
