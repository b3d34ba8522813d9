//! Converts tallies to the Prometheus text format.

use std::collections::BTreeMap;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Sample, MetricFamily, MetricType,
};
use prometheus::{Encoder, TextEncoder};

use super::table::{Kind, METRICS, Metric, PREFIX, metric};
use crate::stage::Tally;

/// Writes tallies and the metrics of the process in the exposition format.
pub(super) struct Exposition {
    stage: String,
    process: ProcessCollector,
}

impl Exposition {
    pub(super) fn new(stage: &str) -> Self {
        Self { stage: stage.to_owned(), process: ProcessCollector::for_self() }
    }

    /// The metrics of the tally in the order of the table. Names that are not in the table follow as gauges
    /// without a help text, so that a test detects them.
    pub(super) fn text(&self, tally: &Tally) -> Vec<u8> {
        let mut by_name: BTreeMap<&'static str, Vec<(&str, f64)>> = BTreeMap::new();
        for ((name, labels), value) in tally {
            by_name.entry(name).or_default().push((labels, *value));
        }
        by_name.remove(super::READY);
        let listed = METRICS.iter().filter_map(|it| Some((it, by_name.get(it.name)?)));
        let mut families: Vec<_> = listed.map(|(it, values)| self.family(it, values)).collect();
        for (&name, values) in by_name.iter().filter(|(name, _)| metric(name).is_none()) {
            let unlisted = Metric { name, kind: Kind::Gauge, of: "", labels: &[], help: "" };
            families.push(self.family(&unlisted, values));
        }
        families.extend(self.process.collect());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text).expect("families have names and samples");
        text
    }

    fn family(&self, metric: &Metric, values: &[(&str, f64)]) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(format!("{PREFIX}{}", metric.name));
        family.set_help(metric.help.to_owned());
        family.set_field_type(match metric.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(match metric.kind {
            Kind::Histogram => self.histograms(metric, values),
            _ => values.iter().map(|(labels, value)| self.sample(metric, labels, *value)).collect(),
        });
        family
    }

    fn sample(&self, metric: &Metric, labels: &str, value: f64) -> Sample {
        let mut sample = Sample::from_label(self.labels(metric, labels));
        if metric.kind == Kind::Counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            sample.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            sample.set_gauge(gauge);
        }
        sample
    }

    /// Assembles the histograms from the entries of `stage::Histogram`.
    fn histograms(&self, metric: &Metric, values: &[(&str, f64)]) -> Vec<Sample> {
        let mut by_labels: BTreeMap<&str, (Histogram, Vec<Bucket>)> = BTreeMap::new();
        for (labels, value) in values {
            let (labels, part) = labels.split_once('|').unwrap_or((labels, ""));
            let (histogram, buckets) = by_labels.entry(labels).or_default();
            match part {
                "count" => histogram.set_sample_count(*value as u64),
                "sum" => histogram.set_sample_sum(*value),
                _ => {
                    let bound = part.strip_prefix("le=").and_then(|bound| bound.parse().ok());
                    let mut bucket = Bucket::default();
                    bucket.set_upper_bound(bound.unwrap_or(f64::INFINITY));
                    bucket.set_cumulative_count(*value as u64);
                    buckets.push(bucket);
                }
            }
        }
        let one = |(labels, (mut histogram, mut buckets)): (&str, (Histogram, Vec<Bucket>))| {
            buckets.sort_by(|a, b| a.upper_bound().total_cmp(&b.upper_bound()));
            histogram.set_bucket(buckets);
            let mut sample = Sample::from_label(self.labels(metric, labels));
            sample.set_histogram(histogram);
            sample
        };
        by_labels.into_iter().map(one).collect()
    }

    fn labels(&self, metric: &Metric, values: &str) -> Vec<LabelPair> {
        let pair = |name: &str, value: &str| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value.to_owned());
            pair
        };
        let values = match metric.labels.len() {
            0 if values.is_empty() => Vec::new(),
            0 => return vec![pair("label", values), pair("stage", &self.stage)],
            count => values.splitn(count, ',').collect(),
        };
        let own = metric.labels.iter().zip(values).map(|(name, value)| pair(name, value));
        own.chain([pair("stage", &self.stage)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Histogram as Counts;

    #[test]
    fn a_tally_is_written_in_the_exposition_format() {
        let mut tally = Tally::new();
        tally.insert(("windows_emitted_total", "600".to_owned()), 3.0);
        tally.insert(("windows_emitted_total", "1200".to_owned()), 1.0);
        tally.insert(("trainings_total", "600,published".to_owned()), 2.0);
        tally.insert(("cascades_open", String::new()), 7.0);
        tally.insert(("ready", "model".to_owned()), 0.0);
        tally.insert(("not_in_the_table", String::new()), 1.5);
        let mut errors = Counts::new(&[0.1, 0.5, 10.0]);
        [0.05, 0.3, 0.4, 11.0].iter().for_each(|error| errors.observe(*error, 1));
        errors.add_to("prediction_absolute_relative_error", "600,trained", &mut tally);
        let text = Exposition::new("test").text(&tally);
        let text = String::from_utf8(text).unwrap();
        let own: Vec<_> = text.lines().filter(|line| !line.contains("process_")).collect();
        let error = "tweetoscope_prediction_absolute_relative_error";
        let labels = "window=\"600\",estimator=\"trained\",stage=\"test\"";
        let expected = [
            "# HELP tweetoscope_cascades_open Open cascades.",
            "# TYPE tweetoscope_cascades_open gauge",
            "tweetoscope_cascades_open{stage=\"test\"} 7",
            "# HELP tweetoscope_windows_emitted_total Series emitted, by window in seconds.",
            "# TYPE tweetoscope_windows_emitted_total counter",
            "tweetoscope_windows_emitted_total{window=\"1200\",stage=\"test\"} 1",
            "tweetoscope_windows_emitted_total{window=\"600\",stage=\"test\"} 3",
            "# HELP tweetoscope_trainings_total Trainings, by window and result: the new model is published, or the old one is kept.",
            "# TYPE tweetoscope_trainings_total counter",
            "tweetoscope_trainings_total{window=\"600\",result=\"published\",stage=\"test\"} 2",
            "# HELP tweetoscope_prediction_absolute_relative_error Absolute relative error (ARE) of the predictions, with a trained model or without one.",
            "# TYPE tweetoscope_prediction_absolute_relative_error histogram",
            &format!("{error}_bucket{{{labels},le=\"0.1\"}} 1"),
            &format!("{error}_bucket{{{labels},le=\"0.5\"}} 3"),
            &format!("{error}_bucket{{{labels},le=\"10\"}} 3"),
            &format!("{error}_bucket{{{labels},le=\"+Inf\"}} 4"),
            &format!("{error}_sum{{{labels}}} 11.75"),
            &format!("{error}_count{{{labels}}} 4"),
            "# TYPE tweetoscope_not_in_the_table gauge",
            "tweetoscope_not_in_the_table{stage=\"test\"} 1.5",
        ];
        assert_eq!(own, expected);
        assert!(text.contains("process_resident_memory_bytes"));
    }

    #[test]
    fn names_follow_the_conventions() {
        for Metric { name, kind, help, .. } in METRICS {
            assert_eq!(METRICS.iter().filter(|other| other.name == *name).count(), 1, "{name}");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(help.ends_with('.'), "{name}");
        }
    }
}
