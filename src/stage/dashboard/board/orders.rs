//! The board against the history of its cascades, for every order of the topics.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use super::laws::{alert, give};
use super::*;
use crate::cascade::Point;
use crate::event::EventTime;
use crate::record::Size;
use crate::stage::dashboard::Query;
use crate::stage::dashboard::growth::POINTS;

/// Records of a source whose cascades begin, grow, are predicted and end, ids used again.
fn life(seed: u64, lives: u64) -> Vec<Record> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: u64| u64::from(rng.next_u32()) % n;
    let mut records = Vec::new();
    for life in 0..lives {
        for cid in 0..12 {
            let start = (life * 100_000 + cid * 100) as f64;
            let n = 10 + below(if cid == 0 { 2000 } else { 30 });
            // A part of the events is after the window.
            let times: Vec<_> =
                (0..n).map(|at| start + (at * (601 + at % 7) / 20) as f64).collect();
            let mut times = times;
            times.sort_by(f64::total_cmp);
            let seen = times.iter().filter(|time| **time <= start + 600.0).count() as u64;
            let event = |at: u64| {
                let (source, cid) = ("1".to_owned().into(), cid.to_string().into());
                let time = EventTime::new(times[at as usize]).unwrap();
                let (msg, info) = Default::default();
                Record::Event(Event {
                    root: at == 0,
                    source,
                    cid,
                    time,
                    magnitude: 1.0,
                    msg,
                    info,
                    id: "".into(),
                })
            };
            records.extend((0..n).map(|at| (times[at as usize], event(at))));
            let alert = alert(cid, start + 601.0, 600, (seen + below(100)) as f64);
            records.push((start + 601.0, Record::Alert(Alert { n_obs: seen, ..alert })));
            let point = |time: &f64| Point { time: *time, magnitude: 1.0 };
            records.push((
                start + 601.0,
                Record::Serie(Serie {
                    cid: cid.to_string(),
                    source: "1".to_owned(),
                    t: start + 601.0,
                    msg: String::new(),
                    t_obs: 600,
                    tweets: times[..seen as usize].iter().map(point).collect(),
                }),
            ));
            let t = start + 70_000.0;
            let size = Size {
                cid: cid.to_string(),
                source: "1".to_owned(),
                t,
                t_obs: 600,
                n_tot: n,
                t_end: times[n as usize - 1],
            };
            records.push((t, Record::Size(size)));
        }
    }
    records.sort_by(|a, b| a.0.total_cmp(&b.0));
    records.into_iter().map(|(_, record)| record).collect()
}

#[test]
fn the_board_does_not_depend_on_the_relative_speed_of_topics() {
    for seed in 0..40 {
        let life = life(seed, 1);
        let is_end = |record: &Record| matches!(record, Record::Size(_));
        let events = |cid: &str| {
            let is_of = |record: &&Record| match record {
                Record::Event(event) => event.cid == cid,
                _ => false,
            };
            life.iter().filter(is_of).count() as u64
        };
        let kind = |record: &Record| match record {
            Record::Event(_) => 0,
            Record::Serie(_) => 1,
            Record::Alert(_) => 2,
            _ => 3,
        };
        for (ended, order) in (0..24).flat_map(|at| [(false, order(at)), (true, order(at))]) {
            let shown = |records: &[Record]| {
                let mut board = Dashboard::new(1000);
                let records: Vec<_> =
                    records.iter().filter(|it| ended || !is_end(it)).cloned().collect();
                give(&mut board, &records);
                board.top(100, &Query { ended, ..Query::default() })
            };
            let mut paced = life.clone();
            paced.sort_by_key(|record| order[kind(record)]);
            let (mut natural, mut paced) = (shown(&life), shown(&paced));
            assert_eq!(natural.len(), 12, "seed {seed}");
            for row in natural.iter_mut().chain(&mut paced) {
                // Of a thinned curve the places of the points depend on the order.
                if row.observed > POINTS as u64 {
                    row.spark.clear();
                }
                assert_eq!(row.observed, events(&row.key.cid), "seed {seed} {order:?}");
                assert!(row.predicted >= row.observed as f64, "seed {seed} {order:?}");
                // The text is that of the first record that has one.
                row.msg.clear();
            }
            assert_eq!(natural, paced, "seed {seed} {order:?}");
        }
    }
}

/// The permutation of four kinds with that number.
fn order(mut number: usize) -> [usize; 4] {
    let mut left = vec![0, 1, 2, 3];
    [4, 3, 2, 1].map(|count| {
        let place = number % count;
        number /= count;
        left.remove(place)
    })
}

#[test]
fn events_in_a_serie_and_events_read_one_by_one_are_counted_once_each() {
    let event = |cid: &str, at: u64, root| {
        let (cid, source) = (cid.to_owned().into(), "1".to_owned().into());
        let time = EventTime::new(at as f64).unwrap();
        let (msg, info) = Default::default();
        Record::Event(Event { root, source, cid, time, magnitude: 1.0, msg, info, id: "".into() })
    };
    let tweets = [0.0, 10.0, 20.0].map(|time| Point { time, magnitude: 1.0 }).to_vec();
    let (cid, source, msg) = ("7".to_owned(), "1".to_owned(), String::new());
    let serie = Record::Serie(Serie { cid, source, t: 601.0, msg, t_obs: 600, tweets });
    let alert = Record::Alert(Alert { n_obs: 3, ..alert(7, 601.0, 600, 4.0) });
    // The reader began after the root: 10 and 20 are in the serie, 700 and 800 are not.
    let late = [10, 20, 700, 800].map(|at| event("7", at, false));
    let observed = |records: &[&[Record]]| {
        let mut board = Dashboard::default();
        records.iter().for_each(|records| give(&mut board, records));
        let row = &board.top(1, &Query::default())[0];
        (row.observed, row.predicted, row.exceeded)
    };
    let (serie, alert) = (&[serie][..], &[alert][..]);
    for order in [[serie, &late, alert], [&late, serie, alert], [alert, &late, serie]] {
        assert_eq!(observed(&order), (5, 5.0, true));
    }
    // A duplicate of the root is not an event.
    let roots = [event("7", 0, true), event("7", 10, false), event("7", 0, true)];
    assert_eq!(observed(&[&roots, alert]), (3, 4.0, false));
}

#[test]
fn the_end_of_a_cascade_has_the_figure_of_its_size_record() {
    let mut board = Dashboard::default();
    board.alert(&alert(1, 601.0, 600, 40.0));
    let size = |t, n_tot| Size {
        cid: "1".to_owned(),
        source: "1".to_owned(),
        t,
        t_obs: 600,
        n_tot,
        t_end: t,
    };
    // Fewer than in the alert: the record holds.
    for (size, expected) in [(size(900.0, 7), 7), (size(950.0, 60), 60), (size(800.0, 5), 60)] {
        give(&mut board, &[Record::Size(size)]);
        assert_eq!(board.top(9, &Query::default()), [], "the cascade is over");
        let row = &board.top(9, &Query { ended: true, ..Query::default() })[0];
        assert_eq!((row.observed, row.ended), (expected, Some(expected)));
        assert_eq!((row.predicted, row.exceeded), (40_f64.max(expected as f64), expected > 40));
        let interval = row.interval.unwrap();
        assert!(interval.low >= expected as f64 && interval.low <= row.predicted, "{interval:?}");
        assert!(interval.high >= row.predicted, "{interval:?}");
    }
}

#[test]
fn a_reused_id_begins_a_new_cascade() {
    for seed in 0..50 {
        let mut board = Dashboard::new(1000);
        give(&mut board, &life(seed, 2));
        for row in board.top(100, &Query { ended: true, ..Query::default() }) {
            assert_eq!(
                Some(row.observed),
                row.ended,
                "seed {seed}: both cascades with this id were counted"
            );
        }
    }
    // Before the second cascade with this id ends, too.
    for cut in [30, 100, 200, 400] {
        let mut board = Dashboard::new(1000);
        let mut records = life(3, 2);
        let lives = records.iter().filter(|it| matches!(it, Record::Size(_))).count() / 2;
        let mut ends = 0;
        let second = records.iter().position(|it| {
            ends += usize::from(matches!(it, Record::Size(_)));
            ends == lives
        });
        records.truncate(second.unwrap() + 1 + cut);
        give(&mut board, &records);
        let read: usize = board
            .cascades
            .values()
            .filter(|it| it.end.is_none())
            .map(|it| it.observed() as usize)
            .sum();
        let events =
            records[second.unwrap() + 1..].iter().filter(|it| matches!(it, Record::Event(_)));
        assert_eq!(read, events.count(), "{cut}");
    }
}
