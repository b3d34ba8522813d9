//! The columns of the table: which fit, and their text. A number is whole, abbreviated or absent,
//! never cut.

use ratatui::text::Span;
use tweetoscope::stage::dashboard::Entry;
use tweetoscope::stream::printable;

use crate::dashboard::figures::{change, count, interval_by, percent, short, span, threshold};

/// A column, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Rank,
    Change,
    Cascade,
    Observed,
    Predicted,
    Interval,
    Above,
    Age,
    Activity,
}

use Column::{Above, Activity, Age, Cascade, Change, Interval, Observed, Predicted, Rank};

const ALL: [Column; 9] =
    [Rank, Change, Cascade, Observed, Predicted, Interval, Above, Age, Activity];
/// The columns in the order in which they are omitted where the terminal is too narrow.
const OMITTED: [Column; 7] = [Activity, Change, Age, Above, Interval, Observed, Rank];
/// Width that the text of a cascade has at least, where other columns can be omitted.
const TEXT: usize = 16;
/// The same where only rank and prediction are left: they are shown before the text.
const SHORT_TEXT: usize = 4;
/// Width of the terminal from which the activity is shown.
const WIDE: usize = 100;

/// The text of a table, and its widths.
pub(super) struct Columns {
    pub(super) heads: Vec<(Column, String)>,
    /// Of each row.
    pub(super) cells: Vec<Vec<(Column, String)>>,
    pub(super) widths: Vec<usize>,
}

impl Columns {
    /// The most informative table that fits into `width`.
    pub(super) fn fitting(rows: &[Entry], width: usize) -> Self {
        // Without probabilities in the alerts their column would be empty.
        let has_above = rows.iter().any(|row| row.above.is_some());
        let is_shown = |column: &Column| match column {
            Above => has_above,
            Activity => width >= WIDE,
            _ => true,
        };
        let mut columns: Vec<_> = ALL.into_iter().filter(is_shown).collect();
        let mut table = Self::new(rows, &columns, count);
        for column in [None].into_iter().chain(OMITTED.map(Some)) {
            let text = if column == Some(Rank) { SHORT_TEXT } else { TEXT };
            if table.taken() + text <= width {
                break;
            }
            columns.retain(|it| Some(*it) != column);
            table = Self::new(rows, &columns, short);
        }
        let room = width.saturating_sub(table.taken());
        table.with_text(room)
    }

    fn new(rows: &[Entry], columns: &[Column], number: fn(f64) -> String) -> Self {
        let threshold = threshold(rows).map_or("P>N".to_owned(), |it| format!("P>{}", number(it)));
        let head = |column: &Column| {
            let name = match column {
                Rank => "#",
                Change => "+/-",
                Cascade => "cascade",
                Observed => "observed",
                Predicted => "predicted",
                Interval => "interval",
                Above => &threshold,
                Age => "age",
                Activity => "activity",
            };
            (*column, name.to_owned())
        };
        let row = |entry: &Entry| -> Vec<_> {
            columns.iter().map(|column| (*column, cell(entry, *column, number))).collect()
        };
        let heads: Vec<_> = columns.iter().map(head).collect();
        let cells: Vec<_> = rows.iter().map(row).collect();
        let width = |at: usize| {
            let texts = cells.iter().map(|row| &row[at].1).chain([&heads[at].1]);
            texts.map(|text| Span::raw(text.as_str()).width()).max().unwrap_or(0)
        };
        let widths = (0..heads.len()).map(width).collect();
        Self { heads, cells, widths }
    }

    /// The width without that of the texts, with one blank between columns.
    fn taken(&self) -> usize {
        let widths = self.heads.iter().zip(&self.widths);
        let fixed =
            widths.filter(|((column, _), _)| *column != Cascade).map(|(_, width)| width + 1);
        fixed.sum()
    }

    /// The table with texts of at most `room`.
    fn with_text(mut self, room: usize) -> Self {
        let Some(at) = self.heads.iter().position(|(column, _)| *column == Cascade) else {
            return self;
        };
        self.widths[at] = room;
        for row in &mut self.cells {
            row[at].1 = cut(&row[at].1, room);
        }
        self
    }
}

fn cell(entry: &Entry, column: Column, number: fn(f64) -> String) -> String {
    match column {
        Rank => entry.rank.to_string(),
        Change => change(entry.change),
        Cascade => printable(if entry.msg.is_empty() { &entry.key.cid } else { &entry.msg }),
        Observed if entry.ended.is_some() => number(entry.observed as f64) + " final",
        Observed => number(entry.observed as f64),
        Predicted => number(entry.predicted),
        // The end of an interval that was exceeded is the observed size.
        Interval if entry.exceeded => "exceeded".to_owned(),
        Interval => interval_by(entry, number),
        Above => entry.above.map_or_else(String::new, |(_, p)| percent(p)),
        Age => entry.age.map_or_else(String::new, span),
        Activity => bars(&entry.spark),
    }
}

/// Text that ends in an ellipsis where it is cut.
pub(super) fn cut(text: &str, room: usize) -> String {
    if Span::raw(text).width() <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if Span::raw(kept.as_str()).width() >= room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// A sparkline in one line of text.
fn bars(counts: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = counts.iter().max().copied().unwrap_or(0).max(1);
    let bar = |n: &u64| if *n == 0 { ' ' } else { BARS[(n * 7 / highest) as usize] };
    counts.iter().map(bar).collect()
}
