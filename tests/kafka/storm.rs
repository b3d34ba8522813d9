//! Storms: daemons that are killed, halted and cut off while they work, and the check that what
//! they committed is what a pipe writes.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rdkafka::producer::Producer;

use crate::broker::Broker;
use crate::client::{self, Read};
use crate::process::{Daemon, pipe};
use crate::world::{World, differences, keyed, sources, tweets};

/// How a storm blows.
pub(crate) struct Storm {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) instances: usize,
    pub(crate) partitions: i32,
    pub(crate) cascades: u32,
    pub(crate) sources: u32,
    pub(crate) lasts: Duration,
    pub(crate) flags: &'static [&'static str],
    /// A broker that is killed too, this often.
    pub(crate) broker_kills: u32,
    /// Recoveries without which it was no storm: until then it blows on.
    pub(crate) least: usize,
}

/// What a storm left.
#[derive(Debug)]
pub(crate) struct Aftermath {
    pub(crate) kills: u32,
    /// Partitions whose state was found again by a replay.
    pub(crate) recoveries: usize,
    pub(crate) given_up: usize,
    pub(crate) tweets: usize,
    pub(crate) outputs: usize,
    /// What lies in `collect_state`.
    pub(crate) state: Vec<Read>,
    pub(crate) differences: Vec<String>,
    pub(crate) said: String,
}

/// The rules by which the collectors of the storms cut cascades.
pub(crate) const RULES: [&str; 8] =
    ["--windows", "10m,20m,1h", "--terminated", "2h", "--min-size", "3", "--max-age", "1d"];

/// How often daemons found state again by reading their input anew.
fn recoveries(said: &str) -> usize {
    said.matches("offsets in silence").count()
        - said.matches("the first 0 offsets in silence").count()
}

fn between(chance: &mut ChaCha8Rng, low: u64, high: u64) -> Duration {
    Duration::from_millis(low + u64::from(chance.next_u32()) % (high - low))
}

impl Storm {
    /// Lets it blow, and waits until all tweets are read.
    pub(crate) fn blow(&self, broker: &Broker) -> Aftermath {
        let world = World::new(broker, self.name);
        world.create("collect", self.partitions);
        let lines = tweets(self.cascades, self.sources, self.seed as u32);
        let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
        let flags = [&RULES[..], self.flags].concat();
        let start_one = |i: usize| world.daemon("collect", &i.to_string(), &flags);
        let mut daemons: Vec<Daemon> = (0..self.instances).map(start_one).collect();
        let kills = std::thread::scope(|scope| {
            scope.spawn(|| self.feed(&world, &lines));
            self.kill(&mut daemons, broker, &mut chance)
        });
        for daemon in &mut daemons {
            if daemon.ended().is_some() {
                daemon.kill_and_restart();
            }
        }
        world.wait_until_read("collect", "tweets");
        let said = daemons.iter().map(Daemon::said).collect::<String>();
        daemons.iter_mut().for_each(Daemon::stop);
        let pipe = pipe(&[&["collect", "--at-end", "drop"], &RULES[..]].concat(), &lines);
        let topics = ["cascade_series", "cascade_properties"].map(|kind| (kind, world.read(kind)));
        Aftermath {
            kills,
            recoveries: recoveries(&said),
            given_up: said.matches("is given up").count(),
            tweets: lines.lines().count(),
            state: world.read("collect_state"),
            outputs: topics.iter().map(|(_, records)| records.len()).sum(),
            differences: differences(&topics, &pipe, self.partitions),
            said,
        }
    }

    /// Writes the tweets evenly over most of the storm.
    fn feed(&self, world: &World<'_>, lines: &str) {
        let (sources, topic) = (sources(lines), world.topic("tweets"));
        let records = keyed(lines, &sources);
        let producer = client::producer(world.brokers());
        let start = Instant::now();
        for (i, (key, value)) in records.iter().enumerate() {
            let due = self.lasts.mul_f64(0.9 * i as f64 / records.len() as f64);
            if let Some(rest) = due.checked_sub(start.elapsed()).filter(|it| it.as_millis() > 20) {
                std::thread::sleep(rest);
            }
            client::send(&producer, &topic, key, value);
        }
        producer.flush(Duration::from_secs(60)).unwrap();
    }

    fn kill(&self, daemons: &mut [Daemon], broker: &Broker, chance: &mut ChaCha8Rng) -> u32 {
        let start = Instant::now();
        let mut kills = 0;
        let mut broker_kills = 0;
        // On a slow machine daemons may be killed before they have done anything.
        let blown = |daemons: &[Daemon]| {
            let said = daemons.iter().map(Daemon::said).collect::<String>();
            start.elapsed() > 5 * self.lasts || recoveries(&said) >= self.least
        };
        while start.elapsed() < self.lasts || !blown(daemons) {
            std::thread::sleep(between(chance, 300, 3000));
            let share = start.elapsed().as_secs_f64() / self.lasts.as_secs_f64();
            if share * f64::from(self.broker_kills + 1) > f64::from(broker_kills + 1)
                && broker_kills < self.broker_kills
            {
                broker.script("kill9", &[]);
                std::thread::sleep(between(chance, 100, 2000));
                broker.script("restart", &[]);
                broker_kills += 1;
            } else {
                let victim = chance.next_u32() as usize % daemons.len();
                daemons[victim].kill_and_restart();
                kills += 1;
            }
        }
        kills
    }
}
