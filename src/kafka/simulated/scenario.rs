//! Instances of a stage that are killed, paused, stopped and rebalanced by a seed.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::connection::Connection;
use super::group::Group;
use super::output::{Finding, compare, emitted, offline};
use super::world::{CRASH, Faults, Identity, Shared, State, World};
use crate::kafka::client::interface::Brokers;
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::{InputTopic, Topic};
use crate::kafka::daemon::run::Daemon;
use crate::kafka::restore::checkpoint::Metadata;
use crate::kafka::restore::recovery::Recovery;
use crate::random::seeded_rng;
use crate::record::Record;
use crate::replay::testing::below;
use crate::stage::{Recover, Tally};

/// A daemon with stages of any constructor.
type AnyDaemon<'a, S> = Daemon<'a, S, &'a dyn Fn() -> S>;

/// What a run does beside faults.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    /// Without transactions: output may be repeated.
    pub(super) at_least_once: bool,
    /// Whether state is restored; false only to see that its loss is found.
    pub(super) replay: bool,
    /// With which id and generation members commit; `Group` only to see that repeated records are found.
    pub(super) commits_as: Identity,
    /// What a unit of the virtual clock is for the daemons; 500 ms or more to see that old positions are found, which last
    /// for up to 4 units: then they are confirmed too early.
    pub(super) unit: Duration,
    /// Whether there is one process, which is not killed, and the coordinator returns old positions for a long time:
    /// the process has received newer ones.
    pub(super) one_process: bool,
}

impl Scenario {
    /// Transactions, and faults of clients, group and brokers.
    pub(super) fn exactly_once(seed: u64) -> Self {
        let (at_least_once, replay, commits_as) = (false, true, Identity::LastAssignment);
        let unit = Duration::from_millis(100);
        Self { seed, at_least_once, replay, commits_as, unit, one_process: false }
    }
}

/// Numbers of faults, and of records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FaultCounts {
    pub(super) crashes: u64,
    /// Members that were removed from the group while they ran.
    pub(super) expelled: u64,
    /// Of these, those that joined again by themselves and kept their partitions.
    pub(super) silent: u64,
    /// Times for which the brokers did not answer.
    pub(super) outages: u64,
    /// Transactions that were aborted.
    pub(super) aborted: u64,
    pub(super) stops: u64,
    /// Instances with other options that were refused.
    pub(super) refused: u64,
    pub(super) records: u64,
    /// Answers of the coordinator with old positions.
    pub(super) old: u64,
}

impl std::ops::AddAssign for FaultCounts {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.expelled += other.expelled;
        self.silent += other.silent;
        self.outages += other.outages;
        self.aborted += other.aborted;
        self.stops += other.stops;
        self.refused += other.refused;
        self.records += other.records;
        self.old += other.old;
    }
}

/// The settings that all instances have in common.
pub(super) fn settings(scenario: &Scenario) -> Settings {
    let mut rng = seeded_rng(scenario.seed, 10);
    Settings {
        at_least_once: scenario.at_least_once,
        wait: Duration::from_secs(3600),
        tick: if below(&mut rng, 3) == 0 { Duration::ZERO } else { Duration::from_secs(3600) },
        max_outputs: 1 + below(&mut rng, 12),
        max_replay: [8, 40, 200, 1_000_000][below(&mut rng, 4) as usize],
        replay: scenario.replay,
        ..Settings::new("simulated", "simulated", "group")
    }
}

/// The connection of one instance.
pub(super) fn connection(world: &Shared, settings: &Settings, number: u64) -> Connection {
    Connection {
        world: Rc::clone(world),
        settings: Settings {
            transactional_id: format!("id-{number}"),
            stop: Arc::default(),
            ..settings.clone()
        },
        process: Cell::new(0),
        is_killed: Rc::new(Cell::new(false)),
    }
}

/// Whether a position of each partition is committed.
fn is_under_way(world: &World, input: &InputTopic) -> bool {
    (0..input.partitions).all(|partition| world.positions.contains_key(&partition))
}

/// Whether all of the input is committed.
fn is_done(world: &World, input: &InputTopic) -> bool {
    (0..input.partitions).all(|partition| {
        let last = world.committed(&input.name, partition).last().map(|record| record.offset);
        let committed = world.positions.get(&partition).map(|position| position.offset);
        last.is_none_or(|last| committed.is_some_and(|committed| committed > last))
    })
}

/// Retention deletes input that no replay needs.
fn retain(world: &mut World, input: &InputTopic) {
    for partition in 0..input.partitions {
        let Some(position) = world.positions.get(&partition) else { continue };
        if let Ok(metadata) = Metadata::parse(&position.metadata, input.partitions) {
            world.delete_before(&input.name, partition, metadata.checkpoint.offset);
        }
    }
}

/// Appends a part of the input, sometimes in a transaction that is aborted and repeated.
fn append(world: &mut World, input: &str, records: &[(u64, Record)]) {
    let partitions = world.partitions(input).unwrap_or(1) as u64;
    let write = |world: &mut World, transaction| {
        for (source, record) in records {
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            let (key, partition) = (source.to_string(), (source % partitions) as usize);
            world.append(input, partition, Some(&key), Some(&bytes), transaction);
        }
    };
    match below(&mut world.rng, 6) {
        0 => {
            let number = world.begin("upstream");
            write(world, Some(number));
            world.end(number, State::Aborted);
        }
        1 => {
            let number = world.begin("upstream");
            write(world, Some(number));
            return world.end(number, State::Committed);
        }
        _ => {}
    }
    write(world, None);
}

/// Runs instances of a stage on `records` (with the numbers of their sources) with faults, and
/// compares what is committed with the offline run. Instances of `other`, with options that decide the
/// output, must be refused where positions are committed.
pub(super) fn run_with_faults<S: Recover>(
    scenario: &Scenario,
    input: Topic,
    outputs: &[Topic],
    records: &[(u64, Record)],
    make: &dyn Fn() -> S,
    other: Option<&dyn Fn() -> S>,
) -> Result<FaultCounts, Finding> {
    let mut rng = seeded_rng(scenario.seed, 7);
    let partitions = 1 + below(&mut rng, 4) as i32;
    let instances = if scenario.one_process { 1 } else { 1 + below(&mut rng, 3) };
    let cooperative = below(&mut rng, 2) == 0;
    let group = Group::new(partitions, cooperative);
    let world: Shared = Rc::new(RefCell::new(World::new(seeded_rng(scenario.seed, 8), group)));
    let name = input.default_name();
    world.borrow_mut().commits_as = scenario.commits_as;
    world.borrow_mut().unit = scenario.unit;
    world.borrow_mut().old.longest = if scenario.one_process { 100 } else { 4 };
    world.borrow_mut().create(name, partitions as usize);
    for topic in outputs {
        let same = !S::RESTORE.reads_back.is_empty();
        let count = if same { partitions as u64 } else { 1 + below(&mut rng, 3) };
        world.borrow_mut().create(topic.default_name(), count as usize);
    }
    world.borrow_mut().create(Topic::CollectState.default_name(), 1);
    let topic = InputTopic { name: name.to_owned(), partitions };
    let settings = settings(scenario);
    let connections: Vec<Connection> =
        (0..instances).map(|number| connection(&world, &settings, number)).collect();
    let mut daemons: Vec<Option<AnyDaemon<'_, S>>> = connections.iter().map(|_| None).collect();
    let mut counts = FaultCounts { records: records.len() as u64, ..FaultCounts::default() };
    let mut processes = 0;
    let mut is_other: Vec<bool> = connections.iter().map(|_| false).collect();
    let mut counted: Vec<Tally> = connections.iter().map(|_| Tally::new()).collect();
    let (mut appended, mut idle, mut turns) = (0, 0, 0);
    let faulty_turns = 60 + below(&mut rng, 200);
    loop {
        turns += 1;
        let is_faultless = appended == records.len() && turns > faulty_turns;
        if turns > 6000 {
            return Err(Finding("the run does not end".to_owned()));
        }
        if is_faultless && is_done(&world.borrow(), &topic) {
            idle += 1;
            // Instances that were expelled return, and may only repeat what is committed.
            if idle > 40 {
                break;
            }
        }
        world.borrow_mut().advance(1);
        if appended < records.len() && below(&mut rng, 3) == 0 {
            let next = (appended + 1 + below(&mut rng, 25) as usize).min(records.len());
            append(&mut world.borrow_mut(), name, &records[appended..next]);
            appended = next;
        }
        if !is_faultless {
            match below(&mut rng, 60) {
                0 => world.borrow_mut().advance(30 + below(&mut rng, 60)),
                1 => world.borrow_mut().compact(Topic::CollectState.default_name()),
                2 => retain(&mut world.borrow_mut(), &topic),
                3 => {
                    world.borrow_mut().fail_for(1 + below(&mut rng, 120));
                    counts.outages += 1;
                }
                _ => {}
            }
        }
        let index = below(&mut rng, instances) as usize;
        let connection = &connections[index];
        world.borrow_mut().faults = if is_faultless {
            Faults::default()
        } else {
            Faults {
                crash_in: (below(&mut rng, 12) == 0 && !scenario.one_process)
                    .then(|| below(&mut rng, 40)),
                abort_in: (below(&mut rng, 15) == 0).then(|| below(&mut rng, 6)),
            }
        };
        log::trace!("{turns}: instance {index}, group {:?}", world.borrow().group);
        let stepped = match &mut daemons[index] {
            Some(daemon) => {
                // Without a commit interval, an instance commits what is left when it stops.
                let waits = connection.settings.tick > Duration::ZERO;
                let may_stop = match scenario.one_process {
                    true => is_faultless && waits && idle == 0 && !is_old(&world.borrow()),
                    false => !is_faultless || waits && idle == 0,
                };
                if may_stop && below(&mut rng, 40) == 0 {
                    connection.settings.stop.store(true, Ordering::Relaxed);
                }
                daemon.step(&mut ())
            }
            slot => {
                processes += 1;
                connection.process.set(processes);
                connection.is_killed.set(false);
                connection.settings.stop.store(false, Ordering::Relaxed);
                let brokers: &dyn Brokers = connection;
                let recovery = Recovery {
                    settings: &connection.settings,
                    cluster: brokers,
                    input: &topic,
                    needs: S::RESTORE,
                };
                let others = other.filter(|_| {
                    !is_faultless
                        && is_under_way(&world.borrow(), &topic)
                        && below(&mut rng, 10) == 0
                });
                is_other[index] = others.is_some();
                let make = others.unwrap_or(make);
                log::trace!("{turns}: instance {index} starts as process {processes}");
                Daemon::open(make, recovery).map(|daemon| {
                    *slot = Some(daemon);
                    true
                })
            }
        };
        if let Err(error) = &stepped {
            log::trace!("{turns}: instance {index}: {error}");
        }
        match (&stepped, &daemons[index]) {
            // It takes time, and a part of the seeds suffices.
            (Ok(true), Some(daemon)) if scenario.seed.is_multiple_of(16) => {
                let tally = daemon.tally();
                check_counters(&counted[index], &tally)?;
                counted[index] = tally;
            }
            (Ok(true), _) => {}
            _ => counted[index].clear(),
        }
        match stepped {
            Ok(true) => {}
            Ok(false) => {
                log::trace!("{turns}: instance {index} stops");
                counts.stops += 1;
                daemons[index] = None;
            }
            Err(error) if is_crash(&error) => {
                counts.crashes += 1;
                world.borrow_mut().faults = Faults::default();
                connection.is_killed.set(true);
                daemons[index] = None;
            }
            Err(_) if is_old(&world.borrow()) => {
                // Retention has deleted the input at an old position: it is started again.
                connection.is_killed.set(true);
                daemons[index] = None;
            }
            Err(error) if is_other[index] && is_refusal(&error) => {
                counts.refused += 1;
                daemons[index] = None;
            }
            Err(error) => {
                return Err(Finding(format!("instance {index} ended with an error: {error}")));
            }
        }
    }
    daemons.clear();
    let world = world.borrow();
    counts.expelled = world.group.expulsions;
    counts.silent = world.group.silent;
    counts.old = world.old.answers;
    counts.aborted = world.aborted("id-");
    let (actual, expected) = (emitted(&world, outputs), offline(&world, &topic, make));
    compare(&actual, &expected).map(|()| counts)
}

/// A counter of a process never decreases, whatever it loses and restores.
fn check_counters(before: &Tally, now: &Tally) -> Result<(), Finding> {
    let counters = before.iter().filter(|((name, _), _)| name.ends_with("_total"));
    for (key, before) in counters {
        let now = now.get(key).copied().unwrap_or_default();
        if now < *before {
            return Err(Finding(format!("{key:?} decreased from {before} to {now}")));
        }
    }
    Ok(())
}

/// Whether a state may be that of an old position.
fn is_old(world: &World) -> bool {
    world.old.may_be_in_use(world.now)
}

fn is_crash(error: &io::Error) -> bool {
    error.to_string() == CRASH
}

fn is_refusal(error: &io::Error) -> bool {
    error.to_string().contains("has committed its position with")
}
