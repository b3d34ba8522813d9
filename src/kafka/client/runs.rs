//! Buffers records and passes them to librdkafka grouped by partition.
//!
//! librdkafka takes records one by one. Where each is for another partition than the one before, every call wakes
//! another queue, which costs twice the processor time of records in runs for one partition. So a few records are
//! held and passed on in the order of their partitions. The partition is computed as librdkafka does, but only for
//! this order: librdkafka itself assigns it. Records of one partition keep their order.

use std::time::{Duration, Instant};

use crate::kafka::client::clock::now;
use crate::kafka::client::records::ProducerRecord;

/// Number of records that are held at most.
const MAX_RECORDS: usize = 1000;
/// Number of bytes that are held at most, if there are several records.
const MAX_BYTES: usize = 1 << 20;
/// Longest time for which a record is held while others arrive.
const MAX_TIME: Duration = Duration::from_millis(5);

/// A record in the buffer: the ends of its key and value, which begin where the record before it ends.
struct Held {
    partition: Option<i32>,
    /// Place of the topic and supposed partition, by which the records are ordered.
    run: (usize, i32),
    start: usize,
    key: Option<usize>,
    value: Option<usize>,
}

/// A topic, and the number of its partitions as far as it is known.
struct Topic {
    name: String,
    partitions: Option<i32>,
}

/// The records that are held.
#[derive(Default)]
pub(super) struct Runs {
    topics: Vec<Topic>,
    records: Vec<Held>,
    bytes: Vec<u8>,
    since: Option<Instant>,
}

impl Runs {
    /// Adds a record. `partitions` gives the number of partitions of its topic, and is called once for each topic.
    pub(super) fn add(
        &mut self,
        new: &ProducerRecord<'_>,
        partitions: impl FnOnce() -> Option<i32>,
    ) {
        let known = self.topics.iter().position(|it| it.name == new.topic);
        let topic = known.unwrap_or_else(|| {
            self.topics.push(Topic { name: new.topic.to_owned(), partitions: partitions() });
            self.topics.len() - 1
        });
        let partition = match (new.partition, new.key, self.topics[topic].partitions) {
            (Some(partition), _, _) => partition,
            (None, Some(key), Some(count)) if count > 1 => partition_of(key, count),
            _ => 0,
        };
        let start = self.bytes.len();
        let mut append = |part: Option<&[u8]>| {
            self.bytes.extend_from_slice(part?);
            Some(self.bytes.len())
        };
        let (key, value) = (append(new.key.map(str::as_bytes)), append(new.value));
        let run = (topic, partition);
        self.records.push(Held { partition: new.partition, run, start, key, value });
        self.since.get_or_insert_with(now);
    }

    /// Whether it is time to pass the records on.
    pub(super) fn is_due(&self) -> bool {
        /// The clock is read once for this number of records.
        const CLOCK: usize = 16;
        let count = self.records.len();
        let is_late = || self.since.is_some_and(|since| since.elapsed() >= MAX_TIME);
        count >= MAX_RECORDS
            || self.bytes.len() >= MAX_BYTES
            || (count.is_multiple_of(CLOCK) && is_late())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records in the order in which they are passed on.
    pub(super) fn ordered(&mut self) -> impl Iterator<Item = ProducerRecord<'_>> {
        self.records.sort_by_key(|it| it.run);
        self.records.iter().map(|it| {
            let key_end = it.key.unwrap_or(it.start);
            let key = it.key.map(|end| &self.bytes[it.start..end]);
            ProducerRecord {
                topic: &self.topics[it.run.0].name,
                partition: it.partition,
                key: key.map(|key| str::from_utf8(key).expect("it was a str")),
                value: it.value.map(|end| &self.bytes[key_end..end]),
            }
        })
    }

    /// Discards the records.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.bytes.clear();
        self.since = None;
    }
}

/// The partition of a key by the partitioner of the Java client: murmur2 (Appleby, public domain) with its seed.
fn partition_of(key: &str, partitions: i32) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const FACTOR: u32 = 0x5bd1_e995;
    let (words, rest) = key.as_bytes().as_chunks::<4>();
    let mut hash = SEED ^ key.len() as u32;
    for word in words {
        let mixed = u32::from_le_bytes(*word).wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR) ^ (mixed ^ (mixed >> 24)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(FACTOR);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(FACTOR);
    ((hash ^ (hash >> 15)) & 0x7fff_ffff) as i32 % partitions
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;

    /// Topic, partition, key and value of a record.
    type Owned = (String, Option<i32>, Option<String>, Option<Vec<u8>>);

    fn borrowed((topic, partition, key, value): &Owned) -> ProducerRecord<'_> {
        let (key, value) = (key.as_deref(), value.as_deref());
        ProducerRecord { topic, partition: *partition, key, value }
    }

    fn owned(it: &ProducerRecord<'_>) -> Owned {
        let (key, value) = (it.key.map(str::to_owned), it.value.map(<[u8]>::to_vec));
        (it.topic.to_owned(), it.partition, key, value)
    }

    /// Values of the Java client's `Utils.murmur2`, from its own test, and the sign bit removed.
    #[test]
    fn the_partition_is_that_of_the_java_client() {
        const ANY: i32 = i32::MAX;
        let hashes = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in hashes {
            assert_eq!(partition_of(key, ANY), (hash & 0x7fff_ffff) % ANY, "{key}");
        }
    }

    #[test]
    fn every_record_is_passed_on_once_in_runs_and_in_order_within_a_partition() {
        for seed in 0..100 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut below = |count: u64| rng.next_u64() % count;
            let mut runs = Runs::default();
            let mut asked = 0;
            for _ in 0..3 {
                let mut sent: Vec<Owned> = Vec::new();
                for i in 0..below(200) {
                    let key = (below(10) > 0).then(|| format!("key{}", below(30)));
                    let value = (below(10) > 0).then(|| vec![i as u8; below(50) as usize]);
                    let partition = (below(5) == 0).then(|| below(4) as i32);
                    sent.push((format!("topic{}", below(3)), partition, key, value));
                }
                for record in &sent {
                    runs.add(&borrowed(record), || {
                        asked += 1;
                        Some(4)
                    });
                }
                assert_eq!(runs.is_empty(), sent.is_empty());
                let passed: Vec<Owned> = runs.ordered().map(|it| owned(&it)).collect();
                runs.clear();
                let run = |(topic, partition, key, _): &Owned| {
                    let by_key = key.as_deref().map_or(0, |key| partition_of(key, 4));
                    (topic.clone(), partition.unwrap_or(by_key))
                };
                let places: Vec<_> = passed.iter().map(run).collect();
                let changes = places.windows(2).filter(|it| it[0] != it[1]).count();
                assert!(changes < 12, "seed {seed}: {changes} changes of 12 partitions");
                for place in &places {
                    let of = |all: &[Owned]| -> Vec<Owned> {
                        all.iter().filter(|it| run(it) == *place).cloned().collect()
                    };
                    assert_eq!(of(&passed), of(&sent), "seed {seed}");
                }
                assert_eq!(passed.len(), sent.len());
            }
            assert!(asked <= 3, "{asked}");
        }
    }

    #[test]
    fn many_records_and_many_bytes_are_due() {
        let record = |value| ProducerRecord { topic: "a", partition: None, key: None, value };
        let mut runs = Runs::default();
        runs.add(&record(Some(&[0; MAX_BYTES])), || None);
        assert!(runs.is_due());
        runs.clear();
        (1..MAX_RECORDS).for_each(|_| runs.add(&record(None), || None));
        runs.since = Some(now());
        assert!(!runs.is_due());
        runs.add(&record(None), || None);
        assert!(runs.is_due());
    }
}
