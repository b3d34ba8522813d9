//! One source of the collector: its clock, its open cascades, and their deadlines.

mod aside;
mod needs;
mod passed;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::closed::Closed;
use super::deadline::{Cascade, Due, due, end_of};
use super::{CollectOptions, Counts};
use crate::cascade::{Point, insert_in_order};
use crate::event::{Event, EventTime};
use crate::stage::Out;
use aside::Shelf;

/// A place for a cascade; `number` counts its tenants, and begins again after 2^32 of them.
struct Slot {
    number: u32,
    cascade: Option<Box<Cascade>>,
}

/// One source.
pub(super) struct Source {
    name: Box<str>,
    clock: f64,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The slots of the open cascades by the hashes of their ids, which stand in the cascades.
    by_cid: HashTable<u32>,
    /// Ids come from strangers: it is seeded at random, and the table is never walked.
    hasher: RandomState,
    /// No deadline is before it.
    next_due: f64,
    /// Per window, the roots' deadlines.
    windows: Vec<BinaryHeap<Reverse<Due>>>,
    /// When a cascade ends at the earliest; its later events make the entry stale, not wrong.
    ends: BinaryHeap<Reverse<Due>>,
    closed: Closed,
    /// Pairs (root, record): the record was judged by what was open, so a replay that sees it
    /// must see the root. (For what is set aside, the first record that is not in it.)
    pairs: Vec<(u64, u64)>,
    refused_roots: u64,
    shelf: Shelf,
    /// The position of the record that is worked on.
    now: u64,
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
            closed: Closed::default(),
            pairs: Vec::new(),
            refused_roots: 0,
            shelf: Shelf::default(),
            now: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn clock(&self) -> f64 {
        self.clock
    }

    pub(super) fn set_clock(&mut self, clock: f64) {
        self.clock = clock;
    }

    pub(super) fn open(&self) -> usize {
        self.by_cid.len()
    }

    /// Bytes of the open cascades, without what the allocator adds.
    pub(super) fn bytes(&self) -> usize {
        let cascades = self.slots.iter().filter_map(|slot| slot.cascade.as_deref());
        let size = |it: &Cascade| {
            size_of::<Cascade>()
                + it.cid.len()
                + it.msg.len()
                + it.points.capacity() * size_of::<Point>()
        };
        let dues = self.windows.iter().map(BinaryHeap::len).sum::<usize>() + self.ends.len();
        cascades.map(size).sum::<usize>()
            + self.slots.len() * size_of::<Slot>()
            + self.by_cid.capacity() * size_of::<u32>()
            + dues * size_of::<Due>()
    }

    /// All open cascades with their slots.
    fn tenants(&self) -> impl Iterator<Item = (u32, &Cascade)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(slot, it)| Some((slot, it.cascade.as_deref()?)))
    }

    /// A watermark says that the clock has reached `time`.
    pub(super) fn watermark(
        &mut self,
        time: f64,
        position: u64,
        options: &CollectOptions,
        counts: &mut Counts,
        out: &mut Out,
    ) {
        self.now = position;
        self.advance(time, options, counts, out);
    }

    /// The clock reaches `time`, if it is not there yet; what it has passed closes and ends: also
    /// cascades whose root came so late that it had passed them already. Tells whether any did.
    pub(super) fn advance(
        &mut self,
        time: f64,
        options: &CollectOptions,
        counts: &mut Counts,
        out: &mut Out,
    ) -> bool {
        let said = if time.is_finite() { None } else { Some(self.clock) };
        self.clock = self.clock.max(time);
        let due = self.clock > self.next_due;
        if due {
            self.close_windows(said, options, counts, out);
            self.end_cascades(said, options, counts, out);
            let first = |heap: &BinaryHeap<Reverse<Due>>| heap.peek().map(|it| it.0.deadline);
            let first = self.windows.iter().chain([&self.ends]).filter_map(first).min();
            self.next_due = first.map_or(f64::INFINITY, EventTime::seconds);
        }
        if let Some(clock) = said {
            self.clock = clock;
        }
        due
    }

    /// Takes an event: first the clock, then what it closes, then the event itself.
    pub(super) fn event(
        &mut self,
        event: &Event<'_>,
        position: u64,
        options: &CollectOptions,
        counts: &mut Counts,
        out: &mut Out,
    ) {
        self.now = position;
        let time = event.time.seconds();
        if time < self.clock {
            counts.late += 1;
        }
        let hash = self.hasher.hash_one(&*event.cid);
        let mut found = self.slot_of(hash, &event.cid);
        match found {
            // Refused records do not move the clock.
            Some(slot) if !event.root && time < self.start_of(slot) => {
                counts.before_root += 1;
                return;
            }
            _ if self.advance(time - options.lateness, options, counts, out) => {
                found = self.slot_of(hash, &event.cid);
            }
            _ => {}
        }
        match found {
            Some(slot) if event.root => self.duplicate(slot, position, counts),
            Some(slot) => self.join(slot, time, event.magnitude, options, counts),
            None if event.root => self.open_cascade(event, hash, position, options, counts),
            None => counts.orphans += 1,
        }
    }

    /// Where the cascade of that id is, whose hash that is, if it is open.
    fn slot_of(&self, hash: u64, cid: &str) -> Option<u32> {
        let is_it = |slot: &u32| self.cid_of(*slot) == Some(cid);
        self.by_cid.find(hash, is_it).copied()
    }

    fn cid_of(&self, slot: u32) -> Option<&str> {
        self.slots[slot as usize].cascade.as_ref().map(|it| &*it.cid)
    }

    fn start_of(&self, slot: u32) -> f64 {
        self.slots[slot as usize].cascade.as_ref().map_or(f64::NEG_INFINITY, |it| it.start)
    }

    fn duplicate(&mut self, slot: u32, position: u64, counts: &mut Counts) {
        counts.duplicates += 1;
        if let Some(cascade) = &mut self.slots[slot as usize].cascade {
            cascade.duplicate = Some(position);
        }
    }

    fn join(
        &mut self,
        slot: u32,
        time: f64,
        magnitude: f64,
        options: &CollectOptions,
        counts: &mut Counts,
    ) {
        if !self.shelf.joins(slot, self.now) {
            return;
        }
        let Some(cascade) = &mut self.slots[slot as usize].cascade else { return };
        cascade.size += 1;
        cascade.last = cascade.last.max(time);
        let observed = cascade.next_window < options.windows.len()
            && time - cascade.start <= *options.windows.last().unwrap_or(&0) as f64;
        if observed && cascade.points.len() < options.limits.events_per_cascade {
            insert_in_order(&mut cascade.points, Point { time, magnitude });
        } else if observed {
            counts.over_limit += 1;
        }
    }

    fn open_cascade(
        &mut self,
        event: &Event<'_>,
        hash: u64,
        position: u64,
        options: &CollectOptions,
        counts: &mut Counts,
    ) {
        if self.by_cid.len() >= options.limits.open_cascades {
            counts.over_limit += 1;
            self.refuse_root(position);
            return;
        }
        counts.opened += 1;
        if self.closed.contains(hash) {
            counts.reused += 1;
        }
        let start = event.time.seconds();
        let cascade = Cascade {
            cid: (*event.cid).into(),
            msg: event.msg.words().into(),
            start,
            last: start,
            size: 1,
            points: vec![Point { time: start, magnitude: event.magnitude }],
            next_window: 0,
            emitted: 0,
            position,
            duplicate: None,
        };
        self.place(cascade, hash, options);
    }

    /// Gives a cascade a slot, by the hash of its id, and notes when something is due for it.
    fn place(&mut self, cascade: Cascade, hash: u64, options: &CollectOptions) -> u32 {
        let (start, end) = (cascade.start, end_of(&cascade, options));
        let next_window = cascade.next_window;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { number: 0, cascade: None });
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        place.number = place.number.wrapping_add(1);
        place.cascade = Some(Box::new(cascade));
        let number = place.number;
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |slot: &u32| {
            slots[*slot as usize].cascade.as_ref().map_or(0, |it| hasher.hash_one(&*it.cid))
        };
        self.by_cid.insert_unique(hash, slot, hash_of);
        let deadlines = options.windows.iter().map(|window| start + *window as f64);
        self.next_due = deadlines.fold(self.next_due.min(end), f64::min);
        for (heap, window) in self.windows.iter_mut().zip(&options.windows).skip(next_window) {
            heap.push(Reverse(due(start + *window as f64, slot, number)));
        }
        self.ends.push(Reverse(due(end, slot, number)));
        slot
    }
}
