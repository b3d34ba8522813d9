//! What an evaluation writes: its table, and the predictions of single cascades.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde::Serialize;
use tweetoscope::cascade::Number;
use tweetoscope::event::Span;
use tweetoscope::learn::Step;
use tweetoscope::record::Interval;
use tweetoscope::stage::evaluate::{Case, Predictor, Row};
use tweetoscope::stage::predict::UNTRAINED;

use crate::flags::Usage;
use crate::outputs;
use crate::rows::{self, Table, number};

/// Format of a file of results, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFormat {
    Lines,
    Csv,
    Parquet,
}

impl FileFormat {
    /// The format of this name; refuses an ending of another one.
    pub(super) fn of(option: &str, path: &Path) -> Result<Self, Usage> {
        let ending = path.extension().map(|it| it.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            None | Some("jsonl" | "json" | "ndjson") => Ok(Self::Lines),
            Some("csv") => Ok(Self::Csv),
            Some("parquet") => Ok(Self::Parquet),
            Some(other) => Err(Usage(format!(
                "{option} {}: no format has the ending .{other}; give a name that ends with .jsonl, .csv or .parquet",
                path.display()
            ))),
        }
    }
}

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

/// Writes the predictions in the format of the file name.
pub(super) fn write_predictions(path: &Path, cases: &[Case], level: f64) -> anyhow::Result<()> {
    let lines = cases.iter().map(|case| prediction(case, level));
    let columns = format!("{},n_tot,are,predictor,own", rows::PREDICTION_COLUMNS);
    write("--predictions", path, lines, &columns, cases.iter().flat_map(case_rows))
}

/// Writes the true final sizes in the format of the file name.
pub(super) fn write_truth(path: &Path, cases: &[Case]) -> anyhow::Result<()> {
    let row =
        |case: &Case| rows::row([case.cid.clone(), case.t_obs.to_string(), case.n_tot.to_string()]);
    write("--truth", path, cases.iter().map(Truth::of), "cid,T_obs,n_tot", cases.iter().map(row))
}

/// Writes lines, or rows with these columns.
fn write<T: Serialize>(
    option: &str,
    path: &Path,
    lines: impl Iterator<Item = T>,
    columns: &str,
    rows: impl Iterator<Item = io::Result<Vec<u8>>>,
) -> anyhow::Result<()> {
    match FileFormat::of(option, path)? {
        FileFormat::Parquet => Table::write_parquet(path, columns, rows),
        FileFormat::Csv => outputs::write(path, |file| {
            writeln!(file, "{columns}")?;
            for row in rows {
                file.write_all(&row?)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        }),
        FileFormat::Lines => outputs::write(path, |file| {
            for line in lines {
                // As an io::Error, so that a broken pipe keeps its kind.
                serde_json::to_writer(&mut *file, &line).map_err(io::Error::from)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        }),
    }
}

/// One row for each method: its prediction, the true final size and the error.
fn case_rows(case: &Case) -> impl Iterator<Item = io::Result<Vec<u8>>> + '_ {
    case.answers.iter().map(|(predictor, answer)| {
        let Case { cid, t_obs, n_obs, n_tot, step, .. } = case;
        let [low, high] =
            answer.interval.map_or([None, None], |[low, high]| [Some(low), Some(high)]);
        let (model, method) = match (predictor, step) {
            (Predictor::Model, Some(step)) => ("folds", step.name()),
            (Predictor::Model, None) => (UNTRAINED, UNTRAINED),
            // Only the model has a version and steps.
            _ => ("", predictor.name()),
        };
        let are = (answer.n_tot - *n_tot as f64).abs() / *n_tot as f64;
        let mut fields = vec![cid.clone(), t_obs.to_string(), n_obs.to_string()];
        fields.extend([Some(answer.n_tot), low, high].map(number));
        fields.extend([model.to_owned(), method.to_owned(), n_tot.to_string()]);
        fields.push(number(Some(are)));
        fields.extend([predictor.name().to_owned(), u8::from(answer.own).to_string()]);
        rows::row(fields)
    })
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
