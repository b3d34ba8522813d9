//! The predictions of one window, beside those of the baselines.

use std::collections::{BTreeMap, VecDeque};

use super::error_history::{ErrorHistory, ErrorPoint};
use super::received::Received;
use crate::learn::{LogLinear, median_ratio};
use crate::record::{Report, Stat};
use crate::score::{Trial, mean, median, skill, top_hits};
use crate::stage::errors::{Errors, FEWEST, LARGEST_COMPARED};
use crate::stage::predict::UNTRAINED;
use crate::stage::{Histogram, Tally};

/// Stats of a window that enter the medians; older ones enter means and totals alone.
const KEPT: usize = 100_000;

/// Bounds of the histogram of the errors.
const ERRORS: &[f64] = &[0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0];

/// The baselines, in the order of their errors in reports.
pub const BASELINES: [&str; 3] = ["no_growth", "median_ratio", "log_linear"];

/// A kept stat.
#[derive(Clone, Copy)]
struct Scored {
    are: f64,
    /// `None` for a stat without a final size, as the original system writes it.
    trial: Option<Trial>,
    n_obs: f64,
    /// Whether the interval held the final size, and its level.
    covered: Option<(bool, f64)>,
    /// Final sizes that existed when the prediction was made; `None` for a stat without such a count or time.
    finished: Option<u64>,
    /// Whether no model was trained.
    untrained: bool,
    /// The AREs of the baselines; `None` where too few final sizes existed when the prediction was made, and for a stat
    /// without sizes.
    baselines: [Option<f64>; BASELINES.len()],
}

/// The fitted constants of the baselines.
#[derive(Clone, Copy)]
struct Fitted {
    /// The number of stats when they were fitted.
    at: u64,
    /// Whether any of them had sizes.
    is_fitted: bool,
    ratio: f64,
    law: LogLinear,
}

/// One window's history.
pub(super) struct Window {
    /// Of the predictions of a model, and of the untrained ones.
    errors: [Histogram; 2],
    pub(super) scored: u64,
    /// Numbers of intervals, and of those that held the final size, by the bits of their level.
    intervals: BTreeMap<u64, [u64; 2]>,
    /// The level of the newest interval, to which reports and verdicts refer.
    level: Option<f64>,
    sums: Errors,
    /// Sums of the errors that are compared for a drift.
    for_drift: Errors,
    /// Sums of the untrained predictions.
    untrained: Errors,
    received: Received,
    /// The constants by the number of stats that they were fitted to, each a tenth more than the one before.
    fitted: Vec<Fitted>,
    kept: VecDeque<Scored>,
    history: ErrorHistory,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            errors: [Histogram::new(ERRORS), Histogram::new(ERRORS)],
            scored: 0,
            intervals: BTreeMap::new(),
            level: None,
            sums: Errors::default(),
            for_drift: Errors::default(),
            untrained: Errors::default(),
            received: Received::default(),
            fitted: Vec::new(),
            kept: VecDeque::new(),
            history: ErrorHistory::default(),
        }
    }
}

/// A baseline of fewer predictions has no influence on the verdict.
const FEWEST_COMPARED: usize = 20;

impl Window {
    pub(super) fn add(&mut self, stat: &Stat, last: usize) {
        let (n_obs, n_tot) = (stat.n_obs as f64, stat.n_tot as f64);
        let error = |predicted| Trial { predicted, n_tot }.are();
        // Both are lower bounds: each instance of `predict` counts the sizes of its own partitions.
        let finished =
            stat.t_alert.map(|t| self.received.before(&stat.source, t)).max(stat.finished);
        let has_sizes = n_obs > 0.0 && n_tot > 0.0;
        let constants = self.constants(finished.unwrap_or(self.scored));
        let constants = constants.filter(|it| has_sizes && it.is_fitted);
        let fitted =
            |predict: fn(&Fitted, f64) -> f64| constants.map(|it| error(predict(&it, n_obs)));
        let untrained = stat.model == UNTRAINED;
        self.level = stat.level.or(self.level);
        let kept = Scored {
            are: stat.are,
            trial: (n_tot > 0.0).then_some(Trial { predicted: stat.n_pred, n_tot }),
            n_obs,
            covered: stat.covered.zip(self.level),
            finished,
            untrained,
            baselines: [
                has_sizes.then(|| error(n_obs)),
                fitted(|it, n| it.ratio * n),
                fitted(|it, n| it.law.predict(n)),
            ],
        };
        self.received.add(&stat.source, stat.t, self.scored);
        self.scored += 1;
        if untrained {
            self.untrained.add(stat.are);
        }
        self.errors[usize::from(untrained)].observe(stat.are, 1);
        self.sums.add(stat.are);
        self.for_drift.add(stat.are.min(LARGEST_COMPARED));
        if let Some((covered, level)) = stat.covered.zip(self.level) {
            let [intervals, held] = self.intervals.entry(level.to_bits()).or_default();
            *intervals += 1;
            *held += u64::from(covered);
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(kept);
        self.fit_baselines();
        if self.history.keeps(self.scored) {
            let moment = self.moment(last);
            self.history.keep(moment);
        }
    }

    /// The newest constants that were fitted to at most so many stats.
    fn constants(&self, stats: u64) -> Option<Fitted> {
        let after = self.fitted.partition_point(|it| it.at <= stats);
        after.checked_sub(1).map(|place| self.fitted[place])
    }

    /// Fits the baselines again when the window grew by a tenth.
    fn fit_baselines(&mut self) {
        const FIRST: u64 = 5;
        let fitted_at = self.fitted.last().map_or(0, |it| it.at);
        if self.scored < FIRST.max(fitted_at + fitted_at / 10 + 1) {
            return;
        }
        let usable = self.kept.iter().filter(|it| it.n_obs > 0.0);
        let pairs: Vec<(f64, f64)> =
            usable.filter_map(|it| Some((it.n_obs, it.trial?.n_tot))).collect();
        let (ratio, law) = (median_ratio(&pairs), LogLinear::fit(&pairs));
        self.fitted.push(Fitted { at: self.scored, is_fitted: !pairs.is_empty(), ratio, law });
    }

    fn last(&self, count: usize) -> impl Iterator<Item = &Scored> {
        self.kept.range(self.kept.len().saturating_sub(count)..)
    }

    fn moment(&self, last: usize) -> ErrorPoint {
        ErrorPoint {
            scored: self.scored,
            mean_are: self.sums.mean(),
            last_mean_are: mean(self.last(last).map(|it| it.are)),
            last_covered: self.last_covered(last),
            drifted: self.drifted(last),
        }
    }

    pub(super) fn add_errors_to(&self, t_obs: u64, tally: &mut Tally) {
        for (errors, estimator) in self.errors.iter().zip(["trained", "untrained"]) {
            let labels = format!("{t_obs},{estimator}");
            errors.add_to("prediction_absolute_relative_error", &labels, tally);
        }
    }

    /// The history until now.
    pub(super) fn history(&self, last: usize) -> Vec<ErrorPoint> {
        self.history.with(self.moment(last))
    }

    fn drifted(&self, last: usize) -> bool {
        self.for_drift.drift(Errors::of(self.last(last).map(|it| it.are.min(LARGEST_COMPARED))))
    }

    /// The levels of intervals, each with their number and the number of those that held the final size.
    pub(super) fn intervals(&self) -> impl Iterator<Item = (f64, [u64; 2])> {
        self.intervals.iter().map(|(level, counts)| (f64::from_bits(*level), *counts))
    }

    /// Of the intervals of the newest level, the share that held the final size.
    fn covered(&self) -> Option<f64> {
        let [intervals, held] = self.intervals.get(&self.level?.to_bits())?;
        Some(*held as f64 / *intervals as f64)
    }

    /// The same of the last stats.
    fn last_covered(&self, last: usize) -> Option<f64> {
        let of_level = self.last(last).filter_map(|it| it.covered);
        let of_level = of_level.filter(|(_, level)| Some(*level) == self.level);
        let held: Vec<f64> = of_level.map(|(held, _)| f64::from(u8::from(held))).collect();
        (!held.is_empty()).then(|| mean(held))
    }

    pub(super) fn report(&self, t_obs: u64, last: usize) -> Report {
        let of = |value: fn(&Scored) -> f64| self.kept.iter().map(value).collect::<Vec<_>>();
        let covered = self.covered();
        let skill = self.skills();
        let trained = self.sums.without(self.untrained);
        let mean_of = |errors: Errors| (errors.count > 0.0).then(|| errors.mean());
        let of_models = self.kept.iter().filter(|it| !it.untrained);
        let finished: Vec<f64> =
            of_models.filter_map(|it| it.finished).map(|count| count as f64).collect();
        let verdict = self.verdict(last, &skill, covered).to_owned();
        let ratios: Vec<f64> = self.trials().iter().map(Trial::log_ratio).collect();
        Report {
            t_obs,
            scored: self.scored,
            mean_are: self.sums.mean(),
            median_are: median(of(|it| it.are)),
            last_mean_are: mean(self.last(last).map(|it| it.are)),
            last_median_are: median(self.last(last).map(|it| it.are).collect()),
            bias: (!ratios.is_empty()).then(|| median(ratios)),
            covered,
            last_covered: self.last_covered(last),
            level: self.level,
            skill,
            top_hits: self.share_of_top_hits(),
            verdict,
            untrained: self.untrained.count as u64,
            untrained_mean_are: mean_of(self.untrained),
            trained_mean_are: mean_of(trained),
            compared: self.compared(BASELINES.len() - 1) as u64,
            finished: (!finished.is_empty()).then(|| median(finished)),
        }
    }

    /// The number of stats that a baseline predicted.
    fn compared(&self, baseline: usize) -> usize {
        self.kept.iter().filter(|it| it.baselines[baseline].is_some()).count()
    }

    /// `ok`, or the first problem.
    fn verdict(&self, last: usize, skill: &[(String, f64)], covered: Option<f64>) -> &'static str {
        const OFF: f64 = 0.1;
        if self.kept.len() < FEWEST {
            return "young";
        }
        if self.drifted(last) {
            return "drift";
        }
        let is_compared = |name: &str| {
            let place = BASELINES.iter().position(|it| *it == name);
            place.is_some_and(|place| self.compared(place) >= FEWEST_COMPARED)
        };
        // Against a baseline without errors there is no skill score.
        let is_behind = |(place, name): (usize, &&str)| {
            let is_perfect = self.answered(place).all(|(_, theirs)| theirs == 0.0);
            is_perfect && self.answered(place).any(|(ours, _)| ours > 0.0) && is_compared(name)
        };
        if skill.iter().any(|(name, skill)| *skill < 0.0 && is_compared(name))
            || BASELINES.iter().enumerate().any(is_behind)
        {
            return "worse_than_baseline";
        }
        match (covered, self.level) {
            (Some(share), Some(level)) if (share - level).abs() > OFF => "coverage_off",
            _ => "ok",
        }
    }

    /// The errors of the stats that a baseline predicted, and its own.
    fn answered(&self, place: usize) -> impl Iterator<Item = (f64, f64)> {
        self.kept.iter().filter_map(move |it| Some((it.are, it.baselines[place]?)))
    }

    /// Skill against each baseline, over the stats that it predicted.
    fn skills(&self) -> Vec<(String, f64)> {
        let of = |(place, name): (usize, &&str)| {
            Some(((*name).to_owned(), skill(self.answered(place))?))
        };
        BASELINES.iter().enumerate().filter_map(of).collect()
    }

    /// Mean and median ARE of the baselines.
    pub(super) fn baselines(&self) -> [[f64; 2]; BASELINES.len()] {
        std::array::from_fn(|place| {
            let errors: Vec<f64> = self.kept.iter().filter_map(|it| it.baselines[place]).collect();
            [mean(errors.iter().copied()), median(errors)]
        })
    }

    /// The predictions of the stats with a final size.
    fn trials(&self) -> Vec<Trial> {
        self.kept.iter().filter_map(|it| it.trial).collect()
    }

    /// The share of the largest cascades that were predicted among the largest.
    fn share_of_top_hits(&self) -> Option<f64> {
        top_hits(&self.trials()).map(|it| it.hits as f64 / it.of as f64)
    }
}
