//! Readiness for a service manager: the protocol of sd_notify(3).
//!
//! systemd passes the address of a datagram socket in `NOTIFY_SOCKET`. A unit of `Type=notify` counts as started
//! when `READY=1` arrives there.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A connection to the service manager; it reports each change of the readiness.
#[derive(Debug)]
pub(super) struct Notify {
    socket: UnixDatagram,
    ready: bool,
    draining: bool,
}

impl Notify {
    /// Connects to `address`, the value of `NOTIFY_SOCKET`: a path, or `@` and a name of the abstract namespace.
    ///
    /// # Errors
    /// The socket does not exist, or the system has no abstract names.
    pub(super) fn connect(address: &OsString) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&socket_address(address.as_bytes())?)?;
        // A full queue must not block the stage.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, ready: false, draining: false })
    }

    /// Whether there may be something to report.
    pub(super) fn pending(&self, draining: bool) -> bool {
        !self.ready || (draining && !self.draining)
    }

    /// Sends `READY=1` once the readiness checks succeed, and `STOPPING=1` once the process drains. A message that
    /// cannot be sent is sent again at the next call.
    pub(super) fn report(&mut self, ready: bool, draining: bool) {
        if ready && !self.ready {
            self.ready = self.socket.send(b"READY=1\n").is_ok();
        }
        if draining && !self.draining {
            self.draining = self.socket.send(b"STOPPING=1\n").is_ok();
        }
    }
}

#[cfg(target_os = "linux")]
fn socket_address(address: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    match address.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(address)),
    }
}

#[cfg(not(target_os = "linux"))]
fn socket_address(address: &[u8]) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(address))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn readiness_and_drain_are_each_sent_once() {
        let path = std::env::temp_dir().join(format!("tweetoscope-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        let received = || {
            let mut buffer = [0; 64];
            manager
                .recv(&mut buffer)
                .ok()
                .map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned())
        };
        let mut notify = Notify::connect(&path.clone().into_os_string()).unwrap();
        notify.report(false, false);
        assert_eq!(received(), None);
        notify.report(true, false);
        notify.report(true, false);
        assert_eq!(received().unwrap(), "READY=1\n");
        assert_eq!(received(), None);
        // The checks fail while the process drains.
        notify.report(false, true);
        notify.report(false, true);
        assert_eq!(received().unwrap(), "STOPPING=1\n");
        assert_eq!(received(), None);
        std::fs::remove_file(&path).unwrap();
        assert!(Notify::connect(&path.into_os_string()).is_err());
    }
}
