//! Events: tweets and retweets, with times on the clock of their source.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Largest absolute event time and largest mark that a record may carry.
///
/// Below it, sums and differences are exact to better than a millisecond.
pub const LARGEST: f64 = 1e12;

/// Seconds without an event of a source after which a replay announces the next one with a watermark: `collect` refuses a
/// single event far ahead of the clock of its source, whose time may be wrong.
pub const SILENCE: f64 = 86_400.0;

/// Seconds on the clock of one source; finite, at most [`LARGEST`] in size.
///
/// Clocks of two sources are unrelated. The order is total because a value is never NaN, and agrees with
/// equality because a value is never -0.0: the constructors add 0.0, which changes no other number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventTime(f64);

impl EventTime {
    /// A time, or `None` where it is not finite or too large.
    pub fn new(seconds: f64) -> Option<Self> {
        (seconds.abs() <= LARGEST).then_some(Self(seconds + 0.0))
    }

    /// A sum of bounded times, which may exceed [`LARGEST`].
    pub(crate) fn beyond(seconds: f64) -> Self {
        debug_assert!(!seconds.is_nan(), "sums of finite times are numbers");
        Self(seconds + 0.0)
    }

    /// Seconds on the source's clock.
    pub fn seconds(self) -> f64 {
        self.0
    }
}

impl Eq for EventTime {}

impl PartialOrd for EventTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventTime {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A tweet or a retweet, as in a record or a history file.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Whether it is the initial tweet, which opens the cascade.
    pub root: bool,
    /// The cascade it belongs to, unique within its source.
    pub cid: Cow<'a, str>,
    /// The feed that it comes from.
    pub source: Cow<'a, str>,
    /// Its time, on the clock of the source.
    pub time: EventTime,
    /// The mark: influence (followers) of the author, from 0 to [`LARGEST`].
    pub magnitude: f64,
    /// The text; empty for most retweets.
    pub msg: Message<'a>,
    /// Free text that no computation reads.
    pub info: Message<'a>,
    /// The id of the event itself, unique within its cascade; empty where it has none.
    pub id: Cow<'a, str>,
}

impl Event<'_> {
    /// The event with its own copies of all texts.
    pub fn into_owned(self) -> Event<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Event {
            root: self.root,
            cid: owned(self.cid),
            source: owned(self.source),
            time: self.time,
            magnitude: self.magnitude,
            msg: self.msg.text().into_owned().into(),
            info: self.info.text().into_owned().into(),
            id: owned(self.id),
        }
    }
}

/// A text of an event. Few texts are read, so one that comes from a record is kept as JSON and decoded
/// by [`Message::text`].
#[derive(Clone, Debug)]
pub struct Message<'a>(Form<'a>);

#[derive(Clone, Debug)]
enum Form<'a> {
    Plain(Cow<'a, str>),
    /// A valid string of JSON, its quotes included.
    Quoted(&'a str),
}

impl<'a> Message<'a> {
    /// A valid string of JSON, its quotes included; one that is not valid has an empty text.
    pub(crate) fn quoted(json: &'a str) -> Self {
        Self(Form::Quoted(json))
    }

    /// The decoded text.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Plain(text) => Cow::Borrowed(text),
            Form::Quoted(json) => serde_json::from_str::<String>(json).unwrap_or_default().into(),
        }
    }
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Message<'a> {
    fn from(text: T) -> Self {
        Self(Form::Plain(text.into()))
    }
}

impl Default for Message<'_> {
    fn default() -> Self {
        "".into()
    }
}

impl PartialEq for Message<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

/// A duration in whole or fractional seconds, read from `600`, `600s`, `10m`, `1h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Span(pub f64);

/// A text that is not a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanError(String);

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a duration: use seconds, or a number with s, m, h or d", self.0)
    }
}

impl std::error::Error for SpanError {}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let trimmed = text.trim();
        let unit = match trimmed.chars().last() {
            Some('m') => 60.0,
            Some('h') => 3600.0,
            Some('d') => 86_400.0,
            _ => 1.0,
        };
        let number = trimmed.trim_end_matches(['s', 'm', 'h', 'd']);
        let one_unit = trimmed.len() - number.len() <= 1;
        match number.trim_end().parse::<f64>() {
            Ok(value) if one_unit && (0.0..=LARGEST).contains(&(value * unit)) => {
                Ok(Self(value * unit))
            }
            _ => Err(SpanError(text.to_owned())),
        }
    }
}

impl fmt::Display for Span {
    /// Shortest exact form: `7d`, `10m`, `90s`, `0.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400.0, 'd'), (3600.0, 'h'), (60.0, 'm')];
        let fits = |unit: f64| self.0 > 0.0 && self.0 % unit == 0.0;
        match units.into_iter().find(|&(unit, _)| fits(unit)) {
            Some((unit, letter)) => write!(f, "{}{letter}", self.0 / unit),
            None => write!(f, "{}s", self.0),
        }
    }
}

/// The version of a model: its window and a counter, written `600-3`. A window's newest model has
/// the largest counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelVersion {
    /// The window, in seconds.
    pub window: u64,
    /// The number of the model among those of its window.
    pub counter: u64,
}

/// A text that is not a model version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelVersionError(String);

impl fmt::Display for ModelVersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a model version: use WINDOW-COUNTER, such as 600-3", self.0)
    }
}

impl std::error::Error for ModelVersionError {}

impl fmt::Display for ModelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.window, self.counter)
    }
}

impl ModelVersion {
    /// The largest counter: the next model always has one.
    const LARGEST_COUNTER: u64 = 1_000_000_000_000;
}

impl FromStr for ModelVersion {
    type Err = ModelVersionError;

    /// Accepts only the text that `Display` writes, so that a file name or key has one spelling.
    fn from_str(text: &str) -> Result<Self, ModelVersionError> {
        let version = text.split_once('-').and_then(|(window, counter)| {
            Some(Self { window: window.parse().ok()?, counter: counter.parse().ok()? })
        });
        let version = version.filter(|version| version.counter <= Self::LARGEST_COUNTER);
        let version = version.filter(|version| version.to_string() == text);
        version.ok_or_else(|| ModelVersionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_equal_where_they_compare_equal() {
        let seconds = [-LARGEST, -1.0, -f64::MIN_POSITIVE, -0.0, 0.0, 5e-324, 0.1, 1.0, LARGEST];
        let times = seconds.map(|seconds| EventTime::new(seconds).unwrap());
        let sums = seconds.map(EventTime::beyond);
        for (a, x) in times.iter().chain(&sums).zip(seconds.iter().chain(&seconds)) {
            for (b, y) in times.iter().chain(&sums).zip(seconds.iter().chain(&seconds)) {
                assert_eq!(Some(a.cmp(b)), x.partial_cmp(y), "{x:?} {y:?}");
                assert_eq!(a == b, a.cmp(b) == Ordering::Equal, "{x:?} {y:?}");
            }
        }
    }

    #[test]
    fn a_duration_reads_back_as_it_was_written() {
        for seconds in (0..200_000).map(|i| f64::from(i) * 7.5) {
            assert_eq!(Span(seconds).to_string().parse(), Ok(Span(seconds)));
        }
        assert_eq!("600".parse(), Ok(Span(600.0)));
        for wrong in ["", "m", "-1", "1w", "1ms", "nan", "inf", "1e99"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
    #[test]
    fn a_model_version_has_one_spelling() {
        let version = ModelVersion { window: 600, counter: 3 };
        assert_eq!(version.to_string(), "600-3");
        assert_eq!("600-3".parse(), Ok(version));
        for wrong in [
            "",
            "600",
            "600-",
            "-3",
            "600-03",
            "+600-3",
            "600-3-1",
            "10m-3",
            "600-3 ",
            "600-1000000000001",
        ] {
            assert!(wrong.parse::<ModelVersion>().is_err(), "{wrong}");
        }
    }
}
