//! Intervals, growth curves, explanations, evaluation in time order with its report, and training on a drift.

use std::collections::HashMap;
use tweetoscope::math;

use serde_json::Value;

use super::{run, text};

const HISTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tideh.jsonl.gz");

/// With one process that learns.
#[test]
fn the_contributions_of_every_alert_sum_to_its_prediction() {
    let output = run(
        &[
            "run",
            "--history",
            HISTORY,
            "--windows",
            "1h,6h",
            "--terminated",
            "1d",
            "--explain",
            "--above",
            "1000,10000",
            "--trees",
            "20",
        ],
        b"",
    );
    let mut steps = std::collections::BTreeSet::new();
    let (mut alerts, mut reached) = (0, 0);
    for line in text(&output.stdout).lines().filter(|line| line.starts_with(r#"{"type":"alert""#)) {
        let alert: Value = serde_json::from_str(line).unwrap();
        let explanation = &alert["explanation"];
        let terms = explanation["terms"].as_object().unwrap();
        let sum: f64 = terms.values().map(|it| it.as_f64().unwrap()).sum();
        let number = |name: &str| alert[name].as_f64().unwrap();
        let predicted = math::ln(number("n_tot") / number("n_obs"));
        let average = explanation["average"].as_f64().unwrap();
        assert!((average + sum - predicted).abs() < 1e-6, "{alert}");
        assert!(explanation["reasons"].as_array().unwrap().len() <= 3, "{alert}");
        for size in ["1000", "10000"] {
            let is_predicted = number("n_tot") >= size.parse::<f64>().unwrap();
            assert_eq!(alert["reached_after"][size].is_number(), is_predicted, "{alert}");
            reached += usize::from(is_predicted);
        }
        steps.insert(explanation["step"].as_str().unwrap().to_owned());
        alerts += 1;
    }
    assert_eq!(alerts, 100);
    assert!(reached > 50, "{reached}");
    for step in ["growth-law", "shifted-law", "forest"] {
        assert!(steps.contains(step), "{steps:?}");
    }
}

#[test]
fn the_report_is_one_page_without_requests_and_holds_the_figures_of_the_table() {
    let folder = std::env::temp_dir().join(format!("tweetoscope-report-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let page = folder.join("report.html");
    let path = page.to_str().unwrap();
    let output = run(
        &[
            "run",
            "--history",
            HISTORY,
            "--windows",
            "10m,6h",
            "--split",
            "time",
            "--trees",
            "10",
            "--csv",
            "--report",
            path,
        ],
        b"",
    );
    assert!(output.status.success(), "{output:?}");
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    for request in ["http://", "https://", "<script", "<link", "<img", "url(", "@import"] {
        assert!(!html.contains(request), "{request}");
    }
    let titles = ["Summary", "Data", "Errors", "Learning curve", "Calibration", "Model card"];
    assert!(titles.iter().all(|it| html.contains(&format!(">{it}</h2>"))));
    assert_eq!(html.matches("role=\"img\"").count(), html.matches("<svg").count());
    assert_eq!(html.matches("<svg").count(), 4 + 2 + 10);
    let table = text(&output.stdout);
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let mean: f64 = fields[4].parse().unwrap();
        assert!(html.contains(&format!("<td>{mean:.3}</td>")), "{line}");
        rows += 1;
    }
    assert_eq!(rows, 16);
    // The first of the random order was predicted before any had ended.
    let own = |line: &&str| line.contains(",model,50,49,");
    assert_eq!(table.lines().filter(own).count(), 2, "{table}");
}

/// The report of a run is that of the evaluation in time order, and the output of the run does not change.
#[test]
fn a_run_writes_the_report_of_an_evaluation_in_time_order() {
    let folder = std::env::temp_dir().join(format!("tweetoscope-run-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let report = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let fixed = ["run", "--history", HISTORY, "--windows", "6h", "--trees", "10"];
    let with = |options: &[&str]| run(&[&fixed[..], options].concat(), b"");
    let plain = with(&[]);
    let reported = with(&["--report", &report("run.html")]);
    let evaluated = with(&["--split", "time", "--report", &report("split.html")]);
    assert!(reported.status.success() && evaluated.status.success(), "{reported:?}");
    assert!(reported.stdout == plain.stdout && !plain.stdout.is_empty());
    let page = |name: &str| std::fs::read_to_string(report(name)).unwrap();
    assert!(page("run.html") == page("split.html") && page("run.html").contains("<svg"));
    for refused in [&["--no-learn"][..], &["--method", "seismic"], &["--models", "none"]] {
        let page = report("refused.html");
        let args = [&fixed[..5], refused, &["--report", &page]].concat();
        let output = run(&args, b"");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains("leave out"), "{output:?}");
    }
    let output = run(&["run", "--report", &report("refused.html")], b"");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("--report needs finished cascades"), "{output:?}");
    assert!(!folder.join("refused.html").exists());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn calibration_is_a_table_csv_and_a_plot() {
    let evaluated = |options: &[&str]| {
        let fixed =
            ["run", "--history", HISTORY, "--windows", "6h", "--folds", "2", "--trees", "10"];
        let args: Vec<&str> =
            fixed.iter().chain(&["--calibration"]).chain(options).copied().collect();
        text(&run(&args, b"").stdout)
    };
    let csv = evaluated(&["--csv"]);
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 5, "{csv}");
    for line in &lines[1..] {
        let shares: Vec<f64> = line[3..].iter().map(|it| it.parse().unwrap()).collect();
        assert!(shares[..4].is_sorted(), "{csv}");
        assert!((shares[4..].iter().sum::<f64>() - 1.0).abs() < 1e-9, "{csv}");
    }
    let plotted = evaluated(&["--plot"]);
    let covered: f64 = lines[1][5].parse().unwrap();
    assert!(plotted.contains(&format!("{:.1}%", covered * 100.0)), "{plotted}");
    assert!(plotted.contains("0.9-1.0 "), "{plotted}");
}

#[test]
fn a_drift_in_report_records_trains_and_is_logged() {
    let sample = |i: usize| {
        format!(
            r#"{{"type":"sample","cid":"{i}","source":"0","t":{i},"T_obs":600,"X":[0.001,0.5,10],"n_obs":10,"n_tot":2{i}}}"#
        )
    };
    let report = |verdict: &str| {
        format!(
            r#"{{"type":"report","T_obs":600,"scored":200,"mean_ARE":0.3,"median_ARE":0.3,"last_mean_ARE":0.6,"last_median_ARE":0.5,"bias":0,"skill":{{}},"verdict":"{verdict}"}}"#
        )
    };
    for (verdict, models) in [("ok", 4), ("drift", 5)] {
        let mut lines: Vec<String> = (0..6).map(sample).collect();
        lines.push(report(verdict));
        // A stream that was cut off trains nothing at its end; here the end trains the sixth sample.
        let output = run(&["train", "--on-drift"], (lines.join("\n") + "\n").as_bytes());
        let emitted = text(&output.stdout).matches(r#""model":"600-"#).count();
        let at_end = usize::from(verdict == "ok");
        assert_eq!(emitted, models + at_end, "{output:?}");
        let logged = text(&output.stderr).contains("drift: window of 600 s: mean error 0.600");
        assert_eq!(logged, verdict == "drift", "{output:?}");
    }
}

/// Where hardly any growth is expected, an interval begins at the observed size and still allows for more.
#[test]
fn an_untrained_interval_is_neither_a_point_nor_without_what_was_seen() {
    for (n_obs, n_supp) in [(1, 0.0), (32, 0.0), (32, 0.01), (5000, 0.0)] {
        let parameters = format!(
            r#"{{"type":"parameters","cid":"a","T_obs":600,"n_obs":{n_obs},"n_supp":{n_supp},"G1":{n_supp},"n_star":0.1,"params":[0.01,0.001]}}"#
        );
        for level in ["0.5", "0.9", "0.99"] {
            let output = run(&["predict", "--level", level], parameters.as_bytes());
            let alert: Value = serde_json::from_slice(&output.stdout).unwrap();
            let end = |name: &str| alert["interval"][name].as_f64().unwrap();
            assert_eq!(end("low"), f64::from(n_obs), "{alert}");
            assert!(end("high") > f64::from(n_obs) + 0.5, "{alert}");
        }
    }
}

/// The curve runs from the observed to the predicted size; at half of it, half of the growth has come.
#[test]
fn the_course_of_growth_is_that_of_real_cascades() {
    let whole = run(&["generate", "--history", HISTORY], b"").stdout;
    let series = run(&["collect", "--windows", "1h", "--terminated", "1d"], &whole).stdout;
    let alerts = run(&["predict", "--curve"], &run(&["fit"], &series).stdout).stdout;
    let mut times: HashMap<String, Vec<f64>> = HashMap::new();
    for line in text(&whole).lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if let Some(cid) = event["cid"].as_str() {
            times.entry(cid.to_owned()).or_default().push(event["t"].as_f64().unwrap());
        }
    }
    let mut shares = Vec::new();
    for alert in text(&alerts).lines().filter(|line| line.starts_with(r#"{"type":"alert""#)) {
        let alert: Value = serde_json::from_str(alert).unwrap();
        let curve: Vec<(f64, f64)> = serde_json::from_value(alert["curve"].clone()).unwrap();
        let (n_obs, n_tot) = (alert["n_obs"].as_f64().unwrap(), alert["n_tot"].as_f64().unwrap());
        assert!(curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{alert}");
        assert_eq!(curve[0], (0.0, n_obs));
        assert!((curve[curve.len() - 1].1 - n_tot).abs() < 0.01 * n_tot, "{alert}");
        let half = curve.iter().find(|(_, n)| *n >= (n_obs + n_tot) / 2.0).unwrap().0;
        let times = &times[alert["cid"].as_str().unwrap()];
        let by = |age: f64| times.iter().filter(|time| **time - times[0] <= age).count() as f64;
        shares.push((by(3600.0 + half) - n_obs) / (times.len() as f64 - n_obs));
    }
    shares.sort_by(f64::total_cmp);
    let median = shares[shares.len() / 2];
    assert!(shares.len() == 50 && (0.35..0.75).contains(&median), "{median} {shares:?}");
}

/// The sizes of the cascades of one source are not known before later events of another: no prediction may depend on
/// them.
#[test]
fn predictions_do_not_depend_on_the_number_of_sources_where_nothing_has_ended() {
    let cascade = |number: u32| {
        let early = (0..11).map(|k| format!("[{},100]", 60 * k));
        let late = (0..11).map(|k| format!("[{},10]", 2000 + k));
        let tweets = early.chain(late).collect::<Vec<_>>().join(",");
        format!(
            "{{\"cid\":\"c{number}\",\"t0\":{},\"tweets\":[{tweets}]}}\n",
            1_539_202_764 + 3600 * number
        )
    };
    let history: String = (0..12).map(cascade).collect();
    let alerts = |sources: &str| {
        let args = ["run", "--windows", "10m", "--sources", sources, "--history", "-"];
        let output = run(&args, history.as_bytes()).stdout;
        let models: Vec<String> = text(&output)
            .lines()
            .filter(|line| line.starts_with(r#"{"type":"alert""#))
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["model"].to_string())
            .collect();
        assert_eq!(models.len(), 12);
        models
    };
    for sources in ["1", "2", "5", "12"] {
        assert!(alerts(sources).iter().all(|model| model == r#""untrained""#), "{sources}");
    }
}
