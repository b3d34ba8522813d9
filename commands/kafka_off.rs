//! The place of `kafka` in a build without the Cargo feature of that name: no flags, no topics.

use std::convert::Infallible;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tweetoscope::event::{Event, ModelVersion, Span};
use tweetoscope::record::{Kind, Record, Refusal};
use tweetoscope::stage::{Outgoing, Stage};
use tweetoscope::stream::{Counts, Step, Transport};

use crate::flags::{CarrierArgs, InputArgs, Outcome};

/// No flags.
#[derive(clap::Args, Clone)]
pub(crate) struct KafkaArgs {}

/// The topics that commands name.
pub(crate) enum Topic {
    Alerts,
    CascadeProperties,
    CascadeSeries,
    Models,
    Samples,
    Stats,
    Tweets,
}

/// The uses of models that commands name.
pub(crate) enum ModelsTopic {
    None,
    Follow,
    Publish,
}

/// What a command would do on Kafka.
pub(crate) struct Role {
    pub(crate) models: ModelsTopic,
    pub(crate) largest_model: Option<usize>,
    pub(crate) pin: Vec<ModelVersion>,
    pub(crate) max_age: Span,
}

/// The default of --max-age of a daemon.
pub(crate) const MAX_AGE: Span = Span(86_400.0);

impl Role {
    pub(crate) fn plain(_: &'static str, _: &'static [Topic]) -> Self {
        Self { models: ModelsTopic::None, largest_model: None, pin: Vec::new(), max_age: MAX_AGE }
    }
}

impl KafkaArgs {
    pub(crate) fn daemon<S: Stage>(
        &self,
        _: Role,
        _: &CarrierArgs,
        _: impl Fn() -> S,
    ) -> anyhow::Result<Option<Outcome>> {
        Ok(None)
    }

    pub(crate) fn no_folder(&self, _: Option<&Path>) -> anyhow::Result<()> {
        Ok(())
    }

    pub(crate) fn after_stop(&self, outcome: Outcome, _: &AtomicBool) -> Outcome {
        outcome
    }

    pub(crate) fn is_on(&self) -> bool {
        false
    }

    pub(crate) fn bridge(
        &self,
        _: &'static str,
        _: &[Kind],
        _: &CarrierArgs,
    ) -> anyhow::Result<Option<(Bridge<io::Stdout>, Arc<AtomicBool>)>> {
        Ok(None)
    }

    pub(crate) fn bridge_to<W: io::Write>(
        &self,
        _: W,
        _: &'static str,
        _: &[Kind],
        _: &CarrierArgs,
        _: &Arc<AtomicBool>,
    ) -> anyhow::Result<Option<Bridge<W>>> {
        Ok(None)
    }

    pub(crate) fn sink(&self, _: Role, _: &InputArgs, _: bool) -> anyhow::Result<Option<Sink>> {
        Ok(None)
    }
}

/// The exit status of an error of the Kafka client; none in a build without Kafka.
pub(crate) fn status(_: &io::Error) -> Option<u8> {
    None
}

/// A transport that cannot exist.
pub(crate) struct Bridge<W>(Infallible, PhantomData<W>);

impl<W: io::Write> Transport for Bridge<W> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        match self.0 {}
    }

    fn write(&mut self, _: Vec<Outgoing>) -> io::Result<()> {
        match self.0 {}
    }

    fn reject(&mut self, _: u64, _: &[u8], _: &Refusal) -> io::Result<()> {
        match self.0 {}
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.0 {}
    }

    fn counts(&self) -> Counts {
        match self.0 {}
    }
}

/// A writer that cannot exist.
pub(crate) struct Sink(Infallible);

impl Sink {
    pub(crate) fn event(&mut self, _: &Event<'_>) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn record(&mut self, _: &Record) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn is_skipping(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn pause(&mut self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self.0 {}
    }
}
