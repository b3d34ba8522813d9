//! Steps through the text of one JSON object, without building anything of it.
//!
//! Every step answers only where it is sure that a full parser would go on: what it does not know
//! (an exponent, half a surrogate, depth) is `None`, whether it is right or wrong.

use std::borrow::Cow;

use super::special::{Literal, special};
use crate::cascade::numbers::leading;
use crate::event::Message;

/// How deep a value may be that is stepped over.
const DEPTH: u32 = 16;

/// Longest number that surely is no infinity.
const LONGEST_NUMBER: usize = 100;

/// A text of which something is still to be read.
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

    /// What is still to be read.
    #[inline]
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// What lies between here and a later place of the same line.
    #[inline(always)]
    pub(super) fn until(&self, later: Self) -> Option<&'a str> {
        self.rest.get(..self.rest.len() - later.rest.len())
    }

    /// The byte that stands here.
    #[inline(always)]
    fn first(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Steps over so many bytes.
    #[inline(always)]
    fn advance(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    /// Whether `literal` stands here; if so, it is stepped over.
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

    /// Steps over what must stand here.
    #[inline(always)]
    pub(super) fn expect(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Steps over what must stand here, and was not known when this was written.
    #[inline(always)]
    pub(super) fn expect_literal(&mut self, literal: &Literal) -> Option<()> {
        self.rest = literal.behind(self.rest)?;
        Some(())
    }

    /// Steps over blanks.
    #[inline(always)]
    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// The next byte that is no blank.
    #[inline(always)]
    pub(super) fn token(&mut self) -> Option<u8> {
        self.blanks();
        let token = self.first()?;
        self.advance(1)?;
        Some(token)
    }

    /// Whether nothing follows.
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

    /// A text that travels with an event, as it stands here.
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

    /// Steps over a string.
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
                // Both halves, as many programs write what does not fit four digits.
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

    /// What can be an id: a string, or a whole number, which is kept as its digits.
    #[inline]
    pub(super) fn id(&mut self) -> Option<Cow<'a, str>> {
        const SURELY_U64: usize = 19;
        if self.first() == Some(b'"') {
            return self.string();
        }
        let (digits, rest) = self.rest.split_at_checked(digits(self.rest.as_bytes()))?;
        self.rest = rest;
        let whole = !matches!(self.first(), Some(b'.' | b'e' | b'E'));
        let sound = digits.len() == 1 || !digits.starts_with('0');
        let known = (1..=SURELY_U64).contains(&digits.len());
        (whole && sound && known).then_some(Cow::Borrowed(digits))
    }

    /// Steps through the members of an object that is the rest of the line: `each` is told a name,
    /// and reads the value that stands there.
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

    /// Steps over a value.
    pub(super) fn value(&mut self) -> Option<()> {
        // What is open around it, the innermost last: 1 for an object, 0 for a list, after a 1.
        let mut open = 1_u32;
        loop {
            // Here a value begins.
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
            // Here it ended, and with it perhaps what is around it.
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

    /// Steps over a name and its colon.
    fn key(&mut self) -> Option<()> {
        self.quoted()?;
        (self.token()? == b':').then_some(())
    }

    /// Steps over a number that surely is finite.
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

/// How many digits stand here.
#[inline(always)]
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::*;

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
