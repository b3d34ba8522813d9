//! Finds a file that has the same rows as an earlier one, in any order: without ids of events they would count twice.

use std::hash::{BuildHasher, RandomState};

use crate::cascade::Point;

/// The rows of each file, as their number and the sum of their hashes under a random key.
#[derive(Default)]
pub(super) struct Copies {
    key: RandomState,
    /// Those of the file that is read.
    rows: (u64, u64),
    files: Vec<(u64, u64)>,
}

impl Copies {
    /// Adds a row of the file that is read.
    pub(super) fn add(&mut self, cid: &[u8], point: &Point) {
        let row = (cid, point.time.to_bits(), point.magnitude.to_bits());
        let (count, sum) = self.rows;
        self.rows = (count + 1, sum.wrapping_add(self.key.hash_one(row)));
    }

    /// Ends the file; returns the place of an earlier one with the same rows, and their number.
    pub(super) fn end_file(&mut self) -> Option<(usize, u64)> {
        let rows = std::mem::take(&mut self.rows);
        let earlier = self.files.iter().position(|it| *it == rows && rows.0 > 0);
        self.files.push(rows);
        earlier.map(|place| (place, rows.0))
    }
}
