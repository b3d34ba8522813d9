//! The table where stdout is not a terminal: columns of text.

use tweetoscope::stage::dashboard::Entry;
use tweetoscope::stream::printable;

use super::figures::{change, count, interval, percent, span, threshold};

/// The rows as lines of text.
pub(super) fn table(rows: &[Entry]) -> String {
    let above = threshold(rows).map_or("P>N".to_owned(), |size| format!("P>{}", count(size)));
    let heads = ["#", "change", "predicted", "interval", "observed", &above, "age", "window"];
    let cells = |row: &Entry| {
        let exceeded = if row.exceeded { " exceeded" } else { "" };
        let above = row.above.map_or_else(String::new, |(_, p)| percent(p));
        let age = row.age.map_or_else(String::new, span);
        let observed = count(row.observed as f64) + if row.ended.is_some() { " final" } else { "" };
        [
            row.rank.to_string(),
            change(row.change),
            count(row.predicted) + exceeded,
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
    // A column without content, such as the change of rank before a comparison, is omitted.
    let is_used = |column: &usize| rows.iter().any(|(cells, _)| !cells[*column].is_empty());
    let used: Vec<_> = (0..heads.len()).filter(is_used).map(|at| (at, width(at))).collect();
    let line = |cells: &[&str], last: &str| {
        let padded = used.iter().map(|&(at, width)| format!("{:>width$}  ", cells[at]));
        format!("{}{last}\n", padded.collect::<String>())
    };
    if rows.is_empty() {
        return String::new();
    }
    let mut text = line(&heads, "cascade");
    for (cells, row) in &rows {
        let what = format!("{}/{} {}", row.key.source, row.key.cid, row.msg);
        text += &line(&cells.each_ref().map(String::as_str), printable(&what).trim_end());
    }
    text
}
