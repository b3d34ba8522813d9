//! X API v2: pages (`data`, `includes`, `meta`), single posts (`{"data":...,"includes":...}`, as streams have them),
//! and flattened lines, one post each with its `author` inside.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::post::{self, OfOtherFormat, Original, Passed, Post, Role, Take};
use crate::record::{Refusal, Scalar, exact};

/// A line of any of the forms.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    data: Option<OneOrMany<'a>>,
    #[serde(borrow)]
    includes: Includes<'a>,
    #[serde(borrow, deserialize_with = "exact")]
    id: Scalar<'a>,
    #[serde(borrow)]
    created_at: Scalar<'a>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "exact")]
    author_id: Scalar<'a>,
    #[serde(borrow)]
    author: Option<User<'a>>,
    #[serde(borrow)]
    referenced_tweets: Option<Vec<Tweet<'a>>>,
    #[serde(rename = "id_str")]
    _id_str: OfOtherFormat,
    #[serde(rename = "retweeted_status")]
    _retweeted_status: OfOtherFormat,
    #[serde(rename = "account")]
    _account: OfOtherFormat,
    #[serde(rename = "reblog")]
    _reblog: OfOtherFormat,
}

/// A post, also one in `includes` or in `referenced_tweets`, where it has a `type`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Tweet<'a> {
    #[serde(borrow)]
    r#type: Scalar<'a>,
    #[serde(borrow, deserialize_with = "exact")]
    id: Scalar<'a>,
    #[serde(borrow)]
    created_at: Scalar<'a>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "exact")]
    author_id: Scalar<'a>,
    #[serde(borrow)]
    author: Option<User<'a>>,
    #[serde(borrow)]
    referenced_tweets: Option<Vec<Tweet<'a>>>,
}

/// Objects that the posts of a page refer to.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Includes<'a> {
    #[serde(borrow)]
    users: Vec<User<'a>>,
    #[serde(borrow)]
    tweets: Vec<Tweet<'a>>,
}

/// An author.
#[derive(Default, Deserialize)]
#[serde(default)]
struct User<'a> {
    #[serde(borrow, deserialize_with = "exact")]
    id: Scalar<'a>,
    #[serde(borrow)]
    public_metrics: Metrics<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metrics<'a> {
    #[serde(borrow)]
    followers_count: Scalar<'a>,
}

/// `data`: the posts of a page, or a single post.
struct OneOrMany<'a>(Vec<Tweet<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for OneOrMany<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Posts;
        impl<'de> Visitor<'de> for Posts {
            type Value = OneOrMany<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a post or a list of posts")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let post = Tweet::deserialize(MapAccessDeserializer::new(map))?;
                Ok(OneOrMany(vec![post]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut posts = Vec::new();
                while let Some(post) = list.next_element()? {
                    posts.push(post);
                }
                Ok(OneOrMany(posts))
            }
        }
        from.deserialize_any(Posts)
    }
}

/// The number of followers of an author, where there is a valid one.
type Followers = Result<Option<f64>, Refusal>;

/// Followers by author, and posts by id; both sorted by id. What has no id is skipped: nothing refers to it.
struct Included<'a> {
    followers: Vec<(Cow<'a, str>, Followers)>,
    posts: Vec<(Cow<'a, str>, Tweet<'a>)>,
}

impl<'a> Included<'a> {
    fn new(includes: Includes<'a>) -> Self {
        let mut followers = Vec::with_capacity(includes.users.len());
        for user in includes.users {
            // An error is one of the posts of this author.
            let count = post::followers(&user.public_metrics.followers_count);
            followers.extend(post::id(user.id, "includes.users").ok().map(|id| (id, count)));
        }
        followers.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut posts = Vec::with_capacity(includes.tweets.len());
        for mut tweet in includes.tweets {
            let id = post::id(std::mem::take(&mut tweet.id), "includes.tweets");
            posts.extend(id.ok().map(|id| (id, tweet)));
        }
        posts.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Self { followers, posts }
    }

    fn followers(&self, tweet: &Tweet<'a>) -> Followers {
        if let Some(author) = &tweet.author {
            return post::followers(&author.public_metrics.followers_count);
        }
        let Some(author) = tweet.author_id.clone().id() else { return Ok(None) };
        let place = self.followers.binary_search_by(|(id, _)| id.cmp(&author));
        place.map_or(Ok(None), |place| self.followers[place].1.clone())
    }

    fn original(&self, tweet: &Tweet<'a>) -> Result<Original<'a>, Refusal> {
        let (time, followers) = (post::created_at(&tweet.created_at)?, self.followers(tweet)?);
        Ok(Original { time, followers, text: post::text(tweet.text) })
    }

    fn post(&self, mut tweet: Tweet<'a>) -> Result<Post<'a>, Refusal> {
        let id = post::id(std::mem::take(&mut tweet.id), "id")?;
        if !tweet.created_at.is_present() {
            return Err(Refusal::new(
                "field",
                "no created_at; request it with tweet.fields=created_at,author_id,referenced_tweets",
            ));
        }
        let (time, followers) = (post::created_at(&tweet.created_at)?, self.followers(&tweet)?);
        let is_retweeted = |it: &Tweet<'_>| it.r#type == Scalar::Text(Cow::Borrowed("retweeted"));
        let references = tweet.referenced_tweets.take().unwrap_or_default();
        let (cid, role) = match references.into_iter().find(is_retweeted) {
            None => (id.clone(), Role::Root),
            Some(mut original) => {
                let cid = post::id(std::mem::take(&mut original.id), "referenced_tweets")?;
                let place = self.posts.binary_search_by(|(id, _)| id.cmp(&cid));
                let original = match place {
                    Ok(place) => Some(&self.posts[place].1),
                    Err(_) => Some(&original),
                };
                let original = original.filter(|it| it.created_at.is_present());
                (cid, Role::Repost(original.map(|it| self.original(it)).transpose()?))
            }
        };
        Ok(Post { cid, id, time, followers, text: post::text(tweet.text), role })
    }
}

/// Reads a line.
pub(super) fn read<'a>(line: &'a str, take: Take<'_>) -> Result<Passed<'a>, Refusal> {
    let Line { data, includes, id, created_at, text, author_id, author, referenced_tweets, .. } =
        post::parse(line)?;
    let single = data.is_none() && id.is_present();
    let posts = match data {
        Some(OneOrMany(posts)) => posts,
        None if single => {
            let r#type = Scalar::Absent;
            vec![Tweet { r#type, id, created_at, text, author_id, author, referenced_tweets }]
        }
        None => {
            let key = post::first_key(line);
            return match key {
                Some(key) if matches!(&*key, "errors" | "meta" | "includes") => {
                    Ok(Passed::Kind(key))
                }
                _ => Err(Refusal::new("field", "neither data nor the id of a post")),
            };
        }
    };
    let included = Included::new(includes);
    post::each(posts, |tweet| included.post(tweet), take)
}
