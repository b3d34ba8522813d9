//! The cascades with the largest predicted sizes: one row per cascade, of its newest alert.
//!
//! A pure sink: it emits nothing; a terminal or a page queries it. Memory is bounded by the number
//! of cascades, and of points that are kept of each.

mod board;
mod cascade;
mod growth;
mod view;

pub use board::{Dashboard, MAX_CASCADES};
pub use cascade::Key;
pub use view::{Change, Detail, Entry, Expected, Query, Sort};
