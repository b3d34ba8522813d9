//! The sample and the stat of a prediction whose cascade is terminated.

use super::Out;
use super::pending::Answered;
use crate::record::{Interval, Parameters, Record, Sample, Size, Stat};

/// Emits the sample and the stat of a prediction whose cascade is terminated.
pub(super) fn emit(answered: &Answered, size: &Size, out: &mut Out) {
    let it = &answered.parameters;
    let n_tot = size.n_tot as f64;
    let sample = Sample { n_pred: Some(answered.n_pred), ..sample(it, size.n_tot, size.t) };
    out.write(Record::Sample(Box::new(sample)));
    let covers = |interval: Interval| (interval.low..=interval.high).contains(&n_tot);
    out.write(Record::Stat(Stat {
        cid: it.cid.clone(),
        source: it.source.clone(),
        t: size.t,
        t_obs: it.t_obs,
        are: (answered.n_pred - n_tot).abs() / n_tot.max(1.0),
        n_obs: it.n_obs,
        n_tot: size.n_tot,
        n_pred: answered.n_pred,
        covered: answered.interval.map(covers),
        level: answered.interval.map(|interval| interval.level),
        model: answered.model.clone(),
        t_alert: Some(it.t),
        finished: Some(answered.finished),
    }));
}

/// The sample of a cascade that ended at time `t`.
pub(in crate::stage) fn sample(it: &Parameters, n_tot: u64, t: f64) -> Sample {
    let [_, beta] = it.params;
    let exact = (n_tot as f64 - it.n_obs as f64) * (1.0 - it.n_star) / it.g1;
    Sample {
        cid: it.cid.clone(),
        source: it.source.clone(),
        t,
        t_obs: it.t_obs,
        x: [beta, it.n_star, it.g1],
        w: exact.is_finite().then_some(exact),
        n_obs: it.n_obs,
        n_tot,
        features: it.features.clone(),
        rows: it.rows.clone(),
        n_pred: None,
    }
}
