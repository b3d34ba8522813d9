//! Fields that systems write in different forms: ids, seconds, windows, counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A scalar JSON value; lists and objects are skipped.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) enum Scalar<'a> {
    /// Absent, `null`, a boolean, a list or an object.
    #[default]
    Absent,
    /// A number that is not integral.
    Number(f64),
    /// An integral number: an id keeps its digits.
    Integer(i128),
    /// A string.
    Text(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    /// The value as an id; numbers become their digits.
    pub(crate) fn id(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Absent => None,
            Self::Number(value) => Some(Cow::Owned(value.to_string())),
            Self::Integer(value) => Some(Cow::Owned(value.to_string())),
            Self::Text(text) => Some(text),
        }
    }

    /// The value as a number; a string may hold one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Absent => None,
            Self::Number(value) => Some(*value),
            Self::Integer(value) => Some(*value as f64),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// Whether the field has a value.
    pub(crate) fn is_present(&self) -> bool {
        *self != Self::Absent
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(value.into()))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(value.into()))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(value))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }
}

/// An id: a string, or a number that is kept as its digits.
pub(super) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let scalar = Scalar::deserialize(from)?;
    scalar.id().map(Cow::into_owned).ok_or_else(|| D::Error::custom("an id is missing"))
}

/// Seconds: a finite number, or a string that holds one.
pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = Scalar::deserialize(from)?.number();
    let sound = value.filter(|value| value.is_finite());
    sound.ok_or_else(|| D::Error::custom("a time is no number"))
}

/// The time of a log message in Unix seconds. Of a number that is too large for seconds (from 10^11,
/// the year 5138) the unit is milliseconds, as other programs log.
pub fn log_time(t: f64) -> Option<f64> {
    const MILLISECONDS: std::ops::Range<f64> = 1e11..1e14;
    match t.abs() {
        size if size < MILLISECONDS.start => Some(t),
        size if MILLISECONDS.contains(&size) => Some(t / 1e3),
        _ => None,
    }
}

/// The time of a log message, a number or a string that holds one.
pub(super) fn log_seconds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    log_time(seconds(from)?).ok_or_else(|| {
        D::Error::custom("t is neither Unix seconds nor milliseconds; convert it to seconds")
    })
}

/// A window in whole seconds: 600, 600.0 or "600".
pub(super) fn window<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let value = Scalar::deserialize(from)?.number();
    value.and_then(whole).ok_or_else(|| D::Error::custom("T_obs is no whole number of seconds"))
}

/// A count: a whole number; a string or a fraction of `.0` is read too.
pub(super) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let value = Scalar::deserialize(from)?.number();
    value.and_then(whole).ok_or_else(|| D::Error::custom("a count is no whole number"))
}

pub(super) fn whole(value: f64) -> Option<u64> {
    const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0; // 2^53: exact in an f64
    (value.fract() == 0.0 && (0.0..LARGEST_COUNT).contains(&value)).then_some(value as u64)
}

/// An object of numbers, in the order in which it is written.
pub(super) mod named {
    use serde::ser::SerializeMap;
    use serde::{Deserializer, Serializer};

    use super::*;
    use crate::cascade::Number;
    use crate::record::Named;

    pub(in crate::record) fn serialize<S: Serializer>(
        named: &Named,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(named.len()))?;
        for (name, value) in named {
            map.serialize_entry(name, &Number(*value))?;
        }
        map.end()
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Named, D::Error> {
        from.deserialize_map(NamedVisitor)
    }

    struct NamedVisitor;

    impl<'de> Visitor<'de> for NamedVisitor {
        type Value = Named;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of numbers")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
            let mut named = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, f64>()? {
                named.push((name, value));
            }
            Ok(named)
        }
    }
}
