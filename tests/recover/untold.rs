//! What was predicted and not told is not made anew after a crash.

use std::sync::Arc;

use rand_chacha::rand_core::SeedableRng;
use tweetoscope::learn::{LearnOptions, Model, fit_model};
use tweetoscope::record::Record;
use tweetoscope::stage::predict::{Manner, Predict};
use tweetoscope::stage::train::lesson;
use tweetoscope::stage::{Out, Recover, Stage};

use crate::{Chance, at, below, parsed, records, wild_properties};

/// A model that expects cascades to grow so many times.
fn model(counter: u64, growth: usize) -> Arc<Model> {
    let lesson = |i: usize| {
        let (n, n_tot) = (10 + i, growth * (10 + i));
        let line = format!(
            r#"{{"type":"sample","cid":"{i}","source":"0","t":{i},"T_obs":600,"X":[0.001,0.5,{n}],"n_obs":{n},"n_tot":{n_tot},"features":{{"n":{n}}}}}"#
        );
        match parsed(&line) {
            Record::Sample(sample) => lesson(&sample),
            other => panic!("{other:?}"),
        }
    };
    let lessons: Vec<_> = (0..40).map(lesson).collect();
    let recipe = LearnOptions { window: 600.0, counter, trees: 2, ..LearnOptions::default() };
    Arc::new(fit_model(&lessons, &recipe).unwrap())
}

#[test]
fn a_prediction_that_was_not_told_is_scored_as_it_was_made() {
    let (before, after) = (model(1, 3), model(2, 9));
    let mut scored = 0;
    for seed in 0..20 {
        let mut chance = Chance::seed_from_u64(seed);
        let inputs = wild_properties(&mut chance, 400);
        let manner = Manner {
            level: 0.9,
            alert_above: Some(f64::INFINITY),
            max_pending: 1000,
            pin: Vec::new(),
            curve: false,
        };
        let make = || {
            let mut predict = Predict::new(manner.clone());
            assert!(predict.resume(""));
            predict.adopt(Arc::clone(&before));
            predict
        };
        let cut = 100 + below(&mut chance, 200) as usize;
        let (mut whole, mut out) = (make(), Out::default());
        whole.on_batch(&at(&inputs[..cut], 0), &mut out);
        let (parts, low) = (whole.write_down(), whole.oldest_needed().unwrap() as usize);
        let mut until_low = make();
        until_low.on_batch(&at(&inputs[..low], 0), &mut out);
        out.take();
        whole.adopt(Arc::clone(&after));
        whole.on_batch(&at(&inputs[cut..], cut), &mut out);
        let expected = records(&mut out);

        let mut again = Predict::new(manner.clone());
        again.adopt(Arc::clone(&after));
        assert!(again.resume(&until_low.mark()) && again.take_back(&parts, low as u64));
        again.silence(true);
        again.on_batch(&at(&inputs[low..cut], low), &mut out);
        out.take();
        again.silence(false);
        again.on_batch(&at(&inputs[cut..], cut), &mut out);
        assert!(again.write_down().iter().all(|part| part.id >= cut as u64), "seed {seed}");
        let said = records(&mut out);
        assert!(said == expected, "seed {seed}");
        let by_the_old = |it: &&Record| matches!(it, Record::Stat(stat) if stat.model == "600-1");
        scored += said.iter().filter(by_the_old).count();
    }
    assert!(scored > 100, "{scored} were made before the crash and scored after it");
}
