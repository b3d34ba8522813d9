//! `tweetoscope collect`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tweetoscope::event::{LARGEST, Span};
use tweetoscope::input::{ObservedDurations, SharedDurations};
use tweetoscope::stage::collect::{AtEnd, Collect, CollectOptions, CollectSummary, Limits};
use tweetoscope::stream;

use crate::flags::{CarrierArgs, Outcome, Usage, whole_seconds};
use crate::kafka::{self, KafkaArgs, Role, Topic};

/// Group tweets into cascades, and emit their observation windows and final sizes
///
/// Emits one serie record for each cascade and window when the window has closed, and one size
/// record for each emitted window when the cascade has terminated. Time is event time: the clock of
/// each source advances with its own records and watermarks only.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) flags: CollectFlags,
    /// Take defaults from a collector.ini of the original system; options take precedence
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Windows, termination and limits.
#[derive(clap::Args, Clone)]
pub(crate) struct CollectFlags {
    /// Observation windows, ascending, in whole seconds, such as 10m,1h,6h; a number alone is in seconds
    #[arg(long, value_name = "DURATIONS", value_delimiter = ',', default_value = "10m,20m")]
    pub(crate) windows: Vec<Span>,
    /// Terminate a cascade after this time without an event (default: 30m or the largest window,
    /// whichever is larger; where recorded cascades are read, 7d)
    #[arg(long, value_name = "DURATION")]
    pub(crate) terminated: Option<Span>,
    /// Emit a window only if it contains at least this many events
    #[arg(long, value_name = "EVENTS", default_value_t = 10)]
    pub(crate) min_size: u64,
    /// Keep the clock this far behind the latest event, so that late events still join their window
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) lateness: Span,
    /// Terminate a cascade at this age (default: 7d, with --kafka 1d)
    #[arg(long, value_name = "DURATION")]
    pub(crate) max_age: Option<Span>,
    /// Refuse an event that is further ahead of the clock of its source, such as one in milliseconds;
    /// the third such event in a row is accepted: the source was silent (default: 7d; no limit for
    /// recorded cascades in `run` and `train`, which are in time order)
    #[arg(long, value_name = "DURATION")]
    pub(crate) max_jump: Option<Span>,
    /// Action at the end of the input; with --kafka, and after SIGINT or SIGTERM, always drop
    #[arg(long, value_enum, default_value = "terminate")]
    pub(crate) at_end: AtEndArg,
    /// Maximum number of open cascades per source; further tweets are counted and dropped
    #[arg(long, value_name = "N", default_value_t = Limits::default().open_cascades)]
    pub(crate) max_open_cascades: usize,
    /// Maximum number of stored events per cascade; further ones are counted in its size only
    #[arg(long, value_name = "N", default_value_t = Limits::default().events_per_cascade)]
    pub(crate) max_events_per_cascade: usize,
    /// Maximum number of sources; records of further ones are counted and dropped
    #[arg(long, value_name = "N", default_value_t = Limits::default().sources)]
    pub(crate) max_sources: usize,
}

/// Action at the end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AtEndArg {
    /// Terminate every cascade and emit what is pending: the input is complete
    Terminate,
    /// Emit nothing more: the input is a recording that was cut
    Drop,
}

impl CollectFlags {
    /// The options of the stage; refuses inconsistent ones. `recorded` is whether complete cascades are replayed.
    pub(crate) fn options(&self, max_age: Span, recorded: bool) -> anyhow::Result<CollectOptions> {
        for (option, limit) in [
            ("--max-open-cascades", self.max_open_cascades),
            ("--max-events-per-cascade", self.max_events_per_cascade),
            ("--max-sources", self.max_sources),
        ] {
            if limit == 0 {
                return Err(Usage(format!("{option} must be at least 1")).into());
            }
        }
        let windows = whole_seconds(&self.windows)?;
        let largest = windows.last().map_or(0.0, |largest| *largest as f64);
        let terminated = if recorded { MAX_AGE.0 } else { TERMINATED.0.max(largest) };
        // The events of a recording are in time order.
        let max_jump = if recorded { ANY_JUMP } else { MAX_JUMP };
        let options = CollectOptions {
            windows,
            terminated: self.terminated.map_or(terminated, |span| span.0),
            min_size: self.min_size,
            lateness: self.lateness.0,
            max_age: self.max_age.unwrap_or(max_age).0,
            max_jump: self.max_jump.unwrap_or(max_jump).0,
            at_end: match self.at_end {
                AtEndArg::Terminate => AtEnd::Terminate,
                AtEndArg::Drop => AtEnd::Drop,
            },
            limits: Limits {
                open_cascades: self.max_open_cascades,
                events_per_cascade: self.max_events_per_cascade,
                sources: self.max_sources,
            },
        };
        Ok(options.checked().map_err(Usage)?)
    }

    /// For how long recorded cascades were observed, which a replay fills in. Without --terminated a cascade can have ended
    /// after the default of a stream: that of a recording, 7 days, is longer than most recordings go on.
    pub(crate) fn observed_durations(&self, options: &CollectOptions) -> SharedDurations {
        let terminated = self.terminated.unwrap_or(TERMINATED).0;
        let windows = options.windows.clone();
        Arc::new(Mutex::new(ObservedDurations::new(windows, terminated, options.max_age)))
    }
}

/// Default of --terminated, unless a window is larger.
pub(crate) const TERMINATED: Span = Span(1800.0);

/// Defaults of --max-jump: for streams, and for recorded cascades.
const MAX_JUMP: Span = Span(7.0 * 86_400.0);
const ANY_JUMP: Span = Span(2.0 * LARGEST);

/// Default of --max-age on pipes.
pub(crate) const MAX_AGE: Span = Span(7.0 * 86_400.0);

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let max_age = if args.kafka.is_on() { kafka::MAX_AGE } else { MAX_AGE };
    let options = args.flags.options(max_age, false)?;
    let make = || Collect::new(options.clone());
    let writes = &[Topic::CascadeSeries, Topic::CascadeProperties];
    let max_age = Span(options.max_age);
    let role = Role { max_age, ..Role::plain("collect", writes) };
    let carrier = &args.transport;
    let judge = |collect: &Collect| {
        warn_of_dropped(collect);
        Outcome::Done
    };
    match args.kafka.daemon(role, carrier, make)? {
        Some(outcome) => Ok(outcome),
        None => carrier.drive_through(make, |lines| lines, judge),
    }
}

/// Reports the number of cascades that are below --min-size in every window.
pub(crate) fn report_small(collect: &Collect) {
    let small = collect.summary().small;
    if small > 0 {
        stream::report(&format!(
            "{small} cascades have fewer events than --min-size in every window and are not predicted"
        ));
    }
}

/// Where the time comes from after whose last event a recorded cascade can have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TerminatedBy {
    /// From --terminated.
    Option,
    /// It is the default, which --terminated replaces.
    Default,
    /// It is the default, and the command takes no --terminated.
    Constant,
}

impl TerminatedBy {
    /// Where a command that has the option takes it from.
    pub(crate) fn of(given: Option<Span>) -> Self {
        if given.is_some() { Self::Option } else { Self::Default }
    }
}

/// Warns of cascades that were not observed for their windows, and of those that may not have ended.
pub(crate) fn warn_of_observed(observed: &ObservedDurations, by: TerminatedBy) {
    let cascades = observed.cascades();
    if !observed.left_out().is_empty() {
        let short = observed.left_out().iter();
        let short = short.map(|(window, count)| format!("{count} at {}", Span(*window as f64)));
        log::warn!(
            "of {cascades} cascades, these were observed for less than the window, up to the end of the recording, and are left \
             out of it: {}; use shorter --windows, or, where the recording went on after its last event, history lines with \
             observed",
            short.collect::<Vec<_>>().join(", ")
        );
    }
    if observed.unfinished() > 0 {
        let (named, remedy) = match by {
            TerminatedBy::Option => (" (--terminated)", ""),
            TerminatedBy::Default => ("", ", or give another time with --terminated"),
            TerminatedBy::Constant => ("", ""),
        };
        log::warn!(
            "the recording of {} of {cascades} cascades ended less than {} after their last event{named}, so that they may \
             have grown later: their final size is only a lower bound, and errors are too small; record for longer, or remove \
             the cascades that began last{remedy}",
            observed.unfinished(),
            Span(observed.terminated())
        );
    }
}

/// Warns where more than 1 % of the events did not join a cascade in time order, where a limit was
/// reached, or where nothing was emitted; once, with the remedies.
pub(crate) fn warn_of_dropped(collect: &Collect) {
    let CollectSummary {
        events,
        late,
        orphans,
        duplicates,
        repeated,
        before_root,
        over_limit,
        emitted,
        ..
    } = collect.summary();
    let mut problems = Vec::new();
    for (count, problem) in [
        (
            late,
            "were not in time order within their source: sort the input by t, or give --lateness",
        ),
        (
            orphans,
            "were retweets without an open cascade: their tweet is missing, was refused, comes later, or the \
             cascade was terminated (see --terminated and --max-age)",
        ),
        (
            duplicates,
            "were tweets of a cascade that was open already: give each tweet a cid of its own",
        ),
        (
            repeated,
            "have the id of an earlier event of their cascade and were dropped: remove repeated records",
        ),
        (before_root, "were retweets before the tweet of their cascade: check the times"),
    ] {
        if count > 0 && 100 * count > events {
            problems.push(format!("{count} {problem}"));
        } else if count > 0 {
            log::info!("{count} of {events} events {problem}");
        }
    }
    if events > 0 && emitted == 0 {
        problems.push(
            "no window was emitted: it needs --min-size events, and a tweet that opens the cascade"
                .to_owned(),
        );
    }
    if over_limit > 0 {
        // Not of the events: records of further sources are not counted among them.
        tweetoscope::critical!(
            "{over_limit} records were above a limit and dropped: raise --max-open-cascades, \
             --max-events-per-cascade or --max-sources"
        );
    }
    if !problems.is_empty() {
        log::warn!("of {events} events, {}", problems.join("; "));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tweetoscope::stage::Recover;

    use super::*;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        flags: CollectFlags,
    }

    fn options(line: &str) -> CollectOptions {
        Flags::parse_from(format!("collect {line}").split_whitespace())
            .flags
            .options(MAX_AGE, false)
            .unwrap()
    }

    #[test]
    fn the_options_of_a_stage_read_back_from_its_text() {
        let other = "--windows 90,10m,1d --terminated 36h --min-size 3 --lateness 0.5 --max-age 3d --max-jump 20d \
                     --max-open-cascades 9 --max-events-per-cascade 8 --max-sources 7";
        for given in ["", other] {
            let text = Collect::new(options(given)).output_options();
            assert_eq!(options(&text), options(given), "{text}");
        }
        assert_ne!(options(""), options(other));
    }
}
