//! `tweetoscope train`.

use std::path::PathBuf;

use tweetoscope::learn::{Aggregate, GrowthLaw, LearnOptions, MAX_TREES, Target, max_model_bytes};
use tweetoscope::stage::train::{Train, TrainOptions};
use tweetoscope::stream::models::{Folder, Use, WithModels};
use tweetoscope::telemetry::Timed;

use crate::flags::{CarrierArgs, Outcome, Usage, threads};
use crate::kafka::{self, KafkaArgs, Role, Topic};

/// Learn from finished cascades how large the cascades of each window become
///
/// Reads sample records. Trains a model of a window at 1, 2, 3, 5, 7, 10, 14 and 20 samples and whenever
/// their number has grown by a tenth (at least 32 samples). Below 20 samples of its window it is the growth
/// law, corrected by the finished cascades of all windows; from 20 on a forest blended with that law, which is
/// published only if its error on held-out samples is not above that of the current one. Models are written
/// to --models, one file per version, of which the newest 20 of each window are kept; without --models, to
/// stdout.
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
    /// Number of threads (default: number of cores); the models do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
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
    /// Number of trees of a forest, 1 to 2000
    #[arg(long, value_name = "N", default_value_t = LearnOptions::default().trees)]
    pub(crate) trees: usize,
    /// Quantity that the forest predicts
    #[arg(long, value_enum, default_value = "log-ratio")]
    pub(crate) target: TargetArg,
    /// Statistic of the samples in a leaf that is its prediction
    #[arg(long, value_enum, default_value = "relative-median")]
    pub(crate) aggregate: AggregateArg,
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
    /// Median weighted by 1/N, which minimises the mean relative error
    RelativeMedian,
    /// Median
    Median,
    /// Mean of the logarithm
    Mean,
}

impl TrainFlags {
    /// The options of the stage; refuses values out of range.
    pub(crate) fn options(&self, seed: u64, threads: usize) -> anyhow::Result<TrainOptions> {
        if !(1..=MAX_TREES).contains(&self.trees) {
            let trees = self.trees;
            return Err(Usage(format!("--trees must be from 1 to {MAX_TREES}, not {trees}")).into());
        }
        Ok(TrainOptions {
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
            law: GrowthLaw::default(),
            seed,
            newest: self.newest,
            threads,
            used_versions: Vec::new(),
        })
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut options = args.flags.options(args.seed, threads(args.threads))?;
    if let Some(path) = &args.models {
        options.used_versions = Folder::new(path, Vec::new()).highest_versions()?;
    }
    let make = || Timed::new(Train::new(options.clone()));
    let role = Role {
        models: kafka::ModelsTopic::Publish,
        largest_model: Some(max_model_bytes(args.flags.trees)),
        ..Role::plain("train", &[Topic::Models])
    };
    args.kafka.no_folder(args.models.as_deref())?;
    if let Some(outcome) = args.kafka.daemon(role, &args.transport, make)? {
        return Ok(outcome);
    }
    match &args.models {
        None => args.transport.drive(make),
        Some(path) => {
            let wrap = |lines| WithModels::new(lines, Folder::new(path, Vec::new()), Use::Store);
            args.transport.drive_through(make, wrap, |_| Outcome::Done)
        }
    }
}
