//! Compressed input and UTF-16, as plain UTF-8. The only module that uses `ruzstd`.
//!
//! gzip and zstd are recognised from their first bytes, UTF-16 from its byte order mark.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::gzip::{Members, cut_off};

/// A stream of bytes, decompressed.
pub(super) type ByteStream = Box<dyn BufRead + Send>;

/// RFC 1952.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// RFC 8878: a frame, and the last three bytes of a skippable frame.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
const UTF_16_LE: &[u8] = &[0xff, 0xfe];
const UTF_16_BE: &[u8] = &[0xfe, 0xff];

/// Beginnings of other compressed files, with the command that decompresses them.
const OTHERS: [(&[u8], &str, &str); 4] = [
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz", "xz -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -dc"),
];

/// Refuses an input that is compressed in another format, or UTF-16 without a byte order mark, with the remedy.
fn check(begin: &[u8]) -> io::Result<()> {
    let refuse = |text: String| Err(io::Error::new(io::ErrorKind::InvalidData, text));
    if let Some((_, name, command)) = OTHERS.iter().find(|(magic, _, _)| begin.starts_with(magic)) {
        return refuse(format!(
            "compressed with {name}; gzip and zstd are read, others are decompressed with {command} FILE and piped"
        ));
    }
    match begin {
        [first, 0, ..] if first.is_ascii_graphic() => {
            refuse("UTF-16 without a byte order mark; convert it with iconv -f UTF-16LE".to_owned())
        }
        [0, second, ..] if second.is_ascii_graphic() => {
            refuse("UTF-16 without a byte order mark; convert it with iconv -f UTF-16BE".to_owned())
        }
        _ => Ok(()),
    }
}

/// Refuses content that is itself compressed, with the remedy: `outer` is the beginning of the input itself.
fn check_content(outer: &[u8], begin: &[u8]) -> io::Result<()> {
    let of = |begin: &[u8]| match begin {
        _ if begin.starts_with(GZIP) => Some(("gzip", "gzip -dc")),
        _ if is_zstd(begin) => Some(("zstd", "zstd -dc")),
        _ => {
            let other = OTHERS.iter().find(|(magic, _, _)| begin.starts_with(magic));
            other.map(|(_, name, command)| (*name, *command))
        }
    };
    let (Some((outer, command)), Some((inner, second))) = (of(outer), of(begin)) else {
        return check(begin);
    };
    let then = match inner {
        "gzip" | "zstd" => String::new(),
        _ => format!(" | {second}"),
    };
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "compressed twice: the content of this {outer} file is compressed again, with {inner}; decompress it with \
             {command} FILE{then}, and give the result"
        ),
    ))
}

/// The largest number of bytes by which a format is recognised.
const MAGIC: usize = 6;

/// Buffer of a decoder, in bytes.
const BUFFER: usize = 1 << 17;

/// Whether an input with this beginning is compressed or UTF-16.
pub(super) fn is_encoded(bytes: &[u8]) -> bool {
    [GZIP, UTF_16_LE, UTF_16_BE].iter().any(|magic| bytes.starts_with(magic)) || is_zstd(bytes)
}

/// Whether an input with this beginning is zstd.
fn is_zstd(bytes: &[u8]) -> bool {
    bytes.starts_with(ZSTD)
        || bytes.len() >= 4 && bytes[0] & 0xf0 == 0x50 && bytes[1..].starts_with(ZSTD_SKIPPABLE)
}

/// The content of `input` in UTF-8 where it was compressed or UTF-16, and whether it was.
///
/// Blocks until the first byte arrives.
pub(super) fn decoded(mut input: ByteStream) -> io::Result<(ByteStream, bool)> {
    let begin = input.fill_buf()?;
    if !is_encoded(begin) {
        check(begin)?;
        return Ok((input, false));
    }
    let outer: Vec<u8> = begin.iter().take(MAGIC).copied().collect();
    let mut content: ByteStream = if begin.starts_with(GZIP) {
        Box::new(BufReader::with_capacity(BUFFER, Members::new(input)))
    } else if begin.starts_with(UTF_16_LE) || begin.starts_with(UTF_16_BE) {
        input
    } else {
        let (frame, open) = (FrameDecoder::new(), false);
        Box::new(BufReader::with_capacity(BUFFER, Zstd { input, frame, open }))
    };
    let begin = content.fill_buf()?;
    let little = begin.starts_with(UTF_16_LE);
    if !little && !begin.starts_with(UTF_16_BE) {
        check_content(&outer, begin)?;
    } else {
        content.consume(2);
        let (text, high) = Default::default();
        content = Box::new(BufReader::with_capacity(
            BUFFER,
            Utf16 { input: content, little, high, text },
        ));
    }
    Ok((content, true))
}

/// The frames of a zstd stream, one after the other.
struct Zstd<R> {
    input: R,
    frame: FrameDecoder,
    /// Whether `frame` is read and not at its end.
    open: bool,
}

impl<R: BufRead> Zstd<R> {
    /// Opens the next frame; returns false at the end of the input.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.input.fill_buf()?.is_empty() {
            match self.frame.init(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.input).take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(damaged(&error)),
            }
        }
        Ok(false)
    }
}

fn damaged(error: &impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("damaged zstd: {error}"))
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.open {
                if into.is_empty() || !self.next_frame()? {
                    return Ok(0);
                }
                self.open = true;
            }
            let frame = &mut self.frame;
            while frame.can_collect() == 0 && !frame.is_finished() {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                if let Err(error) = frame.decode_blocks(&mut self.input, blocks) {
                    return Err(match self.input.fill_buf()?.is_empty() {
                        true => cut_off(),
                        false => damaged(&error),
                    });
                }
            }
            let read = frame.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let stored = frame.get_checksum_from_data();
            if stored.is_some() && stored != frame.get_calculated_checksum() {
                return Err(damaged(&"the checksum differs"));
            }
            self.open = false;
        }
    }
}

/// UTF-16 after its byte order mark, as UTF-8. A surrogate without its pair becomes U+FFFD.
struct Utf16<R> {
    input: R,
    little: bool,
    /// A high surrogate whose pair is not read yet.
    high: Option<u16>,
    /// Text that is converted and not returned yet, in reverse order.
    text: Vec<u8>,
}

impl<R: BufRead> Utf16<R> {
    /// The next unit of 16 bits; a single byte at the end is a unit without meaning.
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut bytes = [0; 2];
        let mut count = 0;
        while count < 2 {
            let read = self.input.read(&mut bytes[count..])?;
            if read == 0 {
                break;
            }
            count += read;
        }
        Ok(match count {
            0 => None,
            1 => Some(u32::from(char::REPLACEMENT_CHARACTER) as u16),
            _ if self.little => Some(u16::from_le_bytes(bytes)),
            _ => Some(u16::from_be_bytes(bytes)),
        })
    }

    /// The next character.
    fn character(&mut self) -> io::Result<Option<char>> {
        let first = match self.high.take() {
            Some(unit) => unit,
            None => match self.unit()? {
                Some(unit) => unit,
                None => return Ok(None),
            },
        };
        let is_high = (0xd800..0xdc00).contains(&first);
        let second = if is_high { self.unit()? } else { None };
        let units = [first, second.unwrap_or_default()];
        let units = &units[..1 + usize::from(second.is_some())];
        match char::decode_utf16(units.iter().copied()).next() {
            Some(Ok(character)) => Ok(Some(character)),
            _ => {
                self.high = second;
                Ok(Some(char::REPLACEMENT_CHARACTER))
            }
        }
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < into.len() {
            if let Some(byte) = self.text.pop() {
                into[written] = byte;
                written += 1;
                continue;
            }
            // Returns what is converted, instead of blocking for more.
            if written > 0 && self.input.fill_buf()?.is_empty() {
                break;
            }
            let Some(character) = self.character()? else { break };
            let mut bytes = [0; 4];
            self.text.extend(character.encode_utf8(&mut bytes).bytes().rev());
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<(Vec<u8>, bool)> {
        let (mut content, encoded) = decoded(Box::new(Cursor::new(bytes)))?;
        let mut text = Vec::new();
        content.read_to_end(&mut text)?;
        Ok((text, encoded))
    }

    fn case(name: &str) -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cases").join(name))
            .unwrap()
    }

    #[test]
    fn zstd_and_utf_16_give_the_plain_table() {
        let semicolons = String::from_utf8(case("csv_semicolon.csv")).unwrap();
        let plain = semicolons.replace(';', ",");
        for name in ["csv_zst.csv.zst", "csv_utf16.csv"] {
            let (text, encoded) = read(case(name)).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), plain, "{name}");
            assert!(encoded);
        }
        assert_eq!(read(plain.clone().into_bytes()).unwrap(), (plain.into_bytes(), false));
    }

    #[test]
    fn frames_of_zstd_follow_each_other_and_damage_is_an_error() {
        let frame = case("csv_zst.csv.zst");
        let one = read(frame.clone()).unwrap().0;
        let skippable = [&[0x50][..], ZSTD_SKIPPABLE, &[3, 0, 0, 0], b"abc"].concat();
        let two = [&skippable[..], &frame, &skippable, &frame, &skippable].concat();
        assert_eq!(read(two).unwrap(), ([&one[..], &one].concat(), true));
        for cut in [5, 100, frame.len() - 1] {
            let error = read(frame[..cut].to_vec()).unwrap_err();
            assert_eq!(cut < 10, error.kind() != io::ErrorKind::UnexpectedEof, "{cut}: {error}");
        }
        let mut damaged = frame.clone();
        damaged[frame.len() / 2] ^= 0x10;
        assert!(read(damaged).is_err());
    }

    #[test]
    fn what_is_compressed_twice_is_refused_with_the_command_that_decompresses_it() {
        use std::io::Write;

        let gzip = |bytes: &[u8]| {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            to.write_all(bytes).unwrap();
            to.finish().unwrap()
        };
        let zstd = case("csv_zst.csv.zst");
        let skippable = [&[0x5a][..], ZSTD_SKIPPABLE, &[3, 0, 0, 0], b"abc"].concat();
        for (inner, bytes, remedy) in [
            ("gzip", gzip(b"plain\n"), "gzip -dc FILE, and"),
            ("zstd", zstd.clone(), "gzip -dc FILE, and"),
            ("zstd", [skippable, zstd].concat(), "gzip -dc FILE, and"),
            ("xz", [&[0xfd][..], b"7zXZ\0..."].concat(), "gzip -dc FILE | xz -dc, and"),
            ("zip", b"PK\x03\x04...".to_vec(), "gzip -dc FILE | unzip -p, and"),
        ] {
            let error = read(gzip(&bytes)).unwrap_err().to_string();
            let expected = format!("this gzip file is compressed again, with {inner}; ");
            assert!(error.contains(&expected) && error.contains(remedy), "{inner}: {error}");
        }
        // Uncompressed zstd blocks are enough to hold a gzip file.
        let inner = gzip(b"plain\n");
        let size = (inner.len() as u32) << 3 | 1;
        let block = [&size.to_le_bytes()[..3], &inner].concat();
        let frame = [ZSTD, &[0x20, inner.len() as u8], &block].concat();
        let error = read(frame).unwrap_err().to_string();
        assert!(error.contains("this zstd file is compressed again, with gzip"), "{error}");
        assert!(error.contains("zstd -dc FILE, and"), "{error}");
        let bare = gzip(&[b'c', 0, b'i', 0, b'd', 0]);
        assert!(read(bare).unwrap_err().to_string().contains("iconv -f UTF-16LE"));
        assert_eq!(read(gzip(b"plain\n")).unwrap(), (b"plain\n".to_vec(), true));
        assert_eq!(read(gzip(b"")).unwrap(), (Vec::new(), true));
    }

    #[test]
    fn utf_16_of_both_orders_is_converted() {
        let text = "cid,ü€\u{1f30a}\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        for (mark, bytes) in [
            (UTF_16_LE, units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>()),
            (UTF_16_BE, units.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
        ] {
            let (read, _) = read([mark, &bytes].concat()).unwrap();
            assert_eq!(String::from_utf8(read).unwrap(), text);
        }
        let lone = [&[0xff, 0xfe][..], &[0x3d, 0xd8, 0x61, 0], &[0x3d, 0xd8, 0x3d]].concat();
        assert_eq!(String::from_utf8(read(lone).unwrap().0).unwrap(), "\u{fffd}a\u{fffd}\u{fffd}");
    }
}
