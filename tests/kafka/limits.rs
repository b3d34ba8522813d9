//! Records that are too large, and the log on its topic.

use crate::broker::broker;
use crate::client::{self, produce};
use crate::process::pipe;
use crate::world::{World, differences, field, keyed, sources, tweets};

#[test]
fn a_record_that_is_too_large_goes_to_the_dead_letters() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "large");
    world.create("collect", 1);
    let letters = world.topic("letters");
    let topic = format!("logs={letters}");
    let created = ["--topic", &topic, "--create-topics", "--exit-eof"];
    let (status, said) = world.ends("log", &created);
    assert_eq!(status, Some(0), "{said}");
    let lines = tweets(60, 1, 61);
    let sources = sources(&lines);
    let mut records = keyed(&lines, &sources);
    // Each would open a cascade, if it were read.
    let of = |bytes: usize| {
        let head = r#"{"type":"tweet","cid":"large","t":1,"source":"0","msg":""#;
        format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
    };
    let (fits, large, huge) = (of(4000), of(4001), of(900_000));
    records.insert(records.len() / 3, ("0", &large));
    records.insert(records.len() / 2, ("0", &huge));
    records.insert(0, ("0", &fits));
    produce(world.brokers(), &world.topic("tweets"), records.iter().copied());
    let flags = ["--max-line", "4000", "--dead-letter", &letters, "--exit-eof"];
    let (status, said) = world.ends("collect", &flags);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("4001 bytes") && said.contains("4000"), "{said}");
    let dead = client::read_committed(world.brokers(), &letters);
    let bytes = |it: &client::Read| field(it.value.as_ref().unwrap(), "record").len();
    let mut kept: Vec<usize> = dead.iter().map(bytes).collect();
    // Letters have no key: which partition each lies in is chance.
    kept.sort_unstable();
    assert_eq!(kept, [4001, 4096], "{dead:?}");
    let topics = ["cascade_series", "cascade_properties"].map(|kind| (kind, world.read(kind)));
    let readable: String = format!("{fits}\n{lines}");
    let pipe = pipe(&["collect", "--at-end", "drop", "--max-age", "1d"], &readable);
    let differences = differences(&topics, &pipe, 1);
    assert!(differences.is_empty(), "{differences:#?}");

    // A bridge refuses as a daemon does.
    let stat = r#"{"type":"stat","cid":"1","t":1,"T_obs":600,"ARE":0.5,"n_tot":2,"n_pred":3}"#;
    let large = format!("{}{stat}", " ".repeat(500));
    world.create("monitor", 1);
    produce(world.brokers(), &world.topic("stats"), [("600", stat), ("600", &*large)]);
    let (status, said) = world.ends("monitor", &["--exit-eof", "--max-line", "400"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&world.topic("stats")) && said.contains("400"), "{said}");
}

#[test]
fn the_log_reaches_its_topic_and_is_shown_from_there() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "logged");
    world.create("collect", 1);
    world.create("log", 1);
    produce(world.brokers(), &world.topic("tweets"), [("x", "no json")]);
    let (status, said) = world.ends("collect", &["--log-topic", "--exit-eof"]);
    assert_eq!(status, Some(1), "{said}");
    let logs = world.read("logs");
    assert!(logs.iter().all(|it| it.key.as_deref() == Some("collect")), "{logs:?}");
    let of = |it: &client::Read| field(it.value.as_ref().unwrap(), "message");
    let messages: Vec<String> = logs.iter().map(of).collect();
    assert!(messages[0].contains("Logging on, to topic"), "{messages:?}");
    assert!(messages.last().unwrap().contains("Logging off."), "{messages:?}");
    assert!(messages.iter().any(|it| it.contains("offsets in silence")), "{messages:?}");
    // What was said on stderr from INFO up is there, no more and no less.
    let infos = said.lines().filter(|it| it.contains(" INFO ") || it.contains(" WARNING "));
    let told = infos.filter(|it| !it.contains("librdkafka")).count();
    let found = logs.iter().filter(|it| !of(it).contains("librdkafka")).count();
    assert!(found >= told.saturating_sub(2) && found > 3, "{found} of {told}: {said}");
}
