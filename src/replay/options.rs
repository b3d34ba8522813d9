//! The options of a replay and their checks.

use std::fmt;
use std::str::FromStr;

use crate::event::Span;
use crate::input::{Cascades, Refused};
use crate::record::Refusal;

/// How the start times of the cascades are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timeline {
    /// `Real` where [`Cascades::dated`] holds, else `Dealt`.
    #[default]
    Auto,
    /// The recorded times: cascades are merged by time; t in Unix seconds.
    Real,
    /// The cascades are shuffled and distributed to the sources, with a constant number of live cascades per
    /// source; t in seconds since the start of the source.
    Dealt,
}

impl FromStr for Timeline {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "real" => Ok(Self::Real),
            "dealt" => Ok(Self::Dealt),
            _ => Err(format!("{name:?} is not a timeline; give auto, real or dealt")),
        }
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Real => "real",
            Self::Dealt => "dealt",
        })
    }
}

/// The options of a replay. The defaults are those of the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayOptions {
    /// Random seed of the shuffle and the start times.
    pub seed: u64,
    /// Number of sources, named "0", "1", ...; at least 1.
    pub sources: u32,
    /// Maximum number of live cascades per source on the dealt timeline; at least 1.
    pub live: u32,
    /// Maximum delay between the end of a cascade and the start of the next, on the dealt timeline.
    pub start_range: Span,
    /// How the start times are chosen.
    pub timeline: Timeline,
    /// Time from the last event of a source to its final watermark.
    pub tail: Span,
    /// Whether times keep their fractions; otherwise they are rounded to whole seconds.
    pub exact_times: bool,
    /// Seconds per unit of the times of the cascades; above 0.
    pub seconds_per_unit: f64,
    /// Event time per real time; above 0. `None` emits without delay.
    pub speed: Option<f64>,
    /// Maximum number of events.
    pub limit: Option<u64>,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            sources: 5,
            live: 5,
            start_range: Span(600.0),
            timeline: Timeline::Auto,
            tail: Span(8.0 * 86_400.0),
            exact_times: false,
            seconds_per_unit: 1.0,
            speed: None,
            limit: None,
        }
    }
}

impl ReplayOptions {
    /// Checks the options for these cascades; returns whether the timeline is real.
    pub(super) fn check(&self, cascades: &dyn Cascades) -> Result<bool, ReplayError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if self.sources == 0 {
            return Err(ReplayError::NoSource);
        }
        if self.live == 0 {
            return Err(ReplayError::NoneLive);
        }
        if !positive(self.seconds_per_unit) {
            return Err(ReplayError::Unit(self.seconds_per_unit));
        }
        if let Some(speed) = self.speed.filter(|speed| !positive(*speed)) {
            return Err(ReplayError::Speed(speed));
        }
        let real = match self.timeline {
            Timeline::Auto => cascades.dated(),
            Timeline::Real => true,
            Timeline::Dealt => false,
        };
        let undated = |index: &u64| cascades.root_time(*index).is_none();
        match if real { (0..cascades.count()).find(undated) } else { None } {
            None => Ok(real),
            Some(index) => {
                let why = "the real timeline requires t0, the time of the initial tweet";
                Err(ReplayError::Undated(cascades.refused(index, Refusal::new("field", why))))
            }
        }
    }
}

/// Why a replay cannot start.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplayError {
    /// The number of sources is 0.
    NoSource,
    /// The number of live cascades is 0.
    NoneLive,
    /// The unit of time is not a positive number.
    Unit(f64),
    /// The speed is not a positive number.
    Speed(f64),
    /// The real timeline requires a time that this cascade lacks.
    Undated(Refused),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource => f.write_str("--sources must be at least 1"),
            Self::NoneLive => f.write_str("--live must be at least 1"),
            Self::Unit(unit) => write!(f, "--seconds-per-unit must be above 0, not {unit}"),
            Self::Speed(speed) => write!(f, "--speed must be above 0, not {speed}"),
            Self::Undated(cascade) => write!(f, "{cascade}"),
        }
    }
}

impl std::error::Error for ReplayError {}
