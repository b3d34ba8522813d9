//! Checks the topics of a daemon, and runs it.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use crate::kafka::client::clock::now;
use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::errors::{failed, is_fenced, is_lost, stopped};
use crate::kafka::client::interface::Brokers;
use crate::kafka::client::settings::{LARGEST_RECORD, ModelsTopic, Settings};
use crate::kafka::client::topics::{InputTopic, Topic};
use crate::kafka::daemon::carried::Carried;
use crate::kafka::daemon::run::Daemon;
use crate::kafka::restore::recovery::Recovery;
use crate::record::Kind;
use crate::stage::Recover;
use crate::stream::{Counts, Observer};

/// Two processes with one id fence each other within this time. A broker that restarts may also fence
/// a lone process, for example after it lost the end of a transaction.
const FENCED_AGAIN: Duration = Duration::from_secs(60);

/// The topic that a stage reads, beside that of the models.
fn input_of<S: Recover>(settings: &Settings) -> io::Result<Topic> {
    let kinds = S::TAKES.iter().filter(|kind| **kind != Kind::Model);
    let topics: BTreeSet<Topic> = kinds.filter_map(|kind| Topic::of(*kind)).collect();
    match topics.first() {
        Some(topic) if topics.len() == 1 => Ok(*topic),
        _ => Err(failed(format!("{} does not read one topic", settings.command))),
    }
}

/// Creates missing topics with [`Settings::creation`], and checks all topics; returns the input.
fn prepare<S: Recover>(settings: &Settings, cluster: &Cluster) -> io::Result<InputTopic> {
    let input = input_of::<S>(settings)?;
    let mut topics = vec![input, Topic::CollectState];
    topics.extend(&settings.writes);
    if settings.models != ModelsTopic::None {
        topics.push(Topic::Models);
    }
    if let Some(creation) = &settings.creation {
        cluster.create(&topics, creation)?;
        if let Some(dead) = &settings.dead_letter {
            cluster.create_named(dead, None, creation)?;
        }
    }
    for topic in &topics {
        cluster.required(*topic)?;
    }
    if let Some(dead) = &settings.dead_letter
        && cluster.partitions(dead)?.is_none()
    {
        return Err(failed(format!(
            "topic {dead} of dead letters is missing: create it with \
             --create-topics, or with Kafka's own kafka-topics.sh"
        )));
    }
    if let Some(bytes) = settings.largest_model {
        check_models(settings, cluster, bytes)?;
    }
    let partitions = cluster.required(input)?;
    let reads_back = !S::RESTORE.reads_back.is_empty();
    let alerts = if reads_back { cluster.required(Topic::Alerts)? } else { partitions };
    if alerts != partitions {
        return Err(failed(format!(
            "topics {} and {} must have the same number of partitions, not {partitions} and \
             {alerts}: alerts are read back from the partition with the number of the input partition",
            settings.topic(input),
            settings.topic(Topic::Alerts)
        )));
    }
    Ok(InputTopic { name: settings.topic(input).to_owned(), partitions })
}

/// An error if the topic of models would reject a model of `bytes` bytes.
fn check_models(settings: &Settings, cluster: &Cluster, bytes: usize) -> io::Result<()> {
    let topic = settings.topic(Topic::Models);
    match cluster.largest_record(topic)? {
        Some(limit) if limit < bytes.min(LARGEST_RECORD) => Err(failed(format!(
            "topic {topic} accepts records of at most {limit} bytes, and a model may have {bytes}: \
             raise its max.message.bytes (kafka-configs.sh --alter), or train with fewer --trees"
        ))),
        _ if bytes > LARGEST_RECORD => Err(failed(format!(
            "a model may have {bytes} bytes, and a record at most {LARGEST_RECORD}: train with \
             fewer --trees"
        ))),
        _ => Ok(()),
    }
}

/// Checks brokers and topics.
pub fn check<S: Recover>(settings: &Settings) -> io::Result<()> {
    let cluster = Cluster::connect(settings)?;
    prepare::<S>(settings, &cluster).map(|_| ())
}

/// Runs stages of `make` as a daemon, one for each partition of its input, until a signal stops it;
/// returns the numbers of records.
pub fn serve<S: Recover>(
    make: impl Fn() -> S,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> io::Result<Counts> {
    match run(make, settings, observer) {
        // A signal during the start.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Counts::default()),
        ended => ended,
    }
}

fn run<S: Recover>(
    make: impl Fn() -> S,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> io::Result<Counts> {
    let mut before = Carried::default();
    let mut fenced: Option<Instant> = None;
    loop {
        match run_once(&make, settings, observer, &mut before) {
            Err(error)
                if is_fenced(&error) && fenced.is_none_or(|it| it.elapsed() > FENCED_AGAIN) =>
            {
                log::warn!(
                    "{error}; connecting again once, because a broker that fails can fence this process itself; fenced \
                     again within a minute, it ends with status 76"
                );
                fenced = Some(now());
            }
            Err(error) if is_lost(&error) => {
                log::warn!("all brokers are lost: connecting again, and the state is restored");
            }
            ended => return ended,
        }
    }
}

/// Runs until the clients have lost all brokers or are fenced, at most; `before` has the counts of earlier clients.
fn run_once<S: Recover>(
    make: impl Fn() -> S,
    settings: &Settings,
    observer: &mut dyn Observer,
    before: &mut Carried,
) -> io::Result<Counts> {
    let cluster = Cluster::connect(settings)?;
    let input = prepare::<S>(settings, &cluster)?;
    let recovery = Recovery { settings, cluster: &cluster, input: &input, needs: S::RESTORE };
    let mut daemon = Daemon::open(make, recovery)?;
    daemon.continue_after(std::mem::take(before));
    let ended = daemon.run(observer);
    daemon.report_total();
    if let Err(error) = &ended
        && stopped(error).is_some()
    {
        *before = daemon.before();
        if !is_fenced(error) {
            // Leaving the group would block on brokers that do not answer.
            std::mem::forget(daemon);
            std::mem::forget(cluster);
        }
    }
    ended
}
