//! Fits a marked Hawkes process to every serie, and computes the features of the forests.
//!
//! It keeps no state between series: they are fitted on several threads and emitted in order.

mod counted;
mod job;
mod joint;
mod kernels;
mod recover;
mod short;

use std::borrow::Cow;
use std::collections::BTreeMap;

use counted::Counted;
use job::{Job, at_present, cut, leave_out, since_root};
pub use kernels::{EXACT_BELOW, Exponent, KernelOptions};
pub use short::Short;

use super::clocks::Clocks;
use super::{Ending, Out, RecordRef, Stage, Tally};
use crate::cascade::{Point, until};
use crate::hawkes::fit::{Fit as Fitted, fit};
use crate::hawkes::lanes;
use crate::hawkes::mark::MarkLaw;
use crate::hawkes::predict::{branching_factor, expected_events, first_generation};
use crate::hawkes::residuals::{residuals, test_exponential};
use crate::hawkes::{Estimator, seismic};
use crate::learn;
use crate::math;
use crate::parallel::in_parallel;
use crate::record::{Item, Kind, Parameters, Record, Serie};

/// How series are fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct FitOptions {
    /// The estimator of the parameters.
    pub estimator: Estimator,
    /// The law of marks.
    pub marks: MarkLaw,
    /// Threads to fit on, at least 1; the output does not depend on it.
    pub threads: usize,
    /// Seconds that the local clock is ahead of UTC, where times are Unix times.
    pub utc_offset: f64,
    /// Where history lines are cut.
    pub history: Cut,
    /// Whether to compute the features of the forests, which costs a fit for every earlier age.
    pub features: bool,
    /// The kernels to fit in addition.
    pub kernels: Option<KernelOptions>,
    /// Number of first results that are not computed, because an earlier run has written them.
    pub skip: u64,
}

/// Where a history line is cut before it is fitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Cut {
    /// At each of these windows, in seconds; one record for each.
    Windows(Vec<u64>),
    /// At this age in seconds; `None`: at the last event.
    Until(Option<f64>),
    /// At the end of its observation, else at the last event.
    Present,
}

/// From this event time on, times are taken for Unix times (2001-09-09).
const UNIX_TIMES: f64 = 1e9;

/// The estimator's stage.
pub struct Fit {
    options: FitOptions,
    clocks: Clocks,
    counted: Counted,
    /// Series of several events whose marks are all 1.
    unit_marks: u64,
    /// Other series of several events.
    marked: u64,
    /// Series whose marks were all 0.
    zero_marks: u64,
    /// For each kernel, the number of cascades it was emitted for.
    winners: BTreeMap<String, u64>,
    /// Number of cascades whose times were spread for their kernel.
    spread: u64,
    /// Histories that were observed for less than their windows.
    short: Short,
    /// Series that are held until the end of the input, for a joint fit.
    held: Vec<Job<'static>>,
    /// Number of first results that are still to be left out.
    skip: u64,
}

impl Fit {
    /// A stage with these options.
    pub fn new(options: FitOptions) -> Self {
        Self {
            skip: options.skip,
            options,
            clocks: Clocks::default(),
            counted: Counted::default(),
            unit_marks: 0,
            marked: 0,
            zero_marks: 0,
            winners: BTreeMap::new(),
            spread: 0,
            short: Short::default(),
            held: Vec::new(),
        }
    }

    /// Histories that were observed for less than the age that they are fitted at.
    pub fn short(&self) -> &Short {
        &self.short
    }

    /// Number of cascades whose times were spread within whole seconds for the fit of a kernel.
    pub fn spread(&self) -> u64 {
        self.spread
    }

    /// For each kernel, the number of cascades it was emitted for, by name.
    pub fn winners(&self) -> &BTreeMap<String, u64> {
        &self.winners
    }

    /// The law of the marks of events to come.
    pub fn marks(&self) -> &MarkLaw {
        &self.options.marks
    }

    /// Whether there were series, and all had marks of 1: data without magnitudes.
    pub fn lacks_magnitudes(&self) -> bool {
        self.unit_marks > 0 && self.marked == 0
    }

    /// Series whose marks were all 0: fitted as data without marks.
    pub fn zero_marks(&self) -> u64 {
        self.zero_marks
    }

    /// Series fitted so far.
    pub fn fitted(&self) -> u64 {
        self.counted.fitted
    }

    fn jobs<'a>(&self, record: &'a RecordRef<'_>) -> Vec<Job<'a>> {
        let Item::Record(record) = &record.item else { return Vec::new() };
        match &**record {
            Record::Serie(serie) => {
                let watched = serie.t_obs as f64;
                vec![Job::new(Cow::Borrowed(serie), since_root(&serie.tweets), watched)]
            }
            Record::History(history) => match &self.options.history {
                Cut::Windows(windows) => {
                    windows.iter().map(|window| cut(history, Some(*window as f64))).collect()
                }
                Cut::Until(until) => vec![cut(history, *until)],
                Cut::Present => vec![at_present(history)],
            },
            _ => Vec::new(),
        }
    }

    fn count(&mut self, parameters: &Parameters, iterations: u32, job: &Job<'_>) {
        self.counted.add(parameters, iterations);
        if let Some(kernel) = &parameters.kernel_fit {
            *self.winners.entry(kernel.kernel.clone()).or_default() += 1;
            self.spread += u64::from(kernel.spread);
        }
        self.zero_marks += u64::from(job.zero_marks);
        let points = &job.points;
        if points.len() > 1 && points.iter().all(|point| point.magnitude == 1.0) {
            self.unit_marks += 1;
        } else if points.len() > 1 {
            self.marked += 1;
        }
    }
}

/// A fit of a job's points up to an age.
struct Task {
    job: usize,
    age: f64,
    estimator: Estimator,
}

/// The fits of a job: the one of its window, and those at the ages of the features.
#[derive(Default)]
struct Fits {
    fit: Option<Fitted>,
    ages: Vec<(f64, Fitted)>,
}

impl FitOptions {
    /// Fits one cascade: `points` in seconds since the root, watched for `watched` seconds.
    pub fn parameters(&self, serie: &Serie, points: &[Point], watched: f64) -> Parameters {
        let job = Job::new(Cow::Borrowed(serie), points.to_vec(), watched);
        let mut all = self.all_parameters(&[&job]);
        all.pop().expect("one answer to one job").0
    }

    /// Fits many cascades at once; the parameters, and the number of iterations of each, are in the
    /// order of the jobs.
    fn all_parameters(&self, jobs: &[&Job<'_>]) -> Vec<(Parameters, u32)> {
        let found = self.all_fits(jobs);
        let numbers: Vec<usize> = (0..jobs.len()).collect();
        let kernels = self.kernels.as_ref().filter(|kernels| !kernels.joint);
        // Threads work on different cascades, or on one cascade where there are few.
        let threads = if jobs.len() < self.threads { self.threads } else { 1 };
        in_parallel(&numbers, self.threads, |&i| {
            let iterations = found[i].fit.map_or(0, |fit| fit.iterations);
            let mut parameters = self.describe(jobs[i], &found[i]);
            parameters.kernel_fit = kernels.map(|kernels| {
                let Job { points, watched, .. } = jobs[i];
                Box::new(kernels.describe_one(points, *watched, &self.marks, threads))
            });
            (parameters, iterations)
        })
    }

    fn all_fits(&self, jobs: &[&Job<'_>]) -> Vec<Fits> {
        let tasks: Vec<Task> =
            jobs.iter().enumerate().flat_map(|(number, job)| self.tasks(number, job)).collect();
        let lanes: Vec<lanes::Job<'_>> = tasks
            .iter()
            .map(|task| {
                // As a window that ends at this age: later marks are unknown at it.
                let points = until(&jobs[task.job].points, task.age);
                let (end, mean_mark) = (task.age, self.marks.mean_mark(points));
                lanes::Job { points, end, mean_mark, estimator: task.estimator }
            })
            .collect();
        let fits = lanes::fit_many(&lanes, self.threads);
        let mut found: Vec<Fits> = jobs.iter().map(|_| Fits::default()).collect();
        for (task, fit) in tasks.iter().zip(fits) {
            let found = &mut found[task.job];
            found.fit.get_or_insert(fit);
            if task.estimator == Estimator::Map {
                found.ages.push((task.age, fit));
            }
        }
        found
    }

    /// The first task is the fit by the selected estimator. Features need a MAP fit at every age.
    fn tasks(&self, job: usize, it: &Job<'_>) -> Vec<Task> {
        let selected = match self.estimator {
            Estimator::Seismic => Estimator::Map,
            other => other,
        };
        let mut tasks = vec![Task { job, age: it.watched, estimator: selected }];
        if self.features {
            let now = (selected != Estimator::Map).then_some(it.watched);
            let ages = now.into_iter().chain(learn::ladder(&it.points, it.watched));
            tasks.extend(ages.map(|age| Task { job, age, estimator: Estimator::Map }));
        }
        tasks
    }

    fn describe(&self, job: &Job<'_>, found: &Fits) -> Parameters {
        let Job { serie, points, watched, zero_marks: _ } = job;
        let mean_mark = self.marks.mean_mark(points);
        let fit = found.fit.expect("every job has a fit of its window");
        let (g1, n_star) = growth(points, *watched, &fit, mean_mark);
        let (p, beta) = (fit.params.infectiousness(), fit.params.decay());
        let marked = points.iter().any(|point| point.magnitude != 1.0);
        // Without magnitudes SEISMIC is not reliable, and used only where it is selected.
        let selected = self.estimator == Estimator::Seismic;
        let estimate =
            (marked || selected).then(|| seismic::final_size(points, *watched)).flatten();
        let n_supp = match estimate.filter(|_| selected) {
            Some(size) => size - points.len() as f64,
            None => expected_events(g1, n_star),
        };
        // Where SEISMIC has no estimate the numbers are those of the fit.
        let fell_back = selected && estimate.is_none();
        let estimator = if fell_back { Estimator::Map } else { self.estimator };
        let residuals = residuals(points, fit.params);
        let test = test_exponential(&residuals);
        let (features, rows) = if self.features {
            let root = serie.tweets.first().map_or(0.0, |first| first.time);
            let extra = |seen: &[Point], age| self.extra(root, seen, age, &found.ages);
            learn::describe(points, *watched, extra)
        } else {
            Default::default()
        };
        Parameters {
            cid: serie.cid.clone(),
            source: serie.source.clone(),
            t: serie.t,
            msg: serie.msg.clone(),
            t_obs: serie.t_obs,
            n_obs: points.len() as u64,
            n_supp,
            params: [p, beta],
            n_star,
            g1,
            estimator: estimator.name().to_owned(),
            status: fit.status.name().to_owned(),
            log_likelihood: fit.log_likelihood,
            standard_errors: fit.standard_errors.map(|[of_p, of_beta]| [p * of_p, beta * of_beta]),
            ks: (!residuals.is_empty()).then_some([test.statistic, test.p_value]),
            seismic: estimate,
            kernel_fit: None,
            features,
            rows,
        }
    }

    /// The features beside counts and timing, at an age of the cascade.
    fn extra(
        &self,
        root: f64,
        seen: &[Point],
        age: f64,
        ages: &[(f64, Fitted)],
    ) -> Vec<(&'static str, f64)> {
        let fitted = ages.iter().find(|(of, _)| *of == age).map(|(_, fit)| *fit);
        let mean_mark = self.marks.mean_mark(seen);
        let fit = fitted.unwrap_or_else(|| fit(seen, age, mean_mark, Estimator::Map));
        let (g1, _) = growth(seen, age, &fit, mean_mark);
        let n = seen.len() as f64;
        let estimate = seismic::final_size(seen, age);
        let mut extra = vec![
            ("p", fit.params.infectiousness()),
            ("ln_beta", math::ln(fit.params.decay())),
            ("ln_g1", math::log1p(g1) - math::ln(n)),
            ("ln_seismic", estimate.map_or(learn::NO_ESTIMATE, |size| math::ln(size / n))),
        ];
        if root >= UNIX_TIMES {
            extra.extend(self.clock(root, age));
        }
        extra
    }

    /// The local time of day at the post and at the age, as angles.
    fn clock(&self, root: f64, age: f64) -> [(&'static str, f64); 4] {
        const DAY: f64 = 86_400.0;
        let angle =
            |time: f64| (time + self.utc_offset).rem_euclid(DAY) / DAY * std::f64::consts::TAU;
        let (post, now) = (angle(root), angle(root + age));
        [
            ("clock_post_sin", math::sin(post)),
            ("clock_post_cos", math::cos(post)),
            ("clock_now_sin", math::sin(now)),
            ("clock_now_cos", math::cos(now)),
        ]
    }
}

/// G1 and n*.
fn growth(points: &[Point], end: f64, found: &Fitted, mean_mark: f64) -> (f64, f64) {
    (first_generation(points, end, found.params), branching_factor(found.params, mean_mark))
}

impl Stage for Fit {
    const TAKES: &'static [Kind] = &[Kind::Serie, Kind::History];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        self.clocks.observe(batch);
        self.short.observe(batch, &self.options.history);
        let mut jobs: Vec<Vec<Job<'_>>> = batch.iter().map(|record| self.jobs(record)).collect();
        leave_out(&mut jobs, &mut self.skip);
        if self.options.kernels.as_ref().is_some_and(|kernels| kernels.joint) {
            for (record, jobs) in batch.iter().zip(jobs) {
                if let Item::Foreign(bytes) = record.item {
                    out.pass_through(bytes);
                }
                self.held.extend(jobs.into_iter().map(Job::into_owned));
            }
            return;
        }
        let flat: Vec<&Job<'_>> = jobs.iter().flatten().collect();
        let mut fitted = self.options.all_parameters(&flat).into_iter();
        for (record, jobs) in batch.iter().zip(&jobs) {
            if let Item::Foreign(bytes) = record.item {
                out.pass_through(bytes);
            }
            for (job, (parameters, iterations)) in jobs.iter().zip(&mut fitted) {
                self.count(&parameters, iterations, job);
                out.write(Record::Parameters(Box::new(parameters)));
            }
        }
    }

    fn on_end(&mut self, _: Ending, out: &mut Out) {
        let held = std::mem::take(&mut self.held);
        for (parameters, iterations, job) in self.options.joint(&held) {
            self.count(&parameters, iterations, job);
            out.write(Record::Parameters(Box::new(parameters)));
        }
    }

    fn tally(&self) -> Tally {
        let mut tally = self.counted.tally(self.options.estimator);
        self.clocks.add_to(&mut tally);
        tally
    }
}
