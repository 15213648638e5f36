//! GRANT, REVOKE, default privileges.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::Resolver;
use crate::schema::change::{Change, Key, Object, Taint};
use crate::schema::objects::{Acl, DefaultAclKey, Id, RelationKind, RoutineKind, Signature};
use crate::sql::statement::{AlterDefaultPrivileges, Grant, GrantRole, GrantTarget, ObjectKind, ObjectRef, Privilege};

/// What a new object of a kind gives to whom, without the owner's own rights.
/// <https://www.postgresql.org/docs/current/ddl-priv.html>, table 5.2
pub(crate) fn built_in(kind: char) -> Acl {
    let privilege = match kind {
        'f' => "EXECUTE",
        'T' => "USAGE",
        _ => return Acl::default(),
    };
    BTreeMap::from([("public".into(), [(privilege.into(), false)].into())]).into()
}

/// All privileges of a kind of object. <https://www.postgresql.org/docs/current/ddl-priv.html>
pub(crate) fn all_privileges(kind: ObjectKind, postgres: u16) -> &'static [&'static str] {
    match kind {
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::ForeignTable => {
            let all: &[&str] = &[
                "DELETE",
                "INSERT",
                "REFERENCES",
                "SELECT",
                "TRIGGER",
                "TRUNCATE",
                "UPDATE",
                "MAINTAIN",
            ];
            // MAINTAIN came with PostgreSQL 17.
            if postgres >= 17 { all } else { &all[..7] }
        }
        ObjectKind::Column => &["INSERT", "REFERENCES", "SELECT", "UPDATE"],
        ObjectKind::Sequence => &["SELECT", "UPDATE", "USAGE"],
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => &["EXECUTE"],
        ObjectKind::Schema => &["CREATE", "USAGE"],
        ObjectKind::Type | ObjectKind::Domain | ObjectKind::Language => &["USAGE"],
        ObjectKind::ForeignDataWrapper | ObjectKind::ForeignServer => &["USAGE"],
        ObjectKind::Database => &["CONNECT", "CREATE", "TEMPORARY"],
        _ => &[],
    }
}

impl Resolver<'_> {
    fn privileges(&self, written: &[Privilege], kind: ObjectKind) -> Vec<SmolStr> {
        if written.is_empty() || written.iter().any(|privilege| privilege.name == "ALL") {
            return all_privileges(kind, self.postgres).iter().map(SmolStr::new).collect();
        }
        let plain = written.iter().filter(|privilege| privilege.columns.is_empty());
        plain
            .map(|privilege| {
                if privilege.name == "TEMP" {
                    "TEMPORARY".into()
                } else {
                    privilege.name.clone()
                }
            })
            .collect()
    }

    pub(crate) fn grant(&mut self, grant: &Grant) {
        let objects = match &grant.target {
            GrantTarget::Objects(objects) => self.grant_objects(objects),
            GrantTarget::AllInSchema { kind, schemas } => schemas
                .iter()
                .flat_map(|schema| self.all_in_schema(*kind, &schema.value))
                .collect(),
        };
        for (key, kind) in objects {
            let privileges = self.privileges(&grant.privileges, kind);
            self.grant_one(grant, &key, &privileges);
            if let Key::Relation(table) = &key {
                for privilege in grant
                    .privileges
                    .iter()
                    .filter(|privilege| !privilege.columns.is_empty())
                {
                    self.grant_columns(grant, table, privilege);
                }
            }
        }
    }

    fn grant_columns(&mut self, grant: &Grant, table: &Id, privilege: &Privilege) {
        let names = match privilege.name.as_str() {
            "ALL" => all_privileges(ObjectKind::Column, self.postgres)
                .iter()
                .map(SmolStr::new)
                .collect(),
            name => vec![SmolStr::new(name)],
        };
        for column in &privilege.columns {
            self.grant_one(grant, &Key::Column(table.clone(), column.value.clone()), &names);
        }
    }

    fn grant_one(&mut self, grant: &Grant, object: &Key, privileges: &[SmolStr]) {
        if privileges.is_empty() {
            return;
        }
        for grantee in &grant.grantees {
            let grantee = self.role(grantee);
            if self.owner(object).is_some_and(|owner| owner == grantee) {
                continue;
            }
            let object = object.clone();
            self.emit(if grant.revoke {
                Change::Revoke {
                    object,
                    grantee,
                    privileges: privileges.to_vec(),
                    grant_option: grant.grant_option,
                }
            } else {
                let privileges = privileges
                    .iter()
                    .map(|name| (name.clone(), grant.grant_option))
                    .collect();
                Change::Grant {
                    object,
                    grantee,
                    privileges,
                }
            });
        }
    }

    fn owner(&self, object: &Key) -> Option<SmolStr> {
        let meta = match object {
            Key::Schema(name) => self.catalog.schemas.get(name).map(|object| &object.meta),
            Key::Relation(id) | Key::Column(id, _) => self.catalog.relations.get(id).map(|object| &object.meta),
            Key::Routine(signature) => self.catalog.routines.get(signature).map(|object| &object.meta),
            Key::Type(id) => self.catalog.types.get(id).map(|object| &object.meta),
            _ => None,
        };
        meta.map(|meta| meta.owner.clone())
    }

    fn grant_objects(&mut self, objects: &[ObjectRef]) -> Vec<(Key, ObjectKind)> {
        let mut out = Vec::new();
        for object in objects {
            let key = match object.kind {
                ObjectKind::Table | ObjectKind::Sequence | ObjectKind::View => {
                    let Some(id) = self.relation_of_kind(&object.name, object.kind) else {
                        continue;
                    };
                    // GRANT … ON s also reaches sequences without the word SEQUENCE.
                    let sequence = self
                        .catalog
                        .relations
                        .get(&id)
                        .is_some_and(|r| matches!(r.kind, RelationKind::Sequence(_)));
                    let kind = if sequence {
                        ObjectKind::Sequence
                    } else {
                        ObjectKind::Table
                    };
                    out.push((Key::Relation(id), kind));
                    continue;
                }
                ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => {
                    self.routine(object).map(Key::Routine)
                }
                ObjectKind::Schema => {
                    self.assume_schema(object.name.last());
                    Some(Key::Schema(object.name.last().value.clone()))
                }
                ObjectKind::Type | ObjectKind::Domain => {
                    let found = self.candidates(&object.name);
                    found
                        .into_iter()
                        .find(|id| self.catalog.types.contains_key(id))
                        .map(Key::Type)
                }
                _ => None,
            };
            out.extend(key.map(|key| (key, object.kind)));
        }
        out
    }

    fn all_in_schema(&self, kind: ObjectKind, schema: &str) -> Vec<(Key, ObjectKind)> {
        let first = Signature {
            id: Id::new(schema, ""),
            arguments: Vec::new(),
        };
        match kind {
            ObjectKind::Table | ObjectKind::Sequence => self
                .catalog
                .relations_in(schema)
                .filter(|(_, relation)| match relation.kind {
                    RelationKind::Table(_) | RelationKind::View(_) => kind == ObjectKind::Table,
                    RelationKind::Sequence(_) => kind == ObjectKind::Sequence,
                    _ => false,
                })
                .map(|(id, _)| (Key::Relation(id.clone()), kind))
                .collect(),
            _ => self
                .catalog
                .routines
                .range(first..)
                .take_while(|(signature, _)| signature.id.schema == schema)
                .filter(|(_, routine)| match kind {
                    ObjectKind::Function => routine.kind != RoutineKind::Procedure,
                    ObjectKind::Procedure => routine.kind == RoutineKind::Procedure,
                    _ => true,
                })
                .map(|(signature, _)| (Key::Routine(signature.clone()), kind))
                .collect(),
        }
    }

    pub(crate) fn grant_role(&mut self, grant: &GrantRole) {
        for grantee in &grant.grantees {
            let member = self.role(grantee);
            let mut role = self.member(&member);
            for group in &grant.roles {
                if !grant.revoke {
                    role.member_of.insert(group.value.clone());
                } else if !grant.admin_option {
                    role.member_of.remove(&group.value);
                }
            }
            self.emit(Change::Alter(Object::Role(member, role.into())));
        }
    }

    pub(crate) fn alter_default_privileges(&mut self, alter: &AlterDefaultPrivileges) {
        let kind = match alter.kind {
            ObjectKind::Table => 'r',
            ObjectKind::Sequence => 'S',
            ObjectKind::Function | ObjectKind::Routine => 'f',
            ObjectKind::Type => 'T',
            ObjectKind::Schema => 'n',
            _ => return self.emit(Change::Taint(Taint::Privileges)),
        };
        let roles: Vec<SmolStr> = match alter.roles.as_slice() {
            [] => vec![self.session.role.clone()],
            roles => roles.iter().map(|role| self.role(role)).collect(),
        };
        let schemas: Vec<Option<SmolStr>> = match alter.schemas.as_slice() {
            [] => vec![None],
            schemas => schemas.iter().map(|schema| Some(schema.value.clone())).collect(),
        };
        for role in &roles {
            for schema in &schemas {
                let key = DefaultAclKey {
                    role: role.clone(),
                    schema: schema.clone(),
                    kind,
                };
                self.alter_default_acl(alter, key, kind);
            }
        }
    }

    fn alter_default_acl(&mut self, alter: &AlterDefaultPrivileges, key: DefaultAclKey, kind: char) {
        let global = key.schema.is_none();
        let initial = || if global { built_in(kind) } else { Acl::default() };
        let stored = self.catalog.default_acls.get(&key).cloned();
        let mut acl = stored.unwrap_or_else(initial);
        let privileges = self.privileges(&alter.privileges, alter.kind);
        for grantee in &alter.grantees {
            let grantee = self.role(grantee);
            if grantee == key.role {
                continue;
            }
            let held = acl.entry(grantee.clone()).or_default();
            for privilege in &privileges {
                match (alter.revoke, alter.grant_option) {
                    (true, true) => {
                        held.entry(privilege.clone()).and_modify(|grantable| *grantable = false);
                    }
                    (true, false) => {
                        held.remove(privilege);
                    }
                    (false, grantable) => *held.entry(privilege.clone()).or_default() |= grantable,
                }
            }
            if held.is_empty() {
                acl.remove(&grantee);
            }
        }
        // PostgreSQL drops an entry that says what is so anyway; one without grantees takes the built-in ones away.
        let superfluous = if global { acl == built_in(kind) } else { acl.is_empty() };
        self.emit(Change::DefaultAcl {
            key,
            acl: (!superfluous).then_some(acl),
        });
    }
}
