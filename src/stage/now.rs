//! Predicts cascades that still grow, each at its present age.

use std::collections::BTreeMap;

use super::fit::{Cut, Fit, FitOptions};
use super::predict::{Predict, PredictOptions};
use super::{Ending, Out, Outgoing, RecordRef, Stage, Tally};
use crate::record::{Alert, History, Item, Kind, Parameters, Record};

/// A model of a window is used at an age that differs from it by at most this share.
const TOLERANCE: f64 = 0.02;
/// The smallest age that is predicted, in seconds.
const MIN_AGE: f64 = 1.0;
/// Within a factor of 2 of the ages that the growth law was fitted to (300 s to 6 h), in seconds.
const AGES: std::ops::RangeInclusive<f64> = 150.0..=43_200.0;

/// Fits history records up to the end of their observation, and predicts their final size.
pub struct Now {
    fit: Fit,
    predict: Predict,
    counts: NowCounts,
}

/// What was predicted, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NowCounts {
    /// Predicted cascades.
    pub predicted: u64,
    /// Cascades without Unix times or an observed duration, which were predicted at the age of their last event.
    pub at_last_event: u64,
    /// Cascades that are younger than 1 s: no prediction.
    pub too_young: u64,
    /// Cascades of an age outside 150 s to 12 h.
    pub extrapolated: u64,
    /// Events after the end of the observation, which are ignored.
    pub later_events: u64,
    /// Cascades that were predicted without a model of their age, by the version that predicted them.
    pub without_model: BTreeMap<String, u64>,
}

impl Now {
    /// A stage without models.
    pub fn new(fit: FitOptions, predict: PredictOptions) -> Self {
        let fit = Fit::new(FitOptions { history: Cut::Present, ..fit });
        Self { fit, predict: Predict::new(predict), counts: NowCounts::default() }
    }

    /// The stage that fits.
    pub fn fit(&self) -> &Fit {
        &self.fit
    }

    /// What was predicted so far.
    pub fn counts(&self) -> &NowCounts {
        &self.counts
    }

    /// Whether a history is old enough; counts it.
    fn is_predicted(&mut self, history: &History) -> bool {
        let first = history.tweets.first().map_or(0.0, |first| first.time);
        let times = history.tweets.iter().map(|tweet| tweet.time - first);
        let last = history.tweets.last().map(|last| last.time - first);
        let age = history.observed.or(last).unwrap_or_default();
        if age < MIN_AGE {
            self.counts.too_young += 1;
            return false;
        }
        self.counts.predicted += 1;
        self.counts.at_last_event += u64::from(history.observed.is_none());
        self.counts.extrapolated += u64::from(!AGES.contains(&age));
        self.counts.later_events += times.filter(|time| *time > age).count() as u64;
        true
    }

    fn answer(&mut self, parameters: &Parameters) -> Alert {
        let own = self.predict.model_near(parameters.t_obs, TOLERANCE);
        let alert = self.predict.answer_by(parameters, own);
        let is_own = own.is_some_and(|model| alert.model == model.version().to_string());
        if !is_own {
            *self.counts.without_model.entry(alert.model.clone()).or_default() += 1;
        }
        alert
    }
}

impl Stage for Now {
    const TAKES: &'static [Kind] = &[Kind::History, Kind::Model];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        let mut histories = Vec::new();
        for record in batch {
            match &record.item {
                Item::Foreign(bytes) => out.pass_through(bytes),
                Item::Event(_) => {}
                Item::Record(body) => match &**body {
                    Record::History(it) if self.is_predicted(it) => histories.push(record.clone()),
                    Record::Model(it) => self.predict.model(it.text.get(), record.position, out),
                    _ => {}
                },
            }
        }
        let mut fitted = Out::default();
        self.fit.on_batch(&histories, &mut fitted);
        for item in fitted.take() {
            let Outgoing::Record(Record::Parameters(parameters)) = item else { continue };
            let alert = self.answer(&parameters);
            if self.predict.options().alert_above.is_none_or(|above| alert.n_tot > above) {
                out.write(Record::Alert(alert));
            }
        }
    }

    fn on_end(&mut self, _: Ending, _: &mut Out) {}

    fn tally(&self) -> Tally {
        self.fit.tally()
    }
}
