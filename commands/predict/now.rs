//! `tweetoscope predict --now`: predictions of cascades that still grow.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tweetoscope::hawkes::Estimator;
use tweetoscope::input::blocks::Input;
use tweetoscope::input::{Cascades, Content, GivenTime, Refused, Tweets};
use tweetoscope::stage::fit::{Cut, FitOptions};
use tweetoscope::stage::now::{Now, NowCounts};
use tweetoscope::stage::predict::{Method, PredictOptions, UNTRAINED};
use tweetoscope::stream::models::{Folder, Use, WithModels};
use tweetoscope::stream::{self, Finished, Rejects, Stdout, Transport};

use crate::fit::{FitFlags, warn_of_marks};
use crate::flags::{CarrierArgs, Outcome, Usage, utc_offset as parse_offset};
use crate::rows::{self, Table};
use crate::source::SourceFlags;
use crate::transport::{checked, stop_flag};

/// Cascades that still grow.
#[derive(clap::Args)]
pub(super) struct NowFlags {
    /// Predict cascades that still grow, each at its present age: from the files, tables and posts that
    /// fit reads, or from tweet and retweet records
    #[arg(long, help_heading = "Cascades")]
    now: bool,
    /// End of the recording with --now, in Unix seconds, or a time or date as in a table (default: the last
    /// event of the input; where times are relative, the last event of each cascade)
    #[arg(long, value_name = "TIME", requires = "now", help_heading = "Cascades")]
    at: Option<GivenTime>,
    /// Offset of the local time from UTC in hours with --now (default: 0)
    #[arg(long, value_name = "HOURS", requires = "now", allow_negative_numbers = true, value_parser = parse_offset)]
    utc_offset: Option<f64>,
    #[command(flatten)]
    source: SourceFlags,
}

impl NowFlags {
    pub(super) fn is_on(&self) -> bool {
        self.now
    }

    /// Refuses options that have no effect.
    pub(super) fn check(&self, kafka: bool) -> Result<(), Usage> {
        if self.now && kafka {
            return Err(Usage("--now reads files; it cannot be used with --kafka".to_owned()));
        }
        if !self.now && self.source.is_given() {
            let why = "predict reads parameters records, for which options of cascades have no \
                       effect; add --now to predict cascades";
            return Err(Usage(why.to_owned()));
        }
        Ok(())
    }
}

/// Runs `predict --now`.
pub(super) fn run(
    flags: &NowFlags,
    carrier: &CarrierArgs,
    models: Option<&Path>,
    table: Option<Table>,
    options: &PredictOptions,
) -> anyhow::Result<Outcome> {
    if let Method::Kernel(_) = options.method {
        let text = "--now fits no kernels: give tweetoscope fit --kernel FAMILY FILE | tweetoscope predict --method kernel";
        return Err(Usage(text.to_owned()).into());
    }
    let fit = FitFlags {
        estimator: Estimator::Map,
        marks: "data".to_owned(),
        utc_offset: flags.utc_offset.unwrap_or_default(),
        threads: None,
    };
    let fit = fit.options(Cut::Present, true)?;
    let mut early = Vec::new();
    let utc_offset = flags.utc_offset.unwrap_or_default();
    let cascades = open(&flags.source, &carrier.files, utc_offset, &mut early)?;
    if carrier.input.dry_run {
        return checked(&carrier.input, &early);
    }
    // Before, a signal ends the process, as whole files are read.
    let stop = stop_flag()?;
    let rejects = Rejects::with_cascades(carrier.input.dead_letter.as_deref(), &early)?;
    let unit = flags.source.unit(&*cascades);
    let end = flags.at.map(|time| time.unix(utc_offset * 3600.0));
    let finished =
        Finished::new(cascades, unit, Stdout::new(), rejects, Arc::clone(&stop)).ongoing(end);
    match table {
        Some(table) => {
            let transport = table.over(finished, rows::alert);
            table.close(with_models(carrier, models, transport, &stop, fit, options))
        }
        None => with_models(carrier, models, finished, &stop, fit, options),
    }
}

/// Opens the cascades, or the tweets of records.
fn open(
    source: &SourceFlags,
    files: &[PathBuf],
    utc_offset: f64,
    early: &mut Vec<Refused>,
) -> anyhow::Result<Box<dyn Cascades + Send>> {
    let refuse = &mut |it| early.push(it);
    if source.content(files, true)? == Content::Records {
        let tweets = Tweets::read(&Input::of(files), refuse, &mut |note| stream::report(&note))?;
        return Ok(Box::new(tweets));
    }
    source.open(files, utc_offset, refuse)
}

fn with_models(
    carrier: &CarrierArgs,
    models: Option<&Path>,
    transport: impl Transport,
    stop: &Arc<AtomicBool>,
    fit: FitOptions,
    options: &PredictOptions,
) -> anyhow::Result<Outcome> {
    let make = || Now::new(fit.clone(), options.clone());
    let judge = |now: &Now| {
        warn_of_marks(now.fit());
        warn(now.counts(), options.method);
        Outcome::Done
    };
    match models {
        None => carrier.drive_over(transport, stop, make, judge),
        Some(path) => {
            let folder = Folder::new(path, options.pin.clone());
            let transport = WithModels::new(transport, folder, Use::Follow);
            carrier.drive_over(transport, stop, make, judge)
        }
    }
}

/// Logs what the predictions are based on.
fn warn(counts: &NowCounts, method: Method) {
    let NowCounts { predicted, at_last_event, too_young, extrapolated, later_events, .. } = counts;
    if *at_last_event > 0 {
        log::warn!(
            "{at_last_event} of {predicted} cascades have neither Unix times nor an observed duration: they were \
             predicted at the age of their last event, which is too early where they have been silent since; \
             in history lines give observed, in seconds, or t0 with --at"
        );
    }
    if *too_young > 0 {
        log::warn!(
            "{too_young} cascades began less than 1 s before the end of the recording, or after it: no \
             prediction; check --at"
        );
    }
    if *later_events > 0 {
        log::warn!("{later_events} events after the end of the observation were ignored");
    }
    if *extrapolated > 0 {
        log::warn!(
            "{extrapolated} of {predicted} cascades are younger than 150 s or older than 12 h: not within \
             a factor of 2 of the ages that the growth law was fitted to (300 s to 6 h)"
        );
    }
    // The fitted process and SEISMIC use no model.
    let uses_models = matches!(method, Method::Auto | Method::GrowthLaw);
    for (model, count) in counts.without_model.iter().filter(|_| uses_models) {
        if model == UNTRAINED {
            log::warn!(
                "{count} of {predicted} cascades: no model, predicted by the growth law without training; \
                 train models from finished cascades and give --models DIR"
            );
        } else {
            log::warn!(
                "{count} of {predicted} cascades: no window of --models is within 2 % of their age, predicted \
                 by the law of finished cascades in model {model}"
            );
        }
    }
}
