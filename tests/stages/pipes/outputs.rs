//! Files of output: none is an input or another output, and their names decide the format.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::{folder, run, text, tweetoscope};

const HISTORY: &str = "{\"cid\":\"a\",\"tweets\":[[0,9],[1,5],[2,5],[3,5]]}\n\
                       {\"cid\":\"b\",\"tweets\":[[0,7],[4,5],[5,5],[6,5]]}\n";
const EVALUATE: [&str; 7] = ["run", "--folds", "2", "--windows", "1m", "--min-size", "2"];

/// The file of some finished cascades in a folder.
fn history_in(folder: &Path) -> PathBuf {
    let path = folder.join("h.jsonl");
    fs::write(&path, HISTORY).unwrap();
    path
}

/// Runs a command that is to be refused as wrong usage; returns its error.
fn refused(args: &[&str]) -> String {
    let output = run(args, b"");
    let errors = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
    assert!(output.stdout.is_empty(), "{args:?}");
    errors
}

#[test]
fn an_output_that_is_an_input_or_another_output_is_refused_and_nothing_is_changed() {
    let folder = folder("same-files");
    let history = history_in(&folder);
    let [linked, new] = ["linked.jsonl", "new.jsonl"].map(|it| folder.join(it));
    fs::hard_link(&history, &linked).unwrap();
    let [h, linked, new] = [&history, &linked, &new].map(|it| it.to_str().unwrap());
    for (args, option) in [
        ([&EVALUATE[..], &["--predictions", h, h]].concat(), "--predictions"),
        ([&EVALUATE[..], &["--truth", linked, h]].concat(), "--truth"),
        ([&EVALUATE[..], &["--report", h, "--history", h]].concat(), "--report"),
        ([&EVALUATE[..], &["--predictions", new, "--truth", new, h]].concat(), "--truth"),
        ([&EVALUATE[..], &["--report", new, "--predictions", new, h]].concat(), "--predictions"),
        ([&EVALUATE[..], &["--predictions", "-", h]].concat(), "--predictions -"),
        (vec!["collect", "--dead-letter", h, h], "--dead-letter"),
        (vec!["fit", "--csv", "--resume", h, h], "--resume"),
    ] {
        let errors = refused(&args);
        assert!(errors.contains(option), "{args:?}: {errors}");
    }
    assert_eq!(fs::read_to_string(&history).unwrap(), HISTORY);
    assert!(!folder.join("new.jsonl").exists());
    // Stdout in a file has a position of its own.
    #[cfg(unix)]
    for args in [
        [&EVALUATE[..], &["--predictions", "/dev/stdout", h]].concat(),
        vec!["collect", "--dead-letter", "/dev/stdout", h],
    ] {
        let to = File::create(folder.join("out")).unwrap();
        let output = tweetoscope(&args).stdin(Stdio::null()).stdout(to).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains("stdout is the same file"), "{args:?}");
    }
}

#[test]
fn the_ending_of_a_file_of_results_decides_its_format_and_an_unknown_one_is_refused() {
    let folder = folder("endings");
    let history = history_in(&folder);
    let history = history.to_str().unwrap();
    for ending in ["csv.gz", "tsv", "txt"] {
        let path = folder.join(format!("k.{ending}"));
        for option in ["--predictions", "--truth"] {
            let named = [option, path.to_str().unwrap(), history];
            assert!(refused(&[&EVALUATE[..], &named].concat()).contains(option));
        }
        assert!(!path.exists());
    }
    let first = |option: &str, name: &str| {
        let path = folder.join(name);
        let named = [option, path.to_str().unwrap(), history];
        let output = run(&[&EVALUATE[..], &named].concat(), b"");
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        let written = fs::read_to_string(path).unwrap();
        written.lines().next().unwrap_or_default().to_owned()
    };
    let columns = "cid,T_obs,n_obs,n_pred,low,high,model,method,n_tot,are,predictor,own";
    assert_eq!(first("--predictions", "K.CSV"), columns);
    assert_eq!(first("--truth", "truth.csv"), "cid,T_obs,n_tot");
    for name in ["a.jsonl", "b.json", "c.ndjson", "d"] {
        assert!(first("--truth", name).starts_with('{'), "{name}");
    }
    let names = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
}

/// Runs a command whose stdout is a full disk; returns its error.
#[cfg(target_os = "linux")]
fn on_a_full_disk(args: &[&str], input: &str) -> String {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = tweetoscope(args).stdout(full).spawn().unwrap();
    // One that fails early reads nothing.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    text(&output.stderr)
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_with_the_output_by_every_command() {
    let folder = folder("full-disk");
    let history = history_in(&folder);
    let history = history.to_str().unwrap();
    let alert = "{\"type\":\"alert\",\"cid\":\"a\",\"T_obs\":600,\"n_obs\":3,\"n_tot\":9}\n";
    let log =
        "{\"type\":\"log\",\"t\":1,\"level\":\"INFO\",\"source\":\"fit\",\"message\":\"x\"}\n";
    let curve = ["run", "--curve-by", "0", "--windows", "1m", "--min-size", "2", history];
    for (args, input) in [
        (&["help"][..], ""),
        (&["help", "fit"], ""),
        (&["--help"], ""),
        (&["-h"], ""),
        (&["--version"], ""),
        (&["log", "--help"], ""),
        (&["run", "-V"], ""),
        (&["dashboard"], alert),
        (&["log"], log),
        (&["log", "--json"], log),
        (&["monitor", "--csv"], ""),
        (&["fit", "--csv"], ""),
        (&["generate", history], ""),
        (&[&EVALUATE[..], &[history]].concat(), ""),
        (&curve, ""),
    ] {
        let errors = on_a_full_disk(args, input);
        let named = "tweetoscope: stdout: No space left on device";
        assert_eq!(errors.matches(named).count(), 1, "{args:?}: {errors}");
        assert_eq!(errors.matches("stdout").count(), 1, "{args:?}: {errors}");
    }
    let logs = folder.join("logs");
    fs::create_dir_all(&logs).unwrap();
    std::os::unix::fs::symlink("/dev/full", logs.join("tweetoscope.log")).unwrap();
    let output = run(&["log", "--into", logs.to_str().unwrap()], log.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let named = format!("{}/tweetoscope.log: No space left on device", logs.display());
    assert!(text(&output.stderr).contains(&named), "{}", text(&output.stderr));
}

#[test]
#[cfg(unix)]
fn help_for_a_reader_that_has_left_is_no_error() {
    for args in ["help", "--version"] {
        let mut child = tweetoscope(&[args]).stdin(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
}

#[test]
#[cfg(unix)]
fn a_report_is_refused_where_its_input_is_a_pipe() {
    let folder = folder("report-pipe");
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let page = folder.join("page.html");
    let (page, pipe) = (page.to_str().unwrap(), pipe.to_str().unwrap());
    for input in [&["--history", pipe][..], &[pipe], &["--history", "/dev/stdin"]] {
        let errors = refused(&[&["run", "--report", page], input].concat());
        assert!(errors.contains("--report needs finished cascades"), "{errors}");
    }
}

#[test]
fn options_that_have_no_effect_or_no_sense_are_refused() {
    let history = history_in(&folder("senseless"));
    let h = history.to_str().unwrap();
    for (args, named) in [
        (vec!["run", "--simulate", "3", h], "--simulate"),
        (vec!["generate", "--index", h, h], "--index"),
        ([&EVALUATE[..], &["--max-open-cascades", "5", h]].concat(), "--max-open-cascades"),
        (
            [&EVALUATE[..], &["--max-events-per-cascade", "5", h]].concat(),
            "--max-events-per-cascade",
        ),
        (vec!["train", "--newest", "0", h], "--newest must be at least 1"),
        (vec!["run", "--newest", "0", h], "--newest must be at least 1"),
        (vec!["generate", "--utc-offset", "nan", h], "--utc-offset must be from -24 to 24 hours"),
        (vec!["train", "--utc-offset", "inf", h], "--utc-offset must be from -24 to 24 hours"),
        (vec!["predict", "--now", "--utc-offset", "25", h], "--utc-offset must be from"),
        (vec!["predict", "--above=-1", h], "--above"),
        (vec!["run", "--alert-above=-1", h], "--alert-above"),
        (vec!["collect", "--max-sources", "0", h], "--max-sources must be at least 1"),
        (vec!["collect", "--max-open-cascades", "0", h], "--max-open-cascades must be"),
    ] {
        let errors = refused(&args);
        assert!(errors.contains(named), "{args:?}: {errors}");
    }
    // A variable is for all commands: beside FILE it is ignored.
    let mut command = tweetoscope(&["run", h]);
    command.env("TWEETOSCOPE_SIMULATE", "100").stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
#[cfg(unix)]
fn a_signal_while_whole_files_are_read_ends_the_process() {
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;
    for args in [&["predict", "--now", "--history", "-"][..], &["fit", "--history", "-"]] {
        let mut command = tweetoscope(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.as_mut().unwrap();
        stdin.write_all(HISTORY.as_bytes()).unwrap();
        stdin.flush().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").arg(&id).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(15), "{args:?}: {}", text(&output.stderr));
    }
}
