//! The fields of an event, and their values as they are read from a line.

use std::borrow::Cow;

use super::item::Item;
use super::kind::Kind;
use super::text::Text;
use crate::event::{Event, EventTime, LARGEST, Message};

/// A field that distinguishes records or belongs to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Type,
    Cid,
    TweetId,
    T,
    Time,
    M,
    Magnitude,
    Source,
    Msg,
    Info,
    Id,
    Tweets,
    Level,
    Message,
    /// Any other field, which may occur twice.
    Other,
}

impl Field {
    /// The field of that name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "type" => Self::Type,
            "cid" => Self::Cid,
            "tweet_id" => Self::TweetId,
            "t" => Self::T,
            "time" => Self::Time,
            "m" => Self::M,
            "magnitude" => Self::Magnitude,
            "source" => Self::Source,
            "msg" => Self::Msg,
            "info" => Self::Info,
            "id" => Self::Id,
            "tweets" => Self::Tweets,
            "level" => Self::Level,
            "message" => Self::Message,
            _ => Self::Other,
        }
    }
}

/// The values of the fields of a line.
#[derive(Default)]
pub(super) struct Fields<'a> {
    kind: Option<&'a str>,
    cid: Option<Cow<'a, str>>,
    tweet_id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    msg: Option<Message<'a>>,
    info: Option<Message<'a>>,
    id: Option<Cow<'a, str>>,
    t: Option<f64>,
    time: Option<f64>,
    m: Option<f64>,
    magnitude: Option<f64>,
}

impl<'a> Fields<'a> {
    /// Reads the value of a field that did not occur before.
    #[inline(always)]
    pub(super) fn take(&mut self, field: Field, line: &mut Text<'a>) -> Option<()> {
        match field {
            Field::Type => self.kind = Some(line.name()?),
            Field::Cid => self.cid = Some(line.id()?),
            Field::TweetId => self.tweet_id = Some(line.id()?),
            Field::T => self.t = Some(line.number()?),
            Field::Time => self.time = Some(line.number()?),
            Field::M => self.m = Some(line.number()?),
            Field::Magnitude => self.magnitude = Some(line.number()?),
            Field::Source => self.source = Some(line.id()?),
            Field::Msg => self.msg = Some(line.message()?),
            Field::Info => self.info = Some(line.message()?),
            Field::Id => self.id = Some(line.optional_id()?),
            // These distinguish records without a type: left to the full parser.
            Field::Tweets | Field::Level | Field::Message => return None,
            Field::Other => line.value()?,
        }
        Some(())
    }

    /// The kind that `type` names.
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::named(self.kind?)
    }

    /// Builds the event in `item`; `None` where a field is missing that the full parser may find in the key.
    #[inline(always)]
    pub(super) fn event(self, item: &mut Item<'a>) -> Option<()> {
        let root = match self.kind? {
            "tweet" => true,
            "retweet" => false,
            _ => return None,
        };
        let source = match self.source {
            None if self.tweet_id.is_some() => return None,
            None => Cow::Borrowed("0"),
            Some(source) => source,
        };
        let magnitude = self.m.or(self.magnitude).unwrap_or(1.0);
        (0.0..=LARGEST).contains(&magnitude).then_some(())?;
        let time = EventTime::new(self.t.or(self.time)?)?;
        let cid = self.cid.or(self.tweet_id)?;
        let (msg, info) = (self.msg.unwrap_or_default(), self.info.unwrap_or_default());
        let id = self.id.unwrap_or_default();
        *item = Item::Event(Event { root, cid, source, time, magnitude, msg, info, id });
        Some(())
    }
}
