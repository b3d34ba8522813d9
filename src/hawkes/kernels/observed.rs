//! The events of a cascade in the form that the kernels process.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;

use crate::cascade::Point;
use crate::hawkes::mark::uniform;
use crate::math;

/// The end of the observation where it is infinite.
pub const INFINITE_END: f64 = 1e20;

/// Added to an intensity before its logarithm: an event without a possible parent costs −ln of it.
pub(crate) const FLOOR: f64 = 1e-100;

/// Events in time order, their marks, and the end of the observation.
///
/// Events at times up to 0 are given; the model explains the later ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Times, in the unit of the kernel's parameters.
    pub(crate) times: Vec<f64>,
    /// Logarithms of the marks; 0 for a mark of 0.
    pub(crate) log_marks: Vec<f64>,
    /// 1, or 0 for a mark of 0, which a marked model gives no children.
    pub(crate) present: Vec<f64>,
    pub(crate) end: f64,
    /// Number of events that are given.
    pub(crate) given: usize,
    /// Number of events before those after the end were dropped.
    pub(crate) rows: usize,
}

impl Observed {
    /// The events of a cascade observed until `end`. If `end` is before the last event, only events before it
    /// are kept.
    pub fn new(points: &[Point], end: f64) -> Self {
        let end = end.min(INFINITE_END);
        let cut = points.last().is_some_and(|last| end < last.time);
        let kept: Vec<Point> =
            points.iter().filter(|point| !cut || point.time < end).copied().collect();
        let log = |mark: f64| if mark > 0.0 { math::ln(mark) } else { 0.0 };
        Self {
            times: kept.iter().map(|point| point.time).collect(),
            log_marks: kept.iter().map(|point| log(point.magnitude)).collect(),
            present: kept.iter().map(|it| f64::from(u8::from(it.magnitude > 0.0))).collect(),
            end,
            given: kept.iter().take_while(|point| point.time <= 0.0).count(),
            rows: points.len(),
        }
    }

    /// The first events, observed until the last of them.
    pub(crate) fn prefix(&self, events: usize) -> Self {
        let events = events.min(self.times.len());
        Self {
            times: self.times[..events].to_vec(),
            log_marks: self.log_marks[..events].to_vec(),
            present: self.present[..events].to_vec(),
            end: self.times.get(events.wrapping_sub(1)).copied().unwrap_or(self.end),
            given: self.given.min(events),
            rows: events,
        }
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Whether all marks are equal to 1.
    pub fn is_unmarked(&self) -> bool {
        self.log_marks.iter().all(|log| *log == 0.0) && self.present.iter().all(|it| *it == 1.0)
    }

    /// The weights m^β, with the mark exponent β; all 1 in an unmarked model (`None`).
    pub(crate) fn weights(&self, exponent: Option<f64>) -> Vec<f64> {
        let Some(exponent) = exponent else { return vec![1.0; self.times.len()] };
        let marks = self.log_marks.iter().zip(&self.present);
        marks.map(|(log, present)| present * math::exp(exponent * log)).collect()
    }
}

/// From this number of events on that are all whole minutes, this is no accident.
const MINUTES: usize = 10;

/// The events with those after time 0 moved by a uniform part of a second, or of a minute, where times are whole seconds or
/// minutes and some are equal: such times are rounded down, and gaps of 0 s are no draws of a continuous law. The random seed
/// is fixed.
pub fn spread(points: &[Point]) -> Option<Vec<Point>> {
    let are_multiples = |unit: f64| points.iter().all(|point| point.time % unit == 0.0);
    let resolution = if points.len() > MINUTES && are_multiples(60.0) { 60.0 } else { 1.0 };
    // Events in the second of the root are given, but those in its minute are responses to it.
    let given = match resolution {
        1.0 => points.iter().take_while(|point| point.time <= 0.0).count(),
        _ => points.len().min(1),
    };
    let later = &points[given..];
    if !are_multiples(1.0) || !later.windows(2).any(|pair| pair[0].time == pair[1].time) {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(later.len() as u64);
    let mut spread = points.to_vec();
    spread[given..].iter_mut().for_each(|point| point.time += resolution * uniform(&mut rng));
    spread[given..].sort_by(|a, b| a.time.total_cmp(&b.time));
    Some(spread)
}
