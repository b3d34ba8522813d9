//! The options of the predictor.

use crate::event::ModelVersion;

/// How predictions are made and emitted.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictOptions {
    /// Nominal level of the intervals, above 0 and below 1.
    pub level: f64,
    /// Emits only predictions above this size; the alert holds the probability to exceed it.
    pub alert_above: Option<f64>,
    /// Upper bound of the number of pending predictions and sizes.
    pub max_pending: usize,
    /// Versions of models to use instead of newer ones, at most one a window.
    pub pin: Vec<ModelVersion>,
    /// Whether an alert holds the expected growth after the window.
    pub curve: bool,
}
