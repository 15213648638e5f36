//! What Supabase sets up in a new project, replayed from one SQL file.

use std::sync::Arc;

use super::catalog::{Catalog, Taints};
use super::objects::{Certainty, Extension, Meta, Origin};
use super::resolve::Resolver;
use super::session::Session;
use crate::history::Base;
use crate::sql;

/// The cluster's roles and their memberships, as plain SQL.
pub const ROLES: &str = include_str!("prelude/roles.sql");

/// Schemas, tables, functions and default privileges of a new Supabase project, as plain SQL.
///
/// Facts from the migrations of supabase/postgres, auth, storage and realtime; tests apply it to a real server.
pub const PRELUDE: &str = include_str!("prelude/supabase.sql");

/// Extensions that a new project has, with their schemas. The prelude creates them in a DO block.
const EXTENSIONS: &[(&str, &str)] = &[
    ("uuid-ossp", "extensions"),
    ("pgcrypto", "extensions"),
    ("pg_stat_statements", "extensions"),
    ("pg_graphql", "graphql"),
    ("supabase_vault", "vault"),
];

/// The catalog of a new Supabase project.
pub(super) fn catalog(postgres: u16) -> Catalog {
    let mut catalog = Catalog::empty(postgres);
    replay(&mut catalog, ROLES, postgres);
    replay(&mut catalog, PRELUDE, postgres);
    for (name, schema) in EXTENSIONS {
        let meta = Meta::new(Origin::BASE, "postgres");
        let extension = Extension {
            meta,
            schema: (*schema).into(),
        };
        catalog.extensions.insert((*name).into(), Arc::new(extension));
    }
    catalog.taints = Taints::default();
    catalog
}

fn replay(catalog: &mut Catalog, text: &str, postgres: u16) {
    let mut session = Session::new(Base::Supabase);
    session.role = "supabase_admin".into();
    for statement in &sql::parse(text).statements {
        let mut resolver = Resolver {
            catalog: std::mem::take(catalog),
            session,
            text,
            written: crate::text::Span::default(),
            origin: Origin::BASE,
            certainty: Certainty::Certain,
            guarded: true,
            failed: false,
            postgres,
            quiet: true,
            changes: Vec::new(),
            problems: Vec::new(),
            target: None,
        };
        resolver.statement(statement);
        *catalog = resolver.catalog;
        session = resolver.session;
    }
}
