//! The form of the address of a server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// The address in `PORT`, `:PORT` or `HOST:PORT`; the default host is 127.0.0.1.
///
/// # Errors
/// The text has another form, or the host cannot be resolved.
pub fn address(text: &str) -> io::Result<SocketAddr> {
    let invalid = || {
        let text = format!("{text:?} is not PORT, :PORT or HOST:PORT");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    };
    match text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        Ok(port) => Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        Err(_) => text.to_socket_addrs().map_err(|_| invalid())?.next().ok_or_else(invalid),
    }
}
