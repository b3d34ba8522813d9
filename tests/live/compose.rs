//! `deploy/compose.yaml`, and the files of Prometheus, one for each way of deployment, against what listens there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::checking::{
    STAGES, checked, document, image_port, is_option, list, pinned, read, takes, targets, texts,
};
use super::client::{dir, has, repository, text};
use super::kubernetes::overlay;

/// Services of the file, by name.
fn services(compose: &Value) -> impl Iterator<Item = (&str, &Value)> {
    compose["services"].as_object().unwrap().iter().map(|(name, it)| (name.as_str(), it))
}

/// Whether the service exists and has a health check, so that others can depend on its health.
fn has_health(compose: &Value, name: &str) -> bool {
    let health = &compose["services"][name]["healthcheck"];
    !health.is_null() && health["disable"].is_null()
}

/// Faults that a schema does not detect, one line each.
fn faults(compose: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, it) in services(compose) {
        let mut check = |good: bool, fault: &str| {
            if !good {
                faults.push(format!("{name}: {fault}"));
            }
        };
        check(pinned(it["image"].as_str().unwrap_or_default()), "has an image without its version");
        check(texts(&it["cap_drop"]) == ["ALL"], "has capabilities");
        check(texts(&it["security_opt"]) == ["no-new-privileges:true"], "may get privileges");
        check(it["privileged"].is_null() && it["network_mode"].is_null(), "has privileges");
        for port in list(&it["ports"]) {
            check(
                port.as_str().is_some_and(|it| it.starts_with("127.0.0.1:")),
                "is open to the network",
            );
        }
        for (on, how) in it["depends_on"].as_object().into_iter().flatten() {
            let healthy = how["condition"] != "service_healthy" || has_health(compose, on);
            check(healthy, "depends on the health of a service that has no check");
        }
        for mount in texts(&it["volumes"]) {
            let from = mount.split(':').next().unwrap();
            let exists = if from.starts_with('.') {
                repository("deploy").join(from).exists()
            } else {
                !compose["volumes"][from].is_null() || compose["volumes"].get(from).is_some()
            };
            check(exists, "mounts what is not there");
        }
        if it["image"].as_str().unwrap_or_default().starts_with("tweetoscope") {
            let args = texts(&it["command"]);
            check(takes(&args), "has arguments that the program does not take");
            check(args.first() == Some(&name) || name == "replay", "runs another stage");
            check(
                it["user"] == "65532:65532" && it["read_only"] == true,
                "may be root or write its image",
            );
            for (variable, _) in it["environment"].as_object().into_iter().flatten() {
                check(is_option(args[0], variable), "is given an option that it does not have");
            }
            if name != "replay" {
                check(
                    it["environment"]["TWEETOSCOPE_HTTP_HOST"] == name,
                    "refuses requests to its name",
                );
                let port = format!("127.0.0.1:{}", image_port());
                check(
                    texts(&it["healthcheck"]["test"]).last() == Some(&&*port),
                    "is asked on another port",
                );
            }
        }
    }
    faults
}

#[test]
fn compose_fits_the_program_and_the_files_that_it_mounts() {
    checked(
        "check-jsonschema",
        &["--builtin-schema", "vendor.compose-spec", text(&repository("deploy/compose.yaml"))],
    );
    let Some(compose) = document("deploy/compose.yaml") else { return };
    let names: BTreeSet<_> = services(&compose).map(|(name, _)| name).collect();
    let others = ["kafka", "replay", "prometheus", "alertmanager", "loki", "alloy", "grafana"];
    assert_eq!(names, STAGES.into_iter().chain(others).collect());
    assert_eq!(faults(&compose), [""; 0]);
    // The brokers of the stages are an advertised listener of the broker.
    let advertised =
        compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].as_str().unwrap();
    let brokers =
        compose["services"]["collect"]["environment"]["TWEETOSCOPE_BROKERS"].as_str().unwrap();
    assert!(advertised.contains(&format!("://{brokers},")), "{advertised}");
    // Each fault is seen in a copy that has it.
    let broken = |path: &str, value: Value| {
        let mut copy = compose.clone();
        *copy.pointer_mut(path).unwrap() = value;
        faults(&copy).join("\n")
    };
    let cases = [
        ("/services/fit/image", "tweetoscope:latest", "without its version"),
        ("/services/kafka/image", "apache/kafka", "without its version"),
        ("/services/dashboard/ports/0", "8088:9100", "open to the network"),
        ("/services/collect/command/1", "--kafak", "does not take"),
        ("/services/collect/environment/TWEETOSCOPE_HTTP_HOST", "x", "refuses requests"),
        ("/services/prometheus/volumes/0", "./x.yml:/x.yml:ro", "what is not there"),
        ("/services/monitor/healthcheck/test/3", "127.0.0.1:1", "another port"),
        ("/services/train/user", "root", "may be root"),
    ];
    for (path, value, fault) in cases {
        let found = broken(path, value.into());
        assert!(found.contains(fault), "{path}: {found}");
    }
    let found = broken("/services/kafka/healthcheck", Value::Null);
    assert!(found.contains("depends on the health"), "{found}");
}

/// What Grafana, Alloy and Prometheus connect to, and where Alloy finds the logs.
#[test]
fn the_monitoring_of_compose_finds_its_sources() {
    let Some(compose) = document("deploy/compose.yaml") else { return };
    let stages: BTreeSet<_> = STAGES.iter().map(|it| format!("{it}:{}", image_port())).collect();
    let prometheus = document("deploy/prometheus/compose.yml").unwrap();
    assert_eq!(targets(&prometheus), stages);
    let alerting = &prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0];
    let mut urls = vec![format!("http://{}", alerting.as_str().unwrap())];
    let sources = document("deploy/grafana/provisioning/datasources/tweetoscope.yml").unwrap();
    urls.extend(list(&sources["datasources"]).map(|it| it["url"].as_str().unwrap().to_owned()));
    let alloy = read("deploy/loki/config.alloy");
    urls.push(alloy.split("url = \"").nth(1).unwrap().split("/loki/").next().unwrap().to_owned());
    assert_eq!(urls.len(), 4);
    let loki = document("deploy/loki/loki.yml").unwrap();
    for url in urls {
        let (host, port) = url.strip_prefix("http://").unwrap().split_once(':').unwrap();
        let service = &compose["services"][host];
        let listens = match host {
            "loki" => loki["server"]["http_listen_port"].to_string(),
            _ => texts(&service["ports"])[0].rsplit(':').next().unwrap().to_owned(),
        };
        assert_eq!(port, listens, "{url}");
    }
    // Stages write where Alloy reads.
    let written =
        compose["services"]["fit"]["environment"]["TWEETOSCOPE_LOG_DIR"].as_str().unwrap();
    assert!(alloy.contains(&format!("\"{written}/*.log\"")), "{written}");
    for service in ["fit", "alloy"] {
        let mounts = texts(&compose["services"][service]["volumes"]);
        assert!(mounts.iter().any(|it| it.starts_with(&format!("logs:{written}"))), "{service}");
    }
    let boards = document("deploy/grafana/provisioning/dashboards/tweetoscope.yml").unwrap();
    let path = boards["providers"][0]["options"]["path"].as_str().unwrap();
    let mounts = texts(&compose["services"]["grafana"]["volumes"]);
    assert!(mounts.contains(&&*format!("./grafana/dashboards:{path}:ro")), "{mounts:?}");
    for config in texts(&compose["services"]["prometheus"]["command"]) {
        let Some(file) = config.strip_prefix("--config.file=") else { continue };
        let mounts = texts(&compose["services"]["prometheus"]["volumes"]);
        assert!(mounts.iter().any(|it| it.contains(&format!(":{file}:"))), "{file}");
    }
}

#[test]
fn prometheus_scrapes_what_the_units_of_systemd_listen_on() {
    let Some(config) = document("deploy/prometheus/systemd.yml") else { return };
    let listens = STAGES.map(|stage| {
        let env = read(&format!("deploy/systemd/{stage}.env"));
        env.lines().find_map(|it| it.strip_prefix("TWEETOSCOPE_HTTP=")).unwrap().to_owned()
    });
    assert_eq!(targets(&config), listens.into_iter().collect());
}

#[test]
fn prometheus_selects_the_pods_and_ports_of_kubernetes() {
    let Some(config) = document("deploy/prometheus/kubernetes.yml") else { return };
    let Some(all) = overlay("production") else { return };
    let job = &config["scrape_configs"][0];
    let kept: Vec<_> = list(&job["relabel_configs"]).filter(|it| it["action"] == "keep").collect();
    let regex = |label: &str| {
        let rule = kept.iter().find(|it| texts(&it["source_labels"]) == [label]);
        rule.unwrap()["regex"].as_str().unwrap()
    };
    let part = regex("__meta_kubernetes_pod_label_app_kubernetes_io_part_of");
    let port = regex("__meta_kubernetes_pod_container_port_name");
    let namespaces = texts(&job["kubernetes_sd_configs"][0]["namespaces"]["names"]);
    let sets: Vec<_> = all.iter().filter(|it| it["kind"] == "StatefulSet").collect();
    assert_eq!(sets.len(), STAGES.len());
    for set in sets {
        let pod = &set["spec"]["template"];
        assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/part-of"], part);
        assert_eq!(pod["spec"]["containers"][0]["ports"][0]["name"], port);
        assert!(namespaces.contains(&set["metadata"]["namespace"].as_str().unwrap()));
    }
}

#[test]
fn promtool_accepts_every_configuration() {
    if !has("promtool") {
        return;
    }
    let dir = dir("scrape");
    fs::copy(repository("deploy/prometheus/alerts.yml"), dir.join("alerts.yml")).unwrap();
    for name in ["compose", "systemd", "kubernetes"] {
        // Debian's Prometheus is built without the discovery of Kubernetes.
        let config = read(&format!("deploy/prometheus/{name}.yml"));
        let discovery = "    kubernetes_sd_configs:\n      - role: pod\n        namespaces:\n          names: [tweetoscope]\n";
        assert_eq!(config.contains(discovery), name == "kubernetes");
        let path = dir.join(format!("{name}.yml"));
        fs::write(&path, config.replace(discovery, "")).unwrap();
        let output =
            Command::new("promtool").args(["check", "config"]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(Path::new(&dir).exists());
    fs::remove_dir_all(dir).unwrap();
}
