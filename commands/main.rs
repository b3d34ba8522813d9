//! The command line: parse, run, exit status. It contains no computation, which is in the library.

// Without a feature, what only its commands and views call is unused.
#![cfg_attr(not(all(feature = "http", feature = "kafka", feature = "tui")), allow(dead_code))]

mod calibration;
mod cli;
mod collect;
mod dashboard;
mod environment;
mod evaluate;
mod fit;
mod flags;
mod generate;
#[cfg(test)]
#[cfg(all(feature = "http", feature = "kafka", feature = "tui"))]
mod generated;
#[cfg_attr(not(feature = "http"), path = "health_off.rs")]
mod health;
mod healthy;
mod html;
#[cfg_attr(not(feature = "kafka"), path = "kafka_off.rs")]
mod kafka;
mod learning_curve;
mod log;
mod logging;
mod monitor;
mod needs;
mod original;
mod outputs;
mod pages;
mod plot;
mod predict;
mod progress;
mod report;
mod rows;
mod run;
mod source;
#[cfg(feature = "tui")]
mod terminal;
mod train;
mod transport;
mod tty;
mod values;

use std::io;
use std::process::ExitCode;

use tweetoscope::{critical, stream};

use flags::{Outcome, Usage};

/// The allocator of the C code too (librdkafka, OpenSSL): it also defines `malloc` and related functions.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let (cli, stage) = cli::parse();
    let ended = logging::start(&stage, cli.shared()).and_then(|()| {
        ::log::info!("Logging on.");
        environment::warn_of_unknown(cli::command);
        let outcome = cli.run();
        match &outcome {
            Ok(_) => ::log::info!("Logging off."),
            Err(error) if reader_left(error) => ::log::info!("Logging off."),
            Err(error) if error.is::<Usage>() => {
                ::log::error!(target: stream::PRINTED, "{}", shown(error));
            }
            // The error ends the command.
            Err(error) => critical!(target: stream::PRINTED, "{}", shown(error)),
        }
        logging::finish();
        outcome
    });
    ExitCode::from(status(ended))
}

/// The exit status; prints the error, if there is one.
fn status(ended: anyhow::Result<Outcome>) -> u8 {
    match ended {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Rejected) => 1,
        Ok(Outcome::Crossed) => 3,
        Err(error) if reader_left(&error) => 0,
        Err(error) => {
            // Where messages are logged, this one was.
            if !stream::are_messages_logged() {
                stream::print_text(&shown(&error));
            }
            let status = |cause: &io::Error| kafka::status(cause);
            let own = error.chain().find_map(|it| it.downcast_ref::<io::Error>().and_then(status));
            match error.downcast_ref::<Usage>() {
                Some(_) => 2,
                None => own.unwrap_or(1),
            }
        }
    }
}

/// The text of an error, with its causes and the variables of the environment that give the options in it.
fn shown(error: &anyhow::Error) -> String {
    environment::with_variables(format!("{error:#}"))
}

/// Whether the reader of the output closed it, which is not an error (`| head`).
fn reader_left(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken))
}
