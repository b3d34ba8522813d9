//! The live cascades of all sources, in the order of their next events.

use std::cmp::{Ordering, Reverse};
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt::Write;
use std::sync::PoisonError;

use super::ReplayItem;
use super::options::ReplayOptions;
use crate::event::{Event, EventTime, LARGEST};
use crate::input::{Cascades, HistoryCascade, Refused, SharedDurations};
use crate::record::{Refusal, Watermark};

/// Numbers of emitted items of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Emitted events.
    pub events: u64,
    /// Cascades of which at least one event was emitted.
    pub cascades: u64,
    /// Refused cascades.
    pub refused: u64,
    /// Whether the replay was not yielded to its end, because of the limit or because the caller stopped.
    pub cut: bool,
}

/// The live cascades, ordered by next event. Slots are reused, so an event needs no allocation.
pub(super) struct LiveCascades {
    cascades: Box<dyn Cascades + Send>,
    options: ReplayOptions,
    sources: Vec<Source>,
    /// The place of the source of each cascade, where the input names the sources.
    named: Option<Vec<usize>>,
    slots: Vec<LiveCascade>,
    free: Vec<usize>,
    queue: BinaryHeap<Reverse<NextEvent>>,
    /// Number of cascades begun.
    begun: u64,
    /// Items to emit before the next event.
    pending: VecDeque<Control>,
    /// The final watermarks of the sources that have ended.
    ends: Vec<Watermark>,
    /// Slot of the event emitted last, until `advance`.
    current: Option<usize>,
    /// The time of the first event, at which real time is 0.
    origin: Option<f64>,
    summary: Summary,
    /// For how long the cascades were observed.
    durations: Option<SharedDurations>,
}

struct Source {
    name: String,
    /// The time of its last event.
    last: Option<f64>,
    /// Number of its cascades that are live or not yet begun.
    remaining: u64,
}

/// A live cascade.
#[derive(Default)]
struct LiveCascade {
    cascade: HistoryCascade,
    source: usize,
    /// Its unique id, and the field `info` with the id in the history.
    cid: String,
    info: String,
    start: f64,
    /// Number of emitted events.
    emitted: usize,
}

/// The time of the next event of a slot. At equal times, the cascade that began first comes first.
#[derive(PartialEq, Eq)]
struct NextEvent {
    time: EventTime,
    begun: u64,
    slot: usize,
}

impl Ord for NextEvent {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time).then(self.begun.cmp(&other.begun))
    }
}

impl PartialOrd for NextEvent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An item other than an event.
pub(super) enum Control {
    /// The end of a source.
    Watermark(Watermark),
    /// A cascade that was refused.
    Refused(Refused),
}

impl LiveCascades {
    /// No live cascades yet. Where the input names no sources, the i-th cascade to begin belongs to source i modulo
    /// the number of sources.
    pub(super) fn new(cascades: Box<dyn Cascades + Send>, options: &ReplayOptions) -> Self {
        let (count, sources) = (cascades.count(), u64::from(options.sources));
        let source = |s: u64| Source {
            name: s.to_string(),
            last: None,
            remaining: count / sources + u64::from(s < count % sources),
        };
        let (sources, named) = match named(&*cascades) {
            Some((sources, named)) => (sources, Some(named)),
            None => ((0..sources).map(source).collect(), None),
        };
        Self {
            cascades,
            options: *options,
            sources,
            named,
            slots: Vec::new(),
            free: Vec::new(),
            queue: BinaryHeap::new(),
            begun: 0,
            pending: VecDeque::new(),
            ends: Vec::new(),
            current: None,
            origin: None,
            summary: Summary::default(),
            durations: None,
        }
    }

    /// Adds each cascade to `durations` when it begins.
    pub(super) fn add_to(&mut self, durations: SharedDurations) {
        self.durations = Some(durations);
    }

    /// Numbers of emitted items so far.
    pub(super) fn summary(&self) -> Summary {
        self.summary
    }

    /// The cascades that are replayed.
    pub(super) fn cascades(&self) -> &dyn Cascades {
        &*self.cascades
    }

    /// Number of sources.
    pub(super) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// The source of the cascade `index`, which is at `place` of the order.
    pub(super) fn source(&self, place: usize, index: u64) -> usize {
        match &self.named {
            Some(named) => named[index as usize],
            None => place % self.sources.len(),
        }
    }

    /// The time of the last event of a source; 0 before the first.
    pub(super) fn now(&self, source: usize) -> f64 {
        self.sources[source].last.unwrap_or(0.0)
    }

    /// The time of the next event.
    pub(super) fn earliest(&self) -> Option<f64> {
        self.queue.peek().map(|Reverse(next)| next.time.seconds())
    }

    /// Begins a cascade of a source; returns false where it is refused.
    pub(super) fn begin(&mut self, index: u64, source: usize, start: f64) -> bool {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(LiveCascade::default());
        }
        let unit = self.options.seconds_per_unit;
        match self.slots[slot].open(&mut *self.cascades, index, start, unit) {
            Ok(time) => {
                let live = &mut self.slots[slot];
                live.source = source;
                if let Some(durations) = &self.durations {
                    let mut durations = durations.lock().unwrap_or_else(PoisonError::into_inner);
                    let HistoryCascade { observed, points, .. } = &live.cascade;
                    let last = points.last().map_or(0.0, |last| last.time);
                    durations.add(&live.cid, observed.map(|it| it * unit), last * unit);
                }
                self.queue.push(Reverse(NextEvent { time, begun: self.begun, slot }));
                self.begun += 1;
                true
            }
            Err(refused) => {
                self.free.push(slot);
                self.sources[source].remaining -= 1;
                self.summary.refused += 1;
                self.pending.push_back(Control::Refused(refused));
                false
            }
        }
    }

    /// The next item to emit before the next event.
    pub(super) fn next_control(&mut self) -> Option<Control> {
        self.pending.pop_front()
    }

    /// Whether there is an item to emit before the next event.
    pub(super) fn has_control(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether the limit of events is reached.
    pub(super) fn at_limit(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.summary.events >= limit)
    }

    /// Moves past the event emitted last; returns the source of its cascade where that has ended.
    pub(super) fn advance(&mut self) -> Option<usize> {
        let slot = self.current.take()?;
        let live = &mut self.slots[slot];
        live.emitted += 1;
        let mut next = self.queue.peek_mut().expect("the emitted event is the earliest");
        if live.emitted < live.cascade.points.len() {
            next.0.time = live.time(self.options.seconds_per_unit);
            return None;
        }
        PeekMut::pop(next);
        self.free.push(slot);
        self.sources[live.source].remaining -= 1;
        Some(live.source)
    }

    /// The next event; `None` where no cascade is live.
    pub(super) fn event(&mut self) -> Option<ReplayItem<'_>> {
        let Reverse(next) = self.queue.peek()?;
        let (time, slot) = (next.time, next.slot);
        let live = &self.slots[slot];
        let source = &mut self.sources[live.source];
        let time = if self.options.exact_times { time } else { rounded(time) };
        let seconds = time.seconds();
        let since = seconds - source.last.replace(seconds).unwrap_or(seconds);
        let origin = *self.origin.get_or_insert(seconds);
        let due = self.options.speed.map_or(0.0, |speed| (seconds - origin) / speed);
        self.summary.events += 1;
        self.summary.cascades += u64::from(live.emitted == 0);
        self.current = Some(slot);
        Some(ReplayItem::Event { event: live.event(&source.name, time), due, since })
    }

    /// Emits the final watermarks of the sources that have ended. They come after the last event of all sources: they are
    /// far ahead of the events, and what they close must not be known before later events of other sources.
    pub(super) fn emit_ends(&mut self) {
        self.pending.extend(self.ends.drain(..).map(Control::Watermark));
    }

    /// Keeps the final watermark of a source that has emitted events and has no remaining cascade.
    ///
    /// Call it once after each cascade of the source that ended or was refused.
    pub(super) fn settle(&mut self, source: usize) {
        let source = &self.sources[source];
        if let Some(last) = source.last.filter(|_| source.remaining == 0) {
            let t = (last + self.options.tail.0).min(LARGEST);
            self.ends.push(Watermark { source: source.name.clone(), t });
        }
    }
}

/// The sources that the input names, in the order of their first cascades, and the place of the source of each cascade.
/// `None`: it names none.
fn named(cascades: &dyn Cascades) -> Option<(Vec<Source>, Vec<usize>)> {
    let (mut sources, mut places, mut named) = (Vec::new(), HashMap::new(), Vec::new());
    for index in 0..cascades.count() {
        let name = cascades.source(index)?;
        let place = *places.entry(name).or_insert_with(|| {
            sources.push(Source { name: name.to_owned(), last: None, remaining: 0 });
            sources.len() - 1
        });
        sources[place].remaining += 1;
        named.push(place);
    }
    (!named.is_empty()).then_some((sources, named))
}

impl LiveCascade {
    /// Replaces the cascade of this slot; returns the time of the first event.
    fn open(
        &mut self,
        cascades: &mut dyn Cascades,
        index: u64,
        start: f64,
        unit: f64,
    ) -> Result<EventTime, Refused> {
        cascades.take(index, &mut self.cascade)?;
        (self.start, self.emitted) = (start, 0);
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
            write!(self.cid, "~{suffix}").expect("writing to a string cannot fail");
        }
        self.info.clear();
        write!(self.info, "cascade={}", self.cascade.cid).expect("writing to a string cannot fail");
        Ok(time)
    }

    /// The time of the next event.
    fn time(&self, unit: f64) -> EventTime {
        let seconds = self.start + self.cascade.points[self.emitted].time * unit;
        EventTime::new(seconds).expect("the last event is the latest and was checked")
    }

    /// The next event; only the root has texts.
    fn event<'a>(&'a self, source: &'a str, time: EventTime) -> Event<'a> {
        let root = self.emitted == 0;
        Event {
            root,
            cid: self.cid.as_str().into(),
            source: source.into(),
            time,
            magnitude: self.cascade.points[self.emitted].magnitude,
            msg: if root { self.cascade.msg.as_str() } else { "" }.into(),
            info: if root { self.info.as_str() } else { "" }.into(),
            id: "".into(),
        }
    }
}

fn rounded(time: EventTime) -> EventTime {
    EventTime::new(time.seconds().round()).expect("the maximum time is an integer")
}
