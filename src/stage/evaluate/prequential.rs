//! Evaluation in time order: each cascade is predicted by models of the cascades that had finished before the end
//! of its window (prequential: Dawid, JRSS A 1984).

use std::collections::{BTreeMap, HashMap};

use super::{Case, EvaluateOptions, FinishedCascade, case, studies};
use crate::learn::{Folds, Sample, predict_with};

/// Predicts every cascade at every window that it was observed for, in the order of windows, then of cascades.
///
/// A cascade has ended `terminated` seconds after its last event, or at the maximum age, and not before the largest
/// window. Models are fitted again when the number of ended cascades has grown by a tenth, and by one at least.
/// Times are those of `t0`; cascades without are left out, unless none has one: then their order is random, from
/// the seed, and each begins when the one before it has ended.
pub fn evaluate_in_time(
    cascades: &[FinishedCascade],
    options: &EvaluateOptions,
    terminated: f64,
) -> Vec<Case> {
    let times = times(cascades, options, terminated);
    let timed: Vec<FinishedCascade> =
        cascades.iter().filter(|past| times.contains_key(&*past.cid)).cloned().collect();
    let (samples, answers) = studies(&timed, options);
    let life = |sample: &Sample| times[cid(sample)];
    // Ended cascades in the order of their ends.
    let mut ends: Vec<(f64, &str)> = samples.iter().map(|it| (life(it).end, &*it.id)).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    ends.dedup();
    let ranks: HashMap<&str, usize> =
        ends.iter().enumerate().map(|(rank, (_, id))| (*id, rank)).collect();
    let mut by_end: Vec<&Sample> = samples.iter().collect();
    by_end.sort_by_key(|sample| ranks[&*sample.id]);
    // The samples of each number of cascades that are learned from.
    let mut blocks: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, sample) in samples.iter().enumerate() {
        let alert = life(sample).root + sample.t_obs;
        let ended = ends.partition_point(|(end, _)| *end < alert);
        blocks.entry(trained_at(ended)).or_default().push(place);
    }
    let windows: Vec<f64> = options.windows.iter().map(|window| *window as f64).collect();
    let learn = &options.learn;
    let mut cases: Vec<Option<Case>> = vec![None; samples.len()];
    for (count, places) in &blocks {
        let finished = by_end.iter().filter(|sample| ranks[&*sample.id] < *count);
        let finished: Vec<Sample> = finished.map(|sample| (*sample).clone()).collect();
        let predicted: Vec<&Sample> = places.iter().map(|place| &samples[*place]).collect();
        let found = predict_with(&finished, &predicted, learn, &windows, options.predict.level);
        // The predictions of a window are in the order of its samples.
        for (window, predictions) in windows.iter().zip(&found) {
            let here = places.iter().filter(|place| samples[**place].t_obs == *window);
            for (place, prediction) in here.zip(predictions) {
                cases[*place] = Some(case(prediction, &answers[*place]));
            }
        }
    }
    let of_window = |window: &u64| {
        let window = *window;
        cases.iter().flatten().filter(move |case| case.t_obs == window).cloned()
    };
    options.windows.iter().flat_map(of_window).collect()
}

/// The number of ended cascades at the newest training.
fn trained_at(ended: usize) -> usize {
    const GROWTH: usize = 10;
    let mut at = 0;
    loop {
        let next = at + (at / GROWTH).max(1);
        if next > ended {
            return at;
        }
        at = next;
    }
}

/// Event times of a cascade, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Life {
    root: f64,
    end: f64,
}

fn cid(sample: &Sample) -> &str {
    sample.id.split_once('/').map_or(&*sample.id, |(_, cid)| cid)
}

fn times<'a>(
    cascades: &'a [FinishedCascade],
    options: &EvaluateOptions,
    terminated: f64,
) -> HashMap<&'a str, Life> {
    let largest = options.windows.last().map_or(0.0, |window| *window as f64);
    let duration = |past: &FinishedCascade| {
        let events = past.points.partition_point(|point| point.time <= options.max_age);
        let last = events.checked_sub(1).map_or(0.0, |last| past.points[last].time);
        (last + terminated).max(largest).min(options.max_age)
    };
    let life = |past: &'a FinishedCascade, root: f64| {
        (&*past.cid, Life { root, end: root + duration(past) })
    };
    if cascades.iter().any(|past| past.t0.is_some()) {
        return cascades.iter().filter_map(|past| Some(life(past, past.t0?))).collect();
    }
    let ids = cascades.iter().map(|past| &*past.cid);
    let order = Folds::assign(ids, options.learn.seed, cascades.len());
    let mut shuffled: Vec<&FinishedCascade> = cascades.iter().collect();
    shuffled.sort_by_key(|past| order.of(&past.cid));
    let mut clock = 0.0;
    let mut next = |past: &'a FinishedCascade| {
        let placed = life(past, clock);
        // Strictly after the end of the one before it.
        clock = placed.1.end + 1.0;
        placed
    };
    shuffled.into_iter().map(&mut next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::Step;

    #[test]
    fn trainings_are_a_tenth_apart_and_never_ahead_of_the_ended_cascades() {
        let mut trainings = std::collections::BTreeSet::new();
        for ended in 0..2000 {
            let at = trained_at(ended);
            assert!(at <= ended && ended < at + (at / 10).max(1), "{ended}: {at}");
            trainings.insert(at);
        }
        assert!(trainings.len() < 90, "{}", trainings.len());
    }

    /// A cascade with events at these times; the maximum age is 40,000 s, the largest window 3,600 s.
    fn past(cid: &str, t0: Option<f64>, times: &[f64]) -> FinishedCascade {
        let point = |&time: &f64| crate::cascade::Point { time, magnitude: 1.0 };
        let points = times.iter().map(point).collect();
        FinishedCascade { cid: cid.to_owned(), t0, points, observed: None }
    }

    #[test]
    fn a_cascade_ends_after_its_silence_between_the_largest_window_and_the_maximum_age() {
        let options = super::super::laws::options(1);
        for (events, duration) in [
            (&[0.0, 100.0][..], 3600.0),
            (&[0.0, 3000.0], 3600.0),
            (&[0.0, 3001.0], 3601.0),
            (&[0.0, 39_400.0], 40_000.0),
            (&[0.0, 39_500.0], 40_000.0),
            // Events after the maximum age do not count.
            (&[0.0, 5000.0, 40_001.0], 5600.0),
            (&[0.0, 5000.0, 40_000.0], 40_000.0),
        ] {
            let cascades = [past("a", Some(1e9), events), past("b", None, events)];
            let found = times(&cascades, &options, 600.0);
            assert_eq!(found["a"], Life { root: 1e9, end: 1e9 + duration }, "{events:?}");
            assert!(!found.contains_key("b"), "without t0 beside others that have one");
        }
    }

    #[test]
    fn cascades_without_times_are_placed_one_after_the_other() {
        let options = super::super::laws::options(1);
        let cascades: Vec<_> =
            (0..9).map(|i| past(&i.to_string(), None, &[0.0, 5000.0 + f64::from(i)])).collect();
        let found = times(&cascades, &options, 600.0);
        let mut lives: Vec<Life> = found.values().copied().collect();
        lives.sort_by(|a, b| a.root.total_cmp(&b.root));
        assert_eq!((lives.len(), lives[0].root), (9, 0.0));
        assert!(lives.windows(2).all(|it| it[1].root == it[0].end + 1.0), "{lives:?}");
    }

    /// A model may not have learned from a cascade that ends when the window of another ends.
    #[test]
    fn a_cascade_that_ends_with_the_window_of_another_is_not_learned_from() {
        let mut options = super::super::laws::options(1);
        options.windows = vec![600];
        let dense: Vec<f64> = (0..40).map(|i| 10.0 * f64::from(i)).collect();
        // The first ends at 3900 + 600 = 4500 s.
        for (root, expected) in [(3900.0, None), (3900.5, Some(Step::GrowthLaw))] {
            let long: Vec<f64> = dense.iter().copied().chain([3900.0]).collect();
            let cascades = [past("a", Some(0.0), &long), past("b", Some(root), &dense)];
            let cases = evaluate_in_time(&cascades, &options, 600.0);
            let step = cases.iter().find(|case| case.cid == "b").unwrap().step;
            assert_eq!(step, expected, "{root}");
        }
    }
}
