//! Files as users have them: compressed otherwise, cut off, newest first, with names of columns of their own.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::events;
use crate::pipes::{folder, run, text};

#[test]
fn files_that_cannot_be_read_as_they_are_name_the_remedy() {
    let folder = folder("raw");
    let table = "id,retweet_of,t\n1,,10/10/2018 20:19\n";
    let utf_16: Vec<u8> = table.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, remedy) in [
        (&[0xfd, b'7', b'z', b'X', b'Z', 0, 0][..], "xz -dc"),
        (b"BZh91AY", "bzip2 -dc"),
        (b"PK\x03\x04...", "unzip -p"),
        (&utf_16, "iconv -f UTF-16LE"),
        (table.as_bytes(), "2018-10-10 20:19:24"),
    ] {
        let file = folder.join("input");
        fs::write(&file, bytes).unwrap();
        let path = file.to_str().unwrap();
        for args in [&["generate", path][..], &["run", path], &["fit", path], &["generate", "-"]] {
            let output = run(args, bytes);
            assert_eq!(output.status.code(), Some(1), "{args:?} {remedy}");
            let errors = text(&output.stderr);
            assert!(errors.contains(remedy), "{args:?}: {errors}");
        }
    }
    fs::write(folder.join("input"), b"").unwrap();
    let output = run(&["run", folder.join("input").to_str().unwrap()], b"");
    assert!(text(&output.stderr).contains("the file is empty"), "{}", text(&output.stderr));
}

#[test]
fn stdin_of_run_may_be_a_table_a_history_or_pages_of_posts() {
    let folder = folder("stdin");
    let table = "cid,t\na,0\na,60\nb,7\n".to_owned();
    let history = "{\"cid\":\"a\",\"tweets\":[[0,1],[60,1]]}\n{\"cid\":\"b\",\"tweets\":[[0,1]]}\n";
    // The newest page comes first.
    let page = |id: u32, minute: u32| {
        let retweeted = r#""referenced_tweets":[{"type":"retweeted","id":"1"}]"#;
        format!(
            "{{\"data\":[{{\"id\":\"{id}\",\"created_at\":\"2020-01-01T00:0{minute}:00Z\",{retweeted}}}]}}\n"
        )
    };
    let original = "{\"data\":[{\"id\":\"1\",\"created_at\":\"2020-01-01T00:00:00Z\"},\
                    {\"id\":\"9\",\"created_at\":\"2020-01-01T00:00:07Z\"}]}\n";
    let pages = page(3, 2) + &page(2, 1) + original;
    for (content, n_obs) in [(table, 2), (history.to_owned(), 2), (pages.clone(), 3)] {
        let file = folder.join("input");
        fs::write(&file, &content).unwrap();
        let options = ["run", "--windows", "2m", "--min-size", "2"];
        let from_stdin = run(&options, content.as_bytes());
        let from_file = run(&[&options[..], &[file.to_str().unwrap()]].concat(), b"");
        let (records, errors) = (text(&from_stdin.stdout), text(&from_stdin.stderr));
        assert_eq!(from_stdin.status.code(), Some(0), "{errors}");
        assert!(records.contains(&format!("\"n_obs\":{n_obs}")), "{records}{errors}");
        assert_eq!(records, text(&from_file.stdout));
    }
    // Where the format is given, posts are converted as they arrive.
    let output = run(&["generate", "--format", "x_v2", "-"], pages.as_bytes());
    assert!(text(&output.stderr).contains("1 originals came after reposts"));
}

#[test]
fn lines_of_another_kind_name_the_command_that_reads_them() {
    let history = b"{\"cid\":\"a\",\"tweets\":[[0,1],[60,1]]}\n";
    let post =
        b"{\"id_str\":\"1\",\"created_at\":\"Wed Jan 01 00:00:00 +0000 2020\",\"user\":{}}\n";
    for (command, line, remedy) in [
        ("collect", &history[..], "generate --format history -"),
        ("predict", history, "predict --now"),
        ("collect", post, "generate --format x_v11 -"),
        ("predict", post, "predict --now"),
    ] {
        let output = run(&[command], line);
        let errors = text(&output.stderr);
        assert!(errors.contains(remedy), "{command}: {errors}");
        assert_eq!(output.status.code(), Some(1));
    }
    for format in ["x_v2", "x_v11", "history"] {
        let folder = folder("pretty");
        let file = folder.join("pretty.json");
        fs::write(&file, "{\n \"data\": [\n  {\n   \"id\": \"1\"\n  }\n ]\n}\n").unwrap();
        let output = run(&["run", "--format", format, file.to_str().unwrap()], b"");
        let errors = text(&output.stderr);
        assert!(errors.contains("over several lines") && errors.lines().count() == 1, "{errors}");
    }
}

#[test]
fn posts_of_another_format_are_refused() {
    let v11 = r#"{"id_str":"1","created_at":"Wed Oct 10 20:19:24 +0000 2018","user":{"followers_count":50}}"#;
    let v2 = r#"{"id":"2","created_at":"2018-10-10T20:19:34.000Z","author_id":"7","text":"x"}"#;
    let mastodon = r#"{"id":"3","created_at":"2018-10-10T20:19:34.000Z","reblog":null,"account":{"followers_count":4}}"#;
    for (format, own, others) in [
        ("x_v11", v11, [v2, mastodon]),
        ("x_v2", v2, [v11, mastodon]),
        ("mastodon", mastodon, [v11, v2]),
    ] {
        for other in others {
            let lines = format!("{own}\n{other}\n{own}\n");
            let output = run(&["generate", "--format", format, "-"], lines.as_bytes());
            let errors = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{format}: {other}");
            assert!(errors.contains("2: a field of another format"), "{format}: {errors}");
            assert!(errors.contains("give one format at a time"), "{format}: {errors}");
            assert_eq!(events(&output.stdout), 1, "{format}: {errors}");
        }
    }
}

#[test]
fn compressed_stdin_and_named_pipes_are_recognised() {
    let rows: String = (0..20_000).map(|i| format!("a,{i},{}\n", i * 7919 % 100_003)).collect();
    let table = format!("cid,t,m\n{rows}");
    let folder = folder("pipes");
    let file = folder.join("table.csv");
    fs::write(&file, &table).unwrap();
    for tool in ["gzip", "zstd"] {
        let packed = Command::new(tool).arg("-c").arg(&file).stderr(Stdio::null()).output();
        let Ok(packed) = packed else { continue };
        assert!(packed.stdout.len() > 1 << 15);
        let output = run(&["generate", "-"], &packed.stdout);
        assert_eq!(output.status.code(), Some(0), "{tool}: {}", text(&output.stderr));
        assert_eq!(events(&output.stdout), 20_000, "{tool}");
    }
    let fifo = folder.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let path = fifo.clone();
    let writer = std::thread::spawn(move || fs::write(path, table).unwrap());
    let output = run(&["fit", "--csv", fifo.to_str().unwrap()], b"");
    writer.join().unwrap();
    assert_eq!(text(&output.stdout).lines().count(), 2, "{}", text(&output.stderr));
}

#[test]
fn doubtful_ids_and_times_are_reported() {
    let folder = folder("doubts");
    let history = b"{\"cid\":\"a\",\"t0\":1539202764,\"tweets\":[[0,5],[20,1]]}\n";
    let (one, two) = (folder.join("1.jsonl"), folder.join("2.jsonl"));
    fs::write(&one, history).unwrap();
    fs::write(&two, history).unwrap();
    let output = run(&["generate", one.to_str().unwrap(), two.to_str().unwrap()], b"");
    let errors = text(&output.stderr);
    assert!(errors.contains("1 cascades have the id of one in an earlier file"), "{errors}");
    let mixed = b"cid,t,m\na,99,5\nb,1539202764,5\nb,1539202769,5\n";
    for command in ["generate", "fit"] {
        let output = run(&[command, "--format", "csv", "-"], mixed);
        let errors = text(&output.stderr);
        assert!(errors.contains("1 of 2 cascades have no Unix times"), "{errors}");
    }
    // The end of the recording is a local time as those of the table.
    let local = b"cid,t,m\na,2018-10-11 12:00:00,5\na,2018-10-11 12:05:00,5\n";
    let at = ["--at", "2018-10-11 12:10:00", "--utc-offset", "2"];
    let output = run(&[&["predict", "--now", "--csv"][..], &at].concat(), local);
    assert!(text(&output.stdout).contains("\na,600,2,"), "{}", text(&output.stdout));
}

#[test]
fn texts_that_are_not_utf_8_are_counted() {
    let table = b"cid,t,msg\na,0,na\xefve\na,60,\nb,7,na\xc3\xafve\nc,8,\xe9t\xe9\n";
    let output = run(&["generate", "--format", "csv", "-"], table);
    let errors = text(&output.stderr);
    assert!(errors.contains("the text of 2 rows is not UTF-8"), "{errors}");
    assert!(text(&output.stdout).contains("na\u{ef}ve"));
}

#[test]
fn names_of_columns_make_the_input_a_table() {
    let table = "tweet,original,date_of\n1,0,1539202740\n2,1,1539202800\n3,-1,1539202900\n";
    let columns = ["generate", "--columns", "id=tweet,cid=original,t=date_of", "-"];
    let output = run(&columns, table.as_bytes());
    let (records, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(records.matches(r#"tweet","cid":"1""#).count(), 2, "{records}");
    assert_eq!(records.matches(r#""tweet","cid":"3""#).count(), 1, "{records}");
    assert!(errors.contains("2 rows have an original 0 or -1"), "{errors}");
    // A column of cascades may have the cascade 0.
    let output =
        run(&["generate", "-"], table.replace("tweet,original,date_of", "id,cid,t").as_bytes());
    assert!(text(&output.stdout).contains(r#""tweet","cid":"0""#), "{}", text(&output.stdout));
}

#[test]
fn the_rest_of_a_file_that_is_cut_off_is_reported_and_the_beginning_is_used() {
    let rows: String = (0..20_000).map(|i| format!("a,{i},{}\n", i * 7919 % 1000)).collect();
    let folder = folder("cut");
    let path = folder.join("cut.csv.gz");
    let mut packed = Command::new("gzip")
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&path).unwrap())
        .spawn()
        .unwrap();
    packed.stdin.take().unwrap().write_all(format!("cid,t,m\n{rows}").as_bytes()).unwrap();
    assert!(packed.wait().unwrap().success());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let output = run(&["generate", path.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(events(&output.stdout) > 1000, "{}", text(&output.stderr));
    let errors = text(&output.stderr);
    assert!(errors.contains("cut.csv.gz:") && errors.contains("is incomplete"), "{errors}");
}

#[test]
fn a_page_of_a_stream_is_read_in_the_order_of_time() {
    let page = r#"{"data":[{"id":"3","created_at":"2020-01-01T00:01:00Z","referenced_tweets":[{"type":"retweeted","id":"1"}]},
        {"id":"1","created_at":"2020-01-01T00:00:00Z"}],"includes":{"tweets":[{"id":"1","created_at":"2020-01-01T00:00:00Z"}]}}"#
        .replace('\n', "");
    let array = r#"[{"id_str":"3","created_at":"Wed Jan 01 00:01:00 +0000 2020","user":{},"retweeted_status":{"id_str":"1",
        "created_at":"Wed Jan 01 00:00:00 +0000 2020"}},{"id_str":"1","created_at":"Wed Jan 01 00:00:00 +0000 2020","user":{}}]"#
        .replace('\n', "");
    for posts in [page, array] {
        for missing in ["drop", "embedded", "first"] {
            let output = run(&["generate", "--missing-root", missing, "-"], posts.as_bytes());
            let records = text(&output.stdout);
            let kinds: Vec<&str> =
                records.lines().map(|it| it.split('"').nth(3).unwrap()).collect();
            assert_eq!(kinds, ["tweet", "retweet", "watermark"], "{missing}: {records}");
        }
    }
}

#[test]
fn posts_without_their_originals_name_the_choices_and_nothing_else() {
    let line = r#"{"id_str":"2","created_at":"Wed Jan 01 00:01:00 +0000 2020","user":{},"retweeted_status":{"id_str":"1","created_at":"Wed Jan 01 00:00:00 +0000 2020"}}"#;
    let output = run(&["run", "--windows", "5m"], format!("{line}\n").as_bytes());
    let errors = text(&output.stderr);
    assert!(errors.contains("1 of 1 reposts had no root; 1 were dropped"), "{errors}");
    assert!(errors.contains("--missing-root embedded"), "{errors}");
    assert!(!errors.contains("is of a type that is read here"), "{errors}");
}

#[test]
fn posts_that_are_newest_first_over_several_lines_name_the_remedy_and_it_helps() {
    let lines = [
        r#"{"id_str":"3","created_at":"Wed Jan 01 00:01:00 +0000 2020","user":{},"retweeted_status":{"id_str":"1"}}"#,
        r#"{"id_str":"1","created_at":"Wed Jan 01 00:00:00 +0000 2020","user":{}}"#,
    ]
    .map(|line| format!("{line}\n"))
    .concat();
    let output = run(&["generate", "-"], lines.as_bytes());
    let errors = text(&output.stderr);
    assert!(errors.contains("1 originals came after reposts of them"), "{errors}");
    assert!(errors.contains("--history -") && !errors.contains("--missing-root"), "{errors}");
    let output = run(&["generate", "--history", "-"], lines.as_bytes());
    assert!(text(&output.stdout).contains(r#""retweet","cid":"1""#), "{}", text(&output.stderr));
}

#[test]
fn the_mapping_of_columns_is_reported_once() {
    let folder = folder("columns");
    let path = folder.join("table.csv");
    let rows: String =
        (0..400).map(|i| format!("{},{},{}\n", i % 4, 1_539_202_740 + i * 40, i % 7)).collect();
    fs::write(&path, format!("cid,t,m\n{rows}")).unwrap();
    let (path, page) = (path.to_str().unwrap(), folder.join("report.html"));
    let output = run(&["run", "--report", page.to_str().unwrap(), "--windows", "10m", path], b"");
    let errors = text(&output.stderr);
    assert_eq!(errors.matches("columns divided by").count(), 1, "{errors}");
    assert!(page.metadata().is_ok_and(|it| it.len() > 1000), "{errors}");
}

#[test]
fn a_line_of_another_format_is_named() {
    let folder = folder("mixed");
    let v11 = r#"{"id_str":"1","created_at":"Wed Jan 01 00:00:00 +0000 2020","user":{}}"#;
    let v2 = r#"{"data":{"id":"5","created_at":"2020-01-01T00:01:00Z"}}"#;
    let history = r#"{"cid":"a","tweets":[[0,1],[5,1]]}"#;
    for (first, second, other) in [
        (v11, v2, "the line is of the format x_v2, those before are of x_v11"),
        (v11, history, "of the format history, those before are of x_v11"),
        (history, v11, "of the format x_v11, those before are of history"),
    ] {
        let file = folder.join("input.jsonl");
        fs::write(&file, format!("{first}\n{second}\n{first}\n")).unwrap();
        let output = run(&["generate", file.to_str().unwrap()], b"");
        assert!(text(&output.stderr).contains(other), "{}", text(&output.stderr));
    }
}

#[test]
fn a_file_of_unknown_columns_or_over_several_lines_is_refused_once_with_the_remedy() {
    let folder = folder("unknown");
    for (content, remedy) in [
        ("Tweet,Original,When\n1,,5\n2,1,6\n", "--columns cid=NAME,id=NAME,t=NAME"),
        ("Tweet|Original|When\n1||5\n2|1|6\n", "--columns cid=NAME,id=NAME,t=NAME"),
        ("{\n \"data\": [\n ]\n}\n", "jq -c ."),
    ] {
        let file = folder.join("input");
        fs::write(&file, content).unwrap();
        for command in ["run", "fit", "generate"] {
            let output = run(&[command, file.to_str().unwrap()], b"");
            let errors = text(&output.stderr);
            assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
            assert!(errors.contains(remedy), "{command}: {errors}");
        }
    }
}
