//! All metrics: their names, types, labels and help texts. `docs/metrics.md` is generated from this table.

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that only increases.
    Counter,
    /// A value that increases and decreases.
    Gauge,
    /// Counts of observations by upper bound.
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
    /// Its type.
    pub kind: Kind,
    /// The commands that expose it: `all`, `kafka` (every stage with `--kafka`), or names of commands
    /// separated by spaces.
    pub of: &'static str,
    /// Its labels other than `stage`, in the order of the label values in a tally's key.
    pub labels: &'static [&'static str],
    /// Its help text: one sentence.
    pub help: &'static str,
}

/// The prefix of every name except those of [`PROCESS`].
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
    counter("all", "records_read_total", &[], "Records read, including refused ones."),
    counter("all", "records_written_total", &[], "Records written, including those passed through."),
    counter("all", "dead_letters_total", &["reason"], "Records refused, by reason."),
    histogram("all", "record_processing_seconds", &[], "Time to process a record, averaged over its batch, in seconds."),
    gauge("all", "last_progress_timestamp_seconds", &[], "Time of the most recent read, in Unix seconds."),
    counter("all", "log_records_total", &["level"], "Log records, by level."),
    counter("all", "log_write_errors_total", &[], "Log records that could not be written to the log files."),
    gauge("collect fit predict train monitor dashboard", "event_time_watermark_seconds", &["clock"], "Lowest and highest event time that the sources have reached, in seconds of event time."),
    histogram("kafka", "end_to_end_latency_seconds", &[], "Time from the arrival of a record in its topic to the commit of its output, in seconds."),
    gauge("kafka", "kafka_consumer_lag_records", &["topic", "partition"], "Records of the partition that are not read yet."),
    counter("kafka", "kafka_rebalances_total", &["event"], "Partitions assigned or revoked, by event."),
    counter("kafka", "kafka_commits_total", &["result"], "Transactions, by result."),
    counter("kafka", "kafka_consumer_errors_total", &["reason"], "Errors of consumers, by reason; `NoAssignment`: the group assigned no partitions within `--wait`."),
    gauge("kafka", "kafka_replay_distance_records", &[], "Records that a restart would read again to restore the state."),
    counter("kafka", "kafka_delivery_failures_total", &[], "Records that could not be delivered to a broker."),
    histogram("kafka", "kafka_delivery_seconds", &[], "Time from sending a record to its acknowledgement by a broker, in seconds, of one record in 64."),
    gauge("collect", "cascades_open", &[], "Open cascades."),
    counter("collect", "cascades_opened_total", &[], "Cascades opened."),
    counter("collect", "cascades_closed_total", &["reason"], "Cascades terminated, by reason: no event for `--terminated`, `--max-age` reached, or end of the input."),
    histogram("collect", "cascade_size_events", &[], "Final sizes of terminated cascades, in events."),
    counter("collect", "windows_emitted_total", &["window"], "Series emitted, by window in seconds."),
    counter("collect", "late_events_total", &[], "Events older than the event time of their source."),
    counter("collect", "orphan_retweets_total", &[], "Retweets dropped because their cascade is not open."),
    counter("collect", "duplicate_tweets_total", &[], "Initial tweets dropped because their cascade is open already."),
    counter("collect", "duplicate_events_total", &[], "Events dropped because their cascade has an event with the same id."),
    counter("collect", "before_root_retweets_total", &[], "Retweets refused because they are older than their initial tweet."),
    counter("collect", "reused_cascade_ids_total", &[], "Initial tweets that opened a cascade under the id of a terminated one."),
    counter("collect", "over_limit_records_total", &[], "Records dropped because a limit was reached."),
    gauge("collect", "state_bytes", &[], "Memory of the open cascades, in bytes."),
    counter("fit", "fits_total", &["estimator", "result"], "Series fitted, by estimator and by status of the fit."),
    histogram("fit", "fit_duration_seconds", &[], "Time to fit a serie and compute its features, averaged over its batch, in seconds."),
    histogram("fit", "fit_iterations", &[], "Evaluations of the likelihood by a fit, each a pass over its cascade."),
    histogram("fit", "fit_branching_ratio", &[], "Fitted branching factors n*; near 1, a cascade sustains itself."),
    counter("predict", "predictions_total", &["step"], "Predictions emitted, with a trained model or without one."),
    counter("predict", "prediction_fallbacks_total", &["reason"], "Predictions emitted without a trained model, by reason."),
    gauge("predict", "model_trained_timestamp_seconds", &["window"], "Publication time of the model in use, in Unix seconds."),
    gauge("predict", "model_info", &["window", "model"], "1 for the version of the model in use for the window."),
    gauge("predict", "model_samples", &["window"], "Samples that the model in use was trained on."),
    gauge("predict", "truth_pending", &[], "Pending predictions without a final size, and unmatched sizes without a prediction."),
    counter("predict", "pending_evicted_total", &[], "Pending entries evicted because their number reached the limit."),
    counter("predict", "duplicate_parameters_total", &[], "Duplicate parameters: the window has a prediction already."),
    counter("predict", "impossible_sizes_total", &[], "Final sizes below the observed number of events."),
    counter("predict", "duplicate_sizes_total", &[], "Duplicate sizes: the window has a size already."),
    counter("predict", "outdated_sizes_total", &[], "Final sizes older than the pending prediction: of an earlier cascade with the same id."),
    counter("predict", "superseded_total", &[], "Pending predictions and sizes replaced by those of a later cascade with the same id."),
    counter("predict train", "models_refused_total", &[], "Models refused because they are unreadable or do not fit the window."),
    gauge("train", "training_rows", &["window"], "Samples received for training."),
    histogram("train", "training_duration_seconds", &[], "Duration of a training, including the comparison with the published model, in seconds."),
    gauge("train", "training_oob_error_ratio", &["window"], "Mean ARE of the most recent model on the cascades that it was not trained on."),
    counter("train", "models_published_total", &[], "Models published."),
    counter("train", "trainings_total", &["window", "result"], "Trainings, by window and result: the new model is published, or the old one is kept."),
    counter("train", "trainings_on_drift_total", &[], "Trainings that a drift of the errors started, with --on-drift."),
    counter("train", "unusable_samples_total", &[], "Samples left out of the training, because a size is missing or the final size is below the observed one."),
    counter("train", "samples_without_features_total", &[], "Samples without the features that the law of a model needs, which count as predicted not to grow in the errors of models of fewer than 20 samples."),
    counter("monitor", "predictions_scored_total", &["window"], "Predictions compared with their final size."),
    histogram("monitor", "prediction_absolute_relative_error", &["window", "estimator"], "Absolute relative error (ARE) of the predictions, with a trained model or without one."),
    gauge("monitor", "mean_absolute_relative_error", &["window"], "Mean ARE of all predictions."),
    gauge("monitor", "late_absolute_relative_error", &["window"], "Mean ARE of the most recent predictions."),
    gauge("monitor", "prediction_log_ratio", &["window"], "Median of ln((n_pred + 1)/(n_tot + 1)); below 0, predictions are too low."),
    counter("monitor", "predictions_with_interval_total", &["window", "level"], "Scored predictions with an interval, by its nominal level."),
    counter("monitor", "predictions_covered_total", &["window", "level"], "Scored predictions whose interval contains the final size, by nominal level."),
    gauge("monitor", "baseline_absolute_relative_error", &["window", "baseline"], "Mean ARE of a baseline on the same cascades."),
    gauge("monitor", "prediction_skill_ratio", &["window", "baseline"], "1 - mean ARE / mean ARE of the baseline; below 0, the baseline is better."),
    counter("dashboard", "alerts_shown_total", &[], "Alerts received by the dashboard."),
    gauge("dashboard", "cascades_shown", &[], "Cascades with a prediction held by the dashboard."),
    counter("dashboard", "cascades_evicted_total", &[], "Cascades with a prediction evicted because their number reached the limit."),
    counter("dashboard", "long_name_records_total", &[], "Records dropped because the name of their source or cascade is too long."),
];

/// Metrics of the process (`process_*`), which the crate prometheus collects.
pub const PROCESS: &[(&str, Kind, &str)] = &[
    ("process_cpu_seconds_total", Kind::Counter, "Processor time spent, in seconds."),
    ("process_open_fds", Kind::Gauge, "Open file descriptors."),
    ("process_max_fds", Kind::Gauge, "Maximum number of open file descriptors."),
    ("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory, in bytes."),
    ("process_resident_memory_bytes", Kind::Gauge, "Resident memory, in bytes."),
    ("process_start_time_seconds", Kind::Gauge, "Start time of the process, in Unix seconds."),
    ("process_threads", Kind::Gauge, "Threads."),
];

/// The page `docs/metrics.md`.
pub fn markdown() -> String {
    let mut text = String::from(concat!(
        "# Metrics\n\n",
        "Every command that runs continuously exposes metrics at `/metrics` with `--http`, or writes ",
        "them to a file at its end with `--metrics-textfile`. Labels never hold a cascade, a user or ",
        "a text. Every metric except `process_*` also has the label `stage`, the name of the ",
        "command. `kafka` in the column \"commands\" means every service (`collect`, `fit`, \
         `predict` and `train` with `--kafka`); of these metrics `monitor`, `dashboard` and `log`, which only read topics, have \
         `kafka_consumer_errors_total` alone. The alerts on ",
        "these metrics are in the [runbook](runbook.md).\n\n",
        "This page is generated from `src/telemetry/table.rs`. `cargo test --test live` compares the ",
        "two, and compares the table with the metrics of real runs.\n\n",
        "| metric | type | commands | labels | meaning |\n|---|---|---|---|---|\n",
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
