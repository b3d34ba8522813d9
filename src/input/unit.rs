//! The times of a table: numbers in a unit that the first row decides, or texts.

use super::columns::ColumnNames;
use super::import::MissingRoot;
use super::time::{self, EARLIEST_UNIX, TextTime};
use crate::cascade::numbers;
use crate::record::Refusal;

/// How tables are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableOptions {
    /// The names of the columns.
    pub columns: ColumnNames,
    /// Seconds per unit of the times; by default guessed from the first time.
    pub seconds_per_unit: Option<f64>,
    /// Offset from UTC of times that are texts without an offset, in seconds.
    pub utc_offset: f64,
    /// Whether the offset is given, which may be 0.
    pub is_offset_given: bool,
    /// Whether the offset has no other use, so that it is reported where it changes no time.
    pub reports_offset: bool,
    /// What to do with cascades without a row of the root, where the table has ids of events; by default the
    /// first row is the root.
    pub missing_root: Option<MissingRoot>,
}

/// From this number of times on that are all whole minutes, this is no accident.
const MINUTES: u64 = 20;

/// The form of the times of a table; that of the first row holds for all.
#[derive(Default)]
pub(super) struct Unit {
    form: Option<Form>,
    /// Whether there is a text without an offset from UTC.
    has_local: bool,
    /// Number of times, up to the first that is not a whole minute.
    minutes: u64,
    has_seconds: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Numbers, with the seconds per unit.
    Numbers(f64),
    /// Dates with times.
    Texts,
}

impl Unit {
    /// Whether no time has been read so far.
    pub(super) fn is_unknown(&self) -> bool {
        self.form.is_none()
    }

    /// What is assumed of the times that were read, and how exact they are.
    pub(super) fn assumed(&self, options: &TableOptions) -> Vec<&'static str> {
        let mut notes = Vec::new();
        let is_shifted = options.utc_offset != 0.0 && options.reports_offset;
        match self.form {
            Some(Form::Texts) => {
                if options.seconds_per_unit.is_some() {
                    notes.push("--seconds-per-unit is ignored: the times are texts");
                }
                if is_shifted && !self.has_local {
                    notes.push("--utc-offset is ignored: the times have their own offset from UTC");
                }
            }
            Some(Form::Numbers(_)) if is_shifted => {
                notes.push("--utc-offset is ignored: the times are numbers");
            }
            _ => {}
        }
        if self.has_local && options.utc_offset == 0.0 && !options.is_offset_given {
            notes.push(
                "the times have no offset from UTC and are read as UTC; --utc-offset HOURS gives that of local times",
            );
        }
        if self.minutes >= MINUTES && !self.has_seconds {
            notes.push(
                "all times are whole minutes: events of the minute in which a window ends may be counted on the wrong side; \
                 export the times with seconds",
            );
        }
        notes
    }

    /// Counts a time in seconds that is a whole minute.
    fn count_minute(&mut self, seconds: f64) {
        self.has_seconds |= seconds % 60.0 != 0.0;
        self.minutes += u64::from(!self.has_seconds);
    }

    /// The seconds of a time; `note` takes a unit that was guessed.
    pub(super) fn seconds(
        &mut self,
        field: &[u8],
        options: &TableOptions,
        note: &mut dyn FnMut(String),
    ) -> Result<f64, Refusal> {
        let text = String::from_utf8_lossy(field);
        let refused = |detail: String| Err(Refusal::new("field", format!("{detail}: {text:?}")));
        let Some(number) = numbers::field(field) else {
            let Some(time) = time::text_time(&text) else {
                let is_decimal = numbers::field(text.replace(',', ".").as_bytes()).is_some();
                if let Some(remedy) = time::remedy(&text) {
                    return refused(format!("the time has another form: {remedy}"));
                }
                let hint = if is_decimal { "; write it with a decimal point" } else { "" };
                return refused(format!(
                    "the time is neither a number nor a date with a time such as 2018-10-10 20:19:24{hint}"
                ));
            };
            self.has_local |= matches!(time, TextTime::Local(_));
            self.count_minute(time.unix(0.0));
            return match self.form.get_or_insert(Form::Texts) {
                Form::Texts => Ok(time.unix(options.utc_offset)),
                Form::Numbers(_) => {
                    refused("the time is a text, that of the first row is a number".to_owned())
                }
            };
        };
        if !number.is_finite() {
            return refused("the time is not a finite number".to_owned());
        }
        if options.seconds_per_unit.is_none() && time::is_compact_date(number) {
            return refused(
                "the time is a date of 14 digits; write it as 2018-10-10 20:19:24, or give --seconds-per-unit where it \
                 is a number"
                    .to_owned(),
            );
        }
        let form = self.form.get_or_insert_with(|| Form::Numbers(unit(number, options, note)));
        match form {
            Form::Numbers(unit) => {
                let unit = *unit;
                if options.seconds_per_unit.is_none()
                    && let Some((here, first)) = other_unit(number, unit)
                {
                    return refused(format!(
                        "the time looks like {here} since 1970, those before are {first}: split the file by unit, and give \
                         the unit of each with --seconds-per-unit"
                    ));
                }
                // Numbers of minutes or hours have no seconds.
                if unit < 60.0 {
                    self.count_minute(number * unit);
                }
                Ok(number * unit)
            }
            Form::Texts => {
                refused("the time is a number, that of the first row is a text".to_owned())
            }
        }
    }
}

/// The units of a time and of those before it, where a Unix time is in another unit than they are.
fn other_unit(number: f64, unit: f64) -> Option<(&'static str, &'static str)> {
    let here = time::guessed_unit(number);
    // Seconds since 1970 would be a time of the first weeks of 1970 in a smaller unit.
    let is_seconds = number >= EARLIEST_UNIX && here.is_none();
    match here {
        Some((name, _)) if unit == 1.0 => Some((name, "seconds")),
        None if is_seconds && unit < 1.0 => Some(("seconds", "in a smaller unit")),
        _ => None,
    }
}

/// Seconds per unit of a table whose first time is `first`.
fn unit(first: f64, options: &TableOptions, note: &mut dyn FnMut(String)) -> f64 {
    match (options.seconds_per_unit, time::guessed_unit(first)) {
        (Some(unit), _) => unit,
        (None, Some((name, unit))) => {
            note(format!(
                "times are read as {name} since 1970; another unit is given with --seconds-per-unit"
            ));
            unit
        }
        (None, None) => 1.0,
    }
}
