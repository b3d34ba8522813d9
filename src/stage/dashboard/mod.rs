//! The cascades with the largest predicted sizes: one row per cascade, of its newest alert.
//!
//! A pure sink: it emits nothing; a terminal or a page queries it. Memory is bounded by the number
//! of cascades, and of points that are kept of each.

mod board;
mod cascade;
mod entry;
mod growth;
mod query;
mod view;

pub use board::{Dashboard, MAX_CASCADES};
pub use cascade::Key;
pub use entry::{Change, Entry};
pub use query::{Query, Sort};
pub use view::{Detail, Expected};
