//! Ways to a database: those that lead nowhere, and a password that must be seen nowhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use database::history;
use tempfile::TempDir;

use super::A;
use super::support::{Project, errors, shadow, skip, value};

/// A password of which every character means something in an address.
const PASSWORD: &str = "pw@:/%#9secret";

#[tokio::test]
async fn a_password_appears_nowhere() {
    let Some(shadow) = shadow().await else { return };
    let text = "create table public.t (id bigint primary key);\nalter table public.t enable row level security;\nselect pg_sleep(1);\nselect nosuch;\n";
    let mut project = Project::new(&shadow, "secret", &[(A, text)]).await;
    let mut harness = project.database.harness().await.expect("a session");
    harness.execute(&format!("create role visitor login createrole password '{PASSWORD}'; grant create on database secret to visitor; grant all on schema public to visitor")).await.expect("created");
    let hba = shadow.folder().join("data/pg_hba.conf");
    let old = fs::read_to_string(&hba).expect("readable");
    fs::write(&hba, format!("local all visitor scram-sha-256\n{old}")).expect("written");
    harness.execute("select pg_reload_conf()").await.expect("reloaded");
    let url = |password: &str| {
        format!(
            "postgres://visitor:{password}@/secret?host={}&port=5432",
            shadow.folder().display()
        )
    };
    let wrong = |project: &Project| project.run(&["apply"]);
    project.url = url("pw@:/%#wrong");
    let output = wrong(&project);
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    assert!(errors(&output).contains("refuses the login"), "{}", errors(&output));
    let mut seen = vec![output];
    project.url = url("pw%40%3A%2F%25%239secret");
    let child = project
        .command(&["apply"])
        .env_remove("DBLSP_PG_CLIENT")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut processes = String::new();
    for _ in 0..15 {
        let listed = Command::new("ps").args(["-eo", "args"]).output().expect("ps runs");
        processes.push_str(&String::from_utf8_lossy(&listed.stdout));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(
        errors(&output).contains("column \"nosuch\" does not exist"),
        "{}",
        errors(&output)
    );
    seen.push(output);
    for arguments in [
        &["status"][..],
        &["history"],
        &["doctor"],
        &["link", "staging"],
        &["plan", "--format", "json"],
        &["snapshot", "--output", "now.sql"],
        &["drift"],
        &["baseline"],
        &["test", "v0.1.0"],
        &["archive", "list"],
        &["restore", "now.sql", "--dry-run"],
        &["rollback", "20260101000000", "--yes"],
        &["adopt"],
    ] {
        seen.push(project.run(arguments));
    }
    let mut shown = processes;
    for output in &seen {
        shown.push_str(&String::from_utf8_lossy(&output.stdout));
        shown.push_str(&errors(output));
    }
    shown.push_str(
        &value(
            &mut harness,
            "select coalesce(string_agg(to_jsonb(r)::text, ''), '') from dblsp.run r",
        )
        .await,
    );
    shown.push_str(
        &value(
            &mut harness,
            "select coalesce(string_agg(h::text, ''), '') from supabase_migrations.schema_migrations h",
        )
        .await,
    );
    shown.push_str(&fs::read_to_string(shadow.folder().join("log")).unwrap_or_default());
    read_all(project.folder.path(), &mut shown);
    assert!(
        shown.contains("nosuch") && shown.contains("visitor@"),
        "the test looks where something is"
    );
    for secret in ["9secret", "#wrong", "pw@", "pw%40"] {
        // The statement that sets it up is the test's own, and stays out of the server's log at its level.
        assert!(!shown.contains(secret), "`{secret}` was seen");
    }
    fs::write(&hba, old).expect("written");
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("readable").flatten() {
        if entry.path().is_dir() {
            read_all(&entry.path(), into);
        } else {
            into.push_str(&String::from_utf8_lossy(&fs::read(entry.path()).expect("readable")));
        }
    }
}

#[tokio::test]
async fn ways_that_lead_nowhere_are_told_apart() {
    let Some(shadow) = shadow().await else { return };
    let mut project = Project::new(&shadow, "nowhere", &[(A, "select 1;\n")]).await;
    let socket = shadow.folder().join(".s.PGSQL.5432");
    let plain = forwarder(socket);
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address")
        .port();
    let Some((tls, _server)) = certificate_server() else {
        return;
    };
    for (url, expected) in [
        ("postgres://me@nosuch.invalid/x".to_owned(), "is unknown"),
        (format!("postgres://me@127.0.0.1:{closed}/x"), "no server answers"),
        (
            format!("postgres://postgres@127.0.0.1:{plain}/nowhere?sslmode=require"),
            "does not speak TLS",
        ),
        (
            format!("postgres://postgres@localhost:{tls}/nowhere?sslmode=verify-full"),
            "certificate of",
        ),
        (
            format!("postgres://postgres@127.0.0.1:{plain}/nosuch?sslmode=disable"),
            "does not exist",
        ),
    ] {
        project.url = url.clone();
        let output = project.run(&["apply"]);
        assert_eq!(output.status.code(), Some(3), "{url}: {}", errors(&output));
        assert!(errors(&output).contains(expected), "{url}: {}", errors(&output));
        assert!(errors(&output).contains("hint: "), "{url}");
    }
    project.url = "mysql://me@localhost/x".to_owned();
    assert_eq!(project.run(&["apply"]).status.code(), Some(2));
}

/// A file that may not grow is a disk that is full, for every user.
#[tokio::test]
async fn without_room_for_the_snapshot_nothing_is_applied() {
    let Some(shadow) = shadow().await else { return };
    let table = "create table public.t (id bigint primary key);\nalter table public.t enable row level security;\n";
    let project = Project::new(&shadow, "full", &[(A, table)]).await;
    let mut session = project.session().await;
    let large = format!(
        "create function public.large() returns text language sql as $$ select '{}' $$",
        "x".repeat(4000)
    );
    session.execute(&large).await.expect("created");
    let known = project.command(&["apply"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(known.get_program())
        .args(known.get_args())
        .current_dir(project.folder.path())
        .envs(known.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null());
    let output = limited.output().expect("a shell");
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    assert!(errors(&output).contains("was not written"), "{}", errors(&output));
    let schemas = project.folder.path().join("supabase/schemas");
    let left = fs::read_dir(schemas).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing that looks like a snapshot");
    assert_eq!(value(&mut session, "select to_regclass('public.t') is null").await, "t");
    let recorded = history::read(&mut session).await.expect("the history");
    assert!(recorded.is_empty());
    project.succeed(&["apply"]);
    assert_eq!(value(&mut session, "select to_regclass('public.t') is null").await, "f");
}

/// A TCP port that leads to the socket.
fn forwarder(socket: std::path::PathBuf) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = std::os::unix::net::UnixStream::connect(&socket).expect("the server listens");
            let (mut from, mut to) = (
                server.try_clone().expect("a clone"),
                client.try_clone().expect("a clone"),
            );
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || std::io::copy(&mut client, &mut server));
        }
    });
    port
}

/// Ends its process when dropped.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server that agrees to TLS and shows a certificate that nobody signed; `None` where there is no openssl.
fn certificate_server() -> Option<(u16, (Ended, TempDir))> {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "key",
            "-out",
            "certificate",
        ])
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        skip();
        return None;
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address")
        .port();
    let server = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-accept",
            &format!("127.0.0.1:{free}"),
            "-cert",
            "certificate",
            "-key",
            "key",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // The client asks for TLS in eight bytes, and the server says yes in one.
            let mut request = [0; 8];
            if client.read_exact(&mut request).is_err() || client.write_all(b"S").is_err() {
                continue;
            }
            let Ok(mut server) = std::net::TcpStream::connect(("127.0.0.1", free)) else {
                continue;
            };
            let (mut from, mut to) = (
                server.try_clone().expect("a clone"),
                client.try_clone().expect("a clone"),
            );
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || std::io::copy(&mut client, &mut server));
        }
    });
    Some((port, (Ended(server), folder)))
}
