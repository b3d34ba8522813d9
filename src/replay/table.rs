//! Tables of CSV: one long table of cascades, and the index of a pair; alone in naming `csv`.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder, Trim};

use super::lines::{self, Input};
use super::{Cascades, HistoryCascade, Refused, numbers};
use crate::cascade::Point;
use crate::record::Refusal;

/// A long table, columns by name, rows in any order: cascades in order of their first rows.
///
/// Where its times are those of one clock, they can be replayed as they were, but only on demand:
/// nothing in the table tells such a clock from times since the root.
pub struct Table {
    file: String,
    cascades: Vec<Group>,
}

/// The rows of a cascade.
struct Group {
    /// The line of its first row.
    line: u64,
    /// The time of its root, as the table has it.
    first: f64,
    cascade: HistoryCascade,
    /// Why its cascade is passed over: a row of it is no event.
    spoilt: bool,
}

/// Where the columns of a long table are.
struct Columns {
    count: usize,
    cid: usize,
    time: usize,
    magnitude: Option<usize>,
    msg: Option<usize>,
}

impl Columns {
    fn of(header: &ByteRecord) -> Result<Self, Refusal> {
        let place = |name: &str| header.iter().position(|field| field == name.as_bytes());
        let needed = |column: Option<usize>, name: &str| {
            column.ok_or_else(|| Refusal::new("field", format!("no column {name:?} in the header")))
        };
        Ok(Self {
            count: header.len(),
            cid: needed(place("cid"), "cid")?,
            time: needed(place("t").or(place("time")), "t")?,
            magnitude: place("m").or(place("magnitude")),
            msg: place("msg"),
        })
    }

    /// The event of a row.
    fn point(&self, row: &ByteRecord) -> Result<Point, Refusal> {
        if row.len() != self.count {
            let detail = format!("{} fields, where the header has {}", row.len(), self.count);
            return Err(Refusal::new("field", detail));
        }
        let number = |column: usize, name: &str| {
            let text = row.get(column).unwrap_or_default();
            numbers::field(text).ok_or_else(|| {
                let text = String::from_utf8_lossy(text);
                Refusal::new("field", format!("{name} is no number: {text:?}"))
            })
        };
        let time = number(self.time, "the time")?;
        let given =
            self.magnitude.filter(|column| !row.get(*column).unwrap_or_default().is_empty());
        let magnitude = given.map_or(Ok(1.0), |column| number(column, "the magnitude"))?;
        if time < 0.0 {
            return Err(Refusal::new("range", format!("the time is negative: {time}")));
        }
        Point::checked(time, magnitude).map_err(|detail| Refusal::new("range", detail))
    }
}

impl Table {
    /// Reads the table, plain or gzip: all of it, as the rows of a cascade may stand anywhere.
    ///
    /// A row that is no event spoils its cascade: without it the rest would be another one.
    pub fn open(path: &Path, refuse: &mut dyn FnMut(Refused)) -> Result<Self, Refused> {
        let file = path.display().to_string();
        let (input, _) = lines::open(path).map_err(|e| Refused::unreadable(&file, None, &e))?;
        let mut reader = reader(input);
        let header = reader.byte_headers().map_err(|error| unread(&file, error))?;
        let columns = Columns::of(header).map_err(|refusal| Refused::at(&file, 1, refusal))?;
        let mut table = Self { file, cascades: Vec::new() };
        let mut known = HashMap::new();
        let mut row = ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut row) {
                Ok(false) => break,
                Ok(true) => table.add(&columns, &row, &mut known).unwrap_or_else(&mut *refuse),
                Err(error) => return Err(unread(&table.file, error)),
            }
        }
        table.cascades.retain(|group| !group.spoilt);
        table.cascades.iter_mut().for_each(Group::close);
        Ok(table)
    }

    /// Adds a row to its cascade.
    fn add(
        &mut self,
        columns: &Columns,
        row: &ByteRecord,
        known: &mut HashMap<Box<[u8]>, usize>,
    ) -> Result<(), Refused> {
        let line = row.position().map_or(0, csv::Position::line);
        let refused = |refusal| Refused::at(&self.file, line, refusal);
        let cid = row.get(columns.cid).unwrap_or_default();
        let place = match known.get(cid) {
            Some(place) => *place,
            None => {
                let text = std::str::from_utf8(cid)
                    .map_err(|_| refused(Refusal::new("field", "the cascade id is not UTF-8")))?;
                let cascade = HistoryCascade { cid: text.to_owned(), ..HistoryCascade::default() };
                known.insert(cid.into(), self.cascades.len());
                self.cascades.push(Group { line, first: f64::INFINITY, cascade, spoilt: false });
                self.cascades.len() - 1
            }
        };
        let group = &mut self.cascades[place];
        match columns.point(row) {
            Ok(point) => {
                if point.time < group.first {
                    group.first = point.time;
                    let msg = columns.msg.and_then(|column| row.get(column)).unwrap_or_default();
                    group.cascade.msg = String::from_utf8_lossy(msg).into_owned();
                }
                group.cascade.points.push(point);
                Ok(())
            }
            Err(refusal) => {
                group.spoilt = true;
                Err(refused(refusal))
            }
        }
    }
}

impl Group {
    /// Brings the rows, which are all there now, into the order and form of a history.
    fn close(&mut self) {
        self.cascade.points.shrink_to_fit();
        self.cascade.points.sort_by(|a, b| a.time.total_cmp(&b.time));
        self.cascade.points.iter_mut().for_each(|point| point.time -= self.first);
    }
}

impl Cascades for Table {
    fn count(&self) -> u64 {
        self.cascades.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        *cascade = std::mem::take(&mut self.cascades[index as usize].cascade);
        Ok(())
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        Some(self.cascades[index as usize].first)
    }

    fn dated(&self) -> bool {
        false
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        Refused::at(&self.file, self.cascades[index as usize].line, refusal)
    }
}

/// A row of an index: the rows of the data that make a cascade.
pub(super) struct IndexRow {
    /// The line of the index.
    pub(super) line: u64,
    /// Which row of the index it is, from 1.
    pub(super) row: u64,
    /// The first and the last row of the data, or why there are none.
    pub(super) range: Result<(u64, u64), Refusal>,
}

/// Reads an index: columns `start_ind` and `end_ind`, or else the first two.
pub(super) fn read_index(path: &Path) -> Result<Vec<IndexRow>, Refused> {
    let file = path.display().to_string();
    let (input, _) = lines::open(path).map_err(|e| Refused::unreadable(&file, None, &e))?;
    let mut reader = reader(input);
    let header = reader.byte_headers().map_err(|error| unread(&file, error))?;
    if header.len() < 2 || header.iter().any(|name| numbers::field(name).is_some()) {
        let why = "no header start_ind,end_ind in the first line of the index";
        return Err(Refused::at(&file, 1, Refusal::new("field", why)));
    }
    let place = |name: &[u8]| header.iter().position(|field| field == name);
    let columns = (place(b"start_ind").unwrap_or(0), place(b"end_ind").unwrap_or(1));
    let mut rows = Vec::new();
    let mut row = ByteRecord::new();
    loop {
        if !reader.read_byte_record(&mut row).map_err(|error| unread(&file, error))? {
            return Ok(rows);
        }
        let line = row.position().map_or(0, csv::Position::line);
        rows.push(IndexRow { line, row: rows.len() as u64 + 1, range: range(&row, columns) });
    }
}

fn range(row: &ByteRecord, columns: (usize, usize)) -> Result<(u64, u64), Refusal> {
    const MOST: f64 = 9_007_199_254_740_992.0; // 2^53: exact in an f64
    let whole = |column: usize| {
        let value = numbers::field(row.get(column).unwrap_or_default());
        let sound = value.filter(|value| value.fract() == 0.0 && (1.0..MOST).contains(value));
        sound.map(|value| value as u64)
    };
    match (whole(columns.0), whole(columns.1)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        (Some(first), Some(last)) => {
            Err(Refusal::new("range", format!("the rows run backwards: {first} to {last}")))
        }
        _ => Err(Refusal::new("field", "the rows are no two whole numbers from 1 on")),
    }
}

fn reader(input: Input) -> Reader<Input> {
    ReaderBuilder::new().flexible(true).trim(Trim::Headers).from_reader(input)
}

/// What stopped the reading of a table: rows of any length and bytes are read, so it is the file.
fn unread(file: &str, error: csv::Error) -> Refused {
    Refused::unreadable(file, error.position().map(csv::Position::line), &io::Error::from(error))
}
