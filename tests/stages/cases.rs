//! The inputs of `testdata/cases`: each stands for a kind of fault that users met, and has one right answer.

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
        collected.stderr.contains("tw_one_ms_record.jsonl:21: the time is 1138867s ahead"),
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
