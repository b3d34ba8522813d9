//! The models against the test vectors, closed forms, finite differences, and each other.

use serde_json::Value;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;

use super::model::{Family, Parameters, Precision, likelihood};
use super::observed::Observed;
use super::quantities::{branching_factor, final_size, intensity, mean_size, viral_score};
use super::simulate::simulate;
use crate::cascade::Point;
use crate::hawkes::mark::MarkLaw;
use crate::math;

fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) if text == "inf" => f64::INFINITY,
        other => other.as_f64().unwrap(),
    }
}

fn history(of: &Value) -> (Vec<Point>, f64) {
    let list =
        |name: &str| -> Vec<f64> { of[name].as_array().unwrap().iter().map(number).collect() };
    let points: Vec<Point> = list("t")
        .into_iter()
        .zip(list("m"))
        .map(|(time, magnitude)| Point { time, magnitude })
        .collect();
    let end = if of["T"].is_null() { points.last().unwrap().time } else { number(&of["T"]) };
    (points, end)
}

fn model(vector: &Value) -> (Family, Parameters) {
    let of = &vector["params"];
    let get = |name: &str| of.get(name).map(number);
    let population = get("N").unwrap_or(f64::INFINITY);
    let (k, theta) = (get("K").unwrap(), get("theta").unwrap());
    match get("c") {
        None => (Family::Exponential, Parameters::exponential(k, theta, get("beta"), population)),
        Some(c) => (Family::PowerLaw, Parameters::power_law(k, c, theta, get("beta"), population)),
    }
}

/// The gradient by the natural parameters, by name.
fn gradient(family: Family, observed: &Observed, at: &Parameters) -> Vec<(&'static str, f64)> {
    let found = likelihood(family, observed, at);
    let [by_beta, by_1, by_2, ..] = found.by_coords.gradient;
    let mut all = vec![("beta", by_beta), ("N", found.by_population)];
    if family == Family::Exponential {
        let theta = math::exp(at.coords[1]);
        all.extend([("K", found.by_scale), ("theta", by_1 / theta)]);
    } else {
        // κ = K/(θ c^θ), with K fixed.
        let (c, theta) = (math::exp(at.coords[1]), math::exp(at.coords[2]));
        let kappa = at.scale;
        all.push(("K", found.by_scale / (theta * math::pow(c, theta))));
        all.push(("c", by_1 / c - found.by_scale * theta * kappa / c));
        all.push(("theta", by_2 / theta - found.by_scale * kappa * (theta.recip() + math::ln(c))));
    }
    all
}

/// The mean weight of marks from Pareto's law with exponent 2.016 from 1 on.
fn mean_weight(at: &Parameters) -> f64 {
    at.exponent().map_or(1.0, |beta| 1.016 / (1.016 - beta))
}

#[test]
fn the_test_vectors_agree() {
    let text = include_str!("../../../testdata/hawkes_kernels.json");
    let all: Value = serde_json::from_str(text).unwrap();
    let vectors = all["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 40);
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        let (points, end) = history(&all["histories"][vector["history"].as_str().unwrap()]);
        let observed = Observed::new(&points, end);
        let (family, at) = model(vector);
        let near = |what: &str, found: f64, expected: &Value| {
            let expected = number(expected);
            let close = (found - expected).abs() <= 1e-9 * expected.abs();
            assert!(found == expected || close, "{id} {what}: {found}, not {expected}");
        };
        let found = likelihood(family, &observed, &at);
        near("nll", found.value, &vector["nll"]);
        near("compensator", found.compensator, &vector["compensator"]);
        let mean = mean_weight(&at);
        near("n*", branching_factor(family, &at, mean), &vector["n_star"]);
        match final_size(family, &observed, &at, mean) {
            Some(size) => near("final size", size, &vector["expected_final_size"]),
            None => assert!(vector["expected_final_size"].is_null(), "{id}"),
        }
        let first = math::exp(observed.log_marks[0]);
        let score = viral_score(family, &at, mean, first);
        near("viral score", score, &vector["viral_score_first_mark"]);
        for pair in vector["intensity"].as_array().unwrap() {
            let time = number(&pair[0]);
            near("intensity", intensity(family, &points, &at, time), &pair[1]);
        }
        let found = gradient(family, &observed, &at);
        for (name, expected) in vector["gradient"].as_object().unwrap() {
            let expected = number(expected);
            let found = found.iter().find(|(of, _)| of == name).unwrap().1;
            let off = (found - expected).abs();
            assert!(off <= 1e-6 * expected.abs() + 1e-7, "{id} d/d{name}: {found}, {expected}");
        }
    }
}

fn points(times: &[f64], mark: impl Fn(usize) -> f64) -> Vec<Point> {
    let each = times.iter().enumerate();
    each.map(|(i, &time)| Point { time, magnitude: mark(i) }).collect()
}

/// All families at some parameters, marked and unmarked.
fn all_models() -> Vec<(Family, Parameters)> {
    let mut all = Vec::new();
    for exponent in [None, Some(0.6)] {
        let infinite = f64::INFINITY;
        all.push((Family::Exponential, Parameters::exponential(0.7, 0.01, exponent, infinite)));
        let power_law = Parameters::power_law(9.0, 40.0, 0.7, exponent, infinite);
        all.push((Family::PowerLaw, power_law));
        let mut mixture = Parameters::exponential(0.4, 0.02, exponent, infinite);
        // ln of the weight of the first exponential, then of the rates.
        mixture.coords[1..4].copy_from_slice(&[-0.5, math::ln(0.001f64), math::ln(0.05f64)]);
        all.push((Family::SumExp(2), mixture));
        let mut seismic = Parameters::exponential(0.5, 1.0, exponent, infinite);
        seismic.coords[1] = 0.0;
        all.push((Family::Seismic, seismic));
    }
    all
}

pub(super) fn cascade(n: usize) -> Observed {
    let times: Vec<f64> = (0..n).map(|i| 3.0 * math::pow(i as f64, 1.6).floor()).collect();
    let points = points(&times, |i| 1.0 + ((7 * i) % 23) as f64);
    Observed::new(&points, times[n - 1] + 200.0)
}

#[test]
fn derivatives_agree_with_finite_differences() {
    use super::newton::VARIABLES;
    use super::objective::{Objective, SHARE};
    let cascades = [cascade(40)];
    for (family, at) in all_models() {
        for (finite, precision) in [
            (false, Precision::Exact),
            (true, Precision::Exact),
            (false, Precision::Approximate),
            (true, Precision::Approximate),
        ] {
            let objective = Objective {
                family,
                cascades: &cascades,
                marked: at.marked,
                finite,
                precision,
                threads: 1,
            };
            let mut z = [0.0; VARIABLES];
            z[..SHARE].copy_from_slice(&at.coords);
            z[SHARE] = if finite { 0.4 } else { 0.0 };
            let here = objective.at(&z);
            let mut used: Vec<usize> = (1..=family.shape_len()).collect();
            used.extend(at.marked.then_some(0));
            used.extend(finite.then_some(SHARE));
            for &a in &used {
                let h = 1e-4;
                let (mut up, mut down) = (z, z);
                (up[a], down[a]) = (z[a] + h, z[a] - h);
                let (up, down) = (objective.at(&up), objective.at(&down));
                let slope = (up.value - down.value) / (2.0 * h);
                let near = |found: f64, expected: f64, what: &str| {
                    let off = (found - expected).abs();
                    assert!(
                        off < 2e-5 * (1.0 + expected.abs() + here.hessian[a][a].abs()),
                        "{family} {finite} {precision:?} {what} {a}: {found}, {expected}"
                    );
                };
                near(here.gradient[a], slope, "slope");
                for &b in &used {
                    let second = (up.gradient[b] - down.gradient[b]) / (2.0 * h);
                    near(here.hessian[a][b], second, "curvature");
                }
            }
        }
    }
}

#[test]
fn the_approximation_is_within_its_proven_error() {
    use super::approximate::Nodes;
    use super::power_law::Shape;
    for theta in [0.01, 0.2, 0.8, 2.0, 10.0] {
        for (c, reach) in [(1.0, 1e6), (60.0, 1e5), (1e4, 2e7)] {
            for tolerance in [1e-8, 1e-4] {
                let nodes = Nodes::new(Shape { c, theta }, reach, tolerance);
                for k in 0..=60 {
                    let lag = if k == 0 {
                        0.0
                    } else {
                        reach * math::pow(10f64, f64::from(k - 60) / 6.0)
                    };
                    let exact = theta / c * math::pow(1.0 + lag / c, -1.0 - theta);
                    let off = (nodes.kernel(lag) / exact - 1.0).abs();
                    assert!(off <= tolerance, "theta {theta}, c {c}, lag {lag}: {off}");
                }
            }
        }
    }
}

#[test]
fn the_approximated_likelihood_of_real_cascades_is_within_a_millionth() {
    use crate::hawkes::testing::real_cascades;
    for (points, end) in real_cascades(1e9).into_iter().filter(|(points, _)| points.len() < 4000) {
        let observed = Observed::new(&points, points.last().unwrap().time.min(end));
        for exponent in [None, Some(0.4)] {
            let at = Parameters::power_law(5.0, 100.0, 0.5, exponent, f64::INFINITY);
            let of = |precision| Family::PowerLaw.sums(&observed, &at, precision, true, 1);
            let (exact, near) = (of(Precision::Exact), of(Precision::Approximate));
            let (l, d) = (exact.log_intensity, exact.depleted);
            let n = observed.len() as f64;
            assert!((near.log_intensity.value - l.value).abs() < 1e-6 * l.value.abs().min(n));
            assert!((near.depleted.value / d.value - 1.0).abs() < 1e-6);
            for a in 0..3 {
                let off = (near.log_intensity.gradient[a] - l.gradient[a]).abs();
                assert!(off < 1e-6 * n, "coordinate {a}: {off}");
            }
        }
    }
}

fn law_every_instruction_set_gives_the_same_sums(arch: pulp::Arch) {
    use super::power_law::{Shape, sums_on};
    let observed = cascade(300);
    let shape = Shape { c: 37.0, theta: 0.6 };
    let scalar = sums_on(pulp::Arch::Scalar, &observed, Some(0.5), shape, true, 1);
    assert_eq!(sums_on(arch, &observed, Some(0.5), shape, true, 1), scalar);
    // The blocks do not depend on the number of threads.
    let long = cascade(1500);
    let one = sums_on(arch, &long, None, shape, false, 1);
    assert_eq!(one, sums_on(arch, &long, None, shape, false, 3));
}
crate::hawkes::testing::each_instruction_set!(law_every_instruction_set_gives_the_same_sums);

#[test]
fn closed_forms_hold_without_events_and_with_one() {
    for (family, at) in all_models() {
        let none = Observed::new(&[], 100.0);
        assert_eq!(likelihood(family, &none, &at).value, 0.0);
        let one = Observed::new(&points(&[0.0], |_| 50.0), 100.0);
        let weight = at.exponent().map_or(1.0, |beta| math::pow(50f64, beta));
        let lost = family.survival(&at, 0.0) - family.survival(&at, 100.0);
        let expected = at.scale * weight * lost;
        let found = likelihood(family, &one, &at);
        assert!((found.value - expected).abs() < 1e-13 * expected, "{family}: {found:?}");
    }
}

#[test]
fn an_infinite_population_is_the_limit_of_finite_ones() {
    let observed = cascade(60);
    for (family, at) in all_models() {
        let infinite = likelihood(family, &observed, &at);
        let finite = likelihood(family, &observed, &Parameters { population: 1e13, ..at });
        assert!((finite.value - infinite.value).abs() < 1e-8, "{family}");
        assert!((finite.compensator - infinite.compensator).abs() < 1e-8, "{family}");
    }
}

#[test]
fn the_size_in_a_finite_population_is_that_of_simulations_and_tends_to_the_infinite_one() {
    let marks = MarkLaw::Mean(1.0);
    // A root with about 63 times the weight of a mark of 1, so that no cascade dies out early.
    let root = [Point { time: 0.0, magnitude: 1e6 }];
    let observed = Observed::new(&root, 0.0);
    let mean_weight = marks.mean_weight(&root, 0.3);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (k, population) in [(0.7, 5000.0), (0.9, 30_000.0), (1.5, 4000.0), (3.0, 2000.0)] {
        let at = Parameters::exponential(k, 0.001, Some(0.3), population);
        let size = mean_size(Family::Exponential, &observed, &at, mean_weight);
        let sizes = (0..200).map(|_| {
            simulate(Family::Exponential, &at, &marks, 1e6, 1e9, 100_000, &mut rng).len() as f64
        });
        let mean = sizes.sum::<f64>() / 200.0;
        assert!((mean / size - 1.0).abs() < 0.05, "K {k}, N {population}: {mean} {size}");
        let larger = Parameters::exponential(k, 0.001, Some(0.3), 2.0 * population);
        assert!((1.0..population).contains(&size));
        assert!(mean_size(Family::Exponential, &observed, &larger, mean_weight) > size);
    }
    let [finite, infinite] = [1e12, f64::INFINITY].map(|population| {
        let at = Parameters::power_law(0.5, 60.0, 0.8, Some(0.5), population);
        mean_size(Family::PowerLaw, &observed, &at, 1.0)
    });
    assert!((finite / infinite - 1.0).abs() < 1e-6, "{finite} {infinite}");
    let supercritical = Parameters::exponential(1.5, 0.001, Some(1.0), f64::INFINITY);
    assert_eq!(mean_size(Family::Exponential, &observed, &supercritical, 1.0), f64::INFINITY);
}

#[test]
fn the_compensator_is_the_integral_of_the_intensity() {
    for (family, at) in all_models() {
        let times = [0.0, 13.0, 13.0, 60.0, 200.0];
        let points = points(&times, |i| 1.0 + i as f64);
        let observed = Observed::new(&points, 300.0);
        let at = Parameters { population: 30.0, ..at };
        let mut sum = 0.0;
        for pair in [0.0, 13.0, 60.0, 200.0, 300.0].windows(2) {
            let steps = 2000;
            let h = (pair[1] - pair[0]) / f64::from(steps);
            let middle = |i: i32| pair[0] + (f64::from(i) + 0.5) * h;
            sum += (0..steps).map(|i| h * intensity(family, &points, &at, middle(i))).sum::<f64>();
        }
        let found = likelihood(family, &observed, &at).compensator;
        assert!((found - sum).abs() < 1e-5 * sum, "{family}: {found} {sum}");
    }
}

#[test]
fn residuals_sum_to_the_compensator_up_to_the_last_event() {
    use super::diagnostics::residuals;
    let times: Vec<f64> = (0..50).map(|i| 2.0 * math::pow(f64::from(i), 1.7)).collect();
    let points = points(&times, |i| 1.0 + (i % 5) as f64);
    let observed = Observed::new(&points, times[49]);
    for (family, at) in all_models() {
        for population in [f64::INFINITY, 90.0] {
            let at = Parameters { population, ..at };
            let total = likelihood(family, &observed, &at).compensator;
            for approximate in [false, true] {
                let sum: f64 = residuals(family, &observed, &at, approximate).iter().sum();
                assert!((sum - total).abs() < 1e-7 * total, "{family}: {sum} {total}");
            }
        }
    }
}
