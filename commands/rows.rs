//! CSV output: fields as the bytes of one row. The one place in `commands/` that names csv.

use std::io;

use csv::{Terminator, WriterBuilder};

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
