//! Figures of the report as inline SVG. Colours are those of the page, so that they follow its scheme.

use std::fmt::Write as _;

use crate::html::escaped;
use tweetoscope::math;

/// The size of a figure, in units of its view box.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// The margins: left, right, top, bottom.
const MARGINS: [f64; 4] = [64.0, 16.0, 16.0, 44.0];

/// An axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis<'a> {
    pub(super) name: &'a str,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) log: bool,
}

impl Axis<'_> {
    /// The place of a value between 0 and 1.
    fn share(&self, value: f64) -> f64 {
        let scaled = |value: f64| if self.log { math::ln(value.max(1e-9)) } else { value };
        let (from, to) = (scaled(self.from), scaled(self.to));
        let share = (scaled(value) - from) / (to - from).max(1e-9);
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Values with a label.
    fn ticks(&self) -> Vec<f64> {
        const PARTS: i32 = 5;
        if !self.log {
            let step = round_step((self.to - self.from) / f64::from(PARTS));
            let first = (self.from / step).ceil() as i32;
            let last = (self.to / step + 1e-9).floor() as i32;
            return (first..=last).map(|i| step * f64::from(i)).collect();
        }
        let powers = (-3..16).map(|power| 10_f64.powi(power));
        powers.filter(|it| *it >= self.from * 0.999 && *it <= self.to * 1.001).collect()
    }
}

/// What a figure shows.
pub(super) enum Mark<'a> {
    /// A line with a class (its colour) through points, each with a dot, and a name at its end.
    Line { class: &'a str, name: &'a str, points: Vec<(f64, f64)> },
    /// Dots.
    Dots { class: &'a str, points: Vec<(f64, f64)> },
    /// A bar from 0 to a height, between two values of the horizontal axis.
    Bar { class: &'a str, from: f64, to: f64, height: f64 },
}

/// A figure with a title and a description for readers of the screen.
pub(super) fn figure(
    title: &str,
    about: &str,
    x: Axis<'_>,
    y: Axis<'_>,
    marks: &[Mark<'_>],
) -> String {
    let mut svg = format!(
        "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}: {1}\">\
         <title>{0}</title><desc>{1}</desc>\n",
        escaped(title),
        escaped(about)
    );
    let plane = Plane { x, y };
    plane.write_axes(&mut svg);
    marks.iter().for_each(|mark| plane.write_mark(&mut svg, mark));
    let names: Vec<String> = marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Line { class, name, .. } if !name.is_empty() => {
                Some(format!("<span class=\"key {class}\">{}</span>", escaped(name)))
            }
            _ => None,
        })
        .collect();
    let _ = writeln!(
        svg,
        "</svg><figcaption>{} {}</figcaption></figure>",
        escaped(about),
        names.join(" ")
    );
    svg
}

/// The plane of two axes.
struct Plane<'a> {
    x: Axis<'a>,
    y: Axis<'a>,
}

impl Plane<'_> {
    /// The distance of a value from the left edge.
    fn at_x(&self, value: f64) -> f64 {
        let [left, right, ..] = MARGINS;
        left + self.x.share(value) * (WIDTH - left - right)
    }

    /// The distance of a value from the upper edge.
    fn at_y(&self, value: f64) -> f64 {
        let [.., top, bottom] = MARGINS;
        HEIGHT - bottom - self.y.share(value) * (HEIGHT - top - bottom)
    }

    /// Writes the grid, the numbers and the names of the axes.
    fn write_axes(&self, svg: &mut String) {
        let [left, right, top, bottom] = MARGINS;
        for tick in self.y.ticks() {
            let place = self.at_y(tick);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{left}\" x2=\"{:.1}\" y1=\"{place:.1}\" y2=\"{place:.1}\"/>\
                 <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                WIDTH - right,
                left - 6.0,
                place + 4.0,
                label(tick)
            );
        }
        for tick in self.x.ticks() {
            let place = self.at_x(tick);
            let _ = writeln!(
                svg,
                "<text class=\"tick\" text-anchor=\"middle\" x=\"{place:.1}\" y=\"{:.1}\">{}</text>",
                HEIGHT - bottom + 18.0,
                label(tick)
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"name\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <text class=\"name\" text-anchor=\"middle\" transform=\"translate(14 {:.1}) rotate(-90)\">{}</text>",
            (left + WIDTH - right) / 2.0,
            HEIGHT - 6.0,
            escaped(self.x.name),
            (top + HEIGHT - bottom) / 2.0,
            escaped(self.y.name)
        );
    }

    fn write_mark(&self, svg: &mut String, mark: &Mark<'_>) {
        match mark {
            Mark::Line { class, name, points } => {
                let path: Vec<String> = points
                    .iter()
                    .map(|(a, b)| format!("{:.1},{:.1}", self.at_x(*a), self.at_y(*b)))
                    .collect();
                let _ = writeln!(
                    svg,
                    "<polyline class=\"line {class}\" points=\"{}\"><title>{}</title></polyline>",
                    path.join(" "),
                    escaped(name)
                );
            }
            Mark::Dots { class, points } => {
                for (a, b) in points {
                    let _ = writeln!(
                        svg,
                        "<circle class=\"dot {class}\" r=\"3\" cx=\"{:.1}\" cy=\"{:.1}\"/>",
                        self.at_x(*a),
                        self.at_y(*b)
                    );
                }
            }
            Mark::Bar { class, from, to, height } => {
                let (low, high) = (self.at_y(self.y.from), self.at_y(*height));
                let width = (self.at_x(*to) - self.at_x(*from) - 2.0).max(0.5);
                let _ = writeln!(
                    svg,
                    "<rect class=\"bar {class}\" x=\"{:.1}\" y=\"{high:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                    self.at_x(*from) + 1.0,
                    (low - high).max(0.0)
                );
            }
        }
    }
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = math::pow(10_f64, math::log10(step.max(1e-9)).floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    factors.into_iter().find(|it| it * power >= step * 0.999).unwrap_or(10.0) * power
}

/// A number of an axis.
fn label(value: f64) -> String {
    match value.abs() {
        large if large >= 1e6 => format!("{}M", value / 1e6),
        large if large >= 1e3 => format!("{}k", value / 1e3),
        whole if whole >= 10.0 || whole.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}
