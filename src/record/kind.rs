//! The kinds of records.

use std::fmt;

/// The kinds of records, which the field `type` distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An initial tweet.
    Tweet,
    /// A forward of an initial tweet.
    Retweet,
    /// A lower bound of a source's clock.
    Watermark,
    /// The first events of a cascade, up to the end of a window.
    Serie,
    /// The final size of a cascade.
    Size,
    /// A fitted process.
    Parameters,
    /// A fitted window with the final size: the input of training.
    Sample,
    /// A trained model.
    Model,
    /// A prediction.
    Alert,
    /// The error of a prediction, with the final size.
    Stat,
    /// The monitor's summary of a window.
    Report,
    /// A log message of a stage.
    Log,
    /// A finished cascade: a line of a history file, which has no `type`.
    History,
}

impl Kind {
    /// All kinds, in the order of the pipeline.
    pub const ALL: [Self; 13] = [
        Self::Tweet,
        Self::Retweet,
        Self::Watermark,
        Self::Serie,
        Self::Size,
        Self::Parameters,
        Self::Sample,
        Self::Model,
        Self::Alert,
        Self::Stat,
        Self::Report,
        Self::Log,
        Self::History,
    ];

    /// The value of `type` on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tweet => "tweet",
            Self::Retweet => "retweet",
            Self::Watermark => "watermark",
            Self::Serie => "serie",
            Self::Size => "size",
            Self::Parameters => "parameters",
            Self::Sample => "sample",
            Self::Model => "model",
            Self::Alert => "alert",
            Self::Stat => "stat",
            Self::Report => "report",
            Self::Log => "log",
            Self::History => "history",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
