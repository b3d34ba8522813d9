//! The live views in a real terminal of 80 columns and 24 lines, by tmux.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::client::{dir, has, repository, text};

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

/// Stats of two windows; those of the first get worse at the end.
fn stats() -> String {
    let one = |i: u32, t_obs: u32| {
        let bad = t_obs == 600 && i >= 300;
        // Sizes that no multiple of the observed size predicts.
        let n_obs = 20 + i * 7919 % 50;
        let n_tot = n_obs + i * 104_729 % 400;
        let are = if bad { 0.5 } else { 0.07 };
        let n_pred = f64::from(n_tot) * (1.0 + are);
        format!(
            "{{\"type\":\"stat\",\"cid\":\"{i}\",\"t\":{i},\"T_obs\":{t_obs},\"ARE\":{are},\"n_obs\":{n_obs},\"n_tot\":{n_tot},\"n_pred\":{n_pred},\"covered\":{},\"level\":0.9,\"model\":\"600-1\"}}\n",
            !bad
        )
    };
    (0..400).flat_map(|i| [one(i, 600), one(i, 3600)]).collect()
}

#[test]
fn the_monitor_shows_its_course_live_and_leaves_its_table_behind() {
    if !has("tmux") {
        return;
    }
    let dir = dir("monitor");
    fs::write(dir.join("stats"), stats()).unwrap();
    let tmux = Tmux(format!("tweetoscope-monitor-{}", std::process::id()));
    let binary = env!("CARGO_BIN_EXE_tweetoscope");
    let command = format!(
        "(cat {0}; echo no record; while sleep 0.2; do echo; done) | \
         {binary} monitor --fail-above 0.3; echo \"status $?\"; read go; cat {0} | \
         {binary} monitor --plot --every 0 >{0}.out; echo after; sleep 60",
        text(&dir.join("stats"))
    );
    tmux.run(&["new-session", "-d", "-x", "80", "-y", "24", &command]);
    let screen = tmux.until("800 predictions");
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines[3].starts_with("10m") && lines[3].ends_with("drift"), "{screen}");
    assert!(lines[4].starts_with("1h") && lines[4].ends_with("ok"), "{screen}");
    assert!(
        screen.contains("10m: mean ARE") && screen.contains("share inside the interval"),
        "{screen}"
    );
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{screen}");
    assert!(
        !screen.contains("a record is"),
        "messages are held back until the view ends: {screen}"
    );
    tmux.run(&["send-keys", "j"]);
    tmux.until("1h: mean ARE");
    tmux.run(&["send-keys", "q"]);
    // The refused line, the table and the status are there when the view is gone.
    let screen = tmux.until("status 3");
    assert!(screen.contains("a record is a JSON object"), "{screen}");
    assert!(screen.contains("10m") && !screen.contains("10m: mean ARE"), "{screen}");
    tmux.run(&["send-keys", "Enter"]);
    // With its reports in a file, the view is on stderr, and the end of the view is not theirs.
    tmux.until("10m: mean ARE");
    tmux.run(&["send-keys", "q"]);
    let screen = tmux.until("after");
    assert!(screen.contains("* last 100"), "{screen}");
    let reports = fs::read_to_string(dir.join("stats.out")).unwrap();
    assert_eq!(reports.lines().count(), 2, "{reports}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_signal_ends_a_view_and_the_terminal_is_as_it_was() {
    if !has("tmux") {
        return;
    }
    let dir = dir("signal");
    let binary = env!("CARGO_BIN_EXE_tweetoscope");
    for (command, empty) in [("dashboard", "no alerts yet"), ("monitor", "no stats yet")] {
        // One tmux server each: a session cannot be started on a server that is ending.
        let tmux = Tmux(format!("tweetoscope-signal-{command}-{}", std::process::id()));
        let pid = dir.join(command);
        let command = format!(
            "echo before; (sleep 60 &) | sh -c 'echo $$ >{}; exec {binary} {command}'; \
             echo after; read line; sleep 60",
            text(&pid)
        );
        tmux.run(&["new-session", "-d", "-x", "80", "-y", "24", &command]);
        tmux.until(empty);
        let pid = fs::read_to_string(pid).unwrap();
        let killed = Command::new("kill").arg(pid.trim()).status().unwrap();
        assert!(killed.success());
        let screen = tmux.until("after");
        assert!(screen.contains("before") && !screen.contains(empty), "{screen}");
        // Keys are echoed again: the raw mode is over.
        tmux.run(&["send-keys", "echoed"]);
        tmux.until("echoed");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_view_whose_terminal_is_closed_ends_also_where_no_signal_is_sent() {
    if !has("tmux") {
        return;
    }
    let dir = dir("closed");
    let binary = env!("CARGO_BIN_EXE_tweetoscope");
    let alerts = repository("testdata/cases/alerts_big_numbers.jsonl");
    for command in ["dashboard", "monitor"] {
        for trap in ["", "trap '' HUP; "] {
            let tmux = Tmux(format!("tweetoscope-closed-{command}-{}", std::process::id()));
            let pid = dir.join(command);
            let (pid_file, file) = (text(&pid), text(&alerts));
            let line = format!("{trap}echo $$ >{pid_file}; exec {binary} {command} {file}");
            tmux.run(&["new-session", "-d", "-x", "80", "-y", "24", &line]);
            tmux.until("tweetoscope");
            drop(tmux);
            let process = format!("/proc/{}", fs::read_to_string(&pid).unwrap().trim());
            let ended = (0..100).any(|_| {
                std::thread::sleep(Duration::from_millis(100));
                !std::path::Path::new(&process).exists()
            });
            assert!(ended, "{command} runs on without a terminal: {trap}");
        }
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_terminal_without_control_sequences_gets_the_table() {
    if !has("tmux") {
        return;
    }
    let tmux = Tmux(format!("tweetoscope-dumb-{}", std::process::id()));
    let binary = env!("CARGO_BIN_EXE_tweetoscope");
    let alerts = repository("testdata/cases/alerts_big_numbers.jsonl");
    let command = format!("TERM=dumb {binary} dashboard {}; echo after; sleep 60", text(&alerts));
    tmux.run(&["new-session", "-d", "-x", "120", "-y", "24", &command]);
    let screen = tmux.until("after");
    assert!(screen.contains("12,345,678") && !screen.contains("q quit"), "{screen}");
}
