//! Laws of the page.

use super::svg::{Axis, Mark, figure};

#[test]
fn hostile_text_is_escaped() {
    let hostile = "<script>alert('x')</script>\"&\u{1b}[2J";
    let axis = Axis { name: hostile, from: 0.0, to: 1.0, log: false };
    let line = Mark::Line { class: "a", name: hostile, points: vec![(0.5, 0.5)] };
    let text = figure(hostile, hostile, axis, axis, &[line]);
    assert!(!text.contains("<script") && !text.contains('\u{1b}'), "{text}");
    assert!(text.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{text}");
}

#[test]
fn values_are_drawn_at_their_places_and_none_is_outside() {
    let axis = |log| Axis { name: "x", from: 1.0, to: 100.0, log };
    let places = |text: &str| -> Vec<f64> {
        let dots = text.split("cx=\"").skip(1);
        dots.map(|it| it.split('"').next().unwrap().parse().unwrap()).collect()
    };
    for (log, expected) in
        [(true, [64.0, 344.0, 624.0, 624.0, 64.0]), (false, [64.0, 114.9, 624.0, 624.0, 64.0])]
    {
        let values = [1.0, 10.0, 100.0, 1e12, f64::NAN];
        let points = values.map(|it| (it, 1.0)).to_vec();
        let dots = Mark::Dots { class: "a", points };
        let found = places(&figure("t", "a", axis(log), axis(log), &[dots]));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.1), "{found:?}");
    }
    let bar = Mark::Bar { class: "a", from: 1.0, to: 100.0, height: 100.0 };
    assert!(figure("t", "a", axis(false), axis(false), &[bar]).contains("height=\"300.0\""));
}
