//! Mastodon: the streaming API as server-sent events, the same as JSON lines (`{"event":...,"payload":...}`, as a
//! WebSocket client writes it), and statuses, one a line.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::post::{self, OfOtherFormat, Original, Passed, Post, Role, Take};
use crate::record::{Refusal, Scalar, exact};

/// A message of the WebSocket, or a status.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    event: Scalar<'a>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow, deserialize_with = "exact")]
    id: Scalar<'a>,
    #[serde(borrow)]
    uri: Scalar<'a>,
    #[serde(borrow)]
    created_at: Scalar<'a>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    account: Option<Account<'a>>,
    #[serde(borrow)]
    reblog: Option<Box<Status<'a>>>,
    #[serde(rename = "id_str")]
    _id_str: OfOtherFormat,
    #[serde(rename = "retweeted_status")]
    _retweeted_status: OfOtherFormat,
    #[serde(rename = "referenced_tweets")]
    _referenced_tweets: OfOtherFormat,
    #[serde(rename = "author_id")]
    _author_id: OfOtherFormat,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account<'a> {
    #[serde(borrow)]
    followers_count: Scalar<'a>,
}

impl<'a> Status<'a> {
    /// Its URI, which is the same on every server, else its id.
    fn name(&mut self) -> Result<Cow<'a, str>, Refusal> {
        match std::mem::take(&mut self.uri).id() {
            Some(uri) if !uri.is_empty() => Ok(uri),
            _ => post::id(std::mem::take(&mut self.id), "uri or id"),
        }
    }

    /// Servers publish -1 where an account hides the number.
    fn followers(&self) -> Result<Option<f64>, Refusal> {
        let Some(account) = &self.account else { return Ok(None) };
        match account.followers_count.number() {
            Some(-1.0) => Ok(None),
            _ => post::followers(&account.followers_count),
        }
    }

    fn post(mut self) -> Result<Post<'a>, Refusal> {
        let (time, followers) = (post::created_at(&self.created_at)?, self.followers()?);
        let id = self.name()?;
        let (cid, role) = match self.reblog.take() {
            None => (id.clone(), Role::Root),
            Some(mut original) => {
                let cid = original.name()?;
                let time = post::created_at(&original.created_at)?;
                let followers = original.followers()?;
                let text = post::text(original.content);
                (cid, Role::Repost(Some(Original { time, followers, text })))
            }
        };
        Ok(Post { cid, id, time, followers, text: post::text(self.content), role })
    }
}

/// Reads lines; the event of a server-sent event precedes its data.
#[derive(Debug, Default)]
pub(super) struct Reader {
    event: Option<String>,
}

impl Reader {
    /// Reads a line.
    pub(super) fn read<'a>(
        &mut self,
        line: &'a str,
        take: Take<'_>,
    ) -> Result<Passed<'a>, Refusal> {
        if let Some(event) = line.strip_prefix("event:") {
            self.event = Some(event.trim().to_owned());
            return Ok(Passed::None);
        }
        if line.starts_with(':') {
            return Ok(Passed::kind("heartbeat"));
        }
        if line.starts_with("id:") || line.starts_with("retry:") {
            return Ok(Passed::None);
        }
        if let Some(data) = line.strip_prefix("data:") {
            return match self.event.take() {
                Some(event) if event != "update" => Ok(Passed::kind(event)),
                _ => status(data, take),
            };
        }
        let Line { event, payload } = post::parse(line)?;
        match (event.id(), payload) {
            (None, None) => status(line, take),
            (Some(event), Some(payload)) if event == "update" => {
                // The payload is a status as a string of JSON, or as an object.
                if payload.get().starts_with('"') {
                    let text: Cow<'_, str> = post::parse::<Payload<'_>>(payload.get())?.0;
                    status(&text, take)?;
                } else {
                    status(payload.get(), take)?;
                }
                Ok(Passed::None)
            }
            (Some(event), _) => Ok(Passed::Kind(event)),
            (None, Some(_)) => Err(Refusal::new("field", "a payload without an event")),
        }
    }
}

/// The text of a payload, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Payload<'a>(#[serde(borrow)] Cow<'a, str>);

fn status<'a>(text: &str, take: Take<'_>) -> Result<Passed<'a>, Refusal> {
    let status: Status<'_> = post::parse(text)?;
    take(status.post()?);
    Ok(Passed::None)
}
