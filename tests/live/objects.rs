//! Faults of Kubernetes objects that a schema does not detect.
//!
//! A schema accepts a selector that matches no pod, a port on which nothing listens, or an option that the program
//! does not have.

use serde_json::{Value, json};
use tweetoscope::telemetry::{METRICS, PREFIX};

use super::checking::{is_option, list, pinned, read, takes, texts};

pub(crate) fn of_kind<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|it| it["kind"] == kind).collect()
}

pub(crate) fn name(it: &Value) -> &str {
    it["metadata"]["name"].as_str().unwrap_or_default()
}

/// Whether all pairs of `selector` are among the labels; an empty selector selects nothing.
fn selects(selector: &Value, labels: &Value) -> bool {
    let pairs = selector.as_object();
    pairs.is_some_and(|it| !it.is_empty() && it.iter().all(|(key, value)| labels[key] == *value))
}

/// Objects with a pod template.
pub(crate) fn workloads(all: &[Value]) -> impl Iterator<Item = &Value> {
    all.iter()
        .filter(|it| ["StatefulSet", "Job"].contains(&it["kind"].as_str().unwrap_or_default()))
}

pub(crate) fn containers(workload: &Value) -> impl Iterator<Item = &Value> {
    let pod = &workload["spec"]["template"]["spec"];
    list(&pod["initContainers"]).chain(list(&pod["containers"]))
}

pub(crate) fn ours(container: &Value) -> bool {
    container["image"].as_str().is_some_and(|it| it.starts_with("tweetoscope"))
}

fn map<'a>(all: &'a [Value], wanted: &Value) -> Option<&'a Value> {
    of_kind(all, "ConfigMap").into_iter().find(|it| it["metadata"]["name"] == *wanted)
}

/// The options in the ConfigMap of the stages.
pub(crate) fn option<'a>(all: &'a [Value], variable: &str) -> &'a str {
    let maps = of_kind(all, "ConfigMap");
    maps.iter().find_map(|it| it["data"][variable].as_str()).unwrap_or_default()
}

/// Faults of the objects, one line each.
pub(crate) fn faults(all: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for it in all {
        let found = match it["kind"].as_str().unwrap_or_default() {
            "StatefulSet" | "Job" => faults_of_workload(it, all),
            "HorizontalPodAutoscaler" => faults_of_autoscaler(it, all),
            "NetworkPolicy" => faults_of_policy(it, all),
            "PodMonitor" => faults_of_selection(
                &it["spec"]["selector"]["matchLabels"],
                list(&it["spec"]["podMetricsEndpoints"]).map(|it| &it["port"]),
                all,
            ),
            "PodDisruptionBudget" => {
                faults_of_selection(&it["spec"]["selector"]["matchLabels"], [].into_iter(), all)
            }
            "Service" => faults_of_selection(
                &it["spec"]["selector"],
                list(&it["spec"]["ports"]).map(|it| &it["targetPort"]),
                all,
            ),
            _ => Vec::new(),
        };
        faults
            .extend(found.into_iter().map(|fault| format!("{} {}: {fault}", it["kind"], name(it))));
    }
    faults
}

/// A selector selects pods, and each of these has the named ports.
fn faults_of_selection<'a>(
    selector: &Value,
    ports: impl Iterator<Item = &'a Value>,
    all: &[Value],
) -> Vec<String> {
    let chosen: Vec<_> = workloads(all)
        .filter(|it| selects(selector, &it["spec"]["template"]["metadata"]["labels"]))
        .collect();
    let mut faults = Vec::new();
    if chosen.is_empty() {
        faults.push("its selector matches no pod".to_owned());
    }
    for port in ports {
        for it in &chosen {
            if !containers(it).any(|it| list(&it["ports"]).any(|it| it["name"] == *port)) {
                faults.push(format!("{} has no such port", name(it)));
            }
        }
    }
    faults
}

fn faults_of_workload(it: &Value, all: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |good: bool, fault: &str| {
        if !good {
            faults.push(fault.to_owned());
        }
    };
    let (spec, pod) = (&it["spec"], &it["spec"]["template"]);
    if it["kind"] == "StatefulSet" {
        let selector = &spec["selector"]["matchLabels"];
        check(selects(selector, &pod["metadata"]["labels"]), "selects other pods");
        let services = of_kind(all, "Service");
        let service = services.iter().find(|it| it["metadata"]["name"] == spec["serviceName"]);
        check(service.is_some(), "its service is not there");
    }
    check(pod["spec"]["securityContext"]["runAsNonRoot"] == true, "may be root");
    check(pod["spec"]["automountServiceAccountToken"] == false, "has a token of the cluster");
    for container in containers(it) {
        let security = &container["securityContext"];
        check(security["allowPrivilegeEscalation"] == false, "may get privileges");
        check(security["capabilities"]["drop"] == json!(["ALL"]), "has capabilities");
        check(
            pinned(container["image"].as_str().unwrap_or_default()),
            "has an image of another version",
        );
        check(container["resources"]["limits"]["memory"].is_string(), "has no limit of memory");
        for mount in list(&container["volumeMounts"]) {
            let volume = list(&pod["spec"]["volumes"]).find(|it| it["name"] == mount["name"]);
            check(volume.is_some(), "mounts a volume that is not there");
        }
        for volume in list(&pod["spec"]["volumes"]).filter(|it| !it["secret"].is_null()) {
            let secret = of_kind(all, "Secret")
                .into_iter()
                .find(|it| it["metadata"]["name"] == volume["secret"]["secretName"]);
            check(secret.is_some(), "mounts a secret that is not there");
        }
        if ours(container) {
            let job = it["kind"] == "Job";
            faults_of_stage(container, all, (!job).then(|| name(it)), &mut check);
        }
    }
    faults
}

/// Arguments, options, ports and files of a container that runs the program.
fn faults_of_stage(
    it: &Value,
    all: &[Value],
    stage: Option<&str>,
    check: &mut impl FnMut(bool, &str),
) {
    check(it["securityContext"]["readOnlyRootFilesystem"] == true, "may write its image");
    let args = texts(&it["args"]);
    let command = args.first().copied().unwrap_or_default();
    check(stage.is_none_or(|it| it == command), "runs another stage");
    check(takes(&args), "has arguments that the program does not take");
    if stage.is_some() {
        let http = list(&it["env"]).find(|it| it["name"] == "TWEETOSCOPE_HTTP");
        let port =
            http.and_then(|it| it["value"].as_str()?.rsplit_once(':')?.1.parse::<u64>().ok());
        check(
            port.is_some() && it["ports"][0]["containerPort"].as_u64() == port,
            "listens on another port",
        );
        for probe in ["livenessProbe", "readinessProbe"] {
            check(
                it[probe]["httpGet"]["port"] == it["ports"][0]["name"],
                "is asked on another port",
            );
        }
    }
    for from in list(&it["envFrom"]) {
        let map = map(all, &from["configMapRef"]["name"]);
        check(map.is_some(), "takes options from a map that is not there");
        let options = map.and_then(|map| map["data"].as_object()).into_iter().flatten();
        options.for_each(|(option, _)| {
            check(is_option(command, option), "is given an option that it does not have")
        });
    }
    // A file that the program reads is a key of a mounted secret, and so is the one named in it.
    let secrets = of_kind(all, "Secret");
    let mounts: Vec<&str> =
        list(&it["volumeMounts"]).filter_map(|it| it["mountPath"].as_str()).collect();
    let file = |path: &str| {
        let key = mounts.iter().find_map(|it| path.strip_prefix(it)?.strip_prefix('/'));
        key.and_then(|key| secrets.iter().find_map(|it| it["stringData"][key].as_str()))
    };
    for path in args.iter().filter_map(|it| it.strip_prefix("-F")) {
        let properties = file(path);
        check(properties.is_some(), "reads a file that is not mounted");
        let ca =
            properties.and_then(|it| it.lines().find_map(|it| it.strip_prefix("ssl.ca.location=")));
        check(ca.is_some_and(|it| file(it).is_some()), "reads a certificate that is not mounted");
    }
}

fn faults_of_autoscaler(it: &Value, all: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let spec = &it["spec"];
    let sets = of_kind(all, "StatefulSet");
    match sets.iter().find(|set| set["metadata"]["name"] == spec["scaleTargetRef"]["name"]) {
        None => faults.push("scales what is not there".to_owned()),
        Some(set) if !set["spec"]["replicas"].is_null() => {
            faults.push("its target has a number of replicas of its own".to_owned());
        }
        Some(_) => {}
    }
    let partitions = option(all, "TWEETOSCOPE_PARTITIONS").parse::<u64>().unwrap_or(0);
    if spec["maxReplicas"].as_u64().is_none_or(|it| it > partitions) {
        faults.push("has more instances than partitions".to_owned());
    }
    for metric in list(&spec["metrics"]) {
        let name = metric["pods"]["metric"]["name"].as_str().unwrap_or_default();
        let exists = METRICS.iter().any(|it| name.strip_prefix(PREFIX) == Some(it.name));
        if !exists
            || !read("deploy/kubernetes/adapter.yaml").contains(&format!("seriesQuery: {name}{{"))
        {
            faults.push(format!("uses {name}, which nobody offers"));
        }
    }
    faults
}

fn faults_of_policy(it: &Value, all: &[Value]) -> Vec<String> {
    let spec = &it["spec"];
    let ports = list(&spec["ingress"]).flat_map(|it| list(&it["ports"]).map(|it| &it["port"]));
    let mut faults = faults_of_selection(&spec["podSelector"]["matchLabels"], ports, all);
    if texts(&spec["policyTypes"]).contains(&"Egress") {
        let open: Vec<_> = list(&spec["egress"])
            .flat_map(|it| list(&it["ports"]).filter_map(|it| it["port"].as_u64()))
            .collect();
        for broker in option(all, "TWEETOSCOPE_BROKERS").split(',') {
            let port = broker.rsplit_once(':').and_then(|it| it.1.parse().ok());
            if !port.is_some_and(|it| open.contains(&it)) {
                faults.push(format!("does not let the stages connect to {broker}"));
            }
        }
    }
    faults
}
