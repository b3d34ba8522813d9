//! A page: its parts, and its text in `--help`.

use std::fmt::Write;

use crate::flags::EXIT_STATUSES;

/// The commands that read cascades.
const READERS: [&str; 5] = ["generate", "fit", "predict", "train", "run"];

/// How the cascades are written that they read.
const CASCADES: [(&str, &str); 5] = [
    (
        "History",
        "one finished cascade a line, {\"cid\":\"a\",\"t0\":1539202764,\"tweets\":[[0,5000],[2.5,120]]}: pairs of the \
         seconds since the first tweet and the number of followers, in the order of time; t0, the Unix time of the first \
         tweet, may be absent",
    ),
    (
        "Table",
        "one event a row, with columns such as cid (also root_id, retweet_of), id (tweet_id), t (created_at, timestamp), \
         m (followers_count) and msg (text), or others by --columns; cid and t are needed. Empty, NA, NaN, None and null \
         are missing values: of cid, the event is an original; of m, the mark is 1",
    ),
    (
        "Times",
        "2018-10-10T20:19:24Z, 2018-10-10 20:19:24 (UTC, or --utc-offset), Wed Oct 10 20:19:24 +0000 2018, Unix seconds, \
         milliseconds, microseconds or nanoseconds; in a table also seconds since the first tweet",
    ),
    (
        "Posts",
        "one JSON object a line, as the platform returns them; also pages and arrays of them",
    ),
    (
        "Invalid",
        "an invalid row of a table removes its whole cascade, which would be incomplete without it; an invalid post or \
         history line is skipped alone. Each is reported with its line, the others are read, and the exit status is 1",
    ),
];

/// The text of one command.
pub(crate) struct Page {
    /// Its name; empty for `tweetoscope` itself.
    pub(crate) command: &'static str,
    /// What it reads and writes.
    pub(super) formats: &'static [(&'static str, &'static str)],
    /// What a command line does, and the command line.
    pub(crate) examples: &'static [(&'static str, &'static str)],
    /// Related commands.
    pub(crate) see_also: &'static [&'static str],
}

impl Page {
    /// What the command reads and writes, and how it is written.
    pub(crate) fn formats(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let cascades = READERS.contains(&self.command).then_some(&CASCADES);
        self.formats.iter().chain(cascades.into_iter().flatten())
    }

    /// The text after the options in `--help`; lines have at most 80 characters.
    pub(crate) fn help(&self) -> String {
        let mut text = String::from("Formats:\n");
        for (direction, what) in self.formats() {
            let _ = writeln!(text, "{}", wrapped(&format!("  {direction:7} "), what));
        }
        text += "\nExamples:\n";
        for (purpose, line) in self.examples {
            let _ = writeln!(text, "  {purpose}:\n    {line}");
        }
        if self.command.is_empty() {
            text += "\nExit status:\n";
            for (status, meaning) in EXIT_STATUSES {
                let _ = writeln!(text, "{}", wrapped(&format!("  {status:<3} "), meaning));
            }
        }
        let names: Vec<String> =
            self.see_also.iter().map(|name| format!("tweetoscope-{name}(1)")).collect();
        text + "\n" + &wrapped("See also: ", &names.join(", "))
    }
}

/// Text behind a label, indented below it.
fn wrapped(label: &str, text: &str) -> String {
    const WIDTH: usize = 80;
    let indent = label.len();
    let (mut all, mut length) = (label.to_owned(), indent);
    for (place, word) in text.split(' ').enumerate() {
        let blank = usize::from(place > 0);
        if blank > 0 && length + blank + word.len() > WIDTH {
            let _ = write!(all, "\n{:indent$}", "");
            length = indent;
        } else if blank > 0 {
            all.push(' ');
            length += 1;
        }
        all += word;
        length += word.len();
    }
    all
}
