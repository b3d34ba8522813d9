//! Recovery of the stage on Kafka: it keeps no state.

use super::Fit;
use crate::stage::{Change, Incompatible, Limit, Recover, Restore, Saved};

impl Recover for Fit {
    const RESTORE: Restore = Restore::FROM_INPUT;

    fn output_options(&self) -> String {
        String::new()
    }

    fn replay_start(&self, offered: &[u64]) -> Option<usize> {
        offered.len().checked_sub(1)
    }

    fn checkpoint(&self) -> String {
        String::new()
    }

    fn spill(&mut self, _: Limit) -> Vec<Change> {
        Vec::new()
    }

    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible> {
        saved.expect_empty()
    }

    fn committed(&mut self, _: u64) {}

    fn replaying(&mut self, _: bool) {}
}
