//! How a process gets on, for machines: `/metrics`, `/healthz`, `/readyz`, or a file at the end.
//!
//! Alone in naming hyper, tokio and prometheus. A stage and its transport count by themselves; an
//! observer takes their tallies a few times a second at most, and text is made of them only when
//! somebody asks. So it costs a batch two looks at the clock.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::families::Exposition;
use super::server::{Answer, Asked, Site};
use super::{READY, now};
use crate::stage::{Histogram, Tally};
use crate::stream::{Counts, Observer};

/// Least time between two tallies.
const OFTEN: Duration = Duration::from_millis(200);
/// A tally that takes long is made so much more seldom: at most 2 % of the time goes into it.
const SHARE: u32 = 50;
/// Seconds after which a loop that did not move is no longer healthy.
const STILL: f64 = 30.0;
/// Bounds of the time that a record takes, in seconds.
const PROCESSING: &[f64] = &[1e-7, 2.5e-7, 1e-6, 2.5e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0];

/// Counts that somebody else keeps, made when they are asked for.
pub type Beside = Box<dyn Fn() -> Tally + Send + Sync>;

/// What was last seen of the stage.
#[derive(Clone, Debug, Default)]
struct Seen {
    counts: Counts,
    tally: Tally,
    progress: Option<f64>,
}

/// The part that both the loop and those who ask can see.
struct Board {
    exposition: Exposition,
    beside: Beside,
    stop: Arc<AtomicBool>,
    started: Instant,
    /// Milliseconds after the start at which the loop last moved, and one more; 0: never.
    moved: AtomicU64,
    seen: Mutex<Arc<Seen>>,
}

/// Observes a stage, and tells what it saw.
pub struct Health {
    board: Arc<Board>,
    seen: Seen,
    began: Instant,
    /// When the next tally may be made, and whether there is anything new to tell.
    due: Instant,
    news: bool,
    processing: Histogram,
}

impl Health {
    /// Of the stage of that name. `beside`: counts kept elsewhere, of log records for instance;
    /// `stop`: set when the process was told to end, from when on it is not ready any more.
    pub fn new(stage: &str, beside: Beside, stop: Arc<AtomicBool>) -> Self {
        let now = now();
        let board = Board {
            exposition: Exposition::new(stage),
            beside,
            stop,
            started: now,
            moved: AtomicU64::new(0),
            seen: Mutex::default(),
        };
        Self {
            board: Arc::new(board),
            seen: Seen::default(),
            began: now,
            due: now,
            news: true,
            processing: Histogram::new(PROCESSING),
        }
    }

    /// The pages `/metrics`, `/healthz` and `/readyz`.
    pub fn site(&self) -> Arc<dyn Site> {
        Arc::clone(&self.board) as _
    }

    /// Writes the metrics to a file, which is there whole or not at all.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let written = std::fs::File::create(&name).and_then(|mut file| {
            file.write_all(&self.board.metrics())?;
            std::fs::rename(&name, path)
        });
        written.inspect_err(|_| {
            let _ = std::fs::remove_file(&name);
        })
    }

    fn moved(&mut self, counts: Counts) -> Instant {
        let now = now();
        let millis = (now - self.board.started).as_millis() as u64 + 1;
        self.board.moved.store(millis, Ordering::Relaxed);
        let records = counts.read.saturating_sub(self.seen.counts.read);
        if records > 0 {
            let each = (now - self.began).as_secs_f64() / records as f64;
            self.processing.observe(each, records);
            self.seen.progress = Some(unix_seconds());
        }
        self.news |= counts != self.seen.counts;
        self.seen.counts = counts;
        now
    }

    fn tell(&mut self, tally: &dyn Fn() -> Tally) {
        self.seen.tally = tally();
        self.processing.add_to("record_processing_seconds", "", &mut self.seen.tally);
        *self.board.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(self.seen.clone());
        self.news = false;
    }
}

impl Observer for Health {
    fn begin(&mut self) {
        self.began = now();
    }

    fn batch(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        let before = self.moved(counts);
        if self.news && before >= self.due {
            self.tell(tally);
            let after = now();
            self.due = after + OFTEN.max((after - before) * SHARE);
        }
    }

    fn end(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        self.moved(counts);
        self.tell(tally);
    }
}

impl Board {
    fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn metrics(&self) -> Vec<u8> {
        let seen = self.seen();
        let mut tally = seen.tally.clone();
        tally.extend((self.beside)());
        let plain = |name| (name, String::new());
        tally.insert(("build_info", env!("CARGO_PKG_VERSION").to_owned()), 1.0);
        tally.insert(plain("records_read_total"), seen.counts.read as f64);
        tally.insert(plain("records_written_total"), seen.counts.written as f64);
        if let Some(progress) = seen.progress {
            tally.insert(plain("last_progress_timestamp_seconds"), progress);
        }
        self.exposition.text(&tally)
    }

    /// Seconds since the loop last moved; the whole time where it never did.
    fn still(&self) -> f64 {
        let moved = self.moved.load(Ordering::Relaxed).saturating_sub(1);
        (now() - self.started).as_secs_f64() - moved as f64 / 1e3
    }

    fn healthy(&self) -> (bool, String) {
        let still = self.still();
        (still <= STILL, format!("the loop last moved {still:.1} s ago\n"))
    }

    /// Named checks, one a line.
    fn ready(&self) -> (bool, String) {
        let seen = self.seen();
        let mut checks = vec![
            ("input", self.moved.load(Ordering::Relaxed) > 0),
            ("not draining", !self.stop.load(Ordering::Relaxed)),
        ];
        for ((name, check), value) in &seen.tally {
            if *name == READY {
                checks.retain(|(known, _)| known != check);
                checks.push((check, *value > 0.0));
            }
        }
        let line = |(check, good): &(&str, bool)| {
            format!("{check}: {}\n", if *good { "ok" } else { "not yet" })
        };
        (checks.iter().all(|(_, good)| *good), checks.iter().map(line).collect())
    }
}

impl Site for Board {
    fn answer(&self, asked: &Asked<'_>) -> Answer {
        match asked.path {
            "/metrics" => Answer::text(200, "text/plain; version=0.0.4", self.metrics()),
            "/healthz" => told(self.healthy()),
            "/readyz" => told(self.ready()),
            "/" => Answer::text(200, PLAIN, "/metrics\n/healthz\n/readyz\n"),
            _ => Answer::missing(),
        }
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn told((good, text): (bool, String)) -> Answer {
    Answer::text(if good { 200 } else { 503 }, PLAIN, text)
}

#[expect(clippy::disallowed_methods, reason = "health is about real time")]
fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64())
}
