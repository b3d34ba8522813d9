//! `tweetoscope monitor`.

mod plot;
mod shared;
mod table;
#[cfg(feature = "tui")]
mod view;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tweetoscope::event::Span;
use tweetoscope::record::{Kind, Record, Report};
use tweetoscope::stage::Outgoing;
use tweetoscope::stage::monitor::MonitorOptions;
use tweetoscope::stream::{Mapped, Stderr, Stdout, Transport, print_stderr};

use crate::flags::{CarrierArgs, Outcome, Usage};
use crate::kafka::KafkaArgs;
#[cfg(feature = "tui")]
use crate::terminal;
use crate::{health, transport, tty};
use shared::Shared;

pub(crate) use table::print_table;

/// Report the errors of the predictions, and whether they have become worse
///
/// Reads stat records, and alert records for the event time of their sources; neither passes through.
/// Emits a report of a window after every --every stats and at the end: mean and
/// median error over all and over the last stats, bias, share of intervals that contain the final
/// size, skill against three baselines, and a verdict (young, ok, drift, worse_than_baseline or
/// coverage_off). On a terminal it shows the current reports and their course instead: up and down
/// select a window, p pauses, q quits.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Emit a report after this many stats of a window; 0: at the end only
    #[arg(long, value_name = "N", default_value_t = 100)]
    every: u64,
    /// Number of newest stats that the "last" columns summarise
    #[arg(long, value_name = "N", default_value_t = 100)]
    last: usize,
    /// Write CSV with a header instead of records, also on a terminal
    #[arg(long)]
    csv: bool,
    /// Plot the course of the errors on stderr: live where only stderr is a terminal, else as text at
    /// the end
    #[arg(long)]
    plot: bool,
    /// Exit with status 3 if at the end the mean error of the last stats of any window is above this,
    /// such as 0.5, or if there were no stats
    #[arg(long, value_name = "ARE")]
    fail_above: Option<f64>,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// The terminal of the live view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Live {
    Stdout,
    Stderr,
    Nowhere,
}

impl Live {
    fn of(args: &Args) -> Self {
        let able = tty::has_views();
        if able && io::stdout().is_terminal() && !args.csv {
            Self::Stdout
        } else if able && args.plot && io::stderr().is_terminal() && !io::stdout().is_terminal() {
            Self::Stderr
        } else {
            Self::Nowhere
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    if args.last == 0 {
        return Err(Usage("--last must be at least 1, not 0".to_owned()).into());
    }
    if let Some(limit) = args.fail_above.filter(|limit| limit.is_nan() || *limit < 0.0) {
        let text = format!("--fail-above must be a mean ARE from 0, such as 0.5, not {limit}");
        return Err(Usage(text).into());
    }
    let stop = transport::stop_flag()?;
    if args.transport.input.dry_run {
        let kinds = [Kind::Stat];
        args.kafka.bridge_to(io::sink(), "monitor", &kinds, &args.transport, &stop)?;
        return args.transport.check();
    }
    let live = Live::of(&args);
    let shared = Shared::new(MonitorOptions { every: args.every, last: args.last });
    let watch = health::watch(&args.transport.shared, &stop)?;
    let reading = read(&args, live, shared.clone(), Arc::clone(&stop), watch);
    #[cfg(feature = "tui")]
    let shown = show(live, &shared, &reading, args.last, &stop);
    #[cfg(not(feature = "tui"))]
    let shown: io::Result<()> = Ok(());
    // On stderr the reports continue without the view; on stdout its end ends the command.
    if live == Live::Stdout {
        stop.store(true, Ordering::Relaxed);
    }
    let ended = reading.join().map_err(|_| anyhow::anyhow!("the reading thread panicked"))??;
    shown?;
    let monitor = shared.monitor();
    if args.plot {
        Stderr.write_all(plot::histories(&monitor, args.last).as_bytes())?;
    }
    if args.plot || live != Live::Nowhere || io::stderr().is_terminal() {
        print_table(&monitor);
    }
    let reports = monitor.reports();
    let crossed = args.fail_above.and_then(|limit| crossed(&reports, limit, args.last));
    crossed.iter().for_each(|text| print_stderr(text));
    let crossed = crossed.is_some();
    Ok(if crossed { Outcome::Crossed } else { ended })
}

/// Why the limit of --fail-above does not hold.
fn crossed(reports: &[Report], limit: f64, last: usize) -> Option<String> {
    if reports.iter().all(|report| report.scored == 0) {
        let text = "no stat record was read, so the error is unknown; give the output of predict";
        return Some(format!("--fail-above: {text}"));
    }
    let above = reports.iter().filter(|report| report.last_mean_are > limit);
    let one = |report: &Report| {
        let (count, window) = (report.scored.min(last as u64), Span(report.t_obs as f64));
        let are = report.last_mean_are;
        format!("the mean ARE of the last {count} predictions is {are:.3} in the window {window}")
    };
    let texts: Vec<_> = above.map(one).collect();
    (!texts.is_empty()).then(|| format!("--fail-above {limit}: {}", texts.join("; ")))
}

/// Shows the view until the user quits.
#[cfg(feature = "tui")]
fn show(
    live: Live,
    shared: &Shared,
    reading: &JoinHandle<anyhow::Result<Outcome>>,
    last: usize,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut view = view::Screen::new(shared.clone(), reading, last);
    match live {
        Live::Stdout => terminal::show(&mut view, io::stdout(), stop),
        Live::Stderr => terminal::show(&mut view, io::stderr(), stop),
        Live::Nowhere => Ok(()),
    }
}

/// Reads on a separate thread until the end of the input.
fn read(
    args: &Args,
    live: Live,
    shared: Shared,
    stop: Arc<AtomicBool>,
    mut watch: health::Watch,
) -> JoinHandle<anyhow::Result<Outcome>> {
    let (carrier, kafka, csv) = (args.transport.clone(), args.kafka.clone(), args.csv);
    std::thread::spawn(move || {
        let halt = Arc::clone(&stop);
        let ended = follow(&carrier, &kafka, live, csv, shared, stop, &mut watch);
        // An error ends the view, so that it is printed.
        if ended.is_err() {
            halt.store(true, Ordering::Relaxed);
        }
        ended
    })
}

fn follow(
    carrier: &CarrierArgs,
    kafka: &KafkaArgs,
    live: Live,
    csv: bool,
    shared: Shared,
    stop: Arc<AtomicBool>,
    watch: &mut health::Watch,
) -> anyhow::Result<Outcome> {
    let to: Box<dyn Write + Send> = match live {
        Live::Stdout => Box::new(io::sink()),
        _ => Box::new(Stdout::new()),
    };
    if kafka.is_on() {
        let bridge = kafka.bridge_to(to, "monitor", &[Kind::Stat], carrier, &stop)?;
        let bridge = bridge.expect("--kafka is given");
        let outcome = drive(shared, bridge, csv, watch)?;
        return Ok(kafka.after_stop(outcome, &stop));
    }
    let lines = carrier.lines(to, stop, live == Live::Nowhere)?;
    drive(shared, lines, csv, watch)
}

fn drive(
    shared: Shared,
    transport: impl Transport,
    csv: bool,
    watch: &mut health::Watch,
) -> anyhow::Result<Outcome> {
    if !csv {
        return transport::drive(shared, transport, watch);
    }
    let table = |item| match item {
        Outgoing::Record(Record::Report(it)) => Ok(Some(Outgoing::Foreign(table::row(&it)?))),
        _ => Ok(None),
    };
    let transport = Mapped::new(transport, table).with_header(table::COLUMNS);
    transport::drive(shared, transport, watch)
}

#[cfg(test)]
mod tests {
    use tweetoscope::record::read;

    use super::*;

    fn report(t_obs: u64, scored: u64, last_mean_are: f64) -> Report {
        let line = format!(
            "{{\"type\":\"report\",\"T_obs\":{t_obs},\"scored\":{scored},\"mean_ARE\":0.2,\"median_ARE\":0.2,\
             \"last_mean_ARE\":{last_mean_are},\"bias\":0,\"verdict\":\"ok\"}}"
        );
        match read(line.as_bytes(), None, &[Kind::Report]).unwrap().record() {
            Some(Record::Report(report)) => report,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_limit_that_does_not_hold_is_reported_with_the_error_and_the_window() {
        let reports = [report(600, 250, 0.4114), report(3600, 60, 0.2)];
        assert_eq!(crossed(&reports, 0.5, 100), None);
        let first = "the mean ARE of the last 100 predictions is 0.411 in the window 10m";
        assert_eq!(crossed(&reports, 0.3, 100), Some(format!("--fail-above 0.3: {first}")));
        let second = "the mean ARE of the last 60 predictions is 0.200 in the window 1h";
        let both = format!("--fail-above 0.1: {first}; {second}");
        assert_eq!(crossed(&reports, 0.1, 100), Some(both));
        assert!(crossed(&[], 0.1, 100).unwrap().contains("no stat record was read"));
    }
}
