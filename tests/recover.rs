//! The law by which daemons survive a kill: a replay from a place that the stage named, with the
//! mark of that place, finds the state again, also where the place is rounded down to an earlier
//! checkpoint, and where parts of the state are set aside so that it need not start at them.
//! Without brokers: the same rules as `kafka/daemon/task.rs` follows.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

#[path = "recover/untold.rs"]
mod untold;

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tweetoscope::event::{Event, EventTime};
use tweetoscope::learn::{Aggregate, Target};
use tweetoscope::record::{Item, Kind, Record, Watermark, read};
use tweetoscope::stage::collect::{AtEnd, Collect, Limits, Rules};
use tweetoscope::stage::predict::{Manner, Predict};
use tweetoscope::stage::train::{Teaching, Train};
use tweetoscope::stage::{Aside, Body, Out, Outgoing, RecordRef, Recover};

type Chance = ChaCha8Rng;

fn below(chance: &mut Chance, n: u64) -> u64 {
    u64::from(chance.next_u32()) % n
}

fn records(out: &mut Out) -> Vec<Record> {
    out.take()
        .into_iter()
        .map(|item| match item {
            Outgoing::Record(record) => record,
            Outgoing::Foreign(bytes) => panic!("{}", String::from_utf8_lossy(&bytes)),
        })
        .collect()
}

fn at(records: &[Record], from: usize) -> Vec<RecordRef<'static>> {
    let body = |record: &Record| match record {
        Record::Event(event) => Body::Event(event.clone()),
        other => Body::Record(Box::new(other.clone())),
    };
    let numbered = records.iter().zip(from as u64..);
    numbered.map(|(record, position)| RecordRef { position, body: body(record) }).collect()
}

/// How a stage is made to recover.
struct Course {
    /// Records between two checkpoints.
    stride: usize,
    /// Beyond this replay, parts of the state are set aside.
    max_replay: usize,
}

/// What happened.
#[derive(Default)]
struct Happened {
    crashes: u32,
    set_aside: usize,
    taken_back: usize,
    outlived: usize,
    /// The sum of the replays after each crash.
    replayed: usize,
}

/// The same for a stage that sets nothing aside; returns how often it crashed.
fn crashes_leave_no_trace<S: Recover>(
    inputs: &[Record],
    make: impl Fn() -> S,
    stride: usize,
    chance: &mut Chance,
    seed: u64,
) -> u32 {
    let course = Course { stride, max_replay: usize::MAX };
    crash(inputs, make, &course, chance, seed).crashes
}

/// Feeds `inputs` to a stage that crashes at random places, and to one that does not; commits
/// happen at random places.
fn crash<S: Recover>(
    inputs: &[Record],
    make: impl Fn() -> S,
    course: &Course,
    chance: &mut Chance,
    seed: u64,
) -> Happened {
    let (mut whole, mut out) = (make(), Out::default());
    whole.on_batch(&at(inputs, 0), &mut out);
    let expected = records(&mut out);

    let mut stage = make();
    assert!(stage.resume(""));
    let mut checkpoints = vec![(0, stage.mark())];
    let (mut committed, mut low, mut said) = (0, 0, Vec::new());
    let (mut next, mut unsaid) = (0, Vec::new());
    let mut aside: BTreeMap<u64, Aside> = BTreeMap::new();
    let mut outlived = Vec::new();
    let mut happened = Happened::default();
    while committed < inputs.len() {
        let end = (next + 1 + below(chance, 9) as usize).min(inputs.len());
        stage.on_batch(&at(&inputs[next..end], next), &mut out);
        unsaid.extend(records(&mut out));
        next = end;
        if next >= checkpoints.last().unwrap().0 + course.stride {
            checkpoints.push((next, stage.mark()));
        }
        if below(chance, 4) == 0 || next == inputs.len() {
            let mut parts = stage.write_down();
            if next - low > course.max_replay {
                let (before, most) = (next - course.max_replay / 2, 1 + below(chance, 9) as usize);
                parts.extend(stage.set_aside(before as u64, next as u64, most));
            }
            happened.set_aside += parts.len();
            aside.extend(parts.into_iter().map(|part| (part.id, part)));
            let needed = stage.oldest_needed().map_or(next, |needed| needed as usize);
            let good = |place: usize| place <= needed && stage.can_start(place as u64);
            let chosen = checkpoints.iter().rposition(|(place, _)| good(*place)).unwrap();
            checkpoints.drain(..chosen);
            (committed, low) = (next, checkpoints[0].0);
            happened.outlived += outlived.len();
            for id in outlived {
                assert!(aside.remove(&id).is_some(), "seed {seed}: {id} is buried twice");
            }
            assert_eq!(stage.aside(), aside.len(), "seed {seed}");
            // What the new place outlives is buried with the next commit.
            outlived = stage.outlived(low as u64);
            stage.forget_before(low as u64);
            said.append(&mut unsaid);
        }
        if below(chance, 12) == 0 {
            happened.crashes += 1;
            happened.taken_back += aside.len();
            happened.replayed += committed - low;
            checkpoints.truncate(1);
            stage = make();
            assert!(stage.resume(&checkpoints[0].1), "seed {seed}");
            let parts: Vec<Aside> = aside.values().cloned().collect();
            assert!(stage.take_back(&parts, low as u64), "seed {seed}");
            for record in said.iter().filter(|it| S::READS_BACK.contains(&it.kind())) {
                stage.read_back(record);
            }
            // What it published is the incumbent.
            let mut models: Vec<_> = said.iter().filter(|it| it.kind() == Kind::Model).collect();
            models.reverse();
            models.dedup_by_key(|model| model.key().split('-').next().map(str::to_owned));
            for model in models {
                stage.on_batch(&at(std::slice::from_ref(model), 0), &mut out);
            }
            stage.silence(low < committed);
            let mut place = low;
            while place < committed {
                let end = (place + 1 + below(chance, 9) as usize).min(committed);
                stage.on_batch(&at(&inputs[place..end], place), &mut out);
                place = end;
                if place >= checkpoints.last().unwrap().0 + course.stride {
                    checkpoints.push((place, stage.mark()));
                }
            }
            out.take();
            stage.silence(false);
            unsaid.clear();
            outlived.clear();
            next = committed;
        }
    }
    let differs = said.iter().zip(&expected).position(|(a, b)| a != b);
    let at = differs.unwrap_or(said.len().min(expected.len()));
    let (have, want) = (said.get(at), expected.get(at));
    assert!(said == expected, "seed {seed}: record {at} is {have:?}, not {want:?}");
    happened
}

/// Tweets with everything that can go wrong.
fn wild_tweets(chance: &mut Chance, length: usize) -> Vec<Record> {
    let mut clocks = [0.0; 3];
    let mut one = || {
        let source = below(chance, 3) as usize;
        let jump = if below(chance, 40) == 0 { 30.0 } else { 1.0 };
        clocks[source] += below(chance, 120) as f64 * jump;
        let late = if below(chance, 5) == 0 { below(chance, 900) as f64 } else { 0.0 };
        let t = clocks[source] - late;
        match below(chance, 30) {
            0 => Record::Watermark(Watermark { source: source.to_string(), t }),
            kind => Record::Event(Event {
                root: kind < 6,
                cid: below(chance, 12).to_string().into(),
                source: source.to_string().into(),
                time: EventTime::new(t).unwrap(),
                magnitude: 1.0,
                msg: "".into(),
                info: "".into(),
            }),
        }
    };
    (0..length).map(|_| one()).collect()
}

#[test]
fn a_collector_is_found_again_from_a_rounded_place() {
    let mut crashes = 0;
    for seed in 0..100 {
        let mut chance = Chance::seed_from_u64(seed);
        let mut limits = Limits::default();
        if seed % 3 == 1 {
            limits.open_cascades = 3;
        }
        let rules = Rules {
            windows: vec![300, 600],
            terminated: 1800.0,
            min_size: 3,
            lateness: [0.0, 60.0][seed as usize % 2],
            max_age: 9000.0,
            at_end: AtEnd::Drop,
            limits,
        };
        let inputs = wild_tweets(&mut chance, 600);
        let stride = 1 + below(&mut chance, 60) as usize;
        let make = || Collect::new(rules.clone());
        crashes += crashes_leave_no_trace(&inputs, make, stride, &mut chance, seed);
    }
    assert!(crashes > 100);
}

#[test]
fn a_collector_that_sets_cascades_aside_is_found_again_from_nearby() {
    let mut sum = Happened::default();
    for seed in 0..300 {
        let mut chance = Chance::seed_from_u64(seed);
        let mut limits = Limits::default();
        match seed % 5 {
            1 => limits.open_cascades = 3,
            2 => limits.events_per_cascade = 4,
            _ => {}
        }
        let rules = Rules {
            windows: vec![300, 600, 3600],
            terminated: [3600.0, 30_000.0][seed as usize % 2],
            min_size: 2,
            lateness: [0.0, 60.0, 400.0][seed as usize % 3],
            max_age: 90_000.0,
            at_end: AtEnd::Drop,
            limits,
        };
        let inputs = wild_tweets(&mut chance, 700);
        let stride = 1 + below(&mut chance, 20) as usize;
        let max_replay = 2 + below(&mut chance, 60) as usize;
        let make = || Collect::new(rules.clone());
        let happened = crash(&inputs, make, &Course { stride, max_replay }, &mut chance, seed);
        sum.crashes += happened.crashes;
        sum.set_aside += happened.set_aside;
        sum.taken_back += happened.taken_back;
        sum.outlived += happened.outlived;
        sum.replayed += happened.replayed;
    }
    assert!(sum.set_aside > 1000 && sum.taken_back > 1000 && sum.outlived > 300);
    let mean = sum.replayed / sum.crashes as usize;
    eprintln!("{} set aside, replays of {mean} records", sum.set_aside);
    assert!(mean < 100, "a replay reads {mean} records");
}

fn parsed(line: &str) -> Record {
    let record = read(line.as_bytes(), None, &Kind::ALL).ok().and_then(Item::record);
    record.unwrap_or_else(|| panic!("{line}"))
}

/// Parameters and sizes of cascades that overlap, in either order, some twice, some without a
/// partner, with ids that come again.
fn wild_properties(chance: &mut Chance, length: usize) -> Vec<Record> {
    let mut due: Vec<(u64, String)> = Vec::new();
    for i in 0..length as u64 / 2 {
        let (cid, source) = (below(chance, 40 + i / 3), below(chance, 2));
        let (n, window) = (10 + below(chance, 90), [600, 1200][below(chance, 2) as usize]);
        let head = format!(r#""cid":"{cid}","source":"{source}","T_obs":{window}"#);
        let parameters = format!(
            r#"{{"type":"parameters",{head},"t":{i},"n_obs":{n},"n_supp":{n}.5,"params":[0.01,0.001],"n_star":0.5,"G1":{i}.25,"features":{{"n":{n}}}}}"#
        );
        let size = format!(r#"{{"type":"size",{head},"t":{},"n_tot":{}}}"#, i + 900, n + i % 50);
        let (early, late) = (10 * i + below(chance, 300), 10 * i + below(chance, 800));
        match below(chance, 20) {
            0 => due.push((early, parameters)),
            1 => due.push((early, size)),
            2 => due.extend([(early, parameters.clone()), (late, parameters), (late + 5, size)]),
            3 => due.extend([(early, parameters), (late, size.clone()), (late + 90, size)]),
            _ => due.extend([(early, parameters), (late, size)]),
        }
    }
    due.sort();
    due.iter().map(|(_, line)| parsed(line)).collect()
}

#[test]
fn a_predictor_is_found_again_by_its_marks_and_its_alerts() {
    let mut crashes = 0;
    for seed in 0..30 {
        let mut chance = Chance::seed_from_u64(seed);
        let manner = Manner {
            level: 0.9,
            alert_above: None,
            max_pending: [1000, 15][seed as usize % 2],
            pin: Vec::new(),
            curve: false,
        };
        let inputs = wild_properties(&mut chance, 400);
        let stride = 1 + below(&mut chance, 50) as usize;
        let make = || Predict::new(manner.clone());
        crashes += crashes_leave_no_trace(&inputs, make, stride, &mut chance, seed);
    }
    assert!(crashes > 50);
}

#[test]
fn a_learner_is_found_again_by_its_marks_and_its_models() {
    let mut crashes = 0;
    for seed in 0..4 {
        let mut chance = Chance::seed_from_u64(seed);
        let sample = |chance: &mut Chance, i: usize| {
            let (n, growth) = (10 + below(chance, 90), 1 + below(chance, 5));
            parsed(&format!(
                r#"{{"type":"sample","cid":"{i}","source":"0","t":{i},"T_obs":600,"X":[0.001,0.5,{n}],"W":1,"n_obs":{n},"n_tot":{},"features":{{"n":{n},"growth":{growth}}}}}"#,
                n * growth
            ))
        };
        let inputs: Vec<Record> = (0..150).map(|i| sample(&mut chance, i)).collect();
        let teaching = Teaching {
            trees: 3,
            target: Target::LogRatio,
            aggregate: Aggregate::RelativeMedian,
            seed,
            newest: [1000, 60][seed as usize % 2],
            threads: 1,
        };
        let make = || Train::new(teaching.clone());
        crashes += crashes_leave_no_trace(&inputs, make, 20, &mut chance, seed);
    }
    assert!(crashes > 5);
}
