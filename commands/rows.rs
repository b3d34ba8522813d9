//! Tables in place of records: CSV on stdout or in a file, or a Parquet file. With `rows/`, the one place in `commands/` that names csv.

#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "rows/parquet_off.rs"]
mod parquet;

mod resumed;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use csv::{ReaderBuilder, Terminator, WriterBuilder};
use tweetoscope::record::Record;
use tweetoscope::stage::Outgoing;
use tweetoscope::stream::{Mapped, Transport};

use self::parquet::ParquetFile;
use self::resumed::Resumed;
use crate::flags::CarrierArgs;

/// A row of CSV (RFC 4180: quoted where necessary) without the end of its line.
pub(crate) fn row<T: AsRef<[u8]>>(fields: impl IntoIterator<Item = T>) -> io::Result<Vec<u8>> {
    let mut writer = WriterBuilder::new()
        .has_headers(false)
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    writer.write_record(fields).map_err(io::Error::from)?;
    let mut row = writer.into_inner().map_err(|error| error.into_error())?;
    row.pop();
    Ok(row)
}

/// The columns of predictions.
pub(crate) const PREDICTION_COLUMNS: &str = "cid,T_obs,n_obs,n_pred,low,high,model,method";

/// The columns of alerts: a `cid` is unique only within its source.
pub(crate) const ALERT_COLUMNS: &str = "cid,T_obs,n_obs,n_pred,low,high,model,method,source";

/// An alert as a row; `None` for other items.
pub(crate) fn alert(item: &Outgoing) -> io::Result<Option<Vec<u8>>> {
    let Outgoing::Record(Record::Alert(it)) = item else { return Ok(None) };
    let [low, high] = it
        .interval
        .as_ref()
        .map_or([None, None], |interval| [Some(interval.low), Some(interval.high)]);
    let numbers = [Some(it.n_tot), low, high].map(number);
    let counts = [it.t_obs, it.n_obs].map(|count| count.to_string());
    let [cid, model, method, source] =
        [&it.cid, &it.model, &it.method, &it.source].map(String::clone);
    let fields = [cid].into_iter().chain(counts).chain(numbers).chain([model, method, source]);
    row(fields).map(Some)
}

/// A table that a command writes in place of its records.
#[derive(Clone)]
pub(crate) struct Table {
    header: String,
    to: To,
}

/// Where the rows go.
#[derive(Clone)]
enum To {
    Stdout,
    Parquet(Arc<Mutex<ParquetFile>>),
    Csv(Arc<Mutex<Resumed>>),
}

impl Table {
    /// CSV with this header where `csv`, or a Parquet file with its columns, which --dry-run does not create.
    pub(crate) fn requested(
        csv: bool,
        parquet: Option<&Path>,
        header: impl Into<String>,
        carrier: &CarrierArgs,
    ) -> anyhow::Result<Option<Self>> {
        let header = header.into();
        if let Some(path) = parquet.filter(|_| carrier.input.dry_run) {
            ParquetFile::check(path)?;
        }
        let to = match parquet.filter(|_| !carrier.input.dry_run) {
            Some(path) => To::Parquet(Arc::new(Mutex::new(Self::file(path, &header)?))),
            None if csv => To::Stdout,
            None => return Ok(None),
        };
        Ok(Some(Self { header, to }))
    }

    /// CSV that continues a file of an earlier run, and the number of its rows that need not be computed.
    pub(crate) fn resumed(path: &Path, header: impl Into<String>) -> anyhow::Result<(Self, u64)> {
        let header = header.into();
        let (file, skip) = Resumed::open(path, &header)?;
        Ok((Self { header, to: To::Csv(Arc::new(Mutex::new(file))) }, skip))
    }

    fn file(path: &Path, header: &str) -> anyhow::Result<ParquetFile> {
        ParquetFile::create(path, &header.split(',').collect::<Vec<_>>())
    }

    /// Writes rows with this header to a Parquet file.
    pub(crate) fn write_parquet(
        path: &Path,
        header: &str,
        rows: impl IntoIterator<Item = io::Result<Vec<u8>>>,
    ) -> anyhow::Result<()> {
        let mut file = Self::file(path, header)?;
        for row in rows {
            add(&mut file, &row?)?;
        }
        Ok(file.close()?)
    }

    /// The transport with rows in place of records; `row` is `None` for an item that is dropped.
    pub(crate) fn over<T, F>(&self, transport: T, row: F) -> impl Transport + use<T, F>
    where
        T: Transport,
        F: Fn(&Outgoing) -> io::Result<Option<Vec<u8>>>,
    {
        let to = self.to.clone();
        let mapped = Mapped::new(transport, move |item| {
            let Some(row) = row(&item)? else { return Ok(None) };
            match &to {
                To::Stdout => return Ok(Some(Outgoing::Foreign(row))),
                To::Parquet(file) => add(&mut locked(file), &row)?,
                To::Csv(file) => locked(file).add(&row)?,
            }
            Ok(None)
        });
        match self.to {
            To::Stdout => mapped.with_header(self.header.clone()),
            To::Parquet(_) | To::Csv(_) => mapped,
        }
    }

    /// Ends the file after the command.
    pub(crate) fn close<T>(self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        let outcome = outcome?;
        match self.to {
            To::Stdout => {}
            To::Parquet(file) => locked(&file).close()?,
            To::Csv(file) => locked(&file).close()?,
        }
        Ok(outcome)
    }
}

fn locked<T>(file: &Mutex<T>) -> MutexGuard<'_, T> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a row of CSV to a Parquet file.
fn add(file: &mut ParquetFile, row: &[u8]) -> io::Result<()> {
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(row);
    for record in reader.byte_records() {
        file.add(record.map_err(io::Error::from)?.iter())?;
    }
    Ok(())
}

/// A number with all its digits; empty where there is none.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map(|it| it.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn a_field_is_quoted_where_a_reader_needs_it_and_nowhere_else() {
        let fields = ["plain", "a b", "", "1e-7", "#1", "a,b", "\"a\"", "a\nb", "a\rb", "é;\t"];
        let wanted = "plain,a b,,1e-7,#1,\"a,b\",\"\"\"a\"\"\",\"a\nb\",\"a\rb\",é;\t".as_bytes();
        assert_eq!(row(fields).unwrap(), wanted);
    }
}
