//! Where `generate` writes: lines on stdout, or a topic.

use std::io;

use tweetoscope::event::{Event, SILENCE};
use tweetoscope::record::{Item, Kind, Record, Watermark, read, write_event};
use tweetoscope::stream::Stdout;
use tweetoscope::stream::lines::Writer;

use crate::kafka::Sink;

/// Destination of the tweets.
pub(super) enum To {
    Lines(Writer<Stdout>),
    Topics(Box<Sink>),
}

impl To {
    /// Writes an event of a replay, `since` seconds after that of its source before it. After a silence a watermark
    /// precedes it, by which `collect` accepts its time, however far it is ahead (`--max-jump`): a replay is ordered, so
    /// that no earlier event follows. Posts that are converted as they arrive are not.
    pub(super) fn event_since(&mut self, event: &Event<'_>, since: f64) -> io::Result<()> {
        if since > SILENCE {
            let (source, t) = (event.source.to_string(), event.time.seconds());
            self.record(&Record::Watermark(Watermark { source, t }))?;
        }
        match self {
            Self::Lines(lines) => lines.line(|buffer| write_event(event, buffer)),
            Self::Topics(sink) => sink.event(event),
        }
    }

    pub(super) fn record(&mut self, record: &Record) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.line(|buffer| record.write(buffer)),
            Self::Topics(sink) => sink.record(record),
        }
    }

    /// A line of an event.
    pub(super) fn line(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.line(|buffer| buffer.extend_from_slice(line)),
            Self::Topics(sink) => match read(line, None, &[Kind::Tweet, Kind::Retweet]) {
                Ok(Item::Event(event)) => sink.event(&event),
                _ => Ok(()),
            },
        }
    }

    /// Flushes before a pause.
    pub(super) fn pause(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.flush(),
            // The producer sends in the background.
            Self::Topics(sink) => sink.pause(),
        }
    }

    /// Whether the next record was written by an earlier process.
    pub(super) fn is_skipping(&self) -> bool {
        match self {
            Self::Lines(_) => false,
            Self::Topics(sink) => sink.is_skipping(),
        }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.flush(),
            Self::Topics(sink) => sink.flush(),
        }
    }
}
