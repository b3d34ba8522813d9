//! Tables in Parquet files: those of the CSV table, or a refusal with the remedy.

use std::fs;

use super::ROOT;
use crate::pipes::{folder, run, text};

#[cfg(feature = "parquet")]
#[test]
fn parquet_gives_the_bytes_of_the_csv_table() {
    let sample = |name: &str| format!("{ROOT}/testdata/parquet/{name}");
    let read = |args: &[&str], file: &str| {
        let output = run(&[args, &[file]].concat(), b"");
        assert!(output.status.success(), "{args:?} {file}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    for args in [
        &["generate"][..],
        &["generate", "--data"],
        &["generate", "--history"],
        &["generate", "--format", "csv"],
        &["fit", "--windows", "5m"],
        &["run", "--windows", "5m", "--min-size", "3", "--csv"],
    ] {
        let expected = read(args, &sample("cascades.csv"));
        assert!(expected.lines().count() >= 4, "{args:?}: {expected}");
        for name in ["pandas", "members", "old", "duckdb"] {
            assert_eq!(
                read(args, &sample(&format!("{name}.parquet"))),
                expected,
                "{name} {args:?}"
            );
        }
    }
    let models = |name: &str, file: &str| {
        let models = folder(name);
        let options = ["--windows", "5m", "--min-size", "2"];
        let train = ["train", "--data", file, "--models", models.to_str().unwrap()];
        let output = run(&[&train[..], &options].concat(), b"");
        assert!(output.status.success(), "{}", text(&output.stderr));
        fs::read(models.join("300-4.json")).expect("a model of five cascades")
    };
    let expected = models("trained-on-csv", &sample("cascades.csv"));
    assert_eq!(models("trained-on-parquet", &sample("pandas.parquet")), expected);

    let bytes = fs::read(sample("pandas.parquet")).unwrap();
    let output = run(&["generate", "--data", "-"], &bytes);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("give its path"), "{}", text(&output.stderr));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_is_refused_with_the_remedy_where_it_is_not_built_in() {
    let file = format!("{ROOT}/testdata/parquet/pandas.parquet");
    let models = folder("no-parquet");
    let train = ["train", "--windows", "5m", "--models", models.to_str().unwrap(), "--data", &file];
    for args in [
        &["generate", &file][..],
        &["generate", "--data", &file],
        &["run", "--windows", "5m", &file],
        &["fit", "--windows", "5m", &file],
        &train,
    ] {
        let output = run(args, b"");
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert_eq!(errors.lines().filter(|line| line.contains("--features parquet")).count(), 1);
        let csv = file.replace(".parquet", ".csv");
        assert!(
            errors.contains(&format!("duckdb -c \"COPY (FROM '{file}') TO '{csv}'\"")),
            "{errors}"
        );
    }
}

#[test]
fn parquet_is_recognised_by_its_first_bytes_and_missed_where_the_name_promises_it() {
    let refusal = |args: &[&str]| {
        let output = run(args, b"");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        text(&output.stderr)
    };
    let file = format!("{ROOT}/testdata/parquet/pandas.parquet");
    let errors = refusal(&["generate", "--format", "x_v2", &file]);
    assert!(
        errors.contains("pandas.parquet:1: a Parquet file is a table: --format csv"),
        "{errors}"
    );
    let text_file = folder("not-parquet").join("x.parquet");
    fs::write(&text_file, "hello\n").unwrap();
    for option in ["--data", "--history"] {
        let errors = refusal(&["generate", option, text_file.to_str().unwrap()]);
        assert!(errors.contains("does not begin with PAR1"), "{errors}");
    }
}
