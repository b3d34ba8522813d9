//! `--http` and `--metrics-textfile`: metrics and health of a command.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use tweetoscope::stage::Tally;
use tweetoscope::stream::{Counts, Observer};
use tweetoscope::telemetry::{Health, Listen, Server, Site};

use crate::flags::{Shared, Usage};
use crate::logging;

/// The environment variable in which a service manager passes its address.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// The observer behind the flags; without them it ignores all calls.
pub(crate) struct Watch {
    health: Option<Health>,
    textfile: Option<PathBuf>,
    /// Serves until it is dropped.
    server: Option<Server>,
}

/// Starts the server and the metrics; an address in use is an error.
pub(crate) fn watch(shared: &Shared, stop: &Arc<AtomicBool>) -> anyhow::Result<Watch> {
    watch_with(shared, stop, |site| site)
}

/// The same with further pages, which `wrap` adds to those of health.
pub(crate) fn watch_with(
    shared: &Shared,
    stop: &Arc<AtomicBool>,
    wrap: impl FnOnce(Arc<dyn Site>) -> Arc<dyn Site>,
) -> anyhow::Result<Watch> {
    let textfile = shared.metrics_textfile.clone();
    let manager = std::env::var_os(NOTIFY_SOCKET).filter(|address| !address.is_empty());
    let mut health = None;
    let mut server = None;
    if textfile.is_some() || shared.http.is_some() || manager.is_some() {
        let mut made = Health::new(logging::stage(), Box::new(logging::tally), Arc::clone(stop));
        if let Some(address) = &manager {
            made = made
                .notifying(address)
                .with_context(|| format!("{NOTIFY_SOCKET}={}", address.display()))?;
        }
        if let Some(address) = &shared.http {
            let listen = Listen::new(address, &shared.http_host)
                .map_err(|error| Usage(format!("--http: {error}")))?;
            let started = Server::start(listen, wrap(made.site()))
                .with_context(|| format!("--http {address}"))?;
            log::info!("Serving http://{}/", started.address());
            server = Some(started);
        }
        // A path that cannot be written is an error at once, not after the work.
        if let Some(path) = &textfile {
            made.write(path).with_context(|| format!("--metrics-textfile {}", path.display()))?;
        }
        health = Some(made);
    }
    Ok(Watch { health, textfile, server })
}

impl Watch {
    /// The address of the server.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(Server::address)
    }

    /// Calls [`Observer::batch`] once per 1024 records, for commands that process single records.
    pub(crate) fn record(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        const BATCH: u64 = 1024;
        if counts.read.is_multiple_of(BATCH) {
            self.batch(counts, tally);
        }
    }

    /// Reports that the command still answers, where its input has ended.
    pub(crate) fn idle(&mut self) {
        if let Some(health) = &mut self.health {
            health.idle();
        }
    }

    /// Writes the metrics file; called also where the command failed.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        let (Some(health), Some(path)) = (&self.health, &self.textfile) else { return Ok(()) };
        health.write(path).with_context(|| format!("--metrics-textfile {}", path.display()))
    }
}

impl Observer for Watch {
    fn begin(&mut self) {
        if let Some(health) = &mut self.health {
            health.begin();
        }
    }

    fn batch(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        if let Some(health) = &mut self.health {
            health.batch(counts, tally);
        }
    }

    fn end(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        if let Some(health) = &mut self.health {
            health.end(counts, tally);
        }
    }
}
