//! The settings of a daemon, from the command line.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::event::ModelVersion;
use crate::kafka::client::properties::{Properties, masked};
use crate::kafka::client::topics::{Names, Topic};

/// Time after which the broker aborts an open transaction: the maximum delay that a crash causes for
/// the instances to which its partitions are assigned.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of bytes of a record, at most: the largest are series of large cascades.
pub const LARGEST_RECORD: usize = 16 << 20;

/// Where a group without a committed offset starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// At the oldest record of the topic.
    Earliest,
    /// At the next record that is written.
    Latest,
    /// At the committed offsets of another group, without its state.
    Group(String),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            _ => match text.strip_prefix("group:") {
                Some(group) if !group.is_empty() => Ok(Self::Group(group.to_owned())),
                _ => Err(format!("{text:?} is no start; give earliest, latest or group:NAME")),
            },
        }
    }
}

/// The use of the topic of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelsTopic {
    /// It is not used.
    None,
    /// The stage uses the newest model of each window.
    Follow,
    /// The stage starts with the newest model of each window, and writes newer ones.
    Publish,
}

/// How missing topics are created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Number of partitions (`collect_state` and `models` have one).
    pub partitions: i32,
    /// Replication factor; -1: that of the broker.
    pub replication: i32,
    /// Retention of `tweets`.
    pub tweets_retention: Duration,
}

/// The settings of a daemon.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The command, for messages.
    pub command: String,
    /// Brokers, host:port, separated by commas.
    pub brokers: String,
    /// Further properties of librdkafka; the last one of a name takes precedence.
    pub properties: Properties,
    /// The consumer group.
    pub group: String,
    /// The identity of this instance across restarts.
    pub transactional_id: String,
    /// Whether the identity is the same after a restart.
    pub has_stable_id: bool,
    /// The names of the topics.
    pub topics: Names,
    /// With it, missing topics are created.
    pub creation: Option<Creation>,
    /// End when the end of all partitions is reached.
    pub exit_eof: bool,
    /// Write without transactions; output may be repeated after a crash.
    pub at_least_once: bool,
    /// How long the brokers may be unreachable.
    pub wait: Duration,
    /// The time between commits.
    pub tick: Duration,
    /// Number of output records after which a commit is made, whatever the time.
    pub max_outputs: u64,
    /// Number of records of a replay, approximately at most.
    pub max_replay: u64,
    /// The topic of refused records.
    pub dead_letter: Option<String>,
    /// Number of bytes of a record that is read, at most.
    pub max_record_bytes: usize,
    /// Where to start without a committed offset.
    pub from: From,
    /// The use of the topic of models.
    pub models: ModelsTopic,
    /// Number of bytes of a model of this stage, at most.
    pub largest_model: Option<usize>,
    /// Topics that the stage writes.
    pub writes: Vec<Topic>,
    /// Model versions that are used in place of newer ones, at most one for each window.
    pub pin: Vec<ModelVersion>,
    /// Whether state is restored; false only in the tests that must detect the loss.
    pub replay: bool,
    /// Set by a signal: the daemon commits, leaves the group and ends.
    pub stop: Arc<AtomicBool>,
}

impl Settings {
    /// A service with transactions that reads from the oldest record, writes no topic, and has practically no limits; its
    /// group is also its identity. Other values are set by struct update.
    pub fn new(command: &str, brokers: &str, group: &str) -> Self {
        Self {
            command: command.to_owned(),
            brokers: brokers.to_owned(),
            properties: Properties::new(),
            group: group.to_owned(),
            transactional_id: group.to_owned(),
            has_stable_id: false,
            topics: Names::default(),
            creation: None,
            exit_eof: false,
            at_least_once: false,
            wait: Duration::from_secs(60),
            tick: Duration::from_millis(100),
            max_outputs: u64::MAX,
            max_replay: u64::MAX,
            dead_letter: None,
            max_record_bytes: 1 << 20,
            from: From::Earliest,
            models: ModelsTopic::None,
            largest_model: None,
            writes: Vec::new(),
            pin: Vec::new(),
            replay: true,
            stop: Arc::default(),
        }
    }

    /// The name of a topic.
    pub(crate) fn topic(&self, topic: Topic) -> &str {
        self.topics.of(topic)
    }

    /// The connection, for messages; secrets are masked.
    pub(crate) fn summary(&self) -> String {
        format!(
            "brokers {} group {} transactional id {} {}",
            self.brokers,
            self.group,
            if self.at_least_once { "none" } else { &self.transactional_id },
            masked(&self.properties)
        )
    }
}
