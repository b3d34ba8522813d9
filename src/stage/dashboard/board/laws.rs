//! The laws of the board, over many seeds.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use super::*;
use crate::cascade::Point;
use crate::record::{Interval, Size, Stat};
use crate::stage::dashboard::growth::POINTS;
use crate::stage::dashboard::{Change, Query, Sort};

pub(super) fn alert(cid: u64, t: f64, t_obs: u64, n_tot: f64) -> Alert {
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
        reached_after: vec![],
        curve: vec![],
        status: "ok".to_owned(),
        model: "untrained".to_owned(),
        method: "hawkes".to_owned(),
        explanation: None,
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

pub(super) fn give(board: &mut Dashboard, records: &[Record]) {
    let batch: Vec<_> = records
        .iter()
        .map(|record| RecordRef { position: 0, item: record.clone().into() })
        .collect();
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
    assert_eq!(board.evicted() as usize + board.predicted(), 5_000);
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
    give(&mut board, &[Record::Size(size(177))]);
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
    // A selection of all rows is that of the board.
    for (text, sort) in ["", "TEXT 1", "29"].iter().flat_map(|it| Sort::ALL.map(|sort| (it, sort)))
    {
        for ended in [false, true] {
            let whole = board.top(usize::MAX, &Query { ended, ..Query::default() });
            let query = Query { text: (*text).to_owned(), sort, ended, above: None };
            assert_eq!(query.select(&whole, 7), board.top(7, &query), "{query:?}");
        }
    }
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

/// The output of `predict` and `run` has stats and no sizes.
#[test]
fn a_stat_ends_its_cascade_as_a_size_does() {
    for seed in 0..20 {
        let sizes = records(seed, 200);
        let stat = |record: &Record| match record {
            Record::Size(Size { cid, source, t, t_obs, n_tot, .. }) => Record::Stat(Stat {
                cid: cid.clone(),
                source: source.clone(),
                t: *t,
                t_obs: *t_obs,
                n_tot: *n_tot,
                are: 0.0,
                n_obs: 1,
                n_pred: 1.0,
                covered: None,
                level: None,
                model: String::new(),
                t_alert: None,
                finished: None,
            }),
            other => other.clone(),
        };
        // A stat without a final size, of the original system, ends nothing.
        let known = |record: &&Record| !matches!(record, Record::Size(it) if it.n_tot == 0);
        let sizes: Vec<Record> = sizes.iter().filter(known).cloned().collect();
        let stats: Vec<Record> = sizes.iter().map(stat).collect();
        let [mut by_size, mut by_stat] = [Dashboard::default(), Dashboard::default()];
        give(&mut by_size, &sizes);
        give(&mut by_stat, &stats);
        assert!(by_size.ended() > 0);
        for ended in [false, true] {
            let query = Query { ended, ..Query::default() };
            assert_eq!(by_size.top(100, &query), by_stat.top(100, &query), "seed {seed}");
        }
    }
}

/// Each name may have 1,000 bytes; records of longer names are counted.
#[test]
fn records_of_long_names_are_counted_and_others_are_shown() {
    let mut board = Dashboard::default();
    for (source, cid) in [(1000, 1000), (1001, 1), (1, 1001)] {
        let mut alert = alert(1, 700.0, 600, 100.0);
        (alert.source, alert.cid) = ("s".repeat(source), "c".repeat(cid));
        board.alert(&alert);
    }
    assert_eq!((board.predicted(), board.alerts(), board.long_names()), (1, 3, 2));
}

/// A cascade that is dropped above the limit is counted.
#[test]
fn evicted_predictions_are_counted() {
    let mut board = Dashboard::new(8);
    for cid in 0..30 {
        board.alert(&alert(cid, 700.0 + cid as f64, 600, 100.0 + cid as f64));
    }
    assert_eq!(board.predicted() as u64 + board.evicted(), 30);
    assert!(board.evicted() > 0);
    assert_eq!(board.top(1, &Query::default())[0].key.cid, "29");
}
