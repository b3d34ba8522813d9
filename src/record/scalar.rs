//! Fields that systems write in different forms: ids, seconds, windows, counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::math;

/// Numbers by name, in a significant order, which a map would lose.
pub type Named = Vec<(String, f64)>;

/// Why an id that [`Scalar::is_rounded`] is refused, and what to do.
pub(crate) const ROUNDED: &str = "a program has stored it as a floating-point number, which has lost digits; write ids as \
                                  text, such as id_str of X";

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
            // Of an integer that is written as 123.0, all digits: a number is printed with the shortest that denote it.
            Self::Number(value) if value.fract() == 0.0 && value.abs() < math::EXACT_WHOLE => {
                Some(Cow::Owned(format!("{value:.0}")))
            }
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

    /// Whether it is an integer that was rounded to a floating-point number, or may be one.
    pub(crate) fn is_rounded(&self) -> bool {
        matches!(self, Self::Number(value) if value.abs() >= math::EXACT_WHOLE)
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
    let raw = Box::<RawValue>::deserialize(from)?;
    match id_of(&raw).map_err(D::Error::custom)? {
        Some(id) => Ok(id.into_owned()),
        None => Err(D::Error::custom("an id is missing")),
    }
}

/// A text: a string, with U+FFFD for each half of a surrogate pair that is alone.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(from)?;
    text_of(&raw).map(Cow::into_owned).map_err(D::Error::custom)
}

/// An id of a post, as a [`Scalar`] of which [`Scalar::is_rounded`] is true where digits are lost: integers keep
/// their digits, also as 123.0.
pub(crate) fn exact<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Scalar<'a>, D::Error> {
    scalar_of(<&RawValue>::deserialize(from)?).map_err(D::Error::custom)
}

/// An id in a field of a line, if it is one; a rounded one is an error where it is used, not in records that pass through.
#[derive(Default)]
pub(super) struct Id<'a>(pub(super) Option<Cow<'a, str>>, Option<&'a str>);

impl Id<'_> {
    pub(super) fn check(&self) -> Result<(), String> {
        let Some(number) = self.1 else { return Ok(()) };
        Err(format!("the id {number} is rounded: {ROUNDED}"))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(from)?;
        let scalar = scalar_of(raw).map_err(D::Error::custom)?;
        let rounded = scalar.is_rounded().then(|| raw.get());
        Ok(Self(scalar.id(), rounded))
    }
}

/// A text in a field of a line, or another value as an id.
#[derive(Default)]
pub(super) struct Words<'a>(pub(super) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?;
        let read = match raw.get().starts_with('"') {
            true => text_of(raw).map(Some),
            false => scalar_of(raw).map(Scalar::id),
        };
        read.map(Self).map_err(D::Error::custom)
    }
}

/// The id that a value is. An integer keeps its digits, however many they are: as an `f64`, two of
/// them could become one, so that such a number is refused.
fn id_of(raw: &RawValue) -> serde_json::Result<Option<Cow<'_, str>>> {
    match scalar_of(raw)? {
        rounded if rounded.is_rounded() => {
            Err(serde_json::Error::custom(format!("the id {} is rounded: {ROUNDED}", raw.get())))
        }
        scalar => Ok(scalar.id()),
    }
}

/// The scalar that a value is; an integer, also one that is written as 123.0, is its digits.
fn scalar_of(raw: &RawValue) -> serde_json::Result<Scalar<'_>> {
    let json = raw.get();
    let is_zero = |fraction: &str| fraction.bytes().all(|byte| byte == b'0');
    let whole = json.split_once('.').filter(|(_, fraction)| is_zero(fraction));
    let json = whole.map_or(json, |(whole, _)| whole);
    let digits = json.strip_prefix('-').unwrap_or(json);
    if digits.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Scalar::Text(Cow::Borrowed(json)));
    }
    serde_json::from_str(json)
}

/// The text that a value is.
fn text_of(raw: &RawValue) -> serde_json::Result<Cow<'_, str>> {
    match serde_json::from_str::<Scalar<'_>>(raw.get()) {
        Ok(Scalar::Text(text)) => Ok(text),
        Ok(_) => serde_json::from_str::<String>(raw.get()).map(Cow::Owned),
        Err(error) => {
            let whole = with_whole_surrogates(raw.get());
            serde_json::from_str::<String>(&whole).map(Cow::Owned).map_err(|_| error)
        }
    }
}

/// The text of a string of JSON, with U+FFFD for each half of a surrogate pair that is alone; empty where it is no
/// string.
pub(crate) fn whole_text(json: &str) -> String {
    serde_json::from_str(&with_whole_surrogates(json)).unwrap_or_default()
}

/// A string of JSON with `\ufffd` for each `\u` that is half of a surrogate pair without the other.
fn with_whole_surrogates(json: &str) -> String {
    let unit = |at: usize| {
        let digits = json.get(at..).and_then(|it| it.strip_prefix("\\u"))?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(escape) = rest.find('\\') {
        let at = json.len() - rest.len() + escape;
        whole.push_str(&rest[..escape]);
        let (length, lone) = match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => (12, false),
            Some(0xD800..=0xDFFF) => (6, true),
            Some(_) => (6, false),
            // The escaped character is ASCII where the string is valid.
            None => (2, false),
        };
        let end = (at + length).min(json.len());
        whole.push_str(if lone { "\\ufffd" } else { json.get(at..end).unwrap_or_default() });
        rest = json.get(end..).unwrap_or_default();
    }
    whole.push_str(rest);
    whole
}

/// Why a time is refused.
pub(super) const NOT_SECONDS: &str =
    "the time is not a number of seconds (convert dates to Unix seconds)";

/// Seconds: a finite number, or a string that holds one.
pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = Scalar::deserialize(from)?.number();
    let sound = value.filter(|value| value.is_finite());
    sound.ok_or_else(|| D::Error::custom(NOT_SECONDS))
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
    (value.fract() == 0.0 && (0.0..math::EXACT_WHOLE).contains(&value)).then_some(value as u64)
}

/// An object of numbers, in the order in which it is written.
pub(super) mod named {
    use serde::ser::SerializeMap;
    use serde::{Deserializer, Serializer};

    use super::Named;
    use super::*;
    use crate::cascade::Number;

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

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn a_text_of_any_code_units_is_the_lossy_text_of_them() {
        for seed in 0..20_000 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut unit = || match rng.next_u32() % 4 {
                0 => 0xD800 + (rng.next_u32() % 0x400) as u16,
                1 => 0xDC00 + (rng.next_u32() % 0x400) as u16,
                2 => u16::from(b'\\'),
                _ => u16::from(b'u'),
            };
            let units: Vec<u16> = (0..seed % 8).map(|_| unit()).collect();
            let escape = |unit: &u16| match *unit {
                0x5C if seed % 2 == 0 => "\\\\".to_owned(),
                0x75 => "u".to_owned(),
                unit => format!("\\u{unit:04x}"),
            };
            let json = format!("\"{}\"", units.iter().map(escape).collect::<String>());
            let raw: &RawValue = serde_json::from_str(&json).unwrap();
            assert_eq!(text_of(raw).unwrap(), String::from_utf16_lossy(&units), "{json}");
        }
    }

    #[test]
    fn an_id_keeps_all_its_digits() {
        for digits in ["0", "7", "18446744073709551616", "340282366920938463463374607431768211457"]
        {
            for sign in ["", "-"] {
                let json = format!("{sign}{digits}");
                let raw: &RawValue = serde_json::from_str(&json).unwrap();
                assert_eq!(id_of(raw).unwrap().as_deref(), Some(&*json));
                let float = format!("{json}.0");
                let raw: &RawValue = serde_json::from_str(&float).unwrap();
                assert_eq!(id_of(raw).unwrap().as_deref(), Some(&*json));
            }
        }
        // Of a post.
        for (json, id) in [("1049000000274283009.0", "1049000000274283009"), ("1.5", "1.5")] {
            let scalar = exact(&mut serde_json::Deserializer::from_str(json)).unwrap();
            assert!(!scalar.is_rounded());
            assert_eq!(scalar.id().as_deref(), Some(id));
        }
    }

    #[test]
    fn an_id_that_has_lost_digits_is_refused() {
        for (json, lost) in [
            ("1.0501186211989217e+18", true),
            ("1.05e18", true),
            ("9007199254740993.5", true),
            ("1.5e3", false),
            ("9007199254740991e0", false),
            ("9007199254740993", false),
            ("9007199254740993.0", false),
            ("\"1.05e18\"", false),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(id_of(raw).is_err(), lost, "{json}");
            let scalar = exact(&mut serde_json::Deserializer::from_str(json)).unwrap();
            assert_eq!(scalar.is_rounded(), lost, "{json}");
            // Other values than ids are taken as they are.
            assert!(serde_json::from_str::<Words<'_>>(json).is_ok(), "{json}");
        }
        let error = id_of(serde_json::from_str("1.05e18").unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("the id 1.05e18 is rounded: ") && error.contains("id_str"));
    }
}
