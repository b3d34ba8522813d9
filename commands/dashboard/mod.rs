//! `tweetoscope dashboard`.

pub(crate) mod figures;
#[cfg(feature = "http")]
mod page;
mod plain;
mod remarks;
mod shared;
#[cfg(feature = "tui")]
mod terminal;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tweetoscope::record::Kind;
use tweetoscope::stage::dashboard::Query;
use tweetoscope::stream::{Stdout, print_stderr, report};

use crate::flags::{CarrierArgs, Outcome, Usage};
use crate::kafka::KafkaArgs;
use crate::{health, transport, tty};
use shared::{Shared, Watching};

/// Show the cascades with the largest predictions, live in the terminal or as a web page
///
/// Reads alerts, and tweets, series, sizes and stats where available, for the observed growth and the final
/// sizes. Shows one row
/// per cascade that is open, from its newest alert, in the order of the predicted size. A cascade with
/// more events than its prediction is marked as exceeded; its predicted size is then the observed one. In the terminal s sorts, /
/// filters, e adds cascades that are over, p pauses, Enter opens a cascade, ? lists the keys, q quits. With --http the same is a web
/// page: --http 8088 serves it at http://127.0.0.1:8088/. Where stdout is not a terminal and --http is
/// not given, a table is printed at the end of the input.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of cascades to show
    #[arg(long, value_name = "ROWS", default_value_t = 10)]
    top: usize,
    /// Show the probability of more than N events (default: the smallest N in the alert); alerts
    /// contain probabilities where predict runs with --alert-above or --above
    #[arg(long, value_name = "N")]
    above: Option<f64>,
    /// Also show cascades that are over, with their final sizes
    #[arg(long)]
    ended: bool,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    if let Some(size) = args.above.filter(|size| !size.is_finite() || *size < 0.0) {
        let text = format!("--above must be a number of events from 0, not {size}");
        return Err(Usage(text).into());
    }
    let shared = Shared::default();
    if args.transport.input.dry_run {
        let stop = transport::stop_flag()?;
        let kinds = [Kind::Alert];
        args.kafka.bridge_to(io::sink(), "dashboard", &kinds, &args.transport, &stop)?;
        return args.transport.drive(|| Watching(shared.clone()));
    }
    let stop = transport::stop_flag()?;
    let (watch, page) = page(&args, &shared, &stop)?;
    let in_terminal = page.is_none() && io::stdout().is_terminal() && tty::has_views();
    let reading = Reading { served: page.is_some(), bar: !in_terminal };
    let reading = reading.start(&args, shared.clone(), Arc::clone(&stop), watch);
    let query = Query { above: args.above, ended: args.ended, ..Query::default() };
    let printed = page.is_none() && !in_terminal;
    let shown: anyhow::Result<()> = match page {
        Some(serve) => {
            serve();
            Ok(())
        }
        #[cfg(feature = "tui")]
        None if in_terminal => terminal::show(&shared, args.top, query.clone(), &stop),
        None => Ok(()),
    };
    if in_terminal {
        stop.store(true, Ordering::Relaxed);
    }
    let ended = reading.join().map_err(|_| anyhow::anyhow!("the reading thread panicked"))?;
    shown?;
    if printed {
        let board = shared.board();
        let table = plain::table(&board.top(args.top, &query));
        let ended = if args.ended { 0 } else { board.ended() };
        let is_empty = board.alerts() == 0;
        drop(board);
        Stdout::new().write_all(table.as_bytes())?;
        if is_empty {
            print_stderr("no alerts were read: the table is empty");
        }
        if let Some(text) = figures::hidden(ended, "add --ended to show them") {
            print_stderr(&text);
        }
    }
    let board = shared.board();
    remarks::dropped(&board).iter().for_each(|text| report(text));
    remarks::without_probability(&board, args.above).iter().for_each(|text| print_stderr(text));
    drop(board);
    ended
}

/// Shows the page until the command is stopped.
type Serve = Box<dyn FnOnce()>;

/// The observer, and the page where --http is given.
#[cfg(feature = "http")]
fn page(
    args: &Args,
    shared: &Shared,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<(health::Watch, Option<Serve>)> {
    let view = Arc::new(page::View::new(shared.clone(), args.top, args.above, args.ended));
    let (pages, flags) = (Arc::clone(&view), &args.transport.shared);
    let watch = health::watch_with(flags, stop, |health| page::site(pages, health))?;
    let stop = Arc::clone(stop);
    let serve = watch.address().map(|address| -> Serve {
        Box::new(move || {
            tweetoscope::stream::print_stderr(&format!("the page is at http://{address}/"));
            view.serve(&stop);
        })
    });
    Ok((watch, serve))
}

#[cfg(not(feature = "http"))]
fn page(
    args: &Args,
    _: &Shared,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<(health::Watch, Option<Serve>)> {
    Ok((health::watch(&args.transport.shared, stop)?, None))
}

/// How the input is read.
struct Reading {
    /// Whether a page is served after the end of the input.
    served: bool,
    /// Whether a progress bar is shown.
    bar: bool,
}

impl Reading {
    /// Reads on a separate thread until the end of the input.
    fn start(
        self,
        args: &Args,
        shared: Shared,
        stop: Arc<AtomicBool>,
        mut watch: health::Watch,
    ) -> JoinHandle<anyhow::Result<Outcome>> {
        let (carrier, kafka) = (args.transport.clone(), args.kafka.clone());
        let Self { served, bar } = self;
        std::thread::spawn(move || {
            let stage = Watching(shared.clone());
            let kinds = [Kind::Alert, Kind::Serie, Kind::Size, Kind::Tweet];
            let bridge = kafka.bridge_to(io::sink(), "dashboard", &kinds, &carrier, &stop);
            let ended = match bridge {
                Ok(Some(bridge)) => transport::drive(stage, bridge, &mut watch)
                    .map(|outcome| kafka.after_stop(outcome, &stop)),
                Ok(None) => carrier.drive_into(stage, io::sink(), &stop, &mut watch, bar),
                Err(error) => Err(error),
            };
            shared.end();
            // An error ends the view, so that it is printed.
            if ended.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            // The page is served after the end of the input.
            while served && !stop.load(Ordering::Relaxed) {
                watch.idle();
                std::thread::sleep(Duration::from_millis(50));
            }
            ended
        })
    }
}
