//! `tweetoscope generate`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use tweetoscope::event::{Event, Span};
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::{Cascades, History, Pair, Refused, Table};
use tweetoscope::kafka::{Sink, Topic};
use tweetoscope::record::{Record, write_event};
use tweetoscope::replay::{ParamRange, Replay, ReplayItem, ReplayOptions, Simulated, Timeline};
use tweetoscope::stream::lines::Writer;
use tweetoscope::stream::{Counts, Observer, Rejects};

use crate::cli::Shared;
use crate::kafka::{Does, KafkaArgs};
use crate::transport::{InputArgs, stop_flag};
use crate::{Outcome, Usage, health};

/// Replay or simulate tweets
///
/// Takes cascades from history files (JSON lines, one cascade a line), from the pair of CSV files
/// of the original system, from one long CSV table, or from a simulation, and writes their tweets
/// and retweets in the order of their times. Each source ends with a watermark that closes its
/// cascades.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) cascades: CascadesArgs,
    /// Take defaults from a params.config of the original system
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Simulate with magnitudes of this law
    #[arg(long, value_name = "LAW", default_value = "pareto:2.4,10", help_heading = "Simulation")]
    marks: MarkLaw,
    /// Replay this many event seconds in a second (default: as fast as possible)
    #[arg(long, value_name = "X")]
    speed: Option<f64>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Which cascades are replayed, and how.
#[derive(clap::Args, Clone)]
pub(crate) struct CascadesArgs {
    /// Replay the cascades of these files: JSON lines, plain or gzip
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["data", "simulate"])]
    pub(crate) history: Vec<PathBuf>,
    /// Replay the cascades of this CSV: with --index rows of a pair, else a table with cid, t
    #[arg(long, value_name = "CSV", conflicts_with = "simulate")]
    pub(crate) data: Option<PathBuf>,
    /// First and last row of each cascade in --data
    #[arg(long, value_name = "CSV", requires = "data")]
    index: Option<PathBuf>,
    /// Simulate this many cascades
    #[arg(long, value_name = "N")]
    pub(crate) simulate: Option<u64>,
    /// Simulate with this infectiousness, or one from a range LOW..HIGH
    #[arg(long, value_name = "P", default_value = "0.02", help_heading = "Simulation")]
    p: ParamRange,
    /// Simulate with this decay in 1/s, or one from a range LOW..HIGH
    #[arg(long, value_name = "BETA", default_value = "1/3600", help_heading = "Simulation")]
    beta: ParamRange,
    /// Give the initial tweet this magnitude
    #[arg(long, value_name = "MARK", default_value_t = 1000.0, help_heading = "Simulation")]
    first_mark: f64,
    /// Seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Deal the cascades to this many sources
    #[arg(long, value_name = "N", default_value_t = 5)]
    sources: u32,
    /// Keep this many cascades of a source going at once
    #[arg(long, value_name = "N", default_value_t = 5)]
    live: u32,
    /// Begin a cascade up to this long after the one that it follows is over
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    start_range: Span,
    /// Replay at the true times (real), shuffled and dealt (dealt), or as the history allows
    #[arg(long, value_name = "auto|real|dealt", default_value = "auto")]
    timeline: Timeline,
    /// End a source with a watermark this long after its last event
    #[arg(long, value_name = "DURATION", default_value = "8d")]
    tail: Span,
    /// Take the times of the cascades in units of this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub(crate) seconds_per_unit: f64,
    /// Keep fractions of seconds
    #[arg(long)]
    exact_times: bool,
    /// Stop after this many events, without watermarks
    #[arg(long, value_name = "EVENTS")]
    limit: Option<u64>,
}

impl CascadesArgs {
    /// Whether anything is named to be replayed.
    pub(crate) fn any(&self) -> bool {
        !self.history.is_empty() || self.data.is_some() || self.simulate.is_some()
    }

    /// Opens the cascades; what is passed over is told to `refuse`.
    pub(crate) fn source(
        &self,
        marks: MarkLaw,
        refuse: &mut dyn FnMut(Refused),
    ) -> anyhow::Result<Box<dyn Cascades + Send>> {
        Ok(match (&self.data, &self.index, self.simulate) {
            _ if !self.history.is_empty() => Box::new(History::open(&self.history, refuse)?),
            (Some(data), Some(index), _) => Box::new(Pair::open(data, index, refuse)?),
            (Some(data), None, _) => Box::new(Table::open(data, refuse)?),
            (None, _, Some(count)) => Box::new(self.simulated(count, marks)?),
            _ => bail!(Usage("name what to replay: --history, --data or --simulate".to_owned())),
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
        if let Some(most) = simulated.clipped() {
            log::warn!("--p: drawn up to {most} only, where the branching factor is 0.99");
        }
        Ok(simulated)
    }
}

/// Where tweets go.
enum To {
    Lines(Writer<io::Stdout>),
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

    /// What can be seen from outside goes off before a pause.
    fn pause(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.flush(),
            // The producer sends by itself.
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

/// Waits until events are due.
struct Pace {
    began: Instant,
    stop: Arc<AtomicBool>,
}

impl Pace {
    /// How long to wait for an event that is due so many seconds after the first.
    fn wait(&self, due: f64) -> Option<Duration> {
        if due <= 0.0 {
            return None;
        }
        let due = Duration::try_from_secs_f64(due).ok()?;
        due.checked_sub(self.began.elapsed()).filter(|it| !it.is_zero())
    }

    /// Waits in short steps, so that a signal is heard. True if one was.
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
#[expect(clippy::disallowed_methods, reason = "--speed is about real time")]
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut rejects = Rejects::new(args.input.dead_letter.as_deref())?;
    let mut early = Vec::new();
    let mut replay =
        args.cascades.open(args.marks, args.speed, &mut |refused| early.push(refused))?;
    early.iter().try_for_each(|refused| rejects.add_cascade(refused))?;
    let does = Does::plain("generate", &[Topic::Tweets]);
    let sink = args.kafka.sink(does, &args.input)?;
    if args.input.dry_run {
        return Ok(Outcome::Done);
    }
    let mut to = match sink {
        Some(sink) => To::Topics(Box::new(sink)),
        None => To::Lines(Writer::new(io::stdout())),
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
