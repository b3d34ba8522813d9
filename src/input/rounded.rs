//! Ids in scientific notation, which a spreadsheet has rounded.

use std::borrow::Cow;

use crate::cascade::numbers;
use crate::math;

/// Ids that a spreadsheet has rounded.
#[derive(Default)]
pub(super) struct Rounded {
    count: u64,
    /// The first such id, and its line.
    first: Option<(String, u64)>,
}

impl Rounded {
    /// Counts an id in scientific notation, such as 1.23465E+18.
    pub(super) fn add(&mut self, id: &[u8], line: u64) {
        if is_rounded(id) {
            self.count += 1;
            self.first.get_or_insert_with(|| (String::from_utf8_lossy(id).into_owned(), line));
        }
    }

    /// The warning about them in a column of a file, if there are any; `effect` is their consequence.
    pub(super) fn report(&self, file: &str, column: &str, effect: &str) -> Option<String> {
        let (id, line) = self.first.as_ref()?;
        Some(format!(
            "{file}: column {column:?}: {} rows have an id in scientific notation, first {id:?} in line {line}: a \
             spreadsheet or a column of floating-point numbers has rounded them, so {effect}; export the column as text",
            numbers::grouped(self.count)
        ))
    }
}

/// Whether an id is in scientific notation.
pub(super) fn is_rounded(id: &[u8]) -> bool {
    let Some(e) = memchr::memchr2(b'e', b'E', id) else { return false };
    let (mantissa, exponent) = (with_point(&id[..e]), &id[e + 1..]);
    let digits = exponent.strip_prefix(b"+").unwrap_or(exponent);
    let is_number = mantissa.contains(&b'.') || exponent.len() > digits.len();
    is_number
        && numbers::field(&mantissa).is_some()
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
}

/// A number with a decimal point in place of a decimal comma.
fn with_point(number: &[u8]) -> Cow<'_, [u8]> {
    match memchr::memchr(b',', number) {
        None => Cow::Borrowed(number),
        Some(comma) => Cow::Owned([&number[..comma], b".", &number[comma + 1..]].concat()),
    }
}

/// The number to which a whole id is rounded where it is stored as a floating-point number; `None` where the id is no
/// number, or is one that remains exact.
pub(super) fn rounding_of(id: &str) -> Option<u64> {
    let whole: u64 = id.parse().ok().filter(|id| *id > math::EXACT_WHOLE as u64)?;
    Some((whole as f64).to_bits())
}

/// The number of an id in scientific notation, to be compared with [`rounding_of`].
pub(super) fn rounded(id: &str) -> Option<u64> {
    is_rounded(id.as_bytes())
        .then(|| numbers::field(&with_point(id.as_bytes())).map(f64::to_bits))?
}
