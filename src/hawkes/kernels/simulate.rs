//! Simulates a model by its branching structure; a finite population thins the children.

use chacha20::ChaCha8Rng;

use super::model::{Family, Parameters};
use crate::cascade::Point;
use crate::hawkes::mark::{MarkLaw, exponential, uniform};
use crate::math;

/// A cascade that starts with an event of `first_mark` at time 0, up to the time `end` or `max_events`.
///
/// Every event has a Poisson number of children of mean κ m^β, at lags drawn from ψ. In a finite population a child
/// becomes an event with the probability 1 − N_t/N at its time: this is thinning of the process with the
/// intensity of the infinite population (Lewis and Shedler 1979). SEISMIC's kernel is not simulated.
pub fn simulate(
    family: Family,
    at: &Parameters,
    marks: &MarkLaw,
    first_mark: f64,
    end: f64,
    max_events: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Point> {
    let terms: Vec<(f64, f64)> = match family {
        Family::Exponential | Family::SumExp(_) => at.mixture(family).terms().collect(),
        Family::PowerLaw | Family::Seismic => Vec::new(),
    };
    let total: f64 = if terms.is_empty() { 1.0 } else { terms.iter().map(|(w, _)| w).sum() };
    let lag = |rng: &mut ChaCha8Rng| {
        if terms.is_empty() {
            let shape = at.shape();
            return shape.c * math::expm1(exponential(rng) / shape.theta);
        }
        let mut rest = uniform(rng) * total;
        let mut rate = 1.0;
        for (weight, of) in &terms {
            rate = *of;
            if rest < *weight {
                break;
            }
            rest -= weight;
        }
        exponential(rng) / rate
    };
    let mut points: Vec<Point> = Vec::new();
    // Times of children that are not yet events, latest first.
    let mut pending = std::collections::BinaryHeap::from([Due(0.0)]);
    while let Some(Due(time)) = pending.pop() {
        if points.len() >= max_events {
            break;
        }
        let left = 1.0 - points.len() as f64 / at.population;
        if uniform(rng) >= left {
            continue;
        }
        let magnitude = if points.is_empty() { first_mark } else { marks.draw(rng) };
        points.push(Point { time, magnitude });
        let weight = at.exponent().map_or(1.0, |exponent| math::pow(magnitude, exponent));
        // A Poisson number of children: the arrivals of a process of rate 1 up to the mean.
        let mut spent = exponential(rng);
        while spent < at.scale * total * weight {
            let child = time + lag(rng);
            if child <= end {
                pending.push(Due(child));
            }
            spent += exponential(rng);
        }
    }
    points
}

/// The time of a child; the earliest is the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Due(f64);

impl Eq for Due {}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
