//! `tweetoscope collect`.

use std::path::PathBuf;

use tweetoscope::event::Span;
use tweetoscope::kafka::Topic;
use tweetoscope::stage::Stage;
use tweetoscope::stage::collect::{AtEnd, Collect, Limits, Rules};

use crate::flags::{CarrierArgs, Outcome, Usage, whole_seconds};
use crate::kafka::{self, Does, KafkaArgs};

/// Group tweets into cascades; emit each one's first seconds, later its final size
///
/// Reads tweets, retweets and watermarks. For every cascade and window it writes one serie when
/// the source's clock has passed the window's end, and one size when the cascade is over. Time
/// is event time: each source's own records and watermarks are its clock.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) rules: RulesArgs,
    /// Take defaults from a collector.ini of the original system
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// The rules by which cascades are cut.
#[derive(clap::Args, Clone)]
pub(crate) struct RulesArgs {
    /// Observe cascades for these times, ascending
    #[arg(long, value_name = "DURATIONS", value_delimiter = ',', default_value = "10m,20m")]
    pub(crate) windows: Vec<Span>,
    /// Call a cascade over when it was silent for this time
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    pub(crate) terminated: Span,
    /// Emit a window only if it holds this many events
    #[arg(long, value_name = "EVENTS", default_value_t = 10)]
    pub(crate) min_size: u64,
    /// Keep the clock this far behind the latest event, for events that come late
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) lateness: Span,
    /// Call a cascade over at this age, whatever happens (default 7d; 1d with --kafka)
    #[arg(long, value_name = "DURATION")]
    pub(crate) max_age: Option<Span>,
    /// Treat the end of the input as the end of all cascades, or as a cut that says nothing
    #[arg(long, value_enum, default_value = "terminate")]
    pub(crate) at_end: AtEndArg,
    /// Open at most this many cascades of a source; tweets beyond are counted and dropped
    #[arg(long, value_name = "N", default_value_t = Limits::default().open_cascades)]
    pub(crate) max_open_cascades: usize,
    /// Keep at most this many events of a cascade; later ones count in its size alone
    #[arg(long, value_name = "N", default_value_t = Limits::default().events_per_cascade)]
    pub(crate) max_events_per_cascade: usize,
    /// Follow at most this many sources; records of others are counted and dropped
    #[arg(long, value_name = "N", default_value_t = Limits::default().sources)]
    pub(crate) max_sources: usize,
}

/// What the end of the input means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AtEndArg {
    /// The input is complete: every cascade is over
    Terminate,
    /// The input was cut: say nothing more
    Drop,
}

impl RulesArgs {
    /// The rules, checked.
    pub(crate) fn rules(&self, max_age: Span) -> anyhow::Result<Rules> {
        let rules = Rules {
            windows: whole_seconds(&self.windows)?,
            terminated: self.terminated.0,
            min_size: self.min_size,
            lateness: self.lateness.0,
            max_age: self.max_age.unwrap_or(max_age).0,
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
        Ok(rules.checked().map_err(Usage)?)
    }
}

/// Seven days.
const MAX_AGE: Span = Span(7.0 * 86_400.0);

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let max_age = if args.kafka.kafka { kafka::MAX_AGE } else { MAX_AGE };
    let rules = args.rules.rules(max_age)?;
    let make = || Collect::new(rules.clone());
    let writes = &[Topic::CascadeSeries, Topic::CascadeProperties];
    let max_age = Span(rules.max_age);
    let does = Does { max_age, ..Does::plain("collect", writes) };
    let carrier = &args.transport;
    match args.kafka.daemon(does, carrier, make)? {
        Some(outcome) => Ok(outcome),
        None => carrier.drive_through(make, |lines| lines, tell_counts),
    }
}

/// Says what was dropped: what a limit dropped at once, the rest to those who ask (-v).
fn tell_counts(collect: &Collect) -> Outcome {
    for ((name, label), count) in collect.tally() {
        let dropped = matches!(
            name,
            "orphan_retweets_total" | "duplicate_tweets_total" | "before_root_retweets_total"
        );
        if name == "over_limit_records_total" && count > 0.0 {
            log::warn!("{count} records were dropped at the limits of --max-...");
        } else if dropped && count > 0.0 {
            log::info!("{name} {label}{count}");
        }
    }
    Outcome::Done
}
