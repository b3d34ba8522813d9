//! Tables in Parquet files, with the values as a CSV table has them. With `commands/rows` the only modules that use the crate `parquet`.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use csv::ByteRecord;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use text::{Form, float};

mod text;

/// Number of rows that are read at a time.
const BATCH: usize = 4096;
/// The rows of a Parquet file. Only the selected columns are read; the others are empty.
pub(super) struct ParquetRows {
    reader: SerializedFileReader<File>,
    forms: Vec<Form>,
    selected: Vec<usize>,
    /// The next row group, and the readers and the number of unread rows of the one before.
    next_group: usize,
    group: Vec<ColumnReader>,
    unread: usize,
    /// The values of a batch by selected column, and the next row in it.
    batch: Vec<Texts>,
    row: usize,
}

/// Texts one after the other, and their ends.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn get(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }
}

impl ParquetRows {
    /// Opens a file; the second value is its header, with the names of the members of structures as in
    /// `user.followers_count`.
    pub(super) fn open(file: File) -> Result<(Self, ByteRecord), String> {
        guarded(|| Self::opened(file))
    }

    fn opened(file: File) -> Result<(Self, ByteRecord), String> {
        let reader = SerializedFileReader::new(file).map_err(unreadable)?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let columns = schema.columns();
        let header: Vec<String> = columns.iter().map(|it| it.path().string()).collect();
        let rows = Self {
            forms: columns.iter().map(|column| Form::of(column)).collect(),
            reader,
            selected: Vec::new(),
            next_group: 0,
            group: Vec::new(),
            unread: 0,
            batch: Vec::new(),
            row: 0,
        };
        Ok((rows, ByteRecord::from(header)))
    }

    /// Selects the columns to be read.
    pub(super) fn select(&mut self, columns: Vec<usize>) -> Result<(), String> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        for column in &columns {
            if self.forms[*column] == Form::Unreadable {
                let name = schema.column(*column).path().string();
                return Err(format!(
                    "column {name:?} has neither texts, numbers nor times; give another with --columns"
                ));
            }
        }
        self.selected = columns;
        Ok(())
    }

    /// Reads the next row, which has a field for each column; false at the end.
    pub(super) fn next(&mut self, row: &mut ByteRecord) -> Result<bool, String> {
        if self.batch.first().is_none_or(|texts| self.row == texts.ends.len()) {
            self.row = 0;
            if !guarded(|| self.next_batch())? {
                return Ok(false);
            }
        }
        row.clear();
        for column in 0..self.forms.len() {
            let selected = self.selected.iter().position(|it| *it == column);
            row.push_field(selected.map_or(b"", |place| self.batch[place].get(self.row)));
        }
        self.row += 1;
        Ok(true)
    }

    fn next_batch(&mut self) -> Result<bool, String> {
        while self.unread == 0 {
            if self.next_group == self.reader.num_row_groups() {
                return Ok(false);
            }
            let group = self.reader.get_row_group(self.next_group).map_err(unreadable)?;
            let columns = self.selected.iter().map(|column| group.get_column_reader(*column));
            self.group = columns.collect::<Result<_, _>>().map_err(unreadable)?;
            self.unread = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.next_group += 1;
        }
        let rows = self.unread.min(BATCH);
        let schema = self.reader.metadata().file_metadata().schema_descr();
        self.batch.clear();
        for (column, reader) in self.selected.iter().zip(&mut self.group) {
            let mut texts = Texts::default();
            let levels = schema.column(*column).max_def_level();
            read(reader, self.forms[*column], levels, rows, &mut texts).map_err(unreadable)?;
            if texts.ends.len() < rows {
                let group = self.next_group;
                return Err(format!("damaged Parquet: a column ends early in row group {group}"));
            }
            self.batch.push(texts);
        }
        self.unread -= rows;
        Ok(true)
    }
}

/// Calls the crate, which panics at some damaged files. Nothing is read from a file after an error.
fn guarded<T>(call: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let result = catch_unwind(AssertUnwindSafe(call));
    result.unwrap_or_else(|_| Err("damaged Parquet: the file cannot be decoded".to_owned()))
}

fn unreadable(error: ParquetError) -> String {
    format!("unreadable Parquet: {error}")
}

/// Reads `rows` values of a column.
fn read(
    reader: &mut ColumnReader,
    form: Form,
    levels: i16,
    rows: usize,
    into: &mut Texts,
) -> Result<(), ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => values(reader, levels, rows, into, |it, text| {
            write!(text, "{it}").expect("a vector takes any text");
        }),
        ColumnReader::Int32ColumnReader(reader) => {
            values(reader, levels, rows, into, |it, text| form.integer((*it).into(), 32, text))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            values(reader, levels, rows, into, |it, text| form.integer(*it, 64, text))
        }
        ColumnReader::Int96ColumnReader(reader) => {
            values(reader, levels, rows, into, |it, text| form.integer(it.to_nanos(), 64, text))
        }
        ColumnReader::FloatColumnReader(reader) => {
            values(reader, levels, rows, into, |it, text| float((*it).into(), it, text))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            values(reader, levels, rows, into, |it, text| float(*it, it, text))
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            values(reader, levels, rows, into, |it, text| form.bytes(it.data(), text))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            values(reader, levels, rows, into, |it, text| form.bytes(it.data(), text))
        }
    }
}

/// Reads `rows` values of a column; one whose level is below `levels` is missing, and empty.
fn values<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    levels: i16,
    rows: usize,
    into: &mut Texts,
    write: impl Fn(&T::T, &mut Vec<u8>),
) -> Result<(), ParquetError> {
    while into.ends.len() < rows {
        let (mut found, mut values) = (Vec::new(), Vec::new());
        let left = rows - into.ends.len();
        let level = (levels > 0).then_some(&mut found);
        let (count, ..) = reader.read_records(left, level, None, &mut values)?;
        if count == 0 {
            break;
        }
        let mut values = values.iter();
        for row in 0..count {
            let is_present = levels == 0 || found.get(row) == Some(&levels);
            if let Some(value) = is_present.then(|| values.next()).flatten() {
                write(value, &mut into.bytes);
            }
            into.ends.push(into.bytes.len());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::input::{Refused, Table, TableOptions};
    use crate::replay::testing::{Folder, taken};

    fn sample(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/parquet").join(name)
    }

    /// The table of a Parquet file and what was noted, or why it cannot be read.
    fn open(path: &Path, options: TableOptions) -> Result<(Table, Vec<String>), Refused> {
        let (mut table, mut notes, mut damage) = (Table::new(options), Vec::new(), None);
        let file = File::open(path).unwrap();
        let refuse = &mut |it: Refused| damage = Some(it).filter(|it| it.reason == "file");
        table.add_parquet(file, "x", refuse, &mut |it| notes.push(it))?;
        table.close(&mut |_| ());
        damage.map_or(Ok((table, notes)), Err)
    }

    #[test]
    fn parquet_of_every_writer_has_the_cascades_of_the_csv_table() {
        let options = TableOptions::default;
        let csv = Table::open(&sample("cascades.csv"), options(), &mut |it| panic!("{it}"));
        let expected = taken(csv.unwrap());
        assert!(expected.len() == 5 && expected.iter().all(|it| it.is_ok()));
        for (name, mapping) in [
            (
                "pandas.parquet",
                "cid=retweeted_status_id, id=id, t=created_at, m=user_followers_count, msg=text; \
                 ignored: lang, tags.list.element",
            ),
            (
                "members.parquet",
                "cid=retweeted_status.id_str, id=id_str, t=created_at, m=user.followers_count, \
                 msg=full_text; ignored: user.lang",
            ),
            ("old.parquet", "cid=root_id, id=id, t=t, m=m, msg=msg"),
            ("duckdb.parquet", "cid=cid, id=tweet_id, t=created_at, m=m, msg=msg"),
        ] {
            let (table, notes) = open(&sample(name), options()).unwrap();
            assert_eq!(notes, [format!("x: columns of Parquet: {mapping}")]);
            assert_eq!(taken(table), expected, "{name}");
        }
        // Only times without a zone have the offset of the option.
        for (name, hours) in [("members.parquet", 1.0), ("duckdb.parquet", 0.0)] {
            let local = TableOptions { utc_offset: 3600.0, ..options() };
            let start = |table: Table| taken(table).remove(0).unwrap().t0.unwrap();
            let (shifted, _) = open(&sample(name), local).unwrap();
            let t0 = expected[0].as_ref().unwrap().t0.unwrap();
            assert_eq!(start(shifted), t0 - hours * 3600.0, "{name}");
        }
        let list = TableOptions { columns: "m=tags.list.element".parse().unwrap(), ..options() };
        let error = open(&sample("pandas.parquet"), list).err().unwrap().detail;
        assert!(error.starts_with("column \"tags.list.element\" has neither"), "{error}");
    }

    #[test]
    fn damaged_parquet_is_an_error() {
        let folder = Folder::new();
        for name in ["pandas.parquet", "members.parquet", "old.parquet", "duckdb.parquet"] {
            let whole = std::fs::read(sample(name)).unwrap();
            let mut errors = 0;
            for place in (0..whole.len()).step_by(7) {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << (place % 8);
                errors +=
                    u32::from(open(&folder.file("x", &bytes), TableOptions::default()).is_err());
                let cut = folder.file("x", &whole[..place]);
                assert!(open(&cut, TableOptions::default()).is_err(), "{name} {place}");
            }
            assert!(errors > 20, "{name}: {errors}");
        }
    }
}
