//! Histories: JSON lines, one cascade a line, plain or gzip; what stands in a line is read in `json`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::lines::{self, ByteStream, Lines};
use super::{Cascades, HistoryCascade, Refused};
use crate::record::Refusal;

/// The cascades of a history, line by line; a second one with the same id is refused.
///
/// After a line that cannot be read (a disk, a damaged archive) nothing follows.
pub struct HistoryLines {
    lines: Lines,
    file: String,
    seen: Seen,
    over: bool,
}

/// Opens a history, plain or gzip.
pub fn read_history(path: &Path) -> Result<HistoryLines, Refused> {
    let file = path.display().to_string();
    let opened = lines::open(path).map_err(|error| Refused::unreadable(&file, None, &error));
    opened.map(|(input, _)| HistoryLines::new(input, file))
}

impl HistoryLines {
    fn new(input: ByteStream, file: String) -> Self {
        Self { lines: Lines::new(input), file, seen: Seen::default(), over: false }
    }

    /// Reads a history from anything else; `name` stands for the file in what is refused.
    pub fn from_reader(reader: impl Read + Send + 'static, name: &str) -> Result<Self, Refused> {
        let opened = lines::unpack(Box::new(io::BufReader::new(reader)));
        let opened = opened.map_err(|error| Refused::unreadable(name, None, &error));
        opened.map(|(input, _)| Self::new(input, name.to_owned()))
    }

    /// The next cascade, and where its line stands.
    fn advance(&mut self) -> Option<Result<(HistoryCascade, Place), Refused>> {
        loop {
            if self.over {
                return None;
            }
            let line = match self.lines.next() {
                Ok(line) => line?,
                Err(error) => {
                    self.over = true;
                    let line = Some(self.lines.number() + 1);
                    return Some(Err(Refused::unreadable(&self.file, line, &error)));
                }
            };
            if line.bytes.trim_ascii().is_empty() {
                continue;
            }
            let place = Place { line: line.number, offset: line.offset, bytes: line.bytes.len() };
            let read = if line.cut {
                Err(Refusal::new(
                    "size",
                    format!("the line is longer than {} bytes", lines::LONGEST),
                ))
            } else {
                HistoryCascade::from_line(line.bytes)
            };
            let read = read.and_then(|cascade| match self.seen.insert(&cascade.cid) {
                true => Ok((cascade, place)),
                false => {
                    let detail = format!("a second cascade with the id {:?}", cascade.cid);
                    Err(Refusal::new("field", detail))
                }
            });
            return Some(read.map_err(|refusal| Refused::at(&self.file, place.line, refusal)));
        }
    }
}

impl Iterator for HistoryLines {
    type Item = Result<HistoryCascade, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().map(|read| read.map(|(cascade, _)| cascade))
    }
}

/// Where a line stands in its file.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    offset: u64,
    bytes: usize,
}

/// Ids that were met: 128 bits of each, under keys of chance, in place of the whole.
#[derive(Default)]
struct Seen {
    keys: [RandomState; 2],
    prints: HashSet<u128>,
}

impl Seen {
    /// Whether the id is a new one.
    fn insert(&mut self, cid: &str) -> bool {
        let [high, low] = self.keys.each_ref().map(|key| u128::from(key.hash_one(cid)));
        self.prints.insert(high << 64 | low)
    }
}

/// Histories to be replayed: the lines of plain files stay there until their cascade is live.
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
    /// Where the file cannot be read in any order (gzip, a pipe): the cascade itself.
    kept: Option<Box<HistoryCascade>>,
}

impl History {
    /// Reads the files once, to check them and to learn where each cascade stands.
    ///
    /// Ids are unique in a file; one that came in an earlier file gets a suffix.
    pub fn open(
        paths: &[impl AsRef<Path>],
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let (files, entries) = (Vec::new(), Vec::new());
        let mut history = Self { files, entries, suffixes: HashMap::new(), buffer: Vec::new() };
        let mut taken = Seen::default();
        for path in paths {
            history.add(path.as_ref(), &mut taken, refuse)?;
        }
        Ok(history)
    }

    fn add(
        &mut self,
        path: &Path,
        taken: &mut Seen,
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<(), Refused> {
        let name = path.display().to_string();
        let unreadable = |error| Refused::unreadable(&name, None, &error);
        let (input, packed) = lines::open(path).map_err(unreadable)?;
        let seekable = !packed && path.metadata().map_err(unreadable)?.is_file();
        let again = seekable.then(|| File::open(path)).transpose().map_err(unreadable)?;
        let file = self.files.len() as u32;
        let mut lines = HistoryLines::new(input, name.clone());
        while let Some(read) = lines.advance() {
            let (cascade, place) = match read {
                Ok(sound) => sound,
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
            let kept = again.is_none().then(|| Box::new(cascade));
            self.entries.push(Entry { file, place, t0, kept });
        }
        self.files.push((name, again));
        Ok(())
    }
}

/// The smallest number from 1 on with which the id is new.
fn free_suffix(cid: &str, taken: &mut Seen) -> u64 {
    if taken.insert(cid) {
        return 1;
    }
    let mut suffixes = 2..;
    suffixes.find(|suffix| taken.insert(&format!("{cid}~{suffix}"))).expect("numbers do not end")
}

impl Cascades for History {
    fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        let entry = &mut self.entries[index as usize];
        let (name, file) = &mut self.files[entry.file as usize];
        if let Some(kept) = entry.kept.take() {
            *cascade = *kept;
            return Ok(());
        }
        let Some(file) = file else {
            let refusal = Refusal::new("file", "this cascade was taken already");
            return Err(Refused::at(name, entry.place.line, refusal));
        };
        let Place { line, offset, bytes } = entry.place;
        self.buffer.resize(bytes, 0);
        let read = file.seek(SeekFrom::Start(offset));
        let read = read.and_then(|_| file.read_exact(&mut self.buffer));
        read.map_err(|error| Refused::unreadable(name, Some(line), &error))?;
        cascade.read_line(&self.buffer).map_err(|refusal| Refused::at(name, line, refusal))
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
    use crate::replay::testing::{Folder, below, cascades, gzip, path, taken, told};
    use crate::replay::{Fed, Plan, Replay, chance};

    /// The cascades as lines, with blank ones among them.
    fn lines(cascades: &[HistoryCascade], seed: u64) -> String {
        let rng = &mut chance(seed, 1);
        let mut text = String::new();
        for HistoryCascade { cid, msg, t0, points } in cascades {
            let end = ["\n", "\r\n", "\n\n", "\n \t\n"][below(rng, 4) as usize];
            let (t0, points) = (t0.unwrap(), serde_json::to_string(points).unwrap());
            write!(text, r#"{{"cid":"{cid}","msg":"{msg}","t0":{t0},"tweets":{points}}}{end}"#)
                .unwrap();
        }
        if seed.is_multiple_of(2) { text.trim_end().to_owned() } else { text }
    }

    #[test]
    fn a_history_reads_back_as_it_was_written_plain_or_gzip() {
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
    fn a_bad_line_is_named_and_the_rest_goes_on() {
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
        assert_eq!(told(&refused), errors);
        assert_eq!(
            refused[2].to_string(),
            format!("{}:5: a second cascade with the id \"a\"", path(&file))
        );
        let cids: Vec<_> = taken(history).into_iter().map(|it| it.unwrap().cid).collect();
        assert_eq!(cids, ["a", "b", "d"]);
        let (read, again): (Vec<_>, Vec<_>) = read_history(&file).unwrap().partition(Result::is_ok);
        assert_eq!((read.len(), again.len()), (3, 4));
    }

    #[test]
    fn an_id_that_came_in_an_earlier_file_gets_a_suffix() {
        let folder = Folder::new();
        let file = |name: &str, cids: &[&str]| {
            let line = |cid: &&str| format!("{{\"cid\":\"{cid}\",\"tweets\":[[0,1]],\"t0\":0}}\n");
            folder.file(name, cids.iter().map(line).collect::<String>())
        };
        let files = [file("1", &["a", "a~2"]), file("2", &["a", "b"]), file("3", &["a", "a~2"])];
        let history = History::open(&files, &mut |it| panic!("{it}")).unwrap();
        let mut cids = Vec::new();
        let mut replay =
            Replay::new(Box::new(history), Plan { sources: 1, ..Plan::default() }).unwrap();
        while let Some(fed) = replay.next() {
            if let Fed::Event { event, .. } = fed {
                cids.push((event.cid.into_owned(), event.info.text().into_owned()));
            }
        }
        let pair = |cid: &str, of: &str| (cid.to_owned(), format!("cascade={of}"));
        let all =
            [("a", "a"), ("a~2", "a~2"), ("a~3", "a"), ("b", "b"), ("a~4", "a"), ("a~2~2", "a~2")];
        assert_eq!(cids, all.map(|(cid, of)| pair(cid, of)));
    }

    #[test]
    fn files_that_are_empty_missing_or_damaged_are_told() {
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
        let (last, sound) = read.split_last().unwrap();
        assert!(sound.iter().all(Result::is_ok));
        assert_eq!(last.as_ref().map_err(|it| it.reason).err(), Some("file"));
    }
}
