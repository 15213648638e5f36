//! Places where a test can end the process: `DBLSP_FAILPOINT=name` aborts it there. In debug builds only.

/// Aborts the process if the test named this place.
#[inline]
pub fn reached(name: &str) {
    #[cfg(debug_assertions)]
    if std::env::var_os("DBLSP_FAILPOINT").is_some_and(|wanted| wanted == name) {
        std::process::abort();
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
