//! The errors that end a daemon or abort a transaction, their messages and exit statuses.

use std::fmt;
use std::io;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::kafka::client::records::ProducerRecord;
use crate::kafka::client::settings::LARGEST_RECORD;

/// An error with an exit status of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// No broker answered within `--wait`.
    Unreachable(String),
    /// A client has lost all brokers, and connects to none of them again.
    Lost(String),
    /// A newer instance uses the same transactional id.
    Fenced(String),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreachable(text) | Self::Lost(text) | Self::Fenced(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Stopped {}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        let kind = match stopped {
            Stopped::Unreachable(_) | Stopped::Lost(_) => io::ErrorKind::HostUnreachable,
            Stopped::Fenced(_) => io::ErrorKind::ResourceBusy,
        };
        Self::new(kind, stopped)
    }
}

/// The exit status of an error, if it has one of its own (docs/kafka.md, Exit statuses).
pub fn status(error: &io::Error) -> Option<u8> {
    match stopped(error)? {
        Stopped::Unreachable(_) | Stopped::Lost(_) => Some(75),
        Stopped::Fenced(_) => Some(76),
    }
}

/// The error of a client that has lost all brokers.
pub(super) fn lost(brokers: &str) -> io::Error {
    Stopped::Lost(format!(
        "brokers {brokers} answered that the cluster has no broker at the moment, and the connection to \
         them is lost: start again"
    ))
    .into()
}

/// The [`Stopped`] in an error, if there is one.
pub(crate) fn stopped(error: &io::Error) -> Option<&Stopped> {
    error.get_ref()?.downcast_ref()
}

/// Whether a client has lost all brokers, so that only new clients connect again.
pub(crate) fn is_lost(error: &io::Error) -> bool {
    matches!(stopped(error), Some(Stopped::Lost(_)))
}

/// Whether a broker has rejected an instance because of a newer one with its id.
pub(crate) fn is_fenced(error: &io::Error) -> bool {
    matches!(stopped(error), Some(Stopped::Fenced(_)))
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(crate) enum TransactionError {
    /// It must be aborted: the state of all partitions is restored, and the daemon continues.
    Abort(String),
    /// The daemon ends.
    Fatal(io::Error),
}

impl From<io::Error> for TransactionError {
    fn from(error: io::Error) -> Self {
        Self::Fatal(error)
    }
}

/// An error that ends the daemon.
pub(crate) fn failed(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

/// The error where an offset was read that is beyond the end of its topic.
pub(crate) fn recreated(topic: &str, partition: i32, offset: i64, end: i64) -> io::Error {
    failed(format!(
        "topic {topic} partition {partition}: offset {offset} was read or committed, but the topic \
         ends at {end}: it was deleted and created again. Start a new group with --group"
    ))
}

/// The code of an error, if it has one.
pub(super) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    }
}

/// The error with its remedy, where the broker rejected a request for a reason that a retry does
/// not remove.
pub(super) fn refusal(code: Code, what: &str) -> Option<io::Error> {
    let text = match code {
        Code::TopicAuthorizationFailed => format!(
            "{what}: the broker's access rules deny this user the topic: grant Read and \
             Describe on topics that are read, Write and Describe on topics that are written"
        ),
        Code::GroupAuthorizationFailed => format!(
            "{what}: the broker's access rules deny this user the consumer group: grant Read \
             on the group, or use another with --group"
        ),
        Code::TransactionalIdAuthorizationFailed => format!(
            "{what}: the broker's access rules deny this user the transactional id: grant \
             Write on it, or use another with --transactional-id"
        ),
        Code::ClusterAuthorizationFailed => {
            format!("{what}: the broker's access rules deny this user the cluster")
        }
        Code::SaslAuthenticationFailed | Code::Authentication | Code::IllegalSASLState => {
            format!(
                "{what}: the broker refused the login: check sasl.password, sasl.username and \
                 sasl.mechanism"
            )
        }
        Code::MessageSizeTooLarge => format!(
            "{what}: a record is larger than the topic's max.message.bytes; --create-topics \
             creates topics with 16 MB, kafka-configs.sh --alter changes an existing topic"
        ),
        Code::UnsupportedVersion => {
            format!("{what}: the broker is too old for transactions (Kafka 2.5 or newer is needed)")
        }
        _ => return None,
    };
    Some(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// An error of librdkafka, with the operation `what`.
pub(super) fn explained(what: &str, error: &KafkaError) -> io::Error {
    let refused = code(error).and_then(|code| refusal(code, what));
    refused.unwrap_or_else(|| failed(format!("{what}: {error}")))
}

/// The error of a client that cannot be created: an unknown property, or an invalid value.
pub(super) fn configuration(error: &KafkaError) -> io::Error {
    let text = match error {
        // The value may be a secret.
        KafkaError::ClientConfig(_, what, name, _) => format!("property {name}: {}", {
            let end = what.find('"').unwrap_or(what.len());
            what[..end].trim_end()
        }),
        other => other.to_string(),
    };
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// The error of a record that is larger than a record may be.
pub(super) fn too_large(new: &ProducerRecord<'_>) -> io::Error {
    let bytes = new.value.map_or(0, <[u8]>::len);
    failed(format!(
        "topic {}: a record of {bytes} bytes (key {:?}) is larger than {LARGEST_RECORD}",
        new.topic,
        new.key.unwrap_or_default()
    ))
}
