//! Every metric there is: the one place that names them, from which `deploy/METRICS.md` is made.

/// What a metric's value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Kind {
    /// Its name in the exposition format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric, without the prefix of its name.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, `_total` included.
    pub name: &'static str,
    /// What its value means.
    pub kind: Kind,
    /// Who has it: `all`, `kafka` (every stage with `--kafka`), or stages.
    pub of: &'static str,
    /// Its labels beside `stage`, in the order of a tally's values.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Before every name but those of the process.
pub const PREFIX: &str = "tweetoscope_";

/// The metric of that name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

const fn counter(
    of: &'static str,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Counter, of, labels, help }
}

const fn gauge(
    of: &'static str,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Gauge, of, labels, help }
}

const fn histogram(
    of: &'static str,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram, of, labels, help }
}

/// All metrics, those of every stage first.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    gauge("all", "build_info", &["version"], "Always 1; the version of the program."),
    counter("all", "records_read_total", &[], "Records read, the refused ones included."),
    counter("all", "records_written_total", &[], "Records written, those handed on included."),
    counter("all", "dead_letters_total", &["reason"], "Records refused, by reason."),
    histogram("all", "record_processing_seconds", &[], "Time that a record took in the stage, averaged over the batch it came in."),
    gauge("all", "last_progress_timestamp_seconds", &[], "When a record was last read, in Unix seconds."),
    counter("all", "log_records_total", &["level"], "Log records, by level."),
    counter("all", "log_write_errors_total", &[], "Log records that the log files could not take."),
    gauge("collect fit predict train monitor dashboard", "event_time_watermark_seconds", &["clock"], "The sources' clocks, in the time of their records: the lowest and the highest."),
    histogram("kafka", "end_to_end_latency_seconds", &[], "From a record's arrival in its topic until what followed from it was committed."),
    gauge("kafka", "kafka_consumer_lag_records", &["topic", "partition"], "Records in the topic that were not read yet."),
    counter("kafka", "kafka_rebalances_total", &["event"], "Partitions assigned or revoked, by event."),
    counter("kafka", "kafka_commits_total", &["result"], "Transactions, by how they ended."),
    gauge("kafka", "kafka_replay_distance_records", &[], "Records that a restart would read again."),
    counter("kafka", "kafka_delivery_failures_total", &[], "Records that a broker did not take."),
    histogram("kafka", "kafka_delivery_seconds", &[], "From sending a record until a broker had it."),
    gauge("collect", "cascades_open", &[], "Cascades that may still grow."),
    counter("collect", "cascades_opened_total", &[], "Cascades opened."),
    counter("collect", "cascades_closed_total", &["reason"], "Cascades that are over: by silence, by age, or because the input is over."),
    histogram("collect", "cascade_size_events", &[], "Final sizes of the cascades that are over."),
    counter("collect", "windows_emitted_total", &["window"], "Series written, by window in seconds."),
    counter("collect", "late_events_total", &[], "Events behind their source's clock."),
    counter("collect", "orphan_retweets_total", &[], "Retweets with no open cascade, dropped."),
    counter("collect", "duplicate_tweets_total", &[], "Second tweets of an open cascade, dropped."),
    counter("collect", "before_root_retweets_total", &[], "Retweets before their tweet, refused."),
    counter("collect", "reused_cascade_ids_total", &[], "Tweets that opened a cascade whose id had been closed."),
    counter("collect", "over_limit_records_total", &[], "Records dropped because a limit was reached."),
    gauge("collect", "state_bytes", &[], "Bytes that the open cascades take."),
    counter("fit", "fits_total", &["estimator", "result"], "Series fitted, by estimator and by the fit's status."),
    histogram("fit", "fit_duration_seconds", &[], "Time that a serie took, its features included, averaged over the batch it came in."),
    histogram("fit", "fit_iterations", &[], "How often a fit went through its cascade."),
    histogram("fit", "fit_branching_ratio", &[], "Branching factors n* found: near 1, a cascade feeds itself."),
    counter("predict", "predictions_total", &["step"], "Predictions made, by a trained model or without one."),
    counter("predict", "prediction_fallbacks_total", &["reason"], "Predictions made without a trained model, by reason."),
    gauge("predict", "model_trained_timestamp_seconds", &["window"], "When the model in use was published, in Unix seconds."),
    gauge("predict", "model_info", &["window", "model"], "The model in use for a window (above 0)."),
    gauge("predict", "model_samples", &["window"], "Samples that the model in use has learned from."),
    gauge("predict", "truth_pending", &[], "Predictions whose truth is not known yet, and sizes without a prediction."),
    counter("predict", "pending_evicted_total", &[], "Of these, how many were given up because there were too many."),
    counter("predict", "duplicate_parameters_total", &[], "Parameters of a window that had a prediction already."),
    counter("predict", "impossible_sizes_total", &[], "Final sizes below what was seen."),
    counter("predict", "duplicate_sizes_total", &[], "Sizes of a window that had one already."),
    counter("predict train", "models_refused_total", &[], "Models that could not be read or did not fit."),
    gauge("train", "training_rows", &["window"], "Samples that the trainer has seen."),
    histogram("train", "training_duration_seconds", &[], "Time that a training took, the contest with the incumbent included."),
    gauge("train", "training_oob_error_ratio", &["window"], "Mean ARE of the newest model on samples that its trees had not seen."),
    counter("train", "models_published_total", &[], "Models that won and were published."),
    counter("train", "trainings_total", &["window", "result"], "Trainings, by window and by whether the model was published or the old one kept."),
    counter("monitor", "predictions_scored_total", &["window"], "Predictions whose truth is known."),
    histogram("monitor", "prediction_absolute_relative_error", &["window", "estimator"], "Absolute relative error (ARE) of the predictions, of a trained model or without one."),
    gauge("monitor", "mean_absolute_relative_error", &["window"], "Mean ARE of all predictions."),
    gauge("monitor", "late_absolute_relative_error", &["window"], "Mean ARE of the last predictions."),
    gauge("monitor", "prediction_log_ratio", &["window"], "Median of ln((n_pred + 1)/(n_tot + 1)): below 0, predictions are low."),
    counter("monitor", "predictions_with_interval_total", &["window", "level"], "Scored predictions that had an interval, by its nominal level."),
    counter("monitor", "predictions_covered_total", &["window", "level"], "Of these, how many intervals held the truth."),
    gauge("monitor", "baseline_absolute_relative_error", &["window", "baseline"], "Mean ARE of a baseline on the same cascades."),
    gauge("monitor", "prediction_skill_ratio", &["window", "baseline"], "1 - mean ARE / mean ARE of the baseline: below 0, the baseline is better."),
    counter("dashboard", "alerts_shown_total", &[], "Alerts that reached the dashboard."),
    gauge("dashboard", "cascades_shown", &[], "Cascades with a prediction that the dashboard remembers."),
];

/// Metrics of the process itself (`process_*`), which the crate prometheus makes.
pub const PROCESS: &[(&str, Kind, &str)] = &[
    ("process_cpu_seconds_total", Kind::Counter, "Processor time spent, in seconds."),
    ("process_open_fds", Kind::Gauge, "Open file descriptors."),
    ("process_max_fds", Kind::Gauge, "Most file descriptors that may be open."),
    ("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory."),
    ("process_resident_memory_bytes", Kind::Gauge, "Resident memory."),
    ("process_start_time_seconds", Kind::Gauge, "When the process started, in Unix seconds."),
    ("process_threads", Kind::Gauge, "Threads."),
];

/// The table as `deploy/METRICS.md` has it.
pub fn markdown() -> String {
    let mut text = String::from(concat!(
        "# Metrics\n\n",
        "Made from `src/telemetry/table.rs`; a test keeps the two equal, and another holds ",
        "both against the metrics of real runs. Names begin with `tweetoscope_` but for the last ",
        "seven; every one of the others also has the label `stage`. No label ever carries a ",
        "cascade, a user or a text.\n\n",
        "| metric | kind | of | labels | meaning |\n|---|---|---|---|---|\n",
    ));
    for Metric { name, kind, of, labels, help } in METRICS {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = kind.name();
        text += &format!("| `{PREFIX}{name}` | {kind} | {of} | {} | {help} |\n", labels.join(", "));
    }
    for (name, kind, help) in PROCESS {
        text += &format!("| `{name}` | {} | all | | {help} |\n", kind.name());
    }
    text
}
