//! The screen drawn into memory.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use tweetoscope::record::{Record, Stat};
use tweetoscope::stage::monitor::{Monitor, MonitorOptions};
use tweetoscope::stage::{Out, RecordRef, Stage};

use super::*;
use crate::monitor::shared::Shared;

/// Stats of windows with errors from a function of window and number.
fn shared(windows: &[u64], each: u64, error: impl Fn(u64, u64) -> f64) -> Shared {
    let mut monitor = Monitor::new(MonitorOptions { every: 0, last: 100 });
    for i in 0..each {
        for &t_obs in windows {
            // Sizes that no multiple of the observed size predicts.
            let n_obs = 20 + i * 7919 % 50;
            let n_tot = n_obs + i * 104_729 % 400;
            let are = error(t_obs, i);
            let stat = Stat {
                cid: i.to_string(),
                source: "1".to_owned(),
                t: i as f64,
                t_obs,
                are,
                n_obs,
                n_tot,
                n_pred: n_tot as f64 * (1.0 + are),
                covered: Some(i % 10 > 0),
                level: Some(0.9),
                model: "600-1".to_owned(),
                t_alert: None,
                finished: None,
            };
            monitor
                .on_batch(&[RecordRef::without_position(Record::Stat(stat))], &mut Out::default());
        }
    }
    Shared(std::sync::Arc::new(std::sync::Mutex::new(monitor)))
}

fn screen(shared: &Shared) -> Screen<'static> {
    Screen::with(shared.clone(), Box::new(|| false), 100)
}

fn drawn(screen: &mut Screen<'_>, (width, height): (u16, u16)) -> String {
    screen.follow();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn press(screen: &mut Screen<'_>, key: KeyCode) {
    assert_eq!(screen.key(KeyEvent::from(key)), Wish::Stay);
}

#[test]
fn every_window_has_its_figures_and_the_selected_one_its_course() {
    let shared = shared(&[600, 3600, 21_600], 400, |t_obs, _| 120.0 / t_obs as f64);
    let mut view = screen(&shared);
    let text = drawn(&mut view, (80, 24));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("tweetoscope monitor  live   1200 predictions"), "{text}");
    assert!(lines[1].contains("skill") && lines[2].starts_with("window"), "{text}");
    for (place, (window, error)) in
        [("10m", "0.200"), ("1h", "0.033"), ("6h", "0.006")].into_iter().enumerate()
    {
        let line = lines[3 + place];
        assert!(line.starts_with(window) && line.contains(error) && line.contains("90%"), "{text}");
    }
    assert!(lines[3].contains("ok") && text.contains("10m: mean ARE"), "{text}");
    assert!(text.contains("share inside the interval") && text.contains("last 100"), "{text}");
    press(&mut view, KeyCode::Char('j'));
    assert!(drawn(&mut view, (80, 24)).contains("1h: mean ARE"));
    press(&mut view, KeyCode::End);
    press(&mut view, KeyCode::Down);
    assert!(drawn(&mut view, (80, 24)).contains("6h: mean ARE"));
    press(&mut view, KeyCode::Char('?'));
    assert!(drawn(&mut view, (80, 24)).contains("nominal 90%"));
    assert_eq!(view.key(KeyEvent::from(KeyCode::Char('q'))), Wish::Quit);
}

#[test]
fn a_drift_is_in_the_verdict_and_in_the_course() {
    let steady = shared(&[600], 500, |_, i| 0.1 + (i % 3) as f64 * 0.01);
    let drifting = shared(&[600], 500, |_, i| if i < 400 { 0.1 } else { 0.3 });
    let [steady, drifting] = [steady, drifting].map(|it| drawn(&mut screen(&it), (80, 24)));
    assert!(!steady.contains("drift") && steady.contains("ok"), "{steady}");
    assert_eq!(drifting.matches("drift").count(), 2, "in the table and the legend: {drifting}");
}

#[test]
fn the_view_fits_every_size_pauses_and_starts_empty() {
    let some = shared(&[300, 600, 1200, 1800, 3600, 7200, 21_600], 60, |_, _| 0.2);
    for size in [(80, 24), (120, 40), (40, 12), (20, 5), (5, 2), (1, 1)] {
        drawn(&mut screen(&some), size);
    }
    let none = screen(&shared(&[], 0, |_, _| 0.0));
    assert!(drawn(&mut { none }, (80, 24)).contains("no stats yet"));
    let mut view = screen(&some);
    drawn(&mut view, (80, 24));
    press(&mut view, KeyCode::Char('p'));
    view.shared = shared(&[600], 3, |_, _| 0.9);
    let text = drawn(&mut view, (80, 24));
    assert!(text.contains("paused") && text.contains("420 predictions"), "{text}");
    press(&mut view, KeyCode::Char('p'));
    assert!(drawn(&mut view, (80, 24)).contains("3 predictions"));
}

#[test]
fn a_narrow_terminal_omits_columns_and_cuts_no_number() {
    let shared = shared(&[600], 400, |_, _| 0.2);
    let whole = drawn(&mut screen(&shared), (100, 24));
    let whole: Vec<_> = whole.lines().nth(3).unwrap().split_whitespace().collect();
    for width in 29..=100 {
        let text = drawn(&mut screen(&shared), (width, 24));
        let row: Vec<_> = text.lines().nth(3).unwrap().split_whitespace().collect();
        assert!(row.iter().all(|word| whole.contains(word)), "{width}: {text}");
        assert!(row.starts_with(&["10m", "400", "0.200"]), "{width}: {text}");
        assert!(row.ends_with(&["ok"]), "{width}: {text}");
        assert!(width < 80 || row == whole, "{width}: {text}");
    }
    let mut view = screen(&shared);
    press(&mut view, KeyCode::Char('?'));
    assert!(drawn(&mut view, (80, 24)).contains("above 0, the predictions are better"));
    let words =
        |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let narrow = words(&drawn(&mut view, (30, 40)));
    assert!(narrow.contains("above 0, the predictions are better"), "{narrow}");
}

#[test]
fn the_number_of_predictions_below_the_plots_is_whole_or_short_or_absent() {
    let shared = shared(&[600], 12_345, |_, _| 0.2);
    for width in 29..=120 {
        let text = drawn(&mut screen(&shared), (width, 24));
        let axis = text.lines().rev().find(|line| line.contains('1') && !line.contains("quit"));
        for word in axis.unwrap_or_default().split_whitespace() {
            let is_number = word.starts_with(|c: char| c.is_ascii_digit());
            assert!(
                !is_number
                    || ["1", "12345", "12.3k"].contains(&word)
                    || word.contains(['.', '%', 'm']),
                "{width}: {text}"
            );
        }
    }
}
