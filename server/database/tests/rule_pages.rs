//! Every example of every rule's page, run on a server as the runner that it names would run it: what is good works, what
//! is bad works too unless its page says which error it meets, and what else a page claims is seen.

mod support;

use analysis::lint::RULES;
use analysis::lint::rule::{Category, Rule};
use analysis::sql::statement::Node;
use database::{Connection, Database, ServerError, Shadow, Template};

/// The release of the server that these tests start.
const SERVER: u16 = 15;

/// An example of a page.
struct Example {
    rule: &'static str,
    info: &'static str,
    files: Vec<String>,
}

impl Example {
    fn template(&self) -> Template {
        if self.has("supabase") {
            Template::Supabase
        } else {
            Template::Plain
        }
    }

    fn has(&self, word: &str) -> bool {
        self.info.split_whitespace().any(|own| own == word)
    }

    /// Whether this server is old enough, and new enough, to say what the page is about.
    fn is_for_this_server(&self) -> bool {
        let major = self
            .info
            .split_whitespace()
            .find_map(|word| word.strip_prefix("postgres="));
        major.is_none_or(|major| major.parse::<u16>().expect("a release") <= SERVER)
    }
}

/// What examples that are a part of a history build upon.
const SETUP: &[(&str, &str)] = &[
    ("uncommitted-transaction", "CREATE TABLE users (id bigint, name text)"),
    (
        "drop-database",
        "CREATE ROLE old_app; CREATE ROLE app; GRANT old_app, app TO CURRENT_USER",
    ),
    ("function-search-path", "CREATE TABLE orders (amount bigint)"),
];

/// The SQLSTATE that the Bad example of a rule meets, on a server without rows.
const REFUSED: &[(&str, &str)] = &[
    ("already-exists", "42P07"),
    ("concurrently-in-transaction", "25001"),
    ("concurrently-partitioned", "0A000"),
    ("drop-blocked", "2BP01"),
    ("enum-value-used-same-tx", "55P04"),
    ("extension-missing", "42883"),
    ("transaction-forbidden", "25001"),
    ("type-change-blocked", "0A000"),
    ("unknown-object", "42703"),
    ("using-index-unsuitable", "42809"),
];

/// The examples under a heading, of the rules that speak about what PostgreSQL does.
fn examples(heading: &str) -> Vec<Example> {
    let about = |rule: &&&Rule| {
        !matches!(
            rule.category,
            Category::Convention | Category::Deployment | Category::Syntax
        )
    };
    let needs_newer = |rule: &&&Rule| rule.name == "newer-postgres-needed";
    let rules = RULES.iter().filter(|rule| about(rule) || needs_newer(rule));
    rules
        .flat_map(|rule| of_page(rule, heading))
        .filter(Example::is_for_this_server)
        .collect()
}

fn of_page(rule: &'static Rule, heading: &str) -> Vec<Example> {
    let section = rule.page.split("## ").find(|part| part.starts_with(heading));
    let blocks = section.into_iter().flat_map(|section| section.split("```sql").skip(1));
    let example = |block: &'static str| {
        let (info, rest) = block.split_once('\n').expect("a block has lines");
        let sql = rest.split("```").next().unwrap_or_default();
        Example {
            rule: rule.name,
            info,
            files: files(sql),
        }
    };
    blocks.map(example).collect()
}

fn files(sql: &str) -> Vec<String> {
    let mut files = vec![String::new()];
    for line in sql.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        if line.starts_with("-- ") && line.trim_end().strip_suffix(".sql").is_some() {
            files.push(String::new());
        } else {
            let last = files.last_mut().expect("there is a file");
            last.push_str(line);
            last.push('\n');
        }
    }
    files.retain(|file| !file.trim().is_empty());
    files
}

/// Runs a file: in a transaction where the runner has one, else statement by statement.
async fn apply(session: &mut Connection, example: &Example, file: &str) -> Result<(), ServerError> {
    let read = analysis::sql::parse(file);
    let controls = |node: &Node| matches!(node, Node::Transaction(_));
    let cannot_share =
        |text: &str| text.to_lowercase().contains("concurrently") || text.to_lowercase().starts_with("vacuum");
    let mut statements = read.statements.iter();
    let is_split =
        example.has("supabase") && statements.any(|one| controls(&one.node) || cannot_share(one.span.slice(file)));
    let is_alone = example.has("runner=psql") || file.starts_with("-- no-transaction") || is_split;
    if !is_alone {
        session.execute("BEGIN").await?;
    }
    for statement in &read.statements {
        if let Err(error) = session.execute(statement.span.slice(file)).await {
            session.execute("ROLLBACK").await?;
            return Err(error);
        }
    }
    if !is_alone {
        session.execute("COMMIT").await?;
    }
    Ok(())
}

/// A database that an example was run in.
struct Ran {
    session: Connection,
    /// What the last file met.
    outcome: Result<(), ServerError>,
    /// Gone when dropped.
    _database: Database,
}

/// Runs an example in a database of its own, with `rows` before its last file.
async fn run(shadow: &Shadow, name: &str, example: &Example, rows: &str) -> Ran {
    let database = shadow.database(name, example.template()).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    for (_, setup) in SETUP.iter().filter(|(rule, _)| *rule == example.rule) {
        session.execute(setup).await.expect("the setup is valid");
    }
    let (last, before) = example.files.split_last().expect("an example has a file");
    for file in before {
        apply(&mut session, example, file)
            .await
            .expect("the example's history is valid");
    }
    session.execute(rows).await.expect("the rows are valid");
    let outcome = apply(&mut session, example, last).await;
    Ran {
        session,
        outcome,
        _database: database,
    }
}

#[tokio::test]
async fn good_examples_work() {
    let Some(shadow) = support::shadow().await else { return };
    let mut wrong = Vec::new();
    for (number, example) in examples("Good").iter().enumerate() {
        let Ran { outcome, .. } = run(&shadow, &format!("good{number}"), example, "").await;
        if let Err(error) = outcome {
            wrong.push(format!("{}: {error}", example.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn bad_examples_meet_the_error_of_their_page_or_none() {
    let Some(shadow) = support::shadow().await else { return };
    let mut wrong = Vec::new();
    for (number, example) in examples("Bad").iter().enumerate() {
        let wanted = REFUSED
            .iter()
            .find(|(rule, _)| *rule == example.rule)
            .map(|(_, state)| *state);
        let Ran { outcome, .. } = run(&shadow, &format!("bad{number}"), example, "").await;
        let found = outcome.err();
        let state = found.as_ref().map(|error| error.sqlstate.as_str());
        let is_first = !wrong.iter().any(|line: &String| line.starts_with(example.rule));
        if state != wanted && is_first {
            wrong.push(format!("{}: {found:?}, and not {wanted:?}", example.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a page names the error that its Bad example meets.
#[test]
fn pages_name_the_errors() {
    for (rule, state) in REFUSED {
        let page = analysis::lint::rule_named(rule).expect("a rule").page;
        assert!(page.contains(state), "{rule} does not say {state}");
    }
}

/// What a rule's page claims about the time after the migration.
struct Claim {
    rule: &'static str,
    /// Run before the last file of the example.
    rows: &'static str,
    /// Run behind it, by the role that it sets.
    then: &'static str,
    /// What that gives or meets after the Bad example, and after the Good one.
    bad: &'static str,
    good: &'static str,
}

const AS_ANON: &str = "GRANT ALL ON ALL TABLES IN SCHEMA public TO anon, authenticated; SET ROLE anon; ";

const CLAIMS: &[Claim] = &[
    Claim {
        rule: "sequence-behind-ids",
        rows: "",
        then: "INSERT INTO plans (name) VALUES ('new') RETURNING id::text",
        bad: "23505",
        good: "3",
    },
    Claim {
        rule: "rename-by-drop-and-add",
        rows: "INSERT INTO users VALUES (1, 'kim')",
        then: "SELECT coalesce(handle, 'nothing') FROM users",
        bad: "nothing",
        good: "kim",
    },
    Claim {
        rule: "drop-object",
        rows: "INSERT INTO users VALUES (1, 'kim')",
        then: "SELECT name FROM names",
        bad: "42P01",
        good: "kim",
    },
    Claim {
        rule: "drop-used-in-routine",
        rows: "",
        then: "SELECT count_people()::text",
        bad: "42P01",
        good: "0",
    },
    Claim {
        rule: "drop-column-in-routine",
        rows: "INSERT INTO users VALUES (1, 'kim', 'k')",
        then: "SELECT nick_of(1)",
        bad: "42703",
        good: "kim",
    },
    Claim {
        rule: "rename-column",
        rows: "INSERT INTO users VALUES (1, 'a@b')",
        then: "SELECT mail FROM users",
        bad: "42703",
        good: "a@b",
    },
    Claim {
        rule: "rename-table",
        rows: "INSERT INTO users VALUES (1)",
        then: "SELECT id::text FROM users",
        bad: "42P01",
        good: "1",
    },
    Claim {
        rule: "drop-column",
        rows: "INSERT INTO users VALUES (1, 'kim')",
        then: "SELECT nickname FROM users",
        bad: "42703",
        good: "kim",
    },
    Claim {
        rule: "constraint-never-validated",
        rows: "",
        then: "SELECT convalidated::text FROM pg_constraint WHERE conname = 'users_age'",
        bad: "false",
        good: "true",
    },
    Claim {
        rule: "set-leaks",
        rows: "",
        then: "SHOW lock_timeout",
        bad: "2s",
        good: "0",
    },
    Claim {
        rule: "table-without-primary-key",
        rows: "",
        then: "CREATE PUBLICATION everything FOR TABLE events; DELETE FROM events; SELECT 'done'",
        bad: "55000",
        good: "done",
    },
];

/// The first column of the first row, or the SQLSTATE that any of the statements meets.
async fn told(session: &mut Connection, statements: &str) -> String {
    let (first, last) = statements.rsplit_once("; ").unwrap_or(("", statements));
    for statement in first.split("; ").filter(|statement| !statement.is_empty()) {
        if let Err(error) = session.execute(statement).await {
            return error.sqlstate;
        }
    }
    match session.value(last).await {
        Ok(value) => value.unwrap_or_default(),
        Err(error) => error.sqlstate,
    }
}

#[tokio::test]
async fn what_pages_say_of_the_time_behind_is_seen() {
    let Some(shadow) = support::shadow().await else { return };
    let mut wrong = Vec::new();
    for (number, claim) in CLAIMS.iter().enumerate() {
        for (heading, wanted) in [("Bad", claim.bad), ("Good", claim.good)] {
            let example = first(claim.rule, heading);
            let name = format!("{}{number}", heading.to_lowercase());
            let mut ran = run(&shadow, &name, &example, claim.rows).await;
            ran.outcome.expect("the example is valid");
            let found = told(&mut ran.session, claim.then).await;
            if found != wanted {
                wrong.push(format!("{} ({heading}): {found}, and not {wanted}", claim.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn first(rule: &str, heading: &str) -> Example {
    let rule = RULES.iter().find(|own| own.name == rule).expect("a rule");
    of_page(rule, heading)
        .into_iter()
        .next()
        .expect("the page has an example")
}

/// What a stranger sees and does through the API after the example, and the owner of the rows beside it.
#[tokio::test]
async fn strangers_see_what_pages_say() {
    const ROW: &str = "INSERT INTO notes (id) VALUES (1)";
    let claims = [
        (
            "rls-disabled-in-exposed-schema",
            "SELECT count(*)::text FROM notes",
            "1",
            "0",
        ),
        (
            "security-definer-view",
            "SELECT count(*)::text FROM recent_notes",
            "1",
            "0",
        ),
        (
            "row-security-without-policy",
            "SELECT count(*)::text FROM notes",
            "0",
            "1",
        ),
        (
            "policy-always-true",
            "RESET ROLE; SET ROLE authenticated; UPDATE notes SET id = 2; SELECT count(*)::text FROM notes WHERE id = 2",
            "1",
            "0",
        ),
    ];
    let Some(shadow) = support::shadow().await else { return };
    for (number, (rule, then, bad, good)) in claims.into_iter().enumerate() {
        for (heading, wanted) in [("Bad", bad), ("Good", good)] {
            let example = first(rule, heading);
            let name = format!("{}{number}", heading.to_lowercase());
            let mut ran = run(&shadow, &name, &example, "").await;
            ran.outcome.expect("the example is valid");
            ran.session.execute(ROW).await.expect("a row");
            let found = told(&mut ran.session, &format!("{AS_ANON}{then}")).await;
            assert_eq!(found, wanted, "{rule} ({heading})");
        }
    }
}

/// `auth.uid()` by itself is called for every row; in a subquery, once.
#[tokio::test]
async fn a_call_in_a_subquery_is_made_once() {
    let Some(shadow) = support::shadow().await else { return };
    for (heading, is_once) in [("Bad", false), ("Good", true)] {
        let example = first("policy-calls-per-row", heading);
        let mut ran = run(&shadow, &heading.to_lowercase(), &example, "").await;
        ran.outcome.expect("the example is valid");
        ran.session
            .execute("GRANT ALL ON notes TO authenticated")
            .await
            .expect("a privilege");
        ran.session.execute("SET ROLE authenticated").await.expect("a role");
        let plan = ran.session.rows("EXPLAIN SELECT * FROM notes").await.expect("a plan");
        let lines: Vec<String> = plan.into_iter().flatten().flatten().collect();
        assert_eq!(lines.iter().any(|line| line.contains("InitPlan")), is_once, "{lines:?}");
    }
}

/// Whoever may make temporary tables chooses what a function without a fixed `search_path` reads.
#[tokio::test]
async fn a_function_without_a_search_path_reads_what_the_caller_wants() {
    let Some(shadow) = support::shadow().await else { return };
    for (heading, wanted) in [("Bad", "7"), ("Good", "1")] {
        let example = first("function-search-path", heading);
        let mut ran = run(&shadow, &heading.to_lowercase(), &example, "").await;
        ran.outcome.expect("the example is valid");
        for statement in [
            "INSERT INTO public.orders VALUES (1)",
            "CREATE TEMPORARY TABLE orders (amount bigint)",
            "INSERT INTO pg_temp.orders VALUES (7)",
        ] {
            ran.session.execute(statement).await.expect("valid");
        }
        let found = ran.session.value("SELECT total()::text").await.expect("an answer");
        assert_eq!(found.as_deref(), Some(wanted), "{heading}");
    }
}

/// On the platform the role of migrations owns nothing there; the template of these tests is an older project.
#[tokio::test]
async fn a_role_that_owns_nothing_in_a_schema_is_refused() {
    let Some(shadow) = support::shadow().await else { return };
    let example = first("managed-schema-ddl", "Bad");
    let database = shadow
        .database("managed", example.template())
        .await
        .expect("a database");
    let mut session = database.connect().await.expect("a session");
    let role = "CREATE ROLE migrator; GRANT migrator TO CURRENT_USER; SET ROLE migrator";
    session.execute(role).await.expect("a role");
    let mut met = Vec::new();
    for statement in [
        &*example.files[0],
        "ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY",
    ] {
        let refused = session.execute(statement).await.expect_err("it owns nothing there");
        met.push(refused.sqlstate);
    }
    assert_eq!(met, ["42501", "42501"]);
}

/// What an open transaction did is gone with the connection.
#[tokio::test]
async fn without_a_commit_nothing_is_done() {
    let Some(shadow) = support::shadow().await else { return };
    let example = first("uncommitted-transaction", "Bad");
    let database = shadow.database("open", example.template()).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    session.execute(SETUP[0].1).await.expect("a table");
    apply(&mut session, &example, &example.files[0]).await.expect("valid");
    drop(session);
    let mut session = database.connect().await.expect("a session");
    let columns = "SELECT count(*)::text FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'age'";
    assert_eq!(session.value(columns).await.expect("an answer").as_deref(), Some("0"));
}

/// After a COMMIT in the file, what failed behind it has left the first half.
#[tokio::test]
async fn a_commit_in_the_file_keeps_the_first_half() {
    let Some(shadow) = support::shadow().await else { return };
    let mut example = first("stray-commit", "Bad");
    example.files[0].push_str("select 1 / 0;\n");
    let mut ran = run(&shadow, "half", &example, "").await;
    assert_eq!(ran.outcome.expect_err("a division by zero").sqlstate, "22012");
    let there = "SELECT to_regclass('users')::text";
    assert_eq!(
        ran.session.value(there).await.expect("an answer").as_deref(),
        Some("users")
    );
}

/// The COMMIT of an inner BEGIN ends the outer transaction: what it did cannot be rolled back any more.
#[tokio::test]
async fn an_inner_commit_ends_the_outer_transaction() {
    let Some(shadow) = support::shadow().await else { return };
    for (heading, left) in [("Bad", Some("users")), ("Good", None)] {
        let example = first("nested-begin", heading);
        let name = heading.to_lowercase();
        let database = shadow.database(&name, example.template()).await.expect("a database");
        let mut session = database.connect().await.expect("a session");
        session.execute("BEGIN").await.expect("a transaction");
        for statement in &analysis::sql::parse(&example.files[0]).statements {
            let words = statement.span.slice(&example.files[0]);
            session.execute(words).await.expect("the example is valid");
        }
        session.execute("ROLLBACK").await.expect("a warning at most");
        let found = session
            .value("SELECT to_regclass('users')::text")
            .await
            .expect("an answer");
        assert_eq!(found.as_deref(), left, "{heading}");
    }
}

/// A schema goes with its tables where CASCADE is written, and stays otherwise.
#[tokio::test]
async fn a_schema_goes_with_its_tables() {
    let Some(shadow) = support::shadow().await else { return };
    let mut example = first("drop-schema", "Bad");
    let dropped = example.files[1].replace(" cascade", "");
    let mut refused = run(
        &shadow,
        "kept",
        &Example {
            files: vec![example.files[0].clone(), dropped],
            ..example
        },
        "",
    )
    .await;
    assert_eq!(refused.outcome.expect_err("it holds a table").sqlstate, "2BP01");
    let there = "SELECT coalesce(to_regclass('shop.orders')::text, 'gone')";
    assert_eq!(told(&mut refused.session, there).await, "shop.orders");
    example = first("drop-schema", "Bad");
    let mut gone = run(&shadow, "gone", &example, "INSERT INTO shop.orders VALUES (1)").await;
    gone.outcome.expect("the example is valid");
    assert_eq!(told(&mut gone.session, there).await, "gone");
}

/// What keeps a column, beyond what the pages show.
#[tokio::test]
async fn publications_and_rows_in_other_tables_keep_columns() {
    let Some(shadow) = support::shadow().await else { return };
    let database = shadow.database("kept", Template::Plain).await.expect("a database");
    let mut session = database.connect().await.expect("a session");
    for statement in [
        "CREATE TABLE points (x int, label varchar(5))",
        "CREATE TABLE lines (first points)",
        "CREATE TABLE moved (a int, b int, c int)",
        "CREATE PUBLICATION p FOR TABLE moved (a) WHERE (b > 0)",
    ] {
        session.execute(statement).await.expect("valid");
    }
    for (statement, wanted) in [
        ("ALTER TABLE points ALTER x TYPE bigint", Some("0A000")),
        ("ALTER TABLE points ALTER label TYPE varchar(9)", Some("0A000")),
        ("ALTER TABLE moved DROP COLUMN a", Some("2BP01")),
        ("ALTER TABLE moved DROP COLUMN b", Some("2BP01")),
        ("ALTER TABLE moved ALTER a TYPE bigint", Some("0A000")),
        ("ALTER TABLE moved ALTER b TYPE bigint", Some("0A000")),
        ("ALTER TABLE moved DROP COLUMN c", None),
    ] {
        let met = session.execute(statement).await.err().map(|error| error.sqlstate);
        assert_eq!(met.as_deref(), wanted, "{statement}");
    }
}
