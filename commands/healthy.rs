//! `tweetoscope healthy`: for the health check of a container that has nothing but this binary.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::flags::{Outcome, Shared};

/// Check the health of a process that serves --http
///
/// Requests /healthz; exits with status 0 where the answer is 200, else with 1.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address of the process, as given to --http
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:9100", value_parser = parse)]
    address: SocketAddr,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

fn parse(text: &str) -> Result<SocketAddr, String> {
    tweetoscope::telemetry::address(text).map_err(|error| error.to_string())
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let Args { address, .. } = args;
    let request = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = request().with_context(|| format!("http://{address}/healthz"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    ensure!(
        status == "200",
        "{address} is not healthy: {}",
        answer.lines().last().unwrap_or("no answer")
    );
    Ok(Outcome::Done)
}
