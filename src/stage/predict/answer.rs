//! Predictions of a model, and untrained ones.

use super::options::PredictOptions;
use crate::cascade::{Point, largest_size, rounded_outwards};
use crate::hawkes::mark::MARK_EXPONENT;
use crate::hawkes::seismic;
use crate::hawkes::size::{FinalSize, MarkShape};
use crate::learn::{Model, Query};
use crate::record::{Alert, Interval, Parameters};

/// The expected growth after the window: pairs (seconds after its end, events by then), up to the
/// predicted size.
///
/// For the method `hawkes` it is that of the fitted process: n + n_supp (1 - exp(-beta (1 - n*) s))
/// (docs/model.md). For a model or SEISMIC it is that of SEISMIC's memory kernel up to the 7 days
/// of the final size, whose heavy tail an exponential kernel lacks.
pub(super) fn curve(parameters: &Parameters, alert: &Alert) -> Vec<Point> {
    const POINTS: i32 = 24;
    /// The last point of the process is where this share of the growth remains.
    const REST: f64 = 0.005;
    const WEEK: f64 = 604_800.0;
    let [_, beta] = parameters.params;
    let rate = beta * (1.0 - parameters.n_star.min(SUBCRITICAL));
    let (n_obs, window) = (parameters.n_obs as f64, parameters.t_obs as f64);
    let of_process = alert.method == HAWKES;
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
        Point { time, magnitude: n_obs + (alert.n_tot - n_obs) * share }
    };
    (0..=POINTS).map(at).filter(|point| point.time.is_finite()).collect()
}

/// The method of an alert that holds the expectation of the fitted process.
const HAWKES: &str = "hawkes";

/// The status of a prediction that was limited to the largest size.
const CAPPED: &str = "capped";

/// The status of an alert: that of the fit, unless the prediction was limited.
pub(super) fn status(parameters: &Parameters, n_tot: f64) -> String {
    let n_obs = parameters.n_obs as f64;
    let is_capped = n_tot > n_obs && n_tot >= largest_size(n_obs);
    if is_capped { CAPPED.to_owned() } else { parameters.status.clone() }
}

pub(super) fn step_of(model: &str) -> &'static str {
    if model == UNTRAINED { "untrained" } else { "trained" }
}

/// The `model` of an untrained alert.
pub const UNTRAINED: &str = "untrained";

/// The prediction of a model.
pub(super) fn trained(parameters: &Parameters, model: &Model, options: &PredictOptions) -> Alert {
    let n_obs = parameters.n_obs as f64;
    let [_, beta] = parameters.params;
    let x = [beta, parameters.n_star, parameters.g1];
    let answer = model.predict(&Query { features: &parameters.features, n_obs, x });
    let (low, high) = answer.interval(options.level);
    let above = |k: f64| (k.to_string(), answer.probability_above(k));
    prediction(
        answer.n_tot(),
        Some(Interval { level: options.level, low, high }),
        options.alert_above.map(above).into_iter().collect(),
        (&model.version().to_string(), model.step().name()),
    )
}

/// The untrained prediction: SEISMIC's estimate where it has one, else the expectation of the
/// branching process, limited to ten times the observed number of events.
///
/// The uncertainty is that of the branching process (the marks have infinite variance), scaled to
/// the prediction and widened by the errors of the parameters.
pub(crate) fn untrained(parameters: &Parameters, options: &PredictOptions) -> Alert {
    let n_obs = parameters.n_obs as f64;
    let largest = largest_size(n_obs);
    let branching = branching(parameters);
    let guess = parameters.seismic.unwrap_or(branching);
    let n_tot = if guess.is_finite() { guess.clamp(n_obs, largest) } else { branching.max(n_obs) };
    let further = FurtherEvents::new(parameters, n_tot);
    let tail = (1.0 - options.level) / 2.0;
    let quantile = |share: f64| (n_obs + further.quantile(share)).clamp(n_obs, largest);
    let (low, high) = rounded_outwards((quantile(tail), quantile(1.0 - tail)), n_tot);
    let above = |k: f64| {
        let above = if k >= largest { 0.0 } else { further.probability_above(k - n_obs) };
        (k.to_string(), above)
    };
    prediction(
        n_tot,
        Some(Interval { level: options.level, low, high }),
        options.alert_above.map(above).into_iter().collect(),
        (UNTRAINED, if parameters.seismic.is_some() { "seismic" } else { HAWKES }),
    )
}

/// The distribution of the number of further events without a model: that of the branching process,
/// scaled by a factor with a log-normal error. Its survival function is never below that of
/// [`Misfit`].
struct FurtherEvents {
    law: FinalSize,
    n_obs: f64,
    misfit: Misfit,
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

impl FurtherEvents {
    fn new(parameters: &Parameters, n_tot: f64) -> Self {
        let n_obs = parameters.n_obs as f64;
        let n_star = parameters.n_star.clamp(0.0, SUBCRITICAL);
        let observed = parameters.n_obs as usize;
        let law = FinalSize::from_sums(observed, parameters.g1, n_star, shape(parameters));
        let expected = law.expected() - n_obs;
        let stretch = if expected > 0.0 { (n_tot - n_obs) / expected } else { 1.0 };
        let misfit = Misfit { n_obs, n_tot };
        Self { law, n_obs, misfit, stretch, error: error_of(parameters, n_star) }
    }

    fn probability_above(&self, count: f64) -> f64 {
        if count < 0.0 {
            return 1.0;
        }
        let least = self.misfit.probability_above(count);
        if self.stretch <= 0.0 {
            return least;
        }
        let at = |node: f64| {
            let scaled = count / (self.stretch * (self.error * node).exp());
            self.law.probability_above(self.n_obs + scaled)
        };
        HERMITE.iter().map(|(node, weight)| weight * at(*node)).sum::<f64>().clamp(least, 1.0)
    }

    /// By bisection of an interval of logarithms, to 1 %.
    fn quantile(&self, share: f64) -> f64 {
        const HALVINGS: u32 = 12;
        const WIDE: f64 = 6.0;
        let middle = self.stretch * (self.law.quantile(share) - self.n_obs).max(1.0);
        if self.stretch <= 0.0 || self.probability_above(0.0) <= 1.0 - share {
            return self.misfit.quantile(share);
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

/// A lower bound of the uncertainty for a misspecified process, which the standard errors of a fit
/// do not contain: the published error of untrained predictions (SEISMIC after ten minutes: half
/// are within 25 %, Zhao et al., KDD 2015), with log-logistic tails; and for few events, three
/// further ones (the rule of three, Hanley & Lippman-Hand, JAMA 1983).
struct Misfit {
    n_obs: f64,
    n_tot: f64,
}

impl Misfit {
    /// ln 3 / ln 1.25: a quarter of the distribution is above 1.25 times its median.
    const STEEP: f64 = 4.923_343_212_498_92;

    /// The probability of more than `count` further events; at most a half, also below the
    /// prediction: the bound implies no further event.
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
/// For SEISMIC, which gives none, it is that of its published results (a median of 25 % of the size
/// after ten minutes, Zhao et al., KDD 2015, is about 0.7 of the logarithm of the further events).
fn error_of(parameters: &Parameters, n_star: f64) -> f64 {
    const PRIOR: f64 = 0.472; // of ln p: the square root of 0.2231 (docs/model.md)
    const SEISMIC: f64 = 0.7;
    const LARGEST: f64 = 1.5;
    if parameters.seismic.is_some() {
        return SEISMIC;
    }
    let [p, _] = parameters.params;
    let of_p = parameters.standard_errors.map_or(PRIOR, |[of_p, _]| of_p / p);
    (of_p / (1.0 - n_star)).clamp(0.0, LARGEST)
}

/// The expectation of the fitted process, n + n_supp, limited to ten times n.
pub(crate) fn branching(parameters: &Parameters) -> f64 {
    const MAX_GROWTH: f64 = 10.0;
    let n_obs = parameters.n_obs as f64;
    (n_obs + parameters.n_supp).min(MAX_GROWTH * n_obs).min(largest_size(n_obs))
}

/// Largest branching factor of a fit (docs/model.md).
const SUBCRITICAL: f64 = 0.99;

/// The shape of the distribution of marks: E\[m\] = n*/p is 1 exactly where there are no magnitudes.
fn shape(parameters: &Parameters) -> MarkShape {
    let [p, _] = parameters.params;
    let unit = p == parameters.n_star;
    if unit { MarkShape::Constant } else { MarkShape::PowerLaw(MARK_EXPONENT) }
}

/// An alert with the fields of the prediction; the caller fills in those of the cascade.
fn prediction(
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
