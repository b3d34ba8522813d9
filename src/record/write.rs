//! A record of any kind: its key, and its line of JSON.

use serde::Serialize;

use super::errors::{Report, Stat};
use super::kind::Kind;
use super::kinds::{Alert, History, Log, Model, Parameters, Sample, Serie, Size, Watermark};
use super::special;
use crate::cascade::Number;
use crate::event::Event;

/// A record that owns its fields.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the struct of its name")]
pub enum Record {
    Event(Event<'static>),
    Watermark(Watermark),
    Serie(Serie),
    Size(Size),
    Parameters(Box<Parameters>),
    Sample(Box<Sample>),
    Model(Model),
    Alert(Alert),
    Stat(Stat),
    Report(Report),
    Log(Log),
    History(History),
}

impl Record {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Event(event) if event.root => Kind::Tweet,
            Self::Event(_) => Kind::Retweet,
            Self::Watermark(_) => Kind::Watermark,
            Self::Serie(_) => Kind::Serie,
            Self::Size(_) => Kind::Size,
            Self::Parameters(_) => Kind::Parameters,
            Self::Sample(_) => Kind::Sample,
            Self::Model(_) => Kind::Model,
            Self::Alert(_) => Kind::Alert,
            Self::Stat(_) => Kind::Stat,
            Self::Report(_) => Kind::Report,
            Self::Log(_) => Kind::Log,
            Self::History(_) => Kind::History,
        }
    }

    /// The default key of its topic (docs/formats.md).
    pub fn key(&self) -> String {
        match self {
            Self::Event(event) => event.source.clone().into_owned(),
            Self::Watermark(watermark) => watermark.source.clone(),
            Self::Serie(Serie { cid, .. })
            | Self::Size(Size { cid, .. })
            | Self::History(History { cid, .. })
            | Self::Alert(Alert { cid, .. }) => cid.clone(),
            Self::Parameters(parameters) => parameters.cid.clone(),
            Self::Sample(sample) => sample.t_obs.to_string(),
            Self::Stat(Stat { t_obs, .. }) | Self::Report(Report { t_obs, .. }) => {
                t_obs.to_string()
            }
            Self::Model(model) => model.model.clone(),
            Self::Log(log) => log.source.clone(),
        }
    }

    /// Appends it as one line of JSON, without the newline.
    ///
    /// Numbers that are not finite become `null`; no stage emits one.
    pub fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Event(event) => write_event(event, to),
            Self::Model(model) => to.extend_from_slice(model.text.get().as_bytes()),
            Self::Watermark(body) => tagged(Kind::Watermark, body, to),
            Self::Serie(body) => tagged(Kind::Serie, body, to),
            Self::Size(body) => tagged(Kind::Size, body, to),
            Self::Parameters(body) => tagged(Kind::Parameters, body, to),
            Self::Sample(body) => tagged(Kind::Sample, body, to),
            Self::Alert(body) => tagged(Kind::Alert, body, to),
            Self::Stat(body) => tagged(Kind::Stat, body, to),
            Self::Report(body) => tagged(Kind::Report, body, to),
            Self::Log(body) => tagged(Kind::Log, body, to),
            Self::History(body) => tagged(Kind::History, body, to),
        }
    }
}

/// Writes `{"type":"<kind>",` and then the fields of `body`, which is a struct.
fn tagged(kind: Kind, body: &impl Serialize, to: &mut Vec<u8>) {
    to.extend_from_slice(b"{\"type\":\"");
    to.extend_from_slice(kind.name().as_bytes());
    to.extend_from_slice(b"\",");
    let start = to.len();
    serde_json::to_writer(&mut *to, body).expect("writing to memory and maps with string keys");
    to.remove(start);
}

/// Appends an event as one line of JSON, without the newline; empty texts are left out.
pub fn write_event(event: &Event<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(if event.root { br#"{"type":"tweet","cid":"# } else { RETWEET });
    write_text(&event.cid, to);
    to.extend_from_slice(br#","t":"#);
    write_number(event.time.seconds(), to);
    to.extend_from_slice(br#","m":"#);
    write_number(event.magnitude, to);
    to.extend_from_slice(br#","source":"#);
    write_text(&event.source, to);
    for (name, message) in [(&br#","msg":"#[..], &event.msg), (br#","info":"#, &event.info)] {
        let text = message.text();
        if !text.is_empty() {
            to.extend_from_slice(name);
            write_text(&text, to);
        }
    }
    if !event.id.is_empty() {
        to.extend_from_slice(br#","id":"#);
        write_text(&event.id, to);
    }
    to.push(b'}');
}

const RETWEET: &[u8] = br#"{"type":"retweet","cid":"#;

/// Appends a string of JSON.
fn write_text(text: &str, to: &mut Vec<u8>) {
    if special::needs_escapes(text) {
        serde_json::to_writer(to, text).expect("writing to memory");
    } else {
        to.push(b'"');
        to.extend_from_slice(text.as_bytes());
        to.push(b'"');
    }
}

fn write_number(value: f64, to: &mut Vec<u8>) {
    serde_json::to_writer(to, &Number(value)).expect("writing to memory");
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::event::EventTime;
    use crate::record::{Item, read};

    #[test]
    fn an_event_is_written_as_serde_writes_it_and_reads_back() {
        #[derive(Serialize)]
        struct Wire<'a> {
            r#type: &'static str,
            cid: &'a str,
            t: Number,
            m: Number,
            source: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            msg: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            info: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            id: &'a str,
        }
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for turn in 0..50_000 {
            let parts =
                ["a", "17", "é", "\"", "\\", "\n", "\u{7f}", "\u{1}", "/", "long enough for words"];
            let text = |rng: &mut ChaCha8Rng| -> String {
                let length = (rng.next_u32() % 8).saturating_sub(3);
                (0..length).map(|_| parts[rng.next_u32() as usize % parts.len()]).collect()
            };
            let number = f64::from(rng.next_u32()) / f64::from(1 << (rng.next_u32() % 20));
            let event = Event {
                root: rng.next_u32().is_multiple_of(2),
                cid: text(&mut rng).into(),
                source: text(&mut rng).into(),
                time: EventTime::new(number - 1000.0).unwrap(),
                magnitude: number,
                msg: text(&mut rng).into(),
                info: text(&mut rng).into(),
                id: text(&mut rng).into(),
            };
            let wire = Wire {
                r#type: if event.root { "tweet" } else { "retweet" },
                cid: &event.cid,
                t: Number(event.time.seconds()),
                m: Number(event.magnitude),
                source: &event.source,
                msg: &event.msg.text(),
                info: &event.info.text(),
                id: &event.id,
            };
            let mut line = Vec::new();
            write_event(&event, &mut line);
            let shown = String::from_utf8_lossy(&line);
            assert_eq!(shown, serde_json::to_string(&wire).unwrap(), "turn {turn}");
            assert_eq!(read(&line, None, &Kind::ALL), Ok(Item::Event(event)), "{shown}");
        }
    }
}
