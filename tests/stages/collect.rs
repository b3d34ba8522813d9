//! The collector against an independent, direct implementation (`slow.rs`): every cascade and window
//! that qualifies is emitted once, none is missing, none is repeated.

#[path = "slow.rs"]
mod slow;

use slow::{Input, SlowCollector};
use std::sync::{Arc, Mutex};
use tweetoscope::event::{Event, EventTime};
use tweetoscope::record::{Item, Record, Watermark};
use tweetoscope::replay::{ParamRange, Replay, ReplayItem, ReplayOptions, Simulated};
use tweetoscope::stage::collect::{AtEnd, Collect, CollectOptions, Limits};
use tweetoscope::stage::{Ending, Out, Outgoing, RecordRef, Recover, Saved, Sink, Stage};

fn options(windows: &[u64], lateness: f64) -> CollectOptions {
    CollectOptions {
        windows: windows.to_vec(),
        terminated: 1800.0,
        min_size: 3,
        lateness,
        max_age: 9000.0,
        max_jump: 20_000.0,
        at_end: AtEnd::Terminate,
        limits: Limits::default(),
    }
}

/// A small random generator (SplitMix64).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// A stream with late events, orphans, duplicates, retweets before their root, reused ids,
/// watermarks, equal times, long silences and times in another unit.
fn wild(seed: u64, length: u64) -> Vec<Input> {
    let mut rng = SplitMix(seed);
    let mut clocks = [0.0; 3];
    (0..length)
        .map(|_| {
            let source = rng.below(3) as usize;
            clocks[source] += rng.below(120) as f64 * if rng.below(40) == 0 { 30.0 } else { 1.0 };
            let late = if rng.below(5) == 0 { rng.below(900) as f64 } else { 0.0 };
            // The source is silent for long, or a single time is in another unit.
            clocks[source] += if rng.below(200) == 0 { 50_000.0 } else { 0.0 };
            let jump = if rng.below(50) == 0 { 1000.0 * clocks[source] } else { 0.0 };
            let t = clocks[source] - late + jump;
            match rng.below(30) {
                0 => Input::Watermark { source: source.to_string(), t },
                kind => Input::Event {
                    source: source.to_string(),
                    cid: rng.below(12).to_string(),
                    root: kind < 6,
                    t,
                    m: rng.below(50) as f64,
                    id: if rng.below(2) == 0 { String::new() } else { rng.below(40).to_string() },
                },
            }
        })
        .collect()
}

fn as_record(input: &Input, position: u64) -> RecordRef<'_> {
    let item = match input {
        Input::Watermark { source, t } => {
            Record::Watermark(Watermark { source: source.clone(), t: *t }).into()
        }
        Input::Event { source, cid, root, t, m, id } => Item::Event(Event {
            root: *root,
            cid: cid.as_str().into(),
            source: source.as_str().into(),
            time: EventTime::new(*t).unwrap(),
            magnitude: *m,
            msg: "".into(),
            info: "".into(),
            id: id.as_str().into(),
        }),
    };
    RecordRef { position, item }
}

fn records(out: &mut Out) -> Vec<Record> {
    let record = |item| match item {
        Outgoing::Record(record) => record,
        Outgoing::Foreign(bytes) => panic!("{bytes:?} passed through"),
    };
    out.take().into_iter().map(record).collect()
}

fn collect_in(
    inputs: &[Input],
    options: &CollectOptions,
    batch: impl FnMut() -> usize,
) -> Vec<Record> {
    let mut batch = batch;
    let refs: Vec<_> = inputs.iter().enumerate().map(|(i, it)| as_record(it, i as u64)).collect();
    let (mut stage, mut out, mut rest) = (Collect::new(options.clone()), Out::default(), &refs[..]);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(batch().clamp(1, rest.len()));
        stage.on_batch(now, &mut out);
        rest = later;
    }
    stage.on_end(Ending::Complete, &mut out);
    records(&mut out)
}

#[test]
fn the_collector_agrees_with_one_written_slowly() {
    for seed in 0..300 {
        for lateness in [0.0, 300.0] {
            let options = options(&[300, 600, 1800], lateness);
            let inputs = wild(seed, 400);
            let slow = SlowCollector::new(&options).run(&inputs);
            let fast = collect_in(&inputs, &options, || 64);
            assert_eq!(fast, slow, "seed {seed}, lateness {lateness}");
        }
    }
}

#[test]
fn any_cut_into_batches_gives_the_same_output() {
    for seed in 0..100 {
        let (options, inputs) = (options(&[300, 600], 60.0), wild(seed, 300));
        let whole = collect_in(&inputs, &options, || usize::MAX);
        let mut rng = SplitMix(seed);
        assert_eq!(collect_in(&inputs, &options, || rng.below(7) as usize), whole, "seed {seed}");
        assert_eq!(collect_in(&inputs, &options, || 1), whole, "seed {seed}");
    }
}

#[test]
fn a_source_does_not_depend_on_other_sources() {
    let of_source = |records: &[Record], source: &str| -> Vec<Record> {
        let is_of = |record: &&Record| match record {
            Record::Serie(it) => it.source == source,
            Record::Size(it) => it.source == source,
            _ => false,
        };
        records.iter().filter(is_of).cloned().collect()
    };
    for seed in 0..200 {
        let (options, inputs) = (options(&[300, 600], 0.0), wild(seed, 300));
        let together = collect_in(&inputs, &options, || 17);
        for source in ["0", "1", "2"] {
            let alone: Vec<Input> =
                inputs.iter().filter(|it| it.source() == source).cloned().collect();
            let alone = collect_in(&alone, &options, || 17);
            assert_eq!(of_source(&together, source), alone, "seed {seed}, source {source}");
        }
    }
}

/// A crash at any record, then a replay from the position that the stage names, with its checkpoint
/// there, emits exactly what was not emitted before the crash.
#[test]
fn a_crash_leaves_no_trace() {
    for seed in 0..60 {
        let mut options = options(&[300, 600], 60.0);
        if seed % 2 == 1 {
            options.limits.open_cascades = 3;
        }
        let inputs = wild(seed, 300);
        let refs: Vec<_> =
            inputs.iter().enumerate().map(|(i, it)| as_record(it, i as u64)).collect();
        let mut stage = Collect::new(options.clone());
        let mut out = Out::default();
        let mut checkpoints = vec![stage.checkpoint()];
        let mut positions = vec![0];
        for crash in 0..refs.len() {
            stage.on_batch(&refs[crash..=crash], &mut out);
            out.take();
            checkpoints.push(stage.checkpoint());
            positions.push(crash as u64 + 1);
            let low = stage.replay_start(&positions).unwrap();
            let mut again = Collect::new(options.clone());
            let (position, checkpoint) = (low as u64, &*checkpoints[low]);
            again.restore(Saved { position, checkpoint, ..Saved::default() }).unwrap();
            let mut silent = Out::default();
            again.on_batch(&refs[low..=crash], &mut silent);
            if crash % 7 == 0 {
                let (mut left, mut right) = (Out::default(), Out::default());
                let rest = &refs[crash + 1..];
                again.on_batch(rest, &mut right);
                again.on_end(Ending::Complete, &mut right);
                let mut original = Collect::new(options.clone());
                original.on_batch(&refs[..=crash], &mut silent);
                original.on_batch(rest, &mut left);
                original.on_end(Ending::Complete, &mut left);
                assert_eq!(records(&mut right), records(&mut left), "seed {seed}, crash {crash}");
            }
            stage.committed(low as u64);
        }
    }
}

#[test]
fn each_of_ten_thousand_cascades_is_emitted_once() {
    let options = options(&[600, 1800], 0.0);
    let p: ParamRange = "0.005..0.027".parse().unwrap();
    let beta: ParamRange = "1/3600..1/300".parse().unwrap();
    let usual = tweetoscope::hawkes::mark::MarkLaw::USUAL;
    let simulated = Simulated::new(10_000, p, beta, usual, 1000.0, 7).unwrap();
    let mut replay =
        Replay::new(Box::new(simulated), ReplayOptions { seed: 7, ..ReplayOptions::default() })
            .unwrap();
    let mut inputs = Vec::new();
    while let Some(fed) = replay.next() {
        inputs.push(match fed {
            ReplayItem::Event { event, .. } => Input::Event {
                id: String::new(),
                source: event.source.into_owned(),
                cid: event.cid.into_owned(),
                root: event.root,
                t: event.time.seconds(),
                m: event.magnitude,
            },
            ReplayItem::Watermark(it) => Input::Watermark { source: it.source, t: it.t },
            ReplayItem::Refused(refused) => panic!("{refused}"),
        });
    }
    let sources: std::collections::BTreeSet<&str> = inputs.iter().map(Input::source).collect();
    assert_eq!(sources.len(), 5);
    let slow = SlowCollector::new(&options).run(&inputs);
    let fast = collect_in(&inputs, &options, || 1000);
    assert!(slow.len() > 10_000, "{} records of {} inputs", slow.len(), inputs.len());
    assert!(fast == slow, "{} records, not {}", fast.len(), slow.len());
}

/// The chunks that a sink was given.
#[derive(Default)]
struct Chunks(Vec<Vec<Outgoing>>);

impl Sink for Chunks {
    fn put(&mut self, items: Vec<Outgoing>) {
        self.0.push(items);
    }
}

#[test]
fn output_that_is_written_as_it_is_made_is_the_same_in_bounded_chunks() {
    const CASCADES: usize = 5000;
    let event = |cid: usize, at: f64, root| {
        let (cid, source) = (cid.to_string().into(), "0".into());
        let (time, (msg, info)) = (EventTime::new(at).unwrap(), Default::default());
        Item::Event(Event { root, source, cid, time, magnitude: 1.0, msg, info, id: "".into() })
    };
    let events = (0..CASCADES)
        .flat_map(|cid| [0.0, 1.0, 2.0].map(|at| event(cid, at, at == 0.0)))
        .zip(0..)
        .map(|(item, position)| RecordRef { position, item });
    let events: Vec<_> = events.collect();
    let watermark = Record::Watermark(Watermark { source: "0".into(), t: 5000.0 });
    let watermark = [RecordRef::without_position(watermark)];
    for at_end in [false, true] {
        let output = |out: &mut Out| {
            let mut collect = Collect::new(options(&[600], 0.0));
            collect.on_batch(&events, out);
            if !at_end {
                collect.on_batch(&watermark, out);
            }
            collect.on_end(Ending::Complete, out);
            out.take()
        };
        let whole = output(&mut Out::default());
        let chunks = Arc::new(Mutex::new(Chunks::default()));
        let last = output(&mut Out::to(Some(chunks.clone())));
        let mut chunks = std::mem::take(&mut chunks.lock().unwrap().0);
        chunks.push(last);
        assert_eq!(whole.len(), 2 * CASCADES);
        assert!(chunks.iter().all(|it| it.len() <= Out::MAX_HELD), "at the end: {at_end}");
        assert!(chunks.len() > 5 && chunks.concat() == whole, "at the end: {at_end}");
    }
}
