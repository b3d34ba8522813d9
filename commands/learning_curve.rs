//! `tweetoscope run --curve-by`: the errors by the number of finished cascades.

use std::fmt::Write as _;
use std::io::{self, Write};

use tweetoscope::event::Span;
use tweetoscope::stage::evaluate::{
    CurveCell, CurveOptions, CurveRow, EvaluateOptions, FinishedCascade, learning_curve,
};
use tweetoscope::stream::Stdout;

use crate::flags::Usage;
use crate::rows::{self, number};

/// Computes the curve and prints it.
pub(crate) fn run(
    past: &[FinishedCascade],
    options: &EvaluateOptions,
    curve: &CurveOptions,
    as_csv: bool,
) -> anyhow::Result<()> {
    if !curve.cascades.is_sorted_by(|a, b| a < b) {
        return Err(Usage("--curve-by must ascend, such as 0,5,10,20".to_owned()).into());
    }
    if curve.draws == 0 {
        return Err(Usage("--draws must be at least 1".to_owned()).into());
    }
    let rows = learning_curve(past, options, curve);
    let is_missing = |count: &&usize| rows.iter().all(|row| row.cascades != **count);
    if let Some(count) = curve.cascades.iter().find(is_missing) {
        log::warn!(
            "--curve-by: half of the cascades are fewer than {count}: no row for {count} and above; give more cascades \
             or a lower --min-size"
        );
    }
    let text = if as_csv { csv(&rows, options)? } else { table(&rows, options).into_bytes() };
    let mut stdout = Stdout::new();
    Ok(stdout.write_all(&text).and_then(|()| stdout.flush())?)
}

/// The mean errors as text, a column for each window.
fn table(rows: &[CurveRow], options: &EvaluateOptions) -> String {
    let mut text = format!("{:23}mean absolute relative error\ncascades method      ", "");
    for window in &options.windows {
        let _ = write!(text, " {:>6}", Span(*window as f64).to_string());
    }
    text.push_str("    all  cover\n");
    let figure = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    for row in rows {
        let _ = write!(text, "{:8} {:12}", row.cascades, row.predictor.name());
        for cell in &row.windows {
            let _ = write!(text, " {:>6}", figure(cell.map(|cell| cell.mean_are)));
        }
        let (all, covered) = (row.average(|it| Some(it.mean_are)), row.average(|it| it.covered));
        let _ = writeln!(text, " {:>6} {:>6}", figure(all), figure(covered));
    }
    text
}

const COLUMNS: &str = "cascades,method,T_obs,scored,mean_ARE,covered";

/// A row for each window, then one with an empty `T_obs` for the mean over the windows.
fn csv(rows: &[CurveRow], options: &EvaluateOptions) -> io::Result<Vec<u8>> {
    let mut text = format!("{COLUMNS}\n").into_bytes();
    let mut add = |row: &CurveRow, window: String, cell: CurveCell| -> io::Result<()> {
        let name = row.predictor.name().to_owned();
        let mut fields = vec![row.cascades.to_string(), name, window, cell.scored.to_string()];
        fields.extend([Some(cell.mean_are), cell.covered].map(number));
        text.extend(rows::row(fields)?);
        text.push(b'\n');
        Ok(())
    };
    for row in rows {
        for (window, cell) in options.windows.iter().zip(&row.windows) {
            if let Some(cell) = cell {
                add(row, window.to_string(), *cell)?;
            }
        }
        let scored = row.windows.iter().flatten().map(|cell| cell.scored).sum();
        if let Some(mean_are) = row.average(|cell| Some(cell.mean_are)) {
            let covered = row.average(|cell| cell.covered);
            add(row, String::new(), CurveCell { scored, mean_are, covered })?;
        }
    }
    Ok(text)
}
