//! The errors of consumers: those that end the command, and those that librdkafka retries, which are
//! counted, and reported when they persist.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::kafka::client::clock::now;
use crate::kafka::client::errors::{Stopped, code, explained, failed, refusal};

/// Time after which transient errors are reported.
const REPORT_AFTER: Duration = Duration::from_secs(10);
/// Time without an error after which a later one is unrelated. Retries of librdkafka are at most ten
/// seconds apart.
const MAX_GAP: Duration = Duration::from_secs(30);

/// Whether librdkafka retries after this error, which the cluster can resolve without a change of
/// configuration. All errors that are not listed here end the command.
fn is_transient(code: Code) -> bool {
    matches!(
        code,
        // Connections and requests.
        Code::AllBrokersDown
            | Code::BrokerDestroy
            | Code::BrokerTransportFailure
            | Code::DestroyBroker
            | Code::InProgress
            | Code::Interrupted
            | Code::MessageTimedOut
            | Code::NetworkException
            | Code::NodeUpdate
            | Code::OperationTimedOut
            | Code::Outdated
            | Code::Partial
            | Code::PreviousInProgress
            | Code::RebootstrapRequired
            | Code::RequestTimedOut
            | Code::Resolve
            | Code::Retry
            | Code::SSL
            | Code::ThrottlingQuotaExceeded
            | Code::TimedOutQueue
            | Code::UnknownBroker
            | Code::WaitCache
            // Elections, reassignments and replication.
            | Code::BrokerNotAvailable
            | Code::FencedLeaderEpoch
            | Code::FetchSessionIdNotFound
            | Code::InvalidFetchSessionEpoch
            | Code::KafkaStorageError
            | Code::LeaderNotAvailable
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::NotLeaderForPartition
            | Code::OffsetNotAvailable
            | Code::PreferredLeaderNotAvailable
            | Code::ReassignmentInProgress
            | Code::ReplicaNotAvailable
            | Code::Unknown
            | Code::UnknownLeaderEpoch
            | Code::UnknownTopicId
            // The group and its coordinator.
            | Code::AssignmentLost
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::FencedMemberEpoch
            | Code::IllegalGeneration
            | Code::MemberIdRequired
            | Code::NotCoordinator
            | Code::PollExceeded
            | Code::RebalanceInProgress
            | Code::StaleMemberEpoch
            | Code::UnknownMemberId
            | Code::UnstableOffsetCommit
            | Code::WaitingForCoordinator
    )
}

/// The message of an error that ends the command; `place`: where the next records are.
fn ending(code: Code, what: &str, place: &str) -> io::Error {
    let remedy = match code {
        Code::OffsetOutOfRange | Code::AutoOffsetReset => {
            "retention deleted an offset that is still needed".to_owned()
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            "the topic was deleted".to_owned()
        }
        Code::NotImplemented | Code::UnsupportedCompressionType => format!(
            "a batch{place} has a compression codec or a format that this build does not support \
             (zstd needs a build with the feature zstd): use such a build, or set compression.type \
             of the topic and of its producers to lz4 or gzip"
        ),
        Code::BadCompression | Code::BadMessage | Code::InvalidMessage => format!(
            "a batch{place} is corrupt; it is not skipped, since its records would be lost. \
             Restore the topic from a replica, or start after it with a new --group"
        ),
        Code::InvalidSessionTimeout => "session.timeout.ms is outside the limits of the broker, \
             group.min.session.timeout.ms and group.max.session.timeout.ms: change -X \
             session.timeout.ms"
            .to_owned(),
        Code::InconsistentGroupProtocol => {
            "the group has a member with another partition.assignment.strategy or of another \
             kind: give all members the same -X partition.assignment.strategy (default: \
             cooperative-sticky), or stop the others first"
                .to_owned()
        }
        Code::UnsupportedAssignor => {
            "the broker does not have the assignor: change -X group.remote.assignor".to_owned()
        }
        Code::GroupMaxSizeReached => {
            "the group has group.max.size members already: stop one, or raise the limit of the \
             broker"
                .to_owned()
        }
        Code::UnreleasedInstanceId => {
            "another member has the same group.instance.id: give each instance its own \
             --transactional-id"
                .to_owned()
        }
        _ => "librdkafka does not retry this error".to_owned(),
    };
    failed(format!("{what}: {remedy}: {code}"))
}

/// The errors of one consumer.
pub(super) struct ConsumerErrors {
    /// What is read, for messages.
    what: String,
    /// Numbers of errors by the name of the code.
    counts: RefCell<BTreeMap<String, u64>>,
    /// Times of the first and last error of a sequence that no progress interrupted.
    sequence: Cell<Option<(Instant, Instant)>>,
    is_reported: Cell<bool>,
}

impl ConsumerErrors {
    pub(super) fn new(what: String) -> Self {
        let (counts, sequence, is_reported) = Default::default();
        Self { what, counts, sequence, is_reported }
    }

    /// Counts an error, and returns it if it ends the command. `place`: where the next records are.
    pub(super) fn check(&self, error: &KafkaError, place: impl Fn() -> String) -> io::Result<()> {
        let Some(code) = code(error) else { return Err(explained(&self.what, error)) };
        *self.counts.borrow_mut().entry(format!("{code:?}")).or_default() += 1;
        if let Some(refused) = refusal(code, &self.what) {
            return Err(refused);
        }
        match code {
            Code::FencedInstanceId | Code::Fenced => Err(Stopped::Fenced(format!(
                "{}: {error}: a newer instance has joined the group with the same --transactional-id",
                self.what
            ))
            .into()),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(explained(&self.what, error))
            }
            _ if is_transient(code) => {
                self.add_transient(error, now());
                Ok(())
            }
            _ => Err(ending(code, &self.what, &place())),
        }
    }

    /// Logs an error that is retried, as a warning where such errors persist. Returns whether it did so.
    fn add_transient(&self, error: &KafkaError, now: Instant) -> bool {
        let first = match self.sequence.get() {
            Some((first, last)) if now - last < MAX_GAP => first,
            _ => {
                self.is_reported.set(false);
                now
            }
        };
        self.sequence.set(Some((first, now)));
        let lasted = now - first;
        let is_warning = lasted >= REPORT_AFTER && !self.is_reported.replace(true);
        if is_warning {
            log::warn!(
                "{}: errors for {:.0} s, which are retried; the last: {error}",
                self.what,
                lasted.as_secs_f64()
            );
        } else {
            log::info!("{}: {error}", self.what);
        }
        is_warning
    }

    /// A record, the end of a partition or an assignment was received.
    pub(super) fn clear(&self) {
        self.sequence.set(None);
        self.is_reported.set(false);
    }

    /// Numbers of errors by the name of the code.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code) -> io::Result<()> {
        let errors = ConsumerErrors::new("reading tweets".to_owned());
        let result = errors.check(&KafkaError::MessageConsumption(code), String::new);
        assert_eq!(errors.counts(), BTreeMap::from([(format!("{code:?}"), 1)]));
        result
    }

    #[test]
    fn errors_end_the_command_unless_they_are_listed_as_transient() {
        for code in [Code::NotCoordinator, Code::BrokerTransportFailure, Code::RebalanceInProgress]
        {
            assert!(check(code).is_ok(), "{code:?}");
        }
        for (code, text) in [
            (Code::NotImplemented, "zstd"),
            (Code::BadMessage, "corrupt"),
            (Code::InvalidSessionTimeout, "group.max.session.timeout.ms"),
            (Code::InconsistentGroupProtocol, "partition.assignment.strategy"),
            (Code::OffsetOutOfRange, "retention"),
            (Code::InvalidConfig, "does not retry"),
        ] {
            let error = check(code).unwrap_err().to_string();
            assert!(error.contains(text) && error.starts_with("reading tweets: "), "{error}");
        }
    }

    #[test]
    fn errors_that_persist_are_reported_once() {
        let errors = ConsumerErrors::new(String::new());
        let error = KafkaError::MessageConsumption(Code::NotCoordinator);
        let start = now();
        let add = |second: u64| errors.add_transient(&error, start + Duration::from_secs(second));
        assert_eq!([0, 9, 10, 20].map(add), [false, false, true, false]);
        // Later errors without a relation to these, and errors with progress in between.
        assert_eq!([51, 60, 61].map(add), [false, false, true]);
        errors.clear();
        assert_eq!([62, 71, 72].map(add), [false, false, true]);
    }
}
