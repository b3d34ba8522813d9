//! The log of a command: to stderr and rotating files through env_logger, in one format.

mod rotating;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context;
use env_logger::{Logger, Target};
use log::LevelFilter;

use crate::flags::{LogFormat, Shared, make_folder};
use rotating::unix_seconds;
pub(crate) use rotating::{Limits, Rotating};
use tweetoscope::record::{Log, Record};
use tweetoscope::stage::Tally;
use tweetoscope::stage::log::{Level, utc};
use tweetoscope::stream::{PRINTED, Stderr, log_messages, print_text, printable};

static STAGE: OnceLock<String> = OnceLock::new();
/// Records logged, by [`Level`], and failures of the files.
static LOGGED: [AtomicU64; Level::ALL.len()] = [const { AtomicU64::new(0) }; Level::ALL.len()];
static ERRORS: AtomicU64 = AtomicU64::new(0);

/// Starts the log. `RUST_LOG` holds for stderr where no flag sets its level; the level of the files is that of the
/// flags.
pub(crate) fn start(stage: &str, shared: &Shared) -> anyhow::Result<()> {
    STAGE.get_or_init(|| stage.to_owned());
    let level = match (shared.quiet, shared.verbose) {
        (true, _) => LevelFilter::Error,
        (_, 0) => LevelFilter::Warn,
        (_, 1) => LevelFilter::Info,
        (_, 2) => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    // What is printed as text is left out of the log on stderr; where that is JSON, it is printed there.
    let messages = match shared.log_format {
        LogFormat::Text => Some(LevelFilter::Off),
        LogFormat::Json => Some(LevelFilter::Info),
    };
    let is_set = shared.quiet || shared.verbose > 0;
    let filters = std::env::var("RUST_LOG").ok().filter(|it| !is_set && !hides_warnings(it));
    let to = Target::Pipe(Box::new(Stderr));
    let stderr = logger((level, filters), shared.log_format, to, messages);
    if shared.log_format == LogFormat::Json {
        log_messages();
    }
    let files = match &shared.log_dir {
        None => None,
        Some(dir) => {
            make_folder("--log-dir", dir)?;
            let files = Rotating::open(dir, stage, Limits::default()).context("--log-dir")?;
            let files = Counting { files, failures: Failures::new() };
            let target = Target::Pipe(Box::new(files));
            Some(logger((level.max(LevelFilter::Info), None), shared.log_format, target, None))
        }
    };
    let max_level = files.as_ref().map_or(LevelFilter::Off, Logger::filter).max(stderr.filter());
    log::set_boxed_logger(Box::new(Both { stderr, files }))?;
    log::set_max_level(max_level);
    Ok(())
}

/// A queue that receives a copy of the messages from INFO, and the thread that sends them.
static COPY: Mutex<Option<(SyncSender<Log>, JoinHandle<()>)>> = Mutex::new(None);

fn copy() -> MutexGuard<'static, Option<(SyncSender<Log>, JoinHandle<()>)>> {
    COPY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies the messages from INFO to a queue from now on; drops those for which it has no room.
pub(crate) fn copy_to(to: SyncSender<Log>, thread: JoinHandle<()>) {
    *copy() = Some((to, thread));
    log::set_max_level(log::max_level().max(LevelFilter::Info));
}

/// Blocks until that thread has sent what is in the queue.
pub(crate) fn finish() {
    let copied = copy().take();
    if let Some((to, thread)) = copied {
        drop(to);
        let _ = thread.join();
    }
}

/// The name of this command.
pub(crate) fn stage() -> &'static str {
    STAGE.get().map_or("tweetoscope", String::as_str)
}

/// Counters of the log, for the metrics.
pub(crate) fn tally() -> Tally {
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    let of_level = |level: Level| {
        (("log_records_total", level.name().to_owned()), load(&LOGGED[level as usize]))
    };
    let mut tally: Tally = Level::ALL.into_iter().map(of_level).collect();
    tally.insert(("log_write_errors_total", String::new()), load(&ERRORS));
    tally
}

/// Whether filters of `RUST_LOG` are a level that hides warnings, among them those of dropped data; for this there is
/// `--quiet`.
fn hides_warnings(filters: &str) -> bool {
    filters.trim().parse::<LevelFilter>().is_ok_and(|level| level < LevelFilter::Warn)
}

/// A logger in the format of the project, from a level on, with further filters in the form of `RUST_LOG`; `messages`:
/// the level of messages to the user.
fn logger(
    (level, filters): (LevelFilter, Option<String>),
    format: LogFormat,
    to: Target,
    messages: Option<LevelFilter>,
) -> Logger {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(level).target(to);
    if let Some(filters) = &filters {
        builder.parse_filters(filters);
    }
    if let Some(level) = messages {
        builder.filter_module(PRINTED, level);
    }
    builder.format(move |to, record| to.write_all(&bytes(&message(record), format))).build()
}

/// Logs to stderr and to files, each with its own filter.
struct Both {
    stderr: Logger,
    files: Option<Logger>,
}

impl log::Log for Both {
    fn enabled(&self, about: &log::Metadata<'_>) -> bool {
        self.stderr.enabled(about)
            || self.files.as_ref().is_some_and(|it| it.enabled(about))
            || is_copied(about)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LOGGED[level(record) as usize].fetch_add(1, Ordering::Relaxed);
            self.stderr.log(record);
            self.files.iter().for_each(|files| files.log(record));
            if is_copied(record.metadata())
                && let Some((to, _)) = &*copy()
            {
                let _ = to.try_send(message(record));
            }
        }
    }

    fn flush(&self) {}
}

/// Whether a message is copied; those of the Kafka client are not, since sending one may log again.
fn is_copied(about: &log::Metadata<'_>) -> bool {
    about.level() <= log::Level::Info && about.target() != "librdkafka" && copy().is_some()
}

fn level(record: &log::Record<'_>) -> Level {
    match record.level() {
        log::Level::Error if record.key_values().get("critical".into()).is_some() => {
            Level::Critical
        }
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

fn message(record: &log::Record<'_>) -> Log {
    Log {
        t: unix_seconds(),
        level: level(record).name().to_owned(),
        source: stage().to_owned(),
        file: record.file().unwrap_or_default().to_owned(),
        line: record.line().map(u64::from),
        message: record.args().to_string(),
    }
}

/// A message as a line with its newline.
pub(crate) fn bytes(log: &Log, format: LogFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    match format {
        LogFormat::Json => Record::Log(log.clone()).write(&mut bytes),
        LogFormat::Text => bytes.extend_from_slice(text(log).as_bytes()),
    }
    bytes.push(b'\n');
    bytes
}

/// The text form, which `stage::log::from_text` reads; only the last field contains blanks.
fn text(log: &Log) -> String {
    // Records of other programs may have any names.
    let word = |text: &str| match text {
        "" => "-".to_owned(),
        text => printable(text).replace(' ', "_"),
    };
    let place = log.line.map_or("-".to_owned(), |line| format!("{}:{line}", word(&log.file)));
    let (level, source) = (word(&log.level), word(&log.source));
    format!("{} {level:8} {source:9} {place} {}", utc(log.t, 6), printable(&log.message))
}

/// Seconds between two reports of a log that cannot be written.
const REPORT_EVERY: f64 = 60.0;

/// Rotating files that count failures and report them once a minute; the command continues.
struct Counting {
    files: Rotating,
    failures: Failures,
}

/// The number of failures, and the time of the last report.
struct Failures {
    errors: u64,
    reported: f64,
}

impl Failures {
    fn new() -> Self {
        Self { errors: 0, reported: f64::NEG_INFINITY }
    }

    /// Adds a failure at a time in seconds; returns their number where a report is due.
    fn add(&mut self, now: f64) -> Option<u64> {
        self.errors += 1;
        let due = now - self.reported >= REPORT_EVERY;
        if due {
            self.reported = now;
        }
        due.then_some(self.errors)
    }
}

impl Write for Counting {
    /// Called with a whole line; never fails, since the caller could not handle it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.files.write_line(line) {
            ERRORS.fetch_add(1, Ordering::Relaxed);
            if let Some(errors) = self.failures.add(unix_seconds()) {
                print_text(&format!(
                    "the log cannot be written ({errors} errors so far), free space or fix --log-dir: {error}"
                ));
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_hides_warnings_is_ignored() {
        let hides = ["off", "error", " Error "];
        assert!(hides.into_iter().all(hides_warnings));
        let shows = ["", "warn", "trace", "tweetoscope=error", "info,librdkafka=error"];
        assert!(!shows.into_iter().any(hides_warnings));
    }

    #[test]
    fn a_log_that_cannot_be_written_is_reported_once_a_minute() {
        let mut failures = Failures::new();
        // Ten errors a second for an hour.
        let reports: Vec<_> =
            (0..36_000).filter_map(|i| failures.add(1e9 + f64::from(i) / 10.0)).collect();
        assert_eq!(reports.len(), 60);
        assert_eq!(&reports[..3], [1, 601, 1201], "each report has the number so far");
    }
}
