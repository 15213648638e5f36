//! The throw-away server's life, from start to clean-up.

mod support;

use std::process::Command;
use std::time::Instant;

use database::{Options, Shadow, Template};

#[tokio::test]
async fn a_fresh_database_belongs_to_a_role_without_superuser_rights() {
    let Some(shadow) = support::shadow().await else { return };
    for template in [Template::Plain, Template::Supabase] {
        let database = shadow
            .database(&format!("a {template}"), template)
            .await
            .expect("a database");
        let mut session = database.connect().await.expect("a session");
        let rows = session
            .rows("SELECT current_user, current_setting('is_superuser'), current_database()")
            .await;
        let expected = ["postgres", "off", database.name()]
            .map(|value| Some(value.to_owned()))
            .to_vec();
        assert_eq!(rows.expect("an answer"), [expected]);
        session
            .execute("CREATE TABLE public.t (id int PRIMARY KEY)")
            .await
            .expect("the right to create");
    }
}

#[tokio::test]
async fn a_supabase_database_accepts_a_typical_migration() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("s", Template::Supabase).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session
        .execute(
            "CREATE TABLE profiles (id uuid PRIMARY KEY DEFAULT uuid_generate_v4() REFERENCES auth.users ON DELETE CASCADE);
             ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON profiles TO authenticated USING (auth.uid() = id);
             CREATE FUNCTION new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
                 $$ BEGIN INSERT INTO public.profiles VALUES (new.id); RETURN new; END $$;
             CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users
                 FOR EACH ROW EXECUTE FUNCTION new_user();
             INSERT INTO storage.buckets (id, name) VALUES ('avatars', 'avatars');
             CREATE POLICY read ON storage.objects FOR SELECT USING (bucket_id = 'avatars');
             CREATE POLICY hear ON realtime.messages FOR SELECT USING (realtime.topic() = 'x');
             ALTER PUBLICATION supabase_realtime ADD TABLE profiles;
             SELECT vault.create_secret('s', 'name');
             INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'a@example.com');",
        )
        .await
        .expect("what works on Supabase works here");
    assert_eq!(
        session
            .value("SELECT count(*) FROM profiles")
            .await
            .expect("an answer")
            .as_deref(),
        Some("1")
    );
    assert_eq!(
        session
            .value("SELECT has_table_privilege('anon', 'profiles', 'INSERT')")
            .await
            .expect("an answer")
            .as_deref(),
        Some("t"),
        "default privileges of the schema public"
    );
    let refused = session
        .execute("DELETE FROM storage.buckets")
        .await
        .expect_err("storage protects its tables");
    assert_eq!(refused.sqlstate, "42501");
}

#[tokio::test]
async fn discarding_a_database_takes_its_roles_along() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("d", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session
        .execute("CREATE ROLE visitor")
        .await
        .expect("postgres creates roles");
    shadow
        .discard(database)
        .await
        .expect("somebody who is connected does not keep it");
    let next = shadow
        .database("d", Template::Plain)
        .await
        .expect("the name is free again");
    let mut session = next.connect().await.expect("a session");
    session
        .execute("CREATE ROLE visitor")
        .await
        .expect("the role's name is free again");
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    let Some(shadow) = support::shadow().await else { return };
    let (folder, process) = (shadow.folder().to_path_buf(), shadow.process());
    assert!(folder.join("data").exists() && runs(process));
    let stop = Instant::now();
    drop(shadow);
    assert!(!folder.exists() && !runs(process), "after {:?}", stop.elapsed());
}

#[tokio::test]
async fn a_killed_process_s_server_is_reaped_at_the_next_start() {
    // The child is this very test binary, told to start a server and abort.
    if std::env::var_os("DBLSP_TEST_ABORT").is_some() {
        let shadow = support::shadow().await.expect("the parent has a server too");
        std::fs::write(std::env::var("DBLSP_TEST_ABORT").expect("a path"), stale_line(&shadow)).expect("a file");
        std::process::abort();
    }
    // A root of its own, so that no other test's start reaps it first.
    let root = tempfile::tempdir().expect("a folder");
    let report = root.path().join("report");
    let Some(_probe) = support::shadow().await else { return };
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_killed_process_s_server_is_reaped_at_the_next_start"])
        .env("DBLSP_TEST_ABORT", &report)
        .env("DBLSP_TEST_ROOT", root.path().join("r"))
        .output()
        .expect("this program runs")
        .status;
    assert!(!status.success());
    let line = std::fs::read_to_string(&report).expect("the child wrote where its server is");
    let (process, folder) = line.split_once(' ').expect("two words");
    let process: u32 = process.parse().expect("a number");
    assert!(runs(process), "the server outlived its owner");
    let options = Options {
        folder: Some(root.path().join("r")),
        ..Options::default()
    };
    let _next = Shadow::start(options).await.expect("a second server");
    assert!(!runs(process) && !std::path::Path::new(folder).exists());
}

fn stale_line(shadow: &Shadow) -> String {
    format!("{} {}", shadow.process(), shadow.folder().display())
}

/// A process that has ended but that nobody has asked about yet does not run.
fn runs(process: u32) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &process.to_string()])
        .output()
        .expect("ps");
    let state = String::from_utf8_lossy(&output.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}
