//! The inputs of `testdata/cases`: each reproduces a reported fault and has one expected output.

use serde_json::Value;

use super::pipes::{run, text};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/cases");

/// What a command answers: its status, the records or rows on stdout, and stderr.
struct Answer {
    status: Option<i32>,
    lines: Vec<String>,
    stderr: String,
}

impl Answer {
    /// The records of a type.
    fn of(&self, kind: &str) -> Vec<Value> {
        let records = self.lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["type"] == kind).collect()
    }
}

/// Runs `command`, the last word of which is the name of a case, on an empty stdin.
fn answer(command: &str) -> Answer {
    let (flags, case) = command.rsplit_once(' ').unwrap();
    let path = format!("{CASES}/{case}");
    let args: Vec<&str> = flags.split(' ').chain([&*path]).collect();
    let output = run(&args, b"");
    Answer {
        status: output.status.code(),
        lines: text(&output.stdout).lines().map(str::to_owned).collect(),
        stderr: text(&output.stderr).replace(&format!("{CASES}/"), ""),
    }
}

/// The answer of `next` to the records of another answer.
fn piped(answer: &Answer, next: &[&str]) -> Answer {
    let input: String = answer.lines.iter().map(|line| format!("{line}\n")).collect();
    let output = run(next, input.as_bytes());
    Answer {
        status: output.status.code(),
        lines: text(&output.stdout).lines().map(str::to_owned).collect(),
        stderr: text(&output.stderr),
    }
}

const COLLECT: &str = "collect --windows 2m --terminated 10m --min-size";

#[test]
fn an_input_from_which_nothing_comes_out_is_explained() {
    let backwards = answer(&format!("{COLLECT} 3 tw_backwards.jsonl"));
    assert_eq!((backwards.status, backwards.lines.len()), (Some(0), 0));
    for part in
        ["of 40 events, 39 were not in time order", "sort the input by t", "no window was emitted"]
    {
        assert!(backwards.stderr.contains(part), "{part}: {}", backwards.stderr);
    }
    let unread = answer("fit tw_backwards.jsonl");
    assert!(
        unread.stderr.contains("none of the 40 records")
            && unread.stderr.contains("run collect first")
    );
}

#[test]
fn a_single_time_in_milliseconds_ends_no_cascade() {
    let collected = answer(&format!("{COLLECT} 3 tw_one_ms_record.jsonl"));
    assert_eq!(collected.status, Some(1));
    assert!(
        collected.stderr.contains("tw_one_ms_record.jsonl:21: the time is 13d ahead"),
        "{}",
        collected.stderr
    );
    let sizes: Vec<Value> = collected.of("size").iter().map(|it| it["n_tot"].clone()).collect();
    assert_eq!(sizes, [39, 30]);
    // With a limit above the jump it counts, as before.
    let open = answer(&format!(
        "collect --max-jump 20d --windows 2m --terminated 10m --min-size 3 {}",
        "tw_one_ms_record.jsonl"
    ));
    assert_eq!((open.status, open.of("size").len()), (Some(0), 1));
}

#[test]
fn marks_of_zero_only_are_unknown_marks() {
    let collected = answer(&format!("{COLLECT} 3 tw_zero_followers.jsonl"));
    let fitted = piped(&collected, &["fit"]);
    assert!(fitted.stderr.contains("all marks of 1 of 1 series are 0"), "{}", fitted.stderr);
    let ones = collected.lines.iter().map(|line| line.replace(",0]", ",1]")).collect();
    let of_ones = piped(&Answer { lines: ones, ..collected }, &["fit"]);
    assert_eq!(fitted.lines, of_ones.lines);
    assert!(fitted.of("parameters")[0]["n_supp"].as_f64().unwrap() > 1.0);
}

#[test]
fn an_integer_id_keeps_its_digits() {
    let collected = answer(&format!("{COLLECT} 1 tw_two_uuid_ints.jsonl"));
    let sizes: Vec<(String, i64)> = collected
        .of("size")
        .iter()
        .map(|it| (it["cid"].as_str().unwrap().to_owned(), it["n_tot"].as_i64().unwrap()))
        .collect();
    let wanted = ["18446744073709551616", "18446744073709551617"].map(|cid| (cid.to_owned(), 2));
    assert_eq!(sizes, wanted);
    // Also in records that are read as a whole, and in those of the original forms.
    let records = [
        r#"{"type":"serie","cid":18446744073709551617,"T_obs":60,"tweets":[[0,1],[1,1],[2,1]]}"#,
        r#"{"type":"serie","cid":18446744073709551617,"t_obs":60,"times":[0,1,2]}"#,
        r#"{"cid":18446744073709551617,"tweets":[[0,1],[1,1],[2,1]]}"#,
    ];
    for record in records {
        let fitted = text(&run(&["fit"], record.as_bytes()).stdout);
        assert!(fitted.contains(r#""cid":"18446744073709551617""#), "{record}: {fitted}");
    }
}

#[test]
fn half_a_surrogate_pair_in_a_text_costs_one_character_and_not_the_record() {
    let collected = answer(&format!("{COLLECT} 1 tw_surrogate_root.jsonl"));
    assert_eq!(collected.status, Some(0), "{}", collected.stderr);
    assert_eq!(collected.of("serie")[0]["msg"], "cut here \u{fffd}");
    assert_eq!(collected.of("size")[0]["n_tot"], 30);
    let (low, whole) = (r#"\ude00x"#, r#"\ud83d\ude00x"#);
    for (escaped, read) in [(low, "\u{fffd}x"), (whole, "\u{1f600}x")] {
        for kind in ["serie", "history"] {
            let line = format!(
                r#"{{"type":"{kind}","cid":"a","T_obs":9,"msg":"{escaped}","tweets":[[0,1],[1,1]]}}"#
            );
            let fitted: Value =
                serde_json::from_slice(&run(&["fit"], line.as_bytes()).stdout).unwrap();
            assert_eq!(fitted["msg"], read, "{line}");
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_also_in_records_that_pass_through() {
    let collected = answer(&format!("{COLLECT} 1 bad_utf8_handed_on.jsonl"));
    assert_eq!(collected.status, Some(1));
    for (line, byte) in [(2, 21), (3, 53)] {
        let place = format!("bad_utf8_handed_on.jsonl:{line}: not UTF-8 at byte {byte}");
        assert!(collected.stderr.contains(&place), "{}", collected.stderr);
    }
    assert_eq!(collected.lines.len(), 2, "a serie and a size of the one record that can be read");
}

/// Sizes of the cascades that a table replays as, sorted, and the answer.
fn replayed(command: &str) -> (Vec<usize>, Answer) {
    let answer = answer(command);
    let mut sizes = std::collections::BTreeMap::new();
    for event in answer.of("tweet").iter().chain(&answer.of("retweet")) {
        *sizes.entry(event["cid"].to_string()).or_insert(0) += 1;
    }
    let mut sizes: Vec<usize> = sizes.into_values().collect();
    sizes.sort_unstable();
    (sizes, answer)
}

#[test]
fn a_quote_that_is_never_closed_costs_its_row_and_no_other() {
    let (sizes, answer) = replayed("generate --data csv_unclosed_quote.csv");
    assert_eq!(answer.status, Some(1));
    assert!(
        answer.stderr.contains("csv_unclosed_quote.csv:42: a quote opens in this line"),
        "{}",
        answer.stderr
    );
    assert_eq!(sizes.iter().sum::<usize>(), 509);
    assert_eq!(sizes.len(), 6);
}

#[test]
fn the_columns_of_a_pair_are_found_by_their_names() {
    let command = format!(
        "generate --index {CASES}/evently_ascending_index.csv --data evently_ascending_data.csv"
    );
    let (sizes, answer) = replayed(&command);
    assert_eq!((answer.status, sizes), (Some(0), vec![5]), "{}", answer.stderr);
    let times: Vec<f64> = answer.of("retweet").iter().map(|it| it["t"].as_f64().unwrap()).collect();
    let start = answer.of("tweet")[0]["t"].as_f64().unwrap();
    let since: Vec<f64> = times.iter().map(|time| time - start).collect();
    assert_eq!(since[..3], [12.0, 30.0, 31.0]);
    assert!(answer.of("retweet").iter().all(|it| it["m"].as_f64().unwrap() < 31.0));
}

#[test]
fn the_range_of_a_time_is_checked_in_seconds() {
    let (sizes, answer) =
        replayed("generate --seconds-per-unit 0.001 --timeline real --data csv_ms.csv");
    assert_eq!(answer.status, Some(0), "{}", answer.stderr);
    assert!(sizes.len() > 1, "{sizes:?}");
    assert_eq!(answer.of("tweet")[0]["t"].as_f64().unwrap().floor(), 1_539_202_764.0);
    let (recognised, unscaled) = replayed("generate --data csv_ms.csv");
    assert!(unscaled.stderr.contains("times are read as milliseconds"), "{}", unscaled.stderr);
    assert_eq!(recognised, sizes);
}

#[test]
fn ids_that_lost_their_digits_are_reported_with_their_column() {
    let (_, answer) = replayed("generate --data csv_sci_id.csv");
    for part in ["column \"cid\"", "1.23465E+18", "export the column as text"] {
        assert!(answer.stderr.contains(part), "{part}: {}", answer.stderr);
    }
    let (_, plain) = replayed("generate --data csv_gz_garbage.csv.gz");
    let columns = "csv_gz_garbage.csv.gz: columns divided by commas: cid=cid, t=t, m=m\n";
    assert_eq!(plain.status, Some(0), "zeros behind a gzip member are padding");
    assert!(
        plain.stderr.ends_with(columns) && plain.stderr.lines().count() == 1,
        "{}",
        plain.stderr
    );
    assert!(plain.lines.len() > 500, "{} lines", plain.lines.len());
}

#[test]
fn a_row_is_named_by_its_line_whatever_the_line_ends_are() {
    let (_, answer) = replayed("generate --data crlf.csv");
    for line in [3, 5] {
        assert!(answer.stderr.contains(&format!("crlf.csv:{line}: ")), "{}", answer.stderr);
    }
}
