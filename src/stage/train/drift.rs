//! Training that also begins where the errors of the predictions drift.

use std::collections::BTreeSet;

use super::Train;
use crate::record::{Kind, Record, Report};
use crate::stage::monitor::{Monitor, MonitorOptions};
use crate::stage::{Body, Ending, Out, RecordRef, Stage, Tally};

/// A drift of a window, and whether a model was trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The window, in seconds.
    pub t_obs: u64,
    /// Predictions scored by then.
    pub scored: u64,
    /// Mean ARE of all of them.
    pub mean_are: f64,
    /// Mean ARE of the last ones.
    pub last_mean_are: f64,
    /// Whether there were samples that no training had used, so that a model was trained.
    pub trained: bool,
}

/// [`Train`] that also trains a window when its verdict becomes `drift`: in a `report` record, or by the `stat`
/// records that it reads, over the last 100.
pub struct TrainOnDrift {
    train: Train,
    monitor: Monitor,
    /// Windows whose newest verdict is `drift`.
    drifting: BTreeSet<u64>,
    drifts: Vec<Drift>,
}

impl TrainOnDrift {
    /// Trains by this learner.
    pub fn new(train: Train) -> Self {
        const LAST: usize = 100;
        let monitor = Monitor::new(MonitorOptions { every: 0, last: LAST });
        Self { train, monitor, drifting: BTreeSet::new(), drifts: Vec::new() }
    }

    /// The learner.
    pub fn train(&self) -> &Train {
        &self.train
    }

    /// All drifts so far.
    pub fn drifts(&self) -> &[Drift] {
        &self.drifts
    }

    fn report(&mut self, report: &Report, out: &mut Out) {
        const DRIFT: &str = "drift";
        if report.verdict != DRIFT {
            self.drifting.remove(&report.t_obs);
        } else if self.drifting.insert(report.t_obs) {
            let Report { t_obs, scored, mean_are, last_mean_are, .. } = *report;
            let trained = self.train.train_on_drift(t_obs, out);
            self.drifts.push(Drift { t_obs, scored, mean_are, last_mean_are, trained });
        }
    }
}

impl Stage for TrainOnDrift {
    const TAKES: &'static [Kind] = &[Kind::Sample, Kind::Model, Kind::Report, Kind::Stat];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        for record in batch {
            let Body::Record(body) = &record.body else {
                self.train.on_batch(std::slice::from_ref(record), out);
                continue;
            };
            match &**body {
                Record::Report(report) => self.report(report, out),
                Record::Stat(stat) => {
                    let t_obs = stat.t_obs;
                    self.monitor.on_batch(std::slice::from_ref(record), &mut Out::default());
                    // A report costs more than a stat.
                    if self.monitor.drifts(t_obs) != self.drifting.contains(&t_obs) {
                        let reports = self.monitor.reports();
                        let own = reports.into_iter().find(|report| report.t_obs == t_obs);
                        own.into_iter().for_each(|report| self.report(&report, out));
                    }
                }
                _ => self.train.on_batch(std::slice::from_ref(record), out),
            }
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        self.train.on_end(ending, out);
    }

    fn tally(&self) -> Tally {
        let mut tally = self.train.tally();
        let trained = self.drifts.iter().filter(|drift| drift.trained).count();
        tally.insert(("trainings_on_drift_total", String::new()), trained as f64);
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{Aggregate, GrowthLaw, Target};
    use crate::record::{Sample, Stat};
    use crate::stage::Outgoing;
    use crate::stage::train::TrainOptions;

    fn learner() -> TrainOnDrift {
        TrainOnDrift::new(Train::new(TrainOptions {
            trees: 5,
            target: Target::LogRatio,
            aggregate: Aggregate::RelativeMedian,
            law: GrowthLaw::default(),
            seed: 1,
            newest: 1000,
            threads: 1,
            used_versions: Vec::new(),
        }))
    }

    fn sample(number: u64) -> Record {
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
    fn models(learner: &mut TrainOnDrift, records: Vec<Record>) -> Vec<String> {
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
        let trained: Vec<bool> = learner.drifts().iter().map(|drift| drift.trained).collect();
        assert_eq!(trained, [true, false, true]);
        assert_eq!(learner.tally()[&("trainings_on_drift_total", String::new())], 2.0);
    }

    #[test]
    fn stats_whose_errors_grow_train_like_a_report_whatever_the_batches() {
        let quiet = (0..300).map(|i| stat(i, 0.2 + 0.01 * (i % 7) as f64));
        let loud = (300..420).map(|i| stat(i, 0.9));
        let samples = (0..6).map(sample);
        let records: Vec<Record> = samples.chain(quiet).chain(loud).collect();
        let mut expected = None;
        for cut in [1, 7, 1000] {
            let mut learner = learner();
            let parts = records.chunks(cut).map(<[Record]>::to_vec);
            let emitted: Vec<String> = parts.flat_map(|part| models(&mut learner, part)).collect();
            assert_eq!(emitted.len(), 5, "{emitted:?}");
            let drifts = learner.drifts().to_vec();
            assert_eq!(drifts.len(), 1, "{drifts:?}");
            assert!(drifts[0].trained && drifts[0].last_mean_are > 1.25 * drifts[0].mean_are * 0.9);
            let same = expected.get_or_insert_with(|| (emitted.clone(), drifts.clone()));
            assert_eq!(*same, (emitted, drifts), "batches of {cut}");
        }
    }
}
