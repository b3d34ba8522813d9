//! What stops a daemon, in words for people, and the exit status that tells it to a supervisor.

use std::fmt;
use std::io;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// An end that a supervisor treats otherwise than a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// No broker answered for as long as was asked to wait.
    Unreachable(String),
    /// Another instance goes by the same transactional id.
    Fenced(String),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreachable(text) | Self::Fenced(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Stopped {}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        let kind = match stopped {
            Stopped::Unreachable(_) => io::ErrorKind::HostUnreachable,
            Stopped::Fenced(_) => io::ErrorKind::ResourceBusy,
        };
        Self::new(kind, stopped)
    }
}

/// The exit status that an error asks for (README.md, When something is wrong), where it asks for one of its own.
pub fn status(error: &io::Error) -> Option<u8> {
    match error.get_ref()?.downcast_ref::<Stopped>()? {
        Stopped::Unreachable(_) => Some(75),
        Stopped::Fenced(_) => Some(76),
    }
}

/// How a transaction, or all that was not committed, came to nothing.
#[derive(Debug)]
pub(crate) enum Lost {
    /// What was not committed is gone; the state must be found again, and then it goes on.
    Uncommitted(String),
    /// There is no going on.
    Failed(io::Error),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// An error that ends the daemon.
pub(crate) fn failed(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

/// The code inside an error, where it has one.
pub(crate) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    }
}

/// A refusal that no repetition mends, in words that say what to do about it.
pub(crate) fn refusal(code: Code, what: &str) -> Option<io::Error> {
    let text = match code {
        Code::TopicAuthorizationFailed => format!(
            "{what}: the broker's access rules refuse this user the topic: grant Read and \
             Describe on what is read, Write on what is written"
        ),
        Code::GroupAuthorizationFailed => format!(
            "{what}: the broker's access rules refuse this user the consumer group: grant Read \
             on the group, or name another with --group"
        ),
        Code::TransactionalIdAuthorizationFailed => format!(
            "{what}: the broker's access rules refuse this user the transactional id: grant \
             Write on it, or name another with --transactional-id"
        ),
        Code::ClusterAuthorizationFailed => {
            format!("{what}: the broker's access rules refuse this user the cluster")
        }
        Code::SaslAuthenticationFailed | Code::Authentication | Code::IllegalSASLState => {
            format!("{what}: the broker refused the login: check sasl.mechanism, sasl.username")
        }
        Code::MessageSizeTooLarge => format!(
            "{what}: a record is larger than the topic's max.message.bytes; --create-topics \
             makes topics that take 16 MB, kafka-configs.sh --alter changes one that is there"
        ),
        Code::UnsupportedVersion => {
            format!("{what}: the broker is too old for transactions (Kafka 2.5 or newer is needed)")
        }
        _ => return None,
    };
    Some(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// The error in words, after what was being done.
pub(crate) fn explained(what: &str, error: &KafkaError) -> io::Error {
    let known = code(error).and_then(|code| refusal(code, what));
    known.unwrap_or_else(|| failed(format!("{what}: {error}")))
}
