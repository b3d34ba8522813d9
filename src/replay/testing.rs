//! What the tests of this folder share: files that go away, cascades by chance, and a slow replay.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::*;
use crate::cascade::Point;
use crate::input::*;
use crate::record::Refusal;

/// A folder that is removed in the end.
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

pub(crate) fn below(rng: &mut ChaCha8Rng, most: u64) -> u64 {
    rng.next_u64() % most
}

/// A cascade of 1 to 9 events, some of them at the same time.
pub(crate) fn cascade(cid: String, rng: &mut ChaCha8Rng) -> HistoryCascade {
    let mut time = 0.0;
    let points = (0..=below(rng, 9)).map(|i| {
        time += if i == 0 { 0.0 } else { below(rng, 4000) as f64 / 16.0 * below(rng, 2) as f64 };
        Point { time, magnitude: below(rng, 1000) as f64 / 4.0 }
    });
    let points = points.collect();
    let t0 = Some(below(rng, 40_000) as f64 / 8.0 - 1000.0);
    HistoryCascade { msg: format!("text of {cid}"), cid, t0, points }
}

pub(crate) fn cascades(seed: u64) -> Vec<HistoryCascade> {
    let rng = &mut chance(seed, 99);
    let count = below(rng, 40);
    (0..count).map(|i| cascade(format!("c{i}"), rng)).collect()
}

/// Cascades as a source of them; one without points is refused.
pub(crate) struct Told(pub(crate) Vec<HistoryCascade>);

impl Cascades for Told {
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
        Refused::at("told", index + 1, refusal)
    }
}

/// What a replay gave, in its order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    Event(Event<'static>, f64),
    Watermark(Watermark),
    Refused(Refused),
}

/// All of a replay, up to `most` words.
pub(crate) fn replay(
    cascades: Vec<HistoryCascade>,
    plan: Plan,
    most: usize,
) -> (Vec<Given>, Summary) {
    let mut all = Vec::new();
    let mut replay = Replay::new(Box::new(Told(cascades)), plan).unwrap();
    while all.len() < most
        && let Some(fed) = replay.next()
    {
        all.push(match fed {
            Fed::Event { event, due } => Given::Event(owned(&event), due),
            Fed::Watermark(watermark) => Given::Watermark(watermark),
            Fed::Refused(refused) => Given::Refused(refused),
        });
    }
    (all, replay.summary())
}

fn owned(event: &Event<'_>) -> Event<'static> {
    let own = |text: &str| std::borrow::Cow::Owned(text.to_owned());
    Event {
        cid: own(&event.cid),
        source: own(&event.source),
        msg: own(&event.msg.text()).into(),
        info: own(&event.info.text()).into(),
        ..*event
    }
}

/// All cascades of a source of them, and what it refused while it was read.
pub(crate) fn taken(mut from: impl Cascades) -> Vec<Result<HistoryCascade, Refused>> {
    let count = from.count();
    let one = |index| {
        let mut cascade = HistoryCascade { cid: "old".into(), ..HistoryCascade::default() };
        from.take(index, &mut cascade).map(|()| cascade)
    };
    (0..count).map(one).collect()
}

/// The lines that were refused, with their reasons.
pub(crate) fn told(refused: &[Refused]) -> Vec<(Option<u64>, &str)> {
    refused.iter().map(|it| (it.line, it.reason)).collect()
}

pub(crate) fn path(path: &Path) -> String {
    path.display().to_string()
}
