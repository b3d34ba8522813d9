//! Reads records from bytes: strict about values, tolerant about form.
//!
//! Both forms of the original system, of 2020 and 2021, are read: `time` and `magnitude` for `t` and `m`, ids
//! in the record, in the key or in `info`, windows in the key.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::bodies::{body, history, parse, serie};
use super::fast;
use super::item::{Item, Refusal, json};
use super::kind::Kind;
use super::kinds::Watermark;
use super::layout::Layout;
use super::scalar::{Id, NOT_SECONDS, Scalar, Words};
use super::write::Record;
use crate::cascade::Point;
use crate::event::{Event, EventTime, LARGEST};

/// The fields that distinguish records, and those of events.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow)]
    r#type: Scalar<'a>,
    #[serde(borrow)]
    cid: Id<'a>,
    #[serde(borrow)]
    tweet_id: Id<'a>,
    #[serde(borrow)]
    t: Scalar<'a>,
    #[serde(borrow)]
    time: Scalar<'a>,
    #[serde(borrow)]
    m: Scalar<'a>,
    #[serde(borrow)]
    magnitude: Scalar<'a>,
    #[serde(borrow)]
    source: Id<'a>,
    #[serde(borrow)]
    msg: Words<'a>,
    #[serde(borrow)]
    info: Words<'a>,
    #[serde(borrow)]
    id: Id<'a>,
    tweets: Present,
    times: Present,
    level: Present,
    message: Present,
}

/// Whether a field is present, with any value.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self(true))
    }
}

/// Reads one record; kinds outside `takes` come back as [`Item::Foreign`].
///
/// `key` is the key of the record in its topic, the fallback for ids and windows of the original
/// forms.
pub fn read<'a>(
    bytes: &'a [u8],
    key: Option<&'a str>,
    takes: &[Kind],
) -> Result<Item<'a>, Refusal> {
    let mut item = Item::default();
    Reader::new(takes).bytes(bytes, key, &mut item)?;
    Ok(item)
}

/// Reads the records of one input, most of which have one layout: faster than [`read`], with equal
/// results.
#[derive(Debug)]
pub struct Reader<'t> {
    takes: &'t [Kind],
    layout: Layout,
}

impl<'t> Reader<'t> {
    /// A reader that expects the layout of `generate`, until it has read another.
    pub fn new(takes: &'t [Kind]) -> Self {
        Self { takes, layout: Layout::default() }
    }

    /// Reads one record into `item`, as [`read`] returns it; a refused record leaves it as it was.
    pub fn bytes<'a>(
        &mut self,
        bytes: &'a [u8],
        key: Option<&'a str>,
        item: &mut Item<'a>,
    ) -> Result<(), Refusal> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => self.text(text, key, item),
            Err(_) => {
                let error = std::str::from_utf8(bytes).err();
                let at = error.map_or(0, |error| error.valid_up_to() + 1);
                Err(Refusal::new("json", format!("not UTF-8 at byte {at}")))
            }
        }
    }

    /// The same for a record that is valid UTF-8.
    #[inline]
    pub fn text<'a>(
        &mut self,
        text: &'a str,
        key: Option<&'a str>,
        item: &mut Item<'a>,
    ) -> Result<(), Refusal> {
        // The fast reader answers only where the record itself holds cascade and source.
        if fast::item(text, self.takes, &mut self.layout, item).is_none() {
            *item = read_rare(text.as_bytes(), key, self.takes)?;
        }
        Ok(())
    }
}

/// Reads all but plain events.
#[inline(never)]
fn read_rare<'a>(
    bytes: &'a [u8],
    key: Option<&'a str>,
    takes: &[Kind],
) -> Result<Item<'a>, Refusal> {
    if let Some((short, points)) = fast::without_list(bytes) {
        match read_listed(&short, key, takes, Some(points)) {
            Ok(Item::Record(record)) => return Ok(Item::Record(record)),
            Ok(Item::Foreign(_)) => return Ok(Item::Foreign(bytes)),
            // Read the whole line, so that the byte positions of an error are right.
            Ok(Item::Event(_)) | Err(_) => {}
        }
    }
    read_fully(bytes, key, takes)
}

/// Reads one record with the full parser alone.
pub(crate) fn read_fully<'a>(
    bytes: &'a [u8],
    key: Option<&'a str>,
    takes: &[Kind],
) -> Result<Item<'a>, Refusal> {
    read_listed(bytes, key, takes, None)
}

/// Reads a record whose list of tweets may have been read already.
fn read_listed<'a>(
    bytes: &'a [u8],
    key: Option<&'a str>,
    takes: &[Kind],
    list: Option<Vec<Point>>,
) -> Result<Item<'a>, Refusal> {
    // serde would read a list as the fields in their order.
    if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        let mut text = "a record is a JSON object, which begins with {".to_owned();
        if bytes.trim_ascii_start().starts_with(b"[") {
            text += "; an array is written one element a line by jq -c '.[]'";
        } else if memchr::memchr3(b',', b'\t', b';', bytes).is_some() {
            text += "; a table is converted by tweetoscope generate --format csv";
        }
        return Err(Refusal::new("json", text));
    }
    let head: Head<'a> = match serde_json::from_slice(bytes) {
        Ok(head) => head,
        Err(_) if takes.contains(&Kind::History) && is_history(bytes) => {
            return history(bytes, list).map(|it| Item::from(Record::History(it)));
        }
        Err(error) => return Err(json(error)),
    };
    let Scalar::Text(name) = &head.r#type else {
        if (head.tweets.0 || head.times.0) && takes.contains(&Kind::History) {
            return history(bytes, list).map(|it| Item::from(Record::History(it)));
        }
        // The original system writes log records without a type.
        if head.level.0 && head.message.0 && takes.contains(&Kind::Log) {
            return parse(bytes).map(|log| Item::from(Record::Log(log)));
        }
        return Err(Refusal::new("type", "no field \"type\", which names the type of record"));
    };
    let Some(kind) = Kind::named(name).filter(|kind| takes.contains(kind)) else {
        return Ok(Item::Foreign(bytes));
    };
    match kind {
        Kind::Tweet => event(head, key, true).map(Item::Event),
        Kind::Retweet => event(head, key, false).map(Item::Event),
        Kind::Watermark => watermark(head, key).map(|it| Item::from(Record::Watermark(it))),
        Kind::Serie => serie(bytes, list).map(|it| Item::from(Record::Serie(it))),
        Kind::History => history(bytes, list).map(|it| Item::from(Record::History(it))),
        _ => body(kind, bytes, key).map(Item::from),
    }
}

/// Whether a line is a history line with an unreadable field that only other records use.
fn is_history(bytes: &[u8]) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Form<'a> {
        #[serde(borrow)]
        r#type: Scalar<'a>,
        tweets: Present,
        times: Present,
    }
    let form: Form<'_> = serde_json::from_slice(bytes).unwrap_or_default();
    match form.r#type {
        Scalar::Text(name) => Kind::named(&name) == Some(Kind::History),
        _ => form.tweets.0 || form.times.0,
    }
}

fn event<'a>(head: Head<'a>, key: Option<&'a str>, root: bool) -> Result<Event<'a>, Refusal> {
    let time = if head.t.is_present() { &head.t } else { &head.time };
    let time = clock(time)?;
    let magnitude = if head.m.is_present() { &head.m } else { &head.magnitude };
    let magnitude = match magnitude {
        Scalar::Absent => 1.0,
        given => given.number().unwrap_or(f64::NAN),
    };
    if !(0.0..=LARGEST).contains(&magnitude) {
        return Err(Refusal::new("range", "the magnitude is no number from 0 to 1e12"));
    }
    let ids = [&head.cid, &head.tweet_id, &head.source, &head.id];
    ids.into_iter().try_for_each(Id::check).map_err(|why| Refusal::new("field", why))?;
    let tweet_id = head.tweet_id.0;
    let keyed_by_source = tweet_id.is_some();
    let key_is_source = key.is_some() && head.source.0.as_deref() == key;
    let source = head.source.0.or(key.filter(|_| keyed_by_source).map(Cow::Borrowed));
    let info = head.info.0.unwrap_or_default();
    let cid = head.cid.0.or(tweet_id).or_else(|| {
        // A key that is the source is no cascade.
        let of_info = || digits(&info);
        let own = if key_is_source { of_info() } else { None };
        own.or(key.map(Cow::Borrowed)).or_else(of_info)
    });
    let Some(cid) = cid else {
        return Err(Refusal::new("field", "no cascade id in cid, tweet_id, the key or info"));
    };
    let source = source.unwrap_or(Cow::Borrowed("0"));
    let (msg, info) = (head.msg.0.unwrap_or_default().into(), info.into());
    let id = head.id.0.unwrap_or_default();
    Ok(Event { root, cid, source, time, magnitude, msg, info, id })
}

fn clock(time: &Scalar<'_>) -> Result<EventTime, Refusal> {
    match time.number() {
        None if time.is_present() => Err(Refusal::new("field", NOT_SECONDS)),
        None => Err(Refusal::new("field", "no event time in t or time")),
        Some(seconds) => EventTime::new(seconds)
            .ok_or_else(|| Refusal::new("range", "the event time is not within 1e12 s of 0")),
    }
}

/// The first number of a remark such as `cascade=19707`.
fn digits(info: &str) -> Option<Cow<'static, str>> {
    let start = info.find(|c: char| c.is_ascii_digit())?;
    let rest = &info[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some(Cow::Owned(rest[..end].to_owned()))
}

fn watermark(head: Head<'_>, key: Option<&str>) -> Result<Watermark, Refusal> {
    head.source.check().map_err(|why| Refusal::new("field", why))?;
    let source = head.source.0.or(key.map(Cow::Borrowed)).unwrap_or(Cow::Borrowed("0"));
    Ok(Watermark { source: source.into_owned(), t: clock(&head.t)?.seconds() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_of<'a>(line: &'a str, key: Option<&'a str>) -> Event<'a> {
        match read(line.as_bytes(), key, &Kind::ALL) {
            Ok(Item::Event(event)) => event,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn record_of(line: &[u8], key: Option<&str>) -> Option<Record> {
        read(line, key, &Kind::ALL).ok().and_then(Item::record)
    }

    #[test]
    fn tweets_of_2020_and_2021_are_read() {
        let ours = event_of(r#"{"type":"tweet","cid":"17","t":1510,"m":8,"source":"2"}"#, None);
        assert_eq!((&*ours.cid, &*ours.source, ours.magnitude), ("17", "2", 8.0));
        let y2020 = event_of(
            r#"{"type":"retweet","msg":"a","t":5.5,"m":2,"source":3,"info":"cascade=9"}"#,
            Some("41"),
        );
        assert_eq!((&*y2020.cid, &*y2020.source, &*y2020.msg.text()), ("41", "3", "a"));
        let y2021 = event_of(
            r#"{"type":"tweet","tweet_id":7,"time":"12","magnitude":3,"msg":"","info":"x"}"#,
            Some("source-1"),
        );
        assert_eq!((&*y2021.cid, &*y2021.source), ("7", "source-1"));
        let line =
            r#"{"type":"tweet","msg":"a","time":0,"magnitude":10,"source":"0","info":"cascade=7"}"#;
        for (key, cid) in [(Some("0"), "7"), (Some("41"), "41"), (None, "7")] {
            let keyed = event_of(line, key);
            assert_eq!((&*keyed.cid, &*keyed.source), (cid, "0"), "{key:?}");
        }
        let without_info = event_of(r#"{"type":"tweet","t":1,"source":3}"#, Some("3"));
        assert_eq!((&*without_info.cid, &*without_info.source), ("3", "3"));
        let bare = event_of(r#"{"type":"tweet","t":1,"info":"cascade=19707 of 9"}"#, None);
        assert_eq!((&*bare.cid, &*bare.source, bare.magnitude), ("19707", "0", 1.0));
    }

    #[test]
    fn large_ids_keep_their_digits() {
        let event = event_of(r#"{"type":"tweet","cid":18446744073709551615,"t":1}"#, None);
        assert_eq!(event.cid, "18446744073709551615");
    }

    #[test]
    fn an_invalid_record_is_refused_with_its_reason() {
        for (line, reason) in [
            ("", "json"),
            ("{", "json"),
            ("[1]", "json"),
            ("{}", "type"),
            (r#"{"type":7}"#, "type"),
            (r#"{"type":"tweet","cid":"1"}"#, "field"),
            (r#"{"type":"tweet","t":1}"#, "field"),
            (r#"{"type":"tweet","cid":"1","t":2e12}"#, "range"),
            (r#"{"type":"tweet","cid":"1","t":"NaN"}"#, "range"),
            (r#"{"type":"tweet","cid":"1","t":1e999}"#, "json"),
            (r#"{"type":"tweet","cid":"1","t":1,"m":-1}"#, "range"),
            (r#"{"type":"serie","cid":"1","T_obs":600,"tweets":[]}"#, "field"),
            (r#"{"type":"serie","cid":"1","T_obs":600,"tweets":[[2,1],[1,1]]}"#, "range"),
            (r#"{"type":"size","cid":"1","n_tot":5}"#, "field"),
        ] {
            let answer = read(line.as_bytes(), None, &Kind::ALL);
            assert_eq!(answer.map_err(|refusal| refusal.reason), Err(reason), "{line}");
        }
    }

    #[test]
    fn the_key_gives_the_window_of_a_record_without_one() {
        let line = br#"{"type":"size","cid":"tw23981","n_tot":127,"t_end":4329}"#;
        let Some(Record::Size(size)) = record_of(line, Some("600")) else {
            panic!("a size of the original form");
        };
        assert_eq!((size.t_obs, size.n_tot, &*size.source), (600, 127, "0"));
    }

    #[test]
    fn counts_may_be_written_with_a_fraction_of_zero() {
        let line = br#"{"type":"stat","cid":1,"T_obs":600,"ARE":0.5,"n_tot":9.0,"finished":3.0}"#;
        let Some(Record::Stat(stat)) = record_of(line, None) else { panic!("a stat") };
        assert_eq!((stat.n_tot, stat.finished), (9, Some(3)));
        let line = br#"{"type":"stat","cid":1,"T_obs":600,"ARE":0.5,"finished":null}"#;
        assert!(matches!(record_of(line, None), Some(Record::Stat(it)) if it.finished.is_none()));
        let line = br#"{"type":"alert","cid":1,"T_obs":600,"n_tot":9,
            "explanation":{"step":"forest","samples":30.0,"cascades":20.0,"average":0,"terms":{}}}"#;
        let Some(Record::Alert(alert)) = record_of(line, None) else { panic!("an alert") };
        let log = br#"{"type":"log","t":1,"level":"INFO","source":"fit","line":88.0,"message":""}"#;
        assert!(matches!(record_of(log, None), Some(Record::Log(it)) if it.line == Some(88)));
        let explanation = alert.explanation.unwrap();
        assert_eq!((explanation.samples, explanation.cascades), (30, 20));
    }

    #[test]
    fn parameters_out_of_range_are_refused_with_the_field_and_its_range() {
        for (n_supp, params, reason) in [
            ("2e12", "[0.02,0.001]", "n_supp must be from 0 to 1e12, not 2000000000000.0"),
            ("1", "[0.02,-1]", "params[1] must be a number from 0 on, not -1.0"),
        ] {
            let line = format!(
                r#"{{"type":"parameters","cid":1,"T_obs":600,"n_obs":3,"n_supp":{n_supp},"params":{params}}}"#
            );
            let refusal = read(line.as_bytes(), None, &Kind::ALL).unwrap_err();
            assert_eq!((refusal.reason, &*refusal.detail), ("range", reason));
        }
        for (fields, field) in [
            (r#""n_obs":3,"n_supp":"1.5","params":[0.02,1]"#, "field \"n_supp\": invalid type"),
            (r#""n_obs":3,"n_supp":1,"params":[0.02,"x"]"#, "field \"params\": invalid type"),
            (r#""n_obs":3.5,"n_supp":1,"params":[0.02,1]"#, "field \"n_obs\": a count"),
            (r#""n_supp":1,"params":[0.02,1],"n_obs":"x""#, "field \"n_obs\": a count"),
            (r#""n_supp":1,"params":[0.02,1]"#, "missing field `n_obs`"),
        ] {
            let line = format!(r#"{{"type":"parameters","cid":1,"T_obs":600,{fields}}}"#);
            let refusal = read(line.as_bytes(), None, &Kind::ALL).unwrap_err();
            assert!(refusal.detail.starts_with(field), "{}", refusal.detail);
        }
    }

    #[test]
    fn a_serie_is_read_from_parallel_lists() {
        let line = br#"{"type":"serie","cid":5,"t_obs":"600","times":[1,2],"magnitudes":[3,4]}"#;
        let Some(Record::Serie(serie)) = record_of(line, None) else {
            panic!("a serie of parallel lists");
        };
        assert_eq!(serie.tweets[1], Point { time: 2.0, magnitude: 4.0 });
    }
}
