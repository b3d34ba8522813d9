//! A bar on stderr where the length of the input is known, a counter where it is not; neither
//! where stderr is no terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tweetoscope::stream::lines::{Input, OnBytes};

/// What to call with the bytes that were read.
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

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Bytes of plain files together; a gzip file or a pipe hides its length.
fn length(inputs: &[Input]) -> Option<u64> {
    let size = |input: &Input| match input {
        Input::Stdin => None,
        Input::File(path) if path.extension().is_some_and(|it| it == "gz") => None,
        Input::File(path) => std::fs::metadata(path).ok().map(|it| it.len()),
    };
    inputs.iter().map(size).sum()
}
