//! The warnings of an evaluation: what the cascades lack for it.

use tweetoscope::event::Span;
use tweetoscope::input::ObservedDurations;
use tweetoscope::stage::evaluate::{EvaluateOptions, FinishedCascade, Predictor, Row};

use crate::collect::{TerminatedBy, warn_of_observed};
use crate::fit::warn_of_marks_in;

/// Warns of what the cascades lack for an evaluation: marks, and a time of observation.
pub(super) fn warn_of_cascades(
    past: &[FinishedCascade],
    options: &EvaluateOptions,
    terminated: f64,
    by: TerminatedBy,
) {
    let marked = |past: &FinishedCascade| past.points.iter().any(|point| point.magnitude != 1.0);
    let is_zero = |past: &&FinishedCascade| past.points.iter().all(|point| point.magnitude == 0.0);
    let zero = past.iter().filter(is_zero).count() as u64;
    let all = format!("{} cascades", past.len());
    warn_of_marks_in(zero, &all, !past.iter().any(marked), &options.fit.marks);
    let mut observed = ObservedDurations::new(options.windows.clone(), terminated, options.max_age);
    for FinishedCascade { cid, points, observed: duration, .. } in past {
        observed.add(cid, *duration, points.last().map_or(0.0, |last| last.time));
    }
    warn_of_observed(&observed, by);
}

/// Warns if no cascade is predicted, and for each window without a trained model. `learned_from` is the part of that
/// message that names the cascades from which a model is trained.
pub(super) fn warn_of_cases(cascades: usize, rows: &[Row], min_size: u64, learned_from: &str) {
    if rows.is_empty() {
        log::warn!(
            "none of {cascades} cascades has {min_size} events in any window that it was observed for; lower --min-size or give larger --windows"
        );
    }
    for row in rows.iter().filter(|row| row.predictor == Predictor::Model && row.own == 0) {
        log::warn!(
            "window of {}: too few cascades {learned_from} to train a model; its rows are untrained",
            Span(row.t_obs as f64)
        );
    }
}

/// Warns of cascades without a Unix time, which have no place in a time order.
pub(super) fn warn_of_times(past: &[FinishedCascade]) {
    let undated = past.iter().filter(|past| past.t0.is_none()).count();
    if undated == past.len() {
        log::warn!(
            "--split time: no cascade has a Unix time (t0): the order is random (--seed), and each cascade begins \
             when the one before is finished"
        );
    } else if undated > 0 {
        log::warn!(
            "--split time: {undated} of {} cascades have no Unix time (t0) and are left out; add t0 to them",
            past.len()
        );
    }
}
