//! The state of the view: the figures shown, the selected window, and what keys change.

use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::widgets::TableState;
use tweetoscope::record::Report;
use tweetoscope::stage::monitor::ErrorPoint;

use crate::flags::Outcome;
use crate::monitor::shared::Shared;
use crate::terminal::{Wish, is_plain};

/// The state of the view.
pub(crate) struct Screen<'a> {
    pub(super) shared: Shared,
    pub(super) over: Box<dyn Fn() -> bool + 'a>,
    /// Number of newest stats that are summarised.
    pub(super) last: usize,
    pub(super) reports: Vec<Report>,
    pub(super) histories: BTreeMap<u64, Vec<ErrorPoint>>,
    pub(super) scored: u64,
    /// Time of the next update, which takes long with many predictions.
    pub(super) due: Option<Instant>,
    pub(super) table: TableState,
    pub(super) paused: bool,
    pub(super) help: bool,
}

impl<'a> Screen<'a> {
    /// An empty view; the input has ended when `reading` has.
    pub(crate) fn new(
        shared: Shared,
        reading: &'a JoinHandle<anyhow::Result<Outcome>>,
        last: usize,
    ) -> Self {
        Self::with(shared, Box::new(|| reading.is_finished()), last)
    }

    pub(super) fn with(shared: Shared, over: Box<dyn Fn() -> bool + 'a>, last: usize) -> Self {
        Self {
            shared,
            over,
            last,
            reports: Vec::new(),
            histories: BTreeMap::new(),
            scored: 0,
            due: None,
            table: TableState::new().with_selected(0),
            paused: false,
            help: false,
        }
    }

    /// The window whose history is shown.
    pub(super) fn selected(&self) -> Option<(&Report, &[ErrorPoint])> {
        let report = self.reports.get(self.table.selected()?)?;
        Some((report, self.histories.get(&report.t_obs)?))
    }

    /// Takes the current figures, unless paused.
    pub(super) fn follow(&mut self) {
        /// An update takes at most about a tenth of the time.
        const SHARE: u32 = 10;
        let began = now();
        if self.paused || self.due.is_some_and(|due| began < due) {
            return;
        }
        let monitor = self.shared.monitor();
        if monitor.scored() == self.scored {
            return;
        }
        self.scored = monitor.scored();
        self.reports = monitor.reports();
        self.histories = monitor.histories();
        drop(monitor);
        let took = began.elapsed();
        self.due = Some(began + (took * SHARE).min(Duration::from_secs(10)));
    }

    /// Applies a key; `Wish::Quit` for q.
    pub(super) fn key(&mut self, key: KeyEvent) -> Wish {
        match key.code {
            KeyCode::Char(_) if !is_plain(key) => {}
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Char('p' | ' ') => {
                self.paused = !self.paused;
                // Resumed, it shows the current figures at once.
                self.due = None;
            }
            KeyCode::Char('?') => self.help = !self.help,
            KeyCode::Esc => self.help = false,
            KeyCode::Char('j') | KeyCode::Down | KeyCode::Tab => self.table.select_next(),
            KeyCode::Char('k') | KeyCode::Up | KeyCode::BackTab => self.table.select_previous(),
            KeyCode::Home => self.table.select_first(),
            KeyCode::End => self.table.select_last(),
            _ => {}
        }
        let last = self.reports.len().saturating_sub(1);
        self.table.select(self.table.selected().map(|row| row.min(last)));
        Wish::Stay
    }
}

#[expect(clippy::disallowed_methods, reason = "limits how often the screen is updated")]
fn now() -> Instant {
    Instant::now()
}
