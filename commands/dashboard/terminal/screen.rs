//! The state of the view: rows, the open cascade, filter and order, and what keys change.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::widgets::TableState;
use tweetoscope::stage::dashboard::{Detail, Entry, Key, Query};

use crate::dashboard::shared::Shared;
use crate::terminal::{Wish, is_plain};

/// The state of the view.
#[derive(Default)]
pub(super) struct Screen {
    pub(super) rows: Vec<Entry>,
    /// While paused: all rows without those that are over, and with them.
    pub(super) held: Option<[Vec<Entry>; 2]>,
    pub(super) detail: Option<Detail>,
    pub(super) open: Option<Key>,
    pub(super) query: Query,
    /// Keys are added to the filter.
    pub(super) typing: bool,
    pub(super) paused: bool,
    pub(super) help: bool,
    pub(super) over: bool,
    pub(super) alerts: u64,
    pub(super) cascades: usize,
    /// Cascades that are over.
    pub(super) ended: usize,
    pub(super) table: TableState,
    /// The cascade of the selected row, which stays selected where it changes its place.
    pub(super) chosen: Option<Key>,
}

impl Screen {
    /// Takes the current rows of the board, unless paused.
    pub(super) fn follow(&mut self, shared: &Shared, top: usize) {
        let board = shared.board();
        self.over = shared.is_over();
        if !self.paused || self.held.is_none() {
            (self.alerts, self.cascades) = (board.alerts(), board.predicted());
            self.ended = board.ended();
        }
        if self.paused {
            let above = self.query.above;
            let all = |ended| board.top(usize::MAX, &Query { above, ended, ..Query::default() });
            let held = self.held.get_or_insert_with(|| [false, true].map(all));
            self.rows = self.query.select(&held[usize::from(self.query.ended)], top);
        } else {
            self.held = None;
            self.rows = board.top(top, &self.query);
        }
        if let (Some(key), false) = (&self.open, self.paused && self.detail.is_some()) {
            self.detail = board.detail(key, self.query.above);
        }
        drop(board);
        let is_chosen = |row: &Entry| Some(&row.key) == self.chosen.as_ref();
        if let Some(place) = self.rows.iter().position(is_chosen) {
            self.table.select(Some(place));
        }
        self.choose();
    }

    /// Stores the key of the cascade of the selected row in `chosen`.
    fn choose(&mut self) {
        let last = self.rows.len().checked_sub(1);
        let place = self.table.selected().zip(last).map(|(place, last)| place.min(last));
        self.table.select(place);
        self.chosen = place.map(|place| self.rows[place].key.clone());
    }

    pub(super) fn key(&mut self, key: KeyEvent) -> Wish {
        match key.code {
            _ if self.typing => self.type_filter(key),
            KeyCode::Char(_) if !is_plain(key) => {}
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') => self.query.sort = self.query.sort.next(),
            KeyCode::Char('e') => self.query.ended = !self.query.ended,
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
        self.choose();
        Wish::Stay
    }

    /// Edits the filter; Ctrl-U and Ctrl-W delete as in a shell.
    fn type_filter(&mut self, key: KeyEvent) {
        let text = &mut self.query.text;
        match key.code {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                text.clear();
            }
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char('u') if key.modifiers == KeyModifiers::CONTROL => text.clear(),
            KeyCode::Char('w') if key.modifiers == KeyModifiers::CONTROL => {
                let kept = text.trim_end().rfind(char::is_whitespace);
                text.truncate(kept.map_or(0, |at| at + 1));
            }
            KeyCode::Char(c) if is_plain(key) => text.push(c),
            _ => {}
        }
    }
}
