//! A cascade from one line of JSON.
//!
//! `{"cid":"a","tweets":[[t,m],...]}`, optionally with `msg` and `t0` (or `root_time`); parallel
//! lists `times` and `magnitudes` stand for `tweets` as they do in a serie. No other field is read.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::HistoryCascade;
use crate::cascade::{Point, numbers};
use crate::event::EventTime;
use crate::record::{Refusal, Scalar};

/// What stands for a list of tweets that was read already.
const READ: &[u8] = b"false";

/// The fields of a line that are read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    cid: Scalar<'a>,
    #[serde(borrow)]
    msg: Scalar<'a>,
    #[serde(borrow)]
    t0: Scalar<'a>,
    #[serde(borrow)]
    root_time: Scalar<'a>,
    #[serde(borrow)]
    tweets: Option<&'a RawValue>,
    times: Option<Vec<f64>>,
    magnitudes: Option<Vec<f64>>,
}

impl HistoryCascade {
    /// Reads a line of a history.
    pub fn from_line(line: &[u8]) -> Result<Self, Refusal> {
        let mut cascade = Self::default();
        cascade.read_line(line)?;
        Ok(cascade)
    }

    /// Reads a line of a history into the memory of this cascade; nonsense is left where it fails.
    pub fn read_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        match self.read_fast(line) {
            Some(()) => {}
            None => self.read_any(line)?,
        }
        self.relative()
    }

    /// Reads the list of tweets by [`numbers::pairs`] and the rest of the line, which is short, by serde.
    ///
    /// `None` where the line is not that plain; then nothing is known of it.
    fn read_fast(&mut self, line: &[u8]) -> Option<()> {
        const KEY: &[u8] = b"\"tweets\"";
        let key = memmem::find(line, KEY)?;
        let before = line[..key].trim_ascii_start().strip_prefix(b"{")?;
        // A key deeper down, or the end of a string: let serde see to it.
        if before.iter().any(|byte| matches!(byte, b'{' | b'[' | b'\\')) {
            return None;
        }
        let value = line[key + KEY.len()..].trim_ascii_start().strip_prefix(b":")?;
        self.points.clear();
        let rest = &value[numbers::pairs(value, &mut self.points)?..];
        let short = [&line[..line.len() - value.len()], READ, rest].concat();
        let fields: Fields<'_> = serde_json::from_slice(&short).ok()?;
        if fields.tweets.map(|list| list.get().as_bytes()) != Some(READ) {
            return None;
        }
        self.take_fields(fields).ok()
    }

    /// Reads any line that is sound.
    fn read_any(&mut self, line: &[u8]) -> Result<(), Refusal> {
        // serde would read a list as the fields in their order.
        if line.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
            return Err(Refusal::new("json", "a cascade is a JSON object, which begins with {"));
        }
        let mut fields: Fields<'_> = serde_json::from_slice(line).map_err(json)?;
        self.points = match (fields.tweets, fields.times.take()) {
            (Some(list), _) => serde_json::from_str(list.get()).map_err(unpaired)?,
            (None, Some(times)) => parallel(&times, fields.magnitudes.take().as_deref())?,
            (None, None) => return Err(Refusal::new("field", "no field \"tweets\"")),
        };
        self.take_fields(fields)
    }

    fn take_fields(&mut self, fields: Fields<'_>) -> Result<(), Refusal> {
        let cid = fields.cid.id().ok_or_else(|| Refusal::new("field", "no cascade id in cid"))?;
        store(cid, &mut self.cid);
        store(fields.msg.id().unwrap_or_default(), &mut self.msg);
        let t0 = if fields.t0.is_present() { fields.t0 } else { fields.root_time };
        self.t0 = None;
        if t0.is_present() {
            let sound = t0.number().filter(|seconds| EventTime::new(*seconds).is_some());
            self.t0 = Some(sound.ok_or_else(|| {
                Refusal::new("range", "the time of the root is no number within 1e12 s of 0")
            })?);
        }
        Ok(())
    }

    /// Checks the times, and counts them from the first event.
    pub(super) fn relative(&mut self) -> Result<(), Refusal> {
        let Some(&Point { time: first, .. }) = self.points.first() else {
            return Err(Refusal::new("field", "no tweets: a cascade has its initial tweet"));
        };
        if first < 0.0 {
            return Err(Refusal::new("range", format!("the first time is negative: {first}")));
        }
        if let Some(i) = self.points.windows(2).position(|pair| pair[1].time < pair[0].time) {
            let (earlier, later) = (self.points[i].time, self.points[i + 1].time);
            let detail = format!("times go back: event {} at {later} after {earlier}", i + 2);
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

fn json(error: serde_json::Error) -> Refusal {
    let reason = if error.is_data() { "field" } else { "json" };
    let text = error.to_string();
    // The line is that of the file, which is named beside this.
    let text = text.split(" at line 1 column ").collect::<Vec<_>>().join(" at byte ");
    Refusal::new(reason, if error.is_data() { text } else { format!("not JSON: {text}") })
}

/// What is wrong with a list of tweets, which is sound JSON.
fn unpaired(error: serde_json::Error) -> Refusal {
    let text = error.to_string();
    let text = text.split(" at line 1 column ").collect::<Vec<_>>().join(" at its byte ");
    Refusal::new("field", format!("tweets is no list of pairs [t, m]: {text}"))
}

/// Points from lists of times and magnitudes; without the latter each is 1.
fn parallel(times: &[f64], magnitudes: Option<&[f64]>) -> Result<Vec<Point>, Refusal> {
    if let Some(marks) = magnitudes.filter(|marks| marks.len() != times.len()) {
        let detail = format!("{} times and {} magnitudes", times.len(), marks.len());
        return Err(Refusal::new("field", detail));
    }
    let mark = |i: usize| magnitudes.map_or(1.0, |marks| marks[i]);
    let point = |(i, &time): (usize, &f64)| Point::checked(time, mark(i));
    let points = times.iter().enumerate().map(point).collect::<Result<_, _>>();
    points.map_err(|detail| Refusal::new("range", detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::chance;
    use crate::replay::testing::{below, cascade};

    fn read(line: &str) -> Result<HistoryCascade, Refusal> {
        HistoryCascade::from_line(line.as_bytes())
    }

    fn slow(line: &str) -> Result<HistoryCascade, Refusal> {
        let mut cascade = HistoryCascade::default();
        cascade.read_any(line.as_bytes())?;
        cascade.relative().map(|()| cascade)
    }

    #[test]
    fn a_cascade_is_read_from_every_form_it_has() {
        let points =
            vec![Point { time: 0.0, magnitude: 1000.0 }, Point { time: 12.5, magnitude: 3.0 }];
        let told = HistoryCascade { cid: "7".into(), msg: "a \"b\", c".into(), t0: None, points };
        for line in [
            r#"{"cid":"7","msg":"a \"b\", c","tweets":[[0,1000],[12.5,3]]}"#,
            r#" { "tweets" : [ [ 0.0 , 1e3 ] , [12.5,3] ] , "msg":"a \"b\", c", "cid" : 7 } "#,
            r#"{"cid":"7","msg":"a \"b\", c","times":[0,12.5],"magnitudes":[1000,3],"x":{"tweets":[[1,1]]}}"#,
            r#"{"cid":"7","x":{"tweets":[[1,1]]},"msg":"a \"b\", c","tweets":[[100,1000],[112.5,3]]}"#,
            r#"{"cid":"7","start_day":7.1,"msg":"a \"b\", c","y":"\"tweets\":[","tweets":[[0,1000],[12.5,3]],"t_end":9}"#,
        ] {
            assert_eq!(read(line), Ok(told.clone()), "{line}");
        }
        let unmarked = read(r#"{"cid":"7","times":[0,5]}"#).unwrap();
        assert_eq!(unmarked.points[1], Point { time: 5.0, magnitude: 1.0 });
    }

    #[test]
    fn the_time_of_the_root_has_two_names() {
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
    fn what_is_no_cascade_is_refused_with_its_reason() {
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
        assert_eq!(error.to_string(), "times go back: event 3 at 4 after 5");
        let error = read(r#"{"cid":"a","tweets":[[0,1],]}"#).unwrap_err();
        assert_eq!(error.to_string(), "not JSON: expected value at byte 28");
    }

    #[test]
    fn reading_fast_is_reading_slowly_also_where_a_byte_is_wrong() {
        let mut sound = 0;
        for seed in 0..20_000 {
            let rng = &mut chance(seed, 1);
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
            sound += u32::from(read(&line).is_ok());
        }
        assert!((7_000..15_000).contains(&sound), "{sound}");
    }
}
