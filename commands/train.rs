//! `tweetoscope train`.

use std::path::PathBuf;

use tweetoscope::kafka::{self, Topic};
use tweetoscope::learn::{Aggregate, LearnOptions, Target, most_bytes};
use tweetoscope::stage::train::{Teaching, Train};
use tweetoscope::stream::models::{Folder, Use, WithModels};
use tweetoscope::telemetry::Timed;

use crate::flags::{CarrierArgs, Outcome, Usage, threads};
use crate::kafka::{Does, KafkaArgs};

/// Learn the correction of each window from finished cascades
///
/// Reads samples and grows a random forest a window whenever its samples grew by a tenth (32 at
/// least, 20 for the first). A candidate is published only if it beats the incumbent on the
/// newest samples, which neither has seen. Models go to --models, one file a version, replaced
/// atomically, the newest 20 of a window kept; without --models they go to stdout.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) teaching: TeachingArgs,
    /// Keep models in this folder
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Work on this many threads (default: one a core); the models do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// How forests are grown.
#[derive(clap::Args, Clone)]
pub(crate) struct TeachingArgs {
    /// Learn from at most this many samples of a window, the newest
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) newest: usize,
    /// Grow this many trees
    #[arg(long, value_name = "N", default_value_t = LearnOptions::default().trees)]
    pub(crate) trees: usize,
    /// Learn the growth, or omega as the original system does; a median ratio or a log-linear law
    /// takes its place while that has the smaller error on held-out samples
    #[arg(long, value_enum, default_value = "log-ratio")]
    pub(crate) target: TargetArg,
    /// Answer with the median that minimises the mean relative error, the median, or the mean
    #[arg(long, value_enum, default_value = "relative-median")]
    pub(crate) aggregate: AggregateArg,
}

/// What the trees predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TargetArg {
    /// ln(N/n), from all features
    LogRatio,
    /// omega, from beta, n* and G1
    Omega,
}

/// How leaves answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AggregateArg {
    /// The median weighted by 1/N
    RelativeMedian,
    /// The median
    Median,
    /// The mean of the logarithm
    Mean,
}

impl TeachingArgs {
    /// The teaching, checked.
    pub(crate) fn teaching(&self, seed: u64, threads: usize) -> anyhow::Result<Teaching> {
        if !(1..=10_000).contains(&self.trees) {
            return Err(Usage("--trees is a number from 1 to 10000".to_owned()).into());
        }
        Ok(Teaching {
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
        })
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let teaching = args.teaching.teaching(args.seed, threads(args.threads))?;
    let make = || Timed::new(Train::new(teaching.clone()));
    let does = Does {
        models: kafka::Use::Publish,
        largest_model: Some(most_bytes(args.teaching.trees)),
        ..Does::plain("train", &[Topic::Models])
    };
    args.kafka.no_folder(args.models.as_deref())?;
    if let Some(outcome) = args.kafka.daemon(does, &args.transport, make)? {
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
