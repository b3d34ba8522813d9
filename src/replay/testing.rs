//! Shared by tests: temporary files, random cascades, and the items of a replay as a list.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use chacha20::ChaCha8Rng;
use chacha20::rand_core::Rng;

use super::*;
use crate::cascade::Point;
use crate::input::*;
use crate::random::seeded_rng;
use crate::record::Refusal;

/// A temporary folder, removed on drop.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("replay-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

pub(crate) fn below(rng: &mut ChaCha8Rng, end: u64) -> u64 {
    rng.next_u64() % end
}

/// A cascade of 1 to 9 events, some at equal times.
pub(crate) fn cascade(cid: String, rng: &mut ChaCha8Rng) -> HistoryCascade {
    let mut time = 0.0;
    let points = (0..=below(rng, 9)).map(|i| {
        time += if i == 0 { 0.0 } else { below(rng, 4000) as f64 / 16.0 * below(rng, 2) as f64 };
        Point { time, magnitude: below(rng, 1000) as f64 / 4.0 }
    });
    let points = points.collect();
    let t0 = Some(below(rng, 40_000) as f64 / 8.0 - 1000.0);
    HistoryCascade { msg: format!("text of {cid}"), cid, t0, observed: None, points }
}

pub(crate) fn cascades(seed: u64) -> Vec<HistoryCascade> {
    let rng = &mut seeded_rng(seed, 99);
    let count = below(rng, 40);
    (0..count).map(|i| cascade(format!("c{i}"), rng)).collect()
}

/// Cascades in memory; one without points is refused.
pub(crate) struct InMemory(pub(crate) Vec<HistoryCascade>);

/// Cascades with the names of their sources.
pub(crate) struct WithSources(pub(crate) InMemory, pub(crate) Vec<String>);

impl Cascades for WithSources {
    fn count(&self) -> u64 {
        self.0.count()
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        self.0.take(index, cascade)
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        self.0.root_time(index)
    }

    fn source(&self, index: u64) -> Option<&str> {
        Some(&self.1[index as usize])
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        self.0.refused(index, refusal)
    }
}

impl Cascades for InMemory {
    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        *cascade = self.0[index as usize].clone();
        if cascade.points.is_empty() {
            return Err(self.refused(index, Refusal::new("field", "empty")));
        }
        Ok(())
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        self.0[index as usize].t0
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        Refused::at("memory", index + 1, refusal)
    }
}

/// An owned item of a replay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Emitted {
    Event(Event<'static>, f64),
    Watermark(Watermark),
    Refused(Refused),
}

/// The first `limit` items of a replay.
pub(crate) fn replay(
    cascades: Vec<HistoryCascade>,
    options: ReplayOptions,
    limit: usize,
) -> (Vec<Emitted>, Summary) {
    replay_of(Box::new(InMemory(cascades)), options, limit)
}

/// The same for any cascades.
pub(crate) fn replay_of(
    cascades: Box<dyn Cascades + Send>,
    options: ReplayOptions,
    limit: usize,
) -> (Vec<Emitted>, Summary) {
    let mut all = Vec::new();
    let mut replay = Replay::new(cascades, options).unwrap();
    while all.len() < limit
        && let Some(fed) = replay.next()
    {
        all.push(match fed {
            ReplayItem::Event { event, due, .. } => Emitted::Event(event.into_owned(), due),
            ReplayItem::Watermark(watermark) => Emitted::Watermark(watermark),
            ReplayItem::Refused(refused) => Emitted::Refused(refused),
        });
    }
    (all, replay.summary())
}

/// All cascades of `from`, or their refusals.
pub(crate) fn taken(mut from: impl Cascades) -> Vec<Result<HistoryCascade, Refused>> {
    let count = from.count();
    let one = |index| {
        let mut cascade = HistoryCascade { cid: "old".into(), ..HistoryCascade::default() };
        from.take(index, &mut cascade).map(|()| cascade)
    };
    (0..count).map(one).collect()
}

/// Lines and reasons of refusals.
pub(crate) fn lines_and_reasons(refused: &[Refused]) -> Vec<(Option<u64>, &str)> {
    refused.iter().map(|it| (it.line, it.reason)).collect()
}

pub(crate) fn path(path: &Path) -> String {
    path.display().to_string()
}
