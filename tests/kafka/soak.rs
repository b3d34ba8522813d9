//! The whole system for an hour, with faults, bad records, refused options and a quiet time:
//!
//! TWEETOSCOPE_SOAK=3600 cargo test --release --test kafka soak -- --ignored --nocapture
//!
//! With TWEETOSCOPE_KEEP=1 the data and the log of the broker are kept.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use rdkafka::producer::Producer;

use crate::broker::Broker;
use crate::client::{self, Read};
use crate::environment::{Environment, SESSION, differences, field, tweets};
use crate::faults::{OPTIONS, between};
use crate::process::{Daemon, pipe};

const PARTITIONS: i32 = 4;
/// A line that is refused follows every so many tweets.
const BAD_EVERY: usize = 500;
/// Between two measurements of memory and descriptors.
const MEASURE: Duration = Duration::from_secs(5);

/// Memory in MB and number of descriptors of a process.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    memory: u64,
    descriptors: u64,
}

impl Size {
    fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        Some(Self { memory: kilobytes / 1024, descriptors })
    }

    fn larger(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

/// Writes the tweets evenly over the time, without the sixth before the last, and a bad line now and then;
/// returns the number of bad lines.
fn feed(environment: &Environment<'_>, lines: &str, duration: Duration) -> usize {
    let topic = environment.topic("tweets");
    let producer = client::producer(environment.brokers());
    let (start, count) = (Instant::now(), lines.lines().count());
    let mut bad = 0;
    for (i, line) in lines.lines().enumerate() {
        let share = 0.9 * i as f64 / count as f64;
        let due = duration.mul_f64(if share > 0.6 { share + 0.1 } else { share * 0.9 });
        if let Some(rest) = due.checked_sub(start.elapsed()).filter(|it| it.as_millis() > 20) {
            std::thread::sleep(rest);
        }
        let source = field(line, "source");
        client::send(&producer, &topic, &source, line);
        if i % BAD_EVERY == 0 {
            client::send(&producer, &topic, &source, &format!("{{bad {i}"));
            bad += 1;
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    bad
}

/// The time of a pause, sometimes longer than a session.
fn pause(rng: &mut ChaCha8Rng) -> Duration {
    between(rng, 500, 4000)
}

/// Stops and starts a daemon; it may have ended with status 76 after failures of the broker.
fn restart(daemon: &mut Daemon) {
    daemon.stop_with(&[0, 76]);
    daemon.kill_and_restart();
}

/// One fault at a random time. The first daemon of each command is stopped and continued at most, so that its
/// memory can be compared over the whole time.
fn fault(
    daemons: &mut [(&str, usize, Daemon)],
    broker: &Broker,
    rng: &mut ChaCha8Rng,
) -> &'static str {
    let victims: Vec<usize> = (0..daemons.len()).filter(|i| daemons[*i].1 > 0).collect();
    let victim = victims[rng.next_u32() as usize % victims.len()];
    let any = rng.next_u32() as usize % daemons.len();
    match rng.next_u32() % 20 {
        0 => {
            broker.script("restart", &[]);
            "restarts of the broker"
        }
        1 => {
            broker.script("kill9", &[]);
            std::thread::sleep(between(rng, 100, 2000));
            broker.script("restart", &[]);
            "kills of the broker"
        }
        2..5 => {
            daemons[any].2.pause(pause(rng));
            "pauses"
        }
        5..8 => {
            // The group removes one after its session, and another one receives the new assignment with its next
            // heartbeat.
            let command = daemons[victim].0;
            let other = (0..daemons.len()).find(|i| daemons[*i].0 == command && *i != victim);
            daemons[victim].2.signal("STOP");
            std::thread::sleep(SESSION - Duration::from_millis(100) + between(rng, 0, 700));
            daemons[other.unwrap_or(any)].2.pause(pause(rng));
            daemons[victim].2.signal("CONT");
            "pauses in a rebalance"
        }
        8..11 => {
            restart(&mut daemons[victim].2);
            "restarts"
        }
        _ => {
            daemons[victim].2.kill_and_restart();
            "kills"
        }
    }
}

fn of_type(records: &[Read], kind: &str) -> Vec<Read> {
    let is_it = |it: &&Read| field(it.value.as_ref().unwrap(), "type") == kind;
    records.iter().filter(is_it).cloned().collect()
}

#[test]
#[ignore = "an hour"]
fn soak() {
    let Some(broker) = Broker::start_with_session("soak") else { return };
    let seconds = std::env::var("TWEETOSCOPE_SOAK").ok().and_then(|it| it.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(3600));
    let environment = Environment::new(&broker, "soak");
    let letters = environment.topic("dead");
    for command in ["collect", "fit", "predict", "train"] {
        environment.create(command, PARTITIONS);
    }
    broker.script("topics", &["create", &letters, "1"]);
    let collect = [&OPTIONS[..], &["--dead-letter", &letters]].concat();
    let options = |command: &str| match command {
        "collect" => collect.clone(),
        "train" => vec!["--trees", "5", "--newest", "1000"],
        _ => Vec::new(),
    };
    let mut daemons = Vec::new();
    for (command, count) in [("collect", 3), ("fit", 2), ("predict", 2), ("train", 1)] {
        for i in 0..count {
            let id = format!("{command}-{i}");
            daemons.push((command, i, environment.daemon(command, &id, &options(command))));
        }
    }
    let lines = tweets(2 * duration.as_secs() as u32 + 100, 16, 11);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut faults: BTreeMap<String, u32> = BTreeMap::new();
    let (mut middle, mut last) = (BTreeMap::new(), BTreeMap::new());
    let bad = std::thread::scope(|scope| {
        let feeding = scope.spawn(|| feed(&environment, &lines, duration));
        let start = Instant::now();
        let (mut next_fault, mut next_refusal) = (Duration::from_secs(5), duration / 6);
        while start.elapsed() < duration || !feeding.is_finished() {
            std::thread::sleep(MEASURE);
            let share = start.elapsed().as_secs_f64() / duration.as_secs_f64();
            for (command, i, daemon) in &mut daemons {
                // A pause may have cost a static member its place: then a supervisor starts it again.
                if let Some(status) = daemon.ended() {
                    let key = format!("{command} ends with {status}");
                    *faults.entry(key).or_default() += 1;
                    eprintln!(
                        "{command}-{i}: {}",
                        daemon.stderr().lines().last().unwrap_or_default()
                    );
                    daemon.kill_and_restart();
                }
                let sizes = if share < 2.0 / 3.0 { &mut middle } else { &mut last };
                if *i == 0
                    && share > 1.0 / 3.0
                    && let Some(size) = Size::of(daemon.pid())
                {
                    let largest: &mut Size = sizes.entry(*command).or_default();
                    *largest = largest.larger(size);
                }
            }
            if start.elapsed() > next_refusal {
                let (status, stderr) = environment.ends("collect", &["--windows", "5m"]);
                // 75: the broker did not answer in time; then the next attempt counts.
                assert!(matches!(status, Some(1 | 75)), "{status:?} {stderr}");
                *faults.entry(format!("other options: status {status:?}")).or_default() += 1;
                next_refusal += duration / 6;
            }
            if start.elapsed() > next_fault && start.elapsed() < duration {
                let what = fault(&mut daemons, &broker, &mut rng);
                *faults.entry(what.to_owned()).or_default() += 1;
                next_fault = start.elapsed() + between(&mut rng, 1000, 12_000);
            }
        }
        feeding.join().unwrap()
    });
    for (_, _, daemon) in &mut daemons {
        daemon.restart_if_ended();
    }
    for (command, topic) in [
        ("collect", "tweets"),
        ("fit", "cascade_series"),
        ("predict", "cascade_properties"),
        ("train", "samples"),
    ] {
        environment.wait_until_read(command, topic);
    }
    daemons.iter_mut().for_each(|(_, _, daemon)| daemon.stop_with(&[0, 76]));

    let series = pipe(&[&["collect", "--at-end", "drop"], &OPTIONS[..]].concat(), &lines);
    let fitted = pipe(&["fit"], &series);
    let parameters: String = fitted
        .lines()
        .filter(|it| field(it, "type") == "parameters")
        .map(|it| format!("{it}\n"))
        .collect();
    let (properties, alerts) = (environment.read("cascade_properties"), environment.read("alerts"));
    let from_collect = [
        ("cascade_series", environment.read("cascade_series")),
        ("cascade_properties", of_type(&properties, "size")),
    ];
    let mut found = differences(&from_collect, &series, PARTITIONS);
    let from_fit = [("cascade_properties", of_type(&properties, "parameters"))];
    found.extend(differences(&from_fit, &parameters, PARTITIONS));
    let dead = client::read_committed(environment.brokers(), &letters).len();
    eprintln!(
        "soak of {} s: {} tweets, {} series and sizes, {} parameters, {} alerts, {} models, {dead} of \
         {bad} bad lines in the dead letters\nfaults: {faults:?}\nlargest in the second third: {middle:?}\n\
         largest in the last third: {last:?}\nlines that differ: {}",
        duration.as_secs(),
        lines.lines().count(),
        series.lines().count(),
        parameters.lines().count(),
        alerts.len(),
        environment.read("models").len(),
        found.len()
    );
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(alerts.len(), parameters.lines().count());
    assert_eq!(dead, bad);
    for (command, size) in &last {
        let before: Size = middle[command];
        let is_flat = size.memory <= before.memory * 3 / 2 + 20;
        assert!(
            is_flat && size.descriptors <= before.descriptors + 10,
            "{command}: {before:?}, {size:?}"
        );
    }
}
