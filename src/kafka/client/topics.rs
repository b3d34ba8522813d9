//! The topics (docs/formats.md) and their names.

use crate::record::Kind;

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is named after the default name of its topic")]
pub enum Topic {
    Tweets,
    CascadeSeries,
    CascadeProperties,
    Samples,
    Models,
    Alerts,
    Stats,
    Logs,
    /// The changelog: state and long checkpoints.
    CollectState,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 9] = [
        Self::Tweets,
        Self::CascadeSeries,
        Self::CascadeProperties,
        Self::Samples,
        Self::Models,
        Self::Alerts,
        Self::Stats,
        Self::Logs,
        Self::CollectState,
    ];

    /// Its default name.
    pub fn default_name(self) -> &'static str {
        match self {
            Self::Tweets => "tweets",
            Self::CascadeSeries => "cascade_series",
            Self::CascadeProperties => "cascade_properties",
            Self::Samples => "samples",
            Self::Models => "models",
            Self::Alerts => "alerts",
            Self::Stats => "stats",
            Self::Logs => "logs",
            Self::CollectState => "collect_state",
        }
    }

    /// The topic of a type of records; reports have none.
    pub fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Tweet | Kind::Retweet | Kind::Watermark => Self::Tweets,
            Kind::Serie => Self::CascadeSeries,
            Kind::Size | Kind::Parameters => Self::CascadeProperties,
            Kind::Sample => Self::Samples,
            Kind::Model => Self::Models,
            Kind::Alert => Self::Alerts,
            Kind::Stat => Self::Stats,
            Kind::Log => Self::Logs,
            _ => return None,
        })
    }

    /// The topic with this default name, or that of the record type with this name.
    fn named(text: &str) -> Option<Self> {
        let by_name = Self::ALL.into_iter().find(|topic| topic.default_name() == text);
        by_name.or_else(|| Kind::named(text).and_then(Self::of))
    }
}

/// The topic that a daemon reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputTopic {
    pub(crate) name: String,
    /// Number of partitions.
    pub(crate) partitions: i32,
}

/// The names of the topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    names: [String; Topic::ALL.len()],
}

impl Default for Names {
    fn default() -> Self {
        Self { names: Topic::ALL.map(|topic| topic.default_name().to_owned()) }
    }
}

impl Names {
    /// The name of a topic.
    pub fn of(&self, topic: Topic) -> &str {
        &self.names[topic as usize]
    }

    /// Renames a topic by `KIND=NAME`: KIND is a record type or a default name.
    pub fn rename(&mut self, text: &str) -> Result<(), String> {
        let names = || Topic::ALL.map(Topic::default_name).join(", ");
        let Some((kind, name)) = text.split_once('=') else {
            return Err(format!("--topic must be KIND=NAME, not {text:?}"));
        };
        let Some(topic) = Topic::named(kind.trim()) else {
            return Err(format!("{kind:?} is neither a record type nor a topic: use {}", names()));
        };
        let name = name.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 249 || !name.chars().all(legal) {
            return Err(format!(
                "{name:?} is not a valid name of a topic: use at most 249 letters, digits, . _ and -"
            ));
        }
        self.names[topic as usize] = name.to_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_renamed_by_its_default_name_or_by_a_record_type() {
        let mut names = Names::default();
        names.rename("tweet=a").unwrap();
        names.rename("cascade_properties = b").unwrap();
        assert_eq!((names.of(Topic::Tweets), names.of(Topic::CascadeProperties)), ("a", "b"));
        for wrong in ["tweets", "report=a", "nothing=a", "tweets=", "tweets=a b"] {
            assert!(names.rename(wrong).is_err(), "{wrong}");
        }
        for (index, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic as usize, index);
        }
    }
}
