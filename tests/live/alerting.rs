//! Faults raise alerts and notifications: real Prometheus and Alertmanager on loopback.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Service, dir, has, repository, text};

/// Ends its process.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &str, args: &[String], log: &Path) -> Running {
    let log = fs::File::create(log).unwrap();
    let child = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::from(log))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// (path, alert) of all that was posted.
type Posted = Arc<Mutex<BTreeSet<(String, String)>>>;

/// Takes what Alertmanager posts.
fn webhook() -> (u16, Posted) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let posted = Posted::default();
    let to = Arc::clone(&posted);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            let whole = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes).into_owned();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.lines().find_map(|it| it.strip_prefix("Content-Length: "))?;
                (body.len() >= length.parse().ok()?).then(|| (head.to_owned(), body.to_owned()))
            };
            while whole(&bytes).is_none() {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => bytes.extend_from_slice(&piece[..count]),
                }
            }
            let Some((head, body)) = whole(&bytes) else { continue };
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let body: Value = serde_json::from_str(&body).unwrap();
            for alert in body["alerts"].as_array().unwrap() {
                let name = alert["labels"]["alertname"].as_str().unwrap().to_owned();
                to.lock().unwrap().insert((path.clone(), name));
            }
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (port, posted)
}

/// The shipped rules and routes with shorter times, so that a test need not wait for hours.
fn with_short_intervals(text: &str) -> String {
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let key = line.trim_start().split(": ").next().unwrap_or_default();
        match key {
            "for" | "group_wait" | "group_interval" | "scrape_interval" | "evaluation_interval" => {
                format!("{indent}{key}: 1s\n")
            }
            _ => {
                let mut line = format!("{line}\n");
                for range in ["5m", "10m", "15m", "30m", "1h", "6h", "1d"] {
                    line = line.replace(&format!("[{range}]"), "[20s]");
                }
                line
            }
        }
    };
    text.lines().map(line).collect()
}

#[test]
fn a_stopped_stage_invalid_input_and_a_bad_model_raise_their_alerts() {
    if !(has("prometheus") && has("prometheus-alertmanager")) {
        return;
    }
    let dir = dir("alerting");
    let shipped =
        |name: &str| fs::read_to_string(repository("deploy/prometheus").join(name)).unwrap();
    let (hook, posted) = webhook();
    let (alerting, querying) = (free_port(), free_port());
    let mut collect = Service::start(&["collect"]);
    let mut monitor = Service::start(&["monitor"]);
    let fit = Service::start(&["fit"]);
    let targets = [&collect, &monitor, &fit].map(|it| format!("          - {}\n", it.address));
    let config = with_short_intervals(&shipped("compose.yml"));
    let (before, _) = config.split_once("      - targets:\n          - collect").unwrap();
    let config = format!("{before}      - targets:\n{}", targets.concat())
        .replace("alertmanager:9093", &format!("127.0.0.1:{alerting}"));
    fs::write(dir.join("prometheus.yml"), config).unwrap();
    fs::write(dir.join("alerts.yml"), with_short_intervals(&shipped("alerts.yml"))).unwrap();
    let routes = with_short_intervals(&shipped("alertmanager.yml"))
        .replace("http://on-call:8080", &format!("http://127.0.0.1:{hook}"));
    fs::write(dir.join("alertmanager.yml"), routes).unwrap();
    let at = |name: &str| text(&dir.join(name)).to_owned();
    let _alertmanager = start(
        "prometheus-alertmanager",
        &[
            format!("--config.file={}", at("alertmanager.yml")),
            format!("--storage.path={}", at("am")),
            format!("--web.listen-address=127.0.0.1:{alerting}"),
            "--cluster.listen-address=".to_owned(),
        ],
        &dir.join("am.log"),
    );
    let _prometheus = start(
        "prometheus",
        &[
            format!("--config.file={}", at("prometheus.yml")),
            format!("--storage.tsdb.path={}", at("data")),
            format!("--web.listen-address=127.0.0.1:{querying}"),
            // The first alerts come before it has found Alertmanager.
            "--rules.alert.resend-delay=2s".to_owned(),
        ],
        &dir.join("prometheus.log"),
    );
    // Enough predictions that are wrong by a factor of ten for a verdict, with invalid records in between.
    let stats: String = (0..300)
        .map(|i| {
            let n = 20 + i % 50;
            format!("{{\"type\":\"stat\",\"cid\":\"{i}\",\"t\":{i},\"T_obs\":600,\"ARE\":9,\"n_obs\":{},\"n_tot\":{n},\"n_pred\":{}}}\n", n - 5, n * 10)
        })
        .collect();
    monitor.write(&stats);
    let wanted = |path: &str, name: &str| (path.to_owned(), name.to_owned());
    let wanted = BTreeSet::from([
        wanted("/page", "StageDown"),
        wanted("/page", "InputErrorsFast"),
        wanted("/page", "WorseThanBaseline"),
        wanted("/alive", "Watchdog"),
    ]);
    let start = now();
    let mut fit = Some(fit);
    while !wanted.is_subset(&posted.lock().unwrap()) {
        let arrived = posted.lock().unwrap().clone();
        let logs =
            ["prometheus.log", "am.log"].map(|log| fs::read_to_string(dir.join(log)).unwrap());
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "{arrived:?} arrived\n{}",
            logs.concat()
        );
        collect.write("{\"type\":\"tweet\",\"cid\":\"1\",\"t\":1}\n{\"type\":\"tweet\"}\n");
        if start.elapsed() > Duration::from_secs(6) {
            fit = None;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(fit.is_none());
    let arrived = posted.lock().unwrap().clone();
    let pages: Vec<_> = arrived.iter().filter(|(path, _)| path == "/page").collect();
    assert_eq!(pages.len(), 3, "nothing else pages: {arrived:?}");
    fs::remove_dir_all(dir).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a time limit")]
fn now() -> Instant {
    Instant::now()
}
