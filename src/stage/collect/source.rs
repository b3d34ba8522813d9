//! One source: its clock, its open cascades, and what a replay of its state needs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::cascade::{Cascade, Due, RecentlyClosed};
use super::context::Context;
use super::events::EventIds;
use super::jumps::Jumps;
use super::options::CollectOptions;
use super::parts::{MAX_POINTS, PartText, Parts};
use crate::cascade::{Number, Point};
use crate::event::Event;
use crate::stage::Change;

/// A place for a cascade.
pub(super) struct Slot {
    /// Counts the cascades that the slot held; wraps after 2^32 of them.
    pub(super) generation: u32,
    pub(super) cascade: Option<Box<Cascade>>,
}

/// A record that an open cascade decided: a replay that reads the record must read the root.
pub(super) struct Decision {
    /// Position of the root; where the cascade has a part, of the first record not in the part.
    pub(super) root: u64,
    pub(super) record: u64,
}

/// One source.
pub(super) struct Source {
    pub(super) name: Box<str>,
    pub(super) clock: f64,
    pub(super) slots: Vec<Slot>,
    pub(super) free: Vec<u32>,
    /// The slots of the open cascades, by the hashes of their ids, which the cascades hold.
    pub(super) by_cid: HashTable<u32>,
    /// Seeded at random, because ids are untrusted; the table is never iterated.
    pub(super) hasher: RandomState,
    /// No deadline is before it.
    pub(super) next_due: f64,
    /// Per window, when the window of each cascade closes.
    pub(super) windows: Vec<BinaryHeap<Reverse<Due>>>,
    /// When each cascade ends at the earliest: later events delay the end, not the entry.
    pub(super) ends: BinaryHeap<Reverse<Due>>,
    pub(super) closed: RecentlyClosed,
    pub(super) decisions: Vec<Decision>,
    /// Those of tweets above the limit of open cascades: one for many, whose root is the oldest that was open.
    refusals: Vec<Decision>,
    refused_roots: u64,
    pub(super) parts: Parts,
    jumps: Jumps,
}

/// The clock of a source in a checkpoint.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum SavedClock {
    /// Name, and seconds.
    Plain(String, Number),
    /// Name, seconds, and the events that were refused last: their number, the time of the last.
    Jumped(String, Number, u32, Number),
}

impl Source {
    pub(super) fn new(name: &str, windows: usize) -> Self {
        Self {
            name: name.into(),
            clock: f64::NEG_INFINITY,
            slots: Vec::new(),
            free: Vec::new(),
            by_cid: HashTable::new(),
            hasher: RandomState::default(),
            next_due: f64::INFINITY,
            windows: (0..windows).map(|_| BinaryHeap::new()).collect(),
            ends: BinaryHeap::new(),
            closed: RecentlyClosed::default(),
            decisions: Vec::new(),
            refusals: Vec::new(),
            refused_roots: 0,
            parts: Parts::default(),
            jumps: Jumps::default(),
        }
    }

    /// The clock for a checkpoint.
    pub(super) fn saved_clock(&self) -> SavedClock {
        let (name, clock) = (self.name.to_string(), Number(self.clock));
        match self.jumps {
            Jumps { count: 0, .. } => SavedClock::Plain(name, clock),
            Jumps { count, time } => SavedClock::Jumped(name, clock, count, Number(time)),
        }
    }

    /// Sets the clock to that of a checkpoint.
    pub(super) fn restore_clock(&mut self, saved: &SavedClock) {
        (self.clock, self.jumps) = match *saved {
            SavedClock::Plain(_, clock) => (clock.0, Jumps::default()),
            SavedClock::Jumped(_, clock, count, time) => (clock.0, Jumps { count, time: time.0 }),
        };
    }

    /// Number of open cascades.
    pub(super) fn open(&self) -> usize {
        self.by_cid.len()
    }

    /// Number of bytes of the open cascades, without the overhead of the allocator.
    pub(super) fn bytes(&self) -> usize {
        let cascades = self.slots.iter().filter_map(|slot| slot.cascade.as_deref());
        let size = |it: &Cascade| {
            size_of::<Cascade>()
                + it.cid.len()
                + it.msg.len()
                + it.points.capacity() * size_of::<Point>()
                + it.ids.bytes()
        };
        let dues = self.windows.iter().map(BinaryHeap::len).sum::<usize>() + self.ends.len();
        cascades.map(size).sum::<usize>()
            + self.slots.len() * size_of::<Slot>()
            + self.by_cid.capacity() * size_of::<u32>()
            + dues * size_of::<Due>()
    }

    /// All open cascades with their slots.
    fn cascades(&self) -> impl Iterator<Item = (u32, &Cascade)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(slot, it)| Some((slot, it.cascade.as_deref()?)))
    }

    /// Processes an event: advances the clock, emits what the clock has passed, then adds the
    /// event to its cascade.
    pub(super) fn event(&mut self, event: &Event<'_>, context: &mut Context<'_>) {
        let time = event.time.seconds();
        // The clock is `lateness` behind the newest event.
        let max_jump = context.options.max_jump + context.options.lateness;
        if self.jumps.refuses(time, self.clock, max_jump) {
            context.refuse_jump(&self.name, time - self.clock);
            return;
        }
        if time < self.clock {
            context.counts.late += 1;
        }
        let hash = self.hasher.hash_one(&*event.cid);
        let mut found = self.slot_of(hash, &event.cid);
        match found {
            // Dropped records do not advance the clock.
            Some(slot) if !event.root && time < self.start_of(slot) => {
                context.counts.before_root += 1;
                return;
            }
            _ if self.advance(time - context.options.lateness, context) => {
                found = self.slot_of(hash, &event.cid);
            }
            _ => {}
        }
        match found {
            Some(slot) if event.root => self.duplicate(slot, context),
            Some(slot) => self.join(slot, event, context),
            None if event.root => self.open_cascade(event, hash, context),
            None => context.counts.orphans += 1,
        }
    }

    /// The slot of the open cascade with that id, whose hash is `hash`.
    fn slot_of(&self, hash: u64, cid: &str) -> Option<u32> {
        let is_it = |slot: &u32| self.cascade(*slot).is_some_and(|it| &*it.cid == cid);
        self.by_cid.find(hash, is_it).copied()
    }

    pub(super) fn cascade(&self, slot: u32) -> Option<&Cascade> {
        self.slots[slot as usize].cascade.as_deref()
    }

    fn start_of(&self, slot: u32) -> f64 {
        self.cascade(slot).map_or(f64::NEG_INFINITY, |it| it.start)
    }

    fn duplicate(&mut self, slot: u32, context: &mut Context<'_>) {
        context.counts.duplicates += 1;
        if let Some(cascade) = &mut self.slots[slot as usize].cascade {
            cascade.duplicate = Some(context.position);
        }
    }

    fn join(&mut self, slot: u32, event: &Event<'_>, context: &mut Context<'_>) {
        let options = context.options;
        let (time, magnitude) = (event.time.seconds(), event.magnitude);
        // An event with the id of its cascade has none of its own.
        let id = if event.id == event.cid { "" } else { &*event.id };
        if self.cascade(slot).is_some_and(|it| it.ids.contains(id)) {
            context.counts.repeated += 1;
            return;
        }
        if !self.parts.join(slot, context.position) {
            return;
        }
        let Some(cascade) = &mut self.slots[slot as usize].cascade else { return };
        cascade.size += 1;
        cascade.last = cascade.last.max(time);
        if cascade.ids.len() < options.limits.events_per_cascade {
            cascade.ids.insert(id);
        }
        let observed = cascade.next_window < options.windows.len()
            && time - cascade.start <= *options.windows.last().unwrap_or(&0) as f64;
        if observed && cascade.points.len() < options.limits.events_per_cascade {
            cascade.points.push(Point { time, magnitude });
        } else if observed {
            context.counts.over_limit += 1;
        }
    }

    fn open_cascade(&mut self, event: &Event<'_>, hash: u64, context: &mut Context<'_>) {
        if self.by_cid.len() >= context.options.limits.open_cascades {
            context.counts.over_limit += 1;
            self.refuse_root(context.position);
            return;
        }
        context.counts.opened += 1;
        if self.closed.contains(hash) {
            context.counts.reused += 1;
        }
        let start = event.time.seconds();
        let mut ids = EventIds::default();
        ids.insert(&event.id);
        let cascade = Cascade {
            cid: (*event.cid).into(),
            msg: event.msg.text().into(),
            start,
            last: start,
            size: 1,
            points: vec![Point { time: start, magnitude: event.magnitude }].into(),
            ids,
            next_window: 0,
            emitted: 0,
            position: context.position,
            duplicate: None,
        };
        self.insert(cascade, hash, context.options);
    }

    /// Gives a cascade a slot, by the hash of its id, and enters its deadlines.
    fn insert(&mut self, cascade: Cascade, hash: u64, options: &CollectOptions) -> u32 {
        let (start, end) = (cascade.start, cascade.end(options));
        let next_window = cascade.next_window;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, cascade: None });
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        place.cascade = Some(Box::new(cascade));
        let generation = place.generation;
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |slot: &u32| {
            slots[*slot as usize].cascade.as_ref().map_or(0, |it| hasher.hash_one(&*it.cid))
        };
        self.by_cid.insert_unique(hash, slot, hash_of);
        let deadlines = options.windows.iter().map(|window| start + *window as f64);
        self.next_due = deadlines.fold(self.next_due.min(end), f64::min);
        for (heap, window) in self.windows.iter_mut().zip(&options.windows).skip(next_window) {
            heap.push(Reverse(Due::new(start + *window as f64, slot, generation)));
        }
        self.ends.push(Reverse(Due::new(end, slot, generation)));
        slot
    }

    /// A tweet above the limit of open cascades: all that are open decided it.
    fn refuse_root(&mut self, position: u64) {
        /// Finding the oldest cascade visits all; an older root only lengthens a replay.
        const REFRESHED: u64 = 4096;
        match self.refusals.last_mut() {
            Some(last) if !self.refused_roots.is_multiple_of(REFRESHED) => last.record = position,
            _ => {
                let roots = self.cascades().filter(|(slot, _)| !self.parts.contains(*slot));
                let oldest = roots.map(|(_, it)| it.position).min();
                let decision = oldest.map(|root| Decision { root, record: position });
                self.refusals.extend(decision);
            }
        }
        self.refused_roots += 1;
    }
}

/// What a replay needs.
impl Source {
    /// The oldest position that an open cascade needs.
    pub(super) fn oldest_needed(&self) -> Option<u64> {
        let needed = |(slot, it): (u32, &Cascade)| self.parts.oldest_needed(slot, it.position);
        self.cascades().filter_map(needed).min()
    }

    /// Whether a replay from `position` would read a record without the root whose open cascade
    /// decided it.
    pub(super) fn splits_decision(&self, position: u64) -> bool {
        let mut decisions = self.decisions.iter().chain(&self.refusals);
        decisions.any(|it| it.root < position && position <= it.record)
    }

    /// No replay starts before `low` any more. Returns the parts that no replay reads.
    pub(super) fn committed(&mut self, low: u64) -> impl Iterator<Item = u64> {
        self.decisions.retain(|it| it.record >= low);
        self.refusals.retain(|it| it.record >= low);
        self.parts.remove_before(low)
    }

    /// The slots of the open cascades that need positions before `oldest`, with these positions.
    ///
    /// A cascade whose root was late may be overdue until the next record of the source; it has no
    /// part until then, because the part does not hold whether it is.
    pub(super) fn spillable(&self, oldest: u64, options: &CollectOptions) -> Vec<(u64, u32)> {
        let overdue = |it: &Cascade| {
            let window = options.windows.get(it.next_window);
            let closes = window.map_or(f64::INFINITY, |window| it.window_end(*window));
            closes.min(it.end(options)) < self.clock
        };
        let fits = |it: &Cascade| it.points.len() <= MAX_POINTS && !overdue(it);
        let open = self.cascades().filter(|(_, it)| fits(it));
        let needed = |(slot, it): (u32, &Cascade)| {
            Some((self.parts.oldest_needed(slot, it.position)?, slot))
        };
        open.filter_map(needed).filter(|(needed, _)| *needed < oldest).collect()
    }

    /// The part of the cascade in a slot, as it was before the record at position `at`.
    pub(super) fn spill(&mut self, slot: u32, at: u64, options: &CollectOptions) -> Option<Change> {
        let cascade = self.cascade(slot)?;
        let text = PartText::new(cascade, &self.name, at, options);
        let id = cascade.position;
        self.parts.written(slot, at);
        let text = serde_json::to_string(&text).expect("names and numbers are JSON");
        Some(Change { id, text: Some(text) })
    }

    /// Opens the cascade of a part, whose root is at position `root`.
    pub(super) fn restore(&mut self, text: PartText, root: u64, options: &CollectOptions) {
        let at = text.at;
        let cascade = text.cascade(root, options);
        if cascade.end(options) < self.clock {
            // It ended before the replay starts; its tombstone is not written yet.
            self.parts.restored_closed(root);
            return;
        }
        let hash = self.hasher.hash_one(&*cascade.cid);
        let slot = self.insert(cascade, hash, options);
        self.parts.restored(slot, at);
    }

    /// A replay read the root of a cascade that has a part, written before the record at `at`.
    pub(super) fn replayed(&mut self, cid: &str, root: u64, at: u64) {
        match self.slot_of(self.hasher.hash_one(cid), cid) {
            Some(slot) if self.cascade(slot).is_some_and(|it| it.position == root) => {
                self.parts.written(slot, at);
            }
            // Under other options than those of the part the root opened no cascade.
            _ => self.parts.restored_closed(root),
        }
    }
}
