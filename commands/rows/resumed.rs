//! A CSV file that an earlier run has begun: its complete rows are kept, and the rows that follow are appended.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use csv::{ByteRecord, ReaderBuilder};
use tweetoscope::stream::printable;

/// An output file of CSV.
pub(super) struct Resumed {
    path: PathBuf,
    file: BufWriter<File>,
    /// The last complete row of an earlier run, which the first row of this run must equal, and its end in the file.
    last: Option<(Vec<u8>, u64)>,
}

impl Resumed {
    /// Opens or creates the file; returns it with the number of rows that need not be computed.
    pub(super) fn open(path: &Path, header: &str) -> anyhow::Result<(Self, u64)> {
        let named = || path.display().to_string();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).with_context(named)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).with_context(named)?;
        let (rows, found) = complete_rows(&content);
        if let Some(found) = found.as_deref().filter(|found| *found != header.as_bytes()) {
            bail!(
                "{}: its columns are {}, those of this command are {header}; give the options of the earlier run, or \
                 another --resume FILE",
                path.display(),
                printable(&String::from_utf8_lossy(found))
            );
        }
        if found.is_none() && !header.as_bytes().starts_with(&content) {
            bail!(
                "{}: not a file of this command; --resume needs a file that fit --csv --resume wrote",
                path.display()
            );
        }
        let last = rows.last().map(|(start, end)| (content[*start..*end].to_vec(), *end as u64));
        if found.is_none() {
            file.set_len(0).with_context(named)?;
            file.seek(SeekFrom::Start(0)).with_context(named)?;
            writeln!(file, "{header}").with_context(named)?;
        } else if last.is_none() {
            // A torn row may follow.
            file.set_len(header.len() as u64 + 1).with_context(named)?;
            file.seek(SeekFrom::End(0)).with_context(named)?;
        }
        let skip = rows.len().saturating_sub(1) as u64;
        Ok((Self { path: path.to_owned(), file: BufWriter::new(file), last }, skip))
    }

    /// Appends a row without the end of its line.
    pub(super) fn add(&mut self, row: &[u8]) -> io::Result<()> {
        if let Some((last, end)) = self.last.take() {
            if last.strip_suffix(b"\n") != Some(row) {
                return Err(self.error("its last row is not the one of this input and these options: give another file"));
            }
            let file = self.file.get_mut();
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            return Ok(());
        }
        self.file.write_all(row)?;
        self.file.write_all(b"\n")
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// The input has fewer rows than the file.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.file.flush()?;
        match self.last {
            Some(_) => Err(self.error("it has more rows than this input: give another file")),
            None => Ok(()),
        }
    }

    fn error(&self, text: &str) -> io::Error {
        io::Error::other(format!("--resume {}: {text}", self.path.display()))
    }
}

/// The beginning and end of each complete row after the header, and the header without the end of its line if it is
/// complete. A row is complete with the end of its line and as many fields as the header has.
fn complete_rows(content: &[u8]) -> (Vec<(usize, usize)>, Option<Vec<u8>>) {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
    let (mut record, mut all, mut width) = (ByteRecord::new(), Vec::new(), 0);
    let mut start = 0;
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let end = reader.position().byte() as usize;
        width = if all.is_empty() { record.len() } else { width };
        if record.len() != width || content.get(end - 1) != Some(&b'\n') {
            break;
        }
        all.push((start, end));
        start = end;
    }
    let header = all.first().map(|(start, end)| content[*start..end - 1].to_vec());
    (all.into_iter().skip(1).collect(), header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_rows_are_kept_wherever_the_file_is_cut() {
        let rows = ["a,b", "1,2", "\"x\ny\",3", "\"\"\"\",4", "5,6"];
        let whole: String = rows.map(|row| format!("{row}\n")).concat();
        let mut ends: Vec<usize> = Vec::new();
        for row in rows {
            ends.push(ends.last().unwrap_or(&0) + row.len() + 1);
        }
        for length in 0..=whole.len() {
            let complete = ends.iter().filter(|end| **end <= length).count();
            let (found, header) = complete_rows(&whole.as_bytes()[..length]);
            assert_eq!(header.is_some(), complete > 0, "{length}");
            assert_eq!(found.len(), complete.saturating_sub(1), "{length}");
            assert!(found.iter().zip(&ends[1..]).all(|((_, end), wanted)| end == wanted));
        }
    }
}
