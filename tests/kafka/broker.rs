//! A real broker for the tests: an existing one, or one that the tests start on loopback.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// A broker.
pub(crate) struct Broker {
    /// host:port without encryption and login.
    pub(crate) address: String,
    /// The same broker with TLS, and its certificate.
    pub(crate) tls: Option<(String, PathBuf)>,
    /// The same broker with a login.
    pub(crate) sasl: Option<String>,
    dir: Option<PathBuf>,
    /// Deletes the broker after this process has ended: it waits for the end of its stdin, which only
    /// this process holds open.
    _watch: Option<Child>,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broker/broker.sh")
}

/// The broker of all tests of this process; `None`, with a message, if it cannot be started.
pub(crate) fn broker() -> Option<&'static Broker> {
    static BROKER: OnceLock<Option<Broker>> = OnceLock::new();
    BROKER.get_or_init(|| existing().or_else(|| Broker::start_with("shared", &[]))).as_ref()
}

fn existing() -> Option<Broker> {
    let address = std::env::var("TWEETOSCOPE_TEST_BROKERS").ok().filter(|it| !it.is_empty())?;
    Some(Broker { address, tls: None, sasl: None, dir: None, _watch: None })
}

/// The first of four free ports, below the ephemeral ports.
fn free_ports() -> u16 {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    // Tests that call this at the same time start at different ports.
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let calls = CALLS.fetch_add(16, Ordering::Relaxed);
    let start = 20_000 + (std::process::id() % 1_900) as u16 * 4 + calls % 1_000;
    let found = (0..500).map(|i| start + i * 4).find(|port| (0..4).all(|i| free(port + i)));
    found.expect("four free ports in two thousand")
}

impl Broker {
    /// A broker of its own, for a test that kills it.
    pub(crate) fn start(name: &str) -> Option<Self> {
        Self::start_with(name, &["--short-session"])
    }

    /// The same with the session of a real one, which is longer than its pauses: a coordinator that is elected twice while it
    /// loads may give old positions (docs/kafka.md).
    pub(crate) fn start_with_session(name: &str) -> Option<Self> {
        Self::start_with(name, &[])
    }

    fn start_with(name: &str, options: &[&str]) -> Option<Self> {
        let dir = std::env::temp_dir().join(format!("tweetoscope-{name}-{}", std::process::id()));
        // Another process may have taken the ports in between.
        let attempts = (0..10).map(|_| {
            Command::new("bash")
                .args([script().as_os_str(), "start".as_ref(), dir.as_os_str()])
                .args([&free_ports().to_string(), "--tls", "--sasl"])
                .args(options)
                .output()
                .expect("bash is there")
        });
        let busy = |it: &std::process::Output| it.status.code() == Some(75);
        let started = attempts.into_iter().find(|it| !busy(it)).expect("free ports");
        if started.status.code() == Some(69) {
            let why = String::from_utf8_lossy(&started.stderr);
            assert!(std::env::var("CI").as_deref() != Ok("true"), "no broker: {why}");
            eprintln!("SKIPPED: {}", why.trim());
            return None;
        }
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let watch = Command::new("bash")
            .args(["-c", "cat >/dev/null; exec bash \"$0\" \"$2\" \"$1\""])
            .args([script().as_os_str(), dir.as_os_str()])
            // With TWEETOSCOPE_KEEP its data and its log are kept.
            .arg(if std::env::var_os("TWEETOSCOPE_KEEP").is_some() { "kill9" } else { "wipe" })
            // A signal to the process group of the tests must not end it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash is there");
        let addresses = String::from_utf8(started.stdout).expect("addresses");
        let mut broker = Self {
            address: String::new(),
            tls: None,
            sasl: None,
            dir: Some(dir),
            _watch: Some(watch),
        };
        for line in addresses.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["tls", address, ca] => broker.tls = Some((address.to_owned(), ca.into())),
                ["sasl", address] => broker.sasl = Some(address.to_owned()),
                [address] => broker.address = address.to_owned(),
                _ => panic!("{line}"),
            }
        }
        Some(broker)
    }

    /// Runs a command of the script; panics where it fails.
    pub(crate) fn script(&self, command: &str, arguments: &[&str]) {
        let dir = self.dir.as_ref().expect("a broker that the tests started");
        let done = Command::new("bash")
            .args([script().as_os_str(), command.as_ref(), dir.as_os_str()])
            .args(arguments)
            .output()
            .expect("bash is there");
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "broker.sh {command} {arguments:?}: {stderr}");
    }

    /// Sends a signal to its process.
    pub(crate) fn signal(&self, name: &str) {
        let dir = self.dir.as_ref().expect("a broker that the tests started");
        let pid = std::fs::read_to_string(dir.join("pid")).expect("it runs");
        let sent = Command::new("kill").args(["-s", name, pid.trim()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// The folder of the logs of its partitions.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.as_ref().expect("a broker that the tests started").join("data")
    }

    /// Whether the tests started it.
    pub(crate) fn is_ours(&self) -> bool {
        self.dir.is_some()
    }
}
