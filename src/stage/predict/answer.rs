//! Predictions of a model and of the growth law.

use super::options::PredictOptions;
use crate::cascade::{Point, largest_size};
use crate::hawkes::seismic;
use crate::learn::{FittedLaw, Forecast, Model, Query};
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
pub(super) const HAWKES: &str = "hawkes";

/// The method of an alert that holds SEISMIC's estimate.
pub(super) const SEISMIC: &str = "seismic";

/// Largest branching factor of a fit (docs/model.md).
pub(super) const SUBCRITICAL: f64 = 0.99;

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

/// The prediction of the model of the window; `None` where a feature that it needs is missing.
pub(super) fn of_model(
    parameters: &Parameters,
    model: &Model,
    options: &PredictOptions,
) -> Option<Alert> {
    let n_obs = parameters.n_obs as f64;
    let [_, beta] = parameters.params;
    let x = [beta, parameters.n_star, parameters.g1];
    let forecast = model.predict(&Query { features: &parameters.features, n_obs, x })?;
    let version = model.version().to_string();
    Some(alert(&forecast, options, (&version, model.step().name())))
}

/// The prediction of a law; `None` where a feature that it needs is missing. `model` is the version of
/// the model that it belongs to.
pub(crate) fn of_law(
    parameters: &Parameters,
    law: &FittedLaw,
    model: &str,
    options: &PredictOptions,
) -> Option<Alert> {
    let forecast = law.forecast(&parameters.features, parameters.n_obs as f64)?;
    Some(alert(&forecast, options, (model, law.step().name())))
}

fn alert(forecast: &Forecast<'_>, options: &PredictOptions, names: (&str, &str)) -> Alert {
    let (low, high) = forecast.interval(options.level);
    let above = |k: f64| (k.to_string(), forecast.probability_above(k));
    let interval = Interval { level: options.level, low, high };
    let p_above = options.limits().into_iter().map(above).collect();
    prediction(forecast.n_tot(), Some(interval), p_above, names)
}

/// An alert with the fields of the prediction; the caller fills in those of the cascade.
pub(super) fn prediction(
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
