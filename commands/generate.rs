//! `tweetoscope generate`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use tweetoscope::event::{Event, Span};
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::{Cascades, History, Pair, Refused, Table};
use tweetoscope::record::{Record, write_event};
use tweetoscope::replay::{ParamRange, Replay, ReplayItem, ReplayOptions, Simulated, Timeline};
use tweetoscope::stream::lines::Writer;
use tweetoscope::stream::{Counts, Observer, Rejects, Stdout};

use crate::flags::{InputArgs, Outcome, Shared, Usage};
use crate::health;
use crate::kafka::{KafkaArgs, Role, Sink, Topic};
use crate::transport::stop_flag;

/// Replay recorded cascades, or simulate cascades, as a stream of tweets
///
/// Takes cascades from history files (JSON lines, one cascade per line), from a CSV table of events,
/// from the pair of CSV files of the original system, or from a simulation, and emits their tweets and
/// retweets in the order of event time. Each source ends with a watermark that terminates its
/// cascades.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) cascades: ReplayFlags,
    /// Take defaults from a params.config of the original system; options take precedence
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Distribution of the simulated marks: pareto:ALPHA,MINIMUM, or mean:X for pareto with
    /// the exponent 2.4 and this mean
    #[arg(long, value_name = "LAW", default_value = "pareto:2.4,10", help_heading = "Simulation")]
    marks: MarkLaw,
    /// Replay speed in event seconds per second, such as 3600 (default: without pauses)
    #[arg(long, value_name = "X")]
    speed: Option<f64>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Cascades to replay or simulate, and their timeline.
#[derive(clap::Args, Clone)]
pub(crate) struct ReplayFlags {
    /// Replay the cascades of these history files: JSON lines, plain or gzip
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["data", "simulate"])]
    pub(crate) history: Vec<PathBuf>,
    /// Replay the cascades of this CSV table with the columns cid, t and optionally m, or, with
    /// --index, of the events file of the original system
    #[arg(long, value_name = "CSV", conflicts_with = "simulate")]
    pub(crate) data: Option<PathBuf>,
    /// File of the original system with the first and last row of each cascade in --data
    #[arg(long, value_name = "CSV", requires = "data")]
    index: Option<PathBuf>,
    /// Simulate this many cascades
    #[arg(long, value_name = "N")]
    pub(crate) simulate: Option<u64>,
    /// Infectiousness of simulated cascades in 1/follower: a number, or a range LOW..HIGH to draw from
    #[arg(long, value_name = "P", default_value = "0.02", help_heading = "Simulation")]
    p: ParamRange,
    /// Decay of simulated cascades in 1/s: a number, or a range LOW..HIGH to draw from
    #[arg(long, value_name = "BETA", default_value = "1/3600", help_heading = "Simulation")]
    beta: ParamRange,
    /// Mark of the initial tweet of simulated cascades, in followers
    #[arg(long, value_name = "MARK", default_value_t = 1000.0, help_heading = "Simulation")]
    first_mark: f64,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of sources to which the cascades are assigned
    #[arg(long, value_name = "N", default_value_t = 5)]
    sources: u32,
    /// Number of cascades of a source that are open at the same time
    #[arg(long, value_name = "N", default_value_t = 5)]
    live: u32,
    /// Start a cascade within this time after the end of the one that it replaces
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    start_range: Span,
    /// Timeline: real keeps the Unix times of the history, dealt shuffles the cascades and assigns
    /// them to sources, auto is real where every cascade has a Unix time and dealt otherwise
    #[arg(long, value_name = "auto|real|dealt", default_value = "auto")]
    timeline: Timeline,
    /// Emit the watermark that ends a source this long after its last event
    #[arg(long, value_name = "DURATION", default_value = "8d")]
    tail: Span,
    /// Unit of the times in the input, in seconds, such as 60 for minutes
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub(crate) seconds_per_unit: f64,
    /// Keep fractions of seconds (default: round event times to whole seconds)
    #[arg(long)]
    exact_times: bool,
    /// Stop after this many events, without watermarks (default: replay all)
    #[arg(long, value_name = "EVENTS")]
    limit: Option<u64>,
}

/// Logs that ids have lost digits.
fn warn_of_ids(path: &Path, table: &Table) {
    let count = table.scientific_ids();
    if count > 0 {
        log::warn!(
            "{}: column \"cid\": {count} ids are numbers such as 1.2E+18, whose last digits are lost: \
             different cascades may have become one; export the column as text",
            path.display()
        );
    }
}

impl ReplayFlags {
    /// Whether cascades are given.
    pub(crate) fn any(&self) -> bool {
        !self.history.is_empty() || self.data.is_some() || self.simulate.is_some()
    }

    /// Opens the cascades; calls `refuse` with those that cannot be used.
    pub(crate) fn source(
        &self,
        marks: MarkLaw,
        refuse: &mut dyn FnMut(Refused),
    ) -> anyhow::Result<Box<dyn Cascades + Send>> {
        Ok(match (&self.data, &self.index, self.simulate) {
            _ if !self.history.is_empty() => Box::new(History::open(&self.history, refuse)?),
            (Some(data), Some(index), _) => Box::new(Pair::open(data, index, refuse)?),
            (Some(data), None, _) => {
                let table = Table::open(data, self.seconds_per_unit, refuse)?;
                warn_of_ids(data, &table);
                Box::new(table)
            }
            (None, _, Some(count)) => Box::new(self.simulated(count, marks)?),
            _ => bail!(Usage(
                "no cascades are given; add --history FILE, --data CSV or --simulate N".to_owned()
            )),
        })
    }

    /// Opens the cascades to replay them.
    pub(crate) fn open(
        &self,
        marks: MarkLaw,
        speed: Option<f64>,
        refuse: &mut dyn FnMut(Refused),
    ) -> anyhow::Result<Replay> {
        let cascades = self.source(marks, refuse)?;
        let plan = ReplayOptions {
            seed: self.seed,
            sources: self.sources,
            live: self.live,
            start_range: self.start_range,
            timeline: self.timeline,
            tail: self.tail,
            exact_times: self.exact_times,
            speed,
            limit: self.limit,
            seconds_per_unit: self.seconds_per_unit,
        };
        Ok(Replay::new(cascades, plan).map_err(|error| Usage(error.to_string()))?)
    }

    fn simulated(&self, count: u64, marks: MarkLaw) -> anyhow::Result<Simulated> {
        let Self { p, beta, first_mark, seed, .. } = self;
        let simulated = Simulated::new(count, *p, *beta, marks, *first_mark, *seed)
            .map_err(|error| Usage(error.to_string()))?;
        if let Some(highest) = simulated.clipped() {
            log::warn!("--p: the range is cut at {highest}, where the branching factor is 0.99");
        }
        Ok(simulated)
    }
}

/// Destination of the tweets.
enum To {
    Lines(Writer<Stdout>),
    Topics(Box<Sink>),
}

impl To {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.line(|buffer| write_event(event, buffer)),
            Self::Topics(sink) => sink.event(event),
        }
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.line(|buffer| record.write(buffer)),
            Self::Topics(sink) => sink.record(record),
        }
    }

    /// Flushes before a pause.
    fn pause(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.flush(),
            // The producer sends in the background.
            Self::Topics(_) => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.flush(),
            Self::Topics(sink) => sink.flush(),
        }
    }
}

/// Delays events until they are due.
struct Pace {
    began: Instant,
    stop: Arc<AtomicBool>,
}

impl Pace {
    /// The delay before an event that is due `due` seconds after the first one.
    fn wait(&self, due: f64) -> Option<Duration> {
        if due <= 0.0 {
            return None;
        }
        let due = Duration::try_from_secs_f64(due).ok()?;
        due.checked_sub(self.began.elapsed()).filter(|it| !it.is_zero())
    }

    /// Sleeps in short steps, so that a signal ends it. Returns whether one arrived.
    fn sleep(&self, mut rest: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(100);
        while !rest.is_zero() && !self.stop.load(Ordering::Relaxed) {
            let step = rest.min(STEP);
            std::thread::sleep(step);
            rest -= step;
        }
        self.stop.load(Ordering::Relaxed)
    }
}

/// Runs the command.
#[expect(clippy::disallowed_methods, reason = "--speed is relative to real time")]
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut rejects = Rejects::new(args.input.dead_letter.as_deref())?;
    let mut early = Vec::new();
    let mut replay =
        args.cascades.open(args.marks, args.speed, &mut |refused| early.push(refused))?;
    early.iter().try_for_each(|refused| rejects.add_cascade(refused))?;
    let role = Role::plain("generate", &[Topic::Tweets]);
    let sink = args.kafka.sink(role, &args.input)?;
    if args.input.dry_run {
        return Ok(Outcome::Done);
    }
    let mut to = match sink {
        Some(sink) => To::Topics(Box::new(sink)),
        None => To::Lines(Writer::new(Stdout::new())),
    };
    let pace = Pace { began: Instant::now(), stop: stop_flag()? };
    let mut watch = health::watch(&args.shared, &pace.stop)?;
    watch.begin();
    let mut counts = Counts::default();
    let mut emit = |fed: ReplayItem<'_>| -> io::Result<()> {
        counts.read += 1;
        counts.written += u64::from(!matches!(fed, ReplayItem::Refused(_)));
        watch.record(counts, &|| rejects.tally());
        match fed {
            ReplayItem::Event { event, due } => {
                if let Some(rest) = pace.wait(due) {
                    to.pause()?;
                    watch.batch(counts, &|| rejects.tally());
                    if pace.sleep(rest) {
                        return Ok(());
                    }
                }
                to.event(&event)?;
            }
            ReplayItem::Watermark(it) => to.record(&Record::Watermark(it))?,
            ReplayItem::Refused(refused) => {
                counts.rejected += 1;
                rejects.add_cascade(&refused)?;
            }
        }
        Ok(())
    };
    let mut emitted = Ok(());
    while emitted.is_ok()
        && !pace.stop.load(Ordering::Relaxed)
        && let Some(fed) = replay.next()
    {
        emitted = emit(fed);
    }
    let done = emitted.and_then(|()| to.finish());
    watch.end(counts, &|| rejects.tally());
    watch.finish()?;
    done?;
    rejects.report_total();
    Ok(if rejects.count() > 0 { Outcome::Rejected } else { Outcome::Done })
}
