//! Fault injection: daemons and brokers are killed at random times, and the committed records are
//! compared with those of a pipe.

use std::time::{Duration, Instant};

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use rdkafka::producer::Producer;

use crate::broker::Broker;
use crate::client::{self, Read};
use crate::environment::{Environment, differences, keyed, sources, tweets};
use crate::process::{Daemon, pipe};

/// The options of a test.
pub(crate) struct FaultTest {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) instances: usize,
    pub(crate) partitions: i32,
    pub(crate) cascades: u32,
    pub(crate) sources: u32,
    pub(crate) duration: Duration,
    pub(crate) flags: &'static [&'static str],
    /// Number of times that the broker is killed.
    pub(crate) broker_kills: u32,
    /// Number of recoveries with a replay, at least: the test continues until then.
    pub(crate) min_recoveries: usize,
}

/// The outcome of a test.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) kills: u32,
    /// Number of partitions that were restored by a replay.
    pub(crate) recoveries: usize,
    pub(crate) aborted: usize,
    pub(crate) tweets: usize,
    pub(crate) outputs: usize,
    /// The records of `collect_state`.
    pub(crate) state: Vec<Read>,
    pub(crate) differences: Vec<String>,
    pub(crate) stderr: String,
}

/// The options of the collectors.
pub(crate) const OPTIONS: [&str; 8] =
    ["--windows", "10m,20m,1h", "--terminated", "2h", "--min-size", "3", "--max-age", "1d"];

/// Number of restored partitions with a replay of at least one record.
fn recoveries(stderr: &str) -> usize {
    stderr.matches(", replaying ").count() - stderr.matches(", replaying 0 offsets").count()
}

pub(crate) fn between(rng: &mut ChaCha8Rng, low: u64, high: u64) -> Duration {
    Duration::from_millis(low + u64::from(rng.next_u32()) % (high - low))
}

impl FaultTest {
    /// Runs the test, and waits until all tweets are read.
    pub(crate) fn run(&self, broker: &Broker) -> Outcome {
        let environment = Environment::new(broker, self.name);
        environment.create("collect", self.partitions);
        let lines = tweets(self.cascades, self.sources, self.seed as u32);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let flags = [&OPTIONS[..], self.flags].concat();
        let start_one = |i: usize| environment.daemon("collect", &i.to_string(), &flags);
        let mut daemons: Vec<Daemon> = (0..self.instances).map(start_one).collect();
        let kills = std::thread::scope(|scope| {
            scope.spawn(|| self.feed(&environment, &lines));
            self.kill(&mut daemons, broker, &mut rng)
        });
        for daemon in &mut daemons {
            daemon.restart_if_ended();
        }
        environment.wait_until_read("collect", "tweets");
        let stderr = daemons.iter().map(Daemon::stderr).collect::<String>();
        let statuses: &[i32] = if self.broker_kills > 0 { &[0, 76] } else { &[0] };
        daemons.iter_mut().for_each(|daemon| daemon.stop_with(statuses));
        let pipe = pipe(&[&["collect", "--at-end", "drop"], &OPTIONS[..]].concat(), &lines);
        let topics =
            ["cascade_series", "cascade_properties"].map(|kind| (kind, environment.read(kind)));
        Outcome {
            kills,
            recoveries: recoveries(&stderr),
            aborted: stderr.matches("the transaction is aborted").count(),
            tweets: lines.lines().count(),
            state: environment.read("collect_state"),
            outputs: topics.iter().map(|(_, records)| records.len()).sum(),
            differences: differences(&topics, &pipe, self.partitions),
            stderr,
        }
    }

    /// Writes the tweets evenly over 90% of the duration.
    fn feed(&self, environment: &Environment<'_>, lines: &str) {
        let (sources, topic) = (sources(lines), environment.topic("tweets"));
        let records = keyed(lines, &sources);
        let producer = client::producer(environment.brokers());
        let start = Instant::now();
        for (i, (key, value)) in records.iter().enumerate() {
            let due = self.duration.mul_f64(0.9 * i as f64 / records.len() as f64);
            if let Some(rest) = due.checked_sub(start.elapsed()).filter(|it| it.as_millis() > 20) {
                std::thread::sleep(rest);
            }
            client::send(&producer, &topic, key, value);
        }
        producer.flush(Duration::from_secs(60)).unwrap();
    }

    fn kill(&self, daemons: &mut [Daemon], broker: &Broker, rng: &mut ChaCha8Rng) -> u32 {
        let start = Instant::now();
        let mut kills = 0;
        let mut broker_kills = 0;
        // Daemons may be killed before they have read a record.
        let is_complete = |daemons: &[Daemon]| {
            let stderr = daemons.iter().map(Daemon::stderr).collect::<String>();
            start.elapsed() > 5 * self.duration || recoveries(&stderr) >= self.min_recoveries
        };
        while start.elapsed() < self.duration || !is_complete(daemons) {
            let share = start.elapsed().as_secs_f64() / self.duration.as_secs_f64();
            // On a slow machine a restarted daemon needs longer until it has read a record.
            let longest = if share < 1.0 { 3000.0 } else { 9000.0 * share };
            std::thread::sleep(between(rng, 300, longest as u64));
            let share = start.elapsed().as_secs_f64() / self.duration.as_secs_f64();
            if share * f64::from(self.broker_kills + 1) > f64::from(broker_kills + 1)
                && broker_kills < self.broker_kills
            {
                broker.script("kill9", &[]);
                std::thread::sleep(between(rng, 100, 2000));
                broker.script("restart", &[]);
                broker_kills += 1;
            } else {
                let victim = rng.next_u32() as usize % daemons.len();
                daemons[victim].kill_and_restart();
                kills += 1;
            }
        }
        kills
    }
}
