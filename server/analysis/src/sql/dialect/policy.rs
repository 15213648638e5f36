//! CREATE and ALTER POLICY.
//! <https://www.postgresql.org/docs/current/sql-createpolicy.html>

use super::super::cursor::{Cursor, Parsed, Unreadable};
use super::super::statement::{AlterPolicy, CreatePolicy, Expr, Node, PolicyCommand};
use super::parts::role;

/// Behind `CREATE POLICY`.
pub(crate) fn create(c: &mut Cursor<'_>) -> Parsed<Node> {
    let name = c.ident()?;
    c.expect("ON")?;
    let table = c.name()?;
    let mut permissive = true;
    if c.eat("AS") {
        permissive = c.eat("PERMISSIVE");
        if !permissive {
            c.expect("RESTRICTIVE")?;
        }
    }
    let command = if c.eat("FOR") { command(c)? } else { PolicyCommand::All };
    let roles = if c.eat("TO") { c.list(role)? } else { Vec::new() };
    let (using, check) = conditions(c)?;
    Ok(Node::CreatePolicy(Box::new(CreatePolicy {
        name,
        table,
        permissive,
        command,
        roles,
        using: using.map(Into::into),
        check: check.map(Into::into),
    })))
}

fn command(c: &mut Cursor<'_>) -> Parsed<PolicyCommand> {
    match c.eat_any(&["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"]) {
        Some("ALL") => Ok(PolicyCommand::All),
        Some("SELECT") => Ok(PolicyCommand::Select),
        Some("INSERT") => Ok(PolicyCommand::Insert),
        Some("UPDATE") => Ok(PolicyCommand::Update),
        Some("DELETE") => Ok(PolicyCommand::Delete),
        _ => Err(Unreadable),
    }
}

/// `[USING (e)] [WITH CHECK (e)]`
fn conditions(c: &mut Cursor<'_>) -> Parsed<(Option<Expr>, Option<Expr>)> {
    let using = c.eat("USING").then(|| c.paren_expr()).transpose()?;
    let check = c.eat_all(&["WITH", "CHECK"]).then(|| c.paren_expr()).transpose()?;
    Ok((using, check))
}

/// Behind `ALTER POLICY`.
pub(crate) fn alter(c: &mut Cursor<'_>) -> Parsed<Node> {
    let name = c.ident()?;
    c.expect("ON")?;
    let table = c.name()?;
    let rename = c.eat_all(&["RENAME", "TO"]).then(|| c.ident()).transpose()?;
    let roles = c.eat("TO").then(|| c.list(role)).transpose()?;
    let (using, check) = conditions(c)?;
    Ok(Node::AlterPolicy(Box::new(AlterPolicy {
        name,
        table,
        rename,
        roles,
        using: using.map(Into::into),
        check: check.map(Into::into),
    })))
}

#[cfg(test)]
mod tests {
    use super::super::super::statement::RoleName;
    use super::super::testing::node;
    use super::*;

    #[test]
    fn all_clauses() {
        let sql = "create policy \"Users can read\" on public.t as restrictive for update to authenticated, public using (auth.uid() = id) with check ((select auth.uid()) = id)";
        let Node::CreatePolicy(policy) = node(sql) else {
            panic!()
        };
        assert_eq!(policy.name.span.slice(sql), "\"Users can read\"");
        assert!(!policy.permissive);
        assert_eq!(policy.command, PolicyCommand::Update);
        assert!(matches!(policy.roles[..], [RoleName::Named(_), RoleName::Public(_)]));
        assert!(policy.using.is_some() && policy.check.is_some());
    }

    #[test]
    fn alter_policy_renames_or_changes() {
        assert!(
            matches!(node("alter policy p on t rename to q"), Node::AlterPolicy(policy) if policy.rename.is_some())
        );
        assert!(
            matches!(node("alter policy p on t to public using (false)"), Node::AlterPolicy(policy) if policy.roles.is_some())
        );
        assert!(matches!(
            node("create policy p on t for truncate using (true)"),
            Node::Unknown { .. }
        ));
    }
}
