//! Groups tweets into cascades: emits the first `T_obs` seconds of each, later its final size.
//!
//! The state of a source is a clock and its open cascades; no source depends on another
//! (docs/commands/collect.md). Limits are per source for the same reason.

mod cascade;
mod clock;
mod context;
mod events;
mod jumps;
mod options;
mod parts;
mod source;

use std::collections::HashMap;

use foldhash::fast::RandomState;

pub use context::CollectSummary;
pub use options::{AtEnd, CollectOptions, Limits, MAX_WINDOWS, check_windows};

use super::{
    Change, Ending, Incompatible, Item, Limit, Out, RecordRef, Recover, Restore, Saved, Stage,
    Tally, clocks,
};
use crate::event::Event;
use crate::record::{Kind, Record, Watermark};
use context::{Context, Counts};
use parts::PartText;
use source::{SavedClock, Source};

/// The collector.
pub struct Collect {
    options: CollectOptions,
    /// In the order of first appearance, which is also the order of output at the end of the input.
    sources: Vec<Source>,
    /// Seeded at random, because names are untrusted; the map is never iterated.
    by_name: HashMap<Box<str>, usize, RandomState>,
    /// The source of the last event, which is often that of the next.
    recent: usize,
    /// Parts of the changelog whose root the replay has yet to read: position of the root, and the
    /// position of the record before which the part was written.
    unread_parts: HashMap<u64, u64>,
    /// Parts of the changelog that no replay reads any more.
    tombstones: Vec<u64>,
    counts: Counts,
}

impl Collect {
    /// A collector with no open cascade.
    pub fn new(options: CollectOptions) -> Self {
        Self {
            counts: Counts::new(options.windows.len()),
            options,
            sources: Vec::new(),
            by_name: HashMap::default(),
            recent: 0,
            unread_parts: HashMap::new(),
            tombstones: Vec::new(),
        }
    }

    /// The index of the source of that name; a new one if the limit allows.
    fn source(&mut self, name: &str) -> Option<usize> {
        if self.sources.get(self.recent).is_some_and(|source| &*source.name == name) {
            return Some(self.recent);
        }
        let next = self.sources.len();
        let index = match self.by_name.get(name) {
            Some(&index) => index,
            None if next >= self.options.limits.sources => return None,
            None => {
                self.by_name.insert(name.into(), next);
                self.sources.push(Source::new(name, self.options.windows.len()));
                next
            }
        };
        self.recent = index;
        Some(index)
    }

    fn event(&mut self, event: &Event<'_>, position: u64, out: &mut Out) {
        let Some(index) = self.source(&event.source) else {
            self.counts.over_limit += 1;
            return;
        };
        let Self { options, counts, sources, unread_parts, .. } = self;
        counts.events += 1;
        let source = &mut sources[index];
        source.event(event, &mut Context { options, counts, out, position });
        if !unread_parts.is_empty()
            && let Some(at) = unread_parts.remove(&position)
        {
            source.replayed(&event.cid, position, at);
        }
    }

    fn watermark(&mut self, watermark: &Watermark, position: u64, out: &mut Out) {
        let Some(index) = self.source(&watermark.source) else {
            self.counts.over_limit += 1;
            return;
        };
        let Self { options, counts, sources, .. } = self;
        sources[index].advance(watermark.t, &mut Context { options, counts, out, position });
    }

    /// How many events did not join a cascade in time order.
    pub fn summary(&self) -> CollectSummary {
        self.counts.summary()
    }

    /// The parts of the cascades that need the oldest positions.
    fn spill_cascades(&mut self, limit: Limit) -> Vec<Change> {
        let Limit { oldest, next, max_parts } = limit;
        if oldest == 0 {
            return Vec::new();
        }
        let Self { options, sources, .. } = self;
        let of_source = |(source, index): (&Source, usize)| {
            let slots = source.spillable(oldest, options).into_iter();
            slots.map(move |(needed, slot)| (needed, index, slot))
        };
        let mut slots: Vec<_> = sources.iter().zip(0..).flat_map(of_source).collect();
        slots.sort_unstable();
        slots.truncate(max_parts);
        let spill = |(_, index, slot): (u64, usize, u32)| sources[index].spill(slot, next, options);
        slots.into_iter().filter_map(spill).collect()
    }

    fn restore_clocks(&mut self, checkpoint: &str) -> Result<(), Incompatible> {
        let clocks: Vec<SavedClock> =
            serde_json::from_str(checkpoint).map_err(|_| Incompatible::Checkpoint)?;
        for saved in clocks {
            let (SavedClock::Plain(name, _) | SavedClock::Jumped(name, ..)) = &saved;
            if let Some(index) = self.source(name) {
                self.sources[index].restore_clock(&saved);
            }
        }
        Ok(())
    }

    fn restore_cascades(
        &mut self,
        parts: &[(u64, String)],
        position: u64,
    ) -> Result<(), Incompatible> {
        for (root, text) in parts {
            let text: PartText =
                serde_json::from_str(text).map_err(|_| Incompatible::Part(*root))?;
            let before = *root < position;
            match if before { self.source(&text.source) } else { None } {
                Some(index) => self.sources[index].restore(text, *root, &self.options),
                None => drop(self.unread_parts.insert(*root, text.at)),
            }
        }
        // The windows that the clocks have passed were emitted before: not counted, not emitted.
        let (mut counts, mut out) = (Counts::new(self.options.windows.len()), Out::default());
        let (options, counts, out) = (&self.options, &mut counts, &mut out);
        let mut context = Context { options, counts, out, position };
        for source in &mut self.sources {
            source.close_restored_windows(&mut context);
        }
        Ok(())
    }
}

/// The checkpoint is the clocks: [[source, seconds], ...] in the order of first appearance. If the last
/// events of a source were refused, their number and the time of the last one follow the seconds.
impl Recover for Collect {
    const RESTORE: Restore = Restore { spills: true, ..Restore::FROM_INPUT };

    fn output_options(&self) -> String {
        self.options.output_options()
    }

    fn replay_start(&self, offered: &[u64]) -> Option<usize> {
        let oldest = self.sources.iter().filter_map(Source::oldest_needed).min();
        offered.iter().rposition(|start| {
            oldest.is_none_or(|oldest| *start <= oldest)
                && !self.sources.iter().any(|source| source.splits_decision(*start))
        })
    }

    fn checkpoint(&self) -> String {
        let started = self.sources.iter().filter(|source| source.clock.is_finite());
        let clocks: Vec<_> = started.map(Source::saved_clock).collect();
        serde_json::to_string(&clocks).expect("names and numbers are JSON")
    }

    fn spill(&mut self, limit: Limit) -> Vec<Change> {
        let mut changes = self.spill_cascades(limit);
        changes.extend(self.tombstones.drain(..).map(|id| Change { id, text: None }));
        changes
    }

    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible> {
        if !saved.checkpoint.is_empty() {
            self.restore_clocks(saved.checkpoint)?;
        }
        self.restore_cascades(saved.parts, saved.position)
    }

    fn committed(&mut self, low: u64) {
        for source in &mut self.sources {
            self.tombstones.extend(source.committed(low));
        }
        // Under a smaller limit of sources than that of the part, no source took the root.
        let unread = self.unread_parts.extract_if(|root, _| *root < low);
        self.tombstones.extend(unread.map(|(root, _)| root));
    }

    fn replaying(&mut self, _: bool) {}
}

impl Stage for Collect {
    const TAKES: &'static [Kind] = &[Kind::Tweet, Kind::Retweet, Kind::Watermark];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        for record in batch {
            match &record.item {
                Item::Event(event) => self.event(event, record.position, out),
                Item::Record(other) => match &**other {
                    Record::Watermark(it) => self.watermark(it, record.position, out),
                    Record::Event(event) => self.event(event, record.position, out),
                    _ => {}
                },
                Item::Foreign(bytes) => out.pass_through(bytes),
            }
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        if ending == Ending::Complete && self.options.at_end == AtEnd::Terminate {
            let Self { options, counts, sources, .. } = self;
            // Behind every record.
            let position = u64::MAX;
            for source in sources {
                source.end(&mut Context { options, counts, out, position });
            }
        }
    }

    fn tally(&self) -> Tally {
        let mut tally = self.counts.tally(&self.options.windows);
        let open: usize = self.sources.iter().map(Source::open).sum();
        let bytes: usize = self.sources.iter().map(Source::bytes).sum();
        tally.insert(("cascades_open", String::new()), open as f64);
        tally.insert(("state_bytes", String::new()), bytes as f64);
        clocks::add_to(self.sources.iter().map(|source| source.clock), &mut tally);
        tally
    }
}
