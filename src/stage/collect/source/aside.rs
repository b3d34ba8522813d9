//! Cascades that are set aside: written down, so that a replay takes them back instead of starting
//! at their roots.
//!
//! What is written holds ahead of one place of the input, and on until a record joins the cascade:
//! from that record on it needs the input again, or to be written anew. Windows that close
//! meanwhile need neither: who takes a cascade back closes what its clock has passed. A replay
//! that starts before the place of writing passes over the events that are in it already.
//!
//! What was written is wanted for as long as a replay may start before the cascade's end: until
//! then its presence judges records (a second root, a tweet at the limit).

use std::collections::HashMap;
use std::hash::BuildHasher;

use serde::{Deserialize, Serialize};

use super::super::deadline::{Cascade, end_of};
use super::super::{Collect, CollectOptions, Counts};
use super::Source;
use crate::cascade::Point;
use crate::stage::{Change, Incompatible, Limit, Out};

/// A cascade that holds more events stays where it is: no topic takes it as one record.
const MOST_POINTS: usize = 300_000;

/// What is known of an open cascade that was written down.
struct Written {
    /// Ahead of which record it was written.
    at: u64,
    /// It was taken back as it was there: earlier events are in it.
    taken_back: bool,
    /// The first record that joined it since.
    changed: Option<u64>,
}

/// The cascades of a source that are set aside.
#[derive(Default)]
pub(super) struct Shelf {
    /// Open ones, by slot.
    open: HashMap<u32, Written>,
    /// Root and end of those that are over.
    ended: Vec<(u64, u64)>,
}

impl Shelf {
    /// The position from which a replay must start for the cascade in a slot.
    pub(super) fn pin(&self, slot: u32, root: u64) -> Option<u64> {
        if self.open.is_empty() {
            return Some(root);
        }
        self.open.get(&slot).map_or(Some(root), |written| written.changed)
    }

    pub(super) fn holds(&self, slot: u32) -> bool {
        self.open.contains_key(&slot)
    }

    /// A record joins the cascade in a slot; false where the record is in it already.
    pub(super) fn joins(&mut self, slot: u32, position: u64) -> bool {
        if self.open.is_empty() {
            return true;
        }
        let Some(written) = self.open.get_mut(&slot) else { return true };
        if position < written.at {
            return !written.taken_back;
        }
        written.changed.get_or_insert(position);
        true
    }

    /// The cascade in a slot is over: if it was set aside, the first record, if any, that is not
    /// in what was written.
    pub(super) fn ends(&mut self, slot: u32, root: u64, position: u64) -> Option<Option<u64>> {
        let written = self.open.remove(&slot)?;
        self.ended.push((root, position));
        Some(written.changed)
    }

    pub(super) fn forget_before(&mut self, position: u64) {
        self.ended.retain(|(_, end)| *end >= position);
    }
}

/// A cascade as it is written down.
#[derive(Serialize, Deserialize)]
struct Text {
    cid: String,
    source: String,
    msg: String,
    /// Ahead of which record this holds.
    at: u64,
    start: f64,
    last: f64,
    n_tot: u64,
    tweets: Vec<Point>,
    /// The windows of the options; how many are closed; which of them were emitted.
    windows: Vec<u64>,
    closed: usize,
    emitted: u64,
}

impl Text {
    fn of(cascade: &Cascade, source: &str, at: u64, options: &CollectOptions) -> Self {
        Self {
            cid: cascade.cid.to_string(),
            source: source.to_owned(),
            msg: cascade.msg.to_string(),
            at,
            start: cascade.start,
            last: cascade.last,
            n_tot: cascade.size,
            tweets: cascade.points.clone(),
            windows: options.windows.clone(),
            closed: cascade.next_window,
            emitted: cascade.emitted,
        }
    }

    /// Under other windows than those it was written with it emits none any more: events that
    /// they would need may be missing.
    fn cascade(self, root: u64, options: &CollectOptions) -> Cascade {
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
            points: if same { self.tweets } else { Vec::new() },
            position: root,
            duplicate: None,
            cid: self.cid.into(),
            msg: self.msg.into(),
        }
    }
}

impl Source {
    /// Slots that keep a replay from starting at `before`, with the position that they need.
    ///
    /// What is overdue, since its root came late, is done with the source's next record; until
    /// then its cascade cannot say whether that was.
    fn pins(&self, before: u64, options: &CollectOptions) -> Vec<(u64, u32)> {
        let overdue = |it: &Cascade| {
            let next = options.windows.get(it.next_window);
            let closes = next.map_or(f64::INFINITY, |window| it.start + *window as f64);
            closes.min(end_of(it, options)) < self.clock
        };
        let fits = |it: &Cascade| it.points.len() <= MOST_POINTS && !overdue(it);
        let open = self.tenants().filter(|(_, it)| fits(it));
        let pins = open.filter_map(|(slot, it)| Some((self.shelf.pin(slot, it.position)?, slot)));
        pins.filter(|(pin, _)| *pin < before).collect()
    }

    fn write_down(&mut self, slot: u32, at: u64, options: &CollectOptions) -> Option<Change> {
        let cascade = self.slots[slot as usize].cascade.as_ref()?;
        let text = Text::of(cascade, &self.name, at, options);
        self.shelf.open.insert(slot, Written { at, taken_back: false, changed: None });
        let text = serde_json::to_string(&text).expect("names and numbers are JSON");
        Some(Change { id: cascade.position, text: Some(text) })
    }

    fn take_back(&mut self, text: Text, root: u64, options: &CollectOptions) {
        let at = text.at;
        let cascade = text.cascade(root, options);
        if end_of(&cascade, options) < self.clock {
            // It ended before the replay starts, and is not buried yet.
            self.shelf.ended.push((root, root));
            return;
        }
        let hash = self.hasher.hash_one(&*cascade.cid);
        let slot = self.place(cascade, hash, options);
        self.shelf.open.insert(slot, Written { at, taken_back: true, changed: None });
    }

    /// A replay found a cascade by itself that is written down too.
    fn find_again(&mut self, cid: &str, root: u64, at: u64) {
        if let Some(slot) = self.slot_of(self.hasher.hash_one(cid), cid)
            && self.slots[slot as usize].cascade.as_ref().is_some_and(|it| it.position == root)
        {
            self.shelf.open.insert(slot, Written { at, taken_back: false, changed: None });
        } else {
            // Other options than those of its time open no cascade there.
            self.shelf.ended.push((root, root));
        }
    }
}

impl Collect {
    pub(in super::super) fn spill_cascades(&mut self, limit: Limit) -> Vec<Change> {
        let Limit { oldest: before, next: at, max_parts } = limit;
        if before == 0 {
            return Vec::new();
        }
        let of_source = |(source, index): (&Source, usize)| {
            let pins = source.pins(before, &self.options).into_iter();
            pins.map(move |(pin, slot)| (pin, index, slot))
        };
        let mut pins: Vec<_> = self.sources.iter().zip(0..).flat_map(of_source).collect();
        pins.sort_unstable();
        pins.truncate(max_parts);
        let (sources, options) = (&mut self.sources, &self.options);
        let write =
            |(_, index, slot): (u64, usize, u32)| sources[index].write_down(slot, at, options);
        pins.into_iter().filter_map(write).collect()
    }

    pub(in super::super) fn parts_before(&self, position: u64) -> Vec<u64> {
        let ended = self.sources.iter().flat_map(|source| &source.shelf.ended);
        let ended = ended.filter(|(_, end)| *end < position).map(|(root, _)| *root);
        // Other limits than those of its time opened no cascade there.
        ended.chain(self.expected.keys().copied().filter(|root| *root < position)).collect()
    }

    pub(in super::super) fn restore_cascades(
        &mut self,
        parts: &[(u64, String)],
        start: u64,
    ) -> Result<(), Incompatible> {
        for (id, text) in parts {
            let text: Text = serde_json::from_str(text).map_err(|_| Incompatible::Part(*id))?;
            if *id >= start {
                self.expected.insert(*id, text.at);
            } else if let Some(index) = self.source(&text.source) {
                self.sources[index].take_back(text, *id, &self.options);
            } else {
                self.expected.insert(*id, text.at);
            }
        }
        // What the clocks have passed was said in its time.
        let mut counted =
            Counts { windows: vec![0; self.options.windows.len()], ..Counts::default() };
        for source in &mut self.sources {
            source.close_windows(None, &self.options, &mut counted, &mut Out::default());
        }
        Ok(())
    }

    /// The record at a position was an event: perhaps the root of what is set aside.
    pub(in super::super) fn find_again(&mut self, source: usize, cid: &str, position: u64) {
        if let Some(at) = self.expected.remove(&position) {
            self.sources[source].find_again(cid, position, at);
        }
    }
}
