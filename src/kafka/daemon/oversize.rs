//! The limit on the number of bytes of a record.

use crate::input::blocks::{HEAD, MAX_TWEET_BYTES, max_line_bytes};
use crate::record::Refusal;
use crate::stream::{Frame, Refused};

/// The refusal of a record that has more bytes than a record of its type may have, or more than `max`.
pub(crate) fn oversize(bytes: &[u8], max: usize) -> Option<Refusal> {
    if bytes.len() <= MAX_TWEET_BYTES.min(max) {
        return None;
    }
    let limit = max_line_bytes(bytes, max);
    let text =
        || format!("the record has {} bytes; records of its type may have {limit}", bytes.len());
    (bytes.len() > limit).then(|| Refusal::new("size", text()))
}

/// The bytes of an oversized record that are reported.
pub(crate) fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(HEAD)]
}

/// Adds the oversized frames to `refused`, and returns the others; `None` if all have a valid size.
pub(crate) fn remove_oversized<'a>(
    frames: &[Frame<'a>],
    max: usize,
    refused: &mut Vec<Refused>,
) -> Option<Vec<Frame<'a>>> {
    let before = refused.len();
    let refusals = frames.iter().filter_map(|frame| {
        let refusal = oversize(frame.bytes, max)?;
        Some((frame.position, head(frame.bytes).to_vec(), refusal))
    });
    refused.extend(refusals);
    let fits = |frame: &&Frame<'_>| oversize(frame.bytes, max).is_none();
    (refused.len() > before).then(|| frames.iter().filter(fits).copied().collect())
}
