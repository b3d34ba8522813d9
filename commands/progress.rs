//! Progress on stderr where that is a terminal: a bar where the length of the input is known, else a
//! counter of bytes.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tweetoscope::stream::lines::{Input, OnBytes};

/// The function to call with each number of bytes read; none where stderr is not a terminal.
pub(crate) fn over(inputs: &[Input]) -> Option<OnBytes> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = match length(inputs) {
        Some(length) => ProgressBar::new(length)
            .with_style(style("{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}")),
        None => {
            ProgressBar::no_length().with_style(style("{spinner} {bytes} {binary_bytes_per_sec}"))
        }
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    Some(Box::new(move |bytes| bar.inc(bytes)))
}

/// A bar of `count` steps of a kind; invisible where stderr is not a terminal.
pub(crate) fn steps(of: &str, count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64)
        .with_style(style(&format!("{{bar:30}} {{pos}}/{{len}} {of} {{elapsed}} {{eta}}")));
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The total length in bytes; unknown for a compressed file or a pipe.
fn length(inputs: &[Input]) -> Option<u64> {
    let size = |input: &Input| match input {
        Input::File(path) if !input.has_compressed_name() => {
            std::fs::metadata(path).ok().map(|it| it.len())
        }
        _ => None,
    };
    inputs.iter().map(size).sum()
}
