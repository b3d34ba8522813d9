//! The state of the learner after a crash.

use super::drift::DriftDetector;
use super::{Train, Window};
use crate::stage::{Change, Incompatible, Limit, Recover, Restore, Saved};

/// A replay reads the kept samples again; the checkpoint holds what was counted before them:
/// [[window, samples, samples at the last training], ...], followed by the errors of its predictions with on_drift.
impl Recover for Train {
    /// A replay that starts late restores fewer samples, which still train a model.
    const RESTORE: Restore = Restore { starts_late: true, ..Restore::FROM_INPUT };

    fn output_options(&self) -> String {
        let given = if self.options.on_drift { "--on-drift" } else { "" };
        given.to_owned()
    }

    fn replay_start(&self, offered: &[u64]) -> Option<usize> {
        let oldest = self.positions.first();
        offered.iter().rposition(|start| oldest.is_none_or(|oldest| start <= oldest))
    }

    fn checkpoint(&self) -> String {
        let text = if self.options.on_drift {
            let of = |(t_obs, it): (&u64, &Window)| {
                (*t_obs, it.samples, it.trained_at, it.drift.clone())
            };
            serde_json::to_string(&self.windows.iter().map(of).collect::<Vec<_>>())
        } else {
            let of = |(t_obs, it): (&u64, &Window)| (*t_obs, it.samples, it.trained_at);
            serde_json::to_string(&self.windows.iter().map(of).collect::<Vec<_>>())
        };
        text.expect("numbers are JSON")
    }

    fn spill(&mut self, _: Limit) -> Vec<Change> {
        Vec::new()
    }

    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible> {
        if saved.checkpoint.is_empty() {
            return saved.expect_empty();
        }
        let counts: Vec<(u64, usize, usize, DriftDetector)> = if self.options.on_drift {
            serde_json::from_str(saved.checkpoint).map_err(|_| Incompatible::Checkpoint)?
        } else {
            let counts: Vec<(u64, usize, usize)> =
                serde_json::from_str(saved.checkpoint).map_err(|_| Incompatible::Checkpoint)?;
            counts
                .into_iter()
                .map(|(t_obs, samples, at)| (t_obs, samples, at, DriftDetector::default()))
                .collect()
        };
        for (t_obs, samples, trained_at, drift) in counts {
            let window = self.windows.entry(t_obs).or_default();
            (window.samples, window.trained_at, window.drift) = (samples, trained_at, drift);
        }
        Saved { checkpoint: "", ..saved }.expect_empty()
    }

    fn committed(&mut self, _: u64) {}

    fn replaying(&mut self, on: bool) {
        self.replaying = on;
    }
}
