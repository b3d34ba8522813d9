//! Puts a daemon together: connects, checks the topics, joins the group, works.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::context::Shared;
use crate::kafka::client::errors::{Stopped, failed};
use crate::kafka::client::input::Input;
use crate::kafka::client::models::Models;
use crate::kafka::client::output::Output;
use crate::kafka::client::settings::{LARGEST_RECORD, Settings, Use};
use crate::kafka::client::topics::{InputTopic, Topic};
use crate::kafka::daemon::counting::Counting;
use crate::kafka::daemon::ticks::Daemon;
use crate::kafka::daemon::writing::Writing;
use crate::record::Kind;
use crate::stage::Recover;
use crate::stream::{Counts, Observer};

/// The one topic that a stage reads; models come beside it.
fn input_of<S: Recover>(settings: &Settings) -> io::Result<Topic> {
    let kinds = S::TAKES.iter().filter(|kind| **kind != Kind::Model);
    let topics: BTreeSet<Topic> = kinds.filter_map(|kind| Topic::of(*kind)).collect();
    match topics.first() {
        Some(topic) if topics.len() == 1 => Ok(*topic),
        _ => Err(failed(format!("{} does not read one topic", settings.command))),
    }
}

/// Whether the stage has to know what it said.
fn reads_back<S: Recover>() -> bool {
    !S::RESTORE.reads_back.is_empty()
}

/// Creates what is missing if that was asked for, and checks what must be there; returns the
/// number of partitions of the input.
fn prepare<S: Recover>(settings: &Settings, cluster: &Cluster) -> io::Result<i32> {
    let input = input_of::<S>(settings)?;
    let mut topics = vec![input, Topic::CollectState];
    topics.extend(&settings.writes);
    if settings.models != Use::None {
        topics.push(Topic::Models);
    }
    if let Some(creation) = &settings.creation {
        cluster.create(&topics, creation)?;
    }
    for topic in &topics {
        cluster.needed(*topic)?;
    }
    if let Some(dead) = &settings.dead_letter
        && cluster.partitions(dead)?.is_none()
    {
        return Err(failed(format!("topic {dead} for dead letters is missing: create it")));
    }
    if let Some(most) = settings.largest_model {
        check_models(settings, cluster, most)?;
    }
    let partitions = cluster.needed(input)?;
    let alerts = if reads_back::<S>() { cluster.needed(Topic::Alerts)? } else { partitions };
    if alerts != partitions {
        return Err(failed(format!(
            "topics {} and {} must have the same number of partitions, not {partitions} and \
             {alerts}: what was said is read back partition by partition",
            settings.topic(input),
            settings.topic(Topic::Alerts)
        )));
    }
    Ok(partitions)
}

/// A model that its topic would refuse is better not trained.
fn check_models(settings: &Settings, cluster: &Cluster, most: usize) -> io::Result<()> {
    let topic = settings.topic(Topic::Models);
    match cluster.largest_record(topic)? {
        Some(limit) if limit < most.min(LARGEST_RECORD) => Err(failed(format!(
            "topic {topic} takes records of {limit} bytes at most, and a model may have {most}: \
             raise its max.message.bytes (kafka-configs.sh --alter), or train with fewer --trees"
        ))),
        _ if most > LARGEST_RECORD => Err(failed(format!(
            "a model may have {most} bytes, and a record at most {LARGEST_RECORD}: train with \
             fewer --trees"
        ))),
        _ => Ok(()),
    }
}

/// Checks brokers and topics, and ends.
pub fn check<S: Recover>(settings: &Settings) -> io::Result<()> {
    let shared = Arc::new(Shared::default());
    let cluster = Cluster::connect(settings, &shared)?;
    prepare::<S>(settings, &cluster).map(|_| ())
}

/// Runs stages of `make` as a daemon, one for each partition of its input, until it is told to
/// stop; returns how much went through.
pub fn serve<S: Recover>(
    make: impl Fn() -> S,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> io::Result<Counts> {
    let ended = serve_until_told(make, settings, observer);
    match ended {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Counts::default()),
        ended => ended,
    }
}

fn serve_until_told<S: Recover>(
    make: impl Fn() -> S,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> io::Result<Counts> {
    let shared = Arc::new(Shared::default());
    let cluster = Cluster::connect(settings, &shared)?;
    let partitions = prepare::<S>(settings, &cluster)?;
    let topic = settings.topic(input_of::<S>(settings)?).to_owned();
    let output = Output::open(settings, &shared)?;
    if reads_back::<S>() {
        shared.watch(settings.topic(Topic::Alerts));
    }
    let models = match settings.models {
        Use::None => None,
        Use::Follow | Use::Publish => Some(Models::open(settings, &cluster)?),
    };
    let input = Input::join(settings, &shared, &topic)?;
    let mut daemon = Daemon {
        make,
        settings,
        cluster,
        shared,
        topic: InputTopic { name: topic, partitions },
        input,
        output,
        models,
        writing: Writing::new(settings, S::RESTORE.reads_back),
        tasks: BTreeMap::new(),
        offered: None,
        astray: BTreeSet::new(),
        since: None,
        locating: None,
        warned: false,
        joined: false,
        twins: BTreeSet::new(),
        read: 0,
        counting: Counting::default(),
    };
    let ended = daemon.work(observer);
    daemon.writing.tell();
    match ended {
        Err(error) if is_stopped(&error) => {
            // Leaving the group in order would wait for brokers that do not answer.
            std::mem::forget(daemon);
            Err(error)
        }
        ended => ended,
    }
}

fn is_stopped(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
}
