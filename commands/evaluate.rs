//! `tweetoscope run --folds`: the evaluation by cross-validation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use tweetoscope::cascade::{Number, Point};
use tweetoscope::event::Span;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::HistoryCascade;
use tweetoscope::learn::Step;
use tweetoscope::record::Interval;
use tweetoscope::stage::evaluate::{Case, Design, Past, Predictor, Row, evaluate, score};
use tweetoscope::stage::fit::Cut;
use tweetoscope::stage::predict::UNTRAINED;
use tweetoscope::stream::Rejects;

use crate::collect::whole_seconds;
use crate::generate::CascadesArgs;
use crate::{Outcome, Usage, plot, run};

/// How to evaluate.
#[derive(clap::Args, Clone)]
pub(crate) struct FoldsArgs {
    /// Evaluate by cross-validation instead: deal the cascades to K folds, predict each fold by
    /// models of the others, and print how every method did at each of --windows (default here:
    /// 5m,10m,20m,30m,1h,2h,6h). Cascades are taken whole, up to --max-age
    #[arg(long, value_name = "K", conflicts_with_all = ["no_learn", "files", "models", "pin", "curve", "alert_above", "http", "metrics_textfile"], help_heading = "Evaluation")]
    pub(crate) folds: Option<usize>,
    /// Print the evaluation as CSV, all figures in full
    #[arg(long, requires = "folds", conflicts_with = "plot", help_heading = "Evaluation")]
    csv: bool,
    /// Plot the mean error of every method against the window too
    #[arg(long, requires = "folds", help_heading = "Evaluation")]
    plot: bool,
    /// Write each prediction of the evaluation to FILE, as JSON lines
    #[arg(long, value_name = "FILE", requires = "folds", help_heading = "Evaluation")]
    predictions: Option<PathBuf>,
    /// Write the final size that each prediction was for to FILE, as JSON lines
    #[arg(long, value_name = "FILE", requires = "folds", help_heading = "Evaluation")]
    truth: Option<PathBuf>,
}

/// The windows of an evaluation.
pub(crate) const WINDOWS: &str = "5m,10m,20m,30m,1h,2h,6h";

/// Runs the evaluation.
pub(crate) fn run(args: &run::Args, folds: usize) -> anyhow::Result<Outcome> {
    let design = design(args, folds)?;
    // One --marks for both, as in a replay: a simulation needs a whole law, the fit its mean.
    let marks = match design.method.marks {
        MarkLaw::Data => MarkLaw::USUAL,
        law => law,
    };
    let mut rejects = Rejects::new(args.transport.input.dead_letter.as_deref())?;
    let past = cascades(&args.cascades, marks, &mut rejects)?;
    if args.transport.input.dry_run {
        return Ok(Outcome::Done);
    }
    let marked = |past: &Past| past.points.iter().any(|point| point.magnitude != 1.0);
    if !past.iter().any(marked) {
        log::warn!("all magnitudes are 1: taken as data without magnitudes, E[m] = 1");
    }
    let cases = evaluate(&past, &design);
    if cases.is_empty() {
        log::warn!("no cascade of {} has {} events in any window", past.len(), design.min_size);
    }
    let FoldsArgs { csv, plot, predictions, truth, .. } = &args.folds;
    if let Some(path) = predictions {
        write_lines(path, cases.iter().map(|case| prediction(case, design.manner.level)))?;
    }
    if let Some(path) = truth {
        write_lines(path, cases.iter().map(Truth::of))?;
    }
    let rows = score(&cases, &design);
    for row in rows.iter().filter(|row| row.predictor == Predictor::Model && row.own == 0) {
        log::warn!(
            "window {} s: too few cascades are in the other folds to learn from them",
            row.t_obs
        );
    }
    let mut text = if *csv { table_of_all(&rows) } else { table(&rows) };
    if *plot {
        text.push('\n');
        text.push_str(&plot::mean_errors(&rows));
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())?;
    rejects.report_total();
    Ok(if rejects.count() > 0 { Outcome::Rejected } else { Outcome::Done })
}

/// What is asked for, checked.
fn design(args: &run::Args, folds: usize) -> anyhow::Result<Design> {
    const MAX_AGE: Span = Span(7.0 * 86_400.0);
    let usage = |text: &str| Err(Usage(text.to_owned()).into());
    let windows = whole_seconds(&args.rules.windows)?;
    let max_age = args.rules.max_age.unwrap_or(MAX_AGE).0;
    if folds < 2 {
        return usage("--folds is a number from 2 on");
    }
    if !args.cascades.any() {
        return usage("--folds needs cascades: --history, --data or --simulate");
    }
    let ascend = windows.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascend || windows.first().is_none_or(|first| *first == 0) {
        return usage("--windows are above 0 and ascend");
    }
    if windows.last().is_some_and(|last| *last as f64 > max_age) {
        return usage("--max-age is below the largest window");
    }
    let method = args.method.method(Cut::Until(None), true)?;
    let teaching = args.teaching.teaching(args.cascades.seed, method.threads)?;
    let (manner, min_size) = (args.manner.manner()?, args.rules.min_size);
    Ok(Design { windows, folds, max_age, min_size, method, manner, teaching })
}

/// All cascades, whole; what is passed over is told.
fn cascades(
    args: &CascadesArgs,
    marks: MarkLaw,
    rejects: &mut Rejects,
) -> anyhow::Result<Vec<Past>> {
    let mut refused = Vec::new();
    let mut source = args.source(marks, &mut |it| refused.push(it))?;
    let mut all = Vec::new();
    let mut cascade = HistoryCascade::default();
    for index in 0..source.count() {
        match source.take(index, &mut cascade) {
            Ok(()) => all.push(past(&cascade, source.suffix(index), args.seconds_per_unit)),
            Err(it) => refused.push(it),
        }
    }
    refused.iter().try_for_each(|it| rejects.add_cascade(it))?;
    Ok(all)
}

fn past(cascade: &HistoryCascade, suffix: u64, unit: f64) -> Past {
    let HistoryCascade { cid, t0, points, .. } = cascade;
    let cid = if suffix > 1 { format!("{cid}~{suffix}") } else { cid.clone() };
    let scaled = |point: &Point| Point { time: point.time * unit, ..*point };
    Past { cid, t0: *t0, points: points.iter().map(scaled).collect() }
}

/// One prediction of ours, with those of the other methods beside it.
#[derive(Serialize)]
struct Said<'a> {
    cid: &'a str,
    #[serde(rename = "T_obs")]
    t_obs: u64,
    n_tot: Number,
    n_obs: u64,
    method: &'static str,
    interval: Option<Interval>,
    baselines: BTreeMap<&'static str, Number>,
}

fn prediction(case: &Case, level: f64) -> Said<'_> {
    let Case { cid, t_obs, n_obs, step, answers: [ours, ..], .. } = case;
    let method = step.map_or(UNTRAINED, Step::name);
    let named = Predictor::ALL.iter().zip(&case.answers).skip(1);
    Said {
        cid,
        t_obs: *t_obs,
        n_tot: Number(ours.n_tot),
        n_obs: *n_obs,
        method,
        interval: ours.interval.map(|[low, high]| Interval { level, low, high }),
        baselines: named.map(|(it, answer)| (it.name(), Number(answer.n_tot))).collect(),
    }
}

/// What a prediction was for.
#[derive(Serialize)]
struct Truth<'a> {
    cid: &'a str,
    #[serde(rename = "T_obs")]
    t_obs: u64,
    n_tot: u64,
}

impl<'a> Truth<'a> {
    fn of(case: &'a Case) -> Self {
        Self { cid: &case.cid, t_obs: case.t_obs, n_tot: case.n_tot }
    }
}

fn write_lines<T: Serialize>(path: &Path, lines: impl Iterator<Item = T>) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for line in lines {
            // As an io::Error, so that a broken pipe is known for one.
            serde_json::to_writer(&mut file, &line).map_err(io::Error::from)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().with_context(|| path.display().to_string())
}

/// The table for people.
fn table(rows: &[Row]) -> String {
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

/// Three decimals where they fit.
fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 9.9995 => format!("{value:.3}"),
        middle if middle < 999.95 => format!("{value:.1}"),
        _ => format!("{value:.0e}"),
    }
}

const COLUMNS: &str = "T_obs,method,scored,own,mean_ARE,mean_ARE_low,mean_ARE_high,median_ARE,\
                       median_ARE_low,median_ARE_high,p95_ARE,tau,MSLE,bias,covered,top_hits,top";

/// The table for programs; a figure that there is none of is empty.
fn table_of_all(rows: &[Row]) -> String {
    let mut text = format!("{COLUMNS}\n");
    for Row { t_obs, predictor, own, scores: it, covered } in rows {
        let with_interval = |(value, [low, high]): (f64, [f64; 2])| format!("{value},{low},{high}");
        let optional = |value: Option<f64>| value.map(|it| it.to_string()).unwrap_or_default();
        let top = it.top_hits.map_or(",".to_owned(), |top| format!("{},{}", top.hits, top.of));
        let _ = writeln!(
            text,
            "{t_obs},{},{},{own},{},{},{},{},{},{},{},{top}",
            predictor.name(),
            it.count,
            with_interval(it.mean_are),
            with_interval(it.median_are),
            it.p95_are,
            optional(it.tau),
            it.msle,
            it.bias,
            optional(*covered),
        );
    }
    text
}
