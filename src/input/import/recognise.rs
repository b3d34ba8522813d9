//! Recognises the format of an input from its first line.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::format::{Format, PostFormat};
use super::weibo;
use crate::input::columns;
use crate::record::{Refusal, Scalar, keyed};

/// The format of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A format of cascades.
    Format(Format),
    /// Records of this project: JSON with a `type`.
    Records,
    /// A JSON array of other objects than posts.
    Array,
    /// The beginning of an object of JSON without a field that identifies it.
    Fragment,
    /// None of these.
    Unknown,
}

/// Collects the names of the fields of an object, also of one whose end is missing, and the value of `type`.
#[derive(Default)]
struct Keys {
    names: BTreeSet<String>,
    kind: Option<String>,
}

impl<'de> DeserializeSeed<'de> for &mut Keys {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Keys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let is_type = key == "type";
            self.names.insert(key);
            if is_type {
                self.kind = map.next_value::<Scalar<'de>>()?.id().map(Cow::into_owned);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The first bytes of a Parquet file.
pub(crate) const PARQUET: &[u8] = b"PAR1";

/// The format of an input with this first line, or this beginning of a first line. A key before it is skipped.
pub fn recognise(line: &str) -> Recognised {
    let line = line.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let line = str::from_utf8(keyed(line.as_bytes()).1).unwrap_or(line);
    if line.starts_with('[') {
        let elements = serde_json::from_str::<Vec<&RawValue>>(line).unwrap_or_default();
        return match elements.first().map(|first| recognise(first.get())) {
            Some(Recognised::Format(Format::Posts(format))) => {
                Recognised::Format(Format::Posts(format))
            }
            _ => Recognised::Array,
        };
    }
    if line.starts_with('{') {
        let mut keys = Keys::default();
        let read = (&mut keys).deserialize(&mut serde_json::Deserializer::from_str(line));
        return match (keys.recognised(), read) {
            (Recognised::Unknown, Err(error)) if error.is_eof() => Recognised::Fragment,
            (recognised, _) => recognised,
        };
    }
    let posts = |format| Recognised::Format(Format::Posts(format));
    if ["event:", "data:", ":"].iter().any(|start| line.starts_with(start)) {
        return posts(PostFormat::Mastodon);
    }
    if weibo::matches(line) {
        return posts(PostFormat::Weibo);
    }
    if columns::is_header(line)
        || columns::declared_delimiter(line.as_bytes()).is_some()
        || line.as_bytes().starts_with(PARQUET)
    {
        return Recognised::Format(Format::Table);
    }
    Recognised::Unknown
}

/// Whether a line holds several posts: a page of a search of X, whose newest post comes first, or an array.
pub(crate) fn is_page(line: &str) -> bool {
    let line = line.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let value = |name: &str| {
        let (_, rest) = line.split_once(name)?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start().starts_with('['))
    };
    line.starts_with('[')
        || ["\"data\"", "\"statuses\""].into_iter().any(|it| value(it) == Some(true))
}

/// The error of a line in an input of the given format, with a hint if the line itself has another format.
pub(crate) fn of_other_format(mut refusal: Refusal, line: &str, format: Format) -> Refusal {
    let other = match recognise(line) {
        Recognised::Format(Format::Table) => None,
        Recognised::Format(other) if other != format => Some(other.to_string()),
        Recognised::Records => Some("records of tweetoscope".to_owned()),
        _ => None,
    };
    if let Some(other) = other {
        refusal.detail += &format!(
            "; the line is of the format {other}, those before are of {format}: give one format at a time"
        );
    }
    refusal
}

impl Keys {
    /// The format of an object with these fields.
    fn recognised(&self) -> Recognised {
        let has = |name: &str| self.names.contains(name);
        // Other fields of a history line are ignored, whatever their names.
        let is_history = self.kind.as_ref().is_none_or(|it| it == "history");
        if is_history && has("cid") && (has("tweets") || has("times")) {
            return Recognised::Format(Format::History);
        }
        by_keys(&has)
    }
}

fn by_keys(has: &dyn Fn(&str) -> bool) -> Recognised {
    let posts = |format| Recognised::Format(Format::Posts(format));
    if has("did") && (has("time_us") || has("commit")) {
        return posts(PostFormat::Jetstream);
    }
    if has("payload") && has("event") || has("reblog") && has("account") {
        return posts(PostFormat::Mastodon);
    }
    if has("data") || has("includes") || has("referenced_tweets") || has("author_id") {
        return posts(PostFormat::XV2);
    }
    if has("id_str") || has("retweeted_status") || has("statuses") || has("user") && has("id") {
        return posts(PostFormat::XV11);
    }
    if has("created_at") && has("id") && (has("author") || has("public_metrics")) {
        return posts(PostFormat::XV2);
    }
    let control = ["delete", "limit", "scrub_geo", "status_withheld", "user_withheld"];
    if control.into_iter().any(has) && !has("type") {
        return posts(PostFormat::XV11);
    }
    if has("type") {
        return Recognised::Records;
    }
    if has("tweets") || has("times") {
        return Recognised::Format(Format::History);
    }
    Recognised::Unknown
}
