//! The board, shared between the thread that reads and the views.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tweetoscope::record::Kind;
use tweetoscope::stage::dashboard::Dashboard;
use tweetoscope::stage::{Ending, Out, RecordRef, Stage, Tally};

/// Time between two stored rankings, to which changes of rank refer.
pub(super) const RANKING_INTERVAL: Duration = Duration::from_secs(30);

/// The board that the reading thread updates and the views read.
#[derive(Clone, Default)]
pub(super) struct Shared {
    board: Arc<Mutex<Dashboard>>,
    over: Arc<AtomicBool>,
}

impl Shared {
    pub(super) fn board(&self) -> MutexGuard<'_, Dashboard> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the input has ended.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Records that the input has ended.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The board as a stage without output.
pub(super) struct Watching(pub(super) Shared);

impl Stage for Watching {
    const TAKES: &'static [Kind] = Dashboard::TAKES;

    fn on_batch(&mut self, batch: &[RecordRef<'_>], _: &mut Out) {
        self.0.board().take(batch);
    }

    fn on_end(&mut self, _: Ending, _: &mut Out) {}

    fn tally(&self) -> Tally {
        self.0.board().tally()
    }
}
