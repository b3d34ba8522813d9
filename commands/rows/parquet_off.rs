//! A program without the feature `parquet` refuses to write Parquet files, with the remedy.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use crate::flags::Usage;

/// A file that is never created.
pub(crate) struct ParquetFile(Infallible);

impl ParquetFile {
    pub(crate) fn create(path: &Path, _: &[&str]) -> anyhow::Result<Self> {
        Err(refusal(path).into())
    }

    pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
        Err(refusal(path).into())
    }

    pub(crate) fn add<'f>(&mut self, _: impl Iterator<Item = &'f [u8]>) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn close(&mut self) -> io::Result<()> {
        match self.0 {}
    }
}

fn refusal(path: &Path) -> Usage {
    let file = path.display();
    Usage(format!(
        "this program is built without Parquet: build it with --features parquet, or convert the rows of \
         --csv with duckdb -c \"COPY (FROM 'rows.csv') TO '{file}'\""
    ))
}
