//! One cascade to fit: from a serie, or from a history line that is cut at an age.

use std::borrow::Cow;

use crate::cascade::Point;
use crate::record::{History, Serie};

/// One serie to fit: the fields to copy, and the points since the root.
pub(super) struct Job<'a> {
    pub(super) serie: Cow<'a, Serie>,
    pub(super) points: Vec<Point>,
    pub(super) watched: f64,
    /// Whether all marks were 0, and are 1 in `points`.
    pub(super) zero_marks: bool,
}

/// Removes the first `count` jobs, as far as there are so many, and subtracts their number.
pub(super) fn leave_out(jobs: &mut [Vec<Job<'_>>], count: &mut u64) {
    for jobs in jobs {
        let left_out = (*count).min(jobs.len() as u64);
        jobs.drain(..left_out as usize);
        *count -= left_out;
    }
}

/// Times since the first event.
pub(super) fn since_root(tweets: &[Point]) -> Vec<Point> {
    let root = tweets.first().map_or(0.0, |first| first.time);
    tweets.iter().map(|it| Point { time: it.time - root, magnitude: it.magnitude }).collect()
}

/// A history line up to the end of its observation, or to its last event where that is not known, with the time of
/// its root.
pub(super) fn at_present(history: &History) -> Job<'static> {
    let mut job = cut(history, history.observed);
    if let Some(t0) = history.t0 {
        let serie = job.serie.to_mut();
        serie.t = t0 + job.watched;
        serie.tweets = vec![Point { time: t0, magnitude: 1.0 }];
    }
    job
}

/// A history line up to an age; the window in the record is rounded up to whole seconds.
pub(super) fn cut(history: &History, until: Option<f64>) -> Job<'static> {
    let mut points = since_root(&history.tweets);
    let watched = until.unwrap_or_else(|| points.last().map_or(0.0, |last| last.time));
    points.retain(|point| point.time <= watched);
    let serie = Serie {
        cid: history.cid.clone(),
        source: history.source.clone(),
        t: watched,
        msg: history.msg.clone(),
        t_obs: watched.ceil() as u64,
        tweets: Vec::new(),
    };
    Job::new(Cow::Owned(serie), points, watched)
}

/// Marks that are all 0 become 1; returns whether they were.
pub(super) fn without_zero_marks(points: &mut [Point]) -> bool {
    let zero_marks = !points.is_empty() && points.iter().all(|point| point.magnitude == 0.0);
    if zero_marks {
        points.iter_mut().for_each(|point| point.magnitude = 1.0);
    }
    zero_marks
}

impl<'a> Job<'a> {
    /// Marks that are all 0 are unknown, as no event of the process has children: they become 1.
    pub(super) fn new(serie: Cow<'a, Serie>, mut points: Vec<Point>, watched: f64) -> Self {
        let zero_marks = without_zero_marks(&mut points);
        Self { serie, points, watched, zero_marks }
    }
}
