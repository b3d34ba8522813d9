//! When events happen: the dealt and the real timeline.
//!
//! All sources are merged by time, so that a pace can be kept, but none feels another: what a
//! source says depends on its own cascades and its own chance only.

use std::ops::ControlFlow;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::scene::{Feed, Scene};
use super::{Plan, Summary, chance, uniform};
use crate::event::LARGEST;
use crate::input::Cascades;

/// The stream of chance that shuffles; those of the sources follow.
const SHUFFLE: u64 = 0;

/// Replays all cascades on the real or the dealt timeline.
pub(super) fn run(
    cascades: Box<dyn Cascades + Send>,
    plan: &Plan,
    real: bool,
    feed: &mut Feed<'_>,
) -> Summary {
    let mut scene = Scene::new(cascades, plan);
    let flow = if real { happened(&mut scene, feed) } else { dealt(&mut scene, plan, feed) };
    scene.summary(flow.is_break())
}

/// Cascades as they happened, each at the time of its root; the sources take them in turn.
fn happened(scene: &mut Scene, feed: &mut Feed<'_>) -> ControlFlow<()> {
    let cascades = scene.cascades();
    let root = |index: u64| (cascades.root_time(index).unwrap_or(LARGEST), index);
    let mut order: Vec<(f64, u64)> = (0..cascades.count()).map(root).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut coming = order.into_iter().zip((0..scene.sources()).cycle()).peekable();
    loop {
        while let Some(&((time, index), source)) = coming.peek()
            && scene.earliest().is_none_or(|earliest| time <= earliest)
        {
            coming.next();
            scene.begin(index, source, time, feed)?;
            scene.settle(source, feed)?;
        }
        match scene.step(feed)? {
            None => return ControlFlow::Continue(()),
            Some(step) if step.over => scene.settle(step.source, feed)?,
            Some(_) => {}
        }
    }
}

/// Cascades by chance: shuffled, dealt to the sources in turn, so many live ones a source.
fn dealt(scene: &mut Scene, plan: &Plan, feed: &mut Feed<'_>) -> ControlFlow<()> {
    let deck = Deck::shuffled(scene.cascades(), plan.seed);
    let hand = |source: usize| Hand {
        source,
        next: source as u64,
        rng: chance(plan.seed, SHUFFLE + 1 + source as u64),
    };
    let mut hands: Vec<Hand> = (0..scene.sources()).map(hand).collect();
    for hand in &mut hands {
        for _ in 0..plan.live {
            hand.play(&deck, plan, scene, feed)?;
        }
    }
    while let Some(step) = scene.step(feed)? {
        if step.over {
            hands[step.source].play(&deck, plan, scene, feed)?;
        }
    }
    ControlFlow::Continue(())
}

/// The order of the cascades.
enum Deck {
    /// As they are numbered, up to this number.
    Counted(u64),
    /// As listed.
    Listed(Vec<u64>),
}

impl Deck {
    /// By Fisher and Yates, where the order is not one of chance already.
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

    fn card(&self, place: u64) -> Option<u64> {
        match self {
            Self::Counted(count) => (place < *count).then_some(place),
            Self::Listed(order) => order.get(place as usize).copied(),
        }
    }
}

/// What a source still has to play: every so many-th card of the deck.
struct Hand {
    source: usize,
    next: u64,
    rng: ChaCha8Rng,
}

impl Hand {
    /// Begins the next sound cascade a while from now; where there is none, the source may be done.
    fn play(
        &mut self,
        deck: &Deck,
        plan: &Plan,
        scene: &mut Scene,
        feed: &mut Feed<'_>,
    ) -> ControlFlow<()> {
        while let Some(index) = deck.card(self.next) {
            self.next += u64::from(plan.sources);
            let start = scene.now(self.source) + uniform(&mut self.rng) * plan.start_range.0;
            let start = if plan.exact_times { start } else { start.round() };
            if scene.begin(index, self.source, start, feed)? {
                return ControlFlow::Continue(());
            }
        }
        scene.settle(self.source, feed)
    }
}
