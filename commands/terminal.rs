//! The event loop of the live views. Keys come from /dev/tty, because stdin carries records.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Frame, Terminal};
use tweetoscope::stream::HeldStderr;

/// Time between two updates of the screen.
const OFTEN: Duration = Duration::from_millis(250);

/// What the loop does after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Stay,
    Quit,
}

/// A view that follows a stream.
pub(crate) trait View {
    /// Takes the current state of the stream.
    fn follow(&mut self);

    fn draw(&mut self, frame: &mut Frame<'_>);

    fn key(&mut self, key: KeyEvent) -> Wish;
}

/// Restores the terminal when it is dropped; messages held back meanwhile are printed after it.
struct Screen<W: Write> {
    terminal: Terminal<CrosstermBackend<W>>,
    _held: Option<HeldStderr>,
}

impl<W: Write> Screen<W> {
    fn open(mut to: W) -> io::Result<Self> {
        enable_raw_mode()?;
        execute!(to, EnterAlternateScreen).inspect_err(|_| {
            let _ = disable_raw_mode();
        })?;
        let held = io::stderr().is_terminal().then(HeldStderr::new);
        Ok(Self { terminal: Terminal::new(CrosstermBackend::new(to))?, _held: held })
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
        let _ = execute!(self.terminal.backend_mut(), LeaveAlternateScreen);
        let _ = self.terminal.show_cursor();
    }
}

/// Shows a view on the terminal `to` until the user quits or `stop` is set.
pub(crate) fn show(view: &mut impl View, to: impl Write, stop: &AtomicBool) -> io::Result<()> {
    let mut screen = Screen::open(to)?;
    while !stop.load(Ordering::Relaxed) {
        view.follow();
        screen.terminal.draw(|frame| view.draw(frame))?;
        if !event::poll(OFTEN)? {
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if key.kind != KeyEventKind::Press => {}
            KeyCode::Char('c') if control => break,
            // Redraws what other programs have overwritten.
            KeyCode::Char('l') if control => screen.terminal.clear()?,
            _ if view.key(key) == Wish::Quit => break,
            _ => {}
        }
    }
    Ok(())
}
