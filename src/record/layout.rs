//! The form in which a program writes its tweets: which fields, in which order, with what between.
//!
//! Most lines of an input are written by one program. So what stood between the values of the line
//! before most often stands there again, and need only be compared, not understood.

use std::borrow::Cow;

use super::Kind;
use super::special::Literal;
use super::text::Text;
use crate::event::{Event, EventTime, LARGEST, Message};

/// A field, as far as records are told apart and events made by it.
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
    Tweets,
    Level,
    Message,
    /// One that nobody knows, and that may be there twice.
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
            "tweets" => Self::Tweets,
            "level" => Self::Level,
            "message" => Self::Message,
            _ => Self::Other,
        }
    }
}

/// What the fields of a line hold.
#[derive(Default)]
pub(super) struct Fields<'a> {
    kind: Option<&'a str>,
    cid: Option<Cow<'a, str>>,
    tweet_id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    msg: Option<Message<'a>>,
    info: Option<Message<'a>>,
    t: Option<f64>,
    time: Option<f64>,
    m: Option<f64>,
    magnitude: Option<f64>,
}

impl<'a> Fields<'a> {
    /// Reads the value of a field that was not there before.
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
            // Records are told apart by these where there is no type.
            Field::Tweets | Field::Level | Field::Message => return None,
            Field::Other => line.value()?,
        }
        Some(())
    }

    /// What `type` says.
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::named(self.kind?)
    }

    /// The event, where it needs no key: the full parser looks there for what is missing.
    #[inline(always)]
    pub(super) fn event(self) -> Option<Event<'a>> {
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
        Some(Event {
            root,
            cid: self.cid.or(self.tweet_id)?,
            source,
            time: EventTime::new(self.t.or(self.time)?)?,
            magnitude: (0.0..=LARGEST).contains(&magnitude).then_some(magnitude)?,
            msg: self.msg.unwrap_or_default(),
            info: self.info.unwrap_or_default(),
        })
    }
}

/// The form of a line of events that was understood.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// What stands ahead of each value, and what the value is.
    steps: Vec<(Literal, Field)>,
    /// What stands behind the last one.
    end: String,
    /// Lines since one had this form.
    missed: u32,
}

impl Layout {
    /// The event of a line of this form; `None` if it has another.
    #[inline]
    pub(super) fn read<'a>(&mut self, mut line: Text<'a>) -> Option<Event<'a>> {
        let mut fields = Fields::default();
        for (literal, field) in &self.steps {
            line.expect_literal(literal)?;
            fields.take(*field, &mut line)?;
        }
        let event = fields.event().filter(|_| line.rest() == self.end)?;
        self.missed = 0;
        Some(event)
    }

    /// Told of an event that was read another way: its form is learned; seldom, where each line has
    /// one of its own.
    pub(super) fn missed(&mut self, line: Text<'_>) {
        self.missed = self.missed.saturating_add(1);
        if self.missed.is_power_of_two()
            && let Some((steps, end)) = form(line)
        {
            (self.steps, self.end) = (steps, end);
        }
    }
}

/// What stands ahead of each value of a line, and behind the last.
fn form(line: Text<'_>) -> Option<(Vec<(Literal, Field)>, String)> {
    let (mut steps, mut behind) = (Vec::new(), line);
    line.members(|name, line| {
        steps.push((Literal::of(behind.until(*line)?), Field::named(name)));
        line.value()?;
        behind = *line;
        Some(())
    })?;
    Some((steps, behind.rest().to_owned()))
}
