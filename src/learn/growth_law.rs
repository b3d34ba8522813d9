//! The growth law: the final size from the shape of a cascade so far, without training on its platform.
//!
//! With n events in T seconds (the root included),
//!
//! ```text
//! g = c0 + c1 ln(T/3600) + c2 recent_8 + c3 recent_16 + c4 trend_8 + c5 gap_cv
//! N = n (1 + exp(g))
//! ```
//!
//! so that exp(g) is the number of further events per observed one, and N ≥ n. The features are those of
//! [`features`](super::features), clipped to the ranges of [`CLIPS`]. None of them depends on the size of
//! the cascade or on a time in seconds: on a platform that the constants were not fitted to, such features
//! increase the error.

use super::forecast::{TwoPiece, log_growth};
use super::normal;
use super::values::Features;
use crate::math;

/// The feature `ln_seismic` where SEISMIC has no estimate, as for a supercritical cascade: a growth of e^5.
pub const NO_ESTIMATE: f64 = 5.0;

/// The law and its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthLaw {
    /// c0 to c5.
    pub constants: [f64; 6],
}

impl Default for GrowthLaw {
    /// The constants that minimise the mean of |prediction − N|/N, smooth where it is below 0.05, with a
    /// penalty of 0.001 (c1² + … + c5²), over 2,775 cascades of two platforms (Twitter, in two
    /// collections, and Weibo) at the ages 300, 424, 600, ..., 21600 s (a factor of √2 apart) at which they
    /// had at least 10 events. Each collection has the same total weight at each age. The fit
    /// used L-BFGS of SciPy.
    fn default() -> Self {
        Self { constants: [0.8079, -0.4537, 0.4969, 0.1297, -0.2507, -0.1851] }
    }
}

/// The features that the law and its corrections read, in the order in which `fit` writes them.
const NAMES: [&str; INPUTS] = [
    "ln_n",
    "ln_age",
    "share_1_16",
    "share_1_4",
    "recent_2",
    "recent_4",
    "recent_8",
    "trend_8",
    "recent_16",
    "gap_median",
    "gap_max",
    "gap_cv",
    "gap_2",
    "back_10",
    "idle",
    "mean_time",
    "bins_dispersion",
];
const INPUTS: usize = 17;

/// The values of recent_8, recent_16, trend_8 and gap_cv are clipped to these.
const CLIPS: [(f64, f64); 4] = [(-4.0, 1.6), (-4.0, 1.6), (-2.5, 2.3), (0.5, 5.5)];

/// ln T for T = 1 h.
const LN_HOUR: f64 = 8.188_689_124_444_202;

/// The places of the inputs among the features of a record.
#[derive(Clone, Debug)]
pub(super) struct Places {
    inputs: [usize; INPUTS],
    /// Of `ln_seismic`; `None` also where all marks are 1.
    seismic: Option<usize>,
}

impl Places {
    /// `None` where a feature is missing.
    pub(super) fn of(features: &Features) -> Option<Self> {
        let (mut inputs, mut next) = ([0; INPUTS], 0);
        for (place, (name, _)) in features.iter().enumerate() {
            if next < INPUTS && name == NAMES[next] {
                (inputs[next], next) = (place, next + 1);
            }
        }
        // Records of other programs can have another order.
        for (input, name) in inputs.iter_mut().zip(NAMES).skip(next) {
            *input = features.place(name)?;
        }
        let seismic = features.place_from_end("ln_seismic");
        let has_marks = seismic.is_some() && features.place_from_end("mark_root").is_some();
        Some(Self { inputs, seismic: seismic.filter(|_| has_marks) })
    }

    /// The inputs in a row of values; `None` for a row that is too short.
    pub(super) fn read(&self, values: &[f64]) -> Option<Inputs> {
        let mut inputs = Inputs { values: [0.0; INPUTS], seismic: None };
        for (value, place) in inputs.values.iter_mut().zip(self.inputs) {
            *value = *values.get(place)?;
        }
        let seismic = self.seismic.and_then(|place| values.get(place)).copied();
        inputs.seismic = seismic.filter(|estimate| *estimate != NO_ESTIMATE);
        Some(inputs)
    }
}

/// What the law and its corrections read: the features of a cascade at an age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Inputs {
    /// In the order of [`NAMES`].
    values: [f64; INPUTS],
    /// ln(S/n) for SEISMIC's estimate S, where it has one and the marks are not all 1.
    seismic: Option<f64>,
}

impl Inputs {
    pub(super) fn of(features: &Features) -> Option<Self> {
        Places::of(features)?.read(features.values())
    }

    /// The features of [`Inputs::of_law`].
    pub(super) const LAW_NAMES: [&str; 5] =
        ["ln_age", "recent_8", "recent_16", "trend_8", "gap_cv"];
    /// The features of [`Inputs::of_shape`].
    pub(super) const SHAPE_NAMES: [&str; 12] = [
        "ln_n",
        "recent_2",
        "recent_4",
        "share_1_4",
        "share_1_16",
        "gap_median",
        "gap_max",
        "idle",
        "gap_2",
        "mean_time",
        "back_10",
        "bins_dispersion",
    ];

    /// The cascade with these inputs of the law; the others are 0.
    pub(super) fn with_law(inputs: [f64; 5]) -> Self {
        let [ln_hours, recent_8, recent_16, trend_8, gap_cv] = inputs;
        let mut values = [0.0; INPUTS];
        (values[1], values[6], values[7]) = (ln_hours + LN_HOUR, recent_8, trend_8);
        (values[8], values[11]) = (recent_16, gap_cv);
        Self { values, seismic: None }
    }

    pub(super) fn ln_n(&self) -> f64 {
        self.values[0]
    }

    pub(super) fn ln_age(&self) -> f64 {
        self.values[1]
    }

    /// ln(T/1 h).
    pub(super) fn ln_hours(&self) -> f64 {
        self.ln_age() - LN_HOUR
    }

    /// The inputs of the law after the constant: ln(T/1 h), recent_8, recent_16, trend_8, gap_cv.
    pub(super) fn of_law(&self) -> [f64; 5] {
        let [_, _, _, _, _, _, recent_8, trend_8, recent_16, _, _, gap_cv, ..] = self.values;
        [self.ln_hours(), recent_8, recent_16, trend_8, gap_cv]
    }

    /// The other inputs of the MAP law, without a unit of time or of size where they can be: ln n,
    /// recent_2, recent_4, share_1_4, share_1_16, gap_median, gap_max − ln T, idle − ln T, gap_2,
    /// mean_time, back_10 + ln n − ln T, bins_dispersion.
    pub(super) fn of_shape(&self) -> [f64; 12] {
        let [
            ln_n,
            ln_age,
            share_1_16,
            share_1_4,
            recent_2,
            recent_4,
            _,
            _,
            _,
            gap_median,
            gap_max,
            _,
            gap_2,
            back_10,
            idle,
            mean_time,
            dispersion,
        ] = self.values;
        [
            ln_n,
            recent_2,
            recent_4,
            share_1_4,
            share_1_16,
            gap_median,
            gap_max - ln_age,
            idle - ln_age,
            gap_2,
            mean_time,
            back_10 + ln_n - ln_age,
            dispersion,
        ]
    }
}

impl GrowthLaw {
    /// g of the formula.
    pub(super) fn log_further(&self, inputs: &Inputs) -> f64 {
        self.constants[0] + self.terms(inputs).iter().sum::<f64>()
    }

    /// The terms of g after the constant.
    pub(super) fn terms(&self, inputs: &Inputs) -> [f64; 5] {
        let [_, slopes @ ..] = &self.constants;
        let [ln_hours, rest @ ..] = inputs.of_law();
        let mut values = [ln_hours; 5];
        for ((to, value), (low, high)) in values[1..].iter_mut().zip(rest).zip(CLIPS) {
            *to = value.clamp(low, high);
        }
        values.iter_mut().zip(slopes).for_each(|(value, slope)| *value *= slope);
        values
    }
}

/// g moved towards SEISMIC's estimate, where there is one:
/// ln(N/n) = law + 0.5 clip(ln(S/n) − law, ±0.5).
pub(super) fn towards_seismic(log_further: f64, inputs: &Inputs) -> f64 {
    const SHARE: f64 = 0.5;
    const MAX_DIFFERENCE: f64 = 0.5;
    let Some(seismic) = inputs.seismic else { return log_further };
    let law = log_growth(log_further);
    let difference = (seismic - law).clamp(-MAX_DIFFERENCE, MAX_DIFFERENCE);
    log_further_of(law + SHARE * difference)
}

/// g for ln(N/n).
fn log_further_of(log_growth: f64) -> f64 {
    const TINY: f64 = 1e-12;
    math::ln(math::expm1(log_growth.max(TINY)))
}

/// The distribution of ln(N/n) around a prediction g at that age: g has a normal error, with another
/// deviation on each side. At nominal 90 % the interval reaches from g − 1.6 − 0.25 L to g + 2.4 + 0.15 L,
/// with L = ln(T/1 h) within ±4; it contained 91 to 95 % of the final sizes of each collection that the
/// constants were fitted to.
pub(super) fn distribution(log_further: f64, ln_hours: f64) -> TwoPiece {
    const MAX_LN_HOURS: f64 = 4.0;
    let age = ln_hours.clamp(-MAX_LN_HOURS, MAX_LN_HOURS);
    let nominal = normal::quantile(0.95);
    let (below, above) = ((1.6 + 0.25 * age) / nominal, (2.4 + 0.15 * age) / nominal);
    TwoPiece { log_further, below, above }
}

#[cfg(test)]
mod tests {
    use super::super::features::features;
    use super::super::fitted_law::FittedLaw;
    use super::*;
    use crate::cascade::Point;

    /// Twelve events in an hour; the marks are 1 but for that of the root.
    fn cascade(root: f64) -> Features {
        let times = [0., 60., 120., 200., 300., 500., 900., 1500., 2000., 2500., 3300., 3500.];
        let point = |(i, time)| Point { time, magnitude: if i == 0 { root } else { 1.0 } };
        let points: Vec<Point> = times.into_iter().enumerate().map(point).collect();
        features(&points, 3600.0, &[("ln_seismic", 2.0)])
    }

    /// The formulas of docs/model.md by hand: two events in the last eighth, of them one in the last
    /// sixteenth, none in the eighth before; gaps of mean 3500/11.
    #[test]
    fn the_prediction_agrees_with_its_formula() {
        let gaps = [60., 60., 80., 100., 200., 400., 600., 500., 500., 800., 200.];
        let mean = 3500.0 / 11.0;
        let variance = gaps.iter().map(|gap: &f64| (gap - mean).powi(2)).sum::<f64>() / 11.0;
        let recent = |events: f64, k: f64| math::ln((events + 0.5) * k / 12.5);
        let log_further = 0.8079 + 0.4969 * recent(2.0, 8.0) + 0.1297 * recent(1.0, 16.0)
            - 0.2507 * math::ln(2.5_f64 / 0.5)
            - 0.1851 * variance.sqrt() / mean;
        let law = FittedLaw::untrained(GrowthLaw::default());
        let forecast = law.forecast(&cascade(1.0), 12.0).unwrap();
        let expected = 12.0 * (1.0 + math::exp(log_further));
        assert!(
            (forecast.n_tot() / expected - 1.0).abs() < 1e-4,
            "{} {expected}",
            forecast.n_tot()
        );
        let (low, high) = forecast.interval(0.9);
        let expected_low = (12.0 * (1.0 + math::exp(log_further - 1.6)) - 0.5).floor();
        let expected_high = 12.0 * (1.0 + math::exp(log_further + 2.4));
        assert!((low - expected_low).abs() < 1e-6, "{low} {expected_low}");
        assert!((high / expected_high - 1.0).abs() < 1e-3, "{high} {expected_high}");
        // Other levels: by the ratio of the normal quantiles.
        let (_, high) = forecast.interval(0.5);
        let reach = 2.4 * 0.674_489_75 / 1.644_853_63;
        let expected_high = 12.0 * (1.0 + math::exp(log_further + reach));
        assert!((high / expected_high - 1.0).abs() < 1e-3, "{high} {expected_high}");
        assert!((forecast.probability_above(forecast.n_tot().floor()) - 0.5).abs() < 0.05);
        assert_eq!(forecast.probability_above(11.0), 1.0);
    }

    #[test]
    fn marks_move_the_law_towards_the_estimate_of_seismic_by_at_most_a_quarter() {
        let law = FittedLaw::untrained(GrowthLaw::default());
        let growth = |features: &Features| law.forecast(features, 12.0).unwrap().log_growth();
        let (unit, marked) = (growth(&cascade(1.0)), growth(&cascade(50.0)));
        assert!((marked - unit - 0.25).abs() < 1e-9, "{unit} {marked}");
    }

    #[test]
    fn a_missing_feature_gives_no_prediction_and_another_order_the_same() {
        let law = FittedLaw::untrained(GrowthLaw::default());
        let all = cascade(50.0);
        let text = serde_json::to_string(&all).unwrap();
        for name in NAMES {
            let without = text.replace(&format!("\"{name}\":"), "\"other\":");
            let features: Features = serde_json::from_str(&without).unwrap();
            assert!(law.forecast(&features, 12.0).is_none(), "{name}");
        }
        let mut reversed: Vec<String> = all.iter().map(|(k, v)| format!("\"{k}\":{v:?}")).collect();
        reversed.reverse();
        let reversed: Features =
            serde_json::from_str(&format!("{{{}}}", reversed.join(","))).unwrap();
        let of = |features| law.forecast(features, 12.0).unwrap().n_tot();
        assert_eq!(of(&reversed), of(&all));
    }
}
