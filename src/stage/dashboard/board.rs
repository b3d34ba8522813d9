//! The board: the kept cascades, and their eviction.

use std::collections::{BTreeMap, HashMap};

use super::cascade::{Cascade, Key};
use crate::event::Event;
use crate::record::{Alert, Item, Kind, Record, Serie};
use crate::stage::clocks::Clocks;
use crate::stage::{RecordRef, Tally};

/// Default number of cascades that are kept.
pub const MAX_CASCADES: usize = 10_000;
/// Longest name of a source or cascade, in bytes; records of longer names are dropped.
const NAME: usize = 1_000;

/// The kept cascades.
pub struct Dashboard {
    max_cascades: usize,
    pub(super) cascades: BTreeMap<Key, Cascade>,
    pub(super) clocks: Clocks,
    /// The ranks at the last call of [`Dashboard::save_ranks`], of the cascades that are open and of
    /// all; `None` before the first.
    pub(super) saved_ranks: Option<[HashMap<Key, usize>; 2]>,
    alerts: u64,
    /// Records that were dropped because of a long name.
    long_names: u64,
    /// Cascades with a prediction that were evicted.
    evicted: u64,
    version: u64,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self::new(MAX_CASCADES)
    }
}

impl Dashboard {
    /// The kinds that it takes.
    pub const TAKES: &'static [Kind] = &[
        Kind::Tweet,
        Kind::Retweet,
        Kind::Watermark,
        Kind::Serie,
        Kind::Size,
        Kind::Alert,
        Kind::Stat,
    ];

    /// A board without cascades, which keeps `max_cascades` of them, and a quarter more between
    /// evictions.
    pub fn new(max_cascades: usize) -> Self {
        Self {
            max_cascades: max_cascades.max(1),
            cascades: BTreeMap::new(),
            clocks: Clocks::default(),
            saved_ranks: None,
            alerts: 0,
            long_names: 0,
            evicted: 0,
            version: 0,
        }
    }

    /// Takes the next records.
    pub fn take(&mut self, batch: &[RecordRef<'_>]) {
        for record in batch {
            match &record.item {
                Item::Event(event) => self.event(event),
                Item::Record(record) => match &**record {
                    Record::Event(event) => self.event(event),
                    Record::Watermark(it) => self.clock(&it.source, it.t),
                    Record::Serie(serie) => self.serie(serie),
                    Record::Size(it) => self.size(&it.source, &it.cid, it.t, it.n_tot),
                    // The output of `predict` and `run` has no sizes. The original's stats have no final size.
                    Record::Stat(it) if it.n_tot > 0 => {
                        self.size(&it.source, &it.cid, it.t, it.n_tot);
                    }
                    Record::Alert(alert) => self.alert(alert),
                    _ => {}
                },
                Item::Foreign(_) => {}
            }
        }
    }

    /// A number that changes whenever something to show changes.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Alerts taken so far.
    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    /// Records that were dropped, because the name of their source or cascade is longer than 1,000 bytes.
    pub fn long_names(&self) -> u64 {
        self.long_names
    }

    /// Cascades with a prediction that were evicted.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Cascades that have a prediction.
    pub fn predicted(&self) -> usize {
        self.cascades.values().filter(|it| it.alert.is_some()).count()
    }

    /// Cascades that have a prediction and are over.
    pub fn ended(&self) -> usize {
        self.cascades.values().filter(|it| it.alert.is_some() && it.end.is_some()).count()
    }

    /// The counts, and the clocks of the sources.
    pub fn tally(&self) -> Tally {
        let plain = |name| (name, String::new());
        let mut tally = Tally::from([
            (plain("alerts_shown_total"), self.alerts() as f64),
            (plain("cascades_shown"), self.predicted() as f64),
        ]);
        self.clocks.add_to(&mut tally);
        tally
    }

    /// Saves the ranks, to which later rows are compared.
    pub fn save_ranks(&mut self) {
        self.saved_ranks = Some([false, true].map(|ended| self.ranks(ended)));
        self.version += 1;
    }

    fn clock(&mut self, source: &str, t: f64) {
        self.clocks.advance(source, t);
        self.version += 1;
    }

    fn event(&mut self, event: &Event<'_>) {
        let t = event.time.seconds();
        self.clock(&event.source, t);
        if !self.has_short_names(&event.source, &event.cid) {
            return;
        }
        let key = Key { source: event.source.clone().into(), cid: event.cid.clone().into() };
        // A tweet after the end of its cascade begins a new one: the id is used again. A tweet before
        // the end is the root, which arrives late because topics are read in parallel.
        let is_new = |it: &Cascade| it.end.is_some_and(|end| event.root && t >= end.t);
        if self.cascades.get(&key).is_none_or(is_new) {
            self.cascades.insert(key.clone(), Cascade::default());
            self.evict();
        }
        let Some(cascade) = self.cascades.get_mut(&key) else { return };
        match event.root {
            true => cascade.begin(t, &event.msg.text(), self.version),
            false => cascade.grow(t, self.version),
        }
    }

    fn serie(&mut self, serie: &Serie) {
        self.clock(&serie.source, serie.t);
        let version = self.version;
        if let Some(cascade) = self.cascade(&serie.source, &serie.cid) {
            cascade.observe(serie, version);
        }
        self.evict();
    }

    fn size(&mut self, source: &str, cid: &str, t: f64, n_tot: u64) {
        self.clock(source, t);
        let version = self.version;
        if let Some(cascade) = self.cascade(source, cid) {
            cascade.finish(t, n_tot, version);
        }
        self.evict();
    }

    fn alert(&mut self, alert: &Alert) {
        self.clock(&alert.source, alert.t);
        self.alerts += 1;
        let version = self.version;
        if let Some(cascade) = self.cascade(&alert.source, &alert.cid) {
            cascade.predict(alert, version);
        }
        self.evict();
    }

    fn cascade(&mut self, source: &str, cid: &str) -> Option<&mut Cascade> {
        let key = Key { source: source.to_owned(), cid: cid.to_owned() };
        self.has_short_names(source, cid).then(|| self.cascades.entry(key).or_default())
    }

    /// Whether the names are short enough; counts the record otherwise.
    fn has_short_names(&mut self, source: &str, cid: &str) -> bool {
        let are_short = source.len() <= NAME && cid.len() <= NAME;
        self.long_names += u64::from(!are_short);
        are_short
    }

    /// Evicts cascades above the limit: first those without a prediction, then those that are over,
    /// then the smallest; among equals the one without records for the longest time.
    fn evict(&mut self) {
        // Only above the limit by a quarter, so that one sort evicts many.
        if self.cascades.len() <= self.max_cascades + self.max_cascades / 4 {
            return;
        }
        let priority = |it: &Cascade| {
            (it.alert.is_some(), it.end.is_none(), it.predicted().unwrap_or(-1.0), it.touched)
        };
        let mut keys: Vec<_> =
            self.cascades.iter().map(|(key, it)| (priority(it), key.clone())).collect();
        keys.sort_by(|(a, _), (b, _)| {
            (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)).then(a.3.cmp(&b.3))
        });
        for (_, key) in &keys[..keys.len() - self.max_cascades] {
            let removed = self.cascades.remove(key);
            self.evicted += u64::from(removed.is_some_and(|it| it.alert.is_some()));
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod orders;
