//! Steps through the text of one JSON object, without building anything of it.
//!
//! Every step answers only where it is sure that a full parser would go on: what it does not know
//! (an exponent, half a surrogate, depth) is `None`, whether it is right or wrong.

use std::borrow::Cow;

use crate::cascade::numbers::leading;

/// How deep a value may be that is stepped over.
const DEPTH: u32 = 16;

/// Longest number that surely is no infinity.
const LONGEST_NUMBER: usize = 100;

/// A text, and what of it is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    text: &'a str,
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    /// The start of a line.
    #[inline]
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, rest: text.as_bytes() }
    }

    /// The text between two places of the line, told by what follows them.
    #[inline(always)]
    fn between(&self, start: &[u8], end: &[u8]) -> Option<&'a str> {
        let whole = self.text.len();
        self.text.get(whole - start.len()..whole - end.len())
    }

    /// Whether `literal` stands here; if so, it is stepped over.
    #[inline(always)]
    pub(super) fn skip<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        match self.rest.split_first_chunk() {
            Some((here, after)) if here == literal => {
                self.rest = after;
                true
            }
            _ => false,
        }
    }

    /// Steps over what must stand here.
    #[inline]
    pub(super) fn expect<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        self.skip(literal).then_some(())
    }

    /// Steps over blanks.
    #[inline]
    pub(super) fn blanks(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', after @ ..] = self.rest {
            self.rest = after;
        }
    }

    /// The next byte that is no blank.
    #[inline]
    pub(super) fn token(&mut self) -> Option<u8> {
        self.blanks();
        let (token, after) = self.rest.split_first()?;
        self.rest = after;
        Some(*token)
    }

    /// Whether nothing follows.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// A string without escapes, such as a name.
    #[inline(always)]
    pub(super) fn name(&mut self) -> Option<&'a str> {
        self.expect(b"\"")?;
        let start = self.rest;
        self.rest = from_special(start)?;
        let name = self.between(start, self.rest);
        self.expect(b"\"")?;
        name
    }

    /// A string.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = *self;
        if let Some(name) = self.name() {
            return Some(Cow::Borrowed(name));
        }
        *self = start;
        self.escaped().map(Cow::Owned)
    }

    /// A string with escapes, which the full parser reads.
    #[cold]
    fn escaped(&mut self) -> Option<String> {
        let start = self.rest;
        self.quoted()?;
        serde_json::from_str(self.between(start, self.rest)?).ok()
    }

    /// Steps over a string.
    fn quoted(&mut self) -> Option<()> {
        self.expect(b"\"")?;
        loop {
            match from_special(self.rest)? {
                [b'"', after @ ..] => {
                    self.rest = after;
                    return Some(());
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after @ ..] => {
                    self.rest = after;
                }
                // Halves of surrogate pairs are none of these.
                [b'\\', b'u', a, b, c, d, after @ ..]
                    if (!matches!(a, b'd' | b'D') || matches!(b, b'0'..=b'7'))
                        && [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.rest = after;
                }
                _ => return None,
            }
        }
    }

    /// A number, negative or not; `-0` and exponents are left to the full parser.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<f64> {
        let negative = self.skip(b"-");
        let (value, rest) = leading(self.rest)?;
        self.rest = rest;
        if negative { (value > 0.0).then_some(-value) } else { Some(value) }
    }

    /// What can be an id: a string, or a whole number, which is kept as its digits.
    #[inline]
    pub(super) fn id(&mut self) -> Option<Cow<'a, str>> {
        const SURELY_U64: usize = 19;
        if self.rest.first() == Some(&b'"') {
            return self.string();
        }
        let start = self.rest;
        let count = start.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &start[count..];
        let whole = !matches!(self.rest.first(), Some(b'.' | b'e' | b'E'));
        let sound = (1..=SURELY_U64).contains(&count) && (count == 1 || start[0] != b'0');
        self.between(start, self.rest).filter(|_| whole && sound).map(Cow::Borrowed)
    }

    /// Steps over a value.
    pub(super) fn value(&mut self) -> Option<()> {
        self.value_within(DEPTH)
    }

    fn value_within(&mut self, depth: u32) -> Option<()> {
        self.blanks();
        match self.rest.first()? {
            b'"' => self.quoted(),
            b'{' => self.list(depth, b'}', |it, deeper| {
                it.blanks();
                it.quoted()?;
                (it.token()? == b':').then_some(())?;
                it.value_within(deeper)
            }),
            b'[' => self.list(depth, b']', Self::value_within),
            b't' => self.expect(b"true"),
            b'f' => self.expect(b"false"),
            b'n' => self.expect(b"null"),
            _ => {
                let start = self.rest.len();
                self.skip(b"-");
                self.rest = leading(self.rest)?.1;
                (start - self.rest.len() <= LONGEST_NUMBER).then_some(())
            }
        }
    }

    /// Steps over what stands in brackets, each part by `part`.
    fn list(
        &mut self,
        depth: u32,
        close: u8,
        mut part: impl FnMut(&mut Self, u32) -> Option<()>,
    ) -> Option<()> {
        let deeper = depth.checked_sub(1)?;
        self.token()?;
        self.blanks();
        if self.skip(&[close]) {
            return Some(());
        }
        loop {
            part(self, deeper)?;
            match self.token()? {
                b',' => {}
                token => return (token == close).then_some(()),
            }
        }
    }
}

/// Whether a string of JSON cannot hold the text as it is.
pub(super) fn needs_escapes(text: &str) -> bool {
    from_special(text.as_bytes()).is_some()
}

/// `text` from its first quote, backslash or control character on.
#[inline(always)]
fn from_special(text: &[u8]) -> Option<&[u8]> {
    let (word, after) = match text.split_first_chunk() {
        Some((word, after)) => (special_bytes(word), after),
        None => return from_special_slowly(text),
    };
    if word == 0 { from_special_far(after) } else { text.get(word.trailing_zeros() as usize / 8..) }
}

/// The same in a long text: whole pieces are passed over, which the compiler vectorises.
fn from_special_far(mut rest: &[u8]) -> Option<&[u8]> {
    while let Some((piece, after)) = rest.split_first_chunk::<32>()
        && !piece.iter().fold(false, |found, byte| found | is_special(*byte))
    {
        rest = after;
    }
    while let Some((word, after)) = rest.split_first_chunk() {
        let found = special_bytes(word);
        if found != 0 {
            return rest.get(found.trailing_zeros() as usize / 8..);
        }
        rest = after;
    }
    from_special_slowly(rest)
}

fn from_special_slowly(rest: &[u8]) -> Option<&[u8]> {
    let place = rest.iter().position(|byte| is_special(*byte))?;
    rest.get(place..)
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// The high bit of each special byte; the first is never wrong, those after it may be.
#[inline(always)]
fn special_bytes(word: &[u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*word);
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let quotes = below(word ^ (EACH * u64::from(b'"')), 1);
    let backslashes = below(word ^ (EACH * u64::from(b'\\')), 1);
    (quotes | backslashes | below(word, 0x20)) & (EACH * 0x80)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn what_is_special_is_found_wherever_it_stands() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        for turn in 0..200_000 {
            let length = rng.next_u32() as usize % 100;
            let mut text: Vec<u8> = (0..length).map(|_| rng.next_u32() as u8).collect();
            for byte in text.iter_mut().filter(|byte| is_special(**byte)) {
                *byte = if rng.next_u32().is_multiple_of(40) { *byte } else { b'!' };
            }
            let place = text.iter().position(|byte| is_special(*byte));
            assert_eq!(from_special(&text), place.map(|place| &text[place..]), "turn {turn}");
        }
    }

    /// A piece of JSON, most often sound.
    fn value(rng: &mut ChaCha8Rng, depth: u32) -> String {
        let list = |rng: &mut ChaCha8Rng, part: &dyn Fn(&mut ChaCha8Rng) -> String| {
            let parts: Vec<String> = (0..rng.next_u32() % 4).map(|_| part(rng)).collect();
            parts.join([",", " , ", ",,"][(rng.next_u32() % 9).saturating_sub(6) as usize])
        };
        let strings =
            ["", "a", "é€", "\\n", "\\\"", "\\u00e9", "\\ud83c\\udf89", "\\ud83c", "\\x", "\n"];
        let string = |rng: &mut ChaCha8Rng| {
            format!("\"{}\"", strings[rng.next_u32() as usize % strings.len()])
        };
        match rng.next_u32() % if depth > 0 { 10 } else { 7 } {
            0 => ["true", "false", "null", "nul"][rng.next_u32() as usize % 4].to_owned(),
            1 => format!("{}", rng.next_u32() % 1000),
            2 => format!("-{}.{}", rng.next_u32() % 9, rng.next_u32()),
            3 => {
                ["01", "1e5", "-", "1.", ".5", "1E-3", "-0"][rng.next_u32() as usize % 7].to_owned()
            }
            4..7 => string(rng),
            7 | 8 => format!("[{}]", list(rng, &|rng| value(rng, depth - 1))),
            _ => {
                let field =
                    |rng: &mut ChaCha8Rng| format!("{}:{}", string(rng), value(rng, depth - 1));
                format!("{{ {}}}", list(rng, &field))
            }
        }
    }

    #[test]
    fn what_is_stepped_over_is_sound() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut sound = 0;
        for turn in 0..200_000 {
            let json = value(&mut rng, 3);
            let mut text = Text::of(&json);
            if text.value().is_none() {
                continue;
            }
            sound += 1;
            let read = &json[..json.len() - text.rest.len()];
            let mut full = serde_json::Deserializer::from_str(read);
            let full = IgnoredAny::deserialize(&mut full).and_then(|_| full.end());
            assert!(full.is_ok(), "turn {turn}: {json}: {full:?}");
        }
        assert!(sound > 50_000, "{sound}");
    }

    #[test]
    fn a_string_is_what_serde_reads() {
        let mut rng = ChaCha8Rng::seed_from_u64(10);
        let parts = [
            "a",
            "bcdefghijklmnop",
            "é",
            "\\\"",
            "\\n",
            "\\u00e9",
            "\\ud83c\\udf89",
            "\\ud83c",
            "\\q",
            "\"",
        ];
        let mut sound = 0;
        for turn in 0..100_000 {
            let part = |_| parts[rng.next_u32() as usize % parts.len()];
            let json = format!("\"{}\"", (0..turn % 7).map(part).collect::<String>());
            let mut text = Text::of(&json);
            let Some(string) = text.string() else { continue };
            sound += 1;
            let read = &json[..json.len() - text.rest.len()];
            assert_eq!(
                serde_json::from_str::<String>(read).ok().as_deref(),
                Some(&*string),
                "{json}"
            );
        }
        assert!(sound > 10_000, "{sound}");
    }
}
