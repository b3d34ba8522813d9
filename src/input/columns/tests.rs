//! Names of columns, given and recognised.

use super::*;

fn columns(header: &str, given: &str) -> Result<(Columns, String), String> {
    let names = if given.is_empty() { Ok(ColumnNames::default()) } else { given.parse() };
    let header = ByteRecord::from(header.split(',').collect::<Vec<_>>());
    Columns::of(&header, &names?).map_err(|refusal| refusal.detail)
}

#[test]
fn known_names_are_mapped_and_the_others_listed() {
    let (found, text) =
        columns("lang,tweet_id,retweet_of,Created_At,user_followers,text", "").unwrap();
    let expected = Columns {
        count: 6,
        cid: 2,
        cid_name: "retweet_of".to_owned(),
        id_name: "tweet_id".to_owned(),
        zero_is_missing: true,
        id: Some(1),
        time: 3,
        mark: Some(4),
        text: Some(5),
        source: None,
    };
    assert_eq!(found, expected);
    assert_eq!(
        text,
        "cid=retweet_of, id=tweet_id, t=Created_At, m=user_followers, msg=text; ignored: lang"
    );
    // The first name of the list takes precedence; a column has one role.
    assert_eq!(columns("time,t,cid", "").unwrap().0.time, 1);
    let (found, text) = columns("tweet_id,timestamp", "cid=tweet_id").unwrap();
    assert_eq!((found.cid, found.id, found.time), (0, None, 1));
    assert_eq!(
        text,
        "cid=tweet_id, t=timestamp; no column of followers: each mark is 1 (another column: --columns m=NAME)"
    );
    // A column of sources is given.
    assert_eq!(columns("cid,t,source", "").unwrap().0.source, None);
    let (found, text) = columns("cid,t,lang", "source=lang").unwrap();
    assert_eq!(found.source, Some(2));
    assert!(text.starts_with("cid=cid, t=t, source=lang; no column of followers"), "{text}");
}

#[test]
fn the_columns_of_exports_are_mapped() {
    for (header, mapping) in [
        (
            "created_at,id,retweet_count,retweet_id,retweet_screen_name,text,user_followers_count",
            "cid=retweet_id, id=id, t=created_at, m=user_followers_count, msg=text; \
             ignored: retweet_count, retweet_screen_name",
        ),
        // rtweet; twarc; pandas.json_normalize of X API v1.1; twarc-csv of X API v2.
        (
            "status_id,created_at,text,retweet_status_id,followers_count",
            "cid=retweet_status_id, id=status_id, t=created_at, m=followers_count, msg=text",
        ),
        (
            "created_at,id,retweeted_status_id,text,user_followers_count",
            "cid=retweeted_status_id, id=id, t=created_at, m=user_followers_count, msg=text",
        ),
        (
            "created_at,id_str,full_text,user.followers_count,retweeted_status.id_str",
            "cid=retweeted_status.id_str, id=id_str, t=created_at, m=user.followers_count, msg=full_text",
        ),
        (
            "id,referenced_tweets.retweeted.id,created_at,text,author.public_metrics.followers_count",
            "cid=referenced_tweets.retweeted.id, id=id, t=created_at, \
             m=author.public_metrics.followers_count, msg=text",
        ),
    ] {
        assert_eq!(columns(header, "").unwrap().1, mapping);
        assert!(is_header(header) && is_header(&header.to_uppercase()));
    }
}

#[test]
fn a_column_that_is_missing_is_named_with_the_header_and_the_option() {
    assert_eq!(
        columns("tweet_id,user_followers,timestamp", "").unwrap_err(),
        "no column for cid (cid, cascade_id, root_id, retweet_of, retweeted_id, retweeted_status_id, retweet_status_id, retweet_id, \
         retweeted_status.id_str, retweeted_status.id, referenced_tweets.retweeted.id) in the header \
         \"tweet_id, user_followers, timestamp\"; give it with --columns cid=NAME"
    );
    assert_eq!(
        columns("cid,m", "").unwrap_err(),
        "no column for t (t, time, timestamp, created_at, date, datetime) in the header \"cid, m\"; give it with \
         --columns t=NAME"
    );
    let evently = columns("magnitude,time", "").unwrap_err();
    assert!(evently.ends_with(
        "=NAME, or the file with the rows of each cascade with --index FILE, or add a column cid"
    ));
    assert_eq!(
        columns("cid,t", "m=weight").unwrap_err(),
        "no column \"weight\" in the header \"cid, t\""
    );
    let row = columns("1050,1049,1539202764", "cid=retweet_of").unwrap_err();
    assert!(row.ends_with("write the names of the columns in the first line"), "{row}");
    for (text, error) in [
        ("cid", "\"cid\" is not ROLE=NAME, such as cid=retweet_of"),
        ("x=a", "\"x\" is none of the columns cid, id, t, m, msg and source"),
        ("t=a,t=b", "t is given twice"),
    ] {
        assert_eq!(text.parse::<ColumnNames>().unwrap_err(), error);
    }
}

#[test]
fn the_delimiter_is_that_with_the_most_columns() {
    for (header, expected) in [
        ("cid,t", b','),
        ("cid\tt\tm", b'\t'),
        ("cid;t;a,b", b';'),
        ("cid|t|m", b'|'),
        ("cid", b','),
    ] {
        assert_eq!(delimiter(header).0, expected, "{header}");
    }
    assert!(is_header("cid;t;m") && is_header("tweet_id,user_followers"));
    assert!(!is_header("a line, of text") && !is_header("cid") && !is_header("7,0,1"));
}
