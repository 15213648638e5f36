use crate::history::Base;
use crate::lint::prelude::*;
use crate::schema::change::Object;

rule! {
    /// An extension in schema `public` offers its functions through the API.
    ///
    /// ## When
    /// `CREATE EXTENSION` in a Supabase project that puts the extension into an exposed schema: without `SCHEMA`, that is
    /// `public`. Extensions that bring a schema of their own are exempt, and so is one that is there already.
    ///
    /// ## Why
    /// The API serves the schema's functions and tables: each of the extension's becomes an endpoint that every user may
    /// call. Supabase has the schema `extensions` for them, which is on everybody's `search_path`.
    ///
    /// ## Bad
    /// ```sql supabase
    /// -- 1_extensions.sql
    /// create extension if not exists citext;
    /// ```
    ///
    /// ## Good
    /// ```sql supabase
    /// -- 1_extensions.sql
    /// create extension if not exists citext with schema extensions;
    /// ```
    ///
    /// ## Fix
    /// Adds `WITH SCHEMA extensions`.
    ///
    /// ## References
    /// - [Extension in public](https://supabase.com/docs/guides/database/database-advisors?lint=0014_extension_in_public)
    /// - [CREATE EXTENSION](https://www.postgresql.org/docs/current/sql-createextension.html)
    "extension-in-public",
    category: Category::Security,
    level: Level::Info,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

/// Extensions whose control file names their schema, whatever is written. <https://supabase.com/docs/guides/database/extensions>
const OF_THEIR_OWN: &[&str] = &[
    "pg_cron",
    "pg_graphql",
    "pg_net",
    "pg_tle",
    "pgmq",
    "pgsodium",
    "pgtle",
    "plpgsql",
    "postgis_tiger_geocoder",
    "postgis_topology",
    "supabase_vault",
    "timescaledb",
];

fn check(cx: &Cx<'_>, report: &mut Report) {
    let Node::CreateExtension { name, schema, .. } = &cx.step().statement.node else {
        return;
    };
    let made = cx.step().changes.iter().find_map(|change| match change {
        Change::Create(Object::Extension(_, extension)) => Some(extension),
        _ => None,
    });
    let Some(made) = made.filter(|_| cx.base() == Base::Supabase) else {
        return;
    };
    let is_served = cx
        .settings
        .exposed_schemas
        .iter()
        .any(|exposed| *exposed == made.schema);
    if !is_served || OF_THEIR_OWN.contains(&name.as_str()) {
        return;
    }
    let finding = report.add(
        name.span,
        format!(
            "every user of the API may call the functions of `{name}`: it goes to schema `{}`",
            made.schema
        ),
    );
    finding.help("Create it `with schema extensions`.");
    let behind = Span {
        start: name.span.end,
        end: cx.step().statement.span.end,
    };
    if cx.is_editable() && schema.is_none() && cx.source(behind).trim().is_empty() {
        let text = format!(" {} extensions", cx.cased("with schema"));
        finding.fix(
            FixKind::Review,
            "Create it in schema `extensions`",
            vec![insert(name.span.end, text)],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn an_extension_belongs_into_a_schema_of_its_own() {
        Case::new(&RULE).supabase().fires(
            "
-- 1_first.sql
create extension if not exists citext;
--                             ^^^^^^ info: every user of the API may call the functions of `citext`
create extension pg_trgm with schema public;
--               ^^^^^^^ info: every user of the API may call the functions of `pg_trgm`
create extension hstore with schema extensions;
create extension if not exists pgcrypto;
create extension pg_cron;
",
        );
        Case::new(&RULE).silent("create extension citext;");
    }

    #[test]
    fn the_fix_names_the_schema() {
        Case::new(&RULE).supabase().fixed(
            "CREATE EXTENSION \"unaccent\";",
            "CREATE EXTENSION \"unaccent\" WITH SCHEMA extensions;",
        );
    }
}
