//! Random catalogs and random statements that are valid on them.

use proptest::prelude::*;

/// One decision: what to do, and three numbers that say to what.
pub(crate) type Choice = (u8, u8, u8, u8);

pub(crate) fn choices() -> impl Strategy<Value = (Vec<Choice>, Vec<Choice>)> {
    let choice = || (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    (
        prop::collection::vec(choice(), 4..14),
        prop::collection::vec(choice(), 1..9),
    )
}

#[derive(Default, Clone)]
struct Table {
    name: String,
    columns: Vec<(String, &'static str)>,
    constraints: Vec<String>,
    indexes: Vec<String>,
    policies: Vec<String>,
    triggers: Vec<String>,
    /// Whether a view reads it, so that little can be changed.
    read: bool,
    secured: bool,
}

/// What is there, as far as the statements need to know it.
#[derive(Default)]
pub(crate) struct Model {
    tables: Vec<Table>,
    views: Vec<(String, String)>,
    labels: Vec<String>,
    functions: Vec<String>,
    made: usize,
}

const TYPES: &[&str] = &[
    "integer",
    "text",
    "numeric(8,2)",
    "timestamptz",
    "boolean",
    "jsonb",
    "uuid",
    "varchar(30)",
];

fn pick<T>(list: &[T], number: u8) -> Option<usize> {
    (!list.is_empty()).then(|| usize::from(number) % list.len())
}

impl Model {
    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        // Some names need quotes.
        if self.made % 7 == 3 {
            format!("\"{kind} {}\"", self.made)
        } else {
            format!("{kind}_{}", self.made)
        }
    }

    /// The next statement; `None` where there is nothing to do it to.
    pub(crate) fn statement(&mut self, (what, a, b, c): Choice) -> Option<String> {
        if self.tables.is_empty() || what.is_multiple_of(30) {
            return Some(self.create_table(a, b));
        }
        let at = pick(&self.tables, a)?;
        let ty = TYPES[usize::from(c) % TYPES.len()];
        let name = self.tables[at].name.clone();
        let column = pick(&self.tables[at].columns, b).map(|place| (place, self.tables[at].columns[place].clone()));
        let free = !self.tables[at].read;
        Some(match what % 30 {
            1 | 2 => {
                let new = self.name("c");
                self.tables[at].columns.push((new.clone(), ty));
                let extra = match c % 3 {
                    0 => "",
                    1 => " unique",
                    _ => " not null",
                };
                format!("alter table {name} add column {new} {ty}{extra}")
            }
            3 | 4 if free => {
                let (place, (column, _)) = column?;
                self.tables[at].columns.remove(place);
                self.tables[at].constraints.clear();
                self.tables[at].indexes.clear();
                format!("alter table {name} drop column {column} cascade")
            }
            5 => {
                let new = self.name("t");
                self.tables[at].name.clone_from(&new);
                format!("alter table {name} rename to {new}")
            }
            6 => {
                let (place, (column, _)) = column?;
                let new = self.name("c");
                self.tables[at].columns[place].0.clone_from(&new);
                format!("alter table {name} rename column {column} to {new}")
            }
            7 => format!("alter table {name} alter column {} set not null", column?.1.0),
            8 => format!("alter table {name} alter column {} drop not null", column?.1.0),
            9 => {
                let (column, ty) = column?.1;
                let default = match ty {
                    "integer" => "7",
                    "text" | "varchar(30)" => "'it''s'",
                    "boolean" => "true",
                    "timestamptz" => "now()",
                    "uuid" => "gen_random_uuid()",
                    _ => return None,
                };
                format!("alter table {name} alter column {column} set default {default}")
            }
            10 => format!("alter table {name} alter column {} drop default", column?.1.0),
            11 if free => {
                let (place, (column, ty)) = column?;
                let new = match ty {
                    "integer" => "bigint",
                    "varchar(30)" => "text",
                    _ => return None,
                };
                self.tables[at].columns[place].1 = "bigint or text";
                format!("alter table {name} alter column {column} type {new}")
            }
            12 | 13 => {
                let (column, _) = column.filter(|(_, (_, ty))| *ty != "jsonb")?.1;
                let index = self.name("i");
                self.tables[at].indexes.push(index.clone());
                let tail = if c.is_multiple_of(2) {
                    format!(" where {column} is not null")
                } else {
                    String::new()
                };
                format!("create index {index} on {name} ({column} desc){tail}")
            }
            14 => {
                let place = pick(&self.tables[at].indexes, b)?;
                format!("drop index {}", self.tables[at].indexes.remove(place))
            }
            15 | 16 => {
                let (column, _) = column?.1;
                let constraint = self.name("k");
                self.tables[at].constraints.push(constraint.clone());
                let valid = if c.is_multiple_of(2) { "" } else { " not valid" };
                format!("alter table {name} add constraint {constraint} check ({column} is not null){valid}")
            }
            17 => {
                let place = pick(&self.tables[at].constraints, b)?;
                format!(
                    "alter table {name} drop constraint {}",
                    self.tables[at].constraints.remove(place)
                )
            }
            18 => {
                let other = pick(&self.tables, b)?;
                let new = self.name("c");
                self.tables[at].columns.push((new.clone(), "bigint"));
                let other = self.tables[other].name.clone();
                format!("alter table {name} add column {new} bigint references {other} (id) on delete cascade")
            }
            19 => {
                self.tables[at].secured = !self.tables[at].secured;
                let verb = if self.tables[at].secured { "enable" } else { "disable" };
                format!("alter table {name} {verb} row level security")
            }
            20 => {
                let (column, _) = column?.1;
                let policy = self.name("p");
                self.tables[at].policies.push(policy.clone());
                format!("create policy {policy} on {name} for select to anon using ({column} is not null)")
            }
            21 => {
                let place = pick(&self.tables[at].policies, b)?;
                format!("drop policy {} on {name}", self.tables[at].policies.remove(place))
            }
            22 => {
                let function = self.name("f");
                self.functions.push(function.clone());
                format!("create function {function}() returns trigger language plpgsql as $$ begin return new; end $$")
            }
            23 => {
                let function = self.functions[pick(&self.functions, b)?].clone();
                let trigger = self.name("g");
                self.tables[at].triggers.push(trigger.clone());
                format!("create trigger {trigger} before insert on {name} for each row execute function {function}()")
            }
            24 => {
                let function = self.functions[pick(&self.functions, b)?].clone();
                format!(
                    "create or replace function {function}() returns trigger language plpgsql as \
                     $$ begin /* {c} */ return old; end $$"
                )
            }
            25 => {
                let (column, _) = column?.1;
                let view = self.name("v");
                self.tables[at].read = true;
                self.views.push((view.clone(), name.clone()));
                format!("create view {view} as select id, {column} as shown from {name}")
            }
            26 => {
                let place = pick(&self.views, b)?;
                let (view, of) = self.views.remove(place);
                if !self.views.iter().any(|(_, other)| *other == of) {
                    self.tables
                        .iter_mut()
                        .filter(|table| table.name == of)
                        .for_each(|table| table.read = false);
                }
                format!("drop view {view}")
            }
            27 => format!("comment on table {name} is 'number {c}'"),
            28 => match c % 3 {
                0 => format!("grant select on {name} to anon"),
                1 => format!("grant update ({}) on {name} to anon with grant option", column?.1.0),
                _ => format!("revoke all on {name} from anon"),
            },
            29 if self.tables.len() > 1 => {
                self.tables.remove(at);
                self.views.retain(|(_, of)| *of != name);
                format!("drop table {name} cascade")
            }
            _ => {
                let label = self.name("l");
                self.labels.push(label.clone());
                let label = label.replace('"', "");
                if self.labels.len() == 1 {
                    format!("create type mood as enum ('{label}')")
                } else {
                    return None;
                }
            }
        })
    }

    fn create_table(&mut self, a: u8, b: u8) -> String {
        let name = self.name("t");
        let key = if a.is_multiple_of(2) {
            "bigint generated always as identity primary key"
        } else {
            "bigserial primary key"
        };
        let first = self.name("c");
        let ty = TYPES[usize::from(b) % TYPES.len()];
        self.tables.push(Table {
            name: name.clone(),
            columns: vec![(first.clone(), ty)],
            ..Table::default()
        });
        format!("create table {name} (id {key}, {first} {ty})")
    }
}
