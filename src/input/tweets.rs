//! Collects tweet and retweet records into cascades, in any order of the lines.

use std::collections::HashMap;

use super::blocks::Input;
use super::history::Seen;
use super::lines::each_line;
use super::opened::Opened;
use super::time::EARLIEST_UNIX;
use super::{Cascades, HistoryCascade, Refused};
use crate::cascade::numbers::grouped;
use crate::cascade::{Point, begin_at};
use crate::record::{Item, Kind, Reader, Refusal, keyed};

/// The cascades of records, in the order of their first events in the files. Each was observed until the last event
/// of the input, or of its source where not all times are Unix times. Watermarks are ignored: the last one of `generate`
/// is days after the last event.
#[derive(Default)]
pub struct Tweets {
    files: Vec<String>,
    cascades: Vec<Tweeted>,
    /// Places of the cascades by source and id.
    index: HashMap<(Box<str>, Box<str>), usize>,
    seen: Seen,
    /// Events with the id of an earlier event of their cascade.
    duplicates: u64,
    /// Tweets of a cascade that has another.
    second: u64,
    /// The last time on the clock of each source.
    ends: HashMap<Box<str>, f64>,
}

/// A cascade: times on the clock of its source, from [`Tweets::close`] on since the root.
struct Tweeted {
    file: u32,
    line: u64,
    source: Box<str>,
    root: Option<Point>,
    start: f64,
    cascade: HistoryCascade,
}

impl Tweets {
    /// Reads all inputs. Invalid lines are reported to `refuse`; `note` takes what was dropped.
    ///
    /// # Errors
    /// An input cannot be read.
    pub fn read(
        inputs: &[Input],
        refuse: &mut dyn FnMut(Refused),
        note: &mut dyn FnMut(String),
    ) -> Result<Self, Refused> {
        const TAKES: &[Kind] = &[Kind::Tweet, Kind::Retweet, Kind::Watermark];
        let mut all = Self::default();
        let mut others = 0;
        for input in inputs {
            let name = input.name();
            let opened = Opened::new(input).map_err(|e| Refused::unreadable(&name, None, &e))?;
            all.files.push(name.clone());
            let mut reader = Reader::new(TAKES);
            each_line(opened.content, &name, refuse, |number, bytes| {
                let mut item = Item::default();
                let (key, bytes) = keyed(bytes);
                reader.bytes(bytes, key, &mut item)?;
                match item {
                    Item::Foreign(_) => others += 1,
                    item => all.add(item, number),
                }
                Ok(())
            });
        }
        all.close(others, note);
        Ok(all)
    }

    fn add(&mut self, item: Item<'_>, line: u64) {
        let event = match item {
            Item::Event(event) => event,
            Item::Record(_) | Item::Foreign(_) => return,
        };
        let time = event.time.seconds();
        match self.ends.get_mut(&*event.source) {
            Some(end) => *end = end.max(time),
            None => drop(self.ends.insert(Box::from(&*event.source), time)),
        }
        if !event.id.is_empty() {
            let key = [&event.source, &event.cid, &event.id].map(|part| &**part).join("\0");
            if !self.seen.insert(&key) {
                self.duplicates += 1;
                return;
            }
        }
        let key = (Box::from(&*event.source), Box::from(&*event.cid));
        let (file, source) = (self.files.len() as u32 - 1, Box::from(&*event.source));
        let place = *self.index.entry(key).or_insert_with(|| {
            let cid = event.cid.to_string();
            let cascade = HistoryCascade { cid, ..HistoryCascade::default() };
            self.cascades.push(Tweeted { file, line, source, root: None, start: 0.0, cascade });
            self.cascades.len() - 1
        });
        let cascade = &mut self.cascades[place];
        let point = Point { time, magnitude: event.magnitude };
        if !event.root {
            cascade.cascade.points.push(point);
            return;
        }
        self.second += u64::from(cascade.root.is_some());
        if cascade.root.is_none_or(|other| point.time < other.time) {
            cascade.root = Some(point);
            cascade.cascade.msg = event.msg.text().into_owned();
        }
    }

    /// Makes times relative; drops cascades without a tweet and retweets before it.
    fn close(&mut self, others: u64, note: &mut dyn FnMut(String)) {
        (self.index, self.seen) = Default::default();
        if self.ends.values().all(|end| *end >= EARLIEST_UNIX) {
            let end = self.ends.values().copied().fold(0.0, f64::max);
            self.ends.values_mut().for_each(|it| *it = end);
        }
        let (ends, mut rootless, mut early) = (&self.ends, 0, 0);
        self.cascades.retain_mut(|it| {
            let points = &mut it.cascade.points;
            let Some(root) = it.root else {
                rootless += points.len() as u64;
                return false;
            };
            early += begin_at(points, root);
            it.start = root.time;
            it.cascade.t0 = Some(root.time).filter(|time| *time >= EARLIEST_UNIX);
            it.cascade.observed = ends.get(&it.source).map(|end| end - root.time);
            true
        });
        for (count, what) in [
            (
                self.duplicates,
                "events have the id of an earlier event of their cascade and were dropped",
            ),
            (self.second, "tweets are second ones of their cascade; the earliest of each is used"),
            (rootless, "retweets have no tweet that opens their cascade and were dropped"),
            (early, "retweets precede their tweet in time and were dropped"),
            (others, "records are neither tweets, retweets nor watermarks and were ignored"),
        ] {
            if count > 0 {
                note(format!("{} {what}", grouped(count)));
            }
        }
    }
}

impl Cascades for Tweets {
    fn count(&self) -> u64 {
        self.cascades.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        *cascade = std::mem::take(&mut self.cascades[index as usize].cascade);
        Ok(())
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        Some(self.cascades[index as usize].start)
    }

    fn in_seconds(&self) -> bool {
        true
    }

    fn source(&self, index: u64) -> Option<&str> {
        Some(&self.cascades[index as usize].source)
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        let Tweeted { file, line, .. } = self.cascades[index as usize];
        Refused::at(&self.files[file as usize], line, refusal)
    }
}
