//! How a daemon is connected and how it works: what the command line decides, as librdkafka wants it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rdkafka::ClientConfig;

use crate::event::ModelVersion;
use crate::kafka::client::properties::{Properties, shown};
use crate::kafka::client::topics::{Names, Topic};

/// Seconds after which the broker aborts the transaction of an instance that is silent: the
/// longest that a crash delays those who take over.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest record, in bytes: the hottest cascades make the longest series.
pub const LARGEST_RECORD: usize = 16 << 20;

/// Where a daemon begins that never committed a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With the oldest record that is there.
    Earliest,
    /// With the next record that comes.
    Latest,
}

/// What a stage does with the topic of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Nothing.
    None,
    /// It follows the newest of each window.
    Follow,
    /// It starts from the newest of each window, and writes newer ones.
    Publish,
}

/// Topics to create where they are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Partitions of each (`collect_state` and `models` have one).
    pub partitions: i32,
    /// Copies of each; -1 leaves it to the broker.
    pub replication: i32,
    /// How long tweets are kept.
    pub tweets_retention: Duration,
}

/// All that a daemon must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The command, for messages.
    pub command: String,
    /// Brokers, host:port, separated by commas.
    pub brokers: String,
    /// Further properties of librdkafka; a later one of a name wins.
    pub properties: Properties,
    /// The consumer group.
    pub group: String,
    /// By which a restarted instance is known to be the same.
    pub transactional_id: String,
    /// The names of the topics.
    pub topics: Names,
    /// Create what is missing.
    pub creation: Option<Creation>,
    /// End when all partitions are read.
    pub exit_eof: bool,
    /// No transactions: a crash may repeat output.
    pub at_least_once: bool,
    /// How long to wait for brokers that do not answer.
    pub wait: Duration,
    /// How much work makes a transaction.
    pub tick: Duration,
    /// How many outputs make one.
    pub most_outputs: u64,
    /// Keep replays to about this many records.
    pub max_replay: u64,
    /// Where refused records go.
    pub dead_letter: Option<String>,
    /// Largest record that is read, in bytes.
    pub longest: usize,
    /// Where to begin without a committed position.
    pub from: From,
    /// What the stage does with models.
    pub models: Use,
    /// The most bytes that a model of this stage can have.
    pub largest_model: Option<usize>,
    /// Topics that the stage writes.
    pub writes: Vec<Topic>,
    /// Model versions to be used whatever is newer, one a window.
    pub pin: Vec<ModelVersion>,
    /// Only a test sets it to false: then recovery loses state, and the test must see it.
    pub replay: bool,
    /// Set by a signal: commit, leave, end.
    pub stop: Arc<AtomicBool>,
}

impl Settings {
    /// The name of a topic.
    pub(crate) fn topic(&self, topic: Topic) -> &str {
        self.topics.of(topic)
    }

    /// What every client needs. Ours come last: they win.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        unless_given(&mut config, "client.id", &self.transactional_id);
        config
    }

    /// For questions about topics and their ends, also of transactions that are still open.
    pub(crate) fn inquirer(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("isolation.level", "read_uncommitted");
        config
    }

    /// For reading without being a member of the group.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        // Assigning needs a group's name, though nothing is asked of the group.
        config.set("group.id", &self.group);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("isolation.level", "read_committed");
        config.set("auto.offset.reset", "error");
        config.set("enable.partition.eof", "true");
        // When enough waits here, fetching pauses; by default for a second, which starves a fast stage.
        unless_given(&mut config, "fetch.queue.backoff.ms", "10");
        config
    }

    /// For the group's member.
    pub(crate) fn member(&self) -> ClientConfig {
        let mut config = self.reader();
        config.set("statistics.interval.ms", "2000");
        // Learning takes its time between two polls; heartbeats go on meanwhile.
        if self.models == Use::Publish {
            unless_given(&mut config, "max.poll.interval.ms", "3600000");
        }
        // Partitions that stay with an instance keep their state.
        // (By KIP-848 the broker assigns, and in the same way.)
        let classic = config.get("group.protocol").is_none_or(|it| it == "classic");
        if classic {
            unless_given(&mut config, "partition.assignment.strategy", "cooperative-sticky");
        }
        config
    }

    /// For writing.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("enable.idempotence", "true");
        config.set("partitioner", "murmur2_random");
        config.set("message.max.bytes", LARGEST_RECORD.to_string());
        // A short queue leaves the broker waiting between two of its answers.
        unless_given(&mut config, "queue.buffering.max.messages", "500000");
        unless_given(&mut config, "queue.buffering.max.kbytes", "131072");
        if config.get("compression.type").or(config.get("compression.codec")).is_none() {
            config.set("compression.type", "lz4");
        }
        if !self.at_least_once {
            config.set("transactional.id", &self.transactional_id);
            config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string());
        }
        config
    }

    /// Who connects where as whom, for people: secrets are masked.
    pub fn shown(&self) -> String {
        format!(
            "brokers {} group {} transactional id {} {}",
            self.brokers,
            self.group,
            if self.at_least_once { "none" } else { &self.transactional_id },
            shown(&self.properties)
        )
    }
}
/// Sets a property that the user has not set.
fn unless_given(config: &mut ClientConfig, name: &str, value: &str) {
    if config.get(name).is_none() {
        config.set(name, value);
    }
}
