//! The server of `--http`: its resources are bounded for any client, and it does not delay the stage.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;

#[path = "../fuzz/mutation.rs"]
mod mutation;

use super::client::{Service, ask, connect, get};
use mutation::mutated;
use tweetoscope::telemetry::{Answer, Feed, Listen, PageRequest, Server, Site};

fn tweet(cid: usize, t: usize) -> String {
    format!("{{\"type\":\"tweet\",\"cid\":\"{cid}\",\"t\":{t}}}\n")
}

#[expect(clippy::disallowed_methods, reason = "time limits are what is tested")]
fn now() -> Instant {
    Instant::now()
}

fn until(what: &str, mut good: impl FnMut() -> bool) {
    let start = now();
    while !good() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stage_that_waits_is_healthy_and_exposes_its_counts() {
    let mut collect = Service::start(&["collect"]);
    collect.write(&(tweet(1, 0) + &tweet(2, 1) + "no record\n"));
    until("the counts", || {
        let text = collect.get("/metrics").1;
        text.contains("tweetoscope_cascades_open{stage=\"collect\"} 2")
            && text.contains("tweetoscope_records_read_total{stage=\"collect\"} 3")
            && text.contains("tweetoscope_dead_letters_total{reason=\"json\",stage=\"collect\"} 1")
    });
    std::thread::sleep(Duration::from_millis(1500));
    let (status, text) = collect.get("/healthz");
    assert_eq!(status, 200, "{text}");
    let still: f64 =
        text.rsplit("loop: ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(still < 1.0, "a waiting loop runs: {text}");
    assert_eq!(collect.get("/readyz").0, 200);
    assert_eq!(collect.get("/nothing").0, 404);
}

#[test]
fn a_dashboard_is_healthy_after_the_end_of_its_input() {
    let mut dashboard = Service::start(&["dashboard"]);
    drop(dashboard.stdin.take());
    std::thread::sleep(Duration::from_millis(2500));
    let (status, text) = dashboard.get("/healthz");
    assert_eq!(status, 200, "{text}");
    let still = text.rsplit("loop: ").next().unwrap().split(' ').next().unwrap();
    assert!(still.parse::<f64>().unwrap() < 1.0, "{text}");
}

#[test]
fn only_allowed_hosts_and_get_and_head_are_answered() {
    let collect = Service::start(&["collect", "--http-host", "collect.example"]);
    let with = |lines: &str| ask(collect.address, &format!("{lines}\r\n\r\n")).0;
    assert_eq!(with("GET /metrics HTTP/1.1\r\nHost: localhost:1"), 200);
    assert_eq!(with("GET /metrics HTTP/1.1\r\nHost: Collect.Example:9100"), 200);
    assert_eq!(with("GET /metrics HTTP/1.1\r\nHost: evil.example"), 421);
    assert_eq!(with("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example"), 421);
    assert_eq!(with("GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost"), 421);
    assert_eq!(with("GET /metrics HTTP/1.0"), 421);
    assert_eq!(
        with("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000"),
        405
    );
    let (status, text) = ask(collect.address, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(status == 200 && !text.contains("tweetoscope_"), "{text}");
}

#[test]
fn half_open_and_idle_connections_are_closed_and_do_not_affect_others() {
    let mut collect = Service::start(&["collect", "--windows", "10s", "--min-size", "1"]);
    let before = collect.memory();
    let start = now();
    // More connections than the limit: half of them send nothing, half of them an incomplete request.
    let idle: Vec<TcpStream> = (0..200)
        .map(|i| {
            let mut stream = connect(collect.address);
            if i % 2 == 0 {
                let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: local");
            }
            stream
        })
        .collect();
    // Meanwhile the stage processes records.
    let mut out = BufReader::new(collect.child.stdout.take().unwrap());
    let mut line = String::new();
    for cid in 0..50 {
        collect.write(&tweet(cid, cid * 100));
        if cid > 0 {
            line.clear();
            out.read_line(&mut line).unwrap();
            assert!(line.contains("serie"), "{line}");
            // Its size follows when it is silent for half an hour: not yet.
        }
        if cid == 15 {
            break;
        }
    }
    assert!(start.elapsed() < Duration::from_secs(4), "the stage waited: {:?}", start.elapsed());
    // All are closed within two timeouts of 5 s; then new connections are accepted.
    for mut stream in idle {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert_eq!(collect.get("/metrics").0, 200);
    assert!(collect.memory() < before + 10_000, "{before} {}", collect.memory());
}

#[test]
fn a_header_of_50_megabytes_is_refused_after_a_few_kilobytes() {
    let collect = Service::start(&["collect"]);
    let before = collect.memory();
    let mut stream = connect(collect.address);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ").unwrap();
    let piece = [b'x'; 65_536];
    let sent = (0..800).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(sent < 100, "{sent} pieces were taken");
    assert!(collect.memory() < before + 4_000, "{before} {}", collect.memory());
    assert_eq!(get(collect.address, "/healthz").0, 200);
}

struct Stream(Feed);

impl Site for Stream {
    fn answer(&self, asked: &PageRequest<'_>) -> Answer {
        match asked.path {
            "/events" => self.0.answer(),
            _ => Answer::text(200, "text/plain", "here\n"),
        }
    }
}

#[test]
fn a_slow_reader_of_events_misses_some_and_delays_no_other() {
    let site = Arc::new(Stream(Feed::default()));
    let server = Server::start(Listen::new("0", &[]).unwrap(), Arc::clone(&site) as _).unwrap();
    let listen = || {
        let mut stream = connect(server.address());
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    };
    let slow: Vec<_> = (0..20).map(|_| listen()).collect();
    let mut quick = BufReader::new(listen());
    until("listeners", || site.0.has_subscribers());
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = memory();
    for number in 0..20_000 {
        site.0.send("number", &format!("{number} {}", "x".repeat(20_000)));
    }
    site.0.send("number", "last");
    assert!(memory() < before + 30_000, "{before} {}", memory());
    // The fast client receives the newest event at once; the slow one after the data buffered by the kernel.
    let mut line = String::new();
    while !line.contains("data: last") {
        line.clear();
        assert!(quick.read_line(&mut line).unwrap() > 0);
    }
    let mut late = BufReader::new(slow.into_iter().next().unwrap());
    let mut lines = 0;
    while !line.is_empty() {
        line.clear();
        late.read_line(&mut line).unwrap();
        lines += 1;
        if line.contains("data: last") {
            break;
        }
    }
    assert!(line.contains("last") && lines < 2000, "{lines} lines");
}

#[test]
fn streams_leave_room_for_pages() {
    let site = Arc::new(Stream(Feed::default()));
    site.0.send("x", "1");
    let server = Server::start(Listen::new("0", &[]).unwrap(), site as _).unwrap();
    let mut streams = Vec::new();
    let mut refused = 0;
    for _ in 0..100 {
        let mut stream = connect(server.address());
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        match &head[9..] {
            b"200" => streams.push(stream),
            _ => refused += 1,
        }
    }
    assert_eq!((streams.len(), refused), (64, 36));
    assert_eq!(get(server.address(), "/").0, 200);
    drop(streams);
    until("room", || {
        let mut stream = connect(server.address());
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        &head[9..] == b"200"
    });
}

/// Requests after mutations: each connection ends, the stage goes on, and its memory is bounded.
#[test]
fn mutated_requests_are_answered_or_closed() {
    let mut collect = Service::start(&["collect"]);
    let corpus = [
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_vec(),
        b"POST /readyz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            .to_vec(),
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nRange: bytes=0-9\r\n\r\n".to_vec(),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let before = collect.memory();
    let (mut answered, mut closed) = (0, 0);
    for _ in 0..1500 {
        let mut stream = connect(collect.address);
        let _ = stream.write_all(&mutated(&corpus, &mut rng));
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        if answer.is_empty() {
            closed += 1;
        } else {
            assert!(answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
            answered += 1;
        }
    }
    assert!(answered > 500 && closed > 0, "{answered} {closed}");
    collect.write(&tweet(1, 0));
    until("the tweet", || collect.get("/metrics").1.contains("open{stage=\"collect\"} 1"));
    assert!(collect.memory() < before + 10_000, "{before} {}", collect.memory());
}
