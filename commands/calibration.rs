//! The calibration of an evaluation: as a table, as CSV, and as a plot of plain characters.

use std::fmt::Write as _;
use std::io;

use tweetoscope::event::Span;
use tweetoscope::learn::ScoredDistribution;
use tweetoscope::stage::evaluate::{CalibrationRow, PIT_BINS, Predictor};

use crate::rows::{self, number};

/// The window of a row, or `all`.
pub(crate) fn window(row: &CalibrationRow) -> String {
    row.t_obs.map_or("all".to_owned(), |t_obs| Span(t_obs as f64).to_string())
}

/// Coverage at each level, and the PIT histogram, as text.
pub(crate) fn table(rows: &[CalibrationRow]) -> String {
    let mut text = format!(
        "{:27}final sizes in intervals of{:7}final sizes by tenth of the distribution\nwindow method       scored ",
        "", ""
    );
    for level in ScoredDistribution::LEVELS {
        let _ = write!(text, " {:>6}", format!("{:.0}%", level * 100.0));
    }
    text.push_str("   ");
    (1..=PIT_BINS).for_each(|bin| {
        let _ = write!(text, " {bin:>4}");
    });
    text.push('\n');
    for row in rows {
        let _ = write!(text, "{:6} {:12} {:6} ", window(row), row.predictor.name(), row.scored);
        for share in row.covered {
            let _ = write!(text, " {:>6}", format!("{:.1}%", share * 100.0));
        }
        text.push_str("   ");
        for share in row.pit {
            let _ = write!(text, " {:>4}", format!("{:.0}%", share * 100.0));
        }
        text.push('\n');
    }
    text
}

/// The same with all digits; `T_obs` is empty for all windows together.
pub(crate) fn csv(rows: &[CalibrationRow]) -> io::Result<Vec<u8>> {
    let mut text = format!("{}\n", columns()).into_bytes();
    for row in rows {
        let t_obs = row.t_obs.map_or(String::new(), |t_obs| t_obs.to_string());
        let mut fields = vec![t_obs, row.predictor.name().to_owned(), row.scored.to_string()];
        fields.extend(row.covered.into_iter().chain(row.pit).map(|share| number(Some(share))));
        text.extend(rows::row(fields)?);
        text.push(b'\n');
    }
    Ok(text)
}

/// The columns of [`csv`].
fn columns() -> String {
    let levels = ScoredDistribution::LEVELS.map(|level| format!("covered_{:.0}", level * 100.0));
    let bins = (1..=PIT_BINS).map(|bin| format!("pit_{bin}"));
    let names: Vec<String> = levels.into_iter().chain(bins).collect();
    format!("T_obs,method,scored,{}", names.join(","))
}

/// The coverage and the PIT histogram of the model over all windows.
pub(crate) fn plot(rows: &[CalibrationRow]) -> String {
    const WIDTH: usize = 50;
    let is_whole = |row: &&CalibrationRow| row.t_obs.is_none() && row.predictor == Predictor::Model;
    let Some(row) = rows.iter().find(is_whole) else { return String::new() };
    let bar = |share: f64| "#".repeat((share.clamp(0.0, 1.0) * WIDTH as f64).round() as usize);
    let mut text = String::from("model, all windows: final sizes in intervals (| is nominal)\n");
    for (level, share) in ScoredDistribution::LEVELS.into_iter().zip(row.covered) {
        let mut line: Vec<char> =
            format!("{:<width$}", bar(share), width = WIDTH + 1).chars().collect();
        line[(level * WIDTH as f64).round() as usize] = '|';
        let line: String = line.into_iter().collect();
        let _ = writeln!(text, "{:>6.0}% {} {:.1}%", level * 100.0, line, share * 100.0);
    }
    text.push_str("\nfinal sizes by tenth of the predicted distribution (| is 10%)\n");
    let most = row.pit.into_iter().fold(0.2, f64::max);
    for (bin, share) in row.pit.into_iter().enumerate() {
        let mut line: Vec<char> =
            format!("{:<width$}", bar(share / most), width = WIDTH + 1).chars().collect();
        line[(0.1 / most * WIDTH as f64).round() as usize] = '|';
        let line: String = line.into_iter().collect();
        let range = format!("{:.1}-{:.1}", bin as f64 / 10.0, (bin + 1) as f64 / 10.0);
        let _ = writeln!(text, "{range:>7} {line} {:.1}%", share * 100.0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(t_obs: Option<u64>) -> CalibrationRow {
        let mut pit = [0.1; PIT_BINS];
        (pit[0], pit[9]) = (0.0, 0.2);
        let covered = [0.5, 0.75, 0.92, 1.0];
        CalibrationRow { t_obs, predictor: Predictor::Model, scored: 12, covered, pit }
    }

    #[test]
    fn every_number_of_a_row_is_in_the_table_the_csv_and_the_plot() {
        let rows = [row(Some(600)), row(None)];
        let table = table(&rows);
        assert!(
            table.contains("10m    model            12   50.0%  75.0%  92.0% 100.0%"),
            "{table}"
        );
        let csv = String::from_utf8(csv(&rows).unwrap()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(
            lines[0].starts_with(
                "T_obs,method,scored,covered_50,covered_80,covered_90,covered_95,pit_1,"
            )
        );
        assert_eq!(lines[1], "600,model,12,0.5,0.75,0.92,1,0,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.2");
        assert!(lines[2].starts_with(",model,12,"));
        assert!(lines.iter().all(|line| line.split(',').count() == 17), "{csv}");
        let plot = plot(&rows);
        assert!(plot.contains("    50% #########################| "), "{plot}");
        assert!(plot.contains("0.0-0.1                          |"), "{plot}");
        assert!(plot.lines().all(|line| line.chars().count() <= 72), "{plot}");
        assert_eq!(super::plot(&[]), "");
    }
}
