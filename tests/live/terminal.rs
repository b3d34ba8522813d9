//! The dashboard in a real terminal of 80 columns and 24 lines, by tmux.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::client::{dir, has, text};

/// A tmux server of our own, ended with the test.
struct Tmux(String);

impl Tmux {
    fn run(&self, args: &[&str]) -> String {
        let output =
            Command::new("tmux").args(["-L", &self.0, "-f", "/dev/null"]).args(args).output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    }

    fn until(&self, wanted: &str) -> String {
        for _ in 0..100 {
            let screen = self.run(&["capture-pane", "-p"]);
            if screen.contains(wanted) {
                return screen;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no {wanted:?} on the screen:\n{}", self.run(&["capture-pane", "-p"]));
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[test]
fn the_view_fits_80_columns_takes_keys_and_leaves_the_terminal_as_it_was() {
    if !has("tmux") {
        return;
    }
    let dir = dir("terminal");
    let alerts: String = (1..=20)
        .map(|i| {
            let msg = "\\u001b]0;owned\\u0007\\u001b[31m text of a cascade that is long enough";
            let curve = "[[600,50],[3600,90],[36000,100]]";
            format!("{{\"type\":\"alert\",\"cid\":\"{i}\",\"t\":700,\"msg\":\"{i} {msg}\",\"T_obs\":600,\"n_obs\":12,\"n_tot\":{},\"interval\":{{\"level\":0.9,\"low\":12,\"high\":9000}},\"curve\":{curve}}}\n", i * 10)
        })
        .collect();
    fs::write(dir.join("alerts"), alerts).unwrap();
    let tmux = Tmux(format!("tweetoscope-{}", std::process::id()));
    let binary = env!("CARGO_BIN_EXE_tweetoscope");
    // Data comes by the pipe, so keys must come from the terminal itself.
    let command = format!(
        "echo before; (cat {}; while sleep 0.2; do echo; done) | {binary} dashboard; echo after; sleep 60",
        text(&dir.join("alerts"))
    );
    tmux.run(&["new-session", "-d", "-x", "80", "-y", "24", &command]);
    let screen = tmux.until("20 alerts");
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines[2].contains("20 \\u{1b}]0;owned") && lines[2].contains("200"), "{screen}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{screen}");
    assert!(!tmux.run(&["display", "-p", "#{pane_title}"]).contains("owned"));
    tmux.run(&["send-keys", "j", "j", "Enter"]);
    tmux.until("growth: events by age");
    tmux.run(&["send-keys", "Escape"]);
    tmux.until("+/-");
    tmux.run(&["send-keys", "/", "1", "3", " "]);
    tmux.until("filter: 13 _");
    tmux.run(&["send-keys", "Enter", "p"]);
    let screen = tmux.until("paused");
    assert!(screen.contains("13 \\u{1b}") && !screen.contains("20 \\u{1b}"), "{screen}");
    tmux.run(&["resize-window", "-x", "40", "-y", "10"]);
    tmux.until("paused");
    tmux.run(&["send-keys", "q"]);
    let screen = tmux.until("after");
    assert!(screen.contains("before") && !screen.contains("paused"), "{screen}");
    fs::remove_dir_all(dir).unwrap();
}
