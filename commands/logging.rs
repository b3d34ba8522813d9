//! The log of a command: stderr through env_logger, in one format for all stages.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use log::{Level, LevelFilter};

use crate::cli::{LogFormat, Shared};
use tweetoscope::record::{Log, Record};
use tweetoscope::stream::shown;

static STAGE: OnceLock<String> = OnceLock::new();

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
    let format = shared.log_format;
    env_logger::Builder::new()
        .filter_level(level)
        .parse_default_env()
        .format(move |to, record| {
            let log = message(record);
            match format {
                LogFormat::Text => writeln!(to, "{}", line(&log)),
                LogFormat::Json => {
                    let mut bytes = Vec::new();
                    Record::Log(log).write(&mut bytes);
                    bytes.push(b'\n');
                    to.write_all(&bytes)
                }
            }
        })
        .try_init()?;
    Ok(())
}

fn message(record: &log::Record<'_>) -> Log {
    let level = match record.level() {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    };
    Log {
        t: unix_seconds(),
        level: level.to_owned(),
        source: STAGE.get().cloned().unwrap_or_default(),
        file: record.file().unwrap_or_default().to_owned(),
        line: record.line().map(u64::from),
        message: record.args().to_string(),
    }
}

fn line(log: &Log) -> String {
    let place = log.line.map(|line| format!("{}:{line}", log.file)).unwrap_or_default();
    format!("{:.6} {:8} {:9} {place} {}", log.t, log.level, log.source, shown(&log.message))
}

#[expect(clippy::disallowed_methods, reason = "a log tells when things happened")]
pub(crate) fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
