//! Models, whatever they are asked and whatever stands in their files.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tweetoscope::cascade::Point;
use tweetoscope::hawkes::Params;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::hawkes::simulate::simulate;
use tweetoscope::learn::{Forecast, LearnOptions, Model, Query, Sample, Step, describe, fit_model};

const WINDOW: f64 = 600.0;

/// Samples of simulated cascades, each with its own parameters.
fn samples(count: u64, seed: u64) -> Vec<Sample> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut samples = Vec::new();
    while (samples.len() as u64) < count {
        let p = 0.005 + 0.02 * f64::from(rng.next_u32()) / f64::from(u32::MAX);
        // Slow and quick cascades: what n alone does not tell, but timing does.
        let decay = 0.01 * 200_f64.powf(-f64::from(rng.next_u32()) / f64::from(u32::MAX));
        let params = Params::new(p, decay).unwrap();
        let all = simulate(params, &MarkLaw::USUAL, 1500.0, 1e6, 100_000, &mut rng);
        let seen: Vec<Point> = all.iter().filter(|it| it.time <= WINDOW).copied().collect();
        if seen.len() < 6 {
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

/// Series that nature does not make.
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

/// All that an answer says.
fn whole(answer: &Forecast<'_>) -> Vec<f64> {
    let levels = [0.0, 0.1, 0.5, 0.9, 1.0].map(|level| answer.interval(level));
    let above = (0..30).map(|i| answer.probability_above(1.5_f64.powi(i)));
    let ends = levels.into_iter().flat_map(|(low, high)| [low, high]);
    std::iter::once(answer.n_tot()).chain(ends).chain(above).collect()
}

#[test]
fn an_answer_is_finite_and_holds_what_was_seen() {
    let models = [model(25), model(200), model(800)];
    let steps: Vec<Step> = models.iter().map(Model::step).collect();
    assert!(steps.contains(&Step::Forest), "{steps:?}");
    for (name, points) in hostile() {
        let (features, rows) = describe(&points, WINDOW, |_, _| Vec::new());
        let finite = features.iter().all(|(_, value)| value.is_finite());
        assert!(finite && rows.iter().flatten().all(|value| value.is_finite()), "{name}");
        let n_obs = points.len() as f64;
        for model in &models {
            for x in [[1e-4, 0.99, 1e9], [0.0; 3], [f64::NAN; 3]] {
                let answer = model.predict(&Query { features: &features, n_obs, x });
                let n_tot = answer.n_tot();
                assert!(n_tot.is_finite() && n_tot >= n_obs, "{name}: {n_tot}");
                for level in [0.0, 0.5, 0.9, 0.999, 1.0, f64::NAN] {
                    let (low, high) = answer.interval(level);
                    let holds = n_obs <= low && low <= n_tot && n_tot <= high && high.is_finite();
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
        let recipe =
            LearnOptions { window: WINDOW, trees: 20, threads, seed, ..LearnOptions::default() };
        fit_model(&samples, &recipe).unwrap().to_line()
    };
    let one = line(1, 5);
    assert!(one == line(2, 5) && one == line(7, 5));
    assert!(one != line(1, 6));
}

#[test]
fn a_model_reads_back_as_it_was_written() {
    let samples = samples(60, 9);
    for count in [25, 200] {
        let model = model(count);
        let again = Model::from_line(&model.to_line()).unwrap();
        assert!(again.to_line() == model.to_line());
        for sample in &samples {
            let query = Query { features: &sample.features, n_obs: sample.n_obs, x: sample.x };
            assert_eq!(whole(&again.predict(&query)), whole(&model.predict(&query)));
        }
    }
}

/// The fewer there are, the simpler what is learned from them.
#[test]
fn few_cascades_teach_a_law_and_fewer_nothing() {
    let recipe = LearnOptions { window: WINDOW, trees: 20, ..LearnOptions::default() };
    for seed in 0..5 {
        let samples = samples(19, seed);
        assert!(fit_model(&samples[..9], &recipe).is_none());
        for count in [10, 15, 19] {
            let step = fit_model(&samples[..count], &recipe).unwrap().step();
            assert!(matches!(step, Step::MedianRatio | Step::LogLinear), "{count}: {step:?}");
        }
    }
}

#[test]
fn a_thousand_cascades_fit_into_four_megabytes() {
    let recipe = LearnOptions { window: WINDOW, threads: 2, ..LearnOptions::default() };
    let line = fit_model(&samples(1000, 4), &recipe).unwrap().to_line();
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
        // An alteration that changes nothing (0.10 for 0.1) would be no harm; there is none here.
        assert!(Model::from_line(&text).is_err(), "turn {turn}, byte {place}");
    }
    for other in [2, 4] {
        let text = line.replacen("\"format\":3", &format!("\"format\":{other}"), 1);
        let refused = Model::from_line(&text).unwrap_err().to_string();
        assert!(text != line && refused.contains(&format!("format {other}")), "{refused}");
    }
}
