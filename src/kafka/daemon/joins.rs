//! Detects records of a join in different partitions: a stage joins the records of one partition only,
//! so that it would silently lose their output.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;

use foldhash::fast::{FixedState, RandomState};

use crate::kafka::client::errors::failed;
use crate::record::{Item, Kind, Record};
use crate::stage::RecordRef;
use crate::stream::Frame;

/// Number of unmatched records, at most; above it, all are dropped. Keys that do not
/// agree affect all records, so that the first ones are enough.
const MAX_UNMATCHED: usize = 100_000;
/// Number of records of a kind after which its keys are compared with those of the other kind.
const MIN_KEYS: u64 = 20;

/// A record of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The hash of source, cascade and window.
    join: u64,
    kind: Kind,
    offset: u64,
    /// Whether the key is the cascade; `None` without a key.
    is_keyed_by_cascade: Option<bool>,
}

/// The records of a join, with the records of other kinds between them.
pub(crate) fn joined(kinds: &[Kind], batch: &[RecordRef<'_>], frames: &[Frame<'_>]) -> Vec<Joined> {
    if kinds.is_empty() {
        return Vec::new();
    }
    let of = |it: &RecordRef<'_>| {
        let Item::Record(record) = &it.item else { return None };
        let (source, cid, t_obs) = match &**record {
            Record::Size(size) => (&size.source, &size.cid, size.t_obs),
            Record::Parameters(fitted) => (&fitted.source, &fitted.cid, fitted.t_obs),
            _ => return None,
        };
        let kind = record.kind();
        if !kinds.contains(&kind) {
            return None;
        }
        let frame = frames.binary_search_by_key(&it.position, |frame| frame.position).ok();
        let key = frame.and_then(|index| frames[index].key);
        Some(Joined {
            join: FixedState::default().hash_one((source, cid, t_obs)),
            kind,
            offset: it.position,
            is_keyed_by_cascade: key.map(|key| key == cid),
        })
    };
    batch.iter().filter_map(of).collect()
}

/// The place of a record.
#[derive(Clone, Copy, Debug)]
struct Place {
    kind: Kind,
    partition: i32,
    offset: u64,
}

/// The records of the joins of one daemon.
#[derive(Default)]
pub(crate) struct Joins {
    unmatched: HashMap<u64, Place, RandomState>,
    /// By kind: the numbers of records with the cascade as their key, and with another one.
    keys: HashMap<Kind, (u64, u64)>,
}

impl Joins {
    /// An error if records of a join are in different partitions.
    pub(crate) fn check(
        &mut self,
        topic: &str,
        partitions: i32,
        partition: i32,
        records: &[Joined],
    ) -> io::Result<()> {
        if partitions < 2 {
            return Ok(());
        }
        for it in records {
            let place = Place { kind: it.kind, partition, offset: it.offset };
            match self.unmatched.get(&it.join).copied() {
                Some(other) if other.kind != it.kind && other.partition != partition => {
                    return Err(apart(topic, &place_text(&other), &place_text(&place)));
                }
                Some(other) if other.kind != it.kind => drop(self.unmatched.remove(&it.join)),
                Some(_) => {}
                None => {
                    if self.unmatched.len() >= MAX_UNMATCHED {
                        self.unmatched.clear();
                    }
                    self.unmatched.insert(it.join, place);
                }
            }
            let (by_cascade, by_other) = self.keys.entry(it.kind).or_default();
            *by_cascade += u64::from(it.is_keyed_by_cascade == Some(true));
            *by_other += u64::from(it.is_keyed_by_cascade == Some(false));
        }
        self.check_keys(topic)
    }

    /// The other instances of the group may have the partitions of the counterparts.
    fn check_keys(&self, topic: &str) -> io::Result<()> {
        let with = |is_it: fn(&(u64, u64)) -> bool| {
            self.keys.iter().find(|(_, counts)| is_it(counts)).map(|(kind, _)| *kind)
        };
        let by_cascade = with(|(cascade, other)| *cascade >= MIN_KEYS && *other == 0);
        let by_other = with(|(cascade, other)| *other >= MIN_KEYS && *cascade == 0);
        match (by_cascade, by_other) {
            (Some(by_cascade), Some(by_other)) => Err(apart(
                topic,
                &format!("records of type {} have the cascade as their key", by_cascade.name()),
                &format!("those of type {} another key", by_other.name()),
            )),
            _ => Ok(()),
        }
    }
}

fn place_text(place: &Place) -> String {
    let Place { kind, partition, offset } = place;
    format!("{} in partition {partition} at offset {offset}", kind.name())
}

fn apart(topic: &str, one: &str, other: &str) -> io::Error {
    failed(format!(
        "topic {topic}: {one}, {other}: the parameters and the size of a window of a cascade must be in \
         one partition to be joined. Key both by the cascade (cid), as collect and fit do, with the \
         partitioner of the Java client (murmur2), or create the topic with --partitions 1"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(join: u64, kind: Kind, is_keyed_by_cascade: bool) -> Joined {
        let is_keyed_by_cascade = Some(is_keyed_by_cascade);
        Joined { join, kind, offset: 7, is_keyed_by_cascade }
    }

    #[test]
    fn counterparts_in_different_partitions_are_refused() {
        let mut joins = Joins::default();
        let [size, parameters] = [Kind::Size, Kind::Parameters].map(|kind| record(1, kind, true));
        joins.check("t", 2, 0, &[size, size]).unwrap();
        joins.check("t", 2, 0, &[parameters]).unwrap();
        joins.check("t", 2, 0, &[parameters]).unwrap();
        let error = joins.check("t", 2, 1, &[size]).unwrap_err().to_string();
        assert!(error.contains("parameters in partition 0 at offset 7"), "{error}");
        assert!(error.contains("size in partition 1 at offset 7"), "{error}");
        joins.check("t", 1, 1, &[size]).unwrap();
    }

    /// An instance may have no counterpart at all.
    #[test]
    fn different_keys_are_refused_without_a_counterpart() {
        let mut joins = Joins::default();
        let sizes: Vec<Joined> = (0..40).map(|join| record(join, Kind::Size, true)).collect();
        joins.check("t", 2, 0, &sizes).unwrap();
        let of = |by_cascade: bool, from: u64| -> Vec<Joined> {
            (from..from + 40).map(|join| record(join, Kind::Parameters, by_cascade)).collect()
        };
        let error = joins.check("t", 2, 0, &of(false, 100)).unwrap_err().to_string();
        assert!(error.contains("type size have the cascade as their key"), "{error}");
        let mut joins = Joins::default();
        joins.check("t", 2, 0, &sizes).unwrap();
        joins.check("t", 2, 0, &of(true, 100)).unwrap();
    }
}
