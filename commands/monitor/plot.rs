//! The course of the errors as plain characters, where nothing can be drawn live.

use tweetoscope::event::Span;
use tweetoscope::record::Report;
use tweetoscope::stage::monitor::{Moment, Monitor};

/// Columns of a plot beside its axis.
const WIDTH: usize = 64;
/// Columns of the axis.
const AXIS: usize = 8;
/// Lines of the errors, and of the coverage.
const LINES: [usize; 2] = [12, 6];

/// A field of characters over an axis from 0 to `top`.
struct Field {
    top: f64,
    lines: Vec<Vec<char>>,
}

impl Field {
    fn new(lines: usize, top: f64) -> Self {
        Self { top, lines: vec![vec![' '; WIDTH]; lines + 1] }
    }

    /// What is above the top stands on it.
    fn mark(&mut self, column: usize, value: f64, symbol: char) {
        let last = self.lines.len() - 1;
        let height = (value / self.top * last as f64).round().clamp(0.0, last as f64);
        self.lines[last - height as usize][column.min(WIDTH - 1)] = symbol;
    }

    fn text(&self) -> String {
        let last = self.lines.len() - 1;
        let line = |(place, line): (usize, &Vec<char>)| {
            let told = place == 0 || place == last || place * 2 == last;
            let value = self.top * (last - place) as f64 / last as f64;
            let label = if told { format!("{value:.2}") } else { String::new() };
            let drawn: String = line.iter().collect();
            format!("{label:>6} |{drawn}").trim_end().to_owned() + "\n"
        };
        self.lines.iter().enumerate().map(line).collect()
    }
}

/// The top of an axis of errors: all but the worst twentieth of the moments are below it.
pub(super) fn top(course: &[Moment]) -> f64 {
    const TOPS: [f64; 9] = [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0];
    let mut highest: Vec<f64> = course.iter().map(|it| it.mean_are.max(it.last_mean_are)).collect();
    highest.sort_by(f64::total_cmp);
    let most = highest.get(highest.len().saturating_sub(1) * 19 / 20).copied().unwrap_or(0.0);
    TOPS.into_iter().find(|top| most <= *top).unwrap_or(most)
}

/// Every window's course.
pub(super) fn courses(monitor: &Monitor, last: usize) -> String {
    let courses = monitor.courses();
    let one = |report: &Report| {
        let course = courses.get(&report.t_obs).map_or(&[][..], Vec::as_slice);
        one(report, course, last)
    };
    monitor.reports().iter().map(one).collect()
}

fn one(report: &Report, course: &[Moment], last: usize) -> String {
    let scored = report.scored.max(1);
    let column = |it: &Moment| ((it.scored - 1) as usize * WIDTH / scored as usize).min(WIDTH - 1);
    let mut errors = Field::new(LINES[0], top(course));
    for it in course {
        errors.mark(column(it), it.mean_are, '.');
    }
    for it in course {
        errors.mark(column(it), it.last_mean_are, if it.drifted { '!' } else { '*' });
    }
    let window = Span(report.t_obs as f64);
    let axis = format!("       +{}\n", "-".repeat(WIDTH));
    let ends = format!("{0:AXIS$}{1:<2$}{scored}\n", "", 1, WIDTH - scored.to_string().len());
    let mut text = format!(
        "{window}: mean absolute relative error   . of all   * of the last {last}   ! drift\n{}{axis}",
        errors.text()
    );
    if course.iter().any(|it| it.last_covered.is_some()) {
        let mut coverage = Field::new(LINES[1], 1.0);
        if let Some(level) = report.level {
            (0..WIDTH).for_each(|column| coverage.mark(column, level, '-'));
        }
        for it in course {
            it.last_covered.iter().for_each(|share| coverage.mark(column(it), *share, '*'));
        }
        text += &format!(
            "{window}: truths inside their interval   - nominal   * of the last {last}\n{}{axis}",
            coverage.text()
        );
    }
    text + &ends + "        predictions scored\n\n"
}
