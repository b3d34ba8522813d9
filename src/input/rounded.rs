//! Ids in scientific notation, which a spreadsheet has rounded.

use crate::cascade::numbers;

/// Ids that a spreadsheet has rounded.
#[derive(Default)]
pub(super) struct Rounded {
    count: u64,
    /// The first such id, and its line.
    first: Option<(String, u64)>,
}

impl Rounded {
    /// Counts an id in scientific notation, such as 1.23465E+18.
    pub(super) fn add(&mut self, cid: &[u8], line: u64) {
        let Some(e) = memchr::memchr2(b'e', b'E', cid) else { return };
        let (mantissa, exponent) = (&cid[..e], &cid[e + 1..]);
        let digits = exponent.strip_prefix(b"+").unwrap_or(exponent);
        let is_number = mantissa.contains(&b'.') || exponent.len() > digits.len();
        if is_number
            && numbers::field(mantissa).is_some()
            && !digits.is_empty()
            && digits.iter().all(u8::is_ascii_digit)
        {
            self.count += 1;
            self.first.get_or_insert_with(|| (String::from_utf8_lossy(cid).into_owned(), line));
        }
    }

    /// The warning about them in a column of a file, if there are any.
    pub(super) fn report(&self, file: &str, column: &str) -> Option<String> {
        let (cid, line) = self.first.as_ref()?;
        Some(format!(
            "{file}: column {column:?}: {} rows have an id in scientific notation, first {cid:?} in line {line}: a \
             spreadsheet has rounded them, and different cascades may have become one; export the column as text",
            self.count
        ))
    }
}
