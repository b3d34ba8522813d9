//! Measures the time of fits and trainings. A stage does not read the clock, so a wrapper does.

use std::time::Instant;

use super::now;
use crate::record::Kind;
use crate::stage::fit::Fit;
use crate::stage::train::{Train, TrainOnReports};
use crate::stage::{
    Change, Ending, Histogram, Incompatible, Limit, Out, RecordRef, Recover, Restore, Saved, Stage,
    Tally,
};

/// A stage that counts its units of work: fits or trainings.
pub trait CountsWork: Stage {
    /// The metric of the duration of a unit, and the bounds of its histogram in seconds.
    const DURATION: (&'static str, &'static [f64]);

    /// Number of units so far.
    fn done(&self) -> u64;
}

impl CountsWork for Fit {
    const DURATION: (&'static str, &'static [f64]) =
        ("fit_duration_seconds", &[1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.1, 1.0, 10.0]);

    fn done(&self) -> u64 {
        self.fitted()
    }
}

impl CountsWork for Train {
    const DURATION: (&'static str, &'static [f64]) =
        ("training_duration_seconds", &[0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 600.0]);

    fn done(&self) -> u64 {
        self.trainings()
    }
}

impl CountsWork for TrainOnReports {
    const DURATION: (&'static str, &'static [f64]) = Train::DURATION;

    fn done(&self) -> u64 {
        self.train().trainings()
    }
}

/// A stage with the durations of its work. The time of a batch is divided equally among its units.
pub struct Timed<S> {
    stage: S,
    durations: Histogram,
}

impl<S: CountsWork> Timed<S> {
    /// Measures the time of every batch of `stage`.
    pub fn new(stage: S) -> Self {
        Self { stage, durations: Histogram::new(S::DURATION.1) }
    }

    /// The stage.
    pub fn stage(&self) -> &S {
        &self.stage
    }

    fn count(&mut self, before: u64, began: Instant) {
        let done = self.stage.done() - before;
        if done > 0 {
            let took = (now() - began).as_secs_f64();
            self.durations.observe(took / done as f64, done);
        }
    }
}

impl<S: CountsWork> Stage for Timed<S> {
    const TAKES: &'static [Kind] = S::TAKES;

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        let (before, began) = (self.stage.done(), now());
        self.stage.on_batch(batch, out);
        self.count(before, began);
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        let (before, began) = (self.stage.done(), now());
        self.stage.on_end(ending, out);
        self.count(before, began);
    }

    fn tally(&self) -> Tally {
        let mut tally = self.stage.tally();
        self.durations.add_to(S::DURATION.0, "", &mut tally);
        tally
    }
}

impl<S: CountsWork + Recover> Recover for Timed<S> {
    const RESTORE: Restore = S::RESTORE;

    fn output_options(&self) -> String {
        self.stage.output_options()
    }

    fn replay_start(&self, offered: &[u64]) -> Option<usize> {
        self.stage.replay_start(offered)
    }

    fn checkpoint(&self) -> String {
        self.stage.checkpoint()
    }

    fn spill(&mut self, limit: Limit) -> Vec<Change> {
        self.stage.spill(limit)
    }

    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible> {
        self.stage.restore(saved)
    }

    fn committed(&mut self, low: u64) {
        self.stage.committed(low);
    }

    fn replaying(&mut self, on: bool) {
        self.stage.replaying(on);
    }
}
