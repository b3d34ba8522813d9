//! History lines of every form, and the refusals of others.

use super::*;
use crate::random::seeded_rng;
use crate::record::{self, History, Item, Kind, Record};
use crate::replay::testing::{below, cascade};

fn read(line: &str) -> Result<HistoryCascade, Refusal> {
    HistoryCascade::from_line(line.as_bytes())
}

/// The same line as a record that `fit` reads from stdin.
fn as_record(line: &str) -> Result<(String, String, Vec<Point>), &'static str> {
    match record::read(line.as_bytes(), None, &[Kind::Serie, Kind::History]) {
        Ok(Item::Record(record)) => match *record {
            Record::History(History { cid, msg, tweets, .. }) => Ok((cid, msg, tweets)),
            other => panic!("{line}: {other:?}"),
        },
        Ok(other) => panic!("{line}: {other:?}"),
        Err(refusal) => Err(refusal.reason),
    }
}

fn slow(line: &str) -> Result<HistoryCascade, Refusal> {
    let mut cascade = HistoryCascade::default();
    cascade.read_any(line.as_bytes())?;
    cascade.relative().map(|()| cascade)
}

#[test]
fn all_forms_of_a_line_give_the_same_cascade() {
    let points = vec![Point { time: 0.0, magnitude: 1000.0 }, Point { time: 12.5, magnitude: 3.0 }];
    let expected =
        HistoryCascade { cid: "7".into(), msg: "a \"b\", c".into(), points, ..Default::default() };
    for line in [
        r#"{"cid":"7","msg":"a \"b\", c","tweets":[[0,1000],[12.5,3]]}"#,
        r#" { "tweets" : [ [ 0.0 , 1e3 ] , [12.5,3] ] , "msg":"a \"b\", c", "cid" : 7 } "#,
        r#"{"cid":"7","msg":"a \"b\", c","times":[0,12.5],"magnitudes":[1000,3],"x":{"tweets":[[1,1]]}}"#,
        r#"{"cid":"7","x":{"tweets":[[1,1]]},"msg":"a \"b\", c","tweets":[[100,1000],[112.5,3]]}"#,
        r#"{"cid":"7","start_day":7.1,"msg":"a \"b\", c","y":"\"tweets\":[","tweets":[[0,1000],[12.5,3]],"t_end":9}"#,
    ] {
        assert_eq!(read(line), Ok(expected.clone()), "{line}");
    }
    let unmarked = read(r#"{"cid":"7","times":[0,5]}"#).unwrap();
    assert_eq!(unmarked.points[1], Point { time: 5.0, magnitude: 1.0 });
}

#[test]
fn root_time_is_an_alias_of_t0() {
    for (field, t0) in [
        ("", None),
        (r#","t0":1349768694.5"#, Some(1349768694.5)),
        (r#","root_time":-7"#, Some(-7.0)),
        (r#","root_time":1,"t0":2"#, Some(2.0)),
        (r#","t0":null"#, None),
    ] {
        let cascade = read(&format!(r#"{{"cid":"a","tweets":[[3,1]]{field}}}"#)).unwrap();
        assert_eq!((cascade.t0, cascade.points[0].time), (t0, 0.0), "{field}");
    }
}

#[test]
fn invalid_lines_are_refused_with_their_reason() {
    for (line, reason) in [
        ("{", "json"),
        ("[1]", "json"),
        (r#"{"cid":"a","tweets":[[0,1]]} x"#, "json"),
        (r#"{"cid":"a","tweets":[[0,1]"#, "json"),
        (r#"{"cid":"a","tweets":[[NaN,1]]}"#, "json"),
        (r#"{"cid":"a","tweets":[[0,1e999]]}"#, "field"),
        (r#"{"cid":"a","x":tru,"tweets":[[0,1]]}"#, "json"),
        ("{\"cid\":\"\u{1}\",\"tweets\":[[0,1]]}", "json"),
        (r#"{"cid":"a"}"#, "field"),
        (r#"{"tweets":[[0,1]]}"#, "field"),
        (r#"{"cid":"a","tweets":[]}"#, "field"),
        (r#"{"cid":"a","tweets":false}"#, "field"),
        (r#"{"cid":"a","tweets":[[0,1]],"tweets":[[0,1]]}"#, "field"),
        (r#"{"cid":"a","x":[{"tweets":[[0,1]]}],"tweets":false}"#, "field"),
        (r#"{"cid":"a","tweets":[[0]]}"#, "field"),
        (r#"{"cid":"a","tweets":[[0,1,2]]}"#, "field"),
        (r#"{"cid":"a","tweets":[[0,-1]]}"#, "field"),
        (r#"{"cid":"a","tweets":[[0,2e12]]}"#, "field"),
        (r#"{"cid":"a","times":[0,1],"magnitudes":[1]}"#, "field"),
        (r#"{"cid":"a","times":[0,2e12]}"#, "range"),
        (r#"{"cid":"a","tweets":[[0,1],[5,1],[4,1]]}"#, "range"),
        (r#"{"cid":"a","tweets":[[-5,1],[4,1]]}"#, "range"),
        (r#"{"cid":"a","tweets":[[0,1]],"t0":"soon"}"#, "range"),
        (r#"{"cid":"a","tweets":[[0,1]],"t0":1e13}"#, "range"),
    ] {
        assert_eq!(read(line).map_err(|refusal| refusal.reason), Err(reason), "{line}");
        assert_eq!(read(line), slow(line), "{line}");
    }
    let error = read(r#"{"cid":"a","tweets":[[0,1],[5,1],[4,1]]}"#).unwrap_err();
    assert_eq!(error.to_string(), "times go back: event 3 at 4 after 5; sort the events by time");
    for (lists, expected) in [
        (r#""tweets":[[0,1],[1,-3]]"#, "tweets: the magnitude -3 of event 2 is not from 0 to 1e12"),
        (
            r#""tweets":[[2e12,1]]"#,
            "tweets: the time 2000000000000 of event 1 is not within 1e12 s of 0",
        ),
        (
            r#""times":[0,1],"magnitudes":[1,-1]"#,
            "the magnitude -1 of event 2 is not from 0 to 1e12",
        ),
        (
            r#""times":[0,1],"magnitudes":[1]"#,
            "times has 2 entries and magnitudes 1; give one magnitude for each time",
        ),
    ] {
        let error = read(&format!(r#"{{"cid":"a",{lists}}}"#)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = read(r#"{"cid":"a","tweets":[[0,1],]}"#).unwrap_err();
    assert_eq!(error.to_string(), "not JSON: expected value at byte 28");
}

#[test]
fn the_fast_parser_agrees_with_serde_also_on_corrupted_lines() {
    let mut accepted = 0;
    for seed in 0..20_000 {
        let rng = &mut seeded_rng(seed, 1);
        let HistoryCascade { cid, msg, points, .. } = cascade(format!("c{seed}"), rng);
        let points = serde_json::to_string(&points).unwrap();
        let mut fields = [
            format!(r#""cid":"{cid}""#),
            format!(r#""tweets":{points}"#),
            format!(r#""msg":"{msg}""#),
            format!(r#""other":{points}"#),
        ];
        fields.rotate_left(below(rng, 4) as usize);
        let mut line = format!("{{{}}}", fields.join(", "));
        if seed % 4 > 0 {
            let at = below(rng, line.len() as u64) as usize;
            let other = b"\"\\[]{},:.0e- "[below(rng, 13) as usize];
            line.replace_range(at..=at, &char::from(other).to_string());
        }
        assert_eq!(read(&line), slow(&line), "{line}");
        accepted += u32::from(read(&line).is_ok());
    }
    assert!((7_000..15_000).contains(&accepted), "{accepted}");
}

#[test]
fn files_and_fit_accept_and_refuse_the_same_lines() {
    let lists = [
        r#""tweets":[[0,1],[5,2]]"#,
        r#""tweets":[[3,1],[5,2]]"#,
        r#""tweets":[[-3,1],[5,2]]"#,
        r#""tweets":[[0,1],[5,2],[4,1]]"#,
        r#""tweets":[]"#,
        r#""tweets":null"#,
        r#""tweets":[[0],[5]]"#,
        r#""tweets":[["0","1"]]"#,
        r#""tweets":[[0,1e999]]"#,
        r#""tweets":[[1e999,1]]"#,
        r#""tweets":[[0,-1]]"#,
        r#""tweets":[[0,1e2],[1.5e1,2]]"#,
        r#""tweets":[[0,1]],"tweets":[[0,1]]"#,
        r#""times":[0,5]"#,
        r#""times":[2,5],"magnitudes":[7,8]"#,
        r#""times":[2,5],"magnitudes":[7]"#,
        r#""times":[5,2]"#,
        r#""times":[]"#,
        r#""times":["0","5"]"#,
        r#""times":[0,1e999]"#,
        r#""times":[0,2e12]"#,
        r#""times":[0,9],"tweets":[[0,1]]"#,
    ];
    let fields = [
        "",
        r#","t0":1349768694.5"#,
        r#","t0":"12""#,
        r#","t0":"soon""#,
        r#","t0":1e13"#,
        r#","t0":1e999"#,
        r#","root_time":7"#,
        r#","msg":"a \"b\"""#,
        r#","msg":5"#,
        r#","msg":null"#,
        r#","start_day":7.1,"source":1e999"#,
        r#","t":1,"t":2"#,
        r#","x":{"tweets":[[1,1]]}"#,
        ",",
    ];
    for list in lists {
        for field in fields {
            for cid in [r#""cid":"a","#, r#""cid":7,"#, r#""cid":null,"#, ""] {
                let line = format!("{{{cid}{list}{field}}}");
                let cascade = read(&line).map_err(|refusal| refusal.reason);
                let cascade = cascade.map(|it| (it.cid, it.msg, it.points));
                assert_eq!(as_record(&line), cascade, "{line}");
                let typed = line.replacen('{', r#"{"type":"history","#, 1);
                assert_eq!(as_record(&typed), cascade, "{typed}");
            }
        }
    }
    let neither = r#"{"type":"history","cid":"a"}"#;
    assert_eq!(as_record(neither).err(), read(neither).err().map(|it| it.reason));
}
