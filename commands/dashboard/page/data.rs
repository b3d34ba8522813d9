//! The data for the script of the page, as JSON. Control characters in texts are escaped here; ids are in links.

use serde::Serialize;
use tweetoscope::stage::dashboard::{Change, Detail, Entry, Query};
use tweetoscope::stream::printable;

use super::html::link;
use crate::dashboard::shared::Shared;

/// Maximum number of rows that are sent to the script, which filters and sorts them; for a larger board it requests
/// the server.
const ROWS: usize = 200;

#[derive(Serialize)]
struct Row {
    href: String,
    name: String,
    msg: String,
    rank: usize,
    change: Option<i64>,
    new: bool,
    observed: u64,
    predicted: f64,
    exceeded: bool,
    interval: Option<[f64; 3]>,
    above: Option<(f64, f64)>,
    age: Option<f64>,
    window: u64,
    spark: Vec<u64>,
    ended: Option<u64>,
    status: String,
    model: String,
}

impl From<&Entry> for Row {
    fn from(entry: &Entry) -> Self {
        Self {
            href: link(&entry.key),
            name: printable(&format!("{}/{}", entry.key.source, entry.key.cid)),
            msg: printable(&entry.msg),
            rank: entry.rank,
            change: entry.change.map(|change| match change {
                Change::New => 0,
                Change::By(places) => places,
            }),
            new: entry.change == Some(Change::New),
            observed: entry.observed,
            predicted: entry.predicted,
            exceeded: entry.exceeded,
            interval: entry.interval.map(|it| [it.low, it.high, it.level]),
            above: entry.above,
            age: entry.age,
            window: entry.window,
            spark: entry.spark.clone(),
            ended: entry.ended,
            status: printable(&entry.status),
            model: printable(&entry.model),
        }
    }
}

/// The rows with the largest predictions, of the open cascades and of all, and the state of the stream.
pub(super) fn board(shared: &Shared, top: usize, above: Option<f64>) -> String {
    #[derive(Serialize)]
    struct Board {
        open: Vec<Row>,
        all: Vec<Row>,
        alerts: u64,
        cascades: usize,
        ended: usize,
        over: bool,
    }
    let board = shared.board();
    let [open, all] = [false, true].map(|ended| {
        let rows = board.top(ROWS.max(top), &Query { above, ended, ..Query::default() });
        rows.iter().map(Row::from).collect()
    });
    let (alerts, cascades, ended) = (board.alerts(), board.predicted(), board.ended());
    drop(board);
    let over = shared.is_over();
    text(&Board { open, all, alerts, cascades, ended, over })
}

/// Rows alone.
pub(super) fn rows(rows: &[Entry]) -> String {
    text(&rows.iter().map(Row::from).collect::<Vec<_>>())
}

/// One cascade in full.
pub(super) fn detail(detail: &Detail) -> String {
    #[derive(Serialize)]
    struct Whole<'a> {
        row: Row,
        growth: &'a [(f64, u64)],
        continuation: Vec<[f64; 4]>,
        reaches: &'a [(f64, Option<f64>)],
        history: &'a [(u64, f64)],
        reasons: Vec<String>,
    }
    text(&Whole {
        row: Row::from(&detail.entry),
        growth: &detail.growth,
        continuation: detail
            .continuation
            .iter()
            .map(|it| [it.age, it.events, it.low, it.high])
            .collect(),
        reaches: &detail.reaches,
        history: &detail.history,
        reasons: detail.reasons.iter().map(|it| printable(it)).collect(),
    })
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("structs of numbers and texts are JSON")
}
