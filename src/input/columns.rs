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
    /// The name of the column of events; empty without one.
    pub(super) id_name: String,
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
                    ", or the file with the rows of each cascade with --index FILE, or add a column cid"
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
            id_name: places[Role::Id as usize].map(|id| header[id].to_string()).unwrap_or_default(),
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

/// Whether a name is that of a column of marks.
pub(super) fn is_mark(name: &str) -> bool {
    MARK.iter().any(|known| name.trim().eq_ignore_ascii_case(known))
}

/// Whether a name is that of a column of times.
pub(super) fn is_time(name: &str) -> bool {
    let (_, _, known) = ROLES[Role::Time as usize];
    known.iter().any(|known| name.trim().eq_ignore_ascii_case(known))
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
mod tests;
