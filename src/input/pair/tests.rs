//! Pairs of data and index: the same cascades as by reading all rows; what is refused and noted.

use super::*;
use crate::random::seeded_rng;
use crate::replay::testing::{Folder, below, gzip, lines_and_reasons, taken};

/// Data of several cascades, with rows between them that are not in the index, and the index.
fn pair(seed: u64) -> (String, String) {
    let rng = &mut seeded_rng(seed, 1);
    let end = ["\n", "\r\n"][below(rng, 2) as usize];
    let has_msg = below(rng, 2) == 0;
    let mut data = format!("time,magnitude{}{end}", if has_msg { ",msg" } else { "" });
    let mut ranges = Vec::new();
    let mut row = 1;
    for _ in 0..below(rng, 8) {
        let (first, mut time) = (row, 0.0);
        let indexed = below(rng, 4) > 0;
        for _ in 0..=below(rng, 6) {
            let texts =
                ["plain", "a, b,, c", "\"quoted, \"\"so\"\"\"", "\"not\" \"so\"", "", "\"", "é 🐦"];
            let msg = texts[below(rng, texts.len() as u64) as usize];
            let msg = if has_msg { format!(",{msg}") } else { String::new() };
            data += &format!("{time},{}{msg}{end}", below(rng, 99) as f64 / 2.0);
            time += below(rng, 100) as f64 / 4.0;
            row += 1;
        }
        if indexed {
            ranges.push((first, row - 1));
        }
    }
    if below(rng, 2) == 0 {
        data.truncate(data.trim_end_matches(['\r', '\n']).len());
    }
    if below(rng, 2) == 0 {
        ranges.reverse();
    }
    let rows: String = ranges.iter().map(|(first, last)| format!("{first},{last}{end}")).collect();
    (data, format!("start_ind,end_ind{end}{rows}"))
}

/// The cascades by reading all rows.
fn slow(data: &str, index: &str) -> Vec<HistoryCascade> {
    let rows: Vec<Vec<&str>> =
        data.lines().skip(1).map(|line| line.splitn(3, ',').collect()).collect();
    let mut all = Vec::new();
    for (i, line) in index.lines().skip(1).enumerate() {
        let (first, last) = line.split_once(',').unwrap();
        let rows = &rows[first.parse::<usize>().unwrap() - 1..last.parse::<usize>().unwrap()];
        let point = |row: &Vec<&str>| Point {
            time: row[0].parse().unwrap(),
            magnitude: row[1].parse().unwrap(),
        };
        let msg = match rows[0].get(2).copied().unwrap_or_default() {
            "\"quoted, \"\"so\"\"\"" => "quoted, \"so\"",
            text => text,
        };
        let points = rows.iter().map(point).collect();
        all.push(HistoryCascade {
            cid: (i + 1).to_string(),
            msg: msg.into(),
            points,
            ..HistoryCascade::default()
        });
    }
    all
}

#[test]
fn reading_by_index_equals_reading_all_rows() {
    let folder = Folder::new();
    for seed in 0..300 {
        let (data, index) = pair(seed);
        let files = (folder.file("data", &data), folder.file("index", &index));
        let pair =
            Pair::open(&files.0, &files.1, 1.0, &mut |it| panic!("seed {seed}: {it}")).unwrap();
        let read: Result<Vec<_>, _> = taken(pair).into_iter().collect();
        assert_eq!(read, Ok(slow(&data, &index)), "seed {seed}");
    }
}

#[test]
fn cascades_are_read_in_any_order_and_across_chunks() {
    let folder = Folder::new();
    let row = |i: u64| format!("{},{i},{}\n", i % 1000, "x".repeat(i as usize % 50));
    let data: String = (1..=50_000).map(row).collect();
    let index: String = (0..50).map(|i| format!("{},{}\n", i * 1000 + 1, i * 1000 + 999)).collect();
    let data = folder.file("data", format!("t,m,msg\n{data}"));
    let index = folder.file("index", format!("start_ind,end_ind\n{index}"));
    let mut pair = Pair::open(&data, &index, 1.0, &mut |it| panic!("{it}")).unwrap();
    let mut cascade = HistoryCascade::default();
    for i in (0..50).rev() {
        pair.take(i, &mut cascade).unwrap();
        let marks: Vec<f64> = cascade.points.iter().map(|point| point.magnitude).collect();
        let slow: Vec<f64> = (i * 1000 + 1..=i * 1000 + 999).map(|row| row as f64).collect();
        assert_eq!(marks, slow);
    }
}

#[test]
fn invalid_rows_of_the_index_are_refused_with_file_and_row() {
    let folder = Folder::new();
    let data = folder.file("data.csv", "time,magnitude\n0,1\n1,2\n2,3\n3,4\n4,5\n");
    let rows = "3,5\n1,2\n2,2\n5,4\n5,6\n0,1\n1e0,x\n4\n\n1,900\n";
    let index = folder.file(
        "index.csv",
        format!("\"\",\"start_ind\",\"end_ind\"\n{}", {
            let with_name = |(i, row): (usize, &str)| format!("\"{i}\",{row}\n");
            rows.lines()
                .filter(|row| !row.is_empty())
                .enumerate()
                .map(with_name)
                .collect::<String>()
        }),
    );
    let mut refused = Vec::new();
    let pair = Pair::open(&data, &index, 1.0, &mut |it| refused.push(it)).unwrap();
    let cids: Vec<_> = taken(pair).into_iter().map(|it| it.unwrap().cid).collect();
    assert_eq!(cids, ["1", "2"]);
    let reasons = ["range", "range", "range", "field", "field", "field", "range"];
    let lines: Vec<_> = (4..=10).map(Some).zip(reasons).collect();
    assert_eq!(lines_and_reasons(&refused), lines);
    let texts: Vec<String> = refused.iter().map(|it| it.detail.clone()).collect();
    assert_eq!(texts[0], "row 3 of the index: rows 2 to 2 overlap rows 1 to 2 of row 2");
    assert_eq!(texts[1], "row 4 of the index: the last row precedes the first: 5 to 4");
    assert_eq!(texts[2], "row 5 of the index: end_ind 6 is above the 5 rows of the data");
    assert!(refused.iter().all(|it| it.file.ends_with("index.csv")));
}

#[test]
fn an_invalid_row_of_the_data_refuses_its_cascade() {
    let folder = Folder::new();
    let rows = "0,1\n1\n0,1\nx,1\n5,1\n4,1\n0,-1\n0,1,2\n-3,1\n0,1e13\n0,nan\n7,1\n9,1\n";
    let data = folder.file("data.csv", format!("time,magnitude\n{rows}"));
    let ranges = "1,2\n3,4\n5,6\n7,7\n8,8\n9,9\n10,10\n11,11\n12,13\n";
    let index = folder.file("index.csv", format!("start_ind,end_ind\n{ranges}"));
    let pair = Pair::open(&data, &index, 1.0, &mut |it| panic!("{it}")).unwrap();
    let mut read = taken(pair);
    let valid = read.pop().unwrap().unwrap();
    assert_eq!(valid.points[1], Point { time: 2.0, magnitude: 1.0 });
    let refused: Vec<Refused> = read.into_iter().map(Result::unwrap_err).collect();
    let lines: Vec<_> = refused.iter().map(|it| it.line.unwrap()).collect();
    assert_eq!(lines, [3, 5, 6, 8, 9, 10, 11, 12]);
    assert_eq!(refused[0].detail, "row 2: no magnitude");
    assert_eq!(refused[1].detail, "row 4: the time is not a number: \"x\"");
    assert_eq!(
        refused[2].detail,
        "rows 5 to 6: times go back: event 2 at 4 after 5; sort the events by time"
    );
}

#[test]
fn data_without_magnitudes_or_header_is_refused() {
    let folder = Folder::new();
    let index = folder.file("index.csv", "start_ind,end_ind\n1,1\n");
    let refusal = |data: &[u8], index: &Path| {
        let data = folder.file("data.csv", data);
        Pair::open(&data, index, 1.0, &mut |it| panic!("{it}")).err().map(|it| it.detail)
    };
    assert_eq!(refusal(b"time,magnitude\n0,1\n", &index), None);
    assert_eq!(refusal(b"\xef\xbb\xbftime,magnitude\n0,1\n", &index), None);
    let missing = Some("no second column: magnitude is missing".to_owned());
    assert_eq!(refusal(b"time\n0\n", &index), missing);
    assert_eq!(refusal(b"", &index), missing);
    let text = refusal(b"time,msg\n0,hello\n", &index).unwrap();
    assert_eq!(text, "the second column is \"msg\": magnitude is missing");
    assert!(refusal(b"0,1\n1,1\n", &index).unwrap().contains("no header"));
    assert!(refusal(b"time,magnitude,msg,more\n", &index).unwrap().contains("more than three"));
    assert!(refusal(&gzip(b"time,magnitude\n0,1\n"), &index).unwrap().contains("gzip"));
    let headless = folder.file("headless.csv", "1,1\n");
    assert!(refusal(b"time,magnitude\n0,1\n", &headless).unwrap().contains("no header"));
    assert!(refusal(b"time,magnitude\n0,1\n", Path::new("no such file")).is_some());
}

#[test]
fn columns_are_found_by_their_names_and_unused_rows_are_noted() {
    let folder = Folder::new();
    let index = folder.file("index.csv", "start_ind,end_ind\n1,2\n4,4\n");
    let open = |text: &str| {
        let data = folder.file("data.csv", text);
        Pair::open(&data, &index, 1.0, &mut |it| panic!("{it}")).map_err(|it| it.detail)
    };
    for header in ["followers,seconds", "mark,timestamp"] {
        let pair = open(&format!("{header}\n7,0\n8,5\n9,6\n3,0\n1,1\n")).unwrap();
        let (magnitude, time) = header.split_once(',').unwrap();
        assert!(pair.notes()[0].ends_with(&format!(": t={time}, m={magnitude}")), "{header}");
        assert!(pair.notes()[1].contains(": 2 of 5 rows are in no cascade of "), "{header}");
        let first = taken(pair).remove(0).unwrap();
        assert_eq!(first.points[1], Point { time: 5.0, magnitude: 8.0 });
    }
    let all = open("time,magnitude\n0,1\n0,1\n0,1\n0,1\n").unwrap();
    assert!(all.notes()[1].contains(": 1 of 4 rows"), "{:?}", all.notes());
    let error = open("time;magnitude\n0;1\n").err().unwrap();
    assert_eq!(
        error,
        "the columns are divided by semicolons; write data with an index with commas"
    );
}

#[test]
fn row_names_are_skipped_and_tweet_time_is_the_time_of_the_root() {
    let folder = Folder::new();
    let data =
        folder.file("data.csv", "\"\",\"time\",\"magnitude\"\n\"1\",0,7\n\"2\",5,8\n\"3\",0,9\n");
    let open = |index: &str| {
        let index = folder.file("index.csv", index);
        Pair::open(&data, &index, 1.0, &mut |it| panic!("{it}")).unwrap()
    };
    let pair = open("start_ind,end_ind,tweet_time\n1,2,2018-10-10 20:19:24\n3,3,1539202764\n");
    assert!(pair.notes()[0].ends_with(": t=time, m=magnitude"), "{:?}", pair.notes());
    assert!(pair.notes()[1].ends_with(": t0=tweet_time"), "{:?}", pair.notes());
    assert!(pair.notes()[2].contains("--utc-offset"), "{:?}", pair.notes());
    let pair = pair.with_utc_offset(3600.0);
    assert!(pair.dated());
    let all: Vec<_> = taken(pair).into_iter().map(Result::unwrap).collect();
    assert_eq!([all[0].t0, all[1].t0], [Some(1_539_199_164.0), Some(1_539_202_764.0)]);
    assert_eq!(all[0].points[1], Point { time: 5.0, magnitude: 8.0 });
    let pair = open("start_ind,end_ind,tweet_time\n1,2,soon\n3,3,1539202764\n");
    assert!(pair.notes()[1].contains("1 of 2 rows have no time"), "{:?}", pair.notes());
    assert!(!pair.dated());
    assert!(!open("start_ind,end_ind\n1,2\n").dated());
}
