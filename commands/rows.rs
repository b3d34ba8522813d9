//! CSV output: fields as the bytes of one row. The one place in `commands/` that names csv.

use std::io;

use csv::{Terminator, WriterBuilder};
use tweetoscope::record::Record;
use tweetoscope::stage::Outgoing;

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

/// The columns of alerts.
pub(crate) const ALERT_COLUMNS: &str = "cid,T_obs,n_obs,n_pred,low,high,model,method";

/// An alert as a row; other items are dropped.
pub(crate) fn alert(item: Outgoing) -> io::Result<Option<Outgoing>> {
    let Outgoing::Record(Record::Alert(it)) = item else { return Ok(None) };
    let [low, high] =
        it.interval.map_or([None, None], |interval| [Some(interval.low), Some(interval.high)]);
    let numbers = [Some(it.n_tot), low, high].map(number);
    let counts = [it.t_obs, it.n_obs].map(|count| count.to_string());
    let fields = [it.cid].into_iter().chain(counts).chain(numbers).chain([it.model, it.method]);
    Ok(Some(Outgoing::Foreign(row(fields)?)))
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
