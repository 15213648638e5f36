//! How lines run: out of a box to a track in the channel beside it, along lanes past other columns, and to the table that
//! is referred to. Lines to the same table share their way; those to different tables never run on top of each other,
//! since each kind of horizontal has its own remainder by ten, and each bundle its own track.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::{Bundle, GRID, HEAD, Layout, MARGIN, ROW, channel_of, layout, shown};
use super::{Diagram, Key};

/// How many colours the style sheet has for lines.
const COLOURS: usize = 8;
/// Room beside the tracks of a channel, for arrow heads.
const BESIDE: i32 = 24;
/// Where lines leave a row, from its middle; several keys over one column leave it at several heights. No two have the
/// same remainder by ten, and lanes have 0 and 5.
const OUT_RIGHT: f64 = -2.5;
const OUT_LEFT: f64 = -7.0;
const IN_LEFT: [f64; 5] = [2.5, -4.0, 4.0, -8.4, 8.2];
const IN_RIGHT: [f64; 3] = [-1.2, 1.2, -0.6];

/// A drawing without its ink.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawing {
    pub(super) layout: Layout,
    /// Left edge of each column.
    pub(super) lefts: Vec<i32>,
    pub(super) width: i32,
    pub(super) height: i32,
    /// The colour of each bundle, by its number.
    pub(super) colours: BTreeMap<Bundle, usize>,
    /// Corners of each key's line, from the table that refers.
    pub(super) lines: Vec<Vec<(f64, f64)>>,
}

impl Drawing {
    /// Left, top, width and height of a table's box.
    pub(super) fn place(&self, table: usize) -> (i32, i32, i32, i32) {
        let place = self.layout.boxes[table];
        (self.lefts[place.column], place.y, place.width, place.height)
    }
}

/// The ends of a line.
struct Ends {
    /// Channel in which it leaves the table that refers.
    channel: usize,
    /// Channel in which it arrives.
    arrival: usize,
    from: f64,
    to: f64,
    leaves_left: bool,
    arrives_right: bool,
}

pub(super) fn draw(diagram: &Diagram) -> Drawing {
    let layout = layout(diagram);
    let ends: Vec<Ends> = diagram
        .keys
        .iter()
        .map(|key| ends(diagram, &layout, key, nth_of_its_column(diagram, key)))
        .collect();
    let tracks = tracks(diagram, &layout, &ends);
    let widths: Vec<i32> = (0..layout.columns.len())
        .map(|column| {
            layout
                .boxes
                .iter()
                .filter(|place| place.column == column)
                .map(|place| place.width)
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut drawing = Drawing {
        colours: colours(&tracks),
        ..Drawing::default()
    };
    let mut x = MARGIN;
    let mut channels = Vec::new();
    for (column, width) in widths.iter().enumerate() {
        drawing.lefts.push(x);
        channels.push(x + width + BESIDE);
        let used = tracks
            .iter()
            .filter(|((_, channel), _)| *channel == column)
            .map(|(_, track)| track + 1)
            .max();
        x += width
            + used.map_or(2 * BESIDE, |used| {
                2 * BESIDE + GRID * i32::try_from(used - 1).unwrap_or(0)
            });
    }
    drawing.width = x - BESIDE + MARGIN;
    let bottom = layout.boxes.iter().map(|place| place.y + place.height);
    drawing.height = bottom.chain(layout.lanes.values().copied()).max().unwrap_or(0) + MARGIN;
    drawing.layout = layout;
    let track_x = |bundle: Bundle, channel: usize| {
        let track = tracks.get(&(bundle, channel)).copied().unwrap_or_default();
        f64::from(channels[channel] + GRID * i32::try_from(track).unwrap_or(0))
    };
    drawing.lines = diagram
        .keys
        .iter()
        .zip(&ends)
        .map(|(key, ends)| line(&drawing, key, ends, &track_x))
        .collect();
    drawing
}

/// How many tables do keys over the same first column lead to before the one of this key is among them.
fn nth_of_its_column(diagram: &Diagram, key: &Key) -> usize {
    let is_same = |other: &&Key| other.from == key.from && other.from_columns.first() == key.from_columns.first();
    let targets: BTreeSet<usize> = diagram.keys.iter().filter(is_same).map(|other| other.to).collect();
    targets.iter().take_while(|target| **target != key.to).count()
}

/// The middle of a column's row; the head's, where the column is not shown.
fn row(diagram: &Diagram, layout: &Layout, table: usize, column: Option<&usize>) -> f64 {
    let own = &diagram.tables[table];
    let at = column.and_then(|column| shown(diagram, own).iter().position(|(shown, _)| shown == column));
    let offset = at.map_or(GRID, |at| HEAD + ROW / 2 + ROW * i32::try_from(at).unwrap_or(0));
    f64::from(layout.boxes[table].y + offset)
}

fn ends(diagram: &Diagram, layout: &Layout, key: &Key, nth: usize) -> Ends {
    let (own, other) = (layout.boxes[key.from].column, layout.boxes[key.to].column);
    let (leaves_left, arrives_right) = (own > other, own >= other);
    let from = row(diagram, layout, key.from, key.from_columns.first());
    let to = row(diagram, layout, key.to, key.to_columns.first());
    Ends {
        channel: channel_of(layout, key.from, key.to),
        arrival: if arrives_right { other } else { other - 1 },
        from: from
            + if leaves_left {
                IN_LEFT[nth % IN_LEFT.len()]
            } else {
                IN_RIGHT[nth % IN_RIGHT.len()]
            },
        to: to + if arrives_right { OUT_RIGHT } else { OUT_LEFT },
        leaves_left,
        arrives_right,
    }
}

fn lane_y(layout: &Layout, bundle: Bundle, column: usize) -> f64 {
    let top = layout.lanes.get(&(bundle, column)).copied().unwrap_or_default();
    // Lanes of neighbouring columns meet in one channel.
    f64::from(top + if column.is_multiple_of(2) { GRID / 2 } else { 0 })
}

/// The columns that a line passes, from the table that refers.
fn passed(ends: &Ends) -> Vec<usize> {
    if ends.channel >= ends.arrival {
        (ends.arrival + 1..=ends.channel).rev().collect()
    } else {
        (ends.channel + 1..=ends.arrival).collect()
    }
}

/// The track of each bundle in each channel: the first that nobody uses at those heights.
fn tracks(diagram: &Diagram, layout: &Layout, ends: &[Ends]) -> BTreeMap<(Bundle, usize), usize> {
    let mut spans: BTreeMap<(Bundle, usize), (f64, f64)> = BTreeMap::new();
    let mut reach = |bundle: Bundle, channel: usize, y: f64| {
        let span = spans.entry((bundle, channel)).or_insert((y, y));
        *span = (span.0.min(y), span.1.max(y));
    };
    for (key, ends) in diagram.keys.iter().zip(ends) {
        reach(key.to, ends.channel, ends.from);
        reach(key.to, ends.arrival, ends.to);
        for column in passed(ends) {
            let y = lane_y(layout, key.to, column);
            reach(key.to, column, y);
            reach(key.to, column - 1, y);
        }
    }
    let mut sorted: Vec<((Bundle, usize), (f64, f64))> = spans.into_iter().collect();
    sorted.sort_by(|(_, a), (_, b)| (b.1 - b.0).total_cmp(&(a.1 - a.0)));
    let mut used: BTreeMap<usize, Vec<Vec<(f64, f64)>>> = BTreeMap::new();
    let mut tracks = BTreeMap::new();
    for ((bundle, channel), span) in sorted {
        let all = used.entry(channel).or_default();
        let is_free = |track: &Vec<(f64, f64)>| {
            track
                .iter()
                .all(|other| span.1 + 8.0 < other.0 || other.1 + 8.0 < span.0)
        };
        let at = all.iter().position(is_free).unwrap_or_else(|| {
            all.push(Vec::new());
            all.len() - 1
        });
        all[at].push(span);
        tracks.insert((bundle, channel), at);
    }
    tracks
}

/// For each bundle the colour that fewest others have in the channels that it runs in.
fn colours(tracks: &BTreeMap<(Bundle, usize), usize>) -> BTreeMap<Bundle, usize> {
    let mut found: BTreeMap<Bundle, usize> = BTreeMap::new();
    let bundles: BTreeSet<Bundle> = tracks.keys().map(|(bundle, _)| *bundle).collect();
    for bundle in bundles {
        let channels: BTreeSet<usize> = tracks
            .keys()
            .filter(|(own, _)| *own == bundle)
            .map(|(_, at)| *at)
            .collect();
        let mut used = [0; COLOURS];
        for (other, _) in tracks.keys().filter(|(_, at)| channels.contains(at)) {
            if let Some(colour) = found.get(other) {
                used[*colour] += 1;
            }
        }
        let best = (0..COLOURS).min_by_key(|colour| used[*colour]);
        found.insert(bundle, best.unwrap_or_default());
    }
    found
}

fn line(drawing: &Drawing, key: &Key, ends: &Ends, track_x: &dyn Fn(Bundle, usize) -> f64) -> Vec<(f64, f64)> {
    let side = |table: usize, is_left: bool| {
        let (x, _, width, _) = drawing.place(table);
        f64::from(if is_left { x } else { x + width })
    };
    let mut x = track_x(key.to, ends.channel);
    let mut corners = vec![(side(key.from, ends.leaves_left), ends.from), (x, ends.from)];
    for column in passed(ends) {
        let y = lane_y(&drawing.layout, key.to, column);
        corners.push((x, y));
        let next = if ends.arrives_right { column - 1 } else { column };
        x = track_x(key.to, next);
        corners.push((x, y));
    }
    corners.push((x, ends.to));
    corners.push((side(key.to, !ends.arrives_right), ends.to));
    corners.dedup();
    corners
}
