//! Publications and subscriptions.

use super::alter::common_action;
use super::parts::with_parameters;
use crate::sql::cursor::{Cursor, Parsed};
use crate::sql::name::Ident;
use crate::sql::statement::{AlterObject, AlterPublication, CreatePublication, Node, PublicationTable};

/// `CREATE PUBLICATION name [FOR ALL TABLES|FOR object, …] [WITH (…)]`, after `PUBLICATION`
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.ident()?;
    let mut objects = Objects::default();
    let mut all_tables = false;
    if cursor.eat("FOR") {
        all_tables = cursor.eat_all(&["ALL", "TABLES"]);
        if !all_tables {
            objects = self::objects(cursor)?;
        }
    }
    let options = with_parameters(cursor)?;
    Ok(Node::CreatePublication(Box::new(CreatePublication {
        name,
        all_tables,
        tables: objects.tables,
        schemas: objects.schemas,
        options,
    })))
}

#[derive(Default)]
struct Objects {
    tables: Vec<PublicationTable>,
    schemas: Vec<Ident>,
}

/// `TABLE t, u, TABLES IN SCHEMA s, r`: an object without keyword is of the kind before it.
fn objects(cursor: &mut Cursor<'_>) -> Parsed<Objects> {
    let mut objects = Objects::default();
    let mut in_schemas = false;
    cursor.list(|cursor| {
        if cursor.eat_all(&["TABLES", "IN", "SCHEMA"]) || cursor.eat_all(&["ALL", "TABLES", "IN", "SCHEMA"]) {
            in_schemas = true;
        } else if cursor.eat("TABLE") {
            in_schemas = false;
        }
        if in_schemas {
            objects.schemas.push(cursor.ident()?);
        } else {
            objects.tables.push(table(cursor)?);
        }
        Ok(())
    })?;
    Ok(objects)
}

/// `[ONLY] table [*] [(column, …)] [WHERE (condition)]`
fn table(cursor: &mut Cursor<'_>) -> Parsed<PublicationTable> {
    let relation = super::parts::relation(cursor)?;
    let columns = cursor.optional_columns()?;
    let filter = cursor.eat("WHERE").then(|| cursor.paren_expr()).transpose()?;
    Ok(PublicationTable {
        name: relation.name,
        columns,
        filter,
    })
}

/// `ALTER PUBLICATION name …`, after `PUBLICATION`
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.ident()?;
    let action = alter_action(cursor)?;
    Ok(Node::AlterPublication { name, action })
}

fn alter_action(cursor: &mut Cursor<'_>) -> Parsed<AlterPublication> {
    let mut ahead = *cursor;
    if let Ok(action) = common_action(&mut ahead) {
        *cursor = ahead;
        return Ok(match action {
            AlterObject::SetOptions(options) => AlterPublication::SetOptions(options),
            action => AlterPublication::Object(action),
        });
    }
    if cursor.eat("ADD") {
        let Objects { tables, schemas } = objects(cursor)?;
        return Ok(AlterPublication::Add { tables, schemas });
    }
    if cursor.eat("DROP") {
        let Objects { tables, schemas } = objects(cursor)?;
        let tables = tables.into_iter().map(|table| table.name).collect();
        return Ok(AlterPublication::DropObjects { tables, schemas });
    }
    cursor.expect("SET")?;
    let Objects { tables, schemas } = objects(cursor)?;
    Ok(AlterPublication::SetObjects { tables, schemas })
}

/// `CREATE SUBSCRIPTION name CONNECTION '…' PUBLICATION p, … [WITH (…)]`, after `SUBSCRIPTION`
pub(super) fn create_subscription(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let name = cursor.ident()?;
    cursor.expect("CONNECTION")?;
    cursor.string()?;
    cursor.expect("PUBLICATION")?;
    cursor.idents()?;
    let options = with_parameters(cursor)?;
    let says_connect = options.iter().any(|option| option.name.eq_ignore_ascii_case("connect"));
    let connects = !says_connect || super::parts::is_on(&options, "connect");
    Ok(Node::CreateSubscription { name, connects })
}

#[cfg(test)]
mod tests {
    use super::super::tests::node;
    use super::*;

    #[test]
    fn a_publication_lists_tables_and_schemas() {
        for (sql, all, tables, schemas, options) in [
            ("CREATE PUBLICATION p FOR ALL TABLES", true, 0, 0, 0),
            ("create publication p", false, 0, 0, 0),
            (
                "CREATE PUBLICATION p FOR TABLE t (a) WHERE (a > 1), u WITH (publish = 'insert')",
                false,
                2,
                0,
                1,
            ),
            (
                "create publication p for table only t, tables in schema a, b, table u",
                false,
                2,
                2,
                0,
            ),
        ] {
            let Node::CreatePublication(publication) = node(sql) else {
                panic!("{sql}");
            };
            assert_eq!(
                (
                    publication.all_tables,
                    publication.tables.len(),
                    publication.schemas.len(),
                    publication.options.len()
                ),
                (all, tables, schemas, options),
                "{sql}"
            );
        }
    }

    #[test]
    fn a_publication_is_altered() {
        let action = |sql: &str| match node(sql) {
            Node::AlterPublication { action, .. } => action,
            other => panic!("{sql}: {other:?}"),
        };
        assert!(matches!(
            action("ALTER PUBLICATION supabase_realtime ADD TABLE a, s.b"),
            AlterPublication::Add { tables, .. } if tables.len() == 2
        ));
        assert!(matches!(
            action("alter publication p drop table t"),
            AlterPublication::DropObjects { .. }
        ));
        assert!(matches!(
            action("alter publication p set table t"),
            AlterPublication::SetObjects { .. }
        ));
        assert!(matches!(
            action("alter publication p set (publish = 'x')"),
            AlterPublication::SetOptions(_)
        ));
        assert!(matches!(
            action("alter publication p owner to bob"),
            AlterPublication::Object(_)
        ));
    }

    #[test]
    fn a_subscription_connects_unless_told_not_to() {
        for (sql, expected) in [
            ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p, q", true),
            (
                "create subscription s connection 'x' publication p with (connect = false)",
                false,
            ),
            (
                "create subscription s connection 'x' publication p with (copy_data = off)",
                true,
            ),
        ] {
            assert!(
                matches!(node(sql), Node::CreateSubscription { connects, .. } if connects == expected),
                "{sql}"
            );
        }
    }
}
