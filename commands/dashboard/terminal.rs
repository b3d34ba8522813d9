//! The board in the terminal: keys from /dev/tty, since stdin is data.

mod draw;

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::widgets::TableState;
use tweetoscope::stage::dashboard::{Detail, Entry, Key, Query};

use super::{MARK, Shared};
use crate::terminal::{self, View, Wish};

/// What is on the screen.
#[derive(Default)]
pub(super) struct Screen {
    rows: Vec<Entry>,
    detail: Option<Detail>,
    open: Option<Key>,
    query: Query,
    /// The filter is being typed.
    typing: bool,
    paused: bool,
    help: bool,
    over: bool,
    alerts: u64,
    cascades: usize,
    table: TableState,
}

/// The screen as a view of the board.
struct Following<'a> {
    screen: Screen,
    shared: &'a Shared,
    top: usize,
    marked: Option<Instant>,
}

/// Shows the board until somebody quits.
pub(super) fn show(
    shared: &Shared,
    top: usize,
    query: Query,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let screen = Screen { query, ..Screen::default() };
    let mut view = Following { screen, shared, top, marked: None };
    Ok(terminal::show(&mut view, io::stdout(), stop)?)
}

impl View for Following<'_> {
    fn follow(&mut self) {
        let mut board = self.shared.board();
        if board.predicted() > 0 && self.marked.is_none_or(|at| at.elapsed() > MARK) {
            board.save_ranks();
            self.marked = Some(now());
        }
        drop(board);
        self.screen.follow(self.shared, self.top);
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        draw::screen(frame, &mut self.screen);
    }

    fn key(&mut self, key: KeyEvent) -> Wish {
        self.screen.key(key)
    }
}

impl Screen {
    /// Takes what the board has now, unless it is paused.
    fn follow(&mut self, shared: &Shared, top: usize) {
        let board = shared.board();
        self.over = shared.is_over();
        if !self.paused {
            (self.alerts, self.cascades) = (board.alerts(), board.predicted());
            self.rows = board.top(top, &self.query);
        }
        if let (Some(key), false) = (&self.open, self.paused && self.detail.is_some()) {
            self.detail = board.detail(key, self.query.above);
        }
        drop(board);
        if self.table.selected().is_some_and(|row| row >= self.rows.len()) {
            self.table.select(self.rows.len().checked_sub(1));
        }
    }

    fn key(&mut self, key: KeyEvent) -> Wish {
        match key.code {
            _ if self.typing => self.type_filter(key.code),
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') => self.query.sort = self.query.sort.next(),
            KeyCode::Char('e') => self.query.hide_ended = !self.query.hide_ended,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('?') => self.help = !self.help,
            KeyCode::Char('j') | KeyCode::Down => self.table.select_next(),
            KeyCode::Char('k') | KeyCode::Up => self.table.select_previous(),
            KeyCode::Home => self.table.select_first(),
            KeyCode::End => self.table.select_last(),
            KeyCode::Enter => {
                let row = self.table.selected().and_then(|row| self.rows.get(row));
                self.open = row.or(self.rows.first()).map(|row| row.key.clone());
                self.detail = None;
            }
            KeyCode::Esc => {
                (self.open, self.detail) = (None, None);
                self.help = false;
            }
            _ => {}
        }
        Wish::Stay
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.query.text.clear();
            }
            KeyCode::Backspace => {
                self.query.text.pop();
            }
            KeyCode::Char(c) => self.query.text.push(c),
            _ => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "changes are told against some real time ago")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
