//! A reader of one format that counts what it reads and what it skips.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::format::{Format, PostFormat};
use super::post::{self, Faults, Passed, Post, Role, Take};
use super::recognise::of_other_format;
use super::{jetstream, mastodon, weibo, x_v2, x_v11};
use crate::cascade::numbers::grouped;
use crate::record::Refusal;

/// Maximum number of kinds that are counted separately.
const MAX_KINDS: usize = 100;
/// Kinds that the summary lists.
const LISTED: usize = 12;

/// Reads the lines of one format.
pub struct Importer {
    format: PostFormat,
    /// Whether the posts of an array are given in the order of time.
    is_ordered: bool,
    mastodon: mastodon::Reader,
    lines: u64,
    roots: u64,
    reposts: u64,
    unmarked: u64,
    passed: BTreeMap<Box<str>, u64>,
}

impl Importer {
    /// A reader of this format, which gives the posts of an array in their order, or in the order of time.
    pub fn new(format: PostFormat, is_ordered: bool) -> Self {
        Self {
            format,
            is_ordered,
            mastodon: mastodon::Reader::default(),
            lines: 0,
            roots: 0,
            reposts: 0,
            unmarked: 0,
            passed: BTreeMap::new(),
        }
    }

    /// Number of reposts so far.
    pub(super) fn reposts(&self) -> u64 {
        self.reposts
    }

    /// Reads a line; calls `take` with each post in it. A JSON array is read as its elements.
    ///
    /// # Errors
    /// The line is invalid. Other posts of a page are taken all the same.
    pub(crate) fn read(&mut self, line: &str, take: Take<'_>) -> Result<(), Refusal> {
        self.lines += 1;
        if !line.trim_start().starts_with('[') {
            return self.read_one(line, take);
        }
        let elements: Vec<&RawValue> = post::parse(line)?;
        let count = elements.len();
        let mut elements: Vec<(usize, &RawValue)> = elements.into_iter().enumerate().collect();
        if self.is_ordered {
            elements = self.ordered(elements);
        }
        let mut faults = Faults::default();
        for (place, element) in elements {
            let read = self.read_one(element.get(), take);
            read.unwrap_or_else(|refusal| faults.add(place, refusal));
        }
        faults.of("element", count)
    }

    /// The posts of an array in the order of time; those that cannot be read are first. Each is with its place.
    fn ordered<'a>(&mut self, elements: Vec<(usize, &'a RawValue)>) -> Vec<(usize, &'a RawValue)> {
        let mut ordered = Vec::with_capacity(elements.len());
        for (place, element) in elements {
            let mut order = None;
            // An element that is invalid is refused when it is read.
            let _ = self.posts(element.get(), &mut |post| order = Some(post.order()));
            ordered.push((order, (place, element)));
        }
        ordered.sort_by(|(a, _), (b, _)| match (a, b) {
            (Some(a), Some(b)) => a.compare(b),
            _ => a.is_some().cmp(&b.is_some()),
        });
        ordered.into_iter().map(|(_, element)| element).collect()
    }

    fn posts<'a>(&mut self, line: &'a str, take: Take<'_>) -> Result<Passed<'a>, Refusal> {
        match self.format {
            PostFormat::XV11 => x_v11::read(line, take),
            PostFormat::XV2 => x_v2::read(line, take),
            PostFormat::Jetstream => jetstream::read(line, take),
            PostFormat::Mastodon => self.mastodon.read(line, take),
            PostFormat::Weibo => weibo::read(line, take).map_err(|mut refusal| {
                refusal.detail += "; the cascade of the line is left out";
                refusal
            }),
        }
    }

    fn read_one(&mut self, line: &str, take: Take<'_>) -> Result<(), Refusal> {
        let (mut roots, mut reposts, mut unmarked) = (0, 0, 0);
        let passed = self.posts(line, &mut |post: Post<'_>| {
            *(if post.role == Role::Root { &mut roots } else { &mut reposts }) += 1;
            unmarked += u64::from(post.followers.is_none());
            take(post);
        });
        self.roots += roots;
        self.reposts += reposts;
        self.unmarked += unmarked;
        let passed = passed.map_err(|it| of_other_format(it, line, Format::Posts(self.format)))?;
        if let Passed::Kind(kind) = passed {
            let full = self.passed.len() >= MAX_KINDS;
            if let Some(count) = self.passed.get_mut(&*kind) {
                *count += 1;
            } else {
                let kind = if full { "other".into() } else { kind.into() };
                *self.passed.entry(kind).or_default() += 1;
            }
        }
        Ok(())
    }

    /// The numbers of posts, and of everything that was skipped by kind, in one line; then a line about
    /// posts without a number of followers, if there are any.
    pub(super) fn summary(&self) -> Vec<String> {
        let [lines, roots, reposts] = [self.lines, self.roots, self.reposts].map(grouped);
        let mut text = format!("{lines} lines with {roots} posts and {reposts} reposts");
        let mut kinds: Vec<(&str, u64)> =
            self.passed.iter().map(|(kind, count)| (&**kind, *count)).collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest: u64 = kinds.iter().skip(LISTED).map(|(_, count)| count).sum();
        let mut kinds: Vec<String> = kinds
            .iter()
            .take(LISTED)
            .map(|(kind, count)| format!("{} {kind}", grouped(*count)))
            .collect();
        if rest > 0 {
            kinds.push(format!("{} of other kinds", grouped(rest)));
        }
        if !kinds.is_empty() {
            text += &format!("; skipped: {}", kinds.join(", "));
        }
        let mut summary = vec![text];
        if self.unmarked > 0 {
            let unmarked = grouped(self.unmarked);
            summary.push(format!("{unmarked} posts have no number of followers; their mark is 1"));
        }
        summary
    }
}
