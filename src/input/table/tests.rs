//! Tables in any order, with invalid rows, and with columns by name.

use super::*;
use crate::random::seeded_rng;
use crate::replay::testing::{Folder, below, cascades, gzip, lines_and_reasons, taken};

/// The rows of the table, to be shuffled.
fn rows(cascades: &[HistoryCascade], shift: f64, end: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for cascade in cascades {
        for (i, Point { time, magnitude }) in cascade.points.iter().enumerate() {
            let msg = if i == 0 { format!("\"{}\"", cascade.msg) } else { "RT".to_owned() };
            let t = time + shift;
            rows.push(format!("{magnitude},\"{}\",x,{t},{msg}{end}", cascade.cid));
        }
    }
    rows
}

#[test]
fn rows_in_any_order_give_the_same_cascades() {
    let folder = Folder::new();
    for seed in 0..200 {
        let rng = &mut seeded_rng(seed, 1);
        let mut cascades = cascades(seed);
        for cascade in &mut cascades {
            // Equal times keep the order of the file, which is shuffled here, so times must differ.
            cascade.points.dedup_by(|a, b| a.time == b.time);
            cascade.msg = format!("{},\n{}", cascade.msg, "\"\"quoted\"\"");
        }
        let (end, shift) = (["\n", "\r\n"][below(rng, 2) as usize], below(rng, 2) as f64 * 1e6);
        let mut rows = rows(&cascades, shift, end);
        for i in (1..rows.len()).rev() {
            rows.swap(i, below(rng, i as u64 + 1) as usize);
        }
        let text = format!("\u{feff}m,cid, other ,t,msg{end}{}", rows.concat());
        let text = if seed % 2 == 0 { text.trim_end().to_owned() } else { text };
        let bytes = if seed % 3 == 0 { gzip(text.as_bytes()) } else { text.into_bytes() };
        let table = Table::open(&folder.file("table", bytes), TableOptions::default(), &mut |it| {
            panic!("{it}")
        })
        .unwrap();
        assert!((0..table.count()).all(|i| table.root_time(i) == Some(shift)));
        let mut read: Vec<_> = taken(table).into_iter().map(Result::unwrap).collect();
        for cascade in &mut cascades {
            cascade.t0 = None;
            cascade.msg = cascade.msg.replace("\"\"", "\"");
        }
        let number = |it: &HistoryCascade| it.cid[1..].parse::<u32>().unwrap();
        read.sort_by_key(number);
        assert_eq!(read, cascades, "seed {seed}");
    }
}

#[test]
fn an_invalid_row_refuses_its_cascade_and_no_other() {
    let folder = Folder::new();
    let text = "cid,time\na,0\nb,0\na,x\nb,5\nc,-1\nd,1,2\ne\nf,1e13\ng,7\n";
    let file = folder.file("table", text);
    let mut refused = Vec::new();
    let table = Table::open(&file, TableOptions::default(), &mut |it| refused.push(it)).unwrap();
    let lines = [(4, "field"), (6, "range"), (7, "field"), (8, "field"), (9, "field")];
    assert_eq!(lines_and_reasons(&refused), lines.map(|(line, reason)| (Some(line), reason)));
    let read: Vec<_> = taken(table).into_iter().map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|it| it.cid.as_str()).collect::<Vec<_>>(), ["b", "g"]);
    assert_eq!(read[0].points[1], Point { time: 5.0, magnitude: 1.0 });
}

#[test]
fn columns_are_found_by_name_and_missing_ones_are_named() {
    let folder = Folder::new();
    let open = |text: &str| {
        let table = Table::open(&folder.file("table", text), TableOptions::default(), &mut |it| {
            panic!("{it}")
        });
        table.map_err(|refused| refused.detail).map(|table| taken(table).remove(0).unwrap())
    };
    let point = |text: &str| open(text).unwrap().points[0];
    assert_eq!(point("magnitude,time,cid\n5,0,a\n"), Point { time: 0.0, magnitude: 5.0 });
    assert_eq!(point("m,t,cid\n,0,a\n"), Point { time: 0.0, magnitude: 1.0 });
    for (text, column) in [("t,m\n1,1\n", "cid"), ("cid,m\n1,1\n", "t"), ("", "cid")] {
        let error = open(text).unwrap_err();
        let remedy = format!("give it with --columns {column}=NAME");
        assert!(error.starts_with(&format!("no column for {column} (")), "{error}");
        assert!(error.contains(&remedy), "{error}");
    }
}

/// The cascades of a table, and what was noted of it.
fn noted(text: &str) -> (Vec<HistoryCascade>, Vec<String>) {
    let folder = Folder::new();
    let (input, _) = lines::open(&folder.file("table", text)).unwrap();
    let (mut table, mut notes) = (Table::new(TableOptions::default()), Vec::new());
    let refuse = &mut |it: Refused| panic!("{it}");
    table.add(input, "table", refuse, &mut |it| notes.push(it)).unwrap();
    table.close(&mut |it| notes.push(it));
    (taken(table).into_iter().map(Result::unwrap).collect(), notes)
}

#[test]
fn a_rounded_id_is_that_of_the_only_post_that_is_rounded_to_it() {
    let root = 1_050_118_621_198_921_728_u64;
    let rounded = format!("{:e}", root as f64).replace('e', "e+");
    let rows = format!("9,{rounded},60\n{root},,0\n8,{rounded},90\n{},,5\n", root + 700);
    let (cascades, notes) = noted(&format!("id,retweeted_id,t\n{rows}"));
    let sizes: Vec<_> = cascades.iter().map(|it| (&*it.cid, it.points.len())).collect();
    assert_eq!(sizes, [(&*root.to_string(), 3), (&*(root + 700).to_string(), 1)]);
    assert!(
        notes.iter().any(|it| it.starts_with("2 rows with a rounded id were joined")),
        "{notes:?}"
    );
    // Two posts are rounded to it, or none.
    for rows in
        [format!("{root},,0\n{},,0\n8,{rounded},90\n", root + 1), format!("8,{rounded},90\n")]
    {
        let (cascades, notes) = noted(&format!("id,retweeted_id,t\n{rows}"));
        assert!(cascades.iter().any(|it| it.cid == rounded && it.points.len() == 1), "{rows}");
        assert!(notes.iter().all(|it| !it.contains("joined with")), "{notes:?}");
    }
}

#[test]
fn a_declared_delimiter_keeps_the_numbers_of_the_lines() {
    let folder = Folder::new();
    for (declared, text) in
        [(";", "cid;t;m\na;0;1\na;x;1\n"), ("\t", "cid\tt\tm\na\t0\t1\na\tx\t1\n")]
    {
        let file = folder.file("table", format!("\u{feff}sep={declared}\r\n{text}"));
        let mut refused = Vec::new();
        Table::open(&file, TableOptions::default(), &mut |it| refused.push(it)).unwrap();
        assert_eq!(lines_and_reasons(&refused), [(Some(4), "field")], "{declared:?}");
    }
}

#[test]
fn a_table_without_readable_times_is_refused_once() {
    let folder = Folder::new();
    let rows: String = (0..50).map(|i| format!("{i},10/10/2018 20:19\n")).collect();
    let file = folder.file("table", format!("cid,t\n{rows}"));
    let refused = Table::open(&file, TableOptions::default(), &mut |_| ()).err().unwrap();
    assert!(refused.line.is_none() && refused.detail.contains("2018-10-10 20:19:24"), "{refused}");
    // One readable time shows that the others are errors of rows.
    let file = folder.file("table", format!("cid,t\na,2018-10-10 20:19:24\n{rows}"));
    let mut count = 0;
    let table = Table::open(&file, TableOptions::default(), &mut |_| count += 1).unwrap();
    assert_eq!((count, table.count()), (50, 1));
}

#[test]
fn what_is_assumed_of_marks_and_times_is_noted() {
    let (_, notes) = noted("cid,t\na,2018-10-10 20:19:24\n");
    assert!(notes[0].contains("no column of followers: each mark is 1"), "{notes:?}");
    assert!(notes[1].contains("read as UTC"), "{notes:?}");
    let (_, notes) = noted("cid,t,m\na,2018-10-10T20:19:24Z,5\n");
    assert_eq!(notes, ["table: columns divided by commas: cid=cid, t=t, m=m"]);
}

#[test]
fn whole_minutes_and_rows_without_a_cascade_are_noted() {
    let row = |i: u32, second: &str| format!("a,2018-10-10 20:{:02}{second}\n", i % 60);
    let minutes: String = (0..30).map(|i| row(i, "")).collect();
    let noted_minutes = |text: &str| noted(text).1.iter().any(|it| it.contains("whole minutes"));
    assert!(noted_minutes(&format!("cid,t\n{minutes}")));
    assert!(!noted_minutes(&format!("cid,t\n{minutes}{}", row(30, ":07"))));
    let folder = Folder::new();
    let (input, _) = lines::open(&folder.file("table", "retweet_of,t\n,5\na,6\na,7\n")).unwrap();
    let (mut table, mut notes) = (Table::new(TableOptions::default()), Vec::new());
    table.add(input, "table", &mut |_| (), &mut |_| ()).unwrap();
    table.close(&mut |it| notes.push(it));
    assert!(notes[0].starts_with("1 rows have no cascade and were refused"), "{notes:?}");
}

#[test]
fn rounded_ids_of_events_are_reported_and_their_rows_are_kept() {
    // A decimal comma; the second row of the rounded root is a retweet.
    let rows = "1,05012E+18;;90;8\n1,05012E+18;1,05012E+18;30;5\n1,05012E+18;1,05012E+18;30;5\n";
    let (cascades, notes) = noted(&format!("id;retweeted_id;t;m\n{rows}"));
    let marks: Vec<f64> = cascades[0].points.iter().map(|it| it.magnitude).collect();
    assert_eq!((cascades.len(), marks), (1, vec![5.0, 5.0, 8.0]));
    let reported = |column: &str| {
        let start = format!("table: column {column:?}: 3 rows have an id in scientific notation");
        notes.iter().filter(|it| it.starts_with(&start)).count()
    };
    assert_eq!((reported("id"), reported("retweeted_id")), (1, 0), "{notes:?}");
    let (cascades, notes) = noted("id,retweeted_id,t\n1.5E+18,7,1\n1.5E+18,7,2\n9,7,3\n9,7,3\n");
    assert_eq!(cascades[0].points.len(), 3, "{notes:?}");
    assert!(notes.iter().any(|it| it.contains("column \"id\": 2 rows")), "{notes:?}");
    assert!(notes.iter().any(|it| it.starts_with("1 rows have the id of an earlier")), "{notes:?}");
}

#[test]
fn originals_that_are_retweets_are_counted() {
    let rows = "1,,0\n2,1,5\n3,2,9\n4,3,12\n5,77,13\n";
    let (cascades, notes) = noted(&format!("id,retweet_of,t\n{rows}"));
    assert_eq!(cascades.len(), 4);
    assert!(notes.iter().any(|it| it.starts_with("2 originals are themselves retweets")));
    assert!(notes.iter().any(|it| it.starts_with("1 of 4 cascades have no row of their root")));
    // A retweet of two originals is one row of each.
    let (cascades, notes) = noted("id,retweet_of,t\n1,,0\n2,,1\n3,1,2\n3,2,2\n3,2,2\n3,1,2\n");
    assert!(cascades.iter().all(|it| it.points.len() == 2), "{cascades:?}");
    assert!(notes.iter().any(|it| it.starts_with("2 rows have the id of")), "{notes:?}");
}

#[test]
fn a_header_with_line_ends_of_cr_alone_is_refused() {
    let folder = Folder::new();
    let open = |text: &str| {
        let file = folder.file("table", text);
        Table::open(&file, TableOptions::default(), &mut |it| panic!("{it}"))
            .map(|table| table.count())
            .map_err(|it| it.detail)
    };
    assert!(open("cid,t\ra,0\rb,5\r").unwrap_err().contains("tr '\\r' '\\n'"));
    for text in ["cid,t\r\na,0\r\n", "cid,t,\"a\rb\"\na,0,1\n"] {
        assert_eq!(open(text), Ok(1), "{text:?}");
    }
}

#[test]
fn rows_inside_a_text_are_counted() {
    let swallowed = |text: &str| {
        let (_, notes) = noted(text);
        notes.into_iter().find(|it| it.contains("look like rows")).unwrap_or_default()
    };
    let rows = "a,10,\"@bob hello\nb,11,x\nb,2018-10-10 20:19:24,y\nc,12,bye\"\n";
    assert_eq!(
        swallowed(&format!("cid,t,msg\n{rows}")),
        "3 line breaks inside texts look like rows, which are not read; check the quotes (first at table:2)"
    );
    assert!(swallowed("cid,t,msg,m\na,1,\"b\nc,2,d\",3\n").starts_with("1 line breaks"));
    assert_eq!(swallowed("cid,t,msg\na,10,\"one\ntwo, three, four\nfive\"\n"), "");
}

#[test]
fn a_date_of_14_digits_is_refused_unless_its_unit_is_given() {
    let folder = Folder::new();
    let file = folder.file("table", "cid,t\na,20181010201924\n");
    for seconds_per_unit in [None, Some(1e-3)] {
        let options = TableOptions { seconds_per_unit, ..TableOptions::default() };
        let mut refused = Vec::new();
        let table = Table::open(&file, options, &mut |it| refused.push(it.detail)).unwrap();
        assert_eq!(table.count() == 1, seconds_per_unit.is_some());
        assert_eq!(refused.len(), usize::from(seconds_per_unit.is_none()));
        assert!(refused.iter().all(|it| it.contains("write it as 2018-10-10 20:19:24")));
    }
}
