//! A long CSV table of events: the cascades of a file, one event a row.

use std::collections::HashMap;
use std::io::{BufRead, Cursor, Read};
use std::path::Path;

use csv::ByteRecord;

use super::cell::{content, value};
use super::columns::{Columns, declared_delimiter, delimiter};
use super::lines::{self, ByteStream, MAX_LINE_BYTES};
#[cfg(feature = "parquet")]
use super::parquet::ParquetRows;
use super::rounded::{Rounded, is_rounded};
use super::rows::{RowPlace, check_line_ends, next_place, reader, row_text, unclosed, unreadable};
use super::time::EARLIEST_UNIX;
use super::unit::{TableOptions, Unit};
use super::{Cascades, HistoryCascade, Refused};
use crate::cascade::{Point, numbers};
use crate::record::Refusal;

mod closing;
mod copies;
mod group;
mod ids;
mod swallowed;

use copies::Copies;
use group::{Group, NO_SOURCE};
use ids::RowIds;
use swallowed::Swallowed;

/// Rows without a readable time after which a table is not read on, where no row before has one.
const UNTIMED: u32 = 20;

/// A long table with named columns and rows in any order. The cascades are in the order of their first rows.
///
/// Its times are Unix times or relative to the initial tweet. Without [`TableOptions::seconds_per_unit`], the first
/// time decides whether they are milliseconds or smaller units. They are replayed as they happened where all are
/// Unix times.
#[derive(Default)]
pub struct Table {
    options: TableOptions,
    files: Vec<String>,
    cascades: Vec<Group>,
    index: HashMap<Box<[u8]>, usize>,
    ids: RowIds,
    copies: Copies,
    has_ids: bool,
    has_sources: bool,
    /// Number of rows without a mark in a table that has a column of marks.
    unmarked: u64,
    /// Rows without a cascade in a table without a column of ids, which may be roots.
    unknown: u64,
    /// Rows whose original is written as 0 or -1.
    zeros: u64,
    /// Rows whose text is not UTF-8.
    foreign_texts: u64,
    /// Rows that were refused before the first time was read.
    untimed: u32,
    unit: Unit,
    /// The time of the last event, where all are Unix times.
    end: Option<f64>,
}

impl Table {
    /// Reads a whole table, because the rows of a cascade may be anywhere.
    ///
    /// An invalid row refuses its whole cascade, because without the row the cascade would be a different one. A
    /// row with a quote that is never closed is refused alone: its fields are not known.
    ///
    /// # Errors
    /// The file cannot be read, or a column is missing. Invalid rows are reported to `refuse`.
    pub fn open(
        path: &Path,
        options: TableOptions,
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let file = path.display().to_string();
        let (input, _) = lines::open(path).map_err(|e| Refused::unreadable(&file, None, &e))?;
        let mut table = Self::new(options);
        table.add(input, &file, refuse, &mut |_| ())?;
        table.close(&mut |_| ());
        Ok(table)
    }

    /// An empty table.
    pub(super) fn new(options: TableOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Reads the rows of a file; a cascade may have rows in several files. `note` takes the mapping of the columns.
    pub(super) fn add(
        &mut self,
        mut input: ByteStream,
        name: &str,
        refuse: &mut dyn FnMut(Refused),
        note: &mut dyn FnMut(String),
    ) -> Result<(), Refused> {
        let mut head = Vec::new();
        let read = (&mut input).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut head);
        read.map_err(|error| Refused::unreadable(name, None, &error))?;
        let declared = declared_delimiter(&head);
        if declared.is_some() {
            // A blank line in its place keeps the numbers of the lines.
            head = b"\n".to_vec();
            let read = (&mut input).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut head);
            read.map_err(|error| Refused::unreadable(name, None, &error))?;
        }
        check_line_ends(&head).map_err(|refusal| Refused::at(name, 1, refusal))?;
        let (found, delimited) = delimiter(&String::from_utf8_lossy(&head));
        let delimiter = declared.unwrap_or(found);
        let (mut reader, places) = reader(Box::new(Cursor::new(head).chain(input)), delimiter);
        let header = reader.byte_headers().map_err(|error| unreadable(name, error))?;
        next_place(&places);
        let columns = self.begin(header, name, &format!("divided by {delimited}"), note)?;
        let next = &mut |row: &mut ByteRecord| match reader.read_byte_record(row) {
            Ok(more) => Ok(more.then(|| next_place(&places))),
            Err(error) => Err(unreadable(name, error)),
        };
        self.add_rows(&columns, name, Some(delimiter), next, refuse, note)
    }

    /// Reads the rows of a Parquet file; their numbers from 1 stand for lines.
    #[cfg(feature = "parquet")]
    pub(super) fn add_parquet(
        &mut self,
        file: std::fs::File,
        name: &str,
        refuse: &mut dyn FnMut(Refused),
        note: &mut dyn FnMut(String),
    ) -> Result<(), Refused> {
        let failed = |line: Option<u64>| move |detail| Refused::new(name, line, "file", detail);
        let (mut rows, header) = ParquetRows::open(file).map_err(failed(None))?;
        let columns = self.begin(&header, name, "of Parquet", note)?;
        rows.select(columns.used()).map_err(failed(None))?;
        let mut line = 0;
        let next = &mut |row: &mut ByteRecord| {
            line += 1;
            let more = rows.next(row).map_err(failed(Some(line)))?;
            Ok(more.then_some(RowPlace { line, unclosed: false }))
        };
        self.add_rows(&columns, name, None, next, refuse, note)
    }

    /// Adds the rows that `next` reads, with their places; `delimiter` is that of text. Where a file cannot be read on, the rows before are kept.
    fn add_rows(
        &mut self,
        columns: &Columns,
        name: &str,
        delimiter: Option<u8>,
        next: &mut dyn FnMut(&mut ByteRecord) -> Result<Option<RowPlace>, Refused>,
        refuse: &mut dyn FnMut(Refused),
        note: &mut dyn FnMut(String),
    ) -> Result<(), Refused> {
        let (mut row, mut swallowed) = (ByteRecord::new(), Swallowed::default());
        let (mut cids, mut events) = (Rounded::default(), Rounded::default());
        loop {
            let place = match next(&mut row) {
                Ok(Some(place)) => place,
                Ok(None) => break,
                Err(error) => {
                    refuse(error);
                    break;
                }
            };
            let (cid, event) = columns.ids(&row);
            events.add(event, place.line);
            if cid != event {
                cids.add(cid, place.line);
            }
            if let Some(delimiter) = delimiter {
                swallowed.add(columns, &row, delimiter, place.line);
            }
            let added = self.add_row(columns, &row, place, name, note);
            added.unwrap_or_else(|refused| refuse(refused.of(&row_text(&row))));
            self.check_times(name)?;
        }
        let events = events.report(
            name,
            &columns.id_name,
            "cascades may be split or joined, and rows that occur twice are not found",
        );
        let cids = cids.report(name, &columns.cid_name, "cascades may be split or joined");
        [cids, events, swallowed.report(name)].into_iter().flatten().for_each(note);
        match self.copies.end_file() {
            Some((earlier, rows)) if columns.id.is_none() => {
                let (rows, earlier) = (numbers::grouped(rows), &self.files[earlier]);
                let detail = format!("its {rows} rows are those of {earlier}: give each file once");
                Err(Refused::new(name, None, "field", detail))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a file none of whose first rows has a readable time.
    fn check_times(&self, name: &str) -> Result<(), Refused> {
        if self.untimed < UNTIMED {
            return Ok(());
        }
        let detail = "none of the first rows has a time that can be read: export the times as 2018-10-10 20:19:24 (year, \
                      month, day) or as Unix seconds, or name another column with --columns t=NAME"
            .to_owned();
        Err(Refused::new(name, None, "field", detail))
    }

    /// Maps the columns of a file whose columns are `described`.
    fn begin(
        &mut self,
        header: &ByteRecord,
        name: &str,
        described: &str,
        note: &mut dyn FnMut(String),
    ) -> Result<Columns, Refused> {
        let (columns, mapping) = Columns::of(header, &self.options.columns)
            .map_err(|refusal| Refused::at(name, 1, refusal))?;
        note(format!("{name}: columns {described}: {mapping}"));
        self.has_ids |= columns.id.is_some();
        self.has_sources |= columns.source.is_some();
        self.files.push(name.to_owned());
        Ok(columns)
    }

    /// Adds a row to its cascade.
    fn add_row(
        &mut self,
        columns: &Columns,
        row: &ByteRecord,
        place: RowPlace,
        name: &str,
        note: &mut dyn FnMut(String),
    ) -> Result<(), Refused> {
        let line = place.line;
        let refused = |refusal| Refused::at(name, line, refusal);
        let (cid, id) = columns.ids(row);
        if cid.is_empty() && row.len() == columns.count {
            self.unknown += u64::from(columns.id.is_none());
            let why = "cid is empty; give the id of the root, or the column of ids with --columns id=NAME";
            return Err(refused(Refusal::new("field", why)));
        }
        self.zeros += u64::from(columns.is_zero(row));
        if place.unclosed {
            return Err(refused(unclosed()));
        }
        let group = match self.index.get(cid) {
            Some(group) => *group,
            None => {
                let text = std::str::from_utf8(cid)
                    .map_err(|_| refused(Refusal::new("field", "the cascade id is not UTF-8")))?;
                self.index.insert(cid.into(), self.cascades.len());
                self.cascades.push(Group::new(self.files.len() as u32 - 1, line, text));
                self.cascades.len() - 1
            }
        };
        let text = columns.text.and_then(|column| row.get(column)).unwrap_or_default();
        self.foreign_texts += u64::from(simdutf8::basic::from_utf8(text).is_err());
        let point = self.point(columns, row, name, note);
        let place = group;
        let group = &mut self.cascades[place];
        let point = point.map_err(|refusal| {
            group.invalid = true;
            refused(refusal)
        })?;
        self.copies.add(cid, &point);
        // Of a rounded id, another row may be another event.
        if !id.is_empty() && !is_rounded(id) && !self.ids.insert(id, place) {
            group.duplicates += 1;
            return Ok(());
        }
        let root = !id.is_empty() && id == cid;
        if point.time < group.first || root {
            let text = |column: Option<usize>| {
                String::from_utf8_lossy(column.and_then(|it| row.get(it)).unwrap_or_default())
            };
            if group.root.is_none_or(|it| root && point.time < it.time) {
                group.cascade.msg = text(columns.text).into_owned();
                let source =
                    columns.source.and_then(|it| row.get(it)).map(value).unwrap_or_default();
                group.source = match source {
                    b"" => Box::from(NO_SOURCE),
                    source => String::from_utf8_lossy(source).into(),
                };
            }
        }
        group.first = group.first.min(point.time);
        match group.root {
            None if root => group.root = Some(point),
            // Of several rows with the rounded id of the root, the earliest.
            Some(later) if root && point.time < later.time => {
                group.root = Some(point);
                group.cascade.points.push(later);
            }
            _ => group.cascade.points.push(point),
        }
        Ok(())
    }

    /// The event of a row.
    fn point(
        &mut self,
        columns: &Columns,
        row: &ByteRecord,
        name: &str,
        note: &mut dyn FnMut(String),
    ) -> Result<Point, Refusal> {
        if row.len() != columns.count {
            let detail = format!("{} fields, where the header has {}", row.len(), columns.count);
            return Err(Refusal::new("field", detail));
        }
        let field = |column: usize| row.get(column).unwrap_or_default();
        let given = content(field(columns.time));
        let time = self.unit.seconds(given, &self.options, &mut |it| note(format!("{name}: {it}")));
        self.untimed += u32::from(time.is_err() && self.unit.is_unknown());
        let time = time?;
        let mark = columns.mark.map(|column| value(field(column))).filter(|it| !it.is_empty());
        self.unmarked += u64::from(columns.mark.is_some() && mark.is_none());
        let magnitude = match mark {
            None => 1.0,
            Some(mark) => numbers::field(mark).ok_or_else(|| {
                let mark = String::from_utf8_lossy(mark);
                let hint = match mark.contains([',', ' ', '\'']) {
                    true => "; write it without separators of thousands, and with a decimal point",
                    false => "",
                };
                Refusal::new("field", format!("the magnitude is not a number: {mark:?}{hint}"))
            })?,
        };
        if time < 0.0 {
            return Err(Refusal::new(
                "range",
                format!("the time is negative: {}", String::from_utf8_lossy(given)),
            ));
        }
        Point::checked(time, magnitude).map_err(|detail| {
            let [given, mark] = [given, mark.unwrap_or_default()].map(String::from_utf8_lossy);
            Refusal::new("range", format!("{detail}: time {given:?}, magnitude {mark:?}"))
        })
    }
}

impl Cascades for Table {
    fn count(&self) -> u64 {
        self.cascades.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        *cascade = std::mem::take(&mut self.cascades[index as usize].cascade);
        cascade.t0 = self.root_time(index).filter(|time| *time >= EARLIEST_UNIX);
        cascade.observed = self.end.zip(cascade.t0).map(|(end, start)| end - start);
        Ok(())
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        Some(self.cascades[index as usize].first)
    }

    fn is_dated(&self, index: u64) -> bool {
        self.cascades[index as usize].first >= EARLIEST_UNIX
    }

    fn in_seconds(&self) -> bool {
        true
    }

    fn source(&self, index: u64) -> Option<&str> {
        self.has_sources.then(|| &*self.cascades[index as usize].source)
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        let Group { file, line, .. } = self.cascades[index as usize];
        Refused::at(&self.files[file as usize], line, refusal)
    }
}

#[cfg(test)]
mod tests;
