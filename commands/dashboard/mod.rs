//! `tweetoscope dashboard`.

mod figures;
mod page;
mod plain;
mod terminal;

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tweetoscope::record::Kind;
use tweetoscope::stage::dashboard::{Dashboard, Query};
use tweetoscope::stage::{Ending, Out, RecordRef, Stage, Tally};
use tweetoscope::stream::print_stderr;

use crate::kafka::KafkaArgs;
use crate::{Outcome, health, transport};

/// Show the hottest cascades, live: in the terminal, or as a page with --http
///
/// Reads alerts; tweets, series and sizes too where there are any, for the observed growth. One
/// row per cascade, the newest alert wins, highest predicted size first. In a terminal: s sorts,
/// / filters, p pauses, Enter opens a cascade, q quits (? tells all keys). Where stdout is no
/// terminal, a plain table is printed when the input is over. With --http the same on a page:
/// --http 8088 serves it on this machine alone, at http://127.0.0.1:8088/.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show this many cascades
    #[arg(long, value_name = "ROWS", default_value_t = 10)]
    top: usize,
    /// Show the probability of more than N events (default: the least N that alerts tell)
    #[arg(long, value_name = "N")]
    above: Option<f64>,
    #[command(flatten)]
    pub(crate) transport: transport::CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// How often the ranking is remembered, against which changes are shown.
const MARK: Duration = Duration::from_secs(30);

/// The board as the reading thread and those who show it share it.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    board: Arc<Mutex<Dashboard>>,
    over: Arc<AtomicBool>,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Dashboard> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the input is over.
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// The board as a stage: it takes what it looks at and writes nothing.
struct Watching(Shared);

impl Stage for Watching {
    const TAKES: &'static [Kind] = Dashboard::TAKES;

    fn on_batch(&mut self, batch: &[RecordRef<'_>], _: &mut Out) {
        self.0.board().take(batch);
    }

    fn on_end(&mut self, _: Ending, _: &mut Out) {}

    fn tally(&self) -> Tally {
        self.0.board().tally()
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let shared = Shared::default();
    if args.transport.input.dry_run {
        let stop = transport::stop_flag()?;
        let kinds = [Kind::Alert];
        args.kafka.bridge_to(io::sink(), "dashboard", &kinds, &args.transport, &stop)?;
        return args.transport.drive(|| Watching(shared.clone()));
    }
    let stop = transport::stop_flag()?;
    let view = Arc::new(page::View::new(shared.clone(), args.top, args.above));
    let (pages, flags) = (Arc::clone(&view), &args.transport.shared);
    let watch = health::watch_with(flags, &stop, |health| page::site(pages, health))?;
    let served = watch.address();
    let in_terminal = served.is_none() && io::stdout().is_terminal();
    let reading = read(&args, shared.clone(), Arc::clone(&stop), watch, !in_terminal);
    let query = Query { above: args.above, ..Query::default() };
    let shown = match served {
        Some(address) => {
            print_stderr(&format!("the page is at http://{address}/"));
            view.serve(&stop);
            Ok(())
        }
        None if in_terminal => terminal::show(&shared, args.top, query.clone(), &stop),
        None => Ok(()),
    };
    if in_terminal {
        stop.store(true, Ordering::Relaxed);
    }
    let ended = reading.join().map_err(|_| anyhow::anyhow!("the reading thread failed"))?;
    shown?;
    if served.is_none() && !in_terminal {
        io::stdout().write_all(plain::table(&shared.board().top(args.top, &query)).as_bytes())?;
    }
    ended
}

/// Reads on a thread of its own, until the input is over.
fn read(
    args: &Args,
    shared: Shared,
    stop: Arc<AtomicBool>,
    mut watch: health::Watch,
    bar: bool,
) -> JoinHandle<anyhow::Result<Outcome>> {
    let (carrier, kafka) = (args.transport.clone(), args.kafka.clone());
    std::thread::spawn(move || {
        let stage = Watching(shared.clone());
        let kinds = [Kind::Alert, Kind::Serie, Kind::Size, Kind::Tweet];
        let bridge = kafka.bridge_to(io::sink(), "dashboard", &kinds, &carrier, &stop);
        let ended = match bridge {
            Ok(Some(bridge)) => transport::drive(stage, bridge, &mut watch),
            Ok(None) => carrier.drive_into(stage, io::sink(), &stop, &mut watch, bar),
            Err(error) => Err(error),
        };
        shared.over.store(true, Ordering::Relaxed);
        // Nobody should have to leave a view to learn what went wrong.
        if ended.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        // The page stays when the input is over.
        while watch.address().is_some() && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
        ended
    })
}
