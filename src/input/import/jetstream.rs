//! Bluesky Jetstream: one event of the network a line.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::post::{self, Passed, Post, Role, Take};
use crate::record::{Refusal, Scalar};

const POST: &str = "app.bsky.feed.post";
const REPOST: &str = "app.bsky.feed.repost";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    did: Scalar<'a>,
    #[serde(borrow)]
    time_us: Scalar<'a>,
    #[serde(borrow)]
    kind: Scalar<'a>,
    #[serde(borrow)]
    commit: Option<Commit<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Commit<'a> {
    #[serde(borrow)]
    operation: Scalar<'a>,
    #[serde(borrow)]
    collection: Scalar<'a>,
    #[serde(borrow)]
    rkey: Scalar<'a>,
    /// Of any form: other collections define their own records.
    #[serde(borrow)]
    record: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PostRecord<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RepostRecord<'a> {
    #[serde(borrow)]
    subject: Subject<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subject<'a> {
    #[serde(borrow)]
    uri: Scalar<'a>,
}

fn word<'a>(field: Scalar<'a>) -> Cow<'a, str> {
    field.id().unwrap_or_default()
}

/// Reads a line.
pub(super) fn read<'a>(line: &'a str, take: Take<'_>) -> Result<Passed<'a>, Refusal> {
    let Line { did, time_us, kind, commit } = post::parse(line)?;
    let Some(Commit { operation, collection, rkey, record }) = commit else {
        return match word(kind) {
            kind if kind.is_empty() => Err(Refusal::new("field", "neither kind nor commit")),
            kind => Ok(Passed::Kind(kind)),
        };
    };
    let (operation, collection) = (word(operation), word(collection));
    if operation != "create" {
        return Ok(Passed::kind(format!("{operation} of {collection}")));
    }
    if collection != POST && collection != REPOST {
        return Ok(Passed::Kind(collection));
    }
    let micros = time_us.number().filter(|micros| micros.abs() <= 1e18);
    let time =
        micros.ok_or_else(|| Refusal::new("field", "no time in microseconds in time_us"))? / 1e6;
    let (did, rkey) = (post::id(did, "did")?, post::id(rkey, "commit.rkey")?);
    let record = record.map_or("{}", RawValue::get);
    let id: Cow<'_, str> = format!("at://{did}/{collection}/{rkey}").into();
    let (cid, text, role) = if collection == POST {
        let PostRecord { text } = post::parse(record)?;
        (id.clone(), post::text(text), Role::Root)
    } else {
        let RepostRecord { subject } = post::parse(record)?;
        let cid = post::id(subject.uri, "commit.record.subject.uri")?;
        (cid, Default::default(), Role::Repost(None))
    };
    // A line has no number of followers: the mark is 1 by definition.
    take(Post { cid, id, time, followers: Some(post::UNKNOWN_MARK), text, role });
    Ok(Passed::None)
}
