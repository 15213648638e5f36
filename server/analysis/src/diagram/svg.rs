//! A diagram as SVG. It brings its own style and needs nothing from elsewhere.

use super::layout::{HEAD, ROW, cut, short, shown};
use super::markup::{escaped, put};
use super::route::{Drawing, draw as route};
use super::{Column, Diagram, Mark, Table};

const STYLE: &str = "
svg { color-scheme: light dark; --paper: #ffffff; --box: #f6f8fb; --head: #e7ebf2; --ink: #1d2330; --quiet: #5b6473; --line: #aab3c2;
  --added: #1d7a3d; --added-row: #dff3e4; --changed: #9a6200; --changed-row: #fdf0d5; --dropped: #b3261e; --dropped-row: #fbe2e0;
  --b0: #2d6cc4; --b1: #b4552d; --b2: #6b4fc0; --b3: #1f8a70; --b4: #b13a86; --b5: #7d7a14; --b6: #4a6785; --b7: #a8384b; }
@media (prefers-color-scheme: dark) { svg { --paper: #14171d; --box: #1b2028; --head: #2a313d; --ink: #e6e9ef; --quiet: #9aa4b5; --line: #4b5565;
  --added: #6fd08c; --added-row: #183524; --changed: #e6b455; --changed-row: #3a2f14; --dropped: #ff8a80; --dropped-row: #43201e;
  --b0: #6fa5f2; --b1: #e08a60; --b2: #a68ff0; --b3: #4cc3a4; --b4: #e272bb; --b5: #c9c455; --b6: #8fb0d2; --b7: #ee7d8f; } }
text { font: 12px ui-monospace, Menlo, Consolas, \"DejaVu Sans Mono\", \"Liberation Mono\", monospace; fill: var(--ink); }
.paper { fill: var(--paper); }
.box { fill: var(--box); stroke: var(--line); }
.head { fill: var(--head); }
.title { font-weight: 700; }
.type, .more { fill: var(--quiet); }
.key { fill: var(--quiet); font-size: 9.5px; font-weight: 700; }
.primary .name { font-weight: 700; }
.outside { opacity: .75; }
.outside .box { stroke-dasharray: 4 3; }
.unchanged { opacity: .62; }
.added .box { stroke: var(--added); stroke-width: 2; } .changed .box { stroke: var(--changed); stroke-width: 2; }
.dropped .box { stroke: var(--dropped); stroke-width: 2; stroke-dasharray: 6 3; }
.row-added { fill: var(--added-row); } .row-changed { fill: var(--changed-row); } .row-dropped { fill: var(--dropped-row); }
.sign { font-weight: 700; } .sign.is-added { fill: var(--added); } .sign.is-changed { fill: var(--changed); } .sign.is-dropped { fill: var(--dropped); }
.gone { text-decoration: line-through; }
.line { fill: none; stroke-width: 1.5; } .halo { fill: none; stroke: var(--paper); stroke-width: 4.5; }
.dot { stroke: none; }
.k-same { stroke: var(--line); fill: var(--line); } .k-added { stroke: var(--added); fill: var(--added); stroke-width: 2.2; }
.k-changed { stroke: var(--changed); fill: var(--changed); stroke-width: 2.2; } .k-dropped { stroke: var(--dropped); fill: var(--dropped); stroke-dasharray: 6 3; }
.b0 { stroke: var(--b0); fill: var(--b0); } .b1 { stroke: var(--b1); fill: var(--b1); } .b2 { stroke: var(--b2); fill: var(--b2); }
.b3 { stroke: var(--b3); fill: var(--b3); } .b4 { stroke: var(--b4); fill: var(--b4); } .b5 { stroke: var(--b5); fill: var(--b5); }
.b6 { stroke: var(--b6); fill: var(--b6); } .b7 { stroke: var(--b7); fill: var(--b7); }
path.line { fill: none; }
";
const LEGEND: i32 = 30;

pub(super) fn draw(diagram: &Diagram) -> String {
    let drawing = route(diagram);
    let legend = if diagram.is_difference { LEGEND } else { 0 };
    let (width, height) = (drawing.width.max(360), drawing.height.max(40) + legend);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>Tables and foreign keys</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    // What changed is drawn last, over what it shares its way with.
    let mut order: Vec<usize> = (0..diagram.keys.len()).collect();
    order.sort_by_key(|at| diagram.keys[*at].mark);
    for at in order {
        key(&mut out, diagram, &drawing, at);
    }
    for (at, own) in diagram.tables.iter().enumerate() {
        table(&mut out, diagram, &drawing, at, own);
    }
    if diagram.tables.is_empty() {
        put(
            &mut out,
            format_args!("<text x=\"20\" y=\"26\">There are no tables.</text>\n"),
        );
    }
    if diagram.is_difference {
        signs(&mut out, height - 14);
    }
    out.push_str("</svg>\n");
    out
}

fn signs(out: &mut String, y: i32) {
    let mut x = 20;
    for mark in [Mark::Added, Mark::Changed, Mark::Dropped] {
        let (sign, word) = (mark.sign(), mark.word());
        put(
            out,
            format_args!(
                "<text class=\"sign is-{word}\" x=\"{x}\" y=\"{y}\">{sign}</text><text x=\"{}\" y=\"{y}\">{word}</text>\n",
                x + 14
            ),
        );
        x += 100;
    }
}

fn key(out: &mut String, diagram: &Diagram, drawing: &Drawing, at: usize) {
    let key = &diagram.keys[at];
    let (from, to) = (&diagram.tables[key.from], &diagram.tables[key.to]);
    let class = match (key.mark, diagram.is_difference) {
        (Mark::Same, false) => format!("b{}", drawing.colours.get(&key.to).copied().unwrap_or_default()),
        (Mark::Same, true) => "k-same".to_owned(),
        (mark, _) => format!("k-{}", mark.word()),
    };
    let points = &drawing.lines[at];
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let path = path.join("L");
    let columns: Vec<&str> = key
        .from_columns
        .iter()
        .map(|column| from.columns[*column].name.as_str())
        .collect();
    put(
        out,
        format_args!(
            "<g class=\"reference\" data-from=\"{}\" data-to=\"{}\"><title>{}</title><path class=\"halo\" d=\"M{path}\"/>\
         <path class=\"line {class}\" d=\"M{path}\"/>",
            escaped(&from.label()),
            escaped(&to.label()),
            escaped(&format!(
                "{} {}: {} ({}) → {}",
                key.mark.sign(),
                key.name,
                from.label(),
                columns.join(", "),
                to.label()
            )),
        ),
    );
    if let Some((x, y)) = points.first() {
        put(
            out,
            format_args!("<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"),
        );
    }
    if let [.., (before, _), (x, y)] = points.as_slice() {
        let back = if before > x { x + 8.0 } else { x - 8.0 };
        let (up, down) = (y - 4.0, y + 4.0);
        put(
            out,
            format_args!("<path class=\"dot {class}\" d=\"M{x:.1} {y:.1}L{back:.1} {up:.1}L{back:.1} {down:.1}z\"/>"),
        );
    }
    out.push_str("</g>\n");
}

fn table(out: &mut String, diagram: &Diagram, drawing: &Drawing, at: usize, own: &Table) {
    let (x, y, width, height) = drawing.place(at);
    let mut class = vec!["table"];
    if own.is_outside {
        class.push("outside");
    } else if diagram.is_difference && own.mark == Mark::Same {
        class.push("unchanged");
    }
    class.push(own.mark.word());
    let class = class.join(" ");
    let (name, label) = (escaped(&own.label()), escaped(&cut(&own.label())));
    let was = own
        .was
        .as_ref()
        .map_or_else(String::new, |was| format!(", was {}", super::label(was)));
    put(
        out,
        format_args!(
            "<g class=\"{}\" data-table=\"{name}\"><title>{name}{}</title>\
         <rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\
         <path class=\"head\" d=\"M{} {}v-{}a5 5 0 0 1 5-5h{}a5 5 0 0 1 5 5v{}z\"/>",
            class.trim_end(),
            escaped(&was),
            x + 1,
            y + HEAD,
            HEAD - 6,
            width - 12,
            HEAD - 6,
        ),
    );
    let gone = if own.mark == Mark::Dropped { " gone" } else { "" };
    sign(out, own.mark, x + 8, y + 20);
    put(
        out,
        format_args!(
            "<text class=\"title{gone}\" x=\"{}\" y=\"{}\">{label}</text>\n",
            x + 22,
            y + 20
        ),
    );
    let columns = shown(diagram, own);
    let mut top = y + HEAD;
    for (_, column) in &columns {
        row(out, own, column, (x, top, width));
        top += ROW;
    }
    if columns.len() < own.columns.len() {
        let more = own.columns.len() - columns.len();
        let words = if more == 1 { "1 more column" } else { "more columns" };
        let count = if more == 1 { String::new() } else { format!("{more} ") };
        put(
            out,
            format_args!(
                "<text class=\"more\" x=\"{}\" y=\"{}\">{count}{words}</text>\n",
                x + 22,
                top + 14
            ),
        );
        top += ROW;
    }
    for note in &own.notes {
        stripe(out, note.mark, (x, top, width));
        sign(out, note.mark, x + 8, top + 14);
        let text = escaped(&cut(&note.text));
        let gone = if note.mark == Mark::Dropped { " gone" } else { "" };
        put(
            out,
            format_args!(
                "<text class=\"type{gone}\" x=\"{}\" y=\"{}\">{text}</text>\n",
                x + 22,
                top + 14
            ),
        );
        top += ROW;
    }
    out.push_str("</g>\n");
}

fn stripe(out: &mut String, mark: Mark, (x, top, width): (i32, i32, i32)) {
    if mark != Mark::Same {
        let (x, width, height, word) = (x + 1, width - 2, ROW, mark.word());
        put(
            out,
            format_args!("<rect class=\"row-{word}\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"),
        );
    }
}

fn sign(out: &mut String, mark: Mark, x: i32, y: i32) {
    if mark != Mark::Same {
        let (sign, word) = (mark.sign(), mark.word());
        put(
            out,
            format_args!("<text class=\"sign is-{word}\" x=\"{x}\" y=\"{y}\">{sign}</text>"),
        );
    }
}

fn row(out: &mut String, own: &Table, column: &Column, (x, top, width): (i32, i32, i32)) {
    // In a table that is new or gone as a whole, the sign on the table says it all.
    let mark = if column.mark == own.mark && own.mark != Mark::Changed {
        Mark::Same
    } else {
        column.mark
    };
    stripe(out, mark, (x, top, width));
    sign(out, mark, x + 8, top + 14);
    let class = if column.primary { "column primary" } else { "column" };
    let key = match (column.primary, column.foreign, column.unique) {
        (true, true, _) => "PF",
        (true, ..) => "PK",
        (_, true, _) => "FK",
        (.., true) => "UK",
        _ => "",
    };
    if !key.is_empty() {
        put(
            out,
            format_args!("<text class=\"key\" x=\"{}\" y=\"{}\">{key}</text>", x + 22, top + 13),
        );
    }
    let gone = if column.mark == Mark::Dropped { " gone" } else { "" };
    let null = if column.nullable { "?" } else { "" };
    let ty = format!("{}{null}", cut(&short(&column.ty)));
    let was = column
        .was
        .as_ref()
        .map_or_else(String::new, |was| format!(" (was {was})"));
    let nullable = if column.nullable { ", may be null" } else { ", not null" };
    put(
        out,
        format_args!(
            "<g class=\"{class}\"><title>{}</title>\
         <text class=\"name{gone}\" x=\"{}\" y=\"{}\">{}</text><text class=\"type{gone}\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text></g>\n",
            escaped(&format!("{} {}{nullable}{was}", column.name, column.ty)),
            x + 40,
            top + 14,
            escaped(&cut(&column.name)),
            x + width - 8,
            top + 14,
            escaped(&ty),
        ),
    );
}
