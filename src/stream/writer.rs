//! Buffered output of lines, which a stage may reach while it runs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::stage::{Outgoing, SharedSink, Sink};

/// Buffered bytes at which the writer flushes.
const FLUSH_AT: usize = 64 * 1024;

/// A buffered writer of lines.
pub struct Writer<W> {
    to: W,
    buffer: Vec<u8>,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// A writer with an empty buffer.
    pub fn new(to: W) -> Self {
        Self { to, buffer: Vec::with_capacity(FLUSH_AT * 2), written: 0 }
    }

    /// Lines written so far, including buffered ones.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes an item of the output of a stage.
    pub fn outgoing(&mut self, item: &Outgoing) -> io::Result<()> {
        self.line(|buffer| match item {
            Outgoing::Record(record) => record.write(buffer),
            Outgoing::Foreign(bytes) => buffer.extend_from_slice(bytes),
        })
    }

    /// Writes a line; `append` appends it to the buffer without its newline.
    pub fn line(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        append(&mut self.buffer);
        self.buffer.push(b'\n');
        self.written += 1;
        if self.buffer.len() >= FLUSH_AT { self.flush() } else { Ok(()) }
    }

    /// Writes the buffered lines.
    pub fn flush(&mut self) -> io::Result<()> {
        let wrote = self.to.write_all(&self.buffer).and_then(|()| self.to.flush());
        self.buffer.clear();
        wrote
    }
}

/// A writer that takes the output of a stage while the stage runs.
pub(super) struct Shared<W>(Arc<Mutex<Kept<W>>>);

/// A writer, and the error of the output that a stage passed to it.
struct Kept<W> {
    writer: Writer<W>,
    failed: io::Result<()>,
}

impl<W: Write> Kept<W> {
    fn outgoing(&mut self, items: &[Outgoing]) -> io::Result<()> {
        items.iter().try_for_each(|item| self.writer.outgoing(item))
    }
}

impl<W: Write + Send> Sink for Kept<W> {
    fn put(&mut self, items: Vec<Outgoing>) {
        if self.failed.is_ok() {
            self.failed = self.outgoing(&items);
        }
    }
}

impl<W: Write + Send + 'static> Shared<W> {
    pub(super) fn new(to: W) -> Self {
        Self(Arc::new(Mutex::new(Kept { writer: Writer::new(to), failed: Ok(()) })))
    }

    fn kept(&self) -> MutexGuard<'_, Kept<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sink(&self) -> SharedSink {
        self.0.clone()
    }

    /// Writes the next output, after what the stage passed to the sink.
    pub(super) fn write(&self, items: &[Outgoing]) -> io::Result<()> {
        let mut kept = self.kept();
        std::mem::replace(&mut kept.failed, Ok(()))?;
        kept.outgoing(items)
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        self.kept().writer.flush()
    }

    pub(super) fn written(&self) -> u64 {
        self.kept().writer.written()
    }
}

/// The error with the name of the file or stream in its message.
pub fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the calls of `write`.
    struct Calls(usize, usize);

    impl Write for Calls {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (self.0, self.1) = (self.0 + 1, self.1 + bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_blocks() {
        let mut writer = Writer::new(Calls(0, 0));
        for _ in 0..100_000 {
            writer.line(|buffer| buffer.extend_from_slice(b"a line of twenty-four..")).unwrap();
        }
        writer.flush().unwrap();
        let Calls(calls, bytes) = writer.to;
        assert_eq!(bytes, 2_400_000);
        assert!(calls <= bytes / FLUSH_AT + 1, "{calls}");
    }
}
