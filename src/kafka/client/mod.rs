//! The Kafka client: configuration, consumer, producer, administration, errors.

pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod context;
pub(crate) mod errors;
pub(crate) mod input;
pub(crate) mod models;
pub(crate) mod output;
pub(crate) mod properties;
pub(crate) mod reader;
pub(crate) mod settings;
pub(crate) mod topics;
