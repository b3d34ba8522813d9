//! The targets: each takes any bytes, and panics where a law does not hold.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use serde::de::IgnoredAny;
use tweetoscope::event::{Event, EventTime};
use tweetoscope::input::import::{Cascader, MissingRoot, PostFormat};
use tweetoscope::input::{Cascades, HistoryLines, Table, TableOptions};
use tweetoscope::learn::Model;
use tweetoscope::record::{
    HistoryCascade, Item, Kind, Reader, Record, Watermark, read, write_event,
};
use tweetoscope::stage::collect::{AtEnd, Collect, CollectOptions, Limits};
use tweetoscope::stage::{Ending, Out, Outgoing, RecordRef, Stage};

/// A target.
pub(crate) type Target = fn(&[u8]);

/// All targets with their names, which are those of the folders of their corpora.
pub(crate) const TARGETS: [(&str, Target); 6] = [
    ("records", records),
    ("models", models),
    ("tables", tables),
    ("histories", histories),
    ("posts", posts),
    ("collector", collector),
];

/// A record as it is written.
fn written(item: &Item<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match item {
        Item::Event(event) => write_event(event, &mut bytes),
        Item::Record(record) => record.write(&mut bytes),
        Item::Foreign(_) => return None,
    }
    Some(bytes)
}

/// Lines of records: a reader that has learned a layout reads each line as one that has not; a line that is
/// read is JSON; what is written reads back, and is written alike.
pub(crate) fn records(data: &[u8]) {
    let mut reader = Reader::new(&Kind::ALL);
    for line in data.split(|byte| *byte == b'\n') {
        let fresh = read(line, None, &Kind::ALL);
        let mut item = Item::default();
        let learned = reader.bytes(line, None, &mut item).map(|()| item);
        assert_eq!(learned, fresh, "{}", String::from_utf8_lossy(line));
        let Ok(item) = fresh else { continue };
        let is_json = serde_json::from_slice::<IgnoredAny>(line).is_ok();
        // Half a surrogate pair in a text is replaced, which serde_json refuses.
        let has_surrogate = memchr::memmem::find(&line.to_ascii_lowercase(), b"\\ud").is_some();
        assert!(is_json || has_surrogate, "{}", String::from_utf8_lossy(line));
        let Some(bytes) = written(&item) else { continue };
        let again = read(&bytes, None, &Kind::ALL);
        let again =
            again.unwrap_or_else(|why| panic!("{}: {why}", String::from_utf8_lossy(&bytes)));
        assert_eq!(written(&again), Some(bytes));
    }
}

/// A model: what is read is written alike.
pub(crate) fn models(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(model) = Model::from_line(text.trim_end()) {
        let line = model.to_line();
        assert_eq!(Model::from_line(&line).expect("it was written").to_line(), line);
    }
}

/// A file with these bytes for this process and thread.
fn file(data: &[u8]) -> PathBuf {
    let name = format!("tweetoscope-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name.replace(['(', ')'], "-"));
    fs::write(&path, data).expect("the folder of temporary files can be written");
    path
}

/// A cascade: times from 0, in order, and finite marks.
fn check(cascade: &HistoryCascade) {
    let points = &cascade.points;
    assert!(points.windows(2).all(|pair| pair[0].time <= pair[1].time));
    assert!(points.iter().all(|point| point.time.is_finite() && point.magnitude >= 0.0));
}

/// A table: every cascade has its events in order, or is refused with a place.
pub(crate) fn tables(data: &[u8]) {
    let path = file(data);
    let mut refused = Vec::new();
    if let Ok(mut table) = Table::open(&path, TableOptions::default(), &mut |it| refused.push(it)) {
        for index in 0..table.count() {
            let mut cascade = HistoryCascade::default();
            match table.take(index, &mut cascade) {
                Ok(()) => check(&cascade),
                Err(refusal) => refused.push(refusal),
            }
        }
    }
    assert!(refused.iter().all(|it| !it.detail.is_empty() && !it.file.is_empty()));
    let _ = fs::remove_file(path);
}

/// History lines.
pub(crate) fn histories(data: &[u8]) {
    let Ok(lines) = HistoryLines::from_reader(Cursor::new(data.to_vec()), "history") else {
        return;
    };
    for cascade in lines.flatten() {
        check(&cascade);
    }
}

/// Posts of every format: what a converter emits are records.
pub(crate) fn posts(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let formats = [
        PostFormat::XV11,
        PostFormat::XV2,
        PostFormat::Jetstream,
        PostFormat::Mastodon,
        PostFormat::Weibo,
    ];
    let format = formats[usize::from(*first) % formats.len()];
    let missing = [MissingRoot::Embedded, MissingRoot::First, MissingRoot::Drop];
    let mut cascader = Cascader::new(format, missing[usize::from(*first / 16) % 3], true);
    let mut out = Vec::new();
    for line in String::from_utf8_lossy(rest).lines() {
        let _ = cascader.read(line, &mut out);
    }
    for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let item = read(line, None, &Kind::ALL);
        assert!(matches!(item, Ok(Item::Event(_))), "{}", String::from_utf8_lossy(line));
    }
}

/// The events that bytes stand for: six of them each.
fn events(data: &[u8]) -> Vec<Record> {
    let mut clock = [0.0; 2];
    let event = |bytes: &[u8]| {
        let source = usize::from(bytes[0] % 2);
        clock[source] += f64::from(bytes[1]) * if bytes[2] > 250 { 1000.0 } else { 4.0 };
        let t = clock[source] - f64::from(bytes[3]) * if bytes[2] > 128 { 8.0 } else { 0.0 };
        if bytes[0] > 250 {
            return Some(Record::Watermark(Watermark { source: source.to_string(), t }));
        }
        Some(Record::Event(Event {
            root: bytes[0].is_multiple_of(5),
            cid: (bytes[4] % 8).to_string().into(),
            source: source.to_string().into(),
            time: EventTime::new(t)?,
            magnitude: f64::from(bytes[3]),
            msg: "".into(),
            info: "".into(),
            id: if bytes[5] < 64 { "".into() } else { (bytes[5] % 32).to_string().into() },
        }))
    };
    data.chunks_exact(6).filter_map(event).collect()
}

/// A collector: any cut into batches gives the same output; a window has its events in order within it,
/// and its size is at least their number.
pub(crate) fn collector(data: &[u8]) {
    let options = CollectOptions {
        windows: vec![300, 600],
        terminated: 1800.0,
        min_size: 2,
        lateness: f64::from(data.first().copied().unwrap_or_default() % 3) * 200.0,
        max_age: 9000.0,
        max_jump: 40_000.0,
        at_end: AtEnd::Terminate,
        limits: Limits::default(),
    };
    let records = events(data);
    let emitted = |batch: usize| -> Vec<Record> {
        let (mut stage, mut out) = (Collect::new(options.clone()), Out::default());
        for (number, chunk) in records.chunks(batch).enumerate() {
            let at = |(i, record)| RecordRef {
                position: (number * batch + i) as u64,
                item: Item::from(Record::clone(record)),
            };
            stage.on_batch(&chunk.iter().enumerate().map(at).collect::<Vec<_>>(), &mut out);
        }
        stage.on_end(Ending::Complete, &mut out);
        let record = |item| match item {
            Outgoing::Record(record) => Some(record),
            Outgoing::Foreign(_) => None,
        };
        out.take().into_iter().filter_map(record).collect()
    };
    let whole = emitted(records.len().max(1));
    assert_eq!(emitted(1), whole);
    let mut largest = std::collections::HashMap::new();
    for record in &whole {
        match record {
            Record::Serie(it) => {
                let (first, window) = (it.tweets[0].time, it.t_obs as f64);
                assert!(it.tweets.windows(2).all(|pair| pair[0].time <= pair[1].time));
                assert!(it.tweets.iter().all(|point| point.time - first <= window));
                let key = (it.source.clone(), it.cid.clone(), it.t_obs);
                largest.insert(key, it.tweets.len() as u64);
            }
            Record::Size(it) => {
                let key = (it.source.clone(), it.cid.clone(), it.t_obs);
                let observed = largest.remove(&key).expect("a size follows its serie");
                assert!(it.n_tot >= observed, "{} of {observed}", it.n_tot);
            }
            _ => {}
        }
    }
    assert!(largest.is_empty(), "every window that was emitted gets its size");
}
