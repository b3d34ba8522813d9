//! Detects rows of a table inside a quoted text: an unescaped quote opened the text before them, and another one closed
//! it.

use csv::ByteRecord;

use crate::cascade::numbers::{self, grouped};
use crate::input::cell::content;
use crate::input::columns::Columns;
use crate::input::time;

/// Lines inside texts that look like rows.
#[derive(Default)]
pub(super) struct Swallowed {
    count: u64,
    /// The line of the first row with such a text.
    first: u64,
}

impl Swallowed {
    /// Counts the lines of the texts of a row that begins in this line.
    pub(super) fn add(&mut self, columns: &Columns, row: &ByteRecord, delimiter: u8, line: u64) {
        if memchr::memchr(b'\n', row.as_slice()).is_none() {
            return;
        }
        let mut count = 0;
        for (place, text) in row.iter().enumerate() {
            let mut lines = text.split(|byte| *byte == b'\n').skip(1).peekable();
            while let Some(inner) = lines.next() {
                // The last line continues with the cells after the text.
                let fields = if lines.peek().is_some() { columns.count } else { place + 1 };
                count += u64::from(looks_like_row(inner, delimiter, fields, columns.time));
            }
        }
        if count > 0 && self.count == 0 {
            self.first = line;
        }
        self.count += count;
    }

    /// The warning about them in a file, if there are any.
    pub(super) fn report(&self, file: &str) -> Option<String> {
        (self.count > 0).then(|| {
            format!(
                "{} line breaks inside texts look like rows, which are not read; check the quotes (first at {file}:{})",
                grouped(self.count),
                self.first
            )
        })
    }
}

/// Whether a line has this number of fields, and a time where rows have theirs.
fn looks_like_row(line: &[u8], delimiter: u8, fields: usize, time: usize) -> bool {
    let mut cells = line.split(|byte| *byte == delimiter);
    let is_time = |cell: &[u8]| {
        let cell = content(cell);
        numbers::field(cell).is_some() || time::text_time(&String::from_utf8_lossy(cell)).is_some()
    };
    fields > time && cells.clone().count() == fields && cells.nth(time).is_some_and(is_time)
}
