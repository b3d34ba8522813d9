//! A guard against event times that are far ahead of the clock of their source.
//!
//! A single time in milliseconds among seconds would advance the clock so far that it terminates every
//! cascade of the source and makes all later events late. An event that is more than `max_jump` ahead
//! is refused, unless the records before it confirm the time: where the last
//! [`CONFIRMATIONS`] events of the source were all refused, and none is further than `max_jump` from the
//! next, the source was silent for that long, and the event is accepted.

/// Refused events in a row after which the next one is accepted.
pub(super) const CONFIRMATIONS: u32 = 2;

/// The refused events since the last accepted one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Jumps {
    /// Number of refused events in a row that confirm each other.
    pub(super) count: u32,
    /// The time of the last of them, in seconds.
    pub(super) time: f64,
}

impl Jumps {
    /// Whether to refuse an event at `time` where the clock is at `clock`, both in seconds; the clock
    /// of a source without events is negative infinity.
    pub(super) fn refuses(&mut self, time: f64, clock: f64, max_jump: f64) -> bool {
        if !clock.is_finite() || time - clock <= max_jump {
            self.count = 0;
            return false;
        }
        let confirms = self.count > 0 && (time - self.time).abs() <= max_jump;
        let count = if confirms { self.count + 1 } else { 1 };
        *self = Self { count, time };
        if count > CONFIRMATIONS {
            self.count = 0;
        }
        count <= CONFIRMATIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The refused times of a source, whose clock is the latest accepted time.
    fn refused(times: &[f64], max_jump: f64) -> Vec<f64> {
        let (mut jumps, mut clock) = (Jumps::default(), f64::NEG_INFINITY);
        let mut refuses = |time: f64| {
            let refused = jumps.refuses(time, clock, max_jump);
            if !refused {
                clock = clock.max(time);
            }
            refused
        };
        times.iter().copied().filter(|time| refuses(*time)).collect()
    }

    #[test]
    fn times_in_another_unit_are_refused_and_the_end_of_a_long_silence_is_not() {
        assert_eq!(refused(&[0.0, 5.0, 9e6, 6.0, 9e6, 7.0, 8.0], 100.0), [9e6, 9e6]);
        assert_eq!(refused(&[0.0, 9e6, 5e9, 9e6, 5e9, 1.0], 100.0), [9e6, 5e9, 9e6, 5e9]);
        assert_eq!(refused(&[0.0, 9e6, 9e6 + 1.0, 9e6 + 2.0, 9e6 + 3.0], 100.0), [9e6, 9e6 + 1.0]);
        assert_eq!(refused(&[7e8, 0.0, 7e8 + 100.0], 100.0), [0.0; 0]);
    }
}
