//! Searches and compares many bytes of text at a time.

use memchr::memchr2;

/// Whether a string of JSON cannot hold the text as it is.
pub(super) fn needs_escapes(text: &str) -> bool {
    special(text.as_bytes()).is_some()
}

/// The place of the first quote, backslash or control character.
#[inline(always)]
pub(super) fn special(text: &[u8]) -> Option<usize> {
    const WORD: usize = 8;
    let Some((word, after)) = text.split_first_chunk() else { return special_bytewise(text) };
    let found = special_bytes(word);
    if found != 0 {
        return Some(found.trailing_zeros() as usize / 8);
    }
    let Some(word) = after.first_chunk() else { return special_bytewise(text) };
    match special_bytes(word) {
        0 => special_far(text),
        found => Some(WORD + found.trailing_zeros() as usize / 8),
    }
}

/// The same in a text that begins with sixteen plain bytes. Control characters are rare in long
/// texts: one with any is searched byte by byte.
fn special_far(text: &[u8]) -> Option<usize> {
    const PIECE: usize = 16;
    let has_control =
        |piece: &[u8; PIECE]| piece.iter().fold(false, |it, byte| it | (*byte < 0x20));
    let place = memchr2(b'"', b'\\', &text[PIECE..]).map(|place| PIECE + place);
    let passed = &text[..place.unwrap_or(text.len())];
    // The last piece overlaps the one before it.
    let (pieces, _) = passed[PIECE..].as_chunks();
    match passed.last_chunk() {
        Some(last) if !has_control(last) && !pieces.iter().any(has_control) => place,
        _ => special_bytewise(text),
    }
}

fn special_bytewise(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| is_special(*byte))
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// Sets the high bit of each special byte; the first is exact, later ones may be spurious.
#[inline(always)]
fn special_bytes(word: &[u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*word);
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let quotes = below(word ^ (EACH * u64::from(b'"')), 1);
    let backslashes = below(word ^ (EACH * u64::from(b'\\')), 1);
    (quotes | backslashes | below(word, 0x20)) & (EACH * 0x80)
}

/// A hash of the first name in quotes in `text`, of up to eight bytes of it; `None` where no quote is near. Texts that
/// begin alike up to the end of the name have the same hash.
#[inline(always)]
pub(super) fn name_hash(text: &[u8]) -> Option<u64> {
    // 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, section 6.4).
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let length = |word: &[u8; 8]| special_bytes(word).trailing_zeros() / 8;
    let word = word_at(text, 0);
    let quote = length(&word);
    let name = word_at(text, quote as usize + 1);
    let unused = u64::MAX.checked_shl(8 * length(&name)).unwrap_or(0);
    (quote < 8).then_some((u64::from_le_bytes(name) & !unused).wrapping_mul(GOLDEN))
}

/// Eight bytes of text from a place on, with zeros behind its end.
#[inline(always)]
fn word_at(text: &[u8], place: usize) -> [u8; 8] {
    let rest = text.get(place..).unwrap_or_default();
    if let Some(word) = rest.first_chunk() {
        return *word;
    }
    let mut word = [0; 8];
    word.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    word
}

/// A text that is compared in one operation, if it is short.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    text: String,
    /// The text as a number, and the mask of its bits; 0 where it is too long.
    word: u128,
    mask: u128,
}

impl Literal {
    /// A literal of this text.
    pub(super) fn of(text: &str) -> Self {
        const LONGEST: usize = size_of::<u128>();
        let mut word = [0; LONGEST];
        word.iter_mut().zip(text.bytes()).for_each(|(to, byte)| *to = byte);
        let unused = LONGEST.checked_sub(text.len()).filter(|unused| *unused < LONGEST);
        let mask = unused.map_or(0, |unused| u128::MAX >> (8 * unused));
        Self { text: text.to_owned(), word: u128::from_le_bytes(word), mask }
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The rest of `text` after the literal; `None` if it does not start with it.
    #[inline(always)]
    pub(super) fn behind<'a>(&self, text: &'a str) -> Option<&'a str> {
        match text.as_bytes().first_chunk() {
            Some(here) if self.mask != 0 => {
                let other = (u128::from_le_bytes(*here) ^ self.word) & self.mask;
                if other == 0 { text.get(self.text.len()..) } else { None }
            }
            _ => text.strip_prefix(&*self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn the_first_special_byte_is_found_at_any_position() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        for turn in 0..200_000 {
            let length = rng.next_u32() as usize % 100;
            let mut text: Vec<u8> = (0..length).map(|_| rng.next_u32() as u8).collect();
            for byte in text.iter_mut().filter(|byte| is_special(**byte)) {
                *byte = if rng.next_u32().is_multiple_of(40) { *byte } else { b'!' };
            }
            let place = text.iter().position(|byte| is_special(*byte));
            assert_eq!(special(&text), place, "turn {turn}");
        }
    }
}
