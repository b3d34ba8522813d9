//! The records of docs/formats.md, one JSON object a line.
//!
//! [`Record`] owns its fields; a tweet, of which there are millions, is borrowed from its line as
//! an [`Event`](crate::event::Event). [`read`] also accepts the forms of the original system.

mod bodies;
mod errors;
mod explanation;
mod fast;
mod fields;
mod history_line;
mod item;
mod kernel_fit;
mod keyed;
mod kind;
mod kinds;
mod layout;
mod read;
mod scalar;
mod special;
mod text;
mod write;

pub use errors::{Report, Stat};
pub use explanation::Explanation;
pub use history_line::HistoryCascade;
pub use item::{Item, Refusal};
pub(crate) use item::{NOT_UTF_8, json};
pub use kernel_fit::KernelFit;
pub use keyed::keyed;
pub use kind::Kind;
pub use kinds::{Alert, History, Interval, Log, Model, Parameters, Sample, Serie, Size, Watermark};
#[cfg(test)]
pub(crate) use read::read_fully;
pub use read::{Reader, read};
pub use scalar::{Named, log_time};
pub(crate) use scalar::{ROUNDED, Scalar, exact, whole_text};
pub use write::{Record, write_event};
