//! `tweetoscope predict`.

mod now;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tweetoscope::event::ModelVersion;
use tweetoscope::learn::GrowthLaw;
use tweetoscope::stage::predict::{Lost, Method, Predict, PredictOptions};
use tweetoscope::stream::models::{Folder, Use, WithModels};

use crate::flags::{CarrierArgs, Outcome, Usage};
use crate::kafka::{self, KafkaArgs, Role, Topic};
use crate::rows::{self, Table};

/// Predict the final size of each fitted cascade, and score the prediction when the size is known
///
/// Emits one alert for each parameters record, and one sample and one stat when the size record of
/// the same cascade and window has been read too. Uses the newest model of each window in --models
/// and reloads it when it changes. Where the window has no model, the growth law predicts, corrected by the
/// finished cascades of the other windows' models.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) flags: PredictFlags,
    /// Read models from this folder; it may be filled or updated while the command runs
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Write alerts as CSV with a header; other records are dropped
    #[arg(long)]
    csv: bool,
    /// Write the columns of --csv to this Parquet file, and no records
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    parquet: Option<PathBuf>,
    #[command(flatten)]
    now: now::NowFlags,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Predictions and their output.
#[derive(clap::Args, Clone)]
pub(crate) struct PredictFlags {
    /// Method of prediction
    #[arg(long, value_name = "METHOD", default_value = "auto", value_parser = methods())]
    pub(crate) method: Method,
    /// Nominal probability that the prediction interval contains the final size, between 0 and 1
    #[arg(long, value_name = "P", default_value_t = PredictOptions::default().level)]
    pub(crate) level: f64,
    /// Emit only alerts that predict more than this many events, each with the probability of more
    /// (default: all alerts)
    #[arg(long, value_name = "EVENTS")]
    pub(crate) alert_above: Option<f64>,
    /// Add to each alert, for each of these numbers of events, such as 1000,10000, the probability of more
    /// and the expected time until then; emits all alerts
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    pub(crate) above: Vec<f64>,
    /// Maximum number of predictions pending for their size; the oldest are dropped first
    #[arg(long, value_name = "N", default_value_t = PredictOptions::default().max_pending)]
    pub(crate) max_pending: usize,
    /// Use this version for its window, such as 600-3, even if there is a newer one; may be repeated,
    /// once per window
    #[arg(long, value_name = "VERSION")]
    pub(crate) pin: Vec<ModelVersion>,
    /// Add the expected growth to alerts: pairs [seconds after the end of the window, events]
    ///
    /// The curve has 25 pairs, closer together at the beginning. It follows SEISMIC's memory kernel and ends at the
    /// predicted size, at the age of 7 days or of twice the window if that is more; where the method of the alert is
    /// hawkes, it follows the fitted process and ends when 99.5 % of the predicted growth has occurred.
    #[arg(long)]
    pub(crate) curve: bool,
    /// Add to alerts why they predict this size: contributions of the features to ln(n_tot / n_obs), the
    /// average that they start from, and the largest ones in words
    ///
    /// The field explanation holds the step that predicted, the number of samples and of finished cascades behind
    /// it, and terms that sum with the average to ln(n_tot / n_obs). The dashboard shows the largest three in words.
    #[arg(long)]
    pub(crate) explain: bool,
}

/// The methods, and what they mean.
fn methods() -> impl TypedValueParser<Value = Method> {
    let of_family = "The final size of a kernel_fit of this family; without one, as hawkes";
    let named = |(name, help): (&'static str, &'static str)| PossibleValue::new(name).help(help);
    let all = [
        (
            "auto",
            "The model of the window; without one, the growth law, corrected by finished cascades",
        ),
        ("growth-law", "The growth law alone"),
        ("seismic", "SEISMIC's estimate of the final size; without one, as hawkes"),
        ("hawkes", "The expected final size of the fitted process"),
        (
            "kernel",
            "The final size of the kernel_fit of fit --kernel, of any kernel; without one, as hawkes",
        ),
        ("exp", of_family),
        ("power-law", of_family),
        ("sum-exp:2", of_family),
        ("sum-exp:3", of_family),
        ("seismic-kernel", of_family),
    ];
    let values = all.map(named).map(|value| match value.get_name() {
        "exp" => value.alias("exponential"),
        _ => value,
    });
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Method>())
}

impl PredictFlags {
    /// The options of the stage; refuses values out of range.
    pub(crate) fn options(&self) -> anyhow::Result<PredictOptions> {
        if !(self.level > 0.0 && self.level < 1.0) {
            let text =
                format!("--level must be between 0 and 1, not {}; for example 0.9", self.level);
            return Err(Usage(text).into());
        }
        let is_number = |size: &&f64| size.is_finite() && **size >= 0.0;
        if let Some(size) = self.above.iter().chain(&self.alert_above).find(|it| !is_number(it)) {
            let text =
                format!("--above and --alert-above must be numbers of events from 0, not {size}");
            return Err(Usage(text).into());
        }
        if self.max_pending == 0 {
            return Err(Usage("--max-pending must be at least 1".to_owned()).into());
        }
        check_windows(&self.pin)?;
        Ok(PredictOptions {
            method: self.method,
            law: GrowthLaw::default(),
            level: self.level,
            alert_above: self.alert_above,
            above: self.above.clone(),
            max_pending: self.max_pending,
            pin: self.pin.clone(),
            curve: self.curve,
            explain: self.explain,
        })
    }
}

/// Refuses two pins of one window.
fn check_windows(pins: &[ModelVersion]) -> Result<(), Usage> {
    let mut windows = Vec::new();
    for ModelVersion { window, .. } in pins {
        if windows.contains(&window) {
            return Err(Usage(format!(
                "--pin is given twice for the window of {window} s; keep one"
            )));
        }
        windows.push(window);
    }
    Ok(())
}

/// Refuses pinned versions that are not in the folder.
pub(crate) fn check_pins(folder: Option<&Path>, pins: &[ModelVersion]) -> anyhow::Result<()> {
    let Some(folder) = folder else {
        let text = "--pin needs the folder with the models; add --models DIR".to_owned();
        return if pins.is_empty() { Ok(()) } else { Err(Usage(text).into()) };
    };
    let models = Folder::new(folder, Vec::new());
    for pin in pins {
        models.check(*pin).with_context(|| format!("--pin {pin}"))?;
    }
    Ok(())
}

/// Refuses pinned versions that are not in the folder, and logs that it does not exist.
fn check_models(args: &Args) -> anyhow::Result<()> {
    check_pins(args.models.as_deref(), &args.flags.pin)?;
    if let Some(folder) = args.models.as_ref().filter(|folder| !folder.exists()) {
        log::warn!(
            "--models: {} does not exist yet; predictions are untrained until it does",
            folder.display()
        );
    }
    Ok(())
}

/// Logs the numbers of predictions that fell back from the selected kernel and of records without effect; returns the
/// outcome.
fn judge(predict: &Predict) -> Outcome {
    let count = predict.without_kernel();
    if count > 0 {
        log::warn!(
            "--method: {count} predictions are those of the fitted process, because the parameters have no fit of the \
             kernel, or it has no final size; add --kernel to fit"
        );
    }
    warn_of_lost(predict.lost());
    Outcome::Done
}

/// Logs the numbers of records that had no effect, once, with the remedies.
fn warn_of_lost(lost: Lost) {
    let problems = [
        (
            lost.evicted,
            "predictions and sizes were evicted before their counterpart arrived: raise --max-pending",
        ),
        (
            lost.impossible,
            "sizes are below the observed number of events: the cascade was counted differently in collect",
        ),
        (
            lost.duplicate_parameters,
            "parameters are of a cascade and window that is predicted already, and were ignored: give each cascade a \
             cid of its own, and one estimator's parameters",
        ),
        (lost.duplicate_sizes, "sizes are of a cascade and window that has one, and were ignored"),
        (
            lost.outdated_sizes,
            "sizes are older (t) than the parameters of their cascade, and were ignored: they are of an earlier cascade \
             with the same cid, or t is not the time of the source",
        ),
        (
            lost.superseded,
            "predictions and sizes were without a counterpart when newer ones (t) of the same cid came: give each \
             cascade a cid of its own",
        ),
        (
            lost.unmatched_sizes,
            "sizes have no parameters of the same source, cid and T_obs, and score nothing: give the parameters \
             of these cascades, with their source",
        ),
    ];
    for (count, problem) in problems {
        if count > 0 {
            log::warn!("{count} {problem}");
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let options = args.flags.options()?;
    let make = || Predict::new(options.clone());
    let writes = &[Topic::Alerts, Topic::Samples, Topic::Stats];
    let role = Role {
        models: kafka::ModelsTopic::Follow,
        pin: args.flags.pin.clone(),
        ..Role::plain("predict", writes)
    };
    args.kafka.no_folder(args.models.as_deref())?;
    args.now.check(args.kafka.is_on())?;
    if (args.csv || args.parquet.is_some()) && args.kafka.is_on() {
        let text = "--csv and --parquet write no topics; they cannot be used with --kafka";
        return Err(Usage(text.to_owned()).into());
    }
    if let Some(outcome) = args.kafka.daemon(role, &args.transport, make)? {
        return Ok(outcome);
    }
    check_models(&args)?;
    let table =
        Table::requested(args.csv, args.parquet.as_deref(), rows::ALERT_COLUMNS, &args.transport)?;
    if args.now.is_on() {
        let models = args.models.as_deref();
        return now::run(&args.now, &args.transport, models, table, &options);
    }
    if let Some(table) = table {
        let folder = args.models.as_ref().map(|path| Folder::new(path, args.flags.pin.clone()));
        let rows = |lines| table.over(lines, rows::alert);
        let outcome = match folder {
            None => args.transport.drive_through(make, rows, judge),
            Some(folder) => {
                let wrap = |lines| WithModels::new(rows(lines), folder, Use::Follow);
                args.transport.drive_through(make, wrap, judge)
            }
        };
        return table.close(outcome);
    }
    match &args.models {
        None => args.transport.drive_through(make, |lines| lines, judge),
        Some(path) => {
            let folder = Folder::new(path, args.flags.pin.clone());
            let wrap = |lines| WithModels::new(lines, folder, Use::Follow);
            args.transport.drive_through(make, wrap, judge)
        }
    }
}
