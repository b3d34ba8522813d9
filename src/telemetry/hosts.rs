//! The address to listen on, and the host names that requests may use.
//!
//! In a DNS rebinding attack, a foreign web page points its own host name at this machine to read a local
//! server. The requests then carry that name, so only listed names are allowed. Addresses are always
//! allowed, because they cannot be rebound.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::address::address;

/// An address to listen on and the allowed host names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    address: SocketAddr,
    names: Vec<String>,
}

impl Listen {
    /// Parses `PORT`, `:PORT` or `HOST:PORT`; the default host is 127.0.0.1. `names` are host names that
    /// requests may use in addition to `localhost`.
    ///
    /// # Errors
    /// The text has another form, or the host cannot be resolved.
    pub fn new(text: &str, names: &[String]) -> io::Result<Self> {
        Ok(Self { address: address(text)?, names: allowed(text, names) })
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether requests with this `Host` header are allowed.
    pub fn allows(&self, host: &str) -> bool {
        let name = bare(host_of(host));
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_address || name == "localhost" || self.names.contains(&name)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// The names that requests may use: those given, and the host of the address.
fn allowed(text: &str, names: &[String]) -> Vec<String> {
    let host = text.rsplit_once(':').map(|(host, _)| bare(host)).filter(|it| !it.is_empty());
    names.iter().map(|name| bare(name)).chain(host).collect()
}

/// A host without its port.
fn host_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn bare(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_host_is_loopback() {
        for text in ["9100", ":9100", "127.0.0.1:9100", "localhost:9100"] {
            let listen = Listen::new(text, &[]).unwrap();
            assert!(listen.address().ip().is_loopback(), "{text}");
            assert_eq!(listen.address().port(), 9100);
        }
        assert!(!Listen::new("0.0.0.0:1", &[]).unwrap().address().ip().is_loopback());
        for wrong in ["", "x", "127.0.0.1", "1.2.3.4:99999"] {
            assert!(Listen::new(wrong, &[]).is_err(), "{wrong}");
        }
    }

    /// Of a name that is resolved here; `localhost` is allowed in any case.
    #[test]
    fn the_host_of_the_address_is_an_allowed_name_and_an_empty_one_is_not() {
        let names = |text: &str| allowed(text, &["Collect.".to_owned()]);
        assert_eq!(names("Metrics.Example.:9100"), ["collect", "metrics.example"]);
        for without_host in [":9100", "9100"] {
            assert_eq!(names(without_host), ["collect"], "{without_host}");
            assert!(!Listen::new(without_host, &[]).unwrap().allows(""), "{without_host}");
            assert!(!Listen::new(without_host, &[]).unwrap().allows("9100"), "{without_host}");
        }
    }

    #[test]
    fn addresses_and_listed_names_are_allowed() {
        let listen = Listen::new("0.0.0.0:9100", &["Collect".to_owned()]).unwrap();
        for good in
            ["127.0.0.1", "10.0.0.7:9100", "[::1]:9100", "LOCALHOST:80", "collect:9100", "collect."]
        {
            assert!(listen.allows(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "evil.example:9100",
            "collect.evil",
            "127.0.0.1.evil",
            "localhost@evil",
        ] {
            assert!(!listen.allows(bad), "{bad}");
        }
    }
}
