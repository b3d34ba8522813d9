//! Reads tweets, and recognises records of other kinds, many times faster than a full JSON parser.
//!
//! It returns `None` for every line that is not plain, valid or not, which the full parser then
//! reads. Where it reads an item, the full parser returns the same (tested).

use std::borrow::Cow;

use memchr::memmem;

use super::fields::{Field, Fields};
use super::item::Item;
use super::kind::Kind;
use super::layout::Layout;
use super::text::Text;
use crate::cascade::Point;
use crate::cascade::numbers::pairs;
use crate::event::{Event, EventTime, LARGEST, Message};

/// Reads the item of a line into `item`, if that is a plain event or plainly a record of no kind in
/// `takes`.
///
/// An event is large, so it is built in its place: returned, it would be copied.
#[inline]
pub(super) fn item<'a>(
    line: &'a str,
    takes: &[Kind],
    layout: &mut Layout,
    item: &mut Item<'a>,
) -> Option<()> {
    let text = Text::of(line);
    let events = takes.contains(&Kind::Tweet) && takes.contains(&Kind::Retweet);
    if events && (ours(text, item).is_some() || layout.read(text, item).is_some()) {
        return Some(());
    }
    any(text, takes, layout, item)
}

/// Reads an event in the layout of `generate`; `msg` and `info` may be in either order.
#[inline]
fn ours<'a>(mut line: Text<'a>, item: &mut Item<'a>) -> Option<()> {
    let root = !line.skip(r#"{"type":"retweet","cid":"#);
    if root {
        line.expect(r#"{"type":"tweet","cid":"#)?;
    }
    let cid = line.string()?;
    line.expect(r#","t":"#)?;
    let time = line.number()?;
    line.expect(r#","m":"#)?;
    let magnitude = line.number()?;
    line.expect(r#","source":"#)?;
    let source = line.string()?;
    let info = if line.skip(r#","info":"#) { Some(line.message()?) } else { None };
    let msg = if line.skip(r#","msg":"#) { line.message()? } else { Message::default() };
    let info = match info {
        Some(info) => info,
        None if line.skip(r#","info":"#) => line.message()?,
        None => Message::default(),
    };
    let id = if line.skip(r#","id":"#) { line.string()? } else { Cow::Borrowed("") };
    line.expect("}")?;
    let sound = line.is_over() && (0.0..=LARGEST).contains(&magnitude);
    let time = EventTime::new(time).filter(|_| sound)?;
    *item = Item::Event(Event { root, cid, source, time, magnitude, msg, info, id });
    Some(())
}

/// Reads an event whose fields are in any order, among other fields and blanks; or a valid record of
/// a kind that is not in `takes`.
#[inline(never)]
fn any<'a>(line: Text<'a>, takes: &[Kind], layout: &mut Layout, item: &mut Item<'a>) -> Option<()> {
    let (mut fields, mut foreign, mut seen) = (Fields::default(), false, 0_u32);
    line.members(|name, line| {
        let field = Field::named(name);
        // The full parser refuses duplicates of these fields.
        let bit = 1 << field as u32;
        (field == Field::Other || seen & bit == 0).then_some(())?;
        seen |= bit;
        if foreign {
            return line.value();
        }
        fields.take(field, line)?;
        if field == Field::Type {
            let kind = fields.kind().filter(|kind| takes.contains(kind));
            foreign = kind.is_none();
            (foreign || matches!(kind, Some(Kind::Tweet | Kind::Retweet))).then_some(())?;
        }
        Some(())
    })?;
    if foreign {
        *item = Item::Foreign(line.rest().as_bytes());
        return Some(());
    }
    fields.event(item)?;
    layout.missed(line);
    Some(())
}

/// A record with `[]` in place of its list of tweets, and that list; `None` where the list is not
/// plain.
pub(super) fn without_list(line: &[u8]) -> Option<(Vec<u8>, Vec<Point>)> {
    const KEY: &[u8] = b"\"tweets\"";
    let key = memmem::find(line, KEY)?;
    // The key may be nested, or part of a string: left to serde.
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
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use crate::record::layout::Layout;
    use crate::record::text::Text;
    use crate::record::{Item, Kind, Refusal, read, read_fully};

    /// The item of the fast reader.
    fn item<'a>(line: &'a str, takes: &[Kind], layout: &mut Layout) -> Option<Item<'a>> {
        let mut item = Item::default();
        super::item(line, takes, layout, &mut item).map(|()| item)
    }

    const LINES: [&str; 13] = [
        r#"{"type":"tweet","cid":"17","t":1510,"m":1085,"source":"2","msg":"text","info":"cascade=19707"}"#,
        r#"{"type":"retweet","cid":"17","t":1527.25,"m":592,"source":"2"}"#,
        r#"{"type":"retweet","cid":"17","t":15,"m":24.241097410328564,"source":"2","info":"a\b\u00e9"}"#,
        r#"{"t":-0.5,"type":"retweet","m":0.001,"cid":"é€"}"#,
        r#"{"type":"retweet","cid":"","t":100000000000000,"m":1}"#,
        r#"{"source":"0","msg":"say \"no\"","type":"tweet","cid":"1","t":0}"#,
        r#"{"type" : "tweet", "msg": "blah", "time": 4000, "magnitude": 1000, "source": 0, "tweet_id": 12}"#,
        r#"{"id":{"a":[1,{"b":null}],"t":true},"type":"tweet","cid":18446744073709551615,"t":1,"x":"\n"}"#,
        r#"{"type":"watermark","source":"2","t":1800}"#,
        r#"{"type":"size","cid":"1","T_obs":600,"n_tot":9,"msg":[1,2.5,-3],"source":null}"#,
        r#"{"type":"serie","cid":"1","source":"2","t":704,"T_obs":600,"tweets":[[102,1000],[150,12]]}"#,
        r#"{"type":"other","m":{"t":[]},"level":7}"#,
        r#"{"type":"size","cid":"\ud83c\udf89","T_obs":600,"n_tot":9,"x":"\ud83c\udf89"}"#,
    ];

    #[test]
    fn an_item_of_the_fast_reader_is_that_of_the_full_parser() {
        const FEW: [Kind; 3] = [Kind::Tweet, Kind::Retweet, Kind::Watermark];
        const OTHERS: [Kind; 2] = [Kind::Size, Kind::Retweet];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut read, mut unread, mut alike) = (0, 0, 0);
        for turn in 0..600_000 {
            let takes = [&Kind::ALL[..], &FEW, &OTHERS][turn % 3];
            let before = LINES[rng.next_u32() as usize % LINES.len()];
            let mut layout = Layout::default();
            for _ in 0..rng.next_u32() % 3 {
                // Fields of another line, then those of this one in some order.
                item(LINES[rng.next_u32() as usize % LINES.len()], takes, &mut layout);
                let mut known = before.as_bytes().to_vec();
                shuffle_fields(&mut known, &mut rng);
                item(std::str::from_utf8(&known).unwrap(), takes, &mut layout);
            }
            item(before, takes, &mut layout);
            let mut line = before.as_bytes().to_vec();
            for _ in 0..rng.next_u32() % 4 {
                let place = rng.next_u32() as usize % line.len();
                let pool = b"0123456789-+.eE,:{}[]\"\\ \ttmcid\xff\x00";
                let byte = pool[rng.next_u32() as usize % pool.len()];
                match rng.next_u32() % 4 {
                    0 => line[place] = byte,
                    1 => line.insert(place, byte),
                    2 => line.rotate_left(place.min(1)),
                    _ => {
                        line.remove(place);
                    }
                }
            }
            if rng.next_u32().is_multiple_of(4) {
                shuffle_fields(&mut line, &mut rng);
            }
            let text = std::str::from_utf8(&line);
            alike += u32::from(
                text.is_ok_and(|it| layout.read(Text::of(it), &mut Item::default()).is_some()),
            );
            let Some(item) = text.ok().and_then(|it| item(it, takes, &mut layout)) else {
                unread += 1;
                continue;
            };
            read += 1;
            let shown = String::from_utf8_lossy(&line);
            assert_eq!(read_fully(&line, None, takes), Ok(item), "{shown} after {before}");
        }
        assert!(read > 100_000 && unread > 100_000, "{read} read, {unread} not");
        assert!(alike > 20_000, "{alike} had a known layout");
    }

    #[test]
    fn fields_that_are_left_out_or_in_another_order_are_known_from_other_lines() {
        const FIELDS: [&str; 7] = [
            r#""type" : "tweet""#,
            r#""cid":"1""#,
            r#""t": 7"#,
            r#""favorite_count":12"#,
            r#""place":{"t":[1]}"#,
            r#""m":2.5"#,
            r#""msg": "a \"b\"""#,
        ];
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut layout = Layout::default();
        let mut line = |required: usize, layout: &mut Layout| {
            let mut fields = FIELDS;
            for last in (required..fields.len()).rev() {
                fields.swap(last, required + rng.next_u32() as usize % (last + 1 - required));
            }
            let count = 3.max(rng.next_u32() as usize % (fields.len() + 1));
            let count = if required == 0 { fields.len() } else { count };
            let line = format!("{{{}}}", fields[..count].join(", "));
            let known = layout.read(Text::of(&line), &mut Item::default()).is_some();
            let item = item(&line, &Kind::ALL, layout);
            assert_eq!(item, read_fully(line.as_bytes(), None, &Kind::ALL).ok(), "{line}");
            known
        };
        // Without the first fields, others would open a line.
        let known = (0..200).filter(|_| line(3, &mut layout)).count();
        assert!(known > 180, "{known} of 200");
        let known = (0..200).filter(|_| line(0, &mut layout)).count();
        assert!(known > 150, "{known} of 200");
    }

    #[test]
    fn any_number_of_names_is_read() {
        let mut layout = Layout::default();
        for turn in 0..2_000 {
            let more = |i| format!(r#", "name{}": {i}"#, turn * 7 % 900 + i);
            let more: String = (0..if turn % 50 == 0 { 300 } else { turn % 8 }).map(more).collect();
            let line = format!(r#"{{"cid": "{turn}"{more}, "type": "tweet", "t": {turn}}}"#);
            let full = read_fully(line.as_bytes(), None, &Kind::ALL).ok();
            assert_eq!(item(&line, &Kind::ALL, &mut layout), full, "{line}");
        }
    }

    #[test]
    fn the_layout_of_an_input_is_adopted_from_its_second_line_on() {
        let mut layout = Layout::default();
        let mut fast = |line: &str| {
            let fast = layout.read(Text::of(line), &mut Item::default()).is_some();
            assert!(matches!(item(line, &Kind::ALL, &mut layout), Some(Item::Event(_))), "{line}");
            fast
        };
        let theirs = |i| format!(r#"{{"t": {i}, "type": "tweet", "tags": [{i}], "cid": {i}}}"#);
        let others = |i| format!(r#"{{"cid":"{i}","time":{i},"type":"retweet"}}"#);
        assert!(!fast(&theirs(1)));
        assert!((2..100).all(|i| fast(&theirs(i))));
        assert!(!fast(&others(1)));
        assert!((2..100).all(|i| fast(&others(i))));
        // Records of other kinds in between do not change it.
        for _ in 0..5 {
            item(r#"{"type":"size","cid":"1","n_tot":5}"#, &[Kind::Tweet], &mut layout);
            item(r#"{"type":"watermark","source":"0","t":5}"#, &Kind::ALL, &mut layout);
        }
        assert!(layout.read(Text::of(&others(1)), &mut Item::default()).is_some());
    }

    /// Permutes or duplicates the text between commas; the result need not be valid.
    fn shuffle_fields(line: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
        let Some(inside) = line.strip_prefix(b"{").and_then(|it| it.strip_suffix(b"}")) else {
            return;
        };
        let mut fields: Vec<&[u8]> = inside.split(|byte| *byte == b',').collect();
        for _ in 0..3 {
            let (a, b) = (rng.next_u32() as usize, rng.next_u32() as usize);
            let count = fields.len();
            fields.swap(a % count, b % count);
            if a.is_multiple_of(8) {
                fields.push(fields[b % count]);
            }
        }
        *line = [b"{", &fields.join(&b","[..])[..], b"}"].concat();
    }

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
            let item = item(&line, &Kind::ALL, &mut Layout::default());
            let Some(Item::Event(event)) = item else {
                panic!("{line} is plain");
            };
            assert_eq!(Ok(event.time.seconds()), number.parse(), "{number}");
        }
    }
}
