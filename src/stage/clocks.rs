//! How far the sources are in the time of their records, for those who watch a stage.

use std::collections::HashMap;

use super::{Body, RecordRef, Tally};
use crate::record::Record;

/// Sources that are watched; they come from strangers.
const SOURCES: usize = 100_000;
/// The longest name of one, in bytes.
const NAME: usize = 1_000;

/// The latest time that each source spoke of. Looked up, never walked in an order that counts.
#[derive(Debug, Default)]
pub(super) struct Clocks(HashMap<String, f64>);

impl Clocks {
    /// Notes the times of records as they come.
    pub(super) fn see(&mut self, batch: &[RecordRef<'_>]) {
        for record in batch {
            let known = match &record.body {
                Body::Event(event) => Some((&*event.source, event.time.seconds())),
                Body::Record(body) => event_time(body),
                Body::Foreign(_) => None,
            };
            if let Some((source, time)) = known {
                self.advance(source, time);
            }
        }
    }

    /// Notes a time of a source.
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

    /// The clock of a source, if it is watched.
    pub(super) fn of(&self, source: &str) -> Option<f64> {
        self.0.get(source).copied()
    }

    /// Enters the lowest and the highest clock.
    pub(super) fn tell(&self, tally: &mut Tally) {
        tell(self.0.values().copied(), tally);
    }
}

/// Enters the lowest and the highest of some clocks.
pub(super) fn tell(clocks: impl Iterator<Item = f64>, tally: &mut Tally) {
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

/// The source of a record, and the time there when it was written.
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
        RecordRef::beside(Record::Size(Size { cid, source, t, t_obs: 60, n_tot: 1, t_end: t }))
    }

    #[test]
    fn the_lowest_and_the_highest_clock_are_told() {
        let (mut clocks, mut tally) = (Clocks::default(), Tally::new());
        clocks.tell(&mut tally);
        assert!(tally.is_empty());
        clocks.see(&[size("a", 5.0), size("b", 100.0), size("a", 20.0), size("a", 10.0)]);
        clocks.tell(&mut tally);
        let told: Vec<(&str, f64)> = tally.iter().map(|((_, it), t)| (&**it, *t)).collect();
        assert_eq!(told, [("highest", 100.0), ("lowest", 20.0)]);
    }
}
