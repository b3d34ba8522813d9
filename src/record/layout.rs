//! The layout in which a program writes its tweets: the fields, their order, the text between the values.
//!
//! One program writes nearly all lines of an input. So the text ahead of a value is one that was ahead of a value
//! before, and usually that of the line before at this place; comparing it is faster than parsing it. Where
//! another text follows, because the program leaves out fields or writes them in any order, it is looked up by
//! the name of its field.

use super::fields::{Field, Fields};
use super::item::Item;
use super::special::{Literal, name_hash};
use super::text::Text;

/// The largest number of texts that are kept.
const MAX_STEPS: usize = 200;
/// Places of the hash table, a power of two, more than twice the steps.
const SLOTS: usize = 512;
/// In place of the index of a step: none.
const NONE: u8 = u8::MAX;

/// A text ahead of a value.
#[derive(Clone, Debug)]
struct Step {
    literal: Literal,
    /// The field of the value.
    field: Field,
    /// Whether the text is ahead of the first value of a line.
    opens: bool,
    /// Its place in the order that was learned last.
    place: Option<usize>,
}

/// The texts between the values of events that were read, and the order of one of them.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The steps of the line that was learned last.
    order: Vec<Step>,
    /// The text behind its last value.
    end: String,
    /// All steps.
    known: Known,
    /// Events in this order, since the last one in another order.
    ordered: u32,
    /// Events in another order, since there were [`Layout::STEADY`] in this one.
    unordered: u32,
    /// Events with an unknown text, since the last one without.
    unknown: u32,
}

impl Layout {
    /// The number of events in one order after which the input is taken to have one order.
    const STEADY: u32 = 64;

    /// Reads the event of a line whose texts between values are known; `None` for another.
    #[inline(never)]
    pub(super) fn read<'a>(&mut self, line: Text<'a>, item: &mut Item<'a>) -> Option<()> {
        let (mut rest, mut fields, mut taken) = (line, Fields::default(), 0);
        for step in &self.order {
            if rest.expect_literal(&step.literal).is_none() {
                break;
            }
            fields.take(step.field, &mut rest)?;
            taken += 1;
        }
        if taken < self.order.len() || rest.rest() != self.end {
            self.take_unordered(rest, &mut fields, taken)?;
            fields.event(item)?;
            self.out_of_order(line);
        } else {
            fields.event(item)?;
            self.ordered = self.ordered.saturating_add(1);
        }
        self.unknown = 0;
        Some(())
    }

    /// Takes the rest of the fields, after some of the order, in any order. This loop alone would do; for lines in the
    /// order it takes a tenth longer than that of [`Layout::read`].
    #[inline(never)]
    fn take_unordered<'a>(
        &self,
        mut rest: Text<'a>,
        fields: &mut Fields<'a>,
        taken: usize,
    ) -> Option<()> {
        let taken = &self.order[..taken];
        let mut seen = taken.iter().fold(0, |seen, step| seen | 1_u32 << step.field as u32);
        let mut expected = taken.len();
        while seen == 0 || rest.rest() != self.end {
            let step = match self.order.get(expected) {
                Some(step) if rest.expect_literal(&step.literal).is_some() => step,
                _ => {
                    let step = self.known.step(rest.rest(), seen == 0)?;
                    rest.expect_literal(&step.literal)?;
                    step
                }
            };
            // The full parser refuses duplicates of all but other fields.
            let bit = 1 << step.field as u32;
            (step.field == Field::Other || seen & bit == 0).then_some(())?;
            seen |= bit;
            fields.take(step.field, &mut rest)?;
            expected = step.place.map_or(usize::MAX, |place| place + 1);
        }
        Some(())
    }

    /// Called for an event in another order: stores the order, at growing intervals, because every line may have an
    /// order of its own.
    fn out_of_order(&mut self, line: Text<'_>) {
        if self.ordered >= Self::STEADY {
            self.unordered = 0;
        }
        self.ordered = 0;
        self.unordered = self.unordered.saturating_add(1);
        if self.unordered.is_power_of_two() {
            self.learn(line);
        }
    }

    /// Called for an event with unknown texts: stores them, at growing intervals, because every line may have others.
    pub(super) fn missed(&mut self, line: Text<'_>) {
        self.unknown = self.unknown.saturating_add(1);
        if self.unknown.is_power_of_two() {
            self.learn(line);
        }
    }

    /// Keeps the texts of a line, and their order.
    fn learn(&mut self, line: Text<'_>) {
        let Some((texts, end)) = texts(line) else { return };
        let step = |(place, (text, field)): (usize, (&str, Field))| Step {
            literal: Literal::of(text),
            field,
            opens: place == 0,
            place: Some(place),
        };
        self.order = texts.into_iter().enumerate().map(step).collect();
        end.clone_into(&mut self.end);
        self.known.add(&self.order);
    }
}

/// Steps, which are found by the name of their field.
#[derive(Debug)]
struct Known {
    steps: Vec<Step>,
    /// The indices of the steps, by the hashes of their names.
    slots: [u8; SLOTS],
}

impl Default for Known {
    fn default() -> Self {
        Self { steps: Vec::new(), slots: [NONE; SLOTS] }
    }
}

impl Known {
    /// The step whose text is next, ahead of the first value or of another.
    #[inline(always)]
    fn step(&self, text: &str, opens: bool) -> Option<&Step> {
        let mut slot = slot(text)?;
        loop {
            let step = self.steps.get(usize::from(self.slots[slot]))?;
            if step.opens == opens && step.literal.behind(text).is_some() {
                return Some(step);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Adds the steps of an order that are new; where that exceeds [`MAX_STEPS`], removes all others first.
    fn add(&mut self, order: &[Step]) {
        if self.steps.len() + order.len() > MAX_STEPS {
            *self = Self::default();
        }
        self.steps.iter_mut().for_each(|step| step.place = None);
        for step in order.iter().take(MAX_STEPS) {
            let text = step.literal.text();
            let same = |it: &&mut Step| it.opens == step.opens && it.literal.text() == text;
            if let Some(same) = self.steps.iter_mut().find(same) {
                same.place = step.place;
                continue;
            }
            if let Some(mut slot) = slot(text) {
                while self.slots[slot] != NONE {
                    slot = (slot + 1) % SLOTS;
                }
                self.slots[slot] = self.steps.len() as u8;
                self.steps.push(step.clone());
            }
        }
    }
}

/// The first place in the hash table for a text that begins with that of a step.
#[inline(always)]
fn slot(text: &str) -> Option<usize> {
    name_hash(text.as_bytes()).map(|hash| (hash >> (u64::BITS - SLOTS.ilog2())) as usize)
}

/// The texts ahead of the values of a line with their fields, and the text behind the last value.
fn texts(line: Text<'_>) -> Option<(Vec<(&str, Field)>, &str)> {
    let (mut texts, mut behind) = (Vec::new(), line);
    line.members(|name, line| {
        texts.push((behind.until(*line)?, Field::named(name)));
        line.value()?;
        behind = *line;
        Some(())
    })?;
    Some((texts, behind.rest()))
}
