//! What was refused: named on stderr, counted, and kept in a dead-letter file if one is asked for.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::complain;
use crate::record::Refusal;
use crate::stage::Tally;

/// Refusals that are named one by one on stderr; later ones are counted and told at the end.
const NAMED: u64 = 100;

/// The reasons there are: those of a [`Refusal`], and an input that broke off.
const REASONS: [&str; 6] = ["json", "type", "field", "range", "size", "read"];

/// Counts, names and keeps refused records.
#[derive(Default)]
pub struct Rejects {
    count: u64,
    by_reason: BTreeMap<&'static str, u64>,
    letters: Option<File>,
}

impl Rejects {
    /// With a dead-letter file, which is appended to.
    pub fn new(letters: Option<&Path>) -> io::Result<Self> {
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        Ok(Self { letters: letters.map(open).transpose()?, ..Self::default() })
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many there were for each reason.
    pub fn by_reason(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_reason
    }

    /// The same for the metrics.
    pub fn tally(&self) -> Tally {
        let of_reason = |(reason, count): (&&str, &u64)| {
            (("dead_letters_total", (*reason).to_owned()), *count as f64)
        };
        // All reasons from the start: what appears with its first event hides it from an alert.
        let mut tally: Tally =
            REASONS.into_iter().map(|it| (("dead_letters_total", it.to_owned()), 0.0)).collect();
        tally.extend(self.by_reason.iter().map(of_reason));
        tally
    }

    /// Counts a refusal, names its place, and keeps `bytes` (their beginning).
    pub fn add(&mut self, place: &str, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        self.count += 1;
        *self.by_reason.entry(refusal.reason).or_default() += 1;
        if self.count <= NAMED {
            complain(&format!("{place}: {refusal}"));
        }
        if self.count == NAMED {
            complain("further refused records are only counted");
        }
        let Some(letters) = &mut self.letters else { return Ok(()) };
        let mut line = letter(place, bytes, refusal)?;
        line.push(b'\n');
        letters.write_all(&line)
    }

    /// Tells how many there were in all, where not every one was named.
    pub fn tell(&self) {
        if self.count > NAMED {
            complain(&format!("{} records were refused", self.count));
        }
    }
}

/// A refused record as it is kept: where it stood, why it was refused, its beginning.
pub(crate) fn letter(place: &str, bytes: &[u8], refusal: &Refusal) -> io::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Letter<'a> {
        r#where: &'a str,
        reason: &'a str,
        detail: &'a str,
        record: &'a str,
    }
    let record = String::from_utf8_lossy(bytes);
    let (reason, detail) = (refusal.reason, &*refusal.detail);
    let letter = Letter { r#where: place, reason, detail, record: &record };
    serde_json::to_vec(&letter).map_err(io::Error::from)
}
