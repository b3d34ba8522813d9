//! Reads one history line, in files (`generate`, `run`) and as a `history` record (`fit`).
//!
//! `{"cid":"a","tweets":[[t,m],...]}`, optionally with `msg`, `t0` (alias `root_time`) and `observed`. Parallel
//! lists `times` and `magnitudes` may replace `tweets`. All other fields are ignored (docs/formats.md).

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::item::{Refusal, json};
use super::keyed::keyed;
use super::scalar::{Id, Scalar, Words};
use crate::cascade::{Point, numbers};
use crate::event::{EventTime, LARGEST};

/// Replaces a list of tweets that is parsed already.
const PARSED: &[u8] = b"false";

/// A complete cascade from a history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryCascade {
    /// Its id.
    pub cid: String,
    /// The text of the initial tweet.
    pub msg: String,
    /// The time of the initial tweet, in Unix seconds, where the history has it.
    pub t0: Option<f64>,
    /// How long it was observed after its first event, in the unit of the file, where the input has it: the cascade
    /// may have grown after that. `None`: a finished cascade, or one that was observed up to an unknown time.
    pub observed: Option<f64>,
    /// Its events in time order, in seconds (or the unit of the file) since the first, which is at 0.
    pub points: Vec<Point>,
}

/// The fields of a line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    cid: Id<'a>,
    #[serde(borrow)]
    msg: Words<'a>,
    #[serde(borrow)]
    t0: Scalar<'a>,
    #[serde(borrow)]
    root_time: Scalar<'a>,
    #[serde(borrow)]
    observed: Scalar<'a>,
    #[serde(borrow)]
    tweets: Option<&'a RawValue>,
    #[serde(borrow)]
    times: Option<&'a RawValue>,
    #[serde(borrow)]
    magnitudes: Option<&'a RawValue>,
}

impl HistoryCascade {
    /// Parses a history line.
    ///
    /// # Errors
    /// The line is not JSON, lacks `cid` or events, or has a value out of range.
    pub fn from_line(line: &[u8]) -> Result<Self, Refusal> {
        let mut cascade = Self::default();
        cascade.read_line(line)?;
        Ok(cascade)
    }

    /// Parses a history line into the memory of this cascade, whose content is undefined after an error. A key before
    /// the line is skipped.
    ///
    /// # Errors
    /// As [`HistoryCascade::from_line`].
    pub fn read_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let (_, line) = keyed(line);
        match self.read_fast(line) {
            Some(()) => {}
            None => self.read_any(line)?,
        }
        self.relative()
    }

    /// Parses a line whose list of tweets was parsed already and replaced by another value.
    pub(super) fn with_points(line: &[u8], points: Vec<Point>) -> Result<Self, Refusal> {
        let mut cascade = Self { points, ..Self::default() };
        cascade.take_fields(serde_json::from_slice(line).map_err(json)?)?;
        cascade.relative().map(|()| cascade)
    }

    /// Parses the list of tweets with [`numbers::pairs`] and the rest of the line, which is short, with serde.
    ///
    /// `None` where the line has another form; it may be valid or not.
    fn read_fast(&mut self, line: &[u8]) -> Option<()> {
        const KEY: &[u8] = b"\"tweets\"";
        let key = memmem::find(line, KEY)?;
        let before = line[..key].trim_ascii_start().strip_prefix(b"{")?;
        // The key may be nested or part of a string: serde decides.
        if before.iter().any(|byte| matches!(byte, b'{' | b'[' | b'\\')) {
            return None;
        }
        let value = line[key + KEY.len()..].trim_ascii_start().strip_prefix(b":")?;
        self.points.clear();
        let rest = &value[numbers::pairs(value, &mut self.points)?..];
        let short = [&line[..line.len() - value.len()], PARSED, rest].concat();
        let fields: Fields<'_> = serde_json::from_slice(&short).ok()?;
        if fields.tweets.map(|list| list.get().as_bytes()) != Some(PARSED) {
            return None;
        }
        self.take_fields(fields).ok()
    }

    /// Parses a line of any form with serde.
    fn read_any(&mut self, line: &[u8]) -> Result<(), Refusal> {
        // serde would accept an array of the field values.
        if line.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
            return Err(Refusal::new("json", "a cascade is a JSON object, which begins with {"));
        }
        let fields: Fields<'_> = serde_json::from_slice(line).map_err(json)?;
        self.points = match (fields.tweets, fields.times) {
            (Some(tweets), _) => list(tweets, "tweets is no list of pairs [t, m]")
                .map_err(|refusal| out_of_limits(tweets).unwrap_or(refusal))?,
            (None, Some(times)) => parallel(times, fields.magnitudes)?,
            (None, None) => return Err(Refusal::new("field", "no field \"tweets\"")),
        };
        self.take_fields(fields)
    }

    fn take_fields(&mut self, fields: Fields<'_>) -> Result<(), Refusal> {
        fields.cid.check().map_err(|why| Refusal::new("field", why))?;
        let cid = fields.cid.0.ok_or_else(|| Refusal::new("field", "no cascade id in cid"))?;
        store(cid, &mut self.cid);
        store(fields.msg.0.unwrap_or_default(), &mut self.msg);
        let t0 = if fields.t0.is_present() { fields.t0 } else { fields.root_time };
        self.t0 = None;
        if t0.is_present() {
            let time = t0.number().filter(|seconds| EventTime::new(*seconds).is_some());
            self.t0 = Some(time.ok_or_else(|| {
                Refusal::new("range", "t0 is no number of Unix seconds within 1e12 s of 0; convert texts and milliseconds")
            })?);
        }
        self.observed = None;
        if fields.observed.is_present() {
            let time = fields.observed.number().filter(|time| (0.0..=LARGEST).contains(time));
            self.observed = Some(time.ok_or_else(|| {
                Refusal::new("range", "the observed duration is no number from 0 to 1e12")
            })?);
        }
        Ok(())
    }

    /// Checks the times and subtracts the first from all.
    pub(crate) fn relative(&mut self) -> Result<(), Refusal> {
        let Some(&Point { time: first, .. }) = self.points.first() else {
            return Err(Refusal::new("field", "no tweets: a cascade has its initial tweet"));
        };
        if first < 0.0 {
            return Err(Refusal::new("range", format!("the first time is negative: {first}")));
        }
        if let Some(i) = self.points.windows(2).position(|pair| pair[1].time < pair[0].time) {
            let (earlier, later) = (self.points[i].time, self.points[i + 1].time);
            let detail = format!(
                "times go back: event {} at {later} after {earlier}; sort the events by time",
                i + 2
            );
            return Err(Refusal::new("range", detail));
        }
        if first > 0.0 {
            self.points.iter_mut().for_each(|point| point.time -= first);
        }
        Ok(())
    }
}

fn store(text: Cow<'_, str>, to: &mut String) {
    to.clear();
    to.push_str(&text);
}

/// The elements of a list that is valid JSON; `expected` describes another value in the error.
fn list<'a, T: Deserialize<'a>>(list: &'a RawValue, expected: &str) -> Result<Vec<T>, Refusal> {
    serde_json::from_str(list.get()).map_err(|error| {
        let text = error.to_string();
        let text = text.split(" at line 1 column ").collect::<Vec<_>>().join(" at its byte ");
        Refusal::new("field", format!("{expected}: {text}"))
    })
}

/// The refusal of a list of pairs of which one is not within the limits of an event.
fn out_of_limits(tweets: &RawValue) -> Option<Refusal> {
    let pairs: Vec<(f64, f64)> = serde_json::from_str(tweets.get()).ok()?;
    let mut faults = (1..).zip(pairs).filter_map(|(number, pair)| fault(number, pair));
    faults.next().map(|fault| Refusal::new("field", format!("tweets: {fault}")))
}

/// Which number of an event is not within its limits.
fn fault(number: usize, (time, magnitude): (f64, f64)) -> Option<String> {
    Point::checked(time, magnitude).err()?;
    Some(match EventTime::new(time) {
        None => format!("the time {time} of event {number} is not within 1e12 s of 0"),
        Some(_) => format!("the magnitude {magnitude} of event {number} is not from 0 to 1e12"),
    })
}

/// Points from parallel lists; without `magnitudes` every mark is 1.
fn parallel(times: &RawValue, magnitudes: Option<&RawValue>) -> Result<Vec<Point>, Refusal> {
    let times: Vec<f64> = list(times, "times is no list of numbers")?;
    let magnitudes = magnitudes.map(|marks| list(marks, "magnitudes is no list of numbers"));
    let magnitudes: Option<Vec<f64>> = magnitudes.transpose()?;
    if let Some(marks) = magnitudes.as_ref().filter(|marks| marks.len() != times.len()) {
        let detail = format!(
            "times has {} entries and magnitudes {}; give one magnitude for each time",
            times.len(),
            marks.len()
        );
        return Err(Refusal::new("field", detail));
    }
    let mark = |i: usize| magnitudes.as_ref().map_or(1.0, |marks| marks[i]);
    let point = |(i, &time): (usize, &f64)| {
        Point::checked(time, mark(i)).map_err(|detail| {
            Refusal::new("range", fault(i + 1, (time, mark(i))).unwrap_or(detail.to_owned()))
        })
    };
    times.iter().enumerate().map(point).collect()
}

#[cfg(test)]
mod tests;
