//! What is said to people: on stderr whatever the log level, and in the log files.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Target of log records that stand on stderr already, so that only files want them.
pub const SAID: &str = "tweetoscope::said";

/// Logs at the level CRITICAL: what stops the service, and should wake somebody.
///
/// The crate `log` ends at ERROR; the key-value `critical` lifts the record above it.
#[macro_export]
macro_rules! critical {
    ($($message:tt)+) => { ::log::error!(critical = true; $($message)+) };
}

/// Says something on stderr whatever the log level; stderr that is gone is nobody's loss.
pub fn say(text: &str) {
    let _ = Stderr.write_all(format!("tweetoscope: {}\n", shown(text)).as_bytes());
}

/// What waits for the terminal; none where nothing holds it.
static WAITING: Mutex<Option<Vec<u8>>> = Mutex::new(None);

fn waiting() -> MutexGuard<'static, Option<Vec<u8>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// stderr; while a view holds the terminal, what is written waits until that is gone.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// More than anybody reads; the log files have it all.
        const MOST: usize = 1 << 16;
        match &mut *waiting() {
            None => io::stderr().lock().write_all(bytes)?,
            Some(waiting) if waiting.len() + bytes.len() <= MOST => waiting.extend(bytes),
            Some(_) => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds the terminal for a view: what is said in the meantime comes when this is dropped.
pub struct Held(());

impl Held {
    /// From now on.
    #[expect(clippy::new_without_default, reason = "it does something")]
    pub fn new() -> Self {
        waiting().get_or_insert_default();
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let said = waiting().take().unwrap_or_default();
        let _ = io::stderr().lock().write_all(&said);
    }
}

/// Says something on stderr, and leaves it in the log files as a warning.
pub fn complain(text: &str) {
    say(text);
    log::warn!(target: SAID, "{text}");
}

/// `text` with all that a terminal would obey made visible.
pub fn shown(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if hostile(c) { safe.extend(c.escape_unicode()) } else { safe.push(c) }
    }
    safe
}
