//! What a daemon counts beside its stages, by the names of the metrics' table.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::kafka::client::clock::{latencies, unix_millis};
use crate::kafka::client::context::Shared;
use crate::kafka::daemon::task::Task;
use crate::stage::{Histogram, Recover, Tally};

/// The counts of one daemon.
pub(crate) struct Counting {
    counts: Tally,
    end_to_end: Histogram,
    /// When the records of this tick came to their topic.
    arrivals: Vec<i64>,
}

impl Default for Counting {
    fn default() -> Self {
        let mut counts = Tally::new();
        for event in ["assigned", "revoked"] {
            counts.insert(("kafka_rebalances_total", event.to_owned()), 0.0);
        }
        for result in ["committed", "given_up"] {
            counts.insert(("kafka_commits_total", result.to_owned()), 0.0);
        }
        Self { counts, end_to_end: latencies(), arrivals: Vec::new() }
    }
}

impl Counting {
    /// One more of a kind.
    pub(crate) fn count(&mut self, name: &'static str, label: &str) {
        *self.counts.entry((name, label.to_owned())).or_default() += 1.0;
    }

    /// A record was worked on that came to its topic then.
    pub(crate) fn arrived(&mut self, millis: Option<i64>) {
        self.arrivals.extend(millis);
    }

    /// What followed from the records of this tick is committed, or given up.
    pub(crate) fn decided(&mut self, committed: bool) {
        let now = unix_millis();
        for arrival in self.arrivals.drain(..).filter(|_| committed) {
            self.end_to_end.observe((now - arrival).max(0) as f64 / 1000.0, 1);
        }
    }

    /// All counts, with those of the stages added up.
    pub(crate) fn tally<S: Recover>(
        &self,
        topic: &str,
        tasks: &BTreeMap<i32, Task<S>>,
        shared: &Shared,
    ) -> Tally {
        let mut tally = self.counts.clone();
        for task in tasks.values() {
            for ((name, label), value) in task.tally() {
                let merge = match &*label {
                    "lowest" => f64::min,
                    "highest" => f64::max,
                    // Every partition has the same models.
                    _ if name.starts_with("model_") => f64::max,
                    _ => |a: f64, b: f64| a + b,
                };
                let sum = tally.entry((name, label));
                sum.and_modify(|it| *it = merge(*it, value)).or_insert(value);
            }
        }
        for (partition, task) in tasks {
            if let Some(end) = shared.end_of(*partition) {
                let lag = (end - task.next()).max(0) as f64;
                tally.insert(("kafka_consumer_lag_records", format!("{topic},{partition}")), lag);
            }
        }
        let distance = tasks.values().map(Task::replay_distance).max().unwrap_or_default();
        tally.insert(("kafka_replay_distance_records", String::new()), distance as f64);
        let failures = shared.failures.load(Ordering::Relaxed);
        tally.insert(("kafka_delivery_failures_total", String::new()), failures as f64);
        tally.insert(("ready", "input".to_owned()), f64::from(u8::from(!tasks.is_empty())));
        self.end_to_end.add_to("end_to_end_latency_seconds", "", &mut tally);
        shared.deliveries().add_to("kafka_delivery_seconds", "", &mut tally);
        tally
    }
}
