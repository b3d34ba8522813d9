//! A stream of posts as the input of a stage: each line is converted to records as it arrives.

use std::io::{self, Write};

use super::lines::Lines;
use super::{Counts, Frame, Step, Transport, report};
use crate::input::import::{Cascader, Format, PostFormat, Recognised, recognise};
use crate::record::{NOT_UTF_8, Record, Refusal};
use crate::stage::{Ending, Outgoing, SharedSink, Tally};

/// Makes the converter of a format.
pub type MakeCascader = Box<dyn FnOnce(PostFormat) -> Cascader + Send>;

/// How lines are converted.
enum Conversion {
    /// The first line decides.
    Undecided(Option<MakeCascader>),
    /// They are posts.
    Posts(Box<Cascader>),
    /// They are records, and remain unchanged.
    Records,
}

/// A transport over lines of posts.
pub struct Imported<W> {
    lines: Lines<W>,
    conversion: Conversion,
    /// Time from the last event to the watermark at the end of the input.
    tail: Option<f64>,
    /// The records of the current block.
    records: Vec<u8>,
    /// The position of each line of `records`, and its end.
    ends: Vec<(u64, usize)>,
    /// The key of each line, where lines remain unchanged.
    keys: Vec<Option<Box<str>>>,
    /// Number of records that the posts gave.
    converted: u64,
    ended: Option<Ending>,
}

impl<W: Write + Send + 'static> Imported<W> {
    /// Converts `lines` with `cascader`; with a tail, a watermark follows the last event.
    pub fn new(lines: Lines<W>, cascader: Cascader, tail: Option<f64>) -> Self {
        Self::with(lines, Conversion::Posts(Box::new(cascader)), tail)
    }

    /// Converts `lines` where the first one is a post; otherwise they are records and remain unchanged.
    pub fn recognise(lines: Lines<W>, make: MakeCascader) -> Self {
        Self::with(lines, Conversion::Undecided(Some(make)), None)
    }

    fn with(lines: Lines<W>, conversion: Conversion, tail: Option<f64>) -> Self {
        let (records, ends, keys) = Default::default();
        Self { lines, conversion, tail, records, ends, keys, converted: 0, ended: None }
    }

    /// Converts the next block; returns the lines that are refused, or how the input ended.
    #[expect(clippy::type_complexity, reason = "position, beginning of the line, reason")]
    fn convert(&mut self) -> io::Result<Result<Vec<(u64, Vec<u8>, Refusal)>, Ending>> {
        const KEPT: usize = 4096;
        let Self { lines, conversion, records, ends, keys, .. } = self;
        records.clear();
        ends.clear();
        keys.clear();
        let mut refused = Vec::new();
        let frames = match lines.read()? {
            Step::Next(_, frames) => frames,
            Step::Record(_) => return Ok(Ok(refused)),
            Step::End(ending) => return Ok(Err(ending)),
        };
        if let (Conversion::Undecided(make), Some(first)) = (&mut *conversion, frames.first()) {
            *conversion = match (recognise(&String::from_utf8_lossy(first.bytes)), make.take()) {
                (Recognised::Format(Format::Posts(format)), Some(make))
                    if !format.is_by_cascade() =>
                {
                    Conversion::Posts(Box::new(make(format)))
                }
                (Recognised::Format(it @ (Format::Table | Format::Posts(_))), _) => {
                    let text = format!(
                        "stdin: the first line is in the format {it}, whose events may be in any order: give \
                         --format {it}, which reads stdin to its end first"
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                _ => Conversion::Records,
            };
        }
        for Frame { position, key, bytes, text } in frames {
            let Conversion::Posts(cascader) = conversion else {
                // The block of the first line; later ones are not copied.
                records.extend_from_slice(bytes);
                records.push(b'\n');
                ends.push((position, records.len()));
                keys.push(key.map(Box::from));
                continue;
            };
            let text = text.or_else(|| std::str::from_utf8(bytes).ok());
            let read = match text {
                Some(text) => cascader.read(text.trim_ascii(), records),
                None => Err(Refusal::new("json", NOT_UTF_8)),
            };
            ends.push((position, records.len()));
            if let Err(refusal) = read {
                refused.push((position, bytes[..bytes.len().min(KEPT)].to_vec(), refusal));
            }
        }
        Ok(Ok(refused))
    }
}

/// The lines of `records` as frames; `ends` has the position of each input line and the end of its records, `keys` the
/// keys of input lines as far as they have any.
fn frames<'a>(
    records: &'a [u8],
    ends: &[(u64, usize)],
    keys: &'a [Option<Box<str>>],
) -> Vec<Frame<'a>> {
    let text = std::str::from_utf8(records).ok();
    let (mut frames, mut begin) = (Vec::with_capacity(ends.len()), 0);
    for (line, &(position, end)) in ends.iter().enumerate() {
        let key = keys.get(line).and_then(Option::as_deref);
        for stop in memchr::memchr_iter(b'\n', &records[begin..end]).map(|it| begin + it) {
            let start = frames.last().map_or(0, |it: &(usize, Frame<'_>)| it.0);
            let text = text.and_then(|text| text.get(start..stop));
            let bytes = &records[start..stop];
            frames.push((stop + 1, Frame { position, key, bytes, text }));
        }
        begin = end;
    }
    frames.into_iter().map(|(_, frame)| frame).collect()
}

impl<W: Write + Send + 'static> Transport for Imported<W> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        if let Some(ending) = self.ended {
            return Ok(Step::End(ending));
        }
        if matches!(self.conversion, Conversion::Records) {
            return self.lines.read();
        }
        match self.convert()? {
            Ok(refused) => {
                for (position, bytes, refusal) in refused {
                    self.lines.reject(position, &bytes, &refusal)?;
                }
                let frames = frames(&self.records, &self.ends, &self.keys);
                self.converted += frames.len() as u64;
                Ok(Step::Next(Vec::new(), frames))
            }
            Err(ending) => {
                self.ended = Some(ending);
                let Conversion::Posts(cascader) = &self.conversion else {
                    return Ok(Step::End(ending));
                };
                cascader.summary().iter().for_each(|line| report(line));
                let watermark = self.tail.and_then(|tail| cascader.watermark(tail));
                match watermark.filter(|_| ending == Ending::Complete) {
                    Some(watermark) => {
                        Ok(Step::Next(vec![Record::Watermark(watermark)], Vec::new()))
                    }
                    None => Ok(Step::End(ending)),
                }
            }
        }
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        self.lines.write(out)
    }

    fn sink(&self) -> Option<SharedSink> {
        self.lines.sink()
    }

    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        self.lines.reject(position, bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lines.finish()
    }

    fn counts(&self) -> Counts {
        let counts = self.lines.counts();
        match self.conversion {
            Conversion::Posts(_) => Counts { read: self.converted + counts.rejected, ..counts },
            _ => counts,
        }
    }

    fn tally(&self) -> Tally {
        self.lines.tally()
    }
}
