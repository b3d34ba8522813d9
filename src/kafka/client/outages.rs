//! Outages of brokers: connection errors, and connections on which no answer arrives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

use crate::kafka::client::clock::now;

/// Time since the last answer of a broker after which it is considered unreachable; heartbeats are at
/// most 3 seconds apart.
const MAX_SILENCE: Duration = Duration::from_secs(5);
/// Time without an error of a broker after which an earlier one is outdated: librdkafka does not
/// repeat an error within 30 seconds.
const MAX_GAP: Duration = Duration::from_secs(60);

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every value is replaced as a whole, so that a panic leaves a valid one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last error of a connection.
#[derive(Clone, Debug)]
pub(super) struct ConnectionError {
    pub(super) code: Code,
    pub(super) text: String,
}

/// The silence of a broker towards one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    /// Time since something was received.
    pub(super) received: Duration,
    /// Time for which a request has not been answered, if there is one.
    pub(super) unanswered: Option<Duration>,
}

impl Silence {
    /// Of two connections to one broker.
    pub(super) fn merge(self, other: Self) -> Self {
        let both = self.unanswered.zip(other.unanswered).map(|(a, b)| a.min(b));
        Self {
            received: self.received.min(other.received),
            unanswered: both.or(self.unanswered).or(other.unanswered),
        }
    }
}

/// The outages that the clients of one daemon have observed.
#[derive(Default)]
pub(super) struct Outages {
    connection_error: Mutex<Option<ConnectionError>>,
    down_since: Mutex<Option<Instant>>,
    /// The time of the last answer that a client received.
    last_answer: Mutex<Option<Instant>>,
    /// Brokers with connection errors: the times of the first and the last one.
    failing: Mutex<BTreeMap<String, (Instant, Instant)>>,
}

impl Outages {
    /// The last error of a connection.
    pub(super) fn connection_error(&self) -> Option<ConnectionError> {
        lock(&self.connection_error).clone()
    }

    /// Since when no broker answers.
    pub(super) fn down_since(&self) -> Option<Instant> {
        *lock(&self.down_since)
    }

    /// A broker answered.
    pub(super) fn mark_up(&self) {
        *lock(&self.down_since) = None;
        *lock(&self.connection_error) = None;
    }

    /// The time since `start` or, if longer, since no broker answers.
    pub(super) fn failing_for(&self, start: Instant) -> Duration {
        let down = self.down_since().map(|since| since.elapsed()).unwrap_or_default();
        start.elapsed().max(down)
    }

    /// The brokers that do not answer, and for how long, as the end of a message; may be empty.
    pub(super) fn unanswered(&self) -> String {
        let failing = lock(&self.failing);
        let recent = failing.iter().filter(|(_, (_, last))| last.elapsed() < MAX_GAP);
        let each = recent.map(|(broker, (first, _))| {
            format!("{broker} has not answered for {:.0} s", first.elapsed().as_secs_f64())
        });
        each.map(|text| format!("; broker {text}")).collect()
    }

    /// The text of an error: these brokers, separated by commas, did not answer for a time, and which others did not.
    pub(super) fn unreachable(&self, brokers: &str, waited: Duration, why: Option<&str>) -> String {
        let is_listed = |name: &&str| brokers.split(',').any(|it| it.trim() == *name);
        let failing = lock(&self.failing);
        let recent = failing.iter().filter(|(_, (_, last))| last.elapsed() < MAX_GAP);
        let names = recent.map(|(broker, _)| broker.as_str());
        let others: Vec<&str> = names.filter(|name| !is_listed(name)).collect();
        let others = match others.is_empty() {
            true => String::new(),
            false => format!("; nor did {}", others.join(", ")),
        };
        // A listener that expects TLS or SASL ends the connection of a client without them.
        let is_ended = |why: &str| why.contains("brokers are down") || why.contains("Disconnected");
        let protocol = match why.is_some_and(is_ended) {
            true => ", or security.protocol (the listener may expect TLS or SASL)",
            false => "",
        };
        format!(
            "brokers {brokers} did not answer for {:.0} s{}{others}; check --brokers{protocol}, or give a longer --wait",
            waited.as_secs_f64(),
            why.map_or(String::new(), |why| format!(": {why}"))
        )
    }

    /// The connections of one client, by broker. Several clients of the same brokers call this.
    pub(super) fn observe_silences(&self, silences: BTreeMap<String, Silence>) {
        let now = now();
        let since = |silence: Duration| now.checked_sub(silence).unwrap_or(now);
        if let Some(received) = silences.values().map(|it| it.received).min() {
            let mut last = lock(&self.last_answer);
            let answered = since(received).max(last.unwrap_or(since(received)));
            *last = Some(answered);
            let mut down_since = lock(&self.down_since);
            if down_since.is_some_and(|down| down < answered) {
                *down_since = None;
            }
            // Idle connections are no evidence of an outage, nor against one.
            let shortest = silences.values().filter_map(|it| it.unanswered).min();
            if let Some(shortest) = shortest.filter(|it| *it >= MAX_SILENCE)
                && now - answered >= MAX_SILENCE
            {
                // Not before another client of the process had an answer.
                down_since.get_or_insert(since(shortest).max(answered));
            }
        }
        let mut failing = lock(&self.failing);
        for (broker, Silence { received, unanswered }) in silences {
            if received < MAX_SILENCE {
                failing.remove(&broker);
            } else if let Some(silence) = unanswered.filter(|it| *it >= MAX_SILENCE) {
                failing.entry(broker).or_insert((since(silence), now)).1 = now;
            }
        }
    }

    /// A connection failed.
    pub(super) fn add_error(&self, code: Code, text: &str) {
        if code == Code::AllBrokersDown {
            lock(&self.down_since).get_or_insert_with(now);
        }
        if let Some(broker) = broker_of(text) {
            let (now, mut failing) = (now(), lock(&self.failing));
            let entry = failing.entry(broker).or_insert((now, now));
            if now - entry.1 > MAX_GAP {
                entry.0 = now;
            }
            entry.1 = now;
        }
        // That all brokers are down is the consequence of an earlier error.
        let is_cause = code != Code::AllBrokersDown;
        let mut connection_error = lock(&self.connection_error);
        if is_cause || connection_error.is_none() {
            *connection_error = Some(ConnectionError { code, text: text.to_owned() });
        }
    }
}

/// The broker in the text of a connection error: `[PROTOCOL://]HOST:PORT/ID: text`.
fn broker_of(text: &str) -> Option<String> {
    let (name, _) = text.split_once(": ")?;
    let (address, _) = name.split_once("://").map_or(name, |(_, rest)| rest).split_once('/')?;
    let (_, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok().map(|_| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_of_all_brokers_is_an_outage() {
        let outages = Outages::default();
        let observe = |silences: &[(&str, u64, Option<u64>)]| {
            let each = silences.iter().map(|(name, received, unanswered)| {
                let received = Duration::from_secs(*received);
                let unanswered = unanswered.map(Duration::from_secs);
                ((*name).to_owned(), Silence { received, unanswered })
            });
            outages.observe_silences(each.collect());
        };
        // Idle connections are not silent.
        observe(&[("a:1", 62, None), ("b:1", 70, None)]);
        observe(&[("a:1", 62, Some(1)), ("b:1", 70, None)]);
        assert_eq!(outages.down_since(), None);
        assert_eq!(outages.unanswered(), "");
        observe(&[("a:1", 69, Some(8)), ("b:1", 77, None)]);
        let failing = outages.failing_for(now());
        assert!(failing >= Duration::from_secs(8) && failing < Duration::from_secs(20));
        assert!(outages.unanswered().contains("a:1 has not answered for 8 s"));
        // An idle connection of another client has no evidence, and an answer has.
        observe(&[("a:1", 62, None)]);
        assert!(outages.down_since().is_some());
        observe(&[("a:1", 0, Some(0)), ("b:1", 79, Some(9))]);
        assert_eq!(outages.down_since(), None);
        assert!(!outages.unanswered().contains("a:1"));
        // The outage that one client observes did not begin before an answer that another had.
        observe(&[("b:1", 80, Some(10))]);
        assert!(outages.failing_for(now()) < Duration::from_secs(5));
    }

    #[test]
    fn an_error_of_unreachable_brokers_has_one_duration_and_a_remedy() {
        let outages = Outages::default();
        let text = |why| outages.unreachable("a:1, b:2", Duration::from_secs(7), why);
        let remedy = "; check --brokers, or give a longer --wait";
        assert_eq!(text(None), format!("brokers a:1, b:2 did not answer for 7 s{remedy}"));
        for error in ["b:2/bootstrap: refused", "c:3/7: refused"] {
            outages.add_error(Code::BrokerTransportFailure, error);
        }
        let start = "brokers a:1, b:2 did not answer for 7 s";
        assert_eq!(text(Some("refused")), format!("{start}: refused; nor did c:3{remedy}"));
    }

    #[test]
    fn the_brokers_that_do_not_answer_are_named() {
        let outages = Outages::default();
        assert_eq!(outages.unanswered(), "");
        for text in [
            "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused",
            "ssl://b:9093/2: SSL handshake failed",
            "1/1 brokers are down",
        ] {
            outages.add_error(Code::BrokerTransportFailure, text);
        }
        assert_eq!(
            outages.unanswered(),
            "; broker 127.0.0.1:9 has not answered for 0 s; broker b:9093 has not answered for 0 s"
        );
    }
}
