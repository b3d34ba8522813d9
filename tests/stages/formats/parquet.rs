//! Tables in Parquet files: those of the CSV table, or a refusal with the remedy.

use std::fs;
#[cfg(feature = "parquet")]
use std::io::Read;

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

/// The rows of a Parquet file as CSV.
#[cfg(feature = "parquet")]
fn rows(path: &std::path::Path) -> Vec<String> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let names = reader.metadata().file_metadata().schema_descr();
    let names: Vec<&str> = names.columns().iter().map(|it| it.name()).collect();
    let text = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Long(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let row = |row: parquet::record::Row| {
        row.get_column_iter().map(|(_, field)| text(field)).collect::<Vec<_>>().join(",")
    };
    let header = [names.join(",")];
    header
        .into_iter()
        .chain(reader.get_row_iter(None).unwrap().map(|it| row(it.unwrap())))
        .collect()
}

#[cfg(feature = "parquet")]
#[test]
fn the_rows_of_csv_and_of_parquet_are_the_same() {
    let files = folder("parquet-rows");
    // A part of the cascades: this test also runs without optimisation.
    let packed = fs::File::open(format!("{ROOT}/testdata/tideh.jsonl.gz")).unwrap();
    let mut whole = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut whole).unwrap();
    let some: String = whole.lines().take(12).map(|line| format!("{line}\n")).collect();
    let history = files.join("history.jsonl").display().to_string();
    fs::write(&history, some).unwrap();
    let series = run(&["collect", "--windows", "10m"], &run(&["generate", &history], b"").stdout);
    let fitted = run(&["fit"], &series.stdout).stdout;
    for (name, args, stdin) in [
        ("fit", &["fit", "--windows", "10m,1h", &history][..], &b""[..]),
        ("kernel", &["fit", "--until", "10m", "--kernel", "exp", &history], b""),
        ("predict", &["predict"], &fitted),
        ("now", &["predict", "--now", &history], b""),
        ("run", &["run", "--windows", "10m", &history], b""),
        ("nothing", &["predict"], b""),
    ] {
        let path = files.join(format!("{name}.parquet"));
        let expected = run(&[args, &["--csv"]].concat(), stdin);
        let output = run(&[args, &["--parquet", path.to_str().unwrap()]].concat(), stdin);
        assert_eq!(output.status.code(), expected.status.code(), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{name}: {}", text(&output.stdout));
        let expected = text(&expected.stdout);
        let found = rows(&path);
        for (found, expected) in found.iter().zip(expected.lines()) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.lines().count(), "{name}");
        assert_eq!(expected.lines().count() > 2, name != "nothing", "{name}");
    }
    let [csv, parquet] = ["csv", "parquet"].map(|end| files.join(format!("folds.{end}")));
    for path in [&csv, &parquet] {
        let folds = ["run", "--windows", "10m", "--folds", "2", "--predictions"];
        run(&[&folds[..], &[path.to_str().unwrap(), &history]].concat(), b"");
    }
    assert_eq!(rows(&parquet), fs::read_to_string(csv).unwrap().lines().collect::<Vec<_>>());
    // A file that cannot be written is named, and no part of it is left.
    let missing = files.join("none/x.parquet");
    let output = run(&["predict", "--parquet", missing.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("none/x.parquet"), "{}", text(&output.stderr));
    let names = fs::read_dir(&files).unwrap().map(|it| it.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
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
    let output = run(&["predict", "--parquet", models.join("x.parquet").to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--features parquet"), "{}", text(&output.stderr));
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
