//! Functions, procedures, aggregates and triggers.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::Resolver;
use crate::schema::change::{Change, Key, Object};
use crate::schema::objects::{
    Certainty, Dependencies, Id, Meta, RelationKind, Routine, RoutineKind, Shared, Signature, Trigger, Type, quote,
};
use crate::schema::step::ProblemKind;
use crate::sql::name::Name;
use crate::sql::statement::{
    AlterFunction, AlterFunctionAction, AlterObject, CreateFunction, CreateTrigger, FunctionBody, FunctionOptions,
    ObjectKind, ObjectRef, Param, ParamMode, Returns, TriggerMode, TypeName, Volatility,
};

impl Resolver<'_> {
    pub(crate) fn create_function(&mut self, create: &CreateFunction) {
        let id = self.new_id(&create.name);
        let inputs: Vec<&Param> = create
            .params
            .iter()
            .filter(|param| is_input(param, create.procedure))
            .collect();
        let arguments: Vec<Type> = inputs.iter().map(|param| self.resolve_type(&param.ty).bare()).collect();
        let signature = Signature {
            id: id.clone(),
            arguments,
        };
        let old = self.catalog.routines.get(&signature).cloned();
        if let Some(old) = &old
            && !create.or_replace
            && old.meta.certainty != Certainty::Assumed
        {
            let created = old.meta.created;
            return self.exists(ObjectKind::Function, &create.name, created);
        }
        let mut routine = Routine {
            meta: self.meta('f', Some(&id.schema)),
            kind: if create.procedure {
                RoutineKind::Procedure
            } else {
                RoutineKind::Function
            },
            returns: None,
            return_type: None,
            argument_names: inputs
                .iter()
                .map(|param| param.name.as_ref().map(|name| name.value.clone()))
                .collect(),
            defaults: inputs.iter().filter(|param| param.default.is_some()).count(),
            language: create
                .options
                .language
                .as_ref()
                .map_or_else(|| "sql".into(), |language| language.value.clone()),
            volatility: Volatility::Volatile,
            strict: false,
            security_definer: false,
            settings: BTreeMap::new(),
            body: None,
            dependencies: Dependencies::default(),
        };
        if create.options.window {
            routine.kind = RoutineKind::Window;
        }
        self.set_returns(&mut routine, create);
        self.apply_options(&mut routine, &create.options);
        match &create.body {
            Some(FunctionBody::Atomic(statements)) => {
                for statement in statements {
                    routine.dependencies.extend(self.statement_dependencies(statement));
                }
            }
            Some(FunctionBody::Source(body)) => routine.body = Some(body.code(self.text).into()),
            Some(FunctionBody::Return(expr)) => routine.dependencies = self.expr_dependencies(expr, None),
            _ => {}
        }
        routine.meta.definition = Some(self.statement_as_written());
        let change = match old {
            Some(old) => {
                // Owner and permissions stay, everything else is as in the new statement.
                // https://www.postgresql.org/docs/current/sql-createfunction.html
                routine.meta = Meta {
                    changed: self.origin,
                    certainty: self.certainty,
                    definition: routine.meta.definition.take(),
                    ..old.meta.clone()
                };
                Change::Alter(Object::Routine(signature, Arc::new(routine)))
            }
            None => Change::Create(Object::Routine(signature, Arc::new(routine))),
        };
        self.emit(change);
    }

    fn set_returns(&mut self, routine: &mut Routine, create: &CreateFunction) {
        let out = |param: &&Param| matches!(param.mode, ParamMode::Out | ParamMode::InOut);
        match &create.returns {
            Some(Returns::Type(ty)) => {
                let resolved = self.resolve_type(ty).bare();
                routine.returns = Some(format_smolstr!("{}{resolved}", if ty.setof { "SETOF " } else { "" }));
                routine.return_type = Some(resolved);
            }
            Some(Returns::Table(columns)) => {
                let ty = match columns.as_slice() {
                    [(_, only)] => self.resolve_type(only).bare(),
                    _ => Type::builtin("record"),
                };
                routine.returns = Some(format_smolstr!("SETOF {ty}"));
                routine.return_type = Some(ty);
            }
            None if create.procedure => {
                let outs = create.params.iter().filter(out).count();
                routine.returns = Some(if outs > 0 { "record".into() } else { "void".into() });
            }
            None => {
                let outs: Vec<&Param> = create.params.iter().filter(out).collect();
                let ty = match outs.as_slice() {
                    [] => Type::builtin("void"),
                    [only] => self.resolve_type(&only.ty).bare(),
                    _ => Type::builtin("record"),
                };
                routine.returns = Some(format_smolstr!("{ty}"));
                routine.return_type = Some(ty);
            }
        }
    }

    fn apply_options(&self, routine: &mut Routine, options: &FunctionOptions) {
        if let Some(volatility) = options.volatility {
            routine.volatility = volatility;
        }
        if let Some(strict) = options.strict {
            routine.strict = strict;
        }
        if let Some(definer) = options.security_definer {
            routine.security_definer = definer;
        }
        for name in &options.reset {
            if name.eq_ignore_ascii_case("all") {
                routine.settings.clear();
            } else {
                routine.settings.remove(name);
            }
        }
        for set in &options.set {
            match &set.values {
                Some(values) if values.is_empty() => {
                    routine.settings.remove(&set.name);
                }
                Some(values) => {
                    // Only lists of names are quoted.
                    let quoted = |value: &SmolStr| match set.name.as_str() {
                        "search_path" => quote(value),
                        _ => value.to_string(),
                    };
                    let text = values.iter().map(quoted).collect::<Vec<_>>().join(", ");
                    routine.settings.insert(set.name.clone(), text.into());
                }
                None => {
                    let path = self.session.search_path.iter().map(|schema| quote(schema));
                    let path = path.collect::<Vec<_>>().join(", ");
                    routine.settings.insert(set.name.clone(), path.into());
                }
            }
        }
    }

    pub(crate) fn create_aggregate(
        &mut self,
        name: &Name,
        arguments: &[TypeName],
        or_replace: bool,
        (state, final_function): (Option<&TypeName>, Option<&Name>),
    ) {
        let id = self.new_id(name);
        let arguments: Vec<Type> = arguments.iter().map(|ty| self.resolve_type(ty).bare()).collect();
        let signature = Signature {
            id: id.clone(),
            arguments,
        };
        if let Some(old) = self.catalog.routines.get(&signature)
            && !or_replace
        {
            let created = old.meta.created;
            return self.exists(ObjectKind::Aggregate, name, created);
        }
        // Without a final function the state is the result.
        let result = match final_function {
            Some(function) => self.candidates(function).into_iter().find_map(|id| {
                let (_, found) = self.catalog.overloads(&id).next()?;
                found.return_type.clone()
            }),
            None => state.map(|state| self.resolve_type(state).bare()),
        };
        let mut meta = self.meta('f', Some(&id.schema));
        meta.definition = Some(self.statement_as_written());
        let routine = Routine {
            meta,
            kind: RoutineKind::Aggregate,
            returns: result.as_ref().map(|ty| format_smolstr!("{ty}")),
            return_type: result,
            argument_names: Vec::new(),
            defaults: 0,
            language: "internal".into(),
            volatility: Volatility::Immutable,
            strict: false,
            security_definer: false,
            settings: BTreeMap::new(),
            body: None,
            dependencies: Dependencies::default(),
        };
        self.emit(Change::Create(Object::Routine(signature, Arc::new(routine))));
    }

    /// The routine that an ALTER, DROP, GRANT or COMMENT names. Reports where there is none.
    pub(crate) fn routine(&mut self, object: &ObjectRef) -> Option<Signature> {
        let found = self.find_routine(object);
        if found.is_none() && !self.in_managed_schema(&object.name) && !self.is_system_function(&object.name) {
            self.missing(object.kind, object.name.span(), &format_smolstr!("{}", object.name));
        }
        found
    }

    fn is_system_function(&self, name: &Name) -> bool {
        name.qualifier().is_some_and(|schema| schema.value == "pg_catalog")
    }

    pub(crate) fn in_managed_schema(&self, name: &Name) -> bool {
        let managed = |schema: &str| super::MANAGED_SCHEMAS.contains(&schema);
        match name.qualifier() {
            Some(schema) => managed(&schema.value),
            // An extension's function in a schema of the search path, or a built-in.
            None => false,
        }
    }

    /// A type that a signature names; one that nobody knows is in the schema that it says.
    fn mentioned_type(&self, ty: &TypeName) -> Type {
        let guess = || {
            let schema = ty
                .name
                .qualifier()
                .map_or_else(|| self.creation_schema(), |schema| schema.value.clone());
            Type {
                id: Id::new(&schema, &ty.name.last().value),
                modifiers: Vec::new(),
                array: ty.dimensions > 0,
                fields: None,
            }
        };
        self.known_type(ty).unwrap_or_else(guess).bare()
    }

    pub(crate) fn find_routine(&mut self, object: &ObjectRef) -> Option<Signature> {
        let wanted = |kind: RoutineKind| match object.kind {
            ObjectKind::Function => matches!(
                kind,
                RoutineKind::Function | RoutineKind::Window | RoutineKind::Aggregate
            ),
            ObjectKind::Procedure => kind == RoutineKind::Procedure,
            ObjectKind::Aggregate => kind == RoutineKind::Aggregate,
            _ => true,
        };
        let arguments: Option<Vec<Type>> = object.arguments.as_ref().map(|params| {
            let inputs = params
                .iter()
                .filter(|param| is_input(param, object.kind == ObjectKind::Procedure));
            inputs.map(|param| self.mentioned_type(&param.ty)).collect()
        });
        for id in self.candidates(&object.name) {
            let found: Vec<&Signature> = self
                .catalog
                .overloads(&id)
                .filter(|(_, r)| wanted(r.kind))
                .map(|(signature, _)| signature)
                .collect();
            let found = match &arguments {
                Some(arguments) => found.into_iter().find(|signature| signature.arguments == *arguments),
                None => found.first().copied(),
            };
            if let Some(signature) = found {
                return Some(signature.clone());
            }
        }
        None
    }

    pub(crate) fn alter_function(&mut self, alter: &AlterFunction) {
        let Some(signature) = self.routine(&alter.object) else {
            return;
        };
        match &alter.action {
            AlterFunctionAction::Options(options) => {
                let Some(mut routine) = self.catalog.routines.get(&signature).map(|routine| (**routine).clone()) else {
                    return;
                };
                self.apply_options(&mut routine, options);
                routine.meta.changed = self.origin;
                self.emit(Change::Alter(Object::Routine(signature, Arc::new(routine))));
            }
            AlterFunctionAction::Object(action) => self.alter_named(Key::Routine(signature), action),
        }
    }

    pub(crate) fn create_trigger(&mut self, create: &CreateTrigger) {
        let Some(table) = self.relation(&create.table) else {
            return;
        };
        self.target = Some(table.clone());
        let function = self.trigger_function(&create.function);
        let old = self.catalog.relations.get(&table).and_then(|relation| {
            relation
                .triggers()
                .iter()
                .find(|old| old.name == create.name.value)
                .cloned()
        });
        if let Some(old) = &old
            && !create.or_replace
        {
            let name = create.name.value.clone();
            let kind = ProblemKind::Exists {
                kind: ObjectKind::Trigger,
                name,
                created: old.created,
            };
            return self.problem(create.name.span, kind);
        }
        let mut dependencies = create
            .when
            .as_ref()
            .map(|when| self.expr_dependencies(when, Some(&table)))
            .unwrap_or_default();
        dependencies.functions.insert(function.clone());
        let trigger = Trigger {
            name: create.name.value.clone(),
            function,
            timing: create.timing.clone(),
            events: create.events.clone(),
            update_of: create.update_of.iter().map(|column| column.value.clone()).collect(),
            row: create.row,
            constraint: create.constraint,
            mode: TriggerMode::Enable,
            certainty: self.certainty,
            created: self.origin,
            comment: old.and_then(|old| old.comment.clone()),
            dependencies,
            definition: Some(self.statement_as_written()),
        };
        self.emit(Change::PutTrigger {
            table: table.clone(),
            trigger: Box::new(trigger.clone()),
        });
        if create.row {
            self.trigger_partitions(&table, &trigger);
        }
    }

    /// A row trigger of a partitioned table is cloned onto every partition.
    pub(crate) fn trigger_partitions(&mut self, table: &Id, trigger: &Trigger) {
        for partition in self.partitions(table) {
            self.emit(Change::PutTrigger {
                table: partition.clone(),
                trigger: Box::new(trigger.clone()),
            });
            self.trigger_partitions(&partition, trigger);
        }
    }

    fn trigger_function(&mut self, name: &Name) -> Id {
        let candidates = self.candidates(name);
        let known = candidates
            .iter()
            .find(|id| self.catalog.overloads(id).next().is_some())
            .cloned();
        if let Some(known) = known {
            return known;
        }
        // Triggers of extensions and of PostgreSQL itself are in no migration.
        let builtin = matches!(
            name.last().value.as_str(),
            "tsvector_update_trigger"
                | "tsvector_update_trigger_column"
                | "suppress_redundant_updates_trigger"
                | "moddatetime"
        );
        if !builtin && !self.in_managed_schema(name) && self.catalog.extensions.is_empty() {
            self.missing(ObjectKind::Function, name.span(), &format_smolstr!("{name}()"));
        }
        if name.parts.len() == 1 && builtin && name.last().value != "moddatetime" {
            return Id::new("pg_catalog", &name.last().value);
        }
        candidates
            .into_iter()
            .find(|id| id.schema != "pg_temp")
            .unwrap_or_else(|| self.new_id(name))
    }

    /// ALTER … ENABLE / DISABLE TRIGGER.
    pub(crate) fn trigger_mode(&mut self, table: &Id, name: Option<&str>, mode: TriggerMode) {
        let Some(relation) = self.catalog.relations.get(table) else {
            return;
        };
        let RelationKind::Table(found) = &relation.kind else {
            return;
        };
        let triggers: Vec<Shared<Trigger>> = found
            .triggers
            .iter()
            .filter(|trigger| name.is_none_or(|name| trigger.name == name))
            .cloned()
            .collect();
        for mut trigger in triggers {
            trigger.mode = mode;
            self.emit(Change::PutTrigger {
                table: table.clone(),
                trigger: Box::new(Trigger::clone(&trigger)),
            });
            if trigger.row {
                for partition in self.partitions(table) {
                    self.trigger_mode(&partition, Some(&trigger.name), mode);
                }
            }
        }
    }

    /// RENAME of a trigger, policy or rule.
    pub(crate) fn alter_on_table(&mut self, key: Key, action: &AlterObject) {
        if let AlterObject::Rename(to) = action {
            let renamed = match &key {
                Key::Trigger(table, _) => Key::Trigger(table.clone(), to.value.clone()),
                Key::Policy(table, _) => Key::Policy(table.clone(), to.value.clone()),
                Key::Rule(table, _) => Key::Rule(table.clone(), to.value.clone()),
                Key::Constraint(table, _) => Key::Constraint(table.clone(), to.value.clone()),
                _ => return,
            };
            self.emit(Change::Rename { from: key, to: renamed });
        }
    }
}

/// Whether a parameter counts for the signature: OUT ones do not.
/// <https://www.postgresql.org/docs/current/sql-createfunction.html>
fn is_input(param: &Param, _procedure: bool) -> bool {
    param.mode != ParamMode::Out
}
