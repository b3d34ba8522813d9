//! CSV tables: one long table of cascades, and the index of a pair.

use std::collections::HashMap;
use std::path::Path;

use csv::ByteRecord;

use super::rows::Rows;
use super::{Cascades, HistoryCascade, Refused};
use crate::cascade::{Point, numbers};
use crate::record::Refusal;

/// A long table with named columns and rows in any order. The cascades are in the order of their first rows.
///
/// Its times may be absolute or relative to the initial tweet, and the table does not state which. So the
/// times are replayed as absolute times only with [`Timeline::Real`](crate::replay::Timeline::Real).
pub struct Table {
    file: String,
    /// Seconds per unit of the times.
    unit: f64,
    /// Rows whose id is a number in scientific notation.
    scientific_ids: u64,
    cascades: Vec<Group>,
}

/// The rows of a cascade.
struct Group {
    /// The line number of its first row.
    line: u64,
    /// Its smallest time, as in the table.
    first: f64,
    cascade: HistoryCascade,
    /// Whether the cascade is skipped because one of its rows is invalid.
    invalid: bool,
}

/// The positions of the columns of a long table.
struct Columns {
    /// Seconds per unit of the times.
    unit: f64,
    count: usize,
    cid: usize,
    time: usize,
    magnitude: Option<usize>,
    msg: Option<usize>,
}

impl Columns {
    fn of(header: &ByteRecord, unit: f64) -> Result<Self, Refusal> {
        let named = |field: &[u8], name: &str| field.trim_ascii() == name.as_bytes();
        let place = |name: &str| header.iter().position(|field| named(field, name));
        let needed = |column: Option<usize>, name: &str| {
            column.ok_or_else(|| Refusal::new("field", format!("no column {name:?} in the header")))
        };
        Ok(Self {
            unit,
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
                Refusal::new("field", format!("{name} is not a number: {text:?}"))
            })
        };
        let time = number(self.time, "the time")?;
        let given =
            self.magnitude.filter(|column| !row.get(*column).unwrap_or_default().is_empty());
        let magnitude = given.map_or(Ok(1.0), |column| number(column, "the magnitude"))?;
        if time < 0.0 {
            return Err(Refusal::new("range", format!("the time is negative: {time}")));
        }
        let checked = Point::checked(time * self.unit, magnitude);
        checked.map_err(|detail| Refusal::new("range", detail))?;
        Ok(Point { time, magnitude })
    }
}

impl Table {
    /// Reads the whole table, plain or gzip, because the rows of a cascade may be anywhere. Its times are in
    /// units of `seconds_per_unit`.
    ///
    /// An invalid row refuses its whole cascade, because without the row the cascade would be a different one.
    ///
    /// # Errors
    /// The file cannot be read, or a column is missing. Invalid rows are reported to `refuse`.
    pub fn open(
        path: &Path,
        seconds_per_unit: f64,
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let file = path.display().to_string();
        let unit = seconds_per_unit;
        let mut table = Self { file, unit, scientific_ids: 0, cascades: Vec::new() };
        let mut rows = Rows::open(path)?;
        let header = rows.next()?.cloned().unwrap_or_default();
        let columns =
            Columns::of(&header, unit).map_err(|refusal| Refused::at(&table.file, 1, refusal))?;
        let mut index = HashMap::new();
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(refused) if refused.line.is_some() => {
                    refuse(refused);
                    continue;
                }
                Err(refused) => return Err(refused),
            };
            table.add(&columns, row, &mut index).unwrap_or_else(&mut *refuse);
        }
        table.cascades.retain(|group| !group.invalid);
        table.cascades.iter_mut().for_each(Group::close);
        Ok(table)
    }

    /// Rows whose id is a number in scientific notation, as spreadsheets write long ids: its last digits are
    /// lost, and cascades with equal first digits are one.
    pub fn scientific_ids(&self) -> u64 {
        self.scientific_ids
    }

    /// Adds a row to its cascade.
    fn add(
        &mut self,
        columns: &Columns,
        row: &ByteRecord,
        index: &mut HashMap<Box<[u8]>, usize>,
    ) -> Result<(), Refused> {
        let line = row.position().map_or(0, csv::Position::line);
        let refused = |refusal| Refused::at(&self.file, line, refusal);
        let cid = row.get(columns.cid).unwrap_or_default();
        let place = match index.get(cid) {
            Some(place) => *place,
            None => {
                let text = std::str::from_utf8(cid)
                    .map_err(|_| refused(Refusal::new("field", "the cascade id is not UTF-8")))?;
                let cascade = HistoryCascade { cid: text.to_owned(), ..HistoryCascade::default() };
                index.insert(cid.into(), self.cascades.len());
                self.cascades.push(Group { line, first: f64::INFINITY, cascade, invalid: false });
                self.cascades.len() - 1
            }
        };
        self.scientific_ids += u64::from(is_scientific(cid));
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
                group.invalid = true;
                Err(refused(refusal))
            }
        }
    }
}

impl Group {
    /// Sorts the events and makes times relative to the first.
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
        Some(self.cascades[index as usize].first * self.unit)
    }

    fn dated(&self) -> bool {
        false
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        Refused::at(&self.file, self.cascades[index as usize].line, refusal)
    }
}

/// A row of an index: the range of rows of one cascade in the data.
pub(super) struct IndexRow {
    /// The line number in the index.
    pub(super) line: u64,
    /// The row of the index, from 1.
    pub(super) row: u64,
    /// The first and last row in the data, or why the row is refused.
    pub(super) range: Result<(u64, u64), Refusal>,
}

/// Reads an index: the columns `start_ind` and `end_ind`, or else the first two.
pub(super) fn read_index(path: &Path) -> Result<Vec<IndexRow>, Refused> {
    let file = path.display().to_string();
    let mut lines = Rows::open(path)?;
    let header = lines.next()?.cloned().unwrap_or_default();
    if header.len() < 2 || header.iter().any(|name| numbers::field(name).is_some()) {
        let why = "no header start_ind,end_ind in the first line of the index";
        return Err(Refused::at(&file, 1, Refusal::new("field", why)));
    }
    let place = |name: &[u8]| header.iter().position(|field| field.trim_ascii() == name);
    let columns = (place(b"start_ind").unwrap_or(0), place(b"end_ind").unwrap_or(1));
    let mut rows = Vec::new();
    while let Some(row) = lines.next()? {
        let line = row.position().map_or(0, csv::Position::line);
        rows.push(IndexRow { line, row: rows.len() as u64 + 1, range: range(row, columns) });
    }
    Ok(rows)
}

fn range(row: &ByteRecord, columns: (usize, usize)) -> Result<(u64, u64), Refusal> {
    const LIMIT: f64 = 9_007_199_254_740_992.0; // 2^53: exact in an f64
    let whole = |column: usize| {
        let value = numbers::field(row.get(column).unwrap_or_default());
        let value = value.filter(|value| value.fract() == 0.0 && (1.0..LIMIT).contains(value));
        value.map(|value| value as u64)
    };
    match (whole(columns.0), whole(columns.1)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        (Some(first), Some(last)) => Err(Refusal::new(
            "range",
            format!("the last row precedes the first: {first} to {last}"),
        )),
        _ => Err(Refusal::new("field", "the rows are not two integers of at least 1")),
    }
}

/// Whether a field is a number such as `1.23465E+18`.
fn is_scientific(field: &[u8]) -> bool {
    let number = field.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'e' | b'E'));
    number
        && field.first().is_some_and(u8::is_ascii_digit)
        && field.iter().any(|it| it | 32 == b'e')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::random::seeded_rng;
    use crate::replay::testing::{Folder, below, cascades, gzip, lines_and_reasons, taken};
    use crate::replay::{Replay, ReplayOptions, Timeline};

    /// The rows of the table, to be shuffled.
    fn rows(cascades: &[HistoryCascade], shift: f64, end: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for cascade in cascades {
            for (i, Point { time, magnitude }) in cascade.points.iter().enumerate() {
                let msg = if i == 0 { format!("\"{}\"", cascade.msg) } else { "RT".to_owned() };
                let t = time + shift;
                rows.push(format!("{magnitude},\"{}\",x,{t},{msg}{end}", cascade.cid));
            }
        }
        rows
    }

    #[test]
    fn rows_in_any_order_give_the_same_cascades() {
        let folder = Folder::new();
        for seed in 0..200 {
            let rng = &mut seeded_rng(seed, 1);
            let mut cascades = cascades(seed);
            for cascade in &mut cascades {
                // Equal times keep the order of the file, which is shuffled here, so times must differ.
                cascade.points.dedup_by(|a, b| a.time == b.time);
                cascade.msg = format!("{},\n{}", cascade.msg, "\"\"quoted\"\"");
            }
            let (end, shift) = (["\n", "\r\n"][below(rng, 2) as usize], below(rng, 2) as f64 * 1e6);
            let mut rows = rows(&cascades, shift, end);
            for i in (1..rows.len()).rev() {
                rows.swap(i, below(rng, i as u64 + 1) as usize);
            }
            let text = format!("\u{feff}m,cid, other ,t,msg{end}{}", rows.concat());
            let text = if seed % 2 == 0 { text.trim_end().to_owned() } else { text };
            let bytes = if seed % 3 == 0 { gzip(text.as_bytes()) } else { text.into_bytes() };
            let table =
                Table::open(&folder.file("table", bytes), 1.0, &mut |it| panic!("{it}")).unwrap();
            assert!((0..table.count()).all(|i| table.root_time(i) == Some(shift)));
            let mut read: Vec<_> = taken(table).into_iter().map(Result::unwrap).collect();
            for cascade in &mut cascades {
                cascade.t0 = None;
                cascade.msg = cascade.msg.replace("\"\"", "\"");
            }
            let number = |it: &HistoryCascade| it.cid[1..].parse::<u32>().unwrap();
            read.sort_by_key(number);
            assert_eq!(read, cascades, "seed {seed}");
        }
    }

    #[test]
    fn an_invalid_row_refuses_its_cascade_and_no_other() {
        let folder = Folder::new();
        let text = "cid,time\na,0\nb,0\na,x\nb,5\nc,-1\nd,1,2\ne\nf,1e13\ng,7\n";
        let file = folder.file("table", text);
        let mut refused = Vec::new();
        let table = Table::open(&file, 1.0, &mut |it| refused.push(it)).unwrap();
        let lines = [(4, "field"), (6, "range"), (7, "field"), (8, "field"), (9, "range")];
        assert_eq!(lines_and_reasons(&refused), lines.map(|(line, reason)| (Some(line), reason)));
        let read: Vec<_> = taken(table).into_iter().map(Result::unwrap).collect();
        assert_eq!(read.iter().map(|it| it.cid.as_str()).collect::<Vec<_>>(), ["b", "g"]);
        assert_eq!(read[0].points[1], Point { time: 5.0, magnitude: 1.0 });
    }

    #[test]
    fn columns_are_found_by_name_and_missing_ones_are_named() {
        let folder = Folder::new();
        let open = |text: &str| {
            let table = Table::open(&folder.file("table", text), 1.0, &mut |it| panic!("{it}"));
            table.map_err(|refused| refused.detail).map(|table| taken(table).remove(0).unwrap())
        };
        let point = |text: &str| open(text).unwrap().points[0];
        assert_eq!(point("magnitude,time,cid\n5,0,a\n"), Point { time: 0.0, magnitude: 5.0 });
        assert_eq!(point("m,t,cid\n,0,a\n"), Point { time: 0.0, magnitude: 1.0 });
        assert_eq!(open("t,m\n1,1\n"), Err("no column \"cid\" in the header".to_owned()));
        assert_eq!(open("cid,m\n1,1\n"), Err("no column \"t\" in the header".to_owned()));
        assert_eq!(open(""), Err("no column \"cid\" in the header".to_owned()));
    }

    #[test]
    fn a_table_is_real_only_with_the_real_timeline() {
        let folder = Folder::new();
        let file = folder.file("table", "cid,t\na,1000\nb,500\na,1200\n");
        for (timeline, real) in [(Timeline::Auto, false), (Timeline::Real, true)] {
            let table = Table::open(&file, 1.0, &mut |it| panic!("{it}")).unwrap();
            let plan = ReplayOptions { timeline, ..ReplayOptions::default() };
            assert_eq!(Replay::new(Box::new(table), plan).unwrap().is_real(), real);
        }
    }
}
