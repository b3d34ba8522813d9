//! The log viewer and the stages' own logs, through the binary.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::client::{dir, err, out, run, text, tweetoscope};

fn record(t: f64, level: &str, source: &str, message: &str) -> String {
    format!(
        "{{\"type\":\"log\",\"t\":{t},\"level\":\"{level}\",\"source\":\"{source}\",\"message\":\"{message}\"}}\n"
    )
}

#[test]
fn a_stage_logs_its_start_and_end_in_both_formats() {
    let output = run(&["collect", "-v"], "");
    let lines: Vec<_> = err(&output).lines().map(str::to_owned).collect();
    assert!(lines[0].ends_with("Logging on."), "{lines:?}");
    assert!(lines[lines.len() - 1].ends_with("Logging off."), "{lines:?}");
    assert!(lines[0].contains(" INFO     collect   commands/main.rs:"), "{lines:?}");
    let output = run(&["collect", "-v", "--log-format", "json"], "");
    for line in err(&output).lines() {
        let log: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&log["type"], &log["source"]), (&"log".into(), &"collect".into()));
        assert!(log["t"].as_f64().unwrap() > 1e9 && log["line"].as_u64().is_some());
    }
    assert_eq!(err(&run(&["collect"], "")), "");
}

#[test]
fn a_message_is_written_once_to_stderr_and_once_to_each_file() {
    let dir = dir("said");
    let output = run(&["collect", "-v", "--log-dir", text(&dir)], "no record\n");
    let said = |text: &str| text.matches("a record is a JSON object").count();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said(&err(&output)), 1, "{}", err(&output));
    let log = fs::read_to_string(dir.join("collect.log")).unwrap();
    assert_eq!(said(&log), 1, "{log}");
    assert!(log.contains("Logging on.") && log.contains("Logging off."), "{log}");
    // And the viewer reads it, alone and as a directory.
    let viewed = run(&["log", text(&dir), "--levels", "warning"], "");
    assert_eq!((said(&out(&viewed)), out(&viewed).lines().count()), (1, 1));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_full_disk_loses_log_messages_only() {
    let dir = dir("disk");
    std::os::unix::fs::symlink("/dev/full", dir.join("collect.log")).unwrap();
    let tweets: String = (0..20)
        .map(|i| {
            format!(
                "{{\"type\":\"{}tweet\",\"cid\":\"1\",\"t\":{i}}}\n",
                if i > 0 { "re" } else { "" }
            )
        })
        .collect();
    let plain = run(&["collect"], &tweets);
    let metrics = dir.join("metrics.prom");
    let args = ["collect", "--log-dir", text(&dir), "--metrics-textfile", text(&metrics)];
    let output = run(&args, &format!("x\n{tweets}y\n"));
    assert_eq!(out(&output), out(&plain));
    assert_eq!(err(&output).matches("the log cannot be written").count(), 1, "{}", err(&output));
    // Lost so far: the first word, and one for each of the two lines that are no records.
    let metrics = fs::read_to_string(metrics).unwrap();
    let lost = "tweetoscope_log_write_errors_total{stage=\"collect\"} 3\n";
    assert!(metrics.contains(lost), "{metrics}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn files_and_stdin_are_merged_by_time() {
    let dir = dir("merge");
    // 400 messages in three inputs, each in order; equal times among them.
    let mut inputs = [const { String::new() }; 3];
    for i in 0..400_usize {
        let input = (i * i + i / 7) % 3;
        inputs[input] += &record((i / 2) as f64 + 0.25, "INFO", "fit", &format!("m{i}"));
    }
    fs::write(dir.join("a.log"), &inputs[0]).unwrap();
    let file = File::create(dir.join("b.log.1.gz")).unwrap();
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(inputs[1].as_bytes()).unwrap();
    packer.finish().unwrap();
    let files = [dir.join("b.log.1.gz"), dir.join("a.log")];
    let merged = run(&["log", "-", text(&files[0]), text(&files[1])], &inputs[2]);
    let times: Vec<_> = out(&merged).lines().map(|line| line[..24].to_owned()).collect();
    assert_eq!(times.len(), 400);
    assert!(times.is_sorted());
    let columns = out(&merged).lines().next().unwrap().to_owned();
    assert_eq!(columns, "1970-01-01T00:00:00.250Z  fit        INFO      m0");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_original_records_are_read_and_control_characters_are_escaped() {
    let original = r#"{"type":"log","t":1606985123,"level":"DEBUG","source":"collector","message":"a\u001b[31m\nb"}"#;
    let shown = run(&["log"], &format!("{original}\n"));
    let expected = "2020-12-03T08:45:23.000Z  collector  DEBUG     a\\u{1b}[31m\\u{a}b\n";
    assert_eq!(out(&shown), expected);
    // On a pipe the message is not changed.
    let json = out(&run(&["log", "--json"], &format!("{original}\n")));
    assert!(json.contains(r"a\u001b[31m\nb"), "{json}");
}

#[test]
fn filters_and_foreign_lines() {
    let mixed = record(1.0, "INFO", "fit", "one")
        + &record(2.0, "WARNING", "fit", "two")
        + "{\"type\":\"watermark\",\"t\":5}\n"
        + &record(3.0, "warn", "collect", "three")
        + "a line of nobody\n";
    let output = run(&["log", "--levels", "warning,critical", "--sources", "collect"], &mixed);
    assert_eq!(out(&output).lines().count(), 1);
    assert!(out(&output).ends_with("three\n"));
    assert_eq!(output.status.code(), Some(1), "the foreign line is named: {}", err(&output));
    assert!(err(&output).contains("stdin:5"), "{}", err(&output));
}

#[test]
fn a_compressed_file_is_read_and_not_followed() {
    let dir = dir("packed");
    let line = record(1.0, "INFO", "collect", "packed");
    // A zstd frame of one block that is stored as it is (RFC 8878, section 3.1.1).
    let size = u32::try_from(line.len()).unwrap();
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend(size.to_le_bytes());
    frame.extend(&(size << 3 | 1).to_le_bytes()[..3]);
    frame.extend(line.bytes());
    let path = dir.join("collect.log.zst");
    fs::write(&path, frame).unwrap();
    assert_eq!(out(&run(&["log", "--follow", "--json", text(&path)], "")), line);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn rotating_files_are_followed_and_written() {
    let dir = dir("follow");
    let (from, into) = (dir.join("collect.log"), dir.join("into"));
    let append = |text: &str| {
        let mut file = File::options().create(true).append(true).open(&from).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append(&record(1.0, "INFO", "collect", "before"));
    let mut child = tweetoscope()
        .args(["log", "--follow", "--json", text(&from)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains("before"));
    append(&record(2.0, "INFO", "collect", "grown"));
    assert!(lines.next().unwrap().contains("grown"));
    append(&record(3.0, "INFO", "collect", "last of the old"));
    fs::rename(&from, dir.join("collect.log.old")).unwrap();
    append(&record(4.0, "INFO", "collect", "first of the new"));
    assert!(lines.next().unwrap().contains("last of the old"));
    assert!(lines.next().unwrap().contains("first of the new"));
    // Cut short in its place, as logrotate's copytruncate does.
    fs::write(&from, record(5.0, "INFO", "c", "cut")).unwrap();
    assert!(lines.next().unwrap().contains("cut"));
    child.kill().unwrap();
    child.wait().unwrap();

    let output = run(&["log", "--into", text(&into), text(&dir.join("collect.log.old"))], "");
    assert_eq!(out(&output), "");
    let written = fs::read_to_string(into.join("tweetoscope.log")).unwrap();
    assert_eq!(written.lines().count(), 3);
    assert_eq!(out(&run(&["log", text(&into)], "")).lines().count(), 3);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn refused_lines_of_a_followed_file_are_dead_letters() {
    let dir = dir("follow-letters");
    let (from, letters) = (dir.join("collect.log"), dir.join("letters"));
    fs::write(&from, format!("no log\n{}", record(1.0, "warn", "collect", "sound"))).unwrap();
    let args = ["log", "--follow", "--json", "--dead-letter", text(&letters), text(&from)];
    let mut child = tweetoscope().args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.next().unwrap();
    assert!(line.contains("sound") && line.contains(r#""level":"WARNING""#), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
    let letter = fs::read_to_string(letters).unwrap();
    assert!(letter.contains("collect.log:1") && letter.contains("no log"), "{letter}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn options_of_the_log_take_precedence_over_rust_log() {
    let dir = dir("rust-log");
    let logged = |filters: &str, args: &[&str]| {
        let output = tweetoscope().env("RUST_LOG", filters).arg("collect").args(args).output();
        err(&output.unwrap())
    };
    assert!(logged("info", &[]).contains("Logging on."));
    assert!(logged("error", &["-v"]).contains("Logging on."));
    assert_eq!(logged("info", &["-q"]), "");
    assert_eq!(logged("off", &["--log-dir", text(&dir)]), "");
    let file = fs::read_to_string(dir.join("collect.log")).unwrap();
    assert!(file.contains("Logging on."), "{file}");
    fs::remove_dir_all(dir).unwrap();
}
