//! Opens inputs. Stdin and named pipes cannot be opened twice: what was read to recognise their format is read again.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::decoding;
use super::lines::{self, ByteStream};

/// An input of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, plain, gzip or zstd.
    File(PathBuf),
}

impl Input {
    /// The inputs with these paths: `-` is standard input, and no path means standard input only.
    pub fn of(paths: &[PathBuf]) -> Vec<Self> {
        if paths.is_empty() {
            return vec![Self::Stdin];
        }
        let one = |path: &PathBuf| {
            if path == Path::new("-") { Self::Stdin } else { Self::File(path.clone()) }
        };
        paths.iter().map(one).collect()
    }

    /// Whether it is a file with the name of a compressed one. Such a file cannot be followed, and its length is not that
    /// of its content.
    pub fn has_compressed_name(&self) -> bool {
        let Self::File(path) = self else { return false };
        path.extension().is_some_and(|it| it == "gz" || it == "zst")
    }

    /// Its name in error messages.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// An input of which the beginning was read.
struct Begun {
    input: Input,
    beginning: Vec<u8>,
    rest: Box<dyn Read + Send>,
}

static BEGUN: Mutex<Vec<Begun>> = Mutex::new(Vec::new());

/// Opens an input for the first time.
fn open_first(input: &Input) -> io::Result<Box<dyn Read + Send>> {
    Ok(match input {
        Input::Stdin => Box::new(io::stdin()),
        Input::File(path) => Box::new(File::open(path)?),
    })
}

/// The bytes of an input from the first one, with a buffer of this size. What was read of it before is read again, once.
pub(super) fn open(input: &Input, buffer: usize) -> io::Result<ByteStream> {
    let mut all = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = all.iter().position(|begun| begun.input == *input);
    Ok(match place.map(|place| all.swap_remove(place)) {
        Some(Begun { beginning, rest, .. }) => {
            let all = Cursor::new(beginning).chain(rest);
            Box::new(BufReader::with_capacity(buffer, all))
        }
        None => Box::new(BufReader::with_capacity(buffer, open_first(input)?)),
    })
}

/// The beginning of an input that cannot be opened twice, as text: up to the end of its first line that is not blank, to
/// its end, or to a length with which the format is known. Blocks until it has been read.
pub(super) fn peek(input: &Input) -> io::Result<Vec<u8>> {
    const PIECE: usize = 1 << 16;
    const ENOUGH: usize = 1 << 20;
    let mut all = BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = match all.iter().position(|begun| begun.input == *input) {
        Some(place) => place,
        None => {
            let (input, rest) = (input.clone(), open_first(input)?);
            all.push(Begun { input, beginning: Vec::new(), rest });
            all.len() - 1
        }
    };
    let Begun { beginning, rest, .. } = &mut all[place];
    let mut ended = false;
    loop {
        let text = decoded(beginning, ended)?;
        let begin = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(text.len());
        let end = memchr::memchr(b'\n', &text[begin..]).map(|end| begin + end);
        if end.is_some() || ended || beginning.len() >= ENOUGH {
            return Ok(text[begin..end.unwrap_or(text.len())].to_vec());
        }
        let before = beginning.len();
        beginning.resize(before + PIECE, 0);
        let read = loop {
            match rest.read(&mut beginning[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        beginning.truncate(before + read.as_ref().copied().unwrap_or_default());
        ended = read? == 0;
    }
}

/// The text of the beginning of an input: decompressed as far as it goes.
fn decoded(beginning: &[u8], ended: bool) -> io::Result<Vec<u8>> {
    if !decoding::is_encoded(beginning) {
        return Ok(lines::without_byte_order_mark(beginning).to_vec());
    }
    let mut text = Vec::new();
    let content = lines::decoded(Box::new(Cursor::new(beginning.to_vec())));
    // The end of the compressed bytes is missing, unless the input has ended.
    match content {
        Ok((content, _)) => drop(content.take(1 << 20).read_to_end(&mut text)),
        Err(error) if ended => return Err(error),
        Err(_) => {}
    }
    Ok(text)
}
