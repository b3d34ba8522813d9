//! The monitor's table: the same columns on stderr, in the terminal's view and in CSV.

use std::io::{self, Write};

use tweetoscope::event::Span;
use tweetoscope::record::Report;
use tweetoscope::stage::monitor::{BASELINES, Monitor};
use tweetoscope::stream::Stderr;

use crate::rows::{self, number};

/// The columns of [`row`].
pub(super) const COLUMNS: &str = "T_obs,scored,mean_ARE,median_ARE,last_mean_ARE,last_median_ARE,\
                                  bias,covered,last_covered,level,skill_no_growth,\
                                  skill_median_ratio,skill_log_linear,top_hits,verdict,untrained,\
                                  untrained_mean_ARE,trained_mean_ARE,compared,finished";

/// A report as a row of CSV.
pub(super) fn row(it: &Report) -> io::Result<Vec<u8>> {
    let figures = [it.mean_are, it.median_are, it.last_mean_are, it.last_median_are];
    let shares = [it.bias, it.covered, it.last_covered, it.level];
    let skills = BASELINES.map(|baseline| skill(it, baseline));
    let numbers = figures.map(Some).into_iter().chain(shares).chain(skills).chain([it.top_hits]);
    let mut fields = vec![it.t_obs.to_string(), it.scored.to_string()];
    fields.extend(numbers.map(number));
    fields.push(it.verdict.clone());
    fields.push(it.untrained.to_string());
    fields.extend([it.untrained_mean_are, it.trained_mean_are].map(number));
    fields.extend([it.compared.to_string(), number(it.finished)]);
    rows::row(fields)
}

fn skill(it: &Report, baseline: &str) -> Option<f64> {
    it.skill.iter().find(|(name, _)| name == baseline).map(|(_, value)| *value)
}

/// Heads of [`cells`] in two lines; the columns have 80 characters together.
pub(super) const HEADS: [[&str; 12]; 2] = [
    ["", "", "ARE", "", "last", "", "", "", "skill", "", "", ""],
    [
        "window", "scored", "mean", "median", "mean", "bias", "cover", "none", "ratio", "law",
        "top", "verdict",
    ],
];

/// The widths of the columns, the space before each included.
pub(super) const WIDTHS: [usize; 12] = [6, 7, 7, 7, 7, 6, 7, 6, 7, 6, 5, 7];

/// A report as text: errors, bias, coverage, skill, hits, verdict.
pub(super) fn cells(it: &Report) -> [String; 12] {
    let error = |value: f64| if value < 100.0 { format!("{value:.3}") } else { ">99".to_owned() };
    let percent =
        |value: Option<f64>| value.map_or("-".to_owned(), |it| format!("{:.0}%", it * 100.0));
    let against = |baseline| {
        skill(it, baseline).map_or("-".to_owned(), |it| {
            if it > -9.995 { format!("{:+.0}%", it * 100.0) } else { "<-999".to_owned() }
        })
    };
    let [none, ratio, law] = BASELINES.map(against);
    [
        Span(it.t_obs as f64).to_string(),
        it.scored.to_string(),
        error(it.mean_are),
        error(it.median_are),
        error(it.last_mean_are),
        it.bias.map_or("-".to_owned(), |bias| format!("{bias:+.2}")),
        percent(it.covered),
        none,
        ratio,
        law,
        percent(it.top_hits),
        word(&it.verdict).to_owned(),
    ]
}

/// The verdict, shortened to the width of its column.
pub(super) fn word(verdict: &str) -> &str {
    match verdict {
        "worse_than_baseline" => "worse",
        "coverage_off" => "cover",
        other => other,
    }
}

/// A line of cells: the first and the last are aligned left, the others right.
pub(super) fn line<T: AsRef<str>>(cells: &[T; 12]) -> String {
    let mut line = String::new();
    for (place, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        let cell = cell.as_ref();
        line += &match place {
            0 => format!("{cell:<width$}"),
            11 => format!("  {cell}"),
            _ => format!("{cell:>width$}"),
        };
    }
    line.trim_end().to_owned()
}

/// The explanation of the columns.
pub(super) fn legend(reports: &[Report]) -> String {
    let level = reports.iter().find_map(|it| it.level);
    let nominal = level.map_or(String::new(), |it| format!(" (nominal {:.0}%)", it * 100.0));
    format!(
        "ARE: |predicted - final| / final; bias: below 0, predictions are low\n\
         cover: intervals that contain the final size{nominal}; top: share of the\n\
         largest found; verdict young: few predictions\n\
         skill: 1 - ARE / ARE of no growth, a constant ratio, a log-linear law, fitted to\n\
         the cascades that had ended before; above 0, the predictions are better"
    )
}

/// What the predictions of a window had learned from.
pub(super) fn learned(it: &Report) -> String {
    let window = Span(it.t_obs as f64);
    let error =
        |value: Option<f64>| value.map_or(String::new(), |it| format!(", mean ARE {it:.3}"));
    let (untrained, trained) = (it.untrained, it.scored - it.untrained.min(it.scored));
    let before = format!(
        "{window}: {untrained} of {} predictions before anything was learned{}",
        it.scored,
        error(it.untrained_mean_are)
    );
    if trained == 0 {
        return before;
    }
    let finished = it
        .finished
        .map_or(String::new(), |count| format!(" when {count:.0} cascades had ended (median)"));
    format!("{before}; {trained} by trained models{finished}{}", error(it.trained_mean_are))
}

/// Prints a table of all windows to stderr; returns whether there is one.
pub(crate) fn print_table(monitor: &Monitor) -> bool {
    let reports = monitor.reports();
    if reports.is_empty() {
        return false;
    }
    let mut text = HEADS.iter().map(|heads| line(heads) + "\n").collect::<String>();
    reports.iter().for_each(|it| text += &(line(&cells(it)) + "\n"));
    // Without a prediction before anything was learned, and without times of alerts, there is nothing to report apart.
    let apart = reports.iter().filter(|it| it.untrained > 0 || it.finished.is_some());
    apart.for_each(|it| text += &(learned(it) + "\n"));
    let _ = Stderr.write_all(format!("{text}{}\n", legend(&reports)).as_bytes());
    true
}
