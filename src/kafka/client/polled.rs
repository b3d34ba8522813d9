//! A producer whose delivery reports are processed by the thread that sends, and by another one while it does not.
//!
//! With a thread for the delivery reports alone, as in rdkafka's `ThreadedProducer`, both threads wake each other. Without
//! one, a call that blocks, such as an abort, waits for reports that nothing processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;
use rdkafka::producer::BaseProducer;

use crate::kafka::client::context::Context;

/// Time after which the other thread looks again whether the sending thread polls.
const TURN: Duration = Duration::from_millis(20);
/// How long a poll of the other thread waits for an event.
const WAIT: Duration = Duration::from_millis(100);

/// The producer and the thread that polls while the sender does not.
pub(super) struct Polled {
    producer: Arc<BaseProducer<Context>>,
    /// Whether the sender has polled in this turn.
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
                if polled.swap(false, Ordering::Relaxed) {
                    thread::sleep(TURN);
                } else {
                    polling.poll(WAIT);
                }
            }
        });
        Ok(Self { producer, has_polled, stops, thread: Some(thread) })
    }

    /// The producer, for calls that do not poll.
    pub(super) fn get(&self) -> &BaseProducer<Context> {
        &self.producer
    }

    /// Processes delivery reports, waiting for them at most that long.
    pub(super) fn poll(&self, wait: Duration) {
        self.has_polled.store(true, Ordering::Relaxed);
        self.producer.poll(wait);
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
