//! Topics that `--create-topics` creates.

use rdkafka::admin::{AdminOptions, ResourceSpecifier};

use crate::admin::{admin, block_on};
use crate::broker::broker;
use crate::client::{self, produce};
use crate::environment::Environment;

/// A setting of a topic.
fn setting(brokers: &str, topic: &str, name: &str) -> String {
    let resources = [ResourceSpecifier::Topic(topic)];
    let answer = block_on(admin(brokers).describe_configs(&resources, &AdminOptions::new()));
    let found = answer.unwrap().pop().unwrap().unwrap();
    found.get(name).and_then(|it| it.value.clone()).unwrap()
}

#[test]
fn created_topics_include_dead_letters_and_have_the_codec_of_the_producer() {
    let Some(broker) = broker() else { return };
    for (codec, flags) in [
        ("lz4", &[][..]),
        ("gzip", &["-X", "compression.type=gzip"]),
        ("uncompressed", &["-X", "compression.type=none"]),
    ] {
        let environment = Environment::new(broker, &format!("created-{codec}"));
        let letters = environment.topic("letters");
        let create = ["--create-topics", "--partitions", "1", "--dead-letter", &letters];
        let flags = [&create[..], flags, &["--exit-eof"]].concat();
        let (status, stderr) = environment.ends("collect", &flags);
        assert_eq!(status, Some(0), "{stderr}");
        for topic in [&letters, &environment.topic("tweets"), &environment.topic("collect_state")] {
            assert_eq!(setting(environment.brokers(), topic, "compression.type"), codec, "{topic}");
        }
        assert_eq!(setting(environment.brokers(), &letters, "cleanup.policy"), "delete");
        produce(environment.brokers(), &environment.topic("tweets"), [("x", "no json")]);
        let (status, stderr) = environment.ends("collect", &flags);
        assert_eq!(status, Some(1), "{stderr}");
        assert_eq!(client::read_committed(environment.brokers(), &letters).len(), 1);
    }
}

#[test]
fn readers_create_their_topics_and_start_before_the_services() {
    let Some(broker) = broker() else { return };
    for (command, kinds) in
        [("monitor", &["stats"][..]), ("dashboard", &["alerts"]), ("log", &["logs"])]
    {
        let environment = Environment::new(broker, &format!("reads-{command}"));
        let (status, stderr) = environment.ends(command, &["--exit-eof"]);
        assert_eq!(status, Some(1), "{stderr}");
        let remedy = format!("tweetoscope {command} --kafka --create-topics");
        assert!(stderr.contains(&remedy), "{stderr}");
        let flags = ["--create-topics", "--partitions", "3", "--exit-eof"];
        let (status, stderr) = environment.ends(command, &flags);
        assert_eq!(status, Some(0), "{stderr}");
        for kind in kinds {
            let topic = environment.topic(kind);
            assert_eq!(client::partitions(environment.brokers(), &topic), 3, "{topic}");
        }
        let (status, stderr) = environment.ends(command, &["--exit-eof"]);
        assert_eq!(status, Some(0), "{stderr}");
    }
}
