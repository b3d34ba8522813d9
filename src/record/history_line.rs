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
            (Some(tweets), _) => list(tweets, "tweets is no list of pairs [t, m]")?,
            (None, Some(times)) => parallel(times, fields.magnitudes)?,
            (None, None) => return Err(Refusal::new("field", "no field \"tweets\"")),
        };
        self.take_fields(fields)
    }

    fn take_fields(&mut self, fields: Fields<'_>) -> Result<(), Refusal> {
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

/// Points from parallel lists; without `magnitudes` every mark is 1.
fn parallel(times: &RawValue, magnitudes: Option<&RawValue>) -> Result<Vec<Point>, Refusal> {
    let times: Vec<f64> = list(times, "times is no list of numbers")?;
    let magnitudes = magnitudes.map(|marks| list(marks, "magnitudes is no list of numbers"));
    let magnitudes: Option<Vec<f64>> = magnitudes.transpose()?;
    if let Some(marks) = magnitudes.as_ref().filter(|marks| marks.len() != times.len()) {
        let detail = format!("{} times and {} magnitudes", times.len(), marks.len());
        return Err(Refusal::new("field", detail));
    }
    let mark = |i: usize| magnitudes.as_ref().map_or(1.0, |marks| marks[i]);
    let point = |(i, &time): (usize, &f64)| Point::checked(time, mark(i));
    let points = times.iter().enumerate().map(point).collect::<Result<_, _>>();
    points.map_err(|detail| Refusal::new("range", detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{self, History, Item, Kind, Record};
    use crate::replay::random::seeded_rng;
    use crate::replay::testing::{below, cascade};

    fn read(line: &str) -> Result<HistoryCascade, Refusal> {
        HistoryCascade::from_line(line.as_bytes())
    }

    /// The same line as a record that `fit` reads from stdin.
    fn as_record(line: &str) -> Result<(String, String, Vec<Point>), &'static str> {
        match record::read(line.as_bytes(), None, &[Kind::Serie, Kind::History]) {
            Ok(Item::Record(record)) => match *record {
                Record::History(History { cid, msg, tweets, .. }) => Ok((cid, msg, tweets)),
                other => panic!("{line}: {other:?}"),
            },
            Ok(other) => panic!("{line}: {other:?}"),
            Err(refusal) => Err(refusal.reason),
        }
    }

    fn slow(line: &str) -> Result<HistoryCascade, Refusal> {
        let mut cascade = HistoryCascade::default();
        cascade.read_any(line.as_bytes())?;
        cascade.relative().map(|()| cascade)
    }

    #[test]
    fn all_forms_of_a_line_give_the_same_cascade() {
        let points =
            vec![Point { time: 0.0, magnitude: 1000.0 }, Point { time: 12.5, magnitude: 3.0 }];
        let expected = HistoryCascade {
            cid: "7".into(),
            msg: "a \"b\", c".into(),
            points,
            ..Default::default()
        };
        for line in [
            r#"{"cid":"7","msg":"a \"b\", c","tweets":[[0,1000],[12.5,3]]}"#,
            r#" { "tweets" : [ [ 0.0 , 1e3 ] , [12.5,3] ] , "msg":"a \"b\", c", "cid" : 7 } "#,
            r#"{"cid":"7","msg":"a \"b\", c","times":[0,12.5],"magnitudes":[1000,3],"x":{"tweets":[[1,1]]}}"#,
            r#"{"cid":"7","x":{"tweets":[[1,1]]},"msg":"a \"b\", c","tweets":[[100,1000],[112.5,3]]}"#,
            r#"{"cid":"7","start_day":7.1,"msg":"a \"b\", c","y":"\"tweets\":[","tweets":[[0,1000],[12.5,3]],"t_end":9}"#,
        ] {
            assert_eq!(read(line), Ok(expected.clone()), "{line}");
        }
        let unmarked = read(r#"{"cid":"7","times":[0,5]}"#).unwrap();
        assert_eq!(unmarked.points[1], Point { time: 5.0, magnitude: 1.0 });
    }

    #[test]
    fn root_time_is_an_alias_of_t0() {
        for (field, t0) in [
            ("", None),
            (r#","t0":1349768694.5"#, Some(1349768694.5)),
            (r#","root_time":-7"#, Some(-7.0)),
            (r#","root_time":1,"t0":2"#, Some(2.0)),
            (r#","t0":null"#, None),
        ] {
            let cascade = read(&format!(r#"{{"cid":"a","tweets":[[3,1]]{field}}}"#)).unwrap();
            assert_eq!((cascade.t0, cascade.points[0].time), (t0, 0.0), "{field}");
        }
    }

    #[test]
    fn invalid_lines_are_refused_with_their_reason() {
        for (line, reason) in [
            ("{", "json"),
            ("[1]", "json"),
            (r#"{"cid":"a","tweets":[[0,1]]} x"#, "json"),
            (r#"{"cid":"a","tweets":[[0,1]"#, "json"),
            (r#"{"cid":"a","tweets":[[NaN,1]]}"#, "json"),
            (r#"{"cid":"a","tweets":[[0,1e999]]}"#, "field"),
            (r#"{"cid":"a","x":tru,"tweets":[[0,1]]}"#, "json"),
            ("{\"cid\":\"\u{1}\",\"tweets\":[[0,1]]}", "json"),
            (r#"{"cid":"a"}"#, "field"),
            (r#"{"tweets":[[0,1]]}"#, "field"),
            (r#"{"cid":"a","tweets":[]}"#, "field"),
            (r#"{"cid":"a","tweets":false}"#, "field"),
            (r#"{"cid":"a","tweets":[[0,1]],"tweets":[[0,1]]}"#, "field"),
            (r#"{"cid":"a","x":[{"tweets":[[0,1]]}],"tweets":false}"#, "field"),
            (r#"{"cid":"a","tweets":[[0]]}"#, "field"),
            (r#"{"cid":"a","tweets":[[0,1,2]]}"#, "field"),
            (r#"{"cid":"a","tweets":[[0,-1]]}"#, "field"),
            (r#"{"cid":"a","tweets":[[0,2e12]]}"#, "field"),
            (r#"{"cid":"a","times":[0,1],"magnitudes":[1]}"#, "field"),
            (r#"{"cid":"a","times":[0,2e12]}"#, "range"),
            (r#"{"cid":"a","tweets":[[0,1],[5,1],[4,1]]}"#, "range"),
            (r#"{"cid":"a","tweets":[[-5,1],[4,1]]}"#, "range"),
            (r#"{"cid":"a","tweets":[[0,1]],"t0":"soon"}"#, "range"),
            (r#"{"cid":"a","tweets":[[0,1]],"t0":1e13}"#, "range"),
        ] {
            assert_eq!(read(line).map_err(|refusal| refusal.reason), Err(reason), "{line}");
            assert_eq!(read(line), slow(line), "{line}");
        }
        let error = read(r#"{"cid":"a","tweets":[[0,1],[5,1],[4,1]]}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "times go back: event 3 at 4 after 5; sort the events by time"
        );
        let error = read(r#"{"cid":"a","tweets":[[0,1],]}"#).unwrap_err();
        assert_eq!(error.to_string(), "not JSON: expected value at byte 28");
    }

    #[test]
    fn the_fast_parser_agrees_with_serde_also_on_corrupted_lines() {
        let mut accepted = 0;
        for seed in 0..20_000 {
            let rng = &mut seeded_rng(seed, 1);
            let HistoryCascade { cid, msg, points, .. } = cascade(format!("c{seed}"), rng);
            let points = serde_json::to_string(&points).unwrap();
            let mut fields = [
                format!(r#""cid":"{cid}""#),
                format!(r#""tweets":{points}"#),
                format!(r#""msg":"{msg}""#),
                format!(r#""other":{points}"#),
            ];
            fields.rotate_left(below(rng, 4) as usize);
            let mut line = format!("{{{}}}", fields.join(", "));
            if seed % 4 > 0 {
                let at = below(rng, line.len() as u64) as usize;
                let other = b"\"\\[]{},:.0e- "[below(rng, 13) as usize];
                line.replace_range(at..=at, &char::from(other).to_string());
            }
            assert_eq!(read(&line), slow(&line), "{line}");
            accepted += u32::from(read(&line).is_ok());
        }
        assert!((7_000..15_000).contains(&accepted), "{accepted}");
    }

    #[test]
    fn files_and_fit_accept_and_refuse_the_same_lines() {
        let lists = [
            r#""tweets":[[0,1],[5,2]]"#,
            r#""tweets":[[3,1],[5,2]]"#,
            r#""tweets":[[-3,1],[5,2]]"#,
            r#""tweets":[[0,1],[5,2],[4,1]]"#,
            r#""tweets":[]"#,
            r#""tweets":null"#,
            r#""tweets":[[0],[5]]"#,
            r#""tweets":[["0","1"]]"#,
            r#""tweets":[[0,1e999]]"#,
            r#""tweets":[[1e999,1]]"#,
            r#""tweets":[[0,-1]]"#,
            r#""tweets":[[0,1e2],[1.5e1,2]]"#,
            r#""tweets":[[0,1]],"tweets":[[0,1]]"#,
            r#""times":[0,5]"#,
            r#""times":[2,5],"magnitudes":[7,8]"#,
            r#""times":[2,5],"magnitudes":[7]"#,
            r#""times":[5,2]"#,
            r#""times":[]"#,
            r#""times":["0","5"]"#,
            r#""times":[0,1e999]"#,
            r#""times":[0,2e12]"#,
            r#""times":[0,9],"tweets":[[0,1]]"#,
        ];
        let fields = [
            "",
            r#","t0":1349768694.5"#,
            r#","t0":"12""#,
            r#","t0":"soon""#,
            r#","t0":1e13"#,
            r#","t0":1e999"#,
            r#","root_time":7"#,
            r#","msg":"a \"b\"""#,
            r#","msg":5"#,
            r#","msg":null"#,
            r#","start_day":7.1,"source":1e999"#,
            r#","t":1,"t":2"#,
            r#","x":{"tweets":[[1,1]]}"#,
            ",",
        ];
        for list in lists {
            for field in fields {
                for cid in [r#""cid":"a","#, r#""cid":7,"#, r#""cid":null,"#, ""] {
                    let line = format!("{{{cid}{list}{field}}}");
                    let cascade = read(&line).map_err(|refusal| refusal.reason);
                    let cascade = cascade.map(|it| (it.cid, it.msg, it.points));
                    assert_eq!(as_record(&line), cascade, "{line}");
                    let typed = line.replacen('{', r#"{"type":"history","#, 1);
                    assert_eq!(as_record(&typed), cascade, "{typed}");
                }
            }
        }
        let neither = r#"{"type":"history","cid":"a"}"#;
        assert_eq!(as_record(neither).err(), read(neither).err().map(|it| it.reason));
    }
}
