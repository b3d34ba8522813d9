//! Histories: JSON lines, one cascade per line, plain, gzip or zstd. [`HistoryCascade::from_line`] parses a line.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::import::{Format, of_other_format};
use super::lines::{self, ByteStream, Lines};
use super::opened::Opened;
use super::{Cascades, HistoryCascade, Refused};
use crate::record::Refusal;

/// Iterates over the cascades of a history. A second cascade with the same id is refused.
///
/// After a read error (a disk, a damaged archive) the iterator ends.
pub struct HistoryLines {
    lines: Lines,
    file: String,
    seen: Seen,
    ended: bool,
}

/// Opens a history, plain, gzip or zstd.
///
/// # Errors
/// The file cannot be opened.
pub fn read_history(path: &Path) -> Result<HistoryLines, Refused> {
    let file = path.display().to_string();
    let opened = lines::open(path).map_err(|error| Refused::unreadable(&file, None, &error));
    opened.map(|(input, _)| HistoryLines::new(input, file))
}

impl HistoryLines {
    fn new(input: ByteStream, file: String) -> Self {
        Self { lines: Lines::new(input), file, seen: Seen::default(), ended: false }
    }

    /// Reads a history from `reader`; refusals have `name` in place of a path.
    ///
    /// # Errors
    /// The first bytes cannot be read.
    pub fn from_reader(reader: impl Read + Send + 'static, name: &str) -> Result<Self, Refused> {
        let opened = lines::decoded(Box::new(io::BufReader::new(reader)));
        let opened = opened.map_err(|error| Refused::unreadable(name, None, &error));
        opened.map(|(input, _)| Self::new(input, name.to_owned()))
    }

    /// The next cascade, and the location of its line.
    fn advance(&mut self) -> Option<Result<(HistoryCascade, Place), Refused>> {
        loop {
            if self.ended {
                return None;
            }
            let line = match self.lines.next() {
                Ok(line) => line?,
                Err(error) => {
                    self.ended = true;
                    let line = Some(self.lines.number() + 1);
                    return Some(Err(Refused::unreadable(&self.file, line, &error)));
                }
            };
            if line.bytes.trim_ascii().is_empty() {
                continue;
            }
            let place = Place { line: line.number, offset: line.offset, bytes: line.bytes.len() };
            let read = if line.truncated {
                Err(lines::too_long())
            } else {
                HistoryCascade::from_line(line.bytes).map_err(|refusal| {
                    let text = String::from_utf8_lossy(line.bytes);
                    of_other_format(refusal, &text, Format::History)
                })
            };
            let read = read.and_then(|cascade| match self.seen.insert(&cascade.cid) {
                true => Ok((cascade, place)),
                false => {
                    let detail = format!("a second cascade with the id {:?}", cascade.cid);
                    Err(Refusal::new("field", detail))
                }
            });
            return Some(
                read.map_err(|refusal| Refused::at(&self.file, place.line, refusal).of(line.bytes)),
            );
        }
    }
}

impl Iterator for HistoryLines {
    type Item = Result<HistoryCascade, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().map(|read| read.map(|(cascade, _)| cascade))
    }
}

/// The location of a line.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    offset: u64,
    bytes: usize,
}

/// The set of ids read so far: a 128-bit hash of each under random keys, to bound the memory per id.
#[derive(Default)]
pub(super) struct Seen {
    keys: [RandomState; 2],
    hashes: HashSet<u128>,
}

impl Seen {
    /// Inserts the id; returns whether it is new.
    pub(super) fn insert(&mut self, cid: &str) -> bool {
        let [high, low] = self.keys.each_ref().map(|key| u128::from(key.hash_one(cid)));
        self.hashes.insert(high << 64 | low)
    }
}

/// Histories to be replayed. A line of a plain file is read again when its cascade begins, so only live
/// cascades are in memory.
pub struct History {
    files: Vec<(String, Option<File>)>,
    entries: Vec<Entry>,
    suffixes: HashMap<u64, u64>,
    buffer: Vec<u8>,
}

struct Entry {
    file: u32,
    place: Place,
    t0: Option<f64>,
    /// The time of its last event, in the unit of the file since the first.
    last: f64,
    /// The cascade itself, where the file does not support seeking (gzip, a pipe).
    cascade: Option<Box<HistoryCascade>>,
}

impl History {
    /// Reads the files once, to check them and to locate each cascade.
    ///
    /// Ids are unique in a file. An id that occurs in an earlier file gets a suffix.
    ///
    /// # Errors
    /// A file cannot be opened. Refused cascades are reported to `refuse`.
    pub fn open(
        paths: &[impl AsRef<Path>],
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let mut history = Self::empty();
        let mut taken = Seen::default();
        for path in paths {
            let path = path.as_ref();
            let name = path.display().to_string();
            let unreadable = |error| Refused::unreadable(&name, None, &error);
            let (input, is_gzip) = lines::open(path).map_err(unreadable)?;
            let seekable = !is_gzip && path.metadata().map_err(unreadable)?.is_file();
            let seekable = seekable.then(|| File::open(path)).transpose().map_err(unreadable)?;
            history.add(input, name, seekable, &mut taken, refuse);
        }
        Ok(history)
    }

    /// The same with open inputs.
    pub(super) fn of(
        inputs: Vec<Opened>,
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let mut history = Self::empty();
        let mut taken = Seen::default();
        for Opened { name, content, file, .. } in inputs {
            history.add(content, name, file, &mut taken, refuse);
        }
        Ok(history)
    }

    fn empty() -> Self {
        let (files, entries) = (Vec::new(), Vec::new());
        Self { files, entries, suffixes: HashMap::new(), buffer: Vec::new() }
    }

    /// Reads an input; `seekable` is the file, where its lines can be read again.
    fn add(
        &mut self,
        input: ByteStream,
        name: String,
        seekable: Option<File>,
        taken: &mut Seen,
        refuse: &mut dyn FnMut(Refused),
    ) {
        let file = self.files.len() as u32;
        let mut lines = HistoryLines::new(input, name.clone());
        while let Some(read) = lines.advance() {
            let (cascade, place) = match read {
                Ok(cascade) => cascade,
                Err(refused) => {
                    refuse(refused);
                    continue;
                }
            };
            let suffix = free_suffix(&cascade.cid, taken);
            if suffix > 1 {
                self.suffixes.insert(self.entries.len() as u64, suffix);
            }
            let t0 = cascade.t0;
            let last = cascade.points.last().map_or(0.0, |last| last.time);
            let cascade = seekable.is_none().then(|| Box::new(cascade));
            self.entries.push(Entry { file, place, t0, last, cascade });
        }
        self.files.push((name, seekable));
    }
}

/// The smallest suffix, from 1, that makes the id unique.
fn free_suffix(cid: &str, taken: &mut Seen) -> u64 {
    if taken.insert(cid) {
        return 1;
    }
    let mut suffixes = 2..;
    suffixes
        .find(|suffix| taken.insert(&format!("{cid}~{suffix}")))
        .expect("the range is unbounded")
}

impl Cascades for History {
    fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    fn last_event(&self, unit: f64) -> Option<f64> {
        let last = |entry: &Entry| entry.t0.map(|t0| t0 + entry.last * unit);
        self.entries.iter().filter_map(last).reduce(f64::max)
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        let entry = &mut self.entries[index as usize];
        let (name, file) = &mut self.files[entry.file as usize];
        if let Some(taken) = entry.cascade.take() {
            *cascade = *taken;
            return Ok(());
        }
        let Some(file) = file else {
            let refusal = Refusal::new("file", "the cascade was taken already");
            return Err(Refused::at(name, entry.place.line, refusal));
        };
        let Place { line, offset, bytes } = entry.place;
        self.buffer.resize(bytes, 0);
        let read = file.seek(SeekFrom::Start(offset));
        let read = read.and_then(|_| file.read_exact(&mut self.buffer));
        read.map_err(|error| Refused::unreadable(name, Some(line), &error))?;
        cascade
            .read_line(&self.buffer)
            .map_err(|refusal| Refused::at(name, line, refusal).of(&self.buffer))
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        self.entries[index as usize].t0
    }

    fn suffix(&self, index: u64) -> u64 {
        self.suffixes.get(&index).copied().unwrap_or(1)
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        let entry = &self.entries[index as usize];
        Refused::at(&self.files[entry.file as usize].0, entry.place.line, refusal)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::random::seeded_rng;
    use crate::replay::testing::{Folder, below, cascades, gzip, lines_and_reasons, path, taken};
    use crate::replay::{Replay, ReplayItem, ReplayOptions};

    /// The cascades as lines, with blank lines between them.
    fn lines(cascades: &[HistoryCascade], seed: u64) -> String {
        let rng = &mut seeded_rng(seed, 1);
        let mut text = String::new();
        for HistoryCascade { cid, msg, t0, points, .. } in cascades {
            let end = ["\n", "\r\n", "\n\n", "\n \t\n"][below(rng, 4) as usize];
            let (t0, points) = (t0.unwrap(), serde_json::to_string(points).unwrap());
            write!(text, r#"{{"cid":"{cid}","msg":"{msg}","t0":{t0},"tweets":{points}}}{end}"#)
                .unwrap();
        }
        if seed.is_multiple_of(2) { text.trim_end().to_owned() } else { text }
    }

    #[test]
    fn a_history_is_read_as_written_plain_or_gzip() {
        let folder = Folder::new();
        for seed in 0..100 {
            let cascades = cascades(seed);
            let text = lines(&cascades, seed);
            let plain = folder.file("plain", &text);
            for file in [plain, folder.file("packed", gzip(text.as_bytes()))] {
                let read: Result<Vec<_>, _> = read_history(&file).unwrap().collect();
                assert_eq!(read, Ok(cascades.clone()), "seed {seed}");
                let history = History::open(&[&file], &mut |it| panic!("{it}")).unwrap();
                let times: Vec<_> = (0..history.count()).map(|i| history.root_time(i)).collect();
                assert_eq!(times, cascades.iter().map(|it| it.t0).collect::<Vec<_>>());
                let read: Result<Vec<_>, _> = taken(history).into_iter().collect();
                assert_eq!(read, Ok(cascades.clone()), "seed {seed}");
            }
            let reader = HistoryLines::from_reader(io::Cursor::new(text), "stdin").unwrap();
            assert_eq!(reader.filter(Result::is_ok).count(), cascades.len());
        }
    }

    #[test]
    fn an_invalid_line_is_refused_and_the_others_are_read() {
        let folder = Folder::new();
        let text = concat!(
            "\u{feff}{\"cid\":\"a\",\"tweets\":[[0,1]]}\n",
            "{\"cid\":\"b\",\"tweets\":[]}\n",
            "\n",
            "not JSON\n",
            "{\"cid\":\"a\",\"tweets\":[[0,2]]}\n",
            "{\"cid\":\"b\",\"tweets\":[[0,3]]}\n",
            "{\"cid\":\"c\",\"tweets\":[[0,1],[2,1],[1,1]]}\n",
            "{\"cid\":\"d\",\"tweets\":[[0,4]]}",
        );
        let file = folder.file("history", text);
        let mut refused = Vec::new();
        let history = History::open(&[&file], &mut |it| refused.push(it)).unwrap();
        let errors =
            [(Some(2), "field"), (Some(4), "json"), (Some(5), "field"), (Some(7), "range")];
        assert_eq!(lines_and_reasons(&refused), errors);
        assert_eq!(
            refused[2].to_string(),
            format!("{}:5: a second cascade with the id \"a\"", path(&file))
        );
        let cids: Vec<_> = taken(history).into_iter().map(|it| it.unwrap().cid).collect();
        assert_eq!(cids, ["a", "b", "d"]);
        let (accepted, refused): (Vec<_>, Vec<_>) =
            read_history(&file).unwrap().partition(Result::is_ok);
        assert_eq!((accepted.len(), refused.len()), (3, 4));
    }

    #[test]
    fn an_id_of_an_earlier_file_gets_a_suffix() {
        let folder = Folder::new();
        let file = |name: &str, cids: &[&str]| {
            let line = |cid: &&str| format!("{{\"cid\":\"{cid}\",\"tweets\":[[0,1]],\"t0\":0}}\n");
            folder.file(name, cids.iter().map(line).collect::<String>())
        };
        let files = [file("1", &["a", "a~2"]), file("2", &["a", "b"]), file("3", &["a", "a~2"])];
        let history = History::open(&files, &mut |it| panic!("{it}")).unwrap();
        let mut cids = Vec::new();
        let mut replay = Replay::new(
            Box::new(history),
            ReplayOptions { sources: 1, ..ReplayOptions::default() },
        )
        .unwrap();
        while let Some(fed) = replay.next() {
            if let ReplayItem::Event { event, .. } = fed {
                cids.push((event.cid.into_owned(), event.info.text().into_owned()));
            }
        }
        let pair = |cid: &str, of: &str| (cid.to_owned(), format!("cascade={of}"));
        let all =
            [("a", "a"), ("a~2", "a~2"), ("a~3", "a"), ("b", "b"), ("a~4", "a"), ("a~2~2", "a~2")];
        assert_eq!(cids, all.map(|(cid, of)| pair(cid, of)));
    }

    #[test]
    fn empty_missing_and_damaged_files_are_reported() {
        let folder = Folder::new();
        for empty in [folder.file("empty", ""), folder.file("packed", gzip(b""))] {
            assert_eq!(read_history(&empty).unwrap().count(), 0);
            assert_eq!(History::open(&[&empty], &mut |it| panic!("{it}")).unwrap().count(), 0);
        }
        let missing = Path::new("no such file");
        assert_eq!(read_history(missing).err().map(|it| it.reason), Some("file"));
        assert!(History::open(&[missing], &mut |it| panic!("{it}")).is_err());
        let mut packed = gzip(lines(&cascades(1), 1).as_bytes());
        packed.truncate(packed.len() * 2 / 3);
        let damaged = folder.file("damaged", packed);
        let read: Vec<_> = read_history(&damaged).unwrap().collect();
        let (last, before) = read.split_last().unwrap();
        assert!(before.iter().all(Result::is_ok));
        assert_eq!(last.as_ref().map_err(|it| it.reason).err(), Some("file"));
    }
}
