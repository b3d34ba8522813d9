//! Recorded cascades and posts through the commands: what is read, what is reported, what comes out.

mod edges;
mod keys;
mod now;
mod observed;
mod parquet;
mod raw;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::pipes::{folder, run, text};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn sample(name: &str) -> String {
    format!("{ROOT}/testdata/formats/{name}")
}

fn case(name: &str) -> String {
    format!("{ROOT}/testdata/cases/{name}")
}

fn events(output: &[u8]) -> usize {
    text(output).lines().filter(|line| line.contains(r#"tweet","cid""#)).count()
}

#[test]
fn generate_converts_files_and_streams_of_posts() {
    for (name, title, stored, live) in [
        ("x_v11.jsonl", "X API v1.1", 6, 4),
        ("x_v2_stream.jsonl", "X API v2", 6, 4),
        ("jetstream.jsonl", "Bluesky Jetstream", 4, 4),
        ("mastodon_sse.txt", "Mastodon", 6, 4),
        ("weibo.txt", "Weibo cascades", 4, 4),
    ] {
        let bytes = fs::read(sample(name)).unwrap();
        for option in ["", "--history", "--data"] {
            let path = sample(name);
            let args = [&["generate"][..], &[option, &path][usize::from(option.is_empty())..]];
            let output = run(&args.concat(), b"");
            let errors = text(&output.stderr);
            assert!(output.status.success(), "{name}: {errors}");
            assert_eq!(events(&output.stdout), stored, "{name} {option}");
            assert!(errors.contains(&format!("{name}: read as {title}")), "{errors}");
        }
        let output = run(&["generate", "-"], &bytes);
        let errors = text(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        assert_eq!(events(&output.stdout), live, "{name}");
        assert!(errors.contains(&format!("stdin: read as {title}")), "{errors}");
        assert!(text(&output.stdout).lines().last().unwrap().contains("watermark"), "{name}");
        let sorted = run(&["generate", "--history", "-"], &bytes);
        assert_eq!(events(&sorted.stdout), stored, "{name}");
    }
    // A format that is given is not recognised.
    let output = run(&["generate", "--format", "jetstream", "-"], b"rubbish\n{}\n");
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("stdin:1: not JSON"), "{errors}");
    assert!(errors.contains("stdin:2: neither kind nor commit"), "{errors}");
}

#[test]
fn the_same_cascades_give_the_same_predictions_from_every_source() {
    let predictions = |args: &[&str], input: &[u8]| {
        let flags = ["--windows", "2m", "--min-size", "5", "--csv"];
        let output = run(&[&["run"][..], &flags, args].concat(), input);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let file = case("x_v11.jsonl");
    let expected = predictions(&[&file], b"");
    assert_eq!(expected.lines().count(), 2);
    assert!(
        expected.starts_with("cid,T_obs,n_obs,n_pred,low,high,model,method,source\n"),
        "{expected}"
    );
    assert!(expected.contains("1050118621198921728,120,14,"), "{expected}");
    let bytes = fs::read(&file).unwrap();
    for args in [
        &[][..],
        &["-"],
        &["--format", "x_v11"],
        &["--history", "-"],
        &["--history", &file],
        &["--data", &file],
    ] {
        assert_eq!(predictions(args, &bytes), expected, "{args:?}");
    }
    let tweets = run(&["generate", &file], b"").stdout;
    assert_eq!(predictions(&[], &tweets), expected);
}

#[test]
fn the_sources_of_a_table_are_those_of_its_column() {
    // The example of the page of formats; the root of 2 has no language, and that of 3 is the row with its id.
    let table = concat!(
        "tweet_id,retweet_of,created_at,user_followers,text,lang,source\n",
        "1,1,2018-10-10 20:00:00,5,one,fr,web\n",
        "11,1,2018-10-10 20:00:30,6,,en,web\n",
        "2,2,2018-10-10 20:01:00,7,two,NA,web\n",
        "12,2,2018-10-10 20:02:00,8,,fr,web\n",
        "13,3,2018-10-10 20:03:30,9,,en,web\n",
        "3,3,2018-10-10 20:03:00,10,three,fr,web\n",
    );
    let names = "cid=retweet_of,id=tweet_id,t=created_at,m=user_followers,msg=text,source=lang";
    for timeline in ["real", "dealt"] {
        let args = ["generate", "--data", "-", "--columns", names, "--timeline", timeline];
        let output = run(&args, table.as_bytes());
        let errors = text(&output.stderr);
        assert!(errors.contains("msg=text, source=lang; ignored: source"), "{errors}");
        let lines = text(&output.stdout);
        let of = |source: &str, kind: &str| {
            let (source, kind) =
                (format!(r#""source":"{source}""#), format!(r#"{{"type":"{kind}""#));
            lines.lines().filter(|it| it.starts_with(&kind) && it.contains(&source)).count()
        };
        for (source, counts) in [("fr", [2, 2, 1]), ("unknown", [1, 1, 1])] {
            let found = ["tweet", "retweet", "watermark"].map(|kind| of(source, kind));
            assert_eq!(found, counts, "{timeline} {source}: {lines}");
        }
        assert_eq!(lines.lines().count(), 8, "{lines}");
    }
}

#[test]
fn cascades_with_weeks_of_silence_between_them_are_all_predicted_and_learned() {
    let mut table = "cid,t,m\n".to_owned();
    for i in 0..6 {
        let start = 1_539_202_764 + i * 20 * 86_400;
        let row = |k: u32| format!("c{i},{},10\n", start + k * 7);
        table.extend((0..12).map(row));
    }
    // The recording goes on after the last of them.
    table.push_str(&format!("last,{},10\n", 1_539_202_764 + 6 * 20 * 86_400));
    let output = run(&["run", "--windows", "5m", "--csv", "--data", "-"], table.as_bytes());
    let errors = text(&output.stderr);
    assert_eq!(text(&output.stdout).lines().count(), 1 + 6, "{errors}");
    assert!(!errors.contains("--max-jump"), "{errors}");
    let models = folder("sparse");
    let to = models.to_str().unwrap();
    run(&["train", "--windows", "5m", "--data", "-", "--models", to], table.as_bytes());
    let last = fs::read_to_string(models.join("300-5.json")).unwrap();
    assert!(last.contains(r#""samples":6,"#), "{last}");
}

#[test]
fn fit_and_train_read_tables_and_posts() {
    let csv = run(&["fit", "--csv", "--windows", "2m", &case("x_v2_flat.jsonl")], b"");
    let rows = text(&csv.stdout);
    assert_eq!(rows.lines().count(), 2, "{}", text(&csv.stderr));
    let header = rows.lines().next().unwrap();
    assert!(header.ends_with(",log_likelihood,status,se_p,se_beta,ks,ks_p"), "{header}");
    let row: Vec<&str> = rows.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(row[..3], ["1050118621198921728", "120", "14"]);
    assert!(row[12].parse::<f64>().is_ok() && row[13].parse::<f64>().is_ok(), "{row:?}");

    let table = run(&["fit", "--csv", "--windows", "1m,2m", &case("csv_semicolon.csv")], b"");
    assert_eq!(text(&table.stdout).lines().count(), 13, "{}", text(&table.stderr));
    let stdin = fs::read(case("csv_semicolon.csv")).unwrap();
    for args in [["--format", "csv"], ["--data", "-"]] {
        let args = [&["fit", "--csv", "--windows", "1m,2m"][..], &args].concat();
        assert_eq!(run(&args, &stdin).stdout, table.stdout);
    }

    let history = format!("{ROOT}/testdata/tideh.jsonl.gz");
    let models = folder("trained-from-a-history");
    let train =
        ["train", "--history", &history, "--windows", "1h", "--models", models.to_str().unwrap()];
    let output = run(&train, b"");
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
    assert!(models.join("3600-1.json").exists());
}

#[test]
fn a_table_that_is_not_recognised_is_refused_with_its_header_and_the_option() {
    let file = case("csv_headers_researcher.csv");
    let output = run(&["generate", &file], b"");
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("in the header \"tweet_id, user_followers, timestamp\""), "{errors}");
    assert!(errors.contains("--columns cid=NAME"), "{errors}");
    let output = run(&["generate", "--columns", "cid=tweet_id", &file], b"");
    assert!(output.status.success());
    let first = text(&output.stdout).lines().next().unwrap().to_owned();
    assert!(
        first.starts_with(r#"{"type":"tweet","cid":"900000","t":1539202764,"m":5000"#),
        "{first}"
    );
}

#[test]
fn a_table_without_rows_is_reported() {
    for args in [&["generate"][..], &["fit", "--windows", "10m"], &["run", "--windows", "10m"]] {
        let output = run(&[args, &["--data", "-"]].concat(), b"cid,t\n");
        let errors = text(&output.stderr);
        assert_eq!(errors.matches("the input has no cascades").count(), 1, "{args:?}: {errors}");
    }
}

#[test]
fn an_array_is_refused_with_the_remedy() {
    let array = fs::read(case("hist_array.json")).unwrap();
    let from_stdin = run(&["fit"], &array);
    let from_file = run(&["fit", &case("hist_array.json")], b"");
    for output in [from_stdin, from_file] {
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("jq -c '.[]'"), "{}", text(&output.stderr));
    }
}

#[test]
fn options_that_a_stream_cannot_follow_are_refused_or_reported() {
    let posts = fs::read(sample("jetstream.jsonl")).unwrap();
    for option in ["--speed", "--limit"] {
        let output = run(&["generate", option, "5", "-"], &posts);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("--history -"), "{}", text(&output.stderr));
    }
    let output = run(&["generate", "--columns", "cid=x", &sample("jetstream.jsonl")], b"");
    assert!(text(&output.stderr).contains("--columns is ignored: the input is not a table"));
}

#[test]
fn windows_alone_are_enough() {
    let history = format!("{ROOT}/testdata/tideh.jsonl.gz");
    let tweets = run(&["generate", "--history", &history, "--limit", "3000"], b"").stdout;
    for command in ["collect", "run"] {
        let output = run(&[command, "--windows", "10m,1h", "--min-size", "5"], &tweets);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    // A recorded cascade is complete: silence of a day does not end it.
    let line = r#"{"cid":"a","tweets":[[0,1],[1,1],[2,1],[3,1],[200000,1]]}"#;
    let args = ["run", "--windows", "1m", "--min-size", "2", "--no-learn", "--history", "-"];
    let output = text(&run(&args, line.as_bytes()).stdout);
    assert!(output.contains(r#""n_tot":5,"#), "{output}");
}

#[test]
fn run_takes_both_files_of_settings_of_the_original_system() {
    let folder = folder("settings");
    let write = |name: &str, text: &str| -> PathBuf {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    let data = write("data.csv", "time,magnitude\n0,9\n1,5\n2,5\n3,5\n0,7\n4,5\n5,5\n6,5\n");
    let index = write("index.csv", "start_ind,end_ind\n1,4\n5,8\n");
    let config = format!("tweets_path {}\ncascades_path {}\n", data.display(), index.display());
    let config = write("params.config", &config);
    let ini =
        write("collector.ini", "[times]\nobservation = 60\n[cascade]\nmin_cascade_size = 2\n");
    let [config, ini] = [&config, &ini].map(|path| path.to_str().unwrap());
    let output = run(&["run", "--csv", "--params", config, "--params", ini], b"");
    let rows = text(&output.stdout);
    assert_eq!(rows.lines().count(), 3, "{rows}{}", text(&output.stderr));
    assert!(rows.lines().skip(1).all(|row| row.contains(",60,4,")), "{rows}");
}

#[test]
fn an_evaluation_has_a_row_for_each_cascade_window_and_method() {
    let history = format!("{ROOT}/testdata/tideh.jsonl.gz");
    let file = folder("evaluation").join("rows.csv");
    let args = [
        "run",
        "--folds",
        "2",
        "--windows",
        "10m,1h",
        "--predictions",
        file.to_str().unwrap(),
        &history,
    ];
    let output = run(&args, b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows = fs::read_to_string(file).unwrap();
    let mut rows = rows.lines();
    assert_eq!(
        rows.next(),
        Some("cid,T_obs,n_obs,n_pred,low,high,model,method,n_tot,are,predictor,own")
    );
    let (mut count, mut rows_of_methods) = (0, 0);
    for row in rows {
        let fields: Vec<&str> = row.split(',').collect();
        let number = |place: usize| fields[place].parse::<f64>().unwrap();
        let (n_pred, n_tot, are) = (number(3), number(8), number(9));
        assert!((are - (n_pred - n_tot).abs() / n_tot).abs() < 1e-9, "{row}");
        assert!(n_tot >= number(2), "{row}");
        count += usize::from(fields[10] == "model");
        rows_of_methods += 1;
        // Only the model has a version; the others have their name as the method.
        assert_eq!(fields[6].is_empty(), fields[10] != "model", "{row}");
        assert!(["0", "1"].contains(&fields[11]), "{row}");
    }
    assert_eq!((count, rows_of_methods), (100, 800));
}

#[test]
fn kernels_predict_beside_the_other_methods() {
    let history = format!("{ROOT}/testdata/tideh.jsonl.gz");
    let args = ["run", "--folds", "2", "--windows", "10m", "--kernels", "power-law,exp-n", "--csv"];
    let with = run(&[&args[..], &[&history]].concat(), b"");
    let without = run(&[&args[..5], &["--csv", &history]].concat(), b"");
    let (with, without) = (text(&with.stdout).to_owned(), text(&without.stdout).to_owned());
    let added = with.strip_prefix(&without).expect("the other rows remain");
    let methods: Vec<&str> = added.lines().map(|row| row.split(',').nth(1).unwrap()).collect();
    assert_eq!(methods, ["power-law", "exp-n"], "{added}");
    // On a pipe the alert has the size of the kernel, within the limits of every prediction.
    let fit = ["fit", "--windows", "10m", "--kernel", "power-law", &history];
    let fitted = run(&fit, b"");
    let alerts = run(&["predict", "--method", "kernel"], &fitted.stdout);
    let field = |line: &str, name: &str| -> Option<f64> {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        name.split('.').try_fold(&value, |it, key| it.get(key))?.as_f64()
    };
    let sizes: Vec<Option<f64>> = text(&fitted.stdout)
        .lines()
        .filter(|line| line.contains(r#""type":"parameters""#))
        .map(|line| field(line, "kernel_fit.n_tot"))
        .collect();
    let mut kernels = 0;
    let alerts = text(&alerts.stdout);
    let alerts = alerts.lines().filter(|line| line.contains(r#""type":"alert""#));
    for (alert, size) in alerts.zip(&sizes) {
        assert_eq!(alert.contains(r#""method":"kernel""#), size.is_some(), "{alert}");
        let (Some(size), Some(n)) = (*size, field(alert, "n_obs")) else { continue };
        kernels += 1;
        let answer = field(alert, "n_tot").unwrap();
        assert!(answer == size || answer <= 100.0 * n && size > answer, "{alert}: {size}");
    }
    assert!(kernels > 20 && sizes.len() == 50, "{kernels} of {}", sizes.len());
    // With the name of the kernel. Fits of another kernel are not used, and a warning counts such predictions.
    let by = |method: &str| run(&["predict", "--method", method], &fitted.stdout);
    let (named, other) = (by("power-law"), by("exp"));
    let any = by("kernel");
    assert_eq!(text(&named.stdout), text(&any.stdout));
    assert_eq!(text(&other.stdout).matches(r#""method":"kernel""#).count(), 0);
    let errors = text(&other.stderr);
    assert!(errors.contains("50 predictions are those of the fitted process"), "{errors}");
    let errors = text(&by("power").stderr);
    assert!(errors.contains("power-law, sum-exp:2"), "{errors}");
}

/// The estimator of docs/original.md.
#[test]
fn an_estimator_in_another_language_takes_part_in_a_pipe() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/original.md")).unwrap();
    let code = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no python3");
        return;
    }
    let history = format!("{ROOT}/testdata/tideh.jsonl.gz");
    let tweets = run(&["generate", "--history", &history], b"").stdout;
    let series = run(&["collect", "--windows", "1h", "--terminated", "1d"], &tweets).stdout;
    let folder = folder("estimator");
    let (script, input) = (folder.join("estimator.py"), folder.join("series.jsonl"));
    fs::write(&script, code).unwrap();
    fs::write(&input, series).unwrap();
    let input = fs::File::open(input).unwrap();
    let estimated = Command::new("python3").arg(script).stdin(input).output().unwrap();
    assert!(estimated.status.success(), "{}", text(&estimated.stderr));
    let predicted = run(&["predict"], &estimated.stdout);
    assert!(predicted.status.success(), "{}", text(&predicted.stderr));
    let lines = text(&predicted.stdout);
    let count = |kind: &str| lines.lines().filter(|line| line.contains(kind)).count();
    assert_eq!((count(r#""type":"alert""#), count(r#""type":"stat""#)), (50, 50));
}

#[test]
fn fit_reports_cascades_that_were_observed_for_less_than_a_window() {
    let report = "cascades were observed for less than";
    let errors = |args: &[&str], stdin: &[u8]| {
        text(&run(&[&["fit", "--csv"], args].concat(), stdin).stderr).to_owned()
    };
    // The last of six cascades began 2,977 s before the last event of the table.
    let table = case("csv_semicolon.csv");
    let found = errors(&["--windows", "30m,1h", &table], b"");
    assert!(found.contains(&format!("1 of 6 {report} 1h")), "{found}");
    assert_eq!(found.matches(report).count(), 1, "{found}");
    let found = errors(&["--until", "1d", &table], b"");
    assert!(found.contains(&format!("6 of 6 {report} 1d")), "{found}");
    let line = br#"{"cid":"a","tweets":[[0,10],[100,5]],"observed":2820}"#;
    assert!(errors(&["--windows", "1h"], line).contains(&format!("1 of 1 {report} 1h")));
    assert!(!errors(&["--windows", "47m"], line).contains(report));
    // Finished cascades: history lines, with Unix times or without.
    let history = format!("{ROOT}/testdata/tideh.jsonl.gz");
    let found = errors(&["--windows", "1h,7d", &history], b"");
    assert!(!found.contains(report), "{found}");
}
