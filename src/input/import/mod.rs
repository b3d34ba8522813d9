//! Importers: lines of posts as platforms publish them, converted to tweets and retweets.
//!
//! One file per format. A reader takes a line and returns the posts in it (`Post`); [`Importer`] counts them
//! and everything else. [`Cascader`] converts posts to events as they arrive, in bounded memory;
//! [`Posts`] collects posts of files into cascades. The mapping is in docs/formats/.

mod cascader;
mod format;
mod importer;
mod jetstream;
mod mastodon;
mod missing;
mod post;
mod posts;
mod recognise;
mod weibo;
mod x_v11;
mod x_v2;

#[cfg(test)]
mod tests;

pub use cascader::Cascader;
pub use format::{Format, PostFormat};
pub use importer::Importer;
pub use missing::MissingRoot;
pub use posts::Posts;
pub(super) use recognise::{PARQUET, is_page, of_other_format};
pub use recognise::{Recognised, recognise};
