//! Every console session of the README prints what is shown there.
//!
//! A line that begins with `$ ` is a command; what follows up to the next one is what it prints on
//! stdout. A line `...` stands for any lines.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn sessions(text: &str) -> Vec<Vec<(String, String)>> {
    let mut sessions = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut session: Vec<(String, String)> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => session.push((command.to_owned(), String::new())),
                None => {
                    let shown = &mut session.last_mut().expect("a session begins with $").1;
                    shown.push_str(line);
                    shown.push('\n');
                }
            }
        }
        sessions.push(session);
    }
    sessions
}

fn matches(shown: &str, printed: &str) -> bool {
    let Some((before, after)) = shown.split_once("...\n") else { return shown == printed };
    let rest = printed.strip_prefix(before);
    rest.is_some_and(|rest| rest.ends_with(after) && rest.len() >= after.len())
}

/// A folder where the sessions run: the binary is on the path, the test data is there.
fn stage() -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sessions");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata"), folder.join("testdata")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_tweetoscope")).parent().unwrap().display();
    (folder, format!("{binary}:{}", std::env::var("PATH").unwrap()))
}

#[test]
fn the_readme_prints_what_it_shows() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (folder, path) = stage();
    let mut commands = 0;
    for (command, shown) in sessions(&readme).into_iter().flatten() {
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(&folder).env("PATH", &path).env("LC_ALL", "C");
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches(&shown, &printed), "$ {command}\n{printed}\nis shown as\n{shown}\n{said}");
        commands += 1;
    }
    assert!(commands >= 5, "{commands} commands");
}
