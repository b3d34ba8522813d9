//! `tweetoscope log`.

mod feed;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tweetoscope::record::{Kind, Log};
use tweetoscope::stage::Tally;
use tweetoscope::stage::log::{Filter, Level, utc};
use tweetoscope::stream::{Counts, Observer, Stdout, named, printable};

use crate::flags::{
    CarrierArgs, LogFormat, Outcome, check_folder, is_without_colours, make_folder,
};
use crate::health::{self, Watch};
use crate::kafka::KafkaArgs;
use crate::logging::{self, Limits, Rotating};
use crate::transport;
use feed::Feed;

/// Merge the logs of all stages by time, filter them, and print or store them
///
/// Reads the messages that the other commands (the stages) log: log records, as --log-format json and the logs topic
/// have them, and lines of text, as the commands write them to stderr and --log-dir; from files, from folders of log files,
/// and from stdin. Each input must be in the order of time, as a command writes it. Prints a line for each
/// message, with time (UTC), stage, level and text, in colour on a terminal unless NO_COLOR is set. Records of other types
/// are skipped. A line that is no such message, or whose level is not one of those of --levels (WARN, FATAL and the names of
/// syslog are read as the nearest of them), is refused: it is reported with its place, and the exit status is 1.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print the messages of these levels only, separated by commas, such as warning,error,critical; the levels are trace,
    /// debug, info, warning, error and critical (default: all)
    #[arg(long, value_name = "LEVELS", value_delimiter = ',', value_parser = level)]
    levels: Vec<Level>,
    /// Print the messages of these stages only, the names of the commands that logged them, separated by commas, such as
    /// collect,fit (default: all)
    #[arg(long, value_name = "STAGES", value_delimiter = ',')]
    sources: Vec<String>,
    /// At the end of the files, wait for new messages, also where a file is replaced by rotation, until SIGINT or SIGTERM
    #[arg(long, short)]
    follow: bool,
    /// Print the messages as log records, JSON, instead of columns of text
    #[arg(long)]
    json: bool,
    /// Write to the file DIR/tweetoscope.log instead of stdout; the file is rotated at 10 MiB or after a day, and the ten
    /// newest rotated files are kept, compressed with gzip
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

fn level(name: &str) -> Result<Level, String> {
    Level::named(name)
        .ok_or_else(|| format!("the levels are {}", Level::ALL.map(Level::name).join(", ")))
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let (mut feeds, stop) = match args.kafka.bridge("log", &[Kind::Log], &args.transport)? {
        Some((bridge, stop)) => (vec![feed::carried(bridge)], stop),
        None => {
            let stop = transport::stop_flag()?;
            (feed::open(&args.transport, args.follow, &stop)?, stop)
        }
    };
    if args.transport.input.dry_run {
        args.into.as_deref().map_or(Ok(()), |path| check_folder("--into", path))?;
        return Ok(Outcome::Done);
    }
    let filter = Filter { levels: args.levels, sources: args.sources };
    let mut show = Show::new(args.json, args.into)?;
    let mut watch = health::watch(&args.transport.shared, &stop)?;
    watch.begin();
    let mut counts = Counts::default();
    let done = show_all(&mut feeds, &filter, &mut show, &stop, (&mut watch, &mut counts));
    feeds.iter().for_each(Feed::report_total);
    watch.end(counts, &Tally::new);
    watch.finish()?;
    done?;
    let outcome = if counts.rejected > 0 { Outcome::Rejected } else { Outcome::Done };
    Ok(args.kafka.after_stop(outcome, &stop))
}

/// Prints messages until all feeds have ended or `stop` is set.
fn show_all(
    feeds: &mut [Feed],
    filter: &Filter,
    show: &mut Show,
    stop: &AtomicBool,
    (watch, counts): (&mut Watch, &mut Counts),
) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let log = next(feeds, show)?;
        counts.rejected = feeds.iter().map(Feed::rejected).sum();
        let Some(log) = log else {
            watch.batch(*counts, &Tally::new);
            if feeds.iter().all(Feed::ended) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        counts.read += 1;
        if filter.matches(&log) {
            counts.written += 1;
            show.log(&log)?;
        }
        watch.record(*counts, &Tally::new);
    }
    show.flush()
}

/// The earliest message available; of equal times that of the first feed.
fn next(feeds: &mut [Feed], show: &mut Show) -> io::Result<Option<Log>> {
    for feed in feeds.iter_mut().filter(|feed| feed.is_dry()) {
        show.flush()?;
        feed.refill()?;
    }
    let heads = feeds.iter().enumerate().filter_map(|(i, feed)| Some((feed.head()?, i)));
    let earliest = heads.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, i)| i);
    if earliest.is_none() {
        feeds.iter_mut().for_each(Feed::wake);
    }
    Ok(earliest.and_then(|i| feeds[i].pop()))
}

/// The destination of messages, and their format.
struct Show {
    to: BufWriter<Box<dyn Write>>,
    into: Option<Rotating>,
    format: LogFormat,
    colour: bool,
}

impl Show {
    fn new(json: bool, into: Option<PathBuf>) -> anyhow::Result<Self> {
        let open = |dir: PathBuf| {
            make_folder("--into", &dir)?;
            Rotating::open(&dir, "tweetoscope", Limits::default()).context("--into")
        };
        let plain = is_without_colours();
        Ok(Self {
            to: BufWriter::new(match json {
                true => Box::new(Stdout::new()),
                // Its fields are escaped, and the colours are not.
                false => Box::new(io::stdout()),
            }),
            into: into.map(open).transpose()?,
            format: if json { LogFormat::Json } else { LogFormat::Text },
            colour: io::stdout().is_terminal() && !plain,
        })
    }

    fn log(&mut self, log: &Log) -> io::Result<()> {
        match (&mut self.into, self.format) {
            (Some(files), format) => files.write_line(&logging::bytes(log, format)),
            (None, LogFormat::Json) => self.to.write_all(&logging::bytes(log, LogFormat::Json)),
            (None, LogFormat::Text) => {
                writeln!(self.to, "{}", columns(log, self.colour)).map_err(self.named())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush().map_err(self.named())
    }

    /// Names the output in an error; that of JSON names itself.
    fn named(&self) -> impl Fn(io::Error) -> io::Error + use<> {
        let is_named = self.format == LogFormat::Json;
        move |error| match is_named {
            true => error,
            false => named("stdout", &error),
        }
    }
}

/// Time, source, level and message; control characters are escaped.
fn columns(log: &Log, colour: bool) -> String {
    let (source, level) = (printable(&log.source), printable(&log.level));
    let line = format!("{}  {source:9}  {level:8}  {}", utc(log.t, 3), printable(&log.message));
    match (colour, code(&log.level)) {
        (true, Some(code)) => format!("\u{1b}[{code}m{line}\u{1b}[0m"),
        _ => line,
    }
}

/// Debug grey, info green, warning yellow, error red, critical red reversed.
fn code(level: &str) -> Option<&'static str> {
    Some(match Level::named(level)? {
        Level::Trace | Level::Debug => "90",
        Level::Info => "32",
        Level::Warning => "33",
        Level::Error => "31",
        Level::Critical => "7;31",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_coloured_as_a_whole_and_control_characters_are_escaped() {
        let log = |level: &str| Log {
            t: 1_606_985_123.0,
            level: level.to_owned(),
            source: "fit\u{1b}[2J".to_owned(),
            file: String::new(),
            line: None,
            message: "a\u{1b}]0;owned\u{7}\nb \u{202e}c".to_owned(),
        };
        let line = columns(&log("CRITICAL"), true);
        assert!(line.starts_with("\u{1b}[7;31m2020-12-03T08:45:23.000Z  fit\\u{1b}[2J"), "{line}");
        assert!(line.ends_with("\u{1b}[0m"));
        assert!(!columns(&log("LOUD"), true).chars().any(char::is_control));
        assert!(!columns(&log("CRITICAL"), false).chars().any(char::is_control));
    }
}
