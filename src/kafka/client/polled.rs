//! A producer whose delivery reports are processed by the thread that sends, and by another one while it does not.
//!
//! With a thread for the delivery reports alone, as in rdkafka's `ThreadedProducer`, both threads wake each other. Without
//! one, a call that blocks, such as an abort, waits for reports that nothing processes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::BaseProducer;

use crate::kafka::client::context::{Context, Events};
use crate::kafka::client::errors::refusal;

/// Time between two polls while the sender waits for delivery reports.
pub(super) const POLL: Duration = Duration::from_micros(500);
/// Interval at which the other thread polls.
const INTERVAL: Duration = Duration::from_millis(20);
/// Number of events that one poll processes at most; an event is one of the client, or the reports of many records.
const MAX_EVENTS: usize = 64;

/// The producer and the thread that polls while the sender does not.
pub(super) struct Polled {
    producer: Arc<BaseProducer<Context>>,
    /// Whether the sender has polled in this interval.
    has_polled: Arc<AtomicBool>,
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Polled {
    pub(super) fn create(config: &ClientConfig, context: Context) -> KafkaResult<Self> {
        let producer: Arc<BaseProducer<Context>> = Arc::new(config.create_with_context(context)?);
        let (has_polled, stops) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (polling, polled, stopped) =
            (Arc::clone(&producer), Arc::clone(&has_polled), Arc::clone(&stops));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if !polled.swap(false, Ordering::Relaxed) {
                    poll(&polling);
                }
                thread::sleep(INTERVAL);
            }
        });
        Ok(Self { producer, has_polled, stops, thread: Some(thread) })
    }

    /// The producer, for calls that do not poll.
    pub(super) fn get(&self) -> &BaseProducer<Context> {
        &self.producer
    }

    /// Processes the delivery reports that have arrived.
    pub(super) fn poll(&self) {
        self.has_polled.store(true, Ordering::Relaxed);
        poll(&self.producer);
    }

    /// An error if a topic was denied to a transaction: later calls fail for the state of the transaction
    /// only, and a new transaction would be denied the topic again.
    pub(super) fn check_denied(&self, events: &Events) -> io::Result<()> {
        // Polling serves the queue of the log lines, of which one has the topic.
        if events.denied().is_none() {
            // The other thread may be processing it.
            thread::sleep(INTERVAL);
            self.poll();
        }
        let refused = events.denied().and_then(|it| refusal(Code::TopicAuthorizationFailed, &it));
        refused.map_or(Ok(()), Err)
    }

    /// Processes the delivery reports that have arrived, and waits a moment for others.
    pub(super) fn poll_and_wait(&self) {
        self.poll();
        thread::sleep(POLL);
    }
}

/// Does not wait: rdkafka rounds a wait down to milliseconds, and polls without a pause for the last one.
fn poll(producer: &BaseProducer<Context>) {
    for _ in 0..MAX_EVENTS {
        producer.poll(Duration::ZERO);
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only ends early by a panic in a callback, which is reported already.
            let _ = thread.join();
        }
    }
}
