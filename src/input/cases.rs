//! Tables of many forms give the same cascades; tests only.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::cascade::Point;
    use crate::input::blocks::Input;
    use crate::input::import::MissingRoot;
    use crate::input::*;
    use crate::replay::testing::Folder;
    use crate::replay::{Replay, ReplayOptions, Timeline};

    fn case(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cases").join(name)
    }

    /// The cascades of a table with their root times, the refusals with their lines, and the notes.
    type Read = (Vec<(String, f64, Vec<Point>)>, Vec<Refused>, Vec<String>);

    fn read(path: PathBuf, table: TableOptions) -> Result<(Read, bool), String> {
        let (mut refused, mut notes) = (Vec::new(), Vec::new());
        let options = CascadeOptions { table, ..CascadeOptions::default() };
        let input = [Input::File(path)];
        let mut source = open_cascades(&input, &options, &mut |it| refused.push(it), &mut |it| {
            notes.push(it);
        })
        .map_err(|refused| refused.to_string())?;
        let mut cascades = Vec::new();
        for index in 0..source.count() {
            let mut cascade = HistoryCascade::default();
            let t0 = source.root_time(index).unwrap();
            source.take(index, &mut cascade).unwrap();
            cascades.push((cascade.cid, t0, cascade.points));
        }
        Ok(((cascades, refused, notes), source.dated()))
    }

    fn columns(text: &str) -> TableOptions {
        TableOptions { columns: text.parse().unwrap(), ..TableOptions::default() }
    }

    #[test]
    fn tables_of_every_form_are_the_same_cascades() {
        let ((plain, ..), dated) =
            read(case("csv_semicolon.csv"), TableOptions::default()).unwrap();
        assert!(dated);
        assert_eq!((plain.len(), &*plain[0].0, plain[0].1), (6, "900000", 1_539_202_764.0));
        assert_eq!(plain[0].2[..2].iter().map(|it| it.time).collect::<Vec<_>>(), [0.0, 2.0]);
        assert_eq!(
            plain[0].2[..2].iter().map(|it| it.magnitude).collect::<Vec<_>>(),
            [5000.0, 2000.0]
        );
        for name in [
            "tsv.tsv",
            "csv_utf16.csv",
            "csv_zst.csv.zst",
            "csv_iso8601_offset.csv",
            "csv_sqltime.csv",
            "csv_twitter_created_at.csv",
        ] {
            let ((cascades, refused, _), dated) =
                read(case(name), TableOptions::default()).unwrap();
            assert_eq!((cascades, refused, dated), (plain.clone(), vec![], true), "{name}");
        }
        let researcher = case("csv_headers_researcher.csv");
        let ((cascades, _, notes), _) = read(researcher.clone(), columns("cid=tweet_id")).unwrap();
        assert_eq!(cascades, plain);
        let note = "columns divided by commas: cid=tweet_id, t=timestamp, m=user_followers";
        assert!(notes[0].ends_with(note), "{notes:?}");
        let error = read(researcher, TableOptions::default()).unwrap_err();
        assert!(
            error.contains(
                "\"tweet_id, user_followers, timestamp\"; give it with --columns cid=NAME"
            )
        );
    }

    #[test]
    fn units_of_unix_times_are_recognised_or_given() {
        let ((cascades, refused, notes), dated) =
            read(case("csv_ms.csv"), TableOptions::default()).unwrap();
        assert_eq!((refused, dated, cascades.len()), (vec![], true, 6));
        assert!((cascades[0].1 - 1_539_202_764.123).abs() < 1e-6);
        assert!((cascades[0].2[1].time - 2.0).abs() < 1e-6);
        assert!(notes[1].contains("times are read as milliseconds since 1970"), "{notes:?}");
        let given = TableOptions { seconds_per_unit: Some(0.001), ..TableOptions::default() };
        let ((again, refused, notes), _) = read(case("csv_ms.csv"), given).unwrap();
        assert_eq!((again, refused, notes.len()), (cascades, vec![], 1));
        // In seconds, the same numbers are beyond the largest time.
        let wrong = TableOptions { seconds_per_unit: Some(1.0), ..TableOptions::default() };
        let ((none, refused, _), _) = read(case("csv_ms.csv"), wrong).unwrap();
        assert_eq!((none.len(), refused[0].line, refused[0].reason), (0, Some(2), "range"));
        let folder = Folder::new();
        let minutes = TableOptions { seconds_per_unit: Some(60.0), ..TableOptions::default() };
        let ((cascades, ..), dated) = read(folder.file("m", "cid,t\na,0\na,2\n"), minutes).unwrap();
        assert_eq!((cascades[0].2[1].time, dated), (120.0, false));
    }

    #[test]
    fn a_time_in_another_unit_than_those_before_is_refused() {
        let folder = Folder::new();
        for (text, looks) in [
            (
                "cid,t\na,1600000000\nb,1600000000000\n",
                "milliseconds since 1970, those before are seconds",
            ),
            (
                "cid,t\na,1600000000000\nb,1600000000\n",
                "seconds since 1970, those before are in a smaller",
            ),
        ] {
            let ((cascades, refused, _), _) =
                read(folder.file("t", text), TableOptions::default()).unwrap();
            assert_eq!((cascades.len(), refused.len(), refused[0].line), (1, 1, Some(3)));
            assert!(refused[0].detail.contains(looks), "{}", refused[0]);
            assert!(refused[0].detail.contains("split the file"), "{}", refused[0]);
        }
    }

    #[test]
    fn a_copy_of_a_table_without_ids_is_refused() {
        let folder = Folder::new();
        let rows = |text: &str| Input::File(folder.file(&text.len().to_string(), text));
        let open = |inputs: &[Input]| {
            let options = CascadeOptions::default();
            let opened = open_cascades(inputs, &options, &mut |it| panic!("{it}"), &mut |_| ());
            opened.map(|it| it.count()).map_err(|it| it.to_string())
        };
        let (one, other) = (rows("cid,t\na,1\nb,2\n"), rows("cid,t\nb,2\n\na,1\n"));
        let more = rows("cid,t\nb,2\na,1\na,9\n");
        let error = open(&[one.clone(), more.clone(), other.clone()]).unwrap_err();
        assert!(error.contains("its 2 rows are those of"), "{error}");
        assert!(error.ends_with("give each file once"), "{error}");
        assert_eq!(open(&[one, more]), Ok(2));
        // With ids, the rows of the copy are dropped one by one.
        let with_ids = rows("cid,id,t\na,1,1\na,2,2\n");
        assert_eq!(open(&[with_ids.clone(), with_ids]), Ok(1));
    }

    #[test]
    fn whole_minutes_and_an_offset_that_is_not_given_are_noted() {
        let folder = Folder::new();
        let notes = |row: &dyn Fn(u64) -> String, options| {
            let rows: String = (0..30).map(|i| row(i) + "\n").collect();
            let file = folder.file("t", format!("cid,t\n{rows}"));
            let ((_, _, notes), _) = read(file, options).unwrap();
            let has = |text: &str| notes.iter().any(|it| it.contains(text));
            (has("all times are whole minutes"), has("no offset from UTC"))
        };
        let minutes = |i| format!("a,{}", 1_599_999_960 + 60 * i);
        let seconds = |i| format!("a,{}", 1_599_999_960 + 7 * i);
        let texts = |i| format!("a,2018-10-10 20:{i:02}:07");
        let given = TableOptions { is_offset_given: true, ..TableOptions::default() };
        assert_eq!(notes(&minutes, TableOptions::default()), (true, false));
        assert_eq!(notes(&seconds, TableOptions::default()), (false, false));
        assert_eq!(notes(&texts, TableOptions::default()), (false, true));
        assert_eq!(notes(&texts, given), (false, false));
    }

    #[test]
    fn local_times_have_the_offset_of_the_option() {
        let options = TableOptions { utc_offset: -3600.0, ..TableOptions::default() };
        let ((cascades, ..), _) = read(case("csv_sqltime.csv"), options).unwrap();
        assert_eq!(cascades[0].1, 1_539_202_764.0 + 3600.0);
    }

    #[test]
    fn a_row_without_a_cascade_id_or_with_its_own_is_a_root() {
        let folder = Folder::new();
        let text = "id,retweet_of,t,m\n2,1,5,20\n1,,3,10\n3,1,9,30\n3,1,9,30\n4,4,7,40\n0,1,2,1\n6,5,8,50\n";
        let file = folder.file("table", text);
        let ((cascades, refused, notes), _) = read(file.clone(), TableOptions::default()).unwrap();
        let point = |time, magnitude| Point { time, magnitude };
        let one = vec![point(0.0, 10.0), point(2.0, 20.0), point(6.0, 30.0)];
        let expected = [
            ("1".to_owned(), 3.0, one),
            ("4".to_owned(), 7.0, vec![point(0.0, 40.0)]),
            ("5".to_owned(), 8.0, vec![point(0.0, 50.0)]),
        ];
        assert_eq!((&cascades[..], refused), (&expected[..], vec![]));
        assert_eq!(
            notes[1..],
            [
                "1 of 3 cascades have no row of their root; the first row of each is the root",
                "1 rows have the id of an earlier row of their cascade and were dropped",
                "1 rows precede the root of their cascade and were dropped",
            ]
        );
        let drop =
            TableOptions { missing_root: Some(MissingRoot::Drop), ..TableOptions::default() };
        let ((cascades, ..), _) = read(file, drop.clone()).unwrap();
        assert_eq!(cascades, expected[..2]);
        // A cascade that an invalid row removes has no other cause.
        let invalid = format!("{text}8,7,soon,1\n9,7,8,1\n9,7,8,1\n4,4,7,40\n");
        for options in [TableOptions::default(), drop] {
            let ((_, refused, again), _) =
                read(folder.file("invalid", &invalid), options.clone()).unwrap();
            assert_eq!(refused.iter().map(|it| it.line).collect::<Vec<_>>(), [Some(9)]);
            assert!(again[1].starts_with("1 valid rows were dropped with 1 cascades"), "{again:?}");
            let rootless = &again[2];
            assert!(rootless.starts_with("1 of 3 cascades have no row of their root"), "{again:?}");
            assert!(again[3].starts_with("2 rows have the id of an earlier row"), "{again:?}");
        }
    }

    #[test]
    fn missing_values_of_pandas_and_r_are_empty_fields() {
        let folder = Folder::new();
        let plain = "id,retweet_of,t,m\n1,,3,\n2,1,5,20\n4,,7,40\n";
        let ((expected, ..), _) =
            read(folder.file("plain", plain), TableOptions::default()).unwrap();
        assert_eq!(expected.len(), 2);
        for text in [
            "id,retweet_of,t,m\n1,,3,\n2,1.0,5,20.0\n4,,7,40.0\n",
            "id,retweet_of,t,m\n1,NA,3,NA\n2,1,5,20\n4,NA,7,40\n",
            "id,retweet_of,t,m\n1,nan,3,NaN\n2,1.0,5,20\n4,None,7,40\n",
            "id,retweet_of,t,m\n1,NULL,3,null\n2,1,5,20\n4,<NA>,7,40\n",
            "id,retweet_of,t,m\n1,\\N,3,\\N\n2,1,5,20\n4,\\N,7,40\n",
        ] {
            let ((cascades, refused, notes), _) =
                read(folder.file("table", text), TableOptions::default()).unwrap();
            assert_eq!((cascades, refused), (expected.clone(), vec![]), "{text}");
            assert_eq!(notes[1..], ["1 rows have no mark; it is 1"], "{text}");
        }
        let ((_, refused, _), _) =
            read(folder.file("table", "cid,t\nNA,1\n"), TableOptions::default()).unwrap();
        assert!(refused[0].detail.starts_with("cid is empty"), "{refused:?}");
        // Other ids keep their text.
        let other = folder.file("table", "cid,t\n1.00,1\nv.0,2\nNaNa,3\n");
        let ((cascades, ..), _) = read(other, TableOptions::default()).unwrap();
        let ids: Vec<&str> = cascades.iter().map(|it| &*it.0).collect();
        assert_eq!(ids, ["1.00", "v.0", "NaNa"]);
        // Rounded ids of roots are reported too.
        let rounded = "id,retweet_of,t\n1.0501186211989217e+18,,1\n";
        let ((_, _, notes), _) =
            read(folder.file("table", rounded), TableOptions::default()).unwrap();
        assert!(notes[1].contains("1 rows have an id in scientific notation"), "{notes:?}");
    }

    #[test]
    fn invalid_rows_are_refused_with_their_line_and_reason() {
        let folder = Folder::new();
        let read = |text: &str| {
            let ((cascades, refused, _), _) =
                read(folder.file("table", text), TableOptions::default()).unwrap();
            (cascades.len(), refused.into_iter().map(|it| (it.line, it.detail)).collect::<Vec<_>>())
        };
        let why =
            "cid is empty; give the id of the root, or the column of ids with --columns id=NAME";
        assert_eq!(read("cid,t\n,1\na,2\n"), (1, vec![(Some(2), why.to_owned())]));
        let why = "the time is neither a number nor a date with a time such as 2018-10-10 20:19:24: \"soon\"";
        assert_eq!(read("cid,t\na,soon\nb,2\n"), (1, vec![(Some(2), why.to_owned())]));
        let why = "the time is a text, that of the first row is a number: \"2018-10-10 20:00:00\"";
        assert_eq!(
            read("cid,t\nb,2\na,2018-10-10 20:00:00\n"),
            (1, vec![(Some(3), why.to_owned())])
        );
    }

    #[test]
    fn arrays_and_unknown_formats_are_refused_with_the_remedy() {
        let folder = Folder::new();
        let error = |path: PathBuf| read(path, TableOptions::default()).unwrap_err();
        assert!(error(case("hist_array.json")).ends_with(
            "hist_array.json:1: a JSON array; write one object a line, such as with jq -c '.[]'"
        ));
        assert!(error(folder.file("x", "{\n \"cid\": 1,\n")).contains("jq -c ."));
        let unknown = "the format is not recognised; give it with --format \
                   x_v11|x_v2|jetstream|mastodon|weibo|csv|history, or the names of the columns of a \
                   table with --columns cid=NAME,id=NAME,t=NAME";
        assert!(error(folder.file("y", "hello\n")).ends_with(unknown));
        assert!(error(folder.file("z", "[]\n")).ends_with("an empty JSON array"));
        for cut in [r#"[{"id_str":"1"}"#, r#"{"cid":"1"#] {
            assert!(error(folder.file("z", cut)).contains("the file is cut off"), "{cut}");
        }
    }

    #[test]
    fn options_that_change_nothing_are_reported_once() {
        let folder = Folder::new();
        let notes = |text: &str, missing_root| {
            let table = TableOptions {
                seconds_per_unit: Some(1.0),
                utc_offset: 3600.0,
                reports_offset: true,
                missing_root,
                ..TableOptions::default()
            };
            let options = CascadeOptions { table, missing_root, ..CascadeOptions::default() };
            let (input, mut notes) = ([Input::File(folder.file("x", text))], Vec::new());
            open_cascades(&input, &options, &mut |it| panic!("{it}"), &mut |it| notes.push(it))
                .unwrap();
            notes.retain(|it| it.starts_with("--"));
            notes
        };
        for (text, expected) in [
            (
                "cid,t,m\na,2018-10-10 20:19:24,1\n",
                &[
                    "--seconds-per-unit is ignored: the times are texts",
                    "--missing-root is ignored: the table has no column of ids of events",
                ][..],
            ),
            (
                "cid,t,m\na,0,1\n",
                &[
                    "--utc-offset is ignored: the times are numbers",
                    "--missing-root is ignored: the table has no column of ids of events",
                ],
            ),
            (
                "{\"cid\":\"a\",\"tweets\":[[0,1]]}\n",
                &[
                    "--missing-root is ignored: a history line is a whole cascade",
                    "--utc-offset is ignored: the input has Unix times",
                ],
            ),
        ] {
            assert_eq!(notes(text, Some(MissingRoot::Drop)), expected, "{text}");
            assert!(notes(text, None).iter().all(|it| !it.contains("missing-root")), "{text}");
        }
    }

    #[test]
    fn records_are_named_with_the_commands_that_read_them() {
        let folder = Folder::new();
        let file = folder.file("x", "{\"type\":\"tweet\",\"cid\":\"a\",\"t\":0}\n");
        let error = read(file, TableOptions::default()).unwrap_err();
        assert!(error.contains("are records") && error.contains("collect"), "{error}");
        let error = read(folder.file("y", "a,b\r1,2\r"), TableOptions::default()).unwrap_err();
        assert!(error.contains("end with CR alone"), "{error}");
    }

    #[test]
    fn duplicates_and_reposts_before_their_root_are_dropped_and_counted() {
        let folder = Folder::new();
        let post = |id: &str, seconds: u32, of: &str| {
            let of = if of.is_empty() {
                String::new()
            } else {
                format!(r#","referenced_tweets":[{{"type":"retweeted","id":"{of}"}}]"#)
            };
            format!(r#"{{"id":"{id}","created_at":"2018-10-10T20:00:{seconds:02}Z"{of}}}"#)
        };
        let lines = [
            post("3", 9, "1"),
            post("1", 5, ""),
            post("2", 7, "1"),
            post("1", 5, ""),
            post("3", 9, "1"),
            post("4", 3, "1"),
        ];
        let file = folder.file("posts", lines.join("\n"));
        let ((cascades, refused, notes), _) = read(file, TableOptions::default()).unwrap();
        let times: Vec<f64> = cascades[0].2.iter().map(|point| point.time).collect();
        assert_eq!((times, refused), (vec![0.0, 2.0, 4.0], vec![]));
        assert!(notes.contains(&"2 posts occur twice; the first is used".to_owned()), "{notes:?}");
        let early = "1 reposts precede their root in time and were dropped".to_owned();
        assert!(notes.contains(&early), "{notes:?}");
    }

    #[test]
    fn a_table_is_real_only_with_the_real_timeline() {
        let folder = Folder::new();
        let file = folder.file("table", "cid,t\na,1000\nb,500\na,1200\n");
        for (timeline, real) in [(Timeline::Auto, false), (Timeline::Real, true)] {
            let table =
                Table::open(&file, TableOptions::default(), &mut |it| panic!("{it}")).unwrap();
            let plan = ReplayOptions { timeline, ..ReplayOptions::default() };
            assert_eq!(Replay::new(Box::new(table), plan).unwrap().is_real(), real);
        }
    }
}
