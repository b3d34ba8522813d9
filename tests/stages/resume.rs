//! `fit --csv --resume`: an interrupted table is continued.

use std::fs;
use std::process::Output;

use crate::pipes::{folder, run, text};

const WINDOWS: &str = "10m,1h";

fn history() -> String {
    let cascade = |i: u32| {
        let events: Vec<String> = (0..20 + i % 7)
            .map(|k| format!("[{},{}]", k * (k + i % 11), 10 + i * k % 90))
            .collect();
        format!("{{\"cid\":\"c{i}, \\\"{i}\\\"\",\"tweets\":[{}]}}\n", events.join(","))
    };
    (0..40).map(cascade).collect()
}

/// The paths of the history and of the table, and the whole table.
fn files(name: &str) -> (String, String, Vec<u8>) {
    let folder = folder(name);
    let [input, file] =
        ["history.jsonl", "fits.csv"].map(|it| folder.join(it).to_str().unwrap().to_owned());
    fs::write(&input, history()).unwrap();
    let whole = run(&["fit", "--csv", "--windows", WINDOWS, &input], b"").stdout;
    (input, file, whole)
}

fn resume(path: &str, windows: &str, history: &str) -> Output {
    run(&["fit", "--csv", "--resume", path, "--windows", windows, history], b"")
}

#[test]
fn a_table_that_was_cut_anywhere_is_continued_to_the_same_bytes() {
    let (input, file, whole) = files("resumed");
    let (input, path) = (&*input, &*file);
    assert_eq!(text(&whole).lines().count(), 81);
    for length in (0..=whole.len()).step_by(whole.len() / 25).chain([whole.len()]) {
        fs::write(&file, &whole[..length]).unwrap();
        let output = resume(path, WINDOWS, input);
        assert!(output.status.success(), "{length}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && fs::read(&file).unwrap() == whole, "{length}");
    }
    fs::remove_file(&file).unwrap();
    assert!(resume(path, WINDOWS, input).status.success());
    assert_eq!(fs::read(&file).unwrap(), whole);
}

#[test]
fn a_table_of_other_options_or_another_input_is_refused_and_not_changed() {
    let (input, file, whole) = files("resumed-other");
    let (input, path) = (&*input, &*file);
    let half = &whole[..whole.len() / 2];
    let refused = |before: &[u8], output: Output, why: &str| {
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
        assert_eq!(fs::read(&file).unwrap(), before);
    };
    fs::write(&file, half).unwrap();
    refused(half, resume(path, "10m,2h", input), "is not the one of this input");
    let kernel = ["fit", "--csv", "--resume", path, "--windows", WINDOWS, "--kernel", "exp", input];
    refused(half, run(&kernel, b""), "its columns are cid,T_obs,");
    fs::write(&file, b"something else\n").unwrap();
    refused(
        b"something else\n",
        resume(path, WINDOWS, input),
        "its columns are something else, those of",
    );
    // The table is of more cascades than the input has.
    fs::write(&file, &whole).unwrap();
    let short: String = history().lines().take(3).map(|line| format!("{line}\n")).collect();
    fs::write(input, short).unwrap();
    refused(&whole, resume(path, WINDOWS, input), "more rows than this input");
}
