//! The command line: parse, run, exit status. No logic lives here; see the library.

mod cli;
mod collect;
mod dashboard;
mod evaluate;
mod fit;
mod generate;
#[cfg(test)]
mod generated;
mod health;
mod healthy;
mod kafka;
mod log;
mod logging;
mod monitor;
mod original;
mod plot;
mod predict;
mod progress;
mod run;
mod terminal;
mod train;
mod transport;

use std::io;
use std::process::ExitCode;

use tweetoscope::stream;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was read.
    Done,
    /// Some input was refused, and named when it was.
    Rejected,
    /// A threshold that was asked for was crossed.
    Crossed,
}

fn main() -> ExitCode {
    let (cli, stage) = cli::parse();
    let ended = logging::start(&stage, cli.shared()).and_then(|()| {
        ::log::info!("Logging on.");
        let outcome = cli.run();
        match &outcome {
            Ok(_) => ::log::info!("Logging off."),
            Err(error) if reader_left(error) => ::log::info!("Logging off."),
            Err(error) => ::log::error!(target: stream::PRINTED, "{error:#}"),
        }
        logging::finish();
        outcome
    });
    ExitCode::from(status(ended))
}

/// Exit status (README.md, When something is wrong), after the error was said.
fn status(ended: anyhow::Result<Outcome>) -> u8 {
    match ended {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Rejected) => 1,
        Ok(Outcome::Crossed) => 3,
        Err(error) if reader_left(&error) => 0,
        Err(error) => {
            stream::print_stderr(&format!("{error:#}"));
            let asked = |cause: &io::Error| tweetoscope::kafka::status(cause);
            let own = error.chain().find_map(|it| it.downcast_ref::<io::Error>().and_then(asked));
            match error.downcast_ref::<Usage>() {
                Some(_) => 2,
                None => own.unwrap_or(1),
            }
        }
    }
}

/// Whether the reader of our output went away, which is its right.
fn reader_left(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken))
}

/// A combination of options that makes no sense.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}
