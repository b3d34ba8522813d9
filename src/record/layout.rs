//! The layout in which a program writes its tweets: the fields, their order, the text between them.
//!
//! One program writes nearly all lines of an input. So the text between the values of a line is
//! usually that of the line before, and comparing it is faster than parsing it.

use std::borrow::Cow;

use super::item::Item;
use super::kind::Kind;
use super::special::Literal;
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

/// The layout of a line that held an event.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The text ahead of each value, and the field of the value.
    steps: Vec<(Literal, Field)>,
    /// The text behind the last value.
    end: String,
    /// Events since the last one in this layout.
    missed: u32,
}

impl Layout {
    /// Reads the event of a line in this layout; `None` if it has another.
    #[inline(never)]
    pub(super) fn read<'a>(&mut self, mut line: Text<'a>, item: &mut Item<'a>) -> Option<()> {
        let mut fields = Fields::default();
        for (literal, field) in &self.steps {
            line.expect_literal(literal)?;
            fields.take(*field, &mut line)?;
        }
        (line.rest() == self.end).then_some(())?;
        fields.event(item)?;
        self.missed = 0;
        Some(())
    }

    /// Called for an event that was read another way: adopts the layout of its line, at growing
    /// intervals, because every line may have a layout of its own.
    pub(super) fn missed(&mut self, line: Text<'_>) {
        self.missed = self.missed.saturating_add(1);
        if self.missed.is_power_of_two()
            && let Some((steps, end)) = layout(line)
        {
            (self.steps, self.end) = (steps, end);
        }
    }
}

/// The text ahead of each value of a line, and behind the last.
fn layout(line: Text<'_>) -> Option<(Vec<(Literal, Field)>, String)> {
    let (mut steps, mut behind) = (Vec::new(), line);
    line.members(|name, line| {
        steps.push((Literal::of(behind.until(*line)?), Field::named(name)));
        line.value()?;
        behind = *line;
        Some(())
    })?;
    Some((steps, behind.rest().to_owned()))
}
