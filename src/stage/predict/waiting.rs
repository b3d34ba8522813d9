//! What waits for its partner: predictions whose size has not come, sizes whose parameters have
//! not. Bounded; the oldest goes first.
//!
//! Separate from the predictor because it answers another question: who meets whom. A replay that
//! starts in the middle meets records whose partners came before it; they were answered then. So
//! the mark of a place names all that waits there, and a replay knows them as ghosts: who meets a
//! ghost is quiet, and a ghost counts and is evicted like what it stands for.

use std::collections::{BTreeMap, HashMap};

use super::Said;
use crate::record::Size;

/// A cascade at a window: what alerts, samples and stats are about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) source: String,
    pub(super) cid: String,
    pub(super) t_obs: u64,
}

/// Which of the two records came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Parameters,
    Size,
}

/// What waits for its partner.
pub(super) enum Waiting {
    /// An answered cascade whose size has not come.
    Said(Box<Said>),
    /// A size whose parameters have not come.
    Sized(Size),
}

/// Whom a record met.
pub(super) enum Met {
    /// Nobody: it may wait.
    Nobody,
    /// One of its own side: it is a duplicate.
    Twin,
    /// Its partner, which waits no longer.
    Partner(Waiting),
    /// A partner from before the replay, which waits no longer: all was said in its time.
    Ghost,
}

/// Who holds a place in the queue.
enum Place {
    Known(Key),
    Ghost(u64),
}

/// All that waits.
pub(super) struct Table {
    most: usize,
    known: HashMap<Key, (u64, u64, Waiting)>,
    ghosts: HashMap<u64, (u64, Side)>,
    /// In the order of arrival, which is that of the positions too; ghosts come first.
    queue: BTreeMap<u64, Place>,
    arrivals: u64,
}

impl Table {
    /// An empty table for at most so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            known: HashMap::new(),
            ghosts: HashMap::new(),
            queue: BTreeMap::new(),
            arrivals: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Looks for the partner of a record of that side.
    pub(super) fn meet(&mut self, key: &Key, side: Side) -> Met {
        if let Some((_, _, waiting)) = self.known.get(key) {
            if waiting.side() == side {
                return Met::Twin;
            }
            let Some((arrival, _, waiting)) = self.known.remove(key) else { return Met::Nobody };
            self.queue.remove(&arrival);
            return Met::Partner(waiting);
        }
        // Only a replay has ghosts: nobody else pays for the hash.
        let hash = if self.ghosts.is_empty() { 0 } else { key.hash() };
        match self.ghosts.get(&hash) {
            None => Met::Nobody,
            Some((_, same)) if *same == side => Met::Twin,
            Some((arrival, _)) => {
                self.queue.remove(arrival);
                self.ghosts.remove(&hash);
                Met::Ghost
            }
        }
    }

    /// Has a record wait; returns how many were evicted for it.
    pub(super) fn wait(&mut self, key: Key, position: u64, waiting: Waiting) -> usize {
        let full = self.queue.len() >= self.most;
        let evicted = if full { self.queue.pop_first() } else { None };
        match &evicted {
            Some((_, Place::Known(oldest))) => drop(self.known.remove(oldest)),
            Some((_, Place::Ghost(hash))) => drop(self.ghosts.remove(hash)),
            None => {}
        }
        self.queue.insert(self.arrivals, Place::Known(key.clone()));
        self.known.insert(key, (self.arrivals, position, waiting));
        self.arrivals += 1;
        usize::from(evicted.is_some())
    }

    /// The position of the oldest that waits.
    pub(super) fn oldest(&self) -> Option<u64> {
        let mut known = self.queue.values().filter_map(|place| match place {
            Place::Known(key) => self.known.get(key),
            Place::Ghost(_) => None,
        });
        known.next().map(|(_, position, _)| *position)
    }

    /// Who waits here, in order, for a replay from here: eleven characters each.
    pub(super) fn mark(&self) -> String {
        let mut mark = String::with_capacity(DIGITS * self.queue.len());
        for place in self.queue.values() {
            let (hash, side) = match place {
                Place::Ghost(hash) => (*hash, self.ghosts.get(hash).map(|(_, side)| *side)),
                Place::Known(key) => (key.hash(), self.known.get(key).map(|it| it.2.side())),
            };
            write(hash | u64::from(side == Some(Side::Size)), &mut mark);
        }
        mark
    }

    /// Starts with the ghosts of a mark. False where it is none.
    pub(super) fn haunt(&mut self, mark: &str) -> bool {
        for chunk in mark.as_bytes().chunks(DIGITS) {
            let Some(code) = read(chunk) else { return false };
            let (hash, side) =
                (code & !1, if code & 1 == 1 { Side::Size } else { Side::Parameters });
            self.ghosts.insert(hash, (self.arrivals, side));
            self.queue.insert(self.arrivals, Place::Ghost(hash));
            self.arrivals += 1;
        }
        true
    }
}

impl Waiting {
    fn side(&self) -> Side {
        match self {
            Self::Said(_) => Side::Parameters,
            Self::Sized(_) => Side::Size,
        }
    }
}

impl Key {
    pub(super) fn of(source: &str, cid: &str, t_obs: u64) -> Self {
        Self { source: source.to_owned(), cid: cid.to_owned(), t_obs }
    }

    /// FNV-1a with a last stir, its lowest bit 0: it stands in marks, so it must not change with
    /// the compiler. A million keys collide with a probability below one in ten million.
    fn hash(&self) -> u64 {
        const PRIME: u64 = 0x0100_0000_01b3;
        const BETWEEN: [u8; 1] = [0xff];
        let window = self.t_obs.to_le_bytes();
        let parts = [self.source.as_bytes(), &BETWEEN, self.cid.as_bytes(), &BETWEEN, &window];
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        let hash = parts.into_iter().flatten().fold(0xcbf2_9ce4_8422_2325, step);
        let stirred = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (stirred ^ (stirred >> 27)) & !1
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
        let value = ALPHABET.iter().position(|known| known == digit)?;
        Some((code << 6) | value as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_in_order_and_nonsense_is_refused() {
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
            table.wait(Key::of("s", &i.to_string(), 600), i, Waiting::Sized(size));
        }
        let mut again = Table::new(10);
        assert!(again.haunt(&table.mark()));
        assert_eq!(again.mark(), table.mark());
        assert!(matches!(again.meet(&Key::of("s", "3", 600), Side::Size), Met::Twin));
        assert!(matches!(again.meet(&Key::of("s", "3", 600), Side::Parameters), Met::Ghost));
        assert!(matches!(again.meet(&Key::of("s", "3", 600), Side::Parameters), Met::Nobody));
        assert!(!Table::new(1).haunt("[[\"a\",1]]"));
    }
}
