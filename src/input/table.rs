//! Tables of CSV: one long table of cascades, and the index of a pair; alone in naming `csv`.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder, Trim};

use super::lines::{self, ByteStream};
use super::{Cascades, HistoryCascade, Refused};
use crate::cascade::{Point, numbers};
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

fn reader(input: ByteStream) -> Reader<ByteStream> {
    ReaderBuilder::new().flexible(true).trim(Trim::Headers).from_reader(input)
}

/// What stopped the reading of a table: rows of any length and bytes are read, so it is the file.
fn unread(file: &str, error: csv::Error) -> Refused {
    Refused::unreadable(file, error.position().map(csv::Position::line), &io::Error::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::testing::{Folder, below, cascades, gzip, taken, told};
    use crate::replay::{Plan, Replay, Timeline, chance};

    /// A row of the table, to be sorted by chance.
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
    fn rows_in_any_order_make_the_cascades_they_came_from() {
        let folder = Folder::new();
        for seed in 0..200 {
            let rng = &mut chance(seed, 1);
            let mut cascades = cascades(seed);
            for cascade in &mut cascades {
                // The order of equal times is that of the file, which is shuffled here: no equal ones.
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
                Table::open(&folder.file("table", bytes), &mut |it| panic!("{it}")).unwrap();
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
    fn a_bad_row_spoils_its_cascade_and_no_other() {
        let folder = Folder::new();
        let text = "cid,time\na,0\nb,0\na,x\nb,5\nc,-1\nd,1,2\ne\nf,1e13\ng,7\n";
        let file = folder.file("table", text);
        let mut refused = Vec::new();
        let table = Table::open(&file, &mut |it| refused.push(it)).unwrap();
        let lines = [(4, "field"), (6, "range"), (7, "field"), (8, "field"), (9, "range")];
        assert_eq!(told(&refused), lines.map(|(line, reason)| (Some(line), reason)));
        let read: Vec<_> = taken(table).into_iter().map(Result::unwrap).collect();
        assert_eq!(read.iter().map(|it| it.cid.as_str()).collect::<Vec<_>>(), ["b", "g"]);
        assert_eq!(read[0].points[1], Point { time: 5.0, magnitude: 1.0 });
    }

    #[test]
    fn the_columns_are_found_by_name_or_missed_by_name() {
        let folder = Folder::new();
        let open = |text: &str| {
            let table = Table::open(&folder.file("table", text), &mut |it| panic!("{it}"));
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
    fn a_table_is_real_only_on_demand() {
        let folder = Folder::new();
        let file = folder.file("table", "cid,t\na,1000\nb,500\na,1200\n");
        for (timeline, real) in [(Timeline::Auto, false), (Timeline::Real, true)] {
            let table = Table::open(&file, &mut |it| panic!("{it}")).unwrap();
            let plan = Plan { timeline, ..Plan::default() };
            assert_eq!(Replay::new(Box::new(table), plan).unwrap().is_real(), real);
        }
    }
}
