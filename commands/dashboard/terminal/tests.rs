//! The screen drawn into memory, with text that contains terminal control sequences.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use tweetoscope::cascade::Point;
use tweetoscope::record::{Alert, Interval, Record};
use tweetoscope::stage::{Body, RecordRef};

use super::*;

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}lamron\r\n\u{9b}31m 東京\u{0}";

fn shared(count: u64) -> Shared {
    let shared = Shared::default();
    for cid in 0..count {
        let alert = Alert {
            cid: cid.to_string(),
            source: "1".to_owned(),
            t: 700.0,
            msg: format!("{cid}: {HOSTILE}"),
            t_obs: 600,
            n_obs: 12,
            n_tot: 100.0 * (cid + 1) as f64,
            interval: Some(Interval { level: 0.9, low: 12.0, high: 3e4 }),
            p_above: vec![("1000".to_owned(), 0.02)],
            curve: [(600.0, 50.0), (6000.0, 100.0)]
                .map(|(time, magnitude)| Point { time, magnitude })
                .to_vec(),
            status: "ok".to_owned(),
            model: HOSTILE.to_owned(),
            method: HOSTILE.to_owned(),
        };
        let body = Body::Record(Box::new(Record::Alert(alert)));
        shared.board().take(&[RecordRef { position: cid, body }]);
    }
    shared
}

fn drawn(screen: &mut Screen, shared: &Shared, (width, height): (u16, u16)) -> String {
    screen.follow(shared, 10);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::screen(frame, screen)).unwrap();
    let buffer = terminal.backend().buffer();
    for cell in buffer.content() {
        assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{cell:?}");
    }
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn press(screen: &mut Screen, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        assert_eq!(screen.key(KeyEvent::from(code)), Wish::Stay);
    }
}

#[test]
fn control_sequences_in_text_are_escaped_at_every_size() {
    let shared = shared(30);
    for size in [(80, 24), (120, 40), (200, 50), (20, 5), (1, 1), (5, 2)] {
        let mut screen = Screen::default();
        drawn(&mut screen, &shared, size);
        press(&mut screen, "\n");
        drawn(&mut screen, &shared, size);
        press(&mut screen, "?");
        drawn(&mut screen, &shared, size);
    }
    let text = drawn(&mut Screen::default(), &shared, (200, 24));
    assert!(text.contains("29: \\u{1b}[2J"), "{text}");
}

#[test]
fn the_largest_predictions_are_first_with_all_their_figures() {
    let text = drawn(&mut Screen::default(), &shared(30), (80, 24));
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("tweetoscope  live   30 alerts, 30 cascades, by predicted"),
        "{text}"
    );
    assert!(lines[1].contains("P>1,000"), "{text}");
    for wanted in ["  1", "12", "3,000", "12-30,000", "2%", "10m00s"] {
        assert!(lines[2].contains(wanted), "{wanted}: {text}");
    }
    assert!(lines[11].contains("2,100") && lines[12].trim().is_empty(), "ten rows: {text}");
}

#[test]
fn keys_sort_filter_pause_open_and_close() {
    let board = shared(30);
    let mut screen = Screen::default();
    press(&mut screen, "s");
    assert!(drawn(&mut screen, &board, (80, 24)).contains("by observed"));
    press(&mut screen, "/7: \n");
    let text = drawn(&mut screen, &board, (80, 24));
    assert!(
        text.contains("filter: 7: ") && text.contains("27: ") && !text.contains("28: "),
        "{text}"
    );
    press(&mut screen, "/\u{1b}");
    drawn(&mut screen, &board, (80, 24));
    press(&mut screen, "jj\n");
    let text = drawn(&mut screen, &board, (80, 24));
    assert!(text.contains("growth: events by age") && text.contains("predicted 2,900"), "{text}");
    press(&mut screen, "\u{1b}p");
    let before = drawn(&mut screen, &board, (80, 24));
    assert!(before.contains("paused"));
    assert_eq!(before, drawn(&mut screen, &shared(99), (80, 24)), "a pause holds the picture");
    assert_eq!(screen.key(KeyEvent::from(KeyCode::Char('q'))), Wish::Quit);
}

#[test]
fn an_empty_board_states_that_there_are_no_alerts() {
    let text = drawn(&mut Screen::default(), &Shared::default(), (80, 24));
    assert!(text.contains("no alerts yet"), "{text}");
}
