//! Predicts, from the first minutes of a retweet cascade, how big it will get.
pub mod cascade;
pub mod event;
pub mod forest;
pub mod hawkes;
pub mod record;
pub mod replay;
pub mod score;
pub mod stage;
pub mod stream;
