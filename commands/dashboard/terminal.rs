//! The board in the terminal.

mod columns;
mod draw;
mod screen;

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ratatui::Frame;
use ratatui::crossterm::event::KeyEvent;
use tweetoscope::stage::dashboard::Query;

use super::shared::{RANKING_INTERVAL, Shared};
use crate::terminal::{self, View, Wish};
use screen::Screen;

/// The screen as a view of the board.
struct Following<'a> {
    screen: Screen,
    shared: &'a Shared,
    top: usize,
    marked: Option<Instant>,
}

/// Shows the board until the user quits.
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
        if board.predicted() > 0 && self.marked.is_none_or(|at| at.elapsed() > RANKING_INTERVAL) {
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

#[expect(clippy::disallowed_methods, reason = "changes of rank refer to a real time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
