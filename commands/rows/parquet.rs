//! A table in a Parquet file, from rows of CSV. The type of a column follows from its name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use tweetoscope::stream::rename_target;

use crate::flags::check_file;
use crate::outputs::part;

/// Rows of a row group.
const GROUP: usize = 65_536;

/// The values of a column; `None` where a field is empty.
enum Column {
    Text(Vec<ByteArray>),
    Integer(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
}

impl Column {
    fn of(name: &str) -> Self {
        match name {
            "cid" | "model" | "method" | "source" | "predictor" | "status" | "kernel"
            | "kernel_params" | "kernel_errors" | "kernel_lower" | "kernel_upper"
            | "kernel_status" | "verdict" => Self::Text(Vec::new()),
            "T_obs" | "n_obs" | "n_tot" | "own" => Self::Integer(Vec::new()),
            _ => Self::Number(Vec::new()),
        }
    }

    fn schema(&self, name: &str) -> Result<Type, ParquetError> {
        let (physical, logical, repetition) = match self {
            Self::Text(_) => {
                (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED)
            }
            Self::Integer(_) => (Physical::INT64, None, Repetition::OPTIONAL),
            Self::Number(_) => (Physical::DOUBLE, None, Repetition::OPTIONAL),
        };
        Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()
    }

    /// Adds a field; false where it is not of the type.
    fn add(&mut self, field: &[u8]) -> bool {
        fn push<T: FromStr>(values: &mut Vec<Option<T>>, field: &[u8]) -> bool {
            let value = std::str::from_utf8(field).ok().and_then(|text| text.parse().ok());
            let is_right = value.is_some() || field.is_empty();
            values.push(value);
            is_right
        }
        match self {
            Self::Text(values) => {
                values.push(field.to_vec().into());
                true
            }
            Self::Integer(values) => push(values, field),
            Self::Number(values) => push(values, field),
        }
    }

    /// Writes the values as a column chunk, and removes them.
    fn write(&mut self, to: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        fn levels<T: Copy>(values: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
            let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
            (values.iter().flatten().copied().collect(), levels)
        }
        match (self, to) {
            (Self::Text(values), ColumnWriter::ByteArrayColumnWriter(to)) => {
                to.write_batch(values, None, None)?;
                values.clear();
            }
            (Self::Integer(values), ColumnWriter::Int64ColumnWriter(to)) => {
                let (present, levels) = levels(values);
                to.write_batch(&present, Some(&levels), None)?;
                values.clear();
            }
            (Self::Number(values), ColumnWriter::DoubleColumnWriter(to)) => {
                let (present, levels) = levels(values);
                to.write_batch(&present, Some(&levels), None)?;
                values.clear();
            }
            _ => return Err(ParquetError::General("a column has another type".to_owned())),
        }
        Ok(())
    }
}

/// A Parquet file that is written. It has its name only when it is complete.
pub(crate) struct ParquetFile {
    path: PathBuf,
    /// The name of the file until it is complete.
    part: PathBuf,
    /// `None` after the end.
    writer: Option<SerializedFileWriter<File>>,
    names: Vec<String>,
    columns: Vec<Column>,
    rows: usize,
}

fn failed(path: &Path) -> impl Fn(ParquetError) -> io::Error + '_ {
    move |error| io::Error::other(format!("{}: {error}", path.display()))
}

impl ParquetFile {
    /// Refuses a file that cannot be created.
    pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
        check_file("--parquet", &Self::target(path)?)
    }

    /// The file that a rename replaces.
    fn target(path: &Path) -> anyhow::Result<PathBuf> {
        rename_target(path).with_context(|| path.display().to_string())
    }

    /// Creates a file with these columns.
    pub(crate) fn create(path: &Path, names: &[&str]) -> anyhow::Result<Self> {
        let columns: Vec<Column> = names.iter().map(|name| Column::of(name)).collect();
        let path = &Self::target(path)?;
        let part = part(path);
        let create = || -> Result<_, ParquetError> {
            let fields: Vec<TypePtr> = (columns.iter().zip(names))
                .map(|(column, name)| column.schema(name).map(Arc::new))
                .collect::<Result<_, _>>()?;
            let schema = Type::group_type_builder("rows").with_fields(fields).build()?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_created_by(format!("tweetoscope {}", env!("CARGO_PKG_VERSION")))
                .build();
            SerializedFileWriter::new(File::create(&part)?, Arc::new(schema), Arc::new(properties))
        };
        let writer = Some(create().map_err(failed(path))?);
        let (path, names) = (path.to_owned(), names.iter().map(|it| (*it).to_owned()).collect());
        Ok(Self { path, part, writer, names, columns, rows: 0 })
    }

    /// Adds a row.
    pub(crate) fn add<'f>(&mut self, fields: impl Iterator<Item = &'f [u8]>) -> io::Result<()> {
        for (place, field) in fields.enumerate() {
            if !self.columns[place].add(field) {
                let (name, field) = (&self.names[place], String::from_utf8_lossy(field));
                let text = format!("{}: {name} is not a number: {field:?}", self.path.display());
                return Err(io::Error::other(text));
            }
        }
        self.rows += 1;
        if self.rows == GROUP { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let mut write = || -> Result<(), ParquetError> {
            let mut group = writer.next_row_group()?;
            let mut columns = self.columns.iter_mut();
            while let Some(mut to) = group.next_column()? {
                let column = columns.next().expect("the schema has the same columns");
                column.write(to.untyped())?;
                to.close()?;
            }
            group.close().map(|_| ())
        };
        self.rows = 0;
        write().map_err(failed(&self.path))
    }

    /// Ends the file, and gives it its name.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.end_group()?;
        }
        if let Some(writer) = self.writer.take() {
            let mut file = writer.into_inner().map_err(failed(&self.path))?;
            file.flush()?;
            fs::rename(&self.part, &self.path)?;
        }
        Ok(())
    }
}

impl Drop for ParquetFile {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            let _ = fs::remove_file(&self.part);
        }
    }
}
