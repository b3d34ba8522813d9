//! Flags and exit statuses that the commands share.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tweetoscope::event::Span;
use tweetoscope::stream::lines::MAX_LINE_BYTES;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All input was read and accepted.
    Done,
    /// Some input was refused; each refusal was reported when it occurred.
    Rejected,
    /// A threshold given by a flag was crossed.
    Crossed,
}

/// The exit statuses and their meaning.
pub(crate) const EXIT_STATUSES: [(u8, &str); 7] = [
    (0, "Success, also when the reader of the output closed it."),
    (1, "Failure, or some input was refused; each refused record is reported on stderr."),
    (2, "Wrong usage."),
    (3, "A threshold given by an option was crossed."),
    (75, "No Kafka broker answered within --wait; run the command again later."),
    (76, "Fenced: a newer instance uses the same transactional id."),
    (130, "A second signal ended the process at once."),
];

/// A combination of flags that is refused.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The ids of the options on the command line.
static GIVEN: OnceLock<Vec<String>> = OnceLock::new();

/// Keeps the ids of the options on the command line.
pub(crate) fn keep_given(ids: Vec<String>) {
    let _ = GIVEN.set(ids);
}

/// Of the options of these ids, those on the command line, as they are written there. One in the environment is for
/// all commands, and is ignored where it has no effect.
fn given(ids: &[&str]) -> Vec<String> {
    let on_line = GIVEN.get().map_or(&[][..], Vec::as_slice);
    let named = ids.iter().filter(|id| on_line.iter().any(|it| it == *id));
    named.map(|id| option(id)).collect()
}

/// An option as it is written on the command line.
pub(crate) fn option(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

/// Whether the option of this id is on the command line.
pub(crate) fn is_given(id: &str) -> bool {
    !given(&[id]).is_empty()
}

/// Logs options of these ids on the command line, which are ignored for this reason.
pub(crate) fn warn_of_ignored(ids: &[&str], why: &str) {
    let options = given(ids);
    if !options.is_empty() {
        log::warn!("ignored: {}: {why}", options.join(", "));
    }
}

/// Refuses options of these ids on the command line, which have no effect on such an input.
pub(crate) fn without_effect(ids: &[&str], input: &str) -> Result<(), Usage> {
    match given(ids).first() {
        None => Ok(()),
        Some(option) => Err(Usage(format!("{option} has no effect on {input}; remove it"))),
    }
}

/// Whether the user wants no colours: <https://no-color.org>.
pub(crate) fn is_without_colours() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
}

/// Refuses an output file that cannot be created, without creating it.
pub(crate) fn check_file(option: &str, path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = match () {
        () if path.is_dir() => Some("it is a folder".to_owned()),
        () if path.exists() => None,
        () => why_not_in(folder),
    };
    match why {
        Some(why) => anyhow::bail!("{option} {}: {why}; give another path", path.display()),
        None => Ok(()),
    }
}

/// Refuses a folder that cannot be made, without making it.
pub(crate) fn check_folder(option: &str, path: &Path) -> anyhow::Result<()> {
    let existing = path.ancestors().find(|it| it.exists()).unwrap_or(Path::new("."));
    let why = match () {
        () if path.is_dir() => None,
        () if existing == path => Some("it is a file, not a folder".to_owned()),
        () => why_not_in(existing),
    };
    match why {
        Some(why) => anyhow::bail!("{option} {}: {why}; give another folder", path.display()),
        None => Ok(()),
    }
}

/// Why nothing can be created in a folder, if so.
fn why_not_in(folder: &Path) -> Option<String> {
    match folder.metadata() {
        Ok(it) if it.is_dir() && !it.permissions().readonly() => None,
        Ok(it) if it.is_dir() => Some(format!("the folder {} is read-only", folder.display())),
        Ok(_) => Some(format!("{} is not a folder", folder.display())),
        Err(error) => Some(format!("{}: {error}", folder.display())),
    }
}

/// Makes a folder for output.
pub(crate) fn make_folder(option: &str, path: &Path) -> anyhow::Result<()> {
    check_folder(option, path)?;
    std::fs::create_dir_all(path).with_context(|| format!("{option} {}", path.display()))
}

/// Flags that every command has.
#[derive(Args, Clone)]
pub(crate) struct Shared {
    /// Log more on stderr: -v from INFO, -vv from DEBUG (default: from WARNING, or the level in RUST_LOG)
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Log")]
    pub(crate) verbose: u8,
    /// Log errors only on stderr
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Log")]
    pub(crate) quiet: bool,
    /// Also write the log, from INFO, to DIR/COMMAND.log; the file is rotated at 10 MiB or after a
    /// day, and the ten newest rotated files are kept, compressed with gzip
    #[arg(long, value_name = "DIR", help_heading = "Log")]
    pub(crate) log_dir: Option<PathBuf>,
    /// Format of the log on stderr and in files
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Log")]
    pub(crate) log_format: LogFormat,
    #[cfg(feature = "http")]
    /// Serve /metrics, /healthz and /readyz on ADDR, a HOST:PORT such as 0.0.0.0:9100; a port
    /// alone listens on 127.0.0.1
    #[arg(long, value_name = "ADDR", help_heading = "Metrics", value_parser = http_address)]
    pub(crate) http: Option<String>,
    #[cfg(feature = "http")]
    /// Accept HTTP requests for these host names too, separated by commas (default: localhost and
    /// IP addresses)
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Metrics")]
    pub(crate) http_host: Vec<String>,
    #[cfg(feature = "http")]
    /// Write the metrics to FILE at the end, for the textfile collector of node_exporter
    #[arg(long, value_name = "FILE", help_heading = "Metrics")]
    pub(crate) metrics_textfile: Option<PathBuf>,
}

impl Shared {
    /// Whether the command serves metrics and health.
    pub(crate) fn serves(&self) -> bool {
        #[cfg(feature = "http")]
        let serves = self.http.is_some();
        #[cfg(not(feature = "http"))]
        let serves = false;
        serves
    }
}

/// Format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line of text per message
    #[default]
    Text,
    /// One JSON object per message, as in the logs topic
    Json,
}

/// Input files, and the flags of every command that reads records.
#[derive(Args, Clone)]
pub(crate) struct CarrierArgs {
    /// Read these files in this order, plain, gzip or zstd; - is stdin (default: stdin)
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

/// Checks an address of --http.
#[cfg(feature = "http")]
fn http_address(text: &str) -> Result<String, String> {
    tweetoscope::telemetry::address(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

/// Treatment of input that cannot be used.
#[derive(Args, Clone)]
pub(crate) struct InputArgs {
    /// Append refused records to FILE, each with its place and the reason, as JSON lines; of a service
    /// (collect, fit, predict and train with --kafka) FILE is the name of a topic, written in the
    /// transaction of the output
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) dead_letter: Option<PathBuf>,
    /// Refuse longer lines of records, in bytes; tweets and retweets are refused above 1 MiB in any case, and
    /// lines of a history, table or post file above 256 MiB
    #[arg(long, value_name = "BYTES", default_value_t = MAX_LINE_BYTES, help_heading = "Input")]
    pub(crate) max_line: usize,
    /// Check the options and the files, then exit without reading records
    #[arg(long, help_heading = "Input")]
    pub(crate) dry_run: bool,
}

impl InputArgs {
    /// Refuses a file of dead letters that cannot be created; with --kafka it is a topic.
    pub(crate) fn check_outputs(&self) -> anyhow::Result<()> {
        self.dead_letter.as_deref().map_or(Ok(()), |path| check_file("--dead-letter", path))
    }
}

/// Reads an offset from UTC in hours.
pub(crate) fn utc_offset(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(hours) if (-24.0..=24.0).contains(&hours) => Ok(hours),
        _ => Err("--utc-offset must be from -24 to 24 hours".to_owned()),
    }
}

/// The windows in whole seconds.
pub(crate) fn whole_seconds(windows: &[Span]) -> anyhow::Result<Vec<u64>> {
    let whole = |window: &Span| match window.0 {
        seconds if seconds.fract() == 0.0 => Ok(seconds as u64),
        _ => Err(Usage(format!(
            "--windows: {window} is not a whole number of seconds; write 90s, 10m or 1h"
        ))
        .into()),
    };
    windows.iter().map(whole).collect()
}

/// The number of threads given by --threads, else the number of cores.
pub(crate) fn threads(given: Option<usize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    given.unwrap_or_else(cores).max(1)
}
