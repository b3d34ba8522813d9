//! The answers: of a model, and of what is known without one.

use super::PredictOptions;
use crate::cascade::Point;
use crate::hawkes::mark::MARK_EXPONENT;
use crate::hawkes::seismic;
use crate::hawkes::size::{FinalSize, MarkShape};
use crate::learn::{Model, Query};
use crate::record::{Alert, Interval, Parameters};

/// The expected growth after the window: pairs (seconds after its end, events by then), up to what
/// the alert tells.
///
/// Where the fitted process itself is told, its own course: n + n_supp (1 - exp(-beta (1 - n*) s))
/// (docs/model.md). Where a model or SEISMIC speaks, that of SEISMIC's memory kernel up to the
/// 7 days that the final size counts: people come back to what they saw long ago, which no
/// exponential knows.
pub(super) fn curve(parameters: &Parameters, told: &Alert) -> Vec<Point> {
    const POINTS: i32 = 24;
    /// The last point of the process comes when all but so little of the growth is over.
    const REST: f64 = 0.005;
    const WEEK: f64 = 604_800.0;
    let [_, beta] = parameters.params;
    let rate = beta * (1.0 - parameters.n_star.min(SUBCRITICAL));
    let (n_obs, window) = (parameters.n_obs as f64, parameters.t_obs as f64);
    let of_process = told.method == HAWKES;
    let horizon = WEEK.max(2.0 * window);
    let at = |i: i32| {
        let part = f64::from(i) / f64::from(POINTS);
        let (time, share) = if of_process {
            let time = -REST.ln() / rate * part.powi(2);
            (time, -(-rate * time).exp_m1())
        } else {
            let time = (horizon - window) * part.powi(3);
            (time, seismic::share_of_growth(window, window + time, horizon))
        };
        Point { time, magnitude: n_obs + (told.n_tot - n_obs) * share }
    };
    (0..=POINTS).map(at).filter(|point| point.time.is_finite()).collect()
}

/// The method of an alert that tells what the fitted process expects.
const HAWKES: &str = "hawkes";

pub(super) fn step_of(model: &str) -> &'static str {
    if model == UNTRAINED { "untrained" } else { "trained" }
}

/// What an alert names where no model spoke.
pub const UNTRAINED: &str = "untrained";

/// The answer of a model.
pub(super) fn trained(parameters: &Parameters, model: &Model, options: &PredictOptions) -> Alert {
    let n_obs = parameters.n_obs as f64;
    let [_, beta] = parameters.params;
    let x = [beta, parameters.n_star, parameters.g1];
    let answer = model.answer(&Query { features: &parameters.features, n_obs, x });
    let (low, high) = answer.interval(options.level);
    let above = |k: f64| (k.to_string(), answer.probability_above(k));
    told(
        answer.n_tot(),
        Some(Interval { level: options.level, low, high }),
        options.alert_above.map(above).into_iter().collect(),
        (&model.version().to_string(), model.step().name()),
    )
}

/// Where no model knows the window: SEISMIC's estimate where it has one, else the branching
/// process, of which no more than ten times what was seen is believed.
///
/// The uncertainty is that of the branching process (marks of infinite variance in mind), about
/// the estimate that is told, widened by what is not known of its parameters.
pub(crate) fn untrained(parameters: &Parameters, options: &PredictOptions) -> Alert {
    const MOST: f64 = 1e15;
    let n_obs = parameters.n_obs as f64;
    let branching = branching(parameters);
    let guess = parameters.seismic.unwrap_or(branching);
    let n_tot = if guess.is_finite() { guess.clamp(n_obs, MOST) } else { branching.max(n_obs) };
    let to_come = ToCome::new(parameters, n_tot);
    let tail = (1.0 - options.level) / 2.0;
    let quantile = |share: f64| (n_obs + to_come.quantile(share)).clamp(n_obs, MOST);
    let (low, high) = (quantile(tail).min(n_tot), quantile(1.0 - tail).max(n_tot));
    let above = |k: f64| (k.to_string(), to_come.probability_above(k - n_obs));
    told(
        n_tot,
        Some(Interval { level: options.level, low, high }),
        options.alert_above.map(above).into_iter().collect(),
        (UNTRAINED, if parameters.seismic.is_some() { "seismic" } else { HAWKES }),
    )
}

/// The law of what is still to come where no model was trained: that of the branching process,
/// stretched by a factor, times a log-normal error of that factor. Its upper side is never below
/// [`Doubt`].
struct ToCome {
    law: FinalSize,
    n_obs: f64,
    doubt: Doubt,
    stretch: f64,
    /// Standard deviation of the logarithm of the factor.
    error: f64,
}

/// Nodes and weights of Gauss and Hermite's quadrature for a standard normal law.
const HERMITE: [(f64, f64); 5] = [
    (-2.856_970_013_872_806, 0.011_257_411_327_720_69),
    (-1.355_626_179_974_266, 0.222_075_922_005_612_6),
    (0.0, 0.533_333_333_333_333_3),
    (1.355_626_179_974_266, 0.222_075_922_005_612_6),
    (2.856_970_013_872_806, 0.011_257_411_327_720_69),
];

impl ToCome {
    fn new(parameters: &Parameters, n_tot: f64) -> Self {
        let n_obs = parameters.n_obs as f64;
        let n_star = parameters.n_star.clamp(0.0, SUBCRITICAL);
        let observed = parameters.n_obs as usize;
        let law = FinalSize::from_sums(observed, parameters.g1, n_star, shape(parameters));
        let expected = law.expected() - n_obs;
        let stretch = if expected > 0.0 { (n_tot - n_obs) / expected } else { 1.0 };
        let doubt = Doubt { n_obs, n_tot };
        Self { law, n_obs, doubt, stretch, error: error_of(parameters, n_star) }
    }

    fn probability_above(&self, count: f64) -> f64 {
        if count < 0.0 {
            return 1.0;
        }
        let least = self.doubt.probability_above(count);
        if self.stretch <= 0.0 {
            return least;
        }
        let at = |node: f64| {
            let scaled = count / (self.stretch * (self.error * node).exp());
            self.law.probability_above(self.n_obs + scaled)
        };
        HERMITE.iter().map(|(node, weight)| weight * at(*node)).sum::<f64>().clamp(least, 1.0)
    }

    /// By halving an interval of logarithms, to 1 %.
    fn quantile(&self, share: f64) -> f64 {
        const HALVINGS: u32 = 12;
        const WIDE: f64 = 6.0;
        let middle = self.stretch * (self.law.quantile(share) - self.n_obs).max(1.0);
        if self.stretch <= 0.0 || self.probability_above(0.0) <= 1.0 - share {
            return self.doubt.quantile(share);
        }
        let highest = middle.max(self.n_obs).ln() + WIDE;
        let (mut low, mut high) = ((middle.ln() - WIDE).min(0.0), highest);
        for _ in 0..HALVINGS {
            let between = (low + high) / 2.0;
            let above = self.probability_above(between.exp());
            if above > 1.0 - share { low = between } else { high = between }
        }
        high.exp()
    }
}

/// What remains possible however sure a fit is of itself, as it says nothing of whether the process is the
/// right one: as much as the published error of untrained predictions allows (SEISMIC, after ten
/// minutes: half of them are within 25 %, Zhao et al., KDD 2015), with log-logistic tails; and of few
/// events, the next three (the rule of three, Hanley & Lippman-Hand, JAMA 1983).
struct Doubt {
    n_obs: f64,
    n_tot: f64,
}

impl Doubt {
    /// ln 3 / ln 1.25: a quarter of the law is above 1.25 times its median.
    const STEEP: f64 = 4.923_343_212_498_92;

    /// The probability of more than `count` further events; a half up to those predicted, and no more:
    /// doubt never says that something must come.
    fn probability_above(&self, count: f64) -> f64 {
        let ratio = ((self.n_obs + count) / self.n_tot).max(1.0);
        (1.0 / (1.0 + ratio.powf(Self::STEEP))).max((-count).exp().min(0.5))
    }

    fn quantile(&self, share: f64) -> f64 {
        let further = self.n_tot * (share / (1.0 - share)).powf(1.0 / Self::STEEP) - self.n_obs;
        if share < 0.5 { 0.0 } else { further.max(-(-share).ln_1p()) }
    }
}

/// The error of ln n_supp that comes from the parameters: n_supp = p A/(1 - p E\[m\]), so that
/// d ln n_supp / d ln p = 1/(1 - n*); the standard error of ln p is the fit's, else the prior's.
/// SEISMIC gives none: there the error of its published results stands (median 25 % of the size
/// after ten minutes, Zhao et al., KDD 2015, is about 0.7 of the logarithm of what is to come).
fn error_of(parameters: &Parameters, n_star: f64) -> f64 {
    const PRIOR: f64 = 0.472; // of ln p: the square root of 0.2231 (docs/model.md)
    const SEISMIC: f64 = 0.7;
    const MOST: f64 = 1.5;
    if parameters.seismic.is_some() {
        return SEISMIC;
    }
    let [p, _] = parameters.params;
    let of_p = parameters.standard_errors.map_or(PRIOR, |[of_p, _]| of_p / p);
    (of_p / (1.0 - n_star)).clamp(0.0, MOST)
}

/// What the fitted process expects, n + n_supp, as far as it is believed.
pub(crate) fn branching(parameters: &Parameters) -> f64 {
    const MOST_GROWTH: f64 = 10.0;
    let n_obs = parameters.n_obs as f64;
    (n_obs + parameters.n_supp).min(MOST_GROWTH * n_obs)
}

/// The largest branching factor that a fit may give (docs/model.md).
const SUBCRITICAL: f64 = 0.99;

/// The shape of the law of marks: E\[m\] = n*/p is 1 exactly where there are no magnitudes.
fn shape(parameters: &Parameters) -> MarkShape {
    let [p, _] = parameters.params;
    let unit = p == parameters.n_star;
    if unit { MarkShape::Constant } else { MarkShape::PowerLaw(MARK_EXPONENT) }
}

fn told(
    n_tot: f64,
    interval: Option<Interval>,
    p_above: Vec<(String, f64)>,
    (model, method): (&str, &str),
) -> Alert {
    Alert {
        cid: String::new(),
        source: String::new(),
        t: 0.0,
        msg: String::new(),
        t_obs: 0,
        n_obs: 0,
        n_tot,
        interval,
        p_above,
        curve: Vec::new(),
        status: String::new(),
        model: model.to_owned(),
        method: method.to_owned(),
    }
}
