//! Steps through the text of one JSON object, without building a value.
//!
//! A step succeeds only where a full parser would accept the text too. It returns `None` for text
//! that it does not support (an exponent, half a surrogate, depth), valid or not.

use std::borrow::Cow;

use super::special::{Literal, special};
use crate::cascade::numbers::leading;
use crate::event::Message;

/// Largest depth of a value that is skipped.
const DEPTH: u32 = 16;

/// Largest number of digits that is certainly finite.
const LONGEST_NUMBER: usize = 100;

/// A position in a line.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    rest: &'a str,
}

impl<'a> Text<'a> {
    /// The start of a line.
    #[inline]
    pub(super) fn of(rest: &'a str) -> Self {
        Self { rest }
    }

    /// The unread rest.
    #[inline]
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// The text between this and a later position of the same line.
    #[inline(always)]
    pub(super) fn until(&self, later: Self) -> Option<&'a str> {
        self.rest.get(..self.rest.len() - later.rest.len())
    }

    /// The next byte.
    #[inline(always)]
    fn first(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Skips `count` bytes.
    #[inline(always)]
    fn advance(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    /// Skips `literal`, if it is next; returns whether it was.
    #[inline(always)]
    pub(super) fn skip(&mut self, literal: &str) -> bool {
        match self.rest.strip_prefix(literal) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    /// Skips `literal`, which must be next.
    #[inline(always)]
    pub(super) fn expect(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// The same for a literal of a layout.
    #[inline(always)]
    pub(super) fn expect_literal(&mut self, literal: &Literal) -> Option<()> {
        self.rest = literal.behind(self.rest)?;
        Some(())
    }

    /// Skips blanks.
    #[inline(always)]
    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes the next byte that is not blank.
    #[inline(always)]
    pub(super) fn token(&mut self) -> Option<u8> {
        self.blanks();
        let token = self.first()?;
        self.advance(1)?;
        Some(token)
    }

    /// Whether the line is read.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// A string without escapes, such as a name.
    #[inline(always)]
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let start = self.rest.strip_prefix('"')?;
        let (name, rest) = start.split_at_checked(special(start.as_bytes())?)?;
        self.rest = rest.strip_prefix('"')?;
        Some(name)
    }

    /// A string.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        match self.name() {
            Some(name) => Some(Cow::Borrowed(name)),
            None => self.escaped().map(Cow::Owned),
        }
    }

    /// A string with escapes, which the full parser reads.
    #[cold]
    fn escaped(&mut self) -> Option<String> {
        let start = *self;
        self.quoted()?;
        serde_json::from_str(start.until(*self)?).ok()
    }

    /// The message of an event, as it is in the line.
    #[inline(always)]
    pub(super) fn message(&mut self) -> Option<Message<'a>> {
        if let Some(words) = self.name() {
            return Some(words.into());
        }
        if self.first() != Some(b'"') {
            return self.id().map(Message::from);
        }
        let start = *self;
        self.quoted()?;
        start.until(*self).map(Message::quoted)
    }

    /// Skips a string.
    fn quoted(&mut self) -> Option<()> {
        // Whether these digits are those of a character, not of half a surrogate pair.
        let whole = |digits: &[u8; 4]| {
            (!matches!(digits[0], b'd' | b'D') || matches!(digits[1], b'0'..=b'7'))
                && digits.iter().all(u8::is_ascii_hexdigit)
        };
        self.expect("\"")?;
        loop {
            self.advance(special(self.rest.as_bytes())?)?;
            let length = match self.rest.as_bytes() {
                [b'"', ..] => return self.advance(1),
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', a, b, c, d, ..] if whole(&[*a, *b, *c, *d]) => 6,
                // A surrogate pair.
                [b'\\', b'u', b'd' | b'D', a, b, c, b'\\', b'u', b'd' | b'D', d, e, f, ..]
                    if matches!(a, b'8' | b'9' | b'a' | b'b' | b'A' | b'B')
                        && matches!(d, b'c'..=b'f' | b'C'..=b'F')
                        && [b, c, e, f].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    12
                }
                _ => return None,
            };
            self.advance(length)?;
        }
    }

    /// A number, negative or not; `-0` and exponents are left to the full parser.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<f64> {
        let negative = self.skip("-");
        let bytes = self.rest.as_bytes();
        let (value, rest) = leading(bytes)?;
        self.advance(bytes.len() - rest.len())?;
        if negative { (value > 0.0).then_some(-value) } else { Some(value) }
    }

    /// An id: a string, or a whole number, which is kept as its digits.
    #[inline]
    pub(super) fn id(&mut self) -> Option<Cow<'a, str>> {
        if self.first() == Some(b'"') {
            return self.string();
        }
        let (digits, rest) = self.rest.split_at_checked(digits(self.rest.as_bytes()))?;
        self.rest = rest;
        let whole = !matches!(self.first(), Some(b'.' | b'e' | b'E'));
        let sound = digits.len() == 1 || !digits.starts_with('0');
        let fits = (1..=LONGEST_NUMBER).contains(&digits.len());
        (whole && sound && fits).then_some(Cow::Borrowed(digits))
    }

    /// An id, or any other value but a number or a string: no id.
    #[inline]
    pub(super) fn optional_id(&mut self) -> Option<Cow<'a, str>> {
        if matches!(self.first(), Some(b'{' | b'[' | b'n' | b't' | b'f')) {
            self.value()?;
            return Some(Cow::Borrowed(""));
        }
        self.id()
    }

    /// Steps through the members of an object that is the rest of the line: `each` gets a name and
    /// reads the value.
    #[inline(always)]
    pub(super) fn members(
        mut self,
        mut each: impl FnMut(&'a str, &mut Self) -> Option<()>,
    ) -> Option<()> {
        (self.token()? == b'{').then_some(())?;
        loop {
            self.blanks();
            let name = self.name()?;
            (self.token()? == b':').then_some(())?;
            self.blanks();
            each(name, &mut self)?;
            match self.token()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.blanks();
        self.is_over().then_some(())
    }

    /// Skips a value.
    pub(super) fn value(&mut self) -> Option<()> {
        // The enclosing brackets, the innermost last: 1 for an object, 0 for a list, after a 1.
        let mut open = 1_u32;
        loop {
            // A value begins.
            self.blanks();
            match self.first()? {
                b'"' => self.quoted()?,
                bracket @ (b'{' | b'[') => {
                    self.advance(1)?;
                    self.blanks();
                    if !self.skip(if bracket == b'{' { "}" } else { "]" }) {
                        (open.leading_zeros() > 32 - DEPTH - 1).then_some(())?;
                        open = 2 * open + u32::from(bracket == b'{');
                        if bracket == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.expect("true")?,
                b'f' => self.expect("false")?,
                b'n' => self.expect("null")?,
                _ => self.finite()?,
            }
            // It ended, and perhaps the values around it.
            loop {
                if open == 1 {
                    return Some(());
                }
                match (self.token()?, open & 1) {
                    (b',', 0) => break,
                    (b',', _) => {
                        self.blanks();
                        self.key()?;
                        break;
                    }
                    (b'}', 1) | (b']', 0) => open /= 2,
                    _ => return None,
                }
            }
        }
    }

    /// Skips a name and its colon.
    fn key(&mut self) -> Option<()> {
        self.quoted()?;
        (self.token()? == b':').then_some(())
    }

    /// Skips a number that is certainly finite.
    fn finite(&mut self) -> Option<()> {
        self.skip("-");
        let number = self.rest.as_bytes();
        let whole = digits(number);
        (whole == 1 || whole > 1 && number[0] != b'0').then_some(())?;
        let mut length = whole;
        if number.get(whole) == Some(&b'.') {
            let places = digits(&number[whole + 1..]);
            (places > 0).then_some(())?;
            length += 1 + places;
        }
        let surely = length <= LONGEST_NUMBER && !matches!(number.get(length), Some(b'e' | b'E'));
        if surely { self.advance(length) } else { None }
    }
}

/// Number of leading digits.
#[inline(always)]
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::*;

    /// A piece of JSON, usually valid.
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
    fn a_skipped_value_is_valid() {
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
