//! A fast parser for the plain decimal numbers of records and histories.
//!
//! Parsing takes the largest part of the time of a corpus, and nearly all input is `[[t,m],...]`. This
//! parser accepts plain forms only; the caller passes everything else to the general parser (serde_json, or
//! `str::parse`), whose results for plain forms are the same to the last bit.

use super::Point;

/// Parses a list of pairs at the start of `bytes`, appends the points to `into`, and returns the length of the
/// list in bytes.
///
/// `None` where it is not a plain list of valid points: an exponent, a minus sign, a number out of range,
/// or no list at all. `into` may then hold part of the list.
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

/// Parses a field of a table as a number, in any form that `str::parse` accepts.
pub(crate) fn field(bytes: &[u8]) -> Option<f64> {
    let bytes = bytes.trim_ascii();
    match plain(bytes, 0) {
        Some((value, end)) if end == bytes.len() => Some(value),
        _ => std::str::from_utf8(bytes).ok()?.parse().ok(),
    }
}

/// The place after `byte`, which is at `at` or follows after white space.
#[inline]
fn token(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = blank(bytes, at);
    (bytes.get(at) == Some(&byte)).then_some(at + 1)
}

/// The place of the first byte from `at` on that is not white space of JSON.
#[inline]
fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// An unsigned decimal number of JSON without an exponent, and the place after it.
///
/// Up to 15 digits are an exact float, as is the power of ten that divides them, so the quotient is
/// rounded once: correctly. Longer numbers go through [`quotient`], and where that returns `None`,
/// through the standard library.
#[inline]
pub(crate) fn plain(bytes: &[u8], start: usize) -> Option<(f64, usize)> {
    let number = bytes.get(start..)?;
    leading(number).map(|(value, rest)| (value, bytes.len() - rest.len()))
}

/// The same at the very start of `number`, with what follows it.
#[inline(always)]
pub(crate) fn leading(number: &[u8]) -> Option<(f64, &[u8])> {
    const SHORT: u64 = 1_000_000_000_000_000;
    const MAX_DIGITS: usize = 19; // digits that always fit a u64
    let (digits, rest) = run(number, 0);
    let whole = number.len() - rest.len();
    if whole == 0 || (whole > 1 && number[0] == b'0') {
        return None;
    }
    let [b'.', fraction @ ..] = rest else {
        let sure = whole <= MAX_DIGITS && !matches!(rest.first(), Some(b'e' | b'E'));
        // The conversion rounds once: correctly.
        return if sure { Some((digits as f64, rest)) } else { long(number, rest) };
    };
    let (digits, rest) = run(fraction, digits);
    let places = fraction.len() - rest.len();
    if places == 0 || matches!(rest.first(), Some(b'e' | b'E')) {
        return None;
    }
    if whole + places > MAX_DIGITS {
        return long(number, rest);
    }
    // Both are exact below 2^53, and their quotient is rounded once. The limit is at 15 digits because nearly
    // all long numbers have 16 or 17: a limit between these would be an unpredictable branch.
    let value = if digits < SHORT {
        Some(digits as f64 / POWERS_OF_TEN[places] as f64)
    } else {
        quotient(digits, places)
    };
    value.map(|value| (value, rest)).or_else(|| long(number, rest))
}

/// The number that ends where `rest` begins, by the standard library.
#[cold]
fn long<'a>(number: &[u8], rest: &'a [u8]) -> Option<(f64, &'a [u8])> {
    if matches!(rest.first(), Some(b'e' | b'E')) {
        return None;
    }
    let text = std::str::from_utf8(&number[..number.len() - rest.len()]).ok()?;
    text.parse().ok().map(|value| (value, rest))
}

/// digits / 10^places rounded to the nearest float; `None` where 64 bits do not determine it.
///
/// After Lemire, Number parsing at a gigabyte per second (2021), section 5, for these few powers. With
/// w = digits 2^z in [2^63, 2^64) and T the integral part of 2^(64+s) / 10^places, s the logarithm
/// of 10^places, the product w T is too small by less than w < 2^64. So of its first 64 bits the last
/// two may be wrong, and the rounding to 53 bits is sure unless the other 11 are just at the half.
fn quotient(digits: u64, places: usize) -> Option<f64> {
    const HALF: u64 = 1 << 10;
    const DOUBT: u64 = 3;
    let (z, s) = (digits.leading_zeros(), POWERS_OF_TEN[places].ilog2());
    let product = u128::from(digits << z) * u128::from(RECIPROCALS[places]);
    let shift = 64 - product.leading_zeros();
    let bits = (product >> shift) as u64;
    let (mantissa, rest) = (bits >> 11, bits & (2 * HALF - 1));
    if rest <= HALF && rest + DOUBT > HALF {
        return None;
    }
    let mantissa = mantissa + u64::from(rest > HALF);
    let exponent = 11 + i64::from(shift) - 64 - i64::from(s) - i64::from(z);
    // Both are exact: 2^53 at most, and a power of two far from the ends of the range.
    Some(mantissa as f64 * f64::from_bits(((1023 + exponent) as u64) << 52))
}

/// Appends the digits at the start of `rest` to `number`, which may overflow, and returns what follows.
#[inline(always)]
fn run(mut rest: &[u8], mut number: u64) -> (u64, &[u8]) {
    while let Some((word, after)) = rest.split_first_chunk() {
        let (value, count) = leading_digits(u64::from_le_bytes(*word));
        number = number.wrapping_mul(POWERS_OF_TEN[count]).wrapping_add(value);
        if count < 8 {
            return (number, &rest[count..]);
        }
        rest = after;
    }
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = after;
    }
    (number, rest)
}

/// The number that the first digits of eight bytes write, and how many they are.
#[inline(always)]
fn leading_digits(word: u64) -> (u64, usize) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let digits = word.wrapping_sub(EACH * 0x30);
    // The high bit of each byte that is not a digit; bytes after the first such may be wrong.
    let other = (digits | word.wrapping_add(EACH * 0x46)) & (EACH * 0x80);
    let count = other.trailing_zeros() as usize / 8;
    // Pads with leading zeros, then joins neighbours: to pairs, to fours, to all.
    let digits = digits.checked_shl(64 - 8 * count as u32).unwrap_or(0);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff, count)
}

/// The powers of ten up to 10^18; a float holds those up to 10^22 exactly.
const POWERS_OF_TEN: [u64; 19] = {
    let mut powers = [1; 19];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The first 64 bits of 1 / 10^i; the entry for i = 0 is not used and stays 0.
const RECIPROCALS: [u64; 19] = {
    let mut reciprocals = [0; 19];
    let mut i = 1;
    while i < reciprocals.len() {
        let power = POWERS_OF_TEN[i];
        reciprocals[i] = ((1u128 << (64 + power.ilog2())) / power as u128) as u64;
        i += 1;
    }
    reciprocals
};

/// A count with commas between groups of three digits, as in messages.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;

    /// A number in one of many notations, some of them not valid.
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
    fn pairs_are_the_numbers_of_serde_json_to_the_last_bit() {
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

    /// Also halfway between two floats, where the quotient is undetermined.
    #[test]
    fn a_quotient_is_rounded_as_the_standard_library_rounds_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut unsure = 0;
        for round in 0..400_000_u64 {
            let places = rng.next_u32() as usize % 18 + 1;
            let digits = match round % 4 {
                0 => rng.next_u64() | 1 << 53,
                1 => (rng.next_u64() >> (rng.next_u32() % 11)) | 1 << 53,
                2 => u64::MAX - rng.next_u64() % 2048,
                // k + 1/2 for floats k of 53 bits, times a power of ten: halves, and next to them.
                _ => {
                    let half = u128::from((rng.next_u64() >> 11) | 1 << 52) * 2 + 1;
                    let power = 10_u128.pow(rng.next_u32() % 3);
                    let near = (half * power) >> (rng.next_u32() % 7);
                    (near as u64).wrapping_add(u64::from(rng.next_u32() % 3)).max(1 << 53)
                }
            };
            let text = format!("{digits}e-{places}");
            match quotient(digits, places) {
                Some(value) => assert_eq!(text.parse().ok(), Some(value), "{text}"),
                None => unsure += 1,
            }
        }
        assert!((1..20_000).contains(&unsure), "{unsure}");
    }

    #[test]
    fn lists_of_whole_and_decimal_numbers_are_plain() {
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
    fn a_field_is_the_number_that_the_standard_library_parses() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for _ in 0..100_000 {
            let text = number(&mut rng);
            let parsed = field(format!(" {text}").as_bytes());
            assert_eq!(parsed.map(f64::to_bits), text.parse().ok().map(f64::to_bits), "{text}");
        }
        assert_eq!(field(b""), None);
        assert_eq!(field(b"12 3"), None);
    }
}
