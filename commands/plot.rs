//! A plot of plain characters.

use tweetoscope::event::Span;
use tweetoscope::stage::evaluate::{Predictor, Row};

/// Columns of a plot, its axis included.
const WIDTH: usize = 72;
/// Lines from 0 to the top of the axis.
const LINES: usize = 20;
/// Columns of the axis.
const AXIS: usize = 8;

/// The mean error of every method, side by side at each window; what is beyond the axis stands on
/// its top line.
pub(crate) fn mean_errors(rows: &[Row]) -> String {
    let mut windows: Vec<u64> = rows.iter().map(|row| row.t_obs).collect();
    windows.dedup();
    if windows.is_empty() {
        return String::new();
    }
    // A window needs a column.
    windows.truncate(WIDTH - AXIS);
    let (top, beyond) = top(rows.iter().map(|row| row.scores.mean_are.0).fold(0.0, f64::max));
    let slot = (WIDTH - AXIS) / windows.len();
    let mut canvas = vec![vec![' '; WIDTH]; LINES + 1];
    // The model is drawn last: with more windows than columns, its symbol covers the others.
    for row in rows.iter().rev() {
        let Some(window) = windows.iter().position(|it| *it == row.t_obs) else { continue };
        let column = AXIS + window * slot + column(row.predictor, slot);
        let height = (row.scores.mean_are.0 / top * LINES as f64).round();
        let line = LINES - (height.max(0.0) as usize).min(LINES);
        canvas[line][column] = symbol(row.predictor);
    }
    let mut text = String::from("mean absolute relative error\n");
    for (line, canvas) in canvas.into_iter().enumerate() {
        let drawn: String = canvas[AXIS..].iter().collect();
        let label = label(line, top, beyond);
        text.push_str(format!("{label:>6} |{drawn}").trim_end());
        text.push('\n');
    }
    text.push_str(&format!("       +{}\n", "-".repeat(slot * windows.len())));
    text.push_str(&names(&windows, slot));
    text.push_str(&legend());
    if rows.iter().any(|row| matches!(row.predictor, Predictor::Kernel(_))) {
        text.push_str("       k kernels\n");
    }
    text
}

/// The top of the axis, and whether something is beyond it.
fn top(most: f64) -> (f64, bool) {
    const TOPS: [f64; 7] = [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2];
    let fits = TOPS.into_iter().find(|top| most <= *top);
    (fits.unwrap_or(TOPS[TOPS.len() - 1]), fits.is_none())
}

fn label(line: usize, top: f64, beyond: bool) -> String {
    const EVERY: usize = 5;
    if !line.is_multiple_of(EVERY) {
        return String::new();
    }
    let more = if line == 0 && beyond { ">=" } else { "" };
    format!("{more}{:.2}", top * (LINES - line) as f64 / LINES as f64)
}

/// Each method has its own column at a window, where there are enough.
fn column(predictor: Predictor, slot: usize) -> usize {
    const WIDEST: usize = 15;
    // The kernels share the last column.
    let methods = Predictor::ALL.len();
    let place = Predictor::ALL.iter().position(|it| *it == predictor).unwrap_or(methods);
    place * (slot - 1).min(WIDEST) / methods
}

fn symbol(predictor: Predictor) -> char {
    match predictor {
        Predictor::Model => '*',
        Predictor::GrowthLaw => 'g',
        Predictor::NoGrowth => '0',
        Predictor::MedianRatio => 'r',
        Predictor::LogLinear => 'l',
        Predictor::Hawkes => 'h',
        Predictor::Seismic => 's',
        Predictor::Hybrid => 'o',
        Predictor::Kernel(_) => 'k',
    }
}

/// The windows below the axis.
fn names(windows: &[u64], slot: usize) -> String {
    let mut line = " ".repeat(AXIS);
    for (place, window) in windows.iter().enumerate() {
        let name = Span(*window as f64).to_string();
        // A name that would run into the one before is left out.
        if line.len() <= AXIS + place * slot && line.len() + name.len() < WIDTH {
            line.push_str(&format!("{:1$}", "", AXIS + place * slot - line.len()));
            line.push_str(&name);
            line.push(' ');
        }
    }
    format!("{}\n", line.trim_end())
}

fn legend() -> String {
    let one = |it: &Predictor| format!("{} {}", symbol(*it), it.name());
    let line = |part: &[Predictor]| part.iter().map(one).collect::<Vec<_>>().join("   ");
    let (first, second) = Predictor::ALL.split_at(4);
    format!("\n{0:8}{1}\n{0:8}{2}\n", "", line(first), line(second))
}

#[cfg(test)]
mod tests {
    use tweetoscope::score::{Scores, Trial};

    use super::*;

    fn rows(windows: u64, error: impl Fn(u64, usize) -> f64) -> Vec<Row> {
        let row = |t_obs: u64, place: usize| {
            let trial = Trial { predicted: 100.0 * (1.0 + error(t_obs, place)), n_tot: 100.0 };
            let scores = Scores::of(&[trial], 1);
            Row { t_obs, predictor: Predictor::ALL[place], own: 1, scores, covered: None }
        };
        (1..=windows)
            .flat_map(|w| (0..Predictor::ALL.len()).map(move |place| (w, place)))
            .map(|(w, p)| row(w * 300, p))
            .collect()
    }

    #[test]
    fn a_plot_fits_and_shows_every_method_at_its_height() {
        for windows in 1..=9 {
            let text = mean_errors(&rows(windows, |t_obs, place| {
                0.1 * place as f64 + t_obs as f64 * 1e-5
            }));
            let lines: Vec<&str> = text.lines().skip(1).take(LINES + 1).collect();
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            for (place, predictor) in Predictor::ALL.into_iter().enumerate() {
                let on =
                    |line: &&str| line.get(AXIS..).is_some_and(|it| it.contains(symbol(predictor)));
                let count: usize = lines
                    .iter()
                    .map(|line| line.get(AXIS..).unwrap_or("").matches(symbol(predictor)).count())
                    .sum();
                assert_eq!(count as u64, windows, "{text}");
                let lowest = lines.iter().rposition(on).unwrap();
                let height = (LINES - lowest) as f64 / LINES as f64 * 0.8;
                assert!((height - 0.1 * place as f64).abs() < 0.05, "{place} {height}\n{text}");
            }
        }
        assert_eq!(mean_errors(&[]), "");
    }

    #[test]
    fn what_is_beyond_the_axis_stands_on_its_top() {
        for windows in [1, 7, 40, 200] {
            let text = mean_errors(&rows(windows, |_, place| if place == 7 { 1e12 } else { 0.5 }));
            let top = text.lines().nth(1).unwrap();
            assert!(top.starts_with(">=1.20 |") && top.contains('o'), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
    }
}
