//! What `deploy/` names is there: metrics, labels, runbook sections, data sources, log fields.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tweetoscope::telemetry::{METRICS, PREFIX};

use super::client::{dir, has, repository, run, text};
use super::metrics::{dumps, families};

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// Words of a text that look like names of metrics or labels.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|it| !it.is_empty())
}

/// Expressions of the panels of a dashboard.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

fn dashboards() -> BTreeMap<&'static str, Value> {
    let one = |name| {
        let text = read(&format!("deploy/grafana/dashboards/{name}.json"));
        (name, serde_json::from_str(&text).unwrap())
    };
    ["pipeline", "quality", "logs"].map(one).into()
}

/// The metric that a word means, without the suffix of a histogram's series.
fn base(word: &str) -> &str {
    let histogram = |name: &str| {
        let known = METRICS.iter().find(|it| name.strip_prefix(PREFIX) == Some(it.name));
        known.is_some_and(|it| it.kind.name() == "histogram")
    };
    let cut = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| word.strip_suffix(suffix));
    cut.filter(|name| histogram(name)).unwrap_or(word)
}

#[test]
fn every_metric_and_label_that_is_named_exists_in_a_run() {
    let mut shown = BTreeSet::new();
    let mut labels =
        BTreeSet::from(["job", "instance", "stage", "le", "alertname"].map(str::to_owned));
    for (_, dump) in dumps() {
        shown.extend(families(dump));
        for series in dump.lines().filter_map(|line| line.split_once('{')) {
            let inside = series.1.split('}').next().unwrap();
            labels.extend(
                inside.split("\",").filter_map(|it| Some(it.split_once('=')?.0.to_owned())),
            );
        }
    }
    // Metrics that need a broker are compared with the table here, and with a run in the Kafka tests.
    for metric in METRICS.iter().filter(|metric| metric.of == "kafka") {
        shown.insert(format!("{PREFIX}{}", metric.name));
        labels.extend(metric.labels.iter().map(|it| (*it).to_owned()));
    }
    let mut texts = vec![read("deploy/prometheus/alerts.yml"), read("docs/runbook.md")];
    let boards = dashboards();
    texts.extend(["pipeline", "quality"].iter().flat_map(|name| expressions(&boards[name])));
    let mut named = 0;
    for text in &texts {
        for word in words(text).filter(|it| it.starts_with(PREFIX) || it.starts_with("process_")) {
            assert!(shown.contains(base(word)), "{word} is exposed by no run: {text}");
            named += 1;
        }
        // Labels stand in `by (..)`, `on (..)` and `{..}`.
        let lists = ["by (", "on ("].iter().flat_map(|before| text.split(before).skip(1));
        for list in lists.filter(|_| !text.starts_with('#') || text.contains("expr:")) {
            for label in words(list.split(')').next().unwrap()) {
                assert!(labels.contains(label), "{label} is no label: {list}");
            }
        }
        for part in text.split(['{', ',']).skip(1) {
            let Some((label, _)) = part.trim().split_once("=\"").or(part.trim().split_once("=~\""))
            else {
                continue;
            };
            if words(label).eq([label]) {
                assert!(labels.contains(label), "{label} is no label: {part}");
            }
        }
    }
    assert!(named > 80, "{named}");
}

#[test]
fn labels_have_few_values() {
    let closed = [
        "version",
        "reason",
        "level",
        "topic",
        "partition",
        "event",
        "result",
        "clock",
        "window",
        "step",
        "model",
        "baseline",
        "estimator",
    ];
    for metric in METRICS {
        assert!(metric.labels.iter().all(|label| closed.contains(label)), "{}", metric.name);
    }
}

#[test]
fn every_alert_has_a_section_a_severity_and_a_test() {
    let rules = read("deploy/prometheus/alerts.yml");
    let (runbook, tests) = (read("docs/runbook.md"), read("deploy/prometheus/alerts_test.yml"));
    let sections: BTreeSet<_> =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let mut alerts = BTreeSet::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        alerts.insert(name);
        assert!(
            rule.contains(&format!("runbook: docs/runbook.md#{}", name.to_lowercase())),
            "{name}"
        );
        let severities = ["page", "ticket", "none"].map(|it| format!("severity: {it} }}"));
        assert!(severities.iter().any(|it| rule.contains(it)), "{name}");
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} has no test");
    }
    assert_eq!(alerts, sections);
    assert_eq!(alerts.len(), 19);
}

#[test]
fn prometheus_accepts_rules_tests_and_the_dashboards_queries() {
    if !(has("promtool") && has("amtool")) {
        return;
    }
    let dir = dir("promtool");
    let check = |args: &[&str]| {
        let output = Command::new(args[0])
            .args(&args[1..])
            .current_dir(repository("deploy/prometheus"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let also = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}{also}");
    };
    check(&["promtool", "test", "rules", "alerts_test.yml"]);
    check(&["amtool", "check-config", "alertmanager.yml"]);
    let boards = dashboards();
    let mut rules = String::from("groups:\n  - name: dashboards\n    rules:\n");
    for expression in ["pipeline", "quality"].iter().flat_map(|name| expressions(&boards[name])) {
        let filled = expression
            .replace("$__rate_interval", "1m")
            .replace("$stage", ".+")
            .replace("$window", ".+");
        assert!(!filled.contains('$'), "{filled}");
        let quoted = serde_json::to_string(&filled).unwrap();
        rules += &format!("      - {{ record: \"a{}\", expr: {quoted} }}\n", rules.len());
    }
    let path = dir.join("dashboards.yml");
    fs::write(&path, rules).unwrap();
    check(&["promtool", "check", "rules", text(&path)]);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn dashboards_use_the_provisioned_sources_and_their_own_variables() {
    let sources = read("deploy/grafana/provisioning/datasources/tweetoscope.yml");
    for (name, board) in dashboards() {
        let variables = board["templating"]["list"].as_array().unwrap();
        let variables: Vec<_> = variables.iter().map(|it| it["name"].as_str().unwrap()).collect();
        let mut ids = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64()), "{name}: an id comes twice");
            let uid = panel["datasource"]["uid"].as_str().unwrap();
            assert!(sources.contains(&format!("uid: {uid}\n")), "{name}: {uid}");
            let (x, w) = (panel["gridPos"]["x"].as_u64(), panel["gridPos"]["w"].as_u64());
            assert!(x.unwrap() + w.unwrap() <= 24, "{name}");
        }
        for expression in expressions(&board) {
            for variable in expression.split('$').skip(1) {
                let variable = words(variable).next().unwrap();
                let known = variables.contains(&variable) || variable.starts_with("__");
                assert!(known, "{name}: ${variable} in {expression}");
            }
        }
    }
}

/// The agents take from a line what a stage really writes, and make labels of closed sets only.
#[test]
fn log_agents_find_their_fields_and_make_few_labels() {
    let dir = dir("agents");
    run(&["collect", "--log-dir", text(&dir), "--log-format", "json"], "");
    let log = fs::read_to_string(dir.join("collect.log")).unwrap();
    let record: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    for field in ["t", "level", "source", "message", "file", "line"] {
        assert!(!record[field].is_null(), "{field} in {record}");
    }
    let promtail = read("deploy/loki/promtail.yaml");
    let labels = promtail.split("- labels:\n").nth(1).unwrap().split("- ").next().unwrap();
    assert!(words(labels).eq(["level", "stage"]), "{labels}");
    let alloy = read("deploy/loki/config.alloy");
    let labels = alloy.split("stage.labels {").nth(1).unwrap().split("stage.").next().unwrap();
    assert!(labels.contains("{ level = \"level\", stage = \"stage\" }"), "{labels}");
    for agent in [&promtail, &alloy] {
        assert!(agent.contains("/var/log/tweetoscope/*.log"));
        assert_eq!(agent.matches('{').count(), agent.matches('}').count());
        assert!(
            Path::new("/var/log/tweetoscope/collect.log").extension().is_some_and(|it| it == "log")
        );
    }
    // The queries of the dashboard select labels that the agents set.
    for expression in expressions(&dashboards()["logs"]) {
        let selector = expression.split('{').nth(1).unwrap().split('}').next().unwrap();
        for part in selector.split(", ") {
            let label = words(part).next().unwrap();
            assert!(["job", "stage", "level"].contains(&label), "{expression}");
        }
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn yaml_files_are_yaml() {
    let python = "import sys, yaml\nfor f in sys.argv[1:]: list(yaml.safe_load_all(open(f)))";
    let probe = Command::new("/usr/bin/python3").args(["-c", "import yaml"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "python3-yaml is missing: tests/live/install.sh");
        return;
    }
    let files = [
        "deploy/loki/loki.yml",
        "deploy/loki/promtail.yaml",
        "deploy/grafana/provisioning/datasources/tweetoscope.yml",
        "deploy/grafana/provisioning/dashboards/tweetoscope.yml",
    ];
    let output = Command::new("/usr/bin/python3")
        .args(["-c", python])
        .args(files.map(repository))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
