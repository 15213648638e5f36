//! Tables as a whole: flags, partitions, options, rows.

use super::Undoing;
use super::casts::storage_of;
use super::known::suggestion;
use crate::schema::catalog::Catalog;
use crate::schema::change::{Key, TableChange, Write};
use crate::schema::inverse::print::{self, quote_ident};
use crate::schema::inverse::recreate::Pieces;
use crate::schema::inverse::words::{option_list, setting};
use crate::schema::inverse::{Fidelity, Piece, privileges, rows};
use crate::schema::objects::{Id, Relation, RelationKind, Table};
use crate::sql;
use crate::sql::statement::Node;
use smol_str::SmolStr;
use std::collections::BTreeMap;

impl Undoing<'_, '_> {
    pub(crate) fn table(
        &self,
        catalog: &Catalog,
        id: &Id,
        what: &TableChange,
        out: &mut Pieces,
        first: &mut Vec<Piece>,
    ) {
        let on = print::id(id);
        let relation = catalog.relations.get(id);
        let noun = relation.map_or("table", |relation| relation.noun());
        let table = relation.and_then(|relation| relation.table());
        match what {
            TableChange::RowSecurity(_) => {
                if let Some(old) = table {
                    let verb = if old.row_security { "enable" } else { "disable" };
                    self.flag(table, format!("alter table {on} {verb} row level security;"), out);
                }
            }
            TableChange::ForceRowSecurity(_) => {
                if let Some(old) = table {
                    let verb = if old.force_row_security { "force" } else { "no force" };
                    self.flag(table, format!("alter table {on} {verb} row level security;"), out);
                }
            }
            TableChange::Attach { partition, .. } => {
                if catalog.index(id).is_some() {
                    if self.moment.step.target.as_ref() == Some(id) {
                        out.push(Piece::impossible(&format!(
                            "detach index {partition} from {id}: nothing can"
                        )));
                    }
                    return;
                }
                first.push(Piece::lossless(format!(
                    "alter table {on} detach partition {};",
                    print::id(partition)
                )));
            }
            TableChange::Detach { partition } => {
                let Some(old) = catalog.table(partition) else { return };
                let bound = match (&old.bound, old.default_partition) {
                    (Some(bound), _) => bound.to_string(),
                    (None, true) => "default".into(),
                    (None, false) => {
                        let what = format!("attach {partition} to {id} again: nothing says for which values");
                        return out.push(Piece::impossible(&what));
                    }
                };
                let partition = print::id(partition);
                out.push(
                    self.recreate(catalog)
                        .carried(format!("alter table {on} attach partition {partition} {bound};")),
                );
            }
            TableChange::Inherit(parent) => out.say(format!("alter table {on} no inherit {};", print::id(parent))),
            TableChange::NoInherit(parent) => out.say(format!("alter table {on} inherit {};", print::id(parent))),
            TableChange::Logged(logged) => {
                let verb = if *logged { "unlogged" } else { "logged" };
                let was =
                    table.is_some_and(|old| (old.persistence == sql::statement::Persistence::Permanent) == *logged);
                if !was {
                    out.say(format!("alter table {on} set {verb};"));
                }
            }
            TableChange::SetOptions(_) | TableChange::ResetOptions(_) => {
                let of_index;
                let old = match relation.map(|relation| &relation.kind) {
                    Some(RelationKind::Index(_)) => {
                        of_index = relation.map(|relation| index_options(relation)).unwrap_or_default();
                        &of_index
                    }
                    Some(RelationKind::View(view)) => &view.options,
                    Some(RelationKind::Table(table)) => &table.options,
                    _ => {
                        return out.push(Piece::impossible(&format!(
                            "give {noun} {on} the options back that it had"
                        )));
                    }
                };
                let names: Vec<&SmolStr> = match what {
                    TableChange::SetOptions(set) => set.iter().map(|(name, _)| name).collect(),
                    TableChange::ResetOptions(names) => names.iter().collect(),
                    _ => Vec::new(),
                };
                let back: Vec<(&SmolStr, &SmolStr)> = names
                    .iter()
                    .filter_map(|name| old.get_key_value(name.as_str()))
                    .collect();
                if !back.is_empty() {
                    out.say(format!("alter {noun} {on} set ({});", option_list(back)));
                }
                let gone: Vec<&str> = names
                    .iter()
                    .filter(|name| !old.contains_key(name.as_str()))
                    .map(|name| name.as_str())
                    .collect();
                if !gone.is_empty() && matches!(what, TableChange::SetOptions(_)) {
                    out.say(format!("alter {noun} {on} reset ({});", gone.join(", ")));
                }
            }
            TableChange::OfType(_) => match table.and_then(|old| old.of_type.as_ref()) {
                Some(ty) => out.say(format!("alter table {on} of {};", print::id(ty))),
                None => out.say(format!("alter table {on} not of;")),
            },
            TableChange::Setting { name, value } => {
                let old = table.and_then(|old| old.settings.get(name));
                if old == value.as_ref() {
                    return;
                }
                if let (None, Some(column)) = (old, name.strip_suffix(" set storage"))
                    && self.postgres < 16
                {
                    // DEFAULT came with PostgreSQL 16.
                    let column = column.trim_start_matches("alter column ");
                    let found = table.and_then(|old| old.columns.iter().find(|own| quote_ident(&own.name) == column));
                    let storage = found.map_or("extended", |column| storage_of(&column.ty));
                    return out.say(setting(id, name, Some(&storage.into())));
                }
                out.say(setting(id, name, old));
            }
            TableChange::Storage => {}
        }
    }

    /// A flag of a table, where it is known.
    pub(crate) fn flag(&self, table: Option<&Table>, sql: String, out: &mut Pieces) {
        if table.is_some_and(|table| !table.columns_known) {
            return out.push(suggestion(
                "check this: no migration says whether it was on before",
                &[Piece::lossless(sql)],
            ));
        }
        out.say(sql);
    }

    pub(crate) fn columns_again(
        &self,
        catalog: &Catalog,
        object: &Key,
        after: &crate::schema::objects::Acl,
        before: &crate::schema::objects::Acl,
        out: &mut Pieces,
    ) {
        // REVOKE on a table takes the same privileges on its columns along.
        let Key::Relation(id) = object else { return };
        if after == before {
            return;
        }
        for column in catalog.table(id).into_iter().flat_map(|found| &found.columns) {
            let lost = after.iter().any(|(grantee, privileges)| {
                let held = before.get(grantee);
                let gone = |name: &SmolStr| held.is_none_or(|held| !held.contains_key(name));
                let own = column.acl.get(grantee);
                privileges
                    .keys()
                    .any(|name| gone(name) && own.is_some_and(|own| own.contains_key(name)))
            });
            if lost {
                let key = Key::Column(id.clone(), column.name.clone());
                let none = crate::schema::objects::Acl::default();
                out.now
                    .extend(privileges::between(&self.recreate(catalog), &key, &none, &column.acl));
            }
        }
    }

    pub(crate) fn write(&self, catalog: &Catalog, table: &Id, what: Write, out: &mut Pieces) {
        let name = print::id(table);
        match what {
            Write::Insert => {
                let undone = match &self.moment.step.statement.node {
                    Node::Insert(insert) if insert.ctes.is_empty() => rows::deleted(self.text, catalog, table, insert),
                    _ => None,
                };
                match undone {
                    Some(sql) => out.push(self.recreate(catalog).carried(sql)),
                    None => out.push(Piece::impossible(&format!(
                        "delete the rows that this wrote into {name}: the text does not say which are new"
                    ))),
                }
            }
            Write::Update | Write::Delete | Write::Truncate => {
                let mut piece = Piece::lossless("");
                piece.fidelity = Fidelity::NeedsArchive(name);
                out.push(piece);
            }
        }
    }
}

/// The storage parameters of an index, as it was made.
pub(crate) fn index_options(relation: &Relation) -> BTreeMap<SmolStr, SmolStr> {
    let definition = relation.meta.definition.as_ref();
    let file = definition.map(|definition| sql::parse(&definition.text));
    let first = file.as_ref().and_then(|file| file.statements.first());
    match first.map(|statement| &statement.node) {
        Some(Node::CreateIndex(create)) => {
            let options = create.options.iter();
            options
                .map(|option| (option.name.clone(), option.value.clone().unwrap_or_default()))
                .collect()
        }
        _ => BTreeMap::new(),
    }
}
