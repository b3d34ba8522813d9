//! The explanation of an alert: contributions by feature, and the largest ones in words.

use std::collections::BTreeMap;

use super::answer::{HAWKES, SEISMIC};
use crate::learn;
use crate::learn::Features;
use crate::math;
use crate::record::{Alert, Explanation, Named, Parameters};

/// The number of reasons in words.
const REASONS: usize = 3;

/// The explanation of a prediction of a model or a law.
pub(super) fn of_learned(parameters: &Parameters, explained: learn::Explanation) -> Explanation {
    let learn::Explanation { step, cascades, samples, average, terms } = explained;
    let shifted = step == learn::Step::GrowthLaw && cascades > 0;
    Explanation {
        step: if shifted { "shifted-law" } else { step.name() }.to_owned(),
        samples: samples as u64,
        cascades: cascades as u64,
        average,
        reasons: reasons(parameters, &terms),
        terms,
    }
}

/// The explanation of an estimate of SEISMIC or of the process, which have no average: for the process,
/// N = n + G1/(1 - n*) with the first generation and those after it, and what its limit removes.
pub(super) fn of_process(parameters: &Parameters, alert: &Alert) -> Option<Explanation> {
    let n_obs = parameters.n_obs as f64;
    let whole = math::ln(alert.n_tot / n_obs);
    if !whole.is_finite() {
        return None;
    }
    let mut terms: Named = Vec::new();
    if alert.method == HAWKES {
        let first = math::log1p(parameters.g1 / n_obs);
        let all = math::ln((n_obs + parameters.n_supp) / n_obs);
        terms.push(("first_generation".to_owned(), first));
        terms.push(("further_generations".to_owned(), all - first));
        terms.push(("limit".to_owned(), whole - all));
    } else {
        let name = if alert.method == SEISMIC { "ln_seismic" } else { "ln_kernel" };
        terms.push((name.to_owned(), whole));
    }
    terms.retain(|(_, value)| *value != 0.0);
    terms.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    Some(Explanation {
        step: alert.method.clone(),
        samples: 0,
        cascades: 0,
        average: 0.0,
        reasons: reasons(parameters, &terms),
        terms,
    })
}

/// What a term is about; features of one group are one reason.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Pace,
    Age,
    Size,
    Gaps,
    Bursts,
    Timing,
    Marks,
    Process,
    Clock,
    Networks,
    Median,
    Limit,
    FirstGeneration,
    FurtherGenerations,
    Other,
}

impl Subject {
    /// Of a feature at a window of this length.
    fn of(term: &str, t_obs: f64) -> Self {
        let (stem, rest) = term.split_once('_').unwrap_or((term, ""));
        let is_whole = rest.parse().is_ok_and(|span: f64| span >= t_obs);
        match (term, stem) {
            // A part of the window that is not shorter than it has all events.
            (_, "last" | "first") if is_whole => Self::Size,
            ("ln_age", _) => Self::Age,
            ("ln_n" | "ln_rate", _) => Self::Size,
            ("bins_dispersion" | "bins_max", _) => Self::Bursts,
            (
                "ln_seismic" | "ln_kernel" | "ln_beta" | "ln_g1" | "p" | "beta" | "n_star" | "G1",
                _,
            ) => Self::Process,
            ("rate_slope" | "rate_curvature" | "idle", _) => Self::Pace,
            ("mean_time" | "sd_time", _) => Self::Timing,
            ("networks", _) => Self::Networks,
            ("aggregate", _) => Self::Median,
            ("limit", _) => Self::Limit,
            ("first_generation", _) => Self::FirstGeneration,
            ("further_generations", _) => Self::FurtherGenerations,
            (_, "recent" | "trend" | "last" | "back") => Self::Pace,
            (_, "share" | "first" | "time" | "quantile") => Self::Timing,
            (_, "gap") => Self::Gaps,
            (_, "mark") => Self::Marks,
            (_, "clock" | "ahead") => Self::Clock,
            _ => Self::Other,
        }
    }

    /// The words for a contribution, with the values of the features where they decide.
    fn words(self, contribution: f64, features: &Features) -> &'static str {
        let accelerates = features.get("trend_8").is_some_and(|trend| trend > 0.0);
        match self {
            Self::Pace if contribution > 0.0 && accelerates => "still accelerating",
            Self::Pace if contribution > 0.0 => "active at the end of the window",
            Self::Pace if accelerates => "few events at the end of the window",
            Self::Pace => "slowing down",
            Self::Age => "age of the cascade",
            Self::Size => "number of events so far",
            Self::Gaps => "gaps between events",
            Self::Bursts => "bursts",
            Self::Timing => "times of the events in the window",
            Self::Marks => "marks of the events",
            Self::Process => "fitted process",
            Self::Clock => "time of day",
            Self::Networks => "networks beside the trees",
            Self::Median => "typical instead of mean growth",
            Self::Limit => "bounds of a prediction",
            Self::FirstGeneration => "retweets of the events so far",
            Self::FurtherGenerations => "retweets of those retweets",
            Self::Other => "other features",
        }
    }
}

/// The subjects with the largest contributions, each as its words and the factor exp(contribution).
fn reasons(parameters: &Parameters, terms: &[(String, f64)]) -> Vec<String> {
    const NO_CHANGE: f64 = 0.005;
    let t_obs = parameters.t_obs as f64;
    let mut by_subject: BTreeMap<Subject, f64> = BTreeMap::new();
    for (name, value) in terms {
        *by_subject.entry(Subject::of(name, t_obs)).or_default() += value;
    }
    let mut sums: Vec<(Subject, f64)> =
        by_subject.into_iter().filter(|(_, sum)| sum.abs() > NO_CHANGE).collect();
    sums.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let words = |(subject, sum): (Subject, f64)| {
        format!("{}: x{}", subject.words(sum, &parameters.features), factor(math::exp(sum)))
    };
    sums.into_iter().take(REASONS).map(words).collect()
}

/// A factor with two or three significant digits.
fn factor(value: f64) -> String {
    match value {
        _ if value >= 99.95 => format!("{value:.0}"),
        _ if value >= 1.095 => format!("{value:.1}"),
        _ if value >= 0.0995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
