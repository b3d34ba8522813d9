//! The board of `dashboard` as a table.

use std::fs;

use super::cases::case;
use super::{run, text};

const HISTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tideh.jsonl.gz");

#[test]
fn the_board_of_a_file_does_not_depend_on_the_order_of_its_records() {
    let lines = fs::read_to_string(case("dashboard_serie_first.jsonl")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    let size =
        r#"{"type":"size","cid":"a","source":"s","t":900,"T_obs":600,"n_tot":7,"t_end":800}"#;
    for first in 0..lines.len() {
        let mut turned = lines.clone();
        turned.rotate_left(first);
        let table = text(&run(&["dashboard"], turned.join("\n").as_bytes()).stdout);
        let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row[..3], ["1", "4", "3"], "{table}");
        // The size is read at any place; then the cascade is over.
        turned.insert(first, size);
        let input = turned.join("\n");
        let hidden = run(&["dashboard"], input.as_bytes());
        assert_eq!(text(&hidden.stdout), "");
        assert!(text(&hidden.stderr).contains("1 cascade is over and not shown; add --ended"));
        let table = text(&run(&["dashboard", "--ended"], input.as_bytes()).stdout);
        let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row[..5], ["1", "7", "exceeded", "7", "final"], "{table}");
    }
}

#[test]
fn a_threshold_of_the_board_is_a_number_and_reported_where_no_alert_has_it() {
    for above in ["nan", "inf", "-5"] {
        let output = run(&["dashboard", &format!("--above={above}")], b"");
        assert_eq!(output.status.code(), Some(2), "{above}");
        let err = text(&output.stderr);
        assert!(err.contains("--above must be a number of events from 0"), "{err}");
    }
    let alerts = fs::read(case("dashboard_serie_first.jsonl")).unwrap();
    let err = text(&run(&["dashboard", "--above", "777"], &alerts).stderr);
    assert_eq!(err.matches("no alert has the probability of more than 777").count(), 1, "{err}");
}

#[test]
fn the_output_of_run_ends_cascades_on_the_board() {
    let windows = ["--windows", "10m,1h,6h", "--terminated", "1d"];
    let records = run(&[&["run", "--history", HISTORY][..], &windows].concat(), b"").stdout;
    let open = run(&["dashboard", "--top", "3"], &records);
    assert_eq!(text(&open.stdout), "");
    assert!(text(&open.stderr).contains("cascades are over and not shown"));
    let ended = text(&run(&["dashboard", "--top", "3", "--ended"], &records).stdout);
    assert_eq!(ended.matches(" final ").count(), 3, "{ended}");
}
