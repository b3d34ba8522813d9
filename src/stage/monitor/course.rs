//! The errors of a window over time, at few enough moments to draw.

/// Upper bound of the number of moments; even.
const MAX_MOMENTS: usize = 240;

/// The state of a window after a number of predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Predictions scored by then.
    pub scored: u64,
    /// Mean ARE of all.
    pub mean_are: f64,
    /// Mean ARE of the last ones.
    pub last_mean_are: f64,
    /// Of the last ones with an interval, the share whose interval held the final size.
    pub last_covered: Option<f64>,
    /// Whether the last ones were significantly worse than those before.
    pub drifted: bool,
}

/// Moments at equal distances, counted in predictions; the distance doubles at [`MAX_MOMENTS`].
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
    /// Whether the moment after `scored` predictions is kept.
    pub(super) fn keeps(&self, scored: u64) -> bool {
        scored.is_multiple_of(self.stride)
    }

    pub(super) fn keep(&mut self, moment: Moment) {
        self.moments.push(moment);
        if self.moments.len() == MAX_MOMENTS {
            self.stride *= 2;
            self.moments.retain(|it| it.scored.is_multiple_of(self.stride));
        }
    }

    /// The kept moments, and the present one behind them.
    pub(super) fn with(&self, now: Moment) -> Vec<Moment> {
        let kept = self.moments.iter().copied().filter(|it| it.scored < now.scored);
        kept.chain([now]).collect()
    }
}
