//! The rows of a cascade in a table.

use crate::cascade::{Point, begin_at};
use crate::input::HistoryCascade;

/// The source of a cascade in a table with sources, where its row has none.
pub(super) const NO_SOURCE: &str = "unknown";

/// The rows of a cascade.
pub(super) struct Group {
    pub(super) file: u32,
    /// The line number of its first row.
    pub(super) line: u64,
    /// Its smallest time, as in the table.
    pub(super) first: f64,
    /// The event of the row of the root.
    pub(super) root: Option<Point>,
    pub(super) cascade: HistoryCascade,
    /// The source in the row of the text.
    pub(super) source: Box<str>,
    /// The number of rows that were dropped because an earlier row has their id.
    pub(super) duplicates: u32,
    /// Whether the cascade is skipped because one of its rows is invalid.
    pub(super) invalid: bool,
    /// Whether its root is a row of another cascade: a retweet.
    pub(super) is_chained: bool,
}

impl Group {
    /// No rows of the cascade with this id, whose first row will be in this line.
    pub(super) fn new(file: u32, line: u64, cid: &str) -> Self {
        Self {
            file,
            line,
            first: f64::INFINITY,
            root: None,
            cascade: HistoryCascade { cid: cid.to_owned(), ..HistoryCascade::default() },
            source: Box::from(NO_SOURCE),
            duplicates: 0,
            invalid: false,
            is_chained: false,
        }
    }

    /// Sorts the events and makes times relative to the first; returns the number of rows before the root.
    pub(super) fn close(&mut self) -> u64 {
        let points = &mut self.cascade.points;
        let earliest = (0..points.len()).min_by(|a, b| points[*a].time.total_cmp(&points[*b].time));
        let root = self.root.or_else(|| Some(points.remove(earliest?)));
        let Some(root) = root else { return 0 };
        self.first = root.time;
        begin_at(points, root)
    }
}
