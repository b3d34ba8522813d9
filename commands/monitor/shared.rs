//! The monitor, shared between the thread that reads and the view.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tweetoscope::record::Kind;
use tweetoscope::stage::monitor::{Monitor, MonitorOptions};
use tweetoscope::stage::{Ending, Out, RecordRef, Stage, Tally};

/// A monitor that the reading thread updates and the view reads.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Mutex<Monitor>>);

impl Shared {
    pub(super) fn new(watch: MonitorOptions) -> Self {
        Self(Arc::new(Mutex::new(Monitor::new(watch))))
    }

    pub(super) fn monitor(&self) -> MutexGuard<'_, Monitor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage for Shared {
    const TAKES: &'static [Kind] = Monitor::TAKES;

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        self.monitor().on_batch(batch, out);
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        self.monitor().on_end(ending, out);
    }

    fn tally(&self) -> Tally {
        self.monitor().tally()
    }
}
