//! The flags of commands as daemons on Kafka topics, and the settings made from them.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::Context;
use tweetoscope::event::{ModelVersion, Span};
use tweetoscope::kafka::{
    self, Creation, From, Names, Properties, Settings, check_settable, from_file, property,
};
pub(crate) use tweetoscope::kafka::{Bridge, ModelsTopic, Sink, Topic, status};
use tweetoscope::record::{Kind, Record};
use tweetoscope::stage::Recover;
use tweetoscope::stream::Stdout;

use crate::flags::{CarrierArgs, InputArgs, Outcome, Usage};
use crate::transport::stop_flag;
use crate::{health, logging};

/// Topics instead of pipes.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct KafkaArgs {
    /// Read and write Kafka topics, exactly once, until SIGINT or SIGTERM
    #[arg(long)]
    pub(crate) kafka: bool,
    /// Brokers, HOST:PORT separated by commas (default: localhost:9092)
    #[arg(short, long, value_name = "BROKERS")]
    brokers: Option<String>,
    /// Set a librdkafka property, such as sasl.mechanism=PLAIN; may be repeated
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    properties: Vec<String>,
    /// Read librdkafka properties from FILE, one NAME=VALUE per line, for secrets; -X takes
    /// precedence
    #[arg(short = 'F', value_name = "FILE")]
    file: Option<PathBuf>,
    /// Consumer group (default: tweetoscope-COMMAND); its instances share the partitions
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Transactional id, unique per instance; an id that is the same after a restart fences the
    /// previous process and takes over its partitions immediately, and lets generate continue after
    /// the records that it has committed (default: from group, host and process id)
    #[arg(long, value_name = "ID")]
    transactional_id: Option<String>,
    /// Use topic NAME for records of this type, such as alert=my_alerts; may be repeated
    #[arg(long, value_name = "KIND=NAME")]
    topic: Vec<String>,
    /// Create missing topics, also that of --dead-letter of a service
    #[arg(long)]
    create_topics: bool,
    /// Number of partitions of created topics, at most 10000; the maximum number of instances that
    /// share the work
    #[arg(long, value_name = "N", default_value_t = 4)]
    partitions: i32,
    /// Replication factor of created topics (default: that of the broker)
    #[arg(long, value_name = "N")]
    replication: Option<i32>,
    /// Start position of a group without committed offsets: earliest, latest (the next record that is
    /// written), or group:NAME for the committed offsets of another group, without its state
    #[arg(long, value_name = "START", default_value = "earliest")]
    from: From,
    /// Exit when this process has read its assigned partitions to their ends
    #[arg(long)]
    exit_eof: bool,
    /// Write without transactions; output may be repeated after a crash
    #[arg(long)]
    at_least_once: bool,
    /// Exit with status 75 when no broker has answered for this long
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    wait: Span,
    /// Time between commits; with a backlog up to a second, so that commits take at most 5 % of the time
    #[arg(long, value_name = "DURATION", default_value = "0.2s")]
    tick: Span,
    /// Approximate maximum number of records to replay at a restart; state that would need more is
    /// written to the topic collect_state
    #[arg(long, value_name = "RECORDS", default_value_t = 5_000_000)]
    max_replay: u64,
    /// Also write the log, from INFO, to the logs topic
    #[arg(long)]
    log_topic: bool,
    /// Start without restored state, to show in a test that restoring matters
    #[arg(long, hide = true)]
    without_replay: bool,
}

impl CarrierArgs {
    fn no_files(&self) -> Result<(), Usage> {
        let none = self.files.is_empty();
        none.then_some(()).ok_or_else(|| {
            Usage("--kafka reads topics, not files; remove the FILE arguments".to_owned())
        })
    }
}

/// What a command reads and writes on Kafka.
pub(crate) struct Role {
    /// Its name.
    pub(crate) command: &'static str,
    /// Topics that it writes.
    pub(crate) writes: &'static [Topic],
    /// Its use of the models topic.
    pub(crate) models: ModelsTopic,
    /// Number of bytes of its largest model, at most.
    pub(crate) largest_model: Option<usize>,
    /// Versions of models that are pinned.
    pub(crate) pin: Vec<ModelVersion>,
    /// Maximum age of a cascade, which determines the retention of tweets.
    pub(crate) max_age: Span,
}

impl Role {
    /// A command without models.
    pub(crate) fn plain(command: &'static str, writes: &'static [Topic]) -> Self {
        Self {
            command,
            writes,
            models: ModelsTopic::None,
            largest_model: None,
            pin: Vec::new(),
            max_age: MAX_AGE,
        }
    }
}

/// Default maximum age with --kafka: one day, which bounds the replay.
pub(crate) const MAX_AGE: Span = Span(86_400.0);

impl KafkaArgs {
    /// With --kafka, runs a stage of `make` as a daemon.
    pub(crate) fn daemon<S: Recover>(
        &self,
        role: Role,
        carrier: &CarrierArgs,
        make: impl Fn() -> S,
    ) -> anyhow::Result<Option<Outcome>> {
        if !self.kafka {
            return Ok(None);
        }
        carrier.no_files()?;
        let CarrierArgs { input, shared, .. } = carrier;
        let settings = self.settings(role, input, stop_flag()?)?;
        if input.dry_run {
            kafka::check::<S>(&settings)?;
            return Ok(Some(Outcome::Done));
        }
        let mut watch = health::watch(shared, &settings.stop)?;
        let served = kafka::serve(make, &settings, &mut watch);
        watch.finish()?;
        let outcome = if served?.rejected > 0 { Outcome::Rejected } else { Outcome::Done };
        Ok(Some(self.after_stop(outcome, &settings.stop)))
    }

    /// The outcome of a command that reads topics: after a signal, refused records are in the log and the metrics only,
    /// so that a supervisor does not take the stop for a failure.
    pub(crate) fn after_stop(&self, outcome: Outcome, stop: &AtomicBool) -> Outcome {
        let is_stopped = self.kafka && stop.load(Ordering::Relaxed);
        if is_stopped && outcome == Outcome::Rejected { Outcome::Done } else { outcome }
    }

    /// Refuses --models with --kafka, where models are in a topic.
    pub(crate) fn no_folder(&self, models: Option<&Path>) -> anyhow::Result<()> {
        match models {
            Some(_) if self.kafka => {
                let text = "--models cannot be used with --kafka, where models are in the models topic; remove it";
                Err(Usage(text.to_owned()).into())
            }
            _ => Ok(()),
        }
    }

    /// Whether topics are read or written.
    pub(crate) fn is_on(&self) -> bool {
        self.kafka
    }

    /// With --kafka, a transport from the topics of these kinds to stdout, and its stop flag.
    pub(crate) fn bridge(
        &self,
        command: &'static str,
        kinds: &[Kind],
        carrier: &CarrierArgs,
    ) -> anyhow::Result<Option<(Bridge<Stdout>, Arc<AtomicBool>)>> {
        let stop = stop_flag()?;
        let bridge = self.bridge_to(Stdout::new(), command, kinds, carrier, &stop)?;
        Ok(bridge.map(|bridge| (bridge, stop)))
    }

    /// The same to another writer and with an existing stop flag.
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
        let role = Role::plain(command, &[]);
        let settings = self.settings(role, &carrier.input, Arc::clone(stop))?;
        Ok(Some(Bridge::open(&settings, kinds, to)?))
    }

    /// With --kafka, the destination of a command that reads no topic. `is_repeatable`: whether a restart
    /// emits the same records, of which those that are committed are then not written again.
    pub(crate) fn sink(
        &self,
        role: Role,
        input: &InputArgs,
        is_repeatable: bool,
    ) -> anyhow::Result<Option<Sink>> {
        if !self.kafka {
            return Ok(None);
        }
        if self.transactional_id.is_some() && !is_repeatable {
            let text = "--transactional-id lets generate continue after a restart, which stdin \
                        does not allow; give files, or remove it";
            return Err(Usage(text.to_owned()).into());
        }
        let settings = self.settings(role, input, stop_flag()?)?;
        Ok(Some(if is_repeatable {
            Sink::resume(&settings, Topic::Tweets)?
        } else {
            Sink::open(&settings)?
        }))
    }

    /// The settings of a daemon; starts the log to its topic.
    fn settings(
        &self,
        role: Role,
        input: &InputArgs,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Settings> {
        let command = role.command;
        let settings = self.unlogged(role, input, stop)?;
        if self.log_topic {
            log_to_topic(&settings).with_context(|| format!("--log-topic of {command}"))?;
        }
        Ok(settings)
    }

    fn unlogged(
        &self,
        role: Role,
        input: &InputArgs,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Settings> {
        let (properties, brokers) = self.connection()?;
        for (name, value) in [("group", &self.group), ("transactional-id", &self.transactional_id)]
        {
            if value.as_ref().is_some_and(|value| value.trim().is_empty()) {
                let text = format!(
                    "--{name} is empty (or its environment variable); give a name, or leave it out"
                );
                return Err(Usage(text).into());
            }
        }
        let group = self.group.clone().unwrap_or(format!("tweetoscope-{}", role.command));
        let transactional_id = self.transactional_id.clone().unwrap_or_else(|| own_name(&group));
        let mut topics = Names::default();
        for text in &self.topic {
            topics.rename(text).map_err(Usage)?;
        }
        if self.create_topics && !(1..=10_000).contains(&self.partitions) {
            let text = format!("--partitions must be from 1 to 10000, not {}", self.partitions);
            return Err(Usage(text).into());
        }
        let creation = Creation {
            partitions: self.partitions,
            replication: self.replication.unwrap_or(-1),
            tweets_retention: seconds(2.0 * role.max_age.0),
        };
        let dead_letter = input.dead_letter.as_ref().map(|it| it.to_string_lossy().into_owned());
        Ok(Settings {
            command: role.command.to_owned(),
            brokers,
            properties,
            group,
            transactional_id,
            has_stable_id: self.transactional_id.is_some(),
            topics,
            creation: self.create_topics.then_some(creation),
            exit_eof: self.exit_eof,
            at_least_once: self.at_least_once,
            wait: seconds(self.wait.0),
            tick: seconds(self.tick.0),
            max_outputs: 1_000_000,
            max_replay: self.max_replay,
            dead_letter,
            max_record_bytes: input.max_line,
            from: self.from.clone(),
            models: role.models,
            largest_model: role.largest_model,
            writes: role.writes.to_vec(),
            pin: role.pin,
            replay: !self.without_replay,
            stop,
        })
    }

    /// Properties and brokers. The command line precedes the environment, which precedes the file.
    fn connection(&self) -> anyhow::Result<(Properties, String)> {
        let (mut properties, in_file) = match &self.file {
            Some(path) => from_file(path)?,
            None => Default::default(),
        };
        // Not parsed by clap, whose errors would print the value, which may be a secret.
        for text in &self.properties {
            let (name, value) = property(text).map_err(|why| Usage(format!("-X {why}")))?;
            check_settable(&name).map_err(Usage)?;
            properties.push((name, value));
        }
        let brokers = self.brokers.clone().or(in_file).unwrap_or("localhost:9092".to_owned());
        if brokers.split(',').any(|broker| broker.trim().is_empty()) {
            let text = format!(
                "--brokers must be HOST:PORT separated by commas, not {brokers:?}; without it (and \
                 without TWEETOSCOPE_BROKERS) the default is localhost:9092"
            );
            return Err(Usage(text).into());
        }
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        let has_wrong_port = |broker: &&str| match broker.trim().rsplit_once(':') {
            // The end of an IPv6 address, or of the scheme.
            Some((_, rest)) => !rest.contains([']', '/']) && !is_port(rest),
            None => false,
        };
        if let Some(broker) = brokers.split(',').find(has_wrong_port) {
            let text = format!("--brokers: {broker:?} has no valid port after the colon");
            return Err(Usage(text).into());
        }
        Ok((properties, brokers))
    }
}

/// Sends the log to its topic on a separate thread, so that a slow broker does not delay records.
fn log_to_topic(settings: &Settings) -> io::Result<()> {
    const QUEUE: usize = 10_000;
    let mut sink = Sink::open(&Settings { writes: vec![Topic::Logs], ..settings.clone() })?;
    let (to, from) = sync_channel(QUEUE);
    let thread = std::thread::spawn(move || {
        let mut is_reported = false;
        let mut check = |done: io::Result<()>| {
            if let Err(error) = done
                && !std::mem::replace(&mut is_reported, true)
            {
                // Not logged: the message would be sent here again.
                let text = format!("--log-topic: log messages are not written: {error}");
                let _ = writeln!(io::stderr(), "tweetoscope: {text}");
            }
        };
        let mut next = from.recv().ok();
        while let Some(log) = next {
            check(sink.record(&Record::Log(log)));
            next = from.try_recv().ok().or_else(|| {
                check(sink.flush());
                from.recv().ok()
            });
        }
        check(sink.flush());
    });
    logging::copy_to(to, thread);
    log::info!("Logging on, to topic {} too.", settings.topics.of(Topic::Logs));
    Ok(())
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A transactional id that no other instance has; valid for this process only.
fn own_name(group: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "host".to_owned());
    // Containers may share a host name and process ids.
    let random = RandomState::new().hash_one(group) as u32;
    format!("{group}-{}-{}-{random:08x}", host.trim(), std::process::id())
}
