//! Cascades in any format; the format is recognised from the first line of an input.

use std::io;

use super::blocks::Input;
use super::import::{
    Format, MissingRoot, PARQUET, PostFormat, Posts, Recognised, is_page, recognise,
};
use super::opened::{Opened, peek};
use super::rows::CR_ALONE;
use super::{Cascades, ColumnNames, History, Refused, Table, TableOptions};
use crate::record::Refusal;

/// How inputs of cascades are read.
#[derive(Clone, Debug, Default)]
pub struct CascadeOptions {
    /// The format; `None` recognises it.
    pub format: Option<Format>,
    /// The format where none is recognised.
    pub otherwise: Option<Format>,
    /// What to do with reposts without a root; by default their originals, where they contain them.
    pub missing_root: Option<MissingRoot>,
    /// How tables are read.
    pub table: TableOptions,
}

/// The format of an input, and whether it was recognised.
fn format_of(input: &Opened, options: &CascadeOptions) -> Result<(Format, bool), Refused> {
    let refused = |text: &str| Err(Refused::at(&input.name, 1, Refusal::new("type", text)));
    let is_parquet = input.first_line.starts_with(PARQUET);
    match options.format {
        Some(Format::Table) => return Ok((Format::Table, false)),
        Some(_) if is_parquet => return refused("a Parquet file is a table: --format csv"),
        _ => (),
    }
    let line = String::from_utf8_lossy(&input.first_line);
    if line.trim().is_empty() {
        return Ok((options.format.or(options.otherwise).unwrap_or(Format::History), false));
    }
    let recognised = recognise(&line);
    // A line that is cut off is refused alone.
    let goes_on = recognised == Recognised::Fragment && line.trim_end().ends_with(['{', '[', ',']);
    if let Some(format) = options.format.filter(|_| !goes_on) {
        return Ok((format, false));
    }
    match recognised {
        Recognised::Format(format) => Ok((format, true)),
        Recognised::Array if line.split_ascii_whitespace().collect::<String>() == "[]" => {
            refused("an empty JSON array")
        }
        Recognised::Array | Recognised::Fragment if !line.ends_with('\n') && is_cut(&line) => {
            refused("JSON without its end: the file is cut off; get the whole file")
        }
        Recognised::Array => {
            refused("a JSON array; write one object a line, such as with jq -c '.[]'")
        }
        Recognised::Fragment => refused(
            "an object of JSON over several lines; write one object a line, such as with jq -c .",
        ),
        Recognised::Unknown if input.name.ends_with(".parquet") => {
            refused("not a Parquet file: it does not begin with PAR1")
        }
        Recognised::Records | Recognised::Unknown => match options.otherwise {
            Some(format) => Ok((format, false)),
            None if recognised == Recognised::Records => refused(
                "the lines are records of tweetoscope, not recorded cascades: tweets are read by tweetoscope collect, run without \
                 --folds, and predict --now",
            ),
            None if line.trim_end().contains('\r') => refused(CR_ALONE),
            None => refused(&format!(
                "the format is not recognised; give it with --format {}, or the names of the columns of a table with \
                 --columns cid=NAME,id=NAME,t=NAME",
                Format::ALL.map(Format::name).join("|")
            )),
        },
    }
}

/// Whether the end of a JSON value is missing.
fn is_cut(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

/// Opens the cascades of `inputs`, which have the same format. Refused lines and cascades are reported to
/// `refuse`; `note` takes what was recognised, ignored and dropped.
///
/// # Errors
/// An input cannot be read, its format is not recognised, or the inputs differ in their formats.
pub fn open_cascades(
    inputs: &[Input],
    options: &CascadeOptions,
    refuse: &mut dyn FnMut(Refused),
    note: &mut dyn FnMut(String),
) -> Result<Box<dyn Cascades + Send>, Refused> {
    let mut opened = Vec::new();
    let mut all: Option<Format> = None;
    for input in inputs {
        let name = input.name();
        let one = Opened::new(input).map_err(|e| Refused::unreadable(&name, None, &e))?;
        let (format, recognised) = format_of(&one, options)?;
        if format != Format::Table && options.table.columns != ColumnNames::default() {
            note(format!("{name}: --columns is ignored: the input is not a table"));
        }
        if recognised && let Format::Posts(format) = format {
            let is_paged = is_page(&String::from_utf8_lossy(&one.first_line));
            let to_end = match *input == Input::Stdin && is_paged {
                true => ", to its end, because pages begin with the newest post",
                false => "",
            };
            note(format!("{name}: read as {}{to_end}", format.title()));
        }
        if let Some(other) = all.filter(|other| *other != format) {
            let text = format!(
                "the format is {format}, that of the inputs before is {other}: give one format at a time"
            );
            return Err(Refused::at(&name, 1, Refusal::new("type", text)));
        }
        all = Some(format);
        opened.push(one);
    }
    Ok(match all.unwrap_or(Format::History) {
        Format::History => {
            if options.missing_root.is_some() {
                note("--missing-root is ignored: a history line is a whole cascade".to_owned());
            }
            offset_is_ignored(options, note);
            Box::new(History::of(opened, refuse)?)
        }
        Format::Table => {
            let mut table = Table::new(options.table.clone());
            for input in opened {
                if input.first_line.starts_with(PARQUET) {
                    add_parquet(&mut table, input, refuse, note)?;
                } else {
                    table.add(input.content, &input.name, refuse, note)?;
                }
            }
            table.close(note);
            Box::new(table)
        }
        Format::Posts(format) => {
            if options.table.seconds_per_unit.is_some() {
                note("--seconds-per-unit is ignored: posts have Unix times".to_owned());
            }
            offset_is_ignored(options, note);
            let mut posts = Posts::new(format);
            for Opened { name, content, .. } in opened {
                posts.add(content, &name, refuse);
            }
            let missing = options.missing_root.unwrap_or(MissingRoot::Embedded);
            posts.close(missing).into_iter().for_each(note);
            Box::new(posts)
        }
    })
}

/// Notes that the offset from UTC of times without one is of no use.
fn offset_is_ignored(options: &CascadeOptions, note: &mut dyn FnMut(String)) {
    if options.table.reports_offset && options.table.utc_offset != 0.0 {
        note("--utc-offset is ignored: the input has Unix times".to_owned());
    }
}

/// Adds the rows of a Parquet file, whose end must be read first.
#[cfg(feature = "parquet")]
fn add_parquet(
    table: &mut Table,
    input: Opened,
    refuse: &mut dyn FnMut(Refused),
    note: &mut dyn FnMut(String),
) -> Result<(), Refused> {
    let Some(file) = input.file else {
        let text = "Parquet is read from a file that is not compressed; give its path";
        return Err(Refused::unreadable(&input.name, None, &io::Error::other(text)));
    };
    table.add_parquet(file, &input.name, refuse, note)
}

/// Refuses a Parquet file, with the remedy.
#[cfg(not(feature = "parquet"))]
fn add_parquet(
    _: &mut Table,
    input: Opened,
    _: &mut dyn FnMut(Refused),
    _: &mut dyn FnMut(String),
) -> Result<(), Refused> {
    let name = &input.name;
    let text = format!(
        "this program is built without Parquet: build it with --features parquet, or convert the file with \
         duckdb -c \"COPY (FROM '{name}') TO '{}.csv'\"",
        name.trim_end_matches(".parquet")
    );
    Err(Refused::unreadable(name, None, &io::Error::other(text)))
}

/// What a command finds in its files or on stdin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Records, or lines of no recognised format.
    Records,
    /// History lines.
    Histories,
    /// Cascades in another format, which must be read to the end.
    Cascades,
    /// Posts on stdin, to be converted as they arrive.
    Stream(PostFormat),
}

/// Whether a line may be the header of a table with unknown names: it has a delimiter, and nothing of JSON.
fn looks_like_header(line: &str) -> bool {
    line.contains([',', '\t', ';', '|']) && !line.contains("\":") && !line.contains('{')
}

/// Recognises the content of the first input, which is not consumed; with `peek`, stdin too, which blocks until it has
/// content.
///
/// # Errors
/// The input cannot be read.
pub fn content(inputs: &[Input], format: Option<Format>, peek: bool) -> io::Result<Content> {
    let stream = inputs.iter().all(|input| *input == Input::Stdin);
    let first_line = match (format, inputs.first()) {
        (None, Some(input)) if peek || !stream => self::peek(input)?,
        _ => Vec::new(),
    };
    let first_line = &String::from_utf8_lossy(&first_line);
    let recognised = format.map_or_else(|| recognise(first_line), Recognised::Format);
    Ok(match recognised {
        // Pages are read to their end, because the newest one comes first, unless the format is given.
        Recognised::Format(Format::Posts(format))
            if stream && !format.is_by_cascade() && !is_page(first_line) =>
        {
            Content::Stream(format)
        }
        Recognised::Format(Format::History) => Content::Histories,
        Recognised::Format(_) => Content::Cascades,
        // Opening the cascades reports an array, an object over several lines, or the names of the columns.
        Recognised::Array | Recognised::Fragment if !stream || peek => Content::Cascades,
        Recognised::Unknown if !stream && looks_like_header(first_line) => Content::Cascades,
        _ => Content::Records,
    })
}
