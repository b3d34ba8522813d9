//! Records that are joined with a counterpart: predictions whose size is pending, sizes whose
//! parameters are pending. Their number is bounded; the oldest is evicted first.
//!
//! A replay that starts at a low watermark reads records whose counterparts are before it and were
//! joined then. So the checkpoint of a position lists a hash of every pending record, and a replay
//! restores these as markers: a record that matches a restored marker emits nothing, and a marker
//! counts and is evicted like its record.

use std::collections::{BTreeMap, HashMap};

use crate::record::{Interval, Parameters, Size};
use crate::stage::Incompatible;

/// A cascade at a window: the subject of an alert, a sample and a stat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) source: String,
    pub(super) cid: String,
    pub(super) t_obs: u64,
}

/// A prediction, and what its sample and stat need.
pub(super) struct Answered {
    pub(super) parameters: Parameters,
    pub(super) n_pred: f64,
    pub(super) interval: Option<Interval>,
    pub(super) model: String,
    /// Final sizes of the window that were joined with a prediction before this one was made.
    pub(super) finished: u64,
}

/// Which of the two records of a join it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Parameters,
    Size,
}

/// A record whose counterpart has not arrived.
pub(super) enum Pending {
    /// A prediction whose size is pending.
    Answered(Box<Answered>),
    /// A size whose parameters are pending.
    Sized(Size),
}

/// The entry of the table for a record.
pub(super) enum Match {
    /// None: the record becomes pending.
    Unmatched,
    /// A record of the same side.
    Duplicate,
    /// Its counterpart, which is removed.
    Counterpart(Pending),
    /// A restored marker of its counterpart, which is removed: the join was emitted before.
    Restored,
}

/// An entry of the queue: a pending record, or a restored marker by its hash.
enum Place {
    Record(Key),
    Marker(u64),
}

/// The pending records and restored markers, in the order of arrival.
pub(super) struct Table {
    max_entries: usize,
    records: HashMap<Key, (u64, u64, Pending)>,
    markers: HashMap<u64, (u64, Side)>,
    /// In the order of arrival, which is also that of the positions; restored markers come first.
    queue: BTreeMap<u64, Place>,
    arrivals: u64,
    /// The number of joins by window, also of those before a restored checkpoint.
    joined: BTreeMap<u64, u64>,
}

impl Table {
    /// An empty table for at most `max_entries` entries.
    pub(super) fn new(max_entries: usize) -> Self {
        Self {
            max_entries,
            records: HashMap::new(),
            markers: HashMap::new(),
            queue: BTreeMap::new(),
            arrivals: 0,
            joined: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Number of pending sizes, whose parameters have not arrived.
    pub(super) fn sizes(&self) -> u64 {
        let is_size = |entry: &&(u64, u64, Pending)| matches!(entry.2, Pending::Sized(_));
        self.records.values().filter(is_size).count() as u64
    }

    /// The number of sizes of that window that were joined with a prediction.
    pub(super) fn joined(&self, t_obs: u64) -> u64 {
        self.joined.get(&t_obs).copied().unwrap_or(0)
    }

    fn count_join(&mut self, t_obs: u64) {
        *self.joined.entry(t_obs).or_default() += 1;
    }

    /// Looks up the counterpart of a record of that side and removes it.
    pub(super) fn take_match(&mut self, key: &Key, side: Side) -> Match {
        if let Some((_, _, pending)) = self.records.get(key) {
            if pending.side() == side {
                return Match::Duplicate;
            }
            let Some((arrival, _, pending)) = self.records.remove(key) else {
                return Match::Unmatched;
            };
            self.queue.remove(&arrival);
            self.count_join(key.t_obs);
            return Match::Counterpart(pending);
        }
        // Only a replay restores markers: without them no hash is computed.
        let hash = if self.markers.is_empty() { 0 } else { key.hash() };
        match self.markers.get(&hash) {
            None => Match::Unmatched,
            Some((_, same)) if *same == side => Match::Duplicate,
            Some((arrival, _)) => {
                self.queue.remove(arrival);
                self.markers.remove(&hash);
                self.count_join(key.t_obs);
                Match::Restored
            }
        }
    }

    /// Adds a pending record; returns how many entries were evicted for it (0 or 1).
    pub(super) fn insert(&mut self, key: Key, position: u64, pending: Pending) -> usize {
        let full = self.queue.len() >= self.max_entries;
        let evicted = if full { self.queue.pop_first() } else { None };
        match &evicted {
            Some((_, Place::Record(oldest))) => drop(self.records.remove(oldest)),
            Some((_, Place::Marker(hash))) => drop(self.markers.remove(hash)),
            None => {}
        }
        self.queue.insert(self.arrivals, Place::Record(key.clone()));
        self.records.insert(key, (self.arrivals, position, pending));
        self.arrivals += 1;
        usize::from(evicted.is_some())
    }

    /// The position of the oldest pending record.
    pub(super) fn oldest(&self) -> Option<u64> {
        let mut records = self.queue.values().filter_map(|place| match place {
            Place::Record(key) => self.records.get(key),
            Place::Marker(_) => None,
        });
        records.next().map(|(_, position, _)| *position)
    }

    /// For a replay from here: the joins of each window, `WINDOW:COUNT,`, and the pending records in order, eleven
    /// characters each.
    pub(super) fn checkpoint(&self) -> String {
        let mut text = String::with_capacity(DIGITS * self.queue.len());
        for (t_obs, count) in &self.joined {
            text.push_str(&format!("{t_obs}:{count},"));
        }
        for place in self.queue.values() {
            let (hash, side) = match place {
                Place::Marker(hash) => (*hash, self.markers.get(hash).map(|(_, side)| *side)),
                Place::Record(key) => (key.hash(), self.records.get(key).map(|it| it.2.side())),
            };
            write(hash | u64::from(side == Some(Side::Size)), &mut text);
        }
        text
    }

    /// Restores the joins and the markers of a checkpoint; one of an older version has no joins.
    pub(super) fn restore(&mut self, checkpoint: &str) -> Result<(), Incompatible> {
        let (joined, pending) = checkpoint.rsplit_once(',').unwrap_or(("", checkpoint));
        for window in joined.split_terminator(',') {
            let numbers = window.split_once(':').ok_or(Incompatible::Checkpoint)?;
            let number = |text: &str| text.parse().map_err(|_| Incompatible::Checkpoint);
            self.joined.insert(number(numbers.0)?, number(numbers.1)?);
        }
        for chunk in pending.as_bytes().chunks(DIGITS) {
            let code = read(chunk).ok_or(Incompatible::Checkpoint)?;
            let (hash, side) =
                (code & !1, if code & 1 == 1 { Side::Size } else { Side::Parameters });
            self.markers.insert(hash, (self.arrivals, side));
            self.queue.insert(self.arrivals, Place::Marker(hash));
            self.arrivals += 1;
        }
        Ok(())
    }
}

impl Pending {
    fn side(&self) -> Side {
        match self {
            Self::Answered(_) => Side::Parameters,
            Self::Sized(_) => Side::Size,
        }
    }
}

impl Key {
    pub(super) fn of(source: &str, cid: &str, t_obs: u64) -> Self {
        Self { source: source.to_owned(), cid: cid.to_owned(), t_obs }
    }

    /// FNV-1a with a final mix, its lowest bit 0: it is stored in checkpoints, so it must not depend
    /// on the compiler. A million keys collide with a probability below one in ten million.
    fn hash(&self) -> u64 {
        const PRIME: u64 = 0x0100_0000_01b3;
        const BETWEEN: [u8; 1] = [0xff];
        let window = self.t_obs.to_le_bytes();
        let parts = [self.source.as_bytes(), &BETWEEN, self.cid.as_bytes(), &BETWEEN, &window];
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        let hash = parts.into_iter().flatten().fold(0xcbf2_9ce4_8422_2325, step);
        let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) & !1
    }
}

/// Base 64: eleven digits hold 64 bits.
const DIGITS: usize = 11;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn write(mut code: u64, to: &mut String) {
    for _ in 0..DIGITS {
        to.push(char::from(ALPHABET[(code & 63) as usize]));
        code >>= 6;
    }
}

fn read(digits: &[u8]) -> Option<u64> {
    if digits.len() != DIGITS {
        return None;
    }
    digits.iter().rev().try_fold(0_u64, |code, digit| {
        let value = ALPHABET.iter().position(|it| it == digit)?;
        Some((code << 6) | value as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_in_order_and_other_texts_are_refused() {
        for code in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let mut text = String::new();
            write(code, &mut text);
            assert_eq!(read(text.as_bytes()), Some(code));
        }
        let mut table = Table::new(10);
        for i in 0..5 {
            let size = Size {
                cid: i.to_string(),
                source: "s".to_owned(),
                t: 0.0,
                t_obs: 600,
                n_tot: 1,
                t_end: 0.0,
            };
            table.insert(Key::of("s", &i.to_string(), 600), i, Pending::Sized(size));
        }
        assert!(matches!(
            table.take_match(&Key::of("s", "0", 600), Side::Parameters),
            Match::Counterpart(_)
        ));
        assert!(table.checkpoint().starts_with("600:1,"), "{}", table.checkpoint());
        let mut again = Table::new(10);
        assert_eq!(again.restore(&table.checkpoint()), Ok(()));
        assert_eq!(again.checkpoint(), table.checkpoint());
        let old = table.checkpoint().replace("600:1,", "");
        assert_eq!(Table::new(10).restore(&old), Ok(()));
        assert!(matches!(again.take_match(&Key::of("s", "3", 600), Side::Size), Match::Duplicate));
        assert!(matches!(
            again.take_match(&Key::of("s", "3", 600), Side::Parameters),
            Match::Restored
        ));
        assert!(matches!(
            again.take_match(&Key::of("s", "3", 600), Side::Parameters),
            Match::Unmatched
        ));
        assert_eq!(again.joined(600), 2);
        for text in ["[[\"a\",1]]", "600:x,", "600,", "600:1,abc"] {
            assert_eq!(Table::new(1).restore(text), Err(Incompatible::Checkpoint), "{text}");
        }
    }
}
