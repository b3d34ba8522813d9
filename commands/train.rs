//! `tweetoscope train`.

use std::path::PathBuf;
use std::sync::Arc;

use tweetoscope::input::Content;
use tweetoscope::learn::{Aggregate, LearnOptions, MAX_TREES, Target, max_model_bytes};
use tweetoscope::record::Record;
use tweetoscope::replay::{Replay, ReplayOptions};
use tweetoscope::stage::fit::Cut;
use tweetoscope::stage::predict::PredictOptions;
use tweetoscope::stage::system::{System, SystemOptions};
use tweetoscope::stage::train::{Train, TrainOnReports, TrainOptions};
use tweetoscope::stage::{Outgoing, Stage};
use tweetoscope::stream::models::{Folder, Use, WithModels};
use tweetoscope::stream::{Mapped, Rejects, Replayed, Stdout};
use tweetoscope::telemetry::Timed;

use crate::collect::{
    CollectFlags, MAX_AGE, TerminatedBy, report_small, warn_of_dropped, warn_of_observed,
};
use crate::fit::{FitFlags, warn_of_marks};
use crate::flags::{
    CarrierArgs, Outcome, Usage, check_folder, make_folder, threads, warn_of_ignored,
};
use crate::kafka::{self, KafkaArgs, Role, Topic};
use crate::source::SourceFlags;
use crate::transport::{checked, stop_flag};

/// Learn from finished cascades how large the cascades of each window become
///
/// Reads sample records, or recorded cascades, of which it makes samples. Trains a model of a window at
/// 1, 2, 3, 5, 7, 10, 14 and 20 samples and whenever their number has grown by a tenth (at least 32
/// samples). Below 20 samples of its window it is the growth law, corrected by the finished cascades of all
/// windows; from 20 on a forest blended with that law, which is published only if its error on held-out
/// samples is not above that of the current one, and is lower by two standard errors where the current one has
/// more samples. Models are written to --models, one file per version, of
/// which the newest 20 of each window are kept; without --models, to stdout.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) flags: TrainFlags,
    /// Write models to this folder; files are replaced atomically (default: write them to stdout)
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    source: SourceFlags,
    #[command(flatten)]
    collect: CollectFlags,
    #[command(flatten)]
    fit: FitFlags,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Training of the models.
#[derive(clap::Args, Clone)]
pub(crate) struct TrainFlags {
    /// Maximum number of samples per window; the newest are used
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) newest: usize,
    /// Number of trees of a forest, 1 to 2000; with fewer than 20, intervals are too wide
    #[arg(long, value_name = "N", default_value_t = LearnOptions::default().trees)]
    pub(crate) trees: usize,
    /// Quantity that the forest predicts
    #[arg(long, value_enum, default_value = "log-ratio")]
    pub(crate) target: TargetArg,
    /// Statistic of the samples in a leaf that is its prediction
    #[arg(long, value_enum, default_value = "relative-median")]
    pub(crate) aggregate: AggregateArg,
    /// Also train a window when its predictions become worse: when the last 100 errors, in samples that hold the
    /// prediction, are larger than those before, or, on a pipe, when the verdict of a report record becomes drift. The
    /// model is published without a comparison, and the reason is logged
    #[arg(long)]
    pub(crate) on_drift: bool,
}

/// Quantity that the trees predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TargetArg {
    /// ln(N / n), from all features
    LogRatio,
    /// omega, from beta, n* and G1, as in the original system
    Omega,
}

/// Statistic of the samples in a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AggregateArg {
    /// Median of ln(N / n) with the weights n/N, which minimizes the mean absolute relative error
    RelativeMedian,
    /// Median
    Median,
    /// Mean: of ln(N / n), with --target omega of omega
    Mean,
}

impl TrainFlags {
    /// The options of the stage; refuses values out of range.
    pub(crate) fn options(&self, seed: u64, threads: usize) -> anyhow::Result<TrainOptions> {
        let learn = self.learn(seed, threads)?;
        Ok(TrainOptions { learn, used_versions: Vec::new(), on_drift: self.on_drift })
    }

    /// How a model is learned; refuses values out of range.
    pub(crate) fn learn(&self, seed: u64, threads: usize) -> anyhow::Result<LearnOptions> {
        if self.newest == 0 {
            return Err(Usage("--newest must be at least 1".to_owned()).into());
        }
        if !(1..=MAX_TREES).contains(&self.trees) {
            let trees = self.trees;
            return Err(Usage(format!("--trees must be from 1 to {MAX_TREES}, not {trees}")).into());
        }
        Ok(LearnOptions {
            trees: self.trees,
            target: match self.target {
                TargetArg::LogRatio => Target::LogRatio,
                TargetArg::Omega => Target::Omega,
            },
            aggregate: match self.aggregate {
                AggregateArg::RelativeMedian => Aggregate::RelativeMedian,
                AggregateArg::Median => Aggregate::Median,
                AggregateArg::Mean => Aggregate::Mean,
            },
            seed,
            newest: self.newest,
            threads,
            ..LearnOptions::default()
        })
    }
}

impl Args {
    /// Whether the input is cascades instead of samples.
    fn recorded(&self) -> anyhow::Result<bool> {
        Ok(self.source.content(&self.transport.files, self.transport.may_wait())?
            != Content::Records)
    }
}

/// Options that make samples of cascades.
const OF_CASCADES: [&str; 13] = [
    "windows",
    "min_size",
    "terminated",
    "max_age",
    "lateness",
    "max_jump",
    "max_sources",
    "max_open_cascades",
    "max_events_per_cascade",
    "estimator",
    "marks",
    "seconds_per_unit",
    "missing_root",
];

/// Logs options that make samples of cascades, where the input is samples.
fn warn_of_samples() {
    let why = "without recorded cascades train reads sample records, as predict writes them, whose windows and features \
               are fixed; give recorded cascades with --history FILE, or remove these options";
    warn_of_ignored(&OF_CASCADES, why);
}

/// Reports what a system dropped or replaced of the cascades.
pub(crate) fn report_losses(system: &System, terminated: TerminatedBy) {
    system.with_fit(warn_of_marks);
    warn_of_dropped(system.collect());
    report_small(system.collect());
    system.with_observed(|observed| warn_of_observed(observed, terminated));
}

/// Trains on the samples that the other stages make of recorded cascades.
fn recorded(args: &Args, train: TrainOptions) -> anyhow::Result<Outcome> {
    const HOLD: usize = 64;
    let collect = args.collect.options(MAX_AGE, true)?;
    let observed = args.collect.observed_durations(&collect);
    let settings = SystemOptions {
        collect,
        fit: args.fit.options(Cut::Until(None), true)?,
        predict: PredictOptions { max_pending: usize::MAX, ..PredictOptions::default() },
        train: Some(train),
        hold: HOLD,
        observed: Some(Arc::clone(&observed)),
    };
    let mut early = Vec::new();
    let (files, utc_offset) = (&args.transport.files, args.fit.utc_offset);
    let cascades = args.source.open(files, utc_offset, &mut |it| early.push(it))?;
    if args.transport.input.dry_run {
        return checked(&args.transport.input, &early);
    }
    let seconds_per_unit = args.source.unit(&*cascades);
    let options = ReplayOptions { seed: args.seed, seconds_per_unit, ..ReplayOptions::default() };
    let replay = Replay::new(cascades, options).map_err(|error| Usage(error.to_string()))?;
    let rejects = Rejects::with_cascades(args.transport.input.dead_letter.as_deref(), &early)?;
    let stop = stop_flag()?;
    let replayed =
        Replayed::new(replay.adding_to(observed), Stdout::new(), rejects, Arc::clone(&stop));
    let models = Mapped::new(replayed, |item| {
        Ok(matches!(item, Outgoing::Record(Record::Model(_))).then_some(item))
    });
    let make = || System::new(settings.clone());
    let done = |system: &System| {
        report_losses(system, TerminatedBy::of(args.collect.terminated));
        Outcome::Done
    };
    match &args.models {
        None => args.transport.drive_over(models, &stop, make, done),
        Some(path) => {
            let models = WithModels::new(models, Folder::new(path, Vec::new()), Use::Store);
            args.transport.drive_over(models, &stop, make, done)
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut options = args.flags.options(args.seed, threads(args.fit.threads))?;
    if let Some(path) = &args.models {
        // A folder that cannot be made is an error at once, not after the training.
        match args.transport.input.dry_run || args.kafka.is_on() {
            true => check_folder("--models", path)?,
            false => make_folder("--models", path)?,
        }
        options.used_versions = Folder::new(path, Vec::new()).highest_versions()?;
    }
    let make = || Timed::new(Train::new(options.clone()));
    let role = Role {
        models: kafka::ModelsTopic::Publish,
        largest_model: Some(max_model_bytes(args.flags.trees)),
        ..Role::plain("train", &[Topic::Models])
    };
    args.kafka.no_folder(args.models.as_deref())?;
    if args.kafka.is_on() {
        warn_of_samples();
    }
    if let Some(outcome) = args.kafka.daemon(role, &args.transport, make)? {
        return Ok(outcome);
    }
    if args.recorded()? {
        return recorded(&args, options);
    }
    warn_of_samples();
    if args.flags.on_drift {
        let make = || Timed::new(TrainOnReports::new(Train::new(options.clone())));
        let judge = |stage: &Timed<TrainOnReports>| judge(stage.stage().train());
        return over_records(&args, make, judge);
    }
    over_records(&args, make, |stage| judge(stage.stage()))
}

/// Trains on the samples of the input.
fn over_records<S: Stage>(
    args: &Args,
    make: impl Fn() -> S,
    judge: impl FnOnce(&S) -> Outcome,
) -> anyhow::Result<Outcome> {
    match &args.models {
        None => args.transport.drive_through(make, |lines| lines, judge),
        Some(path) => {
            let wrap = |lines| WithModels::new(lines, Folder::new(path, Vec::new()), Use::Store);
            args.transport.drive_through(make, wrap, judge)
        }
    }
}

/// Logs samples that were left out.
fn judge(train: &Train) -> Outcome {
    let unusable = train.unusable();
    if unusable > 0 {
        log::warn!(
            "{unusable} samples were left out: a model is trained on samples with T_obs and n_obs, and with a \
             final size n_tot that is not below n_obs; give both sizes, as predict writes them"
        );
    }
    let without_features = train.without_features();
    if without_features > 0 {
        log::warn!(
            "{without_features} samples lack features that the law of a model needs, such as recent_8: no law is fitted \
             to them, and in the errors of models of fewer than 20 samples they count as predicted not to grow; give \
             samples as predict writes them, from parameters with all features of fit"
        );
    }
    Outcome::Done
}
