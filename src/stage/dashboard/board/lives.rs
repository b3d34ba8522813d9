//! The ends of cascades, ids that are used again, and what is kept of the alerts.

use super::laws::alert;
use super::*;
use crate::cascade::Point;
use crate::stage::dashboard::{Detail, Entry, Query};

fn stat(cid: u64, t_alert: f64, t: f64, n_tot: u64) -> Stat {
    Stat {
        cid: cid.to_string(),
        source: "1".to_owned(),
        t,
        t_obs: 600,
        are: 0.5,
        n_obs: 10,
        n_tot,
        n_pred: 40.0,
        covered: None,
        level: None,
        model: "untrained".to_owned(),
        t_alert: Some(t_alert),
        finished: None,
    }
}

/// An alert of a window with that number of events.
fn of(cid: u64, (t, t_obs, n_obs): (f64, u64, u64)) -> Alert {
    Alert { n_obs, ..alert(cid, t, t_obs, 100.0) }
}

fn rows(board: &Dashboard, ended: bool) -> Vec<Entry> {
    board.top(100, &Query { ended, ..Query::default() })
}

fn detail(board: &Dashboard, cid: &str) -> Detail {
    board.detail(&Key { source: "1".to_owned(), cid: cid.to_owned() }, None).unwrap()
}

#[test]
fn a_stat_ends_a_cascade_as_a_size_does() {
    let mut board = Dashboard::default();
    board.alert(&alert(1, 601.0, 600, 40.0));
    // An older stat has no final size.
    board.stat(&stat(1, 601.0, 700.0, 0));
    assert_eq!(rows(&board, false).len(), 1);
    board.stat(&stat(1, 601.0, 900.0, 60));
    assert_eq!((rows(&board, false), board.ended()), (vec![], 1));
    let row = &rows(&board, true)[0];
    assert_eq!((row.observed, row.ended, row.exceeded), (60, Some(60), true));
    assert_eq!(row.age, Some(899.0), "the stat advances the clock");
}

#[test]
fn ids_are_used_again_also_at_times_before_0() {
    let mut board = Dashboard::default();
    board.alert(&alert(1, -9000.0, 600, 40.0));
    board.stat(&stat(1, -9000.0, -5000.0, 60));
    board.alert(&alert(1, -1000.0, 600, 30.0));
    assert_eq!(rows(&board, false)[0].predicted, 30.0);
}

#[test]
fn records_of_a_cascade_that_began_after_the_end_begin_a_new_one() {
    let mut board = Dashboard::default();
    board.alert(&alert(1, 601.0, 600, 40.0));
    board.alert(&alert(1, 3601.0, 3600, 50.0));
    board.stat(&stat(1, 601.0, 9000.0, 60));
    board.alert(&alert(1, 20_000.0, 600, 30.0));
    let row = &rows(&board, false)[0];
    assert_eq!((row.predicted, row.observed, row.ended), (30.0, 10, None));
    assert_eq!(row.age, Some(600.0));
    assert_eq!(detail(&board, "1").history, [(600, 30.0)]);
    board.stat(&stat(1, 20_000.0, 40_000.0, 33));
    assert_eq!(rows(&board, true)[0].ended, Some(33));
    let tweets = [50_000.0, 50_001.0].map(|time| Point { time, magnitude: 1.0 }).to_vec();
    let (cid, source, msg) = ("1".to_owned(), "1".to_owned(), String::new());
    board.serie(&Serie { cid, source, t: 50_600.0, msg, t_obs: 600, tweets });
    assert_eq!(rows(&board, true), [], "the new one has no alert yet");
    board.alert(&alert(1, 50_600.0, 600, 20.0));
    board.stat(&stat(1, 50_600.0, 60_000.0, 21));
    // The alert of the next one was not emitted (--alert-above).
    board.stat(&stat(1, 70_000.0, 80_000.0, 7));
    assert_eq!(rows(&board, true), []);
}

#[test]
fn a_smaller_window_or_fewer_events_at_a_later_time_begin_a_new_cascade() {
    let mut board = Dashboard::default();
    for cid in [1, 2] {
        board.alert(&of(cid, (601.0, 600, 40)));
    }
    board.alert(&of(1, (3601.0, 3600, 80)));
    for cid in [1, 2] {
        board.alert(&of(cid, (50_601.0, 600, 20)));
        let whole = detail(&board, &cid.to_string());
        assert_eq!((whole.entry.observed, whole.entry.age), (20, Some(600.0)), "{cid}");
        assert_eq!(whole.history.len(), 1, "{cid}");
    }
}

#[test]
fn the_windows_of_one_cascade_belong_together_in_any_order() {
    // In the second the source was silent until all windows had ended.
    for times in [[601.0, 3601.0, 21_601.0], [30_000.0; 3]] {
        let windows = [(times[0], 600, 40), (times[1], 3600, 80), (times[2], 21_600, 90)];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut board = Dashboard::default();
            order.iter().for_each(|&place| board.alert(&of(1, windows[place])));
            let whole = detail(&board, "1");
            assert_eq!((whole.entry.observed, whole.history.len()), (90, 3), "{order:?}");
            assert_eq!(whole.entry.window, 21_600, "{order:?}");
        }
    }
}

#[test]
fn the_newest_alerts_are_kept_and_the_age_is_that_of_the_earliest_root() {
    let mut board = Dashboard::default();
    for n in 0..40 {
        board.alert(&alert(1, 601.0 + f64::from(n), 600, f64::from(n)));
    }
    let whole = detail(&board, "1");
    assert_eq!(
        (whole.history.len(), whole.history[0], whole.history[31]),
        (32, (600, 8.0), (600, 39.0))
    );
    // The clock was late when the larger window ended.
    board.alert(&alert(1, 9000.0, 3600, 50.0));
    assert_eq!(detail(&board, "1").entry.age, Some(8999.0));
}

#[test]
fn a_cascade_that_is_over_reaches_no_size_above_its_final_one() {
    let mut board = Dashboard::default();
    let curve = [(100.0, 20.0), (1000.0, 100.0), (10_000.0, 110.0)];
    let curve = curve.map(|(time, magnitude)| Point { time, magnitude }).to_vec();
    board.alert(&Alert { curve, ..alert(1, 601.0, 600, 110.0) });
    let possible = |board: &Dashboard| -> Vec<_> {
        detail(board, "1").reaches.iter().map(|(size, age)| (*size, age.is_some())).collect()
    };
    let open = [(20.0, true), (50.0, true), (100.0, true), (500.0, false), (1000.0, false)];
    assert_eq!(possible(&board), open);
    board.stat(&stat(1, 601.0, 9000.0, 60));
    let over = [(20.0, true), (50.0, true), (100.0, false), (500.0, false), (1000.0, false)];
    assert_eq!(possible(&board), over);
}

#[test]
fn the_limit_of_a_name_holds_for_source_and_cascade_each() {
    let mut board = Dashboard::default();
    let named = |source: usize, cid: usize| Alert {
        source: "s".repeat(source),
        cid: "c".repeat(cid),
        ..alert(1, 601.0, 600, 40.0)
    };
    board.alert(&named(1000, 1000));
    assert_eq!((board.predicted(), board.long_names()), (1, 0));
    board.alert(&named(1001, 1));
    board.alert(&named(1, 1001));
    assert_eq!((board.predicted(), board.long_names(), board.alerts()), (1, 2, 3));
}
