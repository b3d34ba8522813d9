//! The cascades that a command reads: files or stdin, in any format.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tweetoscope::input::blocks::Input;
use tweetoscope::input::import::{Cascader, Format, MissingRoot};
use tweetoscope::input::{
    CascadeOptions, Cascades, ColumnNames, Content, Pair, Refused, TableOptions, content,
    open_cascades,
};
use tweetoscope::stream::{self, MakeCascader};

use crate::flags::{Usage, is_given};

/// Files of cascades, and how they are read.
#[derive(clap::Args, Clone)]
pub(crate) struct SourceFlags {
    /// Read the cascades of these files, in any format of --format; - is stdin
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "data", help_heading = "Cascades")]
    pub(crate) history: Vec<PathBuf>,
    /// Read the cascades of this table of events (CSV, or Parquet where it is built in), one event a
    /// row, or, with --index, of the events file of the original system; - is stdin
    #[arg(long, value_name = "CSV", help_heading = "Cascades")]
    pub(crate) data: Option<PathBuf>,
    /// File of the original system with the first and last row of each cascade in --data
    #[arg(long, value_name = "CSV", help_heading = "Cascades")]
    index: Option<PathBuf>,
    /// Format of the input: x_v11, x_v2, jetstream, mastodon, weibo, csv or history (default:
    /// recognise it from the first line)
    #[arg(long, value_name = "FORMAT", conflicts_with = "index", help_heading = "Cascades")]
    pub(crate) format: Option<Format>,
    /// Treatment of reposts whose original is not in the input: embedded takes the original from
    /// the repost and drops reposts without one, first lets the first repost stand for the
    /// original, drop drops them (default: embedded; for tables, first; for posts read as they
    /// arrive, drop)
    #[arg(long, value_name = "embedded|first|drop", help_heading = "Cascades")]
    missing_root: Option<MissingRoot>,
    /// Columns of a table, such as cid=retweet_of,id=tweet_id,t=created_at,m=followers,msg=text,source=lang
    /// (default: recognise their names)
    #[arg(long, value_name = "ROLE=NAME,...", help_heading = "Cascades")]
    columns: Option<ColumnNames>,
    /// Unit of the times in the input, in seconds, such as 60 for minutes (default: 1; for Unix times
    /// in a table, recognise it)
    #[arg(long, value_name = "SECONDS", help_heading = "Cascades")]
    pub(crate) seconds_per_unit: Option<f64>,
    /// Whether what is recognised and ignored was reported before.
    #[arg(skip)]
    pub(crate) is_reported: bool,
    /// Whether the offset from UTC has no other use, so that it is reported where it changes no time.
    #[arg(skip)]
    pub(crate) reports_offset: bool,
}

impl SourceFlags {
    /// Whether any option is given.
    pub(crate) fn is_given(&self) -> bool {
        self.any()
            || self.format.is_some()
            || self.missing_root.is_some()
            || self.columns.is_some()
            || self.seconds_per_unit.is_some()
    }

    /// Whether an option names files of cascades.
    pub(crate) fn any(&self) -> bool {
        !self.history.is_empty() || self.data.is_some()
    }

    /// The content of the inputs: those of the options, else `files`, else stdin, which is recognised only with
    /// `peek`, because that blocks until it has content.
    pub(crate) fn content(&self, files: &[PathBuf], peek: bool) -> anyhow::Result<Content> {
        if self.any() && files.is_empty() {
            return Ok(Content::Cascades);
        }
        let inputs = Input::of(files);
        for path in files.iter().filter(|path| is_empty(path)) {
            stream::report(&format!("{}: the file is empty", path.display()));
        }
        // The names of the columns of a table may be unknown.
        let is_table = self.columns.is_some();
        let otherwise = if is_table { Content::Cascades } else { Content::Records };
        let peek = peek && !io::stdin().is_terminal();
        if self.format.is_none() && inputs[0] == Input::Stdin && !peek {
            return Ok(otherwise);
        }
        let found = content(&inputs, self.format, peek).with_context(|| inputs[0].name())?;
        Ok(if found == Content::Records { otherwise } else { found })
    }

    /// Opens the cascades; calls `refuse` with those that cannot be used, and reports what was recognised.
    /// Times without an offset are `utc_offset` hours ahead of UTC.
    pub(crate) fn open(
        &self,
        files: &[PathBuf],
        utc_offset: f64,
        refuse: &mut dyn FnMut(Refused),
    ) -> anyhow::Result<Box<dyn Cascades + Send>> {
        let unit = self.seconds_per_unit.unwrap_or(1.0);
        if !(unit > 0.0 && unit.is_finite()) {
            return Err(Usage(format!("--seconds-per-unit must be above 0, not {unit}")).into());
        }
        // --params may give --data: files and --history on the command line take precedence.
        let data = self.data.as_ref().filter(|_| self.history.is_empty() && files.is_empty());
        if let (Some(data), Some(index)) = (data, &self.index) {
            let pair = Pair::open(data, index, unit, refuse)?.with_utc_offset(utc_offset * 3600.0);
            if !self.is_reported {
                pair.notes().iter().for_each(|note| stream::report(note));
            }
            return Ok(Box::new(pair));
        }
        let named = match data {
            Some(data) => std::slice::from_ref(data),
            None if self.history.is_empty() => files,
            None => &self.history,
        };
        let inputs = Input::of(named);
        let is_table = data.is_some() || self.columns.is_some();
        let otherwise = match is_table {
            true => Some(Format::Table),
            false => (!self.history.is_empty()).then_some(Format::History),
        };
        let options = CascadeOptions {
            format: self.format,
            otherwise,
            missing_root: self.missing_root,
            table: TableOptions {
                columns: self.columns.clone().unwrap_or_default(),
                seconds_per_unit: self.seconds_per_unit,
                utc_offset: utc_offset * 3600.0,
                is_offset_given: is_given("utc_offset"),
                reports_offset: self.reports_offset,
                missing_root: self.missing_root,
            },
        };
        let mut refused = false;
        let refuse = &mut |it| {
            refused = true;
            refuse(it);
        };
        let cascades = open_cascades(&inputs, &options, refuse, &mut |note| {
            if !self.is_reported {
                stream::report(&note);
            }
        })?;
        if !self.is_reported {
            report_replaced(&*cascades);
        }
        let is_reported =
            self.is_reported || !self.any() && files.iter().any(|path| is_empty(path));
        if cascades.count() == 0 && !refused && !is_reported {
            stream::report(
                "the input has no cascades: nothing follows its header, or its lines have no posts",
            );
        }
        Ok(cascades)
    }

    /// Seconds per unit of the times of `cascades`.
    pub(crate) fn unit(&self, cascades: &dyn Cascades) -> f64 {
        if cascades.in_seconds() { 1.0 } else { self.seconds_per_unit.unwrap_or(1.0) }
    }

    /// Makes the converter of posts on stdin.
    pub(crate) fn cascader(&self, exact_times: bool) -> MakeCascader {
        let missing_root = self.missing_root.unwrap_or(MissingRoot::Drop);
        let is_given = self.format.is_some();
        Box::new(move |format| {
            if !is_given {
                stream::report(&format!("stdin: read as {}", format.title()));
            }
            Cascader::new(format, missing_root, exact_times)
        })
    }
}

/// Whether a path is that of a file without content.
fn is_empty(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file() && it.len() == 0)
}

/// Reports times that are not used and ids that are replaced.
fn report_replaced(cascades: &dyn Cascades) {
    let count = cascades.count();
    let dated = (0..count).filter(|&index| cascades.is_dated(index)).count() as u64;
    if (1..count).contains(&dated) {
        stream::report(&format!(
            "{} of {count} cascades have no Unix times, so those of the others are not used: all are taken as times since \
             the first event; remove these cascades, or give their times",
            count - dated
        ));
    }
    let again = (0..count).filter(|&index| cascades.suffix(index) > 1).count();
    if again > 0 {
        stream::report(&format!(
            "{again} cascades have the id of one in an earlier file: they are read as others, with ~2 and so on behind \
             the id; give each file once"
        ));
    }
}
