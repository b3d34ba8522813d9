//! The columns of a table of events: the delimiter, the names, and the mapping.

use std::str::FromStr;

use csv::ByteRecord;

use super::cell::{value, whole};
use super::lines::without_byte_order_mark;
use crate::record::Refusal;

/// Delimiters, in the order in which they are tried, and their names.
const DELIMITERS: [(u8, &str); 4] =
    [(b',', "commas"), (b'\t', "tabs"), (b';', "semicolons"), (b'|', "vertical bars")];

/// A column that a table may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Cid,
    Id,
    Time,
    Mark,
    Text,
    Source,
}

/// The roles, their names in `--columns`, and the names of columns that have them without an option. A column of sources
/// is always given: in exports, `source` is the client with which a tweet was written.
const ROLES: [(Role, &str, &[&str]); 6] = [
    (Role::Cid, "cid", &CID),
    (Role::Id, "id", &["id", "tweet_id", "status_id", "event_id", "id_str"]),
    (Role::Time, "t", &["t", "time", "timestamp", "created_at", "date", "datetime"]),
    (Role::Mark, "m", &MARK),
    (Role::Text, "msg", &["msg", "text", "full_text"]),
    (Role::Source, "source", &[]),
];

/// Own names; then those of rtweet, twarc, Hydrator and pandas for X API v1.1, and of twarc for X API v2.
const CID: [&str; 11] = [
    "cid",
    "cascade_id",
    "root_id",
    "retweet_of",
    "retweeted_id",
    "retweeted_status_id",
    "retweet_status_id",
    "retweet_id",
    "retweeted_status.id_str",
    "retweeted_status.id",
    "referenced_tweets.retweeted.id",
];

/// Names of columns that have a cascade for every event, whose ids may be numbers from 0.
const OWN_CID: [&str; 3] = ["cid", "cascade_id", "root_id"];

/// Own names; then those of twarc and Hydrator, of pandas for X API v1.1, and of twarc for X API v2.
const MARK: [&str; 11] = [
    "m",
    "magnitude",
    "followers",
    "followers_count",
    "user_followers",
    "user_followers_count",
    "author_followers",
    "author_followers_count",
    "user.followers_count",
    "author.public_metrics.followers_count",
    "public_metrics.followers_count",
];

/// Names of columns given by an option: `cid=retweet_of,t=created_at`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnNames([Option<String>; 6]);

impl FromStr for ColumnNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut names = Self::default();
        for pair in text.split(',') {
            let given = pair.split_once('=').filter(|(_, name)| !name.trim().is_empty());
            let (role, name) = given
                .ok_or_else(|| format!("{pair:?} is not ROLE=NAME, such as cid=retweet_of"))?;
            let place = ROLES.iter().position(|(_, it, _)| *it == role.trim());
            let place =
                place.ok_or_else(|| format!("{role:?} is none of the columns {}", roles()))?;
            if names.0[place].replace(name.trim().to_owned()).is_some() {
                return Err(format!("{role} is given twice"));
            }
        }
        Ok(names)
    }
}

/// The names of the roles, as a list.
fn roles() -> String {
    let names = ROLES.map(|(_, short, _)| short);
    let (last, others) = names.split_last().expect("there are roles");
    format!("{} and {last}", others.join(", "))
}

/// The positions of the columns of a table.
#[derive(Debug, PartialEq)]
pub(super) struct Columns {
    /// Number of columns.
    pub(super) count: usize,
    pub(super) cid: usize,
    /// The name of the column of cascades in the header.
    pub(super) cid_name: String,
    /// Whether a cascade `0` or `-1` is a missing value: the column has the originals of retweets, and an event without one
    /// is an original.
    zero_is_missing: bool,
    pub(super) id: Option<usize>,
    pub(super) time: usize,
    pub(super) mark: Option<usize>,
    pub(super) text: Option<usize>,
    pub(super) source: Option<usize>,
}

impl Columns {
    /// The mapping for a header, and a description of it; `names` take precedence over names that are recognised.
    pub(super) fn of(header: &ByteRecord, names: &ColumnNames) -> Result<(Self, String), Refusal> {
        let header: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
        let mut places = [None; ROLES.len()];
        for (place, given) in names.0.iter().enumerate() {
            let Some(given) = given else { continue };
            let found = header.iter().position(|name| name == given);
            let Some(found) = found else {
                return Err(missing(&format!("no column {given:?}"), &header));
            };
            places[place] = Some(found);
        }
        let has_name = |name: &str| header.iter().any(|it| it.to_lowercase() == name);
        for (place, (_, _, known)) in ROLES.iter().enumerate() {
            if places[place].is_none() {
                let free = |column: &usize| !places.contains(&Some(*column));
                // In other tables than Hydrator's, it may be the id of the retweet.
                let is_known =
                    |name: &&&str| **name != "retweet_id" || has_name("retweet_screen_name");
                let mut found = known.iter().filter(is_known).filter_map(|name| {
                    header.iter().position(|it| it.to_lowercase() == *name).filter(free)
                });
                places[place] = found.next();
            }
        }
        let needed = |role: Role| {
            let (_, short, known) = ROLES[role as usize];
            let text = || format!("no column for {short} ({})", known.join(", "));
            let has = |role: Role| places[role as usize].is_some();
            // The tables of evently and of the original system have events only.
            let index = match role {
                Role::Cid if has(Role::Time) && has(Role::Mark) && !has(Role::Id) => {
                    ", or the file with the rows of each cascade with --index FILE"
                }
                _ => "",
            };
            places[role as usize].ok_or_else(|| {
                let missing = missing(&text(), &header).detail;
                Refusal::new(
                    "field",
                    format!("{missing}; give it with --columns {short}=NAME{index}"),
                )
            })
        };
        let cid = needed(Role::Cid)?;
        let columns = Self {
            count: header.len(),
            cid,
            zero_is_missing: places[Role::Id as usize].is_some()
                && !OWN_CID.contains(&&*header[cid].to_lowercase()),
            cid_name: header[cid].to_string(),
            id: places[Role::Id as usize],
            time: needed(Role::Time)?,
            mark: places[Role::Mark as usize],
            text: places[Role::Text as usize],
            source: places[Role::Source as usize],
        };
        let mapped = ROLES.iter().zip(places).filter_map(|((_, short, _), place)| {
            place.map(|place| format!("{short}={}", header[place]))
        });
        let mut described = mapped.collect::<Vec<_>>().join(", ");
        let ignored: Vec<&str> = (0..header.len())
            .filter(|column| !places.contains(&Some(*column)))
            .map(|column| if header[column].is_empty() { "(no name)" } else { &*header[column] })
            .collect();
        if !ignored.is_empty() {
            described += &format!("; ignored: {}", ignored.join(", "));
        }
        if columns.mark.is_none() {
            described +=
                "; no column of followers: each mark is 1 (another column: --columns m=NAME)";
        }
        Ok((columns, described))
    }

    /// The positions of the columns that are used.
    #[cfg(feature = "parquet")]
    pub(super) fn used(&self) -> Vec<usize> {
        let optional = [self.id, self.mark, self.text, self.source];
        [self.cid, self.time].into_iter().chain(optional.into_iter().flatten()).collect()
    }

    /// Whether the original of a row is `0` or `-1`, which stands for a missing one.
    pub(super) fn is_zero(&self, row: &ByteRecord) -> bool {
        self.zero_is_missing && matches!(row.get(self.cid), Some(b"0" | b"0.0" | b"-1" | b"-1.0"))
    }

    /// The ids of the cascade and of the event of a row; empty where there is none. The cascade of a row without one is
    /// the event.
    pub(super) fn ids<'a>(&self, row: &'a ByteRecord) -> (&'a [u8], &'a [u8]) {
        let id = |column: usize| whole(value(row.get(column).unwrap_or_default()));
        let (cid, event) = (id(self.cid), self.id.map(id).unwrap_or_default());
        let is_missing = cid.is_empty() || self.is_zero(row);
        (if is_missing { event } else { cid }, event)
    }
}

fn missing(what: &str, header: &[impl AsRef<str>]) -> Refusal {
    let header: Vec<&str> = header.iter().map(AsRef::as_ref).collect();
    let is_value = |name: &&str| name.trim().starts_with(|first: char| first.is_ascii_digit());
    let is_row = header.iter().filter(|name| is_value(name)).count() >= 2;
    let hint = match is_row {
        true => ", which looks like a row: write the names of the columns in the first line",
        false => "",
    };
    Refusal::new("field", format!("{what} in the header {:?}{hint}", header.join(", ")))
}

/// The names in a header that is divided by `delimiter`.
fn names(line: &str, delimiter: u8) -> impl Iterator<Item = &str> {
    line.split(char::from(delimiter)).map(|name| name.trim().trim_matches('"'))
}

/// The delimiter of a table with this header, and its name: the one that gives the most columns.
pub(super) fn delimiter(header: &str) -> (u8, &'static str) {
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    let mut best = DELIMITERS[0];
    for other in DELIMITERS {
        if count(other.0) > count(best.0) {
            best = other;
        }
    }
    best
}

/// The delimiter in the line `sep=;`, which Excel reads before the header.
pub(super) fn declared_delimiter(line: &[u8]) -> Option<u8> {
    match without_byte_order_mark(line).trim_ascii_end() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] => Some(*delimiter),
        // A tab is white space.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] => Some(b'\t'),
        _ => None,
    }
}

/// Whether a line is the header of a table with a name of a cascade id, an event id or a time.
pub(super) fn is_header(line: &str) -> bool {
    let (delimiter, _) = delimiter(line);
    let known = |name: &str| {
        let name = name.to_lowercase();
        ROLES[..3].iter().any(|(_, _, known)| known.contains(&&*name))
    };
    line.bytes().any(|byte| byte == delimiter) && names(line, delimiter).any(known)
}

#[cfg(test)]
mod tests {
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
        assert!(
            evently.ends_with("=NAME, or the file with the rows of each cascade with --index FILE")
        );
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
}
