//! Commands in a shell: closed readers, invalid input, full disks.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

mod bad_lines;
mod board;
pub(crate) mod cases;
mod environment;
mod faults;
mod learning;
mod losses;
mod options;
mod outputs;
mod tables;

fn tweetoscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tweetoscope"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("RUST_LOG");
    command
}

/// Runs a command with this input, which a separate thread writes, so that no pipe blocks.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child: Child = tweetoscope(args).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = feeder.join().unwrap();
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    text
}

pub(crate) fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

const ROOT: &str = r#"{"type":"tweet","cid":"a","t":0,"m":5}"#;
const COLLECT: [&str; 3] = ["collect", "--min-size", "1"];

/// The stages that read records.
const READERS: [&str; 6] = ["collect", "fit", "predict", "train", "monitor", "run"];

#[test]
fn a_closed_reader_ends_the_writer_with_status_0() {
    let args = ["generate", "--simulate", "100000", "--p", "0.02"];
    let mut child = tweetoscope(&args).stdin(Stdio::null()).spawn().unwrap();
    let mut first = [0; 100];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn an_empty_input_is_an_empty_output() {
    for stage in READERS {
        let output = run(&[stage], b"");
        assert_eq!(output.status.code(), Some(0), "{stage}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{stage}");
    }
}

#[test]
fn a_table_has_its_header_without_rows_too() {
    for (command, first) in [("fit", "cid,T_obs,"), ("monitor", "T_obs,scored,")] {
        let output = run(&[command, "--csv"], b"");
        let table = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", text(&output.stderr));
        assert!(table.starts_with(first) && table.lines().count() == 1, "{command}: {table}");
        let dry = run(&[command, "--csv", "--dry-run"], b"");
        assert_eq!(text(&dry.stdout), "", "{command}");
    }
}

#[test]
fn the_last_line_needs_no_newline() {
    let whole = run(&COLLECT, format!("{ROOT}\n").as_bytes());
    let torn = run(&COLLECT, ROOT.as_bytes());
    assert_eq!(text(&torn.stdout), text(&whole.stdout));
    assert_eq!(text(&torn.stdout).lines().count(), 4);
}

#[test]
fn a_broken_line_is_named_and_nothing_after_it_is_lost() {
    let folder = folder("broken");
    let file = folder.join("tweets.jsonl");
    let broken = [
        "{\"type\":\"tweet\"",
        "[1]",
        "nonsense",
        r#"{"cid":1}"#,
        r#"{"type":"tweet","cid":"b"}"#,
        r#"{"type":"tweet","cid":"b","t":1e999}"#,
        r#"{"type":"tweet","cid":"b","t":1,"m":-3}"#,
        "{\"type\":\"tweet\",\"cid\":\"\\ud800\",\"t\":1}",
    ];
    for bad in broken {
        let last = r#"{"type":"retweet","cid":"a","t":7,"m":2}"#;
        fs::write(&file, format!("{ROOT}\n{bad}\n\n{last}\n")).unwrap();
        let letters = folder.join("letters.jsonl");
        let _ = fs::remove_file(&letters);
        let path = file.to_str().unwrap();
        let mut args = COLLECT.to_vec();
        args.extend(["--dead-letter", letters.to_str().unwrap(), path]);
        let output = run(&args, b"");
        assert_eq!(output.status.code(), Some(1), "{bad}");
        let said = text(&output.stderr);
        assert!(said.contains(&format!("{path}:2: ")), "{bad}: {said}");
        assert!(text(&output.stdout).contains("[[0,5],[7,2]]"), "{bad}");
        let letter = fs::read_to_string(letters).unwrap();
        assert_eq!(letter.lines().count(), 1, "{bad}: {letter}");
    }
    let mut bytes = format!("{ROOT}\n").into_bytes();
    bytes.extend(b"{\"type\":\"tweet\",\"cid\":\"\xff\xfe\",\"t\":1}\n");
    let output = run(&COLLECT, &bytes);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("stdin:2: "));
}

#[test]
fn a_record_of_another_type_passes_through_unchanged() {
    let foreign = r#"{ "type" : "log", "t":1.50,"message":"\u00e9  \"x\"" , "z":1e2 }"#;
    for stage in READERS {
        let output = run(&[stage], format!("{foreign}\n").as_bytes());
        assert_eq!(text(&output.stdout), format!("{foreign}\n"), "{stage}");
    }
}

/// Buffered output is flushed before a read blocks, however few lines there are.
#[test]
fn output_is_flushed_while_input_is_awaited() {
    let foreign = *b"{\"type\":\"log\",\"t\":1}\n";
    for stage in READERS {
        let mut child = tweetoscope(&[stage]).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (said, heard) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            for _ in 0..3 {
                let mut line = [0; 21];
                let read = stdout.read_exact(&mut line).map(|()| line);
                said.send(read).unwrap();
            }
        });
        for turn in 0..3 {
            stdin.write_all(&foreign).unwrap();
            let line = heard.recv_timeout(std::time::Duration::from_secs(60));
            if line.is_err() {
                child.kill().unwrap();
            }
            assert_eq!(line.expect("nothing came").unwrap(), foreign, "{stage}, line {turn}");
        }
        drop(stdin);
        assert!(child.wait().unwrap().success(), "{stage}");
        reader.join().unwrap();
    }
}

#[test]
fn a_line_of_100_megabytes_is_skipped() {
    let mut input = format!("{ROOT}\n{{\"type\":\"serie\",\"x\":\"").into_bytes();
    input.resize(input.len() + 100_000_000, b'x');
    input.extend(format!("\"}}\n{}\n", r#"{"type":"retweet","cid":"a","t":7,"m":2}"#).bytes());
    let output = run(&COLLECT, &input);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("stdin:2: ") && said.contains("1000000"), "{said}");
    assert!(text(&output.stdout).contains("[[0,5],[7,2]]"));
}

#[test]
fn a_tweet_of_more_than_a_megabyte_is_skipped() {
    for length in [1_048_576, 1_300_000, 3_000_000] {
        let long = format!(
            "{{\"type\":\"tweet\",\"cid\":\"b\",\"t\":0,\"msg\":\"{}\"}}",
            "y".repeat(length)
        );
        let output = run(&COLLECT, format!("{ROOT}\n{long}\n{ROOT}").as_bytes());
        assert_eq!(output.status.code(), Some(1), "{length}");
        assert!(text(&output.stderr).contains("stdin:2: the line has "), "{length}");
        assert_eq!(text(&output.stdout).lines().count(), 4, "{length}");
    }
}

#[test]
fn gzip_is_read_like_plain() {
    let folder = folder("gzip");
    let plain = run(&["generate", "--simulate", "20"], b"").stdout;
    let path = folder.join("tweets.jsonl.gz");
    let mut packed =
        flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), Default::default());
    packed.write_all(&plain).unwrap();
    packed.finish().unwrap();
    let from_plain = run(&["collect"], &plain);
    let from_file = run(&["collect", path.to_str().unwrap()], b"");
    let from_pipe = run(&["collect"], &fs::read(&path).unwrap());
    assert!(!from_plain.stdout.is_empty());
    assert!(from_file.stdout == from_plain.stdout && from_pipe.stdout == from_plain.stdout);
    let torn = &fs::read(&path).unwrap()[..200];
    let output = run(&["collect"], torn);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("stdin: "), "{}", text(&output.stderr));
}

#[test]
fn a_full_disk_is_an_error_that_names_it() {
    for args in [&["generate", "--simulate", "5"][..], &COLLECT] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = tweetoscope(args).stdout(full).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(ROOT.as_bytes());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains("stdout: No space left"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_missing_file_is_named() {
    for args in [
        &["collect", "nowhere.jsonl"][..],
        &["generate", "--history", "nowhere.jsonl"],
        &["generate", "--data", "nowhere.jsonl"],
        &["run", "nowhere.jsonl"],
        &["fit", "--marks", "file:nowhere.jsonl"],
        &["collect", "--dry-run", "nowhere.jsonl"],
    ] {
        let output = run(args, b"");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains("nowhere.jsonl"), "{}", text(&output.stderr));
    }
}

#[test]
fn wrong_usage_is_status_2() {
    for args in [
        &["collect", "--windows", "20m,10m"][..],
        &["collect", "--windows", "1h", "--terminated", "30m"],
        &["collect", "--windows", "0.5s"],
        &["collect", "--nonsense"],
        &["generate"],
        &["generate", "--simulate", "3", "--sources", "0"],
        &["predict", "--level", "1.5"],
        &["fit", "--estimator", "magic"],
        &["fit", "--marks", "magic"],
        &["nonsense"],
    ] {
        let output = run(args, b"");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).is_empty());
    }
}

#[test]
fn an_unknown_model_is_refused_by_name_and_the_other_records_are_processed() {
    let folder = folder("models");
    fs::write(
        folder.join("600-1.json"),
        r#"{"type":"model","format":999,"model":"600-1","T_obs":600}"#,
    )
    .unwrap();
    let parameters = r#"{"type":"parameters","cid":"a","T_obs":600,"n_obs":32,"n_supp":8,"params":[0.01,0.001]}"#;
    let args = ["predict", "--models", folder.to_str().unwrap()];
    let output = run(&args, parameters.as_bytes());
    let said = text(&output.stderr);
    assert!(said.contains("600-1.json"), "{said}");
    assert!(text(&output.stdout).contains(r#""n_tot":40"#), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("untrained"));
}

#[test]
fn a_file_that_is_not_a_valid_model_neither_blocks_nor_can_be_pinned() {
    let folder = folder("devices");
    std::os::unix::fs::symlink("/dev/zero", folder.join("600-2.json")).unwrap();
    fs::write(folder.join("600-1.json"), "torn").unwrap();
    let parameters = r#"{"type":"parameters","cid":"a","T_obs":600,"n_obs":32,"n_supp":8,"params":[0.01,0.001]}"#;
    let args = ["predict", "--models", folder.to_str().unwrap()];
    let output = run(&args, parameters.as_bytes());
    let said = text(&output.stderr);
    assert!(said.contains("600-2.json: not a regular file"), "{said}");
    assert_eq!(output.status.code(), Some(0));
    for pin in ["600-1", "600-2", "600-3"] {
        let output = run(&[&args[..], &["--pin", pin]].concat(), parameters.as_bytes());
        let said = text(&output.stderr);
        assert!(said.contains(&format!("{pin}.json")), "{said}");
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(1), String::new()),
            "{said}"
        );
    }
}

#[test]
fn the_monitor_reports_when_a_threshold_is_crossed() {
    let stat =
        r#"{"type":"stat","cid":"a","T_obs":600,"ARE":0.5,"n_obs":10,"n_tot":20,"n_pred":30}"#;
    assert_eq!(run(&["monitor", "--fail-above", "0.4"], stat.as_bytes()).status.code(), Some(3));
    assert_eq!(run(&["monitor", "--fail-above", "0.6"], stat.as_bytes()).status.code(), Some(0));
}

/// In a shell and in one process the same cascades give the same alerts and stats.
#[test]
fn the_pipe_equals_the_run() {
    let history = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tideh.jsonl.gz");
    let windows = ["--windows", "10m,20m,1h", "--terminated", "1d"];
    let mut records = run(&["generate", "--history", history], b"").stdout;
    records = run(&[&["collect"][..], &windows].concat(), &records).stdout;
    for stage in ["fit", "predict"] {
        records = run(&[stage], &records).stdout;
    }
    let emitted: Vec<String> = text(&records)
        .lines()
        .filter(|line| !line.starts_with(r#"{"type":"sample""#))
        .map(|line| format!("{line}\n"))
        .collect();
    let args = [&["run", "--no-learn", "--history", history][..], &windows].concat();
    let whole = run(&args, b"");
    assert_eq!(emitted.len(), 300);
    assert!(text(&whole.stdout) == emitted.concat(), "the alerts and stats differ");
    // With the same models too, each window by its own or, at 20 minutes, by another one.
    let models = folder("pipe-equals-run");
    let models = ["--models", models.to_str().unwrap()];
    run(&[&["run", "--history", history][..], &windows, &models].concat(), b"");
    for old in fs::read_dir(models[1]).unwrap() {
        let old = old.unwrap().path();
        if old.file_name().unwrap().to_str().unwrap().starts_with("1200-") {
            fs::remove_file(old).unwrap();
        }
    }
    let trained = run(&[&args[..], &models].concat(), b"");
    let series = run(&["generate", "--history", history], b"").stdout;
    let series = run(&[&["collect"][..], &windows].concat(), &series).stdout;
    let fitted = run(&["fit"], &series).stdout;
    let predicted = run(&[&["predict"][..], &models].concat(), &fitted).stdout;
    let predicted: Vec<&str> = std::str::from_utf8(&predicted).unwrap().lines().collect();
    let is_output = |line: &&&str| !line.starts_with(r#"{"type":"sample""#);
    let predicted: String =
        predicted.iter().filter(is_output).map(|line| format!("{line}\n")).collect();
    assert!(text(&trained.stdout) == predicted, "the trained alerts and stats differ");
    assert!(predicted.contains(r#""method":"forest""#));
    assert!(trained.stdout != whole.stdout && !predicted.contains("untrained"));
    let learning = [&["run", "--history", history][..], &windows].concat();
    let (first, second) = (run(&learning, b""), run(&learning, b""));
    assert!(first.stdout == second.stdout && first.stdout != whole.stdout);
}
