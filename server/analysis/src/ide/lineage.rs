//! One object through the whole history: which name it had from when to when.
//!
//! Files that leave it as it is are recognised by the catalogs around them and not replayed.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::View;
use super::mention::{Mention, Symbol};
use super::place::{history, own_name};
use crate::schema::catalog::Catalog;
use crate::schema::change::{Change, Key};
use crate::schema::objects::{Id, Signature, Type};

/// A moment of the history: file, and step in it.
type Position = (usize, u32);

/// An object under one name.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    /// The step that gave the name, or the first of the file in which it was there already.
    from: Position,
    /// The step that took the name away; it still sees it.
    to: Position,
    key: Key,
}

/// An object's names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lineage {
    segments: Vec<Segment>,
    /// Its name at the end of the history; `None` where it is gone by then.
    pub(super) last: Option<Key>,
    /// The step that made it; `None` where it was there before the first file.
    pub(super) born: Option<Position>,
}

impl Lineage {
    /// The object that a mention in `file` names.
    pub(super) fn of(view: View<'_>, file: usize, mention: &Mention, key: &Key) -> Self {
        let (file, next) = if mention.late && history(view.timeline.last(), key).is_some() {
            (view.documents.len().saturating_sub(1), u32::MAX)
        } else {
            (file, mention.seen_from)
        };
        Self::around(view, file, next, key)
    }

    /// The object that has this key before step `moment` of a file.
    pub(super) fn around(view: View<'_>, file: usize, moment: u32, key: &Key) -> Self {
        let mut this = Self {
            segments: Vec::new(),
            last: None,
            born: None,
        };
        this.back(view, file, moment, key.clone());
        this.segments.reverse();
        this.onward(view, file, moment, key.clone());
        this.join();
        this
    }

    /// Its key before a file; `None` where it is not there then.
    pub(super) fn key_before(&self, file: usize) -> Option<&Key> {
        let start = (file, 0);
        let mut segments = self.segments.iter();
        let found = segments.find(|segment| segment.from <= start && start <= segment.to);
        found.map(|segment| &segment.key)
    }

    /// The part of it in which the object has the name that a mention gives it.
    pub(super) fn while_named(mut self, file: usize, mention: &Mention, name: &str) -> Self {
        let position = if mention.late {
            (usize::MAX, u32::MAX)
        } else {
            (file, mention.moment)
        };
        let is_here = |segment: &Segment| own_name(&segment.key) == name;
        let found = self
            .segments
            .iter()
            .position(|segment| is_here(segment) && segment.from <= position && position <= segment.to)
            .or_else(|| self.segments.iter().rposition(is_here));
        let Some(at) = found else { return self };
        let first = self.segments[..at].iter().rposition(|segment| !is_here(segment));
        let first = first.map_or(0, |at| at + 1);
        let end = self.segments[at..].iter().position(|segment| !is_here(segment));
        let end = end.map_or(self.segments.len(), |end| at + end);
        if end < self.segments.len() {
            self.last = None;
        }
        self.segments = self.segments[first..end].to_vec();
        self
    }

    /// Whether the object is there, under one of these names, before a file.
    pub(super) fn is_alive_at(&self, file: usize) -> bool {
        let start = (file, 0);
        self.segments
            .iter()
            .any(|segment| segment.from <= start && start <= segment.to)
    }

    /// Its names, the first one first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.segments.iter().map(|segment| &segment.key)
    }

    /// Its own names, without schemas.
    pub(super) fn names(&self) -> BTreeSet<SmolStr> {
        self.keys().map(|key| own_name(key).into()).collect()
    }

    /// Whether a mention in `file` names this object.
    pub(super) fn is_named_by(&self, file: usize, mention: &Mention, view: View<'_>) -> bool {
        let Symbol::Object(key) = &mention.symbol else {
            return false;
        };
        if mention.late && history(view.timeline.last(), key).is_some() {
            return self.last.as_ref() == Some(key);
        }
        let position = (file, mention.moment);
        self.segments
            .iter()
            .any(|segment| segment.from <= position && position <= segment.to && segment.key == *key)
    }

    /// From before the step `moment` to where the object was made.
    fn back(&mut self, view: View<'_>, mut file: usize, moment: u32, mut key: Key) {
        let mut to: Position = (file, moment);
        let mut until = moment;
        loop {
            let steps = Steps::of(view, file);
            let steps = &steps.0[..steps.0.len().min(until as usize)];
            for (number, step) in steps.iter().enumerate().rev() {
                let position = (file, u32::try_from(number).unwrap_or(u32::MAX));
                let mut before = key.clone();
                for (from, given) in step.renames.iter().rev() {
                    before = rekey(&before, given, from);
                }
                if before != key {
                    self.segments.push(Segment {
                        from: position,
                        to,
                        key: std::mem::replace(&mut key, before),
                    });
                    to = position;
                }
                if history(&step.before, &key).is_none() {
                    self.segments.push(Segment {
                        from: position,
                        to,
                        key,
                    });
                    self.born = Some(position);
                    return;
                }
            }
            // Files before this one that leave it alone.
            let made = |number: usize| history(view.timeline.before(number), &key).map(|history| history.created);
            let here = made(file);
            let Some(previous) = (0..file).rev().find(|number| made(*number) != here) else {
                self.segments.push(Segment { from: (0, 0), to, key });
                return;
            };
            if here.is_none() {
                self.segments.push(Segment {
                    from: (file, 0),
                    to,
                    key,
                });
                self.born = Some((file, 0));
                return;
            }
            file = previous;
            until = u32::MAX;
        }
    }

    /// From before the step `moment` to where the object is gone.
    fn onward(&mut self, view: View<'_>, mut file: usize, moment: u32, mut key: Key) {
        let mut from: Position = (file, moment);
        let mut start = moment;
        let files = view.documents.len();
        loop {
            let steps = Steps::of(view, file);
            for (number, step) in steps.0.iter().enumerate().skip(start as usize) {
                let position = (file, u32::try_from(number).unwrap_or(u32::MAX));
                let mut after = key.clone();
                for (before, given) in &step.renames {
                    after = rekey(&after, before, given);
                }
                if after != key {
                    self.segments.push(Segment {
                        from,
                        to: position,
                        key: std::mem::replace(&mut key, after),
                    });
                    from = position;
                }
                if history(&step.after, &key).is_none() {
                    self.segments.push(Segment {
                        from,
                        to: position,
                        key,
                    });
                    return;
                }
            }
            let made = |number: usize| history(view.timeline.before(number), &key).map(|history| history.created);
            let here = made(file + 1);
            if here.is_none() {
                let to = (file, u32::MAX);
                self.segments.push(Segment { from, to, key });
                return;
            }
            let Some(next) = (file + 1..files).find(|number| made(number + 1) != here) else {
                let to = (files, u32::MAX);
                self.segments.push(Segment {
                    from,
                    to,
                    key: key.clone(),
                });
                self.last = Some(key);
                return;
            };
            file = next;
            start = 0;
        }
    }

    /// The two halves meet in the middle of one name.
    fn join(&mut self) {
        let mut at = 1;
        while at < self.segments.len() {
            if self.segments[at - 1].key == self.segments[at].key {
                let second = self.segments.remove(at);
                self.segments[at - 1].to = second.to;
            } else {
                at += 1;
            }
        }
    }
}

/// What the steps of a file do to names.
struct Steps(Vec<StepNames>);

struct StepNames {
    before: Catalog,
    after: Catalog,
    renames: Vec<(Key, Key)>,
}

impl Steps {
    fn of(view: View<'_>, file: usize) -> Self {
        let mut steps = Vec::new();
        view.steps(file, &mut |moment| {
            let renames = moment.step.changes.iter().filter_map(|change| match change {
                Change::Rename { from, to } => Some((from.clone(), to.clone())),
                _ => None,
            });
            steps.push(StepNames {
                before: moment.before.clone(),
                after: moment.after.clone(),
                renames: renames.collect(),
            });
        });
        Self(steps)
    }
}

/// The key of the same object after `from` has become `to`.
pub(super) fn rekey(key: &Key, from: &Key, to: &Key) -> Key {
    if key == from {
        return to.clone();
    }
    let moved = |id: &Id| match (from, to) {
        (Key::Relation(from), Key::Relation(to)) | (Key::Type(from), Key::Type(to)) if from == id => to.clone(),
        (Key::Schema(from), Key::Schema(to)) if *from == id.schema => Id {
            schema: to.clone(),
            name: id.name.clone(),
        },
        _ => id.clone(),
    };
    let retyped = |ty: &Type| Type {
        id: moved(&ty.id),
        ..ty.clone()
    };
    let in_schema = |id: &Id| match (from, to) {
        (Key::Schema(_), Key::Schema(_)) => moved(id),
        _ => id.clone(),
    };
    match key {
        Key::Relation(id) => Key::Relation(in_schema(id)),
        Key::Type(id) => Key::Type(moved(id)),
        Key::Column(id, name) => Key::Column(moved(id), name.clone()),
        Key::Constraint(id, name) => Key::Constraint(moved(id), name.clone()),
        Key::Trigger(id, name) => Key::Trigger(moved(id), name.clone()),
        Key::Policy(id, name) => Key::Policy(moved(id), name.clone()),
        Key::Rule(id, name) => Key::Rule(moved(id), name.clone()),
        Key::Routine(signature) => Key::Routine(Signature {
            id: in_schema(&signature.id),
            arguments: signature.arguments.iter().map(retyped).collect(),
        }),
        key => key.clone(),
    }
}
