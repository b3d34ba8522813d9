//! Models for extreme inputs and for altered files.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use tweetoscope::cascade::{Point, largest_size};
use tweetoscope::hawkes::Params;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::hawkes::simulate::simulate;
use tweetoscope::learn::{
    FittedLaw, Forecast, LearnOptions, Model, Query, Sample, Step, describe, fit_model,
    fit_successor,
};
use tweetoscope::math;

const WINDOW: f64 = 600.0;

/// Samples of simulated cascades, each with its own parameters.
fn samples(count: u64, seed: u64) -> Vec<Sample> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut samples = Vec::new();
    while (samples.len() as u64) < count {
        let p = 0.005 + 0.02 * f64::from(rng.next_u32()) / f64::from(u32::MAX);
        // Slow and quick cascades: which n alone does not separate, but timing does.
        let decay = 0.01 * math::pow(200_f64, -f64::from(rng.next_u32()) / f64::from(u32::MAX));
        let params = Params::new(p, decay).unwrap();
        let all = simulate(params, &MarkLaw::USUAL, 1500.0, 1e6, 100_000, &mut rng);
        let seen: Vec<Point> = all.iter().filter(|it| it.time <= WINDOW).copied().collect();
        if seen.len() < 10 {
            continue;
        }
        let (features, rows) = describe(&seen, WINDOW, |_, _| Vec::new());
        samples.push(Sample {
            id: format!("0/{}", samples.len()),
            t_obs: WINDOW,
            n_obs: seen.len() as f64,
            n_tot: all.len() as f64,
            features,
            rows,
            x: [decay, 35.0 * p, 3.0],
            w: Some(1.0),
            ..Sample::default()
        });
    }
    samples
}

fn model(count: u64) -> Model {
    fit_model(
        &samples(count, 1),
        &LearnOptions { window: WINDOW, trees: 40, ..LearnOptions::default() },
    )
    .unwrap()
}

#[test]
fn a_successor_is_the_model_of_all_samples_and_replaces_one_that_is_worse_on_the_newest() {
    let options = LearnOptions { window: WINDOW, trees: 40, ..LearnOptions::default() };
    let outgrown = |sample: &Sample| Sample { n_tot: 10.0 * sample.n_tot, ..sample.clone() };
    for seed in 0..3 {
        let (right, new) = (samples(120, 50 + seed), 32);
        let (older, newest) = right.split_at(right.len() - new);
        let wrong: Vec<Sample> = older.iter().map(outgrown).collect();
        let [of_right, of_wrong] = [older, &wrong].map(|it| fit_model(it, &options).unwrap());

        let successor = fit_successor(&right, &options, &of_wrong, new);
        assert_eq!(successor, fit_model(&right, &options), "seed {seed}");
        let mostly_wrong = [&wrong[..], newest].concat();
        assert_eq!(fit_successor(&mostly_wrong, &options, &of_right, new), None, "seed {seed}");
        assert_eq!(fit_successor(&[], &options, &of_right, new), None);
    }
}

/// As after a restart of `train --models`: the samples of the process are fewer than those of the current model. Samples of
/// the same law do not replace it, and samples of another law do.
#[test]
fn a_model_of_few_samples_replaces_one_of_many_only_where_it_is_clearly_better() {
    let options = LearnOptions { window: WINDOW, trees: 40, ..LearnOptions::default() };
    let many = fit_model(&samples(600, 7), &options).unwrap();
    let outgrown = |sample: &Sample| Sample { n_tot: 10.0 * sample.n_tot, ..sample.clone() };
    for seed in 0..8 {
        let few = samples(20, 90 + seed);
        assert_eq!(fit_successor(&few, &options, &many, 6), None, "seed {seed}");
        let other: Vec<Sample> = few.iter().map(outgrown).collect();
        assert!(fit_successor(&other, &options, &many, 6).is_some(), "seed {seed}");
    }
}

/// Valid but extreme series.
fn hostile() -> Vec<(&'static str, Vec<Point>)> {
    let series = |count: usize, point: &dyn Fn(usize) -> (f64, f64)| -> Vec<Point> {
        let at = |i| {
            let (time, magnitude) = point(i);
            Point { time, magnitude }
        };
        (0..count).map(at).collect()
    };
    vec![
        ("one event", series(1, &|_| (0.0, 1.0))),
        ("equal times", series(50, &|_| (0.0, 7.0))),
        ("zero marks", series(50, &|i| (i as f64, 0.0))),
        ("huge marks", series(50, &|i| (i as f64, 1e12))),
        ("one huge mark", series(50, &|i| (i as f64, if i == 7 { 1e12 } else { 0.0 }))),
        ("100,000 events in a second", series(100_000, &|i| (i as f64 / 1e5, 3.0))),
        ("all at the end", series(50, &|i| (if i == 0 { 0.0 } else { WINDOW }, 1.0))),
        ("tiny steps", series(50, &|i| (i as f64 * 1e-300, 1.0))),
    ]
}

/// All numbers of a forecast: the size, intervals and tail probabilities.
fn whole(answer: &Forecast<'_>) -> Vec<f64> {
    let levels = [0.0, 0.1, 0.5, 0.9, 1.0].map(|level| answer.interval(level));
    let above = (0..30).map(|i| answer.probability_above(1.5_f64.powi(i)));
    let ends = levels.into_iter().flat_map(|(low, high)| [low, high]);
    std::iter::once(answer.n_tot()).chain(ends).chain(above).collect()
}

#[test]
fn a_prediction_is_finite_and_at_least_the_observed_size() {
    let models = [model(1), model(9), model(10), model(19), model(20), model(25), model(200)];
    let steps: Vec<Step> = models.iter().map(Model::step).collect();
    use Step::{Forest, GrowthLaw, MapLaw};
    let ladder = [GrowthLaw, GrowthLaw, MapLaw, MapLaw, Forest, Forest, Forest];
    assert_eq!(steps, ladder);
    for (name, points) in hostile() {
        let (features, rows) = describe(&points, WINDOW, |_, _| Vec::new());
        let finite = features.iter().all(|(_, value)| value.is_finite());
        assert!(finite && rows.iter().flatten().all(|value| value.is_finite()), "{name}");
        let n_obs = points.len() as f64;
        for model in &models {
            for x in [[1e-4, 0.99, 1e9], [0.0; 3], [f64::NAN; 3]] {
                let query = Query { features: &features, n_obs, x };
                let answer = model.predict(&query).expect("all features are there");
                let n_tot = answer.n_tot();
                let largest = largest_size(n_obs);
                assert!(n_obs <= n_tot && n_tot <= largest, "{name}: {n_tot}");
                for level in [0.0, 0.5, 0.9, 0.999, 1.0, f64::NAN] {
                    let (low, high) = answer.interval(level);
                    let holds = n_obs <= low && low <= n_tot && n_tot <= high && high <= largest;
                    assert!(holds, "{name} at {level}: {low} {n_tot} {high}");
                }
                for k in [0.0, n_obs, n_tot, 1e300, f64::NAN] {
                    let above = answer.probability_above(k);
                    assert!((0.0..=1.0).contains(&above), "{name}: {above} above {k}");
                }
            }
        }
    }
}

#[test]
fn the_same_samples_and_seed_give_the_same_bytes_on_any_number_of_threads() {
    let samples = samples(120, 3);
    let line = |threads, seed| {
        let options =
            LearnOptions { window: WINDOW, trees: 20, threads, seed, ..LearnOptions::default() };
        fit_model(&samples, &options).unwrap().to_line()
    };
    let one = line(1, 5);
    assert!(one == line(2, 5) && one == line(7, 5));
    assert!(one != line(1, 6));
}

#[test]
fn a_model_reads_back_as_it_was_written() {
    let samples = samples(60, 9);
    for count in [1, 12, 25, 200] {
        let model = model(count);
        let again = Model::from_line(&model.to_line()).unwrap();
        assert!(again.to_line() == model.to_line());
        for sample in &samples {
            let query = Query { features: &sample.features, n_obs: sample.n_obs, x: sample.x };
            let (again, model) = (again.predict(&query).unwrap(), model.predict(&query).unwrap());
            assert_eq!(whole(&again), whole(&model));
        }
    }
}

/// Without a forest of its window a model predicts by the law of the cascades of all windows.
#[test]
fn the_law_is_corrected_from_the_first_cascade_on() {
    let options = LearnOptions { window: WINDOW, trees: 20, ..LearnOptions::default() };
    for seed in 0..5 {
        let samples = samples(19, seed);
        assert!(fit_model(&[], &options).is_none());
        let untrained = FittedLaw::untrained(options.law);
        let predict = |law: &FittedLaw| {
            let at = |it: &Sample| law.forecast(&it.features, it.n_obs).unwrap().n_tot();
            samples.iter().map(at).collect::<Vec<f64>>()
        };
        let error = |law: &FittedLaw| {
            let of = |(predicted, it): (f64, &Sample)| (predicted / it.n_tot - 1.0).abs();
            predict(law).into_iter().zip(&samples).map(of).sum::<f64>()
        };
        for (count, step) in [(1, Step::GrowthLaw), (9, Step::GrowthLaw), (10, Step::MapLaw)] {
            let model = fit_model(&samples[..count], &options).unwrap();
            assert_eq!((model.step(), model.law().cascades()), (step, count), "{seed}");
            assert_eq!(*model.law(), FittedLaw::fit(&samples[..count], &options));
            assert_ne!(predict(model.law()), predict(&untrained), "{seed} {count}");
        }
        // On the cascades that it was fitted to.
        let fitted = FittedLaw::fit(&samples, &options);
        assert!(error(&fitted) < error(&untrained), "{seed}");
        // The samples of another window correct the law of this one.
        let mut other = samples.clone();
        other.iter_mut().for_each(|sample| sample.t_obs = 2.0 * WINDOW);
        assert!(fit_model(&other, &options).is_none());
        assert_eq!(FittedLaw::fit(&other, &options), fitted, "{seed}");
    }
}

/// With m samples of its window, the forest has the share m²/(m² + 225): the first one is near the law.
#[test]
fn the_forest_is_blended_with_the_law() {
    let samples = samples(300, 7);
    let options = LearnOptions { window: WINDOW, trees: 40, ..LearnOptions::default() };
    let distance = |count: usize| {
        let model = fit_model(&samples[..count], &options).unwrap();
        let of = |it: &Sample| {
            let query = Query { features: &it.features, n_obs: it.n_obs, x: it.x };
            let law = model.law().forecast(&it.features, it.n_obs).unwrap().n_tot();
            math::ln(model.predict(&query).unwrap().n_tot() / law).abs()
        };
        samples.iter().map(of).sum::<f64>()
    };
    let (few, many) = (distance(20), distance(300));
    assert!(few > 0.0 && many > few, "{few} {many}");
}

#[test]
fn a_thousand_cascades_fit_into_four_megabytes() {
    let options = LearnOptions { window: WINDOW, threads: 2, ..LearnOptions::default() };
    let line = fit_model(&samples(1000, 4), &options).unwrap().to_line();
    assert!(line.len() < 4_000_000, "{} bytes", line.len());
}

#[test]
fn a_torn_or_altered_model_is_refused() {
    let line = model(60).to_line();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for length in (0..line.len()).step_by(line.len() / 300 + 1) {
        assert!(Model::from_line(&line[..length]).is_err(), "{length} bytes");
    }
    for turn in 0..500 {
        let mut bytes = line.clone().into_bytes();
        let place = rng.next_u32() as usize % bytes.len();
        let other = b"0123456789abcdefXYZ+/\",:{}[] "[rng.next_u32() as usize % 29];
        if bytes[place] == other {
            continue;
        }
        bytes[place] = other;
        let text = String::from_utf8(bytes).unwrap();
        // Every alteration here changes a value; one that does not (0.10 for 0.1) could be accepted.
        assert!(Model::from_line(&text).is_err(), "turn {turn}, byte {place}");
    }
    for other in [2, 3, 6] {
        let text = line.replacen("\"format\":4", &format!("\"format\":{other}"), 1);
        let refused = Model::from_line(&text).unwrap_err().to_string();
        let names = refused.contains(&format!("format {other}")) && refused.contains("train");
        assert!(text != line && names, "{refused}");
    }
}
