//! The log of a command: stderr and rotating files through env_logger, in one format for all.

mod rotating;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use env_logger::{Logger, Target};
use log::LevelFilter;

use crate::cli::{LogFormat, Shared};
pub(crate) use rotating::{Limits, Rotating};
use tweetoscope::record::{Log, Record};
use tweetoscope::stage::Tally;
use tweetoscope::stage::log::{Level, utc};
use tweetoscope::stream::{PRINTED, Stderr, print_stderr, printable};

static STAGE: OnceLock<String> = OnceLock::new();
/// Records logged, by [`Level`], and failures of the files.
static LOGGED: [AtomicU64; Level::ALL.len()] = [const { AtomicU64::new(0) }; Level::ALL.len()];
static ERRORS: AtomicU64 = AtomicU64::new(0);

/// Starts the log; `RUST_LOG` beats the flags.
pub(crate) fn start(stage: &str, shared: &Shared) -> anyhow::Result<()> {
    STAGE.get_or_init(|| stage.to_owned());
    let level = match (shared.quiet, shared.verbose) {
        (true, _) => LevelFilter::Error,
        (_, 0) => LevelFilter::Warn,
        (_, 1) => LevelFilter::Info,
        (_, 2) => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let stderr = logger(level, shared.log_format, Target::Pipe(Box::new(Stderr)), Some(PRINTED));
    let files = match &shared.log_dir {
        None => None,
        Some(dir) => {
            let files = Rotating::open(dir, stage, Limits::default())
                .with_context(|| format!("the log in {}", dir.display()))?;
            let files = Counting { files, complaints: Complaints::new() };
            let target = Target::Pipe(Box::new(files));
            Some(logger(level.max(LevelFilter::Info), shared.log_format, target, None))
        }
    };
    let most = files.as_ref().map_or(LevelFilter::Off, Logger::filter).max(stderr.filter());
    log::set_boxed_logger(Box::new(Both { stderr, files }))?;
    log::set_max_level(most);
    Ok(())
}

/// Somebody else who wants the messages from INFO up, and the thread that hands them on.
static BESIDE: Mutex<Option<(SyncSender<Log>, JoinHandle<()>)>> = Mutex::new(None);

fn beside() -> MutexGuard<'static, Option<(SyncSender<Log>, JoinHandle<()>)>> {
    BESIDE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a thread is given the messages from INFO up; what it cannot take is left out.
pub(crate) fn tell(to: SyncSender<Log>, thread: JoinHandle<()>) {
    *beside() = Some((to, thread));
    log::set_max_level(log::max_level().max(LevelFilter::Info));
}

/// Waits until that thread has handed on what it was given.
pub(crate) fn finish() {
    let told = beside().take();
    if let Some((to, thread)) = told {
        drop(to);
        let _ = thread.join();
    }
}

/// The stage that this process is.
pub(crate) fn stage() -> &'static str {
    STAGE.get().map_or("tweetoscope", String::as_str)
}

/// What was logged, for the metrics.
pub(crate) fn tally() -> Tally {
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    let of_level = |level: Level| {
        (("log_records_total", level.name().to_owned()), load(&LOGGED[level as usize]))
    };
    let mut tally: Tally = Level::ALL.into_iter().map(of_level).collect();
    tally.insert(("log_write_errors_total", String::new()), load(&ERRORS));
    tally
}

/// A logger of our format; `but` is a target that it leaves out.
fn logger(level: LevelFilter, format: LogFormat, to: Target, but: Option<&str>) -> Logger {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(level).parse_default_env().target(to);
    if let Some(target) = but {
        builder.filter_module(target, LevelFilter::Off);
    }
    builder.format(move |to, record| to.write_all(&bytes(&message(record), format))).build()
}

/// Every record to stderr and to the files, as each one's filter has it.
struct Both {
    stderr: Logger,
    files: Option<Logger>,
}

impl log::Log for Both {
    fn enabled(&self, about: &log::Metadata<'_>) -> bool {
        self.stderr.enabled(about)
            || self.files.as_ref().is_some_and(|it| it.enabled(about))
            || is_told(about)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LOGGED[level(record) as usize].fetch_add(1, Ordering::Relaxed);
            self.stderr.log(record);
            self.files.iter().for_each(|files| files.log(record));
            if is_told(record.metadata())
                && let Some((to, _)) = &*beside()
            {
                let _ = to.try_send(message(record));
            }
        }
    }

    fn flush(&self) {}
}

/// Whether a message is for those beside; not what a Kafka client says about sending it.
fn is_told(about: &log::Metadata<'_>) -> bool {
    about.level() <= log::Level::Info && about.target() != "librdkafka" && beside().is_some()
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

/// A message as a line, newline included.
pub(crate) fn bytes(log: &Log, format: LogFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    match format {
        LogFormat::Json => Record::Log(log.clone()).write(&mut bytes),
        LogFormat::Text => bytes.extend_from_slice(text(log).as_bytes()),
    }
    bytes.push(b'\n');
    bytes
}

/// The text form, which `stage::log::from_text` reads: no field but the last has a blank.
fn text(log: &Log) -> String {
    let place = log.line.map_or("-".to_owned(), |line| format!("{}:{line}", log.file));
    let Log { level, source, .. } = log;
    format!("{} {level:8} {source:9} {place} {}", utc(log.t, 6), printable(&log.message))
}

/// Seconds between two complaints about a log that cannot be written.
const PATIENCE: f64 = 60.0;

/// Rotating files that count what goes wrong, and say so once a minute: the pipeline goes on.
struct Counting {
    files: Rotating,
    complaints: Complaints,
}

/// How often something went wrong, and when that was last said.
struct Complaints {
    errors: u64,
    said: f64,
}

impl Complaints {
    fn new() -> Self {
        Self { errors: 0, said: f64::NEG_INFINITY }
    }

    /// One more at a time in seconds; how many so far, where it is time to say so.
    fn another(&mut self, now: f64) -> Option<u64> {
        self.errors += 1;
        let due = now - self.said >= PATIENCE;
        if due {
            self.said = now;
        }
        due.then_some(self.errors)
    }
}

impl Write for Counting {
    /// Called with a whole line; never fails, since nobody above could do more about it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.files.write_line(line) {
            ERRORS.fetch_add(1, Ordering::Relaxed);
            if let Some(errors) = self.complaints.another(unix_seconds()) {
                print_stderr(&format!(
                    "the log cannot be written ({errors} errors so far): {error}"
                ));
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a log tells when things happened")]
pub(crate) fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_cannot_be_written_is_complained_of_once_a_minute() {
        let mut complaints = Complaints::new();
        // Ten errors a second for an hour.
        let said: Vec<_> =
            (0..36_000).filter_map(|i| complaints.another(1e9 + f64::from(i) / 10.0)).collect();
        assert_eq!(said.len(), 60);
        assert_eq!(&said[..3], [1, 601, 1201], "each tells how many were lost so far");
    }
}
