//! Flags of the commands as daemons on Kafka topics, and from them a daemon's settings.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::Context;
use tweetoscope::event::Span;
use tweetoscope::kafka::{
    self, Bridge, Creation, From, Names, Properties, Settings, Sink, Topic, Use, free, from_file,
    property,
};
use tweetoscope::record::{Kind, Record};
use tweetoscope::stage::Recover;

use crate::flags::{CarrierArgs, InputArgs, Outcome, Usage};
use crate::transport::stop_flag;
use crate::{health, logging};

/// Reading and writing topics instead of pipes.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct KafkaArgs {
    /// Read and write Kafka topics, exactly once, until told to stop
    #[arg(long)]
    pub(crate) kafka: bool,
    /// Connect to these brokers (host:port, separated by commas; default localhost:9092)
    #[arg(short, long, value_name = "BROKERS")]
    brokers: Option<String>,
    /// Set a property of librdkafka, such as sasl.mechanism=PLAIN; may be repeated
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    properties: Vec<String>,
    /// Read such properties from FILE, one a line: the place for secrets; -X wins
    #[arg(short = 'F', value_name = "FILE")]
    file: Option<PathBuf>,
    /// Be a member of this consumer group (default tweetoscope-COMMAND)
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Be known by this name over restarts, each instance by its own: a restart then takes over
    /// at once (default: group, host and process)
    #[arg(long, value_name = "ID")]
    transactional_id: Option<String>,
    /// Call the topic of a kind of records NAME; may be repeated
    #[arg(long, value_name = "KIND=NAME")]
    topic: Vec<String>,
    /// Create the topics that are missing
    #[arg(long)]
    create_topics: bool,
    /// Create topics with this many partitions: as many instances can share the work
    #[arg(long, value_name = "N", default_value_t = 4)]
    partitions: i32,
    /// Create topics with this many copies (default: the broker's)
    #[arg(long, value_name = "N")]
    replication: Option<i32>,
    /// Begin here where the group never was: with the earliest record there is, or the latest
    #[arg(long, value_enum, default_value = "earliest")]
    from: FromArg,
    /// End when all partitions are read
    #[arg(long)]
    exit_eof: bool,
    /// Work without transactions: a crash may repeat output
    #[arg(long)]
    at_least_once: bool,
    /// Give up (exit status 75) when no broker answered for this long
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    wait: Span,
    /// Commit after this much work
    #[arg(long, value_name = "DURATION", default_value = "0.2s")]
    tick: Span,
    /// Keep a recovery to about this many records by writing long cascades to collect_state
    #[arg(long, value_name = "RECORDS", default_value_t = 5_000_000)]
    max_replay: u64,
    /// Send the log, from INFO up, to the topic of logs too
    #[arg(long)]
    log_topic: bool,
    /// Forget all state at a restart: for the test that must see it
    #[arg(long, hide = true)]
    without_replay: bool,
}

/// Where a group begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FromArg {
    /// With the earliest record
    Earliest,
    /// With the latest record
    Latest,
}

impl CarrierArgs {
    fn no_files(&self) -> Result<(), Usage> {
        let none = self.files.is_empty();
        none.then_some(()).ok_or_else(|| Usage("--kafka reads topics, not files".to_owned()))
    }
}

/// What a command does on Kafka.
pub(crate) struct Does {
    /// Its name.
    pub(crate) command: &'static str,
    /// Topics that it writes.
    pub(crate) writes: &'static [Topic],
    /// What it does with models.
    pub(crate) models: Use,
    /// The most bytes that a model of it can have.
    pub(crate) largest_model: Option<usize>,
    /// Versions of models that it must use.
    pub(crate) pin: Vec<String>,
    /// How old a cascade gets, by which tweets are kept.
    pub(crate) max_age: Span,
}

impl Does {
    /// A command without models.
    pub(crate) fn plain(command: &'static str, writes: &'static [Topic]) -> Self {
        Self {
            command,
            writes,
            models: Use::None,
            largest_model: None,
            pin: Vec::new(),
            max_age: MAX_AGE,
        }
    }
}

/// One day: bounds the replay.
pub(crate) const MAX_AGE: Span = Span(86_400.0);

impl KafkaArgs {
    /// Runs a stage of `make` as a daemon, if that was asked for.
    pub(crate) fn daemon<S: Recover>(
        &self,
        does: Does,
        carrier: &CarrierArgs,
        make: impl Fn() -> S,
    ) -> anyhow::Result<Option<Outcome>> {
        if !self.kafka {
            return Ok(None);
        }
        carrier.no_files()?;
        let CarrierArgs { input, shared, .. } = carrier;
        let settings = self.settings(does, input, stop_flag()?)?;
        if input.dry_run {
            kafka::check::<S>(&settings)?;
            return Ok(Some(Outcome::Done));
        }
        let mut watch = health::watch(shared, &settings.stop)?;
        let served = kafka::serve(make, &settings, &mut watch);
        watch.finish()?;
        let counts = served?;
        let stopped = settings.stop.load(Ordering::Relaxed);
        Ok(Some(match counts.rejected {
            // Told to stop: what was refused is in the metrics and among the dead letters.
            _ if stopped => Outcome::Done,
            0 => Outcome::Done,
            _ => Outcome::Rejected,
        }))
    }

    /// On Kafka models travel in a topic.
    pub(crate) fn no_folder(&self, models: Option<&Path>) -> anyhow::Result<()> {
        match models {
            Some(_) if self.kafka => {
                let text = "--models is for pipes: with --kafka models are in their topic";
                Err(Usage(text.to_owned()).into())
            }
            _ => Ok(()),
        }
    }

    /// Whether topics are to be read or written.
    pub(crate) fn is_asked(&self) -> bool {
        self.kafka
    }

    /// A transport from the topics of these kinds to stdout, if that was asked for.
    pub(crate) fn bridge(
        &self,
        command: &'static str,
        kinds: &[Kind],
        carrier: &CarrierArgs,
    ) -> anyhow::Result<Option<(Bridge<io::Stdout>, Arc<AtomicBool>)>> {
        let stop = stop_flag()?;
        let bridge = self.bridge_to(io::stdout(), command, kinds, carrier, &stop)?;
        Ok(bridge.map(|bridge| (bridge, stop)))
    }

    /// The same to another writer, ended by a flag that is there already.
    pub(crate) fn bridge_to<W: io::Write>(
        &self,
        to: W,
        command: &'static str,
        kinds: &[Kind],
        carrier: &CarrierArgs,
        stop: &Arc<AtomicBool>,
    ) -> anyhow::Result<Option<Bridge<W>>> {
        if !self.kafka {
            return Ok(None);
        }
        carrier.no_files()?;
        let does = Does::plain(command, &[]);
        let settings = self.settings(does, &carrier.input, Arc::clone(stop))?;
        Ok(Some(Bridge::open(&settings, kinds, to)?))
    }

    /// Where a command writes that reads no topic, if that was asked for.
    pub(crate) fn sink(&self, does: Does, input: &InputArgs) -> anyhow::Result<Option<Sink>> {
        if !self.kafka {
            return Ok(None);
        }
        let settings = self.settings(does, input, stop_flag()?)?;
        Ok(Some(Sink::open(&settings)?))
    }

    /// All that a daemon must be told.
    fn settings(
        &self,
        does: Does,
        input: &InputArgs,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Settings> {
        let command = does.command;
        let settings = self.unlogged(does, input, stop)?;
        if self.log_topic {
            log_to_topic(&settings).with_context(|| format!("the log of {command}"))?;
        }
        Ok(settings)
    }

    fn unlogged(
        &self,
        does: Does,
        input: &InputArgs,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Settings> {
        let (properties, brokers) = self.connection()?;
        let group = self.group.clone().unwrap_or(format!("tweetoscope-{}", does.command));
        let transactional_id = self.transactional_id.clone().unwrap_or_else(|| own_name(&group));
        let mut topics = Names::default();
        for text in &self.topic {
            topics.rename(text).map_err(Usage)?;
        }
        if self.create_topics && !(1..=10_000).contains(&self.partitions) {
            let text = format!("--partitions is a number from 1 to 10000, not {}", self.partitions);
            return Err(Usage(text).into());
        }
        let creation = Creation {
            partitions: self.partitions,
            replication: self.replication.unwrap_or(-1),
            tweets_retention: seconds(2.0 * does.max_age.0),
        };
        let dead_letter = input.dead_letter.as_ref().map(|it| it.to_string_lossy().into_owned());
        Ok(Settings {
            command: does.command.to_owned(),
            brokers,
            properties,
            group,
            transactional_id,
            topics,
            creation: self.create_topics.then_some(creation),
            exit_eof: self.exit_eof,
            at_least_once: self.at_least_once,
            wait: seconds(self.wait.0),
            tick: seconds(self.tick.0),
            most_outputs: 10_000,
            max_replay: self.max_replay,
            dead_letter,
            longest: input.max_line,
            from: match self.from {
                FromArg::Earliest => From::Earliest,
                FromArg::Latest => From::Latest,
            },
            models: does.models,
            largest_model: does.largest_model,
            writes: does.writes.to_vec(),
            pin: does.pin,
            replay: !self.without_replay,
            stop,
        })
    }

    /// Properties and brokers: the command line wins, then the environment, then the file.
    fn connection(&self) -> anyhow::Result<(Properties, String)> {
        let (mut properties, in_file) = match &self.file {
            Some(path) => from_file(path)?,
            None => Default::default(),
        };
        // Not clap's parser: it would repeat the value, which may be a secret.
        for text in &self.properties {
            let (name, value) = property(text).map_err(Usage)?;
            free(&name).map_err(Usage)?;
            properties.push((name, value));
        }
        let brokers = self.brokers.clone().or(in_file).unwrap_or("localhost:9092".to_owned());
        Ok((properties, brokers))
    }
}

/// Hands the log on to its topic, on a thread of its own: a broker that is slow delays no work.
fn log_to_topic(settings: &Settings) -> io::Result<()> {
    const WAITING: usize = 10_000;
    let mut sink = Sink::open(&Settings { writes: vec![Topic::Logs], ..settings.clone() })?;
    let (to, from) = sync_channel(WAITING);
    let thread = std::thread::spawn(move || {
        for log in from {
            // Saying that a message could not be sent would be the next one.
            let _ = sink.record(&Record::Log(log));
        }
        let _ = sink.flush();
    });
    logging::tell(to, thread);
    log::info!("Logging on, to topic {} too.", settings.topics.of(Topic::Logs));
    Ok(())
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A name that no other instance has: it need not outlive this process.
fn own_name(group: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "host".to_owned());
    // Containers may share the host's name and count their processes each for themselves.
    let chance = RandomState::new().hash_one(group) as u32;
    format!("{group}-{}-{}-{chance:08x}", host.trim(), std::process::id())
}
