use crate::lint::prelude::*;
use crate::sql::statement::ColumnConstraintKind;

rule! {
    /// A foreign key that comes with a new, filled column looks every row up while others wait.
    ///
    /// ## When
    /// `ALTER TABLE … ADD COLUMN … DEFAULT e REFERENCES …` on a table that other sessions may be using. Without a default
    /// every row is NULL and nothing is looked up: the locks are gone at once, and the rule is silent. So it is where the
    /// same statement rewrites the table anyway, which another rule says.
    ///
    /// ## Why
    /// PostgreSQL looks up the value of every row in the referenced table. All the while it holds an ACCESS EXCLUSIVE lock
    /// on the table and a SHARE ROW EXCLUSIVE lock on the referenced one: reads of the first wait, and writes of both.
    ///
    /// ## Bad
    /// ```sql
    /// -- 1_users.sql
    /// create table plans (id bigint primary key);
    /// create table users (id bigint primary key);
    /// -- 2_plan.sql
    /// alter table users add column plan_id bigint default 1 references plans;
    /// ```
    ///
    /// ## Good
    /// ```sql
    /// -- 1_users.sql
    /// create table plans (id bigint primary key);
    /// create table users (id bigint primary key);
    /// -- 2_plan.sql
    /// alter table users add column plan_id bigint default 1;
    /// alter table users add constraint users_plan_id_fkey foreign key (plan_id) references plans not valid;
    /// -- 3_plan.sql
    /// alter table users validate constraint users_plan_id_fkey;
    /// ```
    ///
    /// ## Fix
    /// Adds the foreign key by itself, `NOT VALID`. What remains is to validate it in a later migration.
    ///
    /// ## References
    /// - [ALTER TABLE, ADD table_constraint NOT VALID](https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT)
    "add-column-inline-fk",
    category: Category::ConstraintValidation,
    level: Level::Warning,
    fix: FixKind::Review,
    since: "0.1.0",
    check: Check::Step(check),
}

fn check(cx: &Cx<'_>, report: &mut Report) {
    for (column, busy) in cx.added_columns() {
        if cx.cost().rewrites.contains(busy.id) || !cx.cost().scans.contains(busy.id) {
            return;
        }
        let is_filled = column.constraints.iter().any(|constraint| {
            matches!(&constraint.kind, ColumnConstraintKind::Default(expr)
                if !matches!(expr.node, crate::sql::statement::ExprNode::Null))
        });
        for constraint in &column.constraints {
            let ColumnConstraintKind::References(references) = &constraint.kind else {
                continue;
            };
            if !is_filled {
                continue;
            }
            let (table, parent) = (busy.shown(), &references.table);
            let message = format!(
                "adding `{table}.{}` looks every row of `{table}` up in `{parent}`: reads and writes of `{table}` wait, \
                 and writes of `{parent}`",
                column.name
            );
            let finding = report.add(constraint.span, message);
            finding.help("Add the foreign key by itself as `not valid`, and validate it in a later migration.");
            let Node::AlterTable(alter) = &cx.step().statement.node else {
                return;
            };
            if !cx.is_editable() {
                continue;
            }
            let name = match &constraint.name {
                Some(name) => cx.source(name.span).to_owned(),
                None => crate::schema::objects::quote(&format!("{}_{}_fkey", busy.id.name, column.name)),
            };
            let rest = format!(
                "{} {} {} {name} {} ({}) {} {}",
                cx.cased(";\nalter table"),
                cx.source(alter.name.span()),
                cx.cased("add constraint"),
                cx.cased("foreign key"),
                cx.source(column.name.span),
                cx.source(references.span),
                cx.cased("not valid")
            );
            let edits = vec![
                crate::lint::context::remove(cx.text(), constraint.span),
                insert(cx.step().statement.span.end, rest),
            ];
            finding.fix(FixKind::Review, "Add the foreign key by itself, `not valid`", edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::Case;

    #[test]
    fn a_filled_column_is_looked_up_and_an_empty_one_is_not() {
        Case::new(&RULE).fires(
            "
-- 1_first.sql
create table plans (id bigint primary key);
create table users (id bigint primary key);
-- 2_second.sql
alter table users add a bigint not null default 1 references plans (id) on delete cascade;
--                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning: adding `users.a` looks every row of `users` up in `plans`
alter table users add b bigint references plans, add c bigint default null references plans;
create table posts (id int);
alter table posts add a bigint default 1 references plans;
",
        );
    }

    #[test]
    fn the_fix_adds_it_by_itself() {
        Case::new(&RULE).fixed(
            "
-- 1_a.sql
create table plans (id bigint primary key);
create table users (id bigint primary key);
-- 2_b.sql
ALTER TABLE users ADD plan int DEFAULT 1 REFERENCES plans ON DELETE CASCADE;
",
            "
-- 1_a.sql
create table plans (id bigint primary key);
create table users (id bigint primary key);
-- 2_b.sql
ALTER TABLE users ADD plan int DEFAULT 1;
ALTER TABLE users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES plans ON DELETE CASCADE NOT VALID;
",
        );
    }
}
