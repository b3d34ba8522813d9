//! Requests about topics by librdkafka directly.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::client::partitions;

/// A client for these requests.
pub(crate) fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

/// The answer to a request.
pub(crate) fn block_on<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(answer)
}

/// Extends a topic to this number of partitions.
pub(crate) fn add_partitions(brokers: &str, topic: &str, count: usize) {
    let new = NewPartitions::new(topic, count);
    let options = AdminOptions::new();
    let results = block_on(admin(brokers).create_partitions([&new], &options)).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    while partitions(brokers, topic) != count as i32 {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sets the largest record of a compacted topic.
pub(crate) fn limit_record_bytes(brokers: &str, topic: &str, bytes: &str) {
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic))
        .set("max.message.bytes", bytes)
        .set("cleanup.policy", "compact");
    let results = block_on(admin(brokers).alter_configs([&change], &AdminOptions::new())).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

/// Deletes the records of partition 0 before an offset, as retention does.
pub(crate) fn delete_before(brokers: &str, topic: &str, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
    let options = AdminOptions::new();
    block_on(admin(brokers).delete_records(&list, &options)).unwrap();
}
