//! A pair of tables: the data, and an index with the first and last row of each cascade.
//!
//! The data may have many millions of rows, so only live cascades are in memory: one pass locates each
//! cascade, and its rows are read when it begins.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::index::read_index;
use super::lines::without_end;
use super::ranges::{self, Range};
use super::{Cascades, HistoryCascade, Refused};
use crate::cascade::{Point, numbers};
use crate::record::Refusal;

/// A pair of tables: `data` has time, magnitude and an optional message by position, `index` has the
/// first and last rows.
pub struct Pair {
    data: File,
    data_file: String,
    index_file: String,
    columns: Columns,
    /// Seconds per unit of its times.
    unit: f64,
    ranges: Vec<Range>,
    buffer: Vec<u8>,
}

impl Pair {
    /// Reads the index and locates its rows in the data.
    ///
    /// # Errors
    /// A file cannot be read, or lacks a valid header. Invalid rows of the index are reported to `refuse`.
    pub fn open(
        data: &Path,
        index: &Path,
        unit: f64,
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let data_file = data.display().to_string();
        let index_file = index.display().to_string();
        let unreadable = |error: io::Error| Refused::unreadable(&data_file, None, &error);
        let rows = read_index(index)?;
        let mut file = File::open(data).map_err(unreadable)?;
        let columns = header(&mut file).map_err(unreadable)?;
        let columns = columns.map_err(|refusal| Refused::at(&data_file, 1, refusal))?;
        let mut ranges = Vec::new();
        for (line, found) in ranges::find(&mut file, rows).map_err(unreadable)? {
            match found {
                Ok(range) => ranges.push(range),
                Err(refusal) => refuse(Refused::at(&index_file, line, refusal)),
            }
        }
        Ok(Self { data: file, data_file, index_file, columns, unit, ranges, buffer: Vec::new() })
    }
}

/// The columns of the data: time and magnitude in either order, then perhaps messages.
#[derive(Clone, Copy)]
struct Columns {
    magnitude_first: bool,
    has_msg: bool,
}

/// Whether a column has one of these names, in quotes or not.
fn is_named(column: &[u8], names: &[&str]) -> bool {
    let column = column.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\"")).unwrap_or(column);
    names.iter().any(|name| column.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

/// Checks the header of the data. Columns are taken by their names where the header names a magnitude or a
/// time, else by position: time, magnitude, message.
fn header(data: &mut File) -> io::Result<Result<Columns, Refusal>> {
    const MAGNITUDE: [&str; 2] = ["m", "magnitude"];
    const TIME: [&str; 2] = ["t", "time"];
    const MAX_BYTES: u64 = 1 << 16;
    let mut line = Vec::new();
    BufReader::new(data.take(MAX_BYTES)).read_until(b'\n', &mut line)?;
    let line = without_end(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line));
    let names: Vec<&[u8]> = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    let refusal = |detail: &str| Ok(Err(Refusal::new("field", detail)));
    if line.starts_with(&[0x1f, 0x8b]) {
        return refusal("data with an index cannot be gzip or zstd; decompress the file first");
    }
    if names.iter().any(|name| numbers::field(name).is_some()) {
        return refusal("no header in the first line of the data");
    }
    match names[..] {
        [] | [_] => refusal("no second column: magnitude is missing"),
        [_, name, ..] if is_named(name, &["msg"]) => {
            refusal("the second column is \"msg\": magnitude is missing")
        }
        [first, second] | [first, second, _]
            if !names
                .get(2)
                .is_some_and(|third| is_named(third, &[&TIME[..], &MAGNITUDE].concat())) =>
        {
            let magnitude_first = is_named(first, &MAGNITUDE) && !is_named(second, &MAGNITUDE)
                || is_named(second, &TIME) && !is_named(first, &TIME);
            Ok(Ok(Columns { magnitude_first, has_msg: names.len() == 3 }))
        }
        [_, _, third] => refusal(&format!(
            "the third column is {:?}: time and magnitude are the first two columns",
            String::from_utf8_lossy(third)
        )),
        _ => refusal("more than three columns: time, magnitude and message are read"),
    }
}

impl Cascades for Pair {
    fn count(&self) -> u64 {
        self.ranges.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        let range = &self.ranges[index as usize];
        let unreadable =
            |error| Refused::unreadable(&self.data_file, Some(range.first + 1), &error);
        self.data.seek(SeekFrom::Start(range.offset)).map_err(unreadable)?;
        self.buffer.resize(range.bytes as usize, 0);
        self.data.read_exact(&mut self.buffer).map_err(unreadable)?;
        cascade.cid.clear();
        cascade.cid.push_str(&range.row.to_string());
        cascade.msg.clear();
        cascade.t0 = None;
        cascade.points.clear();
        let lines = self.buffer.split_inclusive(|byte| *byte == b'\n');
        for (row, line) in (range.first..=range.last).zip(lines) {
            let msg = if row == range.first { Some(&mut cascade.msg) } else { None };
            let point = point(without_end(line), self.columns, self.unit, msg);
            cascade.points.push(point.map_err(|Refusal { reason, detail }| {
                let refusal = Refusal::new(reason, format!("row {row}: {detail}"));
                Refused::at(&self.data_file, row + 1, refusal)
            })?);
        }
        cascade.relative().map_err(|Refusal { reason, detail }| {
            let detail = format!("rows {} to {}: {detail}", range.first, range.last);
            Refused::at(&self.data_file, range.first + 1, Refusal { reason, detail })
        })
    }

    fn root_time(&self, _: u64) -> Option<f64> {
        None
    }

    fn dated(&self) -> bool {
        false
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        Refused::at(&self.index_file, self.ranges[index as usize].line, refusal)
    }
}

/// The event of a row; its message is stored in `msg`, if given.
fn point(
    line: &[u8],
    columns: Columns,
    unit: f64,
    msg: Option<&mut String>,
) -> Result<Point, Refusal> {
    let (first, rest) = cut(line).ok_or_else(|| Refusal::new("field", "no magnitude"))?;
    let (second, text) =
        if columns.has_msg { cut(rest).unwrap_or((rest, b"")) } else { (rest, &b""[..]) };
    let number = |field: &[u8], name: &str| {
        numbers::field(field).ok_or_else(|| {
            let field = String::from_utf8_lossy(field);
            Refusal::new("field", format!("the {name} is not a number: {field:?}"))
        })
    };
    let (time, magnitude) = if columns.magnitude_first { (second, first) } else { (first, second) };
    let (time, magnitude) = (number(time, "time")?, number(magnitude, "magnitude")?);
    if let Some(msg) = msg {
        *msg = message(text);
    }
    checked(time, magnitude, unit)
}

/// An event whose time is within the limits in seconds, and stays in the unit of the file.
fn checked(time: f64, magnitude: f64, unit: f64) -> Result<Point, Refusal> {
    let checked = Point::checked(time * unit, magnitude);
    let checked = checked.map_err(|detail| Refusal::new("range", detail))?;
    Ok(Point { time, ..checked })
}

/// The bytes before and after the first comma.
fn cut(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let comma = memchr::memchr(b',', line)?;
    Some((&line[..comma], &line[comma + 1..]))
}

/// The message of a row, commas included; a message quoted as in CSV is unquoted.
fn message(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.replace("\"\"", "").contains('"') => inner.replace("\"\"", "\""),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::random::seeded_rng;
    use crate::replay::testing::{Folder, below, gzip, lines_and_reasons, taken};

    /// Data of several cascades, with rows between them that are not in the index, and the index.
    fn pair(seed: u64) -> (String, String) {
        let rng = &mut seeded_rng(seed, 1);
        let end = ["\n", "\r\n"][below(rng, 2) as usize];
        let has_msg = below(rng, 2) == 0;
        let mut data = format!("time,magnitude{}{end}", if has_msg { ",msg" } else { "" });
        let mut ranges = Vec::new();
        let mut row = 1;
        for _ in 0..below(rng, 8) {
            let (first, mut time) = (row, 0.0);
            let indexed = below(rng, 4) > 0;
            for _ in 0..=below(rng, 6) {
                let texts = [
                    "plain",
                    "a, b,, c",
                    "\"quoted, \"\"so\"\"\"",
                    "\"not\" \"so\"",
                    "",
                    "\"",
                    "é 🐦",
                ];
                let msg = texts[below(rng, texts.len() as u64) as usize];
                let msg = if has_msg { format!(",{msg}") } else { String::new() };
                data += &format!("{time},{}{msg}{end}", below(rng, 99) as f64 / 2.0);
                time += below(rng, 100) as f64 / 4.0;
                row += 1;
            }
            if indexed {
                ranges.push((first, row - 1));
            }
        }
        if below(rng, 2) == 0 {
            data.truncate(data.trim_end_matches(['\r', '\n']).len());
        }
        if below(rng, 2) == 0 {
            ranges.reverse();
        }
        let rows: String =
            ranges.iter().map(|(first, last)| format!("{first},{last}{end}")).collect();
        (data, format!("start_ind,end_ind{end}{rows}"))
    }

    /// The cascades by reading all rows.
    fn slow(data: &str, index: &str) -> Vec<HistoryCascade> {
        let rows: Vec<Vec<&str>> =
            data.lines().skip(1).map(|line| line.splitn(3, ',').collect()).collect();
        let mut all = Vec::new();
        for (i, line) in index.lines().skip(1).enumerate() {
            let (first, last) = line.split_once(',').unwrap();
            let rows = &rows[first.parse::<usize>().unwrap() - 1..last.parse::<usize>().unwrap()];
            let point = |row: &Vec<&str>| Point {
                time: row[0].parse().unwrap(),
                magnitude: row[1].parse().unwrap(),
            };
            let msg = match rows[0].get(2).copied().unwrap_or_default() {
                "\"quoted, \"\"so\"\"\"" => "quoted, \"so\"",
                text => text,
            };
            let points = rows.iter().map(point).collect();
            all.push(HistoryCascade {
                cid: (i + 1).to_string(),
                msg: msg.into(),
                points,
                ..HistoryCascade::default()
            });
        }
        all
    }

    #[test]
    fn reading_by_index_equals_reading_all_rows() {
        let folder = Folder::new();
        for seed in 0..300 {
            let (data, index) = pair(seed);
            let files = (folder.file("data", &data), folder.file("index", &index));
            let pair =
                Pair::open(&files.0, &files.1, 1.0, &mut |it| panic!("seed {seed}: {it}")).unwrap();
            let read: Result<Vec<_>, _> = taken(pair).into_iter().collect();
            assert_eq!(read, Ok(slow(&data, &index)), "seed {seed}");
        }
    }

    #[test]
    fn cascades_are_read_in_any_order_and_across_chunks() {
        let folder = Folder::new();
        let row = |i: u64| format!("{},{i},{}\n", i % 1000, "x".repeat(i as usize % 50));
        let data: String = (1..=50_000).map(row).collect();
        let index: String =
            (0..50).map(|i| format!("{},{}\n", i * 1000 + 1, i * 1000 + 999)).collect();
        let data = folder.file("data", format!("t,m,msg\n{data}"));
        let index = folder.file("index", format!("start_ind,end_ind\n{index}"));
        let mut pair = Pair::open(&data, &index, 1.0, &mut |it| panic!("{it}")).unwrap();
        let mut cascade = HistoryCascade::default();
        for i in (0..50).rev() {
            pair.take(i, &mut cascade).unwrap();
            let marks: Vec<f64> = cascade.points.iter().map(|point| point.magnitude).collect();
            let slow: Vec<f64> = (i * 1000 + 1..=i * 1000 + 999).map(|row| row as f64).collect();
            assert_eq!(marks, slow);
        }
    }

    #[test]
    fn invalid_rows_of_the_index_are_refused_with_file_and_row() {
        let folder = Folder::new();
        let data = folder.file("data.csv", "time,magnitude\n0,1\n1,2\n2,3\n3,4\n4,5\n");
        let rows = "3,5\n1,2\n2,2\n5,4\n5,6\n0,1\n1e0,x\n4\n\n1,900\n";
        let index = folder.file(
            "index.csv",
            format!("\"\",\"start_ind\",\"end_ind\"\n{}", {
                let with_name = |(i, row): (usize, &str)| format!("\"{i}\",{row}\n");
                rows.lines()
                    .filter(|row| !row.is_empty())
                    .enumerate()
                    .map(with_name)
                    .collect::<String>()
            }),
        );
        let mut refused = Vec::new();
        let pair = Pair::open(&data, &index, 1.0, &mut |it| refused.push(it)).unwrap();
        let cids: Vec<_> = taken(pair).into_iter().map(|it| it.unwrap().cid).collect();
        assert_eq!(cids, ["1", "2"]);
        let reasons = ["range", "range", "range", "field", "field", "field", "range"];
        let lines: Vec<_> = (4..=10).map(Some).zip(reasons).collect();
        assert_eq!(lines_and_reasons(&refused), lines);
        let texts: Vec<String> = refused.iter().map(|it| it.detail.clone()).collect();
        assert_eq!(texts[0], "row 3: rows 2 to 2 overlap rows 1 to 2 of row 2");
        assert_eq!(texts[1], "row 4: the last row precedes the first: 5 to 4");
        assert_eq!(texts[2], "row 5: rows 5 to 6 are past the end: the data has 5 rows");
        assert!(refused.iter().all(|it| it.file.ends_with("index.csv")));
    }

    #[test]
    fn an_invalid_row_of_the_data_refuses_its_cascade() {
        let folder = Folder::new();
        let rows = "0,1\n1\n0,1\nx,1\n5,1\n4,1\n0,-1\n0,1,2\n-3,1\n0,1e13\n0,nan\n7,1\n9,1\n";
        let data = folder.file("data.csv", format!("time,magnitude\n{rows}"));
        let ranges = "1,2\n3,4\n5,6\n7,7\n8,8\n9,9\n10,10\n11,11\n12,13\n";
        let index = folder.file("index.csv", format!("start_ind,end_ind\n{ranges}"));
        let pair = Pair::open(&data, &index, 1.0, &mut |it| panic!("{it}")).unwrap();
        let mut read = taken(pair);
        let valid = read.pop().unwrap().unwrap();
        assert_eq!(valid.points[1], Point { time: 2.0, magnitude: 1.0 });
        let refused: Vec<Refused> = read.into_iter().map(Result::unwrap_err).collect();
        let lines: Vec<_> = refused.iter().map(|it| it.line.unwrap()).collect();
        assert_eq!(lines, [3, 5, 6, 8, 9, 10, 11, 12]);
        assert_eq!(refused[0].detail, "row 2: no magnitude");
        assert_eq!(refused[1].detail, "row 4: the time is not a number: \"x\"");
        assert_eq!(
            refused[2].detail,
            "rows 5 to 6: times go back: event 2 at 4 after 5; sort the events by time"
        );
    }

    #[test]
    fn data_without_magnitudes_or_header_is_refused() {
        let folder = Folder::new();
        let index = folder.file("index.csv", "start_ind,end_ind\n1,1\n");
        let refusal = |data: &[u8], index: &Path| {
            let data = folder.file("data.csv", data);
            Pair::open(&data, index, 1.0, &mut |it| panic!("{it}")).err().map(|it| it.detail)
        };
        assert_eq!(refusal(b"time,magnitude\n0,1\n", &index), None);
        assert_eq!(refusal(b"\xef\xbb\xbftime,magnitude\n0,1\n", &index), None);
        let missing = Some("no second column: magnitude is missing".to_owned());
        assert_eq!(refusal(b"time\n0\n", &index), missing);
        assert_eq!(refusal(b"", &index), missing);
        let text = refusal(b"time,msg\n0,hello\n", &index).unwrap();
        assert_eq!(text, "the second column is \"msg\": magnitude is missing");
        assert!(refusal(b"0,1\n1,1\n", &index).unwrap().contains("no header"));
        assert!(refusal(b"time,magnitude,msg,more\n", &index).unwrap().contains("more than three"));
        assert!(refusal(&gzip(b"time,magnitude\n0,1\n"), &index).unwrap().contains("gzip"));
        let headless = folder.file("headless.csv", "1,1\n");
        assert!(refusal(b"time,magnitude\n0,1\n", &headless).unwrap().contains("no header"));
        assert!(refusal(b"time,magnitude\n0,1\n", Path::new("no such file")).is_some());
    }
}
