//! `tweetoscope monitor`.

use std::io::IsTerminal;

use tweetoscope::record::{Kind, Record, Report};
use tweetoscope::stage::Outgoing;
use tweetoscope::stage::monitor::{Monitor, Watch};
use tweetoscope::stream::Mapped;

use crate::kafka::KafkaArgs;
use crate::{Outcome, Usage, table, transport};

/// Watch whether the predictions still hold
///
/// Reads stats and writes reports: mean and median error, of all and of the last ones, coverage
/// of the intervals, bias, skill against no growth and a constant multiple, hits among the
/// biggest, and a verdict in a word (young, ok, drift, worse_than_baseline, coverage_off). One
/// report after every --every stats of a window, and one at the end.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Report after this many stats of a window; 0 reports only at the end
    #[arg(long, value_name = "N", default_value_t = 100)]
    every: u64,
    /// Sum up the last N stats beside all
    #[arg(long, value_name = "N", default_value_t = 100)]
    last: usize,
    /// Write a table with a header
    #[arg(long)]
    csv: bool,
    /// Exit with status 3 if a window's mean error of the last stats is above this at the end
    #[arg(long, value_name = "ARE")]
    fail_above: Option<f64>,
    #[command(flatten)]
    pub(crate) transport: transport::CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

fn row(it: &Report) -> String {
    let skill = |name: &str| {
        let found = it.skill.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.to_string()).unwrap_or_default()
    };
    let optional = |value: Option<f64>| value.map(|it| it.to_string()).unwrap_or_default();
    [
        it.t_obs.to_string(),
        it.scored.to_string(),
        it.mean_are.to_string(),
        it.median_are.to_string(),
        it.last_mean_are.to_string(),
        it.last_median_are.to_string(),
        it.bias.to_string(),
        optional(it.covered),
        skill("no_growth"),
        skill("median_ratio"),
        optional(it.top_hits),
        it.verdict.clone(),
    ]
    .join(",")
}

const COLUMNS: &str = "T_obs,scored,mean_ARE,median_ARE,last_mean_ARE,last_median_ARE,bias,\
                       covered,skill_no_growth,skill_median_ratio,top_hits,verdict";

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    if args.last == 0 || args.fail_above.is_some_and(|most| most.is_nan() || most < 0.0) {
        let text = "--last is at least 1, and --fail-above a number from 0 on";
        return Err(Usage(text.to_owned()).into());
    }
    let watch = Watch { every: args.every, last: args.last };
    let make = || Monitor::new(watch.clone());
    let judge = |monitor: &Monitor| {
        if std::io::stderr().is_terminal() {
            table::tell(monitor);
        }
        let bad = |report: &Report| args.fail_above.is_some_and(|most| report.last_mean_are > most);
        if monitor.reports().iter().any(bad) { Outcome::Crossed } else { Outcome::Done }
    };
    let bridge = args.kafka.bridge("monitor", &[Kind::Stat], &args.transport)?;
    if bridge.is_some() && args.transport.input.dry_run {
        return Ok(Outcome::Done);
    }
    if !args.csv {
        return match bridge {
            Some((bridge, stop)) => args.transport.drive_over(bridge, &stop, make, judge),
            None => args.transport.drive_through(make, |lines| lines, judge),
        };
    }
    let mut header = Some(());
    let table = move |item| match item {
        Outgoing::Record(Record::Report(it)) => {
            let head = header.take().map(|()| format!("{COLUMNS}\n")).unwrap_or_default();
            Some(Outgoing::Foreign(format!("{head}{}", row(&it)).into_bytes()))
        }
        _ => None,
    };
    match bridge {
        Some((bridge, stop)) => {
            args.transport.drive_over(Mapped::new(bridge, table), &stop, make, judge)
        }
        None => args.transport.drive_through(make, |lines| Mapped::new(lines, table), judge),
    }
}
