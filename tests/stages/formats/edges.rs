//! Unusual table cells, ids, times and marks in the input of commands: their output, messages and exit statuses.

use std::fs;

use serde_json::Value;

use crate::pipes::{folder, run, text};

/// The ids of the cascades with their numbers of events, from `generate`.
fn sizes(table: &str) -> Vec<(String, usize)> {
    let output = run(&["generate", "--data", "-"], table.as_bytes());
    let mut sizes: Vec<(String, usize)> = Vec::new();
    for line in text(&output.stdout).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let Some(cid) = record["cid"].as_str() else { continue };
        match sizes.iter_mut().find(|(it, _)| it == cid) {
            Some((_, size)) => *size += 1,
            None => sizes.push((cid.to_owned(), 1)),
        }
    }
    sizes.sort();
    sizes
}

#[test]
fn blanks_around_ids_and_the_guard_of_excel_are_no_part_of_them() {
    let plain = "id,retweet_of,t,m\n100,,0,5\n101,100,60,6\n200,,100,7\n201,200,160,8\n";
    let expected = [("100".to_owned(), 2), ("200".to_owned(), 2)];
    assert_eq!(sizes(plain), expected);
    let guarded = plain.lines().enumerate().map(|(i, line)| {
        let cells = line
            .split(',')
            .map(|cell| if i == 0 { cell.to_owned() } else { format!("=\"{cell}\"") });
        cells.collect::<Vec<_>>().join(";") + "\n"
    });
    let doubled = guarded.clone().map(|line| match line.strip_prefix("id") {
        Some(_) => line,
        None => {
            line.trim()
                .split(';')
                .map(|it| format!("\"{}\"", it.replace('"', "\"\"")))
                .collect::<Vec<_>>()
                .join(";")
                + "\n"
        }
    });
    for table in [
        plain.replace(',', ", "),
        plain.replace(',', " \t "),
        guarded.clone().collect(),
        doubled.collect(),
    ] {
        assert_eq!(sizes(&table), expected, "{table}");
    }
}

#[test]
fn a_first_time_that_is_no_number_does_not_decide_the_unit() {
    for first in ["NaN", "inf", "nan", "NA", ""] {
        for rest in ["1539202764000", "2018-10-10 20:19:24"] {
            let table = format!("cid,t,m\na,{first},1\nb,{rest},1\nb,{rest},2\n");
            assert_eq!(sizes(&table), [("b".to_owned(), 2)], "{first:?} {rest}");
        }
    }
}

#[test]
fn dead_letters_hold_the_refused_row_or_line() {
    let folder = folder("dead-rows");
    let histories = "bad\n{\"cid\":\"q\",\"tweets\":[[0,10],[1,2]]}\n";
    let posts = "{\"created_at\":\"Wed Oct 10 20:00:00 +0000 2018\",\"id\":1,\"id_str\":\"1\",\"user\":{}}\n{\"created_at\":7,\"id\":2,\"user\":{}}\n";
    for (name, content, expected) in [
        ("table", "id,cid,t\n1,,0\n2,1,zz\n", "2,1,zz"),
        ("history", histories, "bad"),
        ("posts", posts, "{\"created_at\":7,\"id\":2,\"user\":{}}"),
    ] {
        let (input, dead) = (folder.join(name), folder.join(format!("{name}-dead")));
        let _ = fs::remove_file(&dead);
        fs::write(&input, content).unwrap();
        let paths = [&input, &dead].map(|path| path.to_str().unwrap());
        let format = ["csv", "history", "x_v11"]
            [["table", "history", "posts"].iter().position(|it| *it == name).unwrap()];
        let output =
            run(&["generate", "--format", format, "--dead-letter", paths[1], paths[0]], b"");
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output.stderr));
        let letters = fs::read_to_string(&dead).unwrap();
        let letter: Value = serde_json::from_str(letters.lines().next().unwrap()).unwrap();
        assert_eq!(letter["record"], expected, "{name}: {letters}");
    }
}

/// A source that is silent for longer than `--max-jump` of `collect`.
#[test]
fn a_pipe_predicts_the_cascades_after_a_silence_as_run_does() {
    let line = |i: u64| {
        let events: Vec<String> = (0..20).map(|k| format!("[{},100]", 20 * k)).collect();
        let t0 = 1_538_346_000 + i * 2_592_000;
        format!("{{\"cid\":\"c{i}\",\"t0\":{t0},\"tweets\":[{}]}}\n", events.join(","))
    };
    let history = folder("silence").join("history.jsonl");
    fs::write(&history, (0..6).map(line).collect::<String>()).unwrap();
    let history = history.to_str().unwrap();
    let tweets = run(&["generate", "--sources", "1", "--history", history], b"").stdout;
    assert_eq!(text(&tweets).matches("watermark").count(), 6);
    let series = run(&["collect", "--windows", "10m", "--terminated", "7d"], &tweets);
    assert!(series.status.success(), "{}", text(&series.stderr));
    let fitted = run(&["fit"], &series.stdout).stdout;
    let alerts = |output: &[u8]| -> Vec<String> {
        let lines = text(output);
        lines.lines().filter(|it| it.contains(r#""type":"alert""#)).map(str::to_owned).collect()
    };
    let piped = alerts(&run(&["predict"], &fitted).stdout);
    let whole = ["run", "--no-learn", "--sources", "1", "--windows", "10m", "--terminated", "7d"];
    let whole = alerts(&run(&[&whole[..], &["--history", history]].concat(), b"").stdout);
    assert_eq!((piped.len(), &piped), (6, &whole));
}

#[test]
fn an_infinite_mean_of_marks_is_refused_where_the_exponent_is_given() {
    let line = br#"{"cid":"a","tweets":[[0,10],[100,5],[200,3]]}"#;
    let fit = |options: &[&str]| {
        run(&[&["fit", "--kernel", "exp"], options].concat(), line).status.code()
    };
    assert_eq!(fit(&["--mark-exponent", "1.3"]), Some(0));
    for exponent in ["1.4", "1.5", "2"] {
        assert_eq!(fit(&["--mark-exponent", exponent]), Some(2), "{exponent}");
    }
    assert_eq!(fit(&["--mark-exponent", "1.5", "--marks", "pareto:3,10"]), Some(0));
}

/// The likelihood takes the events up to the first positive mark as given.
#[test]
fn the_test_of_residuals_leaves_out_the_events_before_the_first_positive_mark() {
    let events: Vec<String> =
        (0..40).map(|i| format!("[{},{}]", 50 * i + i * i % 37, 3 + i % 5)).collect();
    let fitted = |events: &str| -> Value {
        let line = format!("{{\"cid\":\"a\",\"tweets\":[{events}],\"observed\":9000}}");
        let output = run(&["fit", "--marks", "mean:35", "--until", "9000"], line.as_bytes());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let plain = fitted(&events.join(","));
    let zeros: Vec<String> = (0..30).map(|_| "[0,0]".to_owned()).collect();
    let with_zeros = fitted(&format!("{},{}", zeros.join(","), events.join(",")));
    for field in ["params", "ks"] {
        assert_eq!(plain[field], with_zeros[field], "{field}");
    }
}

/// Where all marks are 0 they are unknown, and count as 1.
#[test]
fn kernels_take_marks_of_zero_for_unknown_in_an_evaluation_too() {
    let folder = folder("zero-marks");
    let line = |i: u64, mark: u32| {
        let events: Vec<String> =
            (0..60).map(|k| format!("[{},{mark}]", k * k * (5 + i))).collect();
        format!("{{\"cid\":\"c{i}\",\"tweets\":[{}]}}\n", events.join(","))
    };
    let evaluated = |mark: u32| {
        let file = folder.join(mark.to_string());
        fs::write(&file, (0..8).map(|i| line(i, mark)).collect::<String>()).unwrap();
        let file = file.to_str().unwrap();
        let folds = ["run", "--folds", "2", "--windows", "1h", "--kernels", "exp", "--csv"];
        let output = run(&[&folds[..], &["--history", file]].concat(), b"");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let rows = text(&output.stdout);
        let of_kernel = rows.lines().filter(|row| row.contains("exp"));
        of_kernel.map(str::to_owned).collect::<Vec<_>>()
    };
    let (zeros, ones) = (evaluated(0), evaluated(1));
    assert!(!ones.is_empty());
    assert_eq!(zeros, ones);
}

/// The training row at an earlier age equals the features of a window that ends there: it contains no later event or
/// mark.
#[test]
fn the_rows_of_a_window_are_the_features_of_windows_that_end_at_their_ages() {
    let line = |i: u64| {
        let mark = |k: u64| if k == 29 { 500_000 } else { 3 + (7 * k + i) % 90 };
        let events: Vec<String> =
            (0..30).map(|k| format!("[{},{}]", k * k + 5 * k * i, mark(k))).collect();
        format!("{{\"cid\":\"c{i}\",\"tweets\":[{}]}}\n", events.join(","))
    };
    let history: String = (0..12).map(line).collect();
    let output = run(&["fit", "--windows", "5m,10m,20m"], history.as_bytes());
    assert!(output.status.success(), "{}", text(&output.stderr));
    /// Names and values in the order of the record.
    fn features(record: &str) -> Vec<(&str, f64)> {
        let object = record.split("\"features\":{").nth(1).unwrap().split('}').next().unwrap();
        let pairs = object.split(',').map(|pair| pair.split_once(':').unwrap());
        pairs.map(|(name, value)| (name, value.parse().unwrap())).collect()
    }
    let (mut of_windows, mut compared) = (std::collections::BTreeMap::new(), 0);
    let lines = text(&output.stdout);
    for line in lines.lines() {
        let it: Value = serde_json::from_str(line).unwrap();
        of_windows.insert((it["cid"].to_string(), it["T_obs"].as_u64().unwrap()), (line, it));
    }
    for ((cid, window), (_, it)) in &of_windows {
        // Without enough events at an earlier age there is no row.
        let rows: Vec<Vec<f64>> = serde_json::from_value(it["rows"].clone()).unwrap_or_default();
        for ((_, age), (line, _)) in of_windows.range((cid.clone(), 0)..(cid.clone(), *window)) {
            let (names, values): (Vec<&str>, Vec<f64>) = features(line).into_iter().unzip();
            let ln_age = names.iter().position(|name| *name == "\"ln_age\"").unwrap();
            let at_age = |row: &&Vec<f64>| (row[ln_age] - values[ln_age]).abs() < 1e-4;
            if let Some(row) = rows.iter().find(at_age) {
                assert_eq!(row, &values, "{cid} {window} {age}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 24, "{compared}");
}

#[test]
fn a_check_ends_as_the_work_on_the_same_files_would() {
    let folder = folder("dry-run");
    let history = folder.join("history.jsonl");
    fs::write(&history, "{\"cid\":\"a\",\"tweets\":[[0,10],[100,5]]}\nbad\n").unwrap();
    let history = history.to_str().unwrap();
    for command in [
        &["generate", "--history"][..],
        &["run", "--windows", "1m", "--history"],
        &["run", "--windows", "1m", "--folds", "2", "--min-size", "1", "--history"],
        &["train", "--history"],
        &["predict", "--now"],
    ] {
        let output = run(&[command, &[history, "--dry-run"]].concat(), b"");
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {errors}");
        assert!(errors.contains("history.jsonl:2"), "{command:?}: {errors}");
    }
    for command in ["collect", "predict", "monitor", "dashboard"] {
        let output = run(&[command, "--dry-run", folder.to_str().unwrap()], b"");
        assert_eq!(output.status.code(), Some(1), "{command}: {}", text(&output.stderr));
    }
}

#[test]
fn predictions_of_the_present_by_the_process_need_no_model_and_by_a_kernel_another_command() {
    let line = br#"{"cid":"a","t0":1539202764,"tweets":[[0,10],[100,5],[200,3],[700,9]]}"#;
    let now = |method: &str| run(&["predict", "--now", "--method", method], line);
    let output = now("hawkes");
    assert!(output.status.success() && !text(&output.stderr).contains("growth law"));
    assert!(text(&now("auto").stderr).contains("growth law"));
    for method in ["kernel", "exp"] {
        let output = now(method);
        assert_eq!(output.status.code(), Some(2), "{method}");
        assert!(text(&output.stderr).contains("fit --kernel"), "{method}");
    }
}
