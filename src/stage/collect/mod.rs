//! Groups tweets into cascades: emits the first `T_obs` seconds of each, later its final size.
//!
//! State is per source, a clock and the open cascades; sources do not feel each other
//! (docs/commands/collect.md). Limits are per source for the same reason.

mod closed;
mod deadline;
mod source;

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{
    Body, Change, Ending, Histogram, Incompatible, Limit, Out, RecordRef, Recover, Restore, Saved,
    Stage, Tally, clocks,
};
use crate::cascade::Number;
use crate::event::Event;
use crate::record::{Kind, Record, Watermark};
use source::Source;

/// By what options cascades are cut.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectOptions {
    /// Observation windows in whole seconds, ascending, none twice, at most [`MOST_WINDOWS`].
    pub windows: Vec<u64>,
    /// Seconds without an event after which a cascade is over.
    pub terminated: f64,
    /// Events that a window must hold to be emitted.
    pub min_size: u64,
    /// Seconds by which an event may come late; the clock stays that far behind.
    pub lateness: f64,
    /// Seconds after its root at which a cascade is over, whatever happens.
    pub max_age: f64,
    /// What the end of the input means.
    pub at_end: AtEnd,
    /// How many there may be.
    pub limits: Limits,
}

/// Largest number of windows.
pub const MOST_WINDOWS: usize = 64;

/// What the end of a complete input means for cascades that are still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// Every clock goes to infinity: right for a complete history.
    Terminate,
    /// Nothing more is said: right for a stream that was cut.
    Drop,
}

/// Bounds on memory; what goes beyond is counted, not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open cascades of a source: a tweet beyond opens none.
    pub open_cascades: usize,
    /// Events kept of a cascade: later ones count in its size alone.
    pub events_per_cascade: usize,
    /// Sources: records of further ones are dropped.
    pub sources: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_cascades: 10_000_000, events_per_cascade: 10_000_000, sources: 1_000_000 }
    }
}

impl CollectOptions {
    /// The options, or what is wrong with them.
    pub fn checked(self) -> Result<Self, String> {
        let Some(&largest) = self.windows.last() else {
            return Err("there must be a window".to_owned());
        };
        if self.windows.len() > MOST_WINDOWS {
            return Err(format!("at most {MOST_WINDOWS} windows, not {}", self.windows.len()));
        }
        if self.windows[0] == 0 || !self.windows.is_sorted_by(|a, b| a < b) {
            return Err(format!("windows must be positive and ascend, not {:?}", self.windows));
        }
        for (name, value) in [("terminated", self.terminated), ("max-age", self.max_age)] {
            if value < largest as f64 {
                return Err(format!(
                    "{name} ({value} s) is below the largest window ({largest} s)"
                ));
            }
        }
        Ok(self)
    }
}

/// Why cascades are over: nobody forwards them any more, they are too old, the input is over.
const CLOSED: [&str; 3] = ["silence", "age", "end_of_input"];

/// Bounds of the histogram of final sizes.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 1e5, 1e6];

/// What the collector counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    opened: u64,
    /// By reason: see [`CLOSED`].
    closed: [u64; CLOSED.len()],
    sizes: Option<Histogram>,
    late: u64,
    orphans: u64,
    duplicates: u64,
    before_root: u64,
    reused: u64,
    over_limit: u64,
    windows: Vec<u64>,
}

impl Counts {
    fn close(&mut self, cascade: &deadline::Cascade, at_end: bool, options: &CollectOptions) {
        let aged = cascade.start + options.max_age < cascade.last + options.terminated;
        self.closed[if at_end { 2 } else { usize::from(aged) }] += 1;
        let sizes = self.sizes.get_or_insert_with(|| Histogram::new(SIZES));
        sizes.observe(cascade.size as f64, 1);
    }
}

/// The collector.
pub struct Collect {
    options: CollectOptions,
    /// In order of first appearance: the end of the input goes through them in that order.
    sources: Vec<Source>,
    /// Keys come from strangers: the hasher is seeded at random, and the map is never walked.
    by_name: HashMap<Box<str>, usize, RandomState>,
    /// The source of the last event, which is often that of the next.
    last: usize,
    /// Roots that a replay has still to meet and that are written down too, with the places of
    /// writing.
    expected: HashMap<u64, u64>,
    /// Parts of the changelog that no replay reads any more.
    tombstones: Vec<u64>,
    counts: Counts,
}

impl Collect {
    /// A collector with nothing open.
    pub fn new(options: CollectOptions) -> Self {
        let counts = Counts { windows: vec![0; options.windows.len()], ..Counts::default() };
        Self {
            options,
            sources: Vec::new(),
            by_name: HashMap::default(),
            last: 0,
            expected: HashMap::new(),
            tombstones: Vec::new(),
            counts,
        }
    }

    /// The source of that name; a new one if the limit allows.
    fn source(&mut self, name: &str) -> Option<usize> {
        if self.sources.get(self.last).is_some_and(|source| source.name() == name) {
            return Some(self.last);
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
        self.last = index;
        Some(index)
    }

    fn event(&mut self, event: &Event<'_>, position: u64, out: &mut Out) {
        match self.source(&event.source) {
            None => self.counts.over_limit += 1,
            Some(index) => {
                self.sources[index].event(event, position, &self.options, &mut self.counts, out);
                if !self.expected.is_empty() {
                    self.find_again(index, &event.cid, position);
                }
            }
        }
    }

    fn watermark(&mut self, watermark: &Watermark, position: u64, out: &mut Out) {
        match self.source(&watermark.source) {
            None => self.counts.over_limit += 1,
            Some(index) => {
                let (options, counts) = (&self.options, &mut self.counts);
                self.sources[index].watermark(watermark.t, position, options, counts, out);
            }
        }
    }
}

/// The checkpoint is the clocks: [[source, seconds], ...] in order of first appearance.
impl Recover for Collect {
    const RESTORE: Restore = Restore { reads_back: &[], starts_late: false, spills: true };

    fn replay_start(&self, offered: &[u64]) -> Option<usize> {
        let oldest = self.sources.iter().filter_map(Source::oldest_needed).min();
        offered.iter().rposition(|start| {
            oldest.is_none_or(|oldest| *start <= oldest)
                && !self.sources.iter().any(|source| source.is_cut(*start))
        })
    }

    fn checkpoint(&self) -> String {
        let started = self.sources.iter().filter(|source| source.clock().is_finite());
        let clocks: Vec<_> = started.map(|it| (it.name(), Number(it.clock()))).collect();
        serde_json::to_string(&clocks).expect("names and numbers are JSON")
    }

    fn spill(&mut self, limit: Limit) -> Vec<Change> {
        let mut changes = self.spill_cascades(limit);
        changes.extend(self.tombstones.drain(..).map(|id| Change { id, text: None }));
        changes
    }

    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible> {
        if !saved.checkpoint.is_empty() {
            let clocks: Vec<(String, f64)> =
                serde_json::from_str(saved.checkpoint).map_err(|_| Incompatible::Checkpoint)?;
            for (name, clock) in clocks {
                if let Some(index) = self.source(&name) {
                    self.sources[index].set_clock(clock);
                }
            }
        }
        self.restore_cascades(saved.parts, saved.position)
    }

    fn committed(&mut self, low: u64) {
        self.tombstones.extend(self.parts_before(low));
        for source in &mut self.sources {
            source.forget_before(low);
        }
        self.expected.retain(|root, _| *root >= low);
    }

    fn replaying(&mut self, _: bool) {}
}

impl Stage for Collect {
    const TAKES: &'static [Kind] = &[Kind::Tweet, Kind::Retweet, Kind::Watermark];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        for record in batch {
            match &record.body {
                Body::Event(event) => self.event(event, record.position, out),
                Body::Record(other) => match &**other {
                    Record::Watermark(it) => self.watermark(it, record.position, out),
                    Record::Event(event) => self.event(event, record.position, out),
                    _ => {}
                },
                Body::Foreign(bytes) => out.hand_on(bytes),
            }
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        if ending == Ending::Complete && self.options.at_end == AtEnd::Terminate {
            for source in &mut self.sources {
                source.advance(f64::INFINITY, &self.options, &mut self.counts, out);
            }
        }
    }

    fn tally(&self) -> Tally {
        let counts = &self.counts;
        let mut tally = Tally::new();
        for (name, count) in [
            ("cascades_opened_total", counts.opened),
            ("late_events_total", counts.late),
            ("orphan_retweets_total", counts.orphans),
            ("duplicate_tweets_total", counts.duplicates),
            ("before_root_retweets_total", counts.before_root),
            ("reused_cascade_ids_total", counts.reused),
            ("over_limit_records_total", counts.over_limit),
        ] {
            tally.insert((name, String::new()), count as f64);
        }
        for (reason, count) in CLOSED.iter().zip(counts.closed) {
            tally.insert(("cascades_closed_total", (*reason).to_owned()), count as f64);
        }
        let none = || Histogram::new(SIZES);
        counts.sizes.clone().unwrap_or_else(none).tell("cascade_size_events", "", &mut tally);
        for (window, count) in self.options.windows.iter().zip(&counts.windows) {
            tally.insert(("windows_emitted_total", window.to_string()), *count as f64);
        }
        let open: usize = self.sources.iter().map(Source::open).sum();
        let bytes: usize = self.sources.iter().map(Source::bytes).sum();
        tally.insert(("cascades_open", String::new()), open as f64);
        tally.insert(("state_bytes", String::new()), bytes as f64);
        clocks::tell(self.sources.iter().map(Source::clock), &mut tally);
        tally
    }
}
