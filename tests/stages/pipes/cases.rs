//! Inputs of testdata/cases, each for a kind of fault, through the binary.

use std::fs::{self, File};
use std::path::Path;

use super::*;

/// The path of a case.
pub(super) fn case(name: &str) -> String {
    format!("{}/testdata/cases/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The records of this type on stdout.
pub(super) fn of_type(output: &Output, kind: &str) -> Vec<Value> {
    records(output).into_iter().filter(|record| record["type"] == kind).collect()
}

pub(super) fn status(output: &Output) -> Option<i32> {
    output.status.code()
}

pub(crate) fn records(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_prediction_has_a_largest_size_and_its_alert_the_status_capped() {
    let output = run(&["predict", "--alert-above", "5", &case("seismic_1e300.jsonl")], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let alert = &records(&output)[0];
    assert_eq!(alert["n_tot"], 10_000, "a thousand times 10 events");
    assert_eq!(alert["interval"]["high"], 10_000);
    assert_eq!(alert["status"], "capped");
    let line = fs::read_to_string(case("seismic_1e300.jsonl")).unwrap();
    for (seismic, n_obs, n_tot) in
        [("1e300", "1", 1e3), ("1e300", "5000", 5e6), ("9e3", "10", 9e3), ("null", "10", 15.0)]
    {
        let line =
            line.replace("1e300", seismic).replace("\"n_obs\":10", &format!("\"n_obs\":{n_obs}"));
        let alert = &records(&run(&["predict"], line.as_bytes()))[0];
        let status = if seismic == "1e300" { "capped" } else { "ok" };
        assert_eq!((&alert["n_tot"].as_f64(), &alert["status"]), (&Some(n_tot), &status.into()));
        let ends = ["low", "high"].map(|end| alert["interval"][end].as_f64().unwrap());
        assert!(n_obs.parse::<f64>().unwrap() <= ends[0], "{alert}");
        assert!(ends[0] <= n_tot && n_tot <= ends[1] && ends[1] <= 1e9, "{alert}");
    }
}

#[test]
fn every_interval_of_an_evaluation_contains_the_prediction_and_nine_in_ten_the_constant_size() {
    let folder = folder("constant");
    let predictions = folder.join("predictions.jsonl");
    let history = case("hist_constant.jsonl");
    let args = ["run", "--history", &history, "--folds", "4", "--windows", "2m", "--predictions"];
    let output = run(&[&args[..], &[predictions.to_str().unwrap()]].concat(), b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines = fs::read_to_string(predictions).unwrap();
    let mut covered = 0;
    for line in lines.lines() {
        let it: Value = serde_json::from_str(line).unwrap();
        let number = |value: &Value| value.as_f64().unwrap();
        let [low, high] = ["low", "high"].map(|end| number(&it["interval"][end]));
        assert!(low <= number(&it["n_tot"]) && number(&it["n_tot"]) <= high, "{line}");
        assert!(number(&it["n_obs"]) <= low && 30.0 <= high, "{line}");
        covered += u32::from(low <= 30.0);
    }
    assert_eq!(lines.lines().count(), 40);
    assert!(covered >= 36, "{covered} of 40");
}

/// Samples of a window of 600 s, from which a model is trained.
fn samples() -> String {
    let sample = |i: usize| {
        let n = 10 + i % 30;
        format!(
            "{{\"type\":\"sample\",\"cid\":\"{i}\",\"source\":\"0\",\"t\":{i},\"T_obs\":600,\"X\":[0.001,0.5,{n}],\"W\":1,\"n_obs\":{n},\"n_tot\":{},\"features\":{{\"n\":{n}}}}}\n",
            2 * n
        )
    };
    (0..30).map(sample).collect()
}

#[test]
fn model_files_that_are_not_understood_are_kept_and_new_versions_are_above_them() {
    let later = fs::read_to_string(case("model_later_format/600-3.json")).unwrap();
    let altered = later.replace("\"format\":99,", "\"format\":3,").replace("1590", "1591");
    for (name, content) in [("later", later), ("altered", altered), ("empty", String::new())] {
        let models = folder(&format!("models-{name}"));
        fs::write(models.join("600-3.json"), &content).unwrap();
        let path = models.to_str().unwrap();
        for (command, last) in [("train", 4), ("train", 5)] {
            let output = run(&[command, "--models", path], samples().as_bytes());
            let err = text(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{name}: {err}");
            assert!(err.matches("600-3.json").count() <= 1, "reported once: {err}");
            if last == 4 {
                assert!(err.contains("600-3.json: ") && err.contains("kept"), "{err}");
            }
            assert_eq!(fs::read_to_string(models.join("600-3.json")).unwrap(), content, "{name}");
            assert!(models.join("600-4.json").exists(), "{name}: {err}");
            assert!(!models.join("600-1.json").exists(), "{name}");
        }
        // More models than are kept do not delete it either.
        let good = fs::read_to_string(models.join("600-4.json")).unwrap();
        let version = |counter: u32| models.join(format!("600-{counter}.json"));
        (10..40).for_each(|counter| fs::write(version(counter), &good).unwrap());
        let output = run(&["train", "--models", path], samples().as_bytes());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(fs::read_to_string(models.join("600-3.json")).unwrap(), content, "{name}");
    }
}

#[test]
fn a_model_file_that_is_too_large_is_refused_before_it_is_read() {
    let models = folder("models-sparse");
    File::create(models.join("600-1.json")).unwrap().set_len(1 << 40).unwrap();
    let parameters = fs::read(case("seismic_1e300.jsonl")).unwrap();
    let output = run(&["predict", "--models", models.to_str().unwrap()], &parameters);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("600-1.json: a file of 1099511627776 bytes is above the limit"), "{err}");
    assert_eq!(records(&output)[0]["model"], "untrained");
}

#[test]
fn times_of_log_records_in_milliseconds_are_read_and_others_are_refused_by_line() {
    let output = run(&["log", &case("logs_mixed.jsonl")], b"");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        out.contains("2020-12-03T08:45:23.204Z  estimator  INFO      t in milliseconds"),
        "{out}"
    );
    assert!(!out.contains("9999-"), "{out}");
    assert!(
        err.contains(
            "logs_mixed.jsonl:16: field \"t\": t is neither Unix seconds nor milliseconds"
        ),
        "{err}"
    );
}

/// Runs a command with a terminal for stdout and stderr, in a shell.
fn on_a_terminal(command: &str) -> String {
    let line = format!("TERM=dumb {} {command}", env!("CARGO_BIN_EXE_tweetoscope"));
    let mut script = Command::new("script");
    let output = script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
    text(&output.stdout)
}

#[test]
fn control_characters_of_ids_reach_a_pipe_and_no_terminal() {
    let history = case("esc_hist.jsonl");
    let id = "a\u{1b}[31mR\u{9b}31m\u{7}\u{202e}z\u{7f}\u{85}";
    let csv = text(&run(&["fit", "--csv", &history], b"").stdout);
    assert!(csv.contains(id), "{csv:?}");
    let json = text(&run(&["fit", &history], b"").stdout);
    assert!(json.contains("\u{9b}31m") && json.contains('\u{202e}'), "{json:?}");
    let error = format!("fit --windows {}", "$(printf 'x\\033[31m\\302\\233y')");
    for command in [format!("fit --csv {history}"), format!("fit {history}"), error] {
        let shown = on_a_terminal(&command);
        let shown = shown.replace("\u{1b}[2K", "");
        assert!(shown.contains("31m"), "{command}: {shown:?}");
        for hostile in ["\u{1b}[31m", "\u{9b}", "\u{7}", "\u{202e}", "\u{7f}", "\u{85}"] {
            assert!(!shown.contains(hostile), "{command}: {hostile:?} in {shown:?}");
        }
    }
}

#[test]
fn an_option_without_the_one_that_it_needs_is_wrong_usage() {
    let refused: [(&[&str], &str); 12] = [
        (&["fit", "-b", "a:1"], "--kafka"),
        (&["collect", "--exit-eof"], "--kafka"),
        (&["predict", "-X", "a=b"], "--kafka"),
        (&["train", "--group", "g"], "--kafka"),
        (&["monitor", "--from", "latest"], "--kafka"),
        (&["log", "--log-topic"], "--kafka"),
        (&["dashboard", "--wait", "2s"], "--kafka"),
        (&["fit", "--kafka", "--partitions", "3"], "--create-topics"),
        (&["fit", "--http-host", "a"], "--http"),
        (&["generate", "--history", "x", "--p", "0.1"], "--history"),
        (&["run", "--seconds-per-unit", "60"], "--history"),
        (&["run", "--no-learn", "--trees", "3"], "--no-learn"),
    ];
    for (args, needed) in refused {
        // An option that this build does not have is refused for another reason.
        let lacks = |of: &str, has: bool| !has && needed == of;
        if lacks("--http", cfg!(feature = "http"))
            || ["--kafka", "--create-topics"].iter().any(|of| lacks(of, cfg!(feature = "kafka")))
        {
            continue;
        }
        let output = run(args, b"");
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.contains(needed), "{args:?}: {err}");
    }
    // A variable of the environment is for all commands: it is ignored where it has no effect.
    let mut fit = tweetoscope(&["fit"]);
    fit.env("TWEETOSCOPE_BROKERS", "a:1").env("TWEETOSCOPE_P", "0.1").stdin(Stdio::null());
    assert_eq!(fit.output().unwrap().status.code(), Some(0));
    // The option of the same name of another command has its effect.
    let mut log = tweetoscope(&["log", &case("logs_mixed.jsonl")]);
    log.env("TWEETOSCOPE_SOURCES", "estimator").stdin(Stdio::null());
    let shown = text(&log.output().unwrap().stdout);
    assert!(shown.lines().count() == 2 && !shown.contains("collector"), "{shown}");
}

#[test]
fn windows_that_collect_refuses_are_refused_by_fit() {
    for windows in ["0s", "10m,5m", "10m,10m", "1.5s"] {
        for command in ["collect", "fit"] {
            let output = run(&[command, "--windows", windows], b"");
            assert_eq!(output.status.code(), Some(2), "{command} {windows}");
        }
    }
}

#[test]
fn a_threshold_without_a_scored_prediction_is_crossed() {
    let output = run(&["monitor", "--fail-above", "0.5"], b"");
    assert_eq!(output.status.code(), Some(3));
    let err = text(&output.stderr);
    assert!(
        err.contains("--fail-above: no stat record was read, so the error is unknown"),
        "{err}"
    );
}

#[test]
fn the_errors_that_end_a_command_and_losses_of_data_are_critical() {
    let critical = |logs: &Path| {
        text(&run(&["log", "--levels", "critical", logs.to_str().unwrap()], b"").stdout)
    };
    // The output cannot be written.
    let logs = folder("critical-output");
    let mut command = tweetoscope(&["collect", "--log-dir", logs.to_str().unwrap()]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = command.stdout(full).spawn().unwrap();
    let foreign = "{\"type\":\"stat\",\"cid\":\"1\"}\n".repeat(10);
    child.stdin.take().unwrap().write_all(foreign.as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    let shown = critical(&logs);
    assert!(shown.contains("CRITICAL") && shown.contains("stdout: "), "{shown}");
    // The input breaks off.
    let logs = folder("critical-input");
    let broken = logs.join("broken.gz");
    fs::write(&broken, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]).unwrap();
    let dir = logs.join("log");
    run(&["collect", "--log-dir", dir.to_str().unwrap(), broken.to_str().unwrap()], b"");
    let shown = critical(&dir);
    assert!(shown.contains("CRITICAL") && shown.contains("broken.gz"), "{shown}");
    // A limit drops records.
    let logs = folder("critical-limit");
    let roots =
        (0..5).map(|i| format!("{{\"type\":\"tweet\",\"cid\":\"{i}\",\"t\":{i},\"m\":5}}\n"));
    let args = ["collect", "--max-open-cascades", "2", "--log-dir", logs.to_str().unwrap()];
    run(&args, roots.collect::<String>().as_bytes());
    let shown = critical(&logs);
    assert!(
        shown.contains("CRITICAL") && shown.contains("3 records were above a limit and dropped"),
        "{shown}"
    );
    // Wrong usage, a refused record: the command did what it could.
    let logs = folder("not-critical");
    run(&["collect", "--log-dir", logs.to_str().unwrap()], b"no record\n");
    assert_eq!(critical(&logs), "");
}

#[test]
fn events_with_the_id_of_another_of_their_cascade_are_dropped() {
    let twice = fs::read_to_string(case("tw_dups.jsonl")).unwrap();
    let lines: Vec<&str> = twice.lines().collect();
    // Each event is there twice: with ids they are 40 events.
    let with_ids = |form: fn(usize) -> String| -> String {
        let one = |(i, line): (usize, &&str)| {
            line.replace("\"source\"", &format!("\"id\": {}, \"source\"", form(i / 2)))
        };
        lines.iter().enumerate().map(|pair| one(pair) + "\n").collect()
    };
    let args = ["collect", "--windows", "2m", "--min-size", "3"];
    for form in [
        (|i| format!("\"{i}\"")) as fn(usize) -> String,
        |i| i.to_string(),
        |i| format!("99999999999999999999{i}"),
    ] {
        let output = run(&args, with_ids(form).as_bytes());
        assert_eq!(of_type(&output, "size")[0]["n_tot"].as_u64(), Some(40));
        assert_eq!(of_type(&output, "serie")[0]["tweets"].as_array().unwrap().len(), 18);
        let report = text(&output.stderr);
        assert!(report.contains("39 have the id of an earlier event"), "{report}");
    }
    let none = run(&args, with_ids(|_| "null".to_owned()).as_bytes());
    assert_eq!(of_type(&none, "size")[0]["n_tot"].as_u64(), Some(79));
    assert_eq!(none.stdout, run(&args, twice.as_bytes()).stdout);
}

/// The distribution of a prediction by the process has no steps: the documented law is continuous.
#[test]
fn the_distribution_of_a_prediction_by_the_process_descends_from_size_to_size() {
    let line = br#"{"type":"parameters","cid":"9","source":"0","t":600,"msg":"","T_obs":600,"n_obs":300,"n_supp":8612,"params":[0.933,0.001],"n_star":0.933,"G1":577.01,"estimator":"map","status":"ok","log_likelihood":0,"standard_errors":[0.0933,0.0001]}"#;
    let sizes = ["500", "700", "1000", "2000", "4000", "6000", "6044", "6500"];
    let alert_at = |level: &str| {
        let args = ["predict", "--method", "hawkes", "--level", level, "--above"];
        records(&run(&[&args[..], &[&sizes.join(",")]].concat(), line))[0].clone()
    };
    let alert = alert_at("0.9");
    let above = |size: &str| alert["p_above"][size].as_f64().unwrap();
    let steps: Vec<f64> = sizes.windows(2).map(|pair| above(pair[0]) - above(pair[1])).collect();
    assert!(steps.iter().all(|step| (0.0..0.35).contains(step)), "{steps:?}");
    assert!(above("500") - above("1000") > 0.1, "{steps:?}");
    let high = |level: &str| alert_at(level)["interval"]["high"].as_f64().unwrap();
    assert!(high("0.8") < 0.95 * high("0.9"), "{} {}", high("0.8"), high("0.9"));
}

#[test]
fn sizes_that_are_no_numbers_are_refused() {
    for option in ["--above", "--alert-above"] {
        for size in ["nan", "inf", "1e400"] {
            let output = run(&["predict", option, size], b"");
            assert_eq!(output.status.code(), Some(2), "{option} {size}");
        }
    }
}

#[test]
fn a_baseline_without_errors_is_better_than_predictions_with_some() {
    let stat = |i: usize| {
        format!(
            "{{\"type\":\"stat\",\"cid\":\"{i}\",\"source\":\"0\",\"t\":{i},\"T_obs\":600,\"ARE\":1,\"n_obs\":100,\"n_tot\":100,\"n_pred\":200}}\n"
        )
    };
    let input: String = (0..60).map(stat).collect();
    let report = records(&run(&["monitor", "--every", "0"], input.as_bytes())).pop().unwrap();
    assert_eq!(report["verdict"], "worse_than_baseline", "{report}");
}

/// Also where its version has no forest.
#[test]
fn a_pinned_version_predicts_its_window() {
    let folder = folder("pinned");
    let models = folder.to_str().unwrap();
    let history = format!("{}/testdata/tideh.jsonl.gz", env!("CARGO_MANIFEST_DIR"));
    let learned = ["run", "--windows", "10m,1h", "--terminated", "1d", "--models", models];
    let output = run(&[&learned[..], &["--history", &history]].concat(), b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let fitted = run(&["fit", "--windows", "10m,1h", &history], b"").stdout;
    let pinned = ["predict", "--models", models, "--pin", "600-3"];
    let alerts = records(&run(&pinned, &fitted));
    let of_window = alerts.iter().filter(|it| it["type"] == "alert" && it["T_obs"] == 600);
    let versions: Vec<&Value> = of_window.map(|it| &it["model"]).collect();
    assert!(versions.len() == 50 && versions.iter().all(|it| **it == "600-3"), "{versions:?}");
}

#[test]
fn a_text_log_of_any_records_is_read_back() {
    let record = |level: &str, source: &str, file: &str, message: &str| {
        let fields = serde_json::json!({
            "type": "log", "t": 1_800_000_000, "level": level, "source": source, "file": file, "line": 7,
            "message": message
        });
        format!("{fields}\n")
    };
    let input = record("NOTICE", "fit", "a.rs", "one")
        + &record("INFO", "my stage", "a.rs", "two words")
        + &record("INFO", "", "a.rs", "three")
        + &record("WARN", "fit", "dir x/f.rs", "four");
    let folder = folder("text-log");
    let _ = fs::remove_dir_all(&folder);
    let written = run(&["log", "--into", folder.to_str().unwrap()], input.as_bytes());
    assert!(written.status.success(), "{}", text(&written.stderr));
    let read = run(&["log", "--json", folder.join("tweetoscope.log").to_str().unwrap()], b"");
    assert!(read.status.success(), "{}", text(&read.stderr));
    let messages: Vec<Value> = records(&read).iter().map(|it| it["message"].clone()).collect();
    assert_eq!(messages, ["one", "two words", "three", "four"]);
}
