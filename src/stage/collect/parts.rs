//! Cascades in the changelog, so that a replay need not start at their roots.
//!
//! A part holds the cascade as it was before the record at one position, and stays valid until a record joins
//! the cascade: from that record on the cascade needs the input again, or a new part. Windows that
//! close meanwhile need neither, since restoring closes what the clock has passed. A replay that
//! starts before the position of the part skips the events that the part holds already.
//!
//! A part stays live as long as a replay may start before the end of its cascade: until then the
//! open cascade decides records (a second root, a tweet at the limit).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::cascade::Cascade;
use super::events::EventIds;
use super::options::CollectOptions;
use crate::cascade::Point;

/// A cascade of more events has no part: no topic accepts it as one record.
pub(super) const MAX_POINTS: usize = 300_000;

/// The part of an open cascade.
struct Part {
    /// It is the cascade before the record at this position.
    at: u64,
    /// Whether the cascade was restored from it: it holds the earlier events.
    restored: bool,
    /// The first record that joined since.
    changed: Option<u64>,
}

/// The live parts of a source.
#[derive(Default)]
pub(super) struct Parts {
    /// Of open cascades, by slot.
    open: HashMap<u32, Part>,
    /// Of terminated cascades: positions of the root and of the end.
    ended: Vec<(u64, u64)>,
}

impl Parts {
    /// A part was written, of the cascade before the record at `at`.
    pub(super) fn written(&mut self, slot: u32, at: u64) {
        self.open.insert(slot, Part { at, restored: false, changed: None });
    }

    /// A cascade was restored from its part, which was written before the record at `at`.
    pub(super) fn restored(&mut self, slot: u32, at: u64) {
        self.open.insert(slot, Part { at, restored: true, changed: None });
    }

    /// A part was restored whose cascade is not open any more.
    pub(super) fn restored_closed(&mut self, root: u64) {
        self.ended.push((root, root));
    }

    /// The oldest position that the cascade in a slot needs; `None` where its part suffices.
    pub(super) fn oldest_needed(&self, slot: u32, root: u64) -> Option<u64> {
        if self.open.is_empty() {
            return Some(root);
        }
        self.open.get(&slot).map_or(Some(root), |part| part.changed)
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.open.contains_key(&slot)
    }

    /// A record joins the cascade in a slot; false where the part holds it already.
    pub(super) fn join(&mut self, slot: u32, position: u64) -> bool {
        if self.open.is_empty() {
            return true;
        }
        let Some(part) = self.open.get_mut(&slot) else { return true };
        if position < part.at {
            return !part.restored;
        }
        part.changed.get_or_insert(position);
        true
    }

    /// The cascade in a slot is over: if it has a part, the first record, if any, that the part
    /// does not hold.
    pub(super) fn end(&mut self, slot: u32, root: u64, position: u64) -> Option<Option<u64>> {
        let part = self.open.remove(&slot)?;
        self.ended.push((root, position));
        Some(part.changed)
    }

    /// Removes the parts of cascades that ended before `low`; returns the positions of their roots.
    pub(super) fn remove_before(&mut self, low: u64) -> impl Iterator<Item = u64> {
        self.ended.extract_if(.., move |(_, end)| *end < low).map(|(root, _)| root)
    }
}

/// The text of a part: field names are the format of the changelog.
#[derive(Serialize, Deserialize)]
pub(super) struct PartText {
    cid: String,
    pub(super) source: String,
    msg: String,
    /// It is the cascade before the record at this position.
    pub(super) at: u64,
    start: f64,
    last: f64,
    n_tot: u64,
    tweets: Vec<Point>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
    /// The windows of the options; how many of them are closed; a bit for each that was emitted.
    windows: Vec<u64>,
    closed: usize,
    emitted: u64,
}

impl PartText {
    pub(super) fn new(cascade: &Cascade, source: &str, at: u64, options: &CollectOptions) -> Self {
        Self {
            cid: cascade.cid.to_string(),
            source: source.to_owned(),
            msg: cascade.msg.to_string(),
            at,
            start: cascade.start,
            last: cascade.last,
            n_tot: cascade.size,
            tweets: cascade.points.unordered().to_vec(),
            ids: cascade.ids.sorted(),
            windows: options.windows.clone(),
            closed: cascade.next_window,
            emitted: cascade.emitted,
        }
    }

    /// The cascade. Under other windows than those of the part it emits no window any more, because
    /// events that they would need may be missing.
    pub(super) fn cascade(self, root: u64, options: &CollectOptions) -> Cascade {
        let same = self.windows == options.windows;
        let was_emitted = |window: &u64| {
            let index = self.windows.iter().position(|it| it == window);
            index.is_some_and(|index| self.emitted & (1 << index) != 0)
        };
        let emitted = options.windows.iter().zip(0..).filter(|(window, _)| was_emitted(window));
        Cascade {
            start: self.start,
            last: self.last,
            size: self.n_tot,
            next_window: if same { self.closed } else { options.windows.len() },
            emitted: emitted.map(|(_, index)| 1 << index).sum(),
            points: if same { self.tweets } else { Vec::new() }.into(),
            ids: EventIds::from(self.ids),
            position: root,
            duplicate: None,
            cid: self.cid.into(),
            msg: self.msg.into(),
        }
    }
}
