//! Collects the posts of files into cascades, in any order of the lines.

use std::collections::HashMap;

use super::format::PostFormat;
use super::importer::Importer;
use super::missing::{MissingCounts, MissingRoot};
use super::post::{Post, Role, UNKNOWN_MARK};
use crate::cascade::numbers::grouped;
use crate::cascade::{Point, begin_at};
use crate::input::history::Seen;
use crate::input::lines::{ByteStream, each_line};
use crate::input::{Cascades, HistoryCascade, Refused};
use crate::record::{NOT_UTF_8, Refusal, keyed};

/// The cascades of files of one format, in the order of their first posts in the files.
pub struct Posts {
    importer: Importer,
    files: Vec<String>,
    cascades: Vec<Collected>,
    index: HashMap<Box<str>, usize>,
    seen: Seen,
    /// Whether a line is a whole cascade.
    is_by_cascade: bool,
    /// Lines with a cascade of an earlier line.
    repeated: u64,
    duplicates: u64,
    early: u64,
    /// The time of the last event of all files, in Unix seconds.
    end: f64,
}

/// A cascade.
struct Collected {
    file: u32,
    line: u64,
    /// Unix seconds.
    root: Option<Root>,
    /// The original inside a repost, one with followers where there is one, and whether it has none.
    embedded: Option<(Root, bool)>,
    /// The reposts; from [`Posts::close`] on with the root, and with times since it.
    points: Vec<Point>,
    msg: String,
    start: f64,
    cid: Box<str>,
}

struct Root {
    point: Point,
    msg: String,
}

impl Posts {
    /// No posts yet.
    pub fn new(format: PostFormat) -> Self {
        Self {
            importer: Importer::new(format, false),
            files: Vec::new(),
            cascades: Vec::new(),
            index: HashMap::new(),
            seen: Seen::default(),
            is_by_cascade: format.is_by_cascade(),
            repeated: 0,
            duplicates: 0,
            early: 0,
            end: f64::NEG_INFINITY,
        }
    }

    /// Reads a file; reports invalid lines, and a rest that cannot be read, to `refuse`.
    pub(crate) fn add(&mut self, input: ByteStream, name: &str, refuse: &mut dyn FnMut(Refused)) {
        let file = self.files.len() as u32;
        self.files.push(name.to_owned());
        each_line(input, name, refuse, |number, bytes| {
            match simdutf8::basic::from_utf8(keyed(bytes).1) {
                Ok(text) => self.line(text, file, number),
                Err(_) => Err(Refusal::new("json", NOT_UTF_8)),
            }
        });
    }

    fn line(&mut self, text: &str, file: u32, line: u64) -> Result<(), Refusal> {
        let Self { importer, cascades, index, seen, duplicates, end, .. } = self;
        let (by_cascade, mut is_repeated) = (self.is_by_cascade, None);
        let read = importer.read(text, &mut |post: Post<'_>| {
            let Post { cid, id, time, followers, text, role } = post;
            // All posts of such a line have one cid.
            if by_cascade && *is_repeated.get_or_insert_with(|| index.contains_key(&*cid)) {
                return;
            }
            *end = end.max(time);
            if !id.is_empty() && !seen.insert(&id) {
                *duplicates += 1;
                return;
            }
            let place = index.get(&*cid).copied().unwrap_or_else(|| {
                index.insert(cid.clone().into(), cascades.len());
                cascades.push(Collected::new(&cid, file, line));
                cascades.len() - 1
            });
            let cascade = &mut cascades[place];
            let point =
                |time, mark: Option<f64>| Point { time, magnitude: mark.unwrap_or(UNKNOWN_MARK) };
            match role {
                Role::Root if cascade.root.is_some() => *duplicates += 1,
                Role::Root => {
                    let msg = text.text().into_owned();
                    cascade.root = Some(Root { point: point(time, followers), msg });
                }
                Role::Repost(original) => {
                    if let Some(it) = original
                        && cascade
                            .embedded
                            .as_ref()
                            .is_none_or(|(_, is_unmarked)| *is_unmarked && it.followers.is_some())
                    {
                        let msg = it.text.text().into_owned();
                        let root = Root { point: point(it.time, it.followers), msg };
                        cascade.embedded = Some((root, it.followers.is_none()));
                    }
                    cascade.points.push(point(time, followers));
                }
            }
        });
        self.repeated += u64::from(is_repeated == Some(true));
        read
    }

    /// Completes the cascades after the last file, and returns what was read, skipped and dropped.
    pub(crate) fn close(&mut self, missing: MissingRoot) -> Vec<String> {
        (self.index, self.seen) = Default::default();
        let mut counts = MissingCounts::default();
        let early = &mut self.early;
        self.cascades.retain_mut(|cascade| cascade.close(missing, &mut counts, early));
        let mut summary = self.importer.summary();
        summary.extend(counts.report(missing, self.importer.reposts(), false));
        if self.repeated > 0 {
            let repeated = grouped(self.repeated);
            summary.push(format!("{repeated} cascades occur twice; the first is used"));
        }
        if self.duplicates > 0 {
            summary
                .push(format!("{} posts occur twice; the first is used", grouped(self.duplicates)));
        }
        if self.early > 0 {
            let early = grouped(self.early);
            summary.push(format!("{early} reposts precede their root in time and were dropped"));
        }
        summary
    }
}

impl Collected {
    fn new(cid: &str, file: u32, line: u64) -> Self {
        Self {
            file,
            line,
            root: None,
            embedded: None,
            points: Vec::new(),
            msg: String::new(),
            start: 0.0,
            cid: cid.into(),
        }
    }

    /// Sorts the events behind the root; returns false where there is no root.
    fn close(&mut self, choice: MissingRoot, counts: &mut MissingCounts, early: &mut u64) -> bool {
        self.points.sort_by(|a, b| a.time.total_cmp(&b.time));
        let root = self.root.take().or_else(|| {
            let reposts = self.points.len() as u64;
            counts.missing += reposts;
            let made = match choice {
                MissingRoot::Embedded => self.embedded.take().map(|(root, is_unmarked)| {
                    counts.unmarked += u64::from(is_unmarked);
                    root
                }),
                MissingRoot::First => {
                    Some(Root { point: self.points.remove(0), msg: String::new() })
                }
                MissingRoot::Drop => None,
            };
            match &made {
                Some(_) => counts.made += 1,
                None => counts.dropped += reposts,
            }
            made
        });
        self.embedded = None;
        let Some(Root { point, msg }) = root else { return false };
        *early += begin_at(&mut self.points, point);
        (self.start, self.msg) = (point.time, msg);
        true
    }
}

impl Cascades for Posts {
    fn count(&self) -> u64 {
        self.cascades.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        let Collected { cid, msg, start, points, .. } = &mut self.cascades[index as usize];
        let (msg, points) = (std::mem::take(msg), std::mem::take(points));
        let (t0, observed) = (Some(*start), Some((self.end - *start).max(0.0)));
        *cascade = HistoryCascade { cid: cid.to_string(), msg, t0, observed, points };
        Ok(())
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        Some(self.cascades[index as usize].start)
    }

    fn in_seconds(&self) -> bool {
        true
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        let Collected { file, line, .. } = self.cascades[index as usize];
        Refused::at(&self.files[file as usize], line, refusal)
    }
}
