//! Pictures of small schemas in full, and of large ones by what must hold in every picture.

use super::layout::HEAD;
use super::route::draw;
use super::*;
use crate::history::{History, Migration};
use crate::schema::timeline::Timeline;
use crate::settings::Settings;

/// The catalogs before the first file and after each.
fn replayed(texts: &[&str]) -> Timeline {
    let migrations = texts.iter().enumerate();
    let history = History {
        migrations: migrations
            .map(|(number, text)| Migration::new(&format!("{number}.sql"), text))
            .collect(),
        complete: true,
        ..History::default()
    };
    let documents: Vec<_> = history.migrations.iter().map(crate::read).collect();
    Timeline::replay(&history, &documents, &Settings::default())
}

fn whole(text: &str) -> Diagram {
    let timeline = replayed(&[text]);
    Diagram::of(timeline.last(), timeline.before(0))
}

fn change(before: &str, after: &str) -> Diagram {
    let timeline = replayed(&[before, after]);
    Diagram::between(timeline.before(1), timeline.last(), timeline.before(0))
}

/// A table's columns as `+ name type?`, then its notes.
fn lines(diagram: &Diagram, table: &str) -> Vec<String> {
    let found = diagram
        .tables
        .iter()
        .find(|own| own.label() == table)
        .expect("the table is drawn");
    let column = |column: &Column| {
        let null = if column.nullable { "?" } else { "" };
        let was = column
            .was
            .as_ref()
            .map_or_else(String::new, |was| format!(" was {was}"));
        format!("{} {} {}{null}{was}", column.mark.sign(), column.name, column.ty)
    };
    let notes = found
        .notes
        .iter()
        .map(|note| format!("{} {}", note.mark.sign(), note.text));
    found
        .columns
        .iter()
        .map(column)
        .chain(notes)
        .map(|line| line.trim_start().to_owned())
        .collect()
}

const SHOP: &str = "create table users (id bigint primary key, email text not null unique);
create table orders (id bigint primary key, user_id bigint not null references users, note varchar(10), total numeric);
create table old (id int);";

#[test]
fn tables_columns_and_keys_are_drawn() {
    let diagram = whole(SHOP);
    assert_eq!(lines(&diagram, "users"), ["id bigint", "email text"]);
    let [key] = diagram.keys.as_slice() else {
        panic!("one key")
    };
    assert_eq!(diagram.tables[key.from].label(), "orders");
    assert_eq!(
        (diagram.tables[key.to].label().as_str(), &*key.to_columns),
        ("users", &[0][..])
    );
    let email = &diagram.tables[key.to].columns[1];
    assert!(email.unique && !email.primary);
}

#[test]
fn a_change_is_marked_where_it_is() {
    let diagram = change(
        SHOP,
        "alter table orders add column paid boolean not null default false, drop column note,
           alter column total type numeric(10, 2), alter column total set not null;
         alter table users rename column email to address;
         create index orders_paid on orders (paid);
         alter table users enable row level security;
         create table items (id bigint primary key, order_id bigint references orders);
         alter table orders drop constraint orders_user_id_fkey;
         drop table old;",
    );
    let marks: Vec<String> = diagram
        .tables
        .iter()
        .map(|table| format!("{}{}", table.mark.sign(), table.label()))
        .collect();
    assert_eq!(marks, ["+items", "−old", "~orders", "~users"]);
    assert_eq!(
        lines(&diagram, "orders"),
        [
            "id bigint",
            "user_id bigint",
            "− note character varying(10)?",
            "~ total numeric(10,2) was numeric, null",
            "+ paid boolean",
            "+ index orders_paid",
        ]
    );
    assert_eq!(
        lines(&diagram, "users"),
        ["id bigint", "~ address text was email", "+ row level security"]
    );
    let keys: Vec<String> = diagram
        .keys
        .iter()
        .map(|key| format!("{}{}", key.mark.sign(), key.name))
        .collect();
    assert_eq!(keys, ["+items_order_id_fkey", "−orders_user_id_fkey"]);
}

#[test]
fn a_renamed_table_is_one_table() {
    let diagram = change(SHOP, "alter table users rename to people;");
    let people = diagram
        .tables
        .iter()
        .find(|table| table.label() == "people")
        .expect("it is drawn");
    assert_eq!(people.was.as_ref().map(|id| id.name.as_str()), Some("users"));
    assert!(diagram.tables.iter().all(|table| table.label() != "users"));
    assert_eq!(diagram.keys.len(), 1);
}

#[test]
fn mermaid_has_words_where_it_knows_no_others() {
    let diagram = whole(
        "create schema app; create table app.\"Odd \"\"table\" (\"a b\" int primary key, c timestamp with time zone, d int[]);
         create table b (id int primary key references app.\"Odd \"\"table\");",
    );
    assert_eq!(
        diagram.to_mermaid(),
        "erDiagram
  t0[\"app.Odd 'table\"] {
    integer a_b PK \"a b\"
    timestamp_with_time_zone c
    integer[] d
  }
  t1[\"b\"] {
    integer id PK, FK
  }
  t0 ||--o| t1 : \"b_id_fkey\"
"
    );
}

#[test]
fn nothing_of_a_name_becomes_markup() {
    let svg = whole("create table \"<script>&\"\"\" (\"</svg>\" int);").to_svg();
    assert!(!svg.contains("<script") && svg.matches("</svg>").count() == 1);
    assert!(svg.contains("data-table=\"&lt;script&gt;&amp;&quot;\""));
}

/// Schemas with circles, tables that refer to themselves, keys over the same column, and tables without any.
fn tangled(count: usize, seed: usize) -> String {
    let mut state = seed * 7919 + 13;
    let mut next = |most: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let mut text = String::new();
    for table in 0..count {
        let columns: Vec<String> = (0..next(9)).map(|column| format!(", column_{column} text")).collect();
        let columns = columns.concat();
        text.push_str(&format!(
            "create table t{table} (id int primary key, other int{columns});\n"
        ));
    }
    for key in 0..count * 3 / 2 {
        let (from, to) = (next(count), next(count.div_ceil(2)));
        let column = if next(3) == 0 { "id" } else { "other" };
        text.push_str(&format!(
            "alter table t{from} add constraint k{key} foreign key ({column}) references t{to};\n"
        ));
    }
    text
}

#[test]
fn boxes_never_overlap_and_lines_never_cross_them_or_run_on_top_of_each_other() {
    for seed in 0..24 {
        let diagram = whole(&tangled(3 + seed * 2, seed));
        let drawing = draw(&diagram);
        let places: Vec<_> = (0..diagram.tables.len()).map(|at| drawing.place(at)).collect();
        for (at, (x, y, width, height)) in places.iter().enumerate() {
            assert!(*x >= 0 && *y >= 0 && x + width <= drawing.width && y + height <= drawing.height);
            assert!(*height >= HEAD);
            for (left, top, wide, high) in &places[at + 1..] {
                let apart = x + width <= *left || left + wide <= *x || y + height <= *top || top + high <= *y;
                assert!(apart, "seed {seed}: two boxes overlap");
            }
        }
        judge_lines(&diagram, &drawing, &places, seed);
    }
}

/// A horizontal or vertical piece of a line: whether it is vertical, where it lies, from, to, and what it leads to.
type Piece = (bool, f64, f64, f64, usize);

fn judge_lines(diagram: &Diagram, drawing: &route::Drawing, places: &[(i32, i32, i32, i32)], seed: usize) {
    let mut pieces: Vec<Piece> = Vec::new();
    for (key, line) in diagram.keys.iter().zip(&drawing.lines) {
        for pair in line.windows(2) {
            let [(x1, y1), (x2, y2)] = pair else {
                panic!("two corners")
            };
            let is_vertical = (x1 - x2).abs() < 1e-9;
            assert!(is_vertical || (y1 - y2).abs() < 1e-9, "seed {seed}: a slanted line");
            pieces.push(if is_vertical {
                (true, *x1, y1.min(*y2), y1.max(*y2), key.to)
            } else {
                (false, *y1, x1.min(*x2), x1.max(*x2), key.to)
            });
        }
    }
    for (is_vertical, at, from, to, _) in &pieces {
        for (x, y, width, height) in places {
            let (x, y, right, bottom) = (
                f64::from(*x),
                f64::from(*y),
                f64::from(x + width),
                f64::from(y + height),
            );
            let (near, far, low, high) = if *is_vertical {
                (x, right, y, bottom)
            } else {
                (y, bottom, x, right)
            };
            let is_inside = *at > near && *at < far && *to > low && *from < high;
            assert!(!is_inside, "seed {seed}: a line crosses a box");
        }
    }
    for (number, one) in pieces.iter().enumerate() {
        for other in &pieces[number + 1..] {
            let is_same_way = one.0 == other.0 && (one.1 - other.1).abs() < 0.5 && one.4 != other.4;
            let overlap = one.3.min(other.3) - one.2.max(other.2);
            assert!(!is_same_way || overlap <= 0.0, "seed {seed}: {one:?} runs on {other:?}");
        }
    }
}
