//! The options of the collector.

use crate::event::Span;

/// How cascades are cut into windows, and when they are over.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectOptions {
    /// Observation windows in whole seconds, strictly ascending, at most [`MAX_WINDOWS`].
    pub windows: Vec<u64>,
    /// Seconds without an event after which a cascade is terminated.
    pub terminated: f64,
    /// Events that a window must hold to be emitted.
    pub min_size: u64,
    /// Seconds by which an event may be late: the clock stays that far behind the newest event.
    pub lateness: f64,
    /// Seconds after its root at which a cascade is terminated in any case.
    pub max_age: f64,
    /// Seconds by which an event may be ahead of the clock of its source, unless a
    /// second and a third event confirm the time.
    pub max_jump: f64,
    /// What the end of the input means.
    pub at_end: AtEnd,
    /// Bounds on memory.
    pub limits: Limits,
}

/// Largest number of windows.
pub const MAX_WINDOWS: usize = 64;

/// What the end of a complete input means for cascades that are still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// Every clock advances to infinity, which ends all cascades: right for a complete history.
    Terminate,
    /// Nothing more is emitted: right for a stream that was cut.
    Drop,
}

/// Bounds on memory; what exceeds them is counted, not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open cascades of a source: a tweet above this number opens none.
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

/// Checks observation windows, in seconds; returns the largest, or why they are invalid.
pub fn check_windows(windows: &[u64]) -> Result<u64, String> {
    let Some(&largest) = windows.last() else {
        return Err("there is no window; give one, such as 10m".to_owned());
    };
    if windows.len() > MAX_WINDOWS {
        return Err(format!("at most {MAX_WINDOWS} windows, not {}", windows.len()));
    }
    if windows[0] == 0 || !windows.is_sorted_by(|a, b| a < b) {
        let given: Vec<String> = windows.iter().map(|it| Span(*it as f64).to_string()).collect();
        let given = given.join(",");
        return Err(format!("windows must be above 0 and ascend, such as 10m,1h, not {given}"));
    }
    Ok(largest)
}

impl CollectOptions {
    /// The options that decide what is emitted, as on the command line.
    pub(super) fn output_options(&self) -> String {
        let Self { windows, terminated, min_size, lateness, max_age, max_jump, at_end: _, limits } =
            self;
        let Limits { open_cascades, events_per_cascade, sources } = limits;
        let windows: Vec<String> =
            windows.iter().map(|window| Span(*window as f64).to_string()).collect();
        format!(
            "--windows {} --terminated {} --min-size {min_size} --lateness {} --max-age {} \
             --max-jump {} \
             --max-open-cascades {open_cascades} --max-events-per-cascade {events_per_cascade} \
             --max-sources {sources}",
            windows.join(","),
            Span(*terminated),
            Span(*lateness),
            Span(*max_age),
            Span(*max_jump)
        )
    }

    /// The options, or why they are invalid.
    pub fn checked(self) -> Result<Self, String> {
        let largest = check_windows(&self.windows).map_err(|why| format!("--windows: {why}"))?;
        let largest = Span(largest as f64);
        if self.max_jump <= 0.0 {
            let given = Span(self.max_jump);
            return Err(format!("--max-jump must be above 0, not {given}; for example 7d"));
        }
        for (name, value) in [("terminated", self.terminated), ("max-age", self.max_age)] {
            if value < largest.0 {
                return Err(format!(
                    "--{name} {} is below the largest window, {largest}; give at least {largest}, or smaller --windows",
                    Span(value)
                ));
            }
        }
        Ok(self)
    }
}
