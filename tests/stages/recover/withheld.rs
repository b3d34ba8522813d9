//! A prediction that was not emitted is not computed again after a crash.

use std::sync::Arc;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;
use tweetoscope::learn::{LearnOptions, Model, fit_model};
use tweetoscope::math;
use tweetoscope::record::Record;
use tweetoscope::stage::predict::{Predict, PredictOptions};
use tweetoscope::stage::train::learn_sample;
use tweetoscope::stage::{Change, Limit, Out, Recover, Saved, Stage};

use super::{at, below, parsed, records, wild_properties};

/// A model that predicts `growth` times the observed size.
fn model(counter: u64, growth: usize) -> Arc<Model> {
    let sample = |i: usize| {
        let (n, n_tot) = (10 + i, growth * (10 + i));
        let line = format!(
            r#"{{"type":"sample","cid":"{i}","source":"0","t":{i},"T_obs":600,"X":[0.001,0.5,{n}],"n_obs":{n},"n_tot":{n_tot},"features":{{"ln_n":{},"ln_age":6.39693}}}}"#,
            math::ln(n as f64)
        );
        match parsed(&line) {
            Record::Sample(record) => learn_sample(&record),
            other => panic!("{other:?}"),
        }
    };
    let samples: Vec<_> = (0..40).map(sample).collect();
    let options = LearnOptions { window: 600.0, counter, trees: 2, ..LearnOptions::default() };
    Arc::new(fit_model(&samples, &options).unwrap())
}

#[test]
fn a_withheld_prediction_is_scored_as_it_was_computed_before_the_crash() {
    let (before, after) = (model(1, 3), model(2, 9));
    let mut scored = 0;
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let inputs = wild_properties(&mut rng, 400);
        let options = PredictOptions {
            alert_above: Some(f64::INFINITY),
            max_pending: 1000,
            ..PredictOptions::default()
        };
        let make = || {
            let mut predict = Predict::new(options.clone());
            assert_eq!(predict.restore(Saved::default()), Ok(()));
            predict.use_model(Arc::clone(&before));
            predict
        };
        let cut = 100 + below(&mut rng, 200) as usize;
        let (mut whole, mut out) = (make(), Out::default());
        whole.on_batch(&at(&inputs[..cut], 0), &mut out);
        let limit = |next: usize| Limit { oldest: 0, next: next as u64, max_parts: 0 };
        let put = |change: Change| Some((change.id, change.text?));
        let parts: Vec<_> = whole.spill(limit(cut)).into_iter().filter_map(put).collect();
        let low = whole.replay_start(&(0..=cut as u64).collect::<Vec<_>>()).unwrap();
        let mut until_low = make();
        until_low.on_batch(&at(&inputs[..low], 0), &mut out);
        out.take();
        whole.use_model(Arc::clone(&after));
        whole.on_batch(&at(&inputs[cut..], cut), &mut out);
        let expected = records(&mut out);

        let mut again = Predict::new(options.clone());
        again.use_model(Arc::clone(&after));
        let saved = Saved {
            position: low as u64,
            checkpoint: &until_low.checkpoint(),
            parts: &parts,
            emitted: Vec::new(),
        };
        assert_eq!(again.restore(saved), Ok(()));
        again.replaying(true);
        again.on_batch(&at(&inputs[low..cut], low), &mut out);
        out.take();
        again.replaying(false);
        again.on_batch(&at(&inputs[cut..], cut), &mut out);
        let fresh = again.spill(limit(inputs.len()));
        assert!(fresh.iter().all(|change| change.id >= cut as u64), "seed {seed}");
        let emitted = records(&mut out);
        assert!(emitted == expected, "seed {seed}");
        let by_the_old = |it: &&Record| matches!(it, Record::Stat(stat) if stat.model == "600-1");
        scored += emitted.iter().filter(by_the_old).count();
    }
    assert!(scored > 100, "{scored} predictions before the crash were scored after it");
}
