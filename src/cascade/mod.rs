//! The events of one cascade, in order.

pub(crate) mod numbers;

use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::{EventTime, LARGEST};
use crate::math;

/// An event of a marked point process: its time and its mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Seconds, on the clock of the cascade's source or since its first event.
    pub time: f64,
    /// The mark: the influence (followers) of the author; at least 0.
    pub magnitude: f64,
}

/// Serializes a number as docs/formats.md defines: integral values without `.0`.
pub fn number<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < math::EXACT_WHOLE {
        to.serialize_i64(*value as i64)
    } else {
        to.serialize_f64(*value)
    }
}

/// A number that serializes by [`number`].
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        number(&self.0, to)
    }
}

impl Serialize for Point {
    /// As the pair `[time, magnitude]`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut pair = to.serialize_tuple(2)?;
        pair.serialize_element(&Number(self.time))?;
        pair.serialize_element(&Number(self.magnitude))?;
        pair.end()
    }
}

impl<'de> Deserialize<'de> for Point {
    /// From the pair `[time, magnitude]`, both within the limits of a record.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (time, magnitude) = <(f64, f64)>::deserialize(from)?;
        Self::checked(time, magnitude).map_err(serde::de::Error::custom)
    }
}

/// The points up to an age, in the unit and from the origin of their times.
pub fn until(points: &[Point], age: f64) -> &[Point] {
    &points[..points.partition_point(|point| point.time <= age)]
}

impl Point {
    /// A point whose numbers are within the limits of a record; the error names the one that is not.
    pub fn checked(time: f64, magnitude: f64) -> Result<Self, &'static str> {
        if EventTime::new(time).is_none() {
            return Err("the time is not within 1e12 s of 0");
        }
        if !(0.0..=LARGEST).contains(&magnitude) {
            return Err("the magnitude is not from 0 to 1e12");
        }
        Ok(Self { time, magnitude })
    }
}

/// Largest predicted size of a cascade of which `observed` events were observed: a thousand times
/// their number, at most 10^9, and never below `observed`.
///
/// A larger prediction is an artefact of a bad fit or model: 10^9 is about the number of users of the
/// largest networks, and of the cascades that docs/evaluation.md evaluates none has grown by a factor of
/// 1,000 after its first five minutes.
pub fn largest_size(observed: f64) -> f64 {
    const SIZE: f64 = 1e9;
    const GROWTH: f64 = 1e3;
    (GROWTH * observed).min(SIZE).max(observed)
}

/// The ends of an interval of sizes, in events, as they are written: whole numbers, or decimals of at most three digits
/// after the point, rounded outwards.
///
/// An end that misses a whole number by less than a thousandth of itself is moved to it if that is outwards. Then each
/// end is moved outwards to `predicted`, so that the interval contains the prediction, and to the next thousandth. An
/// end that misses a whole number only by the rounding of floating-point numbers, a part of 10^9, is that number in
/// either direction, as long as the interval contains the prediction: sizes are whole, so it contains the same ones.
pub fn rounded_outwards((low, high): (f64, f64), predicted: f64) -> (f64, f64) {
    const NEAR: f64 = 1e-3;
    const NOISE: f64 = 1e-9;
    let misses = |end: f64, by: f64| (end.round() - end).abs() <= by * end.abs();
    let low = match low.round() {
        whole if misses(low, NOISE) && whole <= predicted => whole,
        whole if misses(low, NEAR) => down(low.min(whole).min(predicted)),
        _ => down(low.min(predicted)),
    };
    let high = match high.round() {
        whole if misses(high, NOISE) && whole >= predicted => whole,
        whole if misses(high, NEAR) => up(high.max(whole).max(predicted)),
        _ => up(high.max(predicted)),
    };
    (low, high)
}

/// Thousandths of an event: the unit of the ends of intervals that are no whole numbers.
const PER_EVENT: f64 = 1e3;

/// The largest decimal of three digits after the point that is not above the value, which is at most 10^12.
fn down(value: f64) -> f64 {
    let units = (value * PER_EVENT).floor();
    // The product may have been rounded up to a whole number.
    if units / PER_EVENT > value { (units - 1.0) / PER_EVENT } else { units / PER_EVENT }
}

/// The smallest decimal of three digits after the point that is not below the value.
fn up(value: f64) -> f64 {
    -down(-value)
}

/// Puts events in time order, the root first, with times since the root; equal times keep their order. Returns the
/// number of events before the root, which are dropped.
pub fn begin_at(points: &mut Vec<Point>, root: Point) -> u64 {
    points.sort_by(|a, b| a.time.total_cmp(&b.time));
    let early = points.partition_point(|point| point.time < root.time);
    points.splice(..early, [root]);
    points.shrink_to_fit();
    points.iter_mut().for_each(|point| point.time -= root.time);
    early as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cascade_begins_at_its_root_and_drops_what_precedes_it() {
        let point = |time, magnitude| Point { time, magnitude };
        let mut points = vec![point(9.0, 1.0), point(5.0, 2.0), point(5.0, 3.0), point(4.0, 4.0)];
        assert_eq!(begin_at(&mut points, point(5.0, 0.0)), 1);
        assert_eq!(
            points,
            [(0.0, 0.0), (0.0, 2.0), (0.0, 3.0), (4.0, 1.0)].map(|(t, m)| point(t, m))
        );
    }

    #[test]
    fn numbers_are_written_short_and_read_back_exactly() {
        for (value, text) in [(600.0, "600"), (-3.0, "-3"), (0.1, "0.1"), (2.5e-7, "2.5e-7")] {
            let written = serde_json::to_string(&Number(value)).unwrap();
            assert_eq!(written, text);
            assert_eq!(written.parse(), Ok(value));
        }
    }

    #[test]
    fn intervals_contain_the_prediction_and_whole_numbers_at_their_ends() {
        let below = 29.999999999999996;
        assert_eq!(rounded_outwards((below, below), below), (29.999, 30.0));
        assert_eq!(rounded_outwards((30.000000000000004, 40.0), 35.0), (30.0, 40.0));
        assert_eq!(
            rounded_outwards((492.99999999999994, 612.0000000000001), 550.3),
            (493.0, 612.0)
        );
        assert_eq!(rounded_outwards((30.02, 39.98), 35.0), (30.0, 40.0));
        assert_eq!(rounded_outwards((29.98, 40.02), 35.0), (29.98, 40.02));
        assert_eq!(rounded_outwards((12.25, 17.75), 18.5), (12.25, 18.5));
        assert_eq!(rounded_outwards((12.25, 17.75), 12.0), (12.0, 17.75));
        assert_eq!(rounded_outwards((12.3456, 17.7654), 15.0), (12.345, 17.766));
        assert_eq!(rounded_outwards((0.0, 0.0), 0.0), (0.0, 0.0));
    }

    /// Written slowly: the whole sizes in the interval are those that were in it, or more; its ends are printed with at
    /// most three digits after the point, and are at most a thousandth away from what was given.
    #[test]
    fn ends_are_plain_decimals_and_no_size_leaves_the_interval() {
        for seed in 0..20_000 {
            let mut rng = crate::random::seeded_rng(seed, 0);
            let mut size = || {
                let size = math::exp(20.0 * crate::random::uniform(&mut rng));
                [
                    size,
                    size.round(),
                    size.round() * (1.0 + 2.0 * f64::EPSILON),
                    size.round().next_down(),
                ][(seed % 4) as usize]
            };
            let (a, b, predicted) = (size(), size(), size());
            let (low, high) = (a.min(b), a.max(b));
            let (down, up) = rounded_outwards((low, high), predicted);
            assert!(down <= predicted && predicted <= up, "seed {seed}");
            assert!(
                down.ceil() <= low.ceil() && up.floor() >= high.floor(),
                "seed {seed}: {low} {high}"
            );
            assert!(down >= low.min(predicted) * (1.0 - 1e-3) - 1e-3, "seed {seed}: {low} {down}");
            assert!(up <= high.max(predicted) * (1.0 + 1e-3) + 1e-3, "seed {seed}: {high} {up}");
            for end in [down, up] {
                let text = serde_json::to_string(&Number(end)).unwrap();
                let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
                assert!(digits <= 3 && !text.contains('e'), "seed {seed}: {text}");
            }
        }
    }

    #[test]
    fn the_largest_size_is_bounded_and_at_least_the_observed_one() {
        let largest = [0.0, 1.0, 10.0, 1e3, 1e6, 1e12].map(largest_size);
        assert_eq!(largest, [0.0, 1e3, 1e4, 1e6, 1e9, 1e12]);
    }
}
