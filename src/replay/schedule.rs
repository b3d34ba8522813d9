//! When cascades begin: the dealt and the real timeline.
//!
//! All sources are merged by time, so that a pace can be kept, but they are independent: the events of a
//! source depend on its own cascades and its own random numbers only.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::vec::IntoIter;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::scene::Scene;
use super::{Plan, chance, uniform};
use crate::event::LARGEST;
use crate::input::Cascades;

/// The random stream that shuffles; those of the sources follow.
const SHUFFLE: u64 = 0;

/// Decides which cascade begins next, in which source, and when.
pub(super) enum Schedule {
    /// Each cascade at the time of its root; the sources take them in turn.
    Real(Peekable<IntoIter<Start>>),
    /// Shuffled, dealt to the sources in turn, `Plan::live` open cascades a source.
    Dealt(Dealt),
}

/// A cascade on the real timeline.
pub(super) struct Start {
    time: f64,
    index: u64,
    source: usize,
}

impl Schedule {
    pub(super) fn new(scene: &Scene, plan: &Plan, real: bool) -> Self {
        if real { Self::real(scene) } else { Self::Dealt(Dealt::new(scene, plan)) }
    }

    fn real(scene: &Scene) -> Self {
        let cascades = scene.cascades();
        let root = |index: u64| (cascades.root_time(index).unwrap_or(LARGEST), index);
        let mut order: Vec<(f64, u64)> = (0..cascades.count()).map(root).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let sources = (0..scene.sources()).cycle();
        let starts = order.into_iter().zip(sources);
        let starts = starts.map(|((time, index), source)| Start { time, index, source });
        Self::Real(starts.collect::<Vec<_>>().into_iter().peekable())
    }

    /// Begins the next cascade that is due before the next event; false where none is due.
    pub(super) fn advance(&mut self, scene: &mut Scene, plan: &Plan) -> bool {
        match self {
            Self::Real(starts) => {
                let earliest = scene.earliest();
                let due = |start: &Start| earliest.is_none_or(|earliest| start.time <= earliest);
                let Some(start) = starts.next_if(due) else { return false };
                scene.begin(start.index, start.source, start.time);
                scene.settle(start.source);
                true
            }
            Self::Dealt(dealt) => dealt.advance(scene, plan),
        }
    }

    /// A cascade of this source is over.
    pub(super) fn ended(&mut self, source: usize, scene: &mut Scene) {
        match self {
            Self::Real(_) => scene.settle(source),
            Self::Dealt(dealt) => dealt.vacant.push_back(source),
        }
    }
}

/// The dealt timeline.
pub(super) struct Dealt {
    order: Order,
    hands: Vec<Hand>,
    /// Sources that need another open cascade, in order.
    vacant: VecDeque<usize>,
}

impl Dealt {
    fn new(scene: &Scene, plan: &Plan) -> Self {
        let hand = |source: usize| Hand {
            next: source as u64,
            rng: chance(plan.seed, SHUFFLE + 1 + source as u64),
        };
        let sources = 0..scene.sources();
        let places = sources.clone().flat_map(|source| (0..plan.live).map(move |_| source));
        Self {
            order: Order::shuffled(scene.cascades(), plan.seed),
            vacant: places.collect(),
            hands: sources.map(hand).collect(),
        }
    }

    /// Begins the next cascade of the first source that needs one, a while after the source's last
    /// event; where the source has none left, it may be done.
    fn advance(&mut self, scene: &mut Scene, plan: &Plan) -> bool {
        let Some(&source) = self.vacant.front() else { return false };
        let hand = &mut self.hands[source];
        let Some(index) = self.order.cascade(hand.next) else {
            self.vacant.pop_front();
            scene.settle(source);
            return true;
        };
        hand.next += u64::from(plan.sources);
        let start = scene.now(source) + uniform(&mut hand.rng) * plan.start_range.0;
        let start = if plan.exact_times { start } else { start.round() };
        if scene.begin(index, source, start) {
            self.vacant.pop_front();
        }
        true
    }
}

/// The order of the cascades.
enum Order {
    /// As they are numbered, up to this number.
    Counted(u64),
    /// As listed.
    Listed(Vec<u64>),
}

impl Order {
    /// By the method of Fisher and Yates, unless the order is random already.
    fn shuffled(cascades: &dyn Cascades, seed: u64) -> Self {
        if cascades.shuffled() {
            return Self::Counted(cascades.count());
        }
        let mut rng = chance(seed, SHUFFLE);
        let mut order: Vec<u64> = (0..cascades.count()).collect();
        for i in (1..order.len()).rev() {
            // A multiple of a fraction of 64 bits: uneven by less than i / 2^64.
            let other = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
            order.swap(i, other as usize);
        }
        Self::Listed(order)
    }

    fn cascade(&self, place: u64) -> Option<u64> {
        match self {
            Self::Counted(count) => (place < *count).then_some(place),
            Self::Listed(order) => order.get(place as usize).copied(),
        }
    }
}

/// What a source has still to replay: every so many-th cascade of the order.
struct Hand {
    next: u64,
    rng: ChaCha8Rng,
}
