//! Log messages of stages: levels, times, the text form, filters.
//!
//! Pure: input, terminal and rotation are in `commands`, which writes the text form that is read
//! here.

use std::fmt;

use crate::record::{Log, log_time};

/// The severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// Details for developers.
    Debug,
    /// Normal events.
    Info,
    /// A condition that may need action.
    Warning,
    /// A failure.
    Error,
    /// A failure that ends the command, or that loses data.
    Critical,
}

impl Level {
    /// All levels, the least severe first.
    pub const ALL: [Self; 6] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// Its name in a record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// The level of that name in any case, also as other programs and syslog call it (WARN, FATAL, NOTICE, ERR, CRIT,
    /// ALERT, EMERG).
    pub fn named(name: &str) -> Option<Self> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name {
            _ if is("NOTICE") => Some(Self::Info),
            _ if is("WARN") => Some(Self::Warning),
            _ if is("ERR") => Some(Self::Error),
            _ if ["FATAL", "CRIT", "ALERT", "EMERG"].into_iter().any(is) => Some(Self::Critical),
            _ => Self::ALL.into_iter().find(|level| is(level.name())),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which messages match; an empty list matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The levels that match.
    pub levels: Vec<Level>,
    /// The names of the stages that match.
    pub sources: Vec<String>,
}

impl Filter {
    /// Whether `log` matches. An unknown level matches only where all levels do.
    pub fn matches(&self, log: &Log) -> bool {
        let level = |it: &Level| Level::named(&log.level) == Some(*it);
        (self.levels.is_empty() || self.levels.iter().any(level))
            && (self.sources.is_empty() || self.sources.contains(&log.source))
    }
}

/// Seconds in a day.
const DAY: i64 = 86_400;

/// Unix seconds as `2026-11-23T06:54:06.123456Z`, with so many digits of the second.
pub fn utc(t: f64, digits: usize) -> String {
    let scale = 10_i64.pow(digits.min(6) as u32);
    // The text form has years of four digits.
    let ticks = (t.clamp(-62_135_596_800.0, 253_402_300_799.0) * scale as f64).floor() as i64;
    let (seconds, fraction) = (ticks.div_euclid(scale), ticks.rem_euclid(scale));
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let dot = if digits == 0 { String::new() } else { format!(".{fraction:0digits$}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{dot}Z")
}

/// Year, month and day of the day with that number, 1970-01-01 being 0 (proleptic Gregorian).
fn date(day: i64) -> (i64, i64, i64) {
    /// Days in 400 years, after which the calendar repeats.
    const ERA: i64 = 146_097;
    // Years begin in March here, so that the leap day comes last.
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(ERA), day.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_month)
}

/// The number of a day, 1970-01-01 being 0.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The Unix seconds of a text of [`utc`]; plain Unix seconds and milliseconds are accepted too.
pub fn from_utc(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return log_time(seconds);
    }
    let (days, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, by: char| {
        let number = |part: &str| {
            let is_plain = part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            part.parse::<f64>().ok().filter(|_| is_plain)
        };
        text.split(by).map(number).collect::<Option<Vec<_>>>()
    };
    let (days, time) = (numbers(days, '-')?, numbers(time, ':')?);
    let (&[year, month, day], &[hour, minute, second]) = (days.as_slice(), time.as_slice()) else {
        return None;
    };
    let within = (1.0..=9999.0).contains(&year)
        && (1.0..=12.0).contains(&month)
        && (1.0..=31.0).contains(&day)
        && [year, month, day, hour, minute].iter().all(|part| part.fract() == 0.0)
        && hour < 24.0
        && minute < 60.0
        // A leap second is the second 60.
        && second < 61.0;
    let day = (year as i64, month as i64, day as i64);
    let days = within.then(|| day_number(day.0, day.1, day.2)).filter(|days| date(*days) == day)?;
    Some((days * DAY) as f64 + hour * 3600.0 + minute * 60.0 + second)
}

/// Reads a line of the text form: time, level, stage, file:line (or -), message.
pub fn from_text(line: &str) -> Option<Log> {
    let (time, rest) = word(line)?;
    let (level, rest) = word(rest)?;
    let (source, rest) = word(rest)?;
    let (place, message) = word(rest)?;
    let (file, number) = match place.rsplit_once(':') {
        Some((file, number)) => (file, Some(number.parse().ok()?)),
        None if place == "-" => ("", None),
        None => return None,
    };
    Some(Log {
        t: from_utc(time)?,
        level: match Level::named(level) {
            Some(level) => level.name().to_owned(),
            // Another program's, as a record may have it.
            None if level.bytes().all(|byte| byte.is_ascii_alphabetic()) => level.to_owned(),
            None => return None,
        },
        source: source.to_owned(),
        file: file.to_owned(),
        line: number,
        message: message.to_owned(),
    })
}

/// The first word, and the rest after the blanks that follow it.
fn word(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (!word.is_empty()).then(|| (word, rest.trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_as_it_was_written() {
        for (t, text) in [
            (0.0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400.5, "2000-02-29T00:00:00.500000Z"),
            (1_606_985_123.204_381, "2020-12-03T08:45:23.204381Z"),
            (-1.0, "1969-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(utc(t, 6), text);
            assert!((from_utc(text).unwrap() - t).abs() < 1e-6, "{text}");
        }
        assert_eq!(from_utc("1606985123204"), Some(1_606_985_123.204));
        assert_eq!(from_utc("1606985123204000"), None);
        // Every day of 800 years, with and without leap days.
        for day in -146_097..146_097 {
            let (y, m, d) = date(day);
            assert_eq!(day_number(y, m, d), day);
            assert!((1..=12).contains(&m) && (1..=31).contains(&d));
        }
        for wrong in [
            "",
            "Z",
            "2020-12-03",
            "2020-13-03T08:45:23Z",
            "2020-12-03T08:45Z",
            "nan",
            "2026-01-01T45:60:60Z",
            "2026-01-01T24:00:00Z",
            "2026-02-31T00:00:00Z",
            "2026-01-01T1e1:00:00Z",
            "2026-01-01T10.5:00:00Z",
        ] {
            assert_eq!(from_utc(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_line_of_text_is_read_back() {
        let line = "2020-12-03T08:45:23.204381Z WARNING  collect   src/a.rs:88 two  words: yes ";
        let log = from_text(line).unwrap();
        assert_eq!((log.level.as_str(), log.source.as_str()), ("WARNING", "collect"));
        assert_eq!((log.file.as_str(), log.line), ("src/a.rs", Some(88)));
        assert_eq!(log.message, "two  words: yes ");
        assert_eq!(from_text("2020-12-03T08:45:23Z INFO fit - x").unwrap().line, None);
        for wrong in ["", "hello world", "2020-12-03T08:45:23Z 3 fit - x", "1 INFO fit"] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_filter_matches_the_levels_and_sources_in_it() {
        let log = |level: &str, source: &str| Log {
            t: 0.0,
            level: level.to_owned(),
            source: source.to_owned(),
            file: String::new(),
            line: None,
            message: String::new(),
        };
        let filter = Filter {
            levels: vec![Level::Warning, Level::Critical],
            sources: vec!["fit".to_owned()],
        };
        assert!(filter.matches(&log("warn", "fit")) && filter.matches(&log("FATAL", "fit")));
        assert!(filter.matches(&log("crit", "fit")) && !filter.matches(&log("notice", "fit")));
        assert!(
            !filter.matches(&log("ERROR", "fit")) && !filter.matches(&log("WARNING", "collect"))
        );
        assert!(Filter::default().matches(&log("loud", "any")));
    }
}
