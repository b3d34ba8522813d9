//! The monitor in the terminal: the figures of every window, and the history of one.

mod draw;
mod screen;

use ratatui::Frame;
use ratatui::crossterm::event::KeyEvent;

use crate::terminal::{View, Wish};

pub(super) use screen::Screen;

impl View for Screen<'_> {
    fn follow(&mut self) {
        Screen::follow(self);
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        draw::screen(frame, self);
    }

    fn key(&mut self, key: KeyEvent) -> Wish {
        Screen::key(self, key)
    }
}

#[cfg(test)]
mod tests;
