//! Predictions of a model and of the growth law.

use super::options::PredictOptions;
use crate::cascade::largest_size;
use crate::learn::{Explanation, FittedLaw, Forecast, Model, Query};
use crate::record::{Alert, Interval, Parameters};

/// The method of an alert that holds the expectation of the fitted process.
pub(super) const HAWKES: &str = "hawkes";

/// The method of an alert that holds SEISMIC's estimate.
pub(super) const SEISMIC: &str = "seismic";

/// The method of an alert that holds the expected final size under the kernel of `fit --kernel`.
pub(super) const KERNEL: &str = "kernel";

/// The status of a prediction that was limited to the largest size.
const CAPPED: &str = "capped";

/// The status of an alert: that of the fit, unless the prediction was limited.
pub(super) fn status(parameters: &Parameters, n_tot: f64) -> String {
    let n_obs = parameters.n_obs as f64;
    let is_capped = n_tot > n_obs && n_tot >= largest_size(n_obs);
    if is_capped { CAPPED.to_owned() } else { parameters.status.clone() }
}

pub(super) fn training_label(model: &str) -> &'static str {
    if model == UNTRAINED { "untrained" } else { "trained" }
}

/// The `model` of an untrained alert.
pub const UNTRAINED: &str = "untrained";

/// The trained predictor of a cascade: a model, or a corrected growth law.
pub(super) enum Predictor<'a> {
    /// The model of the window.
    Model(&'a Model),
    /// A law, and the version of the model that it belongs to.
    Law(&'a FittedLaw, String),
}

impl Predictor<'_> {
    /// The prediction; `None` where a feature that it needs is missing.
    pub(super) fn alert(&self, parameters: &Parameters, options: &PredictOptions) -> Option<Alert> {
        match self {
            Self::Law(law, version) => of_law(parameters, law, version, options),
            Self::Model(model) => {
                let forecast = model.predict(&query(parameters))?;
                let version = model.version().to_string();
                Some(alert(&forecast, options, (&version, model.step().name())))
            }
        }
    }

    /// Why it predicts this.
    pub(super) fn explain(&self, parameters: &Parameters) -> Option<Explanation> {
        match self {
            Self::Law(law, _) => law.explain(&parameters.features, parameters.n_obs as f64),
            Self::Model(model) => model.explain(&query(parameters)),
        }
    }
}

fn query(parameters: &Parameters) -> Query<'_> {
    let [_, beta] = parameters.params;
    let x = [beta, parameters.n_star, parameters.g1];
    Query { features: &parameters.features, n_obs: parameters.n_obs as f64, x }
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
        reached_after: Vec::new(),
        curve: Vec::new(),
        status: String::new(),
        model: model.to_owned(),
        method: method.to_owned(),
        explanation: None,
    }
}
