//! Whether the tests that need PostgreSQL's server programs can run here.

/// Whether programs are there that the commands would use; a failure in CI where none are.
#[allow(dead_code, reason = "some test binaries start a server and ask it themselves")]
pub(crate) fn has_postgres() -> bool {
    let is_there = database::discover::discover(None).is_some();
    assert!(
        is_there || std::env::var("CI").as_deref() != Ok("true"),
        "no PostgreSQL"
    );
    if !is_there {
        skip();
    }
    is_there
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn skip() {
    eprintln!("SKIPPED: no PostgreSQL on this machine; set DBLSP_PG_BIN");
}
