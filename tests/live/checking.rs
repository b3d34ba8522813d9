//! What the tests of `deploy/` share: YAML, the program's options, checkers of files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::client::{out, repository, run, text};

pub(crate) const STAGES: [&str; 6] = ["collect", "fit", "predict", "train", "monitor", "dashboard"];
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// The YAML documents of a file, with merge keys applied; none where YAML cannot be read here.
pub(crate) fn documents(path: &Path) -> Option<Vec<Value>> {
    let python = "import json, sys, yaml\n\
        print(json.dumps(list(yaml.load_all(open(sys.argv[1]), Loader=yaml.BaseLoader))\n\
        if sys.argv[2] == 'text' else list(yaml.safe_load_all(open(sys.argv[1])))))";
    // A key `on` is text only for a loader without types.
    let mode = if text(path).contains("/.github/") { "text" } else { "typed" };
    let output =
        Command::new("/usr/bin/python3").args(["-c", python]).arg(path).arg(mode).output().ok()?;
    let readable = output.status.success() || std::env::var_os("CI").is_none();
    assert!(readable, "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).ok()
}

pub(crate) fn document(path: &str) -> Option<Value> {
    Some(documents(&repository(path))?.remove(0))
}

/// Whether the program takes these arguments; options are read in order, and help comes last.
pub(crate) fn takes(args: &[&str]) -> bool {
    let args: Vec<_> = args.iter().copied().chain(["--help"]).collect();
    run(&args, "").status.success()
}

/// Whether a variable sets an option of the stage.
pub(crate) fn is_option(stage: &str, variable: &str) -> bool {
    let Some(name) = variable.strip_prefix("TWEETOSCOPE_") else { return false };
    let option = format!("--{}", name.to_lowercase().replace('_', "-"));
    out(&run(&[stage, "--help"], "")).split_whitespace().any(|word| word == option)
}

/// Runs a checker that `tests/live/install.sh` has installed beside the build; in CI it must be there.
pub(crate) fn checked(tool: &str, args: &[&str]) {
    let path = repository("target/live-tools/bin").join(tool);
    match Command::new(path).args(args).output() {
        Ok(output) => {
            let (out, err) = (&output.stdout, &output.stderr);
            let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
            assert!(output.status.success(), "{tool} {args:?}: {out}{err}");
        }
        Err(_) => assert!(std::env::var_os("CI").is_none(), "{tool}: tests/live/install.sh"),
    }
}

/// Elements of a list, none if it is no list.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    list(value).filter_map(Value::as_str).collect()
}

/// An image with a version; one of this program with its own.
pub(crate) fn pinned(image: &str) -> bool {
    let Some((name, tag)) = image.rsplit_once(':') else { return false };
    let ours = name.ends_with("tweetoscope");
    tag.contains(|c: char| c.is_ascii_digit()) && tag != "latest" && (!ours || tag == VERSION)
}

/// Targets of the static jobs of a Prometheus configuration.
pub(crate) fn targets(config: &Value) -> BTreeSet<String> {
    let jobs = list(&config["scrape_configs"]).flat_map(|job| list(&job["static_configs"]));
    jobs.flat_map(|it| texts(&it["targets"])).map(str::to_owned).collect()
}

/// The port on which the image serves metrics.
pub(crate) fn image_port() -> u64 {
    let file = read("deploy/container/Containerfile");
    file.lines().find_map(|it| it.strip_prefix("EXPOSE ")).unwrap().parse().unwrap()
}
