//! The ids of the rows of a table, to find duplicates and chains of retweets.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

use crate::input::history::Seen;

/// Ids of rows, as hashes of 96 bits under random keys, each with the cascade of its first row: 16 bytes in all.
#[derive(Default)]
pub(super) struct RowIds {
    keys: [RandomState; 2],
    first: HashMap<[u32; 3], u32>,
    /// Rows with an id that a row of another cascade had first.
    others: Seen,
}

impl RowIds {
    /// Inserts the id of a row of the cascade at this place; returns whether the cascade has no row with this id yet.
    pub(super) fn insert(&mut self, id: &[u8], cascade: usize) -> bool {
        let place = cascade as u32;
        match self.first.entry(hash(&self.keys, id)) {
            Entry::Vacant(entry) => {
                entry.insert(place);
                true
            }
            Entry::Occupied(entry) if *entry.get() == place => false,
            Entry::Occupied(_) => {
                self.others.insert(&format!("{place}\0{}", String::from_utf8_lossy(id)))
            }
        }
    }

    /// The place of the cascade that has the first row with this id.
    pub(super) fn cascade_of(&self, id: &str) -> Option<usize> {
        self.first.get(&hash(&self.keys, id.as_bytes())).map(|place| *place as usize)
    }
}

fn hash(keys: &[RandomState; 2], id: &[u8]) -> [u32; 3] {
    let [high, low] = keys.each_ref().map(|key| key.hash_one(id));
    [(high >> 32) as u32, high as u32, low as u32]
}
