//! Messages to the user: on stderr at every log level, and in the log files.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lines::named;

/// Target of the log records of messages to the user. They were printed on stderr already, so that only the log files take
/// them, unless [`log_messages`] was called.
pub const PRINTED: &str = "tweetoscope::printed";

/// Logs at level CRITICAL: an error that ends the command, or that loses data.
///
/// The highest level of the crate `log` is ERROR; the key-value pair `critical` marks the record.
#[macro_export]
macro_rules! critical {
    (target: $target:expr, $($message:tt)+) => {
        ::log::error!(target: $target, critical = true; $($message)+)
    };
    ($($message:tt)+) => { ::log::error!(critical = true; $($message)+) };
}

/// Whether messages to the user are printed by the log.
static IN_LOG: AtomicBool = AtomicBool::new(false);

/// From now on messages to the user are records of the log, with the target [`PRINTED`], and not printed as text: where
/// the log on stderr is JSON, so is every message.
pub fn log_messages() {
    IN_LOG.store(true, Ordering::Relaxed);
}

/// Whether [`log_messages`] was called.
pub fn are_messages_logged() -> bool {
    IN_LOG.load(Ordering::Relaxed)
}

/// Prints a line on stderr at every log level; ignores a closed stderr.
pub fn print_stderr(text: &str) {
    if are_messages_logged() {
        log::info!(target: PRINTED, "{text}");
    } else {
        print_text(text);
    }
}

/// The same as text in any case, for what the log itself reports.
pub fn print_text(text: &str) {
    let _ = Stderr.write_all(format!("tweetoscope: {}\n", printable(text)).as_bytes());
}

/// Bytes held back for the terminal; `None` where stderr is not held.
static HELD: Mutex<Option<Vec<u8>>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<Vec<u8>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream that may be a terminal: there, control and bidirectional characters are escaped except
/// for the end of a line and the tab, so that an id cannot control the terminal. Bytes for a pipe or a
/// file are not changed.
struct Guarded {
    is_terminal: bool,
    /// The beginning of a character whose end is not written yet.
    begun: Vec<u8>,
}

impl Guarded {
    /// The bytes to write to the stream for `bytes`.
    fn guarded<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.is_terminal {
            return Cow::Borrowed(bytes);
        }
        let mut whole = std::mem::take(&mut self.begun);
        whole.extend_from_slice(bytes);
        if let Err(error) = str::from_utf8(&whole)
            && error.error_len().is_none()
        {
            self.begun = whole.split_off(error.valid_up_to());
        }
        let text = String::from_utf8_lossy(&whole);
        let mut safe = String::with_capacity(text.len());
        for part in text.split_inclusive(['\n', '\t']) {
            let end = part.len() - usize::from(part.ends_with(['\n', '\t']));
            safe.push_str(&printable(&part[..end]));
            safe.push_str(&part[end..]);
        }
        Cow::Owned(safe.into_bytes())
    }
}

/// The standard output, which its errors name; on a terminal, control characters are escaped.
pub struct Stdout(Guarded);

impl Stdout {
    /// The standard output of this process.
    #[expect(clippy::new_without_default, reason = "it depends on the process")]
    pub fn new() -> Self {
        Self(Guarded { is_terminal: io::stdout().is_terminal(), begun: Vec::new() })
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let safe = self.0.guarded(bytes);
        io::stdout().lock().write_all(&safe).map_err(|error| named("stdout", &error))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush().map_err(|error| named("stdout", &error))
    }
}

/// The standard error stream; control characters are escaped on a terminal, and while a view holds the terminal, output is held back until the view ends.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// Maximum number of bytes held back; the log files are complete.
        const MAX_HELD: usize = 1 << 16;
        let is_terminal = io::stderr().is_terminal();
        let safe = Guarded { is_terminal, begun: Vec::new() }.guarded(bytes).into_owned();
        match &mut *held() {
            None => io::stderr().lock().write_all(&safe)?,
            Some(held) if held.len() + safe.len() <= MAX_HELD => held.extend(safe),
            Some(_) => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds stderr back for a view of the terminal; dropping it prints the output held back.
pub struct HeldStderr(());

impl HeldStderr {
    /// Holds stderr back from now on.
    #[expect(clippy::new_without_default, reason = "the constructor has a side effect")]
    pub fn new() -> Self {
        held().get_or_insert_default();
        Self(())
    }
}

impl Drop for HeldStderr {
    fn drop(&mut self) {
        let bytes = held().take().unwrap_or_default();
        let _ = io::stderr().lock().write_all(&bytes);
    }
}

/// Prints a line on stderr, and logs it as a warning in the log files.
pub fn report(text: &str) {
    if !are_messages_logged() {
        print_text(text);
    }
    log::warn!(target: PRINTED, "{text}");
}

/// Prints a line on stderr, and logs it at CRITICAL in the log files: data is lost.
pub fn report_loss(text: &str) {
    if !are_messages_logged() {
        print_text(text);
    }
    crate::critical!(target: PRINTED, "{text}");
}

/// `text` with control and bidirectional characters escaped, so that it cannot control a terminal.
pub fn printable(text: &str) -> String {
    let is_control = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_control(c) { escaped.extend(c.escape_unicode()) } else { escaped.push(c) }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_for_a_terminal_and_unchanged_for_a_pipe() {
        let text = "a\u{1b}[31mR\u{9b}31m\u{7}\u{202e}z\u{7f}\u{85}\t东\n".as_bytes();
        let whole = |is_terminal, size: usize| {
            let mut stream = Guarded { is_terminal, begun: Vec::new() };
            text.chunks(size).flat_map(|part| stream.guarded(part).into_owned()).collect::<Vec<_>>()
        };
        // Characters may be divided between two writes.
        for size in 1..=text.len() {
            assert_eq!(whole(false, size), text);
            let safe = String::from_utf8(whole(true, size)).unwrap();
            assert_eq!(
                safe, "a\\u{1b}[31mR\\u{9b}31m\\u{7}\\u{202e}z\\u{7f}\\u{85}\t东\n",
                "{size}"
            );
        }
        let mut stream = Guarded { is_terminal: true, begun: Vec::new() };
        assert_eq!(&*stream.guarded(b"\x9b31m\xff"), "\u{fffd}31m\u{fffd}".as_bytes());
    }
}
