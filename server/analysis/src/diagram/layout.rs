//! Where boxes stand: columns of boxes, every table to the right of those that it refers to, none too high. Then each
//! column in an order that keeps lines short, and each box as near as can be to what it is connected with.
//!
//! Lines run in the channels between columns and, where they pass a column, in lanes between its boxes, which are
//! ordered and placed like boxes. So no line crosses a box. Everything is on a grid of ten.

use std::collections::{BTreeMap, BTreeSet};

use super::{Column, Diagram, Table};

pub(super) const GRID: i32 = 10;
pub(super) const HEAD: i32 = 30;
pub(super) const ROW: i32 = 20;
pub(super) const MARGIN: i32 = 20;
const BETWEEN: i32 = 30;
/// Width of a letter of the drawing's font, in tenths of a pixel: somewhat more than that of common ones.
const LETTER: i32 = 74;
/// Names and types are cut behind so many letters.
pub(super) const MOST: usize = 32;
const SWEEPS: usize = 12;
/// Width to height that is aimed at, in tenths.
const SHAPE: f64 = 1.5;

/// A line's bundle: everything that refers to one table.
pub(super) type Bundle = usize;

/// Something that takes room in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A table.
    Box(usize),
    /// A bundle that passes.
    Lane(Bundle),
}

/// A placed box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) column: usize,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// Everything placed but in columns that have no x yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) boxes: Vec<Place>,
    /// The columns from left to right, each from top to bottom.
    pub(super) columns: Vec<Vec<Item>>,
    /// Top of each lane, by bundle and column.
    pub(super) lanes: BTreeMap<(Bundle, usize), i32>,
}

/// Columns that are shown: in a difference, of tables that did not change only the keys.
pub(super) fn shown<'a>(diagram: &Diagram, table: &'a Table) -> Vec<(usize, &'a Column)> {
    let is_short = diagram.is_difference && table.mark == super::Mark::Same || table.is_outside;
    let columns = table.columns.iter().enumerate();
    columns
        .filter(|(_, column)| !is_short || column.primary || column.foreign)
        .collect()
}

/// Letters in a drawing: those of East Asian scripts are twice as wide.
pub(super) fn letters(text: &str) -> i32 {
    let wide = |letter: char| {
        if ('\u{1100}'..'\u{20000}').contains(&letter) && letter > '\u{2e7f}' {
            2
        } else {
            1
        }
    };
    text.chars().map(wide).sum()
}

/// A type by its short name.
pub(super) fn short(ty: &str) -> String {
    let pairs = [
        (" without time zone", ""),
        ("timestamp with time zone", "timestamptz"),
        ("time with time zone", "timetz"),
        ("character varying", "varchar"),
        ("double precision", "float8"),
        ("bit varying", "varbit"),
    ];
    let short = pairs
        .into_iter()
        .fold(ty.to_owned(), |ty, (long, short)| ty.replace(long, short));
    // The modifier stands inside of the long name.
    if short.starts_with("timestamp(") && short.ends_with(" with time zone") {
        return short.replace(" with time zone", "").replace("timestamp", "timestamptz");
    }
    short
}

/// Cut to what a box holds.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MOST - 1).collect();
    format!("{kept}…")
}

fn up_to_grid(number: i32) -> i32 {
    (number + GRID - 1) / GRID * GRID
}

/// How large a table's box is.
fn size(diagram: &Diagram, table: &Table) -> (i32, i32) {
    let columns = shown(diagram, table);
    let name = columns
        .iter()
        .map(|(_, column)| letters(&cut(&column.name)))
        .max()
        .unwrap_or_default();
    let ty = columns
        .iter()
        .map(|(_, column)| letters(&cut(&short(&column.ty))) + 1)
        .max()
        .unwrap_or_default();
    // The sign and the key stand before the name.
    let rows = name + ty + 8;
    let title = letters(&cut(&table.label())) + 4;
    let notes = table
        .notes
        .iter()
        .map(|note| letters(&cut(&note.text)) + 4)
        .max()
        .unwrap_or_default();
    let width = rows.max(title).max(notes) * LETTER / 10 + 20;
    let more = i32::from(columns.len() < table.columns.len());
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX / 1000);
    (
        up_to_grid(width),
        HEAD + ROW * (count(columns.len() + table.notes.len()) + more) + GRID,
    )
}

pub(super) fn layout(diagram: &Diagram) -> Layout {
    let sizes: Vec<(i32, i32)> = diagram.tables.iter().map(|table| size(diagram, table)).collect();
    let columns = columns(diagram, &sizes);
    let mut layout = Layout {
        boxes: vec![Place::default(); sizes.len()],
        ..Layout::default()
    };
    for (column, tables) in columns.iter().enumerate() {
        layout
            .columns
            .push(tables.iter().map(|table| Item::Box(*table)).collect());
        for table in tables {
            let (width, height) = sizes[*table];
            layout.boxes[*table] = Place {
                column,
                y: 0,
                width,
                height,
            };
        }
    }
    for (bundle, column) in passes(diagram, &layout) {
        layout.columns[column].push(Item::Lane(bundle));
        layout.lanes.insert((bundle, column), 0);
    }
    let links = Links::of(diagram, &layout);
    order(&mut layout, &links);
    align(&mut layout, &links);
    layout
}

/// Which tables stand in which column.
fn columns(diagram: &Diagram, sizes: &[(i32, i32)]) -> Vec<Vec<usize>> {
    let targets = targets(diagram);
    let order = topological(&targets);
    let total: i32 = sizes.iter().map(|(_, height)| height + BETWEEN).sum();
    let width = sizes.iter().map(|(width, _)| *width).max().unwrap_or_default() + 90;
    let wanted = (f64::from(total) * SHAPE / f64::from(width)).sqrt().ceil().max(1.0);
    let highest = sizes
        .iter()
        .map(|(_, height)| height + BETWEEN)
        .max()
        .unwrap_or_default();
    #[allow(clippy::cast_possible_truncation, reason = "a height in pixels")]
    let most = ((f64::from(total) / wanted * 1.1) as i32).max(highest);
    let mut columns: Vec<(i32, Vec<usize>)> = Vec::new();
    let mut column_of = vec![usize::MAX; sizes.len()];
    let is_connected =
        |table: usize| !targets[table].is_empty() || targets.iter().any(|others| others.contains(&table));
    let (connected, single): (Vec<usize>, Vec<usize>) = order.into_iter().partition(|table| is_connected(*table));
    for table in connected {
        let before = targets[table].iter().filter(|other| column_of[**other] != usize::MAX);
        let first = before.map(|other| column_of[*other] + 1).max().unwrap_or_default();
        let height = sizes[table].1 + BETWEEN;
        let mut at = first;
        while columns.get(at).is_some_and(|(used, _)| used + height > most) {
            at += 1;
        }
        put(&mut columns, at, table, height);
        column_of[table] = at;
    }
    for table in single {
        let lowest = (0..columns.len()).min_by_key(|at| columns[*at].0);
        let height = sizes[table].1 + BETWEEN;
        let fits = lowest.filter(|at| columns[*at].0 + height <= most);
        let at = fits.unwrap_or(columns.len());
        put(&mut columns, at, table, height);
    }
    columns.into_iter().map(|(_, tables)| tables).collect()
}

fn put(columns: &mut Vec<(i32, Vec<usize>)>, at: usize, table: usize, height: i32) {
    while columns.len() <= at {
        columns.push((0, Vec::new()));
    }
    columns[at].0 += height;
    columns[at].1.push(table);
}

/// The tables that each refers to, itself left out.
fn targets(diagram: &Diagram) -> Vec<BTreeSet<usize>> {
    let mut targets = vec![BTreeSet::new(); diagram.tables.len()];
    for key in diagram.keys.iter().filter(|key| key.from != key.to) {
        targets[key.from].insert(key.to);
    }
    targets
}

/// What is referred to first; where tables refer to each other, whichever comes first by name.
fn topological(targets: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut done = Vec::new();
    let mut state = vec![false; targets.len()];
    for start in 0..targets.len() {
        // Depth first, without recursion.
        let mut open = vec![(start, false)];
        while let Some((table, is_left)) = open.pop() {
            if is_left {
                done.push(table);
            } else if !std::mem::replace(&mut state[table], true) {
                open.push((table, true));
                open.extend(
                    targets[table]
                        .iter()
                        .rev()
                        .filter(|other| !state[**other])
                        .map(|other| (*other, false)),
                );
            }
        }
    }
    done
}

/// The channel to the right of a column, or to its left, in which a table that refers to `to` is connected.
pub(super) fn channel_of(layout: &Layout, from: usize, to: usize) -> usize {
    let (own, other) = (layout.boxes[from].column, layout.boxes[to].column);
    // Channel n is to the right of column n.
    if own > other { own - 1 } else { own }
}

/// Which bundles pass which columns.
fn passes(diagram: &Diagram, layout: &Layout) -> BTreeSet<(Bundle, usize)> {
    let mut found = BTreeSet::new();
    for key in &diagram.keys {
        let target = layout.boxes[key.to].column;
        let channel = channel_of(layout, key.from, key.to);
        let between = if channel >= target {
            target + 1..channel + 1
        } else {
            channel + 1..target
        };
        found.extend(between.map(|column| (key.to, column)));
    }
    found
}

/// What is connected with what in the next column to the left and to the right.
struct Links {
    left: BTreeMap<(Item, usize), Vec<Item>>,
    right: BTreeMap<(Item, usize), Vec<Item>>,
}

impl Links {
    fn of(diagram: &Diagram, layout: &Layout) -> Self {
        let mut links = Self {
            left: BTreeMap::new(),
            right: BTreeMap::new(),
        };
        for key in &diagram.keys {
            let (from, to) = (layout.boxes[key.from].column, layout.boxes[key.to].column);
            let mut last = Item::Box(key.to);
            if from > to {
                for column in to + 1..=from {
                    let next = if column == from {
                        Item::Box(key.from)
                    } else {
                        Item::Lane(key.to)
                    };
                    links.right.entry((last, column - 1)).or_default().push(next);
                    links.left.entry((next, column)).or_default().push(last);
                    last = next;
                }
            } else {
                for column in (from..to).rev() {
                    let next = if column == from {
                        Item::Box(key.from)
                    } else {
                        Item::Lane(key.to)
                    };
                    links.left.entry((last, column + 1)).or_default().push(next);
                    links.right.entry((next, column)).or_default().push(last);
                    last = next;
                }
            }
        }
        links
    }
}

impl Layout {
    fn height(&self, item: Item) -> i32 {
        match item {
            Item::Box(table) => self.boxes[table].height,
            Item::Lane(_) => GRID,
        }
    }

    fn top(&self, item: Item, column: usize) -> i32 {
        match item {
            Item::Box(table) => self.boxes[table].y,
            Item::Lane(bundle) => self.lanes[&(bundle, column)],
        }
    }

    fn middle(&self, item: Item, column: usize) -> i32 {
        self.top(item, column) + self.height(item) / 2
    }

    fn set_top(&mut self, item: Item, column: usize, y: i32) {
        match item {
            Item::Box(table) => self.boxes[table].y = y,
            Item::Lane(bundle) => _ = self.lanes.insert((bundle, column), y),
        }
    }

    /// One below the other, from the top.
    fn stack(&mut self, column: usize) {
        let mut y = MARGIN;
        let items = self.columns[column].clone();
        for (at, item) in items.iter().enumerate() {
            self.set_top(*item, column, y);
            y += self.height(*item) + items.get(at + 1).map_or(0, |next| gap(*item, *next));
        }
    }

    /// How far lines go up and down, all in all.
    fn detours(&self, links: &Links) -> i64 {
        let ends = links.right.iter().flat_map(|((item, column), others)| {
            let from = self.middle(*item, *column);
            others
                .iter()
                .map(move |other| i64::from((self.middle(*other, column + 1) - from).abs()))
        });
        ends.sum()
    }
}

fn gap(one: Item, other: Item) -> i32 {
    match (one, other) {
        (Item::Box(_), Item::Box(_)) => BETWEEN,
        (Item::Lane(_), Item::Lane(_)) => 0,
        _ => GRID,
    }
}

/// Sorts every column by the middle of what its items are connected with, from left to right and back, and keeps the
/// best of all tries.
fn order(layout: &mut Layout, links: &Links) {
    (0..layout.columns.len()).for_each(|column| layout.stack(column));
    let mut best = (layout.detours(links), layout.columns.clone());
    for sweep in 0..SWEEPS {
        let is_right = sweep % 2 == 0;
        let count = layout.columns.len();
        for step in 0..count {
            let column = if is_right { step } else { count - 1 - step };
            let side = if is_right { &links.left } else { &links.right };
            let next = if is_right { column.wrapping_sub(1) } else { column + 1 };
            let wanted = |item: &Item| {
                let others = side.get(&(*item, column)).map_or(&[][..], Vec::as_slice);
                let middles = others.iter().map(|other| layout.middle(*other, next));
                let count = i32::try_from(others.len()).unwrap_or(1).max(1);
                if others.is_empty() {
                    layout.middle(*item, column)
                } else {
                    middles.sum::<i32>() / count
                }
            };
            let mut sorted: Vec<(i32, Item)> = layout.columns[column]
                .iter()
                .map(|item| (wanted(item), *item))
                .collect();
            sorted.sort_by_key(|(wanted, _)| *wanted);
            layout.columns[column] = sorted.into_iter().map(|(_, item)| item).collect();
            layout.stack(column);
        }
        let detours = layout.detours(links);
        if detours < best.0 {
            best = (detours, layout.columns.clone());
        }
    }
    layout.columns = best.1;
    (0..layout.columns.len()).for_each(|column| layout.stack(column));
}

/// Moves items of each column towards what they are connected with, in their order and with their gaps.
fn align(layout: &mut Layout, links: &Links) {
    for sweep in 0..6 {
        for step in 0..layout.columns.len() {
            let column = if sweep % 2 == 0 {
                step
            } else {
                layout.columns.len() - 1 - step
            };
            let items = layout.columns[column].clone();
            let wanted: Vec<f64> = items.iter().map(|item| wanted(layout, links, *item, column)).collect();
            let mut offsets = vec![0];
            for pair in items.windows(2) {
                let last = offsets.last().copied().unwrap_or_default();
                offsets.push(last + layout.height(pair[0]) + gap(pair[0], pair[1]));
            }
            let free: Vec<f64> = wanted
                .iter()
                .zip(&offsets)
                .map(|(wanted, offset)| wanted - f64::from(*offset))
                .collect();
            for ((item, top), offset) in items.iter().zip(rising(&free)).zip(offsets) {
                #[allow(clippy::cast_possible_truncation, reason = "a place in pixels")]
                let top = (top / f64::from(GRID)).round() as i32 * GRID;
                layout.set_top(*item, column, top + offset);
            }
        }
    }
    let tops = layout
        .boxes
        .iter()
        .map(|place| place.y)
        .chain(layout.lanes.values().copied());
    let highest = tops.min().unwrap_or_default();
    layout.boxes.iter_mut().for_each(|place| place.y += MARGIN - highest);
    layout.lanes.values_mut().for_each(|y| *y += MARGIN - highest);
}

/// The top at which an item would stand level with what it is connected with.
fn wanted(layout: &Layout, links: &Links, item: Item, column: usize) -> f64 {
    let side = |links: &BTreeMap<(Item, usize), Vec<Item>>, next: usize| -> Vec<i32> {
        let others = links.get(&(item, column)).map_or(&[][..], Vec::as_slice);
        others.iter().map(|other| layout.middle(*other, next)).collect()
    };
    let mut middles = side(&links.left, column.wrapping_sub(1));
    middles.extend(side(&links.right, column + 1));
    if middles.is_empty() {
        return f64::from(layout.top(item, column));
    }
    middles.sort_unstable();
    f64::from(middles[middles.len() / 2] - layout.height(item) / 2)
}

/// The nearest sequence that never falls: neighbours that would are pooled at their mean.
fn rising(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let mut pool = (*value, 1_usize);
        while let Some((mean, count)) = pools.last().copied().filter(|(mean, _)| *mean > pool.0) {
            pools.pop();
            let all = count + pool.1;
            #[allow(clippy::cast_precision_loss, reason = "as many as a column has boxes")]
            let (own, other) = (count as f64, pool.1 as f64);
            pool = ((mean * own + pool.0 * other) / (own + other), all);
        }
        pools.push(pool);
    }
    pools
        .into_iter()
        .flat_map(|(mean, count)| std::iter::repeat_n(mean, count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_fall_is_pooled() {
        assert_eq!(rising(&[1.0, 5.0, 3.0, 7.0]), [1.0, 4.0, 4.0, 7.0]);
        assert_eq!(rising(&[]), Vec::<f64>::new());
    }

    #[test]
    fn what_is_referred_to_comes_first_and_circles_end() {
        let set = |items: &[usize]| items.iter().copied().collect();
        assert_eq!(topological(&[set(&[2]), set(&[0]), set(&[])]), [2, 0, 1]);
        assert_eq!(topological(&[set(&[1]), set(&[0])]), [1, 0]);
    }
}
