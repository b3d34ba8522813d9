//! Gzip files of several members (RFC 1952), with the zero padding of tapes and block devices.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The error of bytes after the members that are no member.
const NO_MEMBER: &str = "bytes that are not gzip follow the compressed data and are ignored";

/// The first byte of a member.
const FIRST_BYTE: u8 = 0x1f;

/// The content of all members. Zeros between and after members are ignored, as `gzip` does.
pub(super) struct Members<R> {
    /// The member that is read; `None` after the last.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    /// A reader of an input that begins with a member.
    pub(super) fn new(input: R) -> Self {
        Self { member: Some(GzDecoder::new(input)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(into).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => cut_off(),
                _ => error,
            })?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let more = skip_zeros(member.get_mut())?;
            if more && member.get_mut().fill_buf()?.first() != Some(&FIRST_BYTE) {
                self.member = None;
                return Err(io::Error::new(io::ErrorKind::InvalidData, NO_MEMBER));
            }
            let ended = self.member.take().map(GzDecoder::into_inner);
            self.member = ended.filter(|_| more).map(GzDecoder::new);
        }
        Ok(0)
    }
}

/// Skips zeros; returns whether other bytes follow.
fn skip_zeros(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let ended = bytes.is_empty();
        if ended || zeros < bytes.len() {
            input.consume(zeros);
            return Ok(!ended);
        }
        input.consume(zeros);
    }
}

/// The error of compressed data without their end.
pub(super) fn cut_off() -> io::Error {
    let text = "the compressed data end too early: the file is incomplete, and what follows is missing; get the whole file";
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;
    use crate::replay::testing::gzip;

    fn content(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        // A small buffer: padding crosses its ends.
        let read = Members::new(BufReader::with_capacity(7, bytes)).read_to_end(&mut content);
        read.map(|_| content)
    }

    #[test]
    fn zeros_around_members_are_ignored_and_other_bytes_are_an_error() {
        let (one, two) = (gzip(b"one\n"), gzip(b"two\n"));
        for zeros in [0, 1, 6, 7, 8, 512, 10_000] {
            let padding = vec![0; zeros];
            let file = [&one[..], &padding, &two, &padding].concat();
            assert_eq!(content(&file).unwrap(), b"one\ntwo\n", "{zeros}");
            let error = content(&[&file[..], b"x"].concat()).unwrap_err();
            assert_eq!(error.to_string(), NO_MEMBER, "{zeros}");
            assert!(content(&file[..file.len() - zeros - 1]).is_err(), "{zeros}: a member is cut");
        }
    }
}
