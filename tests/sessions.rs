//! Every console session of the README and of the pages in docs/ prints what is shown there.
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

/// A folder where the sessions of a document run: the binary is on the path, the test data is there.
fn stage(document: &str) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sessions").join(document);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata"), folder.join("testdata")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_tweetoscope")).parent().unwrap().display();
    (folder, format!("{binary}:{}", std::env::var("PATH").unwrap()))
}

/// The README and the pages of docs/, by file name.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut documents: Vec<PathBuf> =
        pages.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    documents.push(root.join("README.md"));
    documents.sort();
    documents
}

#[test]
fn the_documents_print_what_they_show() {
    let mut commands = 0;
    for document in documents() {
        let name = document.file_name().unwrap().to_str().unwrap();
        let (folder, path) = stage(name);
        for (command, shown) in sessions(&fs::read_to_string(&document).unwrap()).concat() {
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]).current_dir(&folder).env("PATH", &path).env("LC_ALL", "C");
            let output = shell.stdin(Stdio::null()).output().unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(
                matches(&shown, &printed),
                "{name}: $ {command}\n{printed}\nis shown as\n{shown}\n{errors}"
            );
            commands += 1;
        }
    }
    assert!(commands >= 5, "{commands} commands");
}
