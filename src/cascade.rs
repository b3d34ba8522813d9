//! The events of one cascade, in order.

/// An event of a marked point process: when it happened, and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Seconds, on the clock of the cascade's source or since its first event.
    pub time: f64,
    /// The mark: the influence (followers) of the author; at least 0.
    pub magnitude: f64,
}
