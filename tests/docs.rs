//! The documents hold: console sessions print what is shown, links lead somewhere, records have the form of their schemas,
//! examples of commands succeed.
//!
//! A line that begins with `$ ` is a command; what follows up to the next one is what it prints on
//! stdout, or on stderr where stdout goes to a file. A line `...` stands for any lines. The program is built already.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

#[path = "docs/glossary.rs"]
mod glossary;

use std::collections::BTreeSet;
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
            let built = command.replace("cargo run --release -- ", "tweetoscope ");
            shell.args(["-c", &built]).current_dir(&folder).env("PATH", &path).env("LC_ALL", "C");
            let output = shell.stdin(Stdio::null()).output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            let mut printed = String::from_utf8(output.stdout).unwrap();
            if printed.is_empty() && !shown.is_empty() {
                printed.clone_from(&errors);
            }
            assert!(
                matches(&shown, &printed),
                "{name}: $ {command}\n{printed}\nis shown as\n{shown}\n{errors}"
            );
            commands += 1;
        }
    }
    assert!(commands >= 5, "{commands} commands");
}

/// Every page below docs/, with its path from there.
fn pages() -> Vec<(String, String)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let (mut folders, mut pages) = (vec![docs.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                let name = path.strip_prefix(&docs).unwrap().to_str().unwrap().to_owned();
                pages.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    pages.sort();
    assert!(pages.len() > 8, "{} pages", pages.len());
    pages
}

/// The targets of the links of a page, without code.
fn links(text: &str) -> Vec<String> {
    let mut code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        code ^= line.starts_with("```");
        let parts = line.split("](").skip(1).filter(|_| !code);
        found.extend(parts.filter_map(|part| Some(part.split_once(')')?.0.to_owned())));
    }
    found
}

/// The anchors of a page: its headings as mdBook turns them into ids.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let id = |heading: &str| -> String {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(id).collect()
}

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = ("../README.md".to_owned(), fs::read_to_string(root.join("README.md")).unwrap());
    let mut checked = 0;
    for (page, text) in pages().into_iter().chain([readme]) {
        let folder = root.join("docs").join(&page).parent().unwrap().to_owned();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target =
                if file.is_empty() { root.join("docs").join(&page) } else { folder.join(file) };
            assert!(target.exists(), "{page}: {link} leads nowhere");
            if !anchor.is_empty() {
                let there = anchors(&fs::read_to_string(&target).unwrap());
                assert!(
                    there.iter().any(|it| it == anchor),
                    "{page}: {link}: no such heading in {there:?}"
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} links");
}

#[test]
fn the_summary_lists_every_page() {
    let all = pages();
    let summary = &all.iter().find(|(name, _)| name == "SUMMARY.md").unwrap().1;
    let listed = links(summary);
    for (page, _) in all.iter().filter(|(name, _)| name != "SUMMARY.md") {
        assert!(listed.contains(page), "{page} is not in SUMMARY.md");
    }
}

/// What a shell command prints, line by line.
fn printed(command: &str, folder: &Path, path: &str) -> Vec<serde_json::Value> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path);
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A field that no schema lists is an error too: the contract names every field that is written.
#[test]
fn every_record_that_is_written_has_the_form_of_its_schema() {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    let (folder, path) = stage("schemas");
    let commands = [
        "tweetoscope generate --simulate 300 --seed 2",
        "tweetoscope generate --simulate 300 --seed 2 | tweetoscope collect | tweetoscope fit \
         | tweetoscope predict",
        "tweetoscope generate --simulate 300 --seed 2 | tweetoscope collect | tweetoscope fit \
         | tweetoscope predict --curve --explain --above 100,1000 | tweetoscope train",
        "tweetoscope generate --simulate 300 --seed 2 | tweetoscope collect",
        "tweetoscope generate --simulate 300 --seed 2 | tweetoscope collect | tweetoscope fit",
        "tweetoscope generate --simulate 30 --seed 2 | tweetoscope collect | tweetoscope fit \
         --kernel best --population fit --intervals profile --held-out 0.7",
        "tweetoscope generate --simulate 30 --seed 2 | tweetoscope collect | tweetoscope fit \
         --kernel power-law --joint",
        "tweetoscope run --simulate 400 --seed 3 | tweetoscope monitor",
    ];
    let mut kinds = std::collections::BTreeMap::new();
    for command in commands {
        for record in printed(command, &folder, &path) {
            let kind = record["type"].as_str().unwrap_or("log").to_owned();
            let validator = kinds.entry(kind.clone()).or_insert_with(|| {
                let text = fs::read_to_string(schemas.join(format!("{kind}.schema.json"))).unwrap();
                let mut schema: serde_json::Value = serde_json::from_str(&text).unwrap();
                schema["additionalProperties"] = false.into();
                jsonschema::validator_for(&schema).unwrap()
            });
            if let Err(error) = validator.validate(&record) {
                panic!("{kind}: {error} at {}\n{record}", error.instance_path());
            }
        }
    }
    let seen: Vec<&str> = kinds.keys().map(String::as_str).collect();
    let all = [
        "alert",
        "model",
        "parameters",
        "report",
        "retweet",
        "sample",
        "serie",
        "size",
        "stat",
        "tweet",
        "watermark",
    ];
    assert_eq!(seen, all);
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names of all properties of a schema, also of the objects in it.
fn properties(schema: &serde_json::Value, names: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::Object(found)) = members.get("properties") {
                names.extend(found.keys().cloned());
            }
            members.values().for_each(|member| properties(member, names));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| properties(item, names)),
        _ => {}
    }
}

#[test]
fn the_glossary_has_every_field_of_every_schema() {
    let glossary = read("docs/glossary.md");
    let (_, fields) = glossary.split_once("\n## Fields of records\n").unwrap();
    let described = quoted(fields.split("\n## ").next().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        properties(&serde_json::from_str(&text).unwrap(), &mut names);
    }
    assert!(names.len() > 50, "{names:?}");
    names.retain(|name| !described.contains(name));
    assert!(names.is_empty(), "not in the glossary: {names:?}");
}

#[test]
fn counters_named_in_the_documents_exist() {
    let metrics = quoted(&read("docs/metrics.md"));
    let mut checked = 0;
    for (page, text) in pages().into_iter().filter(|(name, _)| name != "CHANGELOG.md") {
        // A name may have labels behind it; the texts between backticks include those of blocks of code.
        let word = |text: String| text.split('{').next().unwrap().to_owned();
        let is_name = |name: &String| {
            name.ends_with("_total") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        for name in quoted(&text).into_iter().map(word).filter(is_name) {
            let is_whole = name.starts_with("tweetoscope_") || name.starts_with("process_");
            let whole = if is_whole { name } else { format!("tweetoscope_{name}") };
            assert!(metrics.contains(&whole), "{page}: {whole} is no metric");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} names");
}

/// Files with code for tests only are not listed.
#[test]
fn the_architecture_lists_every_file_of_its_modules_and_no_other() {
    let text = read("docs/architecture.md");
    for module in ["hawkes", "learn", "record", "input", "replay", "stream", "telemetry"] {
        let (_, after) = text.split_once(&format!("\n### {module}\n")).unwrap();
        let section = after.split("\n#").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let names = rows.flat_map(|row| quoted(row.split(" | ").next().unwrap()));
        let listed: BTreeSet<String> = names.filter(|name| name.ends_with(".rs")).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module);
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_expected = |name: &String| {
            name.ends_with(".rs")
                && !["mod.rs", "testing.rs", "tests.rs", "cases.rs"].contains(&name.as_str())
        };
        assert_eq!(listed, names.filter(is_expected).collect(), "{module}");
    }
}

/// What the examples of the commands read.
const INPUTS: &str = r#"
ln -s testdata/tideh.jsonl.gz history.jsonl.gz
printf 'cid,t,m\na,0,100\na,1.5,20\nb,3,7\n' >events.csv
cp testdata/formats/x_v2_pages.jsonl posts.jsonl
tweetoscope generate --history history.jsonl.gz >tweets.jsonl
tweetoscope collect --log-dir logs --windows 10m,1h --terminated 1d tweets.jsonl >series.jsonl
tweetoscope fit series.jsonl >parameters.jsonl
tweetoscope predict parameters.jsonl >predictions.jsonl
"#;

#[test]
fn the_examples_of_the_commands_succeed() {
    // They need a broker, or do not end.
    const SKIPPED: [&str; 3] = ["--kafka", "--http", "--follow"];
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands");
    let (folder, path) = stage("commands");
    let run = |line: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-ec", line]).current_dir(&folder).env("PATH", &path).env("LC_ALL", "C");
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}\n{errors}", output.status);
    };
    run(INPUTS);
    let mut examples = 0;
    for page in fs::read_dir(pages).unwrap() {
        let text = fs::read_to_string(page.unwrap().path()).unwrap();
        let (_, after) = text.split_once("## Examples\n\n```sh\n").expect("a page has examples");
        let lines = after.split("```").next().unwrap().lines();
        for line in lines.filter(|line| !SKIPPED.iter().any(|it| line.contains(it))) {
            run(line);
            examples += usize::from(!line.starts_with('#'));
        }
    }
    assert!(examples >= 15, "{examples} examples");
}
