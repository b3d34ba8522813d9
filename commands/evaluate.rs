//! `tweetoscope run --folds` and `--split`: the evaluation by cross-validation, and in time order.

mod output;
mod warnings;

use std::io::Write;
use std::path::{Path, PathBuf};

use tweetoscope::cascade::Point;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::{HistoryCascade, Refused};
use tweetoscope::learn::GrowthLaw;
use tweetoscope::stage::evaluate::{
    Case, CurveOptions, EvaluateOptions, FinishedCascade, KernelMethod, Row, calibration, evaluate,
    evaluate_in_time, learning_curve as evaluate_curve, score,
};
use tweetoscope::stage::fit::Cut;
use tweetoscope::stream::{Rejects, Stdout};

use crate::collect::{CollectFlags, MAX_AGE, TERMINATED, TerminatedBy};
use crate::fit::FitFlags;
use crate::flags::{InputArgs, Outcome, Usage, check_file, whole_seconds};
use crate::generate::ReplayFlags;
use crate::plot;
use crate::predict::PredictFlags;
use crate::train::TrainFlags;
use crate::transport::ended;
use crate::{calibration, learning_curve, outputs, progress, report};

use warnings::{warn_of_cascades, warn_of_cases, warn_of_times};

/// Cross-validation.
#[derive(clap::Args, Clone)]
pub(crate) struct EvaluateFlags {
    /// Evaluate by cross-validation instead: assign the cascades to K folds, predict each fold with
    /// models trained on the others, and print the errors of every method at each of --windows
    /// (default with --folds: 5m,10m,20m,30m,1h,2h,6h). The final size is that at --max-age
    #[arg(long, value_name = "K", groups = ["evaluation", "scored"], conflicts_with_all = CONFLICTS, help_heading = "Evaluation")]
    #[cfg_attr(feature = "http", arg(conflicts_with_all = HTTP_CONFLICTS))]
    pub(crate) folds: Option<usize>,
    /// Evaluate in time order instead: predict each cascade at each of --windows by models of the cascades that
    /// had finished before, --terminated after their last event (default: 30m), and print the errors of every method.
    /// Cascades without a Unix time are left out; where none has one, the order is random and each begins when the
    /// one before is finished
    #[arg(long, value_enum, value_name = "ORDER", groups = ["evaluation", "scored"], conflicts_with_all = CONFLICTS, help_heading = "Evaluation")]
    #[cfg_attr(feature = "http", arg(conflicts_with_all = HTTP_CONFLICTS))]
    pub(crate) split: Option<SplitArg>,
    /// Evaluate by the number of finished cascades instead: for each of NUMBERS, train on that many
    /// cascades of one half, predict at most 400 cascades of the other half at each of --windows, and
    /// print the mean error of every method; for example 0,5,10,20,50,100,200,500
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', group = "evaluation", conflicts_with_all = CONFLICTS, help_heading = "Evaluation")]
    #[cfg_attr(feature = "http", arg(conflicts_with_all = HTTP_CONFLICTS))]
    pub(crate) curve_by: Vec<usize>,
    /// Number of random draws of --curve-by; the errors are pooled over them
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        requires = "curve_by",
        help_heading = "Evaluation"
    )]
    pub(crate) draws: usize,
    /// Constants of the growth law in the evaluation, six numbers (default: those of the program): an
    /// evaluation on a platform that they were fitted to needs constants of other platforms
    #[arg(
        long,
        value_name = "CONSTANTS",
        value_delimiter = ',',
        allow_hyphen_values = true,
        requires = "evaluation",
        help_heading = "Evaluation"
    )]
    growth_law: Vec<f64>,
    /// Also score these kernels, each fitted to each cascade, by their expected final size: exp, power-law, sum-exp:2,
    /// sum-exp:3, seismic-kernel, and in a fitted finite population (HawkesN) exp-n, power-law-n
    #[arg(
        long,
        value_name = "KERNELS",
        value_delimiter = ',',
        requires = "scored",
        help_heading = "Evaluation"
    )]
    kernels: Vec<KernelMethod>,
    /// Print alerts, or with --folds, --split or --curve-by the evaluation, as CSV with all digits
    #[arg(long, conflicts_with = "plot")]
    pub(crate) csv: bool,
    /// Also plot the mean error of every method against the window, as text
    #[arg(long, requires = "scored", help_heading = "Evaluation")]
    plot: bool,
    /// Print the calibration instead of the errors: the share of final sizes in intervals of 50, 80, 90 and 95 %, and
    /// in each tenth of the predicted distribution (PIT histogram); with --plot also as bars of text
    #[arg(long, requires = "scored", help_heading = "Evaluation")]
    calibration: bool,
    /// Write a report to FILE: one HTML page without requests, with errors, learning curve, calibration, predicted
    /// against final sizes, the ten worst misses, a summary of the data and a model card. Without --folds and
    /// --split, run emits its predictions as usual, and the report is that of --split time on the same cascades
    #[arg(long, value_name = "FILE", conflicts_with = "curve_by", help_heading = "Evaluation")]
    pub(crate) report: Option<PathBuf>,
    /// Write the predictions of the evaluation to FILE: as JSON lines, or, where its name ends with
    /// .csv or .parquet, as a table of the predictions of every method, with the true final size and the error
    #[arg(long, value_name = "FILE", requires = "scored", help_heading = "Evaluation")]
    predictions: Option<PathBuf>,
    /// Write the true final size of each prediction to FILE: as JSON lines, or as a table as --predictions does
    #[arg(long, value_name = "FILE", requires = "scored", help_heading = "Evaluation")]
    truth: Option<PathBuf>,
}

/// How an evaluation divides the cascades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SplitArg {
    /// Learn from the cascades that had finished
    Time,
}

/// Options that an evaluation does not use.
const CONFLICTS: [&str; 8] =
    ["above", "no_learn", "models", "pin", "curve", "explain", "alert_above", "method"];
/// Further ones of a build with the feature `http`.
#[cfg(feature = "http")]
const HTTP_CONFLICTS: [&str; 2] = ["http", "metrics_textfile"];

/// The windows of an evaluation.
pub(crate) const WINDOWS: &str = "5m,10m,20m,30m,1h,2h,6h";

/// The flags of `run` that an evaluation uses.
pub(crate) struct Evaluation<'a> {
    /// `None`: a learning curve.
    pub(crate) folds: Option<usize>,
    pub(crate) flags: &'a EvaluateFlags,
    pub(crate) cascades: &'a ReplayFlags,
    pub(crate) files: &'a [PathBuf],
    pub(crate) collect: &'a CollectFlags,
    pub(crate) fit: &'a FitFlags,
    pub(crate) predict: &'a PredictFlags,
    pub(crate) train: &'a TrainFlags,
    pub(crate) input: &'a InputArgs,
}

/// Runs the evaluation.
pub(crate) fn run(args: Evaluation<'_>) -> anyhow::Result<Outcome> {
    let options = options(&args)?;
    check_results(&args)?;
    let marks = marks(&options);
    let mut rejects = Rejects::new(args.input.dead_letter.as_deref())?;
    let (past, refused) = cascades(args.cascades, args.files, args.fit.utc_offset, marks)?;
    refused.iter().try_for_each(|it| rejects.add_cascade(it))?;
    if args.flags.split.is_none() && args.folds.is_some_and(|folds| folds > past.len().max(2)) {
        let (folds, cascades) = (options.folds, past.len());
        let text =
            format!("--folds {folds}: there are {cascades} cascades; give at most that many folds");
        return Err(Usage(text).into());
    }
    if args.input.dry_run || past.is_empty() && refused.is_empty() {
        return Ok(ended(&rejects));
    }
    let terminated = args.collect.terminated.unwrap_or(TERMINATED).0;
    // --folds takes no --terminated.
    let by = match args.folds {
        Some(_) => TerminatedBy::Constant,
        None => TerminatedBy::of(args.collect.terminated),
    };
    warn_of_cascades(&past, &options, terminated, by);
    if args.folds.is_none() && args.flags.split.is_none() {
        let EvaluateFlags { curve_by, draws, csv, .. } = args.flags;
        let curve = CurveOptions { cascades: curve_by.clone(), draws: *draws };
        learning_curve::run(&past, &options, &curve, *csv)?;
        return Ok(ended(&rejects));
    }
    let cases = match args.flags.split {
        None => {
            let bar = progress::steps("folds", options.folds);
            evaluate(&past, &options, &|| bar.inc(1))
        }
        Some(SplitArg::Time) => {
            warn_of_times(&past);
            evaluate_in_time(&past, &options, terminated)
        }
    };
    let rows = score(&cases, &options);
    let learned_from = match args.flags.split {
        None => "in the other folds",
        Some(SplitArg::Time) => "had finished before (--terminated)",
    };
    warn_of_cases(past.len(), &rows, options.min_size, learned_from);
    let text = results(&cases, &rows, &options, args.flags)?;
    let EvaluateFlags { predictions, truth, .. } = args.flags;
    let mut stdout = Stdout::new();
    // A failure on one output does not lose the others.
    let printed = stdout.write_all(&text).and_then(|()| stdout.flush());
    if let Some(path) = predictions {
        output::write_predictions(path, &cases, options.predict.level)?;
    }
    if let Some(path) = truth {
        output::write_truth(path, &cases)?;
    }
    if let Some(path) = &args.flags.report {
        write_report(path, &past, &options, &cases, &rows, &args)?;
    }
    printed?;
    Ok(ended(&rejects))
}

/// The errors, or with --calibration the coverage of the intervals: a table, with --plot a plot too, or CSV.
fn results(
    cases: &[Case],
    rows: &[Row],
    options: &EvaluateOptions,
    flags: &EvaluateFlags,
) -> anyhow::Result<Vec<u8>> {
    let coverage = flags.calibration.then(|| calibration(cases, options));
    if flags.csv {
        return Ok(match &coverage {
            Some(coverage) => calibration::csv(coverage)?,
            None => output::csv(rows)?,
        });
    }
    let mut text = match &coverage {
        Some(coverage) => calibration::table(coverage),
        None => output::table(rows),
    };
    if flags.plot {
        text += "\n";
        text += &match &coverage {
            Some(coverage) => calibration::plot(coverage),
            None => plot::mean_errors(rows),
        };
    }
    Ok(text.into_bytes())
}

/// Checks the options of an evaluation, before a run whose report needs one.
pub(crate) fn check(args: &Evaluation<'_>) -> anyhow::Result<()> {
    options(args)?;
    check_results(args)
}

/// Writes the report of a run without an evaluation of its own: that of an evaluation in time order. Refused
/// cascades were reported by the run.
pub(crate) fn report_in_time(path: &Path, args: &Evaluation<'_>) -> anyhow::Result<()> {
    let options = options(args)?;
    let marks = marks(&options);
    let mut again = args.cascades.clone();
    again.source.is_reported = true;
    let (past, _) = cascades(&again, args.files, args.fit.utc_offset, marks)?;
    warn_of_times(&past);
    // As in the run itself.
    let terminated = args.collect.terminated.unwrap_or(MAX_AGE).0;
    let cases = evaluate_in_time(&past, &options, terminated);
    let rows = score(&cases, &options);
    write_report(path, &past, &options, &cases, &rows, args)
}

/// One --marks for both, as in a replay: a simulation needs a distribution, the fit its mean.
fn marks(options: &EvaluateOptions) -> MarkLaw {
    match options.fit.marks {
        MarkLaw::Data => MarkLaw::USUAL,
        law => law,
    }
}

/// Writes the page of --report, with a learning curve of its own.
fn write_report(
    path: &Path,
    past: &[FinishedCascade],
    options: &EvaluateOptions,
    cases: &[Case],
    rows: &[Row],
    args: &Evaluation<'_>,
) -> anyhow::Result<()> {
    const CASCADES: [usize; 8] = [0, 5, 10, 20, 50, 100, 200, 500];
    const DRAWS: usize = 2;
    let split = match args.folds {
        Some(folds) => format!(
            "Cross-validation by cascade: {folds} folds, each predicted by models of the cascades of the others."
        ),
        None => {
            "Time order: each cascade is predicted by models of the cascades that had finished before."
                .to_owned()
        }
    };
    let curve = CurveOptions { cascades: CASCADES.to_vec(), draws: DRAWS };
    let page = report::html(&report::Content {
        past,
        options,
        cases,
        rows,
        calibration: &calibration(cases, options),
        curve: &evaluate_curve(past, options, &curve),
        split,
    });
    outputs::write(path, |file| file.write_all(page.as_bytes()))
}

/// Checks the files of results: one that cannot be written ends the command before the work.
fn check_results(args: &Evaluation<'_>) -> anyhow::Result<()> {
    let EvaluateFlags { report, predictions, truth, .. } = args.flags;
    let named = [("--report", report), ("--predictions", predictions), ("--truth", truth)];
    let named = named.into_iter().filter_map(|(option, path)| Some((option, path.as_ref()?)));
    for (option, path) in named {
        if option != "--report" {
            output::FileFormat::of(option, path)?;
        }
        match args.input.dry_run {
            true => check_file(option, path)?,
            false => outputs::check_creatable(option, path)?,
        }
    }
    Ok(())
}

/// The options of the evaluation; refuses inconsistent ones.
fn options(args: &Evaluation<'_>) -> anyhow::Result<EvaluateOptions> {
    let usage = |text: &str| Err(Usage(text.to_owned()).into());
    let folds = args.folds.unwrap_or(2);
    let windows = whole_seconds(&args.collect.windows)?;
    let max_age = args.collect.max_age.unwrap_or(MAX_AGE).0;
    if folds < 2 {
        return usage("--folds must be at least 2");
    }
    if !args.cascades.any() && args.files.is_empty() {
        return usage(
            "an evaluation needs cascades; add FILE, --history FILE, --data CSV or --simulate N",
        );
    }
    let ascend = windows.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascend || windows.first().is_none_or(|first| *first == 0) {
        return usage("--windows must be above 0 and ascend, such as 10m,1h,6h");
    }
    if windows.last().is_some_and(|last| *last as f64 > max_age) {
        return usage("--max-age must not be below the largest window");
    }
    let fit = args.fit.options(Cut::Until(None), true)?;
    let mut learn = args.train.learn(args.cascades.seed, fit.threads)?;
    let (predict, min_size) = (args.predict.options()?, args.collect.min_size);
    if !args.flags.growth_law.is_empty() {
        let Ok(constants) = <[f64; 6]>::try_from(args.flags.growth_law.clone()) else {
            return usage("--growth-law needs six numbers, such as 0.8,-0.45,0.5,0.13,-0.25,-0.19");
        };
        if !constants.iter().all(|it| it.is_finite()) {
            return usage(
                "--growth-law needs finite numbers, such as 0.8,-0.45,0.5,0.13,-0.25,-0.19",
            );
        }
        learn.law = GrowthLaw { constants };
    }
    let kernels = args.flags.kernels.clone();
    Ok(EvaluateOptions { windows, folds, max_age, min_size, fit, predict, kernels, learn })
}

/// All cascades up to their last event, and those that are refused.
fn cascades(
    args: &ReplayFlags,
    files: &[PathBuf],
    utc_offset: f64,
    marks: MarkLaw,
) -> anyhow::Result<(Vec<FinishedCascade>, Vec<Refused>)> {
    let mut refused = Vec::new();
    let mut source = args.cascades(files, utc_offset, marks, &mut |it| refused.push(it))?;
    let unit = args.source.unit(&*source);
    let mut all = Vec::new();
    let mut cascade = HistoryCascade::default();
    for index in 0..source.count() {
        match source.take(index, &mut cascade) {
            Ok(()) => all.push(past(&cascade, source.suffix(index), unit)),
            Err(it) => refused.push(it),
        }
    }
    Ok((all, refused))
}

fn past(cascade: &HistoryCascade, suffix: u64, unit: f64) -> FinishedCascade {
    let HistoryCascade { cid, t0, observed, points, .. } = cascade;
    let cid = if suffix > 1 { format!("{cid}~{suffix}") } else { cid.clone() };
    let scaled = |point: &Point| Point { time: point.time * unit, ..*point };
    let (points, observed) = (points.iter().map(scaled).collect(), observed.map(|it| it * unit));
    FinishedCascade { cid, t0: *t0, points, observed }
}
