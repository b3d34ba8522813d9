//! CSV tables after faults that users report (testdata/cases).

use std::fs;
use std::process::Output;

use super::cases::{case, of_type, status};
use super::{folder, run, text};

fn generate(args: &[&str]) -> Output {
    run(&[&["generate", "--timeline", "dealt", "--data"], args].concat(), b"")
}

/// Number of tweets and retweets.
fn events(output: &Output) -> usize {
    of_type(output, "tweet").len() + of_type(output, "retweet").len()
}

/// The reports without the one line that names the columns.
fn reports(output: &Output) -> String {
    let report = text(&output.stderr);
    let is_mapping = |line: &&str| line.contains(": columns divided by commas: cid=cid, t=t");
    assert_eq!(report.lines().filter(is_mapping).count(), 1, "{report}");
    report.lines().filter(|line| !is_mapping(line)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_unclosed_quote_is_refused_at_its_line_and_the_rest_is_read() {
    let file = case("csv_unclosed_quote.csv");
    let table = fs::read_to_string(&file).unwrap();
    let (place, row) = table.lines().enumerate().find(|(_, row)| row.contains('"')).unwrap();
    let others = table.lines().skip(1).filter(|it| *it != row).count();
    let output = generate(&[&file]);
    let report = reports(&output);
    assert_eq!(status(&output), Some(1), "{report}");
    assert!(report.contains(&format!("{file}:{}: a quote opens", place + 1)), "{report}");
    assert_eq!(report.lines().count(), 1, "{report}");
    assert_eq!(events(&output), others);
    assert!(others > 400);
}

#[test]
fn the_columns_of_data_with_an_index_have_names() {
    let index = case("evently_ascending_index.csv");
    let named = generate(&[&case("evently_ascending_data.csv"), "--index", &index]);
    let report = text(&named.stderr);
    assert_eq!((status(&named), report.lines().count()), (Some(0), 1), "{report}");
    assert!(report.contains("columns divided by commas: t=time, m=magnitude"), "{report}");
    let folder = folder("named");
    let rows = fs::read_to_string(case("evently_ascending_data.csv")).unwrap();
    let swapped: String = rows
        .lines()
        .map(|row| row.split_once(',').map(|(m, t)| format!("{t},{m}\n")).unwrap())
        .collect();
    for (header, swap) in [
        ("time,magnitude", true),
        ("x,y", true),
        ("\"t\",\"m\"", true),
        ("x,M", true),
        ("m,when", false),
        ("x,Time", false),
    ] {
        let body = if swap { &swapped } else { &rows };
        let data = folder.join("data.csv");
        fs::write(&data, format!("{header}\n{}", body.split_once('\n').unwrap().1)).unwrap();
        let other = generate(&[data.to_str().unwrap(), "--index", &index]);
        assert_eq!(other.stdout, named.stdout, "{header}");
    }
    let times =
        of_type(&named, "retweet").iter().map(|it| it["t"].as_f64().unwrap()).fold(0.0, f64::max);
    let first = of_type(&named, "tweet")[0]["t"].as_f64().unwrap();
    let last_row = rows.lines().last().unwrap().split_once(',').unwrap().1.parse::<f64>().unwrap();
    assert_eq!(times - first, last_row);
    let data = folder.join("third.csv");
    fs::write(&data, "user,t,m\n1,0,1\n").unwrap();
    let refused = generate(&[data.to_str().unwrap(), "--index", &index]);
    assert!(text(&refused.stderr).contains("the third column is \"m\""));
}

#[test]
fn the_range_of_times_is_checked_in_seconds() {
    let file = case("csv_ms.csv");
    let refused = generate(&[&file, "--seconds-per-unit", "1"]);
    assert_eq!((status(&refused), events(&refused)), (Some(1), 0));
    let output = generate(&[&file, "--seconds-per-unit", "0.001"]);
    assert_eq!((status(&output), reports(&output).as_str()), (Some(0), ""));
    let guessed = generate(&[&file]);
    assert_eq!((status(&guessed), &guessed.stdout), (Some(0), &output.stdout));
    assert!(reports(&guessed).contains("times are read as milliseconds since 1970"));
    assert_eq!(events(&output), fs::read_to_string(&file).unwrap().lines().count() - 1);
    let real = run(
        &["generate", "--data", &file, "--seconds-per-unit", "0.001", "--timeline", "real"],
        b"",
    );
    assert_eq!(of_type(&real, "tweet")[0]["t"].as_u64(), Some(1_539_202_764));
    let too_long = generate(&[&file, "--seconds-per-unit", "1e9"]);
    assert_eq!((status(&too_long), events(&too_long)), (Some(1), 0));
    let folder = folder("units");
    let (data, index) = (folder.join("data.csv"), folder.join("index.csv"));
    fs::write(&data, "time,magnitude\n1539202764123,5\n1539202766123,2\n").unwrap();
    fs::write(&index, "start_ind,end_ind\n1,2\n").unwrap();
    let args = [data.to_str().unwrap(), "--index", index.to_str().unwrap()];
    assert_eq!(status(&generate(&args)), Some(1));
    let pair = generate(&[&args[..], &["--seconds-per-unit", "0.001"]].concat());
    assert_eq!((status(&pair), events(&pair)), (Some(0), 2));
}

#[test]
fn ids_that_a_spreadsheet_rounded_are_reported_with_the_column() {
    let output = generate(&[&case("csv_sci_id.csv")]);
    let report = text(&output.stderr);
    assert_eq!(status(&output), Some(0));
    assert!(
        report.contains("column \"cid\": ") && report.contains("1.23465E+18\" in line 2"),
        "{report}"
    );
    assert_eq!(report.matches("scientific notation").count(), 1);
    let folder = folder("ids");
    let table = folder.join("ids.csv");
    fs::write(&table, "cid,t\n1e5a,0\ne5,0\n1e5,0\nabe+5,0\n1.5,0\n7,0\n").unwrap();
    assert_eq!(reports(&generate(&[table.to_str().unwrap()])), "");
}

#[test]
fn zeros_after_gzip_are_ignored() {
    let output = generate(&[&case("csv_gz_garbage.csv.gz")]);
    assert_eq!((status(&output), reports(&output).as_str()), (Some(0), ""));
    assert_eq!(events(&output), 510);
}

#[test]
fn invalid_rows_have_the_line_of_the_file() {
    let folder = folder("line_numbers");
    let output = generate(&[&case("crlf.csv")]);
    let report = reports(&output);
    assert!(report.contains("crlf.csv:3: ") && report.contains("crlf.csv:5: "), "{report}");
    assert!(report.contains("2 valid rows were dropped with 1 cascades"), "{report}");
    assert_eq!(report.lines().count(), 3, "{report}");
    let table = folder.join("blank.csv");
    for end in ["\n", "\r\n"] {
        fs::write(
            &table,
            ["cid,t,msg", "", "a,0,\"x", "", "y\"", "b,x,z", "", "", "c,y,"].join(end),
        )
        .unwrap();
        let report = text(&generate(&[table.to_str().unwrap()]).stderr);
        assert!(report.contains("blank.csv:6: ") && report.contains("blank.csv:9: "), "{report}");
    }
}
