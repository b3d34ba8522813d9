//! What a pending entry is to a record of the same cascade and window that arrives: ids are used again, and records
//! are repeated.

/// Bits of a time.
pub(super) const MADE_BITS: u32 = 34;

/// Which of the two records of a join it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Parameters,
    Size,
}

/// When a record was made, in whole seconds, so that an entry and its restored marker compare alike; 0 where it is not
/// known: the record has no time, or one more than 272 years from 1970.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Made(pub(super) u64);

impl Made {
    /// The largest number.
    pub(super) const MAX: u64 = (1 << MADE_BITS) - 1;

    /// That of a time in seconds.
    pub(super) fn at(t: f64) -> Self {
        let half = (1_u64 << (MADE_BITS - 1)) as f64;
        let is_known = t != 0.0 && t.abs() < half;
        Self(if is_known { (t.floor() + half) as u64 } else { 0 })
    }

    fn is_before(self, other: Self) -> bool {
        self.0 != 0 && other.0 != 0 && self.0 < other.0
    }
}

/// What an entry of the table is to a record that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Counterpart,
    Superseded,
    Duplicate,
    Outdated,
}

impl Relation {
    /// Compares an entry with a record that arrives.
    pub(super) fn of(entry: (Side, Made), record: (Side, Made)) -> Self {
        let is_older = entry.1.is_before(record.1);
        match (entry.0, record.0) {
            (Side::Parameters, Side::Parameters) | (Side::Size, Side::Size) if is_older => {
                Self::Superseded
            }
            (Side::Parameters, Side::Parameters) | (Side::Size, Side::Size) => Self::Duplicate,
            (Side::Size, Side::Parameters) if is_older => Self::Superseded,
            (Side::Parameters, Side::Size) if record.1.is_before(entry.1) => Self::Outdated,
            _ => Self::Counterpart,
        }
    }
}
