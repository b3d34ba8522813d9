//! Times as text: RFC 3339, SQL and Twitter's form, in Unix seconds. The only module that uses `jiff`.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// The form of `created_at` in the API v1.1: `Wed Oct 10 20:19:24 +0000 2018`.
const TWITTER: &str = "%a %b %d %H:%M:%S %z %Y";

/// Times below this many seconds are not Unix times, but times since the start of a cascade (1973-03-03).
pub(crate) const EARLIEST_UNIX: f64 = 1e8;

/// The forms of R and of shells: `2018-10-10 20:19:24 +0000`.
const SPACED: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f %:z"];

/// A time given as a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TextTime {
    /// Unix seconds: the text has an offset from UTC.
    Unix(f64),
    /// Seconds since 1970 in local time: the text has no offset from UTC.
    Local(f64),
}

impl TextTime {
    /// Unix seconds, where times without an offset are `utc_offset` seconds ahead of UTC.
    pub(crate) fn unix(self, utc_offset: f64) -> f64 {
        match self {
            Self::Unix(seconds) => seconds,
            Self::Local(seconds) => seconds - utc_offset,
        }
    }
}

/// The Unix time of a text in seconds, where times without an offset are `utc_offset` seconds ahead of UTC.
pub(crate) fn unix_seconds(text: &str, utc_offset: f64) -> Option<f64> {
    text_time(text).map(|time| time.unix(utc_offset))
}

/// The time of a text: RFC 3339 with any offset and fraction, a date and time (`2018-10-10 20:19:24`) without an offset
/// or followed by one, or Twitter's form.
///
/// `None` where the text has none of these forms. A leap second counts as the second before it.
pub(crate) fn text_time(text: &str) -> Option<TextTime> {
    let text = text.trim();
    let zoned = |form: &str| {
        let time = strtime::parse(form, text).ok()?.to_timestamp().ok()?;
        Some(TextTime::Unix(seconds(time)))
    };
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return zoned(TWITTER);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(TextTime::Unix(seconds(time)));
    }
    if let Some(time) = SPACED.into_iter().find_map(zoned) {
        return Some(time);
    }
    let universal = ["UTC", "GMT"].into_iter().find_map(|zone| text.strip_suffix(zone));
    let (text, make): (_, fn(f64) -> TextTime) = match universal {
        Some(text) => (text.trim_end(), TextTime::Unix),
        None => (text, TextTime::Local),
    };
    // A date alone would put the events of a day at midnight.
    if !text.contains(':') {
        return None;
    }
    let local: DateTime = text.parse().ok()?;
    let time = TimeZone::UTC.to_timestamp(local).ok()?;
    Some(make(seconds(time)))
}

/// The remedy for a text that is plainly a date with a time, but in no form that [`text_time`] reads: it ends with the name
/// of a zone, or its parts are in another order.
pub(crate) fn remedy(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let is_zone = |it: &str| it.len() >= 2 && it.bytes().all(|byte| byte.is_ascii_uppercase());
    if let Some((time, zone)) = text.rsplit_once(' ')
        && is_zone(zone)
        && text_time(time).is_some()
    {
        return Some("remove the name of the zone, and give its hours from UTC with --utc-offset");
    }
    let parts: Vec<&str> = text.split(|it: char| !it.is_ascii_digit()).collect();
    let is_date = parts.len() >= 3 && parts[..3].iter().all(|it| matches!(it.len(), 1 | 2 | 4));
    (is_date && text.contains(['/', '.', '-', 'T', ' ']) && text.contains(':'))
        .then_some("write it as 2018-10-10 20:19:24 (year, month, day)")
}

/// A time in nanoseconds since 1970 as a text that [`unix_seconds`] reads: in UTC, or without an offset. `None` outside
/// the years -9999 to 9999.
#[cfg(feature = "parquet")]
pub(super) fn text(nanoseconds: i128, is_utc: bool) -> Option<String> {
    let text = Timestamp::from_nanosecond(nanoseconds).ok()?.to_string();
    Some(if is_utc { text } else { text.trim_end_matches('Z').to_owned() })
}

/// A time given by an option: Unix seconds, a text that tables may have, or a date, which is its midnight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GivenTime(TextTime);

impl GivenTime {
    /// Unix seconds, where times without an offset are `utc_offset` seconds ahead of UTC.
    pub fn unix(self, utc_offset: f64) -> f64 {
        self.0.unix(utc_offset)
    }
}

impl FromStr for GivenTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_date = text.trim().len() == "2018-10-10".len() && !text.contains(':');
        let midnight = || text_time(&format!("{} 00:00:00", text.trim())).filter(|_| is_date);
        let time = match text.trim().parse::<f64>() {
            Ok(number) => Some(number)
                .filter(|it| (EARLIEST_UNIX..guessed_from()).contains(it))
                .map(TextTime::Unix),
            Err(_) => text_time(text).or_else(midnight),
        };
        time.map(Self).ok_or_else(|| {
            format!(
                "{text:?} is not a time: give Unix seconds from 1e8 (1973), a time such as 2018-10-10T20:19:24Z, or a date"
            )
        })
    }
}

/// The smallest number that is read as another unit than seconds.
fn guessed_from() -> f64 {
    UNITS.iter().map(|(_, _, smallest)| *smallest).fold(f64::INFINITY, f64::min)
}

/// Whether a number is a date and a time as `YYYYMMDDhhmmss`, which would be read as milliseconds of the 27th century.
pub(crate) fn is_compact_date(number: f64) -> bool {
    const DATES: std::ops::Range<f64> = 1.97e13..2.2e13;
    if !DATES.contains(&number) {
        return false;
    }
    let text = format!("{number:.0}");
    strtime::parse("%Y%m%d%H%M%S", &text).and_then(|it| it.to_datetime()).is_ok()
}

fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64 + f64::from(time.subsec_nanosecond()) / 1e9
}

/// Units of Unix times: name, number per second, and the smallest value that is read as this unit.
const UNITS: [(&str, f64, f64); 3] =
    [("nanoseconds", 1e9, 1e17), ("microseconds", 1e6, 1e14), ("milliseconds", 1e3, 1e11)];

/// The unit of a number that is too large for Unix seconds: its name, and seconds per unit.
///
/// 1e11 s are the year 5138; 1e11 ms, 1e14 us and 1e17 ns are in 1973.
pub(crate) fn guessed_unit(value: f64) -> Option<(&'static str, f64)> {
    let unit = UNITS.iter().find(|(_, _, smallest)| value >= *smallest);
    unit.map(|(name, per_second, _)| (*name, 1.0 / per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_time_give_the_same_seconds() {
        for text in [
            "2018-10-10T20:19:24Z",
            "2018-10-10T20:19:24.000Z",
            "2018-10-10T22:19:24+02:00",
            "2018-10-10T14:49:24.000000-05:30",
            "2018-10-10 20:19:24+00:00",
            "2018-10-10 20:19:24",
            "2018-10-10T20:19:24",
            " 2018-10-10 20:19:24 UTC",
            "2018-10-10 20:19:24 GMT",
            "2018-10-10 22:19:24 +0200",
            "2018-10-10 22:19:24.0 +02:00",
            "Wed Oct 10 20:19:24 +0000 2018",
            "Wed Oct 10 22:19:24 +0200 2018",
        ] {
            assert_eq!(unix_seconds(text, 0.0), Some(1_539_202_764.0), "{text}");
        }
        assert_eq!(unix_seconds("2018-10-10T20:19:24.25Z", 0.0), Some(1_539_202_764.25));
        assert_eq!(unix_seconds("1969-12-31T23:59:59.5Z", 0.0), Some(-0.5));
        assert_eq!(unix_seconds("2016-12-31T23:59:60Z", 0.0), Some(1_483_228_799.0));
    }

    #[test]
    fn the_offset_is_that_of_times_without_one() {
        assert_eq!(unix_seconds("2018-10-10 22:19:24", 7200.0), Some(1_539_202_764.0));
        assert_eq!(unix_seconds("2018-10-10T20:19:24Z", 7200.0), Some(1_539_202_764.0));
        assert_eq!(unix_seconds("2018-10-10 20:19:24 UTC", 7200.0), Some(1_539_202_764.0));
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in [
            "",
            "soon",
            "1539202764",
            "2018-10-10",
            "10/10/2018 20:19:24",
            "2018-13-10T20:19:24Z",
            "2018-02-30 20:19:24",
            "Wed Oct 10 20:19:24 2018",
            "Thu Oct 10 20:19:24 +0000 2018 x",
        ] {
            assert_eq!(unix_seconds(text, 0.0), None, "{text}");
        }
    }

    #[test]
    fn a_date_in_another_form_has_a_remedy() {
        for (text, word) in [
            ("2020-01-01 10:00:00 CET", "--utc-offset"),
            ("2020/02/01 10:00:00", "year, month, day"),
            ("01.02.2020 10:00:00", "year, month, day"),
            ("10/10/2018 20:19", "year, month, day"),
        ] {
            assert!(remedy(text).is_some_and(|it| it.contains(word)), "{text}");
        }
        for text in ["", "soon", "SOON", "1,5", "a: b"] {
            assert_eq!(remedy(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_given_by_an_option_is_its_midnight() {
        let read = |text: &str| text.parse::<GivenTime>().unwrap();
        for text in ["2018-10-10", "2018-10-10 00:00:00"] {
            assert_eq!(read(text).unix(0.0), 1_539_129_600.0, "{text}");
            assert_eq!(read(text).unix(7200.0), 1_539_122_400.0, "{text}");
        }
        for text in ["2018-10-10T00:00:00Z", "1539129600"] {
            assert_eq!(read(text).unix(7200.0), 1_539_129_600.0, "{text}");
        }
        for text in ["2018-13-10", "2018-10-1", "10/10/2018"] {
            assert!(text.parse::<GivenTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_date_and_time_of_14_digits_is_a_compact_date() {
        for (number, expected) in [
            (20_181_010_201_924.0, true),
            (20_181_310_201_924.0, false),
            (20_181_010_256_924.0, false),
            (1_539_202_764_123.0, false),
            (1_539_202_764_123_456.0, false),
            (2018.0, false),
        ] {
            assert_eq!(is_compact_date(number), expected, "{number}");
        }
    }

    #[test]
    fn the_unit_follows_from_the_size() {
        assert_eq!(guessed_unit(1_539_202_764.0), None);
        assert_eq!(guessed_unit(1_539_202_764_123.0), Some(("milliseconds", 1e-3)));
        assert_eq!(guessed_unit(1_539_202_764_123_456.0), Some(("microseconds", 1e-6)));
        assert_eq!(guessed_unit(1_539_202_764_123_456_789.0), Some(("nanoseconds", 1e-9)));
    }
}
