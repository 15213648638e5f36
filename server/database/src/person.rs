//! Who works here, and when.

use std::process::{Command, Stdio};
use std::time::SystemTime;

/// Who works here: as git knows them, else as the system does.
pub fn who() -> String {
    let git = Command::new("git")
        .args(["config", "user.name"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let name = git.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let variable = |name: &str| std::env::var(name).ok();
    name.or_else(|| variable("USER"))
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Now, in UTC: `2025-10-26T21:15:00Z`.
pub fn now() -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let stamp = project::name::timestamp(since.as_secs());
    let part = |from: usize, to: usize| &stamp[from..to];
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    )
}
