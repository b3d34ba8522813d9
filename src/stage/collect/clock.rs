//! The clock of a source advances: windows close, cascades end.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hash::BuildHasher;

use super::cascade::{Cascade, Due, pop_before};
use super::context::{Context, Reason};
use super::source::{Decision, Source};
use crate::cascade::Point;
use crate::event::EventTime;
use crate::record::{Record, Serie, Size};

/// The time that emitted records carry.
#[derive(Clone, Copy)]
enum Stamp {
    /// The clock of the source.
    Clock(f64),
    /// At the end of the input the clock is infinite: the later of the last clock and the deadline.
    End(f64),
}

impl Stamp {
    fn at(self, deadline: EventTime) -> f64 {
        match self {
            Self::Clock(clock) => clock,
            Self::End(last) => last.max(deadline.seconds()),
        }
    }
}

impl Source {
    /// Advances the clock to `time`, unless it is there already, and emits what it has passed: also
    /// for cascades whose root was so late that the clock had passed their deadlines before.
    /// Returns whether a deadline was due.
    pub(super) fn advance(&mut self, time: f64, context: &mut Context<'_>) -> bool {
        self.clock = self.clock.max(time);
        let due = self.clock > self.next_due;
        if due {
            self.emit_due(Stamp::Clock(self.clock), context);
        }
        due
    }

    /// The end of the input: closes every window and ends every cascade.
    pub(super) fn end(&mut self, context: &mut Context<'_>) {
        let last = std::mem::replace(&mut self.clock, f64::INFINITY);
        self.emit_due(Stamp::End(last), context);
        self.clock = last;
    }

    /// Closes the windows that the clock has passed, after a restore.
    pub(super) fn close_restored_windows(&mut self, context: &mut Context<'_>) {
        self.close_windows(Stamp::Clock(self.clock), context);
    }

    fn emit_due(&mut self, stamp: Stamp, context: &mut Context<'_>) {
        self.close_windows(stamp, context);
        self.end_cascades(stamp, context);
        let first = |heap: &BinaryHeap<Reverse<Due>>| heap.peek().map(|it| it.0.deadline);
        let first = self.windows.iter().chain([&self.ends]).filter_map(first).min();
        self.next_due = first.map_or(f64::INFINITY, EventTime::seconds);
    }

    /// The cascade of an entry; `None` if the entry is stale.
    fn cascade_due(&self, due: Due) -> Option<&Cascade> {
        let slot = &self.slots[due.slot as usize];
        if slot.generation == due.generation { slot.cascade.as_deref() } else { None }
    }

    fn by_deadline_and_cid(&self, a: Due, b: Due) -> Ordering {
        let cid = |due| self.cascade_due(due).map(|cascade| &cascade.cid);
        a.deadline.cmp(&b.deadline).then_with(|| cid(a).cmp(&cid(b)))
    }

    /// Closes every window that the clock has passed: smaller windows first, then by
    /// (deadline, cid).
    fn close_windows(&mut self, stamp: Stamp, context: &mut Context<'_>) {
        for index in 0..self.windows.len() {
            let mut passed = pop_before(&mut self.windows[index], self.clock);
            passed.retain(|due| self.cascade_due(*due).is_some());
            passed.sort_by(|a, b| self.by_deadline_and_cid(*a, *b));
            for due in passed {
                self.close_window(due, index, stamp, context);
            }
        }
    }

    fn close_window(&mut self, due: Due, index: usize, stamp: Stamp, context: &mut Context<'_>) {
        let Some(cascade) = &mut self.slots[due.slot as usize].cascade else { return };
        let options = context.options;
        let window = options.windows[index];
        let start = cascade.start;
        let within = |point: &Point| point.time - start <= window as f64;
        let held = cascade.points.in_order().partition_point(within);
        cascade.next_window = index + 1;
        let last = cascade.next_window == options.windows.len();
        if held as u64 >= options.min_size {
            cascade.emitted |= 1 << index;
            context.counts.emitted[index] += 1;
            let tweets = if last {
                let mut tweets = cascade.points.take();
                tweets.truncate(held);
                tweets
            } else {
                cascade.points.in_order()[..held].to_vec()
            };
            context.out.write(Record::Serie(Serie {
                cid: cascade.cid.to_string(),
                source: self.name.to_string(),
                t: stamp.at(due.deadline),
                msg: cascade.msg.to_string(),
                t_obs: window,
                tweets,
            }));
        } else if last {
            context.counts.small += u64::from(cascade.emitted == 0);
            drop(cascade.points.take());
        }
    }

    /// Ends every cascade that the clock has passed, in the order of (deadline, cid).
    fn end_cascades(&mut self, stamp: Stamp, context: &mut Context<'_>) {
        let mut ended = Vec::new();
        loop {
            let passed = pop_before(&mut self.ends, self.clock);
            if passed.is_empty() {
                break;
            }
            for entry in passed {
                let Some(cascade) = self.cascade_due(entry) else { continue };
                let entry = Due::new(cascade.end(context.options), entry.slot, entry.generation);
                if self.clock > entry.deadline.seconds() {
                    ended.push(entry);
                } else {
                    self.ends.push(Reverse(entry));
                }
            }
        }
        ended.sort_by(|a, b| self.by_deadline_and_cid(*a, *b));
        for entry in ended {
            self.end_cascade(entry, stamp, context);
        }
    }

    /// Emits one `size` record for each window that was emitted.
    fn end_cascade(&mut self, due: Due, stamp: Stamp, context: &mut Context<'_>) {
        let Some(cascade) = self.slots[due.slot as usize].cascade.take() else { return };
        self.free.push(due.slot);
        let hash = self.hasher.hash_one(&*cascade.cid);
        if let Ok(entry) = self.by_cid.find_entry(hash, |slot| *slot == due.slot) {
            entry.remove();
        }
        let options = context.options;
        let aged = cascade.start + options.max_age < cascade.last + options.terminated;
        let reason = match stamp {
            Stamp::End(_) => Reason::EndOfInput,
            Stamp::Clock(_) if aged => Reason::Age,
            Stamp::Clock(_) => Reason::Silence,
        };
        context.counts.close(reason, cascade.size);
        for (index, window) in options.windows.iter().enumerate() {
            if cascade.emitted & (1 << index) != 0 {
                context.out.write(Record::Size(Size {
                    cid: cascade.cid.to_string(),
                    source: self.name.to_string(),
                    t: stamp.at(due.deadline),
                    t_obs: *window,
                    n_tot: cascade.size,
                    t_end: cascade.last,
                }));
            }
        }
        let decision = match self.parts.end(due.slot, cascade.position, context.position) {
            None => cascade.duplicate.map(|record| Decision { root: cascade.position, record }),
            // The part serves no replay that starts between the change and the end.
            Some(changed) => changed.map(|root| Decision { root, record: context.position }),
        };
        self.decisions.extend(decision);
        self.closed.insert(hash);
    }
}
