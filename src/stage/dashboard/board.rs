//! The board: the kept cascades, and their eviction.

use std::collections::{BTreeMap, HashMap};

use super::cascade::{Cascade, Key};
use crate::event::Event;
use crate::record::{Alert, Item, Kind, Record, Serie, Size, Stat};
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
    /// Records dropped because a name is too long.
    long_names: u64,
    /// Evicted cascades that had a prediction.
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
                    Record::Size(size) => self.size(size),
                    Record::Alert(alert) => self.alert(alert),
                    Record::Stat(stat) => self.stat(stat),
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

    /// Records dropped because the name of their source or cascade is longer than 1,000 bytes.
    pub fn long_names(&self) -> u64 {
        self.long_names
    }

    /// Cascades with a prediction that were evicted, because the board held too many.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The sizes whose probabilities to be exceeded the alerts hold, ascending.
    pub fn sizes(&self) -> Vec<f64> {
        let alerts = self.cascades.values().filter_map(|it| it.alert.as_ref());
        let sizes = alerts.flat_map(|it| &it.p_above).filter_map(|(size, _)| size.parse().ok());
        let mut sizes: Vec<f64> = sizes.collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        sizes
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
            (plain("cascades_evicted_total"), self.evicted as f64),
            (plain("long_name_records_total"), self.long_names as f64),
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
        let first = serie.tweets.first().map_or(f64::NEG_INFINITY, |it| it.time);
        if let Some(cascade) = self.cascade(&serie.source, &serie.cid, first) {
            cascade.observe(serie, version);
        }
        self.evict();
    }

    fn size(&mut self, size: &Size) {
        self.end(&size.source, &size.cid, size.t, size.n_tot, f64::NEG_INFINITY);
    }

    /// A stat ends its cascade as a size does: the output of `predict` and `run` has no sizes.
    fn stat(&mut self, stat: &Stat) {
        // Older records have no final size.
        if stat.n_tot > 0 {
            let root = stat.t_alert.map_or(f64::NEG_INFINITY, |t| t - stat.t_obs as f64);
            self.end(&stat.source, &stat.cid, stat.t, stat.n_tot, root);
        }
    }

    fn end(&mut self, source: &str, cid: &str, t: f64, n_tot: u64, root: f64) {
        self.clock(source, t);
        let version = self.version;
        if let Some(cascade) = self.cascade(source, cid, root) {
            cascade.finish(t, n_tot, version);
        }
        self.evict();
    }

    fn alert(&mut self, alert: &Alert) {
        self.clock(&alert.source, alert.t);
        self.alerts += 1;
        let version = self.version;
        let root = alert.t - alert.t_obs as f64;
        if let Some(cascade) = self.cascade(&alert.source, &alert.cid, root) {
            if cascade.is_followed_by_another(alert) {
                *cascade = Cascade::default();
            }
            cascade.predict(alert, version);
        }
        self.evict();
    }

    /// The cascade of a record. Where the one of that id was over before `root`, at which or after
    /// which that of the record began, the id is used again, and a new one begins.
    fn cascade(&mut self, source: &str, cid: &str, root: f64) -> Option<&mut Cascade> {
        if !self.has_short_names(source, cid) {
            return None;
        }
        let key = Key { source: source.to_owned(), cid: cid.to_owned() };
        let cascade = self.cascades.entry(key).or_default();
        // Older records have no time, which is 0 then.
        if cascade.end.is_some_and(|end| end.t != 0.0 && root >= end.t) {
            *cascade = Cascade::default();
        }
        Some(cascade)
    }

    /// Whether the names of a record are short enough; counts it where they are not.
    fn has_short_names(&mut self, source: &str, cid: &str) -> bool {
        let has_room = source.len() <= NAME && cid.len() <= NAME;
        self.long_names += u64::from(!has_room);
        has_room
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
            let evicted = self.cascades.remove(key);
            self.evicted += u64::from(evicted.is_some_and(|it| it.alert.is_some()));
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod lives;
#[cfg(test)]
mod orders;
