//! The start times of the cascades: on the shuffled (`dealt`) and on the real timeline.
//!
//! The sources are merged by time, as a speed requires, but they are independent: the events of a source
//! depend only on its own cascades and its own random numbers.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::vec::IntoIter;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::Rng;

use super::live::LiveCascades;
use super::options::ReplayOptions;
use crate::event::LARGEST;
use crate::random::{seeded_rng, uniform};

/// The random stream of the shuffle; the streams of the sources follow.
const SHUFFLE: u64 = 0;

/// Decides which cascade begins next, in which source, and when.
pub(super) enum Schedule {
    /// Each cascade at the time of its initial tweet, in the source that the input names or distributed round-robin.
    Real(Peekable<IntoIter<Start>>),
    /// Shuffled, in the named sources or distributed round-robin, with at most `ReplayOptions::live` live cascades per source.
    Dealt(Dealt),
}

/// A cascade on the real timeline.
pub(super) struct Start {
    time: f64,
    index: u64,
    source: usize,
}

impl Schedule {
    pub(super) fn new(live: &LiveCascades, options: &ReplayOptions, real: bool) -> Self {
        if real { Self::real(live) } else { Self::Dealt(Dealt::new(live, options)) }
    }

    fn real(live: &LiveCascades) -> Self {
        let cascades = live.cascades();
        let root = |index: u64| (cascades.root_time(index).unwrap_or(LARGEST), index);
        let mut order: Vec<(f64, u64)> = (0..cascades.count()).map(root).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let starts = order.into_iter().enumerate();
        let starts = starts.map(|(place, (time, index))| {
            let source = live.source(place, index);
            Start { time, index, source }
        });
        Self::Real(starts.collect::<Vec<_>>().into_iter().peekable())
    }

    /// Begins the next cascade if it starts before the next event; returns false otherwise.
    pub(super) fn advance(&mut self, live: &mut LiveCascades, options: &ReplayOptions) -> bool {
        match self {
            Self::Real(starts) => {
                let earliest = live.earliest();
                let due = |start: &Start| earliest.is_none_or(|earliest| start.time <= earliest);
                let Some(start) = starts.next_if(due) else { return false };
                live.begin(start.index, start.source, start.time);
                live.settle(start.source);
                true
            }
            Self::Dealt(dealt) => dealt.advance(live, options),
        }
    }

    /// Reports the end of a cascade of this source.
    pub(super) fn ended(&mut self, source: usize, live: &mut LiveCascades) {
        match self {
            Self::Real(_) => live.settle(source),
            Self::Dealt(dealt) => dealt.vacant.push_back(source),
        }
    }
}

/// The `dealt` timeline: cascades in random order, with a bounded number of live ones per source.
pub(super) struct Dealt {
    order: Order,
    sources: Vec<SourceOrder>,
    /// Sources with a free place for a live cascade, in order.
    vacant: VecDeque<usize>,
}

impl Dealt {
    fn new(live: &LiveCascades, options: &ReplayOptions) -> Self {
        let order = |source: usize| SourceOrder {
            begun: 0,
            rng: seeded_rng(options.seed, SHUFFLE + 1 + source as u64),
        };
        let sources = 0..live.sources();
        let places = sources.clone().flat_map(|source| (0..options.live).map(move |_| source));
        Self {
            order: Order::of(live, options.seed),
            vacant: places.collect(),
            sources: sources.map(order).collect(),
        }
    }

    /// Begins the next cascade of the first vacant source, after a random delay from the last event of
    /// the source. Where the source has no cascade left, it may end.
    fn advance(&mut self, live: &mut LiveCascades, options: &ReplayOptions) -> bool {
        let Some(&source) = self.vacant.front() else { return false };
        let order = &mut self.sources[source];
        let Some(index) = self.order.cascade(source, order.begun) else {
            self.vacant.pop_front();
            live.settle(source);
            return true;
        };
        order.begun += 1;
        let start = live.now(source) + uniform(&mut order.rng) * options.start_range.0;
        let start = if options.exact_times { start } else { start.round() };
        if live.begin(index, source, start) {
            self.vacant.pop_front();
        }
        true
    }
}

/// The order of the cascades.
enum Order {
    /// By index, up to this number, distributed round-robin to a number of sources.
    ByIndex(u64, u64),
    /// As listed for each source.
    BySource(Vec<Vec<u64>>),
}

impl Order {
    /// A Fisher-Yates shuffle, unless the order is random already.
    fn of(live: &LiveCascades, seed: u64) -> Self {
        let (cascades, sources) = (live.cascades(), live.sources());
        if cascades.shuffled() {
            return Self::ByIndex(cascades.count(), sources as u64);
        }
        let mut rng = seeded_rng(seed, SHUFFLE);
        let mut order: Vec<u64> = (0..cascades.count()).collect();
        for i in (1..order.len()).rev() {
            // Scales 64 random bits to the range; the bias is below i / 2^64.
            let other = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
            order.swap(i, other as usize);
        }
        let mut lists = vec![Vec::new(); sources];
        for (place, index) in order.into_iter().enumerate() {
            lists[live.source(place, index)].push(index);
        }
        Self::BySource(lists)
    }

    /// The cascade of a source after `begun` others.
    fn cascade(&self, source: usize, begun: u64) -> Option<u64> {
        match self {
            Self::ByIndex(count, sources) => {
                Some(source as u64 + begun * sources).filter(|it| it < count)
            }
            Self::BySource(lists) => lists[source].get(begun as usize).copied(),
        }
    }
}

/// The progress of a source.
struct SourceOrder {
    /// Number of its cascades that have begun.
    begun: u64,
    rng: ChaCha8Rng,
}
