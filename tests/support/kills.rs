//! Kills the binary at moments that are spread over the time that it takes.

use std::process::{Command, Stdio};
use std::time::Duration;

/// How many moments: so many, or what `KILLS` says. Each takes about two seconds; 200 for a thorough look.
pub(crate) fn moments(usual: u32) -> u32 {
    let wanted = std::env::var("KILLS").ok();
    wanted.and_then(|kills| kills.parse().ok()).unwrap_or(usual)
}

/// Starts a command that takes `whole`, and kills it at that moment of so many; the moment, in words, and whether it was
/// still running.
pub(crate) async fn kill(mut command: Command, whole: Duration, moment: u32, moments: u32) -> (String, bool) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    // In an order that is not that of time.
    let share = f64::from(moment * 83 % moments) / f64::from(moments);
    tokio::time::sleep(whole.mul_f64(share)).await;
    child.kill().expect("it can be killed");
    let ended = child.wait().expect("it ended");
    (format!("at {share:.2}"), ended.code().is_none())
}

#[allow(clippy::print_stderr, reason = "figures are what somebody runs this for")]
pub(crate) fn tell(what: &str, (killed, moments): (u32, u32), done: u32) {
    eprintln!("{what}: killed at {killed} of {moments} moments; at {done} of these it had happened");
}
