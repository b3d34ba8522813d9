//! Messages to the user: on stderr at every log level, and in the log files.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Target of log records that were printed on stderr already, so only the log files take them.
pub const PRINTED: &str = "tweetoscope::said";

/// Logs at level CRITICAL: an error that stops the service.
///
/// The highest level of the crate `log` is ERROR; the key-value pair `critical` marks the record.
#[macro_export]
macro_rules! critical {
    ($($message:tt)+) => { ::log::error!(critical = true; $($message)+) };
}

/// Prints a line on stderr at every log level; ignores a closed stderr.
pub fn print_stderr(text: &str) {
    let _ = Stderr.write_all(format!("tweetoscope: {}\n", printable(text)).as_bytes());
}

/// Bytes held back for the terminal; `None` where stderr is not held.
static HELD: Mutex<Option<Vec<u8>>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<Vec<u8>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The standard error stream; while a view holds the terminal, output is held back until the view ends.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// Maximum number of bytes held back; the log files are complete.
        const MAX_HELD: usize = 1 << 16;
        match &mut *held() {
            None => io::stderr().lock().write_all(bytes)?,
            Some(held) if held.len() + bytes.len() <= MAX_HELD => held.extend(bytes),
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
    print_stderr(text);
    log::warn!(target: PRINTED, "{text}");
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
