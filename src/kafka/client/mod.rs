//! The Kafka client: the only part of the crate that uses librdkafka.
//!
//! [`cluster::Cluster`] connects, serves requests about topics, and opens a
//! [`consumer::Consumer`] (the member of the group), a [`producer::Producer`] (transactions) and
//! [`reader::Reader`]s (partitions without a group). Daemons and the restore use them only through the
//! traits of [`interface`]. Types of rdkafka do not leave this module.

pub(crate) mod clock;
pub(crate) mod cluster;
mod config;
pub(crate) mod consumer;
mod consumer_errors;
mod context;
pub(crate) mod errors;
pub(crate) mod group_position;
pub(crate) mod interface;
mod members;
mod outages;
mod polled;
pub(crate) mod producer;
pub(crate) mod properties;
pub(crate) mod reader;
pub(crate) mod records;
mod remedy;
mod runs;
pub(crate) mod scan;
pub(crate) mod settings;
pub(crate) mod topics;
