//! Types, roles and publications.

use super::{Pieces, Recreate};
use crate::schema::change::Key;
use crate::schema::inverse::print::{self, literal, quote_ident, replaced};
use crate::schema::inverse::words::{in_parentheses, is_switch};
use crate::schema::inverse::{Fidelity, Piece};
use crate::schema::objects::{Id, Publication, Role, TypeKind, TypeObject};
use crate::sql;
use crate::sql::statement::Node;
use smol_str::SmolStr;

impl Recreate<'_> {
    pub(crate) fn type_object(&self, id: &Id, ty: &TypeObject, out: &mut Pieces) {
        let name = print::id(id);
        match &ty.kind {
            TypeKind::Enum(labels) => {
                let labels: Vec<String> = labels.iter().map(|label| literal(&label.value)).collect();
                out.say(format!("create type {name} as enum ({});", labels.join(", ")));
            }
            TypeKind::Composite(attributes) => {
                let lines: Vec<String> = attributes
                    .iter()
                    .map(|(name, ty)| format!("{} {}", quote_ident(name), print::ty(ty)))
                    .collect();
                out.say(format!("create type {name} as (\n  {}\n);", lines.join(",\n  ")));
            }
            TypeKind::Domain(domain) => {
                let mut sql = format!("create domain {name} as {}", print::ty(&domain.base));
                if let Some(collation) = &domain.collation {
                    sql.push_str(&format!(" collate {collation}"));
                }
                if let Some(default) = &domain.default_text {
                    sql.push_str(&format!(" default {default}"));
                }
                if domain.not_null {
                    sql.push_str(" not null");
                }
                for check in domain.checks.iter().filter(|check| check.validated) {
                    sql.push_str(&format!(
                        " constraint {} check {}",
                        quote_ident(&check.name),
                        in_parentheses(&check.text)
                    ));
                }
                sql.push(';');
                out.push(self.carried(sql));
                for check in domain.checks.iter().filter(|check| !check.validated) {
                    out.push(self.add_domain_check(id, check));
                }
            }
            TypeKind::Range(_) | TypeKind::Base => {
                let definition = ty.meta.definition.as_ref();
                let written = definition.and_then(|definition| {
                    let file = sql::parse(&definition.text);
                    let Node::CreateType(create) = &file.statements.first()?.node else {
                        return None;
                    };
                    let sql = replaced(&definition.text, vec![(create.name.span(), name.clone())]);
                    Some(self.as_defined(format!("{sql};"), definition))
                });
                out.push(written.unwrap_or_else(|| Self::impossible(&format!("create type {id} again"))));
            }
        }
        self.dress(&Key::Type(id.clone()), &ty.meta, 'T', Some(&id.schema), out);
        let parts = [("column", ":"), ("constraint", ":")];
        for (key, text) in &self.catalog.comments {
            for (kind, colon) in parts {
                let part = key.strip_prefix(kind).and_then(|key| key.strip_prefix(colon));
                let part = part.and_then(|key| key.strip_prefix(&format!("{id}.")));
                if let Some(part) = part {
                    let key = match kind {
                        "column" => Key::Column(id.clone(), part.into()),
                        _ => Key::Constraint(id.clone(), part.into()),
                    };
                    out.say(self.comment(&key, Some(text)));
                }
            }
        }
    }

    pub(crate) fn add_domain_check(&self, domain: &Id, check: &crate::schema::objects::DomainCheck) -> Piece {
        self.carried(format!(
            "alter domain {} add constraint {} check {}{};",
            print::id(domain),
            quote_ident(&check.name),
            in_parentheses(&check.text),
            if check.validated { "" } else { " not valid" }
        ))
    }

    pub(crate) fn role(&self, name: &SmolStr, role: &Role, out: &mut Pieces) {
        let mut sql = format!("create role {}", quote_ident(name));
        if !role.attributes.contains("INHERIT") {
            sql.push_str(" noinherit");
        }
        for attribute in role.attributes.iter().filter(|attribute| is_switch(attribute)) {
            if attribute != "INHERIT" {
                sql.push_str(&format!(" {}", attribute.to_ascii_lowercase()));
            }
        }
        sql.push(';');
        out.say(sql);
        for group in &role.member_of {
            out.say(format!("grant {} to {};", quote_ident(group), quote_ident(name)));
        }
        let mut own = Piece::impossible(&format!("give role {name} its password and its privileges back"));
        own.fidelity = Fidelity::Impossible(format!("give role {name} its password and its privileges back"));
        out.push(own);
        self.comment_of(&Key::Role(name.clone()), role.meta.comment.as_ref(), out);
    }

    pub(crate) fn publication(&self, name: &SmolStr, publication: &Publication) -> Piece {
        let mut sql = format!("create publication {}", quote_ident(name));
        let mut members = Vec::new();
        if publication.all_tables {
            sql.push_str(" for all tables");
        }
        for table in &publication.tables {
            let part = publication.parts.get(table).map_or("", SmolStr::as_str);
            members.push(format!("table {}{part}", print::id(table)));
        }
        members.extend(
            publication
                .schemas
                .iter()
                .map(|schema| format!("tables in schema {}", quote_ident(schema))),
        );
        if !members.is_empty() {
            sql.push_str(&format!(" for {}", members.join(", ")));
        }
        if publication.operations.len() < 4 {
            let list: Vec<&str> = publication.operations.iter().map(SmolStr::as_str).collect();
            sql.push_str(&format!(" with (publish = {})", literal(&list.join(", "))));
        }
        sql.push(';');
        Piece::lossless(sql)
    }
}
