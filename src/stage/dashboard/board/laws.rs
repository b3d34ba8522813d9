//! The laws of the board, over many seeds.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::cascade::Point;
use crate::event::EventTime;
use crate::record::Interval;
use crate::stage::dashboard::growth::POINTS;
use crate::stage::dashboard::{Change, Query, Sort};

fn alert(cid: u64, t: f64, t_obs: u64, n_tot: f64) -> Alert {
    Alert {
        cid: cid.to_string(),
        source: "1".to_owned(),
        t,
        msg: format!("text {cid}"),
        t_obs,
        n_obs: 10,
        n_tot,
        interval: Some(Interval { level: 0.9, low: 10.0, high: 3.0 * n_tot }),
        p_above: vec![("1000".to_owned(), 0.25), ("500".to_owned(), 0.5)],
        curve: vec![],
        status: "ok".to_owned(),
        model: "untrained".to_owned(),
        method: "hawkes".to_owned(),
    }
}

fn records(seed: u64, count: usize) -> Vec<Record> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: u64| u64::from(rng.next_u32()) % n;
    let one = |i| {
        let (cid, t) = (below(60), (i / 2) as f64);
        match below(4) {
            0 => Record::Size(Size {
                cid: cid.to_string(),
                source: "1".to_owned(),
                t,
                t_obs: 600,
                n_tot: below(1000),
                t_end: t,
            }),
            _ => Record::Alert(alert(
                cid,
                t - below(5) as f64,
                600 * (1 + below(2)),
                below(50) as f64,
            )),
        }
    };
    (0..count).map(one).collect()
}

fn give(board: &mut Dashboard, records: &[Record]) {
    let body = |record: &Record| Body::Record(Box::new(record.clone()));
    let batch: Vec<_> =
        records.iter().map(|record| RecordRef { position: 0, body: body(record) }).collect();
    board.take(&batch);
}

#[test]
fn the_ranking_is_that_of_the_newest_alert_of_each_cascade() {
    for seed in 0..100 {
        let records = records(seed, 300);
        let mut board = Dashboard::default();
        give(&mut board, &records);
        // Slowly: of each cascade the last of the alerts that are newest.
        let mut newest: BTreeMap<String, &Alert> = BTreeMap::new();
        for record in &records {
            let Record::Alert(alert) = record else { continue };
            let held = newest.entry(alert.cid.clone()).or_insert(alert);
            if (alert.t, alert.t_obs) >= (held.t, held.t_obs) {
                *held = alert;
            }
        }
        let mut ends: BTreeMap<String, &Size> = BTreeMap::new();
        for record in &records {
            let Record::Size(size) = record else { continue };
            let held = ends.entry(size.cid.clone()).or_insert(size);
            if size.t >= held.t {
                *held = size;
            }
        }
        let largest = |it: &Alert| match ends.get(&it.cid) {
            Some(end) => it.n_tot.max(end.n_tot as f64),
            None => it.n_tot.max(it.n_obs as f64),
        };
        let all = Query { ended: true, ..Query::default() };
        let mut expected: Vec<_> =
            newest.values().map(|it| (largest(it), it.cid.clone())).collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let shown = board.top(1000, &all);
        let rows: Vec<_> = shown.iter().map(|row| (row.predicted, row.key.cid.clone())).collect();
        assert_eq!(rows, expected, "seed {seed}");
        assert!(shown.iter().map(|row| row.rank).eq(1..=rows.len()), "seed {seed}");
        let ten = board.top(10, &all);
        assert_eq!(ten, shown[..10.min(shown.len())], "seed {seed}");
    }
}

#[test]
fn any_cut_into_batches_shows_the_same() {
    for seed in 0..50 {
        let records = records(seed, 200);
        let (mut whole, mut cut) = (Dashboard::new(20), Dashboard::new(20));
        give(&mut whole, &records);
        records.chunks(1 + seed as usize % 7).for_each(|some| give(&mut cut, some));
        let all = Query { ended: true, ..Query::default() };
        assert_eq!(whole.top(100, &all), cut.top(100, &all), "{seed}");
    }
}

#[test]
fn memory_is_bounded_and_the_largest_predictions_are_kept() {
    let mut board = Dashboard::new(100);
    for cid in 0..5_000 {
        give(&mut board, &[Record::Alert(alert(cid, 0.0, 600, (cid * 7919 % 5_000) as f64))]);
        assert!(board.cascades.len() <= 125);
    }
    let sizes: Vec<_> = board.top(50, &Query::default()).iter().map(|it| it.predicted).collect();
    assert!(sizes.iter().copied().eq((4_950..5_000).rev().map(f64::from)), "{sizes:?}");
    // Growth curves are thinned, and keep their ends and their order.
    let mut cascade = Cascade::default();
    (0..100_000).for_each(|t| cascade.grow(f64::from(t), 0));
    let growth = cascade.growth();
    assert!(growth.len() <= 257 && growth.is_sorted());
    assert_eq!((growth[0], growth.last()), ((0.0, 1), Some(&(99_999.0, 100_000))));
    assert_eq!(cascade.spark(99_999.0, 16).iter().sum::<u64>(), 100_000);
}

#[test]
fn a_change_of_rank_is_relative_to_the_saved_ranks() {
    let mut board = Dashboard::default();
    let sizes = |board: &mut Dashboard, sizes: &[(u64, f64)], t| {
        sizes.iter().for_each(|&(cid, n)| board.alert(&alert(cid, t, 600, n)));
    };
    sizes(&mut board, &[(1, 30.0), (2, 20.0), (3, 10.0)], 0.0);
    assert!(board.top(9, &Query::default()).iter().all(|row| row.change.is_none()));
    board.save_ranks();
    sizes(&mut board, &[(3, 40.0), (4, 25.0)], 1.0);
    let rows = board.top(9, &Query::default());
    let changes: Vec<_> = rows.iter().map(|row| (row.key.cid.as_str(), row.change)).collect();
    let by = |places| Some(Change::By(places));
    assert_eq!(changes, [("3", by(2)), ("1", by(-1)), ("4", Some(Change::New)), ("2", by(-2))]);
}

#[test]
fn filters_and_sort_keys_select_rows_and_do_not_change_ranks() {
    let mut board = Dashboard::default();
    for cid in 0..30 {
        board.alert(&alert(cid, 700.0 + cid as f64, 600, 100.0 + cid as f64));
    }
    let size = |n_tot| Size {
        cid: "29".to_owned(),
        source: "1".to_owned(),
        t: 900.0,
        t_obs: 600,
        n_tot,
        t_end: 890.0,
    };
    board.size(&size(177));
    let rows = |query: Query| {
        board.top(3, &query).iter().map(|it| (it.key.cid.clone(), it.rank)).collect::<Vec<_>>()
    };
    let named = |cid: &str, rank| (cid.to_owned(), rank);
    let all = Query { ended: true, ..Query::default() };
    assert_eq!(rows(Query { text: "TEXT 2".into(), ..all.clone() })[0], named("29", 1));
    assert_eq!(rows(Query { text: "TEXT 1".into(), ..all.clone() })[0], named("19", 11));
    // A cascade that is over has no rank among those that are open.
    assert_eq!(rows(Query::default())[0], named("28", 1));
    assert_eq!(rows(Query { sort: Sort::Youth, ..all.clone() })[1], named("28", 2));
    assert_eq!(rows(Query { sort: Sort::Observed, ..all.clone() })[0], named("29", 1));
    assert_eq!(rows(Query { text: "nowhere".into(), ..Query::default() }), []);
    let row = &board.top(1, &Query { above: Some(1000.0), ..all.clone() })[0];
    assert_eq!((row.above, row.ended, row.observed), (Some((1000.0, 0.0)), Some(177), 177));
    let row = &board.top(1, &Query { above: Some(1000.0), ..Query::default() })[0];
    assert_eq!((row.above, row.ended, row.observed), (Some((1000.0, 0.25)), None, 10));
    assert_eq!(board.top(1, &Query::default())[0].above, Some((500.0, 0.5)));
    assert_eq!(board.top(1, &Query { above: Some(7.0), ..Query::default() })[0].above, None);
}

#[test]
fn growth_and_continuation_join_at_the_end_of_the_window() {
    let mut board = Dashboard::default();
    let tweets: Vec<_> =
        (0..10).map(|i| Point { time: 100.0 + f64::from(i), magnitude: 1.0 }).collect();
    board.serie(&Serie {
        cid: "7".to_owned(),
        source: "1".to_owned(),
        t: 701.0,
        msg: String::new(),
        t_obs: 600,
        tweets,
    });
    let curve = [(100.0, 20.0), (1000.0, 100.0), (10_000.0, 110.0)];
    let curve = curve.map(|(time, magnitude)| Point { time, magnitude }).to_vec();
    board.alert(&Alert { curve, ..alert(7, 701.0, 600, 110.0) });
    let key = Key { source: "1".to_owned(), cid: "7".to_owned() };
    let detail = board.detail(&key, None).unwrap();
    assert_eq!((detail.growth[0], detail.growth[9]), ((0.0, 1), (9.0, 10)));
    let first = detail.continuation[0];
    assert_eq!((first.age, first.events, first.low, first.high), (600.0, 10.0, 10.0, 10.0));
    let last = detail.continuation[3];
    assert_eq!((last.age, last.events, last.low, last.high), (10_600.0, 110.0, 10.0, 330.0));
    // 20, 50 and 100 are below the prediction; 500 and 1000 are in the alert and never reached.
    let expected = [
        (20.0, Some(700.0)),
        (50.0, Some(1037.5)),
        (100.0, Some(1600.0)),
        (500.0, None),
        (1000.0, None),
    ];
    assert_eq!(detail.reaches, expected);
    assert_eq!(detail.entry.age, Some(601.0));
    assert_eq!(board.detail(&Key { cid: "8".to_owned(), ..key }, None), None);
}

#[test]
fn a_growth_curve_keeps_its_early_part_however_much_follows() {
    for seed in 1..40_u64 {
        // The rate of events falls; the curve must be near the exact one at every time.
        let count = 50 + seed * seed * 20;
        let times: Vec<f64> =
            (0..count).map(|n| ((n as f64 / count as f64).powi(3) * 1e5).round()).collect();
        let mut cascade = Cascade::default();
        cascade.begin(times[0], "", 0);
        times[1..].iter().for_each(|time| cascade.grow(*time, 0));
        let growth = &cascade.growth();
        assert!(growth.len() <= POINTS + 1, "seed {seed}: {}", growth.len());
        assert_eq!(growth.last().map(|it| it.1), Some(count), "seed {seed}");
        let tolerance = 2 * count / POINTS as u64 + 1;
        for time in &times {
            let drawn = growth[growth.partition_point(|it| it.0 <= *time) - 1].1;
            let exact = times.partition_point(|it| it <= time) as u64;
            assert!(exact.abs_diff(drawn) <= tolerance, "seed {seed}: {drawn} of {exact}");
        }
    }
}

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
                Record::Event(Event { root: at == 0, source, cid, time, magnitude: 1.0, msg, info })
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
        Record::Event(Event { root, source, cid, time, magnitude: 1.0, msg, info })
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
        board.size(&size);
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
            assert_eq!(Some(row.observed), row.ended, "seed {seed}: both lives were counted");
        }
    }
    // Before the second life ends too.
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
