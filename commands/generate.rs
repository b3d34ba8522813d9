//! `tweetoscope generate`.

mod to;

use std::cell::Cell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tweetoscope::event::Span;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::import::PostFormat;
use tweetoscope::input::{Cascades, Content, Refused};
use tweetoscope::record::Record;
use tweetoscope::replay::{ParamRange, Replay, ReplayItem, ReplayOptions, Simulated, Timeline};
use tweetoscope::stream::lines::{Input, Lines, Options, Writer};
use tweetoscope::stream::{Counts, Imported, Observer, Rejects, Stdout, Step, Transport};

use crate::flags::{InputArgs, Outcome, Shared, Usage, utc_offset, without_effect};
use crate::health;
use crate::kafka::{KafkaArgs, Role, Topic};
use crate::source::SourceFlags;
use crate::transport::{self, ended, stop_flag};
use to::To;

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
    /// Read these files: cascades in any format of --format are replayed in time order; -, stdin,
    /// is converted as it arrives where it holds posts
    #[arg(value_name = "FILE", conflicts_with_all = ["data", "history", "simulate"])]
    files: Vec<PathBuf>,
    /// Take defaults from a params.config of the original system; options take precedence
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Distribution of the simulated marks: pareto:ALPHA,MINIMUM, or mean:X for pareto with
    /// the exponent 2.4 and this mean
    #[arg(long, value_name = "LAW", default_value = "pareto:2.4,10", help_heading = "Simulation")]
    marks: MarkLaw,
    /// Offset from UTC in hours of times without an offset, such as 2018-10-10 20:19:24 in a table
    #[arg(
        long,
        value_name = "HOURS",
        default_value_t = 0.0,
        allow_negative_numbers = true,
        value_parser = utc_offset,
        help_heading = "Cascades"
    )]
    utc_offset: f64,
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
    #[command(flatten)]
    pub(crate) source: SourceFlags,
    /// Simulate this many cascades
    #[arg(long, value_name = "N", conflicts_with_all = ["data", "history", "format"])]
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
    /// Number of sources to which the cascades are assigned, where no column names their sources
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
    /// Keep fractions of seconds (default: round event times to whole seconds)
    #[arg(long)]
    pub(crate) exact_times: bool,
    /// Stop after this many events, without watermarks (default: replay all)
    #[arg(long, value_name = "EVENTS")]
    limit: Option<u64>,
}

impl ReplayFlags {
    /// Whether options give cascades.
    pub(crate) fn any(&self) -> bool {
        self.source.any() || self.simulate.is_some()
    }

    /// Opens the cascades; calls `refuse` with those that cannot be used.
    pub(crate) fn cascades(
        &self,
        files: &[PathBuf],
        utc_offset: f64,
        marks: MarkLaw,
        refuse: &mut dyn FnMut(Refused),
    ) -> anyhow::Result<Box<dyn Cascades + Send>> {
        match self.simulate {
            Some(count) => Ok(Box::new(self.simulated(count, marks)?)),
            None => self.source.open(files, utc_offset, refuse),
        }
    }

    /// Opens the cascades to replay them.
    pub(crate) fn open(
        &self,
        files: &[PathBuf],
        utc_offset: f64,
        marks: MarkLaw,
        speed: Option<f64>,
        refuse: &mut dyn FnMut(Refused),
    ) -> anyhow::Result<Replay> {
        let cascades = self.cascades(files, utc_offset, marks, refuse)?;
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
            seconds_per_unit: self.source.unit(&*cascades),
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

/// Delays events until they are due.
struct Pace {
    began: Instant,
    /// When the first event that is not skipped is due, in seconds.
    start: Cell<f64>,
    stop: Arc<AtomicBool>,
}

impl Pace {
    /// The delay before an event that is due `due` seconds after the first one.
    fn wait(&self, due: f64) -> Option<Duration> {
        let due = due - self.start.get();
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

impl Args {
    /// Whether the cascades are on stdin, which a restart cannot read again.
    fn reads_stdin(&self) -> bool {
        let source = &self.cascades.source;
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        let without_files = self.files.is_empty() && !self.cascades.any();
        without_files || self.files.iter().chain(&source.history).chain(&source.data).any(is_stdin)
    }

    /// The format of posts on stdin that are converted as they arrive; `None` where cascades are replayed.
    fn stream(&self) -> anyhow::Result<Option<PostFormat>> {
        let source = &self.cascades.source;
        if self.cascades.any() {
            return Ok(None);
        }
        if self.files.is_empty() && source.format.is_none() {
            return Err(Usage(
                "no cascades are given; add FILE, -, --history FILE, --data CSV or --simulate N"
                    .to_owned(),
            )
            .into());
        }
        Ok(match source.content(&self.files, !self.input.dry_run)? {
            Content::Stream(format) => Some(format),
            _ => None,
        })
    }
}

/// Converts posts on stdin to events as they arrive.
fn convert(args: &Args, format: PostFormat) -> anyhow::Result<Outcome> {
    if args.speed.is_some() || args.cascades.limit.is_some() {
        let text = "--speed and --limit need cascades that are read to their end; give --history -";
        return Err(Usage(text.to_owned()).into());
    }
    without_effect(
        &["sources", "live", "start_range", "timeline", "seconds_per_unit"],
        "posts that are converted as they arrive",
    )?;
    let sink = args.kafka.sink(Role::plain("generate", &[Topic::Tweets]), &args.input, false)?;
    if args.input.dry_run {
        return Ok(Outcome::Done);
    }
    let mut to = match sink {
        Some(sink) => To::Topics(Box::new(sink)),
        None => To::Lines(Writer::new(Stdout::new())),
    };
    let stop = stop_flag()?;
    let options = Options {
        inputs: Input::of(&args.files),
        max_line_bytes: args.input.max_line,
        dead_letter: args.input.dead_letter.clone(),
        stop: Arc::clone(&stop),
    };
    let lines = Lines::open(options, io::sink())?;
    let ReplayFlags { source, exact_times, tail, .. } = &args.cascades;
    let cascader = source.cascader(*exact_times)(format);
    let mut posts = Imported::new(lines, cascader, Some(tail.0));
    let mut watch = health::watch(&args.shared, &stop)?;
    let mut written = 0;
    let ended = loop {
        watch.begin();
        match posts.read() {
            Ok(Step::Next(records, frames)) => {
                written += (records.len() + frames.len()) as u64;
                let to = &mut to;
                records.iter().try_for_each(|record| to.record(record))?;
                frames.iter().try_for_each(|frame| to.line(frame.bytes))?;
                to.pause()?;
            }
            Ok(Step::Record(_)) => {}
            Ok(Step::End(_)) => break to.finish().and_then(|()| posts.finish()),
            Err(error) => break Err(error),
        }
        watch.batch(Counts { written, ..posts.counts() }, &|| posts.tally());
    };
    watch.end(Counts { written, ..posts.counts() }, &|| posts.tally());
    watch.finish()?;
    ended?;
    Ok(transport::outcome(&posts))
}

/// Runs the command.
#[expect(clippy::disallowed_methods, reason = "--speed is relative to real time")]
pub(crate) fn run(mut args: Args) -> anyhow::Result<Outcome> {
    args.cascades.source.reports_offset = true;
    if let Some(format) = args.stream()? {
        return convert(&args, format);
    }
    let mut rejects = Rejects::new(args.input.dead_letter.as_deref())?;
    let mut early = Vec::new();
    let mut replay = {
        let Args { files, utc_offset, marks, speed, .. } = &args;
        args.cascades.open(files, *utc_offset, *marks, *speed, &mut |it| early.push(it))?
    };
    early.iter().try_for_each(|refused| rejects.add_cascade(refused))?;
    let role = Role::plain("generate", &[Topic::Tweets]);
    let sink = args.kafka.sink(role, &args.input, !args.reads_stdin())?;
    if args.input.dry_run {
        return Ok(ended(&rejects));
    }
    let mut to = match sink {
        Some(sink) => To::Topics(Box::new(sink)),
        None => To::Lines(Writer::new(Stdout::new())),
    };
    let pace = Pace { began: Instant::now(), start: Cell::new(0.0), stop: stop_flag()? };
    let mut watch = health::watch(&args.shared, &pace.stop)?;
    watch.begin();
    let mut counts = Counts::default();
    let mut emit = |fed: ReplayItem<'_>| -> io::Result<()> {
        counts.read += 1;
        counts.written += u64::from(!matches!(fed, ReplayItem::Refused(_)));
        watch.record(counts, &|| rejects.tally());
        match fed {
            ReplayItem::Event { event, due, since } => {
                if to.is_skipping() {
                    pace.start.set(due);
                    return to.event_since(&event, since);
                }
                if let Some(rest) = pace.wait(due) {
                    to.pause()?;
                    watch.batch(counts, &|| rejects.tally());
                    if pace.sleep(rest) {
                        return Ok(());
                    }
                }
                to.event_since(&event, since)?;
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
    Ok(ended(&rejects))
}
