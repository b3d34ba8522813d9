//! Lines that begin with the key of their record, as consumers of Kafka topics print them.

use std::fs;

use serde_json::Value;

use crate::pipes::{folder, run, text};

#[test]
fn records_of_the_original_system_have_their_window_in_the_key() {
    let parameters =
        r#"{"type":"parameters","cid":"a","n_obs":32,"n_supp":120,"params":[0.02,0.001]}"#;
    let size = r#"{"type":"size","cid":"a","n_tot":127,"t_end":4329}"#;
    let input = format!("600\t{parameters}\n600\t{size}\n");
    let output = run(&["predict"], input.as_bytes());
    let lines = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        lines.contains(r#"{"type":"alert","cid":"a","source":"0","t":0,"msg":"","T_obs":600"#),
        "{lines}"
    );
    assert!(lines.contains(r#""n_tot":127"#) && lines.contains(r#""type":"stat""#), "{lines}");
    let output = run(&["predict"], format!("{parameters}\n").as_bytes());
    assert_eq!(output.status.code(), Some(1));
}

/// The lines of tweets, in which `key` takes the cascade id or the source out of the record.
fn keyed(tweets: &str, key: impl Fn(&mut Value) -> String) -> String {
    let mut lines = String::new();
    for line in tweets.lines() {
        let mut tweet: Value = serde_json::from_str(line).unwrap();
        let key = key(&mut tweet);
        lines += &format!("{key}\t{tweet}\n");
    }
    lines
}

fn take(tweet: &mut Value, field: &str) -> String {
    tweet.as_object_mut().unwrap().remove(field).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn tweets_in_both_original_forms_give_the_same_from_every_command() {
    let simulated = ["generate", "--simulate", "12000", "--sources", "2", "--seed", "3"];
    let tweets = text(&run(&simulated, b"").stdout).to_owned();
    let tweets: Vec<&str> = tweets.lines().filter(|line| !line.contains("watermark")).collect();
    let of_source = |source: &str| -> String {
        let field = format!(r#""source":"{source}""#);
        tweets.iter().filter(|it| it.contains(&field)).map(|it| format!("{it}\n")).collect()
    };
    let both = tweets.join("\n") + "\n";
    // 2021: the key is the source. 2020: the key is the cascade.
    let by_source = keyed(&both, |tweet| {
        tweet["tweet_id"] = tweet["cid"].clone();
        take(tweet, "cid");
        take(tweet, "source")
    });
    let by_cascade = keyed(&of_source("0"), |tweet| take(tweet, "cid"));
    let folder = folder("keyed-tweets");
    for (name, plain, keyed) in
        [("source", &both, &by_source), ("cascade", &of_source("0"), &by_cascade)]
    {
        let (file, other) = (folder.join(format!("{name}-plain")), folder.join(name));
        fs::write(&file, plain).unwrap();
        fs::write(&other, keyed).unwrap();
        for command in [
            &["collect", "--windows", "10m"][..],
            &["run", "--windows", "10m", "--csv"],
            &["predict", "--now", "--csv"],
        ] {
            let of = |file: &std::path::Path| {
                let output = run(&[command, &[file.to_str().unwrap()]].concat(), b"");
                assert!(output.status.success(), "{name} {command:?}: {}", text(&output.stderr));
                text(&output.stdout).to_owned()
            };
            let expected = of(&file);
            assert!(expected.lines().count() > 10, "{name} {command:?}");
            assert_eq!(of(&other), expected, "{name} {command:?}");
        }
    }
}

#[test]
fn keyed_history_lines_and_posts_are_read_by_every_command() {
    let history = br#"a	{"cid":"a","tweets":[[0,10],[100,5],[200,3]]}"#;
    let posts: String = fs::read_to_string(super::sample("x_v11.jsonl"))
        .unwrap()
        .lines()
        .map(|line| format!("key\t{line}\n"))
        .collect();
    let folder = folder("keyed-posts");
    for (name, content) in [("history", &history[..]), ("posts", posts.as_bytes())] {
        let file = folder.join(name);
        fs::write(&file, content).unwrap();
        let file = file.to_str().unwrap();
        for command in [
            &["run", "--windows", "10m"][..],
            &["predict", "--now", "--csv"],
            &["fit", "--windows", "10m", "--csv"],
            &["generate"],
        ] {
            let output = run(&[command, &[file]].concat(), b"");
            let errors = text(&output.stderr);
            assert!(output.status.success(), "{name} {command:?}: {errors}");
            let is_table = !command.contains(&"run");
            assert!(!is_table || text(&output.stdout).lines().count() > 1, "{name} {command:?}");
        }
    }
}
