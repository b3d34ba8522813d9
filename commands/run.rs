//! `tweetoscope run`.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::ArgPredicate;
use tweetoscope::event::Span;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::record::Record;
use tweetoscope::replay::{Fed, Replay};
use tweetoscope::stage::fit::Cut;
use tweetoscope::stage::system::{Settings, System};
use tweetoscope::stage::{Body, Ending, Out, Outgoing, RecordRef, Stage, Tally};
use tweetoscope::stream::lines::Writer;
use tweetoscope::stream::models::{Folder, Use, WithModels};
use tweetoscope::stream::{Counts, Observer, Rejects};

use crate::collect::RulesArgs;
use crate::evaluate::{FoldsArgs, WINDOWS};
use crate::fit::MethodArgs;
use crate::generate::{CascadesArgs, reject};
use crate::health::{self, Watch};
use crate::predict::MannerArgs;
use crate::train::TeachingArgs;
use crate::transport::stop_flag;
use crate::{Outcome, evaluate, monitor, transport};

/// Run the whole system in one process
///
/// Replays or simulates cascades as generate does, or reads tweets from files or stdin; collects,
/// fits, predicts and learns; writes alerts and stats, and ends with a table on stderr: for each
/// window the cascades scored, our error, and our skill against predicting no growth, a constant
/// multiple and a log-linear law. With --folds it evaluates itself, and other methods beside it, on past cascades.
#[derive(clap::Args)]
#[command(mut_arg("windows", |it| it.default_value_if("folds", ArgPredicate::IsPresent, WINDOWS)))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) cascades: CascadesArgs,
    #[command(flatten)]
    pub(crate) rules: RulesArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) manner: MannerArgs,
    #[command(flatten)]
    pub(crate) teaching: TeachingArgs,
    /// Start with the models of this folder, and keep those that are learned there
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Learn nothing
    #[arg(long)]
    no_learn: bool,
    #[command(flatten)]
    pub(crate) folds: FoldsArgs,
    #[command(flatten)]
    pub(crate) transport: transport::CarrierArgs,
}

impl Args {
    fn settings(&self, hold: usize) -> anyhow::Result<Settings> {
        const MAX_AGE: Span = Span(7.0 * 86_400.0);
        let method = self.method.method(Cut::Until(None), true)?;
        let teaching = self.teaching.teaching(self.cascades.seed, method.threads)?;
        Ok(Settings {
            rules: self.rules.rules(MAX_AGE)?,
            method,
            manner: self.manner.manner()?,
            teaching: (!self.no_learn).then_some(teaching),
            hold,
        })
    }

    fn folder(&self) -> Option<Folder> {
        self.models.as_ref().map(|path| Folder::new(path, self.manner.pin.clone()))
    }
}

/// Alerts and stats are told; models are kept in the folder, if there is one.
fn told(item: &Outgoing) -> bool {
    !matches!(item, Outgoing::Record(Record::Model(_)))
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<Outcome> {
    match args.folds.folds {
        Some(folds) => evaluate::run(&args, folds),
        None if args.cascades.any() => replay(&args),
        None => stream(&args),
    }
}

/// Tweets from files or stdin.
fn stream(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.settings(0)?;
    let make = || System::new(settings.clone());
    let judge = |system: &System| {
        tell(system);
        Outcome::Done
    };
    match args.folder() {
        Some(folder) => {
            let wrap = |lines| WithModels::new(lines, folder, Use::Store);
            args.transport.drive_through(make, wrap, judge)
        }
        None => {
            let only_told = |item| told(&item).then_some(item);
            let wrap = |lines| tweetoscope::stream::Mapped::new(lines, only_told);
            args.transport.drive_through(make, wrap, judge)
        }
    }
}

/// Where the records of a replay go.
struct Sink {
    system: System,
    to: Writer<io::Stdout>,
    folder: Option<Folder>,
    rejects: Rejects,
    out: Out,
    read: u64,
}

impl Sink {
    fn counts(&self) -> Counts {
        Counts { read: self.read, written: self.to.written(), rejected: self.rejects.count() }
    }

    fn tally(&self) -> Tally {
        let mut tally = self.system.tally();
        tally.extend(self.rejects.tally());
        tally
    }

    /// Replays all of it, and tells the observer at times.
    fn replay(
        &mut self,
        mut replay: Replay,
        stop: &AtomicBool,
        watch: &mut Watch,
    ) -> io::Result<()> {
        while !stop.load(Ordering::Relaxed)
            && let Some(fed) = replay.next()
        {
            self.read += 1;
            watch.record(self.counts(), &|| self.tally());
            self.fed(fed)?;
        }
        let ending = if replay.summary().cut { Ending::Cut } else { Ending::Complete };
        self.system.on_end(ending, &mut self.out);
        self.write()?;
        self.to.flush()
    }

    fn take(&mut self, record: RecordRef<'_>) -> io::Result<()> {
        self.system.on_batch(&[record], &mut self.out);
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        for item in self.out.take() {
            match (&item, &self.folder) {
                (Outgoing::Record(Record::Model(model)), Some(folder)) => folder.store(model)?,
                _ if told(&item) => self.to.outgoing(&item)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn fed(&mut self, fed: Fed<'_>) -> io::Result<()> {
        match fed {
            Fed::Event { event, .. } => {
                self.take(RecordRef { position: 0, body: Body::Event(event) })
            }
            Fed::Watermark(it) => self.take(RecordRef::beside(Record::Watermark(it))),
            Fed::Refused(refused) => reject(&mut self.rejects, &refused),
        }
    }
}

/// Cascades replayed or simulated.
fn replay(args: &Args) -> anyhow::Result<Outcome> {
    const TOGETHER: usize = 64;
    let settings = args.settings(TOGETHER)?;
    // One --marks for both: a simulation needs a whole law, the fit its mean.
    let marks = match settings.method.marks {
        MarkLaw::Data => MarkLaw::USUAL,
        law => law,
    };
    let mut early = Vec::new();
    let replay = args.cascades.open(marks, None, &mut |refused| early.push(refused))?;
    if args.transport.input.dry_run {
        return Ok(Outcome::Done);
    }
    let mut sink = Sink {
        system: System::new(settings),
        to: Writer::new(io::stdout()),
        folder: args.folder(),
        rejects: Rejects::new(args.transport.input.dead_letter.as_deref())?,
        out: Out::default(),
        read: 0,
    };
    early.iter().try_for_each(|refused| reject(&mut sink.rejects, refused))?;
    if let Some(folder) = &mut sink.folder {
        for model in folder.changes()? {
            sink.take(RecordRef::beside(model))?;
        }
    }
    let stop = stop_flag()?;
    let mut watch = health::watch(&args.transport.shared, &stop)?;
    watch.begin();
    let done = sink.replay(replay, &stop, &mut watch);
    watch.end(sink.counts(), &|| sink.tally());
    watch.finish()?;
    done?;
    sink.rejects.tell();
    tell(&sink.system);
    Ok(if sink.rejects.count() > 0 { Outcome::Rejected } else { Outcome::Done })
}

fn tell(system: &System) {
    if system.saw_no_magnitudes() {
        log::warn!("all magnitudes are 1: taken as data without magnitudes, E[m] = 1");
    }
    monitor::tell(system.monitor());
}
