//! Records other than events, in each of their forms.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::history_line::HistoryCascade;
use super::item::{Refusal, json};
use super::kind::Kind;
use super::kinds::{History, Model, Parameters, Serie, Size, nought};
use super::write::Record;
use crate::cascade::Point;
use crate::event::LARGEST;
use crate::hawkes::MAX_BRANCHING_FACTOR;
use crate::hawkes::mark::MEAN_MARK;

/// A line of a history file.
pub(super) fn history(bytes: &[u8], list: Option<Vec<Point>>) -> Result<History, Refusal> {
    let read = match list {
        Some(points) => HistoryCascade::with_points(bytes, points),
        None => HistoryCascade::from_line(bytes),
    };
    read.map(|HistoryCascade { cid, msg, t0, observed, points }| History {
        cid,
        source: nought(),
        msg,
        tweets: points,
        t0,
        observed,
    })
}

pub(super) fn body(kind: Kind, bytes: &[u8], key: Option<&str>) -> Result<Record, Refusal> {
    Ok(match kind {
        Kind::Size => Record::Size(size(windowed(bytes, key)?)?),
        Kind::Parameters => Record::Parameters(Box::new(parameters(windowed(bytes, key)?)?)),
        Kind::Sample => Record::Sample(windowed(bytes, key)?),
        Kind::Model => Record::Model(model(bytes)?),
        Kind::Alert => Record::Alert(windowed(bytes, key)?),
        Kind::Stat => Record::Stat(windowed(bytes, key)?),
        Kind::Report => Record::Report(parse(bytes)?),
        Kind::Log => Record::Log(parse(bytes)?),
        Kind::Tweet | Kind::Retweet | Kind::Watermark | Kind::Serie | Kind::History => {
            return Err(Refusal::new("type", "events and cascades are read elsewhere"));
        }
    })
}

pub(super) fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        let field = refused_field(bytes, &error);
        let mut refusal = json(error);
        if let Some(field) = field {
            refusal.detail = format!("field {field:?}: {}", refusal.detail);
        }
        refusal
    })
}

/// The field whose value an error is about.
fn refused_field(bytes: &[u8], error: &serde_json::Error) -> Option<String> {
    let at = error.column();
    let is_missing = || error.to_string().starts_with("missing field");
    if !error.is_data() || error.line() != 1 || is_missing() {
        return None;
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).ok()?;
    let holds = |value: &RawValue| {
        let start = value.get().as_ptr() as usize - bytes.as_ptr() as usize;
        (start + 1..=start + value.get().len() + 1).contains(&at)
    };
    fields.into_iter().find(|(_, value)| holds(value)).map(|(name, _)| name)
}

/// The fields of a record as they are written: numbers keep their digits.
type RawFields = BTreeMap<String, Box<RawValue>>;

/// The fields of a record of which none occurs twice.
struct Unique(RawFields);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut fields = RawFields::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format!("duplicate field `{name}`")));
                    }
                    fields.insert(name, value);
                }
                Ok(Unique(fields))
            }
        }
        from.deserialize_map(Fields)
    }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Refusal> {
    serde_json::value::to_raw_value(value).map_err(json)
}

fn typed<T: for<'de> Deserialize<'de>>(fields: &RawFields) -> Result<T, Refusal> {
    parse(serde_json::to_string(fields).map_err(json)?.as_bytes())
}

/// Parses a record; the original system writes some without `T_obs`, which is the key then.
fn windowed<T: for<'de> Deserialize<'de>>(bytes: &[u8], key: Option<&str>) -> Result<T, Refusal> {
    let first = match parse(bytes) {
        Ok(record) => return Ok(record),
        Err(refusal) => refusal,
    };
    let Some(key) = key.filter(|key| key.parse::<f64>().is_ok()) else { return Err(first) };
    let Unique(mut fields) = parse(bytes)?;
    if fields.contains_key("T_obs") {
        return Err(first);
    }
    fields.insert("T_obs".to_owned(), raw(&key)?);
    typed(&fields)
}

/// A serie in any of its forms: `T_obs` or `t_obs`, pairs or parallel lists.
pub(super) fn serie(bytes: &[u8], list: Option<Vec<Point>>) -> Result<Serie, Refusal> {
    #[derive(Deserialize)]
    struct Parallel {
        times: Vec<f64>,
        #[serde(default)]
        magnitudes: Vec<f64>,
    }
    let mut serie = match parse::<Serie>(bytes) {
        Ok(serie) => serie,
        Err(refusal) => {
            let Unique(mut fields) = parse(bytes)?;
            if let Some(window) = fields.remove("t_obs") {
                fields.entry("T_obs".to_owned()).or_insert(window);
            }
            if !fields.contains_key("tweets") {
                let Ok(lists) = parse::<Parallel>(bytes) else { return Err(refusal) };
                let (times, marks) = (lists.times.len(), lists.magnitudes.len());
                if marks > 0 && marks != times {
                    let text = format!(
                        "times has {times} entries and magnitudes {marks}; give one magnitude for each time"
                    );
                    return Err(Refusal::new("field", text));
                }
                let marks = lists.magnitudes.into_iter().chain(std::iter::repeat(1.0));
                let pairs: Vec<(f64, f64)> = lists.times.into_iter().zip(marks).collect();
                fields.insert("tweets".to_owned(), raw(&pairs)?);
            }
            typed(&fields)?
        }
    };
    serie.tweets = list.unwrap_or(serie.tweets);
    ordered(&serie.tweets)?;
    if serie.t_obs == 0 {
        return Err(Refusal::new("range", "T_obs is at least 1"));
    }
    // Some collectors add the event that closed the window, which is outside it.
    let end = serie.tweets[0].time + serie.t_obs as f64;
    serie.tweets.retain(|point| point.time <= end);
    Ok(serie)
}

/// Refuses a cascade without events or with descending times.
pub(crate) fn ordered(tweets: &[Point]) -> Result<(), Refusal> {
    if tweets.is_empty() {
        return Err(Refusal::new("field", "tweets is empty: a cascade has its initial tweet"));
    }
    match tweets.windows(2).position(|pair| pair[1].time < pair[0].time) {
        Some(i) => Err(Refusal::new("range", format!("tweets[{}] is before tweets[{i}]", i + 1))),
        None => Ok(()),
    }
}

fn size(size: Size) -> Result<Size, Refusal> {
    let sound = size.n_tot > 0 && size.t_obs > 0;
    sound.then_some(size).ok_or_else(|| Refusal::new("range", "n_tot and T_obs are at least 1"))
}

/// Parameters as the original system wrote them lack n* and G1, which follow from the rest.
fn parameters(mut it: Parameters) -> Result<Parameters, Refusal> {
    if it.n_star.is_nan() {
        it.n_star = (it.params[0] * MEAN_MARK).min(MAX_BRANCHING_FACTOR);
    }
    if it.g1.is_nan() {
        it.g1 = it.n_supp * (1.0 - it.n_star);
    }
    let [p, beta] = it.params;
    let is_finite = |value: f64| value >= 0.0 && value.is_finite();
    let is_count = |value: f64| (0.0..=LARGEST).contains(&value);
    for (field, value, is_right, range) in [
        ("T_obs", it.t_obs as f64, it.t_obs > 0, "at least 1"),
        ("params[0]", p, is_finite(p), "a number from 0 on"),
        ("params[1]", beta, is_finite(beta), "a number from 0 on"),
        ("n_star", it.n_star, (0.0..1.0).contains(&it.n_star), "from 0 to below 1"),
        ("n_supp", it.n_supp, is_count(it.n_supp), "from 0 to 1e12"),
        ("G1", it.g1, is_count(it.g1), "from 0 to 1e12"),
    ] {
        if !is_right {
            return Err(Refusal::new("range", format!("{field} must be {range}, not {value:?}")));
        }
    }
    if !it.rows.is_empty() && it.rows.width() != it.features.len() {
        return Err(Refusal::new("field", "a list of rows is not as long as features"));
    }
    Ok(it)
}

fn model(bytes: &[u8]) -> Result<Model, Refusal> {
    #[derive(Deserialize)]
    struct Header {
        model: String,
        #[serde(rename = "T_obs", deserialize_with = "super::scalar::window")]
        t_obs: u64,
    }
    let text: Box<RawValue> = parse(bytes)?;
    let Header { model, t_obs } = parse(text.get().as_bytes())?;
    Ok(Model { model, t_obs, text })
}
