//! The input files of a command as a transport, and the loop over it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tweetoscope::input::Refused;
use tweetoscope::record::Kind;
use tweetoscope::stage::Stage;
use tweetoscope::stream::lines::{Input, Lines, Options};
use tweetoscope::stream::{self, Counts, Rejects, Stdout, Transport};

#[cfg(feature = "http")]
use crate::flags::check_file;
use crate::flags::{CarrierArgs, InputArgs, Outcome};
use crate::health::{self, Watch};
use crate::progress;

impl CarrierArgs {
    /// Runs a stage of `make` over the input.
    pub(crate) fn drive<S: Stage>(&self, make: impl Fn() -> S) -> anyhow::Result<Outcome> {
        self.drive_through(make, |lines| lines, |_| Outcome::Done)
    }

    /// The same with a transport that `wrap` makes from the lines; `judge` determines the outcome
    /// from the stage at the end of the input.
    pub(crate) fn drive_through<S: Stage, T: Transport>(
        &self,
        make: impl Fn() -> S,
        wrap: impl FnOnce(Lines<Stdout>) -> T,
        judge: impl FnOnce(&S) -> Outcome,
    ) -> anyhow::Result<Outcome> {
        if self.input.dry_run {
            return self.check();
        }
        let stop = stop_flag()?;
        let lines = self.lines(Stdout::new(), Arc::clone(&stop), true)?;
        self.drive_over(wrap(lines), &stop, make, judge)
    }

    /// The same over an open transport, which `stop` ends.
    pub(crate) fn drive_over<S: Stage>(
        &self,
        mut transport: impl Transport,
        stop: &Arc<AtomicBool>,
        make: impl Fn() -> S,
        judge: impl FnOnce(&S) -> Outcome,
    ) -> anyhow::Result<Outcome> {
        let mut watch = health::watch(&self.shared, stop)?;
        let mut stage = make();
        watched(&mut stage, &mut transport, &mut watch)?;
        Ok(match judge(&stage) {
            Outcome::Done => outcome(&transport),
            judged => judged,
        })
    }

    /// Runs a stage with its output to `to`, with or without a progress bar.
    pub(crate) fn drive_into<S: Stage, W: Write + Send + 'static>(
        &self,
        stage: S,
        to: W,
        stop: &Arc<AtomicBool>,
        watch: &mut Watch,
        bar: bool,
    ) -> anyhow::Result<Outcome> {
        let lines = self.lines(to, Arc::clone(stop), bar)?;
        drive(stage, lines, watch)
    }

    /// Whether the command may wait for the first bytes of stdin before it begins: a service answers before its first
    /// record, and a check reads none.
    pub(crate) fn may_wait(&self) -> bool {
        !self.shared.serves() && !self.input.dry_run
    }

    pub(crate) fn check(&self) -> anyhow::Result<Outcome> {
        self.input.check_outputs()?;
        #[cfg(feature = "http")]
        if let Some(path) = &self.shared.metrics_textfile {
            check_file("--metrics-textfile", path)?;
        }
        for path in self.files.iter().filter(|path| path.as_os_str() != "-") {
            let opened =
                std::fs::File::open(path).and_then(|file| match file.metadata()?.is_dir() {
                    true => Err(std::io::ErrorKind::IsADirectory.into()),
                    false => Ok(file),
                });
            opened.with_context(|| path.display().to_string())?;
        }
        Ok(Outcome::Done)
    }

    pub(crate) fn lines<W: Write + Send + 'static>(
        &self,
        to: W,
        stop: Arc<AtomicBool>,
        bar: bool,
    ) -> anyhow::Result<Lines<W>> {
        let inputs = Input::of(&self.files);
        let bar = bar.then(|| progress::over(&inputs)).flatten();
        let options = Options {
            inputs,
            max_line_bytes: self.input.max_line,
            dead_letter: self.input.dead_letter.clone(),
            stop,
        };
        let mut lines = Lines::open(options, to)?;
        if let Some(bar) = bar {
            lines.on_bytes(bar);
        }
        Ok(lines)
    }
}

/// The outcome of a check of cascades, of which the refused ones are reported.
pub(crate) fn checked(input: &InputArgs, refused: &[Refused]) -> anyhow::Result<Outcome> {
    input.check_outputs()?;
    Ok(ended(&Rejects::with_cascades(None, refused)?))
}

/// The outcome by the refused input, whose total is reported.
pub(crate) fn ended(rejects: &Rejects) -> Outcome {
    rejects.report_total();
    if rejects.count() > 0 { Outcome::Rejected } else { Outcome::Done }
}

/// Runs a stage over a transport, with metrics and health.
pub(crate) fn drive<S: Stage>(
    mut stage: S,
    mut transport: impl Transport,
    watch: &mut Watch,
) -> anyhow::Result<Outcome> {
    watched(&mut stage, &mut transport, watch)?;
    Ok(outcome(&transport))
}

/// Runs a stage; writes the metrics file whether it failed or not.
pub(crate) fn watched<S: Stage>(
    stage: &mut S,
    transport: &mut impl Transport,
    watch: &mut Watch,
) -> anyhow::Result<()> {
    let ended = stream::run(stage, transport, watch);
    watch.finish()?;
    let Counts { read, rejected, .. } = transport.counts();
    // An input that cannot be read to its end is counted as refused, and is no record.
    let accepted = read.saturating_sub(rejected);
    if ended? == 0 && accepted > 0 {
        log::warn!("{}", nothing_to_read(S::TAKES, accepted));
    }
    Ok(())
}

/// The warning that no record of the input was of a kind that the stage takes.
fn nothing_to_read(takes: &[Kind], records: u64) -> String {
    let makers = [
        (Kind::Tweet, "generate"),
        (Kind::Serie, "collect"),
        (Kind::Parameters, "fit"),
        (Kind::Sample, "predict"),
        (Kind::Stat, "predict"),
    ];
    let maker = makers.iter().find(|(kind, _)| takes.contains(kind));
    let hint = maker.map_or(String::new(), |(_, command)| format!("; run {command} first"));
    let kinds: Vec<&str> = takes.iter().map(|kind| kind.name()).collect();
    format!(
        "none of the {records} records is of a type that is read here ({}){hint}",
        kinds.join(", ")
    )
}

pub(crate) fn outcome(transport: &impl Transport) -> Outcome {
    if transport.counts().rejected > 0 { Outcome::Rejected } else { Outcome::Done }
}

/// Set by SIGINT and SIGTERM, and by SIGHUP unless it is ignored, as under nohup; the second one ends the
/// process at once.
pub(crate) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
    for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .context("cannot install the handlers of SIGINT, SIGTERM and SIGHUP")?;
    }
    Ok(stop)
}

/// Whether the parent has had a signal ignored, where the system reports it.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}
