//! `predict --now`: cascades at the age that they have at the end of the recording.

use super::{ROOT, case};
use crate::pipes::{folder, run, text};

/// The rows of CSV without the header, as fields.
fn fields(output: &[u8]) -> Vec<Vec<String>> {
    let fields = |line: &str| line.split(',').map(str::to_owned).collect();
    text(output).lines().skip(1).map(fields).collect()
}

#[test]
fn predict_now_takes_the_age_from_the_end_of_the_recording() {
    let now =
        |args: &[&str], stdin: &[u8]| run(&[&["predict", "--now", "--csv"], args].concat(), stdin);
    // The last event of the table is 22,977 s after the root of the first cascade, which is silent before that.
    let table = case("csv_semicolon.csv");
    let output = now(&[&table], b"");
    let rows = fields(&output.stdout);
    assert_eq!(rows.len(), 6, "{}", text(&output.stderr));
    assert_eq!(rows[0][..3], ["900000", "22977", "60"]);
    assert_eq!(rows[5][..3], ["900005", "2977", "110"]);
    assert!(rows.iter().all(|row| row[6..] == ["untrained", "growth-law", "0"]), "{rows:?}");
    let errors = text(&output.stderr);
    assert!(errors.contains("6 of 6 cascades: no model"), "{errors}");
    assert!(!errors.contains("none of the"), "{errors}");
    // The same as tweets, where the final watermark is days later.
    let tweets = run(&["generate", "--sources", "1", &table], b"").stdout;
    assert_eq!(fields(&now(&[], &tweets).stdout), rows);
    // An earlier end cuts what follows, and a cascade that began after it.
    let earlier = now(&["--at", "2018-10-11T00:00:00Z", &table], b"");
    let errors = text(&earlier.stderr);
    assert!(fields(&earlier.stdout).len() < 6, "{errors}");
    assert!(errors.contains("events after the end of the observation were ignored"), "{errors}");
    assert!(errors.contains("began less than 1 s before the end"), "{errors}");
    // Posts.
    let posts = now(&[&case("x_v2_flat.jsonl")], b"");
    assert_eq!(fields(&posts.stdout)[0][..3], ["1050118621198921728", "351", "40"]);
}

#[test]
fn predict_now_reads_the_observed_duration_of_a_history_line() {
    let lines = concat!(
        r#"{"cid":"a","tweets":[[0,10],[100,5],[400,7]]}"#,
        "\n",
        r#"{"cid":"b","tweets":[[0,10],[100,5],[400,7]],"observed":2820}"#,
        "\n",
        r#"{"cid":"c","tweets":[[0,10],[100,5],[400,7]],"observed":200}"#,
        "\n",
        r#"{"cid":"d","tweets":[[0,10]]}"#,
        "\n",
    );
    let output = run(&["predict", "--now", "--csv"], lines.as_bytes());
    let rows = fields(&output.stdout);
    let heads: Vec<[&str; 3]> =
        rows.iter().map(|row| [row[0].as_str(), row[1].as_str(), row[2].as_str()]).collect();
    assert_eq!(heads, [["a", "400", "3"], ["b", "2820", "3"], ["c", "200", "2"]]);
    let size = |row: usize| rows[row][3].parse::<f64>().unwrap();
    assert!(size(1) < size(0), "silence lowers the prediction: {rows:?}");
    let errors = text(&output.stderr);
    assert!(errors.contains("1 of 3 cascades have neither Unix times"), "{errors}");
    assert!(errors.contains("1 cascades began less than 1 s"), "{errors}");
    assert!(errors.contains("1 events after the end"), "{errors}");
    let undated = run(&["predict", "--now", "--at", "1539201600"], lines.as_bytes());
    assert_eq!(undated.status.code(), Some(1));
    let errors = text(&undated.stderr);
    assert!(errors.contains("stdin:1: an end of the observation requires Unix times"), "{errors}");
    for args in [&["predict", "--format", "csv"][..], &["predict", "--at", "1539201600"]] {
        assert_eq!(run(args, lines.as_bytes()).status.code(), Some(2), "{args:?}");
    }
    let wrong = run(&["predict", "--now"], br#"{"cid":"a","tweets":[[0,1]],"observed":-1}"#);
    assert!(text(&wrong.stderr).contains("observed duration"), "{}", text(&wrong.stderr));
}

#[test]
fn predict_now_uses_the_forest_of_a_window_only_at_its_age() {
    let history = format!("{ROOT}/testdata/tideh.jsonl.gz");
    let models = folder("models-for-now");
    let models = models.to_str().unwrap();
    run(&["train", "--history", &history, "--windows", "1h", "--models", models], b"");
    let line = |cid: &str, observed: u32| {
        format!(
            "{{\"cid\":\"{cid}\",\"tweets\":[[0,900],[60,50],[130,80],[400,7],[900,70]],\"observed\":{observed}}}\n"
        )
    };
    let lines =
        [line("at", 3600), line("near", 3660), line("far", 3700), line("young", 900)].concat();
    let output = run(&["predict", "--now", "--csv", "--models", models], lines.as_bytes());
    let rows = fields(&output.stdout);
    let errors = text(&output.stderr);
    let methods: Vec<&str> = rows.iter().map(|row| row[7].as_str()).collect();
    assert_eq!(methods, ["forest", "forest", "map-law", "map-law"], "{errors}");
    assert!(rows.iter().all(|row| row[6].starts_with("3600-")), "{rows:?}");
    assert!(errors.contains("2 of 4 cascades: no window of --models is within 2 %"), "{errors}");
}

#[test]
fn predict_now_keeps_the_sources_of_tweets_and_tables() {
    let sources = |args: &[&str], stdin: &str| {
        let output = run(&[&["predict", "--now"], args].concat(), stdin.as_bytes());
        let lines = text(&output.stdout);
        let source = |line: &str| {
            let rest = line.split(r#""source":""#).nth(1).unwrap_or_else(|| panic!("{line}"));
            rest.split('"').next().unwrap().to_owned()
        };
        lines.lines().map(source).collect::<Vec<_>>()
    };
    // The same id in two sources: two cascades.
    let tweets = concat!(
        r#"{"type":"tweet","cid":"1","source":"a","t":0,"m":10}"#,
        "\n",
        r#"{"type":"tweet","cid":"1","source":"b","t":0,"m":10}"#,
        "\n",
        r#"{"type":"retweet","cid":"1","source":"a","t":60,"m":10}"#,
        "\n",
        r#"{"type":"retweet","cid":"1","source":"b","t":90,"m":10}"#,
        "\n",
    );
    assert_eq!(sources(&[], tweets), ["a", "b"]);
    let table = "cid,t,lang\n1,0,fr\n1,60,fr\n2,0,\n2,50,en\n";
    let options = ["--format", "csv", "--columns", "source=lang"];
    assert_eq!(sources(&options, table), ["fr", "unknown"]);
    assert_eq!(sources(&options[..2], table), ["0", "0"]);
}

#[test]
fn predict_now_counts_duplicates_and_uses_the_earliest_tweet() {
    let event = |kind: &str, t: u32, m: u32, id: &str| {
        format!(r#"{{"type":"{kind}","cid":"a","t":{t},"m":{m},"source":"0"{id}}}"#) + "\n"
    };
    let lines = [
        event("tweet", 150, 9, ""),
        event("retweet", 160, 5, r#","id":"1""#),
        event("retweet", 160, 5, r#","id":"1""#),
        event("tweet", 100, 7, ""),
        event("retweet", 700, 5, r#","id":"2""#),
    ];
    let output = run(&["predict", "--now", "--csv"], lines.concat().as_bytes());
    let errors = text(&output.stderr);
    assert_eq!(fields(&output.stdout)[0][..3], ["a", "600", "3"], "{errors}");
    let counted = [
        "1 events have the id of an earlier event of their cascade and were dropped",
        "1 tweets are second ones of their cascade; the earliest of each is used",
    ];
    assert!(counted.iter().all(|it| errors.contains(it)), "{errors}");
}

#[test]
fn history_lines_with_a_type_are_read_as_others() {
    let line = r#"{"cid":"a","author_id":"u","t0":1539202764,"tweets":[[0,5],[3,6],[700,1]]}"#;
    let typed = line.replacen('{', r#"{"type":"history","#, 1);
    let plain = r#"{"cid":"a","t0":1539202764,"tweets":[[0,5],[3,6],[700,1]]}"#;
    for args in [&["generate"][..], &["predict", "--now", "--csv"]] {
        let read = |line: &str| {
            let path = folder("typed").join("history.jsonl");
            std::fs::write(&path, format!("{line}\n")).unwrap();
            let output = run(&[args, &[path.to_str().unwrap()]].concat(), b"");
            assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output.stderr));
            output.stdout
        };
        assert_eq!(read(&typed), read(plain), "{args:?}");
        assert_eq!(read(line), read(plain), "{args:?}");
    }
    let tweet = r#"{"type":"tweet","cid":"a","t":0,"m":1,"source":"0"}"#;
    let path = folder("typed").join("tweets.jsonl");
    std::fs::write(&path, tweet).unwrap();
    let output = run(&["generate", path.to_str().unwrap()], b"");
    assert!(text(&output.stderr).contains("are records of tweetoscope"), "{output:?}");
}
