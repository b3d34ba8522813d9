//! Faults of the system around a command: signals, limits of files, and other processes in its folders.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{fs, process, thread};

use super::{folder, run, text, tweetoscope};

fn send(signal: &str, pid: u32) {
    let sent = process::Command::new("kill").args(["-s", signal, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Samples of one window.
fn samples(count: usize) -> Vec<u8> {
    let line = |i: usize| {
        format!(
            r#"{{"type":"sample","cid":"{i}","source":"0","t":{i},"T_obs":600,"X":[0.001,0.5,{}],"n_obs":10,"n_tot":{}}}"#,
            10 + i % 7,
            20 + i % 30
        ) + "\n"
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

/// Every signal that stops a stage leaves whole lines, which are the first ones of the whole output; the input
/// stays open all the time.
#[test]
fn a_signal_ends_a_stage_after_a_whole_line() {
    let tweets = run(&["generate", "--simulate", "300", "--seed", "4"], b"").stdout;
    let whole = text(&run(&["collect", "--windows", "1s,1m,10m"], &tweets).stdout);
    // Under nohup, commands inherit that SIGHUP (bit 0 of the mask) is ignored.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    let signals = if ignored & 1 == 0 { &["TERM", "INT", "HUP"][..] } else { &["TERM", "INT"] };
    for signal in signals {
        let mut child = tweetoscope(&["collect", "--windows", "1s,1m,10m"]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let half = tweets.len() / 2;
        stdin.write_all(&tweets[..half]).unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut out = String::new();
        stdout.read_line(&mut out).unwrap();
        send(signal, child.id());
        stdout.read_to_string(&mut out).unwrap();
        let status = child.wait().unwrap();
        drop(stdin);
        assert_eq!(status.code(), Some(0), "{signal}: {status}");
        assert!(out.ends_with('\n') && whole.starts_with(&out), "{signal}");
    }
}

/// Under nohup a hangup does not end it.
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let program = env!("CARGO_BIN_EXE_tweetoscope");
    let mut child = process::Command::new("bash")
        .args(["-c", "trap '' HUP; exec \"$0\" collect --min-size 1", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{}\n", super::ROOT).as_bytes()).unwrap();
    // It has installed its handlers when it reads.
    thread::sleep(Duration::from_millis(500));
    send("HUP", child.id());
    thread::sleep(Duration::from_millis(200));
    stdin.write_all(format!("{}\n", super::ROOT.replace("\"a\"", "\"b\"")).as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains(r#""cid":"b""#), "{}", text(&output.stdout));
}

/// A reader that takes a few bytes at a time makes short writes, and a process that is stopped and continued
/// has its calls interrupted.
#[test]
fn short_writes_and_interrupted_calls_change_nothing() {
    let args = ["generate", "--simulate", "200", "--seed", "9"];
    let whole = run(&args, b"").stdout;
    let mut child = tweetoscope(&args).stdin(Stdio::null()).spawn().unwrap();
    let (mut stdout, mut out) = (child.stdout.take().unwrap(), Vec::<u8>::new());
    let mut part = [0; 4099];
    for turn in 0.. {
        if turn % 20 == 0 && child.try_wait().unwrap().is_none() {
            send("STOP", child.id());
            send("CONT", child.id());
        }
        match stdout.read(&mut part).unwrap() {
            0 => break,
            count => out.extend(&part[..count]),
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(out == whole, "{} and {} bytes", out.len(), whole.len());
}

/// No file may be written to: the error names it, and no part of it stays.
#[test]
fn a_file_that_cannot_be_written_is_named_and_no_part_of_it_is_read() {
    const EVALUATION: &[&str] = &["run", "--history", "testdata/tideh.jsonl.gz", "--folds", "2"];
    let program = env!("CARGO_BIN_EXE_tweetoscope");
    let folder = folder("file-limit");
    let bad = folder.join("bad.jsonl");
    fs::write(&bad, "{no tweet\n").unwrap();
    let inputs = folder.join("samples.jsonl");
    fs::write(&inputs, samples(60)).unwrap();
    for (name, args) in [
        ("models", vec!["train", inputs.to_str().unwrap(), "--models", "PLACE"]),
        ("report", [EVALUATION, &["--report", "PLACE"]].concat()),
        ("predictions", [EVALUATION, &["--predictions", "PLACE"]].concat()),
        ("dead", vec!["collect", bad.to_str().unwrap(), "--dead-letter", "PLACE"]),
    ] {
        let place = folder.join(name);
        let place = place.to_str().unwrap();
        let args = args.into_iter().map(|it| if it == "PLACE" { place } else { it });
        let output = process::Command::new("bash")
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"", program])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {stderr}");
        let named = stderr.contains(place) && stderr.contains("File too large");
        assert!(named, "{name}: {stderr}");
    }
    let left: Vec<_> = fs::read_dir(folder.join("models")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

fn predict_with(models: &Path, input: &[u8]) -> String {
    let output = run(&["predict", "--models", models.to_str().unwrap()], input);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stderr = text(&output.stderr);
    assert!(!stderr.contains("ignored") && !stderr.contains("not a"), "{stderr}");
    text(&output.stdout)
}

/// Models that are replaced while they are read are read whole: every answer is that of one of them.
#[test]
fn models_that_are_replaced_while_they_are_read_are_read_whole() {
    let folder = folder("replaced");
    let input = concat!(
        r#"{"type":"parameters","cid":"a","source":"0","msg":"","T_obs":600,"n_obs":12,"n_supp":3.5,"#,
        r#""params":[0.5,0.001],"n_star":0.3,"G1":10,"n_tot":20}"#,
        "\n"
    );
    let (sources, mut answers) = ([folder.join("one"), folder.join("two")], Vec::new());
    for (source, count) in sources.iter().zip([40, 55]) {
        let output =
            run(&["train", "--models", source.to_str().unwrap(), "--trees", "3"], &samples(count));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    // Both have the same version in the folder that is read.
    let newest = |source: &Path| {
        let mut files: Vec<_> =
            fs::read_dir(source).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort_by_key(|it| fs::metadata(it).unwrap().len());
        fs::read_to_string(files.last().unwrap()).unwrap()
    };
    let version = |content: &str| {
        let value: serde_json::Value = serde_json::from_str(content).unwrap();
        value["model"].as_str().unwrap().to_owned()
    };
    let contents = [newest(&sources[0]), newest(&sources[1])];
    let shared = folder.join("shared");
    fs::create_dir_all(&shared).unwrap();
    let replace = |content: &str| {
        let draft = shared.join("draft");
        fs::write(&draft, content).unwrap();
        fs::rename(&draft, shared.join(format!("{}.json", version(content)))).unwrap();
    };
    for content in &contents {
        let _ = fs::remove_dir_all(&shared);
        fs::create_dir_all(&shared).unwrap();
        replace(content);
        answers.push(predict_with(&shared, input.as_bytes()));
    }
    thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel();
        scope.spawn(move || {
            while is_done.try_recv().is_err() {
                contents.iter().for_each(|it| replace(it));
            }
        });
        for _ in 0..20 {
            let answer = predict_with(&shared, input.as_bytes());
            assert!(answers.contains(&answer), "{answer}\nis neither\n{answers:?}");
        }
        done.send(()).unwrap();
    });
}

/// Two trainers that share a folder do not overwrite each other's models: the second one that writes a model of a
/// version ends with an error.
#[test]
fn two_trainers_in_one_folder_do_not_overwrite_each_other() {
    let folder = folder("two-trainers");
    let path = folder.to_str().unwrap();
    let mut first = tweetoscope(&["train", "--models", path, "--trees", "3"]).spawn().unwrap();
    let mut to_first = first.stdin.take().unwrap();
    // The first trainer has read the folder, which is empty, before the second one writes to it.
    to_first.write_all(&samples(1)).unwrap();
    thread::sleep(Duration::from_millis(500));
    let second = run(&["train", "--models", path, "--trees", "3"], &samples(40));
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    let written = |folder: &Path| {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|it| it.unwrap().path())
            .map(|it| (it.clone(), fs::read(it).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = written(&folder);
    assert!(!before.is_empty());
    let _ = to_first.write_all(&samples(55)[samples(1).len()..]);
    drop(to_first);
    let first = first.wait_with_output().unwrap();
    let stderr = text(&first.stderr);
    assert_eq!(first.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("two trainers must not share a folder"), "{stderr}");
    for (path, content) in &before {
        if path.exists() {
            assert!(fs::read(path).unwrap() == *content, "{} was replaced", path.display());
        }
    }
}
