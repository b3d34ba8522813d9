//! What is said to people: on stderr whatever the log level, and in the log files.

use std::io::{self, Write};

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
    let _ = writeln!(io::stderr().lock(), "tweetoscope: {}", shown(text));
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
