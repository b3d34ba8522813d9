//! What a model is trained on: a finished cascade at one observation window.

use super::growth_law::Inputs;
use super::rows::Rows;
use super::values::Features;

/// A finished cascade at one observation window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The cascade, the same for all its windows; of a later cascade with the same `source/cid` another one.
    pub id: String,
    /// The window T, in seconds.
    pub t_obs: f64,
    /// Event time at which the sample was made, on the clock of its source, in seconds.
    pub t: f64,
    /// Events in the window, the first included.
    pub n_obs: f64,
    /// Final size N.
    pub n_tot: f64,
    /// The features at the end of the window.
    pub features: Features,
    /// The same features, in the same order, at earlier ages of the cascade.
    pub rows: Rows,
    /// Decay β, branching factor n* and expected first generation still to come G1.
    pub x: [f64; 3],
    /// The ω for which N = n + ω G1/(1 − n*) is exact: (N − n)(1 − n*)/G1.
    pub w: Option<f64>,
}

impl Sample {
    /// Whether a model can be trained on it: the observed and the final size are known, the final size is not below the
    /// observed one, and all numbers are finite.
    pub fn is_usable(&self) -> bool {
        let numbers = [self.t_obs, self.n_obs, self.n_tot, self.t];
        let omega = self.x.iter().chain(&self.w);
        numbers.iter().chain(omega).all(|value| value.is_finite())
            && self.t_obs > 0.0
            && self.n_obs >= 1.0
            && self.n_tot >= self.n_obs
    }

    /// Whether it has the features that the growth law and its corrections need.
    pub fn has_inputs_of_the_law(&self) -> bool {
        Inputs::of(&self.features).is_some()
    }
}
