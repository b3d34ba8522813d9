//! Watches whether the predictions still hold: errors over time, coverage, skill, drift.

use std::collections::{BTreeMap, VecDeque};

use super::{Body, Ending, Histogram, Out, RecordRef, Recover, Stage, Tally};
use crate::forest::median_ratio;
use crate::record::{Kind, Record, Report, Stat};
use crate::score::{Trial, mean, median, skill, top_hits};

/// How often it reports, and over what.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// A report after every so many stats of a window; 0: only at the end.
    pub every: u64,
    /// The last so many stats are summed up beside all.
    pub last: usize,
}

/// What is kept of a stat.
#[derive(Clone, Copy)]
struct Scored {
    are: f64,
    trial: Trial,
    n_obs: f64,
    /// What a constant multiple would have missed by, its constant learned from what came before.
    ratio_are: Option<f64>,
}

impl Scored {
    fn no_growth_are(&self) -> f64 {
        Trial { predicted: self.n_obs, ..self.trial }.are()
    }
}

/// Stats of a window over which medians are taken; older ones count in means and totals alone.
const REMEMBERED: usize = 100_000;

/// Bounds of the histogram of the errors.
const ERRORS: &[f64] = &[0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0];

/// One window's history.
struct Window {
    errors: Histogram,
    scored: u64,
    sum_are: f64,
    covered: u64,
    with_interval: u64,
    level: Option<f64>,
    ratio: Option<f64>,
    ratio_learned_at: u64,
    kept: VecDeque<Scored>,
}

/// The monitor.
pub struct Monitor {
    watch: Watch,
    windows: BTreeMap<u64, Window>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            errors: Histogram::new(ERRORS),
            scored: 0,
            sum_are: 0.0,
            covered: 0,
            with_interval: 0,
            level: None,
            ratio: None,
            ratio_learned_at: 0,
            kept: VecDeque::new(),
        }
    }
}

impl Window {
    fn add(&mut self, stat: &Stat) {
        let (n_obs, n_tot) = (stat.n_obs as f64, stat.n_tot as f64);
        let kept = Scored {
            are: stat.are,
            trial: Trial { predicted: stat.n_pred, n_tot },
            n_obs,
            ratio_are: self.ratio.map(|ratio| Trial { predicted: ratio * n_obs, n_tot }.are()),
        };
        self.scored += 1;
        self.errors.observe(stat.are, 1);
        self.sum_are += stat.are;
        self.with_interval += u64::from(stat.covered.is_some());
        self.covered += u64::from(stat.covered == Some(true));
        self.level = stat.level.or(self.level);
        if self.kept.len() == REMEMBERED {
            self.kept.pop_front();
        }
        self.kept.push_back(kept);
        self.learn_ratio();
    }

    /// The baseline's constant, learned anew as the window grows by a tenth.
    fn learn_ratio(&mut self) {
        const FEWEST: u64 = 5;
        if self.scored < FEWEST.max(self.ratio_learned_at + self.ratio_learned_at / 10 + 1) {
            return;
        }
        let pairs: Vec<(f64, f64)> = self
            .kept
            .iter()
            .filter(|it| it.n_obs > 0.0)
            .map(|it| (it.n_obs, it.trial.n_tot))
            .collect();
        self.ratio = Some(median_ratio(&pairs));
        self.ratio_learned_at = self.scored;
    }

    fn report(&self, t_obs: u64, last: usize) -> Report {
        let all: Vec<Scored> = self.kept.iter().copied().collect();
        let recent = &all[all.len().saturating_sub(last)..];
        let covered =
            (self.with_interval > 0).then(|| self.covered as f64 / self.with_interval as f64);
        Report {
            t_obs,
            scored: self.scored,
            mean_are: self.sum_are / self.scored.max(1) as f64,
            median_are: median(all.iter().map(|it| it.are).collect()),
            last_mean_are: mean(recent.iter().map(|it| it.are)),
            last_median_are: median(recent.iter().map(|it| it.are).collect()),
            bias: median(all.iter().map(|it| it.trial.log_ratio()).collect()),
            covered,
            skill: skills(&all),
            top_hits: share_of_biggest(&all),
            verdict: self.verdict(&all, recent, covered).to_owned(),
        }
    }

    /// `ok`, or the first thing that is wrong.
    fn verdict(&self, all: &[Scored], recent: &[Scored], covered: Option<f64>) -> &'static str {
        const FEWEST: usize = 50;
        const DRIFTED: f64 = 1.25;
        const OFF: f64 = 0.1;
        let before = &all[..all.len() - recent.len()];
        if all.len() < FEWEST {
            return "young";
        }
        if before.len() >= FEWEST && worse(before, recent, DRIFTED) {
            return "drift";
        }
        if skills(all).iter().any(|(_, skill)| *skill < 0.0) {
            return "worse_than_baseline";
        }
        match (covered, self.level) {
            (Some(share), Some(level)) if (share - level).abs() > OFF => "coverage_off",
            _ => "ok",
        }
    }
}

/// Whether the late errors are larger than those before by a factor, and by more than chance:
/// three standard errors of the difference of the means.
fn worse(before: &[Scored], recent: &[Scored], factor: f64) -> bool {
    let errors = |part: &[Scored]| {
        let mean = mean(part.iter().map(|it| it.are));
        let squares: f64 = part.iter().map(|it| (it.are - mean).powi(2)).sum();
        (mean, squares / (part.len() as f64 * (part.len() as f64 - 1.0).max(1.0)))
    };
    let ((old, old_variance), (new, new_variance)) = (errors(before), errors(recent));
    new > factor * old && new - old > 3.0 * (old_variance + new_variance).sqrt()
}

/// Skill against each baseline, over what it answered.
fn skills(all: &[Scored]) -> Vec<(String, f64)> {
    let no_growth = skill(all.iter().map(|it| (it.are, it.no_growth_are())));
    let ratio = skill(all.iter().filter_map(|it| Some((it.are, it.ratio_are?))));
    let named = [("no_growth", no_growth), ("median_ratio", ratio)];
    named.into_iter().filter_map(|(name, skill)| Some((name.to_owned(), skill?))).collect()
}

/// The share of the biggest that was found.
fn share_of_biggest(all: &[Scored]) -> Option<f64> {
    let trials: Vec<Trial> = all.iter().map(|it| it.trial).collect();
    top_hits(&trials).map(|it| it.hits as f64 / it.of as f64)
}

impl Monitor {
    /// A monitor that has seen nothing.
    pub fn new(watch: Watch) -> Self {
        Self { watch, windows: BTreeMap::new() }
    }

    /// How every window does.
    pub fn reports(&self) -> Vec<Report> {
        let report = |(t_obs, window): (&u64, &Window)| window.report(*t_obs, self.watch.last);
        self.windows.iter().map(report).collect()
    }

    /// Mean and median ARE of the baselines, by window: no growth, median ratio.
    pub fn baselines(&self) -> BTreeMap<u64, [[f64; 2]; 2]> {
        let both = |errors: Vec<f64>| [mean(errors.iter().copied()), median(errors)];
        let of = |window: &Window| {
            let all = || window.kept.iter();
            [
                both(all().map(Scored::no_growth_are).collect()),
                both(all().filter_map(|it| it.ratio_are).collect()),
            ]
        };
        self.windows.iter().map(|(t_obs, window)| (*t_obs, of(window))).collect()
    }

    fn stat(&mut self, stat: &Stat, out: &mut Out) {
        let window = self.windows.entry(stat.t_obs).or_default();
        window.add(stat);
        if self.watch.every > 0 && window.scored.is_multiple_of(self.watch.every) {
            out.write(Record::Report(window.report(stat.t_obs, self.watch.last)));
        }
    }
}

impl Stage for Monitor {
    const TAKES: &'static [Kind] = &[Kind::Stat, Kind::Alert];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        for record in batch {
            match &record.body {
                Body::Foreign(bytes) => out.hand_on(bytes),
                Body::Record(body) => {
                    if let Record::Stat(stat) = &**body {
                        self.stat(stat, out);
                    }
                }
                Body::Event(_) => {}
            }
        }
    }

    fn on_end(&mut self, _: Ending, out: &mut Out) {
        for (t_obs, window) in &self.windows {
            if self.watch.every == 0 || !window.scored.is_multiple_of(self.watch.every) {
                out.write(Record::Report(window.report(*t_obs, self.watch.last)));
            }
        }
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::new();
        for report in self.reports() {
            let window = report.t_obs.to_string();
            tally.insert(("predictions_scored_total", window.clone()), report.scored as f64);
            tally.insert(("mean_absolute_relative_error", window.clone()), report.mean_are);
            tally.insert(("late_absolute_relative_error", window.clone()), report.last_mean_are);
            tally.insert(("prediction_log_ratio", window.clone()), report.bias);
            for (baseline, skill) in report.skill {
                tally.insert(("prediction_skill_ratio", format!("{window},{baseline}")), skill);
            }
        }
        for (t_obs, [[no_growth, _], [median_ratio, _]]) in self.baselines() {
            for (baseline, are) in [("no_growth", no_growth), ("median_ratio", median_ratio)] {
                let labels = format!("{t_obs},{baseline}");
                tally.insert(("baseline_absolute_relative_error", labels), are);
            }
        }
        for (t_obs, window) in &self.windows {
            window.errors.tell(
                "prediction_absolute_relative_error",
                &t_obs.to_string(),
                &mut tally,
            );
            let Some(level) = window.level else { continue };
            let labels = format!("{t_obs},{level}");
            let intervals = window.with_interval as f64;
            tally.insert(("predictions_with_interval_total", labels.clone()), intervals);
            tally.insert(("predictions_covered_total", labels), window.covered as f64);
        }
        tally
    }
}

impl Recover for Monitor {
    fn oldest_needed(&self) -> Option<u64> {
        None
    }
}
