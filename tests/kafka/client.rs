//! Reads and writes topics by librdkafka directly, independently of the code under test.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, Producer, ThreadedProducer,
};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<String>,
    /// `None`: a tombstone.
    pub(crate) value: Option<String>,
}

/// A producer with the settings of clients in other languages.
pub(crate) fn producer(brokers: &str) -> ThreadedProducer<DefaultProducerContext> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "2")
        .create()
        .unwrap()
}

/// Initialises a transactional id, which fences the producer that uses it.
pub(crate) fn fence(brokers: &str, id: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("transactional.id", id)
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(60)).unwrap();
}

/// Writes records, and waits until they are delivered.
pub(crate) fn produce<'a>(
    brokers: &str,
    topic: &str,
    records: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    let producer = producer(brokers);
    for (key, value) in records {
        send(&producer, topic, key, value);
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// Writes a record; waits where the queue is full.
pub(crate) fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    key: &str,
    value: &str,
) {
    let mut record = BaseRecord::to(topic).key(key).payload(value);
    while let Err((_, again)) = producer.send(record) {
        std::thread::sleep(Duration::from_millis(5));
        record = again;
    }
}

/// Writes a tombstone.
pub(crate) fn write_tombstone(brokers: &str, topic: &str, key: &str) {
    let producer = producer(brokers);
    let record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).key(key);
    assert!(producer.send(record).is_ok());
    producer.flush(Duration::from_secs(30)).unwrap();
}

fn consumer(brokers: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap()
}

/// How many partitions a topic has.
pub(crate) fn partitions(brokers: &str, topic: &str) -> i32 {
    let (consumer, start) = (consumer(brokers, "test"), Instant::now());
    loop {
        // A broker that has just started may not know the topic yet.
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10));
        let count = metadata.map_or(0, |it| it.topics()[0].partitions().len());
        if count > 0 {
            return count as i32;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "topic {topic} has no partitions");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// All that is committed in a topic, by partition and in order.
pub(crate) fn read_committed(brokers: &str, topic: &str) -> Vec<Read> {
    read_from(brokers, topic, |_| Offset::Beginning)
}

fn read_from(brokers: &str, topic: &str, start: impl Fn(i32) -> Offset) -> Vec<Read> {
    let consumer = consumer(brokers, "test");
    let mut list = TopicPartitionList::new();
    let count = partitions(brokers, topic);
    for partition in 0..count {
        list.add_partition_offset(topic, partition, start(partition)).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut records, mut ended) = (Vec::new(), 0);
    let start = Instant::now();
    while ended < count {
        assert!(start.elapsed() < Duration::from_secs(120), "{topic} is not read in two minutes");
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => records.push(Read {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().map(|key| String::from_utf8(key.to_vec()).unwrap()),
                value: message.payload().map(|it| String::from_utf8(it.to_vec()).unwrap()),
            }),
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => eprintln!("reading {topic}: {error}"),
            None => {}
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

/// Number of records that a group has not read. The end of the topic is not enough for this: the
/// markers of transactions have offsets, too.
pub(crate) fn lag(brokers: &str, group: &str, topic: &str) -> usize {
    let places = committed(brokers, group, topic);
    let start = |partition: i32| places[&partition].0.map_or(Offset::Beginning, Offset::Offset);
    read_from(brokers, topic, start).len()
}

/// What a group committed, by partition: offset and metadata.
pub(crate) fn committed(
    brokers: &str,
    group: &str,
    topic: &str,
) -> BTreeMap<i32, (Option<i64>, String)> {
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions(brokers, topic) {
        list.add_partition(topic, partition);
    }
    let start = Instant::now();
    let list = loop {
        match consumer(brokers, group).committed_offsets(list.clone(), Duration::from_secs(5)) {
            Ok(list) => break list,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(60), "{error}"),
        }
    };
    let place = |it: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        let offset = match it.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        (it.partition(), (offset, it.metadata().to_owned()))
    };
    list.elements().iter().map(place).collect()
}

/// Waits until a group has read all of a topic.
pub(crate) fn wait_until_read(brokers: &str, group: &str, topic: &str, max: Duration) {
    let start = Instant::now();
    loop {
        let lag = lag(brokers, group, topic);
        if lag == 0 {
            return;
        }
        assert!(start.elapsed() < max, "{group} lags {lag} records behind in {topic}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The partition of a key in the Java client, by the definition of MurmurHash2.
pub(crate) fn partition_of(key: &str, partitions: i32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let data = key.as_bytes();
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    for (i, byte) in rest.iter().enumerate() {
        h ^= u32::from(*byte) << (8 * i);
    }
    if !rest.is_empty() {
        h = h.wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^= h >> 15;
    ((h & 0x7fff_ffff) % partitions as u32) as i32
}
