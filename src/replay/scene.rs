//! The live cascades of all sources, and whose event is the next.

use std::cmp::{Ordering, Reverse};
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write;

use super::{Plan, Summary};
use crate::event::{Event, EventTime, LARGEST};
use crate::input::{Cascades, HistoryCascade, Refused};
use crate::record::{Refusal, Watermark};

/// Live cascades and their order. Slots are used again, so that no event costs an allocation.
pub(super) struct Scene {
    cascades: Box<dyn Cascades + Send>,
    plan: Plan,
    sources: Vec<Source>,
    slots: Vec<Live>,
    free: Vec<usize>,
    turns: BinaryHeap<Reverse<Turn>>,
    begun: u64,
    /// What goes out before the next event.
    outbox: VecDeque<Beside>,
    /// The event that went out last is not passed yet: its slot.
    current: Option<usize>,
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

/// What goes out beside events.
pub(super) enum Beside {
    /// A source is done.
    Watermark(Watermark),
    /// A cascade was skipped.
    Refused(Refused),
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
            outbox: VecDeque::new(),
            current: None,
            origin: None,
            summary: Summary::default(),
        }
    }

    /// What was done so far.
    pub(super) fn summary(&self) -> Summary {
        self.summary
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
    pub(super) fn begin(&mut self, index: u64, source: usize, start: f64) -> bool {
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
                true
            }
            Err(refused) => {
                self.free.push(slot);
                self.sources[source].left -= 1;
                self.summary.refused += 1;
                self.outbox.push_back(Beside::Refused(refused));
                false
            }
        }
    }

    /// What goes out before the next event.
    pub(super) fn beside(&mut self) -> Option<Beside> {
        self.outbox.pop_front()
    }

    /// Whether something goes out before the next event.
    pub(super) fn has_beside(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether the limit of events is reached.
    pub(super) fn at_limit(&self) -> bool {
        self.plan.limit.is_some_and(|limit| self.summary.events >= limit)
    }

    /// Passes the event that went out last; the source of its cascade, where that is over.
    pub(super) fn pass(&mut self) -> Option<usize> {
        let slot = self.current.take()?;
        let live = &mut self.slots[slot];
        live.given += 1;
        let mut turn = self.turns.peek_mut().expect("the event's turn is the earliest");
        if live.given < live.cascade.points.len() {
            turn.0.time = live.time(self.plan.seconds_per_unit);
            return None;
        }
        PeekMut::pop(turn);
        self.free.push(slot);
        self.sources[live.source].left -= 1;
        Some(live.source)
    }

    /// The next event and when it is due; `None` where no cascade is open.
    pub(super) fn event(&mut self) -> Option<(Event<'_>, f64)> {
        let Reverse(turn) = self.turns.peek()?;
        let (time, slot) = (turn.time, turn.slot);
        let live = &self.slots[slot];
        let source = &mut self.sources[live.source];
        let time = if self.plan.exact_times { time } else { rounded(time) };
        let seconds = time.seconds();
        source.last = Some(seconds);
        let origin = *self.origin.get_or_insert(seconds);
        let due = self.plan.speed.map_or(0.0, |speed| (seconds - origin) / speed);
        self.summary.events += 1;
        self.summary.cascades += u64::from(live.given == 0);
        self.current = Some(slot);
        Some((live.event(&source.name, time), due))
    }

    /// Emits the watermark of a source that has emitted events and has none left.
    ///
    /// To be called once after each cascade of the source that was over or refused.
    pub(super) fn settle(&mut self, source: usize) {
        let source = &self.sources[source];
        if let Some(last) = source.last.filter(|_| source.left == 0) {
            let t = (last + self.plan.tail.0).min(LARGEST);
            self.outbox.push_back(Beside::Watermark(Watermark { source: source.name.clone(), t }));
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
