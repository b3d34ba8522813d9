//! Predicts, from the first minutes of a retweet cascade, how big it will get.
pub mod cascade;
pub mod event;
pub mod hawkes;
pub mod record;
pub mod replay;
pub mod stage;
pub mod stream;
