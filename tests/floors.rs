//! Imports follow the layers; each large dependency is named in the listed modules only; files have at most 400 lines.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first; modules of the same layer do not import each other.
const LAYERS: &[&[&str]] = &[
    &["event", "math", "parallel", "random"],
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
const OWNERS: &[(&str, &[&str])] = &[
    ("argmin", &["src/hawkes/fit.rs", "src/learn/map_law.rs"]),
    ("argmin_math", &["src/learn/vector.rs"]),
    ("ndarray", &["src/learn/map_law.rs", "src/learn/fitted_law.rs"]),
    ("libm", &["src/math.rs"]),
    ("smartcore", &["src/learn/split.rs"]),
    ("rdkafka", &["src/kafka/client"]),
    ("csv", &["src/input/", "commands/rows.rs", "commands/rows/"]),
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
    ("parquet", &["src/input/parquet", "commands/rows"]),
    ("ruzstd", &["src/input/decoding.rs"]),
    ("hyper", &["src/telemetry"]),
    ("prometheus", &["src/telemetry"]),
    ("tokio", &["src/telemetry"]),
    ("ratatui", &["commands/terminal.rs", "commands/monitor/view", "commands/dashboard/terminal"]),
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
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// The module of a file of the library: `stage` for `src/stage/fit.rs`.
fn room(name: &str) -> Option<&str> {
    let inside = name.strip_prefix("src/")?;
    let first = inside.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// The code of a file up to its tests, without comments: tests may import any module.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The items of a list of imports, which begins after its opening brace; those in inner braces belong to their item.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (place, c) in list.char_indices() {
        let is_end = depth == 0 && c == '}';
        if is_end || (depth == 0 && c == ',') {
            found.push(list[start..place].trim());
            start = place + 1;
        }
        if is_end {
            break;
        }
        depth = if c == '{' { depth + 1 } else { depth - usize::from(c == '}') };
    }
    found.retain(|item| !item.is_empty());
    found
}

#[test]
fn every_item_of_a_nested_list_is_an_import() {
    let code = "use crate::{event::{A, B}, kafka::C,\n stage};\nuse crate::record::D;";
    assert_eq!(imports(code), ["event", "kafka", "stage", "record"]);
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
            Some(list) => found.extend(items(list).iter().map(|item| word(item))),
        }
    }
    found
}

#[test]
fn imports_run_downwards() {
    for (name, text) in files() {
        let Some(here) = room(&name).filter(|room| *room != "lib") else { continue };
        // Tests may import what is above, as those within a file may.
        if name.ends_with("/tests.rs") {
            continue;
        }
        let level = floor(here)
            .unwrap_or_else(|| panic!("{name} is in no layer; add its module to LAYERS"));
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
fn large_dependencies_are_named_in_the_listed_modules_only() {
    let all = OWNERS.iter().flat_map(|(krate, places)| places.iter().map(|it| (*krate, *it)));
    let mut unused: Vec<(&str, &str)> = all.collect();
    for (name, text) in files() {
        for (krate, places) in OWNERS {
            let named = code(&text).lines().any(|line| {
                line.match_indices(&format!("{krate}::")).any(|(place, _)| {
                    let before = line[..place].chars().last();
                    before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                })
            });
            let allowed = places.iter().any(|place| name.starts_with(place));
            assert!(!named || allowed, "{name} names {krate}");
            unused.retain(|(it, place)| !(named && it == krate && name.starts_with(place)));
        }
    }
    assert!(unused.is_empty(), "places that do not name their crate: {unused:?}");
}

/// The signatures of the functions and the fields that other folders of the crate can use.
fn interface(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["pub fn ", "pub(crate) fn ", "pub(crate) struct ", "pub struct "] {
        for (place, _) in code.match_indices(start) {
            let item = &code[place..];
            found.push(item[..item.find(['{', ';']).unwrap_or(item.len())].to_owned());
        }
    }
    let is_field = |line: &&str| line.starts_with("    pub(crate) ") && line.ends_with(',');
    found.extend(code.lines().filter(is_field).map(str::to_owned));
    found.retain(|item| !item.contains("(pub(super)"));
    found
}

#[test]
fn types_of_rdkafka_do_not_leave_the_client() {
    let mut checked = 0;
    for (name, text) in files() {
        if !name.starts_with("src/kafka/client/") {
            continue;
        }
        let code = code(&text);
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
        };
        let uses = code.split("use rdkafka::").skip(1).map(|rest| &rest[..rest.find(';').unwrap()]);
        // `Trait as _` names no type.
        let imported: Vec<String> = uses
            .flat_map(|it| words(&it.replace("Consumer as _", "").replace("Producer as _", "")))
            .collect();
        for item in interface(&code) {
            checked += 1;
            let of_rdkafka =
                |word: &String| word.starts_with(char::is_uppercase) && imported.contains(word);
            let crossing: Vec<String> = words(&item).into_iter().filter(of_rdkafka).collect();
            assert!(crossing.is_empty(), "{name}: {crossing:?} of rdkafka in {item}");
        }
    }
    assert!(checked > 50, "{checked} items");
}

/// Doc tests are switched off in Cargo.toml.
#[test]
fn documentation_has_no_code_that_no_test_runs() {
    for (name, text) in files() {
        let fences = text.lines().filter_map(|line| {
            line.trim_start()
                .strip_prefix("//")?
                .trim_start_matches(['/', '!'])
                .trim()
                .strip_prefix("```")
        });
        let code = fences.step_by(2).any(|language| language != "text");
        assert!(!code, "{name}: an example in the documentation is not run; write a test");
    }
}

#[test]
fn a_file_of_more_than_400_lines_states_the_reason() {
    for (name, text) in files() {
        let lines = text.lines().count();
        let reason = text.lines().take(8).any(|line| line.contains("Long because"));
        assert!(lines <= LONG || reason, "{name} has {lines} lines and no reason for it");
    }
}

/// The module of a file below `root`: `monitor::view` for `commands/monitor/view.rs` below `commands/`.
fn module(root: &str, name: &str) -> Option<String> {
    let path = name.strip_prefix(root)?.strip_suffix(".rs")?;
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
            let items = rest.strip_prefix('{').map_or_else(|| vec![rest], items);
            let word = |item: &str| -> String {
                let path = item.trim();
                path.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect()
            };
            found.extend(items.into_iter().map(|item| inside(base, &word(item))));
        }
    }
    let own = if module == "main" { "" } else { module };
    let declared = code.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").or(line.strip_prefix("pub(crate) ")).unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    found.extend(declared.map(|child| inside(own, child)));
    found
}

/// The modules below `root`, except `tests`, that are in an import circle or import from one: only
/// those whose names begin with `room`. `other` is the module of an import that is no file
/// below `root`; `None` ignores the import.
fn circles(
    (root, room): (&str, &str),
    tests: &[&str],
    other: Option<&str>,
) -> Vec<(String, Vec<String>)> {
    let code_of = |(name, text): (String, String)| Some((module(root, &name)?, code(&text)));
    let mut modules: Vec<(String, String)> = files().into_iter().filter_map(code_of).collect();
    modules.retain(|(module, _)| module.starts_with(room));
    let names: Vec<String> = modules.iter().map(|(module, _)| module.clone()).collect();
    modules.retain(|(module, _)| !tests.contains(&module.as_str()));
    // The file of a path is its longest prefix that is a file.
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
            .filter_map(|path| file_of(path).or(other.map(str::to_owned)))
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
            return left;
        }
    }
}

#[test]
fn files_of_commands_import_each_other_in_no_circle() {
    // Test modules may import the module that they test.
    let tests =
        ["generated", "original::tests", "dashboard::terminal::tests", "monitor::view::tests"];
    let left = circles(("commands/", ""), &tests, Some("main"));
    assert!(left.is_empty(), "files of commands/ in an import circle, or above one: {left:#?}");
}

#[test]
fn files_of_kafka_import_each_other_in_no_circle() {
    let left = circles(("src/", "kafka"), &[], None);
    assert!(left.is_empty(), "files of src/kafka in an import circle, or above one: {left:#?}");
}

#[test]
fn files_of_the_library_import_each_other_in_no_circle() {
    let modules: Vec<String> =
        files().iter().filter_map(|(name, _)| module("src/", name)).collect();
    // The file of a folder declares those below it, which may use its types; test modules may import what they test.
    let is_apart = |name: &&String| {
        let inside = format!("{name}::");
        *name == "lib"
            || name.ends_with("::tests")
            || name.ends_with("::testing")
            || modules.iter().any(|it| it.starts_with(&inside))
    };
    let apart: Vec<&str> = modules.iter().filter(is_apart).map(String::as_str).collect();
    let left = circles(("src/", ""), &apart, None);
    assert!(left.is_empty(), "files of src/ in an import circle, or above one: {left:#?}");
}

#[test]
fn imports_inside_kafka_run_downwards() {
    let floors = ["client", "restore", "daemon"];
    let floor_of = |path: &str| {
        let inside = path.strip_prefix("kafka::")?;
        floors.iter().position(|it| inside.split("::").next() == Some(it))
    };
    let mut checked = 0;
    for (name, text) in files() {
        let Some(module) = module("src/", &name) else { continue };
        let Some(level) = floor_of(&module) else { continue };
        checked += 1;
        for import in paths(&module, &code(&text)) {
            let below = floor_of(&import).is_none_or(|floor| floor <= level);
            assert!(below, "{name} imports {import}, which is not below it");
        }
    }
    assert!(checked > 10, "{checked} files of kafka");
}
