//! The program under test, as processes that are killed at the end of the test.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The binary.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tweetoscope");

/// Runs a command over a pipe; returns its stdout.
pub(crate) fn pipe(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || to.write_all(input.as_bytes()).unwrap());
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", done.status);
    String::from_utf8(done.stdout).unwrap()
}

/// Runs a command to its end; returns exit status and stderr.
pub(crate) fn ends(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let stderr = reader.join().unwrap();
    let status = status.unwrap_or_else(|| panic!("{arguments:?} does not end: {stderr}"));
    (status.code(), stderr)
}

/// A daemon; killed when it goes out of scope.
pub(crate) struct Daemon {
    child: Child,
    arguments: Vec<String>,
    log: PathBuf,
}

impl Daemon {
    /// Starts it; its stderr is appended to a file of that name.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let file = format!("tweetoscope-test-{}-{name}.log", std::process::id());
        let log = std::env::temp_dir().join(file);
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        Self { child: spawn(&arguments, &log), arguments, log }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Stops the process for a time with SIGSTOP.
    pub(crate) fn pause(&self, time: Duration) {
        self.signal("STOP");
        std::thread::sleep(time);
        self.signal("CONT");
    }

    /// Starts it again if it has ended; returns how.
    pub(crate) fn restart_if_ended(&mut self) -> Option<ExitStatus> {
        let status = self.ended()?;
        self.kill_and_restart();
        Some(status)
    }

    /// Kills it with SIGKILL, and starts it again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&self.arguments, &self.log);
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, max: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status.code();
            }
            assert!(start.elapsed() < max, "{:?} does not end: {}", self.arguments, self.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGTERM, and expects exit status 0.
    pub(crate) fn stop(&mut self) {
        self.stop_with(&[0]);
    }

    /// Sends SIGTERM, and expects one of these statuses. After failures of a broker a daemon may have ended with 76: its
    /// producer was fenced twice within a minute (docs/kafka.md).
    pub(crate) fn stop_with(&mut self, statuses: &[i32]) {
        self.signal("TERM");
        let status = self.wait(Duration::from_secs(60));
        assert!(status.is_some_and(|it| statuses.contains(&it)), "{status:?} {}", self.stderr());
    }

    /// Waits for a message on its stderr.
    pub(crate) fn wait_for(&mut self, message: &str) {
        self.poll_for(message, Duration::from_millis(20));
    }

    /// The same, and returns within a millisecond of the message.
    pub(crate) fn wait_for_quickly(&mut self, message: &str) {
        self.poll_for(message, Duration::from_micros(200));
    }

    fn poll_for(&mut self, message: &str, every: Duration) {
        let start = Instant::now();
        while !self.stderr().contains(message) {
            let is_early = start.elapsed() < Duration::from_secs(60) && self.ended().is_none();
            assert!(is_early, "no {message:?}: {}", self.stderr());
            std::thread::sleep(every);
        }
    }

    /// Status and body of a page of `--http 127.0.0.1:0`; 0 while nothing listens.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let stderr = self.stderr();
        let address = stderr.rsplit("Serving http://").next().unwrap().split('/').next().unwrap();
        let Ok(mut connection) = TcpStream::connect(address) else { return (0, String::new()) };
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).unwrap();
        let status = text.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
        (status, text)
    }

    /// Waits until a page of `--http 127.0.0.1:0` has a status and a body; returns the body.
    pub(crate) fn wait_for_page(
        &mut self,
        path: &str,
        max: Duration,
        is_right: impl Fn(u16, &str) -> bool,
    ) -> String {
        self.wait_for("Serving http://");
        let start = Instant::now();
        loop {
            let (status, text) = self.page(path);
            if is_right(status, &text) {
                return text;
            }
            assert!(start.elapsed() < max, "{path}: {status} {text}\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its stderr so far, including that of its killed processes.
    pub(crate) fn stderr(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = File::open(&self.log) {
            file.read_to_string(&mut text).unwrap();
        }
        text
    }
}

fn spawn(arguments: &[String], log: &PathBuf) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}
