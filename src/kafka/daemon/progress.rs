//! The position of a writer in its own output, which lets `generate` continue after a restart.
//!
//! The records of a replay are a function of its input and options. Each transaction commits their
//! number, as the offset of a group, and a hash of their bytes, as its metadata. After a restart the
//! first records are generated and not written; their hash must be the committed one.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use crate::kafka::client::errors::failed;
use crate::kafka::client::records::Position;

const VERSION: u32 = 1;

/// The metadata of the position.
#[derive(Serialize, Deserialize)]
struct Json {
    v: u32,
    /// FNV-1a of the records, as 16 hexadecimal digits.
    hash: String,
}

/// Number and hash of the records so far, and of those that are committed.
pub(crate) struct Progress {
    group: String,
    count: u64,
    hash: u64,
    committed: u64,
    committed_hash: u64,
}

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

fn add(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

impl Progress {
    /// Continues at a committed position of `group`.
    pub(crate) fn new(group: &str, position: Option<&Position>) -> io::Result<Self> {
        let group = group.to_owned();
        let mut new = Self {
            group,
            count: 0,
            hash: OFFSET_BASIS,
            committed: 0,
            committed_hash: OFFSET_BASIS,
        };
        if let Some(Position { offset, metadata }) = position {
            let json = serde_json::from_str::<Json>(metadata).ok().filter(|it| it.v == VERSION);
            let hash = json.and_then(|json| u64::from_str_radix(&json.hash, 16).ok());
            let (Some(hash), Ok(offset)) = (hash, u64::try_from(*offset)) else {
                return Err(failed(format!(
                    "group {}: offset {offset} was committed by another command: give generate a \
                     --group of its own",
                    new.group
                )));
            };
            (new.committed, new.committed_hash) = (offset, hash);
        }
        Ok(new)
    }

    /// Number of committed records.
    pub(crate) fn committed(&self) -> u64 {
        self.committed
    }

    /// Whether the next record is committed already.
    pub(crate) fn is_skipping(&self) -> bool {
        self.count < self.committed
    }

    /// The next record. Returns whether it must be written.
    pub(crate) fn next(&mut self, key: &str, value: &[u8]) -> io::Result<bool> {
        let is_written = self.is_skipping();
        self.hash = add(add(add(self.hash, key.as_bytes()), b"\t"), value);
        self.hash = add(self.hash, b"\n");
        self.count += 1;
        if self.count == self.committed && self.hash != self.committed_hash {
            return Err(self.other());
        }
        Ok(!is_written)
    }

    /// An error if there are fewer records than are committed.
    pub(crate) fn check_end(&self) -> io::Result<()> {
        if self.is_skipping() { Err(self.other()) } else { Ok(()) }
    }

    fn other(&self) -> io::Error {
        failed(format!(
            "group {} has committed {} records of another replay: the input or the options have \
             changed since. Give the same ones, or start over with --group NEW",
            self.group, self.committed
        ))
    }

    /// The position to commit.
    pub(crate) fn positions(&self) -> BTreeMap<i32, Position> {
        let json = Json { v: VERSION, hash: format!("{:016x}", self.hash) };
        let metadata = serde_json::to_string(&json).expect("strings are JSON");
        let offset = self.count.min(i64::MAX.unsigned_abs()) as i64;
        BTreeMap::from([(0, Position { offset, metadata })])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(progress: &mut Progress, values: &[&str]) -> io::Result<usize> {
        let each = values.iter().map(|value| progress.next("k", value.as_bytes()));
        each.map(|written| written.map(usize::from)).sum()
    }

    #[test]
    fn a_restart_writes_the_records_that_are_not_committed() {
        let mut first = Progress::new("g", None).unwrap();
        assert_eq!(feed(&mut first, &["a", "b"]).unwrap(), 2);
        let position = &first.positions()[&0];
        assert_eq!(position.offset, 2);
        let mut second = Progress::new("g", Some(position)).unwrap();
        assert!(second.is_skipping());
        assert_eq!(feed(&mut second, &["a", "b", "c"]).unwrap(), 1);
        second.check_end().unwrap();

        let mut other = Progress::new("g", Some(position)).unwrap();
        let error = feed(&mut other, &["a", "x"]).unwrap_err().to_string();
        assert!(error.contains("another replay") && error.contains("--group NEW"), "{error}");
        let mut shorter = Progress::new("g", Some(position)).unwrap();
        feed(&mut shorter, &["a"]).unwrap();
        assert!(shorter.check_end().is_err());
        let foreign = Position { offset: 1, metadata: String::new() };
        assert!(Progress::new("g", Some(&foreign)).is_err());
    }
}
