//! How a window's errors went over time, in few enough moments to draw.

/// Moments that are kept at most; an even number.
const MOST: usize = 240;

/// How a window stood after so many predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Predictions scored by then.
    pub scored: u64,
    /// Mean ARE of all.
    pub mean_are: f64,
    /// Mean ARE of the last ones.
    pub last_mean_are: f64,
    /// Of the last ones that had an interval, the share whose interval held the truth.
    pub last_covered: Option<f64>,
    /// Whether the last ones were worse than those before by more than chance.
    pub drifted: bool,
}

/// Moments at equal distances: after every so many predictions, twice as many when they get many.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Course {
    moments: Vec<Moment>,
    stride: u64,
}

impl Default for Course {
    fn default() -> Self {
        Self { moments: Vec::new(), stride: 1 }
    }
}

impl Course {
    /// Whether the moment after so many predictions is to be kept.
    pub(super) fn wants(&self, scored: u64) -> bool {
        scored.is_multiple_of(self.stride)
    }

    pub(super) fn keep(&mut self, moment: Moment) {
        self.moments.push(moment);
        if self.moments.len() == MOST {
            self.stride *= 2;
            self.moments.retain(|it| it.scored.is_multiple_of(self.stride));
        }
    }

    /// The moments that are kept, and the present one behind them.
    pub(super) fn with(&self, now: Moment) -> Vec<Moment> {
        let kept = self.moments.iter().copied().filter(|it| it.scored < now.scored);
        kept.chain([now]).collect()
    }
}
