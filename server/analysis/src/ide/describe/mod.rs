//! Objects of a catalog as Markdown: the definition in SQL, then what stands around it.

mod table;

use std::fmt::Write;

use crate::schema::catalog::Catalog;
use crate::schema::change::Key;
use crate::schema::objects::{
    Acl, Id, Origin, Policy, Relation, RelationKind, Routine, RoutineKind, Sequence, Signature, Trigger, TypeKind,
    TypeObject, View, quote,
};
use crate::sql::statement::{Expr, PolicyCommand, TriggerMode, Volatility};

pub(super) use self::table::column_line;
use self::table::{column, constraint_line, index_line, table, written};
use super::place::noun;

/// More columns, labels or lines of code than this are cut.
const MOST_LINES: usize = 60;

/// Gives the text of expressions that the catalog keeps as trees: those of policies and indexes, which one of these
/// statements wrote.
pub(super) type Source<'s> = &'s dyn Fn(&Expr, [Origin; 2]) -> Option<String>;

/// The object of that key; `None` where the catalog does not hold it.
pub(super) fn describe(catalog: &Catalog, key: &Key, source: Source<'_>) -> Option<String> {
    let mut page = Page::default();
    match key {
        Key::Schema(name) => {
            let schema = catalog.schemas.get(name)?;
            page.code(&format!("create schema {}", quote(name)));
            let relations = catalog.relations_in(name);
            let count = relations.filter(|(_, relation)| relation.index().is_none()).count();
            page.line(&format!("{count} tables, views and sequences"));
            page.owner(&schema.meta.owner);
            page.grants(&schema.meta.acl);
            page.comment(schema.meta.comment.as_deref());
        }
        Key::Relation(id) => relation(catalog, id, catalog.relations.get(id)?, source, &mut page),
        Key::Column(id, name) => {
            let relation = catalog.relations.get(id)?;
            match &relation.kind {
                RelationKind::Table(table) => match table.column(name) {
                    Some(found) => column(catalog, id, table, found, &mut page),
                    None if table.columns_known => return None,
                    None => page.code(&format!("{}.{}", full(id), quote(name))),
                },
                RelationKind::View(view) => {
                    view.columns.as_ref()?.contains(name).then_some(())?;
                    page.code(&format!("{}.{}", full(id), quote(name)));
                    page.line(&format!("column of {} `{}`", relation.noun(), full(id)));
                }
                _ => return None,
            }
        }
        Key::Constraint(id, name) => {
            if let Some(table) = catalog.table(id) {
                let found = table.constraint(name)?;
                page.code(&format!("alter table {} add {}", full(id), constraint_line(found)));
                if !found.validated {
                    page.line("not validated: rows from before it were never checked");
                }
                page.comment(found.comment.as_deref());
            } else {
                catalog.types.get(id)?;
                page.code(&format!("constraint {} on domain {}", quote(name), full(id)));
            }
        }
        Key::Trigger(id, name) => {
            let relation = catalog.relations.get(id)?;
            let found = relation.triggers().iter().find(|trigger| trigger.name == *name)?;
            page.code(&trigger_code(id, found));
            if found.mode == TriggerMode::Disable {
                page.line("disabled");
            }
            page.comment(found.comment.as_deref());
        }
        Key::Policy(id, name) => {
            let table = catalog.table(id)?;
            let found = table.policies.iter().find(|policy| policy.name == *name)?;
            let changed = catalog.relations.get(id)?.meta.changed;
            let text = |expr: &Expr| source(expr, [found.created, changed]);
            page.code(&policy_code(id, found, &text));
            if !table.row_security {
                page.line(&format!(
                    "row level security of `{}` is off: the policy has no effect",
                    full(id)
                ));
            }
            page.comment(found.comment.as_deref());
        }
        Key::Rule(id, name) => {
            catalog.relations.get(id)?;
            page.code(&format!("create rule {} on {}", quote(name), full(id)));
        }
        Key::Routine(signature) => routine(catalog, signature, &mut page)?,
        Key::Type(id) => match catalog.types.get(id) {
            Some(ty) => type_object(id, ty, &mut page),
            None => relation(catalog, id, catalog.relations.get(id)?, source, &mut page),
        },
        Key::Extension(name) => {
            let extension = catalog.extensions.get(name)?;
            page.code(&format!(
                "create extension {} with schema {}",
                quote(name),
                quote(&extension.schema)
            ));
            page.comment(extension.meta.comment.as_deref());
        }
        Key::Role(name) => {
            let role = catalog.roles.get(name)?;
            let attributes: Vec<String> = role.attributes.iter().map(|a| a.to_lowercase()).collect();
            page.code(format!("create role {} {}", quote(name), attributes.join(" ")).trim_end());
            if !role.member_of.is_empty() {
                page.line(&format!("member of {}", code_list(role.member_of.iter())));
            }
            page.comment(role.meta.comment.as_deref());
        }
        Key::Publication(name) => {
            let publication = catalog.publications.get(name)?;
            let tables: Vec<String> = publication.tables.iter().map(full).collect();
            let of = if publication.all_tables {
                " for all tables".to_owned()
            } else if tables.is_empty() {
                String::new()
            } else {
                format!(" for table {}", tables.join(", "))
            };
            page.code(&format!("create publication {}{of}", quote(name)));
        }
        Key::Other(kind, name) => {
            let meta = catalog.others.get(&(*kind, name.clone()))?;
            page.code(&format!("{} {name}", noun(*kind)));
            page.comment(meta.comment.as_deref());
        }
    }
    Some(page.0)
}

/// `schema.name`, quoted where PostgreSQL needs it.
pub(super) fn full(id: &Id) -> String {
    format!("{}.{}", quote(&id.schema), quote(&id.name))
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn code(&mut self, sql: &str) {
        // A fence inside of a literal would end the block.
        let fence = if sql.contains("```") { "````" } else { "```" };
        let _ = write!(self.0, "{fence}sql\n{sql}\n{fence}\n");
    }

    fn line(&mut self, text: &str) {
        let _ = write!(self.0, "\n{text}\n");
    }

    fn list(&mut self, title: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        let _ = write!(self.0, "\n**{title}**\n");
        for item in items.iter().take(MOST_LINES) {
            let _ = writeln!(self.0, "- {item}");
        }
        if items.len() > MOST_LINES {
            let _ = writeln!(self.0, "- and {} more", items.len() - MOST_LINES);
        }
    }

    fn owner(&mut self, owner: &str) {
        if !owner.is_empty() {
            self.line(&format!("owner `{owner}`"));
        }
    }

    fn grants(&mut self, acl: &Acl) {
        let items: Vec<String> = acl
            .iter()
            .map(|(grantee, privileges)| {
                let names: Vec<String> = privileges.keys().map(|name| name.to_lowercase()).collect();
                format!("`{grantee}`: {}", names.join(", "))
            })
            .collect();
        self.list("Grants", &items);
    }

    fn comment(&mut self, comment: Option<&str>) {
        if let Some(comment) = comment {
            let quoted: Vec<String> = comment.lines().map(|line| format!("> {line}")).collect();
            self.line(&quoted.join("\n"));
        }
    }
}

fn code_list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| format!("`{item}`")).collect();
    items.join(", ")
}

fn relation(catalog: &Catalog, id: &Id, relation: &Relation, source: Source<'_>, page: &mut Page) {
    match &relation.kind {
        RelationKind::Table(found) => table(catalog, id, found, source, page),
        RelationKind::View(found) => view(id, found, page),
        RelationKind::Sequence(found) => sequence(id, found, page),
        RelationKind::Index(found) => {
            page.code(&format!(
                "create {}",
                index_line(id, found, &written(&relation.meta, source))
            ));
            if let Some(constraint) = &found.constraint {
                page.line(&format!("implements constraint `{constraint}`"));
            }
            if !found.valid {
                page.line("not valid: a partition's index is missing");
            }
        }
        RelationKind::Composite => page.code(&format!("create type {} as (…)", full(id))),
    }
    if relation.index().is_none() {
        page.grants(&relation.meta.acl);
    }
    if let Some(extension) = &relation.meta.extension {
        page.line(&format!("belongs to extension `{extension}`"));
    }
    page.comment(relation.meta.comment.as_deref());
}

fn policy_line(policy: &Policy) -> String {
    let kind = if policy.permissive { "" } else { ", restrictive" };
    format!(
        "`{}` for {} to {}{kind}",
        policy.name,
        command(policy.command),
        policy.roles.join(", ")
    )
}

fn command(command: PolicyCommand) -> &'static str {
    match command {
        PolicyCommand::All => "all",
        PolicyCommand::Select => "select",
        PolicyCommand::Insert => "insert",
        PolicyCommand::Update => "update",
        PolicyCommand::Delete => "delete",
    }
}

fn policy_code(id: &Id, policy: &Policy, source: &dyn Fn(&Expr) -> Option<String>) -> String {
    let mut sql = format!("create policy {} on {}", quote(&policy.name), full(id));
    if !policy.permissive {
        sql.push_str(" as restrictive");
    }
    let roles: Vec<String> = policy
        .roles
        .iter()
        .map(|role| {
            if role == "public" {
                role.to_string()
            } else {
                quote(role)
            }
        })
        .collect();
    let _ = write!(sql, "\n  for {} to {}", command(policy.command), roles.join(", "));
    let text = |expr: &Expr| source(expr).unwrap_or_else(|| "…".to_owned());
    if let Some(using) = &policy.using {
        let _ = write!(sql, "\n  using ({})", text(using));
    }
    if let Some(check) = &policy.check {
        let _ = write!(sql, "\n  with check ({})", text(check));
    }
    sql
}

fn trigger_line(trigger: &Trigger) -> String {
    let state = if trigger.mode == TriggerMode::Disable {
        ", disabled"
    } else {
        ""
    };
    format!(
        "`{}` {} {} runs `{}`{state}",
        trigger.name,
        trigger.timing.to_lowercase(),
        trigger.events.join(" or ").to_lowercase(),
        full(&trigger.function)
    )
}

fn trigger_code(id: &Id, trigger: &Trigger) -> String {
    let mut events = trigger.events.join(" or ").to_lowercase();
    if !trigger.update_of.is_empty() {
        let columns: Vec<String> = trigger.update_of.iter().map(|name| quote(name)).collect();
        events = events.replace("update", &format!("update of {}", columns.join(", ")));
    }
    format!(
        "create {}trigger {} {} {events} on {}\n  for each {} execute function {}()",
        if trigger.constraint { "constraint " } else { "" },
        quote(&trigger.name),
        trigger.timing.to_lowercase(),
        full(id),
        if trigger.row { "row" } else { "statement" },
        full(&trigger.function)
    )
}

fn view(id: &Id, view: &View, page: &mut Page) {
    let kind = if view.materialized { "materialized view" } else { "view" };
    let columns = view.columns.as_ref().map(|columns| {
        let names: Vec<String> = columns.iter().map(|name| quote(name)).collect();
        format!(" ({})", names.join(", "))
    });
    page.code(&format!("create {kind} {}{}", full(id), columns.unwrap_or_default()));
    let reads = &view.dependencies.relations;
    if !reads.is_empty() {
        page.line(&format!("reads {}", code_list(reads.iter().map(full))));
    }
    if !view.materialized {
        page.line(if view.security_invoker() {
            "reads with the rights of whoever reads it (`security_invoker`)"
        } else {
            "reads with the rights of its owner"
        });
    }
    let triggers: Vec<String> = view.triggers.iter().map(|trigger| trigger_line(trigger)).collect();
    page.list("Triggers", &triggers);
}

fn sequence(id: &Id, sequence: &Sequence, page: &mut Page) {
    page.code(&format!(
        "create sequence {} as {} increment by {}",
        full(id),
        sequence.ty,
        sequence.increment
    ));
    if let Some((table, column)) = &sequence.owned_by {
        let how = if sequence.identity { "identity of" } else { "owned by" };
        page.line(&format!("{how} `{}.{}`", full(table), quote(column)));
    }
}

/// `schema.name(parameter type, …)`
pub(super) fn call_line(signature: &Signature, routine: &Routine) -> String {
    format!("{}({})", full(&signature.id), parameters(signature, routine).join(", "))
}

/// The input parameters as written in a signature, with DEFAULT where they have one.
pub(super) fn parameters(signature: &Signature, routine: &Routine) -> Vec<String> {
    let without_default = signature.arguments.len().saturating_sub(routine.defaults);
    let parameter = |(at, ty): (usize, &crate::schema::objects::Type)| {
        let name = routine.argument_names.get(at).and_then(Option::as_ref);
        let name = name.map(|name| format!("{} ", quote(name))).unwrap_or_default();
        let default = if at >= without_default { " default …" } else { "" };
        format!("{name}{ty}{default}")
    };
    signature.arguments.iter().enumerate().map(parameter).collect()
}

fn routine(catalog: &Catalog, signature: &Signature, page: &mut Page) -> Option<()> {
    let routine = catalog.routines.get(signature)?;
    let word = match routine.kind {
        RoutineKind::Procedure => "procedure",
        RoutineKind::Aggregate => "aggregate",
        RoutineKind::Function | RoutineKind::Window => "function",
    };
    let mut sql = format!("create {word} {}", call_line(signature, routine));
    if let Some(returns) = &routine.returns {
        let _ = write!(sql, "\n  returns {returns}");
    }
    if routine.kind != RoutineKind::Aggregate {
        let _ = write!(sql, "\n  language {}", routine.language);
        sql.push_str(match routine.volatility {
            Volatility::Immutable => " immutable",
            Volatility::Stable => " stable",
            Volatility::Volatile => "",
        });
        if routine.strict {
            sql.push_str(" strict");
        }
        if routine.security_definer {
            sql.push_str(" security definer");
        }
    }
    for (name, value) in &routine.settings {
        let value = if value.is_empty() { "''" } else { value.as_str() };
        let _ = write!(sql, "\n  set {name} = {value}");
    }
    page.code(&sql);
    let others: Vec<String> = catalog
        .overloads(&signature.id)
        .filter(|(other, _)| *other != signature)
        .map(|(other, routine)| format!("`{}`", call_line(other, routine)))
        .collect();
    page.list("Also", &others);
    page.grants(&routine.meta.acl);
    page.comment(routine.meta.comment.as_deref());
    Some(())
}

fn type_object(id: &Id, ty: &TypeObject, page: &mut Page) {
    let name = full(id);
    let sql = match &ty.kind {
        TypeKind::Enum(labels) => {
            let mut shown: Vec<String> = labels
                .iter()
                .take(MOST_LINES)
                .map(|label| format!("'{}'", label.value.replace('\'', "''")))
                .collect();
            if labels.len() > MOST_LINES {
                shown.push(format!("… {} more", labels.len() - MOST_LINES));
            }
            format!("create type {name} as enum ({})", shown.join(", "))
        }
        TypeKind::Composite(attributes) => {
            let lines: Vec<String> = attributes
                .iter()
                .map(|(name, ty)| format!("{} {ty}", quote(name)))
                .collect();
            format!("create type {name} as (\n  {}\n)", lines.join(",\n  "))
        }
        TypeKind::Domain(domain) => {
            let mut sql = format!("create domain {name} as {}", domain.base);
            if domain.not_null {
                sql.push_str(" not null");
            }
            for check in &domain.checks {
                let _ = write!(sql, " constraint {} check ({})", quote(&check.name), check.text);
            }
            sql
        }
        TypeKind::Range(Some(subtype)) => format!("create type {name} as range (subtype = {subtype})"),
        TypeKind::Range(None) => format!("create type {name} as range (…)"),
        TypeKind::Base => format!("type {name}"),
    };
    page.code(&sql);
    if let Some(extension) = &ty.meta.extension {
        page.line(&format!("belongs to extension `{extension}`"));
    }
    // Everybody may use a type unless somebody says otherwise.
    if ty.meta.acl.keys().any(|grantee| grantee != "public") {
        page.grants(&ty.meta.acl);
    }
    page.comment(ty.meta.comment.as_deref());
}
