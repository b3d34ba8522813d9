//! `tweetoscope run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::builder::ArgPredicate;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::Content;
use tweetoscope::input::import::PostFormat;
use tweetoscope::stage::fit::Cut;
use tweetoscope::stage::system::{System, SystemOptions};
use tweetoscope::stream::models::{Folder, Use, WithModels};
use tweetoscope::stream::{Imported, Mapped, Rejects, Replayed, Stdout, Transport};

use crate::collect::{CollectFlags, MAX_AGE, warn_of_dropped};
use crate::evaluate::{EvaluateFlags, Evaluation, WINDOWS};
use crate::fit::{FitFlags, warn_of_marks};
use crate::flags::{CarrierArgs, Outcome};
use crate::generate::ReplayFlags;
use crate::predict::PredictFlags;
use crate::train::TrainFlags;
use crate::transport::stop_flag;
use crate::{evaluate, monitor, rows};

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
    match evaluates {
        true => evaluate::run(Evaluation {
            folds: args.folds.folds,
            flags: &args.folds,
            cascades: &args.cascades,
            files: &args.transport.files,
            collect: &args.collect,
            fit: &args.fit,
            predict: &args.predict,
            train: &args.train,
            input: &args.transport.input,
        }),
        false if args.cascades.simulate.is_some() => replay(&args),
        false => match args.cascades.source.content(&args.transport.files, false)? {
            Content::Records => stream(&args, None),
            Content::Stream(format) => stream(&args, Some(format)),
            Content::Histories | Content::Cascades => replay(&args),
        },
    }
}

/// Runs on tweets from files or stdin, or on posts on stdin.
fn stream(args: &Args, posts: Option<PostFormat>) -> anyhow::Result<Outcome> {
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
    let settings = args.settings(TOGETHER, args.cascades.simulate.is_none())?;
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
    if args.transport.input.dry_run {
        return Ok(Outcome::Done);
    }
    let rejects = Rejects::with_cascades(args.transport.input.dead_letter.as_deref(), &early)?;
    let stop = stop_flag()?;
    let replayed = Replayed::new(replay, Stdout::new(), rejects, Arc::clone(&stop));
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
    let judge = |system: &System| {
        report(system);
        Outcome::Done
    };
    let csv = args.folds.csv;
    let output = move |item| match csv {
        true => rows::alert(item),
        false => Ok(Some(item)),
    };
    let mut transport = Mapped::new(transport, output);
    if csv {
        transport = transport.with_header(rows::ALERT_COLUMNS);
    }
    let (folder, usage) = match args.folder() {
        Some(folder) => (folder, Use::Store),
        // Models are not output.
        None => (Folder::new(Path::new(""), Vec::new()), Use::Discard),
    };
    let transport = WithModels::new(transport, folder, usage);
    args.transport.drive_over(transport, stop, make, judge)
}

/// Prints the table of errors.
fn report(system: &System) {
    system.with_fit(warn_of_marks);
    warn_of_dropped(system.collect());
    system.with_monitor(monitor::print_table);
}
