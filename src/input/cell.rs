//! The cells of a table, as spreadsheets and programs write them.

/// A field without the blanks around it; of `="123"`, which keeps Excel from reading a number, what is quoted.
pub(super) fn content(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"=\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(field)
}

/// The content of a field; empty where it is written as a missing value of R (`NA`), pandas or SQL.
pub(super) fn value(field: &[u8]) -> &[u8] {
    let missing = [&b"NA"[..], b"NaN", b"nan", b"None", b"<NA>", b"null", b"NULL", b"\\N"];
    let field = content(field);
    if missing.contains(&field) { b"" } else { field }
}

/// An id without the `.0` with which pandas writes the integers of a column that has missing values.
pub(super) fn whole(id: &[u8]) -> &[u8] {
    let digits = id.strip_suffix(b".0").unwrap_or_default();
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if is_number { digits } else { id }
}
