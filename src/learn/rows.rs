//! Rows of values in one buffer.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Rows of values, all of the same length.
#[derive(Clone, Default, PartialEq)]
pub struct Rows {
    width: usize,
    /// Row by row.
    values: Vec<f64>,
}

impl Rows {
    /// Adds a row.
    ///
    /// # Errors
    /// It is empty, or not as long as those before.
    pub fn push(&mut self, row: impl IntoIterator<Item = f64>) -> Result<(), &'static str> {
        let before = self.values.len();
        self.values.extend(row);
        let width = self.values.len() - before;
        if width == 0 || before > 0 && width != self.width {
            self.values.truncate(before);
            return Err("the rows have different lengths, or none");
        }
        self.width = width;
        Ok(())
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> + Clone {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The length of each row; 0 where there is none.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Releases memory that is not used.
    pub(super) fn shrink(&mut self) {
        self.values.shrink_to_fit();
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Appends the numbers of a list.
struct Append<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Append<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Append<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            self.0.push(value);
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rows of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows, A::Error> {
                let (mut rows, mut row) = (Rows::default(), Vec::new());
                while list.next_element_seed(Append(&mut row))?.is_some() {
                    rows.push(row.drain(..)).map_err(serde::de::Error::custom)?;
                }
                rows.shrink();
                Ok(rows)
            }
        }
        deserializer.deserialize_seq(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_one_length() {
        let text = "[[1.0,2.0],[3.5,4.0]]";
        let rows: Rows = serde_json::from_str(text).unwrap();
        assert_eq!((rows.len(), rows.width()), (2, 2));
        assert_eq!(rows.iter().collect::<Vec<_>>(), [[1.0, 2.0], [3.5, 4.0]]);
        assert_eq!(serde_json::to_string(&rows).unwrap(), text);
        assert_eq!(serde_json::from_str::<Rows>("[]").unwrap(), Rows::default());
        for wrong in ["[[1],[1,2]]", "[[]]", "[1]", "[[null]]", "[[1,2],[]]"] {
            assert!(serde_json::from_str::<Rows>(wrong).is_err(), "{wrong}");
        }
    }
}
