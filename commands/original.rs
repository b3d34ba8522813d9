//! The settings of the original system: `params.config` of its generator, `collector.ini` of its collector.
//!
//! Both are read as the original reads them: the first word after the keyword counts, `#` begins a
//! comment, the last line of a keyword takes precedence. In addition, `=` and blanks both separate keyword and value.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use tweetoscope::event::Span;

/// The settings of a file, and warnings about the rest.
#[derive(Debug, PartialEq)]
pub(crate) struct Read<T> {
    /// The settings; `None` where the file has no such keyword.
    pub(crate) settings: T,
    /// Unknown keywords, one message each, with their lines.
    pub(crate) warnings: Vec<String>,
}

/// The settings of `params.config`, in the units of the options.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Generator {
    /// `tweets_path`: the data.
    pub(crate) data: Option<PathBuf>,
    /// `cascades_path`: the index.
    pub(crate) index: Option<PathBuf>,
    /// `seconds_per_time_unit`.
    pub(crate) seconds_per_unit: Option<f64>,
    /// `time_acceleration_factor`: event seconds in a second of real time.
    pub(crate) speed: Option<f64>,
    /// `cascade_random_start_time_range`, which is in minutes there.
    pub(crate) start_range: Option<Span>,
    /// `max_number_of_cascades`: live cascades of a source.
    pub(crate) live: Option<u32>,
    /// `number_of_threads`: sources.
    pub(crate) sources: Option<u32>,
    /// `kafka_topic`.
    pub(crate) topic: Option<String>,
    /// `kafka_brokers`.
    pub(crate) brokers: Option<String>,
}

/// The settings of `collector.ini`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Collector {
    /// `[kafka] brokers`.
    pub(crate) brokers: Option<String>,
    /// `[kafka] group`.
    pub(crate) group: Option<String>,
    /// `[kafka] offset_reset`.
    pub(crate) offset_reset: Option<String>,
    /// `[topic] in`.
    pub(crate) topic_in: Option<String>,
    /// `[topic] out_series`.
    pub(crate) out_series: Option<String>,
    /// `[topic] out_properties`.
    pub(crate) out_properties: Option<String>,
    /// `[times] observation`, as often as it comes; ascending, each once.
    pub(crate) windows: Vec<Span>,
    /// `[times] terminated`.
    pub(crate) terminated: Option<Span>,
    /// `[cascade] min_cascade_size`.
    pub(crate) min_size: Option<u64>,
}

/// Default values of options, by name.
pub(crate) type Defaults = Vec<(&'static str, Vec<String>)>;

/// The defaults that a file gives to the options of a command; reports unknown keywords.
pub(crate) fn defaults(command: &str, path: &Path) -> Result<Defaults> {
    let text = std::fs::read_to_string(path)?;
    let (defaults, warnings) = match command {
        // A collector.ini has sections, a params.config has none.
        "run" if !text.lines().any(|line| line.trim_start().starts_with('[')) => {
            generator(&text).map(|it| (it.settings.defaults(), it.warnings))
        }
        "generate" => generator(&text).map(|it| (it.settings.defaults(), it.warnings)),
        _ => collector(&text).map(|it| (it.settings.defaults(), it.warnings)),
    }?;
    let speed = defaults.iter().find(|(name, values)| *name == "speed" && !values.is_empty());
    if let Some((_, speed)) = speed.filter(|_| command == "generate") {
        tweetoscope::stream::report(&format!(
            "{}: time_acceleration_factor: {} s of event time are replayed in a second, unless --speed is given",
            path.display(),
            speed.concat()
        ));
    }
    for warning in warnings {
        tweetoscope::stream::report(&format!("{}: {warning}", path.display()));
    }
    let given = defaults.into_iter().filter(|(_, values)| !values.is_empty());
    Ok(given.collect())
}

/// One value, or none.
fn value(it: &Option<impl ToString>) -> Vec<String> {
    it.iter().map(ToString::to_string).collect()
}

fn path(it: &Option<PathBuf>) -> Vec<String> {
    it.iter().map(|it| it.display().to_string()).collect()
}

/// Values of `--topic` that rename topics.
fn topic(names: &[(&str, &Option<String>)]) -> Vec<String> {
    let renamed =
        names.iter().filter_map(|(kind, name)| Some(format!("{kind}={}", name.as_ref()?)));
    renamed.collect()
}

impl Generator {
    fn defaults(&self) -> Defaults {
        vec![
            ("data", path(&self.data)),
            ("index", path(&self.index)),
            ("seconds_per_unit", value(&self.seconds_per_unit)),
            ("speed", value(&self.speed)),
            ("start_range", value(&self.start_range)),
            ("live", value(&self.live)),
            ("sources", value(&self.sources)),
            ("brokers", value(&self.brokers)),
            ("topic", topic(&[("tweet", &self.topic)])),
        ]
    }
}

impl Collector {
    fn defaults(&self) -> Defaults {
        let names = [
            ("tweet", &self.topic_in),
            ("serie", &self.out_series),
            ("size", &self.out_properties),
            ("parameters", &self.out_properties),
        ];
        vec![
            ("windows", self.windows.iter().map(ToString::to_string).collect()),
            ("terminated", value(&self.terminated)),
            ("min_size", value(&self.min_size)),
            ("brokers", value(&self.brokers)),
            ("group", value(&self.group)),
            ("offset_reset", value(&self.offset_reset)),
            ("topic", topic(&names)),
        ]
    }
}

/// Reads the text of a `params.config`.
pub(crate) fn generator(text: &str) -> Result<Read<Generator>> {
    let (mut it, mut warnings) = (Generator::default(), Vec::new());
    for setting in settings(text)? {
        match setting.keyword {
            "tweets_path" => it.data = Some(setting.value()?.into()),
            "cascades_path" => it.index = Some(setting.value()?.into()),
            "seconds_per_time_unit" => it.seconds_per_unit = Some(setting.positive()?),
            "time_acceleration_factor" => it.speed = Some(setting.positive()?),
            "cascade_random_start_time_range" => it.start_range = Some(setting.minutes()?),
            "max_number_of_cascades" => it.live = Some(setting.count()?),
            "number_of_threads" => it.sources = Some(setting.count()?),
            "kafka_topic" => it.topic = Some(setting.value()?.to_owned()),
            "kafka_brokers" => it.brokers = Some(setting.value()?.to_owned()),
            // Caches and index files of the original system; without effect here.
            "tweets_index_path"
            | "cascades_index_path"
            | "tweets_cache_page_size"
            | "tweets_cache_nb_pages"
            | "cascades_cache_page_size"
            | "cascades_cache_nb_pages" => {}
            _ => warnings.push(setting.unknown()),
        }
    }
    Ok(Read { settings: it, warnings })
}

/// Reads the text of a `collector.ini`.
pub(crate) fn collector(text: &str) -> Result<Read<Collector>> {
    let (mut it, mut warnings) = (Collector::default(), Vec::new());
    for setting in settings(text)? {
        match (setting.section, setting.keyword) {
            ("kafka", "brokers") => it.brokers = Some(setting.value()?.to_owned()),
            ("kafka", "group") => it.group = Some(setting.value()?.to_owned()),
            ("kafka", "offset_reset") => it.offset_reset = Some(setting.value()?.to_owned()),
            ("topic", "in") => it.topic_in = Some(setting.value()?.to_owned()),
            ("topic", "out_series") => it.out_series = Some(setting.value()?.to_owned()),
            ("topic", "out_properties") => it.out_properties = Some(setting.value()?.to_owned()),
            ("times", "observation" | "observations") => {
                for window in setting.value()?.split(',') {
                    it.windows.push(setting.duration(window)?);
                }
            }
            ("times", "terminated") => it.terminated = Some(setting.duration(setting.value()?)?),
            ("cascade", "min_cascade_size") => it.min_size = Some(setting.count()?),
            _ => warnings.push(setting.unknown()),
        }
    }
    it.windows.sort_by(|a, b| a.0.total_cmp(&b.0));
    it.windows.dedup();
    Ok(Read { settings: it, warnings })
}

/// A line of a file: a keyword and its value.
struct Setting<'a> {
    line: usize,
    /// The section that contains it; empty before the first section.
    section: &'a str,
    keyword: &'a str,
    rest: &'a str,
}

/// The lines that set something.
fn settings(text: &str) -> Result<Vec<Setting<'_>>> {
    let (mut all, mut section) = (Vec::new(), "");
    for (i, whole) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let whole = whole.trim();
        if whole.is_empty() || whole.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = whole.strip_prefix('[') {
            let name = rest.split_once(']').map(|(name, _)| name.trim());
            section =
                name.ok_or_else(|| anyhow!("line {}: a section name without its ]", i + 1))?;
            continue;
        }
        let end = whole.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(whole.len());
        let (keyword, rest) = whole.split_at(end);
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        all.push(Setting { line: i + 1, section, keyword, rest });
    }
    Ok(all)
}

impl<'a> Setting<'a> {
    fn value(&self) -> Result<&'a str> {
        let word = self.rest.split_whitespace().next().filter(|word| !word.starts_with('#'));
        word.ok_or_else(|| anyhow!("line {}: {} has no value", self.line, self.keyword))
    }

    fn parse<T: FromStr>(&self, word: &str) -> Result<T> {
        let Self { line, keyword, .. } = self;
        word.parse().map_err(|_| anyhow!("line {line}: {keyword} cannot be {word:?}"))
    }

    fn positive(&self) -> Result<f64> {
        let word = self.value()?;
        let value: f64 = self.parse(word)?;
        if value > 0.0 && value.is_finite() {
            return Ok(value);
        }
        bail!("line {}: {} must be above 0, not {word}", self.line, self.keyword)
    }

    fn duration(&self, word: &str) -> Result<Span> {
        let duration: Span = self.parse(word)?;
        if duration.0 > 0.0 && duration.0.is_finite() {
            return Ok(duration);
        }
        bail!("line {}: {} must be above 0, not {word}", self.line, self.keyword)
    }

    fn minutes(&self) -> Result<Span> {
        let word = self.value()?;
        let Span(minutes) = self.parse(word)?;
        if word.ends_with(|last: char| last.is_ascii_digit() || last == '.') {
            return Ok(Span(minutes * 60.0));
        }
        bail!("line {}: {} is a number of minutes, not {word:?}", self.line, self.keyword)
    }

    fn count<T: FromStr + PartialOrd + From<u8>>(&self) -> Result<T> {
        let word = self.value()?;
        let value: T = self.parse(word)?;
        if value >= T::from(1) {
            return Ok(value);
        }
        bail!("line {}: {} must be at least 1, not {word}", self.line, self.keyword)
    }

    fn unknown(&self) -> String {
        let Self { line, section, keyword, .. } = self;
        match *section {
            "" => format!("line {line}: unknown keyword {keyword:?}, ignored"),
            _ => format!("line {line}: unknown keyword {keyword:?} in [{section}], ignored"),
        }
    }
}

#[cfg(test)]
mod tests;
