//! The inner loops of reading, collecting and writing: `cargo bench --bench reader`.
//!
//! Every value is for a thousand tweets: as `generate` writes them, with texts, or with other fields and
//! another order of fields.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails where it panics")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tweetoscope::event::Event;
use tweetoscope::record::{Item, Kind, Reader, write_event};
use tweetoscope::stage::collect::{AtEnd, Collect, CollectOptions, Limits};
use tweetoscope::stage::{Out, RecordRef, Stage};

const TWEETS: usize = 1000;
const TAKES: &[Kind] = Collect::TAKES;

fn main() {
    divan::main();
}

/// The form of a line.
#[derive(Clone, Copy, Debug)]
enum Form {
    Ours,
    Text,
    Escapes,
    AnyOrder,
    LeftOut,
    Original,
    NobodyAsked,
}

const FORMS: [Form; 7] = [
    Form::Ours,
    Form::Text,
    Form::Escapes,
    Form::AnyOrder,
    Form::LeftOut,
    Form::Original,
    Form::NobodyAsked,
];

fn line(form: Form, i: usize) -> String {
    const TEXT: &str =
        "what he said of it was of no use to any of us, and that is all there is to say";
    let (cid, t, m) = (i % 50, 31 * i, 10.0 + (i as f64).sqrt());
    match form {
        Form::Ours => format!(r#"{{"type":"retweet","cid":"{cid}","t":{t},"m":{m},"source":"0"}}"#),
        Form::Text => format!(
            r#"{{"type":"retweet","cid":"{cid}","t":{t},"m":{m},"source":"0","msg":"{TEXT}"}}"#
        ),
        Form::Escapes => format!(
            r#"{{"type":"retweet","cid":"{cid}","t":{t},"m":{m},"source":"0","msg":"\"{TEXT}\""}}"#
        ),
        Form::AnyOrder => format!(
            r#"{{"lang": "en", "m": {m}, "msg": "{TEXT}", "t": {t}, "place": {{"at": [2.5, 48.25]}}, "cid": {cid}, "type": "retweet", "source": "0"}}"#
        ),
        // Each of two fields is in some of the lines.
        Form::LeftOut => {
            let lang = if i.is_multiple_of(3) { "" } else { r#""lang": "en", "# };
            let text = if i % 7 < 2 { String::new() } else { format!(r#""msg": "{TEXT}", "#) };
            format!(
                r#"{{{lang}"m": {m}, {text}"t": {t}, "place": {{"at": [2.5, 48.25]}}, "cid": {cid}, "type": "retweet"}}"#
            )
        }
        Form::Original => format!(
            r#"{{"type" : "retweet", "msg": "{TEXT}", "time": {t}, "magnitude": {m}, "source": 0, "tweet_id": {cid}, "info": ""}}"#
        ),
        Form::NobodyAsked => format!(
            r#"{{"type":"size","cid":"{cid}","source":"0","t":{t},"T_obs":600,"n_tot":{i},"t_end":{t}}}"#
        ),
    }
}

fn lines(form: Form) -> Vec<String> {
    (0..TWEETS).map(|i| line(form, i)).collect()
}

fn events(lines: &[String]) -> Vec<Event<'_>> {
    let mut reader = Reader::new(TAKES);
    let mut event = |line| {
        let mut item = Item::default();
        match reader.text(line, None, &mut item).map(|()| item) {
            Ok(Item::Event(event)) => event,
            other => panic!("{line}: {other:?}"),
        }
    };
    lines.iter().map(|line| event(line.as_str())).collect()
}

#[divan::bench(args = FORMS)]
fn read(bencher: Bencher<'_, '_>, form: Form) {
    let lines = lines(form);
    bencher
        .counter(ItemsCount::new(TWEETS))
        .counter(BytesCount::new(lines.iter().map(String::len).sum::<usize>()))
        .bench(|| {
            let mut reader = Reader::new(TAKES);
            for line in &lines {
                let mut item = Item::default();
                reader.text(black_box(line), None, &mut item).unwrap();
                black_box(item);
            }
        });
}

#[divan::bench(args = [Form::Ours, Form::Text, Form::Escapes])]
fn write(bencher: Bencher<'_, '_>, form: Form) {
    let lines = lines(form);
    let events = events(&lines);
    let mut buffer = Vec::new();
    bencher.counter(ItemsCount::new(TWEETS)).bench_local(|| {
        buffer.clear();
        for event in &events {
            write_event(black_box(event), &mut buffer);
        }
    });
}

/// Retweets that join their cascades, by number of open cascades.
#[divan::bench(args = [50, 5_000, 500_000])]
fn join(bencher: Bencher<'_, '_>, open: usize) {
    let limits = Limits::default();
    let rules = CollectOptions {
        windows: vec![600],
        terminated: 1e9,
        min_size: 10,
        lateness: 0.0,
        max_jump: f64::INFINITY,
        max_age: 1e9,
        at_end: AtEnd::Drop,
        limits,
    };
    let mut collect = Collect::new(rules.checked().unwrap());
    let roots: Vec<String> = (0..open)
        .map(|i| format!(r#"{{"type":"tweet","cid":"{i}","t":0,"m":1,"source":"0"}}"#))
        .collect();
    let mut out = Out::default();
    collect.on_batch(&batch(events(&roots)), &mut out);
    // After the window closed, the cascade stores only the number of events.
    let step = open / 50;
    let retweets: Vec<String> = (0..TWEETS)
        .map(|i| {
            let cid = i * 37 % 50 * step;
            format!(r#"{{"type":"retweet","cid":"{cid}","t":1000,"m":1,"source":"0"}}"#)
        })
        .collect();
    let retweets = batch(events(&retweets));
    bencher
        .counter(ItemsCount::new(TWEETS))
        .bench_local(|| collect.on_batch(black_box(&retweets), &mut out));
}

fn batch(events: Vec<Event<'_>>) -> Vec<RecordRef<'_>> {
    let events = events.into_iter().zip(0..);
    events.map(|(event, position)| RecordRef { position, item: Item::Event(event) }).collect()
}
