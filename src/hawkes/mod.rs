//! The model: a marked Hawkes process with an exponential kernel and no base rate.
//!
//! After the first event of a cascade the next ones come with the intensity
//!
//! ```text
//! λ(t) = p β Σ mᵢ exp(−β (t − tᵢ))        the sum over the events before t
//! ```
//!
//! | symbol | name | unit |
//! |---|---|---|
//! | p | infectiousness | children per unit of mark |
//! | β | decay | 1/s |
//! | mᵢ, tᵢ | magnitude and time of event i | followers, s |
//! | E\[m\] | mean mark | followers |
//! | n* = p E\[m\] | branching factor: mean children of an event | |
//! | T | end of the observation | s |
//! | A(t) = Σ mᵢ exp(−β (t − tᵢ)) | excitation | followers |
//! | Λ(t) = p Σ mᵢ (1 − exp(−β (t − tᵢ))) | compensator: expected events until t | |
//! | G1 = p A(T) | expected first generation still to come | |
//!
//! (Hawkes 1971; for cascades: Mishra, Rizoiu & Xie, CIKM 2016.) All functions here are pure: points
//! in time order and numbers in, numbers out.
//!
//! **The start.** An event with nothing but marks of 0 before it has intensity 0, under any
//! parameters. The model explains what follows the first positive mark; events up to there count
//! as given, as the first event does.

mod arithmetic;
mod complex;
pub mod fit;
pub mod kernel;
pub mod kernels;
pub mod lanes;
pub mod likelihood;
pub mod mark;
mod objective;
pub mod predict;
pub mod residuals;
pub mod seismic;
pub mod simulate;
pub mod size;
mod tree;

use std::fmt;
use std::str::FromStr;

/// The largest branching factor of a fit and of simulated cascades, in children per event: the expected number of
/// further events stays below 100 first generations (docs/model.md).
pub const MAX_BRANCHING_FACTOR: f64 = 0.99;

/// The parameters of the process: both are positive and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    infectiousness: f64,
    decay: f64,
}

impl Params {
    /// Takes p, in children per unit of mark, and β, in 1/s.
    pub fn new(infectiousness: f64, decay: f64) -> Result<Self, ParamsError> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        if !positive(infectiousness) {
            return Err(ParamsError::Infectiousness(infectiousness));
        }
        if !positive(decay) {
            return Err(ParamsError::Decay(decay));
        }
        Ok(Self { infectiousness, decay })
    }

    /// The infectiousness p: children per unit of mark.
    pub fn infectiousness(&self) -> f64 {
        self.infectiousness
    }

    /// The decay β, in 1/s.
    pub fn decay(&self) -> f64 {
        self.decay
    }
}

/// Why two numbers are not [`Params`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamsError {
    /// The infectiousness is not a positive number.
    Infectiousness(f64),
    /// The decay is not a positive number.
    Decay(f64),
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Infectiousness(p) => write!(f, "infectiousness {p} is not a positive number"),
            Self::Decay(beta) => write!(f, "decay {beta} is not a positive number"),
        }
    }
}

impl std::error::Error for ParamsError {}

/// How parameters are estimated, or, for `Seismic`, how the size is predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Estimator {
    /// Maximum a posteriori under a log-normal prior.
    #[default]
    Map,
    /// Maximum likelihood.
    Mle,
    /// The size is predicted by [`seismic`]; the parameters that go with it are those of `Map`.
    Seismic,
}

impl Estimator {
    /// All estimators.
    pub const ALL: [Self; 3] = [Self::Map, Self::Mle, Self::Seismic];

    /// Its name in records and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Mle => "mle",
            Self::Seismic => "seismic",
        }
    }
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Estimator {
    type Err = UnknownEstimator;

    fn from_str(name: &str) -> Result<Self, UnknownEstimator> {
        Self::ALL
            .into_iter()
            .find(|estimator| estimator.name() == name)
            .ok_or_else(|| UnknownEstimator(name.to_owned()))
    }
}

/// A name that no [`Estimator`] has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEstimator(String);

impl fmt::Display for UnknownEstimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown estimator '{}': map, mle or seismic", self.0)
    }
}

impl std::error::Error for UnknownEstimator {}

/// Whether a fit is reliable: the first status that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Fewer than three events, or no two different times.
    TooFew,
    /// The infectiousness is at its upper bound.
    Supercritical,
    /// The decay is at one of its bounds.
    AtBound,
    /// The search did not converge to a maximum.
    NotConverged,
    /// The fit is a maximum inside the bounds.
    Ok,
}

impl Status {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooFew => "too_few",
            Self::Supercritical => "supercritical",
            Self::AtBound => "at_bound",
            Self::NotConverged => "not_converged",
            Self::Ok => "ok",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_are_positive_and_finite() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Params::new(bad, 1.0), Err(ParamsError::Infectiousness(_))), "{bad}");
            assert!(matches!(Params::new(1.0, bad), Err(ParamsError::Decay(_))), "{bad}");
        }
        let error = Params::new(0.02, -3.5).unwrap_err();
        assert_eq!(error.to_string(), "decay -3.5 is not a positive number");
    }

    #[test]
    fn an_estimator_is_read_back_from_its_name() {
        for estimator in Estimator::ALL {
            assert_eq!(estimator.to_string().parse(), Ok(estimator));
        }
        let error = "MAP".parse::<Estimator>().unwrap_err();
        assert_eq!(error.to_string(), "unknown estimator 'MAP': map, mle or seismic");
    }
}
