//! Every format gives the same cascades: a root with two reposts, a single post, a repost of an older post.

use std::path::{Path, PathBuf};

use super::post::Post;
use super::*;
use crate::cascade::Point;
use crate::input::blocks::Input;
use crate::input::{CascadeOptions, HistoryCascade, Refused, open_cascades};
use crate::record::{self, Item, Kind};

mod counted;

/// 2018-10-10 20:00:00 UTC.
const START: f64 = 1_539_201_600.0;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(name)
}

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cases").join(name)
}

/// The cascades of a file, the refusals and the notes.
fn read(
    path: PathBuf,
    missing_root: Option<MissingRoot>,
) -> (Vec<HistoryCascade>, Vec<Refused>, Vec<String>) {
    let (mut refused, mut notes) = (Vec::new(), Vec::new());
    let options = CascadeOptions { missing_root, ..CascadeOptions::default() };
    let opened =
        open_cascades(&[Input::File(path)], &options, &mut |it| refused.push(it), &mut |it| {
            notes.push(it);
        });
    let mut source = opened.unwrap();
    assert!(source.dated() && source.in_seconds());
    let mut cascades = Vec::new();
    for index in 0..source.count() {
        let mut cascade = HistoryCascade::default();
        source.take(index, &mut cascade).unwrap();
        assert_eq!(cascade.t0, source.root_time(index));
        cascades.push(cascade);
    }
    cascades.sort_by(|a, b| a.t0.partial_cmp(&b.t0).unwrap());
    (cascades, refused, notes)
}

/// Whether an event is a root, its cid, t and m.
type Sent = (bool, String, f64, f64);

/// The events that a stream of this format gives, and the summary.
fn streamed(name: &str, format: PostFormat, missing: MissingRoot) -> (Vec<Sent>, Vec<String>) {
    let mut cascader = Cascader::new(format, missing, true);
    let mut out = Vec::new();
    for line in std::fs::read_to_string(sample(name)).unwrap().lines().filter(|it| !it.is_empty()) {
        cascader.read(line, &mut out).unwrap();
    }
    let mut events = Vec::new();
    for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match record::read(line, None, &Kind::ALL).unwrap() {
            Item::Event(it) => {
                events.push((it.root, it.cid.to_string(), it.time.seconds(), it.magnitude));
            }
            other => panic!("{other:?}"),
        }
    }
    (events, cascader.summary())
}

/// File, format, ids of the root, the single and the older post, and whether times have fractions, marks are
/// followers and reposts contain their originals.
type Sample = (&'static str, PostFormat, [&'static str; 3], [bool; 3]);

const SAMPLES: [Sample; 9] = [
    ("x_v11.jsonl", PostFormat::XV11, ["1000", "1003", "900"], [false, true, true]),
    ("x_v2_pages.jsonl", PostFormat::XV2, ["1000", "1003", "900"], [true, true, true]),
    ("x_v2_stream.jsonl", PostFormat::XV2, ["1000", "1003", "900"], [true, true, true]),
    ("x_v2_flat.jsonl", PostFormat::XV2, ["1000", "1003", "900"], [true, true, true]),
    (
        "jetstream.jsonl",
        PostFormat::Jetstream,
        [
            "at://did:plc:a/app.bsky.feed.post/3k1",
            "at://did:plc:d/app.bsky.feed.post/3k5",
            "at://did:plc:z/app.bsky.feed.post/3k0",
        ],
        [true, false, false],
    ),
    ("mastodon_statuses.jsonl", PostFormat::Mastodon, MASTODON, [true, true, true]),
    ("mastodon_sse.txt", PostFormat::Mastodon, MASTODON, [true, true, true]),
    ("mastodon_websocket.jsonl", PostFormat::Mastodon, MASTODON, [true, true, true]),
    ("weibo.txt", PostFormat::Weibo, ["7", "8", ""], [false, false, false]),
];

const MASTODON: [&str; 3] = [
    "https://example.social/users/a/statuses/11",
    "https://example.social/users/d/statuses/14",
    "https://example.social/users/z/statuses/9",
];

#[test]
fn a_file_of_any_format_gives_the_cascades_of_the_sample() {
    for (name, format, [root, single, old], [fractions, marks, embedded]) in SAMPLES {
        let (cascades, refused, notes) = read(sample(name), None);
        assert_eq!(refused, [], "{name}");
        let read_as = format!("{}: read as {}", sample(name).display(), format.title());
        assert_eq!(notes[0], read_as, "{name}");
        let mark = |m: f64| if marks { m } else { 1.0 };
        let late = if fractions { 95.5 } else { 95.0 };
        let points = |list: &[(f64, f64)]| -> Vec<Point> {
            list.iter().map(|&(time, m)| Point { time, magnitude: mark(m) }).collect()
        };
        let [ours, other] = &cascades[cascades.len() - 2..] else { panic!("{name}") };
        assert_eq!((&*ours.cid, ours.t0), (root, Some(START)), "{name}");
        assert_eq!(ours.points, points(&[(0.0, 1000.0), (30.0, 50.0), (late, 7.0)]), "{name}");
        let unknown = if format == PostFormat::Mastodon { 1.0 } else { 12.0 };
        assert_eq!((&*other.cid, other.t0), (single, Some(START + 120.0)), "{name}");
        assert_eq!(other.points, points(&[(0.0, unknown)]), "{name}");
        assert_eq!(cascades.len(), 2 + usize::from(embedded), "{name}");
        if embedded {
            let older = &cascades[0];
            assert_eq!((&*older.cid, older.t0), (old, Some(START - 3600.0)), "{name}");
            assert_eq!(older.points, points(&[(0.0, 300.0), (3780.0, 20.0)]), "{name}");
            let report = "1 of 3 reposts had no root; the originals that they contain are the roots of \
                          1 cascades";
            assert!(notes.iter().any(|it| it == report), "{name}: {notes:?}");
        }
        assert!(
            format == PostFormat::Weibo || ours.msg.contains("flood in the old town"),
            "{name}"
        );
    }
}

#[test]
fn everything_else_is_counted_by_kind() {
    for (name, summary) in [
        ("x_v11.jsonl", "8 lines with 2 posts and 3 reposts; skipped: 2 delete, 1 limit"),
        ("x_v2_pages.jsonl", "3 lines with 2 posts and 3 reposts; skipped: 1 meta"),
        ("x_v2_stream.jsonl", "6 lines with 2 posts and 3 reposts; skipped: 1 errors"),
        (
            "jetstream.jsonl",
            "10 lines with 2 posts and 3 reposts; skipped: 1 account, 1 app.bsky.feed.like, \
             1 app.bsky.graph.follow, 1 delete of app.bsky.feed.repost, 1 identity",
        ),
        (
            "mastodon_sse.txt",
            "16 lines with 2 posts and 3 reposts; skipped: 2 heartbeat, 1 delete, 1 status.update",
        ),
        ("mastodon_websocket.jsonl", "6 lines with 2 posts and 3 reposts; skipped: 1 delete"),
    ] {
        let (_, _, notes) = read(sample(name), None);
        assert_eq!(notes[1], summary, "{name}");
        let (.., format, _, _) = SAMPLES.into_iter().find(|it| it.0 == name).unwrap();
        assert_eq!(streamed(name, format, MissingRoot::Drop).1[0], summary, "{name}");
    }
    let (_, _, notes) = read(sample("mastodon_sse.txt"), None);
    assert_eq!(notes[2], "1 posts have no number of followers; their mark is 1");
}

#[test]
fn a_stream_gives_the_events_in_the_order_of_arrival() {
    let late = 95.5;
    for (name, format, [root, single, old], [fractions, marks, embedded]) in SAMPLES {
        if matches!(name, "x_v2_pages.jsonl" | "weibo.txt") {
            continue;
        }
        let mark = |m: f64| if marks { m } else { 1.0 };
        let late = if fractions { late } else { 95.0 };
        let event =
            |root: bool, cid: &str, t: f64, m: f64| (root, cid.to_owned(), START + t, mark(m));
        let unknown = if format == PostFormat::Mastodon { 1.0 } else { 12.0 };
        let mut expected = vec![
            event(true, root, 0.0, 1000.0),
            event(false, root, 30.0, 50.0),
            event(false, root, late, 7.0),
            event(true, single, 120.0, unknown),
        ];
        let (events, summary) = streamed(name, format, MissingRoot::Drop);
        assert_eq!(events, expected, "{name}");
        let dropped = "1 of 3 reposts had no root; 1 were dropped; --missing-root embedded takes the originals that they \
                       contain, first lets the first repost of each stand for it";
        assert_eq!(summary.last().unwrap(), dropped, "{name}");
        expected.push(event(true, old, 180.0, 20.0));
        let (events, summary) = streamed(name, format, MissingRoot::First);
        assert_eq!(events, expected, "{name}");
        let first =
            "1 of 3 reposts had no root; the first repost of each is the root of 1 cascades";
        assert_eq!(summary.last().unwrap(), first, "{name}");
        if embedded {
            expected.pop();
            expected.push(event(true, old, -3600.0, 300.0));
            expected.push(event(false, old, 180.0, 20.0));
            assert_eq!(streamed(name, format, MissingRoot::Embedded).0, expected, "{name}");
        }
    }
}

#[test]
fn the_formats_of_the_cases_are_recognised() {
    let posts = |format| Recognised::Format(Format::Posts(format));
    let first_line = |path: PathBuf| {
        std::fs::read_to_string(path).unwrap().lines().next().unwrap_or_default().to_owned()
    };
    for (name, format, ..) in SAMPLES {
        assert_eq!(recognise(&first_line(sample(name))), posts(format), "{name}");
    }
    for (name, expected) in [
        ("x_v11.jsonl", posts(PostFormat::XV11)),
        ("x_v2_flat.jsonl", posts(PostFormat::XV2)),
        ("bsky_jetstream.jsonl", posts(PostFormat::Jetstream)),
        ("weibo_deephawkes.txt", posts(PostFormat::Weibo)),
        ("hist_array.json", Recognised::Array),
        ("csv_semicolon.csv", Recognised::Format(Format::Table)),
        ("tsv.tsv", Recognised::Format(Format::Table)),
        ("csv_headers_researcher.csv", Recognised::Format(Format::Table)),
    ] {
        assert_eq!(recognise(&first_line(case(name))), expected, "{name}");
    }
    for (line, expected) in [
        (r#"{"cid":"a","tweets":[[0,1]]}"#, Recognised::Format(Format::History)),
        (
            r#"{"type":"history","cid":"a","t0":1539202764,"tweets":[[0,5]]}"#,
            Recognised::Format(Format::History),
        ),
        (
            r#"{"cid":"a","author_id":"u","user":1,"id":2,"times":[0]}"#,
            Recognised::Format(Format::History),
        ),
        (r#"{"type":null,"cid":"a","tweets":[[0,5"#, Recognised::Format(Format::History)),
        (r#"{"type":"tweet","cid":"a","t":0}"#, Recognised::Records),
        (r#"{"type":"serie","cid":"a","tweets":[]}"#, Recognised::Records),
        (
            r#"{"created_at": "Wed Oct 10 20:19:24 +0000 2018", "id": 1, "id_str": "1", "te"#,
            posts(PostFormat::XV11),
        ),
        (r#"{"data":[{"id":"1","text":"a page that is cut of"#, posts(PostFormat::XV2)),
        (r#"[{"id_str":"1","created_at":"x"}]"#, posts(PostFormat::XV11)),
        ("{", Recognised::Fragment),
        ("[", Recognised::Array),
        ("a line of text", Recognised::Unknown),
        ("", Recognised::Unknown),
    ] {
        assert_eq!(recognise(line), expected, "{line}");
    }
}

#[test]
fn the_cases_have_the_right_values() {
    let (cascades, refused, _) = read(case("x_v11.jsonl"), None);
    assert_eq!((cascades.len(), refused.len()), (1, 0));
    assert_eq!(cascades[0].t0, Some(1_539_202_764.0));
    let expected: Vec<Point> = (0..40)
        .map(|i| Point { time: 9.0 * f64::from(i), magnitude: 100.0 + f64::from(i) })
        .collect();
    assert_eq!(cascades[0].points, expected);
    let (cascades, ..) = read(case("x_v2_flat.jsonl"), None);
    assert_eq!(cascades[0].points, expected);
    let (cascades, ..) = read(case("weibo_deephawkes.txt"), None);
    assert_eq!((&*cascades[0].cid, cascades[0].t0), ("1", Some(1_464_710_400.0)));
    let times: Vec<f64> = cascades[0].points.iter().map(|point| point.time).collect();
    assert_eq!(times, [0.0, 31.0, 88.0, 140.0]);
    let (cascades, _, notes) = read(case("bsky_jetstream.jsonl"), None);
    assert_eq!(cascades, []);
    let dropped = "30 of 30 reposts had no root; 30 were dropped, because they contain no original; \
                   --missing-root first lets the first repost of each stand for it";
    assert_eq!(notes.last().unwrap(), dropped);
    let (cascades, ..) = read(case("bsky_jetstream.jsonl"), Some(MissingRoot::First));
    assert_eq!(cascades[0].points.len(), 30);
    assert_eq!(cascades[0].t0, Some(1_725_911_162.329_308));
}

#[test]
fn texts_have_their_escapes_and_whole_characters() {
    for (json, text) in [
        (r#""a \"b\" \ud83c\udf0a""#, "a \"b\" \u{1f30a}"),
        (r#""half \ud83c of a pair""#, "half \u{fffd} of a pair"),
        ("null", ""),
        ("5", ""),
    ] {
        let line = format!(r#"{{"id":"1","created_at":"2018-10-10T20:00:00Z","text":{json}}}"#);
        let mut read = Vec::new();
        let mut take = |post: Post<'_>| read.push(post.text.text().into_owned());
        Importer::new(PostFormat::XV2, true).read(&line, &mut take).unwrap();
        assert_eq!(read, [text], "{json}");
    }
}

#[test]
fn invalid_lines_are_refused_and_the_others_read() {
    let ok = r#"{"id":"1","created_at":"2018-10-10T20:00:00Z","author":{}}"#;
    let page = format!(r#"{{"data":[{ok},{{"id":"2"}},{{"id":"3","created_at":"now"}}]}}"#);
    let v11 = |field: &str| {
        format!(r#"{{"id_str":"1","created_at":"Wed Oct 10 20:00:00 +0000 2018"{field}}}"#)
    };
    let cases: [(PostFormat, &str, u64, Option<&str>); 13] = [
        (
            PostFormat::XV11,
            r#"{"id":1.0501186211989217e+18,"created_at":"x"}"#,
            0,
            Some(
                "the id 1.0501186211989217e18 in id_str is rounded: a program has stored it as a floating-point number, \
                 which has lost digits; write ids as text, such as id_str of X",
            ),
        ),
        (PostFormat::XV2, ok, 1, None),
        (
            PostFormat::XV2,
            &page,
            1,
            Some(
                "post 2 of 3: no created_at; request it with tweet.fields=created_at,author_id,referenced_tweets; \
                 1 more posts of the line were refused",
            ),
        ),
        (
            PostFormat::XV2,
            "{\"data\":",
            0,
            Some(
                "not JSON: EOF while parsing a value at byte 8: the line is cut off, or its object takes several lines; write one a line, such as with jq -c .",
            ),
        ),
        (PostFormat::XV2, "{}", 0, Some("neither data nor the id of a post")),
        (PostFormat::XV11, &v11(""), 1, None),
        (
            PostFormat::XV11,
            &v11(r#","user":{"followers_count":-2}"#),
            0,
            Some("followers_count is not from 0 to 1e12: -2"),
        ),
        (PostFormat::XV11, &v11(r#","retweeted_status":{}"#), 0, Some("no id in id_str")),
        (PostFormat::XV11, r#"{"other":1}"#, 0, Some("no id in id_str")),
        (PostFormat::Jetstream, r#"{"did":"a"}"#, 0, Some("neither kind nor commit")),
        (PostFormat::Mastodon, r#"{"id":"1"}"#, 0, Some("no time in created_at")),
        (
            PostFormat::Weibo,
            "1\t2\t1539201600\t1\t2:0 2/3:x",
            0,
            Some(
                "\"2/3:x\" is not a path of users and its seconds; the cascade of the line is left out",
            ),
        ),
        (
            PostFormat::Weibo,
            "1\t2\t3\t1",
            0,
            Some("4 fields separated by tabs instead of 5; the cascade of the line is left out"),
        ),
    ];
    for (format, line, posts, error) in cases {
        let (mut importer, mut count) = (Importer::new(format, true), 0);
        let read = importer.read(line, &mut |_| count += 1);
        assert_eq!(read.err().map(|it| it.detail).as_deref(), error, "{line}");
        assert_eq!(count, posts, "{line}");
    }
}
