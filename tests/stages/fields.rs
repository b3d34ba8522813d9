//! The output of commands for small inputs, field by field.

use std::fs;
use std::io::Write;
use std::process::Output;

use serde_json::Value;

use crate::pipes::cases::records;
use crate::pipes::{folder, run, text};

/// The types of the records that a command writes.
fn kinds(output: &Output) -> Vec<String> {
    records(output).iter().map(|record| record["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_file_that_is_cut_off_ends_no_cascade() {
    let event = |i: u64| {
        let kind = if i == 0 { "tweet" } else { "retweet" };
        let m = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34;
        format!("{{\"type\":\"{kind}\",\"cid\":\"a\",\"t\":{i},\"m\":{m}}}\n")
    };
    let events: String = (0..500).map(event).collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(events.as_bytes()).unwrap();
    let packed = gz.finish().unwrap();
    let file = folder("cut_off").join("tweets.jsonl.gz");
    for (bytes, sizes, status) in [(packed.len(), 2, 0), (packed.len() * 2 / 3, 0, 1)] {
        fs::write(&file, &packed[..bytes]).unwrap();
        let output = run(&["collect", "--min-size", "1", file.to_str().unwrap()], b"");
        // More events may follow: the final size is not known.
        let found = kinds(&output).iter().filter(|kind| *kind == "size").count();
        assert_eq!((found, output.status.code()), (sizes, Some(status)), "{output:?}");
    }
}

#[test]
fn a_replay_that_a_limit_cuts_scores_no_open_cascade() {
    let simulated =
        ["run", "-q", "--simulate", "30", "--limit", "900", "--min-size", "2", "--windows", "1m"];
    let emitted = kinds(&run(&simulated, b""));
    assert!(!emitted.is_empty() && emitted.iter().all(|kind| kind == "alert"), "{emitted:?}");
}

#[test]
fn predict_now_reads_times_and_durations_in_the_unit_of_the_option() {
    let now = |lines: &str| {
        let args = ["predict", "--now", "--csv", "--seconds-per-unit", "60"];
        let file = folder("now-in-minutes").join("history.jsonl");
        fs::write(&file, lines).unwrap();
        let output = run(&[&args[..], &[file.to_str().unwrap()]].concat(), b"");
        let row = |line: &str| line.split(',').take(3).collect::<Vec<_>>().join(",");
        text(&output.stdout).lines().skip(1).map(row).collect::<Vec<_>>()
    };
    let observed = r#"{"cid":"a","tweets":[[0,10],[2,5],[7,7]],"observed":47}"#;
    assert_eq!(now(observed), ["a,2820,3"]);
    // The recording ends with the last event of all cascades.
    let dated = concat!(
        r#"{"cid":"a","t0":1539202764,"tweets":[[0,10],[2,5],[7,7]]}"#,
        "\n",
        r#"{"cid":"b","t0":1539202764,"tweets":[[0,10],[2,5],[20,7]]}"#,
    );
    assert_eq!(now(dated), ["a,1200,3", "b,1200,3"]);
}

#[test]
fn the_end_of_a_recording_is_no_time_since_a_root() {
    let output = run(&["predict", "--now", "--at", "1000"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("\"1000\" is not a time"), "{output:?}");
}

#[test]
fn an_alert_of_the_present_has_the_time_of_the_end_of_its_observation() {
    let line = r#"{"cid":"a","t0":1539202764,"tweets":[[0,10],[100,5],[400,7]],"observed":2820}"#;
    let output = run(&["predict", "--now"], line.as_bytes());
    let alert: Value = serde_json::from_str(text(&output.stdout).trim()).unwrap();
    assert_eq!(alert["t"], 1_539_205_584, "{alert}");
}

#[test]
fn the_full_text_of_a_status_is_its_message() {
    let status = r#"{"created_at":"Wed Oct 10 20:19:24 +0000 2018","id_str":"1","text":"short...","full_text":"the whole text","user":{"followers_count":5}}"#;
    let output = run(&["generate", "--format", "x_v11", "-"], status.as_bytes());
    assert!(text(&output.stdout).contains(r#""msg":"the whole text""#), "{output:?}");
}

#[test]
fn on_a_page_an_original_precedes_its_repost_of_the_same_second() {
    let page = r#"{"data":[{"id":"2","text":"RT","created_at":"2018-10-10T20:19:24Z","author_id":"9","referenced_tweets":[{"type":"retweeted","id":"1"}]},{"id":"1","text":"a","created_at":"2018-10-10T20:19:24Z","author_id":"8"}]}"#;
    let args = ["generate", "--format", "x_v2", "--missing-root", "drop", "-"];
    let output = run(&args, page.as_bytes());
    assert_eq!(kinds(&output), ["tweet", "retweet", "watermark"], "{output:?}");
}

#[test]
fn a_weibo_line_has_the_unix_time_of_its_post() {
    let line = |time: &str| format!("a\tu\t{time}\t2\tu:0 u/v:20\n");
    for (time, events) in [("1464710400", 2), ("5000", 0)] {
        let output = run(&["generate", "--format", "weibo", "-"], line(time).as_bytes());
        let kinds = kinds(&output);
        assert_eq!(kinds.iter().filter(|kind| *kind != "watermark").count(), events, "{time}");
    }
}

#[test]
fn a_stream_of_posts_counts_all_its_lines_and_ends_after_the_tail() {
    let file = folder("stream-metrics").join("metrics.prom");
    let post = |id: u32| {
        format!(
            "{{\"created_at\":\"Wed Oct 10 20:19:24 +0000 2018\",\"id_str\":\"{id}\",\"user\":{{}}}}\n"
        )
    };
    let input = format!("{}bad\n{}", post(1), post(2));
    let metrics = ["--metrics-textfile", file.to_str().unwrap()];
    let args = [&["generate", "--format", "x_v11", "--tail", "1000", "-"][..], &metrics].concat();
    let output = run(&args, input.as_bytes());
    let watermark = r#"{"type":"watermark","source":"0","t":1539203764}"#;
    assert_eq!(text(&output.stdout).lines().last(), Some(watermark));
    let metrics = fs::read_to_string(&file).unwrap();
    assert!(metrics.contains("records_read_total{stage=\"generate\"} 3\n"), "{metrics}");
}

#[test]
fn refused_lines_are_counted_by_reason_and_a_hundred_are_reported() {
    let file = folder("refused-metrics").join("metrics.prom");
    let long = format!("{{\"type\":\"serie\",\"msg\":\"{}\"}}\n", "x".repeat(2000));
    let input = format!("{}{long}", "bad\n".repeat(150));
    let args = ["fit", "--max-line", "1000", "--metrics-textfile", file.to_str().unwrap()];
    let output = run(&args, input.as_bytes());
    let reported = text(&output.stderr);
    let lines = reported.lines().filter(|line| line.contains(" stdin:")).count();
    assert_eq!(lines, 100, "{reported}");
    assert!(reported.contains("151 records were refused"), "{reported}");
    let metrics = fs::read_to_string(&file).unwrap();
    assert!(metrics.contains("records_read_total{stage=\"fit\"} 151\n"), "{metrics}");
    for (reason, count) in [("json", 150), ("size", 1), ("range", 0)] {
        let sample = format!("dead_letters_total{{reason=\"{reason}\",stage=\"fit\"}} {count}\n");
        assert!(metrics.contains(&sample), "{sample}{metrics}");
    }
}

#[test]
fn marks_of_1_are_reported_only_where_there_are_no_others() {
    let serie = |cid: &str, m: u32| {
        format!(r#"{{"type":"serie","cid":"{cid}","T_obs":600,"tweets":[[0,{m}],[5,{m}]]}}"#)
    };
    for (marks, is_reported) in [([1, 1], true), ([1, 4], false), ([4, 4], false)] {
        let input = format!("{}\n{}\n", serie("a", marks[0]), serie("b", marks[1]));
        let warned = |args: &[&str]| text(&run(args, input.as_bytes()).stderr);
        let reported = warned(&["fit"]);
        assert_eq!(reported.contains("all marks are 1"), is_reported, "{marks:?}: {reported}");
        // Another law of later marks is not E[m] = 1.
        let reported = warned(&["fit", "--marks", "mean:35"]);
        assert_eq!(reported.contains("a mean of 35"), is_reported, "{marks:?}: {reported}");
        assert!(!reported.contains("E[m] = 1"), "{reported}");
    }
}
