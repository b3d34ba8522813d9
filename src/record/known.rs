//! Reads tweets in the layouts that occur, many times faster than any JSON parser could.
//!
//! It answers only where it is sure: one flat object of known names, strings without escapes,
//! numbers without exponents. Everything else, whether it is right or wrong, is `None`, and the
//! full parser judges. Where it does answer, the answer is the full parser's (tested).

use std::borrow::Cow;

use memchr::memmem;

use crate::cascade::Point;
use crate::cascade::numbers::{pairs, plain};
use crate::event::{Event, EventTime, LARGEST};

/// The event on a line, if its layout is known.
pub(super) fn event(line: &[u8]) -> Option<Event<'_>> {
    let mut rest = Rest(line);
    let (mut root, mut cid, mut source, mut msg, mut info) = (None, None, None, None, None);
    let (mut time, mut magnitude) = (None, None);
    rest.expect(b'{')?;
    loop {
        match rest.name()? {
            b"type" => match rest.string()? {
                "tweet" => set(&mut root, true)?,
                "retweet" => set(&mut root, false)?,
                _ => return None,
            },
            b"cid" => set(&mut cid, rest.string()?)?,
            b"t" => set(&mut time, rest.number()?)?,
            b"m" => set(&mut magnitude, rest.number()?)?,
            b"source" => set(&mut source, rest.string()?)?,
            b"msg" => set(&mut msg, rest.string()?)?,
            b"info" => set(&mut info, rest.string()?)?,
            _ => return None,
        }
        match rest.next()? {
            b',' => {}
            b'}' if rest.0.is_empty() => break,
            _ => return None,
        }
    }
    let magnitude = magnitude.unwrap_or(1.0);
    Some(Event {
        root: root?,
        cid: Cow::Borrowed(cid?),
        source: Cow::Borrowed(source.unwrap_or("0")),
        time: EventTime::new(time?)?,
        magnitude: (0.0..=LARGEST).contains(&magnitude).then_some(magnitude)?,
        msg: Cow::Borrowed(msg.unwrap_or_default()),
        info: Cow::Borrowed(info.unwrap_or_default()),
    })
}

/// Sets a field that was not set before.
fn set<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    #[inline]
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// The bytes of a string up to its closing quote; none of them may need a second look.
    #[inline]
    fn quoted(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let end = self.0.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        self.expect(b'"')?;
        Some(text)
    }

    #[inline]
    fn name(&mut self) -> Option<&'a [u8]> {
        let name = self.quoted()?;
        self.expect(b':')?;
        Some(name)
    }

    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.quoted()?).ok()
    }

    /// A plain number, negative or not; `-0` is left to the full parser.
    #[inline]
    fn number(&mut self) -> Option<f64> {
        let negative = self.0.first() == Some(&b'-');
        let (value, end) = plain(self.0, usize::from(negative))?;
        self.0 = &self.0[end..];
        if negative { (value > 0.0).then_some(-value) } else { Some(value) }
    }
}

/// A record without its list of tweets, for which `[]` stands, and that list.
///
/// `None` where the list is not plain; then nothing is known of the line.
pub(super) fn without_list(line: &[u8]) -> Option<(Vec<u8>, Vec<Point>)> {
    const KEY: &[u8] = b"\"tweets\"";
    let key = memmem::find(line, KEY)?;
    // A key deeper down, or the end of a string: let serde see to it.
    let before = line[..key].trim_ascii_start().strip_prefix(b"{")?;
    if before.iter().any(|byte| matches!(byte, b'{' | b'[' | b'\\')) {
        return None;
    }
    let value = line[key + KEY.len()..].trim_ascii_start().strip_prefix(b":")?;
    let mut points = Vec::new();
    let rest = &value[pairs(value, &mut points)?..];
    Some(([&line[..line.len() - value.len()], b"[]", rest].concat(), points))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::event;
    use crate::record::{Item, Kind, Refusal, read, read_fully};

    const LINES: [&str; 6] = [
        r#"{"type":"tweet","cid":"17","t":1510,"m":1085,"source":"2","msg":"text","info":"cascade=19707"}"#,
        r#"{"type":"retweet","cid":"17","t":1527.25,"m":592,"source":"2"}"#,
        r#"{"t":-0.5,"type":"retweet","m":0.001,"cid":"é€"}"#,
        r#"{"type":"retweet","cid":"","t":100000000000000,"m":1}"#,
        r#"{"source":"0","msg":"say \"no\"","type":"tweet","cid":"1","t":0}"#,
        r#"{"type":"watermark","source":"2","t":1800}"#,
    ];

    /// Where the fast reader answers, the full one says the same.
    #[test]
    fn what_is_known_is_read_as_the_full_parser_reads_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut known, mut unknown) = (0, 0);
        for turn in 0..300_000 {
            let mut line = LINES[turn % LINES.len()].as_bytes().to_vec();
            for _ in 0..rng.next_u32() % 4 {
                let place = rng.next_u32() as usize % line.len();
                let pool = b"0123456789-+.eE,:{}[]\"\\ \ttmcid\xff\x00";
                let byte = pool[rng.next_u32() as usize % pool.len()];
                match rng.next_u32() % 3 {
                    0 => line[place] = byte,
                    1 => line.insert(place, byte),
                    _ => {
                        line.remove(place);
                    }
                }
            }
            let Some(event) = event(&line) else {
                unknown += 1;
                continue;
            };
            known += 1;
            let shown = String::from_utf8_lossy(&line);
            assert_eq!(read_fully(&line, None, &Kind::ALL), Ok(Item::Event(event)), "{shown}");
        }
        assert!(known > 20_000 && unknown > 20_000, "{known} known, {unknown} unknown");
    }

    /// A list that is read apart gives the record that the full parser gives, sound or not.
    #[test]
    fn series_are_read_as_the_full_parser_reads_them() {
        const SERIES: [&str; 3] = [
            r#"{"type":"serie","cid":"1","T_obs":600,"tweets":[[0,1],[1.5,20],[7,0.25]],"t":9}"#,
            r#"{"cid":"1","tweets":[[0,1],[1,20]],"msg":"[[0,1]]"}"#,
            r#"{"type":"serie","tweets":[[5,1]],"cid":2,"t_obs":60,"msg":"tweets"}"#,
        ];
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for turn in 0..60_000 {
            let mut line = SERIES[turn % SERIES.len()].as_bytes().to_vec();
            for _ in 0..rng.next_u32() % 3 {
                let place = rng.next_u32() as usize % line.len();
                let pool = b"0123456789-.e,:{}[]\"\\ t";
                line[place] = pool[rng.next_u32() as usize % pool.len()];
            }
            let shown = String::from_utf8_lossy(&line);
            let reason = |refusal: Refusal| refusal.reason;
            let (fast, full) = (read(&line, None, &Kind::ALL), read_fully(&line, None, &Kind::ALL));
            assert_eq!(fast.map_err(reason), full.map_err(reason), "{shown}");
        }
    }

    #[test]
    fn numbers_are_rounded_once() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..200_000 {
            let (whole, places) = (rng.next_u64() % 100_000_000, rng.next_u32() % 8 + 1);
            let part = rng.next_u64() % 10_u64.pow(places);
            let number = format!("{whole}.{part:0width$}", width = places as usize);
            let line = format!(r#"{{"type":"tweet","cid":"1","t":{number},"m":1}}"#);
            let read = event(line.as_bytes()).map(|event| event.time.seconds());
            if whole > 0 || number.len() <= 16 {
                assert_eq!(read.or_else(|| number.parse().ok()), number.parse().ok(), "{number}");
            }
        }
    }
}
