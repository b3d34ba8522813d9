//! What an evaluation writes: its table, and the predictions of single cascades.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use tweetoscope::cascade::Number;
use tweetoscope::event::Span;
use tweetoscope::learn::Step;
use tweetoscope::record::Interval;
use tweetoscope::stage::evaluate::{Case, Row};
use tweetoscope::stage::predict::UNTRAINED;

use crate::rows::{self, Table, number};

/// One prediction of the model, with those of the other methods.
#[derive(Serialize)]
pub(super) struct Prediction<'a> {
    cid: &'a str,
    #[serde(rename = "T_obs")]
    t_obs: u64,
    n_tot: Number,
    n_obs: u64,
    method: &'static str,
    interval: Option<Interval>,
    baselines: BTreeMap<&'static str, Number>,
}

pub(super) fn prediction(case: &Case, level: f64) -> Prediction<'_> {
    let (Case { cid, t_obs, n_obs, step, .. }, ours) = (case, case.ours());
    let method = step.map_or(UNTRAINED, Step::name);
    let others = case.answers.iter().skip(1);
    Prediction {
        cid,
        t_obs: *t_obs,
        n_tot: Number(ours.n_tot),
        n_obs: *n_obs,
        method,
        interval: ours.interval.map(|[low, high]| Interval { level, low, high }),
        baselines: others.map(|(it, answer)| (it.name(), Number(answer.n_tot))).collect(),
    }
}

/// The true final size of a prediction.
#[derive(Serialize)]
pub(super) struct Truth<'a> {
    cid: &'a str,
    #[serde(rename = "T_obs")]
    t_obs: u64,
    n_tot: u64,
}

impl<'a> Truth<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        Self { cid: &case.cid, t_obs: case.t_obs, n_tot: case.n_tot }
    }
}

pub(super) fn write_lines<T: Serialize>(
    path: &Path,
    lines: impl Iterator<Item = T>,
) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for line in lines {
            // As an io::Error, so that a broken pipe keeps its kind.
            serde_json::to_writer(&mut file, &line).map_err(io::Error::from)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().with_context(|| path.display().to_string())
}

/// One row for each cascade and window: the prediction, the true final size and the error.
fn case_rows(cases: &[Case]) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    cases.iter().map(|case| {
        let (Case { cid, t_obs, n_obs, n_tot, step, .. }, ours) = (case, case.ours());
        let [low, high] = ours.interval.map_or([None, None], |[low, high]| [Some(low), Some(high)]);
        let (model, method) = match step {
            Some(step) => ("folds", step.name()),
            None => (UNTRAINED, UNTRAINED),
        };
        let are = (ours.n_tot - *n_tot as f64).abs() / *n_tot as f64;
        let mut fields = vec![cid.clone(), t_obs.to_string(), n_obs.to_string()];
        fields.extend([Some(ours.n_tot), low, high].map(number));
        fields.extend([model.to_owned(), method.to_owned(), n_tot.to_string()]);
        fields.push(number(Some(are)));
        rows::row(fields)
    })
}

/// The columns of those rows.
fn case_columns() -> String {
    format!("{},n_tot,are", rows::ALERT_COLUMNS)
}

/// Writes those rows as CSV.
pub(super) fn write_rows(path: &Path, cases: &[Case]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "{}", case_columns())?;
        for row in case_rows(cases) {
            file.write_all(&row?)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().with_context(|| path.display().to_string())
}

/// Writes those rows as Parquet.
pub(super) fn write_parquet(path: &Path, cases: &[Case]) -> anyhow::Result<()> {
    Table::write_parquet(path, &case_columns(), case_rows(cases))
}

/// The table as text.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!("{:33}absolute relative error\n", "");
    text.push_str(
        "window method       scored  own   mean (95 %)       median (95 %)         p95    tau   \
         MSLE   bias  cover    top\n",
    );
    for Row { t_obs, predictor, own, scores: it, covered } in rows {
        let window = Span(*t_obs as f64).to_string();
        let sure = |[low, high]: [f64; 2]| format!("{}-{}", figure(low), figure(high));
        let optional = |value: Option<f64>| value.map_or("-".to_owned(), figure);
        let top = it.top_hits.map_or("-".to_owned(), |top| format!("{}/{}", top.hits, top.of));
        let _ = writeln!(
            text,
            "{window:6} {:12} {:6} {own:4}  {:>5} {:11}  {:>6} {:11}  {:>6} {:>6} {:>6} {:>6} {:>6} {top:>6}",
            predictor.name(),
            it.count,
            figure(it.mean_are.0),
            sure(it.mean_are.1),
            figure(it.median_are.0),
            sure(it.median_are.1),
            figure(it.p95_are),
            optional(it.tau),
            figure(it.msle),
            figure(it.bias),
            optional(*covered),
        );
    }
    text
}

/// A number with three decimals where they fit in five characters.
fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 9.9995 => format!("{value:.3}"),
        middle if middle < 999.95 => format!("{value:.1}"),
        _ => format!("{value:.0e}"),
    }
}

const COLUMNS: &str = "T_obs,method,scored,own,mean_ARE,mean_ARE_low,mean_ARE_high,median_ARE,\
                       median_ARE_low,median_ARE_high,p95_ARE,tau,MSLE,bias,covered,top_hits,top";

/// The table as CSV; a value that does not exist is an empty field.
pub(super) fn csv(rows: &[Row]) -> io::Result<Vec<u8>> {
    let mut text = format!("{COLUMNS}\n").into_bytes();
    for Row { t_obs, predictor, own, scores: it, covered } in rows {
        let with_interval = |(value, [low, high]): (f64, [f64; 2])| [value, low, high];
        let mut fields = vec![t_obs.to_string(), predictor.name().to_owned()];
        fields.extend([it.count.to_string(), own.to_string()]);
        let errors = [with_interval(it.mean_are), with_interval(it.median_are)].concat();
        let numbers = errors.into_iter().map(Some);
        let numbers = numbers.chain([Some(it.p95_are), it.tau, Some(it.msle), Some(it.bias)]);
        fields.extend(numbers.chain([*covered]).map(number));
        let top = it.top_hits.map(|top| [top.hits, top.of].map(|count| count.to_string()));
        fields.extend(top.unwrap_or_default());
        text.extend(rows::row(fields)?);
        text.push(b'\n');
    }
    Ok(text)
}
