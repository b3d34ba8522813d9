//! Lines that are refused: each with its reason, its line number, and its dead letter.

use std::fs;

use serde_json::Value;

use super::{COLLECT, ROOT, folder, run, text};

/// Number of nested lists in a line that is too deep.
const DEEP: usize = 200;

/// Lines that `collect` refuses, and the reason.
fn bad_lines() -> Vec<(Vec<u8>, &'static str)> {
    let texts: &[(&str, &str)] = &[
        ("{", "json"),
        ("}", "json"),
        ("[]", "json"),
        ("[1,2]", "json"),
        ("null", "json"),
        ("17", "json"),
        ("\"text\"", "json"),
        ("nonsense", "json"),
        ("cid,t,m", "json"),
        ("{\"type\":\"tweet\"", "json"),
        (r#"{"type":"tweet","cid":"b","t":1}}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":1} {}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":1,}"#, "json"),
        (r#"{"type":"tweet","cid":"b",,"t":1}"#, "json"),
        (r#"{"type":"tweet" "cid":"b","t":1}"#, "json"),
        (r#"{'type':'tweet','cid':'b','t':1}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":01}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":1.}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":.5}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":+1}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":0x10}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":NaN}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":Infinity}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":1e999}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":1,"x":tru}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":1,"x":"\q"}"#, "json"),
        (r#"{"type":"tweet","cid":"b","t":1,"msg":"\u12"}"#, "json"),
        (r#"{"type":"tweet","cid":"\ud800","t":1}"#, "field"),
        (r#"{"type":"tweet","cid":"b","source":"\udc00","t":1}"#, "field"),
        (r#"{"type":"tweet","cid":"b","t":1,"msg":"open}"#, "json"),
        ("{\"type\":\"tweet\",\"cid\":\"b\",\"t\":1,\"msg\":\"a\tb\"}", "json"),
        ("{\"type\":\"tweet\",\"cid\":\"b\",\"t\":1,\"msg\":\"a\u{0}b\"}", "json"),
        ("\u{feff}{\"type\":\"tweet\",\"cid\":\"b\",\"t\":1}", "json"),
        ("{}", "type"),
        (r#"{"cid":"b","t":1}"#, "type"),
        (r#"{"type":7,"cid":"b","t":1}"#, "type"),
        (r#"{"type":null,"cid":"b","t":1}"#, "type"),
        (r#"{"type":"tweet","cid":"b"}"#, "field"),
        (r#"{"type":"tweet","t":1}"#, "field"),
        (r#"{"type":"tweet","cid":null,"t":1}"#, "field"),
        (r#"{"type":"tweet","cid":["b"],"t":1}"#, "field"),
        (r#"{"type":"tweet","cid":"b","t":null}"#, "field"),
        (r#"{"type":"tweet","cid":"b","t":"soon"}"#, "field"),
        (r#"{"type":"tweet","cid":"b","t":{"s":1}}"#, "field"),
        (r#"{"type":"tweet","cid":"b","cid":"c","t":1}"#, "field"),
        (r#"{"type":"tweet","cid":"b","t":1,"t":2}"#, "field"),
        (r#"{"type":"watermark","source":"0"}"#, "field"),
        (r#"{"type":"watermark","source":"0","time":5}"#, "field"),
        (r#"{"type":"tweet","cid":"b","t":2e12}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":-2e12}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":"NaN"}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":"inf"}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":1,"m":-1}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":1,"m":2e12}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":1,"m":"many"}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":1,"m":"nan"}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":1539202764123}"#, "range"),
        (r#"{"type":"tweet","cid":"b","t":864008}"#, "range"),
        (r#"{"type":"watermark","source":"0","t":2e12}"#, "range"),
    ];
    let mut lines: Vec<_> =
        texts.iter().map(|(line, why)| (line.as_bytes().to_vec(), *why)).collect();
    lines.push((format!("{{\"type\":\"tweet\",\"x\":{}", "[".repeat(DEEP)).into_bytes(), "json"));
    lines.push((b"{\"type\":\"tweet\",\"cid\":\"b\xff\",\"t\":1}".to_vec(), "json"));
    lines.push((b"{\"type\":\"other\",\"x\":\"\xc3\"}".to_vec(), "json"));
    lines.push((b"\xff\xfe{\0\"\0".to_vec(), "json"));
    let long =
        format!("{{\"type\":\"tweet\",\"cid\":\"b\",\"t\":1,\"msg\":\"{}\"}}", "x".repeat(1 << 20));
    lines.push((long.into_bytes(), "size"));
    lines
}

#[test]
fn every_bad_line_has_its_reason_its_line_and_its_dead_letter() {
    let folder = folder("bad_lines");
    let (file, letters) = (folder.join("tweets.jsonl"), folder.join("letters.jsonl"));
    let (path, letters_path) = (file.to_str().unwrap(), letters.to_str().unwrap());
    let last = r#"{"type":"retweet","cid":"a","t":7,"m":2}"#;
    let bad = bad_lines();
    assert!(bad.len() > 60);
    for end in ["\n", "\r\n"] {
        let mut input = format!("{ROOT}{end}").into_bytes();
        for (line, _) in &bad {
            // A blank line and a valid one in between.
            input.extend(
                [line, end.as_bytes(), end.as_bytes(), last.as_bytes(), end.as_bytes()].concat(),
            );
        }
        fs::write(&file, &input).unwrap();
        let _ = fs::remove_file(&letters);
        let output = run(&[&COLLECT[..], &["--dead-letter", letters_path, path]].concat(), b"");
        assert_eq!(output.status.code(), Some(1));
        let n_tot = format!("\"n_tot\":{}", bad.len() + 1);
        assert!(text(&output.stdout).contains(&n_tot), "the lines in between are read");
        let report = text(&output.stderr);
        let letters: Vec<Value> = fs::read_to_string(&letters)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(letters.len(), bad.len());
        for (number, (line, reason)) in bad.iter().enumerate() {
            let place = format!("{path}:{}", 2 + 3 * number);
            let shown = String::from_utf8_lossy(&line[..line.len().min(100)]);
            let of_line = |it: &&Value| it["where"].as_str() == Some(&place);
            let letter = letters.iter().find(of_line).unwrap_or_else(|| panic!("{place}: {shown}"));
            assert_eq!(letter["reason"], **reason, "{shown}");
            let detail = letter["detail"].as_str().unwrap();
            assert!(
                report.contains(&format!("{place}: {}", detail.split('\n').next().unwrap())),
                "{shown}"
            );
            let record = letter["record"].as_str().unwrap().trim_end_matches('\r');
            assert!(String::from_utf8_lossy(line).starts_with(record), "{shown}");
            assert!(record.len() >= line.len().min(4000), "{shown}");
        }
    }
}

#[test]
fn a_line_above_a_small_max_line_is_refused_and_the_lines_around_it_are_read() {
    let line = |cid: &str, text: &str| {
        format!(
            r#"{{"type":"serie","cid":"{cid}","T_obs":600,"tweets":[[0,1],[5,2]],"msg":"{text}"}}"#
        )
    };
    let long = line("long", &"x".repeat(2000));
    let input = format!("{}\n{long}\n{}\n", line("a", ""), line("b", ""));
    for end in ["", "\n"] {
        let output = run(&["fit", "--max-line", "1000"], format!("{input}{long}{end}").as_bytes());
        assert_eq!(output.status.code(), Some(1));
        let reported = text(&output.stderr);
        let report = format!("the line has {} bytes; the maximum is 1000", long.len());
        for place in ["stdin:2: ", "stdin:4: "] {
            assert!(reported.contains(&format!("{place}{report}")), "{reported}");
        }
        let records = text(&output.stdout);
        assert!(records.contains(r#""cid":"a""#) && records.contains(r#""cid":"b""#), "{records}");
        assert!(!records.contains("long"), "{records}");
        let exact = ["fit", "--max-line", &long.len().to_string()].map(str::to_owned);
        let exact = exact.each_ref().map(String::as_str);
        assert_eq!(run(&exact, format!("{long}\n").as_bytes()).status.code(), Some(0));
    }
}

#[test]
fn an_input_without_a_newline_ends_after_the_limit() {
    for (command, file) in [
        (vec!["collect", "--max-line", "1000000"], "/dev/zero"),
        (vec!["generate", "--history"], "/dev/zero"),
        (vec!["generate", "--data"], "/dev/zero"),
    ] {
        let output = run(&[&command[..], &[file]].concat(), b"");
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let report = text(&output.stderr);
        assert!(
            report.contains(file) && report.contains("no newline in "),
            "{command:?}: {report}"
        );
    }
}

#[test]
fn a_full_disk_of_dead_letters_is_named() {
    for args in [
        vec!["collect", "--dead-letter", "/dev/full"],
        vec!["generate", "--data", "CASE", "--dead-letter", "/dev/full"],
    ] {
        let case = super::cases::case("crlf.csv");
        let args: Vec<&str> =
            args.iter().map(|it| if *it == "CASE" { &*case } else { it }).collect();
        let output = run(&args, b"nonsense\n");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains("dead letters in /dev/full: "), "{args:?}");
    }
}

#[test]
fn messages_with_an_unknown_level_are_refused_with_their_place() {
    let record = |level: &str| {
        format!(
            r#"{{"type":"log","t":1606985123,"level":"{level}","source":"fit","message":"m {level}"}}"#
        ) + "\n"
    };
    let text_line = |level: &str| format!("2020-12-03T08:45:23Z {level} fit - m {level}\n");
    let input =
        ["bogus", "WARN", "NOTSET"].map(record).concat() + &text_line("LOUD") + &text_line("fatal");
    let output = run(&["log"], input.as_bytes());
    let (shown, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.contains("WARNING   m WARN") && shown.contains("CRITICAL  m fatal"), "{shown}");
    for (line, level) in [(1, "bogus"), (3, "NOTSET"), (4, "LOUD")] {
        let refused = format!(
            "stdin:{line}: field \"level\": \"{level}\" is not a level; the levels are TRACE, "
        );
        assert!(errors.contains(&refused), "{errors}");
    }
}

/// Many programs write dates.
#[test]
fn a_date_in_place_of_seconds_is_refused_as_such() {
    let date = "2026-11-29T10:00:00Z";
    for (command, line) in [
        ("collect", format!(r#"{{"type":"tweet","cid":"b","t":"{date}"}}"#)),
        ("collect", format!(r#"{{"type":"tweet","cid":"b","time":"{date}"}}"#)),
        ("collect", format!(r#"{{"type":"watermark","source":"0","t":"{date}"}}"#)),
        ("log", format!(r#"{{"type":"log","t":"{date}","level":"INFO","source":"a","msg":"m"}}"#)),
    ] {
        let output = run(&[command], format!("{line}\n").as_bytes());
        assert_eq!(output.status.code(), Some(1), "{line}");
        let expected = "the time is not a number of seconds (convert dates to Unix seconds)";
        assert!(text(&output.stderr).contains(expected), "{line}: {}", text(&output.stderr));
    }
    let absent = run(&["collect"], b"{\"type\":\"tweet\",\"cid\":\"b\"}\n");
    assert!(text(&absent.stderr).contains("no event time in t or time"));
}
