//! The history of the errors as text, where there is no live view.

use tweetoscope::event::Span;
use tweetoscope::record::Report;
use tweetoscope::stage::monitor::{ErrorPoint, Monitor};

/// Columns of a plot beside its axis.
const WIDTH: usize = 64;
/// Columns of the axis.
const AXIS: usize = 8;
/// Lines of the errors, and of the coverage.
const LINES: [usize; 2] = [12, 6];

/// A grid of characters with an axis from 0 to `top`.
struct Field {
    top: f64,
    lines: Vec<Vec<char>>,
}

impl Field {
    fn new(lines: usize, top: f64) -> Self {
        Self { top, lines: vec![vec![' '; WIDTH]; lines + 1] }
    }

    /// Draws a symbol; a value above the top is drawn at the top.
    fn draw(&mut self, column: usize, value: f64, symbol: char) {
        let last = self.lines.len() - 1;
        let height = (value / self.top * last as f64).round().clamp(0.0, last as f64);
        self.lines[last - height as usize][column.min(WIDTH - 1)] = symbol;
    }

    fn text(&self) -> String {
        let last = self.lines.len() - 1;
        let line = |(place, line): (usize, &Vec<char>)| {
            let labelled = place == 0 || place == last || place * 2 == last;
            let value = self.top * (last - place) as f64 / last as f64;
            let label = if labelled { format!("{value:.2}") } else { String::new() };
            let drawn: String = line.iter().collect();
            format!("{label:>6} |{drawn}").trim_end().to_owned() + "\n"
        };
        self.lines.iter().enumerate().map(line).collect()
    }
}

/// The top of an axis of errors: 95 % of the points are below it.
pub(super) fn top(history: &[ErrorPoint]) -> f64 {
    const TOPS: [f64; 9] = [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0];
    let mut highest: Vec<f64> =
        history.iter().map(|it| it.mean_are.max(it.last_mean_are)).collect();
    highest.sort_by(f64::total_cmp);
    let p95 = highest.get(highest.len().saturating_sub(1) * 19 / 20).copied().unwrap_or(0.0);
    TOPS.into_iter().find(|top| p95 <= *top).unwrap_or(p95)
}

/// The history of every window.
pub(super) fn histories(monitor: &Monitor, last: usize) -> String {
    let histories = monitor.histories();
    let one = |report: &Report| {
        let history = histories.get(&report.t_obs).map_or(&[][..], Vec::as_slice);
        one(report, history, last)
    };
    monitor.reports().iter().map(one).collect()
}

fn one(report: &Report, history: &[ErrorPoint], last: usize) -> String {
    let scored = report.scored.max(1);
    let column =
        |it: &ErrorPoint| ((it.scored - 1) as usize * WIDTH / scored as usize).min(WIDTH - 1);
    let mut errors = Field::new(LINES[0], top(history));
    for it in history {
        errors.draw(column(it), it.mean_are, '.');
    }
    for it in history {
        errors.draw(column(it), it.last_mean_are, if it.drifted { '!' } else { '*' });
    }
    let window = Span(report.t_obs as f64);
    let axis = format!("       +{}\n", "-".repeat(WIDTH));
    let ends = format!("{0:AXIS$}{1:<2$}{scored}\n", "", 1, WIDTH - scored.to_string().len());
    let mut text =
        format!("{window}: mean ARE   . all   * last {last}   ! drift\n{}{axis}", errors.text());
    if history.iter().any(|it| it.last_covered.is_some()) {
        let mut coverage = Field::new(LINES[1], 1.0);
        if let Some(level) = report.level {
            (0..WIDTH).for_each(|column| coverage.draw(column, level, '-'));
        }
        for it in history {
            it.last_covered.iter().for_each(|share| coverage.draw(column(it), *share, '*'));
        }
        text += &format!(
            "{window}: share of final sizes inside their interval   - nominal   * last {last}\n{}{axis}",
            coverage.text()
        );
    }
    text + &ends + "        predictions scored\n\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(count: u64, error: impl Fn(u64) -> f64) -> Vec<ErrorPoint> {
        let moment = |scored| ErrorPoint {
            scored,
            mean_are: 0.3,
            last_mean_are: error(scored),
            last_covered: Some(0.5),
            drifted: scored > count.div_ceil(2),
        };
        (1..=count).map(moment).collect()
    }

    fn report(scored: u64) -> Report {
        Report {
            t_obs: 600,
            scored,
            mean_are: 0.3,
            median_are: 0.3,
            last_mean_are: 0.3,
            last_median_are: 0.3,
            bias: Some(0.0),
            covered: Some(0.5),
            last_covered: Some(0.5),
            level: Some(0.9),
            skill: Vec::new(),
            top_hits: None,
            verdict: "ok".to_owned(),
            untrained: 3,
            untrained_mean_are: Some(0.5),
            trained_mean_are: Some(0.25),
            compared: 2,
            finished: Some(7.0),
        }
    }

    #[test]
    fn every_moment_is_drawn_at_its_height_and_place() {
        for count in [1, 2, 7, 64, 239] {
            let text = one(&report(count), &history(count, |_| 0.6), 100);
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.iter().all(|line| line.chars().count() <= WIDTH + AXIS), "{text}");
            // Errors from 0 to 0.6: the last ones on the top line, those of all in the middle.
            let (top, middle) = (lines[1].get(AXIS..).unwrap(), lines[7].get(AXIS..).unwrap());
            let columns = (count as usize).min(WIDTH);
            let stars = count.div_ceil(2) as usize;
            assert!(top.starts_with(['*', '!']) && !top.contains('.'), "{text}");
            assert_eq!(middle.matches('.').count(), columns, "{text}");
            assert_eq!(top.contains('!'), count > 1, "{text}");
            assert!(top.matches('*').count() <= stars, "{text}");
            assert!(lines[1].starts_with("  0.60 |") && lines[7].starts_with("  0.30 |"), "{text}");
            // Half of the intervals contain the final size: in the middle, below the nominal line.
            let covered = &lines[16..23];
            assert!(covered[3].contains('*') && covered[1].contains("----"), "{text}");
        }
    }

    #[test]
    fn a_single_large_error_does_not_set_the_scale() {
        let history = history(200, |scored| if scored == 100 { 1e6 } else { 0.5 });
        assert_eq!(top(&history), 0.6);
        assert_eq!(top(&[]), 0.1);
    }
}
