//! What a source's clock has passed: windows close, cascades end.

use std::cmp::Reverse;
use std::hash::BuildHasher;

use super::super::deadline::{Cascade, Due, due, end_of, pop_before};
use super::super::{CollectOptions, Counts};
use super::Source;
use crate::cascade::Point;
use crate::record::{Record, Serie, Size};
use crate::stage::Out;

impl Source {
    /// The cascade that an entry means, if it is still there.
    fn tenant(&self, due: Due) -> Option<&Cascade> {
        let slot = &self.slots[due.slot as usize];
        if slot.number == due.number { slot.cascade.as_deref() } else { None }
    }

    /// Closes every window that the clock has passed: smaller first, then by (deadline, cid).
    pub(super) fn close_windows(
        &mut self,
        said: Option<f64>,
        options: &CollectOptions,
        counts: &mut Counts,
        out: &mut Out,
    ) {
        for index in 0..self.windows.len() {
            let mut passed = pop_before(&mut self.windows[index], self.clock);
            passed.retain(|due| self.tenant(*due).is_some());
            passed.sort_by(|a, b| self.by_deadline_and_cid(*a, *b));
            for due in passed {
                self.close_window(due, index, said, options, counts, out);
            }
        }
    }

    fn by_deadline_and_cid(&self, a: Due, b: Due) -> std::cmp::Ordering {
        let cid = |due| self.tenant(due).map(|cascade| &cascade.cid);
        a.deadline.cmp(&b.deadline).then_with(|| cid(a).cmp(&cid(b)))
    }

    fn close_window(
        &mut self,
        due: Due,
        index: usize,
        said: Option<f64>,
        options: &CollectOptions,
        counts: &mut Counts,
        out: &mut Out,
    ) {
        let Some(cascade) = &mut self.slots[due.slot as usize].cascade else { return };
        let window = options.windows[index];
        let within = |point: &Point| point.time - cascade.start <= window as f64;
        let held = cascade.points.partition_point(within);
        cascade.next_window = index + 1;
        let last = cascade.next_window == options.windows.len();
        if held as u64 >= options.min_size {
            cascade.emitted |= 1 << index;
            counts.windows[index] += 1;
            let tweets = if last {
                let mut tweets = std::mem::take(&mut cascade.points);
                tweets.truncate(held);
                tweets
            } else {
                cascade.points[..held].to_vec()
            };
            out.write(Record::Serie(Serie {
                cid: cascade.cid.to_string(),
                source: self.name.to_string(),
                t: said.map_or(self.clock, |clock| clock.max(due.deadline.seconds())),
                msg: cascade.msg.to_string(),
                t_obs: window,
                tweets,
            }));
        } else if last {
            cascade.points = Vec::new();
        }
    }

    /// Ends every cascade that the clock has passed, in order of (deadline, cid).
    pub(super) fn end_cascades(
        &mut self,
        said: Option<f64>,
        options: &CollectOptions,
        counts: &mut Counts,
        out: &mut Out,
    ) {
        let mut ended = Vec::new();
        loop {
            let passed = pop_before(&mut self.ends, self.clock);
            if passed.is_empty() {
                break;
            }
            for entry in passed {
                let Some(cascade) = self.tenant(entry) else { continue };
                let entry = due(end_of(cascade, options), entry.slot, entry.number);
                if self.clock > entry.deadline.seconds() {
                    ended.push(entry);
                } else {
                    self.ends.push(Reverse(entry));
                }
            }
        }
        ended.sort_by(|a, b| self.by_deadline_and_cid(*a, *b));
        for entry in ended {
            self.end_cascade(entry, said, options, counts, out);
        }
    }

    fn end_cascade(
        &mut self,
        entry: Due,
        said: Option<f64>,
        options: &CollectOptions,
        counts: &mut Counts,
        out: &mut Out,
    ) {
        let Some(cascade) = self.slots[entry.slot as usize].cascade.take() else { return };
        self.free.push(entry.slot);
        let hash = self.hasher.hash_one(&*cascade.cid);
        if let Ok(entry) = self.by_cid.find_entry(hash, |slot| *slot == entry.slot) {
            entry.remove();
        }
        counts.close(&cascade, said.is_some(), options);
        for (index, window) in options.windows.iter().enumerate() {
            if cascade.emitted & (1 << index) != 0 {
                out.write(Record::Size(Size {
                    cid: cascade.cid.to_string(),
                    source: self.name.to_string(),
                    t: said.map_or(self.clock, |clock| clock.max(entry.deadline.seconds())),
                    t_obs: *window,
                    n_tot: cascade.size,
                    t_end: cascade.last,
                }));
            }
        }
        let aside = self.shelf.ends(entry.slot, cascade.position, self.now);
        self.pairs.extend(match aside {
            None => cascade.duplicate.map(|record| (cascade.position, record)),
            // As it was written it serves no replay from behind the change and before the end.
            Some(changed) => changed.map(|changed| (changed, self.now)),
        });
        self.closed.remember(hash);
    }
}
