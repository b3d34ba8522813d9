//! The names of the formats.

use std::fmt;
use std::str::FromStr;

/// A format of cascades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// History lines, one cascade per line.
    History,
    /// A CSV table of events.
    Table,
    /// Lines of posts.
    Posts(PostFormat),
}

/// A format of posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostFormat {
    /// X API v1.1.
    XV11,
    /// X API v2.
    XV2,
    /// Bluesky Jetstream.
    Jetstream,
    /// Mastodon.
    Mastodon,
    /// Weibo lines of DeepHawkes.
    Weibo,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] = [
        Self::Posts(PostFormat::XV11),
        Self::Posts(PostFormat::XV2),
        Self::Posts(PostFormat::Jetstream),
        Self::Posts(PostFormat::Mastodon),
        Self::Posts(PostFormat::Weibo),
        Self::Table,
        Self::History,
    ];

    /// Its name as the value of an option.
    pub fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Table => "csv",
            Self::Posts(PostFormat::XV11) => "x_v11",
            Self::Posts(PostFormat::XV2) => "x_v2",
            Self::Posts(PostFormat::Jetstream) => "jetstream",
            Self::Posts(PostFormat::Mastodon) => "mastodon",
            Self::Posts(PostFormat::Weibo) => "weibo",
        }
    }
}

impl PostFormat {
    /// Its full name.
    pub fn title(self) -> &'static str {
        match self {
            Self::XV11 => "X API v1.1",
            Self::XV2 => "X API v2",
            Self::Jetstream => "Bluesky Jetstream",
            Self::Mastodon => "Mastodon",
            Self::Weibo => "Weibo cascades",
        }
    }

    /// Whether a line is a whole cascade, so that the lines are not in the order of time.
    pub fn is_by_cascade(self) -> bool {
        self == Self::Weibo
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| format!("{name:?} is not a format; give one of {names}"))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
