//! The models against the test vectors, closed forms, finite differences, and each other.

use serde_json::Value;

use super::model::{Family, Parameters, Precision, likelihood};
use super::observed::Observed;
use super::quantities::{branching_factor, final_size, intensity, viral_score};
use crate::cascade::Point;

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
        let theta = at.coords[1].exp();
        all.extend([("K", found.by_scale), ("theta", by_1 / theta)]);
    } else {
        // κ = K/(θ c^θ), with K fixed.
        let (c, theta) = (at.coords[1].exp(), at.coords[2].exp());
        let kappa = at.scale;
        all.push(("K", found.by_scale / (theta * c.powf(theta))));
        all.push(("c", by_1 / c - found.by_scale * theta * kappa / c));
        all.push(("theta", by_2 / theta - found.by_scale * kappa * (theta.recip() + c.ln())));
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
        let first = observed.log_marks[0].exp();
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
        mixture.coords[1..4].copy_from_slice(&[-0.5, 0.001f64.ln(), 0.05f64.ln()]);
        all.push((Family::SumExp(2), mixture));
        let mut seismic = Parameters::exponential(0.5, 1.0, exponent, infinite);
        seismic.coords[1] = 0.0;
        all.push((Family::Seismic, seismic));
    }
    all
}

fn cascade(n: usize) -> Observed {
    let times: Vec<f64> = (0..n).map(|i| 3.0 * (i as f64).powf(1.6).floor()).collect();
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
