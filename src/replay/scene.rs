//! The live cascades of all sources, and whose event is the next.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fmt::Write;
use std::ops::ControlFlow;

use super::{Fed, Plan, Summary};
use crate::event::{Event, EventTime, LARGEST};
use crate::input::{Cascades, HistoryCascade, Refused};
use crate::record::{Refusal, Watermark};

/// Where a replay's words go; it can be told to stop.
pub(super) type Feed<'f> = dyn FnMut(Fed<'_>) -> ControlFlow<()> + 'f;

/// Live cascades and their order. Slots are used again, so that no event costs an allocation.
pub(super) struct Scene {
    cascades: Box<dyn Cascades + Send>,
    plan: Plan,
    sources: Vec<Source>,
    slots: Vec<Live>,
    free: Vec<usize>,
    turns: BinaryHeap<Reverse<Turn>>,
    begun: u64,
    /// The time of the very first event, from which real time is counted.
    origin: Option<f64>,
    summary: Summary,
}

struct Source {
    name: String,
    /// The time of its last event.
    last: Option<f64>,
    /// Its cascades that are not over yet: live, or not yet begun.
    left: u64,
}

/// A cascade that has begun.
#[derive(Default)]
struct Live {
    cascade: HistoryCascade,
    source: usize,
    /// Its id, unique among all, and a remark that tells what the history calls it.
    cid: String,
    info: String,
    start: f64,
    /// The number of events that were given.
    given: usize,
}

/// When the next event of a slot is due; at equal times the cascade that began first is first.
#[derive(PartialEq, Eq)]
struct Turn {
    time: EventTime,
    begun: u64,
    slot: usize,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time).then(self.begun.cmp(&other.begun))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What one step did.
pub(super) struct Step {
    /// The source that spoke.
    pub(super) source: usize,
    /// Whether that was the last event of its cascade.
    pub(super) over: bool,
}

impl Scene {
    /// An empty scene; cascade i (in the order of beginning) belongs to source i modulo their number.
    pub(super) fn new(cascades: Box<dyn Cascades + Send>, plan: &Plan) -> Self {
        let (count, sources) = (cascades.count(), u64::from(plan.sources));
        let source = |s: u64| Source {
            name: s.to_string(),
            last: None,
            left: count / sources + u64::from(s < count % sources),
        };
        Self {
            cascades,
            plan: *plan,
            sources: (0..sources).map(source).collect(),
            slots: Vec::new(),
            free: Vec::new(),
            turns: BinaryHeap::new(),
            begun: 0,
            origin: None,
            summary: Summary::default(),
        }
    }

    /// What was done.
    pub(super) fn summary(&self, cut: bool) -> Summary {
        Summary { cut, ..self.summary }
    }

    /// The cascades that are replayed.
    pub(super) fn cascades(&self) -> &dyn Cascades {
        &*self.cascades
    }

    /// How many sources there are.
    pub(super) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// The time of a source's last event, 0 before the first.
    pub(super) fn now(&self, source: usize) -> f64 {
        self.sources[source].last.unwrap_or(0.0)
    }

    /// The time of the next event.
    pub(super) fn earliest(&self) -> Option<f64> {
        self.turns.peek().map(|Reverse(turn)| turn.time.seconds())
    }

    /// Begins a cascade of a source; false where it was refused.
    pub(super) fn begin(
        &mut self,
        index: u64,
        source: usize,
        start: f64,
        feed: &mut Feed<'_>,
    ) -> ControlFlow<(), bool> {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(Live::default());
        }
        let unit = self.plan.seconds_per_unit;
        match self.slots[slot].open(&mut *self.cascades, index, start, unit) {
            Ok(time) => {
                self.slots[slot].source = source;
                self.turns.push(Reverse(Turn { time, begun: self.begun, slot }));
                self.begun += 1;
                ControlFlow::Continue(true)
            }
            Err(refused) => {
                self.free.push(slot);
                self.sources[source].left -= 1;
                self.summary.refused += 1;
                feed(Fed::Refused(refused))?;
                ControlFlow::Continue(false)
            }
        }
    }

    /// Gives the next event; `None` where nothing is live. Breaks at the limit.
    pub(super) fn step(&mut self, feed: &mut Feed<'_>) -> ControlFlow<(), Option<Step>> {
        let Some(mut turn) = self.turns.peek_mut() else { return ControlFlow::Continue(None) };
        if self.plan.limit.is_some_and(|limit| self.summary.events >= limit) {
            return ControlFlow::Break(());
        }
        let (time, slot) = (turn.0.time, turn.0.slot);
        let live = &mut self.slots[slot];
        let source = &mut self.sources[live.source];
        let time = if self.plan.exact_times { time } else { rounded(time) };
        let seconds = time.seconds();
        source.last = Some(seconds);
        let origin = *self.origin.get_or_insert(seconds);
        let due = self.plan.speed.map_or(0.0, |speed| (seconds - origin) / speed);
        self.summary.events += 1;
        self.summary.cascades += u64::from(live.given == 0);
        feed(Fed::Event { event: live.event(&source.name, time), due })?;
        live.given += 1;
        let step = Step { source: live.source, over: live.given == live.cascade.points.len() };
        if step.over {
            PeekMut::pop(turn);
            self.free.push(slot);
            source.left -= 1;
        } else {
            turn.0.time = live.time(self.plan.seconds_per_unit);
        }
        ControlFlow::Continue(Some(step))
    }

    /// Sends the watermark of a source that has spoken and has nothing left to say.
    ///
    /// To be asked once after each cascade of the source that was over or refused.
    pub(super) fn settle(&mut self, source: usize, feed: &mut Feed<'_>) -> ControlFlow<()> {
        let source = &mut self.sources[source];
        match source.last.filter(|_| source.left == 0) {
            None => ControlFlow::Continue(()),
            Some(last) => {
                let t = (last + self.plan.tail.0).min(LARGEST);
                feed(Fed::Watermark(Watermark { source: source.name.clone(), t }))
            }
        }
    }
}

impl Live {
    /// Takes a cascade in place of the last one of this slot, and tells the time of its first event.
    fn open(
        &mut self,
        cascades: &mut dyn Cascades,
        index: u64,
        start: f64,
        unit: f64,
    ) -> Result<EventTime, Refused> {
        cascades.take(index, &mut self.cascade)?;
        (self.start, self.given) = (start, 0);
        let duration = self.cascade.points.last().map_or(f64::NAN, |last| last.time * unit);
        let (Some(time), Some(_)) = (EventTime::new(start), EventTime::new(start + duration))
        else {
            let detail = format!("cascade {:?} would end after 1e12 s", self.cascade.cid);
            return Err(cascades.refused(index, Refusal::new("range", detail)));
        };
        self.cid.clear();
        self.cid.push_str(&self.cascade.cid);
        let suffix = cascades.suffix(index);
        if suffix > 1 {
            write!(self.cid, "~{suffix}").expect("a string takes all");
        }
        self.info.clear();
        write!(self.info, "cascade={}", self.cascade.cid).expect("a string takes all");
        Ok(time)
    }

    /// The time of its next event.
    fn time(&self, unit: f64) -> EventTime {
        let seconds = self.start + self.cascade.points[self.given].time * unit;
        EventTime::new(seconds).expect("no event is later than the last, which was checked")
    }

    /// Its next event; the texts travel with the root.
    fn event<'a>(&'a self, source: &'a str, time: EventTime) -> Event<'a> {
        let root = self.given == 0;
        Event {
            root,
            cid: self.cid.as_str().into(),
            source: source.into(),
            time,
            magnitude: self.cascade.points[self.given].magnitude,
            msg: if root { self.cascade.msg.as_str() } else { "" }.into(),
            info: if root { self.info.as_str() } else { "" }.into(),
        }
    }
}

fn rounded(time: EventTime) -> EventTime {
    EventTime::new(time.seconds().round()).expect("the limit of times is a whole number")
}
