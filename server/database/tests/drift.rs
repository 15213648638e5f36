//! Drift on a copy of the reference project: one changed object per class is found under its name, and none extra.

mod support;

use std::path::Path;

use analysis::history::History;
use database::drift::drift;
use database::replayed::Replayed;
use database::{Connection, history, journal};

fn reference() -> History {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../supabase/migrations");
    let folder = std::fs::canonicalize(folder).expect("the reference project is there");
    let loaded = project::load(&project::Request {
        disk: project::files::Disk::new(&folder),
        paths: vec![folder.clone()],
        folder,
        selection: project::Selection::All,
        settings: None,
    });
    let histories = loaded.projects.into_iter().flat_map(|project| project.histories);
    histories
        .max_by_key(|history| history.migrations.len())
        .expect("a history")
}

/// A change, and the rows in which it must show and no others, `class identity` each.
const CHANGES: &[(&str, &[&str])] = &[
    ("create schema other", &["schema other"]),
    (
        "create table public.extra ()",
        &[
            "grant table:public.extra:anon",
            "grant table:public.extra:authenticated",
            "grant table:public.extra:service_role",
            "table public.extra",
        ],
    ),
    (
        "alter table public.minds disable row level security",
        &["table public.minds"],
    ),
    (
        "alter table public.minds alter summary set default 'x'",
        &["column public.minds.summary"],
    ),
    ("alter table public.minds add extra int", &["column public.minds.extra"]),
    (
        "alter table public.tags add constraint extra check (name <> '')",
        &["constraint public.tags.extra"],
    ),
    ("create index extra on public.tags (name)", &["index public.extra"]),
    (
        "create sequence public.extra",
        &[
            "grant sequence:public.extra:anon",
            "grant sequence:public.extra:authenticated",
            "grant sequence:public.extra:service_role",
            "sequence public.extra",
        ],
    ),
    (
        "create or replace function public.is_research_mode() returns boolean language sql stable set search_path = '' as 'select true'",
        &["function public.is_research_mode()"],
    ),
    (
        "revoke execute on function public.is_research_mode() from authenticated",
        &["grant function:public.is_research_mode():authenticated"],
    ),
    (
        "comment on table public.tags is 'changed'",
        &["comment table:public.tags"],
    ),
    (
        "create type public.extra as enum ('a')",
        &["enum public.extra", "grant enum:public.extra:public"],
    ),
    (
        "create domain public.extra as text",
        &["domain public.extra", "grant domain:public.extra:public"],
    ),
    (
        "create type public.extra as (a int)",
        &["composite public.extra", "grant composite:public.extra:public"],
    ),
    (
        "create type public.extra as range (subtype = int)",
        &["grant range:public.extra:public", "range public.extra"],
    ),
    (
        "create statistics public.extra on owner_id, name from public.tags",
        &["statistics public.extra"],
    ),
    (
        "create rule extra as on delete to public.tags do instead nothing",
        &["rule public.tags.extra"],
    ),
    (
        "create policy extra on storage.objects using (true)",
        &["policy storage.objects.extra"],
    ),
    (
        "drop trigger on_auth_user_created on auth.users",
        &["trigger auth.users.on_auth_user_created"],
    ),
    (
        "alter publication supabase_realtime add table public.tags",
        &["publication_table supabase_realtime.public.tags"],
    ),
    (
        "alter default privileges in schema public grant usage on types to anon",
        &["default_privilege postgres.public.T.anon"],
    ),
    ("create publication extra", &["publication extra"]),
    ("create collation public.extra from \"C\"", &["collation public.extra"]),
    (
        "create text search configuration public.extra (copy = simple)",
        &["text_search_configuration public.extra"],
    ),
    (
        "create text search dictionary public.extra (template = simple)",
        &["text_search_dictionary public.extra"],
    ),
    (
        "create materialized view public.extra as select 1 as a",
        &[
            "grant materialized_view:public.extra:anon",
            "grant materialized_view:public.extra:authenticated",
            "grant materialized_view:public.extra:service_role",
            "materialized_view public.extra",
        ],
    ),
    (
        "create view public.extra as select 1 as a",
        &[
            "grant view:public.extra:anon",
            "grant view:public.extra:authenticated",
            "grant view:public.extra:service_role",
            "view public.extra",
        ],
    ),
    (
        "create operator public.@@@ (leftarg = int, rightarg = int, function = int4pl)",
        &["operator public.@@@(integer, integer)"],
    ),
    (
        "create type public.extra as (a int); create cast (public.extra as text) with inout",
        &[
            "cast public.extra AS text",
            "composite public.extra",
            // By the default privileges above.
            "grant composite:public.extra:anon",
            "grant composite:public.extra:public",
        ],
    ),
    (
        "create conversion public.extra for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1",
        &["conversion public.extra"],
    ),
    // What is nobody's work, or leaves the schema as it is.
    ("insert into public.languages values ('xx', 'x')", &[]),
    ("alter role postgres set lock_timeout = '1s'", &[]),
    ("alter database replayed set work_mem = '8MB'", &[]),
    ("grant create on database replayed to anon", &[]),
    ("insert into storage.buckets (id, name) values ('a', 'a')", &[]),
];

async fn shown(session: &mut Connection, files: &History) -> Vec<String> {
    let found = drift(session, files).await.expect("an answer");
    assert_eq!(found.coarse, None);
    let names = found.differences.iter();
    names
        .map(|difference| format!("{} {}", difference.class, difference.identity))
        .collect()
}

#[tokio::test]
async fn one_changed_object_per_class_is_found_and_none_extra() {
    if support::shadow().await.is_none() {
        return;
    }
    let files = reference();
    let live = Replayed::new(None, &files, |migration| !migration.is_held())
        .await
        .expect("a database");
    let mut session = live.database().connect().await.expect("a session");
    journal::install(&mut session).await.expect("a journal");
    for migration in files.migrations.iter().filter(|migration| !migration.is_held()) {
        let row = history::insert(&migration.version, "x", &[]);
        session.execute(&row).await.expect("recorded");
    }
    assert_eq!(
        shown(&mut session, &files).await,
        Vec::<String>::new(),
        "nothing was changed yet"
    );
    let classes: std::collections::BTreeSet<&str> = CHANGES
        .iter()
        .flat_map(|(_, names)| names.iter())
        .filter_map(|name| name.split(' ').next())
        .collect();
    assert!(classes.len() >= 28, "{classes:?}");
    // All at once, and then what each of them should show: drift reads in a transaction of its own.
    let mut wrong = Vec::new();
    let mut known: Vec<String> = Vec::new();
    for (change, expected) in CHANGES {
        // Names are used again: each change is undone with its database's copy of them.
        let renamed = change.replace("extra", &format!("extra_{}", known.len()));
        if let Err(error) = session.execute(&renamed).await {
            wrong.push(format!("{change}: {error}"));
            continue;
        }
        let number = format!("extra_{}", known.len());
        let mut now = shown(&mut session, &files).await;
        let before = known.clone();
        now.retain(|name| !before.contains(name));
        let expected: Vec<String> = expected.iter().map(|name| name.replace("extra", &number)).collect();
        if now != expected {
            wrong.push(format!("{change}: expected {expected:?}, found {now:?}"));
        }
        known.extend(now);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
