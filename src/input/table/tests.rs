//! Tables in any order, with invalid rows, and with columns by name.

use super::*;
use crate::replay::random::seeded_rng;
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
    let lines = [(4, "field"), (6, "range"), (7, "field"), (8, "field"), (9, "range")];
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
