//! How far the sources are in the time of their records, for those who watch a stage.

use std::collections::BTreeMap;

use super::{Body, RecordRef, Tally};
use crate::record::Record;

/// The newest time of each source.
#[derive(Default)]
pub(super) struct Clocks(BTreeMap<Box<str>, f64>);

impl Clocks {
    /// Notes the times of records as they come.
    pub(super) fn see(&mut self, batch: &[RecordRef<'_>]) {
        /// Sources come from strangers: later ones are not watched.
        const MOST: usize = 10_000;
        for record in batch {
            let (source, time) = match &record.body {
                Body::Event(event) => (&*event.source, event.time.seconds()),
                Body::Record(body) => match event_time(body) {
                    Some(known) => known,
                    None => continue,
                },
                Body::Foreign(_) => continue,
            };
            if let Some(clock) = self.0.get_mut(source) {
                *clock = clock.max(time);
            } else if self.0.len() < MOST {
                self.0.insert(source.into(), time);
            }
        }
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
