//! The pipeline as services: what `deploy/` has for containers, Kubernetes and systemd.
//!
//! A schema would not see a selector that matches no pod, a port that nobody listens on, or an
//! option that the program does not have: so these are looked at here, and in broken copies too.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::client::{Service, dir, out, repository, run, text};

const STAGES: [&str; 6] = ["collect", "fit", "predict", "train", "monitor", "dashboard"];

/// What a file of YAML documents says; none where YAML cannot be read here.
fn documents(path: &Path) -> Option<Vec<Value>> {
    let python =
        "import json, sys, yaml\nprint(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let output = Command::new("/usr/bin/python3").args(["-c", python]).arg(path).output().ok()?;
    let known = output.status.success() || std::env::var_os("CI").is_none();
    assert!(known, "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).ok()
}

/// Whether the program takes these arguments; options are read in order, and help comes last.
fn takes(args: &[&str]) -> bool {
    let args: Vec<_> = args.iter().copied().chain(["--help"]).collect();
    run(&args, "").status.success()
}

/// Whether a variable sets an option of the stage.
fn is_option(stage: &str, variable: &str) -> bool {
    let Some(name) = variable.strip_prefix("TWEETOSCOPE_") else { return false };
    let option = format!("--{}", name.to_lowercase().replace('_', "-"));
    out(&run(&[stage, "--help"], "")).split_whitespace().any(|word| word == option)
}

/// Puts a fault into an object.
type Break<'a> = &'a dyn Fn(&mut Value);

/// What a checker says that `tests/live/install.sh` has put beside the build; in CI it must be there.
fn checked(tool: &str, args: &[&str]) {
    let path = repository("target/live-tools/bin").join(tool);
    match Command::new(path).args(args).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let also = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{tool}: {said}{also}");
        }
        Err(_) => assert!(std::env::var_os("CI").is_none(), "{tool}: tests/live/install.sh"),
    }
}

fn of_kind<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|it| it["kind"] == kind).collect()
}

fn name(it: &Value) -> &str {
    it["metadata"]["name"].as_str().unwrap_or_default()
}

/// Whether all pairs of `selector` are among the labels; an empty selector selects nothing.
fn selects(selector: &Value, labels: &Value) -> bool {
    let pairs = selector.as_object();
    pairs.is_some_and(|it| !it.is_empty() && it.iter().all(|(key, value)| labels[key] == *value))
}

/// What is wrong with the objects, one line a fault.
fn faults(all: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let (sets, services) = (of_kind(all, "StatefulSet"), of_kind(all, "Service"));
    let maps = of_kind(all, "ConfigMap");
    for service in &services {
        let selector = &service["spec"]["selector"];
        let chosen: Vec<_> = sets
            .iter()
            .filter(|it| selects(selector, &it["spec"]["template"]["metadata"]["labels"]))
            .collect();
        if chosen.is_empty() {
            faults.push(format!("service {}: its selector matches no pod", name(service)));
        }
        for port in service["spec"]["ports"].as_array().into_iter().flatten() {
            for set in &chosen {
                let container = &set["spec"]["template"]["spec"]["containers"][0];
                let ports = container["ports"].as_array().into_iter().flatten();
                if !ports.into_iter().any(|it| it["name"] == port["targetPort"]) {
                    faults.push(format!(
                        "service {}: {} has no such port",
                        name(service),
                        name(set)
                    ));
                }
            }
        }
    }
    for set in &sets {
        faults.extend(
            faults_of(set, &services, &maps).into_iter().map(|it| format!("{}: {it}", name(set))),
        );
    }
    faults
}

fn faults_of(set: &Value, services: &[&Value], maps: &[&Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |good: bool, fault: &str| {
        if !good {
            faults.push(fault.to_owned());
        }
    };
    let (spec, pod) = (&set["spec"], &set["spec"]["template"]);
    check(
        selects(&spec["selector"]["matchLabels"], &pod["metadata"]["labels"]),
        "selects other pods",
    );
    check(
        services.iter().any(|it| it["metadata"]["name"] == spec["serviceName"]),
        "its service is not there",
    );
    check(pod["spec"]["securityContext"]["runAsNonRoot"] == true, "may be root");
    let it = &pod["spec"]["containers"][0];
    check(it["securityContext"]["readOnlyRootFilesystem"] == true, "may write its image");
    let image = it["image"].as_str().unwrap_or_default();
    let tag = image.rsplit_once(':').map(|(_, tag)| tag);
    check(tag == Some(env!("CARGO_PKG_VERSION")), "has an image of another version");
    let args: Vec<&str> =
        it["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    check(args.first() == Some(&name(set)), "runs another stage");
    check(takes(&args), "has arguments that the program does not take");
    let env: Vec<&Value> = it["env"].as_array().into_iter().flatten().collect();
    let http =
        env.iter().find(|it| it["name"] == "TWEETOSCOPE_HTTP").and_then(|it| it["value"].as_str());
    let port = http.and_then(|it| it.rsplit_once(':')?.1.parse::<u64>().ok());
    check(
        port.is_some() && it["ports"][0]["containerPort"].as_u64() == port,
        "listens on another port",
    );
    for probe in ["livenessProbe", "readinessProbe"] {
        check(it[probe]["httpGet"]["port"] == it["ports"][0]["name"], "is asked on another port");
    }
    for from in it["envFrom"].as_array().into_iter().flatten() {
        let map = maps.iter().find(|map| map["metadata"]["name"] == from["configMapRef"]["name"]);
        check(map.is_some(), "takes options from a map that is not there");
        let options = map.and_then(|map| map["data"].as_object()).into_iter().flatten();
        options.for_each(|(option, _)| {
            check(is_option(name(set), option), "is told what it has no option for")
        });
    }
    faults
}

#[test]
fn kubernetes_objects_fit_each_other_and_the_program() {
    let Ok(built) =
        Command::new("kubectl").arg("kustomize").arg(repository("deploy/kubernetes")).output()
    else {
        return;
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let dir = dir("kubernetes");
    fs::write(dir.join("all.yaml"), &built.stdout).unwrap();
    checked("kubernetes-validate", &["--strict", "--quiet", text(&dir.join("all.yaml"))]);
    let Some(all) = documents(&dir.join("all.yaml")) else { return };
    fs::remove_dir_all(dir).unwrap();
    let mut names: Vec<_> = of_kind(&all, "StatefulSet").into_iter().map(name).collect();
    let mut stages = STAGES;
    stages.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, stages);
    assert_eq!(faults(&all), [""; 0]);
    // Each fault is seen in a copy that has it.
    let set: fn(&mut Value) -> &mut Value =
        |it| &mut it["spec"]["template"]["spec"]["containers"][0];
    let breaks: [(&str, &str, Break<'_>); 8] = [
        ("matches no pod", "Service", &|it| it["spec"]["selector"] = json!({ "part-of": "x" })),
        ("has no such port", "Service", &|it| it["spec"]["ports"][0]["targetPort"] = json!("web")),
        ("service is not there", "Service", &|it| it["metadata"]["name"] = json!("x")),
        ("selects other pods", "StatefulSet", &|it| {
            it["spec"]["template"]["metadata"]["labels"] = Value::Null;
        }),
        ("another version", "StatefulSet", &|it| set(it)["image"] = json!("tweetoscope:latest")),
        ("does not take", "StatefulSet", &|it| set(it)["args"][1] = json!("--kafak")),
        ("on another port", "StatefulSet", &|it| set(it)["ports"][0]["containerPort"] = json!(80)),
        ("a map that is not there", "StatefulSet", &|it| {
            set(it)["envFrom"][0]["configMapRef"]["name"] = json!("x");
        }),
    ];
    for (fault, kind, break_it) in breaks {
        let mut broken = all.clone();
        broken.iter_mut().filter(|it| it["kind"] == kind).for_each(break_it);
        let found = faults(&broken);
        assert!(found.iter().any(|it| it.contains(fault)), "{fault}: {found:?}");
    }
}

#[test]
fn the_unit_is_sound_tight_and_starts_what_there_is() {
    let unit = fs::read_to_string(repository("deploy/systemd/tweetoscope@.service")).unwrap();
    let start =
        unit.lines().find_map(|it| it.strip_prefix("ExecStart=/usr/bin/tweetoscope ")).unwrap();
    for stage in STAGES {
        let args: Vec<_> = start.split(' ').map(|it| if it == "%i" { stage } else { it }).collect();
        assert!(takes(&args), "{args:?}");
        for file in ["common", stage] {
            let path = repository(&format!("deploy/systemd/{file}.env"));
            let Ok(env) = fs::read_to_string(path) else { continue };
            for line in env.lines().filter(|it| !it.starts_with('#')) {
                let variable = line.split('=').next().unwrap();
                assert!(is_option(stage, variable), "{file}.env: {stage} has no {variable}");
            }
        }
    }
    let dir = dir("systemd");
    let path = dir.join("tweetoscope@collect.service");
    fs::write(&path, unit.replace("/usr/bin/tweetoscope", env!("CARGO_BIN_EXE_tweetoscope")))
        .unwrap();
    let checks: [&[&str]; 2] =
        [&["verify", "--man=no"], &["security", "--offline=true", "--threshold=20", "--no-pager"]];
    for check in checks {
        let Ok(output) = Command::new("systemd-analyze").args(check).arg(&path).output() else {
            break;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{check:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_image_is_nothing_but_the_binary_and_asks_it_for_its_health() {
    let path = repository("deploy/container/Containerfile");
    checked("hadolint", &[text(&path)]);
    let file = fs::read_to_string(path).unwrap();
    let file = file.replace("\\\n", " ");
    let lines: Vec<_> = file.lines().filter(|it| !it.starts_with('#')).collect();
    let (build, runtime) =
        lines.split_at(lines.iter().position(|it| *it == "FROM scratch AS runtime").unwrap());
    let word = |key: &str| runtime.iter().find_map(|it| it.strip_prefix(key)).unwrap();
    assert_eq!(word("USER "), "65532:65532");
    assert!(!file.contains(":latest"));
    for copied in runtime.iter().filter_map(|it| it.strip_prefix("COPY --from=build ")) {
        let from = copied.split(' ').next().unwrap();
        let made = from.starts_with("/etc/ssl/")
            || build.iter().any(|it| it.contains("release/tweetoscope\" /out/"));
        assert!(made, "{from} is not made");
    }
    // One port: served, exposed, asked.
    let port = word("EXPOSE ");
    assert!(word("ENV ").contains(&format!("TWEETOSCOPE_HTTP=0.0.0.0:{port}")));
    let health = word("HEALTHCHECK ").split_once("CMD ").unwrap().1;
    let health: Vec<String> = serde_json::from_str(health).unwrap();
    assert_eq!(health, ["/tweetoscope", "healthy", &format!("127.0.0.1:{port}")]);
    let rust = file.split("rust:").nth(1).unwrap().split('-').next().unwrap();
    let manifest = fs::read_to_string(repository("Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("rust-version = \"{rust}\"")), "{rust}");
}

#[test]
fn health_can_be_asked_for_by_the_binary() {
    let collect = Service::start(&["collect"]);
    let address = collect.address.to_string();
    let mut healthy = false;
    for _ in 0..100 {
        healthy = run(&["healthy", text(Path::new(&address))], "").status.success();
        if healthy {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(healthy);
    drop(collect);
    assert_eq!(run(&["healthy", &address], "").status.code(), Some(1));
}
