//! Records that are joined with a counterpart: predictions whose size is pending, sizes whose
//! parameters are pending. Their number is bounded; the oldest is evicted first.
//!
//! A replay that starts at a low watermark reads records whose counterparts are before it and were
//! joined then. So the checkpoint of a position lists a hash of every pending record, and a replay
//! restores these as markers: a record that matches a restored marker emits nothing, and a marker
//! counts and is evicted like its record.
//!
//! Ids are used again, and records are repeated: a final size scores no prediction that was made after it, and a newer
//! record takes the place of an older one of the same cascade and window.

use std::collections::{BTreeMap, HashMap};

pub(super) use super::relation::Side;
use super::relation::{MADE_BITS, Made, Relation};
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
    /// A record of the same side, as old or newer.
    Duplicate,
    /// A prediction that was made after this size, which is of an earlier cascade with the same id.
    Outdated,
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

/// A restored marker.
struct Marker {
    arrival: u64,
    side: Side,
    made: Made,
}

/// The pending records and restored markers, in the order of arrival.
pub(super) struct Table {
    max_entries: usize,
    records: HashMap<Key, (u64, u64, Pending)>,
    markers: HashMap<u64, Marker>,
    /// In the order of arrival, which is also that of the positions; restored markers come first.
    queue: BTreeMap<u64, Place>,
    arrivals: u64,
    /// The number of joins by window, also of those before a restored checkpoint.
    joined: BTreeMap<u64, u64>,
    /// Number of entries of an earlier cascade with the same id that were removed.
    superseded: u64,
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
            superseded: 0,
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

    /// Number of entries of an earlier cascade with the same id that were removed.
    pub(super) fn superseded(&self) -> u64 {
        self.superseded
    }

    /// The number of sizes of that window that were joined with a prediction.
    pub(super) fn joined(&self, t_obs: u64) -> u64 {
        self.joined.get(&t_obs).copied().unwrap_or(0)
    }

    /// Counts an entry that a record removes; returns whether it is the counterpart.
    fn is_joined(&mut self, relation: Relation, t_obs: u64) -> bool {
        let is_joined = relation == Relation::Counterpart;
        if is_joined {
            *self.joined.entry(t_obs).or_default() += 1;
        } else {
            self.superseded += 1;
        }
        is_joined
    }

    /// Looks up the counterpart of a record of that side, made at time `t`, and removes it.
    pub(super) fn take_match(&mut self, key: &Key, side: Side, t: f64) -> Match {
        let made = Made::at(t);
        if let Some((arrival, _, pending)) = self.records.get(key) {
            let (arrival, entry) = (*arrival, (pending.side(), pending.made()));
            let relation = Relation::of(entry, (side, made));
            if let Some(kept) = kept(relation) {
                return kept;
            }
            self.queue.remove(&arrival);
            let removed = self.records.remove(key);
            let joined = removed.filter(|_| self.is_joined(relation, key.t_obs));
            return joined.map_or(Match::Unmatched, |(_, _, pending)| Match::Counterpart(pending));
        }
        // Only a replay restores markers: without them no hash is computed.
        let hash = if self.markers.is_empty() { 0 } else { key.hash() };
        let Some(marker) = self.markers.get(&hash) else { return Match::Unmatched };
        let relation = Relation::of((marker.side, marker.made), (side, made));
        if let Some(kept) = kept(relation) {
            return kept;
        }
        self.queue.remove(&marker.arrival);
        self.markers.remove(&hash);
        if self.is_joined(relation, key.t_obs) { Match::Restored } else { Match::Unmatched }
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

    /// For a replay from here: the joins of each window, `WINDOW:COUNT,`, then `.`, and the pending records in order,
    /// [`DIGITS`] characters each.
    pub(super) fn checkpoint(&self) -> String {
        let mut text = String::with_capacity(DIGITS * self.queue.len());
        for (t_obs, count) in &self.joined {
            text.push_str(&format!("{t_obs}:{count},"));
        }
        if !self.queue.is_empty() {
            text.push(WITH_TIMES);
        }
        for place in self.queue.values() {
            let entry = match place {
                Place::Marker(hash) => self.markers.get(hash).map(|it| (*hash, it.side, it.made)),
                Place::Record(key) => {
                    let record = self.records.get(key);
                    record.map(|it| (key.hash(), it.2.side(), it.2.made()))
                }
            };
            let Some((hash, side, made)) = entry else { continue };
            let code = u128::from(hash) << (1 + MADE_BITS) | u128::from(made.0) << 1;
            write(code | u128::from(side == Side::Size), DIGITS, &mut text);
        }
        text
    }

    /// Restores the joins and the markers of a checkpoint; one of an older version has no joins, or no times.
    pub(super) fn restore(&mut self, checkpoint: &str) -> Result<(), Incompatible> {
        let (joined, pending) = checkpoint.rsplit_once(',').unwrap_or(("", checkpoint));
        for window in joined.split_terminator(',') {
            let numbers = window.split_once(':').ok_or(Incompatible::Checkpoint)?;
            let number = |text: &str| text.parse().map_err(|_| Incompatible::Checkpoint);
            self.joined.insert(number(numbers.0)?, number(numbers.1)?);
        }
        let timed = pending.strip_prefix(WITH_TIMES);
        let digits = if timed.is_some() { DIGITS } else { DIGITS_WITHOUT_TIMES };
        for chunk in timed.unwrap_or(pending).as_bytes().chunks(digits) {
            let code = read(chunk, digits).ok_or(Incompatible::Checkpoint)?;
            let side = if code & 1 == 1 { Side::Size } else { Side::Parameters };
            let (hash, made) = match timed {
                Some(_) => (code >> (1 + MADE_BITS), (code >> 1) as u64 & Made::MAX),
                // A hash of 64 bits, the lowest in place of the side.
                None => (code >> (64 - HASH_BITS), 0),
            };
            let arrival = self.arrivals;
            self.markers.insert(hash as u64, Marker { arrival, side, made: Made(made) });
            self.queue.insert(arrival, Place::Marker(hash as u64));
            self.arrivals += 1;
        }
        Ok(())
    }
}

/// The answer to a record that leaves the entry as it is.
fn kept(relation: Relation) -> Option<Match> {
    match relation {
        Relation::Duplicate => Some(Match::Duplicate),
        Relation::Outdated => Some(Match::Outdated),
        Relation::Counterpart | Relation::Superseded => None,
    }
}

impl Pending {
    fn side(&self) -> Side {
        match self {
            Self::Answered(_) => Side::Parameters,
            Self::Sized(_) => Side::Size,
        }
    }

    fn made(&self) -> Made {
        Made::at(match self {
            Self::Answered(it) => it.parameters.t,
            Self::Sized(size) => size.t,
        })
    }
}

impl Key {
    pub(super) fn of(source: &str, cid: &str, t_obs: u64) -> Self {
        Self { source: source.to_owned(), cid: cid.to_owned(), t_obs }
    }

    /// The upper [`HASH_BITS`] bits of FNV-1a with a final mix: it is stored in checkpoints, so it must not depend
    /// on the compiler. Two of a million keys collide with a probability of 1 in 70,000.
    fn hash(&self) -> u64 {
        const PRIME: u64 = 0x0100_0000_01b3;
        const BETWEEN: [u8; 1] = [0xff];
        let window = self.t_obs.to_le_bytes();
        let parts = [self.source.as_bytes(), &BETWEEN, self.cid.as_bytes(), &BETWEEN, &window];
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        let hash = parts.into_iter().flatten().fold(0xcbf2_9ce4_8422_2325, step);
        let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) >> (64 - HASH_BITS)
    }
}

/// Before the pending records of a checkpoint, where each has its time.
const WITH_TIMES: char = '.';
/// Bits of the hash of an entry; it has [`MADE_BITS`] of its time and one of its side, too.
const HASH_BITS: u32 = 55;
/// Base 64: 15 digits hold the 90 bits of an entry, so that a million take less than the 16 MB of a record.
const DIGITS: usize = 15;
/// Those of a checkpoint without times, which hold 64 bits.
const DIGITS_WITHOUT_TIMES: usize = 11;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn write(mut code: u128, digits: usize, to: &mut String) {
    for _ in 0..digits {
        to.push(char::from(ALPHABET[(code & 63) as usize]));
        code >>= 6;
    }
}

fn read(text: &[u8], digits: usize) -> Option<u128> {
    if text.len() != digits {
        return None;
    }
    text.iter().rev().try_fold(0_u128, |code, digit| {
        let value = ALPHABET.iter().position(|it| it == digit)?;
        Some((code << 6) | value as u128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(cid: u64, t: f64) -> Pending {
        Pending::Sized(Size {
            cid: cid.to_string(),
            source: "s".to_owned(),
            t,
            t_obs: 600,
            n_tot: 1,
            t_end: 0.0,
        })
    }

    fn key(cid: u64) -> Key {
        Key::of("s", &cid.to_string(), 600)
    }

    #[test]
    fn a_checkpoint_reads_back_in_order_and_other_texts_are_refused() {
        for code in [0, 1, (1 << 90) - 1, 0x0123_4567_89ab_cdef] {
            let mut text = String::new();
            write(code, DIGITS, &mut text);
            assert_eq!(read(text.as_bytes(), DIGITS), Some(code));
        }
        let mut table = Table::new(10);
        for i in 0..5 {
            table.insert(key(i), i, size(i, 1e9));
        }
        let joined = table.take_match(&key(0), Side::Parameters, 1e9);
        assert!(matches!(joined, Match::Counterpart(_)));
        assert!(table.checkpoint().starts_with("600:1,."), "{}", table.checkpoint());
        let mut again = Table::new(10);
        assert_eq!(again.restore(&table.checkpoint()), Ok(()));
        assert_eq!(again.checkpoint(), table.checkpoint());
        let old = table.checkpoint().replace("600:1,", "");
        assert_eq!(Table::new(10).restore(&old), Ok(()));
        assert!(matches!(again.take_match(&key(3), Side::Size, 1e9), Match::Duplicate));
        assert!(matches!(again.take_match(&key(3), Side::Parameters, 1e9), Match::Restored));
        assert!(matches!(again.take_match(&key(3), Side::Parameters, 1e9), Match::Unmatched));
        assert_eq!(again.joined(600), 2);
        for text in ["[[\"a\",1]]", "600:x,", "600,", "600:1,abc", "600:1,.abc"] {
            assert_eq!(Table::new(1).restore(text), Err(Incompatible::Checkpoint), "{text}");
        }
    }

    /// A release without times in its checkpoints wrote the hash of 64 bits, its lowest bit replaced by the side.
    #[test]
    fn a_checkpoint_without_times_is_restored() {
        let mut table = Table::new(10);
        assert_eq!(table.restore("600:1,TEJ1CRCRJ5MAA"), Err(Incompatible::Checkpoint));
        let mut text = String::new();
        write((u128::from(key(7).hash()) << 9) | 0x1fe | 1, DIGITS_WITHOUT_TIMES, &mut text);
        assert_eq!(table.restore(&text), Ok(()));
        assert!(matches!(table.take_match(&key(7), Side::Size, 5.0), Match::Duplicate));
        assert!(matches!(table.take_match(&key(7), Side::Parameters, 5.0), Match::Restored));
    }

    /// For live entries and for restored markers.
    #[test]
    fn records_of_an_earlier_cascade_with_the_same_id_do_not_match() {
        let tables = |entry: Pending| {
            let mut live = Table::new(10);
            live.insert(key(1), 0, entry);
            let mut restored = Table::new(10);
            assert_eq!(restored.restore(&live.checkpoint()), Ok(()));
            [live, restored]
        };
        for (at, t, side, expected) in [
            (1000.0, 2000.0, Side::Parameters, "superseded"),
            (1000.0, 1000.0, Side::Parameters, "joined"),
            (1000.0, 500.0, Side::Parameters, "joined"),
            (1000.0, 0.0, Side::Parameters, "joined"),
            (0.0, 500.0, Side::Parameters, "joined"),
            (1e12, 2e12, Side::Parameters, "joined"),
            (-50.0, -40.0, Side::Parameters, "superseded"),
            (1000.0, 2000.0, Side::Size, "superseded"),
            (1000.0, 1000.5, Side::Size, "duplicate"),
            (1000.0, 500.0, Side::Size, "duplicate"),
            (1000.0, 0.0, Side::Size, "duplicate"),
        ] {
            for mut table in tables(size(1, at)) {
                let found = match table.take_match(&key(1), side, t) {
                    Match::Counterpart(_) | Match::Restored => "joined",
                    Match::Duplicate => "duplicate",
                    Match::Outdated => "outdated",
                    Match::Unmatched if table.superseded() == 1 => "superseded",
                    Match::Unmatched => "unmatched",
                };
                assert_eq!(found, expected, "{at} {t} {side:?}");
                assert_eq!(table.len(), usize::from(expected == "duplicate"));
                assert_eq!(table.joined(600), u64::from(expected == "joined"));
            }
        }
    }
}
