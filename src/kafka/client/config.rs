//! The configurations of librdkafka, from the settings.

use rdkafka::ClientConfig;

use crate::kafka::client::settings::{LARGEST_RECORD, ModelsTopic, Settings, TRANSACTION_TIMEOUT};

/// The part that all clients have. Brokers and owned properties are set last: they take precedence.
fn client(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in &settings.properties {
        config.set(name, value);
    }
    config.set("bootstrap.servers", &settings.brokers);
    set_default(&mut config, "client.id", &settings.transactional_id);
    config
}

/// For metadata and the ends of partitions, including open transactions.
pub(super) fn cluster(settings: &Settings) -> ClientConfig {
    let mut config = client(settings);
    config.set("isolation.level", "read_uncommitted");
    with_statistics(config)
}

/// With the statistics every second, which [`Context`](super::context::Context) reads.
fn with_statistics(mut config: ClientConfig) -> ClientConfig {
    config.set("statistics.interval.ms", "1000");
    config
}

/// For reading without a consumer group.
pub(super) fn reader(settings: &Settings) -> ClientConfig {
    with_statistics(reading(settings))
}

fn reading(settings: &Settings) -> ClientConfig {
    let mut config = client(settings);
    // librdkafka requires the name of a group, also where it is not used.
    config.set("group.id", &settings.group);
    config.set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false");
    config.set("isolation.level", "read_committed");
    config.set("auto.offset.reset", "error");
    config.set("enable.partition.eof", "true");
    // Without it, a changed byte of an uncompressed batch is read as data.
    set_default(&mut config, "check.crcs", "true");
    // Fetching pauses when the queue is full: by default for a second, in which a fast stage idles.
    set_default(&mut config, "fetch.queue.backoff.ms", "10");
    // By default librdkafka reads up to 64 MiB ahead, for instance after an outage. A larger queue than this is no faster.
    set_default(&mut config, "queued.max.messages.kbytes", "4096");
    // At the end of the partitions the broker waits for more records, by default half a second.
    if settings.exit_eof {
        set_default(&mut config, "fetch.wait.max.ms", "10");
    }
    config
}

/// For the committed offsets of another group, without joining it.
pub(super) fn observer(settings: &Settings, group: &str) -> ClientConfig {
    let mut config = reading(settings);
    config.set("group.id", group);
    config
}

/// For the member of the consumer group.
pub(super) fn consumer(settings: &Settings) -> ClientConfig {
    let mut config = reader(settings);
    // Training may take longer between two polls; heartbeats continue.
    if settings.models == ModelsTopic::Publish {
        set_default(&mut config, "max.poll.interval.ms", "3600000");
    }
    // With cooperative-sticky, partitions that stay with an instance keep their state.
    // (With KIP-848 the broker assigns, in the same way.)
    let is_classic = is_classic(&config);
    if is_classic {
        set_default(&mut config, "partition.assignment.strategy", "cooperative-sticky");
    }
    // A restarted static member gets its partitions back at once, without a rebalance. (With KIP-848
    // the broker refuses it until the session of the ended process has expired.)
    if is_classic && settings.has_stable_id {
        set_default(&mut config, "group.instance.id", &settings.transactional_id);
    }
    // An empty value selects a dynamic member.
    if config.get("group.instance.id") == Some("") {
        config.remove("group.instance.id");
    }
    config
}

/// Whether the members of the group agree on the assignment (not KIP-848, where the broker assigns).
pub(super) fn is_classic(config: &ClientConfig) -> bool {
    config.get("group.protocol").is_none_or(|it| it == "classic")
}

/// The compression codec of written records and created topics.
pub(super) fn codec(settings: &Settings) -> &str {
    let is_codec = |name: &str| matches!(name, "compression.type" | "compression.codec");
    let given = settings.properties.iter().rev().find(|(name, _)| is_codec(name));
    given.map_or("lz4", |(_, codec)| codec)
}

/// For writing.
pub(super) fn producer(settings: &Settings) -> ClientConfig {
    let mut config = client(settings);
    config.set("enable.idempotence", "true");
    config.set("partitioner", "murmur2_random");
    config.set("message.max.bytes", LARGEST_RECORD.to_string());
    // With a shorter queue the broker idles between two requests.
    set_default(&mut config, "queue.buffering.max.messages", "500000");
    set_default(&mut config, "queue.buffering.max.kbytes", "131072");
    config.remove("compression.codec");
    config.set("compression.type", codec(settings));
    if !settings.at_least_once {
        config.set("transactional.id", &settings.transactional_id);
        config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string());
    }
    with_statistics(config)
}

/// Sets a property that the user has not set.
fn set_default(config: &mut ClientConfig, name: &str, value: &str) {
    if config.get(name).is_none() {
        config.set(name, value);
    }
}
