//! Cascades simulated from the model, each at the time it begins.

use std::fmt;
use std::str::FromStr;

use chacha20::ChaCha8Rng;

use crate::event::LARGEST;
use crate::hawkes::mark::MarkLaw;
use crate::hawkes::simulate::simulate;
use crate::hawkes::{MAX_BRANCHING_FACTOR, Params};
use crate::input::{Cascades, HistoryCascade, Refused};
use crate::math;
use crate::random::{seeded_rng, uniform};
use crate::record::Refusal;

/// The random stream of the first cascade; the streams of the others follow.
const FIRST_STREAM: u64 = 1 << 33;

/// Number of events at which a cascade is refused; it is not truncated.
const MAX_SIZE: usize = 10_000_000;

/// A positive number, or a range of them to draw from: `0.02`, `1/3600`, `0.01..0.03`, `1/7200..1/1800`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParamRange {
    /// The smallest.
    pub low: f64,
    /// The largest; equal to the smallest for a single number.
    pub high: f64,
}

impl FromStr for ParamRange {
    type Err = SimulationError;

    fn from_str(text: &str) -> Result<Self, SimulationError> {
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        match (fraction(low), fraction(high)) {
            (Some(low), Some(high)) if low <= high => Ok(Self { low, high }),
            _ => Err(SimulationError::Syntax(text.to_owned())),
        }
    }
}

impl fmt::Display for ParamRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { low, high } if low == high => write!(f, "{low}"),
            Self { low, high } => write!(f, "{low}..{high}"),
        }
    }
}

/// A positive number, or a quotient of two numbers.
fn fraction(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    let value = above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?;
    (value > 0.0 && value.is_finite()).then_some(value)
}

/// Cascades of the marked Hawkes process with an exponential kernel.
#[derive(Clone, Debug)]
pub struct Simulated {
    count: u64,
    infectiousness: ParamRange,
    decay: ParamRange,
    marks: MarkLaw,
    first_mark: f64,
    seed: u64,
    clipped: Option<f64>,
}

impl Simulated {
    /// `count` cascades with the ids "1", "2", ...; each has its own p and beta.
    ///
    /// From a range, p is drawn uniformly and beta log-uniformly. A cascade with a branching factor of at
    /// least 1 may never end, so the branching factor is at most 0.99: a range of p that exceeds it is
    /// clipped ([`Simulated::clipped`]).
    ///
    /// # Errors
    /// The smallest p exceeds the limit, or `first_mark` is not within 0 to 1e12.
    pub fn new(
        count: u64,
        infectiousness: ParamRange,
        decay: ParamRange,
        marks: MarkLaw,
        first_mark: f64,
        seed: u64,
    ) -> Result<Self, SimulationError> {
        if !(first_mark > 0.0 && first_mark <= LARGEST) {
            return Err(SimulationError::FirstMark(first_mark));
        }
        let max = MAX_BRANCHING_FACTOR / marks.mean_mark(&[]);
        if infectiousness.low > max {
            return Err(SimulationError::Supercritical { p: infectiousness.low, max });
        }
        let clipped = (infectiousness.high > max).then_some(max);
        let infectiousness = ParamRange { high: infectiousness.high.min(max), ..infectiousness };
        Ok(Self { count, infectiousness, decay, marks, first_mark, seed, clipped })
    }

    /// The largest p that is drawn, where the range was clipped.
    pub fn clipped(&self) -> Option<f64> {
        self.clipped
    }

    fn params(&self, rng: &mut ChaCha8Rng) -> Result<Params, Refusal> {
        let ParamRange { low, high } = self.infectiousness;
        let p = low + uniform(rng) * (high - low);
        let ParamRange { low, high } = self.decay;
        let beta = low * math::exp(uniform(rng) * math::ln(high / low));
        Params::new(p, beta).map_err(|error| Refusal::new("range", format!("is refused: {error}")))
    }
}

impl Cascades for Simulated {
    fn count(&self) -> u64 {
        self.count
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        let mut rng = seeded_rng(self.seed, FIRST_STREAM.wrapping_add(index));
        let params = self.params(&mut rng).map_err(|refusal| self.refused(index, refusal))?;
        cascade.cid = (index + 1).to_string();
        cascade.msg.clear();
        cascade.t0 = None;
        cascade.points =
            simulate(params, &self.marks, self.first_mark, LARGEST, MAX_SIZE, &mut rng);
        let refusal = if cascade.points.len() >= MAX_SIZE {
            Refusal::new(
                "size",
                format!(
                    "has more than {} million events; lower --first-mark or --p",
                    MAX_SIZE / 1_000_000
                ),
            )
        } else if cascade.points.iter().any(|point| point.magnitude > LARGEST) {
            Refusal::new(
                "range",
                "has a mark above 1e12; lower the mean of --marks, or raise its exponent",
            )
        } else {
            return Ok(());
        };
        Err(self.refused(index, refusal))
    }

    fn root_time(&self, _: u64) -> Option<f64> {
        None
    }

    fn dated(&self) -> bool {
        false
    }

    fn shuffled(&self) -> bool {
        true
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        let detail = format!("cascade {} {}", index + 1, refusal.detail);
        Refused::new("--simulate", None, refusal.reason, detail)
    }
}

/// Why the parameters of a simulation are refused.
#[derive(Clone, Debug, PartialEq)]
pub enum SimulationError {
    /// The text is not a positive number or a range of positive numbers.
    Syntax(String),
    /// The first mark is not within 0 to 1e12.
    FirstMark(f64),
    /// With this p, cascades may never end.
    Supercritical {
        /// The given p.
        p: f64,
        /// The largest p allowed.
        max: f64,
    },
}

impl fmt::Display for SimulationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => write!(
                f,
                "{text:?} is not a positive number, nor a range such as 0.01..0.03 or 1/7200..1/1800"
            ),
            Self::FirstMark(mark) => write!(f, "a first mark of {mark} is not within 0 to 1e12"),
            Self::Supercritical { p, max } => write!(
                f,
                "with p = {p} and these marks a cascade may never end; give at most {max:.6}"
            ),
        }
    }
}

impl std::error::Error for SimulationError {}

#[cfg(test)]
mod tests {
    use super::super::testing::taken;
    use super::super::{Replay, ReplayItem, ReplayOptions};
    use super::*;

    fn simulated(count: u64, p: &str, beta: &str, seed: u64) -> Simulated {
        let (p, beta) = (p.parse().unwrap(), beta.parse().unwrap());
        Simulated::new(count, p, beta, MarkLaw::USUAL, 1000.0, seed).unwrap()
    }

    #[test]
    fn numbers_and_ranges_are_parsed() {
        let drawn = |low, high| Ok(ParamRange { low, high });
        assert_eq!("0.02".parse(), drawn(0.02, 0.02));
        assert_eq!("1/3600".parse(), drawn(1.0 / 3600.0, 1.0 / 3600.0));
        assert_eq!("0.01..0.03".parse(), drawn(0.01, 0.03));
        assert_eq!("1/7200..1/1800".parse(), drawn(1.0 / 7200.0, 1.0 / 1800.0));
        for bad in ["", "x", "0", "-1", "1/0", "0.03..0.01", "1..", "..1", "nan", "1/2/3"] {
            assert!(bad.parse::<ParamRange>().is_err(), "{bad}");
        }
        let range: ParamRange = "0.01..0.03".parse().unwrap();
        assert_eq!(range.to_string().parse(), Ok(range));
    }

    #[test]
    fn a_cascade_does_not_depend_on_those_drawn_before() {
        let all = taken(simulated(50, "0.01..0.02", "1/7200..1/1800", 3));
        let mut again = simulated(90, "0.01..0.02", "1/7200..1/1800", 3);
        for index in (0..50).rev() {
            let mut cascade = HistoryCascade::default();
            again.take(index, &mut cascade).unwrap();
            assert_eq!(Ok(cascade), all[index as usize]);
        }
        let other = taken(simulated(50, "0.01..0.02", "1/7200..1/1800", 4));
        assert!(all.iter().zip(&other).all(|(one, other)| one != other));
        let mut sizes: Vec<usize> =
            all.iter().map(|it| it.as_ref().unwrap().points.len()).collect();
        sizes.sort_unstable();
        sizes.dedup();
        assert!(sizes.len() > 20, "{sizes:?}");
    }

    #[test]
    fn parameters_are_drawn_from_the_whole_range() {
        let simulated = simulated(0, "0.01..0.02", "1/7200..1/1800", 5);
        let rng = &mut seeded_rng(5, 0);
        let (mut infectiousness, mut decay) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            let params = simulated.params(rng).unwrap();
            infectiousness.push((params.infectiousness() - 0.01) / 0.01);
            decay.push(math::ln(params.decay() * 7200.0) / math::ln(4f64));
        }
        for mut sample in [infectiousness, decay] {
            sample.sort_by(f64::total_cmp);
            let distances = sample.iter().enumerate().map(|(i, u)| (u - i as f64 / 4000.0).abs());
            // Kolmogorov-Smirnov test at a level below 1e-4.
            assert!(distances.fold(0.0, f64::max) < 2.3 / 4000f64.sqrt());
            assert!((0.0..=1.0).contains(&sample[0]) && sample[3999] <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn a_supercritical_p_is_refused_and_a_range_is_clipped() {
        let new = |p: &str, first| {
            let (p, beta) = (p.parse().unwrap(), "1/3600".parse().unwrap());
            Simulated::new(1, p, beta, MarkLaw::USUAL, first, 1)
        };
        assert_eq!(new("0.02", 1000.0).unwrap().clipped(), None);
        let max = new("0.01..0.03", 1000.0).unwrap().clipped().unwrap();
        assert!((max - 0.99 / 35.0).abs() < 1e-15);
        let error = new("0.03", 1000.0).unwrap_err();
        let text = "with p = 0.03 and these marks a cascade may never end; give at most 0.028286";
        assert_eq!(error.to_string(), text);
        for first in [0.0, -1.0, f64::NAN, 2e12] {
            assert!(new("0.02", first).is_err());
        }
    }

    #[test]
    fn a_cascade_that_exceeds_the_maximum_size_is_refused() {
        let (p, beta) = ("0.02".parse().unwrap(), "1".parse().unwrap());
        let endless = Simulated::new(1, p, beta, MarkLaw::USUAL, 1e12, 1).unwrap();
        let refused = taken(endless).remove(0).unwrap_err();
        assert_eq!((refused.reason, refused.file.as_str()), ("size", "--simulate"));
    }

    #[test]
    fn all_simulated_cascades_are_replayed() {
        let sizes = taken(simulated(200, "0.02", "1/3600", 9)).into_iter();
        let events: usize = sizes.map(|it| it.unwrap().points.len()).sum();
        let replay =
            Replay::new(Box::new(simulated(200, "0.02", "1/3600", 9)), ReplayOptions::default());
        let mut watermarks = 0;
        let mut replay = replay.unwrap();
        while let Some(fed) = replay.next() {
            watermarks += u32::from(matches!(fed, ReplayItem::Watermark(_)));
        }
        let summary = replay.summary();
        assert_eq!((summary.events, summary.cascades, watermarks), (events as u64, 200, 5));
    }

    #[test]
    fn cascades_are_simulated_only_when_they_begin() {
        let many = simulated(1 << 60, "0.02", "1/3600", 9);
        let plan = ReplayOptions { limit: Some(1000), ..ReplayOptions::default() };
        let mut replay = Replay::new(Box::new(many), plan).unwrap();
        while replay.next().is_some() {}
        let summary = replay.summary();
        assert!(summary.cut && summary.events == 1000);
    }
}
