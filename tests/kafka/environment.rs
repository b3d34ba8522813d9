//! Topics, groups and options of one test, and the comparison of topics with a pipe.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::broker::Broker;
use crate::client::{self, Read, partition_of};
use crate::process::{self, Daemon};

/// The topics and groups of one test on a broker.
pub(crate) struct Environment<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) name: String,
}

/// The session timeout of the daemons.
pub(crate) const SESSION: Duration = Duration::from_millis(1500);

/// All topics.
pub(crate) const TOPICS: [&str; 9] = [
    "tweets",
    "cascade_series",
    "cascade_properties",
    "samples",
    "models",
    "alerts",
    "stats",
    "logs",
    "collect_state",
];

impl<'a> Environment<'a> {
    pub(crate) fn new(broker: &'a Broker, name: &str) -> Self {
        // An existing broker may have the topics of an earlier run.
        let run = if broker.is_ours() { 0 } else { std::process::id() };
        Self { broker, name: format!("{name}-{run}") }
    }

    pub(crate) fn brokers(&self) -> &str {
        &self.broker.address
    }

    pub(crate) fn topic(&self, kind: &str) -> String {
        format!("{}.{kind}", self.name)
    }

    pub(crate) fn group(&self, command: &str) -> String {
        format!("{}-{command}", self.name)
    }

    /// The options of a command in this environment, with short sessions.
    pub(crate) fn flags(&self, command: &str, more: &[&str]) -> Vec<String> {
        let mut flags: Vec<String> = [command, "--kafka", "-v", "-b", self.brokers()]
            .into_iter()
            .map(str::to_owned)
            .collect();
        for kind in TOPICS {
            flags.extend(["--topic".to_owned(), format!("{kind}={}", self.topic(kind))]);
        }
        // Readers have no group.
        if !["dashboard", "log", "monitor"].contains(&command) {
            flags.extend(["--group".to_owned(), self.group(command)]);
        }
        let session = format!("session.timeout.ms={}", SESSION.as_millis());
        for property in [session, "heartbeat.interval.ms=300".to_owned()] {
            flags.extend(["-X".to_owned(), property]);
        }
        flags.extend(more.iter().map(|it| (*it).to_owned()));
        flags
    }

    /// The transactional id of a daemon.
    pub(crate) fn id(&self, id: &str) -> String {
        format!("{}-{id}", self.name)
    }

    /// A daemon in this environment; `id` is its transactional id.
    pub(crate) fn daemon(&self, command: &str, id: &str, more: &[&str]) -> Daemon {
        let id = self.id(id);
        let mut flags = self.flags(command, more);
        flags.extend(["--transactional-id".to_owned(), id.clone()]);
        Daemon::start(&id, &flags.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs a command in this environment to its end.
    pub(crate) fn ends(&self, command: &str, more: &[&str]) -> (Option<i32>, String) {
        let flags = self.flags(command, more);
        process::ends(&flags.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The same with options that replace those of this environment.
    pub(crate) fn ends_with(&self, command: &str, more: &[&str]) -> (Option<i32>, String) {
        let replaced = |flag: &str| more.contains(&flag);
        let all = self.flags(command, &[]);
        let mut flags = Vec::new();
        let mut each = all.iter().map(String::as_str).peekable();
        while let Some(flag) = each.next() {
            let single = replaced(flag) && matches!(flag, "-b" | "--group");
            if single {
                each.next();
            } else {
                flags.push(flag);
            }
        }
        flags.extend(more);
        process::ends(&flags)
    }

    /// Creates the topics of a command.
    pub(crate) fn create(&self, command: &str, partitions: i32) {
        let partitions = partitions.to_string();
        let flags = ["--create-topics", "--partitions", &partitions, "--exit-eof"];
        let (status, stderr) = self.ends(command, &flags);
        assert_eq!(status, Some(0), "{stderr}");
    }

    /// Writes lines of tweets, keyed by their sources.
    pub(crate) fn feed(&self, lines: &str) {
        let sources = sources(lines);
        client::produce(self.brokers(), &self.topic("tweets"), keyed(lines, &sources));
    }

    pub(crate) fn read(&self, kind: &str) -> Vec<Read> {
        client::read_committed(self.brokers(), &self.topic(kind))
    }

    pub(crate) fn wait_until_read(&self, command: &str, kind: &str) {
        let (group, topic) = (self.group(command), self.topic(kind));
        client::wait_until_read(self.brokers(), &group, &topic, Duration::from_secs(180));
    }
}

/// A field of a record, as text.
pub(crate) fn field(line: &str, name: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    match &value[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Simulated tweets of several sources; the same seed gives the same lines.
pub(crate) fn tweets(cascades: u32, sources: u32, seed: u32) -> String {
    let numbers = [cascades, sources, seed].map(|it| it.to_string());
    let [cascades, sources, seed] = &numbers;
    process::pipe(&["generate", "--simulate", cascades, "--sources", sources, "--seed", seed], "")
}

/// Lines with their sources, as keys.
pub(crate) fn keyed<'a>(lines: &'a str, sources: &'a [String]) -> Vec<(&'a str, &'a str)> {
    sources.iter().map(String::as_str).zip(lines.lines()).collect()
}

/// The source of every line.
pub(crate) fn sources(lines: &str) -> Vec<String> {
    lines.lines().map(|line| field(line, "source")).collect()
}

/// The differences between the committed records and those of a pipe: the records of every source
/// must be in the partition of their key, in the order of the pipe, once.
pub(crate) fn differences(
    topics: &[(&str, Vec<Read>)],
    pipe: &str,
    partitions: i32,
) -> Vec<String> {
    let mut expected: BTreeMap<(String, i32, String), Vec<String>> = BTreeMap::new();
    for line in pipe.lines() {
        let topic = topic_of(&field(line, "type")).to_owned();
        let partition = partition_of(&field(line, "cid"), partitions);
        expected
            .entry((topic, partition, field(line, "source")))
            .or_default()
            .push(line.to_owned());
    }
    let mut found: BTreeMap<(String, i32, String), Vec<String>> = BTreeMap::new();
    for (topic, records) in topics {
        for record in records {
            let line = record.value.clone().unwrap();
            let place = ((*topic).to_owned(), record.partition, field(&line, "source"));
            found.entry(place).or_default().push(line);
        }
    }
    let mut differences = Vec::new();
    let places: BTreeSet<_> = expected.keys().chain(found.keys()).cloned().collect();
    for place in places {
        let none = Vec::new();
        let (want, have) =
            (expected.get(&place).unwrap_or(&none), found.get(&place).unwrap_or(&none));
        if want == have {
            continue;
        }
        let missing = want.iter().filter(|line| !have.contains(line)).count();
        let distinct: BTreeSet<_> = have.iter().collect();
        let twice = have.len() - distinct.len();
        let foreign = distinct.iter().filter(|line| !want.contains(line)).count();
        differences.push(format!(
            "{place:?}: {} records, {} expected: {missing} missing, {twice} repeated, \
             {foreign} unexpected",
            have.len(),
            want.len()
        ));
    }
    differences
}

fn topic_of(kind: &str) -> &'static str {
    match kind {
        "serie" => "cascade_series",
        "size" | "parameters" => "cascade_properties",
        "sample" => "samples",
        "alert" => "alerts",
        "stat" => "stats",
        other => panic!("{other}"),
    }
}
