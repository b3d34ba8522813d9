//! The events of an open cascade: its points, and the ids that its events carry.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::cascade::Point;

/// The points of a cascade, appended in any order and sorted when they are read.
///
/// An event costs O(log n): a late one is appended, and at most one sort follows for each window.
#[derive(Default)]
pub(super) struct Points {
    points: Vec<Point>,
    unsorted: bool,
}

impl Points {
    /// Appends a point.
    pub(super) fn push(&mut self, point: Point) {
        self.unsorted |= self.points.last().is_some_and(|last| last.time > point.time);
        self.points.push(point);
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// Number of points that the memory holds.
    pub(super) fn capacity(&self) -> usize {
        self.points.capacity()
    }

    /// The points in the order in which they are in memory.
    pub(super) fn unordered(&self) -> &[Point] {
        &self.points
    }

    /// The points in time order; equal times keep the order of arrival.
    pub(super) fn in_order(&mut self) -> &mut Vec<Point> {
        if std::mem::take(&mut self.unsorted) {
            // The sort is stable: what arrived earlier precedes what arrived later.
            self.points.sort_by(|a, b| a.time.total_cmp(&b.time));
        }
        &mut self.points
    }

    /// Removes all points and frees their memory.
    pub(super) fn take(&mut self) -> Vec<Point> {
        let points = std::mem::take(self.in_order());
        *self = Self::default();
        points
    }
}

impl From<Vec<Point>> for Points {
    fn from(points: Vec<Point>) -> Self {
        let unsorted = !points.is_sorted_by(|a, b| a.time <= b.time);
        Self { points, unsorted }
    }
}

/// The ids of the events of a cascade; empty where the events carry none.
#[derive(Default)]
pub(super) struct EventIds(Option<Box<Ids>>);

/// In a box of its own, because most cascades have none.
#[derive(Default)]
struct Ids(HashSet<Box<str>, RandomState>);

impl EventIds {
    /// Whether an event has this id; an empty text is no id.
    pub(super) fn contains(&self, id: &str) -> bool {
        !id.is_empty() && self.0.as_ref().is_some_and(|ids| ids.0.contains(id))
    }

    /// Adds the id of an event; an empty text is no id.
    pub(super) fn insert(&mut self, id: &str) {
        if !id.is_empty() {
            self.0.get_or_insert_default().0.insert(id.into());
        }
    }

    /// Number of ids.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |ids| ids.0.len())
    }

    /// Number of bytes of the ids.
    pub(super) fn bytes(&self) -> usize {
        let ids = self.0.iter().flat_map(|ids| &ids.0);
        ids.map(|id| id.len() + size_of::<Box<str>>()).sum()
    }

    /// The ids in ascending order.
    pub(super) fn sorted(&self) -> Vec<String> {
        let ids = self.0.iter().flat_map(|ids| &ids.0);
        let mut ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        ids.sort_unstable();
        ids
    }
}

impl From<Vec<String>> for EventIds {
    fn from(ids: Vec<String>) -> Self {
        let mut all = Self::default();
        ids.iter().for_each(|id| all.insert(id));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded_rng;
    use crate::replay::testing::below;

    #[test]
    fn points_read_at_any_time_are_those_of_ordered_insertion() {
        for seed in 0..300 {
            let rng = &mut seeded_rng(seed, 1);
            let (mut points, mut slow) = (Points::default(), Vec::new());
            for number in 0..below(rng, 200) {
                let time = if seed % 3 == 0 { 200 - number } else { below(rng, 50) } as f64;
                let point = Point { time, magnitude: number as f64 };
                points.push(point);
                let place = slow.partition_point(|earlier: &Point| earlier.time <= time);
                slow.insert(place, point);
                if below(rng, 20) == 0 {
                    assert_eq!(*points.in_order(), slow, "seed {seed}");
                }
            }
            let restored = Points::from(points.unordered().to_vec());
            assert_eq!(points.take(), slow, "seed {seed}");
            assert_eq!({ restored }.take(), slow, "seed {seed}");
            assert_eq!(points.len(), 0);
        }
    }
}
