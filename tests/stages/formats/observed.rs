//! Cascades of a recording that ended before their windows.

use std::fs;

use crate::pipes::{folder, run, text};

/// Cascades of five events, one a minute and the last after `last` seconds, that began every ten minutes: a table with
/// Unix times, or, with the given observed durations, history lines.
fn growing(observed: Option<f64>) -> String {
    let mut lines = if observed.is_none() { "cid,t\n".to_owned() } else { String::new() };
    for cascade in 0..30 {
        let ages = [0, 60, 120, 180, 240 + cascade % 7];
        match observed {
            None => {
                let row = |age| format!("c{cascade},{}\n", 1_600_000_000 + cascade * 600 + age);
                lines.extend(ages.map(row));
            }
            Some(observed) => {
                let tweets: Vec<String> = ages.iter().map(|age| format!("[{age},1]")).collect();
                let tweets = tweets.join(",");
                lines += &format!(
                    "{{\"cid\":\"c{cascade}\",\"observed\":{observed},\"tweets\":[{tweets}]}}\n"
                );
            }
        }
    }
    lines
}

#[test]
fn a_cascade_is_left_out_of_windows_that_it_was_not_observed_for() {
    let folder = folder("observed");
    let file = folder.join("growing.csv").display().to_string();
    fs::write(&file, growing(None)).unwrap();
    let left_out = "of 30 cascades, these were observed for less than the window, up to the end of the recording, and \
                    are left out of it: 1 at 10m, 6 at 1h";
    let unfinished = "the recording of 3 of 30 cascades ended less than 30m after their last event";
    let common = ["--windows", "10m,1h", "--min-size", "1", &file];
    for evaluation in [&["--folds", "2"][..], &["--split", "time"], &["--curve-by", "0,5"]] {
        let output = run(&[&["run"], evaluation, &common].concat(), b"");
        let errors = text(&output.stderr);
        assert_eq!(errors.matches(left_out).count(), 1, "{errors}");
        assert_eq!(errors.matches(unfinished).count(), 1, "{errors}");
        // Only where it can be given.
        let remedy = errors.contains("began last, or give another time with --terminated");
        assert_eq!(remedy, evaluation[0] != "--folds", "{errors}");
        assert!(!errors.contains("(--terminated)"), "{errors}");
        if evaluation[0] == "--folds" {
            let table = text(&output.stdout);
            let scored: Vec<&str> = table
                .lines()
                .filter(|row| row.contains("no-growth"))
                .map(|row| row.split_ascii_whitespace().nth(2).unwrap())
                .collect();
            assert_eq!(scored, ["29", "24"]);
        }
    }
    // The replay too predicts and learns from the other windows alone.
    let output = run(&[&["run"], &common[..]].concat(), b"");
    let errors = text(&output.stderr);
    assert_eq!(errors.matches(left_out).count(), 1, "{errors}");
    let alerts = |window: &str| {
        text(&output.stdout)
            .lines()
            .filter(|line| line.contains("\"type\":\"alert\"") && line.contains(window))
            .count()
    };
    assert_eq!([alerts("\"T_obs\":600,"), alerts("\"T_obs\":3600,")], [29, 24]);
    let output = run(&[&["train"], &common[..]].concat(), b"");
    assert!(text(&output.stderr).contains(left_out), "{}", text(&output.stderr));
    let output = run(&[&["run", "--terminated", "1h"], &common[..]].concat(), b"");
    let errors = text(&output.stderr);
    assert!(
        errors.contains("ended less than 1h after their last event (--terminated), so"),
        "{errors}"
    );
    assert!(errors.contains("began last\n"), "{errors}");
    // The duration that a history line gives counts, whatever follows in the file.
    for (observed, all) in [(3600.0, true), (3599.0, false)] {
        let args = ["run", "--folds", "2", "--windows", "1h", "--min-size", "1", "--history", "-"];
        let output = run(&args, growing(Some(observed)).as_bytes());
        let errors = text(&output.stderr);
        assert_eq!(errors.contains("30 at 1h"), !all, "{errors}");
        assert_eq!(text(&output.stdout).contains("no-growth"), all, "{errors}");
    }
}
