//! Errors of the predictions of a window that grow, which start a training.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::Train;
use crate::record::{Item, Kind, Record};
use crate::stage::errors::{Errors, LARGEST_COMPARED};
use crate::stage::{Ending, Out, RecordRef, Stage, Tally};

/// The beginning of a drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drift {
    /// Mean ARE of all predictions.
    pub(super) mean_are: f64,
    /// Mean ARE of the last ones.
    pub(super) last_mean_are: f64,
    /// Number of predictions.
    pub(super) scored: u64,
}

/// The errors of a window's predictions so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct DriftDetector {
    all: Errors,
    last: VecDeque<f64>,
    drifting: bool,
}

impl DriftDetector {
    /// Number of the last errors that are compared with those before, as in the monitor.
    const LAST: usize = 100;

    /// Adds the error of a prediction; returns the drift that it begins.
    pub(super) fn add(&mut self, are: f64) -> Option<Drift> {
        let are = are.min(LARGEST_COMPARED);
        self.all.add(are);
        self.last.push_back(are);
        if self.last.len() > Self::LAST {
            self.last.pop_front();
        }
        let last = Errors::of(self.last.iter().copied());
        let was = std::mem::replace(&mut self.drifting, self.all.drift(last));
        (self.drifting && !was).then(|| Drift {
            mean_are: self.all.mean(),
            last_mean_are: last.mean(),
            scored: self.all.count as u64,
        })
    }
}

/// [`Train`] on a pipe, which also trains a window when the verdict of a `report` record becomes `drift`.
pub struct TrainOnReports {
    train: Train,
    /// Windows whose newest verdict is `drift`.
    drifting: BTreeSet<u64>,
}

impl TrainOnReports {
    /// Trains by this learner.
    pub fn new(train: Train) -> Self {
        Self { train, drifting: BTreeSet::new() }
    }

    /// The learner.
    pub fn train(&self) -> &Train {
        &self.train
    }
}

impl Stage for TrainOnReports {
    const TAKES: &'static [Kind] = &[Kind::Sample, Kind::Model, Kind::Report];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        const DRIFT: &str = "drift";
        for record in batch {
            let report = match &record.item {
                Item::Record(body) => match &**body {
                    Record::Report(report) => Some(report),
                    _ => None,
                },
                _ => None,
            };
            let Some(report) = report else {
                self.train.on_batch(std::slice::from_ref(record), out);
                continue;
            };
            if report.verdict != DRIFT {
                self.drifting.remove(&report.t_obs);
            } else if self.drifting.insert(report.t_obs) {
                let (mean_are, last_mean_are) = (report.mean_are, report.last_mean_are);
                let drift = Drift { mean_are, last_mean_are, scored: report.scored };
                self.train.train_on_drift(report.t_obs, drift, out);
            }
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        self.train.on_end(ending, out);
    }

    fn tally(&self) -> Tally {
        self.train.tally()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::LearnOptions;
    use crate::record::{Report, Sample, Stat};
    use crate::stage::Outgoing;
    use crate::stage::monitor::{Monitor, MonitorOptions};
    use crate::stage::train::TrainOptions;

    fn learner() -> TrainOnReports {
        TrainOnReports::new(Train::new(options()))
    }

    fn options() -> TrainOptions {
        let learn = LearnOptions { trees: 5, ..LearnOptions::default() };
        TrainOptions { learn, on_drift: true, ..TrainOptions::default() }
    }

    fn sample(number: u64) -> Record {
        predicted(number, None)
    }

    /// A sample whose prediction has this error.
    fn predicted(number: u64, are: Option<f64>) -> Record {
        Record::Sample(Box::new(Sample {
            cid: number.to_string(),
            source: "0".to_owned(),
            t: number as f64,
            t_obs: 600,
            x: [1e-3, 0.5, 10.0],
            w: Some(1.0),
            n_obs: 10,
            n_tot: 20 + number,
            features: crate::learn::Features::default(),
            rows: Default::default(),
            n_pred: are.map(|are| (20 + number) as f64 * (1.0 + are)),
        }))
    }

    fn stat(number: u64, are: f64) -> Record {
        Record::Stat(Stat {
            cid: number.to_string(),
            source: "0".to_owned(),
            t: number as f64,
            t_obs: 600,
            are,
            n_obs: 10,
            n_tot: 100,
            n_pred: 100.0 * (1.0 + are),
            covered: None,
            level: None,
            model: "600-1".to_owned(),
            t_alert: None,
            finished: None,
        })
    }

    fn report(verdict: &str) -> Record {
        let mut monitor = Monitor::new(MonitorOptions { every: 0, last: 100 });
        let record = RecordRef::without_position(stat(1, 0.5));
        monitor.on_batch(&[record], &mut Out::default());
        let report = monitor.reports().remove(0);
        Record::Report(Report { verdict: verdict.to_owned(), ..report })
    }

    /// The versions of the models that are emitted for each record.
    fn models(learner: &mut TrainOnReports, records: Vec<Record>) -> Vec<String> {
        let batch: Vec<_> = records.into_iter().map(RecordRef::without_position).collect();
        let mut out = Out::default();
        learner.on_batch(&batch, &mut out);
        let version = |item| match item {
            Outgoing::Record(Record::Model(model)) => model.model,
            other => panic!("{other:?}"),
        };
        out.take().into_iter().map(version).collect()
    }

    #[test]
    fn a_report_of_a_drift_trains_a_window_once_if_it_has_new_samples() {
        let mut learner = learner();
        assert_eq!(models(&mut learner, (0..6).map(sample).collect()).len(), 4, "at 1, 2, 3 and 5");
        assert_eq!(models(&mut learner, vec![report("ok")]), Vec::<String>::new());
        assert_eq!(models(&mut learner, vec![report("drift"), report("drift")]), ["600-5"]);
        // The drift is over, and another one begins without a new sample, then with one.
        assert!(models(&mut learner, vec![report("ok"), report("drift")]).is_empty());
        // The seventh sample trains in any case, the eighth for the drift.
        let records = vec![report("young"), sample(7), sample(8), report("drift")];
        assert_eq!(models(&mut learner, records), ["600-6", "600-7"]);
        assert_eq!(learner.tally()[&("trainings_on_drift_total", String::new())], 2.0);
    }

    #[test]
    fn samples_whose_errors_grow_train_like_a_report_whatever_the_batches() {
        let quiet = (0..300).map(|i| predicted(i, Some(0.2 + 0.01 * (i % 7) as f64)));
        let loud = (300..420).map(|i| predicted(i, Some(0.9)));
        let records: Vec<Record> = quiet.chain(loud).collect();
        let mut expected = None;
        for cut in [1, 7, 1000] {
            let mut learner = learner();
            let parts = records.chunks(cut).map(<[Record]>::to_vec);
            let emitted: Vec<String> = parts.flat_map(|part| models(&mut learner, part)).collect();
            assert_eq!(learner.tally()[&("trainings_on_drift_total", String::new())], 1.0);
            assert_eq!(*expected.get_or_insert(emitted.clone()), emitted, "batches of {cut}");
        }
    }
}
