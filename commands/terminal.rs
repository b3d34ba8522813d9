//! The event loop of the live views. Keys come from /dev/tty, because stdin carries records.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::style::Color;
use ratatui::{Frame, Terminal};
use tweetoscope::stream::HeldStderr;

use crate::flags::is_without_colours;

/// Time between two updates of the screen.
const OFTEN: Duration = Duration::from_millis(250);
/// Time after which the thread of the keys sees that the view has ended.
const KEYS: Duration = Duration::from_millis(50);
/// The error of a write to a terminal that is gone.
const EIO: i32 = 5;

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

/// The terminal that keys are read from: stdin, or where that is none, the controlling terminal.
enum Keyboard {
    Stdin,
    Device(File),
}

impl Keyboard {
    fn open() -> io::Result<Self> {
        match io::stdin().is_terminal() {
            true => Ok(Self::Stdin),
            false => File::open("/dev/tty").map(Self::Device),
        }
    }

    /// Whether the terminal was closed: what was a terminal is none any more after a hang-up.
    fn is_gone(&self) -> bool {
        match self {
            Self::Stdin => !io::stdin().is_terminal(),
            Self::Device(file) => !file.is_terminal(),
        }
    }
}

/// The keys, read on a thread of their own: after a hang-up crossterm reads 0 bytes again and again, and does not return.
struct Keys {
    keyboard: Keyboard,
    events: Receiver<io::Result<Event>>,
    over: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
}

impl Keys {
    fn open() -> io::Result<Self> {
        let keyboard = Keyboard::open()?;
        let (to, events) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let reading = std::thread::spawn(move || read_keys(&to, &until));
        Ok(Self { keyboard, events, over, reading: Some(reading) })
    }

    /// The next event within `time`.
    fn next(&self, time: Duration) -> io::Result<Option<Event>> {
        match self.events.recv_timeout(time) {
            Ok(event) => event.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("the thread that reads the keys ended"))
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The keys after the view are those of others. The thread of a terminal that is gone does not end.
        if let (false, Some(reading)) = (self.keyboard.is_gone(), self.reading.take()) {
            let _ = reading.join();
        }
    }
}

fn read_keys(to: &Sender<io::Result<Event>>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let event = match event::poll(KEYS) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let is_error = event.is_err();
        if to.send(event).is_err() || is_error {
            return;
        }
    }
}

/// Restores the terminal when it is dropped; messages held back meanwhile are printed after it.
struct Screen<W: Write> {
    // Its own drop panics where the terminal of stderr is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<W>>>,
    _held: Option<HeldStderr>,
}

impl<W: Write> Screen<W> {
    fn open(mut to: W) -> io::Result<Self> {
        enable_raw_mode()?;
        execute!(to, EnterAlternateScreen).inspect_err(|_| {
            let _ = disable_raw_mode();
        })?;
        let held = io::stderr().is_terminal().then(HeldStderr::new);
        let terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(to))?);
        Ok(Self { terminal, _held: held })
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
        let _ = execute!(self.terminal.backend_mut(), LeaveAlternateScreen);
        let _ = self.terminal.show_cursor();
    }
}

/// Shows a view on the terminal `to` until the user quits, `stop` is set or the terminal is gone, which sets `stop`.
pub(crate) fn show(view: &mut impl View, to: impl Write, stop: &AtomicBool) -> io::Result<()> {
    // First, so that the keys are read as long as the screen is open.
    let mut screen = Screen::open(to)?;
    let keys = Keys::open()?;
    let shown = follow(view, &mut screen, &keys, stop);
    let is_gone = |error: &io::Error| error.raw_os_error() == Some(EIO);
    if keys.keyboard.is_gone() || shown.as_ref().is_err_and(is_gone) {
        stop.store(true, Ordering::Relaxed);
        return Ok(());
    }
    shown
}

fn follow<W: Write>(
    view: &mut impl View,
    screen: &mut Screen<W>,
    keys: &Keys,
    stop: &AtomicBool,
) -> io::Result<()> {
    let is_plain = is_without_colours();
    while !stop.load(Ordering::Relaxed) && !keys.keyboard.is_gone() {
        view.follow();
        screen.terminal.draw(|frame| {
            view.draw(frame);
            if is_plain {
                without_colours(frame.buffer_mut());
            }
        })?;
        let Some(Event::Key(key)) = keys.next(OFTEN)? else { continue };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if key.kind != KeyEventKind::Press => {}
            KeyCode::Char('c') if control => break,
            // Redraws what other programs have overwritten.
            KeyCode::Char('l') if control => {
                let size = screen.terminal.size()?;
                screen.terminal.resize(size.into())?;
            }
            _ if view.key(key) == Wish::Quit => break,
            _ => {}
        }
    }
    Ok(())
}

/// Whether a key types a character, without modifiers such as Ctrl.
pub(crate) fn is_plain(key: KeyEvent) -> bool {
    !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::META)
}

/// Takes the colours away. With NO_COLOR crossterm writes a colour as the sequence that also ends the reversal of a
/// selected row.
fn without_colours(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Modifier, Style};

    use super::*;

    #[test]
    fn without_colours_a_selection_stays_reversed() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        buffer.set_string(0, 0, "row", Style::new().fg(Color::Red).bg(Color::Blue).reversed());
        without_colours(&mut buffer);
        for cell in &buffer.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            assert_eq!(cell.modifier, Modifier::REVERSED);
        }
    }
}
