//! The options of the predictor.

use std::str::FromStr;

use crate::event::ModelVersion;
use crate::hawkes::kernels::Family;
use crate::learn::GrowthLaw;

/// The method of prediction, `--method`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The model of the window; where it has no forest, the law of all finished cascades.
    #[default]
    Auto,
    /// The growth law without training.
    GrowthLaw,
    /// SEISMIC; where it has no estimate, the fitted Hawkes process.
    Seismic,
    /// The fitted process.
    Hawkes,
    /// The kernel of `fit --kernel`, of this family if one is given; the fitted process where there is no such fit, or
    /// it has no size.
    Kernel(Option<Family>),
}

impl FromStr for Method {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "auto" => Self::Auto,
            "growth-law" => Self::GrowthLaw,
            "seismic" => Self::Seismic,
            "hawkes" => Self::Hawkes,
            "kernel" => Self::Kernel(None),
            "seismic-kernel" => Self::Kernel(Some(Family::Seismic)),
            _ => match name.parse() {
                Ok(family) => Self::Kernel(Some(family)),
                Err(_) => {
                    return Err("one of auto, growth-law, seismic, hawkes, kernel, exp, power-law, sum-exp:2, sum-exp:3 \
                                and seismic-kernel"
                        .to_owned());
                }
            },
        })
    }
}

/// How predictions are made and emitted.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictOptions {
    /// The method of prediction.
    pub method: Method,
    /// The growth law without training.
    pub law: GrowthLaw,
    /// Nominal level of the intervals, above 0 and below 1.
    pub level: f64,
    /// Emits only predictions above this size; the alert holds the probability to exceed it.
    pub alert_above: Option<f64>,
    /// Sizes for which an alert holds the probability to exceed them, in addition.
    pub above: Vec<f64>,
    /// Upper bound of the number of pending predictions and sizes.
    pub max_pending: usize,
    /// Versions of models to use instead of newer ones, at most one a window.
    pub pin: Vec<ModelVersion>,
    /// Whether an alert holds the expected growth after the window.
    pub curve: bool,
    /// Whether an alert holds the contributions to its prediction.
    pub explain: bool,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self {
            method: Method::default(),
            law: GrowthLaw::default(),
            level: 0.9,
            alert_above: None,
            above: Vec::new(),
            max_pending: 1_000_000,
            pin: Vec::new(),
            curve: false,
            explain: false,
        }
    }
}

impl PredictOptions {
    /// All sizes for which an alert holds the probability to exceed them, each once.
    pub(super) fn limits(&self) -> Vec<f64> {
        let mut limits: Vec<f64> = self.alert_above.into_iter().collect();
        for limit in &self.above {
            if !limits.contains(limit) {
                limits.push(*limit);
            }
        }
        limits
    }
}
