//! Tables with their columns, sequences, and what goes with every relation.

use super::{Pieces, Recreate};
use crate::schema::change::Key;
use crate::schema::inverse::print::{self, literal, quote_ident};
use crate::schema::inverse::words::{in_parentheses, sequence_options, setting, with_options};
use crate::schema::inverse::{Fidelity, Piece, privileges};
use crate::schema::names::make_object_name;
use crate::schema::objects::{
    Acl, Column, ConstraintKind, Id, Relation, RelationKind, Sequence, Table, TableKind, Trigger,
};
use crate::sql::statement::Persistence;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

impl Recreate<'_> {
    pub(crate) fn relation(&self, id: &Id, out: &mut Pieces) {
        let Some(relation) = self.catalog.relations.get(id) else {
            return;
        };
        match &relation.kind {
            RelationKind::Table(table) => self.table(id, relation, table, out),
            RelationKind::View(view) => {
                let mut own = Pieces::default();
                self.view(id, relation, view, "create", &mut own);
                self.dress(
                    &Key::Relation(id.clone()),
                    &relation.meta,
                    'r',
                    Some(&id.schema),
                    &mut own,
                );
                for (column, acl) in &view.column_acls {
                    let column = Key::Column(id.clone(), column.clone());
                    own.now.extend(privileges::between(self, &column, &Acl::default(), acl));
                }
                if view.materialized {
                    for (index, found) in self.catalog.relations_in(&id.schema) {
                        if found.index().is_some_and(|index| index.table == *id) {
                            self.index(index, found, &mut own);
                        }
                    }
                }
                for trigger in &view.triggers {
                    own.now.extend(self.trigger(id, trigger, "create"));
                }
                for rule in &view.rules {
                    own.now.extend(self.rule(id, rule));
                }
                out.views
                    .push((id.clone(), view.dependencies.relations.clone(), own.now));
            }
            RelationKind::Sequence(sequence) => {
                out.say(self.create_sequence(id, sequence));
                if let Some((table, column)) = &sequence.owned_by
                    && self
                        .catalog
                        .table(table)
                        .is_some_and(|found| found.column(column).is_some())
                {
                    out.say(format!(
                        "alter sequence {} owned by {}.{};",
                        print::id(id),
                        print::id(table),
                        quote_ident(column)
                    ));
                }
                self.dress(&Key::Relation(id.clone()), &relation.meta, 'S', Some(&id.schema), out);
            }
            RelationKind::Index(index) => {
                self.index(id, relation, out);
                self.index_settings(&index.table, &id.name, out);
            }
            RelationKind::Composite => {}
        }
    }

    pub(crate) fn create_sequence(&self, id: &Id, sequence: &Sequence) -> String {
        let mut sql = format!("create sequence {}", print::id(id));
        if sequence.ty != "bigint" {
            sql.push_str(&format!(" as {}", sequence.ty));
        }
        sql.push_str(&sequence_options(sequence));
        sql.push(';');
        sql
    }

    pub(crate) fn table(&self, id: &Id, relation: &Relation, table: &Table, out: &mut Pieces) {
        if table.kind == TableKind::Foreign {
            out.push(Self::impossible(&format!("create foreign table {id} again")));
            return;
        }
        if !table.columns_known {
            let why = format!("create table {id} again: no migration says what columns it had");
            out.push(Self::impossible(&why));
            return;
        }
        if let Some(column) = table.columns.iter().find(|column| column.ty.is_builtin("unknown")) {
            let why = format!(
                "create table {id} again: nobody can tell the type of its column {}",
                column.name
            );
            out.push(Self::impossible(&why));
            return;
        }
        let key = Key::Relation(id.clone());
        let mut lines = Vec::new();
        let mut later = Vec::new();
        let serial: BTreeMap<&SmolStr, &'static str> = table
            .columns
            .iter()
            .filter_map(|column| Some((&column.name, self.serial(id, column)?)))
            .collect();
        for sequence in self.catalog.owned_sequences(id) {
            let Some(found) = self.catalog.relations.get(&sequence).and_then(|found| found.sequence()) else {
                continue;
            };
            let column = found.owned_by.as_ref().map(|(_, column)| column);
            if found.identity || column.is_some_and(|column| serial.contains_key(column)) {
                continue;
            }
            out.say(self.create_sequence(&sequence, found));
            if let Some(column) = column {
                later.push(format!(
                    "alter sequence {} owned by {}.{};",
                    print::id(&sequence),
                    print::id(id),
                    quote_ident(column)
                ));
            }
        }
        let primary: BTreeSet<&SmolStr> = table.primary_key().into_iter().flat_map(|key| &key.columns).collect();
        let typed = table.of_type.is_some();
        for column in table.columns.iter().filter(|column| !column.inherited && !typed) {
            let not_null = column.not_null && !primary.contains(&column.name);
            lines.push(self.column(id, column, serial.get(&column.name).copied(), not_null));
        }
        let options = table.columns.iter().filter(|_| typed);
        lines.extend(options.filter_map(|column| self.typed_column(id, column, !primary.contains(&column.name))));
        let mut after = Vec::new();
        for constraint in table.constraints.iter().filter(|constraint| !constraint.inherited) {
            let inline = constraint.validated && !matches!(constraint.kind, ConstraintKind::Foreign(_));
            if inline {
                let name = quote_ident(&constraint.name);
                lines.push(format!("constraint {name} {}", self.constraint(id, constraint)));
            } else {
                after.push(constraint);
            }
        }
        let unlogged = if table.persistence == Persistence::Unlogged {
            "unlogged "
        } else {
            ""
        };
        let mut sql = format!("create {unlogged}table {}", print::id(id));
        if let Some(ty) = &table.of_type {
            sql.push_str(&format!(" of {}", print::id(ty)));
        }
        if let Some(parent) = &table.partition_of {
            sql.push_str(&format!(" partition of {}", print::id(parent)));
        }
        let bare = typed || table.partition_of.is_some();
        if !lines.is_empty() {
            sql.push_str(&format!(" (\n  {}\n)", lines.join(",\n  ")));
        } else if !bare {
            sql.push_str(" ()");
        }
        if table.partition_of.is_some() {
            match &table.bound {
                Some(bound) => sql.push_str(&format!(" {bound}")),
                None => sql.push_str(" default"),
            }
        }
        if !table.inherits.is_empty() {
            let parents: Vec<String> = table.inherits.iter().map(print::id).collect();
            sql.push_str(&format!(" inherits ({})", parents.join(", ")));
        }
        if let Some(partition) = &table.partition_key {
            let text = print::renamed(&partition.text, &self.new_names(relation.meta.created, id, None));
            let by = text.to_ascii_lowercase().trim_start().starts_with("partition");
            sql.push_str(&format!(" {}{text}", if by { "" } else { "partition by " }));
        }
        sql.push_str(&with_options(&table.options));
        sql.push(';');
        let mut piece = self.carried(sql);
        piece.fidelity = Fidelity::NeedsArchive(print::id(id));
        out.push(piece);
        later.into_iter().for_each(|sql| out.say(sql));
        let inherits_indexes = table.partition_of.is_some();
        for (index, _) in self.catalog.indexes_of(id) {
            if let Some(found) = self.catalog.relations.get(&index) {
                let own = found
                    .index()
                    .is_some_and(|index| index.constraint.is_none() && index.partition_of.is_none());
                if own && !(inherits_indexes && found.meta.definition.is_none()) {
                    self.index(&index, found, out);
                } else if let Some(text) = &found.meta.comment {
                    out.say(self.comment(&Key::Relation(index), Some(text)));
                }
            }
        }
        self.settings(id, table, out);
        if table.row_security {
            out.say(format!("alter table {} enable row level security;", print::id(id)));
        }
        if table.force_row_security {
            out.say(format!("alter table {} force row level security;", print::id(id)));
        }
        self.dress(&key, &relation.meta, 'r', Some(&id.schema), out);
        for sequence in self.catalog.owned_sequences(id) {
            if let Some(found) = self.catalog.relations.get(&sequence) {
                self.dress(
                    &Key::Relation(sequence.clone()),
                    &found.meta,
                    'S',
                    Some(&sequence.schema),
                    out,
                );
            }
        }
        for column in &table.columns {
            self.column_parts(id, column, out);
        }
        for constraint in table.constraints.iter().filter(|constraint| !constraint.inherited) {
            if !after.iter().any(|later| later.name == constraint.name) {
                self.constraint_comment(id, constraint, out);
            }
        }
        for constraint in after {
            out.late.push(self.add_constraint(id, constraint));
            let mut comments = Pieces::default();
            self.constraint_comment(id, constraint, &mut comments);
            out.late.extend(comments.now);
        }
        for rule in &table.rules {
            out.late.extend(self.rule(id, rule));
        }
        for trigger in &table.triggers {
            if !self.is_cloned(table, trigger) {
                out.late.extend(self.trigger(id, trigger, "create"));
            }
        }
        for policy in &table.policies {
            out.late.extend(self.policy(id, policy));
        }
        for (name, publication) in &self.catalog.publications {
            if publication.tables.contains(id) {
                let part = publication.parts.get(id).map_or("", SmolStr::as_str);
                let sql = format!(
                    "alter publication {} add table {}{part};",
                    quote_ident(name),
                    print::id(id)
                );
                out.late.push(Piece::lossless(sql));
            }
        }
    }

    /// Whether a trigger came with the parent of a partition.
    pub(crate) fn is_cloned(&self, table: &Table, trigger: &Trigger) -> bool {
        let parent = table
            .partition_of
            .as_ref()
            .and_then(|parent| self.catalog.table(parent));
        parent.is_some_and(|parent| parent.triggers.iter().any(|own| own.row && own.name == trigger.name))
    }

    /// What ALTER TABLE said of an index of the table: CLUSTER ON, REPLICA IDENTITY.
    pub(crate) fn index_settings(&self, table: &Id, index: &SmolStr, out: &mut Pieces) {
        let name = quote_ident(index);
        let settings = self.catalog.table(table).map(|found| &found.settings);
        for (words, value) in settings.into_iter().flatten() {
            let clustered = words == "cluster on" && *value == name;
            let replica = words == "replica identity" && value.strip_prefix("using index ") == Some(name.as_str());
            if clustered || replica {
                out.say(setting(table, words, Some(value)));
            }
        }
    }

    pub(crate) fn settings(&self, id: &Id, table: &Table, out: &mut Pieces) {
        for (name, value) in &table.settings {
            out.say(setting(id, name, Some(value)));
        }
    }

    /// `serial` and its like, where the column is one in every respect.
    pub(crate) fn serial(&self, table: &Id, column: &Column) -> Option<&'static str> {
        let text = column.default_text.as_ref()?;
        let id = table.sibling(&make_object_name(&table.name, Some(&column.name), "seq"));
        let sequence = self.catalog.relations.get(&id)?.sequence()?;
        let plain = sequence.options.is_empty() && sequence.increment == "1" && !sequence.cycle && !sequence.identity;
        let owned = sequence.owned_by.as_ref() == Some(&(table.clone(), column.name.clone()));
        if !plain || !owned || !column.not_null || !text.starts_with("nextval(") || sequence.ty != column.ty.id.name {
            return None;
        }
        match column.ty.id.name.as_str() {
            "integer" => Some("serial"),
            "bigint" => Some("bigserial"),
            "smallint" => Some("smallserial"),
            _ => None,
        }
    }

    /// The line of a column definition.
    pub(crate) fn column(&self, table: &Id, column: &Column, serial: Option<&'static str>, not_null: bool) -> String {
        let mut sql = quote_ident(&column.name);
        if let Some(serial) = serial {
            return format!("{sql} {serial}");
        }
        sql.push_str(&format!(" {}", print::ty(&column.ty)));
        if let Some(collation) = &column.collation {
            sql.push_str(&format!(" collate {collation}"));
        }
        if let Some(generated) = &column.generated {
            let text = print::renamed(&generated.text, &self.new_names(column.created, table, None));
            let text = in_parentheses(&text);
            sql.push_str(&format!(
                " generated always as {text} {}",
                if generated.stored { "stored" } else { "virtual" }
            ));
        } else if let Some(always) = column.identity {
            sql.push_str(&format!(" {}", self.identity(table, &column.name, always)));
            return sql;
        } else if column.default.is_some() {
            sql.push_str(&format!(" default {}", self.default_text(table, column)));
        }
        if not_null {
            sql.push_str(" not null");
        }
        sql
    }

    /// What a column of a typed table has beside its type, if anything.
    fn typed_column(&self, table: &Id, column: &Column, is_apart: bool) -> Option<String> {
        let mut options = String::new();
        if column.default.is_some() {
            options.push_str(&format!(" default {}", self.default_text(table, column)));
        }
        if column.not_null && is_apart {
            options.push_str(" not null");
        }
        (!options.is_empty()).then(|| format!("{} with options{options}", quote_ident(&column.name)))
    }

    /// A column's default, as written.
    pub(crate) fn default_text(&self, table: &Id, column: &Column) -> String {
        let text = column.default_text.clone().unwrap_or_default();
        let sequence = self.catalog.owned_sequences(table).find(|id| {
            let found = self.catalog.relations.get(id).and_then(|found| found.sequence());
            found.is_some_and(|found| {
                !found.identity && found.owned_by.as_ref().is_some_and(|(_, of)| *of == column.name)
            })
        });
        match sequence {
            // The text of `serial` names the sequence as it was called then.
            Some(id) if text.starts_with("nextval('") => format!("nextval({}::regclass)", literal(&print::id(&id))),
            _ => text.into(),
        }
    }

    /// `generated always as identity (…)`.
    pub(crate) fn identity(&self, table: &Id, column: &SmolStr, always: bool) -> String {
        let how = if always { "always" } else { "by default" };
        let sequence = self.catalog.owned_sequences(table).find_map(|id| {
            let found = self.catalog.relations.get(&id)?.sequence()?.clone();
            let of_column = found.owned_by.as_ref().is_some_and(|(_, of)| of == column);
            (found.identity && of_column).then_some((id, found))
        });
        let mut options = String::new();
        if let Some((id, sequence)) = sequence {
            if id.name != make_object_name(&table.name, Some(column), "seq") {
                options.push_str(&format!(" sequence name {}", print::id(&id)));
            }
            options.push_str(&sequence_options(&sequence));
        }
        match options.trim_start() {
            "" => format!("generated {how} as identity"),
            options => format!("generated {how} as identity ({options})"),
        }
    }

    /// ADD COLUMN with everything that the column had; NOT NULL comes after its rows are back.
    pub(crate) fn add_column(&self, table: &Id, column: &Column, out: &mut Pieces) {
        if column.inherited {
            return;
        }
        let serial = self.serial(table, column);
        let fills_itself =
            serial.is_some() || column.identity.is_some() || column.generated.is_some() || column.default.is_some();
        for sequence in self.catalog.owned_sequences(table) {
            let found = self.catalog.relations.get(&sequence).and_then(|found| found.sequence());
            let own = found.filter(|found| {
                serial.is_none() && !found.identity && found.owned_by.as_ref().is_some_and(|(_, of)| *of == column.name)
            });
            if let Some(own) = own {
                out.say(self.create_sequence(&sequence, own));
                let sql = format!(
                    "alter sequence {} owned by {}.{};",
                    print::id(&sequence),
                    print::id(table),
                    quote_ident(&column.name)
                );
                out.late.push(Piece::lossless(sql));
            }
        }
        let line = self.column(table, column, serial, column.not_null && fills_itself);
        let mut piece = self.carried(format!("alter table {} add column {line};", print::id(table)));
        if column.generated.is_none() {
            piece.fidelity = Fidelity::NeedsArchive(format!("{} ({})", print::id(table), quote_ident(&column.name)));
        }
        out.push(piece);
        if column.not_null && !fills_itself {
            let name = quote_ident(&column.name);
            out.say(format!(
                "alter table {} alter column {name} set not null;",
                print::id(table)
            ));
        }
        self.column_parts(table, column, out);
        let of_column = format!("alter column {} ", quote_ident(&column.name));
        let settings = self.catalog.table(table).map(|found| &found.settings);
        for (name, value) in settings
            .into_iter()
            .flatten()
            .filter(|(name, _)| name.starts_with(&of_column))
        {
            out.say(setting(table, name, Some(value)));
        }
    }

    pub(crate) fn column_parts(&self, table: &Id, column: &Column, out: &mut Pieces) {
        let key = Key::Column(table.clone(), column.name.clone());
        out.now.extend(crate::schema::inverse::privileges::between(
            self,
            &key,
            &Acl::default(),
            &column.acl,
        ));
        self.comment_of(&key, column.comment.as_ref(), out);
    }
}
