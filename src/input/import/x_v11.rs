//! X API v1.1: one status a line, as the streaming API and archives of it have it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::post::{self, OfOtherFormat, Original, Passed, Post, Role, Take};
use crate::record::{Refusal, Scalar, exact};

/// A status; `statuses` where the line is a page of the search API. Everything else is skipped.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow)]
    created_at: Scalar<'a>,
    #[serde(borrow, deserialize_with = "exact")]
    id_str: Scalar<'a>,
    #[serde(borrow, deserialize_with = "exact")]
    id: Scalar<'a>,
    #[serde(borrow)]
    full_text: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    user: Option<User<'a>>,
    #[serde(borrow)]
    retweeted_status: Option<Box<Status<'a>>>,
    #[serde(borrow)]
    statuses: Option<Vec<Status<'a>>>,
    #[serde(rename = "referenced_tweets")]
    _referenced_tweets: OfOtherFormat,
    #[serde(rename = "author_id")]
    _author_id: OfOtherFormat,
    #[serde(rename = "account")]
    _account: OfOtherFormat,
    #[serde(rename = "reblog")]
    _reblog: OfOtherFormat,
}

/// The author of a status.
#[derive(Default, Deserialize)]
#[serde(default)]
struct User<'a> {
    #[serde(borrow)]
    followers_count: Scalar<'a>,
}

impl<'a> Status<'a> {
    fn id(&mut self) -> Result<std::borrow::Cow<'a, str>, Refusal> {
        let id_str = std::mem::take(&mut self.id_str);
        let id = if id_str.is_present() { id_str } else { std::mem::take(&mut self.id) };
        post::id(id, "id_str")
    }

    fn followers(&self) -> Result<Option<f64>, Refusal> {
        self.user.as_ref().map_or(Ok(None), |user| post::followers(&user.followers_count))
    }

    fn text(&self) -> crate::event::Message<'a> {
        post::text(self.full_text.or(self.text))
    }

    fn post(mut self) -> Result<Post<'a>, Refusal> {
        let id = self.id()?;
        let (time, followers) = (post::created_at(&self.created_at)?, self.followers()?);
        let (cid, role) = match self.retweeted_status.take() {
            None => (id.clone(), Role::Root),
            Some(mut original) => {
                let cid = original.id()?;
                let dated = original.created_at.is_present();
                let original = dated.then(|| original.original()).transpose()?;
                (cid, Role::Repost(original))
            }
        };
        Ok(Post { cid, id, time, followers, text: self.text(), role })
    }

    fn original(&self) -> Result<Original<'a>, Refusal> {
        let time = post::created_at(&self.created_at)?;
        Ok(Original { time, followers: self.followers()?, text: self.text() })
    }
}

/// Control messages of the streaming API, by their only key.
const CONTROL: [&str; 9] = [
    "delete",
    "limit",
    "scrub_geo",
    "status_withheld",
    "user_withheld",
    "disconnect",
    "warning",
    "friends",
    "event",
];

/// Reads a line.
pub(super) fn read<'a>(line: &'a str, take: Take<'_>) -> Result<Passed<'a>, Refusal> {
    let mut status: Status<'a> = post::parse(line)?;
    if let Some(statuses) = status.statuses.take() {
        return post::each(statuses, Status::post, take);
    }
    if !status.id.is_present() && !status.id_str.is_present() {
        let key = post::first_key(line).filter(|key| CONTROL.contains(&&**key));
        if let Some(key) = key {
            return Ok(Passed::Kind(key));
        }
    }
    take(status.post()?);
    Ok(Passed::None)
}
