//! The options of training.

use crate::event::ModelVersion;
use crate::learn::LearnOptions;

/// How models are trained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainOptions {
    /// How each model is learned. `newest` also limits the samples of a window that are kept; the window and the counter
    /// are replaced by those of the model.
    pub learn: LearnOptions,
    /// Versions that are in use elsewhere: the counters of new models are above them.
    pub used_versions: Vec<ModelVersion>,
    /// Whether a window is also trained when the errors of its predictions grow.
    pub on_drift: bool,
}
