//! The event-time clocks of the sources, for the metrics of a stage.

use std::collections::HashMap;

use super::{RecordRef, Tally};
use crate::record::{Item, Record};

/// Largest number of tracked sources: names are untrusted.
const SOURCES: usize = 100_000;
/// Longest name of a tracked source, in bytes.
const NAME: usize = 1_000;

/// The latest event time of each source. Output does not depend on the order of iteration.
#[derive(Debug, Default)]
pub(super) struct Clocks(HashMap<String, f64>);

impl Clocks {
    /// Advances the clocks by the times of records.
    pub(super) fn observe(&mut self, batch: &[RecordRef<'_>]) {
        for record in batch {
            let time = match &record.item {
                Item::Event(event) => Some((&*event.source, event.time.seconds())),
                Item::Record(body) => event_time(body),
                Item::Foreign(_) => None,
            };
            if let Some((source, time)) = time {
                self.advance(source, time);
            }
        }
    }

    /// Advances the clock of a source.
    pub(super) fn advance(&mut self, source: &str, time: f64) {
        let room = self.0.len() < SOURCES && source.len() <= NAME;
        match self.0.get_mut(source) {
            Some(clock) => *clock = clock.max(time),
            None if room => {
                self.0.insert(source.to_owned(), time);
            }
            None => {}
        }
    }

    /// The clock of a source, if it is tracked.
    pub(super) fn of(&self, source: &str) -> Option<f64> {
        self.0.get(source).copied()
    }

    /// Adds the lowest and the highest clock to a tally.
    pub(super) fn add_to(&self, tally: &mut Tally) {
        add_to(self.0.values().copied(), tally);
    }
}

/// Adds the lowest and the highest of some clocks to a tally.
pub(super) fn add_to(clocks: impl Iterator<Item = f64>, tally: &mut Tally) {
    const NAME: &str = "event_time_watermark_seconds";
    let range = clocks.filter(|clock| clock.is_finite()).fold(None, |range, clock| {
        let (low, high): (f64, f64) = range.unwrap_or((clock, clock));
        Some((low.min(clock), high.max(clock)))
    });
    if let Some((low, high)) = range {
        tally.insert((NAME, "lowest".to_owned()), low);
        tally.insert((NAME, "highest".to_owned()), high);
    }
}

/// The source of a record, and its event time.
fn event_time(record: &Record) -> Option<(&str, f64)> {
    match record {
        Record::Watermark(it) => Some((&it.source, it.t)),
        Record::Serie(it) => Some((&it.source, it.t)),
        Record::Size(it) => Some((&it.source, it.t)),
        Record::Parameters(it) => Some((&it.source, it.t)),
        Record::Alert(it) => Some((&it.source, it.t)),
        Record::Sample(it) => Some((&it.source, it.t)),
        Record::Stat(it) => Some((&it.source, it.t)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Size;

    fn size(source: &str, t: f64) -> RecordRef<'static> {
        let (cid, source) = ("1".to_owned(), source.to_owned());
        RecordRef::without_position(Record::Size(Size {
            cid,
            source,
            t,
            t_obs: 60,
            n_tot: 1,
            t_end: t,
        }))
    }

    #[test]
    fn the_tally_holds_the_lowest_and_the_highest_clock() {
        let (mut clocks, mut tally) = (Clocks::default(), Tally::new());
        clocks.add_to(&mut tally);
        assert!(tally.is_empty());
        clocks.observe(&[size("a", 5.0), size("b", 100.0), size("a", 20.0), size("a", 10.0)]);
        clocks.add_to(&mut tally);
        let entries: Vec<(&str, f64)> = tally.iter().map(|((_, it), t)| (&**it, *t)).collect();
        assert_eq!(entries, [("highest", 100.0), ("lowest", 20.0)]);
    }
}
