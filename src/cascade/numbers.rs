//! Numbers of records and histories, read fast where they are written plainly.
//!
//! Reading is most of the time of a corpus, and nearly all that is read is `[[t,m],...]`. What
//! stands here takes the plain forms only and leaves the rest to the general reader, so that both
//! together accept exactly what that one accepts, and the same numbers come out.

use super::Point;

/// Reads a list of pairs from the start of `bytes` behind those in `into`, and tells its length in bytes.
///
/// `None` where it is no plain list of sound points: an exponent, a minus, a number out of range,
/// or no list at all. `into` may then hold part of it.
pub(crate) fn pairs(bytes: &[u8], into: &mut Vec<Point>) -> Option<usize> {
    let mut at = token(bytes, 0, b'[')?;
    if let Some(end) = token(bytes, at, b']') {
        return Some(end);
    }
    loop {
        at = token(bytes, at, b'[')?;
        let (time, end) = plain(bytes, blank(bytes, at))?;
        at = token(bytes, end, b',')?;
        let (magnitude, end) = plain(bytes, blank(bytes, at))?;
        at = token(bytes, end, b']')?;
        into.push(Point::checked(time, magnitude).ok()?);
        match token(bytes, at, b',') {
            Some(next) => at = next,
            None => return token(bytes, at, b']'),
        }
    }
}

/// Reads a field of a table as a number: a plain one, or whatever else Rust takes for one.
pub(crate) fn field(bytes: &[u8]) -> Option<f64> {
    let bytes = bytes.trim_ascii();
    match plain(bytes, 0) {
        Some((value, end)) if end == bytes.len() => Some(value),
        _ => std::str::from_utf8(bytes).ok()?.parse().ok(),
    }
}

/// The place behind `byte`, which stands at `at` or after blanks.
#[inline]
fn token(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = blank(bytes, at);
    (bytes.get(at) == Some(&byte)).then_some(at + 1)
}

/// The place of the first byte from `at` on that is no blank of JSON.
#[inline]
fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// An unsigned decimal number without an exponent, as JSON writes it, and the place behind it.
///
/// Below 2^53 its digits are an exact float, as is the power of ten that divides them, so the
/// quotient is rounded once: correctly. Longer ones go through the standard library.
pub(crate) fn plain(bytes: &[u8], start: usize) -> Option<(f64, usize)> {
    const EXACT: u64 = 1 << 53;
    const LONGEST: usize = 18; // digits that surely fit a u64
    let (mut digits, point) = run(bytes, start, 0);
    let whole = point - start;
    if whole == 0 || (whole > 1 && bytes[start] == b'0') {
        return None;
    }
    let (mut end, mut places) = (point, 0);
    if bytes.get(point) == Some(&b'.') {
        (digits, end) = run(bytes, point + 1, digits);
        places = end - point - 1;
        if places == 0 {
            return None;
        }
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        return None;
    }
    if whole + places <= LONGEST && digits <= EXACT {
        return Some((digits as f64 / POWERS_OF_TEN[places], end));
    }
    let text = std::str::from_utf8(&bytes[start..end]).ok()?;
    text.parse().ok().map(|value| (value, end))
}

/// Appends the digits from `at` on to `number`, which may overflow, and tells where they end.
#[inline]
fn run(bytes: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|it| *it < 10)
    {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (number, at)
}

/// The powers that a float holds exactly, as far as they are needed here.
const POWERS_OF_TEN: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// A number as people and programs write it, sound or slightly spoilt.
    fn number(rng: &mut ChaCha8Rng) -> String {
        let value = f64::from_bits(rng.next_u64());
        let digits = rng.next_u64() >> (rng.next_u32() % 64);
        match rng.next_u32() % 12 {
            0 => format!("{value}"),
            1 => format!("{value:e}"),
            2 => format!("0{digits}"),
            3 => format!("{digits}."),
            4 => format!("-{digits}"),
            5 | 6 => format!("{digits}"),
            7 => format!("{:.17}", digits as f64 / 1e15),
            _ => format!("{}.{}", digits % 1_000_000, rng.next_u64() >> (rng.next_u32() % 64)),
        }
    }

    fn spoilt(rng: &mut ChaCha8Rng) -> String {
        let gap =
            |rng: &mut ChaCha8Rng| ["", "", "", " ", "\t", " \n"][rng.next_u32() as usize % 6];
        let mut text = String::from("[");
        for i in 0..rng.next_u32() % 4 {
            let comma = if i > 0 { "," } else { "" };
            let (a, b, c) = (gap(rng), gap(rng), gap(rng));
            text += &format!("{comma}{a}[{b}{}{c},{a}{}{b}]{c}", number(rng), number(rng));
        }
        text.push(']');
        if rng.next_u32().is_multiple_of(4) {
            let at = rng.next_u32() as usize % text.len();
            let other = b"[],.e09 -\""[rng.next_u32() as usize % 10];
            text.replace_range(at..=at, &char::from(other).to_string());
        }
        text
    }

    #[test]
    fn what_is_read_fast_is_what_serde_reads_to_the_last_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut fast = 0;
        for round in 0..100_000 {
            let text = spoilt(&mut rng);
            let mut points = Vec::new();
            let Some(end) = pairs(text.as_bytes(), &mut points) else { continue };
            fast += 1;
            let slow: Vec<Point> = serde_json::from_str(&text[..end])
                .unwrap_or_else(|error| panic!("round {round}: {text}: {error}"));
            assert_eq!(points, slow, "round {round}: {text}");
        }
        assert!(fast > 10_000, "{fast}");
    }

    #[test]
    fn whole_and_decimal_numbers_are_plain() {
        for text in
            ["[]", "[ ]", "[[0,1]]", "[[0.0, 1000.0], [123.81097982143302, 24.241097410328564]]"]
        {
            assert_eq!(pairs(text.as_bytes(), &mut Vec::new()), Some(text.len()), "{text}");
        }
        for text in [
            "",
            "[",
            "[[0,1]",
            "[[0]]",
            "[[0,1,2]]",
            "[[1e3,1]]",
            "[[-1,1]]",
            "[[0,2e12]]",
            "[[01,1]]",
        ] {
            assert_eq!(pairs(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
    }

    #[test]
    fn a_field_is_what_rust_reads() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for _ in 0..100_000 {
            let text = number(&mut rng);
            let told = field(format!(" {text}").as_bytes());
            assert_eq!(told.map(f64::to_bits), text.parse().ok().map(f64::to_bits), "{text}");
        }
        assert_eq!(field(b""), None);
        assert_eq!(field(b"12 3"), None);
    }
}
