//! Measures the predictions: errors over time, coverage, skill, drift.

mod error_history;
mod received;
mod window;

use std::collections::BTreeMap;

pub use error_history::ErrorPoint;
pub use window::BASELINES;
use window::Window;

use super::clocks::Clocks;
use super::{Ending, Item, Out, RecordRef, Stage, Tally};
use crate::record::{Kind, Record, Report, Stat};

/// How often the monitor reports, and over how many stats.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorOptions {
    /// Emits a report after this number of stats of a window; 0: only at the end.
    pub every: u64,
    /// Number of the latest stats that a report summarises beside all stats.
    pub last: usize,
}

/// The monitor.
pub struct Monitor {
    options: MonitorOptions,
    clocks: Clocks,
    windows: BTreeMap<u64, Window>,
}

impl Monitor {
    /// A monitor without stats.
    pub fn new(options: MonitorOptions) -> Self {
        Self { options, clocks: Clocks::default(), windows: BTreeMap::new() }
    }

    /// The report of every window.
    pub fn reports(&self) -> Vec<Report> {
        let report = |(t_obs, window): (&u64, &Window)| window.report(*t_obs, self.options.last);
        self.windows.iter().map(report).collect()
    }

    /// Mean and median ARE of the baselines, by window, in the order of [`BASELINES`].
    pub fn baselines(&self) -> BTreeMap<u64, [[f64; 2]; BASELINES.len()]> {
        self.windows.iter().map(|(t_obs, window)| (*t_obs, window.baselines())).collect()
    }

    /// The history of every window over time, the present moment last.
    pub fn histories(&self) -> BTreeMap<u64, Vec<ErrorPoint>> {
        let history =
            |(t_obs, window): (&u64, &Window)| (*t_obs, window.history(self.options.last));
        self.windows.iter().map(history).collect()
    }

    /// Predictions scored so far, of all windows; it changes whenever a report does.
    pub fn scored(&self) -> u64 {
        self.windows.values().map(|window| window.scored).sum()
    }

    fn stat(&mut self, stat: &Stat, out: &mut Out) {
        let window = self.windows.entry(stat.t_obs).or_default();
        window.add(stat, self.options.last);
        if self.options.every > 0 && window.scored.is_multiple_of(self.options.every) {
            out.write(Record::Report(window.report(stat.t_obs, self.options.last)));
        }
    }
}

impl Stage for Monitor {
    const TAKES: &'static [Kind] = &[Kind::Stat, Kind::Alert];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        self.clocks.observe(batch);
        for record in batch {
            match &record.item {
                Item::Foreign(bytes) => out.pass_through(bytes),
                Item::Record(body) => {
                    if let Record::Stat(stat) = &**body {
                        self.stat(stat, out);
                    }
                }
                Item::Event(_) => {}
            }
        }
    }

    fn on_end(&mut self, _: Ending, out: &mut Out) {
        for (t_obs, window) in &self.windows {
            if self.options.every == 0 || !window.scored.is_multiple_of(self.options.every) {
                out.write(Record::Report(window.report(*t_obs, self.options.last)));
            }
        }
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::new();
        self.clocks.add_to(&mut tally);
        for report in self.reports() {
            let window = report.t_obs.to_string();
            tally.insert(("predictions_scored_total", window.clone()), report.scored as f64);
            tally.insert(("mean_absolute_relative_error", window.clone()), report.mean_are);
            tally.insert(("late_absolute_relative_error", window.clone()), report.last_mean_are);
            if let Some(bias) = report.bias {
                tally.insert(("prediction_log_ratio", window.clone()), bias);
            }
            for (baseline, skill) in report.skill {
                tally.insert(("prediction_skill_ratio", format!("{window},{baseline}")), skill);
            }
        }
        for (t_obs, baselines) in self.baselines() {
            for (baseline, [are, _]) in BASELINES.iter().zip(baselines) {
                let labels = format!("{t_obs},{baseline}");
                tally.insert(("baseline_absolute_relative_error", labels), are);
            }
        }
        for (t_obs, window) in &self.windows {
            window.add_errors_to(*t_obs, &mut tally);
            for (level, [intervals, held]) in window.intervals() {
                let labels = format!("{t_obs},{level}");
                tally.insert(("predictions_with_interval_total", labels.clone()), intervals as f64);
                tally.insert(("predictions_covered_total", labels), held as f64);
            }
        }
        tally
    }
}
