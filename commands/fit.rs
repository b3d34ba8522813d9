//! `tweetoscope fit`.

mod kernel;

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use tweetoscope::event::Span;
use tweetoscope::hawkes::Estimator;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::input::Content;
use tweetoscope::record::{Parameters, Record};
use tweetoscope::stage::Outgoing;
use tweetoscope::stage::collect::check_windows;
use tweetoscope::stage::fit::{Cut, Fit, FitOptions};
use tweetoscope::stream::{self, Finished, Rejects, Stdout};
use tweetoscope::telemetry::Timed;

use self::kernel::KernelFlags;
use crate::flags::{
    CarrierArgs, Outcome, Usage, check_file, threads, utc_offset, warn_of_ignored, whole_seconds,
};
use crate::kafka::{KafkaArgs, Role, Topic};
use crate::rows::{self, Table};
use crate::source::SourceFlags;
use crate::transport::stop_flag;

/// Fit a marked Hawkes process to the observed events of each cascade
///
/// Emits one parameters record for each serie record: infectiousness p and decay beta, the expected
/// number of further events, SEISMIC's estimate of the final size, and the features of the models.
/// A weak fit is emitted too; its status is too_few, supercritical, at_bound or not_converged
/// instead of ok.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) flags: FitFlags,
    /// Fit recorded cascades once for each of these times after the first event, such as 10m,1h; a number alone is in seconds
    #[arg(long, value_name = "DURATIONS", value_delimiter = ',', conflicts_with = "until")]
    windows: Vec<Span>,
    /// Fit recorded cascades up to this time after the first event (default: up to the last event)
    #[arg(long, value_name = "DURATION")]
    until: Option<Span>,
    /// Write CSV with a header instead of records
    #[arg(long)]
    #[cfg_attr(feature = "kafka", arg(conflicts_with = "kafka"))]
    csv: bool,
    /// Write the rows of --csv to this file instead of stdout; where an earlier run was interrupted, keep its
    /// complete rows and continue after them
    #[arg(long, value_name = "FILE", requires = "csv", conflicts_with = "joint")]
    resume: Option<PathBuf>,
    /// Write the columns of --csv to this Parquet file, and no records
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    #[cfg_attr(feature = "kafka", arg(conflicts_with = "kafka"))]
    parquet: Option<PathBuf>,
    #[command(flatten)]
    kernel: KernelFlags,
    #[command(flatten)]
    source: SourceFlags,
    #[command(flatten)]
    pub(crate) transport: CarrierArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Estimator and marks.
#[derive(clap::Args, Clone)]
pub(crate) struct FitFlags {
    /// Estimate the parameters by maximum a posteriori (map) or maximum likelihood (mle); seismic
    /// predicts by SEISMIC instead
    #[arg(long, value_name = "map|mle|seismic", default_value = "map")]
    pub(crate) estimator: Estimator,
    /// Distribution of the marks: data (that of the cascade), mean:X, pareto:ALPHA,MINIMUM such as
    /// pareto:2.4,10, or file:HISTORY, which is mean:X with the mean mark of a history file
    ///
    /// Of a history file only the mean of the marks of its events, without those of the roots, is used. Where a
    /// distribution is needed, mean:X and file:HISTORY stand for a power law of exponent 2.4 with this mean.
    #[arg(long, value_name = "LAW", default_value = "data")]
    pub(crate) marks: String,
    /// Offset of the local time from UTC in hours: of times in tables that name none, and for features
    /// of the time of day
    #[arg(long, value_name = "HOURS", default_value_t = 0.0, allow_negative_numbers = true, value_parser = utc_offset)]
    pub(crate) utc_offset: f64,
    /// Number of threads (default: number of cores); the output does not depend on it
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

impl FitFlags {
    /// The options of the stage; reads the history file of --marks.
    pub(crate) fn options(&self, history: Cut, features: bool) -> anyhow::Result<FitOptions> {
        let marks = match self.marks.strip_prefix("file:") {
            Some(path) => mean_of(Path::new(path))?,
            None => self.marks.parse().map_err(|error| Usage(format!("--marks: {error}")))?,
        };
        Ok(FitOptions {
            estimator: self.estimator,
            marks,
            threads: threads(self.threads),
            utc_offset: self.utc_offset * 3600.0,
            skip: 0,
            history,
            features,
            kernels: None,
        })
    }
}

/// The mean mark of the events of a history file, without those of the roots.
fn mean_of(path: &Path) -> anyhow::Result<MarkLaw> {
    let (mut sum, mut count) = (0.0, 0.0);
    let mut refused = 0_u64;
    if path.as_os_str().is_empty() {
        return Err(
            Usage("--marks file: has no path; give file:HISTORY or mean:X".to_owned()).into()
        );
    }
    let lines = tweetoscope::input::read_history(path);
    for line in lines.context("--marks")? {
        match line {
            Ok(cascade) => {
                sum += cascade.points.iter().skip(1).map(|point| point.magnitude).sum::<f64>();
                count += cascade.points.len().saturating_sub(1) as f64;
            }
            Err(_) => refused += 1,
        }
    }
    if refused > 0 {
        log::warn!("--marks: {refused} lines of {} were refused and skipped", path.display());
    }
    if sum > 0.0 {
        Ok(MarkLaw::Mean(sum / count))
    } else {
        Err(Usage(format!(
            "--marks: {} contains no mark above 0; give mean:X instead",
            path.display()
        ))
        .into())
    }
}

/// The columns of the table.
const COLUMNS: &str =
    "cid,T_obs,n_obs,p,beta,n_star,G1,n_supp,log_likelihood,status,se_p,se_beta,ks,ks_p";

/// A row of the table.
fn row(it: &Parameters) -> io::Result<Vec<u8>> {
    let Parameters { t_obs, n_obs, params: [p, beta], n_star, g1, n_supp, .. } = it;
    let mut fields = vec![it.cid.clone(), t_obs.to_string(), n_obs.to_string()];
    fields.extend([p, beta, n_star, g1, n_supp, &it.log_likelihood].map(f64::to_string));
    fields.push(it.status.clone());
    for pair in [it.standard_errors, it.ks] {
        fields.extend(pair.map_or([None, None], |pair| pair.map(Some)).map(rows::number));
    }
    if let Some(kernel) = &it.kernel_fit {
        fields.extend(kernel::fields(kernel));
    }
    rows::row(fields)
}

/// Logs that data have no marks.
pub(crate) fn warn_of_marks(fit: &Fit) {
    let all = format!("{} series", fit.fitted());
    warn_of_marks_in(fit.zero_marks(), &all, fit.lacks_magnitudes(), fit.marks());
}

/// Logs that all marks of `zero` of `all` are 0, or that all marks of all are 1, and what is assumed of later ones.
pub(crate) fn warn_of_marks_in(zero: u64, all: &str, are_one: bool, law: &MarkLaw) {
    if zero > 0 {
        log::warn!(
            "all marks of {zero} of {all} are 0: fitted as data without marks, every mark 1; \
             give the numbers of followers in m, or nothing"
        );
    } else if are_one {
        let mean = law.mean_mark(&[]);
        match law {
            MarkLaw::Data => log::warn!("all marks are 1: fitted as data without marks, E[m] = 1"),
            MarkLaw::Pareto { .. } | MarkLaw::Mean(_) => log::warn!(
                "all marks are 1, but --marks gives later marks a mean of {mean}: n_star and the final size are those \
                 of this mean; for data without marks leave out --marks"
            ),
        }
    }
}

/// Logs cascades that were observed for less than their window.
fn warn_of_short(fit: &Fit) {
    let histories = fit.short().histories();
    for (window, count) in fit.short().windows() {
        let window = Span(*window as f64);
        log::warn!(
            "{count} of {histories} cascades were observed for less than {window}, up to the end of the \
             recording: fitted as if no event followed; use a shorter --windows or --until, or predict --now"
        );
    }
}

/// Logs cascades whose times were spread for a kernel.
fn warn_of_spread(fit: &Fit) {
    let spread = fit.spread();
    if spread > 0 {
        log::warn!(
            "--kernel: {spread} cascades have several events in a whole second: their times were spread within the \
             second, or within the minute where all are whole minutes; give times with fractions to avoid it"
        );
    }
}

/// Reports the rows of a table that --resume keeps.
fn report_resumed(path: &Path, skip: u64) {
    if skip > 0 {
        let kept = skip + 1;
        let path = path.display();
        stream::report(&format!("{path}: {kept} rows are kept, the last one is compared"));
    }
}

/// Logs options of cascades, which have no effect for this reason.
fn warn_of_series(why: &str) {
    warn_of_ignored(&["windows", "until", "seconds_per_unit", "missing_root"], why);
}

impl Args {
    /// Up to where cascades are fitted.
    fn cut(&self) -> anyhow::Result<Cut> {
        if self.windows.is_empty() {
            return Ok(Cut::Until(self.until.map(|span| span.0)));
        }
        let windows = whole_seconds(&self.windows)?;
        check_windows(&windows).map_err(|why| Usage(format!("--windows: {why}")))?;
        Ok(Cut::Windows(windows))
    }

    /// The content of the input.
    fn content(&self) -> anyhow::Result<Content> {
        self.source.content(&self.transport.files, self.transport.may_wait())
    }

    /// Logs options of cascades where the input is series.
    fn warn_of_series(&self, fit: &Fit) {
        if fit.fitted() > 0 && fit.short().histories() == 0 {
            warn_of_series(
                "the input is serie records, as collect writes them, which have their window; give recorded cascades with \
                 --history FILE, or remove these options",
            );
        }
    }

    /// The cascades of the input, until the flag is set, which a signal does. While the files are read, a signal ends
    /// the process.
    fn finished(&self) -> anyhow::Result<(Finished<Stdout>, Arc<AtomicBool>)> {
        let mut early = Vec::new();
        let (files, utc_offset) = (&self.transport.files, self.flags.utc_offset);
        let cascades = self.source.open(files, utc_offset, &mut |it| early.push(it))?;
        let rejects = Rejects::with_cascades(self.transport.input.dead_letter.as_deref(), &early)?;
        let unit = self.source.unit(&*cascades);
        let stop = stop_flag()?;
        let finished = Finished::new(cascades, unit, Stdout::new(), rejects, Arc::clone(&stop));
        Ok((finished, stop))
    }
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    let cut = args.cut()?;
    args.kernel.check_service(args.kafka.is_on())?;
    let is_table = args.csv || args.parquet.is_some();
    let mut options = args.flags.options(cut, !is_table)?;
    options.kernels = args.kernel.options(&options.marks)?;
    let added = if options.kernels.is_some() { kernel::COLUMNS } else { "" };
    let header = format!("{COLUMNS}{added}");
    let make = || Timed::new(Fit::new(options.clone()));
    let is_series = Cell::new(false);
    let judge = |timed: &Timed<Fit>| {
        if is_series.get() {
            args.warn_of_series(timed.stage());
        }
        warn_of_marks(timed.stage());
        warn_of_short(timed.stage());
        warn_of_spread(timed.stage());
        args.kernel.report(timed.stage().winners());
        Outcome::Done
    };
    if args.kafka.is_on() {
        warn_of_series(
            "topics hold serie records, as collect writes them, which have their window; remove these options",
        );
    }
    if !is_table {
        let role = Role::plain("fit", &[Topic::CascadeProperties]);
        if let Some(outcome) = args.kafka.daemon(role, &args.transport, make)? {
            return Ok(outcome);
        }
    }
    let content = args.content()?;
    is_series.set(content == Content::Records);
    // Whether cascades are read in a form other than lines of records or histories in seconds.
    let recorded = match content {
        Content::Records => false,
        Content::Histories => args.source.seconds_per_unit.is_some(),
        Content::Cascades | Content::Stream(_) => true,
    };
    if args.transport.input.dry_run {
        args.resume.as_deref().map_or(Ok(()), |path| check_file("--resume", path))?;
        if recorded {
            Table::requested(false, args.parquet.as_deref(), header, &args.transport)?;
            return args.transport.check();
        }
    }
    let table = match &args.resume {
        Some(path) if !args.transport.input.dry_run => {
            let (table, skip) = Table::resumed(path, header)?;
            report_resumed(path, skip);
            options.skip = skip;
            Some(table)
        }
        _ => Table::requested(args.csv, args.parquet.as_deref(), header, &args.transport)?,
    };
    let make = || Timed::new(Fit::new(options.clone()));
    let Some(table) = table else {
        return match recorded {
            true => {
                let (finished, stop) = args.finished()?;
                args.transport.drive_over(finished, &stop, make, judge)
            }
            false => args.transport.drive_through(make, |lines| lines, judge),
        };
    };
    let fields = |item: &Outgoing| match item {
        Outgoing::Record(Record::Parameters(it)) => row(it).map(Some),
        _ => Ok(None),
    };
    let outcome = if recorded {
        let (finished, stop) = args.finished()?;
        let transport = table.over(finished, fields);
        args.transport.drive_over(transport, &stop, make, judge)
    } else {
        args.transport.drive_through(make, |lines| table.over(lines, fields), judge)
    };
    table.close(outcome)
}
