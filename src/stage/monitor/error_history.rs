//! The errors of a window over time, at few enough points to draw.

/// Upper bound of the number of points; even.
const MAX_POINTS: usize = 240;

/// The state of a window after a number of predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorPoint {
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

/// Points at equal distances, counted in predictions; the distance doubles at [`MAX_POINTS`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ErrorHistory {
    points: Vec<ErrorPoint>,
    stride: u64,
}

impl Default for ErrorHistory {
    fn default() -> Self {
        Self { points: Vec::new(), stride: 1 }
    }
}

impl ErrorHistory {
    /// Whether the point after `scored` predictions is kept.
    pub(super) fn keeps(&self, scored: u64) -> bool {
        scored.is_multiple_of(self.stride)
    }

    pub(super) fn keep(&mut self, point: ErrorPoint) {
        self.points.push(point);
        if self.points.len() == MAX_POINTS {
            self.stride *= 2;
            self.points.retain(|it| it.scored.is_multiple_of(self.stride));
        }
    }

    /// The kept points, and the present one behind them.
    pub(super) fn with(&self, now: ErrorPoint) -> Vec<ErrorPoint> {
        let kept = self.points.iter().copied().filter(|it| it.scored < now.scored);
        kept.chain([now]).collect()
    }
}
