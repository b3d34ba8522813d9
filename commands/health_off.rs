//! The place of `health` in a build without the Cargo feature `http`: nothing is served or written.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tweetoscope::stage::Tally;
use tweetoscope::stream::{Counts, Observer};

use crate::flags::Shared;

/// An observer that ignores everything.
pub(crate) struct Watch;

pub(crate) fn watch(_: &Shared, _: &Arc<AtomicBool>) -> anyhow::Result<Watch> {
    Ok(Watch)
}

impl Watch {
    pub(crate) fn idle(&mut self) {}

    pub(crate) fn record(&mut self, _: Counts, _: &dyn Fn() -> Tally) {}

    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Observer for Watch {
    fn batch(&mut self, _: Counts, _: &dyn Fn() -> Tally) {}
}
