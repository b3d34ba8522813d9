//! Shared by the live tests: the binary, temporary folders, a minimal HTTP client.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Output, Stdio};
use std::time::Duration;

/// The binary, without the variables of the environment that change its output.
pub(crate) fn tweetoscope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tweetoscope"));
    command.env_remove("RUST_LOG").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str], stdin: &str) -> Output {
    let mut child = tweetoscope()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Writes and reads at the same time, since the buffer of a pipe is small; a stage may end before it has read all
    // input.
    let (mut to, text) = (child.stdin.take().unwrap(), stdin.to_owned());
    let writing = std::thread::spawn(move || to.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writing.join().unwrap();
    output
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("tweetoscope-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A running command with `--http`, and its address.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) stdin: Option<ChildStdin>,
    /// Held open, so that writes to stderr succeed.
    _stderr: BufReader<ChildStderr>,
}

impl Service {
    /// Starts `args` with `--http` on a port of the system's choice.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = tweetoscope()
            .args(args)
            .args(["--http", "127.0.0.1:0", "-v"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("http://") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended without serving");
        }
        let address = line.split("http://").nth(1).unwrap().trim().trim_end_matches('/');
        let address = address.parse().unwrap();
        let stdin = child.stdin.take();
        Self { child, address, stdin, _stderr: stderr }
    }

    pub(crate) fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Status and whole answer.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(self.address, path)
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}

/// Sends `request`; the status and the whole answer.
pub(crate) fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    (status, text)
}

/// Whether a tool is installed; in CI it must be.
pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg(if tool == "tmux" { "-V" } else { "--version" })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{tool} is missing: tests/live/install.sh");
    if !found {
        let _ = writeln!(std::io::stderr(), "skipped: {tool} is missing (tests/live/install.sh)");
    }
    found
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
