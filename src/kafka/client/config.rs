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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let group = "group".to_owned();
        Settings { group, has_stable_id: true, ..Settings::new("collect", "broker:9092", "id") }
    }

    fn with(properties: &[(&str, &str)]) -> Settings {
        let properties =
            properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings { properties: properties.collect(), ..settings() }
    }

    /// The properties of a configuration, in the order of their names.
    fn properties(config: &ClientConfig) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> =
            config.config_map().iter().map(|(name, value)| (&**name, &**value)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn a_consumer_reads_committed_records_and_commits_nothing_itself() {
        let expected = [
            ("auto.offset.reset", "error"),
            ("bootstrap.servers", "broker:9092"),
            ("check.crcs", "true"),
            ("client.id", "id"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("fetch.queue.backoff.ms", "10"),
            ("group.id", "group"),
            ("group.instance.id", "id"),
            ("isolation.level", "read_committed"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("queued.max.messages.kbytes", "4096"),
            ("statistics.interval.ms", "1000"),
        ];
        assert_eq!(properties(&consumer(&settings())), expected);
        // A reader is no member of the group, and an observer has another one and no statistics.
        let of_members = ["group.instance.id", "partition.assignment.strategy"];
        let mut rest = expected.to_vec();
        rest.retain(|(name, _)| !of_members.contains(name));
        assert_eq!(properties(&reader(&settings())), rest);
        rest.retain(|(name, _)| *name != "statistics.interval.ms");
        rest.iter_mut().filter(|(name, _)| *name == "group.id").for_each(|it| it.1 = "other");
        assert_eq!(properties(&observer(&settings(), "other")), rest);
    }

    #[test]
    fn a_producer_is_transactional_unless_records_may_be_repeated() {
        let expected = [
            ("bootstrap.servers", "broker:9092"),
            ("client.id", "id"),
            ("compression.type", "lz4"),
            ("enable.idempotence", "true"),
            ("message.max.bytes", "16777216"),
            ("partitioner", "murmur2_random"),
            ("queue.buffering.max.kbytes", "131072"),
            ("queue.buffering.max.messages", "500000"),
            ("statistics.interval.ms", "1000"),
            ("transaction.timeout.ms", "10000"),
            ("transactional.id", "id"),
        ];
        assert_eq!(properties(&producer(&settings())), expected);
        let repeated = producer(&Settings { at_least_once: true, ..settings() });
        let mut rest = expected.to_vec();
        rest.retain(|(name, _)| !name.starts_with("transaction"));
        assert_eq!(properties(&repeated), rest);
    }

    #[test]
    fn metadata_include_open_transactions() {
        let expected = [
            ("bootstrap.servers", "broker:9092"),
            ("client.id", "id"),
            ("isolation.level", "read_uncommitted"),
            ("statistics.interval.ms", "1000"),
        ];
        assert_eq!(properties(&cluster(&settings())), expected);
    }

    #[test]
    fn properties_of_the_user_replace_defaults_and_not_those_that_guarantees_need() {
        let settings = with(&[
            ("fetch.queue.backoff.ms", "77"),
            ("queue.buffering.max.messages", "88"),
            ("client.id", "mine"),
            ("isolation.level", "read_uncommitted"),
            ("enable.auto.commit", "true"),
            ("bootstrap.servers", "elsewhere:1"),
            ("enable.idempotence", "false"),
            ("transactional.id", "other"),
            ("client.id", "last"),
        ]);
        let (reads, writes) = (consumer(&settings), producer(&settings));
        assert_eq!(reads.get("fetch.queue.backoff.ms"), Some("77"));
        assert_eq!(writes.get("queue.buffering.max.messages"), Some("88"));
        assert_eq!((reads.get("client.id"), writes.get("client.id")), (Some("last"), Some("last")));
        assert_eq!(reads.get("isolation.level"), Some("read_committed"));
        assert_eq!(reads.get("enable.auto.commit"), Some("false"));
        assert_eq!(reads.get("bootstrap.servers"), Some("broker:9092"));
        assert_eq!(writes.get("enable.idempotence"), Some("true"));
        assert_eq!(writes.get("transactional.id"), Some("id"));
    }

    #[test]
    fn a_member_is_static_with_a_stable_identity_and_the_classic_protocol_only() {
        let member =
            |settings: &Settings| consumer(settings).get("group.instance.id").map(str::to_owned);
        assert_eq!(member(&settings()).as_deref(), Some("id"));
        assert_eq!(member(&Settings { has_stable_id: false, ..settings() }), None);
        assert_eq!(member(&with(&[("group.instance.id", "")])), None);
        assert_eq!(member(&with(&[("group.instance.id", "x")])).as_deref(), Some("x"));
        let broker_assigns = with(&[("group.protocol", "consumer")]);
        assert_eq!(member(&broker_assigns), None);
        let config = consumer(&broker_assigns);
        assert_eq!(config.get("partition.assignment.strategy"), None);
        assert!(!is_classic(&config) && is_classic(&consumer(&settings())));
        assert!(is_classic(&consumer(&with(&[("group.protocol", "classic")]))));
    }

    #[test]
    fn a_learner_may_take_an_hour_between_two_polls() {
        let interval = |models| {
            let config = consumer(&Settings { models, ..settings() });
            config.get("max.poll.interval.ms").map(str::to_owned)
        };
        assert_eq!(interval(ModelsTopic::Publish).as_deref(), Some("3600000"));
        assert_eq!((interval(ModelsTopic::Follow), interval(ModelsTopic::None)), (None, None));
    }

    #[test]
    fn a_reader_that_ends_at_the_end_does_not_let_the_broker_hold_the_answer() {
        let config = reader(&Settings { exit_eof: true, ..settings() });
        assert_eq!(config.get("fetch.wait.max.ms"), Some("10"));
        assert_eq!(reader(&settings()).get("fetch.wait.max.ms"), None);
    }

    #[test]
    fn the_codec_is_the_last_one_given_by_either_name() {
        for (given, expected) in [
            (&[][..], "lz4"),
            (&[("compression.type", "zstd")], "zstd"),
            (&[("compression.codec", "gzip")], "gzip"),
            (&[("compression.codec", "gzip"), ("compression.type", "none")], "none"),
            (&[("compression.type", "none"), ("compression.codec", "gzip")], "gzip"),
        ] {
            let settings = with(given);
            assert_eq!(codec(&settings), expected);
            let config = producer(&settings);
            assert_eq!(config.get("compression.type"), Some(expected));
            assert_eq!(config.get("compression.codec"), None);
        }
    }
}
