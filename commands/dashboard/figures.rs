//! Numbers and times as short text.

use tweetoscope::stage::dashboard::{Change, Entry};

/// A count: `1,234`; below ten with one decimal where it is not whole.
pub(crate) fn count(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if value < 10.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    if value.abs() >= 1e15 {
        return format!("{value:.1e}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in at most six characters: `9,999`, `12.3k`, `123M`.
pub(crate) fn short(value: f64) -> String {
    const UNITS: [(f64, char); 4] = [(1e3, 'k'), (1e6, 'M'), (1e9, 'B'), (1e12, 'T')];
    if !value.is_finite() || value.abs() < 9_999.5 || value.abs() >= 1e15 {
        return count(value);
    }
    // The unit below 1,000 of which the rounded number remains.
    let unit = UNITS.into_iter().find(|(unit, _)| value.abs() < 999.5 * unit);
    let (unit, name) = unit.unwrap_or(UNITS[3]);
    match value / unit {
        few if few.abs() < 99.95 => format!("{few:.1}{name}"),
        many => format!("{many:.0}{name}"),
    }
}

/// A span of seconds in its two largest units: `45s`, `12m05s`, `2h05m`, `3d04h`.
pub(crate) fn span(seconds: f64) -> String {
    let s = seconds.clamp(0.0, 1e12) as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3600 % 24),
    }
}

/// `310-4,900`, or nothing.
pub(crate) fn interval(entry: &Entry) -> String {
    interval_by(entry, count)
}

/// ` (310-4,900)`, or nothing.
pub(crate) fn in_parentheses(entry: &Entry) -> String {
    entry.interval.map_or_else(String::new, |_| format!(" ({})", interval(entry)))
}

/// The interval with its ends in the form of `number`.
pub(crate) fn interval_by(entry: &Entry, number: fn(f64) -> String) -> String {
    entry.interval.map_or_else(String::new, |it| format!("{}-{}", number(it.low), number(it.high)))
}

/// The number of cascades that are over and not shown, with the remedy, or nothing.
pub(crate) fn hidden(ended: usize, remedy: &str) -> Option<String> {
    let cascades = if ended == 1 { "cascade is" } else { "cascades are" };
    (ended > 0).then(|| format!("{} {cascades} over and not shown; {remedy}", count(ended as f64)))
}

/// A probability: `2%`, `<1%`, `>99%`.
pub(crate) fn percent(p: f64) -> String {
    match p * 100.0 {
        p if p < 1.0 && p > 0.0 => "<1%".to_owned(),
        p if p > 99.0 && p < 100.0 => ">99%".to_owned(),
        p => format!("{p:.0}%"),
    }
}

/// `+3`, `-1`, `new`, `=`, or nothing before the first stored ranking.
pub(crate) fn change(change: Option<Change>) -> String {
    match change {
        None => String::new(),
        Some(Change::New) => "new".to_owned(),
        Some(Change::By(0)) => "=".to_owned(),
        Some(Change::By(places)) => format!("{places:+}"),
    }
}

/// The size to which the probabilities of all rows refer; none where they differ.
pub(crate) fn threshold(rows: &[Entry]) -> Option<f64> {
    let mut sizes = rows.iter().filter_map(|row| row.above.map(|above| above.0));
    let first = sizes.next()?;
    sizes.all(|size| size == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_short() {
        let counts = [0.0, 1.25, 9.0, 999.6, 1234.0, 1_234_567.0, f64::NAN];
        assert_eq!(counts.map(count), ["0", "1.2", "9", "1,000", "1,234", "1,234,567", "-"]);
        assert_eq!([1e300, 999e12].map(count), ["1.0e300", "999,000,000,000,000"]);
        let shorts = [1.25, 9_999.4, 9_999.6, 99_940.0, 99_960.0, 999_600.0, 12_345_678.0, 1e12];
        let expected = ["1.2", "9,999", "10.0k", "99.9k", "100k", "1.0M", "12.3M", "1.0T"];
        assert_eq!(shorts.map(short), expected);
        let mut value = 1.0;
        while value < 9e14 {
            assert!(short(value).len() <= 6, "{value}: {}", short(value));
            value *= 1.01;
        }
        let spans = [0.0, 59.9, 60.0, 3599.0, 7500.0, 90_000.0];
        assert_eq!(spans.map(span), ["0s", "59s", "1m00s", "59m59s", "2h05m", "1d01h"]);
        assert_eq!(
            [0.0, 0.001, 0.02, 0.995, 1.0].map(percent),
            ["0%", "<1%", "2%", ">99%", "100%"]
        );
    }
}
