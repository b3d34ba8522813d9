//! A direct implementation of docs/commands/collect.md, without regard to speed.

use tweetoscope::cascade::Point;
use tweetoscope::record::{Record, Serie, Size};
use tweetoscope::stage::collect::CollectOptions;

/// A record of the input.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Event { source: String, cid: String, root: bool, t: f64, m: f64, id: String },
    Watermark { source: String, t: f64 },
}

impl Input {
    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Event { source, .. } | Self::Watermark { source, .. } => source,
        }
    }
}

struct Cascade {
    cid: String,
    t0: f64,
    /// In order of arrival.
    events: Vec<Point>,
    ids: Vec<String>,
    open_windows: Vec<u64>,
    emitted: Vec<u64>,
}

struct Source {
    name: String,
    clock: f64,
    open: Vec<Cascade>,
    /// Times of the refused events since the last accepted one.
    refused: Vec<f64>,
}

pub(crate) struct SlowCollector {
    options: CollectOptions,
    sources: Vec<Source>,
    emitted: Vec<Record>,
}

impl Cascade {
    fn end(&self, options: &CollectOptions) -> f64 {
        (self.last() + options.terminated).min(self.t0 + options.max_age)
    }

    fn last(&self) -> f64 {
        self.events.iter().map(|event| event.time).fold(f64::NEG_INFINITY, f64::max)
    }

    fn within(&self, window: u64) -> Vec<Point> {
        let mut events: Vec<Point> =
            self.events.iter().filter(|it| it.time - self.t0 <= window as f64).copied().collect();
        events.sort_by(|a, b| a.time.total_cmp(&b.time)); // stable
        events
    }
}

impl SlowCollector {
    pub(crate) fn new(options: &CollectOptions) -> Self {
        Self { options: options.clone(), sources: Vec::new(), emitted: Vec::new() }
    }

    pub(crate) fn run(mut self, inputs: &[Input]) -> Vec<Record> {
        for input in inputs {
            self.take(input);
        }
        for index in 0..self.sources.len() {
            self.close(index, f64::INFINITY);
        }
        self.emitted
    }

    fn take(&mut self, input: &Input) {
        let found = self.sources.iter().position(|source| source.name == input.source());
        let index = found.unwrap_or_else(|| {
            let (name, clock) = (input.source().to_owned(), f64::NEG_INFINITY);
            self.sources.push(Source { name, clock, open: Vec::new(), refused: Vec::new() });
            self.sources.len() - 1
        });
        match input {
            Input::Watermark { t, .. } => self.close(index, *t),
            Input::Event { cid, root, t, m, id, .. } => {
                let (source, max_jump) = (&mut self.sources[index], self.options.max_jump);
                if source.clock.is_finite() && t - source.clock > max_jump {
                    source.refused.push(*t);
                    let newest: Vec<f64> = source.refused.iter().rev().take(3).copied().collect();
                    let near = |pair: &[f64]| (pair[0] - pair[1]).abs() <= max_jump;
                    if newest.len() < 3 || !newest.windows(2).all(near) {
                        return;
                    }
                }
                source.refused.clear();
                let of_cid = |it: &&mut Cascade| it.cid == *cid;
                let open = self.sources[index].open.iter_mut().find(of_cid);
                if !root && open.is_some_and(|cascade| *t < cascade.t0) {
                    return;
                }
                self.close(index, *t - self.options.lateness);
                match self.sources[index].open.iter_mut().find(of_cid) {
                    Some(_) if *root => {}
                    Some(open) if !id.is_empty() && id != cid && open.ids.contains(id) => {}
                    Some(open) => {
                        open.events.push(Point { time: *t, magnitude: *m });
                        open.ids.push(id.clone());
                    }
                    None if *root => self.sources[index].open.push(Cascade {
                        cid: cid.clone(),
                        t0: *t,
                        events: vec![Point { time: *t, magnitude: *m }],
                        ids: vec![id.clone()],
                        open_windows: self.options.windows.clone(),
                        emitted: Vec::new(),
                    }),
                    None => {}
                }
            }
        }
    }

    fn close(&mut self, index: usize, time: f64) {
        let (options, source) = (&self.options, &mut self.sources[index]);
        let before = source.clock;
        let time = time.max(before);
        let stamp = |deadline: f64| if time.is_finite() { time } else { before.max(deadline) };
        for window in &options.windows {
            let mut due: Vec<&mut Cascade> = source
                .open
                .iter_mut()
                .filter(|it| it.open_windows.contains(window) && time > it.t0 + *window as f64)
                .collect();
            due.sort_by(|a, b| a.t0.total_cmp(&b.t0).then_with(|| a.cid.cmp(&b.cid)));
            for cascade in due {
                cascade.open_windows.retain(|it| it != window);
                let tweets = cascade.within(*window);
                if tweets.len() as u64 >= options.min_size {
                    cascade.emitted.push(*window);
                    self.emitted.push(Record::Serie(Serie {
                        cid: cascade.cid.clone(),
                        source: source.name.clone(),
                        t: stamp(cascade.t0 + *window as f64),
                        msg: String::new(),
                        t_obs: *window,
                        tweets,
                    }));
                }
            }
        }
        let mut over = Vec::new();
        while let Some(i) = source.open.iter().position(|it| time > it.end(options)) {
            over.push(source.open.remove(i));
        }
        over.sort_by(|a, b| {
            a.end(options).total_cmp(&b.end(options)).then_with(|| a.cid.cmp(&b.cid))
        });
        for cascade in over {
            for window in &cascade.emitted {
                self.emitted.push(Record::Size(Size {
                    cid: cascade.cid.clone(),
                    source: source.name.clone(),
                    t: stamp(cascade.end(options)),
                    t_obs: *window,
                    n_tot: cascade.events.len() as u64,
                    t_end: cascade.last(),
                }));
            }
        }
        source.clock = if time.is_finite() { time } else { before };
    }
}
