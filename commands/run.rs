//! `tweetoscope run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::builder::ArgPredicate;
use tweetoscope::event::Span;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::Content;
use tweetoscope::input::import::PostFormat;
use tweetoscope::stage::fit::Cut;
use tweetoscope::stage::predict::Method;
use tweetoscope::stage::system::{System, SystemOptions};
use tweetoscope::stream::models::{Folder, Use, WithModels};
use tweetoscope::stream::{self, Imported, Rejects, Replayed, Stdout, Transport};

use crate::collect::{CollectFlags, MAX_AGE, TerminatedBy};
use crate::evaluate::{EvaluateFlags, Evaluation, WINDOWS};
use crate::fit::FitFlags;
use crate::flags::{CarrierArgs, Outcome, Usage, check_folder, make_folder, without_effect};
use crate::generate::ReplayFlags;
use crate::predict::{PredictFlags, check_pins};
use crate::rows::{self, Table};
use crate::train::{TrainFlags, report_losses};
use crate::transport::{checked, stop_flag};
use crate::{evaluate, monitor};

/// Run the whole system in one process: collect, fit, predict, train and monitor
///
/// Replays or simulates cascades as generate does, or reads tweets from files or stdin. Emits alert
/// and stat records, and prints a table of the errors of each window to stderr at the end. With
/// --folds it evaluates all methods on past cascades by cross-validation instead, with --split in time order, with
/// --curve-by by the number of cascades that they learn from.
#[derive(clap::Args)]
#[command(mut_arg("windows", |it| it.default_value_ifs([
    ("folds", ArgPredicate::IsPresent, WINDOWS),
    ("split", ArgPredicate::IsPresent, WINDOWS),
    ("curve_by", ArgPredicate::IsPresent, WINDOWS),
])))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) cascades: ReplayFlags,
    #[command(flatten)]
    pub(crate) collect: CollectFlags,
    #[command(flatten)]
    pub(crate) fit: FitFlags,
    #[command(flatten)]
    pub(crate) predict: PredictFlags,
    #[command(flatten)]
    pub(crate) train: TrainFlags,
    /// Write the columns of --csv to this Parquet file, and no records; an evaluation writes its
    /// predictions with --predictions FILE.parquet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csv", "evaluation"])]
    parquet: Option<PathBuf>,
    /// Start with the models in this folder, and write new ones to it (default: start untrained)
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Do not train
    #[arg(long)]
    no_learn: bool,
    /// Take defaults from a params.config or a collector.ini of the original system; options take
    /// precedence; may be repeated
    #[arg(long, value_name = "FILE")]
    params: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) folds: EvaluateFlags,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
}

impl Args {
    fn settings(&self, hold: usize, recorded: bool) -> anyhow::Result<SystemOptions> {
        let fit = self.fit.options(Cut::Until(None), true)?;
        let mut train = self.train.options(self.cascades.seed, fit.threads)?;
        if let Some(folder) = self.folder() {
            train.used_versions = folder.highest_versions()?;
        }
        Ok(SystemOptions {
            collect: self.collect.options(MAX_AGE, recorded)?,
            fit,
            predict: self.predict.options()?,
            train: (!self.no_learn).then_some(train),
            hold,
            observed: None,
        })
    }

    fn folder(&self) -> Option<Folder> {
        self.models.as_ref().map(|path| Folder::new(path, self.predict.pin.clone()))
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let evaluates =
        args.folds.folds.is_some() || args.folds.split.is_some() || !args.folds.curve_by.is_empty();
    if let Some(path) = args.folds.report.as_deref().filter(|_| !evaluates) {
        return run_with_report(&args, path);
    }
    if args.no_learn {
        check_pins(args.models.as_deref(), &args.predict.pin)?;
    }
    if let Some(path) = args.models.as_ref().filter(|_| !args.no_learn) {
        match args.transport.input.dry_run {
            true => check_folder("--models", path)?,
            false => make_folder("--models", path)?,
        }
    }
    match evaluates {
        true => evaluate::run(evaluation(&args)),
        false => run_without_report(&args),
    }
}

/// The options of an evaluation.
fn evaluation(args: &Args) -> Evaluation<'_> {
    Evaluation {
        folds: args.folds.folds,
        flags: &args.folds,
        cascades: &args.cascades,
        files: &args.transport.files,
        collect: &args.collect,
        fit: &args.fit,
        predict: &args.predict,
        train: &args.train,
        input: &args.transport.input,
    }
}

/// Runs the command, then evaluates the same cascades in time order for the report.
fn run_with_report(args: &Args, path: &Path) -> anyhow::Result<Outcome> {
    let refuse = |text: String| Err(Usage(text).into());
    if args.no_learn || args.models.is_some() || args.predict.method != Method::Auto {
        return refuse(
            "--report without --folds and --split evaluates models that learn from the cascades; leave out \
             --no-learn, --models and --method"
                .to_owned(),
        );
    }
    let source = &args.cascades.source;
    let mut named = args.transport.files.iter().chain(&source.history).chain(&source.data);
    // A pipe cannot be read twice.
    let is_pipe = named.any(|path| {
        path.as_os_str() == "-" || path.metadata().is_ok_and(|it| !it.is_file() && !it.is_dir())
    });
    let has_cascades = || -> anyhow::Result<bool> {
        let content = source.content(&args.transport.files, false)?;
        Ok(matches!(content, Content::Histories | Content::Cascades))
    };
    let replayed = args.cascades.simulate.is_some() || (!is_pipe && has_cascades()?);
    if !replayed {
        return refuse(
            "--report needs finished cascades, as it reads them twice: not from stdin or a pipe; add --history FILE, \
             --data CSV or --simulate N, or make the report from the history later"
                .to_owned(),
        );
    }
    evaluate::check(&evaluation(args))?;
    let outcome = run_without_report(args)?;
    if !args.transport.input.dry_run {
        evaluate::report_in_time(path, &evaluation(args))?;
    }
    Ok(outcome)
}

/// Options of conversions of posts, and of replays.
const OF_POSTS: &[&str] = &["exact_times", "missing_root"];
const OF_REPLAYS: &[&str] =
    &["limit", "sources", "live", "start_range", "timeline", "tail", "seconds_per_unit"];

/// Runs the command without an evaluation.
fn run_without_report(args: &Args) -> anyhow::Result<Outcome> {
    if args.cascades.simulate.is_some() {
        return replay(args);
    }
    match args.cascades.source.content(&args.transport.files, args.transport.may_wait())? {
        Content::Records => {
            // Stdin may turn out to hold posts.
            let files = &args.transport.files;
            let is_stdin = files.is_empty() || files.iter().any(|path| path.as_os_str() == "-");
            without_effect(if is_stdin { &[] } else { OF_POSTS }, "tweet records")?;
            without_effect(OF_REPLAYS, "tweet records")?;
            run_on_stream(args, None)
        }
        Content::Stream(format) => {
            without_effect(OF_REPLAYS, "posts that are read as they arrive")?;
            run_on_stream(args, Some(format))
        }
        Content::Histories | Content::Cascades => replay(args),
    }
}

/// Runs on tweets from files or stdin, or on posts on stdin.
fn run_on_stream(args: &Args, posts: Option<PostFormat>) -> anyhow::Result<Outcome> {
    let settings = args.settings(0, false)?;
    if args.transport.input.dry_run {
        return args.transport.check();
    }
    let stop = stop_flag()?;
    let lines = args.transport.lines(Stdout::new(), Arc::clone(&stop), true)?;
    let make = args.cascades.source.cascader(args.cascades.exact_times);
    let imported = match posts {
        None => Imported::recognise(lines, make),
        Some(format) => Imported::new(lines, make(format), None),
    };
    drive(args, imported, &stop, settings)
}

/// Runs on replayed or simulated cascades.
fn replay(args: &Args) -> anyhow::Result<Outcome> {
    const TOGETHER: usize = 64;
    let mut settings = args.settings(TOGETHER, args.cascades.simulate.is_none())?;
    let observed = args.collect.observed_durations(&settings.collect);
    settings.observed = Some(Arc::clone(&observed));
    // One --marks for both: a simulation needs a distribution, the fit its mean.
    let marks = match settings.fit.marks {
        MarkLaw::Data => MarkLaw::USUAL,
        law => law,
    };
    let mut early = Vec::new();
    let replay = {
        let (files, utc_offset) = (&args.transport.files, args.fit.utc_offset);
        args.cascades.open(files, utc_offset, marks, None, &mut |it| early.push(it))?
    };
    let input = &args.transport.input;
    if input.dry_run {
        return checked(input, &early);
    }
    let rejects = Rejects::with_cascades(input.dead_letter.as_deref(), &early)?;
    let stop = stop_flag()?;
    let replayed =
        Replayed::new(replay.adding_to(observed), Stdout::new(), rejects, Arc::clone(&stop));
    drive(args, replayed, &stop, settings)
}

/// Runs the system over a transport; with --models, reads and writes models in that folder.
fn drive(
    args: &Args,
    transport: impl Transport,
    stop: &Arc<AtomicBool>,
    settings: SystemOptions,
) -> anyhow::Result<Outcome> {
    let make = || System::new(settings.clone());
    let terminated = Span(settings.collect.terminated);
    let judge = |system: &System| {
        report(system, terminated, TerminatedBy::of(args.collect.terminated));
        Outcome::Done
    };
    let parquet = args.parquet.as_deref();
    match Table::requested(args.folds.csv, parquet, rows::ALERT_COLUMNS, &args.transport)? {
        None => drive_over(args, transport, stop, make, judge),
        Some(table) => {
            let outcome = drive_over(args, table.over(transport, rows::alert), stop, make, judge);
            table.close(outcome)
        }
    }
}

fn drive_over(
    args: &Args,
    transport: impl Transport,
    stop: &Arc<AtomicBool>,
    make: impl Fn() -> System,
    judge: impl FnOnce(&System) -> Outcome,
) -> anyhow::Result<Outcome> {
    let (folder, usage) = match args.folder() {
        Some(folder) => (folder, Use::Store),
        // Models are not output.
        None => (Folder::new(Path::new(""), Vec::new()), Use::Discard),
    };
    let transport = WithModels::new(transport, folder, usage);
    args.transport.drive_over(transport, stop, make, judge)
}

/// Prints the table of errors.
fn report(system: &System, terminated: Span, by: TerminatedBy) {
    report_losses(system, by);
    let has_table = system.with_monitor(monitor::print_table);
    if has_table {
        stream::report(&format!(
            "a cascade is terminated, and its final size known, {terminated} after its last event (--terminated)"
        ));
    }
}
