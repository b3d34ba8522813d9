//! The monitor in the terminal: every window's figures, and the course of one.

mod draw;

use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::widgets::TableState;
use tweetoscope::record::Report;
use tweetoscope::stage::monitor::Moment;

use super::Shared;
use crate::Outcome;
use crate::terminal::{View, Wish};

/// What is on the screen.
pub(super) struct Screen<'a> {
    shared: Shared,
    over: Box<dyn Fn() -> bool + 'a>,
    /// The last so many are summed up beside all.
    last: usize,
    reports: Vec<Report>,
    courses: BTreeMap<u64, Vec<Moment>>,
    scored: u64,
    /// When the figures may be made anew: with many predictions that takes a while.
    due: Option<Instant>,
    table: TableState,
    paused: bool,
    help: bool,
}

impl<'a> Screen<'a> {
    /// Nothing yet; the input is over when `reading` is.
    pub(super) fn new(
        shared: Shared,
        reading: &'a JoinHandle<anyhow::Result<Outcome>>,
        last: usize,
    ) -> Self {
        Self::with(shared, Box::new(|| reading.is_finished()), last)
    }

    fn with(shared: Shared, over: Box<dyn Fn() -> bool + 'a>, last: usize) -> Self {
        Self {
            shared,
            over,
            last,
            reports: Vec::new(),
            courses: BTreeMap::new(),
            scored: 0,
            due: None,
            table: TableState::new().with_selected(0),
            paused: false,
            help: false,
        }
    }

    /// The window whose course is shown.
    fn chosen(&self) -> Option<(&Report, &[Moment])> {
        let report = self.reports.get(self.table.selected()?)?;
        Some((report, self.courses.get(&report.t_obs)?))
    }
}

impl View for Screen<'_> {
    fn follow(&mut self) {
        /// The figures take at most about a tenth of the time.
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
        self.courses = monitor.courses();
        drop(monitor);
        let took = began.elapsed();
        self.due = Some(began + (took * SHARE).min(Duration::from_secs(10)));
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        draw::screen(frame, self);
    }

    fn key(&mut self, key: KeyEvent) -> Wish {
        match key.code {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
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

#[expect(clippy::disallowed_methods, reason = "how often a screen is drawn")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
