//! Throughput of writing to topics and reading from them; `kafka.sh` compares it with other programs.
//!
//! `cargo bench --bench kafka -- produce BROKERS TOPIC N` (tweets, as generate writes them),
//! `alerts BROKERS TOPIC N`, `transact BROKERS IN OUT N` (alerts too), `repeat BROKERS IN OUT N` (the same without
//! transactions), `consume BROKERS TOPIC N`:
//! each prints one line of JSON with the seconds of the job, without the time to connect and to get a producer id.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails where it panics")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark measures time")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use tweetoscope::event::{Event, EventTime};
use tweetoscope::kafka::{Bridge, Settings, Sink, Topic, serve};
use tweetoscope::record::{Alert, Item, Kind, Record, read, write_event};
use tweetoscope::stage::{
    Change, Ending, Incompatible, Limit, Out, RecordRef, Recover, Restore, Saved, Stage, Tally,
};
use tweetoscope::stream::{Counts, Observer, Step, Transport};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments[..] {
        ["produce", brokers, topic, n] => {
            let events: Vec<Event<'_>> = (0..1000).map(event).collect();
            produce(brokers, ("tweets", topic), n.parse().unwrap(), |sink, i| {
                sink.event(&events[i])
            })
        }
        ["alerts", brokers, topic, n] => {
            let records: Vec<Record> = (0..1000).map(record).collect();
            produce(brokers, ("alerts", topic), n.parse().unwrap(), |sink, i| {
                sink.record(&records[i])
            })
        }
        [mode @ ("transact" | "repeat"), brokers, from, to, n] => {
            let at_least_once = mode == "repeat";
            let settings =
                Settings { at_least_once, ..renamed(brokers, &[("tweets", from), ("alerts", to)]) };
            serve_tenfold(&settings, n.parse().unwrap())
        }
        ["consume", brokers, topic, n] => consume(brokers, topic, n.parse().unwrap()),
        _ => json!({"jobs": ["produce", "alerts", "transact", "repeat", "consume"]}),
    };
    println!("{answer}");
}

fn settings(brokers: &str) -> Settings {
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let more = std::env::var("BENCH_X").unwrap_or_default();
    let more = more.split_whitespace().filter_map(|it| it.split_once('='));
    let more = more.map(|(name, value)| property(name, value));
    Settings {
        properties: [property("compression.type", "none")].into_iter().chain(more).collect(),
        ..Settings::new("bench", brokers, &format!("bench-{}", std::process::id()))
    }
}

fn renamed(brokers: &str, names: &[(&str, &str)]) -> Settings {
    let mut settings = settings(brokers);
    for (kind, name) in names {
        settings.topics.rename(&format!("{kind}={name}")).unwrap();
    }
    settings
}

/// A record of 200 bytes.
fn record(i: u64) -> Record {
    let cid = i.to_string();
    let head = format!(r#"{{"type":"alert","cid":"{cid}","T_obs":600,"n_tot":{i},"msg":""#);
    let bare = parsed(&format!("{head}\"}}"));
    let mut bytes = Vec::new();
    Record::Alert(bare.clone()).write(&mut bytes);
    Record::Alert(Alert { msg: "x".repeat(200 - bytes.len()), ..bare })
}

fn parsed(line: &str) -> Alert {
    match read(line.as_bytes(), None, &[Kind::Alert]).ok().and_then(Item::record) {
        Some(Record::Alert(alert)) => alert,
        other => panic!("{line}: {other:?}"),
    }
}

/// A tweet of 200 bytes; its source is its key.
fn event(i: usize) -> Event<'static> {
    let event = |text: usize| Event {
        root: true,
        cid: i.to_string().into(),
        source: (i % 64).to_string().into(),
        time: EventTime::new(i as f64).unwrap(),
        magnitude: 1.0,
        msg: "x".repeat(text).into(),
        info: "".into(),
        id: "".into(),
    };
    let mut bytes = Vec::new();
    write_event(&event(1), &mut bytes);
    event(201 - bytes.len())
}

/// Writes `n` records with a sink and waits for their delivery; the first one, with which the producer requests its id, is
/// delivered before the clock starts.
fn produce(
    brokers: &str,
    (kind, topic): (&str, &str),
    n: u64,
    send: impl Fn(&mut Sink, usize) -> io::Result<()>,
) -> Value {
    let settings = renamed(brokers, &[(kind, topic)]);
    let writes = vec![if kind == "tweets" { Topic::Tweets } else { Topic::Alerts }];
    let mut sink = Sink::open(&Settings { writes, ..settings }).unwrap();
    send(&mut sink, 0).unwrap();
    sink.flush().unwrap();
    let began = Instant::now();
    for i in 1..n {
        send(&mut sink, (i % 1000) as usize).unwrap();
    }
    sink.flush().unwrap();
    json!({"seconds": began.elapsed().as_secs_f64(), "records": n})
}

/// A stage that writes ten records for every record it reads, and stops after the given number.
struct Tenfold {
    /// Shared by the instances of all partitions.
    written: Arc<AtomicU64>,
    most: u64,
    began: Arc<std::sync::OnceLock<Instant>>,
    stop: Arc<AtomicBool>,
    records: Vec<Record>,
}

impl Stage for Tenfold {
    const TAKES: &'static [Kind] = &[Kind::Tweet, Kind::Retweet];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        self.began.get_or_init(Instant::now);
        for _ in batch {
            for i in 0..10 {
                out.write(self.records[i * 100].clone());
            }
        }
        let more = 10 * batch.len() as u64;
        if self.written.fetch_add(more, Ordering::Relaxed) + more >= self.most {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn on_end(&mut self, _: Ending, _: &mut Out) {}

    fn tally(&self) -> Tally {
        Tally::new()
    }
}

impl Recover for Tenfold {
    const RESTORE: Restore = Restore::FROM_INPUT;

    fn output_options(&self) -> String {
        String::new()
    }

    fn replay_start(&self, offered: &[u64]) -> Option<usize> {
        offered.len().checked_sub(1)
    }

    fn checkpoint(&self) -> String {
        String::new()
    }

    fn spill(&mut self, _: Limit) -> Vec<Change> {
        Vec::new()
    }

    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible> {
        saved.expect_empty()
    }

    fn committed(&mut self, _: u64) {}

    fn replaying(&mut self, _: bool) {}
}

/// Records the time of the last commit.
struct End(Option<(Instant, Counts)>);

impl Observer for End {
    fn batch(&mut self, _: Counts, _: &dyn Fn() -> Tally) {}

    fn end(&mut self, counts: Counts, _: &dyn Fn() -> Tally) {
        self.0 = Some((Instant::now(), counts));
    }
}

/// A daemon that reads, writes and commits every 100 ms.
fn serve_tenfold(settings: &Settings, n: u64) -> Value {
    let began = Arc::new(std::sync::OnceLock::new());
    let written = Arc::new(AtomicU64::new(0));
    let make = || Tenfold {
        written: Arc::clone(&written),
        most: n,
        began: Arc::clone(&began),
        stop: Arc::clone(&settings.stop),
        records: (0..1000).map(record).collect(),
    };
    let mut end = End(None);
    serve(make, settings, &mut end).unwrap();
    let (end, counts) = end.0.unwrap();
    let seconds = (end - *began.get().unwrap()).as_secs_f64();
    json!({"seconds": seconds, "records": counts.written})
}

/// Records that a bridge reads from a topic.
fn consume(brokers: &str, topic: &str, n: u64) -> Value {
    let settings = Settings { exit_eof: true, ..renamed(brokers, &[("alerts", topic)]) };
    let mut bridge = Bridge::open(&settings, &[Kind::Alert], io::sink()).unwrap();
    let began = Instant::now();
    let (mut records, mut bytes) = (0, 0);
    while let Step::Next(_, frames) = bridge.read().unwrap() {
        records += frames.len() as u64;
        bytes += frames.iter().map(|frame| frame.bytes.len()).sum::<usize>();
        if records >= n {
            break;
        }
    }
    json!({"seconds": began.elapsed().as_secs_f64(), "records": records, "bytes": bytes})
}
