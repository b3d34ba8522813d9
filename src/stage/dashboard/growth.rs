//! The times of a cascade's events in bounded memory.

/// Largest number of points of a growth curve; at this number the stride doubles.
pub(super) const POINTS: usize = 256;

/// Events that are adjacent in time, as one point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    from: f64,
    to: f64,
    events: u64,
}

/// Number of events by time. The order in which the events are added does not change the total, and
/// up to [`POINTS`] events every count is exact.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Growth {
    /// Ascending, without overlap.
    spans: Vec<Span>,
    /// Number of events that a span holds before the next one begins; 0 means 1.
    stride: u64,
}

impl Growth {
    /// The events of a serie.
    pub(super) fn of(times: impl Iterator<Item = f64>) -> Self {
        let mut growth = Self::default();
        times.for_each(|time| growth.add(time));
        growth
    }

    /// Adds an event.
    pub(super) fn add(&mut self, time: f64) {
        let stride = self.stride.max(1);
        let place = self.spans.partition_point(|span| span.from <= time);
        let one = Span { from: time, to: time, events: 1 };
        match place.checked_sub(1).map(|before| &mut self.spans[before]) {
            // Inside a span, or after a span with fewer than `stride` events.
            Some(span) if time < span.to || span.events < stride => {
                (span.to, span.events) = (span.to.max(time), span.events + 1);
            }
            _ => match self.spans.get_mut(place) {
                Some(span) if span.events < stride => {
                    (span.from, span.events) = (time, span.events + 1);
                }
                _ => self.spans.insert(place, one),
            },
        }
        while self.spans.len() > POINTS {
            self.thin();
        }
    }

    /// Doubles the stride, and joins adjacent spans that fit into it.
    fn thin(&mut self) {
        self.stride = self.stride.max(1) * 2;
        let mut joined: Vec<Span> = Vec::with_capacity(POINTS + 1);
        for span in self.spans.drain(..) {
            match joined.last_mut() {
                Some(last) if last.events + span.events <= self.stride => {
                    (last.to, last.events) = (span.to, last.events + span.events);
                }
                _ => joined.push(span),
            }
        }
        self.spans = joined;
    }

    /// Number of events from `start` on.
    pub(super) fn since(&self, start: f64) -> u64 {
        self.spans.iter().filter(|span| span.to >= start).map(|span| span.events).sum()
    }

    /// Number of events after `time`; of a span that contains it none is counted.
    pub(super) fn after(&self, time: f64) -> u64 {
        self.spans.iter().filter(|span| span.from > time).map(|span| span.events).sum()
    }

    /// (time, events from `start` until then) from `start` on, after `before` earlier events.
    pub(super) fn curve(&self, start: f64, before: u64) -> Vec<(f64, u64)> {
        let spans: Vec<_> = self.spans.iter().filter(|span| span.to >= start).collect();
        let first = spans.first().filter(|span| span.events > 1).map(|it| (it.from, before + 1));
        let mut count = before;
        let ends = spans.iter().map(|span| {
            count += span.events;
            (span.to, count)
        });
        first.into_iter().chain(ends).collect()
    }

    /// The curve of the events after `time`, after `before` earlier events.
    pub(super) fn curve_after(&self, time: f64, before: u64) -> Vec<(f64, u64)> {
        let spans = self.spans.iter().filter(|span| span.from > time).copied().collect();
        Self { spans, stride: self.stride }.curve(f64::NEG_INFINITY, before)
    }
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn the_order_of_events_does_not_change_the_counts() {
        for seed in 0..100_u64 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let count = 1 + seed * seed;
            let times: Vec<f64> = (0..count).map(|_| f64::from(rng.next_u32() % 5000)).collect();
            let mut sorted = times.clone();
            sorted.sort_by(f64::total_cmp);
            let backwards = Growth::of(sorted.iter().rev().copied());
            for growth in
                [Growth::of(times.into_iter()), Growth::of(sorted.iter().copied()), backwards]
            {
                assert!(growth.spans.len() <= POINTS);
                let curve = growth.curve(f64::NEG_INFINITY, 0);
                assert!(curve.is_sorted() && curve[0].0 == sorted[0], "seed {seed}");
                assert_eq!(curve.last(), sorted.last().map(|last| (*last, count)).as_ref());
                for time in [0.0, 1000.0, 2500.0, 4999.0] {
                    let exact = sorted.iter().filter(|it| **it > time).count() as u64;
                    assert!(growth.after(time) <= exact, "seed {seed}: after {time}");
                    if count <= POINTS as u64 {
                        assert_eq!(growth.after(time), exact, "seed {seed}: after {time}");
                    }
                }
            }
        }
    }
}
