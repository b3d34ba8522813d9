//! The property on which recovery depends: a replay from the position that `replay_start` selects, with the
//! checkpoint and the changelog of that position, restores its state; also where the position is
//! rounded down to an earlier checkpoint. Without brokers: the options of `kafka/daemon/checkpoints.rs`.

mod withheld;

use std::collections::BTreeMap;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use tweetoscope::event::{Event, EventTime};
use tweetoscope::learn::LearnOptions;
use tweetoscope::record::{Item, Kind, Record, Watermark, read};
use tweetoscope::stage::collect::{AtEnd, Collect, CollectOptions, Limits};
use tweetoscope::stage::predict::{Predict, PredictOptions};
use tweetoscope::stage::train::{Train, TrainOptions};
use tweetoscope::stage::{Change, Limit, Out, Outgoing, RecordRef, Recover, Saved, Stage};

fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    u64::from(rng.next_u32()) % n
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
    let numbered = records.iter().zip(from as u64..);
    numbered.map(|(record, position)| RecordRef { position, item: record.clone().into() }).collect()
}

/// When a stage makes checkpoints and spills parts.
struct CrashPlan {
    /// Records between two checkpoints.
    stride: usize,
    /// Above this length of the replay, parts of the state are spilled to the changelog.
    max_replay: usize,
}

/// Counts of one run.
#[derive(Default)]
struct Happened {
    crashes: u32,
    /// Changelog records that hold a part.
    spilled: usize,
    tombstones: usize,
    /// Parts restored from the changelog, over all crashes.
    restored: usize,
    /// The sum of the replays after each crash.
    replayed: usize,
}

/// Runs a stage whose replay may be of any length; returns how often it crashed.
fn crashes_leave_no_trace<S: Recover>(
    inputs: &[Record],
    make: impl Fn() -> S,
    stride: usize,
    rng: &mut ChaCha8Rng,
    seed: u64,
) -> u32 {
    let plan = CrashPlan { stride, max_replay: usize::MAX };
    crash(inputs, make, &plan, rng, seed).crashes
}

/// Feeds `inputs` to a stage that crashes at random positions, and to one that does not; commits
/// are at random positions.
fn crash<S: Recover>(
    inputs: &[Record],
    make: impl Fn() -> S,
    plan: &CrashPlan,
    rng: &mut ChaCha8Rng,
    seed: u64,
) -> Happened {
    let (mut whole, mut out) = (make(), Out::default());
    whole.on_batch(&at(inputs, 0), &mut out);
    let expected = records(&mut out);

    let mut stage = make();
    assert_eq!(stage.restore(Saved::default()), Ok(()));
    let mut checkpoints = vec![(0, stage.checkpoint())];
    let (mut committed, mut low, mut emitted) = (0, 0, Vec::new());
    let (mut next, mut uncommitted) = (0, Vec::new());
    let mut changelog: BTreeMap<u64, String> = BTreeMap::new();
    let mut happened = Happened::default();
    while committed < inputs.len() {
        let end = (next + 1 + below(rng, 9) as usize).min(inputs.len());
        stage.on_batch(&at(&inputs[next..end], next), &mut out);
        uncommitted.extend(records(&mut out));
        next = end;
        if next >= checkpoints.last().unwrap().0 + plan.stride {
            checkpoints.push((next, stage.checkpoint()));
        }
        if below(rng, 4) == 0 || next == inputs.len() {
            let mut limit = Limit { oldest: 0, next: next as u64, max_parts: 0 };
            if next - low > plan.max_replay {
                limit.oldest = (next - plan.max_replay / 2) as u64;
                limit.max_parts = 1 + below(rng, 9) as usize;
            }
            for Change { id, text } in stage.spill(limit) {
                match text {
                    Some(text) => {
                        happened.spilled += 1;
                        changelog.insert(id, text);
                    }
                    None => {
                        happened.tombstones += 1;
                        assert!(changelog.remove(&id).is_some(), "seed {seed}: {id} is dead");
                    }
                }
            }
            let offered: Vec<u64> = checkpoints.iter().map(|(place, _)| *place as u64).collect();
            checkpoints.drain(..stage.replay_start(&offered).unwrap());
            (committed, low) = (next, checkpoints[0].0);
            stage.committed(low as u64);
            emitted.append(&mut uncommitted);
        }
        if below(rng, 12) == 0 {
            happened.crashes += 1;
            happened.restored += changelog.len();
            happened.replayed += committed - low;
            checkpoints.truncate(1);
            stage = make();
            let parts: Vec<(u64, String)> = changelog.clone().into_iter().collect();
            let is_read_back = |it: &&Record| S::RESTORE.reads_back.contains(&it.kind());
            let saved = Saved {
                position: low as u64,
                checkpoint: &checkpoints[0].1,
                parts: &parts,
                emitted: emitted.iter().filter(is_read_back).cloned().collect(),
            };
            assert_eq!(stage.restore(saved), Ok(()), "seed {seed}");
            // The published models are the incumbents.
            let mut models: Vec<_> = emitted.iter().filter(|it| it.kind() == Kind::Model).collect();
            models.reverse();
            models.dedup_by_key(|model| model.key().split('-').next().map(str::to_owned));
            for model in models {
                stage.on_batch(&at(std::slice::from_ref(model), 0), &mut out);
            }
            stage.replaying(low < committed);
            let mut place = low;
            while place < committed {
                let end = (place + 1 + below(rng, 9) as usize).min(committed);
                stage.on_batch(&at(&inputs[place..end], place), &mut out);
                place = end;
                if place >= checkpoints.last().unwrap().0 + plan.stride {
                    checkpoints.push((place, stage.checkpoint()));
                }
            }
            out.take();
            stage.replaying(false);
            uncommitted.clear();
            next = committed;
        }
    }
    let differs = emitted.iter().zip(&expected).position(|(a, b)| a != b);
    let at = differs.unwrap_or(emitted.len().min(expected.len()));
    let (actual, wanted) = (emitted.get(at), expected.get(at));
    assert!(emitted == expected, "seed {seed}: record {at} is {actual:?}, not {wanted:?}");
    happened
}

/// Tweets of three sources: late, duplicated, before their root, without a root, with reused ids.
fn wild_tweets(rng: &mut ChaCha8Rng, length: usize) -> Vec<Record> {
    let mut clocks = [0.0; 3];
    let mut one = || {
        let source = below(rng, 3) as usize;
        let jump = if below(rng, 40) == 0 { 30.0 } else { 1.0 };
        clocks[source] += below(rng, 120) as f64 * jump;
        let late = if below(rng, 5) == 0 { below(rng, 900) as f64 } else { 0.0 };
        // A single time in another unit; one in three is followed by times near it.
        let ahead = if below(rng, 60) == 0 { 90_000.0 } else { 0.0 };
        clocks[source] += if below(rng, 3) == 0 { ahead } else { 0.0 };
        let t = clocks[source] - late + ahead;
        match below(rng, 30) {
            0 => Record::Watermark(Watermark { source: source.to_string(), t }),
            kind => Record::Event(Event {
                root: kind < 6,
                cid: below(rng, 12).to_string().into(),
                source: source.to_string().into(),
                time: EventTime::new(t).unwrap(),
                magnitude: 1.0,
                msg: "".into(),
                info: "".into(),
                id: if below(rng, 2) == 0 { "".into() } else { below(rng, 30).to_string().into() },
            }),
        }
    };
    (0..length).map(|_| one()).collect()
}

#[test]
fn a_collector_is_restored_from_an_earlier_checkpoint() {
    let mut crashes = 0;
    for seed in 0..100 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut limits = Limits::default();
        if seed % 3 == 1 {
            limits.open_cascades = 3;
        }
        let options = CollectOptions {
            windows: vec![300, 600],
            terminated: 1800.0,
            min_size: 3,
            lateness: [0.0, 60.0][seed as usize % 2],
            max_age: 9000.0,
            max_jump: 40_000.0,
            at_end: AtEnd::Drop,
            limits,
        };
        let inputs = wild_tweets(&mut rng, 600);
        let stride = 1 + below(&mut rng, 60) as usize;
        let make = || Collect::new(options.clone());
        crashes += crashes_leave_no_trace(&inputs, make, stride, &mut rng, seed);
    }
    assert!(crashes > 100);
}

#[test]
fn a_collector_with_a_changelog_is_restored_by_a_short_replay() {
    let mut sum = Happened::default();
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut limits = Limits::default();
        match seed % 5 {
            1 => limits.open_cascades = 3,
            2 => limits.events_per_cascade = 4,
            _ => {}
        }
        let options = CollectOptions {
            windows: vec![300, 600, 3600],
            terminated: [3600.0, 30_000.0][seed as usize % 2],
            min_size: 2,
            lateness: [0.0, 60.0, 400.0][seed as usize % 3],
            max_age: 90_000.0,
            max_jump: 40_000.0,
            at_end: AtEnd::Drop,
            limits,
        };
        let inputs = wild_tweets(&mut rng, 700);
        let stride = 1 + below(&mut rng, 20) as usize;
        let max_replay = 2 + below(&mut rng, 60) as usize;
        let make = || Collect::new(options.clone());
        let happened = crash(&inputs, make, &CrashPlan { stride, max_replay }, &mut rng, seed);
        sum.crashes += happened.crashes;
        sum.spilled += happened.spilled;
        sum.restored += happened.restored;
        sum.tombstones += happened.tombstones;
        sum.replayed += happened.replayed;
    }
    assert!(sum.spilled > 1000 && sum.restored > 1000 && sum.tombstones > 300);
    let mean = sum.replayed / sum.crashes as usize;
    eprintln!("{} parts spilled, replays of {mean} records", sum.spilled);
    assert!(mean < 100, "a replay reads {mean} records");
}

fn parsed(line: &str) -> Record {
    let record = read(line.as_bytes(), None, &Kind::ALL).ok().and_then(Item::record);
    record.unwrap_or_else(|| panic!("{line}"))
}

/// Parameters and sizes of cascades that overlap, in either order, some twice, some without a
/// counterpart, with reused ids.
fn wild_properties(rng: &mut ChaCha8Rng, length: usize) -> Vec<Record> {
    let mut due: Vec<(u64, String)> = Vec::new();
    for i in 0..length as u64 / 2 {
        let (cid, source) = (below(rng, 40 + i / 3), below(rng, 2));
        let (n, window) = (10 + below(rng, 90), [600, 1200][below(rng, 2) as usize]);
        let head = format!(r#""cid":"{cid}","source":"{source}","T_obs":{window}"#);
        let parameters = format!(
            r#"{{"type":"parameters",{head},"t":{i},"n_obs":{n},"n_supp":{n}.5,"params":[0.01,0.001],"n_star":0.5,"G1":{i}.25,"features":{{"n":{n}}}}}"#
        );
        let size = format!(r#"{{"type":"size",{head},"t":{},"n_tot":{}}}"#, i + 900, n + i % 50);
        let (early, late) = (10 * i + below(rng, 300), 10 * i + below(rng, 800));
        match below(rng, 20) {
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
fn a_predictor_is_restored_from_its_checkpoint_and_its_alerts() {
    let mut crashes = 0;
    for seed in 0..30 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let max_pending = [1000, 15][seed as usize % 2];
        let options = PredictOptions { max_pending, ..PredictOptions::default() };
        let inputs = wild_properties(&mut rng, 400);
        let stride = 1 + below(&mut rng, 50) as usize;
        let make = || Predict::new(options.clone());
        crashes += crashes_leave_no_trace(&inputs, make, stride, &mut rng, seed);
    }
    assert!(crashes > 50);
}

#[test]
fn a_learner_is_restored_from_its_checkpoint_and_its_models() {
    let mut crashes = 0;
    for seed in 0..8 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The errors of the predictions grow, so that a drift trains.
        let on_drift = seed >= 4;
        let sample = |rng: &mut ChaCha8Rng, i: usize| {
            let (n, growth) = (10 + below(rng, 90), 1 + below(rng, 5));
            let error = if i < 200 { 1 + below(rng, 3) } else { 9 };
            let n_tot = n * growth;
            let n_pred = n_tot + n_tot * error / 10;
            parsed(&format!(
                r#"{{"type":"sample","cid":"{i}","source":"0","t":{i},"T_obs":600,"X":[0.001,0.5,{n}],"W":1,"n_obs":{n},"n_tot":{n_tot},"features":{{"n":{n},"growth":{growth}}},"n_pred":{n_pred}}}"#
            ))
        };
        let count = if on_drift { 280 } else { 150 };
        let inputs: Vec<Record> = (0..count).map(|i| sample(&mut rng, i)).collect();
        let newest = [1000, 60][seed as usize % 2];
        let learn = LearnOptions { trees: 3, seed, newest, ..LearnOptions::default() };
        let options = TrainOptions { learn, on_drift, ..TrainOptions::default() };
        let make = || Train::new(options.clone());
        let mut learner = make();
        let batch: Vec<_> = inputs.iter().cloned().map(RecordRef::without_position).collect();
        learner.on_batch(&batch, &mut Out::default());
        let drifts = learner.tally()[&("trainings_on_drift_total", String::new())];
        assert_eq!(drifts, f64::from(u8::from(on_drift)), "seed {seed}");
        crashes += crashes_leave_no_trace(&inputs, make, 20, &mut rng, seed);
    }
    assert!(crashes > 5);
}
