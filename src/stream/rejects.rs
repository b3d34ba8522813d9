//! Refused records: reported on stderr, counted, and stored in a dead-letter file where one is given.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::lines::named;
use super::{report, report_loss};
use crate::record::Refusal;
use crate::stage::Tally;

/// Number of refusals reported individually on stderr; later ones are counted and reported at the end.
const REPORTED: u64 = 100;

/// All reasons: those of a [`Refusal`], and `read` for a read error.
const REASONS: [&str; 6] = ["json", "type", "field", "range", "size", "read"];

/// Counts, reports and stores refused records.
#[derive(Default)]
pub struct Rejects {
    count: u64,
    by_reason: BTreeMap<&'static str, u64>,
    /// The file of dead letters, and its name in messages.
    dead_letters: Option<(File, String)>,
}

impl Rejects {
    /// Rejects with an optional dead-letter file, to which records are appended.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn new(path: Option<&Path>) -> io::Result<Self> {
        let open = |path: &Path| {
            let name = format!("dead letters in {}", path.display());
            let opened = OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(|error| named(&name, &error)).map(|file| (file, name))
        };
        Ok(Self { dead_letters: path.map(open).transpose()?, ..Self::default() })
    }

    /// Number of refused records.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Number of refused records by reason, as metrics.
    pub fn tally(&self) -> Tally {
        let of_reason = |(reason, count): (&&str, &u64)| {
            (("dead_letters_total", (*reason).to_owned()), *count as f64)
        };
        // All reasons start at 0: `rate()` ignores the first value of a series that did not exist before.
        let mut tally: Tally =
            REASONS.into_iter().map(|it| (("dead_letters_total", it.to_owned()), 0.0)).collect();
        tally.extend(self.by_reason.iter().map(of_reason));
        tally
    }

    /// Counts a refusal, reports it with its place, and stores `bytes`, the beginning of the record.
    ///
    /// # Errors
    /// The dead-letter file cannot be written.
    pub fn add(&mut self, place: &str, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        self.count += 1;
        *self.by_reason.entry(refusal.reason).or_default() += 1;
        if self.count <= REPORTED {
            let text = format!("{place}: {refusal}");
            // The rest of an input that cannot be read is lost; a refused record is one record.
            if refusal.reason == "read" { report_loss(&text) } else { report(&text) }
        }
        if self.count == REPORTED {
            report("further refused records are counted and not reported");
        }
        let Some((file, name)) = &mut self.dead_letters else { return Ok(()) };
        let mut line = dead_letter(place, bytes, refusal)?;
        line.push(b'\n');
        file.write_all(&line).map_err(|error| named(name, &error))
    }

    /// Reports the total, where not every refusal was reported.
    pub fn report_total(&self) {
        if self.count > REPORTED {
            report(&format!("{} records were refused", self.count));
        }
    }
}

/// A dead letter: place, reason and beginning of a refused record.
pub(crate) fn dead_letter(place: &str, bytes: &[u8], refusal: &Refusal) -> io::Result<Vec<u8>> {
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
