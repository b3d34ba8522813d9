//! The overlays for Kubernetes are valid and fit the program; each fault is seen in a copy that has it.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::checking::{STAGES, checked, documents, texts};
use super::client::{dir, repository, text};
use super::objects::{containers, faults, name, of_kind, option, ours, workloads};

/// Puts a fault into an object.
type Break<'a> = &'a dyn Fn(&mut Value);

/// The objects of an overlay, valid for the schemas of Kubernetes; built once for all tests.
pub(crate) fn overlay(overlay: &str) -> Option<Vec<Value>> {
    static BUILT: [OnceLock<Option<Vec<Value>>>; 2] = [OnceLock::new(), OnceLock::new()];
    BUILT[usize::from(overlay == "production")].get_or_init(|| build(overlay)).clone()
}

fn build(overlay: &str) -> Option<Vec<Value>> {
    let folder = repository("deploy/kubernetes/overlays").join(overlay);
    let built = Command::new("kubectl").arg("kustomize").arg(&folder).output().ok()?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let dir = dir(&format!("kubernetes-{overlay}"));
    let objects = String::from_utf8(built.stdout).unwrap();
    // The schemas are those of Kubernetes itself.
    let core: Vec<_> =
        objects.split("\n---\n").filter(|it| !it.contains("kind: PodMonitor")).collect();
    fs::write(dir.join("core.yaml"), core.join("\n---\n")).unwrap();
    checked("kubernetes-validate", &["--strict", "--quiet", text(&dir.join("core.yaml"))]);
    fs::write(dir.join("all.yaml"), objects).unwrap();
    let mut all = documents(&dir.join("all.yaml"))?;
    let secret = folder.join("secret.example.yaml");
    if secret.exists() {
        checked("kubernetes-validate", &["--strict", "--quiet", text(&secret)]);
        all.extend(documents(&secret)?);
    }
    fs::remove_dir_all(dir).unwrap();
    Some(all)
}

fn stages(all: &[Value]) -> Vec<&str> {
    let sets = of_kind(all, "StatefulSet");
    let mut names: Vec<_> =
        sets.into_iter().filter(|it| containers(it).all(ours)).map(name).collect();
    names.sort_unstable();
    names
}

#[test]
fn overlays_fit_the_program_and_themselves() {
    let mut expected = STAGES;
    expected.sort_unstable();
    for name in ["tryout", "production"] {
        let Some(all) = overlay(name) else { return };
        assert_eq!(stages(&all), expected, "{name}");
        assert_eq!(faults(&all), [""; 0], "{name}");
    }
}

#[test]
fn the_tryout_publishes_to_the_broker_that_it_has_and_creates_topics() {
    let Some(all) = overlay("tryout") else { return };
    let (host, port) = option(&all, "TWEETOSCOPE_BROKERS").rsplit_once(':').unwrap();
    let services = of_kind(&all, "Service");
    let service = services.into_iter().find(|it| name(it) == host).unwrap();
    assert_eq!(service["spec"]["ports"][0]["port"].to_string(), port);
    assert_eq!(option(&all, "TWEETOSCOPE_CREATE_TOPICS"), "true");
    let jobs = of_kind(&all, "Job");
    let [job] = jobs[..] else { panic!("{} jobs", jobs.len()) };
    assert_eq!(containers(job).next().unwrap()["args"][0], "generate");
}

#[test]
fn in_production_one_job_creates_every_topic_and_all_use_credentials() {
    let Some(all) = overlay("production") else { return };
    assert_eq!(option(&all, "TWEETOSCOPE_CREATE_TOPICS"), "");
    let jobs = of_kind(&all, "Job");
    let commands: Vec<_> =
        jobs.iter().flat_map(|it| containers(it)).map(|it| texts(&it["args"])).collect();
    for stage in ["collect", "fit", "predict", "train"] {
        let creates = |it: &Vec<&str>| {
            it[0] == stage && it.contains(&"--create-topics") && it.contains(&"--dry-run")
        };
        assert!(commands.iter().any(creates), "{stage}");
    }
    for workload in workloads(&all) {
        for container in containers(workload) {
            assert!(
                texts(&container["args"]).contains(&"-F/etc/kafka-client/properties"),
                "{}",
                name(workload)
            );
        }
    }
}

#[test]
fn each_fault_is_seen_in_a_copy_that_has_it() {
    let Some(all) = overlay("production") else { return };
    let one: fn(&mut Value) -> &mut Value =
        |it| &mut it["spec"]["template"]["spec"]["containers"][0];
    let breaks: [(&str, &str, Break<'_>); 16] = [
        ("matches no pod", "Service", &|it| it["spec"]["selector"] = json!({ "part-of": "x" })),
        ("has no such port", "Service", &|it| it["spec"]["ports"][0]["targetPort"] = json!("web")),
        ("service is not there", "Service", &|it| it["metadata"]["name"] = json!("x")),
        ("selects other pods", "StatefulSet", &|it| {
            it["spec"]["template"]["metadata"]["labels"] = Value::Null;
        }),
        ("another version", "StatefulSet", &|it| one(it)["image"] = json!("tweetoscope:latest")),
        ("does not take", "StatefulSet", &|it| one(it)["args"][1] = json!("--kafak")),
        ("on another port", "StatefulSet", &|it| one(it)["ports"][0]["containerPort"] = json!(80)),
        ("a map that is not there", "Job", &|it| {
            one(it)["envFrom"][0]["configMapRef"]["name"] = json!("x");
        }),
        ("does not have", "ConfigMap", &|it| it["data"]["TWEETOSCOPE_SIZE"] = json!("1")),
        ("a volume that", "StatefulSet", &|it| one(it)["volumeMounts"][0]["name"] = json!("x")),
        ("a secret that", "Secret", &|it| it["metadata"]["name"] = json!("x")),
        ("a file that", "StatefulSet", &|it| one(it)["volumeMounts"][0]["mountPath"] = json!("/x")),
        ("a certificate that", "Secret", &|it| it["stringData"]["ca.pem"] = Value::Null),
        ("more instances", "HorizontalPodAutoscaler", &|it| it["spec"]["maxReplicas"] = json!(9)),
        ("does not let", "NetworkPolicy", &|it| it["spec"]["egress"] = json!([])),
        ("has no such port", "PodMonitor", &|it| {
            it["spec"]["podMetricsEndpoints"][0]["port"] = json!("metrics");
        }),
    ];
    for (fault, kind, break_it) in breaks {
        let mut broken = all.clone();
        broken.iter_mut().filter(|it| it["kind"] == kind).for_each(break_it);
        let found = faults(&broken);
        assert!(found.iter().any(|it| it.contains(fault)), "{fault}: {found:?}");
    }
}
