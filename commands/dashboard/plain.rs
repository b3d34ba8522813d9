//! The table where stdout is not a terminal: columns of text.

use tweetoscope::stage::dashboard::Entry;
use tweetoscope::stream::printable;

use super::figures::{change, count, interval, percent, span, threshold};

/// The rows as lines of text.
pub(super) fn table(rows: &[Entry]) -> String {
    let above = threshold(rows).map_or("P>N".to_owned(), |size| format!("P>{}", count(size)));
    let heads = ["#", "change", "predicted", "interval", "observed", &above, "age", "window"];
    let cells = |row: &Entry| {
        let above = row.above.map_or_else(String::new, |(_, p)| percent(p));
        let age = row.age.map_or_else(String::new, span);
        let observed = count(row.observed as f64) + if row.ended.is_some() { " final" } else { "" };
        [
            row.rank.to_string(),
            change(row.change),
            count(row.predicted),
            interval(row),
            observed,
            above,
            age,
            span(row.window as f64),
        ]
    };
    let rows: Vec<_> = rows.iter().map(|row| (cells(row), row)).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|(cells, _)| cells[column].len());
        cells.chain([heads[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>, last: &str| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:>width$}  "));
        format!("{}{last}\n", padded.collect::<String>())
    };
    let mut text = line(&mut heads.iter().copied(), "cascade");
    for (cells, row) in &rows {
        let what = format!("{}/{} {}", row.key.source, row.key.cid, row.msg);
        text += &line(&mut cells.iter().map(String::as_str), printable(&what).trim_end());
    }
    text
}
