//! The screen drawn into memory, with text that contains terminal control sequences.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use tweetoscope::cascade::Point;
use tweetoscope::record::{Alert, Explanation, Interval, Record};
use tweetoscope::stage::RecordRef;
use tweetoscope::stage::dashboard::Dashboard;

use super::*;
use crate::dashboard::figures::{count, short};

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
            reached_after: vec![],
            curve: [(600.0, 50.0), (6000.0, 100.0)]
                .map(|(time, magnitude)| Point { time, magnitude })
                .to_vec(),
            status: "ok".to_owned(),
            model: HOSTILE.to_owned(),
            method: HOSTILE.to_owned(),
            explanation: Some(Box::new(Explanation {
                step: HOSTILE.to_owned(),
                samples: 7,
                cascades: 9,
                average: 0.1,
                terms: vec![(HOSTILE.to_owned(), 0.7)],
                reasons: vec![format!("still accelerating: x1.8 {HOSTILE}")],
            })),
        };
        let item = Record::Alert(alert).into();
        shared.board().take(&[RecordRef { position: cid, item }]);
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
fn a_filter_is_edited_by_control_keys_and_finds_the_name_that_is_shown() {
    let board = shared(30);
    let mut screen = Screen::default();
    let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    press(&mut screen, "/one two");
    screen.key(control('w'));
    assert_eq!(screen.query.text, "one ");
    screen.key(KeyEvent::new(KeyCode::Char('x'), KeyModifiers::ALT));
    screen.key(control('a'));
    assert_eq!(screen.query.text, "one ", "other keys type nothing");
    screen.key(control('u'));
    assert_eq!(screen.query.text, "");
    press(&mut screen, "1/27\n");
    drawn(&mut screen, &board, (80, 24));
    assert_eq!(cids(&screen), ["27"]);
    screen.key(control('p'));
    assert!(!screen.paused);
    press(&mut screen, "\n");
    let text = drawn(&mut screen, &board, (80, 24));
    assert!(text.lines().any(|line| line.trim() == "1/27"), "{text}");
}

#[test]
fn an_open_cascade_without_an_interval_has_no_parentheses_and_whole_ages() {
    let board = Shared::default();
    let line = r#"{"type":"alert","cid":"z","T_obs":600,"n_tot":0}"#;
    let item = tweetoscope::record::read(line.as_bytes(), None, Dashboard::TAKES).unwrap();
    board.board().take(&[RecordRef { position: 0, item }]);
    let mut screen = Screen::default();
    drawn(&mut screen, &board, (80, 24));
    press(&mut screen, "\n");
    let text = drawn(&mut screen, &board, (80, 24));
    assert!(text.contains("predicted 0") && !text.contains("()"), "{text}");
    for width in 10..=80 {
        let text = drawn(&mut screen, &board, (width, 24));
        let age = text.contains("10m00s");
        assert!(age || !text.contains("m00s"), "{width}: {text}");
    }
}

#[test]
fn a_narrow_terminal_shows_rank_and_prediction_before_the_text() {
    for width in 18..=25 {
        let text = drawn(&mut Screen::default(), &shared(3), (width, 24));
        let row = text.lines().nth(2).unwrap();
        assert!(row.starts_with("1 2:") && row.trim_end().ends_with("300"), "{width}: {text}");
    }
}

#[test]
fn an_empty_board_states_that_there_are_no_alerts() {
    let text = drawn(&mut Screen::default(), &Shared::default(), (80, 24));
    assert!(text.contains("no alerts yet"), "{text}");
}

/// A board of the records of a case file.
fn board_of(case: &str) -> Shared {
    let shared = Shared::default();
    let path = format!("{}/testdata/cases/{case}", env!("CARGO_MANIFEST_DIR"));
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let item = tweetoscope::record::read(line.as_bytes(), None, Dashboard::TAKES).unwrap();
        shared.board().take(&[RecordRef { position: 0, item }]);
    }
    shared
}

#[test]
fn numbers_are_whole_or_abbreviated_at_every_width() {
    let shared = board_of("alerts_big_numbers.jsonl");
    let whole = ["12,345,678", "1,234,567-98,765,432", "1,200,000", "523,456", "120-1,430"];
    let abbreviated = ["12.3M", "1.2M-98.8M", "1.2M", "523k", "120-1,430"];
    for width in 20..=200 {
        let text = drawn(&mut Screen::default(), &shared, (width, 24));
        // Every number in the rows is one of those of the alerts, in one of both forms.
        let alerts = [
            [1.2e6, 12_345_678.0, 1_234_567.0, 98_765_432.0],
            [101_234.0, 523_456.0, 123_456.0, 1_434_567.0],
            [10_123.0, 52_345.0, 12_345.0, 143_456.0],
            [101.0, 523.0, 120.0, 1430.0],
        ];
        let forms: Vec<_> =
            alerts.iter().flatten().flat_map(|it| [count(*it), short(*it)]).collect();
        for line in text.lines().skip(2).take(3) {
            let (_, figures) = line.split_at(line.find(['l', 'm', 's']).unwrap());
            let words = figures
                .split_whitespace()
                .filter(|it| it.starts_with(|c: char| c.is_ascii_digit()));
            for number in words.filter(|it| !it.ends_with('s')).flat_map(|it| it.split('-')) {
                assert!(forms.iter().any(|form| form == number), "{width}: {number}\n{text}");
            }
        }
        let has = |wanted: [&str; 5]| wanted.iter().all(|it| text.contains(it));
        assert!(width < 80 || has(whole) || has(abbreviated), "{width}:\n{text}");
    }
}

#[test]
fn the_list_of_keys_is_whole_at_every_width() {
    for width in 36..=200 {
        let mut screen = Screen::default();
        press(&mut screen, "?");
        let text = drawn(&mut screen, &shared(30), (width, 24));
        for key in ["q quit", "e include cascades that are over", "Enter open", "Esc back"] {
            assert!(text.contains(key), "{width}: {key}\n{text}");
        }
    }
}

#[test]
fn a_cascade_that_is_over_is_shown_on_request() {
    let board = shared(2);
    let size = tweetoscope::record::Size {
        cid: "1".to_owned(),
        source: "1".to_owned(),
        t: 9000.0,
        t_obs: 600,
        n_tot: 5_000,
        t_end: 8000.0,
    };
    board.board().take(&[RecordRef::without_position(Record::Size(size))]);
    let mut screen = Screen::default();
    let text = drawn(&mut screen, &board, (80, 24));
    assert!(text.contains("0: ") && !text.contains("5,000"), "{text}");
    press(&mut screen, "e");
    let text = drawn(&mut screen, &board, (80, 24));
    assert!(text.contains("5,000 final") && text.contains("exceeded"), "{text}");
}

fn cids(screen: &Screen) -> Vec<&str> {
    screen.rows.iter().map(|row| row.key.cid.as_str()).collect()
}

#[test]
fn a_paused_view_sorts_and_filters_the_rows_it_holds() {
    let board = shared(30);
    let mut screen = Screen::default();
    drawn(&mut screen, &board, (80, 24));
    press(&mut screen, "p");
    drawn(&mut screen, &board, (80, 24));
    // Other records arrive, which are not shown.
    let other = shared(99);
    press(&mut screen, "/7: \n");
    drawn(&mut screen, &other, (80, 24));
    assert_eq!(cids(&screen), ["27", "17", "7"]);
    press(&mut screen, "/\u{1b}ssss");
    let text = drawn(&mut screen, &other, (80, 24));
    assert!(text.contains("by above") && text.contains("30 alerts"), "{text}");
    assert_eq!(cids(&screen)[0], "29");
    press(&mut screen, "p");
    drawn(&mut screen, &other, (80, 24));
    assert_eq!(cids(&screen)[0], "98");
}

#[test]
fn the_selected_cascade_stays_selected_where_it_changes_its_place() {
    let board = shared(30);
    let mut screen = Screen::default();
    drawn(&mut screen, &board, (80, 24));
    press(&mut screen, "jj");
    let line = r#"{"type":"alert","cid":"first","source":"1","t":700,"msg":"","T_obs":600,"n_obs":12,"n_tot":99999,"status":"ok","model":"x","method":"hawkes"}"#;
    let item = tweetoscope::record::read(line.as_bytes(), None, Dashboard::TAKES).unwrap();
    board.board().take(&[RecordRef { position: 0, item }]);
    drawn(&mut screen, &board, (80, 24));
    assert_eq!((cids(&screen)[0], screen.table.selected()), ("first", Some(2)));
    press(&mut screen, "\n");
    assert_eq!(screen.open.map(|key| key.cid).as_deref(), Some("28"));
}
