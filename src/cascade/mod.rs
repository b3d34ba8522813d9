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

/// Moves the ends of an interval outwards to whole numbers that they miss by less than a thousandth, and to
/// `predicted`, so that the interval contains the prediction and a final size at its end.
pub fn rounded_outwards((low, high): (f64, f64), predicted: f64) -> (f64, f64) {
    const ROUNDING: f64 = 1e-3;
    let whole = |end: f64| {
        let whole = end.round();
        if (whole - end).abs() <= ROUNDING * end.abs() { whole } else { end }
    };
    (low.min(whole(low)).min(predicted), high.max(whole(high)).max(predicted))
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
        assert_eq!(rounded_outwards((below, below), below), (below, 30.0));
        assert_eq!(rounded_outwards((30.000000000000004, 40.0), 35.0), (30.0, 40.0));
        assert_eq!(rounded_outwards((12.25, 17.75), 18.5), (12.25, 18.5));
        assert_eq!(rounded_outwards((12.25, 17.75), 12.0), (12.0, 17.75));
        assert_eq!(rounded_outwards((0.0, 0.0), 0.0), (0.0, 0.0));
    }

    #[test]
    fn the_largest_size_is_bounded_and_at_least_the_observed_one() {
        let largest = [0.0, 1.0, 10.0, 1e3, 1e6, 1e12].map(largest_size);
        assert_eq!(largest, [0.0, 1e3, 1e4, 1e6, 1e9, 1e12]);
    }
}
