//! The contract of the metrics: what runs expose, what the table documents, what rules may name.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tweetoscope::stage::Tally;
use tweetoscope::stream::{Counts, Observer};
use tweetoscope::telemetry::{Answer, Health, METRICS, PREFIX, PROCESS, PageRequest, markdown};

use super::client::{dir, err, run, text};

/// The stages that a pipe can show, in its order, and how each is called. The second predict
/// finds the models that train left behind.
const PIPELINE: [(&str, &[&str]); 7] = [
    ("collect", &["--min-size", "3"]),
    ("fit", &[]),
    ("predict", &[]),
    ("train", &[]),
    ("predict", &[]),
    ("monitor", &[]),
    ("dashboard", &[]),
];

/// Tweets of cascades that end, with some that are refused.
fn tweets() -> String {
    let mut events = Vec::new();
    for cid in 0..300_u32 {
        for event in 0..(3 + cid % 20) {
            let kind = if event == 0 { "tweet" } else { "retweet" };
            let (t, m) = (cid * 50 + event * event * 7, 10 + (cid * 7 + event * 13) % 90);
            let line = format!("{{\"type\":\"{kind}\",\"cid\":\"{cid}\",\"t\":{t},\"m\":{m}}}\n");
            events.push((t, line));
        }
    }
    events.sort_by_key(|(t, _)| *t);
    let lines: String = events.into_iter().map(|(_, line)| line).collect();
    format!("no record\n{lines}")
}

/// What each stage of the pipeline exposes.
pub(crate) fn dumps() -> &'static [(&'static str, String)] {
    static DUMPS: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    DUMPS.get_or_init(pipeline)
}

fn pipeline() -> Vec<(&'static str, String)> {
    let dir = dir("dumps");
    let file = dir.join("metrics.prom");
    let models = dir.join("models");
    fs::create_dir_all(&models).unwrap();
    let (mut records, mut parameters) = (tweets(), String::new());
    let mut dumps = Vec::new();
    for (stage, options) in PIPELINE {
        let mut args = vec![stage, "--metrics-textfile", text(&file)];
        args.extend(options);
        if ["predict", "train"].contains(&stage) {
            args.extend(["--models", text(&models)]);
        }
        if stage == "predict" && !parameters.is_empty() {
            records.clone_from(&parameters);
        }
        // The output of monitor has no records that dashboard takes.
        if stage == "dashboard" {
            records = tweets();
        }
        let output = run(&args, &records);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{stage}: {}", err(&output));
        dumps.retain(|(shown, _)| *shown != stage);
        dumps.push((stage, fs::read_to_string(&file).unwrap()));
        if stage == "fit" {
            parameters = String::from_utf8(output.stdout.clone()).unwrap();
        }
        records = String::from_utf8(output.stdout).unwrap() + "no record\n";
    }
    fs::remove_dir_all(dir).unwrap();
    dumps
}

fn of(stages: &str, stage: &str) -> bool {
    stages.split(' ').any(|it| it == "all" || it == stage)
}

/// Families of a dump: those that have a type.
pub(crate) fn families(dump: &str) -> BTreeSet<String> {
    let typed = dump.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    typed.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn the_metrics_of_a_run_are_those_of_the_table() {
    let documented: BTreeSet<_> = METRICS
        .iter()
        .map(|it| format!("{PREFIX}{}", it.name))
        .chain(PROCESS.iter().map(|(name, ..)| (*name).to_owned()))
        .collect();
    for (stage, dump) in dumps() {
        let shown = families(dump);
        let unknown: Vec<_> = shown.difference(&documented).collect();
        assert!(unknown.is_empty(), "{stage} exposes what is not in the table: {unknown:?}");
        for metric in METRICS.iter().filter(|it| of(it.of, stage)) {
            let name = format!("{PREFIX}{}", metric.name);
            assert!(shown.contains(&name), "{stage} does not expose {name}:\n{dump}");
            // Each sample has just the labels of the table.
            let samples = dump.lines().filter(|line| {
                line.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('{'))
            });
            for sample in samples {
                let labels = sample.split(['{', '}']).nth(1).unwrap();
                let mut names: Vec<_> =
                    labels.split("\",").map(|it| it.split('=').next().unwrap()).collect();
                names.retain(|name| *name != "stage");
                assert_eq!(names, metric.labels, "{sample}");
            }
        }
        for (name, ..) in PROCESS {
            assert!(shown.contains(*name), "{stage}: {name}");
        }
        lint(stage, dump);
    }
}

/// The whole system in one process has metrics of all its stages, from files and from a replay alike.
#[test]
fn a_run_exposes_the_metrics_of_all_its_stages() {
    let dir = dir("run-metrics");
    let file = dir.join("metrics.prom");
    let given = tweets();
    let last = r#"{"type":"tweet","cid":"last","t":500000,"m":1}"#;
    let stream = format!("{given}{last}\n");
    let simulated: &[&str] = &["--simulate", "300", "--seed", "3"];
    for (options, records) in [(&[][..], stream.as_str()), (simulated, "")] {
        let args = [&["run", "-q", "--metrics-textfile", text(&file)], options].concat();
        let output = run(&args, records);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", err(&output));
        let dump = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let shown = families(&dump);
        for name in
            ["records_read_total", "cascades_opened_total", "fits_total", "predictions_total"]
        {
            assert!(shown.contains(&format!("{PREFIX}{name}")), "{options:?}: no {name}\n{dump}");
        }
        if options.is_empty() {
            // The clock of the input, not of the last cascade that was scored.
            let clock = "_event_time_watermark_seconds{clock=\"highest\",stage=\"run\"} 500000\n";
            assert!(dump.contains(clock), "{dump}");
        }
    }
    fs::remove_dir_all(dir).unwrap();
}

/// The ends of a pipeline count what went through them.
#[test]
fn generate_and_log_count_their_records() {
    let dir = dir("ends-metrics");
    let file = dir.join("metrics.prom");
    let log = r#"{"type":"log","t":1,"level":"info","source":"a","message":"b"}"#;
    let wanted = format!("{log}\n{}\n", log.replace("info", "error"));
    for (args, records, counts) in [
        (&["generate", "--simulate", "20", "--limit", "50"][..], "", None),
        (&["log", "--levels", "error"], wanted.as_str(), Some((2, 1))),
    ] {
        let stage = args[0];
        let output = run(&[args, &["--metrics-textfile", text(&file)]].concat(), records);
        assert!(output.status.success(), "{}", err(&output));
        let dump = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        let (read, written) = counts.unwrap_or((lines, lines));
        assert!(written == lines && lines > 0, "{stage}: {lines}");
        for (name, count) in [("read", read), ("written", written)] {
            let expected = format!("{PREFIX}records_{name}_total{{stage=\"{stage}\"}} {count}\n");
            assert!(dump.contains(&expected), "{expected}{dump}");
        }
        lint(stage, &dump);
    }
    fs::remove_dir_all(dir).unwrap();
}

/// `promtool check metrics`, where it is installed.
fn lint(stage: &str, dump: &str) {
    let path =
        std::env::temp_dir().join(format!("tweetoscope-{stage}-{}.prom", std::process::id()));
    fs::write(&path, dump).unwrap();
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(fs::File::open(&path).unwrap())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .output();
    fs::remove_file(&path).unwrap();
    match promtool {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned()
                + &String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.is_empty(), "{stage}: {said}");
        }
        Err(_) if std::env::var_os("CI").is_some() => panic!("promtool is missing"),
        Err(_) => {}
    }
}

#[test]
fn the_table_of_the_metrics_is_fresh() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let fresh = markdown();
    if fs::read_to_string(&path).unwrap_or_default() != fresh {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, fresh).unwrap();
        panic!("docs/metrics.md was out of date; it is written anew: commit it");
    }
}

fn page(health: &Health, path: &str) -> (u16, String) {
    match health.site().answer(&PageRequest { path, query: "" }) {
        Answer::Page { status, body, .. } => (status, String::from_utf8(body.to_vec()).unwrap()),
        Answer::Events(_) => panic!("no page"),
    }
}

#[test]
fn readiness_names_what_is_missing() {
    let stop = Arc::new(AtomicBool::new(false));
    let mut health = Health::new("test", Box::new(Tally::new), Arc::clone(&stop));
    assert_eq!(page(&health, "/readyz"), (503, "input: not yet\nnot draining: ok\n".to_owned()));
    let model = |there: f64| {
        move || Tally::from([(("ready", "model".to_owned()), there), (("x", String::new()), 1.0)])
    };
    health.end(Counts::default(), &model(0.0));
    assert_eq!(
        page(&health, "/readyz"),
        (503, "input: ok\nnot draining: ok\nmodel: not yet\n".to_owned())
    );
    health.end(Counts::default(), &model(1.0));
    assert_eq!(page(&health, "/readyz").0, 200);
    assert!(!page(&health, "/metrics").1.contains("ready"), "a check is no metric");
    stop.store(true, Ordering::Relaxed);
    assert_eq!(
        page(&health, "/readyz"),
        (503, "input: ok\nnot draining: not yet\nmodel: ok\n".to_owned())
    );
}

#[test]
fn a_slow_tally_is_made_rarely_and_always_at_the_end() {
    let stop = Arc::new(AtomicBool::new(false));
    let mut health = Health::new("test", Box::new(Tally::new), stop);
    let made = std::cell::Cell::new(0);
    let tally = || {
        made.set(made.get() + 1);
        std::thread::sleep(std::time::Duration::from_millis(20));
        Tally::from([(("cascades_open", String::new()), f64::from(made.get()))])
    };
    for read in 0..400 {
        health.begin();
        std::thread::sleep(std::time::Duration::from_millis(1));
        health.batch(Counts { read, ..Counts::default() }, &tally);
    }
    assert_eq!(made.get(), 1, "20 ms at most once a second");
    health.end(Counts { read: 400, written: 9, rejected: 0 }, &tally);
    let text = page(&health, "/metrics").1;
    for line in ["cascades_open{stage=\"test\"} 2", "records_written_total{stage=\"test\"} 9"] {
        assert!(text.contains(line), "{text}");
    }
    let count = "record_processing_seconds_count{stage=\"test\"} 400";
    assert!(text.contains(count), "{text}");
}
