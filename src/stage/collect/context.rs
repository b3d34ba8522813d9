//! What a source needs to process a record: the options, the counts and the output.

use super::options::CollectOptions;
use crate::event::Span;
use crate::record::Refusal;
use crate::stage::{Histogram, Out, Tally};

/// The context of the record that is processed.
pub(super) struct Context<'a> {
    pub(super) options: &'a CollectOptions,
    pub(super) counts: &'a mut Counts,
    pub(super) out: &'a mut Out,
    /// The position of the record.
    pub(super) position: u64,
}

/// How many events did not join a cascade in time order, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectSummary {
    /// Tweets and retweets that were read.
    pub events: u64,
    /// Events behind the clock of their source; they still join a cascade that is open.
    pub late: u64,
    /// Retweets without an open cascade.
    pub orphans: u64,
    /// Tweets of a cascade that is open already.
    pub duplicates: u64,
    /// Events with the id of an earlier event of their cascade.
    pub repeated: u64,
    /// Retweets before the tweet of their cascade.
    pub before_root: u64,
    /// Records above a limit.
    pub over_limit: u64,
    /// Series that were emitted.
    pub emitted: u64,
    /// Cascades that had too few events in every window.
    pub small: u64,
}

impl Context<'_> {
    /// Refuses the record, whose time is `ahead` seconds ahead of the clock of its source.
    pub(super) fn refuse_jump(&mut self, source: &str, ahead: f64) {
        const DAY: f64 = 86_400.0;
        let text = format!(
            "the time is {} ahead of the clock of source {source:?}, more than --max-jump {}: either its unit \
             differs from that of the other records (milliseconds?), or the source was silent; then raise --max-jump",
            // In whole days, where it is some days.
            Span(if ahead < DAY { ahead } else { (ahead / DAY).floor() * DAY }),
            Span(self.options.max_jump)
        );
        self.out.refuse(self.position, Refusal::new("range", text));
    }
}

/// Why a cascade is terminated.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    /// No event for the time `terminated`.
    Silence,
    /// It reached the largest age.
    Age,
    EndOfInput,
}

impl Reason {
    /// The values of the label `reason`, in the order of the variants.
    const NAMES: [&str; 3] = ["silence", "age", "end_of_input"];
}

/// Bounds of the histogram of final sizes.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 1e5, 1e6];

/// The counters of the collector, over all sources.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// Tweets and retweets.
    pub(super) events: u64,
    pub(super) opened: u64,
    /// By [`Reason`].
    closed: [u64; Reason::NAMES.len()],
    sizes: Histogram,
    pub(super) late: u64,
    pub(super) orphans: u64,
    pub(super) duplicates: u64,
    /// Events with the id of an earlier event of the cascade.
    pub(super) repeated: u64,
    pub(super) before_root: u64,
    pub(super) reused: u64,
    pub(super) over_limit: u64,
    /// Emitted series, by index of the window.
    pub(super) emitted: Vec<u64>,
    /// Cascades that had too few events in every window.
    pub(super) small: u64,
}

impl Counts {
    pub(super) fn new(windows: usize) -> Self {
        Self {
            events: 0,
            opened: 0,
            closed: [0; Reason::NAMES.len()],
            sizes: Histogram::new(SIZES),
            late: 0,
            orphans: 0,
            duplicates: 0,
            repeated: 0,
            before_root: 0,
            reused: 0,
            over_limit: 0,
            emitted: vec![0; windows],
            small: 0,
        }
    }

    /// Counts a terminated cascade, with its final size.
    pub(super) fn close(&mut self, reason: Reason, size: u64) {
        self.closed[reason as usize] += 1;
        self.sizes.observe(size as f64, 1);
    }

    /// What was dropped, or joined late.
    pub(super) fn summary(&self) -> CollectSummary {
        CollectSummary {
            events: self.events,
            late: self.late,
            orphans: self.orphans,
            duplicates: self.duplicates,
            repeated: self.repeated,
            before_root: self.before_root,
            over_limit: self.over_limit,
            emitted: self.emitted.iter().sum(),
            small: self.small,
        }
    }

    pub(super) fn tally(&self, windows: &[u64]) -> Tally {
        let mut tally = Tally::new();
        for (name, count) in [
            ("cascades_opened_total", self.opened),
            ("late_events_total", self.late),
            ("orphan_retweets_total", self.orphans),
            ("duplicate_tweets_total", self.duplicates),
            ("duplicate_events_total", self.repeated),
            ("before_root_retweets_total", self.before_root),
            ("reused_cascade_ids_total", self.reused),
            ("over_limit_records_total", self.over_limit),
        ] {
            tally.insert((name, String::new()), count as f64);
        }
        for (reason, count) in Reason::NAMES.iter().zip(self.closed) {
            tally.insert(("cascades_closed_total", (*reason).to_owned()), count as f64);
        }
        self.sizes.add_to("cascade_size_events", "", &mut tally);
        for (window, count) in windows.iter().zip(&self.emitted) {
            tally.insert(("windows_emitted_total", window.to_string()), *count as f64);
        }
        tally
    }
}
