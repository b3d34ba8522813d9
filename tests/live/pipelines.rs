//! The pipelines of GitLab and GitHub call scripts that exist, with pinned tools; one version stands everywhere.

use std::fs;

use serde_json::Value;

use super::checking::{VERSION, checked, document, list, read, texts};
use super::client::{repository, text};

const WORKFLOWS: [&str; 3] = ["ci", "release", "docs"];

fn workflow(name: &str) -> String {
    format!(".github/workflows/{name}.yml")
}

/// Scripts of the repository that a text runs.
fn scripts(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c)));
    words.filter(|it| {
        let folder = it.starts_with("tests/") || it.starts_with("deploy/");
        folder && (it.ends_with(".sh") || it.ends_with(".py"))
    })
}

#[test]
fn pipelines_and_templates_follow_their_schemas() {
    let check = |schema: &str, file: &str| {
        let schema = format!("vendor.{schema}");
        checked("check-jsonschema", &["--builtin-schema", &schema, text(&repository(file))]);
    };
    check("gitlab-ci", ".gitlab-ci.yml");
    for name in WORKFLOWS {
        check("github-workflows", &workflow(name));
    }
    for name in ["bug", "proposal"] {
        check("github-issue-forms", &format!(".github/ISSUE_TEMPLATE/{name}.yml"));
    }
    check("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml");
}

#[test]
fn pipelines_call_scripts_that_exist() {
    let mut called = 0;
    for file in WORKFLOWS.map(workflow).into_iter().chain([".gitlab-ci.yml".to_owned()]) {
        for script in scripts(&read(&file)) {
            assert!(repository(script).exists(), "{file}: {script}");
            called += 1;
        }
    }
    assert!(called >= 12, "{called}");
    for file in ["tests/all.sh", "tests/release.sh", "deploy/container/Tools.containerfile"] {
        for script in scripts(&read(file)) {
            assert!(repository(script).exists(), "{file}: {script}");
        }
    }
}

#[test]
fn actions_are_pinned_and_jobs_have_few_permissions() {
    let mut actions = 0;
    for name in WORKFLOWS {
        for line in read(&workflow(name)).lines() {
            let Some((_, action)) = line.split_once("uses: ") else { continue };
            let (_, version) = action.split_once('@').unwrap();
            let (commit, comment) = version.split_once(" # v").expect("a comment with the version");
            assert!(
                commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()),
                "{action}"
            );
            assert!(comment.starts_with(|c: char| c.is_ascii_digit()), "{action}");
            actions += 1;
        }
        let Some(parsed) = document(&workflow(name)) else { return };
        // Every job that needs write permission declares it; the default of the workflow is none, or read.
        let default = &parsed["permissions"];
        let none = default.as_object().is_some_and(|it| it.values().all(|it| it == "read"));
        assert!(none, "{name}: {default}");
        for (job, it) in parsed["jobs"].as_object().unwrap() {
            assert!(!it["timeout-minutes"].is_null(), "{name}: {job} has no timeout");
            for step in list(&it["steps"]) {
                let checkout =
                    step["uses"].as_str().is_some_and(|it| it.starts_with("actions/checkout@"));
                assert!(
                    !checkout || step["with"]["persist-credentials"] == "false",
                    "{name}: {job}"
                );
                // Text that outsiders can set (titles, branch names) is not expanded into a script.
                let script = step["run"].as_str().unwrap_or_default();
                assert!(!script.contains("${{"), "{name}: {job}: {script}");
            }
        }
    }
    assert!(actions >= 10, "{actions}");
}

/// A stage that the jobs of GitLab name exists, and each stage has a job.
#[test]
fn gitlab_has_a_stage_of_its_own_for_tests_and_uploads_on_tags_only() {
    let Some(pipeline) = document(".gitlab-ci.yml") else { return };
    let stages = texts(&pipeline["stages"]);
    assert_eq!(stages, ["image", "build", "test", "package", "deploy"]);
    let jobs = pipeline.as_object().unwrap().iter().filter(|(_, it)| !it["script"].is_null());
    let mut used: Vec<&str> = jobs.map(|(_, it)| it["stage"].as_str().unwrap()).collect();
    used.dedup();
    assert!(stages.iter().all(|it| used.contains(it)), "{used:?}");
    for job in ["upload", "release"] {
        let rules: Vec<&Value> = list(&pipeline[job]["rules"]).collect();
        assert!(
            rules.iter().all(|it| it["if"].as_str().unwrap().starts_with("$CI_COMMIT_TAG =~")),
            "{job}"
        );
    }
    let test = texts(&pipeline["all"]["script"]);
    assert_eq!(test, ["bash tests/all.sh"]);
}

#[test]
fn one_version_stands_everywhere() {
    let places = [
        ("deploy/container/Containerfile", format!("ARG VERSION={VERSION}\n"), 1),
        ("deploy/compose.yaml", format!("image: tweetoscope:{VERSION}\n"), 1),
        ("deploy/kubernetes/base/kustomization.yaml", format!("newTag: {VERSION}\n"), 1),
        ("deploy/kubernetes/overlays/tryout/kustomization.yaml", format!("newTag: {VERSION}\n"), 1),
        (
            "deploy/kubernetes/overlays/production/kustomization.yaml",
            format!("newTag: {VERSION}\n"),
            1,
        ),
    ];
    for (file, wanted, times) in places {
        assert_eq!(read(file).matches(&wanted).count(), times, "{file}: {wanted}");
    }
    let kafka = |file: &str| {
        let text = read(file);
        text.split("apache/kafka:").nth(1).unwrap().lines().next().unwrap().to_owned()
    };
    assert_eq!(kafka("deploy/compose.yaml"), kafka("deploy/kubernetes/overlays/tryout/kafka.yaml"));
    // The templates of the two sites are the same.
    let template = fs::read_to_string(repository(".github/pull_request_template.md")).unwrap();
    assert_eq!(template, read(".gitlab/merge_request_templates/Default.md"));
}
