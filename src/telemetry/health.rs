//! The state of a process: `/metrics`, `/healthz`, `/readyz`, or a file at the end.
//!
//! A stage and its transport keep counters. An observer copies them at most a few times per second, and the
//! text is produced on request only. So the cost per batch is two reads of the clock.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::families::Exposition;
use super::notify::Notify;
use super::server::{Answer, PageRequest, Site};
use super::{READY, now};
use crate::stage::{Histogram, Tally};
use crate::stream::{Counts, Observer, rename_target};

/// Minimum time between two tallies.
const MIN_INTERVAL: Duration = Duration::from_millis(200);
/// Further time before a tally without new records: assignments change without them, and so does the lag.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum time between two tallies, as a multiple of the time a tally takes: at most 2 % of the time is
/// spent on tallies.
const TALLY_FACTOR: u32 = 50;
/// Seconds without progress of the loop after which the process is unhealthy.
const MAX_STALL: f64 = 30.0;
/// Bounds of the histogram of the processing time per record, in seconds.
const PROCESSING: &[f64] = &[1e-7, 2.5e-7, 1e-6, 2.5e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0];

/// Counters kept elsewhere, computed on request.
pub type ExtraTally = Box<dyn Fn() -> Tally + Send + Sync>;

/// The latest counters of the stage.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    counts: Counts,
    tally: Tally,
    progress: Option<f64>,
}

/// The state shared by the loop and the server.
struct Shared {
    exposition: Exposition,
    extra: ExtraTally,
    stop: Arc<AtomicBool>,
    started: Instant,
    /// Time of the last progress of the loop, in milliseconds after the start plus one; 0 before the first.
    last_progress: AtomicU64,
    snapshot: Mutex<Arc<Snapshot>>,
}

/// Observes a stage and serves its metrics and health.
pub struct Health {
    shared: Arc<Shared>,
    latest: Snapshot,
    began: Instant,
    /// Earliest time of the next tally, and whether counters have changed since the last.
    due: Instant,
    changed: bool,
    processing: Histogram,
    notify: Option<Notify>,
}

impl Health {
    /// For the stage of that name. `extra` are counters kept elsewhere, for instance of log records. While
    /// `stop` is set, the process is not ready.
    pub fn new(stage: &str, extra: ExtraTally, stop: Arc<AtomicBool>) -> Self {
        let now = now();
        let shared = Shared {
            exposition: Exposition::new(stage),
            extra,
            stop,
            started: now,
            last_progress: AtomicU64::new(0),
            snapshot: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            latest: Snapshot::default(),
            began: now,
            due: now,
            changed: true,
            processing: Histogram::new(PROCESSING),
            notify: None,
        }
    }

    /// Also reports the readiness to the service manager at `address`, the value of `NOTIFY_SOCKET`.
    ///
    /// # Errors
    /// The socket cannot be reached.
    pub fn notifying(mut self, address: &OsString) -> io::Result<Self> {
        self.notify = Some(Notify::connect(address)?);
        Ok(self)
    }

    /// The pages `/metrics`, `/healthz` and `/readyz`.
    pub fn site(&self) -> Arc<dyn Site> {
        Arc::clone(&self.shared) as _
    }

    /// Writes the metrics to a file atomically, also where the path is a symbolic link to one.
    ///
    /// # Errors
    /// The file cannot be written, or the path is that of a device, a pipe or a folder.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let path = &rename_target(path)?;
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let written = std::fs::File::create(&name).and_then(|mut file| {
            file.write_all(&self.shared.metrics())?;
            std::fs::rename(&name, path)
        });
        written.inspect_err(|_| {
            let _ = std::fs::remove_file(&name);
        })
    }

    /// Keeps the process healthy after the end of the input, for a command that still answers requests.
    pub fn idle(&mut self) {
        self.moved();
        self.notify();
    }

    /// Stores the time of the last progress, which is now.
    fn moved(&self) -> Instant {
        let now = now();
        let millis = (now - self.shared.started).as_millis() as u64 + 1;
        self.shared.last_progress.store(millis, Ordering::Relaxed);
        now
    }

    fn progress(&mut self, counts: Counts) -> Instant {
        let now = self.moved();
        let records = counts.read.saturating_sub(self.latest.counts.read);
        if records > 0 {
            let each = (now - self.began).as_secs_f64() / records as f64;
            self.processing.observe(each, records);
            self.latest.progress = Some(unix_seconds());
        }
        self.changed |= counts != self.latest.counts;
        self.latest.counts = counts;
        now
    }

    fn notify(&mut self) {
        let draining = self.shared.stop.load(Ordering::Relaxed);
        if let Some(notify) = self.notify.as_mut().filter(|it| it.pending(draining)) {
            notify.report(self.shared.ready().0, draining);
        }
    }

    fn publish(&mut self, tally: &dyn Fn() -> Tally) {
        self.latest.tally = tally();
        self.processing.add_to("record_processing_seconds", "", &mut self.latest.tally);
        *self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(self.latest.clone());
        self.changed = false;
    }
}

impl Observer for Health {
    fn begin(&mut self) {
        self.began = now();
    }

    fn batch(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        let before = self.progress(counts);
        let due = if self.changed { self.due } else { self.due + IDLE_INTERVAL };
        if before >= due {
            self.publish(tally);
            let after = now();
            self.due = after + MIN_INTERVAL.max((after - before) * TALLY_FACTOR);
        }
        self.notify();
    }

    fn end(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        self.progress(counts);
        self.publish(tally);
        self.notify();
    }
}

impl Shared {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn metrics(&self) -> Vec<u8> {
        let snapshot = self.snapshot();
        let mut tally = snapshot.tally.clone();
        tally.extend((self.extra)());
        let plain = |name| (name, String::new());
        tally.insert(("build_info", env!("CARGO_PKG_VERSION").to_owned()), 1.0);
        tally.insert(plain("records_read_total"), snapshot.counts.read as f64);
        tally.insert(plain("records_written_total"), snapshot.counts.written as f64);
        if let Some(progress) = snapshot.progress {
            tally.insert(plain("last_progress_timestamp_seconds"), progress);
        }
        self.exposition.text(&tally)
    }

    /// Seconds since the last progress of the loop, or since the start.
    fn stalled(&self) -> f64 {
        let progress = self.last_progress.load(Ordering::Relaxed).saturating_sub(1);
        (now() - self.started).as_secs_f64() - progress as f64 / 1e3
    }

    fn healthy(&self) -> (bool, String) {
        let stalled = self.stalled();
        (stalled <= MAX_STALL, format!("last pass of the loop: {stalled:.1} s ago\n"))
    }

    /// The readiness checks, one per line.
    fn ready(&self) -> (bool, String) {
        let snapshot = self.snapshot();
        let mut checks = vec![
            ("input", self.last_progress.load(Ordering::Relaxed) > 0),
            ("not draining", !self.stop.load(Ordering::Relaxed)),
        ];
        for ((name, check), value) in &snapshot.tally {
            if *name == READY {
                checks.retain(|(name, _)| name != check);
                checks.push((check, *value > 0.0));
            }
        }
        let line = |(check, good): &(&str, bool)| {
            format!("{check}: {}\n", if *good { "ok" } else { "not yet" })
        };
        (checks.iter().all(|(_, good)| *good), checks.iter().map(line).collect())
    }
}

impl Site for Shared {
    fn answer(&self, request: &PageRequest<'_>) -> Answer {
        match request.path {
            "/metrics" => Answer::text(200, "text/plain; version=0.0.4", self.metrics()),
            "/healthz" => status_page(self.healthy()),
            "/readyz" => status_page(self.ready()),
            "/" => Answer::text(200, PLAIN, "/metrics\n/healthz\n/readyz\n"),
            _ => Answer::missing(),
        }
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn status_page((good, text): (bool, String)) -> Answer {
    Answer::text(if good { 200 } else { 503 }, PLAIN, text)
}

#[expect(clippy::disallowed_methods, reason = "health depends on real time")]
fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service without records is assigned partitions, and is ready then.
    #[test]
    fn readiness_changes_without_records() {
        let mut health = Health::new("collect", Box::new(Tally::new), Arc::default());
        let assigned = |ready: f64| move || Tally::from([((READY, "input".to_owned()), ready)]);
        health.batch(Counts::default(), &assigned(0.0));
        assert!(!health.shared.ready().0);
        std::thread::sleep(MIN_INTERVAL + IDLE_INTERVAL);
        health.batch(Counts::default(), &assigned(1.0));
        assert!(health.shared.ready().0);
    }

    #[test]
    fn a_command_that_answers_after_the_end_of_its_input_is_healthy() {
        let mut health = Health::new("dashboard", Box::new(Tally::new), Arc::default());
        health.end(Counts::default(), &Tally::new);
        // As after a minute without progress.
        let minute = Duration::from_secs(60);
        let shared = Arc::get_mut(&mut health.shared).unwrap();
        shared.started = shared.started.checked_sub(minute).unwrap();
        assert!(!health.shared.healthy().0);
        health.idle();
        assert!(health.shared.healthy().0);
    }
}
