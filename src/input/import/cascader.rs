//! Converts posts to events as they arrive, in bounded memory.

use super::format::PostFormat;
use super::importer::Importer;
use super::missing::{MissingCounts, MissingRoot, RecentIds};
use super::post::{Original, Post, Role, UNKNOWN_MARK};
use crate::cascade::numbers::grouped;
use crate::event::{Event, EventTime, Message};
use crate::record::{Refusal, Watermark, write_event};

/// The source of the events: a stream has one clock.
const SOURCE: &str = "0";

/// Converts lines of posts to lines of `tweet` and `retweet` records.
pub struct Cascader {
    importer: Importer,
    events: Events,
}

/// The converted events.
struct Events {
    missing: MissingRoot,
    exact_times: bool,
    roots: RecentIds,
    counts: MissingCounts,
    /// Originals whose root was read or made before.
    repeated: u64,
    /// The cascades of which reposts were dropped.
    dropped: RecentIds,
    /// Originals that came after reposts of them, which were dropped.
    late: u64,
    latest: Option<EventTime>,
}

impl Cascader {
    /// A converter; unless `exact_times`, it rounds times to whole seconds.
    pub fn new(format: PostFormat, missing: MissingRoot, exact_times: bool) -> Self {
        let roots = RecentIds::default();
        let counts = MissingCounts::default();
        let (dropped, repeated, late) = (RecentIds::default(), 0, 0);
        let events =
            Events { missing, exact_times, roots, counts, repeated, dropped, late, latest: None };
        Self { importer: Importer::new(format, true), events }
    }

    /// Converts a line; appends the records to `out`, each with its newline.
    ///
    /// # Errors
    /// The line is invalid.
    pub fn read(&mut self, line: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let Self { importer, events } = self;
        importer.read(line, &mut |post| events.convert(post, out))
    }

    /// The watermark after the last event, `tail` seconds later; `None` where there was no event.
    pub fn watermark(&self, tail: f64) -> Option<Watermark> {
        let last = self.events.latest?.seconds();
        Some(Watermark { source: SOURCE.to_owned(), t: (last + tail).min(crate::event::LARGEST) })
    }

    /// What was read and skipped, for the end of the input.
    pub fn summary(&self) -> Vec<String> {
        let mut summary = self.importer.summary();
        let Events { counts, missing, late, .. } = &self.events;
        summary.extend(counts.report(*missing, self.importer.reposts(), *late > 0));
        if self.events.late > 0 {
            summary.push(format!(
                "{} originals came after reposts of them, which were dropped: the posts are not in the order of time; \
                 give the file by its name, or --history - on stdin, and they are read to the end and ordered",
                grouped(self.events.late)
            ));
        }
        if self.events.repeated > 0 {
            let repeated = grouped(self.events.repeated);
            summary.push(format!(
                "{repeated} originals came after their root was known; the first is used"
            ));
        }
        summary
    }
}

impl Events {
    fn convert(&mut self, post: Post<'_>, out: &mut Vec<u8>) {
        let Post { cid, id, time, followers, text, role } = post;
        let mut root = role == Role::Root;
        let is_known = self.roots.contains(&cid);
        if root && is_known {
            self.repeated += 1;
            return;
        }
        if root {
            self.late += u64::from(self.counts.dropped > 0 && self.dropped.contains(&cid));
            self.roots.insert(&cid);
        } else if !is_known {
            self.counts.missing += 1;
            match (self.missing, role) {
                (MissingRoot::Embedded, Role::Repost(Some(original))) => {
                    let Original { time, followers, text } = original;
                    self.counts.unmarked += u64::from(followers.is_none());
                    let event = event(true, &cid, followers, text);
                    self.write(event, time, out);
                }
                (MissingRoot::First, _) => root = true,
                _ => {
                    self.counts.dropped += 1;
                    self.dropped.insert(&cid);
                    return;
                }
            }
            self.counts.made += 1;
            self.roots.insert(&cid);
        }
        let text = if root { text } else { Message::default() };
        let mut event = event(root, &cid, followers, text);
        // With its id, an event that arrives again after a reconnection is dropped as a duplicate.
        event.id = if id == cid { "".into() } else { id };
        self.write(event, time, out);
    }

    fn write(&mut self, event: Event<'_>, time: f64, out: &mut Vec<u8>) {
        let seconds = if self.exact_times { time } else { time.round() };
        // The readers limit times to 1e12 s.
        let Some(time) = EventTime::new(seconds) else { return };
        self.latest = self.latest.max(Some(time));
        write_event(&Event { time, ..event }, out);
        out.push(b'\n');
    }
}

/// An event without its time.
fn event<'a>(root: bool, cid: &'a str, followers: Option<f64>, msg: Message<'a>) -> Event<'a> {
    Event {
        root,
        cid: cid.into(),
        source: SOURCE.into(),
        time: EventTime::default(),
        magnitude: followers.unwrap_or(UNKNOWN_MARK),
        msg,
        info: Message::default(),
        id: "".into(),
    }
}
