//! How cascades become tweets: the choices of the command line, checked.

use std::fmt;
use std::str::FromStr;

use crate::event::Span;
use crate::input::{Cascades, Refused};
use crate::record::Refusal;

/// When the cascades begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timeline {
    /// Real where the source means it so ([`Cascades::dated`]), else dealt.
    #[default]
    Auto,
    /// As they happened, merged by their true times; t in Unix seconds.
    Real,
    /// Shuffled, dealt to the sources, so many at a time; t in seconds since the source began.
    Dealt,
}

impl FromStr for Timeline {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "real" => Ok(Self::Real),
            "dealt" => Ok(Self::Dealt),
            _ => Err(format!("{name:?} is no timeline: auto, real or dealt")),
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

/// How cascades become tweets. The default is that of the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// What the shuffle and the starts are drawn from.
    pub seed: u64,
    /// How many sources there are, named from "0" on; at least 1.
    pub sources: u32,
    /// Live cascades of a source, at most, on the dealt timeline; at least 1.
    pub live: u32,
    /// A cascade begins up to so long after the end of the one that it follows, on the dealt timeline.
    pub start_range: Span,
    /// When cascades begin.
    pub timeline: Timeline,
    /// How far behind its last event the watermark is that ends a source.
    pub tail: Span,
    /// Whether times keep their fractions; else they are rounded to whole seconds.
    pub exact_times: bool,
    /// Seconds in the unit of the cascades' times; above 0.
    pub seconds_per_unit: f64,
    /// Event seconds in a second of real time; above 0. Without it nothing waits.
    pub speed: Option<f64>,
    /// After so many events the replay is cut off.
    pub limit: Option<u64>,
}

impl Default for Plan {
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

impl Plan {
    /// Checks that it can be carried out with these cascades, and decides whether times are the true ones.
    pub(super) fn check(&self, cascades: &dyn Cascades) -> Result<bool, PlanError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if self.sources == 0 {
            return Err(PlanError::NoSource);
        }
        if self.live == 0 {
            return Err(PlanError::NoneLive);
        }
        if !positive(self.seconds_per_unit) {
            return Err(PlanError::Unit(self.seconds_per_unit));
        }
        if let Some(speed) = self.speed.filter(|speed| !positive(*speed)) {
            return Err(PlanError::Speed(speed));
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
                let why = "the real timeline needs t0, the time of the root";
                Err(PlanError::Undated(cascades.refused(index, Refusal::new("field", why))))
            }
        }
    }
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    /// There must be a source.
    NoSource,
    /// A source must keep a cascade live.
    NoneLive,
    /// A unit of time that is no positive number.
    Unit(f64),
    /// A speed that is no positive number.
    Speed(f64),
    /// The real timeline needs to know when this cascade began.
    Undated(Refused),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource => f.write_str("there must be at least 1 source"),
            Self::NoneLive => f.write_str("a source must keep at least 1 cascade live"),
            Self::Unit(unit) => write!(f, "a unit of {unit} seconds is not above 0"),
            Self::Speed(speed) => write!(f, "a speed of {speed} is not above 0"),
            Self::Undated(cascade) => write!(f, "{cascade}"),
        }
    }
}

impl std::error::Error for PlanError {}
