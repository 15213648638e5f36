use crate::history::Base;
use crate::lint::prelude::*;
use crate::schema::objects::quote;
use crate::sql::name::Name;
use crate::sql::statement::{ColumnConstraintKind, ColumnDef, Expr, ExprNode, Statement, TypeName};

rule! {
    /// The statement uses what an extension brings that no migration before it creates.
    ///
    /// ## When
    /// A column's type or default, or the operator class of an index, is of a well-known extension (`citext`, `hstore`,
    /// `ltree`, `pg_trgm`, `pgcrypto`, `postgis`, `unaccent`, `uuid-ossp`, `vector`), and neither an earlier statement nor
    /// the database at its start has the extension. Said once per extension, where it is used first. Silent where the
    /// history does not begin with an empty database, where a migration makes something of that name itself, in `DO`
    /// blocks, and behind dynamic SQL.
    ///
    /// ## Why
    /// On a fresh database the migration fails with 42704, `type does not exist`, or 42883, `function does not exist`. It
    /// works where somebody once created the extension by hand: then the history no longer builds that database.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table users (id uuid primary key default uuid_generate_v4());
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create extension if not exists "uuid-ossp";
    /// create table users (id uuid primary key default uuid_generate_v4());
    /// ```
    ///
    /// ## Fix
    /// Creates the extension right before, unless it is there; in a Supabase project in schema `extensions`.
    ///
    /// ## References
    /// - [CREATE EXTENSION](https://www.postgresql.org/docs/current/sql-createextension.html)
    "extension-missing",
    category: Category::Coupling,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

/// An extension with names that nothing else has.
struct Brings {
    extension: &'static str,
    types: &'static [&'static str],
    functions: &'static [&'static str],
    operator_classes: &'static [&'static str],
}

const NOTHING: Brings = Brings {
    extension: "",
    types: &[],
    functions: &[],
    operator_classes: &[],
};

const EXTENSIONS: &[Brings] = &[
    Brings {
        extension: "citext",
        types: &["citext"],
        ..NOTHING
    },
    Brings {
        extension: "hstore",
        types: &["hstore"],
        ..NOTHING
    },
    Brings {
        extension: "ltree",
        types: &["ltree", "lquery", "ltxtquery"],
        ..NOTHING
    },
    Brings {
        extension: "pg_trgm",
        operator_classes: &["gin_trgm_ops", "gist_trgm_ops"],
        ..NOTHING
    },
    Brings {
        extension: "pgcrypto",
        functions: &["gen_random_bytes", "gen_salt", "crypt", "digest", "hmac"],
        ..NOTHING
    },
    Brings {
        extension: "postgis",
        types: &["geometry", "geography"],
        ..NOTHING
    },
    Brings {
        extension: "unaccent",
        functions: &["unaccent"],
        ..NOTHING
    },
    Brings {
        extension: "uuid-ossp",
        functions: &[
            "uuid_generate_v1",
            "uuid_generate_v1mc",
            "uuid_generate_v3",
            "uuid_generate_v4",
            "uuid_generate_v5",
        ],
        ..NOTHING
    },
    Brings {
        extension: "vector",
        types: &["vector", "halfvec", "sparsevec"],
        operator_classes: &["vector_l2_ops", "vector_ip_ops", "vector_cosine_ops"],
        ..NOTHING
    },
];

fn check(cx: &Cx<'_>, report: &mut Report) {
    let taints = &cx.before().taints;
    if !cx.is_complete() || !cx.is_editable() || taints.everything.is_some() || taints.routines.is_some() {
        return;
    }
    for (kind, name) in used(cx.step().statement) {
        let word = name.last().as_str();
        let brings = bringing(kind, word);
        let Some(brings) = brings.filter(|known| !cx.before().extensions.contains_key(known.extension)) else {
            continue;
        };
        let is_of_it = |(kind, name): (Kind, &Name)| {
            bringing(kind, name.last().as_str()).is_some_and(|other| other.extension == brings.extension)
        };
        let uses_it = |statement: &Statement| used(statement).into_iter().any(is_of_it);
        if is_made(cx, kind, name) || cx.statements_before().any(uses_it) {
            continue;
        }
        let finding = report.add(
            name.span(),
            format!(
                "`{word}` is of extension `{}`, which no migration creates before this one",
                brings.extension
            ),
        );
        finding.help(format!(
            "Create the extension `{}` in an earlier statement.",
            brings.extension
        ));
        if cx.is_editable() {
            let title = format!("Create the extension `{}` before", brings.extension);
            let create = create(cx, brings.extension);
            finding.fix(
                FixKind::Review,
                title,
                vec![insert(cx.step().statement.span.start, create)],
            );
        }
        // One statement creates all of it.
        return;
    }
}

fn create(cx: &Cx<'_>, extension: &str) -> String {
    let schema = if cx.base() == Base::Supabase {
        format!(" {} extensions", cx.cased("with schema"))
    } else {
        String::new()
    };
    format!(
        "{} {}{schema};\n",
        cx.cased("create extension if not exists"),
        quote(extension)
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Type,
    Function,
    OperatorClass,
}

/// Whether the history has something of that name.
fn is_made(cx: &Cx<'_>, kind: Kind, name: &Name) -> bool {
    let word = name.last().as_str();
    match kind {
        Kind::Type => cx
            .before()
            .types
            .keys()
            .chain(cx.before().relations().map(|(id, _)| id))
            .any(|id| id.name == word),
        Kind::Function => cx.before().routines.keys().any(|signature| signature.id.name == word),
        Kind::OperatorClass => false,
    }
}

fn bringing(kind: Kind, word: &str) -> Option<&'static Brings> {
    EXTENSIONS.iter().find(|known| {
        let names = match kind {
            Kind::Type => known.types,
            Kind::Function => known.functions,
            Kind::OperatorClass => known.operator_classes,
        };
        names.contains(&word)
    })
}

/// What a statement uses that an extension may bring.
fn used(statement: &Statement) -> Vec<(Kind, &Name)> {
    let mut used = Vec::new();
    gather(statement, &mut used);
    used
}

fn gather<'s>(statement: &'s Statement, used: &mut Vec<(Kind, &'s Name)>) {
    match &statement.node {
        Node::CreateTable(create) => create.columns.iter().for_each(|column| of_column(column, used)),
        Node::CreateIndex(create) => {
            let classes = create.keys.iter().filter_map(|key| key.opclass.as_ref());
            used.extend(classes.map(|class| (Kind::OperatorClass, class)));
        }
        Node::AlterTable(alter) => {
            for action in &alter.actions {
                match &action.kind {
                    AlterActionKind::AddColumn { column, .. } => of_column(column, used),
                    AlterActionKind::SetDefault { default, .. } => calls(default, used),
                    AlterActionKind::AlterType { ty, .. } => of_type(ty, used),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn of_column<'s>(column: &'s ColumnDef, used: &mut Vec<(Kind, &'s Name)>) {
    column.ty.iter().for_each(|ty| of_type(ty, used));
    for constraint in &column.constraints {
        if let ColumnConstraintKind::Default(expr) = &constraint.kind {
            calls(expr, used);
        }
    }
}

fn of_type<'s>(ty: &'s TypeName, used: &mut Vec<(Kind, &'s Name)>) {
    used.push((Kind::Type, &ty.name));
}

fn calls<'s>(expr: &'s Expr, used: &mut Vec<(Kind, &'s Name)>) {
    if let ExprNode::Call { name, .. } = &expr.node {
        used.push((Kind::Function, name));
    }
    expr.children().into_iter().for_each(|child| calls(child, used));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn what_an_extension_brings_is_not_there_before() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table users (id uuid default uuid_generate_v4(), mail text);
--                                  ^^^^^^^^^^^^^^^^ warning: `uuid_generate_v4` is of extension `uuid-ossp`, which no migration creates before this one
alter table users add column name citext;
--                                ^^^^^^ warning: `citext` is of extension `citext`
create index on users using gin (mail gin_trgm_ops);
--                                    ^^^^^^^^^^^^ warning: `gin_trgm_ops` is of extension `pg_trgm`
alter table users add column again citext;
-- 2_second.sql
create index on users using gin (mail gin_trgm_ops);
create extension citext;
alter table users add column other citext;
",
        );
    }

    #[test]
    fn what_is_there_made_by_oneself_or_unknown_is_exempt() {
        Case::new(&RULE).silent(
            "
-- 1_first.sql
create function uuid_generate_v4() returns uuid language sql as 'select gen_random_uuid()';
create domain citext as text;
create table users (id uuid default uuid_generate_v4(), name citext);
do $$ begin
  alter table users add column place geometry;
exception when undefined_object then null; end $$;
",
        );
        Case::new(&RULE).silent("create table users (name citext);");
        Case::new(&RULE).supabase().silent(
            "
-- 1_first.sql
create table users (id uuid default uuid_generate_v4(), code bytea default gen_random_bytes(4));
create table more (id uuid default extensions.uuid_generate_v4());
",
        );
        Case::new(&RULE).silent(
            "
-- 1_first.sql
do $$ begin execute current_setting('app.command'); end $$;
create table users (name citext);
",
        );
    }

    #[test]
    fn the_fix_creates_it() {
        Case::new(&RULE).fixed(
            "-- 1_first.sql\n  CREATE TABLE users (id uuid DEFAULT uuid_generate_v4());",
            "-- 1_first.sql\n  CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\";\n  CREATE TABLE users (id uuid DEFAULT uuid_generate_v4());",
        );
        Case::new(&RULE).supabase().fixed(
            "-- 1_first.sql\ncreate table places (at geography);",
            "-- 1_first.sql\ncreate extension if not exists postgis with schema extensions;\ncreate table places (at geography);",
        );
    }
}
