//! Lines that begin with the key of their record.

use memchr::memchr;

/// The key before a record, which a tab ends as in the output of `kcat -K '\t'`, and the record.
pub fn keyed(line: &[u8]) -> (Option<&str>, &[u8]) {
    const MAX_KEY_BYTES: usize = 1024;
    if line.first() == Some(&b'{') {
        return (None, line);
    }
    let tab = memchr(b'\t', &line[..line.len().min(MAX_KEY_BYTES)]);
    let record = tab.map(|tab| (tab, &line[tab + 1..])).filter(|(_, it)| it.starts_with(b"{"));
    match record.and_then(|(tab, record)| Some((std::str::from_utf8(&line[..tab]).ok()?, record))) {
        Some((key, record)) if !key.trim().is_empty() => (Some(key), record),
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_at_the_tab_before_an_object() {
        let cases: [(&str, Option<&str>, &str); 7] = [
            ("{\"a\":\"x\t{\"}", None, "{\"a\":\"x\t{\"}"),
            ("c0\t{\"a\":1}", Some("c0"), "{\"a\":1}"),
            ("a b\t{}", Some("a b"), "{}"),
            (" \t{}", None, " \t{}"),
            ("\t{}", None, "\t{}"),
            ("a\tb\t{}", None, "a\tb\t{}"),
            ("a,b", None, "a,b"),
        ];
        for (line, key, record) in cases {
            assert_eq!(keyed(line.as_bytes()), (key, record.as_bytes()), "{line}");
        }
    }
}
