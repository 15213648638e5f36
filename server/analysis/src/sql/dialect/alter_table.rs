//! ALTER TABLE and its like: every action on its own, so that an unreadable one never loses the others.
//! <https://www.postgresql.org/docs/current/sql-altertable.html>

use smol_str::SmolStr;
use sqlparser::tokenizer::Token as SqlToken;

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::name::{Ident, Name};
use super::super::statement::{
    AlterAction, AlterActionKind, AlterObject, AlterTable, Node, ObjectKind, ObjectRef, TriggerMode, TriggerTarget,
};
use super::super::tokens::Token;
use super::column::{always_or_by_default, at_table_constraint, column_def, table_constraint};
use super::parts::{Attributes, generic_options, parameters, role};
use super::sequence::{option, paren_options};
use super::table::partition_bound;
use super::types::type_name;

/// Behind `ALTER TABLE`, `ALTER VIEW`, `ALTER INDEX`, …
pub(crate) fn alter(c: &mut Cursor<'_>, kind: ObjectKind) -> Parsed<Node> {
    if c.at_words(&["ALL", "IN", "TABLESPACE"]) {
        return all_in_tablespace(c);
    }
    let if_exists = c.if_exists();
    let only = c.eat("ONLY");
    let name = c.name()?;
    c.eat_token(&SqlToken::Mul);
    if let Some(action) = object_action(c, kind)? {
        return Ok(Node::AlterObject {
            object: object(kind, name),
            if_exists,
            action,
        });
    }
    Ok(Node::AlterTable(Box::new(AlterTable {
        kind,
        name,
        if_exists,
        only,
        actions: c.list(one_action)?,
    })))
}

fn object(kind: ObjectKind, name: Name) -> ObjectRef {
    ObjectRef {
        kind,
        span: name.span(),
        name,
        arguments: None,
        table: None,
    }
}

/// `ALTER TABLE ALL IN TABLESPACE a [OWNED BY r, …] SET TABLESPACE b [NOWAIT]`: said of the tablespace it empties.
fn all_in_tablespace(c: &mut Cursor<'_>) -> Parsed<Node> {
    c.expect_all(&["ALL", "IN", "TABLESPACE"])?;
    let name = c.ident()?;
    if c.eat_all(&["OWNED", "BY"]) {
        c.list(role)?;
    }
    c.expect_all(&["SET", "TABLESPACE"])?;
    c.ident()?;
    c.eat("NOWAIT");
    Ok(Node::AlterObject {
        object: object(ObjectKind::Tablespace, Name::bare(name)),
        if_exists: false,
        action: AlterObject::Other,
    })
}

/// The forms that stand alone and that tables do not have.
fn object_action(c: &mut Cursor<'_>, kind: ObjectKind) -> Parsed<Option<AlterObject>> {
    if kind == ObjectKind::Index && c.eat_all(&["ATTACH", "PARTITION"]) {
        return Ok(Some(AlterObject::AttachPartition(c.name()?)));
    }
    let no = c.at_words(&["NO", "DEPENDS"]) && c.eat("NO");
    if c.eat_all(&["DEPENDS", "ON", "EXTENSION"]) {
        let extension = c.ident()?;
        return Ok(Some(AlterObject::DependsOnExtension { extension, no }));
    }
    Ok(None)
}

/// The tokens up to the next top-level comma: an action, or `Unknown` with its span.
fn one_action(c: &mut Cursor<'_>) -> Parsed<AlterAction> {
    let start = *c;
    c.until(&[]);
    while c.eat_token(&SqlToken::RParen) || c.eat_token(&SqlToken::RBracket) {
        c.until(&[]);
    }
    let tokens = c.since(&start);
    let (first, last) = tokens.first().zip(tokens.last()).ok_or(Unreadable)?;
    Ok(AlterAction {
        span: first.span.cover(last.span),
        kind: read(c, tokens).unwrap_or(AlterActionKind::Unknown),
    })
}

fn read(outer: &Cursor<'_>, tokens: &[Token]) -> Parsed<AlterActionKind> {
    let mut c = Cursor::new(outer.text, tokens);
    let kind = action(&mut c)?;
    c.finish()?;
    Ok(kind)
}

fn action(c: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    use AlterActionKind as Kind;
    if c.eat("ADD") {
        return add(c);
    }
    if c.eat("DROP") {
        return drop(c);
    }
    if c.eat("ALTER") {
        return alter_part(c);
    }
    if c.eat("RENAME") {
        return rename(c);
    }
    if c.eat("SET") {
        return set(c);
    }
    if let Some(word) = c.eat_any(&["ENABLE", "DISABLE"]) {
        return enable(c, word == "ENABLE");
    }
    if generic_options(c)? {
        return Ok(Kind::ForeignOptions);
    }
    if c.eat("RESET") {
        return Ok(Kind::ResetOptions(option_names(c)?));
    }
    if c.eat_all(&["OWNER", "TO"]) {
        return Ok(Kind::OwnerTo(role(c)?));
    }
    if c.eat_all(&["VALIDATE", "CONSTRAINT"]) {
        return Ok(Kind::ValidateConstraint { name: c.ident()? });
    }
    if c.eat_all(&["FORCE", "ROW", "LEVEL", "SECURITY"]) {
        return Ok(Kind::ForceRowSecurity(true));
    }
    if c.eat_all(&["NO", "FORCE", "ROW", "LEVEL", "SECURITY"]) {
        return Ok(Kind::ForceRowSecurity(false));
    }
    if c.eat_all(&["CLUSTER", "ON"]) {
        return Ok(Kind::ClusterOn(c.ident()?));
    }
    if c.eat("INHERIT") {
        return Ok(Kind::Inherit(c.name()?));
    }
    if c.eat_all(&["NO", "INHERIT"]) {
        return Ok(Kind::NoInherit(c.name()?));
    }
    if c.eat("OF") {
        return Ok(Kind::Of(c.name()?));
    }
    if c.eat_all(&["NOT", "OF"]) {
        return Ok(Kind::NotOf);
    }
    if c.eat_all(&["REPLICA", "IDENTITY"]) {
        return replica_identity(c);
    }
    if c.eat_all(&["ATTACH", "PARTITION"]) {
        return Ok(Kind::AttachPartition {
            partition: c.name()?,
            bound: partition_bound(c)?,
        });
    }
    if c.eat_all(&["DETACH", "PARTITION"]) {
        return Ok(Kind::DetachPartition {
            partition: c.name()?,
            concurrently: c.eat("CONCURRENTLY"),
            finalize: c.eat("FINALIZE"),
        });
    }
    Err(Unreadable)
}

fn add(c: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if at_table_constraint(c) {
        return Ok(AlterActionKind::AddConstraint(table_constraint(c)?));
    }
    c.eat("COLUMN");
    Ok(AlterActionKind::AddColumn {
        if_not_exists: c.if_not_exists(),
        column: column_def(c)?,
    })
}

fn drop(c: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if c.eat("CONSTRAINT") {
        return Ok(AlterActionKind::DropConstraint {
            if_exists: c.if_exists(),
            name: c.ident()?,
            cascade: c.cascade().is_some(),
        });
    }
    c.eat("COLUMN");
    Ok(AlterActionKind::DropColumn {
        if_exists: c.if_exists(),
        column: c.ident()?,
        cascade: c.cascade().is_some(),
    })
}

fn rename(c: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if c.eat("TO") {
        return Ok(AlterActionKind::RenameTo(c.ident()?));
    }
    let constraint = c.eat("CONSTRAINT");
    if !constraint {
        c.eat("COLUMN");
    }
    let from = c.ident()?;
    c.expect("TO")?;
    let to = c.ident()?;
    Ok(if constraint {
        AlterActionKind::RenameConstraint { from, to }
    } else {
        AlterActionKind::RenameColumn { from, to }
    })
}

fn set(c: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    use AlterActionKind as Kind;
    if c.at_token(&SqlToken::LParen) {
        return Ok(Kind::SetOptions(parameters(c)?));
    }
    if c.eat("SCHEMA") {
        return Ok(Kind::SetSchema(c.ident()?));
    }
    if c.eat("TABLESPACE") {
        let tablespace = c.ident()?;
        c.eat("NOWAIT");
        return Ok(Kind::SetTablespace(tablespace));
    }
    if c.eat_all(&["ACCESS", "METHOD"]) {
        let method = if c.eat("DEFAULT") { None } else { Some(c.ident()?) };
        return Ok(Kind::SetAccessMethod(method));
    }
    if let Some(word) = c.eat_any(&["LOGGED", "UNLOGGED"]) {
        return Ok(Kind::SetLogged(word == "LOGGED"));
    }
    if c.eat_all(&["WITHOUT", "CLUSTER"]) {
        return Ok(Kind::SetWithoutCluster);
    }
    c.expect_all(&["WITHOUT", "OIDS"])?;
    Ok(Kind::SetWithoutOids)
}

fn enable(c: &mut Cursor<'_>, on: bool) -> Parsed<AlterActionKind> {
    if c.eat_all(&["ROW", "LEVEL", "SECURITY"]) {
        return Ok(AlterActionKind::RowSecurity(on));
    }
    let mode = match () {
        () if !on => TriggerMode::Disable,
        () if c.eat("REPLICA") => TriggerMode::EnableReplica,
        () if c.eat("ALWAYS") => TriggerMode::EnableAlways,
        () => TriggerMode::Enable,
    };
    if c.eat("RULE") {
        return Ok(AlterActionKind::Rule { mode, name: c.ident()? });
    }
    c.expect("TRIGGER")?;
    let name = if c.eat("ALL") {
        TriggerTarget::All
    } else if c.eat("USER") {
        TriggerTarget::User
    } else {
        TriggerTarget::Named(c.ident()?)
    };
    Ok(AlterActionKind::Trigger { mode, name })
}

fn replica_identity(c: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    let (mode, index) = if c.eat_all(&["USING", "INDEX"]) {
        ("index", Some(c.ident()?))
    } else {
        match c.eat_any(&["DEFAULT", "FULL", "NOTHING"]).ok_or(Unreadable)? {
            "DEFAULT" => ("default", None),
            "FULL" => ("full", None),
            _ => ("nothing", None),
        }
    };
    Ok(AlterActionKind::ReplicaIdentity {
        index,
        mode: mode.into(),
    })
}

/// `(fillfactor, toast.autovacuum_enabled)`; the grammar allows values here, the server refuses them later.
fn option_names(c: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    c.paren_list(|c| {
        let name = c.name()?;
        if c.eat_token(&SqlToken::Eq) {
            c.until(&[]);
        }
        Ok(Ident {
            value: name.to_string().into(),
            span: name.span(),
        })
    })
}

// ---- ALTER COLUMN and ALTER CONSTRAINT ---------------------------------------------------------------------------

fn alter_part(c: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if c.eat("CONSTRAINT") {
        let name = c.ident()?;
        c.eat("INHERIT");
        let attributes = Attributes::read(c);
        return Ok(AlterActionKind::AlterConstraint {
            name,
            deferrable: attributes.deferrable,
            initially_deferred: attributes.initially_deferred,
            enforced: attributes.enforced,
        });
    }
    c.eat("COLUMN");
    if let Ok(number) = c.number() {
        // Columns of an index have no names of their own.
        c.expect_all(&["SET", "STATISTICS"])?;
        statistics_target(c)?;
        return Ok(AlterActionKind::SetStatistics { column: number });
    }
    let column = c.ident()?;
    if c.eat_all(&["SET", "DATA", "TYPE"]) || c.eat("TYPE") {
        return alter_type(c, column);
    }
    if c.eat("DROP") {
        return drop_part(c, column);
    }
    if c.eat("ADD") {
        c.expect("GENERATED")?;
        let always = always_or_by_default(c)?;
        c.expect_all(&["AS", "IDENTITY"])?;
        let options = paren_options(c)?;
        return Ok(AlterActionKind::AddIdentity {
            column,
            always,
            options,
        });
    }
    if generic_options(c)? || (c.eat("RESET") && c.parens().is_ok()) {
        return Ok(AlterActionKind::SetColumnOptions { column });
    }
    set_part(c, column)
}

fn alter_type(c: &mut Cursor<'_>, column: Ident) -> Parsed<AlterActionKind> {
    Ok(AlterActionKind::AlterType {
        column,
        ty: type_name(c)?,
        collation: c.eat("COLLATE").then(|| c.name()).transpose()?,
        using: c.eat("USING").then(|| c.expr(&[])).transpose()?,
    })
}

fn drop_part(c: &mut Cursor<'_>, column: Ident) -> Parsed<AlterActionKind> {
    use AlterActionKind as Kind;
    if c.eat("DEFAULT") {
        Ok(Kind::DropDefault { column })
    } else if c.eat_all(&["NOT", "NULL"]) {
        Ok(Kind::DropNotNull { column })
    } else if c.eat("EXPRESSION") {
        let if_exists = c.if_exists();
        Ok(Kind::DropExpression { column, if_exists })
    } else {
        c.expect("IDENTITY")?;
        let if_exists = c.if_exists();
        Ok(Kind::DropIdentity { column, if_exists })
    }
}

fn set_part(c: &mut Cursor<'_>, column: Ident) -> Parsed<AlterActionKind> {
    use AlterActionKind as Kind;
    if c.eat_all(&["SET", "DEFAULT"]) {
        let default = c.expr(&[])?.into();
        return Ok(Kind::SetDefault { column, default });
    }
    if c.eat_all(&["SET", "NOT", "NULL"]) {
        return Ok(Kind::SetNotNull { column });
    }
    if c.eat_all(&["SET", "EXPRESSION", "AS"]) {
        let expr = c.paren_expr()?.into();
        return Ok(Kind::SetExpression { column, expr });
    }
    if c.eat_all(&["SET", "STATISTICS"]) {
        statistics_target(c)?;
        return Ok(Kind::SetStatistics { column: column.value });
    }
    if c.eat_all(&["SET", "STORAGE"]) {
        let storage = c.ident()?.value;
        return Ok(Kind::SetStorage { column, storage });
    }
    if c.eat_all(&["SET", "COMPRESSION"]) {
        let method = c.ident()?.value;
        return Ok(Kind::SetCompression { column, method });
    }
    if c.at_word("SET") && c.peek_nth(1).is_some_and(|next| next.token == SqlToken::LParen) {
        c.next();
        c.parens()?;
        return Ok(Kind::SetColumnOptions { column });
    }
    set_identity(c, column)
}

/// `SET GENERATED …`, `SET sequence_option` and `RESTART`, as many as there are.
fn set_identity(c: &mut Cursor<'_>, column: Ident) -> Parsed<AlterActionKind> {
    let mut always = None;
    let mut options = Vec::new();
    while !c.at_end() {
        if !c.at_word("RESTART") {
            c.expect("SET")?;
        }
        if c.eat("GENERATED") {
            always = Some(always_or_by_default(c)?);
        } else {
            options.push(option(c)?.ok_or(Unreadable)?);
        }
    }
    if always.is_none() && options.is_empty() {
        return Err(Unreadable);
    }
    Ok(AlterActionKind::SetIdentity {
        column,
        always,
        options,
    })
}

fn statistics_target(c: &mut Cursor<'_>) -> Parsed<SmolStr> {
    if c.eat("DEFAULT") { Ok("-1".into()) } else { c.number() }
}

#[cfg(test)]
mod tests {
    use super::super::super::statement::{RoleName, SequenceOption, TableConstraintKind};
    use super::super::testing::node;
    use super::*;

    fn table(sql: &str) -> AlterTable {
        match node(sql) {
            Node::AlterTable(table) => *table,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn kind(sql: &str) -> AlterActionKind {
        let mut actions = alter_actions(sql);
        assert_eq!(actions.len(), 1, "{sql}");
        actions.remove(0)
    }

    fn alter_actions(sql: &str) -> Vec<AlterActionKind> {
        table(sql).actions.into_iter().map(|action| action.kind).collect()
    }

    #[test]
    fn an_unreadable_action_keeps_the_others() {
        let sql = "alter table t drop column a, frobnicate (b, c) hard, add x int default f(1, 2)";
        let table = table(sql);
        let texts: Vec<_> = table.actions.iter().map(|action| action.span.slice(sql)).collect();
        assert_eq!(
            texts,
            ["drop column a", "frobnicate (b, c) hard", "add x int default f(1, 2)"]
        );
        assert_eq!(table.actions[1].kind, AlterActionKind::Unknown);
        assert!(matches!(table.actions[2].kind, AlterActionKind::AddColumn { .. }));
        let stray = alter_actions("alter table t drop column a ) b, add c int");
        assert!(matches!(
            stray[..],
            [AlterActionKind::Unknown, AlterActionKind::AddColumn { .. }]
        ));
    }

    #[test]
    fn the_name_and_its_prefixes() {
        let sql = "alter table if exists only \"S\".t * set logged";
        let table = table(sql);
        assert!(table.if_exists && table.only);
        assert_eq!(table.name.span().slice(sql), "\"S\".t");
    }

    #[test]
    fn column_types_and_defaults() {
        let sql = "alter table t alter c set data type varchar(10) collate \"C\" using (c::text)::varchar";
        let AlterActionKind::AlterType {
            ty,
            collation: Some(_),
            using: Some(_),
            ..
        } = kind(sql)
        else {
            panic!()
        };
        assert_eq!(ty.span.slice(sql), "varchar(10)");
        assert!(matches!(
            kind("alter table t alter column c set default (1)"),
            AlterActionKind::SetDefault { .. }
        ));
    }

    #[test]
    fn identity_columns() {
        let AlterActionKind::SetIdentity { always, options, .. } =
            kind("alter table t alter c set generated by default set increment by 2 restart with 5")
        else {
            panic!()
        };
        assert_eq!(always, Some(false));
        assert_eq!(
            options,
            [
                SequenceOption::Increment("2".into()),
                SequenceOption::Restart(Some("5".into()))
            ]
        );
        assert!(matches!(
            kind("alter table t alter c add generated always as identity (start 5)"),
            AlterActionKind::AddIdentity { always: true, .. }
        ));
        assert_eq!(kind("alter table t alter c set"), AlterActionKind::Unknown);
    }

    #[test]
    fn constraints() {
        let AlterActionKind::AddConstraint(constraint) =
            kind("alter table t add constraint ck check (a > 0) not valid not enforced")
        else {
            panic!()
        };
        assert!(constraint.not_valid && constraint.not_enforced);
        let AlterActionKind::AddConstraint(constraint) = kind("alter table t add primary key using index i deferrable")
        else {
            panic!()
        };
        assert!(matches!(
            constraint.kind,
            TableConstraintKind::UsingIndex { primary: true, .. }
        ));
        assert!(matches!(
            kind("alter table t alter constraint fk not deferrable"),
            AlterActionKind::AlterConstraint {
                deferrable: Some(false),
                ..
            }
        ));
    }

    #[test]
    fn owners_triggers_and_partitions() {
        assert!(matches!(
            kind("alter table t owner to current_user"),
            AlterActionKind::OwnerTo(RoleName::CurrentUser(_))
        ));
        assert!(matches!(
            kind("alter table t disable trigger \"all\""),
            AlterActionKind::Trigger {
                mode: TriggerMode::Disable,
                name: TriggerTarget::Named(_)
            }
        ));
        assert!(matches!(
            kind("alter table t detach partition p concurrently"),
            AlterActionKind::DetachPartition { concurrently: true, .. }
        ));
        assert!(matches!(
            kind("alter table t attach partition s.p for values in (1, 2)"),
            AlterActionKind::AttachPartition { .. }
        ));
    }

    #[test]
    fn views_indexes_and_sequences_share_the_actions() {
        assert_eq!(
            table("alter view v set (security_invoker = true)").kind,
            ObjectKind::View
        );
        assert_eq!(
            table("alter materialized view v rename to w").kind,
            ObjectKind::MaterializedView
        );
        assert_eq!(
            kind("alter index i alter column 1 set statistics 10"),
            AlterActionKind::SetStatistics { column: "1".into() }
        );
        assert_eq!(table("alter sequence s owner to bob").kind, ObjectKind::Sequence);
        assert!(matches!(
            node("alter index i attach partition j"),
            Node::AlterObject {
                action: AlterObject::AttachPartition(_),
                ..
            }
        ));
        assert!(matches!(
            node("alter index i no depends on extension e"),
            Node::AlterObject {
                action: AlterObject::DependsOnExtension { no: true, .. },
                ..
            }
        ));
    }
}
