//! What must hold for every seed: what is committed equals the offline run.
//!
//! `TWEETOSCOPE_SEEDS=100000 cargo test --lib simulated` runs as many seeds, and
//! `TWEETOSCOPE_SEED=17 cargo test --lib simulated` one of them, which is printed when it fails.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use chacha20::ChaCha8Rng;

use super::group::Group;
use super::output::Finding;
use super::scenario::{FaultCounts, Scenario, connection, run_with_faults, settings};
use super::world::{Identity, State, World};
use crate::event::{Event, EventTime};
use crate::kafka::client::interface::Brokers;
use crate::kafka::client::records::Position;
use crate::kafka::client::topics::{InputTopic, Topic};
use crate::kafka::daemon::assignment::Assignment;
use crate::kafka::daemon::run::Daemon;
use crate::kafka::restore::recovery::Recovery;
use crate::random::seeded_rng;
use crate::record::{Item, Kind, Record, Watermark, read};
use crate::replay::testing::below;
use crate::stage::Recover;
use crate::stage::collect::{AtEnd, Collect, CollectOptions, Limits};
use crate::stage::predict::{Method, Predict, PredictOptions};

/// The seeds to run, `count` of them by default.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("TWEETOSCOPE_SEED") {
        Some(seed) => {
            // What happens is printed, with the log of the daemons.
            if log::set_logger(&Printer).is_ok() {
                log::set_max_level(log::LevelFilter::Trace);
            }
            seed..seed + 1
        }
        None => 0..number("TWEETOSCOPE_SEEDS").unwrap_or(count),
    }
}

/// Prints the log.
struct Printer;

impl log::Log for Printer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("{}", record.args());
    }

    fn flush(&self) {}
}

/// Tweets of some sources: late, duplicated, without a root, with reused ids.
fn tweets(rng: &mut ChaCha8Rng, length: u64) -> Vec<(u64, Record)> {
    let mut clocks = [0.0; 5];
    let mut one = || {
        let source = below(rng, 5);
        let clock = &mut clocks[source as usize];
        *clock += below(rng, 120) as f64 * if below(rng, 40) == 0 { 30.0 } else { 1.0 };
        let late = if below(rng, 5) == 0 { below(rng, 900) as f64 } else { 0.0 };
        let (name, t) = (source.to_string(), *clock - late);
        let record = match below(rng, 30) {
            0 => Record::Watermark(Watermark { source: name, t }),
            kind => Record::Event(Event {
                root: kind < 6,
                cid: below(rng, 12).to_string().into(),
                source: name.into(),
                time: EventTime::new(t).unwrap_or_default(),
                magnitude: 1.0,
                msg: "".into(),
                info: "".into(),
                id: if below(rng, 2) == 0 { "".into() } else { below(rng, 30).to_string().into() },
            }),
        };
        (source, record)
    };
    (0..length).map(|_| one()).collect()
}

fn collect_with_faults(scenario: &Scenario) -> Result<FaultCounts, Finding> {
    let mut rng = seeded_rng(scenario.seed, 9);
    let mut limits = Limits::default();
    if below(&mut rng, 4) == 0 {
        limits.open_cascades = 3;
    }
    let options = CollectOptions {
        windows: vec![300, 600],
        terminated: [1800.0, 30_000.0][below(&mut rng, 2) as usize],
        min_size: 2,
        lateness: [0.0, 60.0, 400.0][below(&mut rng, 3) as usize],
        max_age: 90_000.0,
        max_jump: 40_000.0,
        at_end: AtEnd::Drop,
        limits,
    };
    let length = 50 + below(&mut rng, 350);
    let records = tweets(&mut rng, length);
    let outputs = [Topic::CascadeSeries, Topic::CascadeProperties];
    let make = || Collect::new(options.clone());
    let changed = || {
        let mut changed = options.clone();
        match scenario.seed % 3 {
            0 => changed.terminated += 3600.0,
            1 => changed.lateness += 30.0,
            _ => changed.min_size += 1,
        }
        Collect::new(changed)
    };
    let changed = scenario.seed.is_multiple_of(4).then_some(&changed as &dyn Fn() -> Collect);
    run_with_faults(scenario, Topic::Tweets, &outputs, &records, &make, changed)
}

/// Runs the seeds; fails with the first one that has a finding.
fn all(count: u64, one: impl Fn(&Scenario) -> Result<FaultCounts, Finding>) -> FaultCounts {
    let mut sum = FaultCounts::default();
    for seed in seeds(count) {
        let scenario = Scenario::exactly_once(seed);
        match one(&scenario) {
            Ok(counts) => sum += counts,
            Err(Finding(text)) => panic!("TWEETOSCOPE_SEED={seed}: {text}"),
        }
    }
    eprintln!("{sum:?}");
    sum
}

/// Number of the first `count` seeds with a finding.
fn findings(
    count: u64,
    scenario: impl Fn(u64) -> Scenario,
    one: impl Fn(&Scenario) -> Result<FaultCounts, Finding>,
) -> usize {
    (0..count).filter(|seed| one(&scenario(*seed)).is_err()).count()
}

#[test]
fn a_collector_commits_every_record_once_under_any_faults() {
    let counts = all(10_000, collect_with_faults);
    if counts.records > 2_000_000 {
        let FaultCounts {
            crashes, expelled, silent, outages, aborted, stops, refused, old, ..
        } = counts;
        let counts = [crashes, expelled, silent, outages, aborted, stops, refused, old];
        assert!(counts.iter().all(|count| *count > 500));
    }
}

#[test]
fn faults_without_restored_state_or_without_transactions_are_found() {
    let lost = |seed| Scenario { replay: false, ..Scenario::exactly_once(seed) };
    let lost = findings(100, lost, collect_with_faults);
    let repeated = |seed| Scenario { at_least_once: true, ..Scenario::exactly_once(seed) };
    let repeated = findings(100, repeated, collect_with_faults);
    assert!(lost > 50 && repeated > 30, "{lost} and {repeated} of 100");
}

/// A member that has joined again by itself has a valid generation before it receives its assignment.
#[test]
fn commits_in_a_generation_whose_assignment_is_not_known_are_found() {
    let (commits_as, unit) = (Identity::Group, Duration::from_secs(1));
    let early = |seed| Scenario { commits_as, unit, ..Scenario::exactly_once(seed) };
    let other = |seed| Scenario { unit, ..Scenario::exactly_once(seed) };
    let found = findings(1000, early, collect_with_faults);
    let others = findings(1000, other, collect_with_faults);
    assert!(found > others + 2, "{found} and {others} of 1000");
}

#[test]
fn a_process_rejects_positions_below_those_it_has_received() {
    let one = |scenario: &Scenario| {
        collect_with_faults(&Scenario { one_process: true, ..scenario.clone() })
    };
    let counts = all(1000, one);
    assert!(counts.old > 500 || counts.records < 100_000, "{counts:?}");
}

#[test]
fn old_positions_that_are_confirmed_too_early_are_found() {
    let early = |seed| Scenario { unit: Duration::from_secs(1), ..Scenario::exactly_once(seed) };
    let found = findings(1000, early, collect_with_faults);
    assert!(found > 2, "{found} of 1000");
}

#[test]
fn a_deleted_topic_is_named_where_its_positions_are_gone() {
    let topic = Topic::Tweets.default_name();
    let world = World::new(seeded_rng(1, 8), Group::new(1, true));
    let world = Rc::new(RefCell::new(world));
    world.borrow_mut().unit = Duration::from_secs(1);
    world.borrow_mut().create(topic, 1);
    let connection = connection(&world, &settings(&Scenario::exactly_once(1)), 0);
    let consumer = connection.consumer(topic).expect("the brokers answer");
    let mut assignment = Assignment::new(&connection.settings, topic);
    assignment.add_committed([(0, 100)].into_iter());
    let mut committed = || assignment.committed(&[0], &*consumer, &connection);
    // The coordinator may be loading the position.
    assert!((0..9).all(|_| matches!(committed(), Ok(None))));
    // A broker that has just started may not know the topic yet; later it does, with or without the position.
    for position in [None, Some(Position { offset: 100, metadata: String::new() })] {
        world.borrow_mut().delete(topic);
        assert!(matches!(committed(), Ok(None)));
        world.borrow_mut().advance(9);
        assert!(matches!(committed(), Ok(None)));
        world.borrow_mut().create(topic, 1);
        let is_known = position.is_some();
        world.borrow_mut().positions.extend(position.map(|position| (0, position)));
        assert!(matches!(committed(), Ok(found) if found.is_some() == is_known));
    }
    world.borrow_mut().delete(topic);
    world.borrow_mut().advance(100);
    assert!(matches!(committed(), Ok(None)));
    world.borrow_mut().advance(10);
    let error = committed().expect_err("the topic is gone").to_string();
    assert_eq!(error, format!("topic {topic}: the topic was deleted"));
}

/// Parameters and sizes of cascades that overlap, in either order, some twice, some without a
/// counterpart, with reused ids; each with its window.
fn properties(rng: &mut ChaCha8Rng, length: u64) -> Vec<(u64, Record)> {
    let mut due: Vec<(u64, u64, String)> = Vec::new();
    for i in 0..length {
        let (cid, source) = (below(rng, 20 + i / 3), below(rng, 2));
        let (n, window) = (10 + below(rng, 90), [600, 1200, 3600][below(rng, 3) as usize]);
        let head = format!(r#""cid":"{cid}","source":"{source}","T_obs":{window}"#);
        let parameters = format!(
            r#"{{"type":"parameters",{head},"t":{i},"n_obs":{n},"n_supp":{n}.5,"params":[0.01,0.001],"n_star":0.5,"G1":{i}.25,"features":{{"n":{n}}}}}"#
        );
        let size = format!(
            r#"{{"type":"size",{head},"t":{},"n_tot":{}}}"#,
            i + below(rng, 30),
            n + i % 50
        );
        let (early, late) = (10 * i + below(rng, 300), 10 * i + below(rng, 800));
        match below(rng, 20) {
            0 => due.push((early, window, parameters)),
            1 => due.push((early, window, size)),
            2 => due.extend([(early, window, parameters.clone()), (late, window, parameters)]),
            3 => due.extend([(late, window, size.clone()), (late + 90, window, size)]),
            _ => due.extend([(early, window, parameters), (late, window, size)]),
        }
    }
    due.sort();
    let record = |line: &str| read(line.as_bytes(), None, &Kind::ALL).ok().and_then(Item::record);
    due.iter().filter_map(|(_, window, line)| Some((*window, record(line)?))).collect()
}

fn predict_with_faults(scenario: &Scenario) -> Result<FaultCounts, Finding> {
    let mut rng = seeded_rng(scenario.seed, 9);
    let options = PredictOptions {
        // The law that learns from every size takes most of the time.
        method: if below(&mut rng, 20) == 0 { Method::Auto } else { Method::Seismic },
        alert_above: [None, Some(60.0), Some(f64::INFINITY)][below(&mut rng, 3) as usize],
        max_pending: [1000, 15][below(&mut rng, 2) as usize],
        ..PredictOptions::default()
    };
    let length = 20 + below(&mut rng, 150);
    let records = properties(&mut rng, length);
    let outputs = [Topic::Alerts, Topic::Stats, Topic::Samples];
    run_with_faults(
        scenario,
        Topic::CascadeProperties,
        &outputs,
        &records,
        &|| Predict::new(options.clone()),
        None,
    )
}

#[test]
fn a_predictor_commits_every_record_once_under_any_faults() {
    all(100, predict_with_faults);
}

/// Where a position is not after the markers at the end, retention makes it one that does not exist.
#[test]
fn a_position_is_committed_after_the_markers_at_the_end() {
    let topic = Topic::Tweets.default_name();
    let input = InputTopic { name: topic.to_owned(), partitions: 1 };
    let world = World::new(seeded_rng(1, 8), Group::new(1, true));
    let world = Rc::new(RefCell::new(world));
    world.borrow_mut().unit = Duration::from_millis(100);
    for name in [topic, "cascade_series", "cascade_properties", "collect_state"] {
        world.borrow_mut().create(name, 1);
    }
    let mut settings = settings(&Scenario::exactly_once(1));
    settings.tick = Duration::ZERO;
    let options = || CollectOptions {
        windows: vec![300],
        terminated: 1800.0,
        min_size: 2,
        lateness: 0.0,
        max_age: 90_000.0,
        max_jump: 40_000.0,
        at_end: AtEnd::Drop,
        limits: Limits::default(),
    };
    let end = |world: &World| world.ends(topic, 0).1;
    for number in 1..4 {
        let write = |state| {
            let mut world = world.borrow_mut();
            let transaction = world.begin("upstream");
            world.append(topic, 0, Some("0"), Some(b"not a tweet"), Some(transaction));
            world.end(transaction, state);
        };
        let connection = connection(&world, &settings, number);
        connection.process.set(number);
        let (cluster, needs): (&dyn Brokers, _) = (&connection, Collect::RESTORE);
        let recovery = Recovery { settings: &connection.settings, cluster, input: &input, needs };
        let mut daemon = Daemon::open(|| Collect::new(options()), recovery).expect("it starts");
        for state in [State::Committed, State::Aborted] {
            write(state);
            for _ in 0..60 {
                world.borrow_mut().advance(1);
                daemon.step(&mut ()).expect("no record is lost");
            }
            let world = world.borrow();
            assert_eq!(world.positions[&0].offset, end(&world), "{number} {state:?}");
        }
        drop(daemon);
        world.borrow_mut().advance(100);
        let end = end(&world.borrow());
        world.borrow_mut().delete_before(topic, 0, end);
    }
}
