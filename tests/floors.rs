//! Imports run downwards; a heavy crate is named in one place; no file has grown two subjects.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up; rooms of one floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["event", "parallel"],
    &["cascade"],
    &["hawkes", "learn"],
    &["score"],
    &["record"],
    &["input"],
    &["replay", "stage"],
    &["stream"],
    &["telemetry"],
    &["kafka"],
];

/// Crates, and the only places that may name them (prefixes of paths).
const WALLS: &[(&str, &[&str])] = &[
    ("argmin", &["src/hawkes/fit.rs"]),
    ("smartcore", &["src/learn/split.rs"]),
    ("rdkafka", &["src/kafka"]),
    ("csv", &["src/input/", "commands/rows.rs"]),
    (
        "flate2",
        &[
            "src/input/",
            "src/learn/wire.rs",
            "src/hawkes/testing.rs",
            "src/replay/testing.rs",
            "commands/logging/",
        ],
    ),
    ("jiff", &["src/input/time.rs"]),
    ("ruzstd", &["src/input/decoding.rs"]),
    ("hyper", &["src/telemetry"]),
    ("prometheus", &["src/telemetry"]),
    ("clap", &["commands/"]),
    ("indicatif", &["commands/"]),
    ("env_logger", &["commands/"]),
    ("anyhow", &["commands/"]),
];

/// Lines a file may have without a reason in its first lines.
const LONG: usize = 400;

fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("commands")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(files.len() > 20, "{} files", files.len());
    files
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The room that a file of the library stands in: `src/stage/fit.rs` in `stage`.
fn room(name: &str) -> Option<&str> {
    let inside = name.strip_prefix("src/")?;
    let first = inside.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// The code of a file up to its tests, without comments: tests may look anywhere.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every word that follows `crate::`, inside braces too.
fn imports(code: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + 7..];
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(list) => {
                let list = &list[..list.find('}').unwrap_or(list.len())];
                found.extend(list.split(',').map(|item| word(item.trim())));
            }
        }
    }
    found
}

#[test]
fn imports_run_downwards() {
    for (name, text) in files() {
        let Some(here) = room(&name).filter(|room| *room != "lib") else { continue };
        let level = floor(here).unwrap_or_else(|| panic!("{name} stands on no floor"));
        for import in imports(&code(&text)) {
            let Some(below) = floor(&import) else { continue };
            assert!(
                below < level || import == here,
                "{name} imports {import}, which is not below it"
            );
        }
    }
}

#[test]
fn heavy_crates_stay_behind_their_walls() {
    for (name, text) in files() {
        for (krate, places) in WALLS {
            let named = code(&text).lines().any(|line| {
                line.match_indices(&format!("{krate}::")).any(|(place, _)| {
                    let before = line[..place].chars().last();
                    before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                })
            });
            let allowed = places.iter().any(|place| name.starts_with(place));
            assert!(!named || allowed, "{name} names {krate}");
        }
    }
}

#[test]
fn no_file_has_two_subjects() {
    for (name, text) in files() {
        let lines = text.lines().count();
        let reason = text.lines().take(8).any(|line| line.contains("Long because"));
        assert!(lines <= LONG || reason, "{name} has {lines} lines and no reason for it");
    }
}

/// The module of a file of `commands/`: `commands/monitor/view.rs` is `monitor::view`.
fn module(name: &str) -> Option<String> {
    let path = name.strip_prefix("commands/")?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    Some(path.replace('/', "::"))
}

/// Every path after `crate::` or `super::` in the code of a module, and every child it declares.
fn paths(module: &str, code: &str) -> Vec<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let inside = |base: &str, path: &str| match base {
        "" => path.to_owned(),
        base => format!("{base}::{path}"),
    };
    let mut found = Vec::new();
    for (start, base) in [("crate::", ""), ("super::", parent)] {
        for (place, _) in code.match_indices(start) {
            let rest = &code[place + start.len()..];
            let list = rest.strip_prefix('{').map(|list| &list[..list.find('}').unwrap()]);
            let items = list.map_or_else(|| vec![rest], |list| list.split(',').collect());
            let word = |item: &str| -> String {
                let path = item.trim();
                path.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect()
            };
            found.extend(items.into_iter().map(|item| inside(base, &word(item))));
        }
    }
    let own = if module == "main" { "" } else { module };
    let declared = code.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    found.extend(declared.map(|child| inside(own, child)));
    found
}

#[test]
fn files_of_commands_import_each_other_in_no_circle() {
    // Test modules may import the module that they test.
    let tests = ["generated", "dashboard::terminal::tests", "monitor::view::tests"];
    let code_of = |(name, text): (String, String)| Some((module(&name)?, code(&text)));
    let mut modules: Vec<(String, String)> = files().into_iter().filter_map(code_of).collect();
    let names: Vec<String> = modules.iter().map(|(module, _)| module.clone()).collect();
    modules.retain(|(module, _)| !tests.contains(&module.as_str()));
    // The longest prefix of a path that is a file; the crate's root is `main`.
    let file_of = |path: &str| {
        let is_prefix = |name: &&String| {
            path.strip_prefix(name.as_str()).is_some_and(|it| it.is_empty() || it.starts_with("::"))
        };
        names.iter().filter(is_prefix).max_by_key(|name| name.len()).cloned()
    };
    let mut left: Vec<(String, Vec<String>)> = Vec::new();
    for (module, code) in &modules {
        let mut imports: Vec<String> = paths(module, code)
            .iter()
            .map(|path| file_of(path).unwrap_or_else(|| "main".to_owned()))
            .collect();
        imports.retain(|import| !tests.contains(&import.as_str()));
        left.push((module.clone(), imports));
    }
    // Removes what imports nothing that is left; a circle remains.
    loop {
        let here: Vec<String> = left.iter().map(|(module, _)| module.clone()).collect();
        let before = left.len();
        left.retain(|(_, imports)| imports.iter().any(|import| here.contains(import)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "files of commands/ in an import circle, or above one: {left:#?}");
}
