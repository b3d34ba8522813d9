//! `tweetoscope predict`.

use std::path::PathBuf;

use anyhow::Context;
use tweetoscope::kafka::{self, Topic};
use tweetoscope::stage::predict::{Manner, Predict};
use tweetoscope::stream::models::{Folder, Use, WithModels};

use crate::kafka::{Does, KafkaArgs};
use crate::{Outcome, Usage, transport};

/// Predict the final size of every cascade fitted, and score the prediction later
///
/// Reads parameters and sizes. For every cascade and window it writes an alert as soon as the
/// parameters are known, and a sample and a stat when the final size is known too. Uses the
/// newest model of each window in --models, which is looked at again whenever it changes;
/// without a model, SEISMIC's or the branching process's own estimate.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) manner: MannerArgs,
    /// Read models from this folder, and newer ones when they appear
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) transport: transport::CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// How predictions are made and told.
#[derive(clap::Args, Clone)]
pub(crate) struct MannerArgs {
    /// Nominal probability that the interval holds the final size
    #[arg(long, value_name = "P", default_value_t = 0.9)]
    pub(crate) level: f64,
    /// Tell only predictions above this size, with the probability to pass it (default: all)
    #[arg(long, value_name = "EVENTS")]
    pub(crate) alert_above: Option<f64>,
    /// Let at most this many predictions wait for their sizes; the oldest go first
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) max_pending: usize,
    /// Use this version of its window's model whatever is newer; may be repeated
    #[arg(long, value_name = "VERSION")]
    pub(crate) pin: Vec<String>,
    /// Tell the expected growth after the window too, as pairs [seconds after its end, events]
    ///
    /// Its course is that of SEISMIC's memory of an event, up to a week; where the alert's method is
    /// hawkes it is that of the fitted process. It goes towards the predicted size.
    #[arg(long)]
    pub(crate) curve: bool,
}

impl MannerArgs {
    /// The manner, checked.
    pub(crate) fn manner(&self) -> anyhow::Result<Manner> {
        if !(self.level > 0.0 && self.level < 1.0) {
            let text = format!("--level is a probability between 0 and 1, not {}", self.level);
            return Err(Usage(text).into());
        }
        if self.max_pending == 0 {
            return Err(Usage("--max-pending must be at least 1".to_owned()).into());
        }
        check_pins(&self.pin)?;
        Ok(Manner {
            level: self.level,
            alert_above: self.alert_above,
            max_pending: self.max_pending,
            pin: self.pin.clone(),
            curve: self.curve,
        })
    }
}

/// Pins name versions, one a window.
fn check_pins(pins: &[String]) -> Result<(), Usage> {
    let mut windows = Vec::new();
    for pin in pins {
        let Some((window, _)) = tweetoscope::stream::models::parse_version(pin) else {
            return Err(Usage(format!("--pin {pin} is no version such as 600-3")));
        };
        if windows.contains(&window) {
            return Err(Usage(format!("--pin names two versions for the window {window}")));
        }
        windows.push(window);
    }
    Ok(())
}

/// What is asked of the models must be there.
fn check_models(args: &Args) -> anyhow::Result<()> {
    let pins = &args.manner.pin;
    let Some(folder) = &args.models else {
        let text = "--pin needs the folder of the models: --models DIR".to_owned();
        return if pins.is_empty() { Ok(()) } else { Err(Usage(text).into()) };
    };
    let models = Folder::new(folder, Vec::new());
    for pin in pins {
        models.check(pin).with_context(|| format!("--pin {pin}"))?;
    }
    if !folder.exists() {
        log::warn!("{} is not there yet: untrained until it is", folder.display());
    }
    Ok(())
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let manner = args.manner.manner()?;
    let make = || Predict::new(manner.clone());
    let writes = &[Topic::Alerts, Topic::Samples, Topic::Stats];
    let does = Does {
        models: kafka::Use::Follow,
        pin: args.manner.pin.clone(),
        ..Does::plain("predict", writes)
    };
    args.kafka.no_folder(args.models.as_deref())?;
    if let Some(outcome) = args.kafka.daemon(does, &args.transport, make)? {
        return Ok(outcome);
    }
    check_models(&args)?;
    match &args.models {
        None => args.transport.drive(make),
        Some(path) => {
            let folder = Folder::new(path, args.manner.pin.clone());
            let wrap = |lines| WithModels::new(lines, folder, Use::Follow);
            args.transport.drive_through(make, wrap, |_| Outcome::Done)
        }
    }
}
