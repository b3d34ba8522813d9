//! The expected growth of a cascade after its window: the curve of an alert, and when it reaches a size.
//!
//! For the method `hawkes` it is that of the fitted process: n + n_supp (1 - exp(-beta (1 - n*) s)) (docs/model.md).
//! For every other method it is that of SEISMIC's memory kernel, whose heavy tail an exponential kernel lacks, up to an
//! age of 7 days or twice the window, whichever is larger.

use super::answer::HAWKES;
use crate::cascade::Point;
use crate::hawkes::MAX_BRANCHING_FACTOR;
use crate::hawkes::predict::growth_rate;
use crate::hawkes::seismic;
use crate::math;
use crate::record::{Alert, Named, Parameters};

/// The share of the growth that occurred by a time after the window.
enum Growth {
    /// Exponential, with this rate in 1/s.
    Process(f64),
    /// Of the memory kernel.
    Memory { window: f64, horizon: f64 },
}

impl Growth {
    fn of(parameters: &Parameters, alert: &Alert) -> Self {
        const WEEK: f64 = 604_800.0;
        let [_, beta] = parameters.params;
        let window = parameters.t_obs as f64;
        if alert.method == HAWKES {
            return Self::Process(growth_rate(beta, parameters.n_star.min(MAX_BRANCHING_FACTOR)));
        }
        Self::Memory { window, horizon: WEEK.max(2.0 * window) }
    }

    /// The seconds after the window by which this share of the growth occurred.
    fn time_of(&self, share: f64) -> f64 {
        const HALVINGS: u32 = 60;
        match *self {
            Self::Process(rate) => -math::log1p(-share) / rate,
            Self::Memory { window, horizon } => {
                let (mut low, mut high) = (0.0, horizon - window);
                for _ in 0..HALVINGS {
                    let middle = (low + high) / 2.0;
                    let occurred = seismic::share_of_growth(window, window + middle, horizon);
                    if occurred < share { low = middle } else { high = middle }
                }
                high
            }
        }
    }
}

/// 25 pairs (seconds after the window, events by then), up to the predicted size; for the process up to 99.5 % of the
/// predicted growth. Pairs whose time is not finite are left out, as of a process that does not decay.
pub(super) fn curve(parameters: &Parameters, alert: &Alert) -> Vec<Point> {
    const POINTS: i32 = 24;
    /// The last point of the process is where this share of the growth remains.
    const REST: f64 = 0.005;
    let n_obs = parameters.n_obs as f64;
    let growth = Growth::of(parameters, alert);
    let at = |i: i32| {
        let part = f64::from(i) / f64::from(POINTS);
        let (time, share) = match growth {
            Growth::Process(rate) => {
                let time = -math::ln(REST) / rate * part.powi(2);
                (time, -math::expm1(-rate * time))
            }
            Growth::Memory { window, horizon } => {
                let time = (horizon - window) * part.powi(3);
                (time, seismic::share_of_growth(window, window + time, horizon))
            }
        };
        Point { time, magnitude: n_obs + (alert.n_tot - n_obs) * share }
    };
    (0..=POINTS).map(at).filter(|point| point.time.is_finite()).collect()
}

/// For each size, the seconds after the window at which the expected growth reaches it: 0 where the window holds
/// that many events, no entry where the prediction is smaller.
pub(super) fn reached_after(parameters: &Parameters, alert: &Alert, sizes: &[f64]) -> Named {
    let n_obs = parameters.n_obs as f64;
    let growth = Growth::of(parameters, alert);
    let reached = |size: &f64| {
        let share = if *size <= n_obs { 0.0 } else { (size - n_obs) / (alert.n_tot - n_obs) };
        let time = if share > 0.0 { growth.time_of(share) } else { 0.0 };
        (*size <= alert.n_tot && time.is_finite())
            .then(|| (size.to_string(), (time * 10.0).round() / 10.0))
    };
    sizes.iter().filter_map(reached).collect()
}
