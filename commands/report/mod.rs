//! `tweetoscope run --report`: the evaluation as one self-contained HTML page, without script and without requests.

mod page;
mod svg;
#[cfg(test)]
mod tests;

pub(crate) use page::{Content, html};
