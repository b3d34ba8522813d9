//! What an error of a transaction requires, by the documentation of librdkafka.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// What an error of a transaction requires.
pub(super) enum Remedy {
    /// The call is repeated.
    Retry,
    /// The transaction is aborted.
    Abort,
    /// The producer is replaced by a new one.
    Replace,
}

/// The remedy of an error.
pub(super) fn remedy(error: &KafkaError) -> Remedy {
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => Remedy::Replace,
        KafkaError::Transaction(error) if error.txn_requires_abort() => Remedy::Abort,
        KafkaError::Transaction(error) if error.is_retriable() => Remedy::Retry,
        KafkaError::Transaction(error) => match error.code() {
            Code::OperationTimedOut | Code::InProgress => Remedy::Retry,
            Code::State => Remedy::Abort,
            _ => Remedy::Replace,
        },
        KafkaError::Flush(_) => Remedy::Retry,
        _ => Remedy::Abort,
    }
}
