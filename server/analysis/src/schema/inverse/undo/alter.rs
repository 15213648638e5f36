//! ALTER of objects as a whole, and RENAME.

use super::Undoing;
use super::known::comment;
use crate::schema::catalog::Catalog;
use crate::schema::change::{Key, Object};
use crate::schema::inverse::print::{self, literal, quote_ident};
use crate::schema::inverse::recreate::Pieces;
use crate::schema::inverse::words::{is_switch, security_words, setting_value, volatility_word};
use crate::schema::inverse::{Piece, swap};
use crate::schema::objects::{
    Domain, Id, Publication, Relation, RelationKind, Role, Routine, RoutineKind, Sequence, Signature, Type, TypeKind,
    View,
};
use crate::sql;
use crate::sql::statement::{AlterFunctionAction, Node};
use smol_str::SmolStr;
use std::collections::BTreeSet;

impl Undoing<'_, '_> {
    pub(crate) fn alter(&self, catalog: &Catalog, object: &Object, out: &mut Pieces) {
        let recreate = self.recreate(catalog);
        match object {
            Object::Relation(id, new) => {
                let Some(old) = catalog.relations.get(id) else { return };
                match (&old.kind, &new.kind) {
                    (RelationKind::View(before), RelationKind::View(after)) => {
                        self.view(catalog, id, old, (before, after), out);
                    }
                    (RelationKind::Sequence(before), RelationKind::Sequence(after)) => {
                        sequence(id, before, after, out);
                    }
                    (RelationKind::Index(before), RelationKind::Index(after)) => {
                        // The constraint took the index, and takes it along.
                        if before.constraint.is_none() && after.constraint.is_some() {
                            recreate.index(id, old, out);
                        }
                    }
                    _ => out.push(Piece::impossible("bring back what was there before")),
                }
            }
            Object::Routine(signature, new) => {
                if let Some(old) = catalog.routines.get(signature) {
                    self.routine(catalog, signature, old, new, out);
                }
            }
            Object::Type(id, new) => {
                if let Some(old) = catalog.types.get(id) {
                    self.type_kind(catalog, id, &old.kind, &new.kind, out);
                }
            }
            Object::Role(name, new) => role(name, catalog.roles.get(name).map(|old| &**old), new, out),
            Object::Publication(name, new) => {
                if let Some(old) = catalog.publications.get(name) {
                    publication(name, old, new, out);
                }
            }
            Object::Extension(name, _) => {
                if let Some(old) = catalog.extensions.get(name) {
                    let (name, schema) = (quote_ident(name), quote_ident(&old.schema));
                    out.say(format!("alter extension {name} set schema {schema};"));
                }
            }
            Object::Schema(..) | Object::Other(..) => out.push(Piece::impossible("bring back what was there before")),
        }
    }

    pub(crate) fn view(
        &self,
        catalog: &Catalog,
        id: &Id,
        old: &Relation,
        (before, after): (&View, &View),
        out: &mut Pieces,
    ) {
        let recreate = self.recreate(catalog);
        if before.populated != after.populated {
            let how = if before.populated { "" } else { " with no data" };
            return out.say(format!("refresh materialized view {}{how};", print::id(id)));
        }
        let replaced = self
            .moment
            .after
            .relations
            .get(id)
            .is_none_or(|now| now.meta.definition != old.meta.definition);
        if !replaced {
            return;
        }
        if before.columns.is_some() && before.columns == after.columns {
            return recreate.view(id, old, before, "create or replace", out);
        }
        // Columns cannot be taken out of a view: it is made anew, with what reads it.
        let views = swap::views_over(self.moment.after, id);
        let others = swap::users_of_views(self.moment.after, id, &views);
        let now = self.recreate(self.moment.after);
        for key in &others {
            out.say(format!("drop {};", now.named(key)));
        }
        for view in views.iter().rev() {
            let noun = self
                .moment
                .after
                .relations
                .get(view)
                .map_or("view", |relation| relation.noun());
            out.say(format!("drop {noun} {};", print::id(view)));
        }
        let noun = old.noun();
        out.say(format!("drop {noun} {};", print::id(id)));
        let mut own = Pieces::default();
        recreate.object(&Key::Relation(id.clone()), &mut own);
        for view in views {
            now.object(&Key::Relation(view), &mut own);
        }
        out.now.extend(own.ordered());
        let mut last = Pieces::default();
        for key in others.iter().rev() {
            now.object(key, &mut last);
        }
        out.now.extend(last.ordered());
    }

    pub(crate) fn routine(
        &self,
        catalog: &Catalog,
        signature: &Signature,
        old: &Routine,
        new: &Routine,
        out: &mut Pieces,
    ) {
        let recreate = self.recreate(catalog);
        let key = Key::Routine(signature.clone());
        if old.meta.definition != new.meta.definition {
            let same_names = old
                .argument_names
                .iter()
                .zip(&new.argument_names)
                .all(|(old, new)| new.is_none() || old == new);
            let replaceable = same_names && old.defaults >= new.defaults && old.returns == new.returns;
            if replaceable {
                return recreate.routine(signature, old, "create or replace", out);
            }
            out.say(format!("drop {};", recreate.named(&key)));
            return recreate.object(&key, out);
        }
        let mut changed: Vec<String> = Vec::new();
        if old.volatility != new.volatility {
            changed.push(volatility_word(old.volatility).into());
        }
        if old.strict != new.strict {
            changed.push(if old.strict { "strict" } else { "called on null input" }.into());
        }
        if old.security_definer != new.security_definer {
            changed.push(security_words(old.security_definer).into());
        }
        for (name, value) in &old.settings {
            if new.settings.get(name) != Some(value) {
                changed.push(format!("set {name} to {}", setting_value(name, value)));
            }
        }
        for name in new.settings.keys().filter(|name| !old.settings.contains_key(*name)) {
            changed.push(format!("reset {name}"));
        }
        let named = recreate.named(&key);
        let definition = old
            .meta
            .definition
            .as_ref()
            .map(|definition| sql::parse(&definition.text));
        if let Node::AlterFunction(alter) = &self.moment.step.statement.node
            && let AlterFunctionAction::Options(options) = &alter.action
        {
            let first = definition.as_ref().and_then(|file| file.statements.first());
            let written = match first.map(|statement| &statement.node) {
                Some(Node::CreateFunction(create)) => Some(&create.options),
                _ => None,
            };
            if options.leakproof.is_some() {
                let was = written.and_then(|options| options.leakproof).unwrap_or(false);
                changed.push(if was { "leakproof" } else { "not leakproof" }.into());
            }
            if options.parallel.is_some() {
                let was = written.and_then(|options| options.parallel.clone());
                changed.push(format!(
                    "parallel {}",
                    was.as_deref().unwrap_or("unsafe").to_ascii_lowercase()
                ));
            }
            if options.cost.is_some() {
                let was = written.and_then(|options| options.cost.clone());
                changed.push(format!("cost {}", was.as_deref().unwrap_or("100")));
            }
            if options.rows.is_some() {
                let was = written.and_then(|options| options.rows.clone());
                changed.push(format!("rows {}", was.as_deref().unwrap_or("1000")));
            }
            if options.support.is_some() {
                out.push(Piece::impossible(&format!(
                    "give {named} its planner support function back"
                )));
            }
        }
        if !changed.is_empty() {
            let (resets, sets): (Vec<String>, Vec<String>) =
                changed.into_iter().partition(|words| words.starts_with("reset "));
            if !sets.is_empty() {
                out.say(format!("alter {named} {};", sets.join(" ")));
            }
            for reset in resets {
                out.say(format!("alter {named} {reset};"));
            }
        }
    }

    pub(crate) fn type_kind(&self, catalog: &Catalog, id: &Id, old: &TypeKind, new: &TypeKind, out: &mut Pieces) {
        let name = print::id(id);
        match (old, new) {
            (TypeKind::Enum(before), TypeKind::Enum(after)) => {
                if before.len() == after.len() {
                    for (old, new) in before.iter().zip(after) {
                        if old.value != new.value {
                            let (new, old) = (literal(&new.value), literal(&old.value));
                            out.say(format!("alter type {name} rename value {new} to {old};"));
                        }
                    }
                    return;
                }
                // One swap takes out all labels that the migration added.
                let file = self.moment.step.origin.file;
                let earlier = before
                    .iter()
                    .any(|label| label.created.file == file && label.created != self.moment.step.origin);
                let new_type = catalog.types.get(id).is_some_and(|ty| ty.meta.created.file == file);
                if !earlier && !new_type {
                    swap::enum_labels(&self.recreate(catalog), id, before, after, out);
                }
            }
            (TypeKind::Composite(before), TypeKind::Composite(after)) => {
                attributes(&name, before, after, self.cascade_word(), out);
                let is_back = |attribute: &SmolStr| !after.iter().any(|(new, _)| new == attribute);
                for (attribute, _) in before.iter().filter(|(attribute, _)| is_back(attribute)) {
                    let key = Key::Column(id.clone(), attribute.clone());
                    let recreate = self.recreate(catalog);
                    recreate.comment_of(&key, comment(catalog, &key).as_ref(), out);
                }
            }
            (TypeKind::Domain(before), TypeKind::Domain(after)) => self.domain(catalog, id, before, after, out),
            _ => out.push(Piece::impossible(&format!("bring type {name} back to what it was"))),
        }
    }

    /// ` cascade` where the statement ends with it.
    fn cascade_word(&self) -> &'static str {
        let text = self.text_of_step().trim_end().to_ascii_lowercase();
        if text.ends_with("cascade") { " cascade" } else { "" }
    }

    pub(crate) fn domain(&self, catalog: &Catalog, id: &Id, before: &Domain, after: &Domain, out: &mut Pieces) {
        let recreate = self.recreate(catalog);
        let name = print::id(id);
        if before.default_text != after.default_text {
            match &before.default_text {
                Some(text) => out.push(recreate.carried(format!("alter domain {name} set default {text};"))),
                None => out.say(format!("alter domain {name} drop default;")),
            }
        }
        if before.not_null != after.not_null {
            let verb = if before.not_null { "set" } else { "drop" };
            out.say(format!("alter domain {name} {verb} not null;"));
        }
        let renamed = before.checks.len() == after.checks.len();
        if renamed {
            for (old, new) in before.checks.iter().zip(&after.checks) {
                if old.name != new.name {
                    let (new, old) = (quote_ident(&new.name), quote_ident(&old.name));
                    out.say(format!("alter domain {name} rename constraint {new} to {old};"));
                } else if old.validated != new.validated {
                    out.say(format!(
                        "alter domain {name} drop constraint {};",
                        quote_ident(&old.name)
                    ));
                    out.push(recreate.add_domain_check(id, old));
                }
            }
            return;
        }
        for check in after
            .checks
            .iter()
            .filter(|new| !before.checks.iter().any(|old| old.name == new.name))
        {
            out.say(format!(
                "alter domain {name} drop constraint {};",
                quote_ident(&check.name)
            ));
        }
        for check in before
            .checks
            .iter()
            .filter(|old| !after.checks.iter().any(|new| new.name == old.name))
        {
            out.push(recreate.add_domain_check(id, check));
            let key = Key::Constraint(id.clone(), check.name.clone());
            recreate.comment_of(&key, comment(catalog, &key).as_ref(), out);
        }
    }

    pub(crate) fn rename(&self, catalog: &Catalog, from: &Key, to: &Key, out: &mut Pieces) {
        match (from, to) {
            (Key::Relation(old), Key::Relation(new)) => {
                let Some(relation) = catalog.relations.get(old) else {
                    return;
                };
                if matches!(relation.kind, RelationKind::Composite) {
                    return;
                }
                let noun = relation.noun();
                if old.schema == new.schema {
                    out.say(format!(
                        "alter {noun} {} rename to {};",
                        print::id(new),
                        quote_ident(&old.name)
                    ));
                } else {
                    out.say(format!(
                        "alter {noun} {} set schema {};",
                        print::id(new),
                        quote_ident(&old.schema)
                    ));
                }
            }
            (Key::Column(table, old), Key::Column(_, new)) => {
                if self.moment.step.target.as_ref().is_some_and(|target| target != table) {
                    return;
                }
                let noun = catalog.relations.get(table).map_or("table", |relation| relation.noun());
                let (table, new, old) = (print::id(table), quote_ident(new), quote_ident(old));
                out.say(format!("alter {noun} {table} rename column {new} to {old};"));
            }
            (Key::Constraint(table, old), Key::Constraint(_, new)) => {
                let inherited = catalog
                    .table(table)
                    .and_then(|found| found.constraint(old))
                    .is_some_and(|c| c.inherited);
                if !inherited {
                    let (table, new, old) = (print::id(table), quote_ident(new), quote_ident(old));
                    out.say(format!("alter table {table} rename constraint {new} to {old};"));
                }
            }
            (Key::Trigger(table, old), Key::Trigger(_, new)) => {
                let (table, new, old) = (print::id(table), quote_ident(new), quote_ident(old));
                out.say(format!("alter trigger {new} on {table} rename to {old};"));
            }
            (Key::Policy(table, old), Key::Policy(_, new)) => {
                let (table, new, old) = (print::id(table), quote_ident(new), quote_ident(old));
                out.say(format!("alter policy {new} on {table} rename to {old};"));
            }
            (Key::Rule(table, old), Key::Rule(_, new)) => {
                let (table, new, old) = (print::id(table), quote_ident(new), quote_ident(old));
                out.say(format!("alter rule {new} on {table} rename to {old};"));
            }
            (Key::Routine(old), Key::Routine(new)) => {
                let noun = match catalog.routines.get(old).map(|routine| routine.kind) {
                    Some(RoutineKind::Procedure) => "procedure",
                    Some(RoutineKind::Aggregate) => "aggregate",
                    _ => "function",
                };
                let signature = print::signature(new);
                if old.id.schema == new.id.schema {
                    out.say(format!(
                        "alter {noun} {signature} rename to {};",
                        quote_ident(&old.id.name)
                    ));
                } else {
                    out.say(format!(
                        "alter {noun} {signature} set schema {};",
                        quote_ident(&old.id.schema)
                    ));
                }
            }
            (Key::Type(old), Key::Type(new)) => {
                let domain = catalog
                    .types
                    .get(old)
                    .is_some_and(|ty| matches!(ty.kind, TypeKind::Domain(_)));
                let noun = if domain { "domain" } else { "type" };
                if old.schema == new.schema {
                    out.say(format!(
                        "alter {noun} {} rename to {};",
                        print::id(new),
                        quote_ident(&old.name)
                    ));
                } else {
                    out.say(format!(
                        "alter {noun} {} set schema {};",
                        print::id(new),
                        quote_ident(&old.schema)
                    ));
                }
            }
            (Key::Schema(old), Key::Schema(new))
            | (Key::Role(old), Key::Role(new))
            | (Key::Publication(old), Key::Publication(new)) => {
                let noun = match from {
                    Key::Schema(_) => "schema",
                    Key::Role(_) => "role",
                    _ => "publication",
                };
                out.say(format!(
                    "alter {noun} {} rename to {};",
                    quote_ident(new),
                    quote_ident(old)
                ));
            }
            (Key::Other(_, old), Key::Other(_, new)) => {
                let part = |name: &str| name.rsplit_once('.').map(|(schema, _)| quote_ident(schema));
                let back = match part(old) {
                    Some(schema) if part(new).as_ref() != Some(&schema) => format!("set schema {schema}"),
                    _ => format!("rename to {}", quote_ident(old.rsplit('.').next().unwrap_or(old))),
                };
                out.say(format!("alter {} {back};", self.recreate(catalog).named(to)));
            }
            _ => out.push(Piece::impossible("rename it back")),
        }
    }
}

pub(crate) fn sequence(id: &Id, old: &Sequence, new: &Sequence, out: &mut Pieces) {
    let name = print::id(id);
    let mut options = Vec::new();
    if old.ty != new.ty {
        options.push(format!("as {}", old.ty));
    }
    if old.increment != new.increment {
        options.push(format!("increment by {}", old.increment));
    }
    for (option, value) in &old.options {
        if new.options.get(option) != Some(value) {
            options.push(format!("{option} {value}"));
        }
    }
    for option in new.options.keys().filter(|option| !old.options.contains_key(*option)) {
        options.push(match option.as_str() {
            "start with" => "start with 1".into(),
            "cache" => "cache 1".into(),
            option => format!("no {option}"),
        });
    }
    if old.cycle != new.cycle {
        options.push(if old.cycle { "cycle" } else { "no cycle" }.into());
    }
    if !options.is_empty() {
        out.say(format!("alter sequence {name} {};", options.join(" ")));
    }
    if old.owned_by != new.owned_by {
        let owner = match &old.owned_by {
            Some((table, column)) => format!("{}.{}", print::id(table), quote_ident(column)),
            None => "none".into(),
        };
        out.say(format!("alter sequence {name} owned by {owner};"));
    }
}

/// `cascade` is the word that takes tables of the type along, where the migration did.
pub(crate) fn attributes(
    name: &str,
    before: &[(SmolStr, Type)],
    after: &[(SmolStr, Type)],
    cascade: &str,
    out: &mut Pieces,
) {
    if before.len() == after.len() {
        for ((old, old_type), (new, new_type)) in before.iter().zip(after) {
            if old != new {
                let (new, old) = (quote_ident(new), quote_ident(old));
                out.say(format!("alter type {name} rename attribute {new} to {old}{cascade};"));
            } else if old_type != new_type {
                let ty = print::ty(old_type);
                out.say(format!(
                    "alter type {name} alter attribute {} type {ty}{cascade};",
                    quote_ident(old)
                ));
            }
        }
        return;
    }
    let names: BTreeSet<&SmolStr> = before.iter().map(|(name, _)| name).collect();
    for (attribute, _) in after.iter().filter(|(attribute, _)| !names.contains(attribute)) {
        out.say(format!(
            "alter type {name} drop attribute {}{cascade};",
            quote_ident(attribute)
        ));
    }
    for (attribute, ty) in before {
        if !after.iter().any(|(new, _)| new == attribute) {
            let ty = print::ty(ty);
            out.say(format!(
                "alter type {name} add attribute {} {ty}{cascade};",
                quote_ident(attribute)
            ));
        }
    }
}

pub(crate) fn role(name: &SmolStr, old: Option<&Role>, new: &Role, out: &mut Pieces) {
    let none = BTreeSet::new();
    let (attributes, groups) = old.map_or((&none, &none), |old| (&old.attributes, &old.member_of));
    let name = quote_ident(name);
    for group in new.member_of.difference(groups) {
        out.say(format!("revoke {} from {name};", quote_ident(group)));
    }
    for group in groups.difference(&new.member_of) {
        out.say(format!("grant {} to {name};", quote_ident(group)));
    }
    if old.is_none() {
        return;
    }
    let mut changed = Vec::new();
    for attribute in new
        .attributes
        .difference(attributes)
        .filter(|attribute| is_switch(attribute))
    {
        changed.push(format!("no{}", attribute.to_ascii_lowercase()));
    }
    for attribute in attributes
        .difference(&new.attributes)
        .filter(|attribute| is_switch(attribute))
    {
        changed.push(attribute.to_ascii_lowercase());
    }
    if !changed.is_empty() {
        out.say(format!("alter role {name} {};", changed.join(" ")));
    } else if new.member_of == *groups {
        out.push(Piece::impossible(&format!("give role {name} back what it had")));
    }
}

pub(crate) fn publication(name: &SmolStr, old: &Publication, new: &Publication, out: &mut Pieces) {
    let name = quote_ident(name);
    if old.operations != new.operations {
        let list: Vec<&str> = old.operations.iter().map(SmolStr::as_str).collect();
        out.say(format!(
            "alter publication {name} set (publish = {});",
            literal(&list.join(", "))
        ));
    }
    for table in new.tables.difference(&old.tables) {
        out.say(format!("alter publication {name} drop table {};", print::id(table)));
    }
    for table in &old.tables {
        let (was, is) = (old.parts.get(table), new.parts.get(table));
        let kept = new.tables.contains(table);
        if kept && was == is {
            continue;
        }
        if kept {
            out.say(format!("alter publication {name} drop table {};", print::id(table)));
        }
        let part = was.map_or("", SmolStr::as_str);
        out.say(format!(
            "alter publication {name} add table {}{part};",
            print::id(table)
        ));
    }
    for schema in new.schemas.difference(&old.schemas) {
        out.say(format!(
            "alter publication {name} drop tables in schema {};",
            quote_ident(schema)
        ));
    }
    for schema in old.schemas.difference(&new.schemas) {
        out.say(format!(
            "alter publication {name} add tables in schema {};",
            quote_ident(schema)
        ));
    }
}
