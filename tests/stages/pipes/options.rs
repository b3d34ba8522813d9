//! Options on the command line, in the environment and in files of settings: they have an effect, or it is reported
//! that they have none.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::{folder, run, text, tweetoscope};

const HISTORY: &str = "{\"cid\":\"a\",\"tweets\":[[0,9],[1,5],[2,5],[3,5]]}\n\
                       {\"cid\":\"b\",\"tweets\":[[0,7],[4,5],[5,5],[6,5]]}\n";
const SERIE: &[u8] =
    b"{\"type\":\"serie\",\"cid\":\"a\",\"T_obs\":600,\"tweets\":[[0,9],[1,5],[2,5]]}\n";

/// A file of that name in the folder.
fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn variables_of_the_environment_apply_to_a_file_argument() {
    let history = file(&folder("environment"), "history.jsonl", HISTORY);
    let lines = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = tweetoscope(args);
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout).lines().count()
    };
    let generate = ["generate", &history];
    assert_eq!(lines(&generate, &[("TWEETOSCOPE_LIMIT", "3")]), 3);
    assert_eq!(lines(&["generate", "--limit", "2", &history], &[("TWEETOSCOPE_LIMIT", "3")]), 2);
    // Without an effect on recorded cascades.
    let both = [("TWEETOSCOPE_P", "0.1"), ("TWEETOSCOPE_LIMIT", "3")];
    assert_eq!(lines(&generate, &both), 3);
    // A switch that is off conflicts with nothing.
    for off in ["false", "0", "No"] {
        lines(&["run", "--trees", "3", &history], &[("TWEETOSCOPE_NO_LEARN", off)]);
    }
}

#[test]
fn settings_of_the_original_system_are_combined_with_options() {
    let folder = folder("settings-and-options");
    let rows = "time,magnitude\n0,9\n1,5\n2,5\n3,5\n0,7\n4,5\n5,5\n6,5\n";
    let data = file(&folder, "data.csv", rows);
    let index = file(&folder, "index.csv", "start_ind,end_ind\n1,4\n5,8\n");
    let config = format!("tweets_path {data}\ncascades_path {index}\nseconds_per_time_unit 2\n");
    let config = file(&folder, "params.config", &config);
    let only_data = file(&folder, "data.config", &format!("tweets_path {data}\n"));
    for options in [
        &["--params", &config, "--limit", "3"][..],
        &["--params", &config, "--limit", "3", "--seconds-per-unit", "60"],
        &["--params", &config, "--limit", "3", "--timeline", "dealt", "--speed", "1e9"],
        &["--params", &only_data, "--index", &index, "--limit", "3"],
    ] {
        let output = run(&[&["generate"], options].concat(), b"");
        let lines = text(&output.stdout).lines().count();
        assert_eq!((output.status.code(), lines), (Some(0), 3), "{}", text(&output.stderr));
    }
    let ini = file(&folder, "collector.ini", "[times]\nobservation=1200\nobservation=600\n");
    let output = run(&["collect", "--params", &ini], b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn options_of_a_replay_are_refused_on_tweet_records() {
    let folder = folder("replay-options");
    let history = file(&folder, "history.jsonl", HISTORY);
    let tweets = text(&run(&["generate", &history], b"").stdout);
    let tweets = file(&folder, "tweets.jsonl", &tweets);
    for (option, value) in [
        ("--limit", Some("5")),
        ("--sources", Some("2")),
        ("--live", Some("2")),
        ("--start-range", Some("1m")),
        ("--timeline", Some("dealt")),
        ("--tail", Some("1d")),
        ("--exact-times", None),
        ("--seconds-per-unit", Some("60")),
        ("--missing-root", Some("drop")),
    ] {
        let mut args = vec!["run", option];
        args.extend(value);
        args.push(&tweets);
        let output = run(&args, b"");
        assert_eq!(output.status.code(), Some(2), "{option}");
        let errors = text(&output.stderr);
        assert!(errors.contains(&format!("{option} has no effect on tweet records")), "{errors}");
    }
    let mut command = tweetoscope(&["run", &tweets]);
    command.env("TWEETOSCOPE_LIMIT", "1").stdin(Stdio::null());
    assert!(command.output().unwrap().status.success());
}

#[test]
fn options_of_cascades_are_reported_where_the_input_is_records() {
    let history = file(&folder("record-options"), "history.jsonl", HISTORY);
    let output = run(&["fit", "--windows", "10m"], SERIE);
    let errors = text(&output.stderr);
    assert!(
        errors.contains("ignored: --windows: the input is serie records, as collect writes them"),
        "{errors}"
    );
    let output = run(&["fit", "--windows", "10m", &history], b"");
    assert!(!text(&output.stderr).contains("ignored"), "{}", text(&output.stderr));
    let sample = b"{\"type\":\"sample\",\"cid\":\"a\",\"T_obs\":600,\"X\":[0.1,0.5,3],\"n_obs\":9,\"n_tot\":12}\n";
    let output = run(&["train", "--min-size", "5", "--lateness", "1s"], sample);
    let errors = text(&output.stderr);
    let ignored =
        "ignored: --min-size, --lateness: without recorded cascades train reads sample records";
    assert!(errors.contains(ignored) && errors.contains("as predict writes them"), "{errors}");
    assert!(output.status.success());
    // The unit of history lines has its effect however the file is given.
    let unit = ["fit", "--csv", "--until", "3m", "--seconds-per-unit", "60"];
    let named = text(&run(&[&unit[..], &["--history", &history]].concat(), b"").stdout);
    let positional = text(&run(&[&unit[..], &[&history]].concat(), b"").stdout);
    assert_eq!(named, positional);
    assert!(named.contains("\nb,180,1,"), "{named}");
}

#[test]
fn outputs_that_cannot_be_created_are_refused_at_the_start() {
    let folder = folder("outputs");
    let history = file(&folder, "history.jsonl", HISTORY);
    let missing = folder.join("missing/x");
    let inside = format!("{history}/x");
    let [missing, history, inside] = [missing.to_str().unwrap(), &history, &inside];
    for (args, place) in [
        (&["collect", "--dead-letter", missing][..], missing),
        (&["run", "--history", history, "--dead-letter", missing], missing),
        (&["run", "--history", history, "--folds", "2", "--predictions", missing], missing),
        (&["fit", "--csv", "--resume", missing, history], missing),
        (&["log", "--into", inside], inside),
        (&["train", "--models", inside], inside),
        (&["run", "--models", inside, history], inside),
    ] {
        let output = run(&[args, &["--dry-run"]].concat(), b"");
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
        assert!(errors.contains(place), "{args:?}: {errors}");
    }
    // Before anything is read.
    let output = run(&["train", "--models", inside], b"no record\n");
    let errors = text(&output.stderr);
    assert!(errors.contains(inside) && !errors.contains("stdin:1"), "{errors}");
    assert!(!folder.join("missing").exists());
}

#[test]
fn a_file_in_place_of_a_folder_of_logs_is_named_with_the_remedy() {
    let folder = folder("log-folders");
    let history = file(&folder, "history.jsonl", HISTORY);
    let inside = format!("{history}/x");
    fs::create_dir_all(folder.join("logs/tweetoscope.log")).unwrap();
    fs::create_dir_all(folder.join("logs/fit.log")).unwrap();
    let logs = folder.join("logs").display().to_string();
    for args in [["fit", "--log-dir"], ["log", "--into"]] {
        let refused = |path: &str| {
            let output = run(&[&args[..], &[path]].concat(), b"");
            assert_eq!(output.status.code(), Some(1), "{args:?} {path}");
            text(&output.stderr)
        };
        let is_file =
            format!("{} {history}: it is a file, not a folder; give another folder", args[1]);
        assert!(refused(&history).contains(&is_file), "{}", refused(&history));
        let is_inside = format!("{} {inside}: {history} is not a folder; give another", args[1]);
        assert!(refused(&inside).contains(&is_inside), "{}", refused(&inside));
        let name = if args[0] == "fit" { "fit.log" } else { "tweetoscope.log" };
        let errors = refused(&logs);
        assert!(
            errors.contains(args[1]) && errors.contains(&format!("{logs}/{name}: ")),
            "{errors}"
        );
    }
}

#[test]
fn an_empty_value_and_a_zero_without_sense_are_refused() {
    let history = file(&folder("zeros"), "history.jsonl", HISTORY);
    let history = &*history;
    let refused: [(&[&str], &str); 12] = [
        (&["dashboard", "--top", "0"], "--top 0 shows no cascade; give at least 1"),
        (&["collect", "--max-line", "0"], "--max-line 0 refuses every line"),
        (&["fit", "--threads", "0"], "--threads 0 leaves no thread"),
        (&["generate", "--simulate", "0"], "--simulate 0 simulates no cascade"),
        (&["run", "--simulate", "0"], "--simulate 0 simulates no cascade"),
        (&["generate", "--limit", "0", history], "--limit 0 emits no event"),
        (&["fit", "--until", "0s", history], "--until 0s fits to no event"),
        (&["log", "--sources", ""], "--sources: the value is empty; give one, or remove it"),
        (&["log", "--sources", "fit,"], "--sources: one of the values is empty"),
        (&["fit", "--marks", " "], "--marks: the value is empty"),
        (&["fit", "--marks", "file:"], "--marks file: has no path; give file:HISTORY"),
        (&["log", "--levels", ""], "--levels"),
    ];
    for (args, message) in refused {
        let output = run(args, b"");
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(message), "{args:?}: {errors}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    // A threshold of 0 and a start range of 0 have a sense.
    for args in [
        &["predict", "--above", "0"][..],
        &["collect", "--min-size", "0"],
        &["generate", "--start-range", "0", "--tail", "0", history],
    ] {
        let output = run(args, b"");
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    }
    let errors = text(&run(&["fit", "--marks", "file:/no/file"], b"").stderr);
    assert!(errors.contains("--marks: /no/file: "), "{errors}");
    if cfg!(feature = "http") {
        let output = run(&["collect", "--http", "0", "--http-host", ""], b"");
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("--http-host: the value is empty"));
    }
}

#[test]
#[cfg(all(unix, feature = "http"))]
fn metrics_are_written_through_links_and_replace_no_pipe() {
    use std::os::unix::fs::{FileTypeExt, symlink};

    let folder = folder("metrics-targets");
    let [target, link, pipe] = ["target", "link", "pipe"].map(|name| folder.join(name));
    fs::write(&target, "").unwrap();
    symlink("target", &link).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let output = run(&["collect", "--metrics-textfile", link.to_str().unwrap()], b"");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().contains("records_read_total"));
    let output = run(&["collect", "--metrics-textfile", pipe.to_str().unwrap()], b"");
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("not a regular file"), "{errors}");
    assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());
}

#[test]
fn errors_of_options_name_the_option_and_the_remedy() {
    let history = file(&folder("option-errors"), "history.jsonl", HISTORY);
    let history = &*history;
    let wrong: [(&[&str], &str); 15] = [
        (
            &["collect", "--terminated", "5m"],
            "--terminated 5m is below the largest window, 20m; give at least 20m, or smaller --windows",
        ),
        (&["collect", "--max-age", "5m"], "--max-age 5m is below the largest window, 20m"),
        (&["collect", "--max-jump", "0s"], "--max-jump must be above 0"),
        (&["collect", "--windows", "20m,10m"], "--windows: windows must be above 0 and ascend"),
        (&["generate", "--simulate", "1", "--speed", "0"], "--speed must be above 0, not 0"),
        (&["generate", "--simulate", "1", "--sources", "0"], "--sources must be at least 1"),
        (&["generate", "--simulate", "1", "--live", "0"], "--live must be at least 1"),
        (&["generate", history, "--seconds-per-unit", "0"], "--seconds-per-unit must be above 0"),
        (&["generate", "--params", "/no/file"], "Usage: tweetoscope generate"),
        (&["predict", "--csv", "--curve"], "'--curve'"),
        (&["predict", "--csv", "--explain"], "'--explain'"),
        (&["predict", "--csv", "--above", "100"], "'--above"),
        (&["run", "--csv", "--curve", history], "'--curve'"),
        (&["run", "--no-learn", "--pin", "600-99", history], "add --models DIR"),
        (&["predict", "--method", "other"], "growth-law"),
    ];
    for (args, message) in wrong {
        let output = run(args, b"");
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(message), "{args:?}: {errors}");
    }
    let output = run(&["fit", "--max-line", "5"], b"{\"type\":\"serie\"}\n");
    assert!(text(&output.stderr).contains("raise --max-line"), "{}", text(&output.stderr));
    if cfg!(feature = "http") {
        let output = run(&["run", "--http", "0"], HISTORY.as_bytes());
        let errors = text(&output.stderr);
        assert!(errors.contains("unless --format history is given"), "{errors}");
    }
    if cfg!(feature = "kafka") {
        let errors = text(&run(&["monitor", "--kafka", "--tick", "1s"], b"").stderr);
        assert!(errors.contains("Usage: tweetoscope monitor"), "{errors}");
    }
}
