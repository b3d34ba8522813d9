//! Conversion of posts to events: `cargo bench --bench importers`. The values are for a megabyte of lines.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails where it panics")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use tweetoscope::input::import::{Cascader, MissingRoot, PostFormat};

const BYTES: usize = 1_000_000;
const TEXT: &str =
    "the gauge at the bridge reads four metres and the road along the river is closed";
const CID: &str = "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi";

fn main() {
    divan::main();
}

/// Eight of twenty events are posts or reposts, as with `wantedCollections` the share is higher.
fn jetstream(i: usize) -> String {
    let (did, time) = (
        format!("did:plc:ewvi7nxzyoun6zhxrhs64o{:02}", i % 50),
        1_725_911_162_329_308 + i * 20_000,
    );
    let subject = format!(
        r#""subject":{{"cid":"{CID}","uri":"at://did:plc:ewvi7nxzyoun6zhxrhs64o{:02}/app.bsky.feed.post/3l3q{}"}}"#,
        i % 50,
        i / 20
    );
    let (collection, record) = match i % 20 {
        0..3 => ("app.bsky.feed.post", format!(r#""text":"{TEXT}","langs":["en"]"#)),
        3..6 => ("app.bsky.feed.repost", subject),
        6..8 => ("app.bsky.graph.follow", format!(r#""subject":"{did}""#)),
        _ => ("app.bsky.feed.like", subject),
    };
    format!(
        r#"{{"did":"{did}","time_us":{time},"kind":"commit","commit":{{"rev":"3l3qo2vutsw2b","operation":"create","collection":"{collection}","rkey":"3l3q{}","record":{{"$type":"{collection}","createdAt":"2024-09-09T19:46:02.102Z",{record}}},"cid":"{CID}"}}}}"#,
        i / 20
    )
}

fn x_v2(i: usize) -> String {
    let user = |id: usize| {
        format!(
            r#"{{"id":"{id}","name":"Name","username":"user{id}","created_at":"2012-01-01T00:00:00.000Z","description":"{TEXT}","public_metrics":{{"followers_count":{},"following_count":100,"tweet_count":1000,"listed_count":3}},"verified":false}}"#,
            id % 977
        )
    };
    let post = |id: usize, reference: &str| {
        format!(
            r#"{{"id":"{id}","author_id":"{id}","created_at":"2018-10-10T20:19:24.000Z","text":"{TEXT}","lang":"en","conversation_id":"{id}","edit_history_tweet_ids":["{id}"],"possibly_sensitive":false,"public_metrics":{{"retweet_count":3,"reply_count":1,"like_count":5,"quote_count":0}},"entities":{{"hashtags":[{{"start":30,"end":35,"tag":"flood"}}]}}{reference}}}"#
        )
    };
    let (id, original) = (1_050_118_621 + i, 1_050_118_621 + i / 10 * 10);
    if id == original {
        return format!(r#"{{"data":{},"includes":{{"users":[{}]}}}}"#, post(id, ""), user(id));
    }
    let reference = format!(r#","referenced_tweets":[{{"type":"retweeted","id":"{original}"}}]"#);
    format!(
        r#"{{"data":{},"includes":{{"users":[{},{}],"tweets":[{}]}}}}"#,
        post(id, &reference),
        user(id),
        user(original),
        post(original, "")
    )
}

fn x_v11(i: usize) -> String {
    let status = |id: usize, more: &str| {
        format!(
            r#"{{"created_at":"Wed Oct 10 20:19:24 +0000 2018","id":{id},"id_str":"{id}","text":"{TEXT}","source":"<a href=\"https://x.com\" rel=\"nofollow\">X</a>","truncated":false,"user":{{"id":{id},"id_str":"{id}","name":"Name","screen_name":"user{id}","description":"{TEXT}","followers_count":{},"friends_count":150,"created_at":"Sun Jan 01 00:00:00 +0000 2012"}},"entities":{{"hashtags":[],"urls":[],"user_mentions":[]}},"retweet_count":0,"lang":"en"{more}}}"#,
            id % 977
        )
    };
    let (id, original) = (1_050_118_621 + i, 1_050_118_621 + i / 10 * 10);
    if id == original {
        return status(id, "");
    }
    status(id, &format!(r#","retweeted_status":{}"#, status(original, "")))
}

fn mastodon(i: usize) -> String {
    let status = |id: usize, reblog: &str| {
        format!(
            r#"{{"id":"{id}","created_at":"2018-10-10T20:19:24.000Z","visibility":"public","uri":"https://example.social/users/a/statuses/{id}","content":"<p>{TEXT}</p>","account":{{"id":"{id}","acct":"a","note":"<p>{TEXT}</p>","followers_count":{}}},"media_attachments":[],"reblog":{reblog}}}"#,
            id % 977
        )
    };
    let (id, original) = (1_050_118_621 + i, 1_050_118_621 + i / 10 * 10);
    let reblog = if id == original { "null".to_owned() } else { status(original, "null") };
    format!("data: {}", status(id, &reblog))
}

#[divan::bench(args = [PostFormat::Jetstream, PostFormat::XV2, PostFormat::XV11, PostFormat::Mastodon])]
fn convert(bencher: Bencher<'_, '_>, format: PostFormat) {
    let line = match format {
        PostFormat::Jetstream => jetstream,
        PostFormat::XV2 => x_v2,
        PostFormat::XV11 => x_v11,
        PostFormat::Mastodon => mastodon,
        PostFormat::Weibo => unreachable!("it is no stream"),
    };
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while bytes < BYTES {
        let line = line(lines.len());
        bytes += line.len() + 1;
        lines.push(line);
    }
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        let mut cascader = Cascader::new(format, MissingRoot::Drop, false);
        let mut out = Vec::with_capacity(BYTES);
        for line in &lines {
            cascader.read(black_box(line), &mut out).unwrap();
        }
        out
    });
}
