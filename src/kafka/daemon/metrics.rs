//! The metrics of a daemon beside those of its stages (docs/metrics.md).

use crate::kafka::client::clock::{latencies, unix_millis};
use crate::kafka::client::interface::{GroupConsumer, TransactionalProducer};
use crate::kafka::daemon::partitions::Partitions;
use crate::stage::{Histogram, Recover, Tally};

/// The counts of one daemon.
pub(crate) struct Metrics {
    counts: Tally,
    /// Number of records read.
    read: u64,
    end_to_end: Histogram,
    /// Timestamps of the records that are not committed, in milliseconds since 1970, and the number of records in
    /// succession with each.
    timestamps: Vec<(i64, u64)>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut counts = Tally::new();
        for event in ["assigned", "revoked"] {
            counts.insert(("kafka_rebalances_total", event.to_owned()), 0.0);
        }
        for result in ["committed", "given_up"] {
            counts.insert(("kafka_commits_total", result.to_owned()), 0.0);
        }
        Self { counts, read: 0, end_to_end: latencies(), timestamps: Vec::new() }
    }
}

impl Metrics {
    fn count(&mut self, name: &'static str, label: &str) {
        *self.counts.entry((name, label.to_owned())).or_default() += 1.0;
    }

    pub(crate) fn count_assigned(&mut self) {
        self.count("kafka_rebalances_total", "assigned");
    }

    pub(crate) fn count_revoked(&mut self) {
        self.count("kafka_rebalances_total", "revoked");
    }

    /// The group assigned no partitions within `--wait`.
    pub(crate) fn count_unassigned(&mut self) {
        self.count("kafka_consumer_errors_total", "NoAssignment");
    }

    pub(crate) fn add_read(&mut self, records: usize) {
        self.read += records as u64;
    }

    /// Number of records read.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// Records with these timestamps are processed.
    pub(crate) fn add_timestamps(&mut self, millis: impl Iterator<Item = i64>) {
        for timestamp in millis {
            match self.timestamps.last_mut() {
                Some((last, records)) if *last == timestamp => *records += 1,
                _ => self.timestamps.push((timestamp, 1)),
            }
        }
    }

    /// The transaction is committed.
    pub(crate) fn count_committed(&mut self) {
        self.count("kafka_commits_total", "committed");
        let now = unix_millis();
        for (timestamp, records) in self.timestamps.drain(..) {
            self.end_to_end.observe((now - timestamp).max(0) as f64 / 1000.0, records);
        }
    }

    /// The transaction is aborted.
    pub(crate) fn count_aborted(&mut self) {
        self.count("kafka_commits_total", "given_up");
        self.timestamps.clear();
    }

    /// All counts, including those of the stages.
    pub(crate) fn tally<S: Recover>(
        &self,
        topic: &str,
        partitions: &Partitions<S>,
        consumer: &dyn GroupConsumer,
        producer: &dyn TransactionalProducer,
        is_assigned: bool,
    ) -> Tally {
        let mut tally = self.counts.clone();
        tally.extend(partitions.tally());
        for (partition, task) in partitions.tasks() {
            if let Some(lag) = consumer.lag(*partition, task.next()) {
                let label = format!("{topic},{partition}");
                tally.insert(("kafka_consumer_lag_records", label), lag as f64);
            }
        }
        for (error, count) in consumer.errors() {
            tally.insert(("kafka_consumer_errors_total", error), count as f64);
        }
        let distance = partitions.replay_distance() as f64;
        tally.insert(("kafka_replay_distance_records", String::new()), distance);
        let failures = producer.failures() as f64;
        tally.insert(("kafka_delivery_failures_total", String::new()), failures);
        let is_ready = f64::from(u8::from(is_assigned));
        tally.insert(("ready", "input".to_owned()), is_ready);
        self.end_to_end.add_to("end_to_end_latency_seconds", "", &mut tally);
        producer.delivery_seconds().add_to("kafka_delivery_seconds", "", &mut tally);
        tally
    }
}
