//! An open input, and its first line, from which its format is recognised.

use std::fs::File;
use std::io::{self, BufRead, Cursor, Read};

use super::blocks::Input;
use super::lines::{self, ByteStream, MAX_LINE_BYTES};
use super::opening;

/// An open input whose first line is examined.
pub(super) struct Opened {
    /// Its name in messages.
    pub(super) name: String,
    /// Its content, decompressed, from the first byte.
    pub(super) content: ByteStream,
    /// The file, where its content is plain, so that lines can be read again.
    pub(super) file: Option<File>,
    /// The first line that is not blank.
    pub(super) first_line: Vec<u8>,
}

impl Opened {
    /// Opens the input and reads its first line.
    pub(super) fn new(input: &Input) -> io::Result<Self> {
        let (mut content, packed) = lines::decoded(opening::open(input, 1 << 17)?)?;
        let file = match input {
            Input::File(path) if !packed && path.metadata()?.is_file() => Some(File::open(path)?),
            _ => None,
        };
        let (mut head, mut start) = (Vec::new(), 0);
        loop {
            let read = (&mut content).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut head)?;
            if read == 0 || !text_of(&head[start..]).is_empty() {
                break;
            }
            start = head.len();
        }
        let first_line = head[start..].to_vec();
        let content = Box::new(Cursor::new(head).chain(content));
        Ok(Self { name: input.name(), content, file, first_line })
    }
}

/// The text of an input without byte order mark and white space at its beginning.
fn text_of(bytes: &[u8]) -> &[u8] {
    lines::without_byte_order_mark(bytes).trim_ascii_start()
}

/// The beginning of an input up to the end of its first line that is not blank.
pub(super) fn peek(input: &Input) -> io::Result<Vec<u8>> {
    match input {
        Input::File(path) if path.metadata()?.is_file() => Ok(Opened::new(input)?.first_line),
        _ => opening::peek(input),
    }
}
