//! A post, and the fields that the formats share.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::cascade::numbers::grouped;
use crate::event::{LARGEST, Message};
use crate::input::time;
use crate::record::{ROUNDED, Refusal, Scalar, json, whole_text};

/// A post or repost, as its platform states it.
#[derive(Debug, PartialEq)]
pub(crate) struct Post<'a> {
    /// The id of the cascade: that of the original post.
    pub(crate) cid: Cow<'a, str>,
    /// Its own id, to detect duplicates; empty where the format has none.
    pub(crate) id: Cow<'a, str>,
    /// Unix seconds.
    pub(crate) time: f64,
    /// Followers of its author; `None` where the line does not contain them.
    pub(crate) followers: Option<f64>,
    /// Its text.
    pub(crate) text: Message<'a>,
    /// Its place in the cascade.
    pub(crate) role: Role<'a>,
}

/// The place of a post among those of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    time: f64,
    is_repost: bool,
}

impl Order {
    /// By time, and originals before reposts of the same time.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.time.total_cmp(&other.time).then(self.is_repost.cmp(&other.is_repost))
    }
}

impl Post<'_> {
    pub(crate) fn order(&self) -> Order {
        Order { time: self.time, is_repost: self.role != Role::Root }
    }
}

/// Whether a post starts a cascade.
#[derive(Debug, PartialEq)]
pub(crate) enum Role<'a> {
    /// It is the initial post.
    Root,
    /// It repeats another post, which the line may contain.
    Repost(Option<Original<'a>>),
}

/// An original post inside its repost.
#[derive(Debug, PartialEq)]
pub(crate) struct Original<'a> {
    /// Unix seconds.
    pub(crate) time: f64,
    /// Followers of its author.
    pub(crate) followers: Option<f64>,
    /// Its text.
    pub(crate) text: Message<'a>,
}

/// The mark of a post whose followers are unknown.
pub(crate) const UNKNOWN_MARK: f64 = 1.0;

/// What a line contains besides posts.
#[derive(Debug, PartialEq)]
pub(crate) enum Passed<'a> {
    /// Nothing.
    None,
    /// Something of this kind, which is skipped.
    Kind(Cow<'a, str>),
}

impl<'a> Passed<'a> {
    pub(crate) fn kind(kind: impl Into<Cow<'a, str>>) -> Self {
        Self::Kind(kind.into())
    }
}

/// A function that takes the posts of a line.
pub(crate) type Take<'t> = &'t mut dyn FnMut(Post<'_>);

/// An id, or a refusal that names its field.
pub(crate) fn id<'a>(field: Scalar<'a>, name: &str) -> Result<Cow<'a, str>, Refusal> {
    if let Scalar::Number(value) = &field
        && field.is_rounded()
    {
        let detail = format!("the id {value:e} in {name} is rounded: {ROUNDED}");
        return Err(Refusal::new("field", detail));
    }
    match field.id() {
        Some(id) if !id.is_empty() => Ok(id),
        _ => Err(Refusal::new("field", format!("no id in {name}"))),
    }
}

/// The time of a post from a text of any form in [`time::unix_seconds`].
pub(crate) fn created_at(field: &Scalar<'_>) -> Result<f64, Refusal> {
    match field {
        Scalar::Text(text) => time::unix_seconds(text, 0.0)
            .ok_or_else(|| Refusal::new("field", format!("created_at is not a time: {text:?}"))),
        _ => Err(Refusal::new("field", "no time in created_at")),
    }
}

/// The number of followers; `None` where the field is absent.
pub(crate) fn followers(field: &Scalar<'_>) -> Result<Option<f64>, Refusal> {
    match field.number() {
        None if field.is_present() => Err(Refusal::new("field", "followers_count is no number")),
        None => Ok(None),
        Some(count) if (0.0..=LARGEST).contains(&count) => Ok(Some(count)),
        Some(count) => {
            Err(Refusal::new("range", format!("followers_count is not from 0 to 1e12: {count}")))
        }
    }
}

/// The text of a post; a value that is not a string is no text.
pub(crate) fn text(field: Option<&RawValue>) -> Message<'_> {
    match field.map(RawValue::get) {
        Some(json) if json.contains("\\u") => whole_text(json).into(),
        Some(json) if json.starts_with('"') => Message::quoted(json),
        _ => Message::default(),
    }
}

/// Parses a line.
pub(crate) fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(line).map_err(json)
}

/// A field that posts of another format have: a line with a value of it is refused, since it would be read as a post
/// without the original of a repost.
#[derive(Default)]
pub(crate) struct OfOtherFormat;

impl<'de> Deserialize<'de> for OfOtherFormat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Option::<IgnoredAny>::deserialize(from)? {
            None => Ok(Self),
            Some(_) => Err(D::Error::custom("a field of another format")),
        }
    }
}

/// Takes the posts of a page in the order of time, originals first; a post that is invalid is refused without the
/// others. APIs return pages newest first, so that a repost would precede its original.
pub(crate) fn each<'a, 'p, T>(
    page: Vec<T>,
    post: impl Fn(T) -> Result<Post<'p>, Refusal>,
    take: Take<'_>,
) -> Result<Passed<'a>, Refusal> {
    let (count, mut faults) = (page.len(), Faults::default());
    let mut posts = Vec::with_capacity(count);
    for (place, item) in page.into_iter().enumerate() {
        match post(item) {
            Ok(post) => posts.push(post),
            Err(refusal) => faults.add(place, refusal),
        }
    }
    posts.sort_by(|a, b| a.order().compare(&b.order()));
    posts.into_iter().for_each(take);
    faults.of("post", count).map(|()| Passed::None)
}

/// The parts of a line that were refused: the first with its place, from 0, and the number of the others.
#[derive(Default)]
pub(super) struct Faults {
    first: Option<(usize, Refusal)>,
    others: u64,
}

impl Faults {
    /// Adds a part, by its place.
    pub(super) fn add(&mut self, place: usize, refusal: Refusal) {
        match &self.first {
            // The parts of an array may be read in another order.
            Some((first, _)) if *first < place => self.others += 1,
            first => {
                self.others += u64::from(first.is_some());
                self.first = Some((place, refusal));
            }
        }
    }

    /// The refusal of a line with `count` parts, each a `name`, if there is one.
    pub(super) fn of(self, name: &str, count: usize) -> Result<(), Refusal> {
        let Some((place, Refusal { reason, mut detail })) = self.first else { return Ok(()) };
        if count > 1 {
            detail = format!("{name} {} of {count}: {detail}", place + 1);
        }
        if self.others > 0 {
            detail += &format!("; {} more {name}s of the line were refused", grouped(self.others));
        }
        Err(Refusal::new(reason, detail))
    }
}

/// The name of the first key of an object.
pub(crate) fn first_key(line: &str) -> Option<Cow<'_, str>> {
    let rest = line.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?;
    rest.split_once('"').map(|(key, _)| Cow::Borrowed(key))
}
