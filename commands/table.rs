//! The monitor's table for people, on stderr.

use std::fmt::Write;

use tweetoscope::event::Span;
use tweetoscope::stage::monitor::Monitor;

/// Prints how every window does, beside the baselines.
pub(crate) fn tell(monitor: &Monitor) {
    let mut text = String::new();
    let _ =
        writeln!(text, "                    our prediction     no growth          median ratio");
    let _ = writeln!(
        text,
        "window   scored     mean   median      mean   median      mean   median  ARE"
    );
    let baselines = monitor.baselines();
    for report in monitor.reports() {
        let [no_growth, ratio] = baselines.get(&report.t_obs).copied().unwrap_or_default();
        let pair = |[mean, median]: [f64; 2]| format!("{mean:8.3} {median:8.3}");
        let _ = writeln!(
            text,
            "{:8} {:6}  {}  {}  {}",
            Span(report.t_obs as f64).to_string(),
            report.scored,
            pair([report.mean_are, report.median_are]),
            pair(no_growth),
            pair(ratio),
        );
    }
    eprint!("{text}");
}
