//! Tables in Parquet files, with the values as a CSV table has them. The only module that uses `parquet`.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use csv::ByteRecord;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::time;

/// Number of rows that are read at a time.
const BATCH: usize = 4096;
/// Above this, integers are not exact in a floating-point number: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

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

/// How the values of a column are written as text.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Text,
    Bool,
    Integer {
        is_signed: bool,
    },
    Decimal {
        scale: i32,
    },
    Float,
    Date,
    Timestamp {
        per_second: i64,
        is_utc: bool,
    },
    Uuid,
    /// Lists, maps, times of day and others.
    Unreadable,
}

impl Form {
    fn of(column: &ColumnDescriptor) -> Self {
        if column.max_rep_level() > 0 {
            return Self::Unreadable;
        }
        let scale = column.type_scale();
        let timestamp = |per_second, is_utc| Self::Timestamp { per_second, is_utc };
        match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
            (_, Some(LogicalType::Decimal(_)), _) | (_, None, ConvertedType::DECIMAL) => {
                Self::Decimal { scale }
            }
            (Type::INT64, Some(LogicalType::Timestamp(it)), _) => {
                let per_second = match it.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                };
                timestamp(per_second, it.is_adjusted_to_u_t_c)
            }
            (Type::INT64, None, ConvertedType::TIMESTAMP_MILLIS) => timestamp(1_000, true),
            (Type::INT64, None, ConvertedType::TIMESTAMP_MICROS) => timestamp(1_000_000, true),
            // Its unit is a nanosecond; its writers mean UTC.
            (Type::INT96, ..) => timestamp(1_000_000_000, true),
            (Type::INT32, Some(LogicalType::Date), _)
            | (Type::INT32, None, ConvertedType::DATE) => Self::Date,
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(it)), _) => {
                Self::Integer { is_signed: it.is_signed }
            }
            (Type::INT32 | Type::INT64, None, converted) => match converted {
                ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => Self::Unreadable,
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64 => Self::Integer { is_signed: false },
                _ => Self::Integer { is_signed: true },
            },
            (Type::FLOAT | Type::DOUBLE, ..) => Self::Float,
            (Type::BOOLEAN, ..) => Self::Bool,
            (Type::BYTE_ARRAY, None, ConvertedType::BSON) => Self::Unreadable,
            (
                Type::BYTE_ARRAY,
                None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json),
                _,
            ) => Self::Text,
            (Type::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), _) => Self::Uuid,
            _ => Self::Unreadable,
        }
    }

    /// Appends an integer; false where its form is another.
    fn integer(self, value: i64, bits: u32, text: &mut Vec<u8>) {
        let unsigned = || if bits == 32 { u64::from(value as u32) } else { value as u64 };
        let written = match self {
            Self::Timestamp { per_second, is_utc } => {
                let nanoseconds = i128::from(value) * i128::from(1_000_000_000 / per_second);
                write!(text, "{}", time::text(nanoseconds, is_utc).unwrap_or_default())
            }
            Self::Date => {
                let nanoseconds = i128::from(value) * 86_400_000_000_000;
                let date = time::text(nanoseconds, true).unwrap_or_default();
                write!(text, "{}", date.split('T').next().unwrap_or_default())
            }
            Self::Decimal { scale } => return decimal(value.into(), scale, text),
            Self::Integer { is_signed: false } => write!(text, "{}", unsigned()),
            _ => write!(text, "{value}"),
        };
        written.expect("a vector takes any text");
    }

    /// Appends the bytes of a text, an id or a decimal number.
    fn bytes(self, value: &[u8], text: &mut Vec<u8>) {
        match self {
            Self::Decimal { scale } => {
                let sign = value.first().map_or(0, |first| (*first as i8 >> 7) as u8);
                let mut number = [sign; 16];
                let from = number.len().saturating_sub(value.len());
                // More than 38 digits, which no writer has, would not fit.
                number[from..].copy_from_slice(&value[value.len() - (16 - from)..]);
                decimal(i128::from_be_bytes(number), scale, text);
            }
            Self::Uuid => {
                for (place, byte) in value.iter().enumerate() {
                    let dash = if [4, 6, 8, 10].contains(&place) { "-" } else { "" };
                    write!(text, "{dash}{byte:02x}").expect("a vector takes any text");
                }
            }
            _ => text.extend_from_slice(value),
        }
    }
}

/// Appends `number` / 10^`scale`.
fn decimal(number: i128, scale: i32, text: &mut Vec<u8>) {
    let sign = if number < 0 { "-" } else { "" };
    let scale = usize::try_from(scale).unwrap_or(0).min(76);
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let dot = if scale > 0 { "." } else { "" };
    write!(text, "{sign}{whole}{dot}{fraction}").expect("a vector takes any text");
}

/// Appends a number; one that stands for a rounded integer in scientific notation, NaN as a missing value.
fn float(value: f64, shortest: impl std::fmt::Display, text: &mut Vec<u8>) {
    let written = if value.is_nan() {
        Ok(())
    } else if value.abs() >= EXACT {
        let digits = format!("{value:e}");
        let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
        write!(text, "{mantissa}e+{exponent}")
    } else {
        write!(text, "{shortest}")
    };
    written.expect("a vector takes any text");
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
        let (mut table, mut notes) = (Table::new(options), Vec::new());
        let file = File::open(path).unwrap();
        table.add_parquet(file, "x", &mut |_| (), &mut |it| notes.push(it))?;
        table.close(&mut |_| ());
        Ok((table, notes))
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

    #[test]
    fn parquet_values_are_written_as_in_a_csv_table() {
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut text = Vec::new();
            write(&mut text);
            String::from_utf8(text).unwrap()
        };
        let number = |value: f64| text(&|it| float(value, value, it));
        assert_eq!(number(20.0), "20");
        assert_eq!(number(0.1), "0.1");
        assert_eq!(number(f64::NAN), "");
        // Such an id was rounded, which is reported.
        assert_eq!(number(1_050_118_621_198_921_728.0), "1.0501186211989217e+18");
        assert_eq!(text(&|it| float(0.1_f32.into(), 0.1_f32, it)), "0.1");
        for (value, scale, expected) in
            [(-5, 2, "-0.05"), (1234, 2, "12.34"), (7, 0, "7"), (0, 1, "0.0")]
        {
            assert_eq!(text(&|it| decimal(value, scale, it)), expected);
        }
        let integer = |form: Form, value| text(&|it| form.integer(value, 64, it));
        assert_eq!(integer(Form::Integer { is_signed: false }, -1), "18446744073709551615");
        assert_eq!(integer(Form::Integer { is_signed: true }, -1), "-1");
        assert_eq!(integer(Form::Date, 17_814), "2018-10-10");
        for (is_utc, end) in [(true, "Z"), (false, "")] {
            let form = Form::Timestamp { per_second: 1_000, is_utc };
            assert_eq!(integer(form, 1_539_202_764_500), format!("2018-10-10T20:19:24.5{end}"));
        }
        let uuid = text(&|it| Form::Uuid.bytes(&[0xab; 16], it));
        assert_eq!(uuid, "abababab-abab-abab-abab-abababababab");
        let wide = text(&|it| Form::Decimal { scale: 1 }.bytes(&[0xff, 0x85], it));
        assert_eq!(wide, "-12.3");
    }
}
