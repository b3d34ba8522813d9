//! Named values, held compactly: a process holds thousands of samples, whose names are the same.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::cascade::Number;

/// The largest absolute value of a feature.
pub(super) const LARGEST_VALUE: f64 = 1e15;

/// The names of values, in order.
type Names = [Cow<'static, str>];

thread_local! {
    /// Lists of names that were used last, the newest last: values with the same names share one list.
    static RECENT: RefCell<Vec<Arc<Names>>> = const { RefCell::new(Vec::new()) };
}

/// Maximum number of lists of names in the cache of a thread. The records of a stage have few different lists: those of
/// cascades with and without marks.
const REMEMBERED: usize = 8;

/// The list with these names, shared where it was used before.
fn shared(names: Vec<Cow<'static, str>>) -> Arc<Names> {
    RECENT.with_borrow_mut(|recent| {
        if let Some(known) = recent.iter().rev().find(|known| are_equal(known, &names)) {
            return Arc::clone(known);
        }
        if recent.len() == REMEMBERED {
            recent.remove(0);
        }
        let new: Arc<Names> = names.into();
        recent.push(Arc::clone(&new));
        new
    })
}

/// Whether the names are the same; fast where they are constants of the program.
fn are_equal(a: &Names, b: &Names) -> bool {
    let same = |(a, b): (&Cow<'_, str>, &Cow<'_, str>)| std::ptr::eq(&**a, &**b) || a == b;
    a.len() == b.len() && a.iter().zip(b).all(same)
}

pub(super) fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(-LARGEST_VALUE, LARGEST_VALUE) }
}

/// The value rounded to six significant digits.
pub(super) fn rounded(value: f64) -> f64 {
    const TINY: f64 = 1e-12;
    let value = finite(value);
    if value.abs() < TINY {
        return 0.0;
    }
    let digits = 5 - decade(value.abs());
    if digits >= 0 {
        let scale = 10f64.powi(digits);
        (value * scale).round() / scale
    } else {
        let scale = 10f64.powi(-digits);
        (value / scale).round() * scale
    }
}

/// The largest whole d with 10^d <= value, for a positive value.
fn decade(value: f64) -> i32 {
    let binary = (value.to_bits() >> 52) as i32 - 1023;
    let below = (f64::from(binary) * std::f64::consts::LOG10_2).floor() as i32;
    below + i32::from(10f64.powi(below + 1) <= value)
}

/// Named values, in order.
#[derive(Clone)]
pub struct Features {
    names: Arc<Names>,
    values: Box<[f64]>,
}

impl Features {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.place(name).map(|place| self.values[place])
    }

    /// The place of that name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }

    /// The same, searched from the end.
    pub(super) fn place_from_end(&self, name: &str) -> Option<usize> {
        self.names.iter().rposition(|own| own == name)
    }

    /// The places of those names, in one pass where both have the same order.
    pub(super) fn places(&self, names: &[String]) -> Vec<Option<usize>> {
        let mut next = 0;
        let mut place = |name: &String| {
            let here = self.names.get(next).is_some_and(|own| own == name);
            let place = if here { Some(next) } else { self.place(name) };
            next = place.map_or(next, |place| place + 1);
            place
        };
        names.iter().map(&mut place).collect()
    }

    /// The values, in order.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Whether both have the same names in the same order.
    pub(super) fn are_named_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.names, &other.names) || are_equal(&self.names, &other.names)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.names.iter().map(AsRef::as_ref).zip(self.values.iter().copied())
    }

    /// The number of features.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no features.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Default for Features {
    fn default() -> Self {
        Self { names: shared(Vec::new()), values: Box::default() }
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl PartialEq for Features {
    fn eq(&self, other: &Self) -> bool {
        self.are_named_as(other) && self.values == other.values
    }
}

/// Features that are being computed.
pub(super) struct FeaturesBuilder {
    names: Vec<Cow<'static, str>>,
    values: Vec<f64>,
}

impl FeaturesBuilder {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { names: Vec::with_capacity(count), values: Vec::with_capacity(count) }
    }

    /// Adds a value, rounded to six digits.
    pub(super) fn push(&mut self, name: impl Into<Cow<'static, str>>, value: f64) {
        self.names.push(name.into());
        self.values.push(rounded(value));
    }

    pub(super) fn features(self) -> Features {
        Features { names: shared(self.names), values: self.values.into() }
    }
}

impl<S: Into<Cow<'static, str>>> FromIterator<(S, f64)> for Features {
    fn from_iter<I: IntoIterator<Item = (S, f64)>>(pairs: I) -> Self {
        let mut building = FeaturesBuilder::with_capacity(0);
        pairs.into_iter().for_each(|(name, value)| building.push(name, value));
        building.features()
    }
}

impl Serialize for Features {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, &Number(value))?;
        }
        map.end()
    }
}

/// Reads a name: `None` where it is the expected one.
struct NameOtherThan<'a>(Option<&'a str>);

impl<'de> DeserializeSeed<'de> for NameOtherThan<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for NameOtherThan<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0 != Some(name)).then(|| name.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Features;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Features, A::Error> {
                // The names of the last features, which need not be copied.
                let last = RECENT.with_borrow(|recent| recent.last().cloned());
                let last = last.unwrap_or_else(|| shared(Vec::new()));
                let mut values = Vec::with_capacity(last.len());
                // From the first name on that is not the next one of `last`.
                let mut others: Option<Vec<Cow<'static, str>>> = None;
                loop {
                    let expected = last.get(values.len()).filter(|_| others.is_none());
                    let seed = NameOtherThan(expected.map(AsRef::as_ref));
                    let Some(other) = map.next_key_seed(seed)? else { break };
                    let Some(value) = map.next_value::<Option<f64>>()? else { continue };
                    match (other, &mut others) {
                        (None, _) => {}
                        (Some(other), Some(names)) => names.push(other.into()),
                        (Some(other), None) => {
                            let mut names = last[..values.len()].to_vec();
                            names.push(other.into());
                            others = Some(names);
                        }
                    }
                    values.push(finite(value));
                }
                let names = match others {
                    Some(names) => shared(names),
                    None if values.len() == last.len() => last,
                    None => shared(last[..values.len()].to_vec()),
                };
                Ok(Features { names, values: values.into() })
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_with_the_same_names_share_them() {
        let text = r#"{"a":1.5,"b":-2,"c":0}"#;
        let read = |text: &str| serde_json::from_str::<Features>(text).unwrap();
        let (one, two) = (read(text), read(text));
        assert!(Arc::ptr_eq(&one.names, &two.names));
        let built: Features = [("a", 1.5), ("b", -2.0), ("c", 0.0)].into_iter().collect();
        assert!(Arc::ptr_eq(&one.names, &built.names));
        assert_eq!(one, built);
        assert_eq!(serde_json::to_string(&built).unwrap(), text);
    }

    #[test]
    fn any_order_of_objects_reads_as_their_names_and_values() {
        let names = ["a", "b", "c", "d", "\\u0061b"];
        let mut state = 1_u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        for round in 0..5_000 {
            let count = below(5) as usize;
            let pairs: Vec<(&str, Option<f64>)> = (0..count)
                .map(|_| {
                    let value = (below(4) > 0).then(|| below(100) as f64);
                    (names[below(5) as usize], value)
                })
                .collect();
            let fields: Vec<String> = pairs
                .iter()
                .map(|(name, value)| {
                    format!("\"{name}\":{}", value.map_or("null".to_owned(), |it| it.to_string()))
                })
                .collect();
            let read: Features =
                serde_json::from_str(&format!("{{{}}}", fields.join(","))).unwrap();
            let whole = |name: &str| if name.len() > 1 { "ab".to_owned() } else { name.to_owned() };
            let expected: Vec<(String, f64)> =
                pairs.iter().filter_map(|(name, value)| Some((whole(name), (*value)?))).collect();
            let found: Vec<(String, f64)> =
                read.iter().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(found, expected, "{round}: {fields:?}");
        }
    }
}
